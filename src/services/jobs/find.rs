//! Jobs by id, and lists of them by filter and order.

use std::{collections::BTreeSet, sync::Arc};

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Alias, Expr, Order, SimpleExpr},
};

use serde::Serialize;

use super::metadata;
use crate::{
    cache::Loaded,
    domain::{
        clock::Timestamp,
        composition::ElementType,
        job::{JobStatus, search_name},
    },
    entities::{element, job},
    services::{
        Error, Session,
        pages::{Key, KeyValue, Page, PageBounds, PageRequest},
    },
};

/// Which jobs; what is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    pub status: Option<Vec<JobStatus>>,
    pub name_contains: Option<String>,
    pub created_at: Option<TimeRange>,
    pub updated_at: Option<TimeRange>,
    pub finished_at: Option<TimeRange>,
    pub client_ip: Option<String>,
    /// With at least one element of one of these types.
    pub element_type: Option<Vec<ElementType>>,
    /// Whose metadata contain this: an object's members, a list's items, each contained in turn.
    pub metadata: Option<serde_json::Value>,
    /// QUEUED or PROCESSING; `Some(false)`: neither.
    pub active: Option<bool>,
}

/// `from` ≤ t < `to`.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct TimeRange {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobSort {
    CreatedAt,
    UpdatedAt,
    FinishedAt,
    Priority,
    Status,
    Name,
}

#[derive(Debug, Clone, Copy)]
pub struct JobOrder {
    pub by: JobSort,
    pub descending: bool,
}

impl JobSort {
    /// The column that rows are ordered by; of one that may be null, the computed one beside it, where nothing is least.
    fn column(self) -> SimpleExpr {
        let computed = |name: &'static str| Expr::col((job::Entity, Alias::new(name)));
        match self {
            JobSort::CreatedAt => Expr::col((job::Entity, job::Column::CreatedAt)),
            JobSort::UpdatedAt => Expr::col((job::Entity, job::Column::UpdatedAt)),
            JobSort::FinishedAt => computed("finished_key"),
            JobSort::Priority => Expr::col((job::Entity, job::Column::Priority)),
            JobSort::Status => Expr::col((job::Entity, job::Column::Status)),
            JobSort::Name => computed("name_key"),
        }
    }

    pub(in crate::services) fn value(self, row: &job::Model) -> KeyValue {
        match self {
            JobSort::CreatedAt => KeyValue::Number(row.created_at),
            JobSort::UpdatedAt => KeyValue::Number(row.updated_at),
            JobSort::FinishedAt => KeyValue::Number(row.finished_at.unwrap_or(0)),
            JobSort::Priority => KeyValue::Number(row.priority.into()),
            JobSort::Status => KeyValue::Text(row.status.clone()),
            JobSort::Name => KeyValue::Text(row.name.clone().unwrap_or_default()),
        }
    }

    /// What the values of its cursors are like.
    fn sample(self) -> KeyValue {
        match self {
            JobSort::Status | JobSort::Name => KeyValue::Text(String::new()),
            _ => KeyValue::Number(0),
        }
    }

    pub(in crate::services) fn order_name(self) -> String {
        format!("jobs:{self:?}")
    }
}

impl Session {
    /// One job of the caller's tenant.
    pub async fn job(&self, id: &str) -> Result<Option<Arc<job::Model>>, Error> {
        Ok(self.jobs_by_id(std::slice::from_ref(&id.to_owned())).await?.pop())
    }

    /// Jobs of the caller's tenant, in no order; those that are not there are left out.
    pub async fn jobs_by_id(&self, ids: &[String]) -> Result<Vec<Arc<job::Model>>, Error> {
        let load = async |ids: Vec<String>| -> Result<Loaded<job::Model>, Error> {
            let rows = jobs_with(&ids).all(&self.executor()).await?;
            Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
        };
        let found = match self.only_reads() {
            true => self.services().caches().jobs.get(ids, load).await?,
            false => load(ids.to_vec()).await?.into_iter().map(|(id, row)| (id, Arc::new(row))).collect(),
        };
        // The cache knows no tenants.
        Ok(found.into_iter().map(|(_, row)| row).filter(|row| row.tenant == self.caller().tenant).collect())
    }

    /// A page of the caller's jobs.
    pub async fn jobs(&self, filter: &JobFilter, order: JobOrder, request: &PageRequest) -> Result<Page<job::Model>, Error> {
        let bounds = request.bounds(&order.by.order_name(), &order.by.sample())?;
        let rows = self.page_of_jobs(filter, order, &bounds).all(&self.executor()).await?;
        let key = |row: &job::Model| Key { order: order.by.order_name(), value: order.by.value(row), id: row.id.clone() };
        Ok(bounds.page(rows, key))
    }

    /// The statement that reads a page.
    pub(in crate::services) fn page_of_jobs(
        &self,
        filter: &JobFilter,
        order: JobOrder,
        bounds: &PageBounds,
    ) -> Select<job::Entity> {
        let reads_up = order.descending == bounds.backwards;
        let direction = if reads_up { Order::Asc } else { Order::Desc };
        job::Entity::find()
            .filter(self.condition(filter))
            .filter(between(bounds, order))
            .order_by(order.by.column(), direction.clone())
            .order_by(job::Column::Id, direction)
            .limit(bounds.size + 1)
    }

    /// How many of the caller's jobs a filter lets through.
    pub async fn count_jobs(&self, filter: &JobFilter) -> Result<u64, Error> {
        Ok(job::Entity::find().filter(self.condition(filter)).count(&self.executor()).await?)
    }

    fn condition(&self, filter: &JobFilter) -> Condition {
        // Each once, however often it was sent.
        let words = |statuses: &[JobStatus]| statuses.iter().map(|status| status.as_str()).collect::<BTreeSet<_>>();
        let active = [JobStatus::Queued, JobStatus::Processing];
        Condition::all()
            .add(job::Column::Tenant.eq(&self.caller().tenant))
            .add_option(filter.status.as_deref().map(|statuses| job::Column::Status.is_in(words(statuses))))
            .add_option(filter.name_contains.as_deref().map(name_contains))
            .add_option(filter.created_at.map(|range| within(job::Column::CreatedAt, range)))
            .add_option(filter.updated_at.map(|range| within(job::Column::UpdatedAt, range)))
            .add_option(filter.finished_at.map(finished_within))
            .add_option(filter.client_ip.as_deref().map(|ip| job::Column::ClientIp.eq(ip)))
            .add_option(filter.element_type.as_deref().map(has_element_of))
            .add_option(filter.metadata.as_ref().map(|part| metadata::contains(self.services().database().backend(), part)))
            .add_option(filter.active.map(|is| match is {
                true => job::Column::Status.is_in(words(&active)),
                false => job::Column::Status.is_not_in(words(&active)),
            }))
    }
}

/// Without regard to case, and with no character that means another.
fn name_contains(part: &str) -> SimpleExpr {
    let escaped: String =
        search_name(part).chars().flat_map(|c| ['\\'].into_iter().filter(move |_| "%_\\".contains(c)).chain([c])).collect();
    let pattern = sea_orm::sea_query::LikeExpr::new(format!("%{escaped}%")).escape('\\');
    Expr::col((job::Entity, job::Column::SearchName)).like(pattern)
}

fn within(column: job::Column, range: TimeRange) -> Condition {
    Condition::all().add_option(range.from.map(|from| column.gte(from.0))).add_option(range.to.map(|to| column.lt(to.0)))
}

/// By the computed column, which has the index; of a job that has not ended it is 0.
fn finished_within(range: TimeRange) -> Condition {
    let finished = || Expr::col((job::Entity, Alias::new("finished_key")));
    Condition::all()
        .add(finished().gte(range.from.map_or(1, |from| Ord::max(from.0, 1))))
        .add_option(range.to.map(|to| finished().lt(to.0)))
}

fn has_element_of(types: &[ElementType]) -> SimpleExpr {
    let with = element::Entity::find()
        .select_only()
        .expr(Expr::value(1))
        .filter(Expr::col((element::Entity, element::Column::JobId)).equals((job::Entity, job::Column::Id)))
        .filter(element::Column::ElementType.is_in(types.iter().map(|kind| kind.as_str()).collect::<BTreeSet<_>>()))
        .into_query();
    Expr::exists(with)
}

/// The rows strictly after one key and before another, in the list's own order.
fn between(bounds: &PageBounds, order: JobOrder) -> Condition {
    Condition::all()
        .add_option(bounds.after.as_ref().map(|key| beyond(key, order.by, !order.descending)))
        .add_option(bounds.before.as_ref().map(|key| beyond(key, order.by, order.descending)))
}

fn beyond(key: &Key, by: JobSort, upwards: bool) -> Condition {
    let value: sea_orm::Value = match &key.value {
        KeyValue::Number(number) => (*number).into(),
        KeyValue::Text(text) => text.as_str().into(),
    };
    // One comparison of rows: both databases begin to read the index there.
    let row = Expr::tuple([by.column(), Expr::col((job::Entity, job::Column::Id))]);
    let key = Expr::tuple([Expr::value(value), Expr::value(key.id.as_str())]);
    Condition::all().add(if upwards { row.gt(key) } else { row.lt(key) })
}

/// Jobs by their ids, of whatever tenant.
pub(in crate::services) fn jobs_with(ids: &[String]) -> Select<job::Entity> {
    job::Entity::find().filter(job::Column::Id.is_in(ids.iter().map(String::as_str)))
}
