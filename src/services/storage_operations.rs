//! The log of the object store, read; and what workers outside have done there, added.

use std::collections::BTreeSet;

use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use serde::Serialize;

use super::{
    Error, Session, aggregates,
    jobs::TimeRange,
    pages::{Page, PageBounds, PageRequest, TimeKey},
};
use crate::{
    domain::{
        caller::Role,
        error::{Violation, ViolationCode},
        id::OperationId,
        storage::OperationKind,
        validation::Checker,
    },
    entities::storage_operation,
};

/// Which operations; what is `None` does not restrict.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OperationFilter {
    pub job_id: Option<String>,
    pub bucket: Option<String>,
    pub operation: Option<Vec<OperationKind>>,
    pub success: Option<bool>,
    pub created_at: Option<TimeRange>,
}

/// An operation that a worker outside has made.
#[derive(Debug, Clone)]
pub struct NewOperation {
    pub job_id: Option<String>,
    pub element_id: Option<String>,
    pub operation: OperationKind,
    pub bucket: String,
    pub key: String,
    pub success: bool,
    /// Bytes.
    pub size: Option<i64>,
    pub duration_ms: f64,
    pub attempts: i32,
    pub error: Option<String>,
    pub metadata: serde_json::Value,
}

/// More than any object has: a petabyte.
const MOST_BYTES: i64 = 1_000_000_000_000_000;
const ORDER: TimeKey = TimeKey("storageOperations");

impl Session {
    /// A page of the tenant's operations, the newest first; those that this node has made are all there.
    pub async fn storage_operations(
        &self,
        filter: &OperationFilter,
        request: &PageRequest,
    ) -> Result<Page<storage_operation::Model>, Error> {
        let bounds = ORDER.bounds(request)?;
        if self.only_reads() {
            self.services().store().logged().await;
        }
        let rows = self.page_of_operations(filter, &bounds).all(&self.executor()).await?;
        Ok(bounds.page(rows, |row| ORDER.key(row.created_at, &row.id)))
    }

    /// The statement that reads a page.
    pub(super) fn page_of_operations(&self, filter: &OperationFilter, bounds: &PageBounds) -> Select<storage_operation::Entity> {
        use storage_operation::Column;
        storage_operation::Entity::find()
            .filter(condition(&self.caller().tenant, filter))
            .filter(ORDER.after(bounds, Column::CreatedAt, Column::Id))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .limit(bounds.size + 1)
    }

    /// Logs an operation that a worker outside has made.
    pub async fn log_storage_operation(&self, new: NewOperation) -> Result<storage_operation::Model, Error> {
        self.require(Role::Worker)?;
        check(&new)?;
        let missing = |what: &'static str, id: &str| Error::NotFound { what, id: id.to_owned() };
        if let Some(id) = &new.job_id {
            self.job(id).await?.ok_or_else(|| missing("job", id))?;
        }
        if let Some(id) = &new.element_id {
            let element = self.element(id).await?.ok_or_else(|| missing("element", id))?;
            if new.job_id.as_ref().is_some_and(|job_id| *job_id != element.job_id) {
                return Err(invalid("input.elementId", ViolationCode::Inconsistent, "must be of the job that is named"));
            }
        }
        let unit = self.unit()?;
        let clock = self.services().clock();
        let row = storage_operation::ActiveModel {
            id: Set(OperationId::new(clock).into()),
            tenant: Set(self.caller().tenant.clone()),
            job_id: Set(new.job_id),
            element_id: Set(new.element_id),
            operation: Set(new.operation.as_str().to_owned()),
            bucket: Set(new.bucket),
            key: Set(new.key),
            success: Set(new.success),
            size: Set(new.size),
            duration_ms: Set(new.duration_ms),
            attempts: Set(new.attempts),
            error: Set(new.error),
            metadata: Set(new.metadata),
            created_at: Set(clock.now().0),
        };
        let row = storage_operation::Entity::insert(row).exec_with_returning(unit.transaction()).await?;
        aggregates::raise(unit.transaction(), &aggregates::of_storage(&row.tenant)).await?;
        unit.target(&row.id);
        Ok(row)
    }

    pub async fn storage_operations_by_id(&self, ids: &[String]) -> Result<Vec<storage_operation::Model>, Error> {
        let found = storage_operation::Entity::find()
            .filter(storage_operation::Column::Tenant.eq(&self.caller().tenant))
            .filter(storage_operation::Column::Id.is_in(ids.iter().map(String::as_str)));
        Ok(found.all(&self.executor()).await?)
    }
}

fn check(new: &NewOperation) -> Result<(), Error> {
    let mut check = Checker::default();
    for (path, text) in [("input.bucket", &new.bucket), ("input.key", &new.key)] {
        if text.is_empty() || text.chars().count() > 1_024 {
            check.breach(path, ViolationCode::OutOfRange, "must have 1 to 1024 characters");
        }
    }
    check.range("input.duration", new.duration_ms, 0.0..=1e12);
    check.range("input.attempts", new.attempts, 1..=1_000);
    check.range("input.size", new.size.unwrap_or(0), 0..=MOST_BYTES);
    if let Some(error) = &new.error {
        check.chars("input.error", error, 2_000);
    }
    if new.success && new.error.is_some() {
        check.breach("input.error", ViolationCode::Inconsistent, "must not be given for what succeeded");
    }
    if !new.metadata.is_object() {
        check.breach("input.metadata", ViolationCode::InvalidFormat, "must be an object");
    }
    check.json_bytes("input.metadata", &new.metadata, 16 * 1024);
    check.into_result(()).map_err(Error::Invalid)
}

fn invalid(path: &str, code: ViolationCode, message: &str) -> Error {
    Error::Invalid(vec![Violation { path: path.into(), code, message: message.into() }])
}

pub(super) fn condition(tenant: &str, filter: &OperationFilter) -> Condition {
    use storage_operation::Column;
    let words = |kinds: &[OperationKind]| kinds.iter().map(|kind| kind.as_str()).collect::<BTreeSet<_>>();
    let range = filter.created_at.unwrap_or_default();
    Condition::all()
        .add(Column::Tenant.eq(tenant))
        .add_option(filter.job_id.as_deref().map(|id| Column::JobId.eq(id)))
        .add_option(filter.bucket.as_deref().map(|bucket| Column::Bucket.eq(bucket)))
        .add_option(filter.operation.as_deref().map(|kinds| Column::Operation.is_in(words(kinds))))
        .add_option(filter.success.map(|success| Column::Success.eq(success)))
        .add_option(range.from.map(|from| Column::CreatedAt.gte(from.0)))
        .add_option(range.to.map(|to| Column::CreatedAt.lt(to.0)))
}
