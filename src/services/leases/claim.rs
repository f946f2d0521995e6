//! Claiming, keeping and losing leases.

use std::time::Duration;

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, DbBackend, EntityTrait, Statement, TransactionTrait, Value,
};

use super::{Lease, OUTSIDE, attempt};
use crate::{
    domain::{
        error::{ErrorCode, JobFailure},
        event::StatusChange,
        id::StepId,
        job::{JobStatus, limits},
        output::Output,
        timeline::{ProcessingStep, StepStatus},
    },
    entities::{job, timeline_step},
    services::{
        Error, Services,
        database::Database,
        event_log::{self, NewEvent},
        transaction::{Afterwards, UnitOfWork},
    },
};

/// What a heartbeat learned of one lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulse {
    Held,
    /// Cancelled by a client.
    MustStop,
    Lost,
}

/// A job to work on.
#[derive(Debug)]
pub struct Claimed {
    pub lease: Lease,
    pub outputs: Vec<Output>,
}

/// The statement that finds the next job that is due.
pub(in crate::services) fn next_due(database: &Database) -> Statement {
    let now = database.now_sql();
    let skip = if database.backend() == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let sql = format!(
        "SELECT id FROM jobs WHERE status = 'QUEUED' AND run_at <= {now} ORDER BY priority DESC, run_at, id LIMIT 1 {skip}"
    );
    Statement::from_string(database.backend(), sql)
}

/// The statement that finds jobs whose worker is gone, as this owner sees it.
pub(in crate::services) fn lost(database: &Database, owner: &str) -> Statement {
    let now = database.now_sql();
    let others = match database.is_embedded() {
        true => format!("OR (lease_owner <> $1 AND lease_owner NOT LIKE '{OUTSIDE}%')"),
        false => "AND $1 <> ''".to_owned(),
    };
    let skip = if database.is_embedded() { "" } else { "FOR UPDATE SKIP LOCKED" };
    let sql = format!(
        "SELECT * FROM jobs WHERE status = 'PROCESSING' AND (lease_expires_at < {now} {others}) ORDER BY id LIMIT 100 {skip}"
    );
    Statement::from_sql_and_values(database.backend(), sql, [owner.into()])
}

impl Services {
    /// Takes the next job, if one is due: the highest priority first, then the oldest.
    pub async fn claim(&self, owner: &str, lease: Duration) -> Result<Option<Claimed>, Error> {
        let unit = UnitOfWork::begin(self).await?;
        let now = self.database().now_sql();
        let sql = format!(
            "UPDATE jobs SET status = 'PROCESSING', attempt = attempt + 1, fence = fence + 1, lease_owner = $1,
                    lease_expires_at = {now} + $2, started_at = coalesce(started_at, {now}), updated_at = {now},
                    progress = 0, current_step = NULL, error = NULL, cancel_requested_at = NULL
              WHERE id = ({})
             RETURNING *",
            next_due(self.database()).sql
        );
        let values: [Value; 2] = [owner.into(), (lease.as_micros() as i64).into()];
        let claim = Statement::from_sql_and_values(self.database().backend(), sql, values);
        let Some(row) = job::Entity::find().from_raw_sql(claim).one(unit.transaction()).await? else {
            unit.abandon();
            return Ok(None);
        };
        let taken = Lease {
            job_id: row.id.clone(),
            tenant: row.tenant.clone(),
            attempt: row.attempt,
            fence: row.fence,
            owner: owner.to_owned(),
        };
        self.open_attempt(&unit, &taken, None).await?;
        unit.commit().await?;
        let outputs = serde_json::from_value(row.outputs).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Some(Claimed { lease: taken, outputs }))
    }

    /// The seven steps of an attempt, all still to come.
    pub(super) async fn open_attempt(&self, unit: &UnitOfWork, lease: &Lease, message: Option<String>) -> Result<(), Error> {
        let rows: Vec<timeline_step::ActiveModel> =
            ProcessingStep::ALL.into_iter().map(|step| self.pending(lease, step)).collect();
        timeline_step::Entity::insert_many(rows).exec_without_returning(unit.transaction()).await?;
        let started = StatusChange {
            status: JobStatus::Processing,
            previous: Some(JobStatus::Queued),
            progress: 0.0,
            step: None,
            message: Some(message.unwrap_or_else(|| format!("attempt {}", lease.attempt))),
        };
        let mut told = vec![NewEvent::status(&lease.job_id, &started)?];
        for step in attempt::steps(unit.transaction(), &lease.job_id, lease.attempt).await? {
            told.push(NewEvent::step(&step.state())?);
        }
        event_log::append(unit, &lease.tenant, &lease.job_id, self.clock().now(), told).await
    }

    fn pending(&self, lease: &Lease, step: ProcessingStep) -> timeline_step::ActiveModel {
        timeline_step::ActiveModel {
            id: Set(StepId::new(self.clock()).into()),
            job_id: Set(lease.job_id.clone()),
            attempt: Set(lease.attempt),
            step: Set(step.as_str().to_owned()),
            step_order: Set(step.order()),
            status: Set(StepStatus::Pending.as_str().to_owned()),
            progress: Set(0.0),
            details: Set(serde_json::json!({})),
            started_at: NotSet,
            completed_at: NotSet,
            cpu_ms: NotSet,
            peak_memory: NotSet,
            bytes_read: NotSet,
            bytes_written: NotSet,
            frames_per_second: NotSet,
            error: NotSet,
        }
    }

    /// Prolongs a lease, and tells whether it still is one.
    pub async fn heartbeat(&self, lease: &Lease, duration: Duration) -> Result<Pulse, Error> {
        let now = self.database().now_sql();
        let sql = format!(
            "UPDATE jobs SET lease_expires_at = {now} + $1
              WHERE id = $2 AND fence = $3 AND lease_owner = $4 AND status = 'PROCESSING'
             RETURNING cancel_requested_at"
        );
        let values: [Value; 4] =
            [(duration.as_micros() as i64).into(), lease.job_id.as_str().into(), lease.fence.into(), lease.owner.as_str().into()];
        let beat = Statement::from_sql_and_values(self.database().backend(), sql, values);
        // In a transaction, since a failure of one that commits by itself would not be told.
        let transaction = self.database().leases().begin().await?;
        let Some(row) = transaction.query_one_raw(beat).await? else { return Ok(Pulse::Lost) };
        let cancelled: Option<i64> = row.try_get("", "cancel_requested_at")?;
        transaction.commit().await?;
        Ok(if cancelled.is_some() { Pulse::MustStop } else { Pulse::Held })
    }

    /// Takes back the jobs whose worker is gone: those whose lease ran out and, where this process is the only one,
    /// those of any other owner but workers outside. Returns how many there were.
    pub async fn rescue(&self, owner: &str) -> Result<usize, Error> {
        let unit = UnitOfWork::begin(self).await?;
        let dead = lost(self.database(), owner);
        let dead = job::Entity::find().from_raw_sql(dead).all(unit.transaction()).await?;
        let count = dead.len();
        for row in dead {
            self.rescue_one(&unit, row).await?;
        }
        if count == 0 {
            unit.abandon();
            return Ok(0);
        }
        unit.afterwards(Afterwards::RingQueue);
        unit.commit().await?;
        Ok(count)
    }

    async fn rescue_one(&self, unit: &UnitOfWork, row: job::Model) -> Result<(), Error> {
        tracing::warn!(job = row.id, attempt = row.attempt, "the worker of a job was lost");
        let failure = JobFailure::new(ErrorCode::WorkerLost, "the worker was lost while it rendered the job")
            .suggest("the job is tried again by itself, a few times; then look at the server's log");
        let to = if row.cancel_requested_at.is_some() {
            JobStatus::Cancelled
        } else if row.rescues + 1 >= limits::RESCUES {
            JobStatus::Failed
        } else {
            JobStatus::Queued
        };
        self.end_attempt(unit, row, to, attempt::Leave { failure: Some(failure), rescued: true, ..Default::default() }).await
    }
}
