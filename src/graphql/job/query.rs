//! Jobs asked for.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use super::{
    input::{JobFilter, JobOrder},
    object::Job,
};
use crate::{
    domain::id::JobId,
    entities::job,
    graphql::{
        error::{Result, failed},
        id::check_id,
        loaders::{loaders, session},
        pages::{self, PageInfo, page_size},
        scalars::{Cursor, Long},
    },
    services::{self, Error, pages::Page},
};

/// A job in a page.
#[derive(SimpleObject)]
pub struct JobEdge {
    /// Its place in the list.
    cursor: Cursor,
    /// The job.
    node: Job,
}

/// A page of jobs.
pub struct JobConnection {
    page: Page<Arc<job::Model>>,
    filter: services::jobs::JobFilter,
}

#[Object]
impl JobConnection {
    /// The jobs with their places.
    async fn edges(&self) -> Vec<JobEdge> {
        let edge = |(key, row): &(services::pages::Key, Arc<job::Model>)| JobEdge {
            cursor: Cursor(key.to_cursor()),
            node: Job(row.clone()),
        };
        self.page.rows.iter().map(edge).collect()
    }

    /// Where the page lies.
    async fn page_info(&self) -> PageInfo {
        PageInfo::of(&self.page)
    }

    /// How many jobs the filter lets through; counted only when it is asked for.
    async fn total_count(&self, context: &Context<'_>) -> Result<Long> {
        let count = session(context)?.count_jobs(&self.filter).await.map_err(failed)?;
        Ok(Long(count as i64))
    }
}

#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// One job by its id. NOT_FOUND where there is none.
    async fn job(&self, context: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Result<Option<Job>> {
        check_id::<JobId>("id", &id)?;
        let row = loaders(context)?.job(&id).await?;
        row.map(|row| Some(Job(row))).ok_or_else(|| failed(Error::NotFound { what: "job", id: id.to_string() }))
    }

    /// A page of jobs: `first` after `after`, or `last` before `before`.
    #[graphql(complexity = "page_size(first, last) * child_complexity + 1")]
    #[allow(clippy::too_many_arguments)]
    async fn jobs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which jobs.")] filter: Option<JobFilter>,
        #[graphql(desc = "In which order; the newest first where it is not given.")] order_by: Option<JobOrder>,
        #[graphql(desc = "How many from the start, 1 to 100; 20 where nothing is given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Those before this cursor.")] before: Option<Cursor>,
    ) -> Result<JobConnection> {
        let filter = filter.unwrap_or_default().into_domain().map_err(|all| failed(Error::Invalid(all)))?;
        let request = pages::request(first, after, last, before);
        let page = session(context)?.jobs(&filter, order_by.into(), &request).await.map_err(failed)?;
        let Page { rows, has_next, has_previous } = page;
        let rows = rows.into_iter().map(|(key, row)| (key, Arc::new(row))).collect();
        Ok(JobConnection { page: Page { rows, has_next, has_previous }, filter })
    }
}
