//! Keeps the lease of an attempt, and says when the attempt must stop.

use tokio::sync::broadcast;

use super::{HEARTBEAT_EVERY, LEASE, Worker};
use crate::services::leases::{Lease, Pulse};

/// Why an attempt stops before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Cancelled,
    /// Another has the job, or it is gone.
    Lost,
    /// The node ends.
    HandBack,
}

/// Returns once the attempt must stop; until then it keeps the lease.
pub async fn until_stopped(worker: &Worker, lease: &Lease, mut cancellations: broadcast::Receiver<String>) -> Stop {
    let mut beat = tokio::time::interval(HEARTBEAT_EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut kept = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = worker.shutdown.now.cancelled() => return Stop::HandBack,
            cancelled = cancellations.recv() => match cancelled {
                Ok(job_id) if job_id != lease.job_id => continue,
                // One that was missed shows in the heartbeat, which is asked now.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Stop::HandBack,
            },
            _ = beat.tick() => {}
        }
        match worker.services.heartbeat(lease, LEASE).await {
            Ok(Pulse::Held) => kept = tokio::time::Instant::now(),
            Ok(Pulse::MustStop) => return Stop::Cancelled,
            Ok(Pulse::Lost) => return Stop::Lost,
            Err(error) => tracing::warn!(%error, cause = error.hidden_cause(), job = lease.job_id, "a heartbeat failed"),
        }
        // By now another may have taken the job.
        if kept.elapsed() > LEASE {
            return Stop::Lost;
        }
    }
}
