//! Whether the service can do its work: looked into at most every few seconds, however often it is asked.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::sync::Mutex;

use super::Services;
use crate::domain::clock::Timestamp;

/// How long a look is good for.
const FRESH: Duration = Duration::from_secs(5);
/// What does not answer within this has failed.
const DEADLINE: Duration = Duration::from_secs(1);
/// A database that takes longer than this to answer is slow, milliseconds.
const SLOW_DATABASE_MS: f64 = 50.0;
/// Less room than this, bytes or a share of the disk, is too little; three times as much is little.
const LEAST_DISK_BYTES: i64 = 2 << 30;
const LEAST_DISK_SHARE: f64 = 0.05;
/// A job that waits longer than this, seconds, waits too long.
const LONG_WAIT_S: f64 = 60.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthStatus {
    Healthy,
    Degraded,
    Unhealthy,
}

/// What was seen at one look.
#[derive(Debug, Clone)]
pub struct Health {
    pub status: HealthStatus,
    pub checked_at: Timestamp,
    /// Seconds since the start.
    pub uptime: f64,
    pub database: Component,
    pub database_kind: &'static str,
    pub storage: Component,
    pub cache: Component,
    pub ffmpeg: Component,
    pub ffmpeg_version: String,
    pub queue: Queue,
    pub disk: Disk,
    pub recommendations: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Component {
    pub status: HealthStatus,
    pub latency_ms: Option<f64>,
    pub message: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Queue {
    pub queued: i64,
    pub processing: i64,
    /// How long the oldest job that could start has waited, seconds.
    pub oldest_wait_s: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Disk {
    pub total: i64,
    pub free: i64,
}

/// What the node knows of its renderer from its start.
#[derive(Debug, Clone)]
pub struct Renderer {
    pub version: String,
    /// Encoders that are needed and not there.
    pub missing: Vec<&'static str>,
}

/// Keeps the newest look.
pub struct Monitor {
    started: Instant,
    data_dir: PathBuf,
    renderer: Renderer,
    newest: Mutex<Option<(Instant, Health)>>,
}

impl Monitor {
    pub fn new(data_dir: PathBuf, renderer: Renderer) -> Self {
        Self { started: Instant::now(), data_dir, renderer, newest: Mutex::new(None) }
    }
}

impl Services {
    /// The newest look, or a new one. Those who ask meanwhile wait for the same.
    pub async fn health(&self) -> Health {
        let monitor = &self.inner.health;
        let mut newest = monitor.newest.lock().await;
        match &*newest {
            Some((at, health)) if at.elapsed() < FRESH => health.clone(),
            _ => {
                let health = self.look(monitor).await;
                *newest = Some((Instant::now(), health.clone()));
                health
            }
        }
    }

    async fn look(&self, monitor: &Monitor) -> Health {
        let (database, storage, cache, queue) =
            tokio::join!(self.look_at_database(), self.look_at_storage(), self.look_at_cache(), self.look_at_queue());
        let ffmpeg = look_at_renderer(&monitor.renderer);
        let disk = look_at_disk(&monitor.data_dir);
        let recommendations = recommendations(&database, &storage, &cache, &ffmpeg, &queue, disk);
        // Without a store nothing is rendered, but all that is known can be read.
        let storage_weight = storage.status.min(HealthStatus::Degraded);
        let advised = if recommendations.is_empty() { HealthStatus::Healthy } else { HealthStatus::Degraded };
        Health {
            status: database.status.max(storage_weight).max(ffmpeg.status).max(advised),
            checked_at: self.clock().now(),
            uptime: monitor.started.elapsed().as_secs_f64(),
            database,
            database_kind: if self.database().backend() == DbBackend::Postgres { "postgresql" } else { "sqlite" },
            storage,
            cache,
            ffmpeg,
            ffmpeg_version: monitor.renderer.version.clone(),
            queue,
            disk,
            recommendations,
        }
    }

    async fn look_at_database(&self) -> Component {
        let asked = Instant::now();
        let answer = self.database().reader().query_one_raw(Statement::from_string(self.database().backend(), "SELECT 1"));
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(_)) => {
                let latency_ms = asked.elapsed().as_secs_f64() * 1e3;
                let slow = latency_ms > SLOW_DATABASE_MS;
                let status = if slow { HealthStatus::Degraded } else { HealthStatus::Healthy };
                Component { status, latency_ms: Some(latency_ms), message: slow.then(|| "slow to answer".into()) }
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database does not answer");
                failed("does not answer")
            }
            Err(_) => failed("does not answer within a second"),
        }
    }

    async fn look_at_storage(&self) -> Component {
        let asked = Instant::now();
        match tokio::time::timeout(DEADLINE, self.store().check()).await {
            Ok(Ok(())) => {
                Component { status: HealthStatus::Healthy, latency_ms: Some(asked.elapsed().as_secs_f64() * 1e3), message: None }
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the object store does not answer");
                failed("does not answer")
            }
            Err(_) => failed("does not answer within a second"),
        }
    }

    /// Without the level that nodes share, all is slower and nothing else.
    async fn look_at_cache(&self) -> Component {
        let asked = Instant::now();
        let Some(shared) = self.tags().shared() else {
            return Component { status: HealthStatus::Healthy, latency_ms: None, message: Some("in memory only".into()) };
        };
        match shared.check().await {
            Ok(()) => {
                Component { status: HealthStatus::Healthy, latency_ms: Some(asked.elapsed().as_secs_f64() * 1e3), message: None }
            }
            Err(error) => {
                tracing::warn!(%error, "Redis does not answer");
                let message = Some("Redis does not answer".into());
                Component { status: HealthStatus::Degraded, latency_ms: None, message }
            }
        }
    }

    pub(super) async fn look_at_queue(&self) -> Queue {
        let counted = tokio::time::timeout(DEADLINE, self.count_queue()).await;
        counted.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn count_queue(&self) -> Result<Queue, super::Error> {
        let now = self.database().now_sql();
        let sql = format!(
            "SELECT (SELECT count(*) FROM jobs WHERE status = 'QUEUED') AS queued,
                    (SELECT count(*) FROM jobs WHERE status = 'PROCESSING') AS processing,
                    (SELECT {now} - min(run_at) FROM jobs WHERE status = 'QUEUED' AND run_at <= {now}) AS oldest"
        );
        let row = self.database().reader().query_one_raw(Statement::from_string(self.database().backend(), sql)).await?;
        let Some(row) = row else { return Ok(Queue::default()) };
        let oldest: Option<i64> = row.try_get("", "oldest")?;
        Ok(Queue {
            queued: row.try_get("", "queued")?,
            processing: row.try_get("", "processing")?,
            oldest_wait_s: oldest.map(|us| us as f64 / 1e6),
        })
    }
}

fn failed(message: &str) -> Component {
    Component { status: HealthStatus::Unhealthy, latency_ms: None, message: Some(message.into()) }
}

fn look_at_renderer(renderer: &Renderer) -> Component {
    match renderer.missing.as_slice() {
        [] => Component { status: HealthStatus::Healthy, latency_ms: None, message: None },
        missing => failed(&format!("FFmpeg lacks encoders: {}", missing.join(", "))),
    }
}

fn look_at_disk(folder: &std::path::Path) -> Disk {
    nix::sys::statvfs::statvfs(folder).map_or(Disk::default(), |found| {
        let bytes = |blocks: u64| (blocks.saturating_mul(found.fragment_size())).min(i64::MAX as u64) as i64;
        Disk { total: bytes(found.blocks()), free: bytes(found.blocks_available()) }
    })
}

fn recommendations(
    database: &Component,
    storage: &Component,
    cache: &Component,
    ffmpeg: &Component,
    queue: &Queue,
    disk: Disk,
) -> Vec<String> {
    let mut advice = Vec::new();
    let mut advise = |when: bool, what: &str| {
        if when {
            advice.push(what.to_owned());
        }
    };
    advise(database.status == HealthStatus::Unhealthy, "Check that the database runs and that DATABASE_URL points to it.");
    advise(database.status == HealthStatus::Degraded, "The database is slow to answer: look at its load and its disk.");
    advise(storage.status != HealthStatus::Healthy, "Check the object store, its address and its keys.");
    advise(cache.status != HealthStatus::Healthy, "Check that Redis runs and that REDIS_URL points to it.");
    advise(ffmpeg.status != HealthStatus::Healthy, "Install an FFmpeg with libx264 and AAC.");
    let least = LEAST_DISK_BYTES.max((disk.total as f64 * LEAST_DISK_SHARE) as i64).min(LEAST_DISK_BYTES * 3);
    advise(disk.total > 0 && disk.free < least, "Free room on the disk of the data folder: less than 2 GiB or 5% is left.");
    advise(
        queue.oldest_wait_s.is_some_and(|seconds| seconds > LONG_WAIT_S),
        "Jobs wait for more than a minute: add workers with REELGRAPH_WORKERS, or nodes.",
    );
    advice
}
