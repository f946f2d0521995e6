//! How a node works: pools, caches, statements, transactions, errors, queue, listeners. For administrators.

use std::time::Duration;

use super::{
    Error, Session,
    database::PoolReport,
    health::Queue,
    meters::{CodeCount, DurationReport, SLOW_STATEMENT, SlowStatement, TransactionReport},
};
use crate::{
    cache::{Aggregates, LOCAL_TIME_TO_LIVE, LevelReport, SHARED_TIME_TO_LIVE},
    domain::{caller::Role, clock::Timestamp},
};

/// One look at a node.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    pub pools: Vec<PoolReport>,
    pub caches: Vec<CacheLevel>,
    pub statements: Statements,
    pub transactions: TransactionReport,
    pub errors: Vec<CodeCount>,
    /// Of the last hour, the minutes that had any.
    pub errors_by_minute: Vec<(Timestamp, Vec<CodeCount>)>,
    pub queue: Queue,
    /// Subscriptions that are being followed on this node.
    pub listeners: usize,
}

/// A level of the cache.
#[derive(Debug, Clone, Copy)]
pub struct CacheLevel {
    /// 1, 2 or 3.
    pub level: i32,
    pub name: &'static str,
    /// Whether it is configured.
    pub enabled: bool,
    /// How long its entries are good for.
    pub seconds: i32,
    pub counts: LevelReport,
}

/// The statements of readers and writers.
#[derive(Debug, Clone)]
pub struct Statements {
    pub failed: u64,
    pub durations: DurationReport,
    /// From how long on a statement is slow, milliseconds.
    pub slow_from_ms: f64,
    /// The newest first.
    pub slow: Vec<SlowStatement>,
}

impl Session {
    /// What this node counts. For ADMIN.
    pub async fn diagnostics(&self) -> Result<Diagnostics, Error> {
        self.require(Role::Admin)?;
        let services = self.services();
        let meters = services.meters();
        Ok(Diagnostics {
            pools: services.database().pools(),
            caches: self.cache_levels(),
            statements: Statements {
                failed: meters.statements.failed(),
                durations: meters.statements.durations(),
                slow_from_ms: SLOW_STATEMENT.as_secs_f64() * 1e3,
                slow: meters.statements.slow(),
            },
            transactions: meters.transactions.report(),
            errors: meters.errors.all(),
            errors_by_minute: meters.errors.by_minute(services.clock().now()),
            queue: services.look_at_queue().await,
            listeners: services.hub().listeners(),
        })
    }

    fn cache_levels(&self) -> Vec<CacheLevel> {
        let services = self.services();
        let shared = services.tags().shared();
        let counts = shared.map(|shared| shared.report()).unwrap_or_default();
        let level = |level, name, enabled, lives: Duration, counts| {
            let seconds = lives.as_secs() as i32;
            CacheLevel { level, name, enabled, seconds, counts }
        };
        vec![
            level(1, "memory", true, LOCAL_TIME_TO_LIVE, services.caches().report()),
            level(2, "redis", shared.is_some(), SHARED_TIME_TO_LIVE, counts),
            level(3, "database", true, Aggregates::TIME_TO_LIVE, services.inner.aggregates.report()),
        ]
    }
}
