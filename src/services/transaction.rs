//! One transaction, and what is to happen only when it has committed.

use std::sync::{Mutex, PoisonError};

use sea_orm::DatabaseTransaction;

use super::{Error, Services};

/// Everything a mutation changes. Dropped without a commit, it is rolled back and nobody is told.
pub struct UnitOfWork {
    services: Services,
    transaction: DatabaseTransaction,
    afterwards: Mutex<Vec<Afterwards>>,
}

/// A consequence outside of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Afterwards {
    /// A job may have become claimable.
    RingQueue,
    /// A render is to stop, if it runs on this node; elsewhere its next heartbeat tells.
    StopRender { job_id: String },
    /// A job is gone: its listeners hear the end, its objects go.
    Forget { job_id: String, tenant: String, keys: Vec<String> },
}

impl UnitOfWork {
    pub async fn begin(services: &Services) -> Result<Self, Error> {
        let transaction = services.database().begin().await?;
        Ok(Self { services: services.clone(), transaction, afterwards: Mutex::default() })
    }

    pub fn transaction(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    pub fn afterwards(&self, what: Afterwards) {
        self.afterwards.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await?;
        self.services.hub().ring();
        for what in self.afterwards.into_inner().unwrap_or_else(PoisonError::into_inner) {
            carry_out(&self.services, what);
        }
        Ok(())
    }
}

fn carry_out(services: &Services, what: Afterwards) {
    match what {
        Afterwards::RingQueue => services.inner.queue_bell.notify_one(),
        // Nobody rendering here is no error.
        Afterwards::StopRender { job_id } => drop(services.inner.cancelled.send(job_id)),
        Afterwards::Forget { job_id, tenant, keys } => {
            services.hub().close(&job_id);
            let _ = services.inner.cancelled.send(job_id.clone());
            let store = services.store().clone();
            services.inner.background.spawn(async move { store.forget_job(&tenant, &job_id, keys).await });
        }
    }
}
