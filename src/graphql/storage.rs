//! The log of the object store, and its statistics.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::{
    element::Element,
    error::{Result, failed},
    id::check_id,
    job::{DateTimeRange, Job},
    loaders::{changing, loaders, session},
    pages::{self, PageInfo, page_size},
    scalars::{Cursor, DateTime, Long},
};
use crate::{
    domain::{
        id::{ElementId, JobId},
        storage::OperationKind,
    },
    entities::storage_operation,
    services::{
        pages::Page,
        storage_operations::{NewOperation, OperationFilter},
        storage_statistics::{self, Totals},
    },
};

/// What was done to the store.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "OperationKind")]
pub enum StorageOperationType {
    /// An object was written.
    Upload,
    /// An object was read.
    Download,
    /// An object was removed.
    Delete,
    /// Objects were looked at.
    Access,
}

/// One operation on the object store.
pub struct StorageOperation(pub Arc<storage_operation::Model>);

#[Object]
impl StorageOperation {
    /// Its id, op_…
    pub async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// The job that it served, if there is one still.
    #[graphql(complexity = "10 * child_complexity + 1")]
    async fn job(&self, context: &Context<'_>) -> Result<Option<Job>> {
        match &self.0.job_id {
            Some(id) => Ok(loaders(context)?.job(id).await?.map(Job)),
            None => Ok(None),
        }
    }

    /// The element that it served, if there is one still.
    async fn element(&self, context: &Context<'_>) -> Result<Option<Element>> {
        match &self.0.element_id {
            Some(id) => loaders(context)?.element(id).await?.map(Element::of).transpose(),
            None => Ok(None),
        }
    }

    /// What was done.
    async fn operation(&self) -> StorageOperationType {
        // The table's check admits no other word.
        OperationKind::parse(&self.0.operation).unwrap_or(OperationKind::Access).into()
    }

    /// In which bucket.
    async fn bucket(&self) -> &str {
        &self.0.bucket
    }

    /// To which object; for a listing, the prefix.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// Whether it succeeded.
    async fn success(&self) -> bool {
        self.0.success
    }

    /// Bytes moved.
    async fn size(&self) -> Option<Long> {
        self.0.size.map(Long)
    }

    /// Milliseconds.
    async fn duration(&self) -> f64 {
        self.0.duration_ms
    }

    /// How often it was tried.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// What kind of failure it was.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// What else is known of it.
    async fn metadata(&self) -> serde_json::Value {
        self.0.metadata.clone()
    }

    /// When it ended.
    async fn created_at(&self) -> DateTime {
        DateTime(crate::domain::clock::Timestamp(self.0.created_at))
    }
}

/// Which operations.
#[derive(InputObject, Default)]
pub struct StorageOperationFilter {
    /// Those for one job.
    pub job_id: Option<ID>,
    /// Those in one bucket.
    pub bucket: Option<String>,
    /// Those of some types.
    pub operation: Option<Vec<StorageOperationType>>,
    /// Those that succeeded, or those that did not.
    pub success: Option<bool>,
    /// Those of some time.
    pub created_at: Option<DateTimeRange>,
}

impl StorageOperationFilter {
    fn into_domain(filter: Option<Self>) -> Result<OperationFilter> {
        let filter = filter.unwrap_or_default();
        if let Some(id) = &filter.job_id {
            check_id::<JobId>("filter.jobId", id)?;
        }
        Ok(OperationFilter {
            job_id: filter.job_id.map(String::from),
            bucket: filter.bucket,
            operation: filter.operation.map(|kinds| kinds.into_iter().map(OperationKind::from).collect()),
            success: filter.success,
            created_at: filter.created_at.map(Into::into),
        })
    }
}

/// An operation in a page.
#[derive(SimpleObject)]
pub struct StorageOperationEdge {
    /// Its place in the list.
    cursor: Cursor,
    /// The operation.
    node: StorageOperation,
}

/// A page of operations, the newest first.
#[derive(SimpleObject)]
pub struct StorageOperationConnection {
    /// The operations with their places.
    edges: Vec<StorageOperationEdge>,
    /// Where the page lies.
    page_info: PageInfo,
}

impl From<Page<storage_operation::Model>> for StorageOperationConnection {
    fn from(page: Page<storage_operation::Model>) -> Self {
        let page_info = PageInfo::of(&page);
        let edge = |(key, row): (crate::services::pages::Key, _)| StorageOperationEdge {
            cursor: Cursor(key.to_cursor()),
            node: StorageOperation(Arc::new(row)),
        };
        Self { edges: page.rows.into_iter().map(edge).collect(), page_info }
    }
}

/// What the statistics are put together by.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "storage_statistics::Grouping")]
pub enum StorageGrouping {
    /// By bucket.
    Bucket,
    /// By type of operation.
    Operation,
    /// By hour, UTC; a group's key is its beginning.
    Hour,
    /// By day, UTC; a group's key is its beginning.
    Day,
}

/// Durations, milliseconds, by nearest rank; null where there was no operation.
#[derive(SimpleObject)]
pub struct Percentiles {
    /// The average.
    mean: Option<f64>,
    /// Half took no longer.
    p50: Option<f64>,
    /// 95 of 100 took no longer.
    p95: Option<f64>,
    /// 99 of 100 took no longer.
    p99: Option<f64>,
    /// The longest.
    max: Option<f64>,
}

impl From<storage_statistics::Percentiles> for Percentiles {
    fn from(all: storage_statistics::Percentiles) -> Self {
        Self { mean: all.mean, p50: all.p50, p95: all.p95, p99: all.p99, max: all.max }
    }
}

/// What operations came to.
pub struct StorageStatistics {
    totals: Totals,
    filter: OperationFilter,
}

#[Object]
impl StorageStatistics {
    /// How many there were.
    async fn operations(&self) -> Long {
        Long(self.totals.operations)
    }

    /// How many of them failed.
    async fn failures(&self) -> Long {
        Long(self.totals.failures)
    }

    /// Bytes that those that succeeded moved.
    async fn bytes(&self) -> Long {
        Long(self.totals.bytes)
    }

    /// The share that succeeded, 0…1; 1 where there was none.
    async fn success_rate(&self) -> f64 {
        match self.totals.operations {
            0 => 1.0,
            operations => (operations - self.totals.failures) as f64 / operations as f64,
        }
    }

    /// How long they took.
    async fn duration(&self) -> Percentiles {
        self.totals.duration.into()
    }

    /// Bytes per second of those that succeeded and moved any, while they ran; null where none did.
    async fn throughput(&self) -> Option<f64> {
        self.totals.throughput
    }

    /// The same by group, in order of the groups' keys; at most 1,000.
    #[graphql(complexity = "50 * child_complexity + 1")]
    async fn groups(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "By what.")] by: StorageGrouping,
    ) -> Result<Vec<StorageGroup>> {
        let groups = session(context)?.storage_groups(&self.filter, by.into()).await.map_err(failed)?;
        Ok(groups.into_iter().map(StorageGroup::from).collect())
    }
}

/// What the operations of one group came to.
#[derive(SimpleObject)]
pub struct StorageGroup {
    /// The bucket, the type, or the beginning of the hour or day, RFC 3339.
    key: String,
    /// How many there were.
    operations: Long,
    /// How many of them failed.
    failures: Long,
    /// Bytes that those that succeeded moved.
    bytes: Long,
    /// How long they took.
    duration: Percentiles,
    /// Bytes per second of those that succeeded and moved any, while they ran.
    throughput: Option<f64>,
}

impl From<Totals> for StorageGroup {
    fn from(totals: Totals) -> Self {
        Self {
            key: totals.key,
            operations: Long(totals.operations),
            failures: Long(totals.failures),
            bytes: Long(totals.bytes),
            duration: totals.duration.into(),
            throughput: totals.throughput,
        }
    }
}

/// An operation that a worker outside of the service has made.
#[derive(InputObject)]
pub struct LogStorageOperationInput {
    /// The job that it served.
    job_id: Option<ID>,
    /// The element that it served.
    element_id: Option<ID>,
    /// What was done.
    operation: StorageOperationType,
    /// In which bucket.
    bucket: String,
    /// To which object.
    key: String,
    /// Whether it succeeded.
    success: bool,
    /// Bytes moved.
    size: Option<Long>,
    /// Milliseconds.
    duration: f64,
    /// How often it was tried.
    #[graphql(default = 1)]
    attempts: i32,
    /// Why it failed.
    error: Option<String>,
    /// What else is known of it; an object.
    metadata: Option<serde_json::Value>,
}

#[derive(Default)]
pub struct StorageMutation;

#[Object]
impl StorageMutation {
    /// Logs an operation that a worker outside of the service has made. For WORKER.
    async fn log_storage_operation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The operation.")] input: LogStorageOperationInput,
    ) -> Result<StorageOperation> {
        if let Some(id) = &input.job_id {
            check_id::<JobId>("input.jobId", id)?;
        }
        if let Some(id) = &input.element_id {
            check_id::<ElementId>("input.elementId", id)?;
        }
        let new = NewOperation {
            job_id: input.job_id.map(String::from),
            element_id: input.element_id.map(String::from),
            operation: input.operation.into(),
            bucket: input.bucket,
            key: input.key,
            success: input.success,
            size: input.size.map(|size| size.0),
            duration_ms: input.duration,
            attempts: input.attempts,
            error: input.error,
            metadata: input.metadata.unwrap_or_else(|| serde_json::json!({})),
        };
        let row = changing(context).await?.log_storage_operation(new).await.map_err(failed)?;
        Ok(StorageOperation(Arc::new(row)))
    }
}

#[derive(Default)]
pub struct StorageQuery;

#[Object]
impl StorageQuery {
    /// What was done to the object store, the newest first.
    #[graphql(complexity = "page_size(first, None) * child_complexity + 1")]
    async fn storage_operations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which operations.")] filter: Option<StorageOperationFilter>,
        #[graphql(desc = "How many, from 1 to 100; 20 where it is not given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<Cursor>,
    ) -> Result<StorageOperationConnection> {
        page(context, StorageOperationFilter::into_domain(filter)?, first, after).await
    }

    /// What the operations that a filter lets through came to; kept for a quarter of an hour while none is added.
    async fn storage_statistics(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which operations.")] filter: Option<StorageOperationFilter>,
    ) -> Result<StorageStatistics> {
        let filter = StorageOperationFilter::into_domain(filter)?;
        let totals = session(context)?.storage_totals(&filter).await.map_err(failed)?;
        Ok(StorageStatistics { totals, filter })
    }
}

/// A page of operations, for a field of its own or of a job.
pub async fn page(
    context: &Context<'_>,
    filter: OperationFilter,
    first: Option<i32>,
    after: Option<Cursor>,
) -> Result<StorageOperationConnection> {
    let request = pages::request(first, after, None, None);
    Ok(session(context)?.storage_operations(&filter, &request).await.map_err(failed)?.into())
}
