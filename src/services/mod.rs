//! The use cases: what a client or a worker can have done. The only module that opens transactions.
//!
//! A request works through a [`Session`]: who asks, and on which connection. A mutation's session holds one
//! [`UnitOfWork`](transaction::UnitOfWork), and everything done in it commits or goes together, the events that tell of
//! it included. Workers hold a [`leases::Lease`], and write only while it is theirs.
//!
//! What a reading session asks for again is cached ([`crate::cache`]); one that writes reads its own transaction. Each
//! mutation leaves its entries in the [audit] log, and the node counts its own work ([`meters`], told by [`diagnostics`]).
//!
//! Nothing here knows GraphQL, HTTP or FFmpeg.

mod aggregates;
pub mod audit;
mod bulk;
mod cached;
pub mod database;
pub mod diagnostics;
pub mod elements;
mod error;
pub mod event_log;
mod follow;
pub mod health;
pub mod jobs;
pub mod leases;
pub mod meters;
pub mod objects;
pub mod pages;
pub mod query_plans;
mod storage_log;
pub mod storage_operations;
pub mod storage_statistics;
pub mod studio;
mod sweep;
pub mod templates;
pub mod timeline;
pub mod transaction;
pub mod uploads;

use std::{sync::Arc, time::Duration};

/// What a followed job tells.
pub use crate::events::Event;
pub use error::Error;
pub use follow::cursor_of;
use sea_orm::DatabaseExecutor;
use tokio::sync::{Notify, OnceCell, broadcast};
use tokio_util::task::TaskTracker;

pub use transaction::HeldJobs;

use crate::{
    cache::{Aggregates, Tags},
    domain::{
        caller::{Caller, Role},
        clock::Clock,
    },
    events::Hub,
    services::{cached::Caches, database::Database, meters::Meters, objects::LoggedStore, transaction::UnitOfWork},
};

/// What every use case works with. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

/// What services are made of.
pub struct Parts {
    pub database: Database,
    pub store: LoggedStore,
    pub hub: Hub,
    pub clock: Arc<dyn Clock>,
    pub health: health::Monitor,
    pub tags: Tags,
    pub meters: Arc<Meters>,
    /// `None` on a node that cannot look into media.
    pub studio: Option<Box<dyn studio::Studio>>,
    /// The longest that a request's transaction may take.
    pub transaction_limit: Duration,
}

struct Inner {
    database: Database,
    store: LoggedStore,
    hub: Hub,
    clock: Arc<dyn Clock>,
    /// Rung when a job may have become claimable.
    queue_bell: Notify,
    /// Ids of jobs whose render, if it runs here, is to stop at once.
    cancelled: broadcast::Sender<String>,
    health: health::Monitor,
    tags: Tags,
    caches: Caches,
    aggregates: Aggregates,
    meters: Arc<Meters>,
    studio: Option<Box<dyn studio::Studio>>,
    transaction_limit: Duration,
    /// Consequences that are being carried out.
    background: TaskTracker,
}

impl Services {
    pub fn new(parts: Parts) -> Self {
        let caches = Caches::new(&parts.tags);
        Self {
            inner: Arc::new(Inner {
                database: parts.database,
                store: parts.store,
                hub: parts.hub,
                clock: parts.clock,
                queue_bell: Notify::new(),
                cancelled: broadcast::channel(64).0,
                health: parts.health,
                tags: parts.tags,
                caches,
                aggregates: Aggregates::default(),
                meters: parts.meters,
                studio: parts.studio,
                transaction_limit: parts.transaction_limit,
                background: TaskTracker::new(),
            }),
        }
    }

    /// A session that reads; see [`Self::changing`] for one that writes.
    pub fn session(&self, caller: Caller, correlation_id: &str) -> Session {
        Session { services: self.clone(), caller, correlation_id: correlation_id.into(), scope: Scope::Read }
    }

    /// A session whose every change is one transaction, begun by its first [`Session::enter`]: to be ended with
    /// [`Session::commit`]. The jobs of an earlier try, which collided, are held from the beginning.
    pub fn changing(&self, caller: Caller, correlation_id: &str, held: &HeldJobs) -> Session {
        Session { scope: Scope::Write(Arc::default(), held.clone()), ..self.session(caller, correlation_id) }
    }

    pub fn database(&self) -> &Database {
        &self.inner.database
    }

    pub fn store(&self) -> &LoggedStore {
        &self.inner.store
    }

    pub fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    pub fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    pub fn tags(&self) -> &Tags {
        &self.inner.tags
    }

    fn caches(&self) -> &Caches {
        &self.inner.caches
    }

    pub fn meters(&self) -> &Arc<Meters> {
        &self.inner.meters
    }

    /// The longest that a request's transaction may take.
    pub fn transaction_limit(&self) -> Duration {
        self.inner.transaction_limit
    }

    /// Waits until a job may have become claimable.
    pub async fn queue_rung(&self) {
        self.inner.queue_bell.notified().await;
    }

    /// Waits until what commits have set going is done.
    pub async fn settled(&self) {
        self.inner.background.close();
        self.inner.background.wait().await;
        self.store().logged().await;
    }

    /// Ids of jobs that are being cancelled, from now on.
    pub fn cancellations(&self) -> broadcast::Receiver<String> {
        self.inner.cancelled.subscribe()
    }
}

/// One request's view: who asks, and what it reads from.
#[derive(Clone)]
pub struct Session {
    services: Services,
    caller: Caller,
    /// Of the request, for the audit log.
    correlation_id: Arc<str>,
    scope: Scope,
}

#[derive(Clone)]
enum Scope {
    Read,
    /// Empty until something is to be changed.
    Write(Arc<OnceCell<UnitOfWork>>, HeldJobs),
}

impl Session {
    pub fn services(&self) -> &Services {
        &self.services
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The connection to read from: the transaction, where there is one, so that a request sees its own writes.
    fn executor(&self) -> DatabaseExecutor<'_> {
        match self.begun() {
            Some(unit) => DatabaseExecutor::from(unit.transaction()),
            None => DatabaseExecutor::from(self.services.database().reader()),
        }
    }

    fn begun(&self) -> Option<&UnitOfWork> {
        match &self.scope {
            Scope::Read => None,
            Scope::Write(unit, _) => unit.get(),
        }
    }

    /// Whether it is outside of a transaction: only then may it read what is cached.
    fn only_reads(&self) -> bool {
        self.begun().is_none()
    }

    /// Refuses a caller that may not act as `role`.
    pub fn require(&self, role: Role) -> Result<(), Error> {
        if self.caller.may_act_as(role) { Ok(()) } else { Err(Error::Forbidden { needs: role.as_str() }) }
    }

    /// Begins a field of a mutation, which may then change things.
    pub async fn enter(&self, action: &str) -> Result<(), Error> {
        match &self.scope {
            Scope::Read => Err(Error::internal("a change was asked for outside of a mutation")),
            Scope::Write(unit, held) => {
                let begin = async || {
                    let unit = UnitOfWork::begin(&self.services).await?;
                    held.hold(&unit, &self.caller.tenant).await?;
                    Ok::<_, Error>(unit)
                };
                unit.get_or_try_init(begin).await?.enter(action).await
            }
        }
    }

    /// Notes that a job is about to be held: a try after a collision holds all of them at once, in one order. Who holds one
    /// already does not wait long for the next, which may be held by one who waits for the first.
    async fn holds_job(&self, id: &str) -> Result<(), Error> {
        match &self.scope {
            Scope::Write(_, held) if held.note(id) => self.unit()?.hurry().await,
            _ => Ok(()),
        }
    }

    fn unit(&self) -> Result<&UnitOfWork, Error> {
        self.begun().ok_or_else(|| Error::internal("a change was asked for outside of a mutation's field"))
    }

    /// Makes the changes permanent, then tells those who wait for them.
    pub async fn commit(self) -> Result<(), Error> {
        if self.begun().is_none() {
            return Ok(());
        }
        self.audit().await?;
        let Scope::Write(unit, _) = self.scope else { return Ok(()) };
        let unit = Arc::try_unwrap(unit).map_err(|_| Error::internal("a transaction was still in use at its end"))?;
        match unit.into_inner() {
            Some(unit) => unit.commit().await,
            None => Ok(()),
        }
    }
}
