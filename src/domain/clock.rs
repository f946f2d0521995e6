//! Wall-clock time as a value, and the sources of time and of new ids as parameters.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Microseconds since the Unix epoch, UTC.
///
/// Stored as an integer on every database, so that order, range filters and cursors mean the same on
/// SQLite (which has no timestamp type, and whose text form does not sort) and on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0 + ms * 1_000)
    }

    /// Milliseconds from `earlier` to `self`, with the fraction.
    pub fn ms_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / 1_000.0
    }

    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(value: DateTime<Utc>) -> Self {
        Self(value.timestamp_micros())
    }
}

/// Where time and fresh ids come from.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
    /// A new UUIDv7: unique, and later ones sort after earlier ones.
    fn uuid(&self) -> Uuid;
}

/// The machine's own clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Utc::now().into()
    }

    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}
