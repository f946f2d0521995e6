//! Jobs followed.

use async_graphql::{Context, ID, Object, Subscription};
use futures_util::{Stream, StreamExt};

use super::object::{Job, JobStatus};
use crate::{
    domain::{
        event::{EventKind, StatusChange},
        id::JobId,
    },
    graphql::{
        error::{Result, failed, unreadable},
        id::check_id,
        loaders::{fresh, loaders, session},
        scalars::{Cursor, DateTime},
        timeline::ProcessingStep,
    },
    services::{self, Error, Event},
};

/// A job as it stood at some moment.
pub struct JobStatusEvent {
    event: Event,
    change: StatusChange,
}

#[Object]
impl JobStatusEvent {
    /// Resumes after this event.
    async fn cursor(&self) -> Cursor {
        Cursor(services::cursor_of(&self.event))
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        DateTime(self.event.at)
    }

    /// The job, as it stands now.
    async fn job(&self, context: &Context<'_>) -> Result<Job> {
        let row = loaders(context)?.job(&self.event.job_id).await?;
        row.map(Job).ok_or_else(|| failed(Error::NotFound { what: "job", id: self.event.job_id.clone() }))
    }

    /// Its state then.
    async fn status(&self) -> JobStatus {
        self.change.status.into()
    }

    /// Its state before; the same where only its progress changed.
    async fn previous_status(&self) -> Option<JobStatus> {
        self.change.previous.map(JobStatus::from)
    }

    /// 0–100, then.
    async fn progress(&self) -> f64 {
        self.change.progress
    }

    /// The step that ran.
    async fn step(&self) -> Option<ProcessingStep> {
        self.change.step.map(ProcessingStep::from)
    }

    /// What there is to say of it.
    async fn message(&self) -> Option<&str> {
        self.change.message.as_deref()
    }
}

#[derive(Default)]
pub struct JobSubscription;

#[Subscription]
impl JobSubscription {
    /// A job's state and progress as they change. Opens with how it stands; with `after`, with what happened since
    /// then. Goes on until the job is deleted.
    async fn job_status(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The job.")] job_id: ID,
        #[graphql(desc = "The cursor of the last event that was seen.")] after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<JobStatusEvent>>> {
        check_id::<JobId>("jobId", &job_id)?;
        let after = after.as_ref().map(|cursor| cursor.0.as_str());
        let events = session(context)?.follow(&job_id, EventKind::JobStatus, after).await.map_err(failed)?;
        let shared = loaders(context)?.clone();
        let events = events.then(move |event| fresh(shared.clone(), event));
        Ok(events.map(|event| {
            let event = event.map_err(failed)?;
            let change = serde_json::from_value(event.payload.clone()).map_err(unreadable)?;
            Ok(JobStatusEvent { event, change })
        }))
    }
}
