//! Jobs changed, submitted, cancelled, retried and deleted: steps of the state machine, each with its event.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::LockType,
};

use super::no_such_job;
use crate::{
    domain::{
        clock::Timestamp,
        event::StatusChange,
        job::{JobPatch, JobStatus, search_name},
        output::{Output, RenderedFile},
        storage::is_own,
        validation::{self, Checker},
    },
    entities::{element, job},
    services::{
        Error, Session, aggregates,
        event_log::{self, NewEvent},
        leases::{self, Leave},
        objects::{Place, job_prefix},
        sweep,
        transaction::Afterwards,
    },
};

impl Session {
    /// Changes a job's name, metadata and priority, and, while it is a draft, its outputs.
    pub async fn update_job(&self, id: &str, patch: &JobPatch) -> Result<job::Model, Error> {
        let mut check = Checker::default();
        validation::job_patch(&mut check, "patch", patch);
        check.into_result(()).map_err(Error::Invalid)?;
        let row = self.locked_job(id).await?;
        if patch.outputs.is_some() && row.status() != JobStatus::Draft {
            let suggestion = "duplicate the job with the other outputs";
            return Err(refused("outputs change only while a job is a draft", row.status(), suggestion));
        }
        let now = self.services().clock().now();
        let mut change = row.clone().into_active_model();
        if let Some(name) = &patch.name {
            change.name = Set(name.clone());
            change.search_name = Set(name.as_deref().map(search_name));
        }
        if let Some(metadata) = &patch.metadata {
            change.metadata = Set(metadata.clone());
        }
        if let Some(priority) = patch.priority {
            change.priority = Set(priority);
        }
        if let Some(outputs) = &patch.outputs {
            change.outputs = Set(serde_json::to_value(outputs).map_err(|error| Error::internal(error.to_string()))?);
        }
        change.updated_at = Set(now.0);
        let unit = self.unit()?;
        let row = change.update(unit.transaction()).await?;
        event_log::append(unit, &row.tenant, &row.id, now, vec![NewEvent::changed(&row.id)]).await?;
        Ok(row)
    }

    /// Queues a draft.
    pub async fn submit_job(&self, id: &str) -> Result<job::Model, Error> {
        let row = self.locked_job(id).await?;
        let status = row.status();
        if status != JobStatus::Draft {
            return Err(refused("only a draft can be submitted", status, "use retryJob for a job that failed or was cancelled"));
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
        let elements =
            element::Entity::find().filter(element::Column::JobId.eq(&row.id)).count(self.unit()?.transaction()).await?;
        if elements == 0 {
            return Err(Error::conflict(
                "a job without elements cannot be queued",
                "add an element with addElement, or duplicate it",
            ));
        }
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
            // Nothing tells a worker outside to stop: the job is taken from it, and what it tells next is refused.
            JobStatus::Processing if leases::is_outside(&row) => {
                let unit = self.unit()?;
                self.services().end_attempt(unit, row, JobStatus::Cancelled, Leave::default()).await?;
                self.locked_job(id).await
            }
            JobStatus::Processing if row.cancel_requested_at.is_some() => Ok(row),
            JobStatus::Processing => {
                change.cancel_requested_at = Set(Some(now));
                change.updated_at = Set(now);
                let unit = self.unit()?;
                let row = change.update(unit.transaction()).await?;
                let told = vec![NewEvent::changed(&row.id)];
                event_log::append(unit, &row.tenant, &row.id, Timestamp(now), told).await?;
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
        let unit = self.unit()?;
        let now = self.services().clock().now();
        sweep::doom(unit, &row, &self.places_of(&row), now.0).await?;
        // Its operations name no job any more.
        aggregates::raise(unit.transaction(), &aggregates::of_storage(&row.tenant)).await?;
        event_log::end(unit, &row, now).await?;
        job::Entity::delete_by_id(&row.id).exec(unit.transaction()).await?;
        unit.afterwards(Afterwards::StopRender { job_id: row.id.clone() });
        unit.afterwards(Afterwards::SweepObjects);
        Ok(row.id)
    }

    /// Where a job's objects lie or are to lie, but for its own folder. A worker outside has its file in an upload, which others
    /// may use too: that stays.
    fn places_of(&self, row: &job::Model) -> Vec<Place> {
        let results: Vec<RenderedFile> = serde_json::from_value(row.results.clone()).unwrap_or_default();
        let outputs: Vec<Output> = serde_json::from_value(row.outputs.clone()).unwrap_or_default();
        let made = results.into_iter().map(|file| Place { bucket: file.bucket, key: file.key });
        let own = self.services().store().bucket();
        let asked = outputs.into_iter().filter_map(|output| {
            // Without a key it goes to the job's own folder there, of any attempt.
            let key = output.key.or_else(|| output.bucket.is_some().then(|| job_prefix(&row.id)))?;
            Some(Place { bucket: output.bucket.unwrap_or_else(|| own.to_owned()), key })
        });
        let elsewhere = |place: &Place| place.bucket != own || !is_own(&place.key);
        let mut places: Vec<Place> = made.chain(asked).filter(elsewhere).collect();
        places.sort();
        places.dedup();
        places
    }

    /// The job, its row held until the transaction ends.
    pub(in crate::services) async fn locked_job(&self, id: &str) -> Result<job::Model, Error> {
        let unit = self.unit()?;
        self.holds_job(id).await?;
        let found = job::Entity::find_by_id(id)
            .filter(job::Column::Tenant.eq(&self.caller().tenant))
            // Not against those who only refer to it.
            .lock(LockType::NoKeyUpdate)
            .one(unit.transaction())
            .await?;
        let row = found.ok_or_else(|| no_such_job(id))?;
        unit.target(&row.id);
        Ok(row)
    }

    /// The job in another state, and the event that tells of it.
    pub(in crate::services) async fn moved(
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
        let unit = self.unit()?;
        change.status = Set(to.as_str().to_owned());
        change.updated_at = Set(now.0);
        let row = change.update(unit.transaction()).await?;
        let told = StatusChange {
            status: to,
            previous: Some(before.status()),
            progress: row.progress,
            step: None,
            message: message.map(str::to_owned),
        };
        event_log::append(unit, &row.tenant, &row.id, now, vec![NewEvent::status(&row.id, &told)?]).await?;
        Ok(row)
    }
}

pub(in crate::services) fn refused(rule: &str, status: JobStatus, suggestion: &str) -> Error {
    Error::conflict(format!("{rule}, and this one is {}", status.as_str()), suggestion)
}
