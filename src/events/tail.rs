//! Follows the log and publishes what is new.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Event, Hub};

/// Without a bell, the log is looked at this often: what other processes write is seen within it.
const POLL: Duration = Duration::from_millis(200);
/// After a bell, others may ring at once: so long they are waited for, to be read together.
const TOGETHER: Duration = Duration::from_millis(5);
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
        if let Err(error) = advance(&log, &hub, &seen, &mut position).await {
            tracing::warn!(%error, "the event log cannot be read");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = hub.rung() => tokio::time::sleep(TOGETHER).await,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

async fn advance(
    log: &impl EventLog,
    hub: &Hub,
    seen: &impl Fn(&[Event]) -> BoxFuture<'static, ()>,
    position: &mut Option<LogPosition>,
) -> Result<(), LogError> {
    // Kept whatever comes next: what is written from now on is not passed over.
    let mut reached = match *position {
        Some(position) => position,
        None => *position.insert(log.end().await?),
    };
    loop {
        let rows = log.after(reached, BATCH).await?;
        let full = rows.len() as u64 == BATCH;
        let (places, events): (Vec<LogPosition>, Vec<Event>) = rows.into_iter().unzip();
        seen(&events).await;
        reached = places.last().copied().unwrap_or(reached);
        *position = Some(reached);
        events.into_iter().for_each(|event| hub.publish(event));
        if !full {
            return Ok(());
        }
    }
}
