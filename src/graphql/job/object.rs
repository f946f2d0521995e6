//! A job as clients see it.

use std::{sync::Arc, time::Duration};

use async_graphql::{Context, Enum, ID, Object};

use super::output::{Output, RenderResult};
use crate::{
    domain::{
        self,
        caller::Role,
        clock::Timestamp,
        error::{JobFailure, ViolationCode},
        output::RenderedFile,
    },
    entities::job,
    graphql::{
        element::Element,
        error::{Problem, Result, failed, unreadable},
        loaders::{loaders, session},
        pages::page_size,
        scalars::{Cursor, DateTime, Url},
        storage::{self, StorageOperationConnection},
        timeline::{ProcessingStep, TimelineStep},
    },
    services::{storage_operations::OperationFilter, studio::KeptFrame},
};

/// Where a job stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "domain::job::JobStatus")]
pub enum JobStatus {
    /// Not submitted yet: it takes more elements.
    Draft,
    /// Waits for a worker.
    Queued,
    /// Is being rendered.
    Processing,
    /// Has its result.
    Completed,
    /// Ended by an error; it can be retried.
    Failed,
    /// Cancelled by a client; it can be retried.
    Cancelled,
}

/// A composition to render, and what became of it.
pub struct Job(pub Arc<job::Model>);

#[Object]
impl Job {
    /// Its id, job_…
    pub async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// Its name, for people.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Where it stands.
    async fn status(&self) -> JobStatus {
        self.0.status().into()
    }

    /// 0–100; never goes back within one attempt.
    async fn progress(&self) -> f64 {
        self.0.progress
    }

    /// The step that runs, the latest where two run side by side.
    async fn current_step(&self) -> Option<ProcessingStep> {
        let step = self.0.current_step.as_deref().and_then(domain::timeline::ProcessingStep::parse);
        step.map(ProcessingStep::from)
    }

    /// -100…100; higher ones are rendered first.
    async fn priority(&self) -> i32 {
        self.0.priority
    }

    /// Which attempt this is; 0 before the first start.
    async fn attempt(&self) -> i32 {
        self.0.attempt
    }

    /// How many attempts it may have, those that lost their worker not counted.
    async fn max_attempts(&self) -> i32 {
        self.0.max_attempts
    }

    /// What was asked for, defaults filled in.
    async fn outputs(&self) -> Result<Vec<Output>> {
        let outputs: Vec<domain::output::Output> = stored(&self.0.outputs)?;
        Ok(outputs.into_iter().map(Output::from).collect())
    }

    /// Of the composition, seconds: of the longest output where they end at different times. Known once its media are.
    async fn duration(&self) -> Option<f64> {
        self.0.duration
    }

    /// What it shows and plays, in order of position.
    #[graphql(complexity = "10 * child_complexity + 1")]
    async fn elements(&self, context: &Context<'_>) -> Result<Vec<Element>> {
        let rows = loaders(context)?.elements_of_job(&self.0.id).await?;
        rows.iter().cloned().map(Element::of).collect()
    }

    /// The seven steps of an attempt, in order; empty before the first start.
    #[graphql(complexity = "7 * child_complexity + 1")]
    async fn timeline(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which attempt, from 1; the newest where it is not given.")] attempt: Option<i32>,
    ) -> Result<Vec<TimelineStep>> {
        let rows = loaders(context)?.timeline_of_job(&self.0.id, attempt).await?;
        Ok(rows.iter().map(|row| TimelineStep(row.state())).collect())
    }

    /// What was done to the object store for it, the newest first.
    #[graphql(complexity = "page_size(first, None) * child_complexity + 1")]
    async fn storage_operations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, from 1 to 100; 20 where it is not given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<Cursor>,
    ) -> Result<StorageOperationConnection> {
        let filter = OperationFilter { job_id: Some(self.0.id.clone()), ..OperationFilter::default() };
        storage::page(context, filter, first, after).await
    }

    /// The first output's result, once COMPLETED.
    async fn result(&self) -> Result<Option<RenderResult>> {
        let files: Vec<RenderedFile> = stored(&self.0.results)?;
        Ok(files.into_iter().next().map(RenderResult))
    }

    /// A result for each output, once COMPLETED.
    async fn results(&self) -> Result<Vec<RenderResult>> {
        let files: Vec<RenderedFile> = stored(&self.0.results)?;
        Ok(files.into_iter().map(RenderResult).collect())
    }

    /// One frame of the composition, without rendering the rest: as large as the first output, or at a width. Made once.
    #[graphql(complexity = 1_000)]
    async fn frame(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Seconds of the composition.")] at: f64,
        #[graphql(desc = "Pixels across, 16 to 7680; the height follows.")] width: Option<i32>,
    ) -> Result<Still> {
        if !(0.0..=domain::output::limits::DURATION).contains(&at) {
            return Err(Problem::of_argument("at", ViolationCode::OutOfRange, "must be a time of the composition").into());
        }
        if width.is_some_and(|width| !domain::output::limits::SIZE.contains(&i64::from(width))) {
            return Err(Problem::of_argument("width", ViolationCode::OutOfRange, "must be from 16 to 7680").into());
        }
        let width = width.and_then(|width| u32::try_from(width).ok());
        Ok(Still(session(context)?.frame(&self.0, at, width).await.map_err(failed)?))
    }

    /// Why the newest attempt failed.
    async fn error(&self) -> Result<Option<JobError>> {
        let failure: Option<JobFailure> = self.0.error.as_ref().map(stored).transpose()?;
        Ok(failure.map(JobError))
    }

    /// What the client keeps with it.
    async fn metadata(&self) -> serde_json::Value {
        self.0.metadata.clone()
    }

    /// Where its end is told to.
    async fn webhook_url(&self) -> Option<Url> {
        self.0.webhook_url.clone().map(Url)
    }

    /// The address that it was created from. For ADMIN.
    async fn client_ip(&self, context: &Context<'_>) -> Result<Option<&str>> {
        let may = session(context)?.caller().may_act_as(Role::Admin);
        Ok(self.0.client_ip.as_deref().filter(|_| may))
    }

    /// The key that makes its creation happen once.
    async fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        DateTime(Timestamp(self.0.created_at))
    }

    /// When it changed last.
    async fn updated_at(&self) -> DateTime {
        DateTime(Timestamp(self.0.updated_at))
    }

    /// When its first attempt began.
    async fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(|at| DateTime(Timestamp(at)))
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(|at| DateTime(Timestamp(at)))
    }
}

/// A document of the row, which this service wrote.
fn stored<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Result<T> {
    serde_json::from_value(value.clone()).map_err(unreadable)
}

/// Why a job failed.
pub struct JobError(JobFailure);

#[Object]
impl JobError {
    /// For programs: SOURCE_UNREACHABLE, CORRUPT_MEDIA and so on.
    async fn code(&self) -> &str {
        self.0.code.as_str()
    }

    /// For people.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// The step that failed.
    async fn step(&self) -> Option<ProcessingStep> {
        self.0.step.map(ProcessingStep::from)
    }

    /// The field that is to blame, where one is: from the element down, such as video.source, or where there is no element from the
    /// job's input down, such as outputs[0].range.start.
    async fn path(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// The element that is to blame.
    async fn element(&self, context: &Context<'_>) -> Result<Option<Element>> {
        match &self.0.element_id {
            Some(id) => loaders(context)?.element(id).await?.map(Element::of).transpose(),
            None => Ok(None),
        }
    }

    /// Whether another attempt may succeed.
    async fn retryable(&self) -> bool {
        self.0.retryable
    }

    /// What may help.
    async fn suggestion(&self) -> Option<&str> {
        self.0.suggestion.as_deref()
    }
}

/// A picture of one moment, a JPEG.
pub struct Still(KeptFrame);

#[Object]
impl Still {
    /// A presigned address of it.
    async fn url(
        &self,
        context: &Context<'_>,
        #[graphql(default = 3600, desc = "For how long, seconds; at most a week.")] expires_in: i32,
    ) -> Result<Url> {
        presigned(context, None, &self.0.key, expires_in).await
    }

    /// Pixels across.
    async fn width(&self) -> i32 {
        self.0.width as i32
    }

    /// Pixels down.
    async fn height(&self) -> i32 {
        self.0.height as i32
    }

    /// Seconds of the composition.
    async fn at(&self) -> f64 {
        self.0.at
    }
}

/// The longest life of a presigned address, seconds: a week, which is S3's own bound.
const MAX_EXPIRY_S: i32 = 7 * 24 * 3600;

/// A presigned address of an object, in the service's own bucket or another.
pub async fn presigned(context: &Context<'_>, bucket: Option<&str>, key: &str, expires_in: i32) -> Result<Url> {
    if !(1..=MAX_EXPIRY_S).contains(&expires_in) {
        let rule = format!("must be from 1 to {MAX_EXPIRY_S} seconds");
        return Err(Problem::of_argument("expiresIn", ViolationCode::OutOfRange, rule).into());
    }
    let store = session(context)?.services().store();
    let store = store.in_bucket(bucket.unwrap_or(store.bucket()));
    let url = store.presign_get(key, Duration::from_secs(expires_in as u64)).await;
    url.map(Url).map_err(|error| failed(error.into()))
}
