//! Jobs made and changed.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::{input::CreateJobInput, object::Job};
use crate::{
    domain::id::JobId,
    graphql::{
        error::{Result, failed},
        loaders::{loaders, session},
        node::check_id,
    },
    services::{Error, Session},
};

/// The session to change with: what was loaded before is forgotten.
pub async fn changing<'a>(context: &Context<'a>) -> Result<&'a Session> {
    loaders(context)?.clear().await;
    session(context)
}

#[derive(Default)]
pub struct JobMutation;

#[Object]
impl JobMutation {
    /// Makes a job, and queues it unless `submit` is false.
    async fn create_job(&self, context: &Context<'_>, #[graphql(desc = "The job.")] input: CreateJobInput) -> Result<Job> {
        let session = changing(context).await?;
        let new = input.into_domain("input", session.services().store().bucket()).map_err(|all| failed(Error::Invalid(all)))?;
        Ok(Job(Arc::new(session.create_job(&new, "input").await.map_err(failed)?)))
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
