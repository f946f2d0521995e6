//! What operators and their tools probe.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::Web;
use crate::services::health::{Component, Health, HealthStatus};

/// Whether the process answers at all; depends on nothing else.
pub async fn livez() -> &'static str {
    "ok\n"
}

/// Whether to send requests here: not while it ends, nor without its database.
pub async fn readyz(State(web): State<Web>) -> Response {
    if web.shutdown.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    match web.services.health().await.database.status {
        HealthStatus::Unhealthy => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
        _ => "ok\n".into_response(),
    }
}

/// All that is known, as `application/health+json` (draft-inadarei-api-health-check-05).
pub async fn health(State(web): State<Web>) -> Response {
    let health = web.services.health().await;
    let status = if health.status == HealthStatus::Unhealthy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, [(header::CONTENT_TYPE, "application/health+json")], Json(document(&health))).into_response()
}

fn document(health: &Health) -> Value {
    let check = |kind: &str, component: &Component| {
        json!([{
            "componentType": kind,
            "status": word(component.status),
            "observedValue": component.latency_ms,
            "observedUnit": "ms",
            "time": health.checked_at.to_datetime().to_rfc3339(),
            "output": component.message,
        }])
    };
    json!({
        "status": word(health.status),
        "version": env!("CARGO_PKG_VERSION"),
        "checks": {
            "database:responseTime": check("datastore", &health.database),
            "storage:responseTime": check("datastore", &health.storage),
            "cache:responseTime": check("datastore", &health.cache),
            "ffmpeg": check("component", &health.ffmpeg),
            "queue:queued": [{ "componentType": "component", "observedValue": health.queue.queued, "observedUnit": "jobs" }],
            "disk:free": [{ "componentType": "system", "observedValue": health.disk.free, "observedUnit": "bytes" }],
        },
        "notes": health.recommendations,
    })
}

fn word(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Healthy => "pass",
        HealthStatus::Degraded => "warn",
        HealthStatus::Unhealthy => "fail",
    }
}
