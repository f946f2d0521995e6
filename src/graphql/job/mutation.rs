//! Jobs made and changed.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::{
    input::{CreateJobInput, JobPatch},
    object::Job,
};
use crate::{
    domain::{id::JobId, validation::Checker},
    graphql::{
        error::{Result, failed},
        id::check_id,
        loaders::{changing, session},
    },
    services::Error,
};

/// The buckets that results may go to.
fn buckets<'a>(context: &Context<'a>) -> Result<&'a [String]> {
    Ok(session(context)?.services().store().buckets())
}

#[derive(Default)]
pub struct JobMutation;

#[Object]
impl JobMutation {
    /// Makes a job, and queues it unless `submit` is false.
    async fn create_job(&self, context: &Context<'_>, #[graphql(desc = "The job.")] input: CreateJobInput) -> Result<Job> {
        let new = input.into_domain("input", buckets(context)?).map_err(|all| failed(Error::Invalid(all)))?;
        Ok(Job(Arc::new(changing(context).await?.create_job(&new, "input").await.map_err(failed)?)))
    }

    /// Makes jobs, all or none; at most 1,000. They come back in the order of their inputs.
    #[graphql(complexity = "inputs.len() * child_complexity + 1")]
    async fn create_jobs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The jobs.")] inputs: Vec<CreateJobInput>,
    ) -> Result<Vec<Job>> {
        let mut check = Checker::default();
        let mut new = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.into_iter().enumerate() {
            match input.into_domain(&format!("inputs[{index}]"), buckets(context)?) {
                Ok(one) => new.push(one),
                Err(all) => check.extend(all),
            }
        }
        let new = check.into_result(new).map_err(|all| failed(Error::Invalid(all)))?;
        let made = changing(context).await?.create_jobs(&new, "inputs").await.map_err(failed)?;
        Ok(made.into_iter().map(|row| Job(Arc::new(row))).collect())
    }

    /// Changes a job's name, metadata and priority, and, while it is a DRAFT, its outputs.
    async fn update_job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The job.")] id: ID,
        #[graphql(desc = "What is to be another.")] patch: JobPatch,
    ) -> Result<Job> {
        check_id::<JobId>("id", &id)?;
        let patch = patch.into_domain(buckets(context)?).map_err(|all| failed(Error::Invalid(all)))?;
        Ok(Job(Arc::new(changing(context).await?.update_job(&id, &patch).await.map_err(failed)?)))
    }

    /// Makes a job like another, with the same elements: a DRAFT, or queued at once. Its results go to keys of its own.
    async fn duplicate_job(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The job to copy.")] id: ID,
        #[graphql(desc = "What the copy has other than it.")] patch: Option<JobPatch>,
        #[graphql(default = false, desc = "Whether to queue it at once.")] submit: bool,
    ) -> Result<Job> {
        check_id::<JobId>("id", &id)?;
        let patch = patch.map(|patch| patch.into_domain(buckets(context)?).map_err(|all| failed(Error::Invalid(all))));
        let patch = patch.transpose()?.unwrap_or_default();
        let made = changing(context).await?.duplicate_job(&id, &patch, submit).await;
        Ok(Job(Arc::new(made.map_err(failed)?)))
    }

    /// Queues a draft.
    async fn submit_job(&self, context: &Context<'_>, #[graphql(desc = "The draft.")] id: ID) -> Result<Job> {
        check_id::<JobId>("id", &id)?;
        Ok(Job(Arc::new(changing(context).await?.submit_job(&id).await.map_err(failed)?)))
    }

    /// Cancels a job: one that waits at once, one that is rendered within a second.
    async fn cancel_job(&self, context: &Context<'_>, #[graphql(desc = "The job.")] id: ID) -> Result<Job> {
        check_id::<JobId>("id", &id)?;
        Ok(Job(Arc::new(changing(context).await?.cancel_job(&id).await.map_err(failed)?)))
    }

    /// Queues a job again that failed or was cancelled, with all its attempts before it.
    async fn retry_job(&self, context: &Context<'_>, #[graphql(desc = "The job.")] id: ID) -> Result<Job> {
        check_id::<JobId>("id", &id)?;
        Ok(Job(Arc::new(changing(context).await?.retry_job(&id).await.map_err(failed)?)))
    }

    /// Deletes a job with its elements, timeline and stored result; one that is rendered is stopped.
    async fn delete_job(&self, context: &Context<'_>, #[graphql(desc = "The job.")] id: ID) -> Result<ID> {
        check_id::<JobId>("id", &id)?;
        Ok(changing(context).await?.delete_job(&id).await.map_err(failed)?.into())
    }
}
