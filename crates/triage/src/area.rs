//! Which area a point lies in.

use geo::{BoundingRect, Contains, Coord, LineString, MultiPolygon, Point as GeoPoint, Polygon};
use geojson::{Geometry, GeometryValue, LineStringType};
use model::{Directory, Point};
use rstar::{AABB, RTree, RTreeObject};

/// The city as triage sees it: the areas' outlines, ready to be asked.
#[derive(Debug)]
pub struct Atlas {
    outlines: RTree<Outline>,
    unreadable: Vec<String>,
}

#[derive(Debug)]
struct Outline {
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

impl Atlas {
    /// Builds one from the directory's areas and their outlines: `(code, GeoJSON geometry)`. An outline that is no polygon, or of an
    /// area the directory does not know, is left out and named by [`Atlas::unreadable`]: one bad row must not stop the city.
    pub fn new(directory: &Directory, outlines: &[(String, String)]) -> Self {
        let mut shapes = Vec::with_capacity(outlines.len());
        let mut unreadable = Vec::new();
        for (code, text) in outlines {
            match outline(code, text).filter(|_| directory.areas.contains_key(code)) {
                Some(outline) => shapes.push(outline),
                None => unreadable.push(code.clone()),
            }
        }
        Self { outlines: RTree::bulk_load(shapes), unreadable }
    }

    /// Codes of the outlines that could not be used.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// Code of the narrowest area around the point; `None` outside the city.
    pub fn area_at(&self, point: Point) -> Option<&str> {
        let at = GeoPoint::new(point.lon, point.lat);
        self.outlines
            .locate_in_envelope_intersecting(AABB::from_point([point.lon, point.lat]))
            .filter(|outline| outline.shape.contains(&at))
            .map(|outline| outline.code.as_str())
            .max_by_key(|code| code.len())
    }
}

fn outline(code: &str, text: &str) -> Option<Outline> {
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
