//! How a node works, and how the database answers it. For administrators.

use async_graphql::{Context, Object, SimpleObject};

use super::{
    error::{Result, failed},
    health::QueueHealth,
    loaders::session,
    scalars::{DateTime, Long},
};
use crate::services::{
    database::PoolReport,
    diagnostics::{CacheLevel as Level, Diagnostics as Seen},
    meters::{CodeCount, DurationReport, SlowStatement},
    query_plans::QueryPlan as Plan,
};

/// Durations, milliseconds; null where there was nothing. Percentiles are within a fifth.
#[derive(SimpleObject)]
pub struct Durations {
    /// How many there were.
    count: Long,
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

fn long(count: u64) -> Long {
    Long(count.min(i64::MAX as u64) as i64)
}

impl From<DurationReport> for Durations {
    fn from(all: DurationReport) -> Self {
        Self { count: long(all.count), mean: all.mean, p50: all.p50, p95: all.p95, p99: all.p99, max: all.max }
    }
}

/// A pool of connections to the database.
#[derive(SimpleObject)]
pub struct Pool {
    /// What it is for.
    name: String,
    /// Connections that are open.
    size: i32,
    /// Those of them that nobody uses.
    idle: i32,
    /// Those of them that are in use.
    in_use: i32,
    /// Connections that there may be.
    max: i32,
}

impl From<PoolReport> for Pool {
    fn from(pool: PoolReport) -> Self {
        let (size, idle) = (pool.size as i32, pool.idle as i32);
        Self { name: pool.name.into(), size, idle, in_use: (size - idle).max(0), max: pool.most as i32 }
    }
}

/// A level of the cache, since this node's start.
#[derive(SimpleObject)]
pub struct CacheLevel {
    /// 1, 2 or 3: they are asked in this order.
    level: i32,
    /// memory, redis or database.
    name: String,
    /// Whether it is there: redis needs REDIS_URL.
    enabled: bool,
    /// How long its entries are good for, seconds, unless what they are of changes before.
    seconds: i32,
    /// How often it had what was asked for.
    hits: Long,
    /// How often it had not.
    misses: Long,
    /// What it holds, where this node knows.
    entries: Option<Long>,
}

impl From<Level> for CacheLevel {
    fn from(level: Level) -> Self {
        Self {
            level: level.level,
            name: level.name.into(),
            enabled: level.enabled,
            seconds: level.seconds,
            hits: long(level.counts.hits),
            misses: long(level.counts.misses),
            entries: level.counts.entries.map(long),
        }
    }
}

/// A statement that took long.
#[derive(SimpleObject)]
pub struct SlowQuery {
    /// Its text; values are not in it.
    sql: String,
    /// Milliseconds.
    duration: f64,
    /// When it ended.
    at: DateTime,
}

impl From<SlowStatement> for SlowQuery {
    fn from(slow: SlowStatement) -> Self {
        Self { sql: slow.sql, duration: slow.duration.as_secs_f64() * 1e3, at: DateTime(slow.at) }
    }
}

/// The statements of this node since its start.
#[derive(SimpleObject)]
pub struct Queries {
    /// How long they took.
    duration: Durations,
    /// Those that failed.
    failed: Long,
    /// From how long on a statement is slow, milliseconds.
    slow_from: f64,
    /// The newest slow ones, the newest first; at most 50.
    slow: Vec<SlowQuery>,
}

/// The transactions of this node since its start.
#[derive(SimpleObject)]
pub struct Transactions {
    /// Those that were committed.
    committed: Long,
    /// Those that were rolled back.
    rolled_back: Long,
    /// Those that were run again after a deadlock or a serialization failure.
    retries: Long,
    /// Deadlocks.
    deadlocks: Long,
    /// Those that outlived their limit.
    timeouts: Long,
    /// How long they took, however they ended.
    duration: Durations,
    /// How long one may take, milliseconds.
    limit: f64,
}

/// How often a code was answered with.
#[derive(SimpleObject)]
pub struct ErrorCount {
    /// The code.
    code: String,
    /// Its category.
    category: String,
    /// How often.
    count: Long,
}

impl From<CodeCount> for ErrorCount {
    fn from(counted: CodeCount) -> Self {
        let (code, category) = (counted.code.as_str().into(), counted.code.category().as_str().into());
        Self { code, category, count: long(counted.count) }
    }
}

/// The errors of one minute.
#[derive(SimpleObject)]
pub struct ErrorMinute {
    /// Its beginning.
    at: DateTime,
    /// By code.
    codes: Vec<ErrorCount>,
}

/// How often a category was answered with.
#[derive(SimpleObject)]
pub struct CategoryCount {
    /// The category.
    category: String,
    /// How often.
    count: Long,
}

/// The errors that this node has answered with since its start.
#[derive(SimpleObject)]
pub struct Errors {
    /// How many.
    total: Long,
    /// By code.
    by_code: Vec<ErrorCount>,
    /// By category.
    by_category: Vec<CategoryCount>,
    /// The minutes of the last hour that had any, the oldest first.
    by_minute: Vec<ErrorMinute>,
}

impl Errors {
    fn of(all: Vec<CodeCount>, minutes: Vec<(crate::domain::clock::Timestamp, Vec<CodeCount>)>) -> Self {
        let mut categories = std::collections::BTreeMap::<&str, u64>::new();
        for counted in &all {
            *categories.entry(counted.code.category().as_str()).or_default() += counted.count;
        }
        let category = |(category, count): (&str, u64)| CategoryCount { category: category.into(), count: long(count) };
        let minute = |(at, codes): (_, Vec<CodeCount>)| ErrorMinute {
            at: DateTime(at),
            codes: codes.into_iter().map(ErrorCount::from).collect(),
        };
        Self {
            total: long(all.iter().map(|counted| counted.count).sum()),
            by_code: all.into_iter().map(ErrorCount::from).collect(),
            by_category: categories.into_iter().map(category).collect(),
            by_minute: minutes.into_iter().map(minute).collect(),
        }
    }
}

/// What this node counts of its own work.
#[derive(SimpleObject)]
pub struct Diagnostics {
    /// The connections to the database.
    pools: Vec<Pool>,
    /// The levels of the cache.
    cache_levels: Vec<CacheLevel>,
    /// Its statements.
    queries: Queries,
    /// Its transactions.
    transactions: Transactions,
    /// The errors that it answered with.
    errors: Errors,
    /// The jobs that wait and run, on all nodes.
    queue: QueueHealth,
    /// Subscriptions that are followed on this node.
    subscriptions: i32,
}

/// How the database answers a critical query.
pub struct QueryPlan(Plan);

#[Object]
impl QueryPlan {
    /// The path's name.
    async fn name(&self) -> &str {
        self.0.name
    }

    /// Who runs it, and when.
    async fn purpose(&self) -> &str {
        self.0.purpose
    }

    /// The statement; values are bound, not in it.
    async fn sql(&self) -> &str {
        &self.0.sql
    }

    /// The database's own plan, a node a line.
    async fn plan(&self) -> &str {
        &self.0.plan
    }

    /// The indexes that it uses.
    async fn indexes(&self) -> &[String] {
        &self.0.indexes
    }

    /// Whether it reads a whole table. A small one PostgreSQL reads so by itself.
    async fn full_scan(&self) -> bool {
        self.0.full_scan
    }

    /// Rows that were looked at; null on SQLite, which does not count them.
    async fn rows_examined(&self) -> Option<Long> {
        self.0.rows_examined.map(Long)
    }

    /// Rows of the answer.
    async fn rows_returned(&self) -> Long {
        Long(self.0.rows_returned)
    }

    /// Milliseconds to plan it.
    async fn planning_time(&self) -> f64 {
        self.0.planning_ms
    }

    /// Milliseconds to run it.
    async fn execution_time(&self) -> f64 {
        self.0.execution_ms
    }
}

#[derive(Default)]
pub struct DiagnosticsQuery;

#[Object]
impl DiagnosticsQuery {
    /// Pools, caches, statements, transactions, errors, queue and subscriptions of this node. For ADMIN.
    async fn diagnostics(&self, context: &Context<'_>) -> Result<Diagnostics> {
        let session = session(context)?;
        let Seen { pools, caches, statements, transactions, errors, errors_by_minute, queue, listeners } =
            session.diagnostics().await.map_err(failed)?;
        Ok(Diagnostics {
            pools: pools.into_iter().map(Pool::from).collect(),
            cache_levels: caches.into_iter().map(CacheLevel::from).collect(),
            queries: Queries {
                duration: statements.durations.into(),
                failed: long(statements.failed),
                slow_from: statements.slow_from_ms,
                slow: statements.slow.into_iter().map(SlowQuery::from).collect(),
            },
            transactions: Transactions {
                committed: long(transactions.committed),
                rolled_back: long(transactions.rolled_back),
                retries: long(transactions.retried),
                deadlocks: long(transactions.deadlocks),
                timeouts: long(transactions.timed_out),
                duration: transactions.durations.into(),
                limit: session.services().transaction_limit().as_secs_f64() * 1e3,
            },
            errors: Errors::of(errors, errors_by_minute),
            queue: queue.into(),
            subscriptions: listeners as i32,
        })
    }

    /// The plan of every critical query path, from the database, which runs each of them for it. For ADMIN.
    async fn query_plans(&self, context: &Context<'_>) -> Result<Vec<QueryPlan>> {
        let plans = session(context)?.query_plans().await.map_err(failed)?;
        Ok(plans.into_iter().map(QueryPlan).collect())
    }
}
