//! The object store with a log: every call leaves a row with its size, duration and outcome. A call does not wait for its
//! row, nor fails with it.

use std::{path::Path, sync::Arc, time::Duration, time::Instant};

use serde::{Deserialize, Serialize};

use super::{database::Database, storage_log::StorageLog};
use crate::{
    domain::{
        clock::Clock,
        id::OperationId,
        storage::{JOBS, OperationKind},
    },
    entities::storage_operation,
    storage::{ObjectStore, PresignedUpload, Room, Saved, StorageError, Stored},
};

/// For whom a call is made.
#[derive(Debug, Clone, Default)]
pub struct Purpose {
    pub tenant: String,
    pub job_id: Option<String>,
    pub element_id: Option<String>,
}

/// A store whose every call is logged. Cheap to clone.
#[derive(Clone)]
pub struct LoggedStore {
    store: ObjectStore,
    /// Those that results may go to, its own first.
    buckets: Arc<[String]>,
    log: StorageLog,
    clock: Arc<dyn Clock>,
}

impl LoggedStore {
    /// To be made within the runtime, where a task writes the log. Results may go to the `others` too.
    pub fn new(store: ObjectStore, others: &[String], database: Database, clock: Arc<dyn Clock>) -> Self {
        let buckets = std::iter::once(store.bucket().to_owned()).chain(others.iter().cloned()).collect();
        Self { store, buckets, log: StorageLog::start(database), clock }
    }

    /// The buckets that results may go to, the service's own first.
    pub fn buckets(&self) -> &[String] {
        &self.buckets
    }

    /// Another bucket of the same store.
    pub fn in_bucket(&self, bucket: &str) -> Self {
        Self { store: self.store.in_bucket(bucket), ..self.clone() }
    }

    /// Waits, but not for long, until the rows of what was done before are written.
    pub async fn logged(&self) {
        self.log.written().await;
    }

    pub fn bucket(&self) -> &str {
        self.store.bucket()
    }

    /// Stores a file, as the job's if it is for one.
    pub async fn put_file(&self, purpose: &Purpose, key: &str, path: &Path, content_type: &str) -> Result<Stored, StorageError> {
        let started = Instant::now();
        let stored = self.store.put_file(key, path, content_type, purpose.job_id.as_deref()).await;
        let size = stored.as_ref().ok().map(|stored| stored.size);
        self.note(purpose, OperationKind::Upload, key, size, started, stored.as_ref().err());
        stored
    }

    /// Writes an object into a new file, as far as there is room.
    pub async fn get_to_file(&self, purpose: &Purpose, key: &str, path: &Path, room: &Room) -> Result<Saved, StorageError> {
        let started = Instant::now();
        let got = self.store.get_to_file(key, path, room).await;
        let size = got.as_ref().ok().map(|got| got.size);
        self.note(purpose, OperationKind::Download, key, size, started, got.as_ref().err());
        got
    }

    pub async fn delete(&self, purpose: &Purpose, key: &str) -> Result<(), StorageError> {
        let started = Instant::now();
        let deleted = self.store.delete(key).await;
        self.note(purpose, OperationKind::Delete, key, None, started, deleted.as_ref().err());
        deleted
    }

    /// Removes what a deleted job left in the store: its own folder, and of these objects those that are still its own; one that
    /// is named as its folder is that in another bucket.
    ///
    /// # Errors
    /// The first failure; what could be removed is.
    pub(super) async fn forget_job(&self, purpose: &Purpose, job_id: &str, others: &[Place]) -> Result<(), StorageError> {
        let folder = job_prefix(job_id);
        let mut outcome = self.forget_folder(purpose, &folder).await;
        for Place { bucket, key } in others {
            let store = self.in_bucket(bucket);
            let forgotten = match *key == folder {
                true => store.forget_folder(purpose, key).await,
                false => store.forget(purpose, job_id, key).await,
            };
            outcome = outcome.and(forgotten);
        }
        outcome
    }

    async fn forget_folder(&self, purpose: &Purpose, folder: &str) -> Result<(), StorageError> {
        let started = Instant::now();
        let listed = self.store.keys_under(folder).await;
        self.note(purpose, OperationKind::Access, folder, None, started, listed.as_ref().err());
        let mut outcome = Ok(());
        for key in listed? {
            let deleted = self.delete(purpose, &key).await;
            outcome = outcome.and(deleted);
        }
        outcome
    }

    /// Removes an object, unless another than this job has written it since.
    async fn forget(&self, purpose: &Purpose, job_id: &str, key: &str) -> Result<(), StorageError> {
        let started = Instant::now();
        let is_own = self.store.belongs_to(key, job_id).await;
        self.note(purpose, OperationKind::Access, key, None, started, is_own.as_ref().err());
        if is_own? { self.delete(purpose, key).await } else { Ok(()) }
    }

    /// Whether an object is there, and its size in bytes.
    pub async fn size_of(&self, purpose: &Purpose, key: &str) -> Result<Option<i64>, StorageError> {
        let started = Instant::now();
        let found = self.store.size_of(key).await;
        let size = found.as_ref().ok().copied().flatten();
        self.note(purpose, OperationKind::Access, key, size, started, found.as_ref().err());
        found
    }

    /// What tells an object's content from what it was before; `None` where there is none.
    pub async fn version_of(&self, purpose: &Purpose, key: &str) -> Result<Option<String>, StorageError> {
        let started = Instant::now();
        let found = self.store.version_of(key).await;
        self.note(purpose, OperationKind::Access, key, None, started, found.as_ref().err());
        found
    }

    /// An address for one upload; makes no call, so leaves no row.
    pub async fn presign_put(
        &self,
        key: &str,
        size: i64,
        content_type: Option<&str>,
        sha256: Option<&[u8; 32]>,
        expires_in: Duration,
    ) -> Result<PresignedUpload, StorageError> {
        self.store.presign_put(key, size, content_type, sha256, expires_in).await
    }

    /// An address to read an object from; makes no call, so leaves no row.
    pub async fn presign_get(&self, key: &str, expires_in: Duration) -> Result<String, StorageError> {
        self.store.presign_get(key, expires_in).await
    }

    /// Whether the store answers. Not logged: health looks every few seconds.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.store.check().await
    }

    fn note(
        &self,
        purpose: &Purpose,
        kind: OperationKind,
        key: &str,
        size: Option<i64>,
        started: Instant,
        error: Option<&StorageError>,
    ) {
        let row = storage_operation::Model {
            id: OperationId::new(self.clock.as_ref()).into(),
            tenant: purpose.tenant.clone(),
            job_id: purpose.job_id.clone(),
            element_id: purpose.element_id.clone(),
            operation: kind.as_str().to_owned(),
            bucket: self.bucket().to_owned(),
            key: key.to_owned(),
            success: error.is_none(),
            size,
            duration_ms: started.elapsed().as_secs_f64() * 1e3,
            attempts: 1,
            // The cause may name hosts: the kind is enough for a client, and the rest is in the log.
            error: error.map(|error| format!("{:?}", error.kind).to_uppercase()),
            metadata: serde_json::json!({}),
            created_at: self.clock.now().0,
        };
        if let Some(error) = error {
            tracing::warn!(%error, key, operation = kind.as_str(), "a storage operation failed");
        }
        self.log.note(row);
    }
}

/// Where an object lies that a job was asked to put there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub bucket: String,
    pub key: String,
}

/// Where a job's own objects lie.
pub fn job_prefix(job_id: &str) -> String {
    format!("{JOBS}{job_id}/")
}
