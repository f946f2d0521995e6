//! A new job: its row, its elements and the event that tells of it, in one transaction.

use sea_orm::{ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};

use crate::{
    domain::{
        event::StatusChange,
        id::{ElementId, JobId},
        job::{JobStatus, NewJob},
        validation::{self, Checker},
    },
    entities::{element, job},
    services::{
        Error, Session, elements,
        event_log::{self, NewEvent},
        transaction::Afterwards,
    },
};

impl Session {
    /// Makes a job. The same idempotency key with the same input gives the job that is there already.
    pub async fn create_job(&self, new: &NewJob, at: &str) -> Result<job::Model, Error> {
        let mut check = Checker::default();
        validation::new_job(&mut check, at, new);
        check.into_result(()).map_err(Error::Invalid)?;
        let row = self.new_row(new)?;
        let unit = self.unit()?;
        let inserted = job::Entity::insert(active(&row))
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(unit.transaction())
            .await?;
        if inserted == 0 {
            return self.made_before(new).await;
        }
        let rows = new.elements.iter().enumerate().map(|(position, element)| {
            let id = ElementId::new(self.services().clock());
            elements::new_row(id, &row.id, position as i32, element, row.created_at)
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        element::Entity::insert_many(rows).exec_without_returning(unit.transaction()).await?;
        let change = StatusChange { status: row.status(), previous: None, progress: 0.0, step: None, message: None };
        let told = vec![NewEvent::status(&row.id, &change)?];
        event_log::append(unit.transaction(), &row.tenant, &row.id, self.services().clock().now(), told).await?;
        if new.submit {
            unit.afterwards(Afterwards::RingQueue);
        }
        Ok(row)
    }

    fn new_row(&self, new: &NewJob) -> Result<job::Model, Error> {
        let clock = self.services().clock();
        let now = clock.now().0;
        let status = if new.submit { JobStatus::Queued } else { JobStatus::Draft };
        Ok(job::Model {
            id: JobId::new(clock).into(),
            tenant: self.caller().tenant.clone(),
            name: new.name.clone(),
            status: status.as_str().to_owned(),
            progress: 0.0,
            current_step: None,
            priority: new.priority,
            attempt: 0,
            max_attempts: new.max_attempts,
            rescues: 0,
            uncounted: 0,
            outputs: serde_json::to_value(&new.outputs).map_err(|error| Error::internal(error.to_string()))?,
            duration: None,
            metadata: new.metadata.clone(),
            webhook_url: None,
            client_ip: self.caller().client_ip.clone(),
            idempotency_key: new.idempotency_key.clone(),
            request_hash: Some(new.request_hash.clone()),
            error: None,
            results: serde_json::json!([]),
            run_at: now,
            fence: 0,
            lease_owner: None,
            lease_expires_at: None,
            cancel_requested_at: None,
            event_seq: 0,
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
        })
    }

    async fn made_before(&self, new: &NewJob) -> Result<job::Model, Error> {
        let key = new.idempotency_key.as_deref();
        let found = job::Entity::find()
            .filter(job::Column::Tenant.eq(&self.caller().tenant))
            .filter(job::Column::IdempotencyKey.eq(key))
            .one(&self.executor())
            .await?;
        let found = found.ok_or_else(|| Error::internal("a new job collided with none"))?;
        match found.request_hash.as_deref() == Some(new.request_hash.as_str()) {
            true => Ok(found),
            false => Err(Error::IdempotencyKeyReused),
        }
    }
}

fn active(row: &job::Model) -> job::ActiveModel {
    let mut active = job::ActiveModel::from(row.clone()).reset_all();
    // Counted by the log itself.
    active.event_seq = NotSet;
    active
}
