//! Batched fetches for nested fields, over the `dataloader` crate, whose edges are kept in here: a loader lives for one
//! request; each key gets a value, so that the crate never panics over one that is missing; an error is a value too;
//! keys that are lost when the task driving a batch is cancelled are asked for once more.

use std::{collections::HashMap, sync::Arc};

use async_graphql::Context;
use dataloader::{BatchFn, cached::Loader};
use futures_util::future::BoxFuture;

use super::error::{Problem, Result};
use crate::{
    entities::{element, job, timeline_step},
    services::{Error, Session},
};

/// Rows of one key.
type Rows<T> = std::result::Result<Arc<Vec<Arc<T>>>, Error>;
type Fetch<K, T> = fn(Session, Vec<K>) -> BoxFuture<'static, std::result::Result<Vec<(K, T)>, Error>>;

/// Under the limit on bound values of every database.
const MOST_KEYS: usize = 1_000;
/// How many turns of the runtime a batch waits for more keys.
const YIELDS: usize = 3;

/// Fetches rows by key, many keys at once.
struct Batch<K, T> {
    session: Session,
    fetch: Fetch<K, T>,
}

impl<K, T> BatchFn<K, Rows<T>> for Batch<K, T>
where
    K: Clone + Eq + std::hash::Hash + std::fmt::Debug + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    async fn load(&mut self, keys: &[K]) -> HashMap<K, Rows<T>> {
        match (self.fetch)(self.session.clone(), keys.to_vec()).await {
            Ok(rows) => {
                let mut found: HashMap<K, Vec<Arc<T>>> = keys.iter().map(|key| (key.clone(), Vec::new())).collect();
                for (key, row) in rows {
                    found.entry(key).or_default().push(Arc::new(row));
                }
                found.into_iter().map(|(key, rows)| (key, Ok(Arc::new(rows)))).collect()
            }
            Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
        }
    }
}

/// One relation's loader.
struct Relation<K, T>(Loader<K, Rows<T>, Batch<K, T>>)
where
    K: Clone + Eq + std::hash::Hash + std::fmt::Debug + Send + Sync + 'static,
    T: Send + Sync + 'static;

impl<K, T> Relation<K, T>
where
    K: Clone + Eq + std::hash::Hash + std::fmt::Debug + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    fn new(session: &Session, fetch: Fetch<K, T>) -> Self {
        let batch = Batch { session: session.clone(), fetch };
        Self(Loader::new(batch).with_max_batch_size(MOST_KEYS).with_yield_count(YIELDS))
    }

    async fn load(&self, key: K) -> Result<Arc<Vec<Arc<T>>>> {
        let rows = match self.0.try_load(key.clone()).await {
            Ok(rows) => rows,
            Err(_) => self.0.try_load(key).await.map_err(|error| Problem::from(Error::internal(error.to_string())))?,
        };
        rows.map_err(|error| Problem::from(error).into())
    }
}

/// The session of a request.
pub fn session<'a>(context: &Context<'a>) -> Result<&'a Session> {
    context.data::<Session>()
}

/// The loaders of a request.
pub fn loaders<'a>(context: &Context<'a>) -> Result<&'a Arc<Loaders>> {
    context.data::<Arc<Loaders>>()
}

/// Hands an event on with the loaders of its subscription emptied: rows have changed since the last one. A subscription
/// has one field, and resolves one event after the other.
pub async fn fresh<T>(loaders: Arc<Loaders>, event: T) -> T {
    loaders.clear().await;
    event
}

/// A request's loaders.
pub struct Loaders {
    jobs: Relation<String, job::Model>,
    elements: Relation<String, element::Model>,
    elements_of_job: Relation<String, element::Model>,
    timeline_of_job: Relation<(String, Option<i32>), timeline_step::Model>,
}

impl Loaders {
    pub fn new(session: &Session) -> Self {
        Self {
            jobs: Relation::new(session, |session, ids| {
                Box::pin(async move { Ok(keyed(session.jobs_by_id(&ids).await?, |row| row.id.clone())) })
            }),
            elements: Relation::new(session, |session, ids| {
                Box::pin(async move { Ok(keyed(session.elements_by_id(&ids).await?, |row| row.id.clone())) })
            }),
            elements_of_job: Relation::new(session, |session, ids| {
                Box::pin(async move { Ok(keyed(session.elements_of_jobs(&ids).await?, |row| row.job_id.clone())) })
            }),
            timeline_of_job: Relation::new(session, |session, keys| Box::pin(timelines(session, keys))),
        }
    }

    pub async fn job(&self, id: &str) -> Result<Option<Arc<job::Model>>> {
        Ok(self.jobs.load(id.to_owned()).await?.first().cloned())
    }

    pub async fn element(&self, id: &str) -> Result<Option<Arc<element::Model>>> {
        Ok(self.elements.load(id.to_owned()).await?.first().cloned())
    }

    pub async fn elements_of_job(&self, job_id: &str) -> Result<Arc<Vec<Arc<element::Model>>>> {
        self.elements_of_job.load(job_id.to_owned()).await
    }

    /// The steps of an attempt, or of the newest.
    pub async fn timeline_of_job(&self, job_id: &str, attempt: Option<i32>) -> Result<Arc<Vec<Arc<timeline_step::Model>>>> {
        self.timeline_of_job.load((job_id.to_owned(), attempt)).await
    }

    /// Forgets all: a mutation has changed what was loaded.
    pub async fn clear(&self) {
        self.jobs.0.clear_all().await;
        self.elements.0.clear_all().await;
        self.elements_of_job.0.clear_all().await;
        self.timeline_of_job.0.clear_all().await;
    }
}

fn keyed<T>(rows: Vec<T>, key: impl Fn(&T) -> String) -> Vec<(String, T)> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

type TimelineKey = (String, Option<i32>);

/// One statement for the newest attempts, and one for each attempt that was named.
async fn timelines(
    session: Session,
    keys: Vec<TimelineKey>,
) -> std::result::Result<Vec<(TimelineKey, timeline_step::Model)>, Error> {
    let mut by_attempt: HashMap<Option<i32>, Vec<String>> = HashMap::new();
    for (job_id, attempt) in keys {
        by_attempt.entry(attempt).or_default().push(job_id);
    }
    let mut found = Vec::new();
    for (attempt, job_ids) in by_attempt {
        let rows = session.timelines_of_jobs(&job_ids, attempt).await?;
        found.extend(rows.into_iter().map(|row| ((row.job_id.clone(), attempt), row)));
    }
    Ok(found)
}
