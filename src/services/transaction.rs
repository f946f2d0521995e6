//! One transaction, and what is to happen only when it has committed.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::LockType,
};

use super::{
    Error, Services,
    meters::{Ended, Stopwatch},
};
use crate::entities::job;

/// How long one who holds a job waits for another, out of order, before it begins again in order.
const HURRIED_MS: u32 = 100;

/// Everything a mutation changes. Dropped without a commit, it is rolled back and nobody is told.
pub struct UnitOfWork {
    services: Services,
    transaction: DatabaseTransaction,
    stopwatch: Stopwatch,
    afterwards: Mutex<Vec<Afterwards>>,
    /// The jobs whose rows changed: what is cached of them is not found again.
    touched: Mutex<Vec<String>>,
    fields: Mutex<Vec<Field>>,
}

/// One field of a mutation, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub action: String,
    pub targets: Vec<String>,
}

/// A consequence outside of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Afterwards {
    /// A job may have become claimable.
    RingQueue,
    /// A render is to stop, if it runs on this node; elsewhere its next heartbeat tells.
    StopRender { job_id: String },
    /// Objects of a deleted job are to go.
    SweepObjects,
}

/// The jobs that a mutation holds, in the order in which all hold them who come back after a collision: those cannot meet in
/// a deadlock again. Cheap to clone; shared by the tries of one mutation.
#[derive(Clone, Default)]
pub struct HeldJobs {
    ids: Arc<Mutex<BTreeSet<String>>>,
}

impl HeldJobs {
    /// Whether it is new, and not the first.
    pub(super) fn note(&self, id: &str) -> bool {
        let mut ids = locked(&self.ids);
        ids.insert(id.to_owned()) && ids.len() > 1
    }

    /// Holds those that are known, where the database holds rows; those that are gone are no error.
    pub(super) async fn hold(&self, unit: &UnitOfWork, tenant: &str) -> Result<(), Error> {
        let ids = locked(&self.ids).clone();
        if ids.is_empty() || unit.transaction.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        job::Entity::find()
            .select_only()
            .column(job::Column::Id)
            .filter(job::Column::Tenant.eq(tenant))
            .filter(job::Column::Id.is_in(ids))
            .order_by_asc(job::Column::Id)
            .lock(LockType::NoKeyUpdate)
            .into_tuple::<String>()
            .all(&unit.transaction)
            .await?;
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl UnitOfWork {
    pub async fn begin(services: &Services) -> Result<Self, Error> {
        let transaction = services.database().begin().await?;
        Ok(Self {
            services: services.clone(),
            transaction,
            stopwatch: Stopwatch::start(services.meters().clone()),
            afterwards: Mutex::default(),
            touched: Mutex::default(),
            fields: Mutex::default(),
        })
    }

    pub fn transaction(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// Begins the next field of a mutation: a savepoint of its own. The first one's is the transaction's beginning.
    pub async fn enter(&self, action: &str) -> Result<(), Error> {
        let number = {
            let mut fields = locked(&self.fields);
            fields.push(Field { action: action.to_owned(), targets: Vec::new() });
            fields.len()
        };
        if number > 2 {
            self.say(format!("RELEASE SAVEPOINT field_{}", number - 1)).await?;
        }
        if number > 1 {
            self.say(format!("SAVEPOINT field_{number}")).await?;
        }
        Ok(())
    }

    /// From now on waits only shortly for what others hold. A deadlock would be found too, but after a second, and by one of many
    /// at a time.
    pub(super) async fn hurry(&self) -> Result<(), Error> {
        match self.transaction.get_database_backend() {
            DbBackend::Postgres => self.say(format!("SET LOCAL lock_timeout = '{HURRIED_MS}ms'")).await,
            _ => Ok(()),
        }
    }

    async fn say(&self, sql: String) -> Result<(), Error> {
        let said = Statement::from_string(self.transaction.get_database_backend(), sql);
        self.transaction.execute_raw(said).await?;
        Ok(())
    }

    /// The field that runs changes this.
    pub fn target(&self, id: &str) {
        if let Some(field) = locked(&self.fields).last_mut() {
            field.targets.push(id.to_owned());
        }
    }

    /// The fields so far, each with what it changed, once.
    pub fn fields(&self) -> Vec<Field> {
        let once = |field: &Field| {
            let mut seen = HashSet::new();
            let targets = field.targets.iter().filter(|target| seen.insert(target.as_str())).cloned().collect();
            Field { action: field.action.clone(), targets }
        };
        locked(&self.fields).iter().map(once).collect()
    }

    /// Rows of a job change.
    pub fn touch(&self, job_id: &str) {
        locked(&self.touched).push(job_id.to_owned());
    }

    pub fn afterwards(&self, what: Afterwards) {
        locked(&self.afterwards).push(what);
    }

    /// There was nothing to change.
    pub fn abandon(self) {
        self.stopwatch.ended(Ended::Idle);
    }

    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await?;
        self.stopwatch.ended(Ended::Committed);
        let touched = self.touched.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Before anybody is told: who then reads must not find what was.
        self.services.tags().invalidate(&touched).await;
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
        Afterwards::SweepObjects => {
            let sweeping = services.clone();
            services.inner.background.spawn(async move { sweeping.sweep_objects().await });
        }
    }
}
