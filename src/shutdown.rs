//! Ending in two phases: first stop taking work and let what runs finish, for a while; then end at once.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two phases, as tokens that every part watches.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Take no new work.
    pub draining: CancellationToken,
    /// Leave what is not done.
    pub now: CancellationToken,
}

impl Shutdown {
    /// Begins the first phase, and the second after `grace`.
    pub fn begin(&self, grace: Duration) {
        self.draining.cancel();
        let now = self.now.clone();
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            now.cancel();
        });
    }

    /// Begins with the first SIGTERM or SIGINT; the second ends at once.
    pub fn on_signals(&self, grace: Duration) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if shutdown.draining.is_cancelled() {
                    tracing::info!("a second signal: ending at once");
                    shutdown.now.cancel();
                } else {
                    tracing::info!(grace_s = grace.as_secs(), "shutting down: finishing what runs");
                    shutdown.begin(grace);
                }
            }
        });
        Ok(())
    }
}
