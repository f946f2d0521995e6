//! The plans of the critical query paths, as the database itself tells them: each path's own statement, with values of rows
//! that are there, is explained and run, and nothing of it stays.

mod explain;
mod paths;

pub use explain::QueryPlan;

use super::{Error, Session};
use crate::domain::caller::Role;

impl Session {
    /// The plan of every critical path. For ADMIN.
    pub async fn query_plans(&self) -> Result<Vec<QueryPlan>, Error> {
        self.require(Role::Admin)?;
        let mut plans = Vec::new();
        for path in self.critical_paths().await? {
            plans.push(explain::explain(self.services().database(), path).await?);
        }
        Ok(plans)
    }
}
