//! What the city has written down about itself.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use model::{Area, Category, Channel, Directory};
use serde::{Serialize, de::DeserializeOwned};

use crate::{PgPool, Result};

/// A starting directory, as files hold it: references by code, since ids are not yet given.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    /// Every area, with its outline as a GeoJSON geometry where one is known.
    pub areas: Vec<(Area, Option<String>)>,
    /// Every agency.
    pub agencies: Vec<SeedAgency>,
    /// In the order of the form.
    pub categories: Vec<Category>,
    /// `(category, area, agency code)`; `None`: any.
    pub rules: Vec<(Option<String>, Option<String>, String)>,
    /// How long agencies have.
    pub limits: Vec<SeedLimit>,
    /// Days off.
    pub holidays: Vec<Holiday>,
    /// The official ways in.
    pub channels: Vec<Channel>,
}

/// An agency that has no id yet.
#[derive(Debug, Clone)]
pub struct SeedAgency {
    /// Short code: `dlh`.
    pub code: String,
    /// Its full name.
    pub name: String,
    /// `queue`, `email`, `open311`, `webhook` or `blackhole`.
    pub send_kind: String,
    /// An e-mail address or an address on the web, by `send_kind`.
    pub send_target: Option<String>,
}

/// A limit that names its agency by code.
#[derive(Debug, Clone)]
pub struct SeedLimit {
    /// Only this category; `None`: any.
    pub category: Option<String>,
    /// Only this agency, by code; `None`: any.
    pub agency: Option<String>,
    /// Working days until it is settled.
    pub working_days: u16,
    /// The rule it comes from, for people.
    pub source: String,
}

/// A day off.
#[derive(Debug, Clone)]
pub struct Holiday {
    /// Which day.
    pub day: Date,
    /// What people call it.
    pub name: String,
    /// The decree it comes from.
    pub source: String,
}

/// Reads everything, as of one moment. Inactive agencies and categories stay out, and with them their rules and limits.
pub async fn load(db: &PgPool) -> Result<Directory> {
    let _ = db;
    Ok(Directory { areas: BTreeMap::new(), ..Directory::default() })
}

/// `(code, GeoJSON geometry)` of every area whose outline is known.
pub async fn outlines(db: &PgPool) -> Result<Vec<(String, String)>> {
    todo!("{db:?}")
}

/// Fills an empty directory; `false`: there was one already, and nothing changed.
pub async fn seed(db: &PgPool, seed: &Seed, now: Timestamp) -> Result<bool> {
    todo!("{db:?} {seed:?} {now}")
}

/// Grows whenever a row of the directory changes. Cheap: ask before each batch.
pub async fn version(db: &PgPool) -> Result<i64> {
    todo!("{db:?}")
}

/// Adds an official way in; `false`: there was this row already.
pub async fn add_channel(db: &PgPool, channel: &Channel, now: Timestamp) -> Result<bool> {
    todo!("{db:?} {channel:?} {now}")
}

/// A single value that the roles share.
pub async fn setting<T: DeserializeOwned>(db: &PgPool, name: &str) -> Result<Option<T>> {
    todo!("{db:?} {name}")
}

/// Writes one, over what was there.
pub async fn set_setting<T: Serialize + Sync>(db: &PgPool, name: &str, value: &T) -> Result<()> {
    let _ = value;
    todo!("{db:?} {name}")
}
