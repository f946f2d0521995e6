//! The worker's side of a job: claimed under a lease, changed only while the lease holds, ended once.
//!
//! A lease has a fence, raised by every claim and release. Each write of a worker holds the job's row and
//! compares owner and fence first, so one whose lease ran out changes nothing more.

mod attempt;
mod claim;
mod end;
mod outside;

pub use attempt::Advance;
pub(in crate::services) use attempt::Leave;
pub use claim::{Claimed, Pulse};
pub(in crate::services) use claim::{lost, next_due};
pub use end::Ending;
pub use outside::{ElementReport, Outcome, StatusReport, StepReport};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, sea_query::LockType};

use super::{Error, Services, transaction::UnitOfWork};
use crate::{domain::job::JobStatus, entities::job};

/// The right to work on a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub job_id: String,
    pub tenant: String,
    pub attempt: i32,
    pub fence: i64,
    pub owner: String,
}

/// What the owners of leases of workers outside of the service begin with.
const OUTSIDE: &str = "outside:";

/// Whether a job is with a worker outside of the service.
pub(super) fn is_outside(row: &job::Model) -> bool {
    row.lease_owner.as_deref().is_some_and(|owner| owner.starts_with(OUTSIDE))
}

/// Why a worker's write did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LeaseError {
    /// The job is another's now, or gone: stop.
    #[error("the lease on the job is lost")]
    Lost,
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<sea_orm::DbErr> for LeaseError {
    fn from(error: sea_orm::DbErr) -> Self {
        LeaseError::Failed(error.into())
    }
}

impl Services {
    /// Begins a write of a worker.
    async fn begin_leased(&self, lease: &Lease) -> Result<(UnitOfWork, job::Model), LeaseError> {
        let unit = UnitOfWork::begin(self).await?;
        let row = guarded(unit.transaction(), lease).await?;
        Ok((unit, row))
    }
}

/// The job's row, held, if the lease still is.
async fn guarded(transaction: &DatabaseTransaction, lease: &Lease) -> Result<job::Model, LeaseError> {
    let found = job::Entity::find_by_id(&lease.job_id)
        .filter(job::Column::Fence.eq(lease.fence))
        .filter(job::Column::LeaseOwner.eq(&lease.owner))
        .filter(job::Column::Status.eq(JobStatus::Processing.as_str()))
        .lock(LockType::NoKeyUpdate)
        .one(transaction)
        .await?;
    found.ok_or(LeaseError::Lost)
}
