//! Which area a point lies in.

use geo::{
    BoundingRect, Closest, ClosestPoint, Contains, Coord, Distance, Haversine, LineString, LinesIter, MultiPolygon, Point as GeoPoint,
    Polygon,
};
use geojson::{Geometry, GeometryValue, LineStringType};
use model::Point;
use rstar::{AABB, RTree, RTreeObject};

/// The outlines of the areas, ready to be asked.
#[derive(Debug)]
pub(crate) struct Outlines(RTree<Outline>);

/// The outline of one area.
#[derive(Debug)]
pub(crate) struct Outline {
    code: String,
    shape: MultiPolygon,
    envelope: AABB<[f64; 2]>,
}

impl RTreeObject for Outline {
    type Envelope = AABB<[f64; 2]>;
    fn envelope(&self) -> Self::Envelope {
        self.envelope
    }
}

/// A point this near to the city is in it: positions of telephones are no better, and the outlines are simplified (quays, river banks).
const TOLERANCE_METRES: f64 = 100.0;
/// The same in degrees, generously, to ask the tree.
const TOLERANCE_DEGREES: f64 = 0.001;

impl Outlines {
    pub(crate) fn new(outlines: Vec<Outline>) -> Self {
        Self(RTree::bulk_load(outlines))
    }

    /// Every piece of every border: whose it is, and both ends, as east and north.
    pub(crate) fn borders(&self) -> impl Iterator<Item = (&str, [f64; 2], [f64; 2])> {
        self.0
            .iter()
            .flat_map(|outline| outline.shape.lines_iter().map(move |line| (outline.code.as_str(), line.start.into(), line.end.into())))
    }

    /// Code of the narrowest area around the point, or of the nearest one just beside it.
    pub(crate) fn area_at(&self, point: Point) -> Option<&str> {
        let at = GeoPoint::new(point.lon, point.lat);
        self.around(at).or_else(|| self.beside(at)).map(|outline| outline.code.as_str())
    }

    fn around(&self, at: GeoPoint) -> Option<&Outline> {
        let here = AABB::from_point([at.x(), at.y()]);
        let holds = |outline: &&Outline| outline.shape.contains(&at);
        self.0.locate_in_envelope_intersecting(here).filter(holds).max_by_key(|outline| outline.code.len())
    }

    fn beside(&self, at: GeoPoint) -> Option<&Outline> {
        let corner = |sign: f64| [at.x() + sign * TOLERANCE_DEGREES, at.y() + sign * TOLERANCE_DEGREES];
        let near = self.0.locate_in_envelope_intersecting(AABB::from_corners(corner(-1.0), corner(1.0)));
        near.filter_map(|outline| Some((outline, metres(at, &outline.shape)?)))
            .filter(|&(_, metres)| metres <= TOLERANCE_METRES)
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(outline, _)| outline)
    }
}

/// A metre in degrees, generously: a degree of longitude is shorter away from the equator, at Indonesia's latitudes by two hundredths.
const DEGREES_A_METRE: f64 = 0.000_01;

impl Outlines {
    /// Codes of the other areas of the same level that lie within this many metres of a point in `area`, the nearest first.
    pub(crate) fn near(&self, point: Point, area: &str, within: f64) -> Vec<&str> {
        let at = GeoPoint::new(point.lon, point.lat);
        let reach = within * DEGREES_A_METRE;
        let corner = |sign: f64| [at.x() + sign * reach, at.y() + sign * reach];
        let around = self.0.locate_in_envelope_intersecting(AABB::from_corners(corner(-1.0), corner(1.0)));
        let others = around.filter(|outline| outline.code != area && outline.code.len() == area.len());
        let mut near: Vec<(f64, &str)> = others
            .filter_map(|outline| Some((metres(at, &outline.shape)?, outline.code.as_str())))
            .filter(|(metres, _)| *metres <= within)
            .collect();
        near.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        near.into_iter().map(|(_, code)| code).collect()
    }
}

fn metres(at: GeoPoint, shape: &MultiPolygon) -> Option<f64> {
    match shape.closest_point(&at) {
        Closest::Intersection(_) => Some(0.0),
        Closest::SinglePoint(nearest) => Some(Haversine.distance(at, nearest)),
        Closest::Indeterminate => None,
    }
}

/// Reads a GeoJSON geometry; `None` when it is no polygon.
pub(crate) fn outline(code: &str, text: &str) -> Option<Outline> {
    let shape = match serde_json::from_str::<Geometry>(text).ok()?.value {
        GeometryValue::Polygon { coordinates } => MultiPolygon::new(vec![polygon(&coordinates)?]),
        GeometryValue::MultiPolygon { coordinates } => coordinates.iter().map(|rings| polygon(rings)).collect::<Option<_>>()?,
        _ => return None,
    };
    let around = shape.bounding_rect()?;
    let envelope = AABB::from_corners(around.min().into(), around.max().into());
    Some(Outline { code: code.to_owned(), shape, envelope })
}

fn polygon(rings: &[LineStringType]) -> Option<Polygon> {
    let mut rings = rings.iter().map(ring).collect::<Option<Vec<_>>>()?.into_iter();
    Some(Polygon::new(rings.next()?, rings.collect()))
}

fn ring(positions: &LineStringType) -> Option<LineString> {
    positions
        .iter()
        .map(|position| match *position.as_slice() {
            [x, y, ..] => Some(Coord { x, y }),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlines() -> Outlines {
        let square = |code: &str, west: f64, east: f64| {
            let ring = [[west, 0.0], [east, 0.0], [east, 1.0], [west, 1.0], [west, 0.0]];
            outline(code, &format!(r#"{{"type":"Polygon","coordinates":[{ring:?}]}}"#)).expect("a polygon")
        };
        Outlines::new(vec![square("31", 0.0, 2.0), square("3101", 0.0, 1.0), square("3102", 1.0, 2.0)])
    }

    fn at(lat: f64, lon: f64) -> Option<String> {
        outlines().area_at(Point::new(lat, lon).expect("on the globe")).map(str::to_owned)
    }

    #[test]
    fn the_narrowest_area_around_a_point_counts() {
        assert_eq!(at(0.5, 0.5).as_deref(), Some("3101"));
        assert_eq!(at(0.5, 1.5).as_deref(), Some("3102"));
        assert_eq!(at(5.0, 5.0), None);
    }

    #[test]
    fn an_area_is_near_within_the_distance_that_was_set_and_only_one_of_the_same_level() {
        // A degree is about 111 km: 0.0004 of it are 44 metres.
        for (lon, metres, expected) in
            [(0.9996, 50.0, vec!["3102"]), (0.9996, 40.0, vec![]), (1.0004, 50.0, vec!["3101"]), (0.5, 50.0, vec![])]
        {
            let point = Point::new(0.5, lon).expect("on the globe");
            let (outlines, here) = (outlines(), if lon < 1.0 { "3101" } else { "3102" });
            assert_eq!(outlines.near(point, here, metres), expected, "{lon} {metres}");
        }
        let point = Point::new(0.5, 0.9996).expect("on the globe");
        assert!(outlines().near(point, "31", 1000.0).is_empty());
    }

    #[test]
    fn a_point_on_the_quay_is_still_in_the_city() {
        assert!(at(0.5, 2.0005).is_some(), "about 55 m beside");
        assert_eq!(at(0.5, 2.002), None, "about 220 m beside");
    }

    #[test]
    fn what_is_no_polygon_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"type":"Point","coordinates":[1,2]}"#,
            r#"{"type":"Polygon","coordinates":[]}"#,
            r#"{"type":"Polygon","coordinates":[[[1],[2]]]}"#,
            r#"{"type":"MultiPolygon","coordinates":[[]]}"#,
        ] {
            assert!(outline("31", text).is_none(), "{text}");
        }
    }
}
