//! What the object store did: counts, bytes and durations, in all and by group, computed by the database.
//!
//! Percentiles are by nearest rank: the least duration that at least this share of the operations did not exceed.

use sea_orm::{DbBackend, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait, Statement, sea_query::Expr};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Error, Session, aggregates,
    storage_operations::{OperationFilter, condition},
};
use crate::{domain::clock::Timestamp, entities::storage_operation};

/// What operations are put together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Grouping {
    Bucket,
    Operation,
    Hour,
    Day,
}

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// The most groups of one answer, the newest or the first by name.
const MOST_GROUPS: u64 = 1_000;

impl Grouping {
    /// The group of an operation, as text.
    fn key_sql(self) -> String {
        let since = |us: i64| format!("CAST(created_at - created_at % {us} AS text)");
        match self {
            Grouping::Bucket => "bucket".into(),
            Grouping::Operation => "operation".into(),
            Grouping::Hour => since(HOUR_US),
            Grouping::Day => since(DAY_US),
        }
    }

    /// A group's name: of a time its beginning, RFC 3339.
    fn name(self, key: String) -> String {
        match self {
            Grouping::Bucket | Grouping::Operation => key,
            Grouping::Hour | Grouping::Day => {
                key.parse().map_or(key, |us| Timestamp(us).to_datetime().to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
            }
        }
    }
}

/// Durations, milliseconds; `None` where there was no operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

/// What a group of operations came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub key: String,
    pub operations: i64,
    pub failures: i64,
    /// Bytes that those that succeeded moved.
    pub bytes: i64,
    pub duration: Percentiles,
    /// Bytes a second of those that succeeded and moved any.
    pub throughput: Option<f64>,
}

#[derive(FromQueryResult)]
struct Row {
    grouped: String,
    operations: i64,
    failures: i64,
    /// A float: the sum of many may be more than 64 bits hold.
    bytes: f64,
    moving_ms: f64,
    mean: Option<f64>,
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    longest: Option<f64>,
}

impl Row {
    fn totals(self, name: impl Fn(String) -> String) -> Totals {
        let throughput = (self.moving_ms > 0.0).then(|| self.bytes / (self.moving_ms / 1e3));
        let duration = Percentiles { mean: self.mean, p50: self.p50, p95: self.p95, p99: self.p99, max: self.longest };
        Totals {
            key: name(self.grouped),
            operations: self.operations,
            failures: self.failures,
            bytes: self.bytes as i64,
            duration,
            throughput,
        }
    }
}

impl Session {
    /// All of the tenant's operations that a filter lets through.
    pub async fn storage_totals(&self, filter: &OperationFilter) -> Result<Totals, Error> {
        let mut all = self.statistics(filter, None).await?;
        Ok(all.pop().unwrap_or_default())
    }

    /// The same by group, in order of the groups' names.
    pub async fn storage_groups(&self, filter: &OperationFilter, by: Grouping) -> Result<Vec<Totals>, Error> {
        self.statistics(filter, Some(by)).await
    }

    async fn statistics(&self, filter: &OperationFilter, by: Option<Grouping>) -> Result<Vec<Totals>, Error> {
        let services = self.services();
        services.store().logged().await;
        let subject = aggregates::of_storage(&self.caller().tenant);
        let asked = serde_json::to_string(&(filter, by)).map_err(|error| Error::internal(error.to_string()))?;
        let key = format!("{subject}:{}", hex::encode(Sha256::digest(asked)));
        services
            .aggregate(&subject, &key, async {
                let rows = Row::find_by_statement(self.statistics_of(filter, by)).all(&self.executor()).await?;
                Ok(rows.into_iter().map(|row| row.totals(|key| by.map_or(key.clone(), |by| by.name(key)))).collect())
            })
            .await
    }

    /// The statement that computes them.
    pub(super) fn statistics_of(&self, filter: &OperationFilter, by: Option<Grouping>) -> Statement {
        let backend = self.services().database().backend();
        let key = by.map_or("'all'".to_owned(), Grouping::key_sql);
        let picked = storage_operation::Entity::find()
            .select_only()
            .expr_as(Expr::cust(key), "grouped")
            .column(storage_operation::Column::DurationMs)
            .column(storage_operation::Column::Success)
            .column(storage_operation::Column::Size)
            .filter(condition(&self.caller().tenant, filter))
            .build(backend);
        let truth = if backend == DbBackend::Postgres { "success" } else { "success = 1" };
        let sql = format!(
            "SELECT grouped, count(*) AS operations, count(*) FILTER (WHERE NOT ({truth})) AS failures,
                    CAST(coalesce(sum(CAST(size AS double precision)) FILTER (WHERE {truth}), 0) AS double precision) AS bytes,
                    CAST(coalesce(sum(duration_ms) FILTER (WHERE {truth} AND size > 0), 0) AS double precision) AS moving_ms,
                    avg(duration_ms) AS mean,
                    min(duration_ms) FILTER (WHERE share >= 0.50) AS p50,
                    min(duration_ms) FILTER (WHERE share >= 0.95) AS p95,
                    min(duration_ms) FILTER (WHERE share >= 0.99) AS p99,
                    max(duration_ms) AS longest
               FROM (SELECT picked.*, cume_dist() OVER (PARTITION BY grouped ORDER BY duration_ms) AS share
                       FROM ({}) AS picked) AS ranked
              GROUP BY grouped ORDER BY grouped LIMIT {MOST_GROUPS}",
            picked.sql
        );
        match picked.values {
            Some(values) => Statement::from_sql_and_values(backend, sql, values),
            None => Statement::from_string(backend, sql),
        }
    }
}
