//! A job's last event outlives it: that it was deleted is told to every node, so events no longer refer to their job's
//! row. Who deletes a job deletes its other events.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// SQLite drops no constraint: the table is made anew.
const ON_SQLITE: [&str; 5] = [
    "CREATE TABLE events_anew (
        position integer NOT NULL PRIMARY KEY AUTOINCREMENT,
        tenant text NOT NULL,
        job_id text NOT NULL,
        seq bigint NOT NULL CONSTRAINT events_seq_from_one CHECK (seq >= 1),
        kind text NOT NULL,
        subject text NOT NULL,
        payload jsonb_text NOT NULL,
        at bigint NOT NULL
    )",
    "INSERT INTO events_anew SELECT position, tenant, job_id, seq, kind, subject, payload, at FROM events ORDER BY position",
    "DROP TABLE events",
    "ALTER TABLE events_anew RENAME TO events",
    "CREATE UNIQUE INDEX events_seq_unique ON events (job_id, seq)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            connection.execute_unprepared("ALTER TABLE events DROP CONSTRAINT events_job").await?;
        } else {
            for statement in ON_SQLITE {
                connection.execute_unprepared(statement).await?;
            }
        }
        // For the sweep of the last events of deleted jobs.
        connection.execute_unprepared("CREATE INDEX events_of_deleted_jobs ON events (at) WHERE kind = 'deleted'").await?;
        Ok(())
    }
}
