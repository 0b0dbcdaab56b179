//! The city, prepared to be asked many times a second.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use model::{Directory, Point};

use crate::{
    Judge, Learned,
    category::Keywords,
    neighbours::neighbours,
    outline::{Outlines, outline},
    place::Gazetteer,
};

/// The directory's areas and categories, prepared: outlines in a tree, names and keywords in normal form.
#[derive(Debug)]
pub struct Atlas {
    pub(crate) outlines: Outlines,
    neighbours: OnceLock<BTreeMap<String, BTreeSet<String>>>,
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
            neighbours: OnceLock::new(),
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

    /// Codes of the other areas of the same level as `area` that lie no farther than this from the point, the nearest first. 0: none.
    pub fn near(&self, point: Point, area: &str, metres: u16) -> Vec<&str> {
        if metres == 0 { Vec::new() } else { self.outlines.near(point, area, metres.into()) }
    }

    /// Codes of the areas of the same level that touch it; none where it has no outline. The first question costs a large city a few tenths
    /// of a second: what touches what is found then.
    pub fn neighbours(&self, code: &str) -> impl Iterator<Item = &str> {
        let all = self.neighbours.get_or_init(|| neighbours(&self.outlines));
        all.get(code).into_iter().flatten().map(String::as_str)
    }

    /// Whether two areas of the same level touch.
    pub fn touch(&self, one: &str, other: &str) -> bool {
        self.neighbours(one).any(|neighbour| neighbour == other)
    }
}
