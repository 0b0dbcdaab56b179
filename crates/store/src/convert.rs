//! Between rows and words: what several tables need.

use std::time::Duration;

use jiff_sqlx::ToSqlx;
use model::{Point, Timestamp};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Result, StoreError};

/// A time on its way into a statement.
pub(crate) type At = jiff_sqlx::Timestamp;

pub(crate) fn at(time: Timestamp) -> At {
    time.to_sqlx()
}

/// A while from now; the end of time, if that is later than time goes.
pub(crate) fn later(now: Timestamp, after: Duration) -> Timestamp {
    now.checked_add(after).unwrap_or(Timestamp::MAX)
}

/// The first key of `UUIDv7` that a moment can have.
pub(crate) fn first_key(at: Timestamp) -> Uuid {
    let millis = u128::from(at.as_millisecond().max(0).unsigned_abs());
    Uuid::from_u128((millis << 80) | (7 << 76) | (2 << 62))
}

/// A point from two columns; out of range counts as none.
pub(crate) fn point(lat: Option<f64>, lon: Option<f64>) -> Option<Point> {
    Point::new(lat?, lon?)
}

/// `None` is a row that this program cannot read.
pub(crate) fn known<T>(value: Option<T>, table: &'static str, column: &'static str) -> Result<T> {
    value.ok_or(StoreError::Corrupt { table, column })
}

/// A `jsonb` column.
pub(crate) fn json<T: DeserializeOwned>(value: serde_json::Value, table: &'static str, column: &'static str) -> Result<T> {
    serde_json::from_value(value).map_err(|_| StoreError::Corrupt { table, column })
}

/// A value on its way into a `jsonb` column. Our own types have text keys and no failing parts; PostgreSQL refuses NUL in text.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).expect("the model's types are plain JSON")
}

/// An unsigned number that PostgreSQL keeps signed.
pub(crate) fn small(number: usize) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}
