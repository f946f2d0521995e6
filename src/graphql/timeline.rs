//! The steps of a job: seven to an attempt.

use async_graphql::{Context, Enum, ID, Object, SimpleObject, Subscription};
use futures_util::{Stream, StreamExt};

use super::{
    error::{Result, failed, unreadable},
    id::check_id,
    job::Job,
    loaders::{fresh, loaders, session},
    scalars::{Cursor, DateTime, Long},
};
use crate::{
    domain::{
        event::{EventKind, StepState},
        id::JobId,
        timeline,
    },
    services,
};

/// A step of the work on a job, in its order.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "timeline::ProcessingStep")]
pub enum ProcessingStep {
    /// The job's input is checked.
    Validation,
    /// Its sources are fetched.
    Download,
    /// They are looked into; stills and words are drawn.
    Processing,
    /// Frames are composed and sound is mixed.
    Composition,
    /// They are encoded, while later ones are composed.
    Encoding,
    /// The result is stored.
    Upload,
    /// What the work left is removed.
    Cleanup,
}

/// Where a step stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "timeline::StepStatus")]
pub enum StepStatus {
    /// Still to come.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Completed,
    /// Ended by an error, or broken off.
    Failed,
    /// Never begun, since one before it failed.
    Skipped,
}

/// One step of one attempt, with what it cost.
#[derive(Clone)]
pub struct TimelineStep(pub StepState);

#[Object]
impl TimelineStep {
    /// Its id, step_…
    pub async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// The job that it belongs to.
    #[graphql(complexity = "50 * child_complexity + 1")]
    async fn job(&self, context: &Context<'_>) -> Result<Job> {
        let row = loaders(context)?.job(&self.0.job_id).await?;
        let gone = || failed(services::Error::NotFound { what: "job", id: self.0.job_id.clone() });
        row.map(Job).ok_or_else(gone)
    }

    /// Which of the seven.
    async fn step(&self) -> ProcessingStep {
        self.0.step.into()
    }

    /// Its place among the seven, from 1.
    async fn order(&self) -> i32 {
        self.0.step.order()
    }

    /// Of which attempt, from 1.
    async fn attempt(&self) -> i32 {
        self.0.attempt
    }

    /// Where it stands.
    async fn status(&self) -> StepStatus {
        self.0.status.into()
    }

    /// 0–100.
    async fn progress(&self) -> f64 {
        self.0.progress
    }

    /// When it began.
    async fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(DateTime)
    }

    /// When it ended.
    async fn completed_at(&self) -> Option<DateTime> {
        self.0.completed_at.map(DateTime)
    }

    /// Wall time, milliseconds.
    async fn duration(&self) -> Option<f64> {
        self.0.duration_ms()
    }

    /// CPU time, milliseconds, as the operating system counted it.
    async fn cpu_time(&self) -> Option<f64> {
        self.0.cpu_ms
    }

    /// CPU time over wall time: 200 is two cores.
    async fn cpu_percent(&self) -> Option<f64> {
        let duration = self.0.duration_ms().filter(|duration| *duration > 0.0)?;
        self.0.cpu_ms.map(|cpu| cpu / duration * 100.0)
    }

    /// The largest resident memory of the process that did it, bytes.
    async fn peak_memory(&self) -> Option<Long> {
        self.0.peak_memory.map(Long)
    }

    /// Bytes that it fetched.
    async fn bytes_read(&self) -> Option<Long> {
        self.0.bytes_read.map(Long)
    }

    /// Bytes that it wrote or stored.
    async fn bytes_written(&self) -> Option<Long> {
        self.0.bytes_written.map(Long)
    }

    /// Frames of output a second of wall time.
    async fn frames_per_second(&self) -> Option<f64> {
        self.0.frames_per_second
    }

    /// Why it failed.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// What else is known of it.
    async fn details(&self) -> serde_json::Value {
        self.0.details.clone()
    }
}

/// A step as it stood at some moment.
#[derive(SimpleObject)]
pub struct TimelineEvent {
    /// Resumes after this event.
    cursor: Cursor,
    /// When it happened.
    at: DateTime,
    /// The step, as it stood then.
    step: TimelineStep,
}

#[derive(Default)]
pub struct TimelineSubscription;

#[Subscription]
impl TimelineSubscription {
    /// The steps of a job as they change. Opens with each step's present state; with `after`, with what happened since
    /// then. Goes on until the job is deleted.
    async fn job_timeline(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The job.")] job_id: ID,
        #[graphql(desc = "The cursor of the last event that was seen.")] after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<TimelineEvent>>> {
        check_id::<JobId>("jobId", &job_id)?;
        let after = after.as_ref().map(|cursor| cursor.0.as_str());
        let events = session(context)?.follow(&job_id, EventKind::Timeline, after).await.map_err(failed)?;
        let shared = loaders(context)?.clone();
        let events = events.then(move |event| fresh(shared.clone(), event));
        Ok(events.map(|event| {
            let event = event.map_err(failed)?;
            let cursor = Cursor(services::cursor_of(&event));
            let state = serde_json::from_value(event.payload).map_err(unreadable)?;
            Ok(TimelineEvent { cursor, at: DateTime(event.at), step: TimelineStep(state) })
        }))
    }
}
