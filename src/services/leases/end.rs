//! The end of an attempt: done, failed, cancelled, or handed back to the queue.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

use super::{
    Lease, LeaseError,
    attempt::{self, Leave, ended},
};
use crate::{
    domain::{
        composition::ElementStatus,
        error::{ErrorCode, JobFailure},
        event::StatusChange,
        job::{JobStatus, limits},
        output::RenderedFile,
        timeline::StepStatus,
    },
    entities::{element, job},
    services::{
        Error, Services,
        event_log::{self, NewEvent},
        transaction::{Afterwards, UnitOfWork},
    },
};

/// How an attempt ended.
#[derive(Debug)]
pub enum Ending {
    /// With the files that were made; a worker outside may keep its own.
    Done(Vec<RenderedFile>),
    Failed(JobFailure),
    Cancelled,
    /// The node stops: the attempt counts for nothing.
    HandedBack,
}

/// The longest wait before another attempt, milliseconds: 10 minutes.
const LONGEST_WAIT_MS: f64 = 600_000.0;

impl Services {
    /// Ends the attempt and gives the lease up; `jitter` from 0 to 1 spreads the attempts after failures. Returns where
    /// the job went.
    pub async fn end(&self, lease: &Lease, ending: Ending, jitter: f64) -> Result<JobStatus, LeaseError> {
        let (unit, row) = self.begin_leased(lease).await?;
        let (to, leave) = decide(&row, ending, jitter)?;
        self.end_attempt(&unit, row, to, leave).await?;
        if to == JobStatus::Queued {
            unit.afterwards(Afterwards::RingQueue);
        }
        unit.commit().await?;
        Ok(to)
    }

    /// Writes how the job, the open steps and the elements stand now.
    pub(in crate::services) async fn end_attempt(
        &self,
        unit: &UnitOfWork,
        row: job::Model,
        to: JobStatus,
        leave: Leave,
    ) -> Result<(), Error> {
        let mut told = self.close_steps(unit, &row, to, leave.failure.as_ref()).await?;
        self.settle_elements(unit, &row.id, to, leave.failure.as_ref()).await?;
        let row = self.settle_job(unit, row, to, &leave).await?;
        let change = StatusChange {
            status: to,
            previous: Some(JobStatus::Processing),
            progress: row.progress,
            step: None,
            message: leave.failure.map(|failure| failure.message).or(leave.message),
        };
        told.push(NewEvent::status(&row.id, &change)?);
        event_log::append(unit, &row.tenant, &row.id, self.clock().now(), told).await
    }

    async fn settle_job(&self, unit: &UnitOfWork, row: job::Model, to: JobStatus, leave: &Leave) -> Result<job::Model, Error> {
        if !row.status().can_become(to) {
            return Err(Error::internal(format!("a job cannot go from {} to {}", row.status, to.as_str())));
        }
        let now = self.clock().now();
        let mut change = row.clone().into_active_model();
        change.status = Set(to.as_str().to_owned());
        change.fence = Set(row.fence + 1);
        change.lease_owner = Set(None);
        change.lease_expires_at = Set(None);
        change.current_step = Set(None);
        change.updated_at = Set(now.0);
        change.run_at = Set(now.plus_ms(leave.delay_ms).0);
        change.finished_at = Set(to.is_final().then_some(now.0));
        change.rescues = Set(row.rescues + i32::from(leave.rescued));
        change.uncounted = Set(row.uncounted + i32::from(leave.rescued || leave.handed_back));
        let error = leave.failure.as_ref().map(serde_json::to_value).transpose();
        change.error = Set(error.map_err(|error| Error::internal(error.to_string()))?.filter(|_| to != JobStatus::Cancelled));
        if let Some(results) = &leave.results {
            change.results = Set(results.clone());
            change.progress = Set(100.0);
        }
        Ok(change.update(unit.transaction()).await?)
    }

    /// Steps that run have failed, those that did not begin are skipped.
    async fn close_steps(
        &self,
        unit: &UnitOfWork,
        row: &job::Model,
        to: JobStatus,
        failure: Option<&JobFailure>,
    ) -> Result<Vec<NewEvent>, Error> {
        let now = self.clock().now().0;
        let mut told = Vec::new();
        for step in attempt::steps(unit.transaction(), &row.id, row.attempt).await? {
            let running = step.status == StepStatus::Running.as_str();
            if !running && step.status != StepStatus::Pending.as_str() {
                continue;
            }
            let mut change = match running {
                true => ended(step, StepStatus::Failed, now),
                false => step.into_active_model(),
            };
            if !running {
                change.status = Set(StepStatus::Skipped.as_str().to_owned());
            } else {
                let reason =
                    if to == JobStatus::Cancelled { Some("cancelled".into()) } else { failure.map(|f| f.message.clone()) };
                change.error = Set(Some(reason.unwrap_or_else(|| "handed back to the queue".into())));
            }
            told.push(NewEvent::step(&change.update(unit.transaction()).await?.state())?);
        }
        Ok(told)
    }

    async fn settle_elements(
        &self,
        unit: &UnitOfWork,
        job_id: &str,
        to: JobStatus,
        failure: Option<&JobFailure>,
    ) -> Result<(), Error> {
        let now = self.clock().now().0;
        let status = if to == JobStatus::Completed { ElementStatus::Ready } else { ElementStatus::Pending };
        attempt::set_elements(unit.transaction(), job_id, status, now).await?;
        let Some((failure, id)) = failure.and_then(|failure| failure.element_id.as_deref().map(|id| (failure, id))) else {
            return Ok(());
        };
        let found = element::Entity::find_by_id(id).filter(element::Column::JobId.eq(job_id));
        if let Some(found) = found.one(unit.transaction()).await? {
            let mut change = found.into_active_model();
            change.status = Set(ElementStatus::Failed.as_str().to_owned());
            change.error = Set(Some(failure.message.clone()));
            change.update(unit.transaction()).await?;
        }
        Ok(())
    }
}

pub(super) fn decide(row: &job::Model, ending: Ending, jitter: f64) -> Result<(JobStatus, Leave), Error> {
    let decided = match ending {
        Ending::Done(files) => {
            let results = serde_json::to_value(&files).map_err(|error| Error::internal(error.to_string()))?;
            (JobStatus::Completed, Leave { results: Some(results), ..Leave::default() })
        }
        Ending::Cancelled => (JobStatus::Cancelled, Leave::default()),
        // What the client asked for counts.
        Ending::HandedBack if row.cancel_requested_at.is_some() => (JobStatus::Cancelled, Leave::default()),
        Ending::HandedBack => (JobStatus::Queued, Leave { handed_back: true, ..Leave::default() }),
        // The cancel came while it failed: what the client asked for counts.
        Ending::Failed(_) if row.cancel_requested_at.is_some() => (JobStatus::Cancelled, Leave::default()),
        Ending::Failed(failure) if failure.code == ErrorCode::WorkerLost => {
            let to = if row.rescues + 1 < limits::RESCUES { JobStatus::Queued } else { JobStatus::Failed };
            (to, Leave { failure: Some(failure), rescued: true, ..Leave::default() })
        }
        Ending::Failed(failure) => {
            let counted = row.attempt - row.uncounted;
            let again = failure.retryable && counted < row.max_attempts;
            let to = if again { JobStatus::Queued } else { JobStatus::Failed };
            (to, Leave { failure: Some(failure), delay_ms: wait_ms(counted, jitter), ..Leave::default() })
        }
    };
    Ok(decided)
}

/// Exponential, with full jitter: after the first failure up to 2 s, then 4, 8, …
fn wait_ms(attempts: i32, jitter: f64) -> i64 {
    (2_000.0 * 2f64.powi(attempts.clamp(1, 20) - 1)).min(LONGEST_WAIT_MS).mul_add(jitter, 0.0) as i64
}
