//! What is put off: objects of deleted jobs leave the store, and what the database holds for a while only is removed.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, TransactionTrait};
use tokio_util::sync::CancellationToken;

use super::{
    Error, Services,
    objects::{Place, Purpose},
    transaction::UnitOfWork,
};
use crate::entities::job;

/// How often is looked for what is due.
const EVERY: Duration = Duration::from_secs(30);
/// How long a node has for what it took; then another tries, or it again.
const TAKEN_FOR_MS: i64 = 5 * 60 * 1_000;
/// Jobs of one look.
const BATCH: i64 = 20;
/// How long the last events of deleted jobs stay: nodes have seen them within a second.
const LAST_EVENTS_MS: i64 = 24 * 3_600 * 1_000;

#[derive(FromQueryResult)]
struct Doomed {
    job_id: String,
    tenant: String,
    /// Objects outside of the job's own folder, as [`Place`]s.
    keys: serde_json::Value,
    attempts: i32,
}

/// Notes, in the transaction that deletes a job, that its objects are to go.
pub(super) async fn doom(unit: &UnitOfWork, row: &job::Model, places: &[Place], now: i64) -> Result<(), Error> {
    // A render that is being stopped may still store its result: then one sweep is not enough.
    let attempts = if row.lease_owner.is_some() { -1 } else { 0 };
    let note = Statement::from_sql_and_values(
        unit.transaction().get_database_backend(),
        "INSERT INTO doomed_objects (job_id, tenant, keys, attempts, due_at) VALUES ($1, $2, $3, $4, $5)",
        [row.id.as_str().into(), row.tenant.as_str().into(), serde_json::json!(places).into(), attempts.into(), now.into()],
    );
    unit.transaction().execute_raw(note).await?;
    Ok(())
}

impl Services {
    /// Sweeps now and then, until stopped.
    pub async fn keep_house(self, stop: CancellationToken) {
        loop {
            self.sweep_objects().await;
            if let Err(error) = self.remove_what_has_expired().await {
                tracing::warn!(%error, cause = error.hidden_cause(), "what has expired could not be removed");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Removes the objects of deleted jobs that are due.
    pub(super) async fn sweep_objects(&self) {
        loop {
            let due = match self.take_doomed().await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(%error, cause = error.hidden_cause(), "objects of deleted jobs cannot be looked for");
                    return;
                }
            };
            if due.is_empty() {
                return;
            }
            for doomed in due {
                if let Err(error) = self.sweep_one(doomed).await {
                    tracing::warn!(%error, cause = error.hidden_cause(), "objects of a deleted job are still in the store");
                }
            }
        }
    }

    async fn take_doomed(&self) -> Result<Vec<Doomed>, Error> {
        let skip = if self.database().backend() == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "UPDATE doomed_objects SET due_at = $1, attempts = attempts + 1 WHERE job_id IN
                (SELECT job_id FROM doomed_objects WHERE due_at <= $2 ORDER BY due_at LIMIT $3 {skip}) RETURNING *"
        );
        let now = self.clock().now();
        let values = [now.plus_ms(TAKEN_FOR_MS).0.into(), now.0.into(), BATCH.into()];
        let take = Statement::from_sql_and_values(self.database().backend(), sql, values);
        // In a transaction, since a failure of one that commits by itself would not be told.
        let transaction = self.database().writer().begin().await?;
        let taken = Doomed::find_by_statement(take).all(&transaction).await?;
        transaction.commit().await?;
        Ok(taken)
    }

    async fn sweep_one(&self, doomed: Doomed) -> Result<(), Error> {
        let purpose = Purpose { tenant: doomed.tenant, ..Purpose::default() };
        let places: Vec<Place> = serde_json::from_value(doomed.keys).unwrap_or_default();
        self.store().forget_job(&purpose, &doomed.job_id, &places).await?;
        // Below one: to be swept once more, after its time.
        let done = "DELETE FROM doomed_objects WHERE job_id = $1 AND attempts > 0";
        let done = Statement::from_sql_and_values(self.database().backend(), done, [doomed.job_id.into()]);
        if doomed.attempts > 0 {
            self.database().writer().execute_raw(done).await?;
        }
        Ok(())
    }

    async fn remove_what_has_expired(&self) -> Result<(), Error> {
        let (backend, writer, now) = (self.database().backend(), self.database().writer(), self.clock().now());
        let old = "DELETE FROM events WHERE kind = 'deleted' AND at < $1";
        writer.execute_raw(Statement::from_sql_and_values(backend, old, [now.plus_ms(-LAST_EVENTS_MS).0.into()])).await?;
        let past = "DELETE FROM aggregates WHERE expires_at < $1";
        writer.execute_raw(Statement::from_sql_and_values(backend, past, [now.0.into()])).await?;
        if backend == DbBackend::Sqlite {
            // Looks at a sample of what has grown much: by that it chooses among indexes.
            writer.execute_unprepared("PRAGMA analysis_limit = 400; PRAGMA optimize").await?;
        }
        Ok(())
    }
}
