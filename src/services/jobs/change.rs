//! Jobs submitted, cancelled, retried and deleted: steps of the state machine, each with its event.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect,
};

use super::no_such_job;
use crate::{
    domain::{event::StatusChange, job::JobStatus, output::RenderedFile},
    entities::{element, job},
    services::{
        Error, Session,
        event_log::{self, NewEvent},
        transaction::Afterwards,
    },
};

impl Session {
    /// Queues a draft.
    pub async fn submit_job(&self, id: &str) -> Result<job::Model, Error> {
        let row = self.locked_job(id).await?;
        let status = row.status();
        if status != JobStatus::Draft {
            return Err(refused("only a draft can be submitted", status, "use retryJob for a job that failed or was cancelled"));
        }
        let elements = element::Entity::find().filter(element::Column::JobId.eq(id)).count(self.unit()?.transaction()).await?;
        if elements == 0 {
            return Err(Error::conflict("a job without elements cannot be submitted", "add an element with addElement first"));
        }
        self.queue(row, "submitted").await
    }

    /// Puts a failed or cancelled job back into the queue, with its attempts before it again.
    pub async fn retry_job(&self, id: &str) -> Result<job::Model, Error> {
        let row = self.locked_job(id).await?;
        let status = row.status();
        if !matches!(status, JobStatus::Failed | JobStatus::Cancelled) {
            return Err(refused(
                "only a job that failed or was cancelled can be retried",
                status,
                "wait for it, or cancel it first",
            ));
        }
        self.queue(row, "retried").await
    }

    async fn queue(&self, row: job::Model, message: &str) -> Result<job::Model, Error> {
        let now = self.services().clock().now().0;
        let mut change = row.clone().into_active_model();
        change.run_at = Set(now);
        change.rescues = Set(0);
        change.uncounted = Set(row.attempt);
        change.error = Set(None);
        change.finished_at = Set(None);
        change.cancel_requested_at = Set(None);
        change.progress = Set(0.0);
        change.current_step = Set(None);
        let row = self.moved(row, change, JobStatus::Queued, Some(message)).await?;
        self.unit()?.afterwards(Afterwards::RingQueue);
        Ok(row)
    }

    /// Cancels a job: one that waits at once, one that renders within a second. A job that is cancelled already, or
    /// about to be, stays as it is.
    pub async fn cancel_job(&self, id: &str) -> Result<job::Model, Error> {
        let row = self.locked_job(id).await?;
        let now = self.services().clock().now().0;
        let mut change = row.clone().into_active_model();
        match row.status() {
            JobStatus::Draft | JobStatus::Queued => {
                change.finished_at = Set(Some(now));
                self.moved(row, change, JobStatus::Cancelled, Some("cancelled before it started")).await
            }
            JobStatus::Processing if row.cancel_requested_at.is_some() => Ok(row),
            JobStatus::Processing => {
                change.cancel_requested_at = Set(Some(now));
                change.updated_at = Set(now);
                let unit = self.unit()?;
                let row = change.update(unit.transaction()).await?;
                unit.afterwards(Afterwards::StopRender { job_id: row.id.clone() });
                Ok(row)
            }
            JobStatus::Cancelled => Ok(row),
            status => Err(refused("a job that has ended cannot be cancelled", status, "delete it with deleteJob")),
        }
    }

    /// Removes a job with its elements, timeline, events and stored results. One that renders is stopped.
    pub async fn delete_job(&self, id: &str) -> Result<String, Error> {
        let row = self.locked_job(id).await?;
        let results: Vec<RenderedFile> = serde_json::from_value(row.results.clone()).unwrap_or_default();
        let unit = self.unit()?;
        job::Entity::delete_by_id(&row.id).exec(unit.transaction()).await?;
        let keys = results.into_iter().map(|file| file.key).collect();
        unit.afterwards(Afterwards::Forget { job_id: row.id.clone(), tenant: row.tenant, keys });
        Ok(row.id)
    }

    /// The job, its row held until the transaction ends.
    pub(in crate::services) async fn locked_job(&self, id: &str) -> Result<job::Model, Error> {
        job::Entity::find_by_id(id)
            .filter(job::Column::Tenant.eq(&self.caller().tenant))
            .lock_exclusive()
            .one(self.unit()?.transaction())
            .await?
            .ok_or_else(|| no_such_job(id))
    }

    async fn moved(
        &self,
        before: job::Model,
        mut change: job::ActiveModel,
        to: JobStatus,
        message: Option<&str>,
    ) -> Result<job::Model, Error> {
        if !before.status().can_become(to) {
            return Err(refused(&format!("a job cannot become {}", to.as_str()), before.status(), "look at its status first"));
        }
        let now = self.services().clock().now();
        let transaction = self.unit()?.transaction();
        change.status = Set(to.as_str().to_owned());
        change.updated_at = Set(now.0);
        let row = change.update(transaction).await?;
        let told = StatusChange {
            status: to,
            previous: Some(before.status()),
            progress: row.progress,
            step: None,
            message: message.map(str::to_owned),
        };
        event_log::append(transaction, &row.tenant, &row.id, now, vec![NewEvent::status(&row.id, &told)?]).await?;
        Ok(row)
    }
}

fn refused(rule: &str, status: JobStatus, suggestion: &str) -> Error {
    Error::conflict(format!("{rule}, and this one is {}", status.as_str()), suggestion)
}
