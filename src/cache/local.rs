//! The first level: rows as they are, in this process.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use serde::{Serialize, de::DeserializeOwned};

use super::{Counts, LevelReport, Tags};

/// How long an entry is good for.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(60);
/// The most that all entries of one kind weigh together, bytes as estimated.
const MOST_BYTES: u64 = 64 << 20;

/// What a load gave: values by tag. A tag that is left out has no value.
pub type Loaded<T> = Vec<(String, T)>;

/// Values of one kind, each under its tag.
pub struct Cached<T> {
    tags: Tags,
    /// Names the kind within its tag in the shared level.
    kind: &'static str,
    entries: Cache<(String, u64), Arc<T>>,
    counts: Counts,
}

/// Why a load that others wait for brought nothing.
enum Nothing<E> {
    Absent,
    Failed(E),
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Cached<T> {
    /// `weight` estimates the bytes that a value takes.
    pub fn new(tags: Tags, kind: &'static str, weight: fn(&T) -> u32) -> Self {
        let entries = Cache::builder()
            .max_capacity(MOST_BYTES)
            .weigher(move |_: &(String, u64), value: &Arc<T>| weight(value))
            .time_to_live(TIME_TO_LIVE)
            .build();
        Self { tags, kind, entries, counts: Counts::default() }
    }

    /// The values of some tags: those at hand, and the others by one call of `load`. Of those who ask for the same one tag
    /// at once, one loads it and the others wait.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn get<E, F>(&self, tags: &[String], load: impl FnOnce(Vec<String>) -> F) -> Result<Vec<(String, Arc<T>)>, E>
    where
        E: Clone + Send + Sync + 'static,
        F: Future<Output = Result<Loaded<T>, E>>,
    {
        match tags {
            [tag] => Ok(self.one(tag, load).await?.map(|value| (tag.clone(), value)).into_iter().collect()),
            tags => self.many(tags, load).await,
        }
    }

    async fn one<E, F>(&self, tag: &str, load: impl FnOnce(Vec<String>) -> F) -> Result<Option<Arc<T>>, E>
    where
        E: Clone + Send + Sync + 'static,
        F: Future<Output = Result<Loaded<T>, E>>,
    {
        let key = (tag.to_owned(), self.tags.generation(tag));
        if let Some(value) = self.entries.get(&key).await {
            self.counts.hit(1);
            return Ok(Some(value));
        }
        self.counts.missed(1);
        let flight = self.entries.try_get_with(key, async {
            let loaded = self.load_through(vec![tag.to_owned()], load).await.map_err(Nothing::Failed)?;
            loaded.into_iter().next().map(|(_, value)| Arc::new(value)).ok_or(Nothing::Absent)
        });
        match flight.await {
            Ok(value) => Ok(Some(value)),
            Err(nothing) => match &*nothing {
                Nothing::Absent => Ok(None),
                Nothing::Failed(error) => Err(error.clone()),
            },
        }
    }

    async fn many<E, F>(&self, tags: &[String], load: impl FnOnce(Vec<String>) -> F) -> Result<Vec<(String, Arc<T>)>, E>
    where
        F: Future<Output = Result<Loaded<T>, E>>,
    {
        let mut found = Vec::with_capacity(tags.len());
        let mut missing = Vec::new();
        for tag in tags {
            // Before the load: what it reads may be older than a generation that is raised meanwhile.
            let key = (tag.clone(), self.tags.generation(tag));
            match self.entries.get(&key).await {
                Some(value) => found.push((key.0, value)),
                None => missing.push(key),
            }
        }
        self.counts.hit(found.len());
        if missing.is_empty() {
            return Ok(found);
        }
        self.counts.missed(missing.len());
        let loaded = self.load_through(missing.iter().map(|(tag, _)| tag.clone()).collect(), load).await?;
        let generations: std::collections::HashMap<String, u64> = missing.into_iter().collect();
        for (tag, value) in loaded {
            let value = Arc::new(value);
            if let Some(generation) = generations.get(&tag) {
                self.entries.insert((tag.clone(), *generation), value.clone()).await;
            }
            found.push((tag, value));
        }
        Ok(found)
    }

    /// From the shared level where it has them, the others from `load`, which the shared level then gets.
    async fn load_through<E, F>(&self, tags: Vec<String>, load: impl FnOnce(Vec<String>) -> F) -> Result<Loaded<T>, E>
    where
        F: Future<Output = Result<Loaded<T>, E>>,
    {
        let Some(shared) = self.tags.shared() else { return load(tags).await };
        let mut looked = shared.look(self.kind, tags).await;
        let mut found: Loaded<T> = Vec::with_capacity(looked.found.len());
        for (tag, bytes) in std::mem::take(&mut looked.found) {
            match serde_json::from_slice(&bytes) {
                Ok(value) => found.push((tag, value)),
                // Another version of the service wrote it.
                Err(_) => looked.reject(tag),
            }
        }
        let rest = looked.missing();
        if rest.is_empty() {
            return Ok(found);
        }
        let loaded = load(rest).await?;
        let encode = |(tag, value): &(String, T)| Some((tag.clone(), serde_json::to_vec(value).ok()?));
        shared.keep(self.kind, &looked, loaded.iter().filter_map(encode).collect()).await;
        found.extend(loaded);
        Ok(found)
    }

    pub fn report(&self) -> LevelReport {
        self.counts.report(Some(self.entries.entry_count()))
    }
}
