//! The timeline of a job, read.

use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, sea_query::Expr};

use super::{Error, Session};
use crate::entities::{job, timeline_step};

impl Session {
    /// The steps of one attempt of each of some jobs that the caller holds, or of its newest, in order.
    pub async fn timelines_of_jobs(&self, job_ids: &[String], attempt: Option<i32>) -> Result<Vec<timeline_step::Model>, Error> {
        let newest = job::Entity::find()
            .select_only()
            .column(job::Column::Attempt)
            .filter(
                Expr::col((job::Entity, job::Column::Id)).eq(Expr::col((timeline_step::Entity, timeline_step::Column::JobId))),
            )
            .into_query();
        let of_attempt = match attempt {
            Some(attempt) => timeline_step::Column::Attempt.eq(attempt),
            None => timeline_step::Column::Attempt.in_subquery(newest),
        };
        let found = timeline_step::Entity::find()
            .filter(timeline_step::Column::JobId.is_in(job_ids.iter().map(String::as_str)))
            .filter(of_attempt)
            .order_by_asc(timeline_step::Column::JobId)
            .order_by_asc(timeline_step::Column::StepOrder);
        Ok(found.all(&self.executor()).await?)
    }

    pub async fn steps_by_id(&self, ids: &[String]) -> Result<Vec<timeline_step::Model>, Error> {
        let found = timeline_step::Entity::find()
            .inner_join(job::Entity)
            .filter(job::Column::Tenant.eq(&self.caller().tenant))
            .filter(timeline_step::Column::Id.is_in(ids.iter().map(String::as_str)));
        Ok(found.all(&self.executor()).await?)
    }
}
