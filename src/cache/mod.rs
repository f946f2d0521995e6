//! What was read once and is asked for again: in this process for a minute ([`Cached`]), in Redis for five where there is
//! one ([`Shared`]), and aggregates for a quarter of an hour under the database's own eye ([`Aggregates`]).
//!
//! On the node that changed it nothing stale is found, because nothing is removed: each entry belongs to a tag (a job's id), each tag has a
//! generation, and the generation is part of an entry's key. Who changes a row raises its tag's generation after the
//! commit; what was read before, or is being read right now, stays under a key that nobody asks for any more. The same
//! holds for reads that are shared: one that began before a commit is never joined by one that began after it.
//!
//! On other nodes the event log raises generations when they see it, since every change of a job leaves an event. Losing
//! Redis costs speed.
//!
//! Nothing here knows what it keeps, nor any database.

mod aggregates;
mod local;
mod shared;

pub use aggregates::Aggregates;
pub use local::{Cached, Loaded, TIME_TO_LIVE as LOCAL_TIME_TO_LIVE};
pub use shared::{Shared, SharedError, TIME_TO_LIVE as SHARED_TIME_TO_LIVE};

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Tags share generations, so that there is no table of tags to grow: one that is raised costs a few others a read.
const STRIPES: usize = 4_096;

/// The tags of a node, and the level that nodes share. Cheap to clone.
#[derive(Clone)]
pub struct Tags {
    inner: Arc<Inner>,
}

struct Inner {
    generations: Box<[AtomicU64]>,
    hasher: RandomState,
    shared: Option<Shared>,
}

impl Tags {
    pub fn new(shared: Option<Shared>) -> Self {
        let generations = (0..STRIPES).map(|_| AtomicU64::new(0)).collect();
        Self { inner: Arc::new(Inner { generations, hasher: RandomState::new(), shared }) }
    }

    /// What was kept under these tags is not found again, here at once, and in the shared level when this returns.
    pub async fn invalidate(&self, tags: &[String]) {
        if let Some(shared) = &self.inner.shared {
            shared.forget(tags).await;
        }
        // Last: who reads between the two might take the old value from there, and keep it here.
        self.invalidate_here(tags);
    }

    /// As [`Self::invalidate`], but in this process only.
    pub fn invalidate_here(&self, tags: &[String]) {
        for tag in tags {
            self.stripe(tag).fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The level that nodes share, where there is one.
    pub fn shared(&self) -> Option<&Shared> {
        self.inner.shared.as_ref()
    }

    fn generation(&self, tag: &str) -> u64 {
        self.stripe(tag).load(Ordering::SeqCst)
    }

    fn stripe(&self, tag: &str) -> &AtomicU64 {
        &self.inner.generations[self.inner.hasher.hash_one(tag) as usize % STRIPES]
    }
}

/// How often a level had what was asked for.
#[derive(Debug, Default)]
pub struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Hits, misses and entries of a level, since the node's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LevelReport {
    pub hits: u64,
    pub misses: u64,
    /// What this process holds; `None` where another does.
    pub entries: Option<u64>,
}

impl Counts {
    fn hit(&self, count: usize) {
        self.hits.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn missed(&self, count: usize) {
        self.misses.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn report(&self, entries: Option<u64>) -> LevelReport {
        LevelReport { hits: self.hits.load(Ordering::Relaxed), misses: self.misses.load(Ordering::Relaxed), entries }
    }
}
