//! The log of the object store.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::{
    element::Element,
    error::{Result, failed},
    job::{DateTimeRange, Job},
    loaders::{loaders, session},
    pages::{self, PageInfo, page_size},
    scalars::{Cursor, DateTime, Long},
};
use crate::{
    domain::storage::OperationKind,
    entities::storage_operation,
    services::{pages::Page, storage_operations::OperationFilter},
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
pub struct StorageOperation(pub storage_operation::Model);

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

impl From<StorageOperationFilter> for OperationFilter {
    fn from(filter: StorageOperationFilter) -> Self {
        Self {
            job_id: filter.job_id.map(String::from),
            bucket: filter.bucket,
            operation: filter.operation.map(|kinds| kinds.into_iter().map(OperationKind::from).collect()),
            success: filter.success,
            created_at: filter.created_at.map(Into::into),
        }
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
            node: StorageOperation(row),
        };
        Self { edges: page.rows.into_iter().map(edge).collect(), page_info }
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
        page(context, filter.unwrap_or_default().into(), first, after).await
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
