//! The object store with a log: every call leaves a row with its size, duration and outcome. A call does not wait for its
//! row, nor fails with it.

use std::{path::Path, sync::Arc, time::Duration, time::Instant};

use super::{database::Database, storage_log::StorageLog};
use crate::{
    domain::{clock::Clock, id::OperationId, storage::OperationKind},
    entities::storage_operation,
    storage::{Downloaded, ObjectStore, PresignedUpload, StorageError, Stored},
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
    log: StorageLog,
    clock: Arc<dyn Clock>,
}

impl LoggedStore {
    /// To be made within the runtime, where a task writes the log.
    pub fn new(store: ObjectStore, database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { store, log: StorageLog::start(database), clock }
    }

    /// Waits, but not for long, until the rows of what was done before are written.
    pub async fn logged(&self) {
        self.log.written().await;
    }

    pub fn bucket(&self) -> &str {
        self.store.bucket()
    }

    /// Stores a file.
    pub async fn put_file(&self, purpose: &Purpose, key: &str, path: &Path, content_type: &str) -> Result<Stored, StorageError> {
        let started = Instant::now();
        let stored = self.store.put_file(key, path, content_type).await;
        let size = stored.as_ref().ok().map(|stored| stored.size);
        self.note(purpose, OperationKind::Upload, key, size, started, stored.as_ref().err());
        stored
    }

    /// Writes an object into a new file of at most `most` bytes.
    pub async fn get_to_file(&self, purpose: &Purpose, key: &str, path: &Path, most: u64) -> Result<Downloaded, StorageError> {
        let started = Instant::now();
        let got = self.store.get_to_file(key, path, most).await;
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

    /// Removes what a deleted job left in the store: its own folder, and these keys.
    ///
    /// # Errors
    /// The first failure; what could be removed is.
    pub(super) async fn forget_job(&self, purpose: &Purpose, job_id: &str, mut keys: Vec<String>) -> Result<(), StorageError> {
        let prefix = job_prefix(job_id);
        let started = Instant::now();
        let listed = self.store.keys_under(&prefix).await;
        self.note(purpose, OperationKind::Access, &prefix, None, started, listed.as_ref().err());
        let mut outcome = Ok(());
        match listed {
            Ok(listed) => keys.extend(listed),
            Err(error) => outcome = Err(error),
        }
        keys.sort();
        keys.dedup();
        for key in keys {
            let deleted = self.delete(purpose, &key).await;
            outcome = outcome.and(deleted);
        }
        outcome
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

/// Where a job's own objects lie.
pub fn job_prefix(job_id: &str) -> String {
    format!("jobs/{job_id}/")
}
