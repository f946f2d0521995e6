//! Batched fetches for nested fields, over the `dataloader` crate, whose edges are kept in here: a loader lives for one
//! request; each key gets a value, so that the crate never panics over one that is missing; an error is a value too;
//! keys that are lost when the task driving a batch is cancelled are asked for once more.

use std::{collections::HashMap, sync::Arc};

use async_graphql::Context;
use dataloader::{BatchFn, cached::Loader};
use futures_util::future::BoxFuture;

use super::error::{Problem, Result, failed};
use crate::{
    entities::{element, job, storage_operation, timeline_step},
    services::{Error, Session},
};

/// What a key has, and whether it could be read.
type Found<V> = std::result::Result<V, Error>;
type Fetch<K, V> = fn(Session, Vec<K>) -> BoxFuture<'static, std::result::Result<Vec<(K, V)>, Error>>;

/// Under the limit on bound values of every database.
const MOST_KEYS: usize = 1_000;
/// How many turns of the runtime a batch waits for more keys.
const YIELDS: usize = 3;

/// Fetches values by key, many keys at once.
struct Batch<K, V> {
    session: Session,
    fetch: Fetch<K, V>,
}

impl<K, V> BatchFn<K, Found<V>> for Batch<K, V>
where
    K: Clone + Eq + std::hash::Hash + std::fmt::Debug + Send + Sync + 'static,
    V: Clone + Default + Send + Sync + 'static,
{
    async fn load(&mut self, keys: &[K]) -> HashMap<K, Found<V>> {
        match (self.fetch)(self.session.clone(), keys.to_vec()).await {
            Ok(values) => {
                let mut found: HashMap<K, Found<V>> = keys.iter().map(|key| (key.clone(), Ok(V::default()))).collect();
                found.extend(values.into_iter().map(|(key, value)| (key, Ok(value))));
                found
            }
            Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
        }
    }
}

/// One relation's loader. A key that has nothing gets its type's own nothing: no row, or no rows.
struct Relation<K, V>(Loader<K, Found<V>, Batch<K, V>>)
where
    K: Clone + Eq + std::hash::Hash + std::fmt::Debug + Send + Sync + 'static,
    V: Clone + Default + Send + Sync + 'static;

impl<K, V> Relation<K, V>
where
    K: Clone + Eq + std::hash::Hash + std::fmt::Debug + Send + Sync + 'static,
    V: Clone + Default + Send + Sync + 'static,
{
    fn new(session: &Session, fetch: Fetch<K, V>) -> Self {
        let batch = Batch { session: session.clone(), fetch };
        Self(Loader::new(batch).with_max_batch_size(MOST_KEYS).with_yield_count(YIELDS))
    }

    async fn load(&self, key: K) -> Result<V> {
        let found = match self.0.try_load(key.clone()).await {
            Ok(found) => found,
            Err(_) => self.0.try_load(key).await.map_err(|error| Problem::from(Error::internal(error.to_string())))?,
        };
        found.map_err(|error| Problem::from(error).into())
    }
}

/// The session of a request.
pub fn session<'a>(context: &Context<'a>) -> Result<&'a Session> {
    context.data::<Session>()
}

/// The session to change with, in a mutation's field that begins now: what was loaded before is forgotten.
pub async fn changing<'a>(context: &Context<'a>) -> Result<&'a Session> {
    loaders(context)?.clear().await;
    let session = session(context)?;
    session.enter(context.field().name()).await.map_err(failed)?;
    Ok(session)
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

/// Rows of one parent, shared with the cache.
type Rows<T> = Arc<Vec<Arc<T>>>;
type TimelineKey = (String, Option<i32>);

/// A request's loaders.
pub struct Loaders {
    jobs: Relation<String, Option<Arc<job::Model>>>,
    elements: Relation<String, Option<Arc<element::Model>>>,
    steps: Relation<String, Option<Arc<timeline_step::Model>>>,
    operations: Relation<String, Option<Arc<storage_operation::Model>>>,
    elements_of_job: Relation<String, Rows<element::Model>>,
    timeline_of_job: Relation<TimelineKey, Rows<timeline_step::Model>>,
}

impl Loaders {
    pub fn new(session: &Session) -> Self {
        Self {
            jobs: Relation::new(session, |session, ids| {
                Box::pin(async move {
                    let rows = session.jobs_by_id(&ids).await?;
                    Ok(rows.into_iter().map(|row| (row.id.clone(), Some(row))).collect())
                })
            }),
            elements: Relation::new(session, |session, ids| {
                Box::pin(async move { Ok(keyed(session.elements_by_id(&ids).await?, |row| row.id.clone())) })
            }),
            steps: Relation::new(session, |session, ids| {
                Box::pin(async move { Ok(keyed(session.steps_by_id(&ids).await?, |row| row.id.clone())) })
            }),
            operations: Relation::new(session, |session, ids| {
                Box::pin(async move { Ok(keyed(session.storage_operations_by_id(&ids).await?, |row| row.id.clone())) })
            }),
            elements_of_job: Relation::new(session, |session, ids| Box::pin(async move { session.elements_of_jobs(&ids).await })),
            timeline_of_job: Relation::new(session, |session, keys| Box::pin(timelines(session, keys))),
        }
    }

    pub async fn job(&self, id: &str) -> Result<Option<Arc<job::Model>>> {
        self.jobs.load(id.to_owned()).await
    }

    pub async fn element(&self, id: &str) -> Result<Option<Arc<element::Model>>> {
        self.elements.load(id.to_owned()).await
    }

    pub async fn step(&self, id: &str) -> Result<Option<Arc<timeline_step::Model>>> {
        self.steps.load(id.to_owned()).await
    }

    pub async fn operation(&self, id: &str) -> Result<Option<Arc<storage_operation::Model>>> {
        self.operations.load(id.to_owned()).await
    }

    pub async fn elements_of_job(&self, job_id: &str) -> Result<Rows<element::Model>> {
        self.elements_of_job.load(job_id.to_owned()).await
    }

    /// The steps of an attempt, or of the newest.
    pub async fn timeline_of_job(&self, job_id: &str, attempt: Option<i32>) -> Result<Rows<timeline_step::Model>> {
        self.timeline_of_job.load((job_id.to_owned(), attempt)).await
    }

    /// Forgets all: a mutation has changed what was loaded.
    pub async fn clear(&self) {
        self.jobs.0.clear_all().await;
        self.elements.0.clear_all().await;
        self.steps.0.clear_all().await;
        self.operations.0.clear_all().await;
        self.elements_of_job.0.clear_all().await;
        self.timeline_of_job.0.clear_all().await;
    }
}

fn keyed<T>(rows: Vec<T>, key: impl Fn(&T) -> String) -> Vec<(String, Option<Arc<T>>)> {
    rows.into_iter().map(|row| (key(&row), Some(Arc::new(row)))).collect()
}

/// One statement for the newest attempts, and one for each attempt that was named.
async fn timelines(
    session: Session,
    keys: Vec<TimelineKey>,
) -> std::result::Result<Vec<(TimelineKey, Rows<timeline_step::Model>)>, Error> {
    let mut by_attempt: HashMap<Option<i32>, Vec<String>> = HashMap::new();
    for (job_id, attempt) in keys {
        by_attempt.entry(attempt).or_default().push(job_id);
    }
    let mut found = Vec::new();
    for (attempt, job_ids) in by_attempt {
        let lists = session.timelines_of_jobs(&job_ids, attempt).await?;
        found.extend(lists.into_iter().map(|(job_id, rows)| ((job_id, attempt), rows)));
    }
    Ok(found)
}
