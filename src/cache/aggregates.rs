//! The third level, as this process sees it: aggregates are kept by the database for all nodes, and this is where those who
//! ask for the same one at once wait for one of them.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use serde_json::Value;

use super::{Counts, LevelReport};

/// How long an aggregate is good for, if what it is of does not change before.
const TIME_TO_LIVE: Duration = Duration::from_secs(15 * 60);
const MOST: u64 = 1_000;

/// Aggregates by key and by the generation of their subject, which the database keeps.
pub struct Aggregates {
    flights: Cache<(String, i64), Value>,
    counts: Counts,
}

impl Default for Aggregates {
    fn default() -> Self {
        Self { flights: Cache::builder().max_capacity(MOST).time_to_live(TIME_TO_LIVE).build(), counts: Counts::default() }
    }
}

impl Aggregates {
    pub const TIME_TO_LIVE: Duration = TIME_TO_LIVE;

    /// The aggregate of this generation: at hand, or by `compute`, which one of those who ask runs.
    ///
    /// # Errors
    /// Those of `compute`.
    pub async fn get<E: Clone + Send + Sync + 'static>(
        &self,
        key: &str,
        generation: i64,
        compute: impl Future<Output = Result<Value, E>>,
    ) -> Result<Value, E> {
        let key = (key.to_owned(), generation);
        if let Some(value) = self.flights.get(&key).await {
            self.counts.hit(1);
            return Ok(value);
        }
        self.flights.try_get_with(key, compute).await.map_err(|error: Arc<E>| E::clone(&error))
    }

    /// The database had an aggregate that this process had not.
    pub fn note_found(&self) {
        self.counts.hit(1);
    }

    /// An aggregate had to be computed.
    pub fn note_computed(&self) {
        self.counts.missed(1);
    }

    pub fn report(&self) -> LevelReport {
        self.counts.report(Some(self.flights.entry_count()))
    }
}
