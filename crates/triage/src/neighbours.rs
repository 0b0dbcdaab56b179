//! Which areas touch. Found once for a directory, when somebody first asks.

use std::collections::{BTreeMap, BTreeSet};

use rstar::{
    RTree,
    primitives::{GeomWithData, Line},
};

use crate::outline::Outlines;

/// Borders this near are one border: outlines are simplified one by one, and a narrow river or a road lies between some. About thirty
/// metres, in degrees; as far east as north, which near the equator it is.
const TOUCHES: f64 = 0.000_27;

/// For each area those of its own level that touch it. A level is the length of the code: a kelurahan has kelurahan beside it, not the
/// kecamatan around it.
pub(crate) fn neighbours(outlines: &Outlines) -> BTreeMap<String, BTreeSet<String>> {
    let borders: Vec<(&str, [f64; 2], [f64; 2])> = outlines.borders().collect();
    let lines = borders.iter().enumerate().map(|(at, (_, from, to))| GeomWithData::new(Line::new(*from, *to), at));
    let tree = RTree::bulk_load(lines.collect());
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut met: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (code, from, _) in &borders {
        for near in tree.locate_within_distance(*from, TOUCHES * TOUCHES) {
            let other = borders[near.data].0;
            if *code != other && code.len() == other.len() && met.insert((code, other)) {
                found.entry((*code).to_owned()).or_default().insert(other.to_owned());
                found.entry(other.to_owned()).or_default().insert((*code).to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::outline;

    /// Squares of a tenth of a degree; `gap` degrees are missing at the eastern edge.
    fn square(code: &str, column: f64, row: f64, gap: f64) -> crate::outline::Outline {
        let (west, south) = (106.0 + column * 0.1, -6.0 + row * 0.1);
        let (east, north) = (west + 0.1 - gap, south + 0.1);
        let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
        outline(code, &format!(r#"{{"type":"Polygon","coordinates":[{ring:?}]}}"#)).expect("a polygon")
    }

    fn of(outlines: Vec<crate::outline::Outline>) -> Vec<(String, Vec<String>)> {
        neighbours(&Outlines::new(outlines)).into_iter().map(|(code, all)| (code, all.into_iter().collect())).collect()
    }

    #[test]
    fn who_shares_a_border_or_a_corner_touches_and_who_lies_across_a_river_of_two_hundred_metres_does_not() {
        let found = of(vec![
            square("1", 0.0, 0.0, 0.0),
            square("2", 1.0, 0.0, 0.0001),
            square("3", 2.0, 0.0, 0.002),
            square("4", 3.0, 0.0, 0.0),
            square("5", 1.0, 1.0, 0.0),
            square("10", 0.0, 0.0, 0.0),
        ]);
        let expected = [("1", vec!["2", "5"]), ("2", vec!["1", "3", "5"]), ("3", vec!["2", "5"]), ("5", vec!["1", "2", "3"])];
        let expected: Vec<(String, Vec<String>)> =
            expected.into_iter().map(|(code, all)| (code.to_owned(), all.into_iter().map(str::to_owned).collect())).collect();
        assert_eq!(found, expected, "4 lies two hundred metres beside 3, and 10 is of another level");
    }

    #[test]
    fn a_border_whose_corners_are_elsewhere_is_a_border_all_the_same() {
        let long =
            outline("1", r#"{"type":"Polygon","coordinates":[[[106,-7],[106.1,-7],[106.1,-6],[106,-6],[106,-7]]]}"#).expect("a polygon");
        let found = of(vec![long, square("2", 1.0, -5.0, 0.0)]);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
