//! What happened, told to those who listen.
//!
//! The events table is the truth ([`EventLog`] reads it); this module carries its rows within the process. One
//! [`tail`] a node follows the log and publishes to the [`Hub`], where each job is a topic. A bell wakes the tail at
//! once when this process has written; a poll finds what others wrote. Losing a bell only delays.
//!
//! Nothing here knows how a row is stored, nor what GraphQL is.

mod hub;
mod tail;

pub use hub::{Heard, Hub, Subscription};
pub use tail::{EventLog, LogError, LogPosition, tail};

use crate::domain::{clock::Timestamp, event::EventKind};

/// A row of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub job_id: String,
    /// Counts the job's events from 1, without a gap.
    pub seq: i64,
    pub kind: EventKind,
    /// The id of what the event is about.
    pub subject: String,
    pub payload: serde_json::Value,
    pub at: Timestamp,
}
