//! The log of the object store, read.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    Error, Session,
    jobs::TimeRange,
    pages::{Key, KeyValue, Page, PageRequest},
};
use crate::{domain::storage::OperationKind, entities::storage_operation};

/// Which operations; what is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct OperationFilter {
    pub job_id: Option<String>,
    pub bucket: Option<String>,
    pub operation: Option<Vec<OperationKind>>,
    pub success: Option<bool>,
    pub created_at: Option<TimeRange>,
}

const ORDER: &str = "storageOperations";

impl Session {
    /// A page of the tenant's operations, the newest first.
    pub async fn storage_operations(
        &self,
        filter: &OperationFilter,
        request: &PageRequest,
    ) -> Result<Page<storage_operation::Model>, Error> {
        use storage_operation::Column;
        let bounds = request.bounds(ORDER, &KeyValue::Number(0))?;
        let after = bounds.after.as_ref().and_then(|key| match key.value {
            KeyValue::Number(at) => Some((at, key.id.as_str())),
            KeyValue::Text(_) => None,
        });
        let older = after.map(|(at, id)| {
            Condition::any()
                .add(Column::CreatedAt.lt(at))
                .add(Condition::all().add(Column::CreatedAt.eq(at)).add(Column::Id.lt(id)))
        });
        let rows = storage_operation::Entity::find()
            .filter(condition(&self.caller().tenant, filter).add_option(older))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .limit(bounds.size + 1)
            .all(&self.executor())
            .await?;
        let key = |row: &storage_operation::Model| Key {
            order: ORDER.into(),
            value: KeyValue::Number(row.created_at),
            id: row.id.clone(),
        };
        Ok(bounds.page(rows, key))
    }

    pub async fn storage_operations_by_id(&self, ids: &[String]) -> Result<Vec<storage_operation::Model>, Error> {
        let found = storage_operation::Entity::find()
            .filter(storage_operation::Column::Tenant.eq(&self.caller().tenant))
            .filter(storage_operation::Column::Id.is_in(ids.iter().map(String::as_str)));
        Ok(found.all(&self.executor()).await?)
    }
}

fn condition(tenant: &str, filter: &OperationFilter) -> Condition {
    use storage_operation::Column;
    let words = |kinds: &[OperationKind]| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
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
