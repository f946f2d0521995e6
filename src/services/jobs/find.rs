//! Jobs by id, and lists of them by filter and order.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, Func, Order, SimpleExpr},
};

use crate::{
    domain::{clock::Timestamp, composition::ElementType, job::JobStatus},
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
    /// QUEUED or PROCESSING; `Some(false)`: neither.
    pub active: Option<bool>,
}

/// `from` ≤ t < `to`.
#[derive(Debug, Clone, Copy, Default)]
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
    /// The value that rows are ordered by; where a row has none, the least.
    fn expression(self) -> SimpleExpr {
        let or_least = |column: job::Column, least: SimpleExpr| Func::coalesce([Expr::col((job::Entity, column)), least]).into();
        match self {
            JobSort::CreatedAt => Expr::col((job::Entity, job::Column::CreatedAt)),
            JobSort::UpdatedAt => Expr::col((job::Entity, job::Column::UpdatedAt)),
            JobSort::FinishedAt => or_least(job::Column::FinishedAt, Expr::value(0i64)),
            JobSort::Priority => Expr::col((job::Entity, job::Column::Priority)),
            JobSort::Status => Expr::col((job::Entity, job::Column::Status)),
            JobSort::Name => or_least(job::Column::Name, Expr::value("")),
        }
    }

    fn value(self, row: &job::Model) -> KeyValue {
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

    fn order_name(self) -> String {
        format!("jobs:{self:?}")
    }
}

impl Session {
    /// One job of the caller's tenant.
    pub async fn job(&self, id: &str) -> Result<Option<job::Model>, Error> {
        Ok(self.jobs_by_id(std::slice::from_ref(&id.to_owned())).await?.pop())
    }

    /// Jobs of the caller's tenant, in no order; those that are not there are left out.
    pub async fn jobs_by_id(&self, ids: &[String]) -> Result<Vec<job::Model>, Error> {
        let found = job::Entity::find()
            .filter(job::Column::Id.is_in(ids.iter().map(String::as_str)))
            .filter(job::Column::Tenant.eq(&self.caller().tenant));
        Ok(found.all(&self.executor()).await?)
    }

    /// A page of the caller's jobs.
    pub async fn jobs(&self, filter: &JobFilter, order: JobOrder, request: &PageRequest) -> Result<Page<job::Model>, Error> {
        let bounds = request.bounds(&order.by.order_name(), &order.by.sample())?;
        let reads_up = order.descending == bounds.backwards;
        let direction = if reads_up { Order::Asc } else { Order::Desc };
        let rows = job::Entity::find()
            .filter(self.condition(filter))
            .filter(between(&bounds, order))
            .order_by(order.by.expression(), direction.clone())
            .order_by(job::Column::Id, direction)
            .limit(bounds.size + 1)
            .all(&self.executor())
            .await?;
        let key = |row: &job::Model| Key { order: order.by.order_name(), value: order.by.value(row), id: row.id.clone() };
        Ok(bounds.page(rows, key))
    }

    /// How many of the caller's jobs a filter lets through.
    pub async fn count_jobs(&self, filter: &JobFilter) -> Result<u64, Error> {
        Ok(job::Entity::find().filter(self.condition(filter)).count(&self.executor()).await?)
    }

    fn condition(&self, filter: &JobFilter) -> Condition {
        let words = |statuses: &[JobStatus]| statuses.iter().map(|status| status.as_str()).collect::<Vec<_>>();
        let active = [JobStatus::Queued, JobStatus::Processing];
        Condition::all()
            .add(job::Column::Tenant.eq(&self.caller().tenant))
            .add_option(filter.status.as_deref().map(|statuses| job::Column::Status.is_in(words(statuses))))
            .add_option(filter.name_contains.as_deref().map(name_contains))
            .add_option(filter.created_at.map(|range| within(job::Column::CreatedAt, range)))
            .add_option(filter.updated_at.map(|range| within(job::Column::UpdatedAt, range)))
            .add_option(filter.finished_at.map(|range| within(job::Column::FinishedAt, range)))
            .add_option(filter.client_ip.as_deref().map(|ip| job::Column::ClientIp.eq(ip)))
            .add_option(filter.element_type.as_deref().map(has_element_of))
            .add_option(filter.active.map(|is| match is {
                true => job::Column::Status.is_in(words(&active)),
                false => job::Column::Status.is_not_in(words(&active)),
            }))
    }
}

/// Without regard to case, and with no character that means another.
fn name_contains(part: &str) -> SimpleExpr {
    let escaped: String =
        part.to_lowercase().chars().flat_map(|c| ['\\'].into_iter().filter(move |_| "%_\\".contains(c)).chain([c])).collect();
    let pattern = sea_orm::sea_query::LikeExpr::new(format!("%{escaped}%")).escape('\\');
    Expr::expr(Func::lower(Expr::col((job::Entity, job::Column::Name)))).like(pattern)
}

fn within(column: job::Column, range: TimeRange) -> Condition {
    Condition::all().add_option(range.from.map(|from| column.gte(from.0))).add_option(range.to.map(|to| column.lt(to.0)))
}

fn has_element_of(types: &[ElementType]) -> SimpleExpr {
    let with = element::Entity::find()
        .select_only()
        .column(element::Column::JobId)
        .filter(element::Column::ElementType.is_in(types.iter().map(|kind| kind.as_str())))
        .into_query();
    job::Column::Id.in_subquery(with)
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
    let past = |expression: SimpleExpr, value: sea_orm::Value| {
        if upwards { expression.gt(value) } else { expression.lt(value) }
    };
    let id = Expr::col((job::Entity, job::Column::Id));
    let same = Condition::all().add(by.expression().eq(value.clone())).add(past(id, key.id.as_str().into()));
    Condition::any().add(past(by.expression(), value)).add(same)
}
