//! The events table: written in the transaction of what happened, read by those who were told or were away.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
    Statement,
};

use super::{
    Error, Session,
    bulk::{self, Conflict, Inserts},
    database::Database,
    transaction::UnitOfWork,
};
use crate::{
    domain::{
        clock::Timestamp,
        event::{EventKind, StatusChange, StepState},
    },
    entities::{event, job},
    events::{Event, EventLog, LogError, LogPosition},
};

/// An event that is about to be written.
pub(super) struct NewEvent {
    kind: EventKind,
    subject: String,
    payload: serde_json::Value,
}

impl NewEvent {
    pub fn status(job_id: &str, change: &StatusChange) -> Result<Self, Error> {
        let payload = serde_json::to_value(change).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Self { kind: EventKind::JobStatus, subject: job_id.to_owned(), payload })
    }

    pub fn step(state: &StepState) -> Result<Self, Error> {
        let payload = serde_json::to_value(state).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Self { kind: EventKind::Timeline, subject: state.id.clone(), payload })
    }

    /// Something of the job that no subscriber follows: nodes forget what they have cached of it.
    pub fn changed(job_id: &str) -> Self {
        Self { kind: EventKind::Changed, subject: job_id.to_owned(), payload: serde_json::json!({}) }
    }

    /// Its place in the whole log is the database's to give.
    fn row(self, tenant: &str, job_id: &str, seq: i64, at: Timestamp) -> event::Model {
        event::Model {
            position: 0,
            tenant: tenant.to_owned(),
            job_id: job_id.to_owned(),
            seq,
            kind: self.kind.as_str().to_owned(),
            subject: self.subject,
            payload: self.payload,
            at: at.0,
        }
    }
}

/// Begins the logs of new jobs, whose rows count one event already; the events go with what else is inserted.
pub(super) fn begin(unit: &UnitOfWork, inserts: &mut Inserts, jobs: Vec<(&job::Model, NewEvent)>) -> Result<(), Error> {
    let first = |(job, new): (&job::Model, NewEvent)| {
        unit.touch(&job.id);
        new.row(&job.tenant, &job.id, 1, Timestamp(job.created_at))
    };
    let rows: Vec<event::Model> = jobs.into_iter().map(first).collect();
    inserts.add::<event::Entity>(&rows, &[event::Column::Position], Conflict::Fails)?;
    Ok(())
}

async fn write(unit: &UnitOfWork, rows: Vec<event::Model>) -> Result<(), Error> {
    bulk::insert::<event::Entity>(unit.transaction(), &rows, &[event::Column::Position], Conflict::Fails).await?;
    Ok(())
}

/// Ends the log of a job that is being deleted: its events go, and one remains that tells of it.
pub(super) async fn end(unit: &UnitOfWork, job: &job::Model, at: Timestamp) -> Result<(), Error> {
    event::Entity::delete_many().filter(event::Column::JobId.eq(&job.id)).exec(unit.transaction()).await?;
    let last = NewEvent { kind: EventKind::Deleted, subject: job.id.clone(), payload: serde_json::json!({}) };
    let last = last.row(&job.tenant, &job.id, job.event_seq + 1, at);
    unit.touch(&job.id);
    write(unit, vec![last]).await
}

/// Appends to a job's log. Numbering takes the job's row, so one job's events are written one after the other.
pub(super) async fn append(
    unit: &UnitOfWork,
    tenant: &str,
    job_id: &str,
    at: Timestamp,
    events: Vec<NewEvent>,
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    unit.touch(job_id);
    let transaction = unit.transaction();
    let count = events.len() as i64;
    let numbered = Statement::from_sql_and_values(
        transaction.get_database_backend(),
        "UPDATE jobs SET event_seq = event_seq + $1 WHERE id = $2 RETURNING event_seq",
        [count.into(), job_id.into()],
    );
    let row = transaction.query_one_raw(numbered).await?;
    let row = row.ok_or_else(|| Error::NotFound { what: "job", id: job_id.to_owned() })?;
    let last: i64 = row.try_get("", "event_seq")?;
    let rows = events.into_iter().zip(last - count + 1..).map(|(new, seq)| new.row(tenant, job_id, seq, at));
    write(unit, rows.collect()).await
}

/// The statement that reads a job's events after a number.
pub(super) fn of_job(tenant: &str, job_id: &str, seq: i64, most: u64) -> Select<event::Entity> {
    event::Entity::find()
        .filter(event::Column::JobId.eq(job_id))
        .filter(event::Column::Tenant.eq(tenant))
        .filter(event::Column::Seq.gt(seq))
        .order_by_asc(event::Column::Seq)
        .limit(most)
}

/// The statement that reads the whole log after a position.
fn after(backend: DbBackend, position: LogPosition, most: u64) -> Statement {
    match backend {
        DbBackend::Postgres => Statement::from_sql_and_values(
            DbBackend::Postgres,
            POSTGRES_AFTER,
            [position.transaction.to_string().into(), position.row.into(), (most as i64).into()],
        ),
        other => Statement::from_sql_and_values(other, SQLITE_AFTER, [position.row.into(), (most as i64).into()]),
    }
}

/// The statement by which a node that is up to date looks for more.
pub(super) fn newest(database: &Database) -> Statement {
    after(database.backend(), LogPosition { transaction: i64::from(i32::MAX), row: i64::MAX }, 500)
}

impl Session {
    /// A job's events after a number, oldest first. The job is the caller's own.
    pub(super) async fn events_after(&self, job_id: &str, seq: i64, most: u64) -> Result<Vec<Event>, Error> {
        let rows = of_job(&self.caller.tenant, job_id, seq, most).all(&self.executor()).await?;
        Ok(rows.into_iter().filter_map(told).collect())
    }

    /// The present state as events: the newest of one kind about each subject, oldest first. For a timeline, of the
    /// newest attempt only.
    pub(super) async fn present_state(&self, job_id: &str, kind: EventKind) -> Result<Vec<Event>, Error> {
        let newest = Statement::from_sql_and_values(
            self.services.database().backend(),
            "SELECT * FROM events WHERE job_id = $1 AND tenant = $2 AND seq IN
                (SELECT max(seq) FROM events WHERE job_id = $1 AND kind = $3 GROUP BY subject) ORDER BY seq",
            [job_id.into(), self.caller.tenant.as_str().into(), kind.as_str().into()],
        );
        let rows = event::Entity::find().from_raw_sql(newest).all(&self.executor()).await?;
        let events: Vec<Event> = rows.into_iter().filter_map(told).collect();
        let attempt = |event: &Event| event.payload.get("attempt").and_then(serde_json::Value::as_i64);
        let newest = events.iter().filter_map(attempt).max();
        Ok(events.into_iter().filter(|event| attempt(event) == newest).collect())
    }
}

fn told(row: event::Model) -> Option<Event> {
    Some(Event {
        kind: EventKind::parse(&row.kind)?,
        job_id: row.job_id,
        seq: row.seq,
        subject: row.subject,
        payload: row.payload,
        at: Timestamp(row.at),
    })
}

/// The whole log, for the node's tail.
pub struct WholeLog(pub Database);

#[derive(FromQueryResult)]
struct LoggedRow {
    log_transaction: i64,
    position: i64,
    job_id: String,
    seq: i64,
    kind: String,
    subject: String,
    payload: serde_json::Value,
    at: i64,
}

/// On PostgreSQL rows become visible out of order: only those of transactions older than any still running are
/// read, in the order of their transactions.
const POSTGRES_AFTER: &str = "SELECT xid::text::bigint AS log_transaction, position, job_id, seq, kind, subject, payload, at
    FROM events WHERE (xid, position) > ($1::text::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, position LIMIT $3";
/// On SQLite there is one writer: the order of rows is that of commits.
const SQLITE_AFTER: &str = "SELECT 0 AS log_transaction, position, job_id, seq, kind, subject, payload, at
    FROM events WHERE position > $1 ORDER BY position LIMIT $2";
const POSTGRES_END: &str =
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS log_transaction, CAST(0 AS bigint) AS row";
const SQLITE_END: &str = "SELECT 0 AS log_transaction, coalesce(max(position), 0) AS row FROM events";

#[async_trait::async_trait]
impl EventLog for WholeLog {
    async fn end(&self) -> Result<LogPosition, LogError> {
        let backend = self.0.backend();
        let sql = if backend == DbBackend::Postgres { POSTGRES_END } else { SQLITE_END };
        let row = self.0.reader().query_one_raw(Statement::from_string(backend, sql)).await.map_err(unread)?;
        let row = row.ok_or_else(|| LogError("no answer".into()))?;
        let transaction = row.try_get("", "log_transaction").map_err(unread)?;
        Ok(LogPosition { transaction, row: row.try_get("", "row").map_err(unread)? })
    }

    async fn after(&self, position: LogPosition, most: u64) -> Result<Vec<(LogPosition, Event)>, LogError> {
        let statement = after(self.0.backend(), position, most);
        let rows = LoggedRow::find_by_statement(statement).all(self.0.reader()).await.map_err(unread)?;
        Ok(rows.into_iter().filter_map(LoggedRow::told).collect())
    }
}

impl LoggedRow {
    fn told(self) -> Option<(LogPosition, Event)> {
        let event = Event {
            kind: EventKind::parse(&self.kind)?,
            job_id: self.job_id,
            seq: self.seq,
            subject: self.subject,
            payload: self.payload,
            at: Timestamp(self.at),
        };
        Some((LogPosition { transaction: self.log_transaction, row: self.position }, event))
    }
}

fn unread(error: sea_orm::DbErr) -> LogError {
    LogError(error.to_string())
}
