//! Elements: what a job's composition is made of, in the order of their positions.
//!
//! Positions are unique and dense, and the database holds both: each element but the first refers to the one
//! before it, by a foreign key that is checked when the transaction commits, so that a gap cannot be committed. (PostgreSQL
//! checks it otherwise since migration 15.)

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQL of its own: the builder knows neither generated columns in a key nor deferred constraints.
        let connection = manager.get_connection();
        connection.execute_unprepared(&table(manager.get_database_backend())).await?;
        connection.execute_unprepared("CREATE INDEX elements_by_position_before ON elements (job_id, position_before)").await?;
        connection.execute_unprepared("CREATE INDEX elements_by_type ON elements (element_type, job_id)").await?;
        Ok(())
    }
}

fn table(backend: DatabaseBackend) -> String {
    let (json, double) = match backend {
        DatabaseBackend::Postgres => ("jsonb", "double precision"),
        _ => ("jsonb_text", "double"),
    };
    format!(
        "CREATE TABLE elements (
            id text NOT NULL PRIMARY KEY,
            job_id text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            position integer NOT NULL CONSTRAINT elements_position_from_zero CHECK (position >= 0),
            position_before integer GENERATED ALWAYS AS (NULLIF(position, 0) - 1) STORED,
            track integer NOT NULL,
            start {double},
            element_type text NOT NULL CONSTRAINT elements_type_known CHECK (element_type IN
                ('VIDEO', 'IMAGE', 'AUDIO', 'TEXT', 'SHAPE', 'SUBTITLES', 'COMPOSITION')),
            spec {json} NOT NULL,
            status text NOT NULL CONSTRAINT elements_status_known CHECK (status IN
                ('PENDING', 'DOWNLOADING', 'DOWNLOADED', 'PROCESSING', 'READY', 'FAILED')),
            progress {double} NOT NULL DEFAULT 0 CONSTRAINT elements_progress_in_percent CHECK (progress BETWEEN 0 AND 100),
            error text,
            media {json},
            local_path text,
            processed_path text,
            created_at bigint NOT NULL,
            updated_at bigint NOT NULL,
            CONSTRAINT elements_position_unique UNIQUE (job_id, position),
            CONSTRAINT elements_position_dense FOREIGN KEY (job_id, position_before)
                REFERENCES elements (job_id, position) DEFERRABLE INITIALLY DEFERRED
        )"
    )
}
