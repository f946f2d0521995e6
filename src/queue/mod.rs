//! The worker: claims jobs, keeps their leases, makes the attempts, rescues what others lost, drains at the end.
//!
//! It knows no API: it meets the clients in the database. A wake-up from there only saves waiting, since it polls.

mod attempt;
mod child;
mod cpu;
pub mod folder;
mod kept;
mod sources;
pub mod studio;
mod watch;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use kept::KeptSources;

use crate::{
    domain::id::NodeId,
    render::{process::Limits, shelf},
    services::{Services, leases::Lease},
    shutdown::Shutdown,
    storage::Fetcher,
};

/// Without a wake-up, the queue is looked at this often.
const POLL: Duration = Duration::from_millis(500);
/// How often the jobs of lost workers are looked for.
const RESCUE_EVERY: Duration = Duration::from_secs(1);
/// How long a lease lasts without a heartbeat, and how often there is one.
const LEASE: Duration = Duration::from_secs(8);
const HEARTBEAT_EVERY: Duration = Duration::from_millis(700);

/// What rendering needs of this node.
#[derive(Debug, Clone)]
pub struct RenderSettings {
    /// The binary that renders.
    pub program: PathBuf,
    /// Where attempts have their folders.
    pub work_dir: PathBuf,
    pub limits: Limits,
    /// The most bytes of a job's sources together.
    pub source_bytes: u64,
    /// Where encoded parts and fetched sources are kept for another time.
    pub shelf_dir: PathBuf,
    /// The most bytes of all of them; 0: none are kept.
    pub shelf_bytes: u64,
}

impl RenderSettings {
    /// Where a tenant's parts are kept.
    fn shelf_of(&self, tenant: &str) -> Option<PathBuf> {
        (self.shelf_bytes > 0).then(|| kept::of_tenant(&self.shelf_dir, tenant))
    }

    fn kept_sources(&self, tenant: &str) -> Option<KeptSources> {
        self.shelf_of(tenant).map(|folder| KeptSources::new(&folder, self.shelf_bytes))
    }

    /// Removes what is too much of all that is kept.
    fn trim_shelf(&self) {
        shelf::trim(&self.shelf_dir, self.shelf_bytes);
    }
}

/// A node's worker. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    services: Services,
    fetcher: Fetcher,
    settings: Arc<RenderSettings>,
    owner: Arc<str>,
    shutdown: Shutdown,
}

impl Worker {
    pub fn new(services: Services, fetcher: Fetcher, settings: RenderSettings, shutdown: Shutdown) -> Self {
        let owner = NodeId::new(services.clock()).as_str().into();
        Self { services, fetcher, settings: Arc::new(settings), owner, shutdown }
    }

    /// Makes so many attempts at a time until shut down, and until those under way have ended.
    pub async fn run(self, slots: usize) {
        self.rescue().await;
        let attempts = TaskTracker::new();
        let rescuing = tokio::spawn(self.clone().rescue_now_and_then());
        let slots = Arc::new(Semaphore::new(slots));
        while let Some(slot) = self.free_slot(&slots).await {
            match self.services.claim(&self.owner, LEASE).await {
                Ok(Some(claimed)) => {
                    attempts.spawn(attempt::run(self.clone(), claimed, slot));
                }
                Ok(None) => self.wait_for_work().await,
                Err(error) => {
                    tracing::warn!(%error, cause = error.hidden_cause(), "the queue cannot be read");
                    self.wait_for_work().await;
                }
            }
        }
        attempts.close();
        attempts.wait().await;
        rescuing.abort();
    }

    /// `None` once the node takes no more work.
    async fn free_slot(&self, slots: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = self.shutdown.draining.cancelled() => None,
            slot = slots.clone().acquire_owned() => slot.ok(),
        }
    }

    async fn wait_for_work(&self) {
        tokio::select! {
            () = self.shutdown.draining.cancelled() => {}
            () = self.services.queue_rung() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }

    async fn rescue_now_and_then(self) {
        loop {
            tokio::time::sleep(RESCUE_EVERY).await;
            self.rescue().await;
        }
    }

    async fn rescue(&self) {
        rescue(&self.services, &self.owner).await;
    }

    async fn trim_shelf(&self) {
        let settings = self.settings.clone();
        // What could not be removed is looked at again after the next attempt.
        let _ = tokio::task::spawn_blocking(move || settings.trim_shelf()).await;
    }

    fn folder_of(&self, lease: &Lease) -> PathBuf {
        self.settings.work_dir.join(format!("{}-{}", lease.job_id, lease.fence))
    }
}

/// Takes back the jobs of lost workers on a node that renders nothing itself, until stopped.
pub async fn rescue_only(services: Services, stop: CancellationToken) {
    let owner = NodeId::new(services.clock());
    loop {
        rescue(&services, owner.as_str()).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RESCUE_EVERY) => {}
        }
    }
}

async fn rescue(services: &Services, owner: &str) {
    match services.rescue(owner).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "jobs of lost workers were taken back"),
        Err(error) => tracing::warn!(%error, cause = error.hidden_cause(), "lost jobs cannot be looked for"),
    }
}
