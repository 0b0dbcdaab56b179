//! The city, prepared to be asked many times a second.

use std::sync::Arc;

use model::{Directory, Point};

use crate::{
    Judge, Learned,
    category::Keywords,
    outline::{Outlines, outline},
    place::Gazetteer,
};

/// The directory's areas and categories, prepared: outlines in a tree, names and keywords in normal form.
#[derive(Debug)]
pub struct Atlas {
    pub(crate) outlines: Outlines,
    pub(crate) gazetteer: Gazetteer,
    pub(crate) keywords: Keywords,
    pub(crate) learned: Option<Arc<Learned>>,
    plain: Judge,
    unreadable: Vec<String>,
}

impl Atlas {
    /// Prepares a directory and the outlines of its areas: `(code, GeoJSON geometry)`. An outline that is no polygon, or of an area the
    /// directory does not know, is left out and named by [`Atlas::unreadable`]: one bad row must not stop the city.
    pub fn new(directory: &Directory, outlines: &[(String, String)]) -> Self {
        let mut shapes = Vec::with_capacity(outlines.len());
        let mut unreadable = Vec::new();
        for (code, text) in outlines {
            match outline(code, text).filter(|_| directory.areas.contains_key(code)) {
                Some(outline) => shapes.push(outline),
                None => unreadable.push(code.clone()),
            }
        }
        Self {
            outlines: Outlines::new(shapes),
            gazetteer: Gazetteer::new(directory),
            keywords: Keywords::new(directory.categories.values()),
            learned: None,
            plain: Judge::plain(),
            unreadable,
        }
    }

    /// The same city with what was learned from its history.
    #[must_use]
    pub fn with(self, learned: Option<Arc<Learned>>) -> Self {
        Self { learned, ..self }
    }

    /// What judges which complaints are about one thing: learned, or a rule of thumb that joins nothing by itself.
    pub fn judge(&self) -> &Judge {
        self.learned.as_ref().and_then(|learned| learned.judge()).unwrap_or(&self.plain)
    }

    /// Codes of the outlines that could not be used.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// Code of the narrowest area around the point, or within a hundred metres of it; `None` outside the city.
    pub fn area_at(&self, point: Point) -> Option<&str> {
        self.outlines.area_at(point)
    }
}
