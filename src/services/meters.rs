//! What a node counts of its own work since its start: statements, transactions, errors. In memory, bounded, and told to
//! administrators by `diagnostics`.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::domain::{clock::Timestamp, error::ErrorCode};

/// A statement that takes longer is slow.
pub const SLOW_STATEMENT: Duration = Duration::from_millis(100);
/// So much of a slow statement is kept: one of many rows is long.
const SQL_BYTES: usize = 2_000;
/// The newest slow statements that are kept.
const SLOW_KEPT: usize = 50;
/// The newest minutes that errors are counted for.
const MINUTES_KEPT: usize = 60;
const MINUTE_US: i64 = 60_000_000;

/// All of a node's counts.
#[derive(Debug, Default)]
pub struct Meters {
    pub statements: StatementMeter,
    pub transactions: TransactionMeter,
    pub errors: ErrorMeter,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Durations by how long they were, in steps of a fifth (2^¼), from a microsecond to hours.
#[derive(Debug)]
pub struct Durations {
    steps: Vec<AtomicU64>,
    count: AtomicU64,
    total_us: AtomicU64,
    longest_us: AtomicU64,
}

const STEPS: usize = 140;

impl Default for Durations {
    fn default() -> Self {
        let steps = (0..STEPS).map(|_| AtomicU64::new(0)).collect();
        Self { steps, count: AtomicU64::default(), total_us: AtomicU64::default(), longest_us: AtomicU64::default() }
    }
}

/// What durations came to, milliseconds; percentiles are a step's upper bound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DurationReport {
    pub count: u64,
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

impl Durations {
    pub fn note(&self, duration: Duration) {
        let us = duration.as_micros().min(u128::from(u64::MAX)) as u64;
        let step = ((us.max(1) as f64).log2() * 4.0).ceil() as usize;
        self.steps[step.min(STEPS - 1)].fetch_add(1, Relaxed);
        self.count.fetch_add(1, Relaxed);
        self.total_us.fetch_add(us, Relaxed);
        self.longest_us.fetch_max(us, Relaxed);
    }

    pub fn report(&self) -> DurationReport {
        let count = self.count.load(Relaxed);
        if count == 0 {
            return DurationReport::default();
        }
        let longest = self.longest_us.load(Relaxed) as f64 / 1e3;
        DurationReport {
            count,
            mean: Some(self.total_us.load(Relaxed) as f64 / count as f64 / 1e3),
            p50: Some(self.percentile(count, 0.50).min(longest)),
            p95: Some(self.percentile(count, 0.95).min(longest)),
            p99: Some(self.percentile(count, 0.99).min(longest)),
            max: Some(longest),
        }
    }

    fn percentile(&self, count: u64, share: f64) -> f64 {
        let rank = (count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (step, noted) in self.steps.iter().enumerate() {
            seen += noted.load(Relaxed);
            if seen >= rank {
                return 2f64.powf(step as f64 / 4.0) / 1e3;
            }
        }
        f64::INFINITY
    }
}

/// A statement that took long; its text has no values.
#[derive(Debug, Clone)]
pub struct SlowStatement {
    pub sql: String,
    pub duration: Duration,
    pub at: Timestamp,
}

/// Statements and how long they took.
#[derive(Debug, Default)]
pub struct StatementMeter {
    failed: AtomicU64,
    durations: Durations,
    slow: Mutex<VecDeque<SlowStatement>>,
}

impl StatementMeter {
    pub fn note(&self, sql: &str, duration: Duration, failed: bool) {
        self.durations.note(duration);
        if failed {
            self.failed.fetch_add(1, Relaxed);
        }
        if duration >= SLOW_STATEMENT {
            let sql = &sql[..sql.floor_char_boundary(SQL_BYTES)];
            tracing::warn!(sql, ms = duration.as_millis() as u64, "a statement was slow");
            let mut slow = locked(&self.slow);
            if slow.len() == SLOW_KEPT {
                slow.pop_front();
            }
            slow.push_back(SlowStatement { sql: sql.to_owned(), duration, at: chrono::Utc::now().into() });
        }
    }

    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    pub fn durations(&self) -> DurationReport {
        self.durations.report()
    }

    /// The newest first.
    pub fn slow(&self) -> Vec<SlowStatement> {
        locked(&self.slow).iter().rev().cloned().collect()
    }
}

/// Transactions and how they ended.
#[derive(Debug, Default)]
pub struct TransactionMeter {
    committed: AtomicU64,
    rolled_back: AtomicU64,
    retried: AtomicU64,
    deadlocks: AtomicU64,
    timed_out: AtomicU64,
    durations: Durations,
}

#[derive(Debug, Clone, Copy)]
pub struct TransactionReport {
    pub committed: u64,
    pub rolled_back: u64,
    /// Run again after a deadlock or a serialization failure.
    pub retried: u64,
    pub deadlocks: u64,
    pub timed_out: u64,
    pub durations: DurationReport,
}

impl TransactionMeter {
    pub fn note_retry(&self) {
        self.retried.fetch_add(1, Relaxed);
    }

    pub fn note_deadlock(&self) {
        self.deadlocks.fetch_add(1, Relaxed);
    }

    pub fn note_timeout(&self) {
        self.timed_out.fetch_add(1, Relaxed);
    }

    pub fn report(&self) -> TransactionReport {
        TransactionReport {
            committed: self.committed.load(Relaxed),
            rolled_back: self.rolled_back.load(Relaxed),
            retried: self.retried.load(Relaxed),
            deadlocks: self.deadlocks.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            durations: self.durations.report(),
        }
    }
}

/// How one transaction will have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Committed,
    RolledBack,
    /// There was nothing to do: not worth counting.
    Idle,
}

/// Times one transaction: it has rolled back unless something else is said before it is dropped.
pub struct Stopwatch {
    meters: std::sync::Arc<Meters>,
    started: Instant,
    ended: Ended,
}

impl Stopwatch {
    pub fn start(meters: std::sync::Arc<Meters>) -> Self {
        Self { meters, started: Instant::now(), ended: Ended::RolledBack }
    }

    pub fn ended(mut self, how: Ended) {
        self.ended = how;
    }
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        let meter = &self.meters.transactions;
        match self.ended {
            Ended::Idle => return,
            Ended::Committed => meter.committed.fetch_add(1, Relaxed),
            Ended::RolledBack => meter.rolled_back.fetch_add(1, Relaxed),
        };
        meter.durations.note(self.started.elapsed());
    }
}

type ByCode = BTreeMap<&'static str, (ErrorCode, u64)>;

/// Errors that clients were answered with, in all and by the minute.
#[derive(Debug, Default)]
pub struct ErrorMeter {
    counts: Mutex<ErrorCounts>,
}

#[derive(Debug, Default)]
struct ErrorCounts {
    all: ByCode,
    minutes: VecDeque<(i64, ByCode)>,
}

/// How often one code was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeCount {
    pub code: ErrorCode,
    pub count: u64,
}

impl ErrorMeter {
    pub fn note(&self, code: ErrorCode, at: Timestamp) {
        let minute = at.0.div_euclid(MINUTE_US);
        let mut counts = locked(&self.counts);
        counts.all.entry(code.as_str()).or_insert((code, 0)).1 += 1;
        if counts.minutes.back().is_none_or(|(newest, _)| *newest < minute) {
            counts.minutes.push_back((minute, ByCode::new()));
            while counts.minutes.front().is_some_and(|(oldest, _)| *oldest <= minute - MINUTES_KEPT as i64) {
                counts.minutes.pop_front();
            }
        }
        // A clock that was set back counts for the newest minute.
        if let Some((_, codes)) = counts.minutes.back_mut() {
            codes.entry(code.as_str()).or_insert((code, 0)).1 += 1;
        }
    }

    /// Since the node's start.
    pub fn all(&self) -> Vec<CodeCount> {
        listed(&locked(&self.counts).all)
    }

    /// The minutes of the last hour that had any, oldest first, each with its beginning.
    pub fn by_minute(&self, now: Timestamp) -> Vec<(Timestamp, Vec<CodeCount>)> {
        let first = now.0.div_euclid(MINUTE_US) - MINUTES_KEPT as i64;
        let counts = locked(&self.counts);
        let kept = counts.minutes.iter().filter(|(minute, _)| *minute > first);
        kept.map(|(minute, codes)| (Timestamp(minute * MINUTE_US), listed(codes))).collect()
    }
}

fn listed(codes: &ByCode) -> Vec<CodeCount> {
    codes.values().map(|&(code, count)| CodeCount { code, count }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_step_of_the_truth() {
        let durations = Durations::default();
        for us in 1..=1_000 {
            durations.note(Duration::from_micros(us * 100));
        }
        let report = durations.report();
        for (found, truth) in [(report.p50, 50.0), (report.p95, 95.0), (report.p99, 99.0)] {
            let found = found.unwrap();
            assert!(found >= truth * 0.99 && found <= truth * 1.2, "{found} for {truth}");
        }
        assert_eq!((report.count, report.max), (1_000, Some(100.0)));
    }

    #[test]
    fn errors_are_counted_by_code_and_minute_for_an_hour() {
        let meter = ErrorMeter::default();
        let minute = |n: i64| Timestamp(n * MINUTE_US + 1);
        meter.note(ErrorCode::NotFound, minute(1));
        meter.note(ErrorCode::NotFound, minute(1));
        meter.note(ErrorCode::Conflict, minute(50));
        let of =
            |now| meter.by_minute(minute(now)).into_iter().map(|(at, codes)| (at.0 / MINUTE_US, codes.len())).collect::<Vec<_>>();
        assert_eq!(of(50), [(1, 1), (50, 1)]);
        assert_eq!(of(61), [(50, 1)]);
        assert_eq!(meter.all().iter().map(|c| c.count).sum::<u64>(), 3);
    }
}
