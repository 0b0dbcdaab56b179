//! The areas of the city, shaded by how much waits in them. What a shade means is said beside it, and every number stands in the table of areas.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use store::figures::{Dimension, Figures};

use super::Draw;
use crate::{Rooms, WebError};

/// How many shades there are besides none.
const SHADES: u64 = 4;

/// The outline of an area, drawn on a plane whose unit is a thousandth of a degree of latitude.
pub(crate) struct Shape {
    code: String,
    path: String,
    /// West, north, east, south.
    bounds: [f64; 4],
}

/// The shapes as they were drawn last, with the version of the directory they were drawn of.
#[derive(Default)]
pub(crate) struct Shapes(Mutex<Option<(i64, Arc<Vec<Shape>>)>>);

impl Rooms {
    /// Every outline that can be drawn.
    pub(super) async fn shapes(&self) -> Result<Arc<Vec<Shape>>, WebError> {
        let version = self.directory_version();
        let kept = self.drawn().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, shapes)) = kept.filter(|(of, _)| *of == version) {
            return Ok(shapes);
        }
        let shapes = Arc::new(draw(&store::directory::outlines(self.db()).await?));
        *self.drawn().0.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, shapes.clone()));
        Ok(shapes)
    }
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Geometry {
    Polygon { coordinates: Vec<Vec<Vec<f64>>> },
    MultiPolygon { coordinates: Vec<Vec<Vec<Vec<f64>>>> },
}

/// A broken outline costs its area, not the map.
fn draw(outlines: &[(String, String)]) -> Vec<Shape> {
    let known: Vec<(&String, Vec<Vec<Vec<f64>>>)> = outlines
        .iter()
        .filter_map(|(code, geometry)| {
            let rings = match serde_json::from_str(geometry).ok()? {
                Geometry::Polygon { coordinates } => coordinates,
                Geometry::MultiPolygon { coordinates } => coordinates.into_iter().flatten().collect(),
            };
            Some((code, rings))
        })
        .collect();
    let latitudes = || known.iter().flat_map(|(_, rings)| rings).flatten().filter_map(|point| point.get(1).copied());
    let count = latitudes().count();
    #[expect(clippy::cast_precision_loss, reason = "there are fewer corners than a double counts")]
    let middle = latitudes().sum::<f64>() / count.max(1) as f64;
    let narrow = middle.to_radians().cos();
    known.into_iter().map(|(code, rings)| shape(code, &rings, narrow)).collect()
}

fn shape(code: &str, rings: &[Vec<Vec<f64>>], narrow: f64) -> Shape {
    let mut path = String::new();
    let mut bounds = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for ring in rings {
        let mut begins = 'M';
        for point in ring {
            let [lon, lat, ..] = point[..] else { continue };
            let (x, y) = (lon * narrow * 1000.0, -lat * 1000.0);
            let _ = write!(path, "{begins}{x:.1} {y:.1}");
            begins = 'L';
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
        }
        if begins == 'L' {
            path.push('Z');
        }
    }
    Shape { code: code.to_owned(), path, bounds }
}

/// The map as the page draws it; without parts it is not shown.
pub(super) struct Map {
    pub(super) view: String,
    pub(super) parts: Vec<Part>,
    /// What each shade means, the lightest first.
    pub(super) legend: Vec<(u64, String)>,
}

pub(super) struct Part {
    pub(super) path: String,
    pub(super) shade: u64,
    /// `Kecamatan Bunga: 12`.
    pub(super) title: String,
}

impl Map {
    pub(super) fn of(shapes: &[Shape], figures: &Figures, draw: &Draw<'_>) -> Self {
        let within = draw.look.filter.area.as_deref().filter(|area| area.len() >= 7);
        // Where numbers are not said, a shade would say them.
        let shown: Vec<&Shape> = shapes
            .iter()
            .filter(|shape| draw.look.opens && !shape.path.is_empty() && shape.code.len() >= 7)
            .filter(|shape| within.is_none_or(|area| shape.code.starts_with(area.trim_end_matches('-'))))
            .collect();
        let digits = if within.is_some() { 10 } else { 7 };
        let key = |shape: &Shape| shape.code.get(..digits).unwrap_or(&shape.code).to_owned();
        let waiting = |shape: &Shape| figures.by.get(&(Dimension::Area, key(shape))).map_or(0, |cell| cell.waiting);
        let most = shown.iter().map(|shape| waiting(shape)).max().unwrap_or(0);
        let parts = shown.iter().map(|shape| {
            let n = waiting(shape);
            let title = format!("{}: {}", draw.name(Dimension::Area, &key(shape)), draw.page.words.number(n));
            Part { path: shape.path.clone(), shade: shade(n, most), title }
        });
        Self { view: view(&shown), parts: parts.collect(), legend: legend(most, draw) }
    }
}

/// 0: nothing; else up to [`SHADES`].
fn shade(n: u64, most: u64) -> u64 {
    (n * SHADES).div_ceil(most.max(1))
}

fn legend(most: u64, draw: &Draw<'_>) -> Vec<(u64, String)> {
    let number = |n: u64| draw.page.words.number(n);
    let mut legend = vec![(0, number(0))];
    for of in 1..=SHADES {
        let (from, to) = (most * (of - 1) / SHADES + 1, most * of / SHADES);
        match from.cmp(&to) {
            std::cmp::Ordering::Less => legend.push((of, format!("{}–{}", number(from), number(to)))),
            std::cmp::Ordering::Equal => legend.push((of, number(to))),
            std::cmp::Ordering::Greater => {}
        }
    }
    legend
}

fn view(shapes: &[&Shape]) -> String {
    let all = shapes.iter().fold([f64::MAX, f64::MAX, f64::MIN, f64::MIN], |all, shape| {
        let of = shape.bounds;
        [all[0].min(of[0]), all[1].min(of[1]), all[2].max(of[2]), all[3].max(of[3])]
    });
    if all[0] > all[2] {
        return String::new();
    }
    format!("{:.1} {:.1} {:.1} {:.1}", all[0] - 1.0, all[1] - 1.0, all[2] - all[0] + 2.0, all[3] - all[1] + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_outline_is_left_out_and_the_rest_is_drawn() {
        let square = r#"{"type":"Polygon","coordinates":[[[106.0,-6.0],[106.1,-6.0],[106.1,-6.1],[106.0,-6.0]]]}"#;
        let two = r#"{"type":"MultiPolygon","coordinates":[[[[106.0,-6.0],[106.1]]],[]]}"#;
        let outlines = [("3171090001", square), ("3171090002", "{}"), ("3171090003", two), ("3171090004", "no")];
        let shapes = draw(&outlines.map(|(code, text)| (code.to_owned(), text.to_owned())));
        assert_eq!(shapes.iter().map(|shape| shape.code.as_str()).collect::<Vec<_>>(), ["3171090001", "3171090003"]);
        assert!(shapes[0].path.starts_with('M') && shapes[0].path.ends_with('Z'), "{}", shapes[0].path);
        assert!(!view(&[&shapes[0]]).is_empty() && view(&[]).is_empty());
    }

    #[test]
    fn every_number_falls_into_the_shade_that_the_legend_names_for_it() {
        for most in 0..40_u64 {
            for n in 0..=most {
                let of = shade(n, most);
                assert_eq!(of == 0, n == 0);
                if n > 0 {
                    assert!(most * (of - 1) / SHADES < n && n <= most * of / SHADES, "{n} of {most} is {of}");
                }
            }
        }
    }
}
