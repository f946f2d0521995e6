//! What workers outside of the service tell of a job, its steps and its elements.

mod input;

use std::sync::Arc;

use async_graphql::{Context, Object};

use self::input::{
    CompleteProcessingStepInput, StartProcessingStepInput, UpdateElementStatusInput, UpdateJobStatusInput,
    UpdateStepProgressInput,
};
use super::object::Job;
use crate::graphql::{
    element::Element,
    error::{Result, failed},
    loaders::{changing, session},
    timeline::TimelineStep,
};

#[derive(Default)]
pub struct WorkerMutation;

#[Object]
impl WorkerMutation {
    /// Takes a job from the queue, ends it or hands it back, by the steps of its state machine only. A worker that says
    /// nothing of a job it has taken for a minute has lost it. For WORKER.
    async fn update_job_status(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Where it goes.")] input: UpdateJobStatusInput,
    ) -> Result<Job> {
        let (mut report, upload) = input.report()?;
        if let Some((asset, file)) = upload {
            // Before the job is held: the store may take its time.
            report.result = Some(session(context)?.uploaded_file(&report.job_id, &asset, file).await.map_err(failed)?);
        }
        Ok(Job(Arc::new(changing(context).await?.update_job_status(report).await.map_err(failed)?)))
    }

    /// Begins a step of a job that this worker has taken: the next of the seven. For WORKER.
    async fn start_processing_step(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The step.")] input: StartProcessingStepInput,
    ) -> Result<TimelineStep> {
        let input = input.checked()?;
        let session = changing(context).await?;
        let row = session.start_processing_step(&input.job_id, input.attempt, input.step.into(), input.details).await;
        Ok(TimelineStep(row.map_err(failed)?.state()))
    }

    /// Tells how far a step is. For WORKER.
    async fn update_step_progress(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How far.")] input: UpdateStepProgressInput,
    ) -> Result<TimelineStep> {
        let (id, report) = input.report()?;
        let row = changing(context).await?.update_step_progress(&id, report).await;
        Ok(TimelineStep(row.map_err(failed)?.state()))
    }

    /// Ends a step, done or failed, with what it cost. For WORKER.
    async fn complete_processing_step(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How it ended.")] input: CompleteProcessingStepInput,
    ) -> Result<TimelineStep> {
        let (id, outcome, report) = input.report()?;
        let row = changing(context).await?.complete_processing_step(&id, outcome, report).await;
        Ok(TimelineStep(row.map_err(failed)?.state()))
    }

    /// Tells where the work on an element of a job that this worker has taken stands. For WORKER.
    async fn update_element_status(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Where it stands.")] input: UpdateElementStatusInput,
    ) -> Result<Element> {
        let report = input.report()?;
        Element::of(Arc::new(changing(context).await?.update_element_status(report).await.map_err(failed)?))
    }
}
