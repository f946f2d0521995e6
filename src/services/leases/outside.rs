//! Workers outside of the service: they take a job, tell of its steps and end it through the API, under a lease like any
//! other. Each thing they tell prolongs it; one who says nothing for too long has lost the job to the queue.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Statement,
};

use super::{Ending, Lease, OUTSIDE, attempt, attempt::Leave};
use crate::{
    domain::{
        caller::Role,
        composition::ElementStatus,
        error::{ErrorCode, JobFailure},
        job::JobStatus,
        media::MediaInfo,
        output::RenderedFile,
        timeline::{ProcessingStep, StepStatus},
    },
    entities::{asset, element, job, timeline_step},
    services::{
        Error, Session,
        event_log::{self, NewEvent},
        jobs::{no_such_job, refused},
        objects::Purpose,
        transaction::Afterwards,
    },
};

/// How long a worker outside may say nothing, milliseconds.
const LEASE_MS: i64 = 60_000;

/// Where a job goes, as a worker tells it.
#[derive(Debug, Clone)]
pub struct StatusReport {
    pub job_id: String,
    pub status: JobStatus,
    /// The attempt that the worker means: refused where the job is at another.
    pub attempt: Option<i32>,
    pub message: Option<String>,
    /// Of a job that has FAILED.
    pub failure: Option<JobFailure>,
    /// Of a job that is COMPLETED.
    pub result: Option<RenderedFile>,
}

/// What a worker tells of a step.
#[derive(Debug, Clone, Default)]
pub struct StepReport {
    /// 0…100.
    pub progress: Option<f64>,
    pub cpu_ms: Option<f64>,
    pub peak_memory: Option<i64>,
    pub bytes_read: Option<i64>,
    pub bytes_written: Option<i64>,
    pub frames_per_second: Option<f64>,
    pub details: Option<serde_json::Value>,
}

/// How a step ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    Done,
    Failed(String),
}

/// What a worker tells of an element.
#[derive(Debug, Clone)]
pub struct ElementReport {
    pub element_id: String,
    pub status: ElementStatus,
    pub progress: Option<f64>,
    pub error: Option<String>,
    pub local_path: Option<String>,
    pub processed_path: Option<String>,
    pub media: Option<MediaInfo>,
}

impl Session {
    /// Takes a job from the queue, ends it, or hands it back. Only steps of the state machine, only by who holds the job.
    pub async fn update_job_status(&self, report: StatusReport) -> Result<job::Model, Error> {
        self.require(Role::Worker)?;
        let row = self.locked_job(&report.job_id).await?;
        let (from, to) = (row.status(), report.status);
        if from == to || !from.can_become(to) {
            return Err(refused(&format!("a job cannot become {}", to.as_str()), from, "look at its status first"));
        }
        match (from, to) {
            (JobStatus::Queued, JobStatus::Processing) => self.take(row, report.message).await,
            (JobStatus::Draft, JobStatus::Queued) => self.submit_job(&row.id).await,
            (JobStatus::Failed | JobStatus::Cancelled, JobStatus::Queued) => self.retry_job(&row.id).await,
            (JobStatus::Processing, _) => self.end_outside(row, report).await,
            (_, JobStatus::Cancelled) => self.cancel_job(&row.id).await,
            _ => Err(refused(&format!("a job cannot become {}", to.as_str()), from, "look at its status first")),
        }
    }

    async fn take(&self, row: job::Model, message: Option<String>) -> Result<job::Model, Error> {
        let unit = self.unit()?;
        let now = self.services().clock().now();
        let lease = Lease {
            job_id: row.id.clone(),
            tenant: row.tenant.clone(),
            attempt: row.attempt + 1,
            fence: row.fence + 1,
            owner: self.outside_owner(),
        };
        let started_at = row.started_at.or(Some(now.0));
        let mut change = row.into_active_model();
        change.status = Set(JobStatus::Processing.as_str().to_owned());
        change.attempt = Set(lease.attempt);
        change.fence = Set(lease.fence);
        change.lease_owner = Set(Some(lease.owner.clone()));
        change.lease_expires_at = Set(Some(now.plus_ms(LEASE_MS).0));
        change.started_at = Set(started_at);
        change.updated_at = Set(now.0);
        change.progress = Set(0.0);
        change.current_step = Set(None);
        change.error = Set(None);
        change.cancel_requested_at = Set(None);
        let row = change.update(unit.transaction()).await?;
        self.prolong(&row.id).await?;
        self.services().open_attempt(unit, &lease, message).await?;
        Ok(row)
    }

    async fn end_outside(&self, row: job::Model, report: StatusReport) -> Result<job::Model, Error> {
        self.holds(&row, report.attempt)?;
        let unit = self.unit()?;
        let ending = match report.status {
            JobStatus::Completed => {
                let steps = attempt::steps(unit.transaction(), &row.id, row.attempt).await?;
                all_or_none(&steps)?;
                Ending::Done(report.result.into_iter().collect())
            }
            JobStatus::Failed => {
                let reason = || JobFailure::new(ErrorCode::Internal, "the worker gave no reason");
                let failure = report.failure.unwrap_or_else(reason).for_good();
                if let Some(id) = &failure.element_id {
                    let of_job = element::Entity::find_by_id(id).filter(element::Column::JobId.eq(&row.id));
                    let missing = || Error::NotFound { what: "element of the job", id: id.clone() };
                    of_job.one(unit.transaction()).await?.ok_or_else(missing)?;
                }
                Ending::Failed(failure)
            }
            JobStatus::Cancelled => Ending::Cancelled,
            _ => Ending::HandedBack,
        };
        let (to, leave) = super::end::decide(&row, ending, 0.0)?;
        let id = row.id.clone();
        self.services().end_attempt(unit, row, to, Leave { message: report.message, ..leave }).await?;
        if to == JobStatus::Queued {
            unit.afterwards(Afterwards::RingQueue);
        }
        let ended = job::Entity::find_by_id(&id).one(unit.transaction()).await?;
        ended.ok_or_else(|| no_such_job(&id))
    }

    /// The file of an upload, if it is in the store. To be asked before anything is held.
    pub async fn uploaded_file(&self, job_id: &str, asset_id: &str, file: RenderedFile) -> Result<RenderedFile, Error> {
        let found = asset::Entity::find_by_id(asset_id)
            .filter(asset::Column::Tenant.eq(&self.caller().tenant))
            .one(&self.executor())
            .await?
            .ok_or_else(|| Error::NotFound { what: "asset", id: asset_id.to_owned() })?;
        let store = self.services().store();
        let purpose = Purpose { tenant: found.tenant.clone(), job_id: Some(job_id.to_owned()), element_id: None };
        let size = store.size_of(&purpose, &found.key).await?.ok_or_else(|| {
            Error::conflict("the upload is not in the store", "send the file to the address that createUpload gave first")
        })?;
        let checksum_sha256 = found.checksum_sha256.unwrap_or_default();
        Ok(RenderedFile { bucket: found.bucket, key: found.key, size, checksum_sha256, ..file })
    }

    /// Begins a step of a job's attempt: the next in order, once those before it are done.
    pub async fn start_processing_step(
        &self,
        job_id: &str,
        attempt: Option<i32>,
        which: ProcessingStep,
        details: Option<serde_json::Value>,
    ) -> Result<timeline_step::Model, Error> {
        let job = self.held_outside(job_id, attempt).await?;
        let unit = self.unit()?;
        let steps = attempt::steps(unit.transaction(), &job.id, job.attempt).await?;
        let next = steps.iter().find(|step| step.status != StepStatus::Completed.as_str());
        let may = |next: &&timeline_step::Model| next.status == StepStatus::Pending.as_str() && next.step_order == which.order();
        let Some(next) = next.filter(may).cloned() else {
            let stands = next.map_or("all are done".to_owned(), |step| format!("{} is {}", step.step, step.status));
            let message = format!("the steps go in order, one after the other: {} cannot start while {stands}", which.as_str());
            return Err(Error::conflict(
                message,
                "complete the step that runs, then start the next; after one that failed, end the job",
            ));
        };
        let mut change = next.into_active_model();
        if let Some(details) = details {
            change.details = Set(details);
        }
        let progress = job.progress;
        let row = self.services().begin_step(unit, job, (which, change), progress).await?;
        unit.target(&row.id);
        Ok(row)
    }

    /// Tells how far a step is that runs.
    pub async fn update_step_progress(&self, step_id: &str, report: StepReport) -> Result<timeline_step::Model, Error> {
        let (job, found) = self.running_step(step_id).await?;
        let unit = self.unit()?;
        let (which, before) = (found.state().step, found.progress);
        let mut change = found.into_active_model();
        note(&mut change, &report);
        if let Some(progress) = report.progress {
            // It never goes back: a message that came late changes nothing.
            change.progress = Set(progress.max(before));
        }
        let row = change.update(unit.transaction()).await?;
        let job = self.services().advanced(unit.transaction(), job, which, overall(which, row.progress)).await?;
        let told = vec![NewEvent::step(&row.state())?, NewEvent::status(&job.id, &attempt::still_processing(&job))?];
        event_log::append(unit, &job.tenant, &job.id, self.services().clock().now(), told).await?;
        Ok(row)
    }

    /// Ends a step that runs.
    pub async fn complete_processing_step(
        &self,
        step_id: &str,
        outcome: Outcome,
        report: StepReport,
    ) -> Result<timeline_step::Model, Error> {
        let (job, found) = self.running_step(step_id).await?;
        let unit = self.unit()?;
        let which = found.state().step;
        let done = matches!(outcome, Outcome::Done);
        let how = if done { StepStatus::Completed } else { StepStatus::Failed };
        let mut change = attempt::ended(found, how, self.services().clock().now().0);
        note(&mut change, &report);
        if let Outcome::Failed(reason) = outcome {
            change.error = Set(Some(reason));
        }
        let progress = if done { overall(which, 100.0) } else { job.progress };
        let job = self.services().advanced(unit.transaction(), job, which, progress).await?;
        self.services().write_step(unit, &job, change).await
    }

    /// Tells where the work on an element stands.
    pub async fn update_element_status(&self, report: ElementReport) -> Result<element::Model, Error> {
        let missing = || Error::NotFound { what: "element", id: report.element_id.clone() };
        let found = self.element(&report.element_id).await?.ok_or_else(missing)?;
        let job = self.held_outside(&found.job_id, None).await?;
        let unit = self.unit()?;
        let found = element::Entity::find_by_id(&report.element_id).one(unit.transaction()).await?.ok_or_else(missing)?;
        let from = ElementStatus::parse(&found.status).unwrap_or(ElementStatus::Pending);
        if !from.can_become(report.status) {
            let message = format!("an element cannot become {} after {}", report.status.as_str(), from.as_str());
            return Err(Error::conflict(message, "the work on an element goes on or fails, and never goes back"));
        }
        let now = self.services().clock().now();
        let progress = if report.status == ElementStatus::Ready { 100.0 } else { report.progress.unwrap_or(0.0) };
        let before = if from == report.status { found.progress } else { 0.0 };
        unit.target(&found.id);
        let mut change = found.into_active_model();
        change.status = Set(report.status.as_str().to_owned());
        change.progress = Set(progress.max(before));
        change.updated_at = Set(now.0);
        let reason = || report.error.clone().unwrap_or_else(|| "the worker gave no reason".into());
        change.error = Set((report.status == ElementStatus::Failed).then(reason));
        if let Some(path) = report.local_path {
            change.local_path = Set(Some(path));
        }
        if let Some(path) = report.processed_path {
            change.processed_path = Set(Some(path));
        }
        if let Some(media) = report.media {
            let media = serde_json::to_value(media).map_err(|error| Error::internal(error.to_string()))?;
            change.media = Set(Some(media));
        }
        let row = change.update(unit.transaction()).await?;
        event_log::append(unit, &job.tenant, &job.id, now, vec![NewEvent::changed(&job.id)]).await?;
        Ok(row)
    }

    async fn running_step(&self, step_id: &str) -> Result<(job::Model, timeline_step::Model), Error> {
        let missing = || Error::NotFound { what: "step", id: step_id.to_owned() };
        let found = self.steps_by_id(std::slice::from_ref(&step_id.to_owned())).await?.pop().ok_or_else(missing)?;
        let job = self.held_outside(&found.job_id, None).await?;
        let unit = self.unit()?;
        let found = timeline_step::Entity::find_by_id(step_id).one(unit.transaction()).await?.ok_or_else(missing)?;
        unit.target(&found.id);
        if found.attempt != job.attempt || found.status != StepStatus::Running.as_str() {
            let message = format!("the step is {}, of attempt {} of {}", found.status, found.attempt, job.attempt);
            return Err(Error::conflict(message, "start it with startProcessingStep first"));
        }
        Ok((job, found))
    }

    /// The job, held, if this worker has it; its lease is prolonged.
    async fn held_outside(&self, job_id: &str, attempt: Option<i32>) -> Result<job::Model, Error> {
        self.require(Role::Worker)?;
        let row = self.locked_job(job_id).await?;
        self.holds(&row, attempt)?;
        self.prolong(job_id).await?;
        Ok(row)
    }

    /// By the database's clock, as the rescue looks at it.
    async fn prolong(&self, job_id: &str) -> Result<(), Error> {
        let database = self.services().database();
        let sql = format!("UPDATE jobs SET lease_expires_at = {} + $1 WHERE id = $2", database.now_sql());
        let prolong = Statement::from_sql_and_values(database.backend(), sql, [(LEASE_MS * 1_000).into(), job_id.into()]);
        self.unit()?.transaction().execute_raw(prolong).await?;
        Ok(())
    }

    fn holds(&self, row: &job::Model, attempt: Option<i32>) -> Result<(), Error> {
        if row.status() != JobStatus::Processing {
            let suggestion = "take it with updateJobStatus first";
            return Err(refused("only a job that is PROCESSING has steps that go on", row.status(), suggestion));
        }
        if attempt.is_some_and(|attempt| attempt != row.attempt) {
            let message = format!("the job is at its attempt {}: another worker has it", row.attempt);
            return Err(Error::conflict(message, "leave the job: what is told of an earlier attempt changes nothing"));
        }
        match row.lease_owner.as_deref() == Some(self.outside_owner().as_str()) {
            true => Ok(()),
            false => Err(Error::conflict(
                "another worker has the job",
                "take jobs with updateJobStatus, and set REELGRAPH_WORKERS to 0 where only workers outside are to render",
            )),
        }
    }

    fn outside_owner(&self) -> String {
        format!("{OUTSIDE}{}", self.caller().name)
    }
}

/// A worker tells of all seven steps, or of none.
fn all_or_none(steps: &[timeline_step::Model]) -> Result<(), Error> {
    let is = |step: &timeline_step::Model, status: StepStatus| step.status == status.as_str();
    if steps.iter().all(|step| is(step, StepStatus::Pending)) {
        return Ok(());
    }
    match steps.iter().find(|step| !is(step, StepStatus::Completed)) {
        None => Ok(()),
        Some(open) => {
            let message = format!("a job cannot be COMPLETED while its step {} is {}", open.step, open.status);
            Err(Error::conflict(message, "complete all seven steps first, or tell of none"))
        }
    }
}

/// How far a job is when a step is so far: each of the seven counts the same.
fn overall(which: ProcessingStep, progress: f64) -> f64 {
    (f64::from(which.order() - 1) * 100.0 + progress) / ProcessingStep::ALL.len() as f64
}

fn note(change: &mut timeline_step::ActiveModel, report: &StepReport) {
    if report.cpu_ms.is_some() {
        change.cpu_ms = Set(report.cpu_ms);
    }
    if report.peak_memory.is_some() {
        change.peak_memory = Set(report.peak_memory);
    }
    if report.bytes_read.is_some() {
        change.bytes_read = Set(report.bytes_read);
    }
    if report.bytes_written.is_some() {
        change.bytes_written = Set(report.bytes_written);
    }
    if report.frames_per_second.is_some() {
        change.frames_per_second = Set(report.frames_per_second);
    }
    if let Some(details) = &report.details {
        change.details = Set(details.clone());
    }
}
