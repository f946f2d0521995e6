//! Whether the service can do its work.

use async_graphql::{Context, Enum, Object, SimpleObject};

use super::{
    error::Result,
    loaders::session,
    scalars::{DateTime, Long},
};
use crate::services::health;

/// How well.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "health::HealthStatus")]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// It works, and something should be looked at.
    Degraded,
    /// It cannot do its work.
    Unhealthy,
}

/// The service as a whole, looked into at most every five seconds.
#[derive(SimpleObject)]
pub struct Health {
    /// The worst of its parts; a store that is away only degrades it.
    status: HealthStatus,
    /// The service's version.
    version: String,
    /// Seconds since its start.
    uptime: f64,
    /// When it was looked into.
    checked_at: DateTime,
    /// The database.
    database: DatabaseHealth,
    /// The object store.
    storage: ServiceHealth,
    /// The cache's level that nodes share, where there is one.
    cache: ServiceHealth,
    /// FFmpeg's libraries.
    ffmpeg: FfmpegHealth,
    /// The jobs that wait and run.
    queue: QueueHealth,
    /// The machine.
    system: SystemHealth,
    /// What an operator should do.
    recommendations: Vec<String>,
}

/// The database.
#[derive(SimpleObject)]
pub struct DatabaseHealth {
    /// Whether it answers, and fast.
    status: HealthStatus,
    /// sqlite or postgresql.
    kind: String,
    /// How long it took to answer, milliseconds.
    latency: Option<f64>,
    /// What is wrong.
    message: Option<String>,
}

/// Another service that this one needs.
#[derive(SimpleObject)]
pub struct ServiceHealth {
    /// Whether it answers.
    status: HealthStatus,
    /// How long it took to answer, milliseconds.
    latency: Option<f64>,
    /// What is wrong.
    message: Option<String>,
}

impl From<health::Component> for ServiceHealth {
    fn from(seen: health::Component) -> Self {
        Self { status: seen.status.into(), latency: seen.latency_ms, message: seen.message }
    }
}

/// FFmpeg's libraries.
#[derive(SimpleObject)]
pub struct FfmpegHealth {
    /// Whether all encoders that are needed are there.
    status: HealthStatus,
    /// The version of libavcodec.
    version: String,
    /// What is missing.
    message: Option<String>,
}

/// The queue.
#[derive(SimpleObject)]
pub struct QueueHealth {
    /// Jobs that wait.
    queued: Long,
    /// Jobs that are rendered.
    processing: Long,
    /// How long the oldest that could start has waited, seconds.
    oldest_wait: Option<f64>,
}

impl From<health::Queue> for QueueHealth {
    fn from(seen: health::Queue) -> Self {
        Self { queued: Long(seen.queued), processing: Long(seen.processing), oldest_wait: seen.oldest_wait_s }
    }
}

/// The machine.
#[derive(SimpleObject)]
pub struct SystemHealth {
    /// The size of the data folder's disk, bytes.
    disk_total: Long,
    /// What is free of it, bytes.
    disk_free: Long,
}

#[derive(Default)]
pub struct HealthQuery;

#[Object]
impl HealthQuery {
    /// Whether the service can do its work.
    async fn health(&self, context: &Context<'_>) -> Result<Health> {
        let seen = session(context)?.services().health().await;
        Ok(Health {
            status: seen.status.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            uptime: seen.uptime,
            checked_at: DateTime(seen.checked_at),
            database: DatabaseHealth {
                status: seen.database.status.into(),
                kind: seen.database_kind.into(),
                latency: seen.database.latency_ms,
                message: seen.database.message,
            },
            storage: seen.storage.into(),
            cache: seen.cache.into(),
            ffmpeg: FfmpegHealth {
                status: seen.ffmpeg.status.into(),
                version: seen.ffmpeg_version,
                message: seen.ffmpeg.message,
            },
            queue: seen.queue.into(),
            system: SystemHealth { disk_total: Long(seen.disk.total), disk_free: Long(seen.disk.free) },
            recommendations: seen.recommendations,
        })
    }
}
