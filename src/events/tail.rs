//! Follows the log and publishes what is new.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Event, Hub};

/// Without a bell, the log is looked at this often: what other processes write is seen within it.
const POLL: Duration = Duration::from_millis(200);
/// Rows of one look.
const BATCH: u64 = 500;

/// A place in the log: on PostgreSQL the writing transaction and the row, on SQLite the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    pub transaction: i64,
    pub row: i64,
}

/// The log cannot be read now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct LogError(pub String);

/// The events table, as the tail needs it.
#[async_trait::async_trait]
pub trait EventLog: Send + Sync {
    /// Where the log ends now: what is written later comes after it.
    async fn end(&self) -> Result<LogPosition, LogError>;
    /// What comes after a position, oldest first, up to `most` rows: only rows before which none can still appear.
    async fn after(&self, position: LogPosition, most: u64) -> Result<Vec<(LogPosition, Event)>, LogError>;
}

/// Runs until stopped. A log that cannot be read is tried again; listeners then only wait. `seen` gets each event before
/// the listeners do, so that what they then read is not older than it.
pub async fn tail(log: impl EventLog, hub: Hub, seen: impl Fn(&[Event]) -> BoxFuture<'static, ()>, stop: CancellationToken) {
    let mut position = None;
    loop {
        match advance(&log, &hub, &seen, position).await {
            Ok(reached) => position = Some(reached),
            Err(error) => tracing::warn!(%error, "the event log cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = hub.rung() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

async fn advance(
    log: &impl EventLog,
    hub: &Hub,
    seen: &impl Fn(&[Event]) -> BoxFuture<'static, ()>,
    position: Option<LogPosition>,
) -> Result<LogPosition, LogError> {
    let mut position = match position {
        Some(position) => position,
        None => log.end().await?,
    };
    loop {
        let rows = log.after(position, BATCH).await?;
        let full = rows.len() as u64 == BATCH;
        let (places, events): (Vec<LogPosition>, Vec<Event>) = rows.into_iter().unzip();
        seen(&events).await;
        position = places.last().copied().unwrap_or(position);
        events.into_iter().for_each(|event| hub.publish(event));
        if !full {
            return Ok(position);
        }
    }
}
