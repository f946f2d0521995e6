//! What a worker tells of the attempt that it makes: steps begun and done, progress, media found.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::Expr,
};

use super::{Lease, LeaseError};
use crate::{
    domain::{
        composition::ElementStatus,
        error::JobFailure,
        event::StatusChange,
        job::JobStatus,
        media::MediaInfo,
        timeline::{ProcessingStep, StepStatus, Usage},
    },
    entities::{element, job, timeline_step},
    services::{
        Error, Services,
        event_log::{self, NewEvent},
        transaction::UnitOfWork,
    },
};

/// How an attempt is left.
#[derive(Debug, Default)]
pub struct Leave {
    pub failure: Option<JobFailure>,
    /// What there is to say of it, beside the failure.
    pub message: Option<String>,
    /// The worker died.
    pub rescued: bool,
    /// The attempt does not count.
    pub handed_back: bool,
    /// Not to be claimed before this long from now, milliseconds.
    pub delay_ms: i64,
    pub results: Option<serde_json::Value>,
}

pub(super) async fn steps(
    transaction: &DatabaseTransaction,
    job_id: &str,
    attempt: i32,
) -> Result<Vec<timeline_step::Model>, Error> {
    let found = timeline_step::Entity::find()
        .filter(timeline_step::Column::JobId.eq(job_id))
        .filter(timeline_step::Column::Attempt.eq(attempt))
        .order_by_asc(timeline_step::Column::StepOrder);
    Ok(found.all(transaction).await?)
}

async fn step(
    transaction: &DatabaseTransaction,
    lease: &Lease,
    step: ProcessingStep,
) -> Result<timeline_step::Model, LeaseError> {
    let found = timeline_step::Entity::find()
        .filter(timeline_step::Column::JobId.eq(&lease.job_id))
        .filter(timeline_step::Column::Attempt.eq(lease.attempt))
        .filter(timeline_step::Column::StepOrder.eq(step.order()));
    found.one(transaction).await?.ok_or(LeaseError::Lost)
}

/// How far a job and the steps that run are, 0…100.
#[derive(Debug, Clone)]
pub struct Advance {
    pub job: f64,
    /// The one that the job shows as its current step last.
    pub steps: Vec<(ProcessingStep, f64)>,
    pub frames_per_second: Option<f64>,
}

impl Services {
    /// A step begins.
    pub async fn start_step(&self, lease: &Lease, which: ProcessingStep, progress: f64) -> Result<(), LeaseError> {
        let (unit, job) = self.begin_leased(lease).await?;
        let found = step(unit.transaction(), lease, which).await?;
        self.begin_step(&unit, job, (which, found.into_active_model()), progress).await?;
        Ok(unit.commit().await?)
    }

    /// Writes that a step begins, and tells it.
    pub(super) async fn begin_step(
        &self,
        unit: &UnitOfWork,
        job: job::Model,
        (which, mut change): (ProcessingStep, timeline_step::ActiveModel),
        progress: f64,
    ) -> Result<timeline_step::Model, Error> {
        let now = self.clock().now();
        change.status = Set(StepStatus::Running.as_str().to_owned());
        change.started_at = Set(Some(now.0));
        let row = change.update(unit.transaction()).await?;
        let job = self.advanced(unit.transaction(), job, which, progress).await?;
        let told = vec![NewEvent::step(&row.state())?, NewEvent::status(&job.id, &still_processing(&job))?];
        event_log::append(unit, &job.tenant, &job.id, now, told).await?;
        Ok(row)
    }

    /// A step is done.
    pub async fn complete_step(
        &self,
        lease: &Lease,
        which: ProcessingStep,
        usage: Usage,
        details: serde_json::Value,
    ) -> Result<(), LeaseError> {
        let (unit, job) = self.begin_leased(lease).await?;
        let found = step(unit.transaction(), lease, which).await?;
        let mut change = ended(found, StepStatus::Completed, self.clock().now().0);
        change.cpu_ms = Set(Some(usage.cpu_ms));
        change.peak_memory = Set(Some(usage.peak_memory));
        change.bytes_read = Set(usage.bytes_read);
        change.bytes_written = Set(usage.bytes_written);
        change.frames_per_second = Set(usage.frames_per_second);
        change.details = Set(details);
        self.write_step(&unit, &job, change).await?;
        Ok(unit.commit().await?)
    }

    /// Writes how a step stands, and tells it.
    pub(super) async fn write_step(
        &self,
        unit: &UnitOfWork,
        job: &job::Model,
        change: timeline_step::ActiveModel,
    ) -> Result<timeline_step::Model, Error> {
        let row = change.update(unit.transaction()).await?;
        let told = vec![NewEvent::step(&row.state())?];
        event_log::append(unit, &job.tenant, &job.id, self.clock().now(), told).await?;
        Ok(row)
    }

    /// Steps go on. To be called a few times a second at most: every call is a transaction, with an event for each step
    /// and one for the job.
    pub async fn advance(&self, lease: &Lease, to: &Advance) -> Result<(), LeaseError> {
        let (unit, mut job) = self.begin_leased(lease).await?;
        let mut told = Vec::new();
        for &(which, progress) in &to.steps {
            let found = step(unit.transaction(), lease, which).await?;
            let progress = found.progress.max(progress.clamp(0.0, 100.0));
            let mut change = found.into_active_model();
            change.progress = Set(progress);
            change.frames_per_second = Set(to.frames_per_second);
            told.push(NewEvent::step(&change.update(unit.transaction()).await?.state())?);
            job = self.advanced(unit.transaction(), job, which, to.job).await?;
        }
        told.push(NewEvent::status(&lease.job_id, &still_processing(&job))?);
        event_log::append(&unit, &lease.tenant, &lease.job_id, self.clock().now(), told).await?;
        Ok(unit.commit().await?)
    }

    pub(super) async fn advanced(
        &self,
        transaction: &DatabaseTransaction,
        job: job::Model,
        which: ProcessingStep,
        progress: f64,
    ) -> Result<job::Model, Error> {
        let progress = job.progress.max(progress.clamp(0.0, 100.0));
        let mut change = job.into_active_model();
        change.progress = Set(progress);
        change.current_step = Set(Some(which.as_str().to_owned()));
        change.updated_at = Set(self.clock().now().0);
        Ok(change.update(transaction).await?)
    }

    /// What an element's source was found to hold.
    pub async fn note_media(&self, lease: &Lease, element_id: &str, media: &MediaInfo) -> Result<(), LeaseError> {
        let media = serde_json::to_value(media).map_err(|error| Error::internal(error.to_string()))?;
        let (unit, _) = self.begin_leased(lease).await?;
        let found = element::Entity::find_by_id(element_id).filter(element::Column::JobId.eq(&lease.job_id));
        if let Some(found) = found.one(unit.transaction()).await? {
            let mut change = found.into_active_model();
            change.media = Set(Some(media));
            change.updated_at = Set(self.clock().now().0);
            change.update(unit.transaction()).await?;
        }
        self.commit_changed(unit, lease).await
    }

    /// Where all of a job's elements stand.
    pub async fn note_elements(&self, lease: &Lease, status: ElementStatus) -> Result<(), LeaseError> {
        let (unit, _) = self.begin_leased(lease).await?;
        set_elements(unit.transaction(), &lease.job_id, status, self.clock().now().0).await?;
        self.commit_changed(unit, lease).await
    }

    /// The length of the composition and when each of its elements starts, seconds, once its media are known.
    pub async fn note_schedule(&self, lease: &Lease, duration: f64, starts: &[(String, f64)]) -> Result<(), LeaseError> {
        let (unit, job) = self.begin_leased(lease).await?;
        for (id, start) in starts {
            let of_job = element::Entity::update_many()
                .col_expr(element::Column::Start, Expr::value(*start))
                .filter(element::Column::Id.eq(id))
                .filter(element::Column::JobId.eq(&lease.job_id));
            of_job.exec(unit.transaction()).await?;
        }
        let mut change = job.into_active_model();
        change.duration = Set(Some(duration));
        change.update(unit.transaction()).await?;
        self.commit_changed(unit, lease).await
    }

    /// Commits what no subscriber follows, but nodes have cached.
    async fn commit_changed(&self, unit: UnitOfWork, lease: &Lease) -> Result<(), LeaseError> {
        let told = vec![NewEvent::changed(&lease.job_id)];
        event_log::append(&unit, &lease.tenant, &lease.job_id, self.clock().now(), told).await?;
        Ok(unit.commit().await?)
    }
}

pub(super) async fn set_elements(
    transaction: &DatabaseTransaction,
    job_id: &str,
    status: ElementStatus,
    now: i64,
) -> Result<(), Error> {
    let progress = if status == ElementStatus::Ready { 100.0 } else { 0.0 };
    element::Entity::update_many()
        .col_expr(element::Column::Status, Expr::value(status.as_str()))
        .col_expr(element::Column::Progress, Expr::value(progress))
        .col_expr(element::Column::Error, Expr::value(Option::<String>::None))
        .col_expr(element::Column::UpdatedAt, Expr::value(now))
        .filter(element::Column::JobId.eq(job_id))
        .exec(transaction)
        .await?;
    Ok(())
}

/// A step that has ended, by the wall clock, which may have been set back meanwhile.
pub(super) fn ended(found: timeline_step::Model, how: StepStatus, now: i64) -> timeline_step::ActiveModel {
    let completed_at = found.started_at.map_or(now, |started| started.max(now));
    let mut change = found.into_active_model();
    change.status = Set(how.as_str().to_owned());
    change.completed_at = Set(Some(completed_at));
    if how == StepStatus::Completed {
        change.progress = Set(100.0);
    }
    change
}

pub(super) fn still_processing(job: &job::Model) -> StatusChange {
    StatusChange {
        status: JobStatus::Processing,
        previous: Some(JobStatus::Processing),
        progress: job.progress,
        step: job.current_step.as_deref().and_then(ProcessingStep::parse),
        message: None,
    }
}
