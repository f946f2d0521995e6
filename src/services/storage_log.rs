//! The log of the object store, written: a call hands its row over and goes on; rows are written many at a time, and each
//! writing raises the generation of their tenant's statistics.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect};
use tokio::sync::{mpsc, oneshot};

use super::{
    aggregates,
    bulk::{self, Conflict},
    database::Database,
};
use crate::entities::{element, job, storage_operation};

/// Rows that wait to be written; further ones are lost, and the loss is logged.
const MOST_WAITING: usize = 10_000;
/// Rows of one writing.
const BATCH: usize = 500;
/// How often a writing is tried, longer apart each time: ten seconds in all.
const ATTEMPTS: u32 = 9;
/// Who reads the log waits no longer for what was handed over before.
const PATIENCE: Duration = Duration::from_secs(1);

enum Entry {
    Row(Box<storage_operation::Model>),
    /// All that came before is written.
    Written(oneshot::Sender<()>),
}

/// The log's way in. Cheap to clone.
#[derive(Clone)]
pub struct StorageLog {
    entries: mpsc::Sender<Entry>,
    /// Rows that were handed over and are not written yet.
    waiting: Arc<AtomicUsize>,
}

impl StorageLog {
    /// A log whose rows a task of its own writes.
    pub fn start(database: Database) -> Self {
        let (entries, received) = mpsc::channel(MOST_WAITING);
        let waiting = Arc::new(AtomicUsize::new(0));
        tokio::spawn(write_all(database, received, waiting.clone()));
        Self { entries, waiting }
    }

    /// Hands a row over; waits for nothing.
    pub fn note(&self, row: storage_operation::Model) {
        self.waiting.fetch_add(1, SeqCst);
        if self.entries.try_send(Entry::Row(Box::new(row))).is_err() {
            self.waiting.fetch_sub(1, SeqCst);
            tracing::warn!("a storage operation could not be logged: too many wait to be written");
        }
    }

    /// Waits until what was handed over before is written, but not for long.
    pub async fn written(&self) {
        if self.waiting.load(SeqCst) == 0 {
            return;
        }
        let (tell, told) = oneshot::channel();
        let waited = tokio::time::timeout(PATIENCE, async {
            if self.entries.send(Entry::Written(tell)).await.is_ok() {
                let _ = told.await;
            }
        });
        if waited.await.is_err() {
            tracing::warn!("the log of the object store is behind");
        }
    }
}

async fn write_all(database: Database, mut received: mpsc::Receiver<Entry>, waiting: Arc<AtomicUsize>) {
    let mut batch = Vec::with_capacity(BATCH);
    while received.recv_many(&mut batch, BATCH).await > 0 {
        let (mut rows, mut listeners) = (Vec::new(), Vec::new());
        for entry in batch.drain(..) {
            match entry {
                Entry::Row(row) => rows.push(*row),
                Entry::Written(listener) => listeners.push(listener),
            }
        }
        let count = rows.len();
        write(&database, rows).await;
        waiting.fetch_sub(count, SeqCst);
        for listener in listeners {
            // Who no longer waits is not told.
            let _ = listener.send(());
        }
    }
}

async fn write(database: &Database, rows: Vec<storage_operation::Model>) {
    if rows.is_empty() {
        return;
    }
    for attempt in 0..ATTEMPTS {
        match write_once(database, rows.clone()).await {
            Ok(()) => return,
            // A job may be deleted between the look for it and the row that names it.
            Err(error) if attempt + 1 < ATTEMPTS => tracing::debug!(%error, "storage operations are logged again"),
            Err(error) => tracing::warn!(%error, lost = rows.len(), "storage operations could not be logged"),
        }
        tokio::time::sleep(Duration::from_millis(20 << attempt)).await;
    }
}

async fn write_once(database: &Database, mut rows: Vec<storage_operation::Model>) -> Result<(), DbErr> {
    let transaction = database.begin().await?;
    name_only_what_is_there(&transaction, &mut rows).await?;
    let tenants: HashSet<String> = rows.iter().map(|row| row.tenant.clone()).collect();
    bulk::insert::<storage_operation::Entity>(&transaction, &rows, &[], Conflict::Fails).await?;
    let mut tenants: Vec<String> = tenants.into_iter().collect();
    tenants.sort();
    for tenant in tenants {
        aggregates::raise(&transaction, &aggregates::of_storage(&tenant)).await?;
    }
    transaction.commit().await
}

/// A job or an element may be deleted before the row of what was done for it is written.
async fn name_only_what_is_there(transaction: &DatabaseTransaction, rows: &mut [storage_operation::Model]) -> Result<(), DbErr> {
    let named = |column: fn(&storage_operation::Model) -> Option<String>| -> Vec<String> {
        rows.iter().filter_map(column).collect::<HashSet<_>>().into_iter().collect()
    };
    let job_ids = named(|row| row.job_id.clone());
    let element_ids = named(|row| row.element_id.clone());
    let jobs = job::Entity::find().select_only().column(job::Column::Id).filter(job::Column::Id.is_in(job_ids));
    let jobs: HashSet<String> = jobs.into_tuple().all(transaction).await?.into_iter().collect();
    let elements =
        element::Entity::find().select_only().column(element::Column::Id).filter(element::Column::Id.is_in(element_ids));
    let elements: HashSet<String> = elements.into_tuple().all(transaction).await?.into_iter().collect();
    for row in rows {
        row.job_id = row.job_id.take().filter(|id| jobs.contains(id));
        row.element_id = row.element_id.take().filter(|id| elements.contains(id));
    }
    Ok(())
}
