//! The use cases: what a client or a worker can have done. The only module that opens transactions.
//!
//! A request works through a [`Session`]: who asks, and on which connection. A mutation's session holds one
//! [`UnitOfWork`](transaction::UnitOfWork), and everything done in it commits or goes together, the events that tell of
//! it included. Workers hold a [`leases::Lease`], and write only while it is theirs.
//!
//! Nothing here knows GraphQL, HTTP or FFmpeg.

pub mod database;
pub mod elements;
mod error;
pub mod event_log;
mod follow;
pub mod health;
pub mod jobs;
pub mod leases;
pub mod objects;
pub mod pages;
pub mod storage_operations;
pub mod timeline;
pub mod transaction;
pub mod uploads;

use std::sync::Arc;

/// What a followed job tells.
pub use crate::events::Event;
pub use error::Error;
pub use follow::cursor_of;
use sea_orm::DatabaseExecutor;
use tokio::sync::{Notify, broadcast};
use tokio_util::task::TaskTracker;

use crate::{
    domain::{caller::Caller, clock::Clock},
    events::Hub,
    services::{database::Database, objects::LoggedStore, transaction::UnitOfWork},
};

/// What every use case works with. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    inner: Arc<Inner>,
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
    /// Consequences that are being carried out.
    background: TaskTracker,
}

impl Services {
    pub fn new(database: Database, store: LoggedStore, hub: Hub, clock: Arc<dyn Clock>, health: health::Monitor) -> Self {
        let cancelled = broadcast::channel(64).0;
        Self {
            inner: Arc::new(Inner {
                database,
                store,
                hub,
                clock,
                queue_bell: Notify::new(),
                cancelled,
                health,
                background: TaskTracker::new(),
            }),
        }
    }

    /// A session that reads; see [`Self::begin`] for one that writes.
    pub fn session(&self, caller: Caller) -> Session {
        Session { services: self.clone(), caller, scope: Scope::Read }
    }

    /// A session whose every change is one transaction: to be ended with [`Session::commit`].
    pub async fn begin(&self, caller: Caller) -> Result<Session, Error> {
        let unit = UnitOfWork::begin(self).await?;
        Ok(Session { services: self.clone(), caller, scope: Scope::Write(Arc::new(unit)) })
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

    /// Waits until a job may have become claimable.
    pub async fn queue_rung(&self) {
        self.inner.queue_bell.notified().await;
    }

    /// Waits until what commits have set going is done.
    pub async fn settled(&self) {
        self.inner.background.close();
        self.inner.background.wait().await;
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
    scope: Scope,
}

#[derive(Clone)]
enum Scope {
    Read,
    Write(Arc<UnitOfWork>),
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
        match &self.scope {
            Scope::Read => DatabaseExecutor::from(self.services.database().reader()),
            Scope::Write(unit) => DatabaseExecutor::from(unit.transaction()),
        }
    }

    fn unit(&self) -> Result<&UnitOfWork, Error> {
        match &self.scope {
            Scope::Read => Err(Error::internal("a change was asked for outside of a transaction")),
            Scope::Write(unit) => Ok(unit),
        }
    }

    /// Makes the changes permanent, then tells those who wait for them.
    pub async fn commit(self) -> Result<(), Error> {
        let Scope::Write(unit) = self.scope else { return Ok(()) };
        let unit = Arc::try_unwrap(unit).map_err(|_| Error::internal("a transaction was still in use at its end"))?;
        unit.commit().await
    }
}
