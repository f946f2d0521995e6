//! The timelines of jobs, read.

use std::sync::Arc;

use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, sea_query::Expr};

use super::{Error, Session, cached::grouped};
use crate::{
    cache::Loaded,
    entities::{job, timeline_step},
};

impl Session {
    /// The steps of one attempt of each of some jobs that the caller holds, or of its newest, in order, by job.
    pub async fn timelines_of_jobs(
        &self,
        job_ids: &[String],
        attempt: Option<i32>,
    ) -> Result<Vec<(String, Arc<Vec<Arc<timeline_step::Model>>>)>, Error> {
        let load = async |ids: Vec<String>| -> Result<Loaded<Vec<Arc<timeline_step::Model>>>, Error> {
            Ok(grouped(&ids, steps_in(&ids, attempt).all(&self.executor()).await?, |row| &row.job_id))
        };
        match attempt {
            None if self.only_reads() => self.services().caches().timelines.get(job_ids, load).await,
            _ => Ok(load(job_ids.to_vec()).await?.into_iter().map(|(id, rows)| (id, Arc::new(rows))).collect()),
        }
    }

    pub async fn steps_by_id(&self, ids: &[String]) -> Result<Vec<timeline_step::Model>, Error> {
        let found = timeline_step::Entity::find()
            .inner_join(job::Entity)
            .filter(job::Column::Tenant.eq(&self.caller().tenant))
            .filter(timeline_step::Column::Id.is_in(ids.iter().map(String::as_str)));
        Ok(found.all(&self.executor()).await?)
    }
}

/// The steps of an attempt of some jobs, or of each one's newest, in order of job and step.
pub(super) fn steps_in(job_ids: &[String], attempt: Option<i32>) -> Select<timeline_step::Entity> {
    let newest = job::Entity::find()
        .select_only()
        .column(job::Column::Attempt)
        .filter(Expr::col((job::Entity, job::Column::Id)).eq(Expr::col((timeline_step::Entity, timeline_step::Column::JobId))))
        .into_query();
    let of_attempt = match attempt {
        Some(attempt) => timeline_step::Column::Attempt.eq(attempt),
        None => timeline_step::Column::Attempt.in_subquery(newest),
    };
    timeline_step::Entity::find()
        .filter(timeline_step::Column::JobId.is_in(job_ids.iter().map(String::as_str)))
        .filter(of_attempt)
        .order_by_asc(timeline_step::Column::JobId)
        .order_by_asc(timeline_step::Column::StepOrder)
}
