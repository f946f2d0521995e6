//! What lists of jobs need: an index for every order and for every filter that picks few of many.
//!
//! An order by a column that may be null goes by a generated one that is not, so that a cursor is one comparison of rows,
//! which both databases answer from the index.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DatabaseBackend, Statement},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// PostgreSQL 15 computes a generated column when it is written, SQLite adds only those computed when they are read.
const ON_POSTGRES: [&str; 3] = [
    "ALTER TABLE jobs ADD COLUMN finished_key bigint GENERATED ALWAYS AS (coalesce(finished_at, 0)) STORED",
    // The order of bytes, as SQLite has it.
    r#"ALTER TABLE jobs ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (coalesce(name, '')) STORED"#,
    "CREATE INDEX jobs_by_metadata ON jobs USING gin (metadata jsonb_path_ops)",
];

/// SQLite has no index into documents: the members of a job's metadata that are no lists or objects have rows of their own.
const ON_SQLITE: [&str; 7] = [
    "ALTER TABLE jobs ADD COLUMN finished_key bigint GENERATED ALWAYS AS (coalesce(finished_at, 0)) VIRTUAL",
    "ALTER TABLE jobs ADD COLUMN name_key text GENERATED ALWAYS AS (coalesce(name, '')) VIRTUAL",
    "CREATE TABLE job_metadata (
        job_id text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        key text NOT NULL,
        value,
        PRIMARY KEY (job_id, key)
    ) WITHOUT ROWID",
    "CREATE INDEX job_metadata_by_value ON job_metadata (key, value, job_id)",
    "CREATE TRIGGER jobs_metadata_written AFTER INSERT ON jobs WHEN new.metadata <> '{}' BEGIN
        INSERT OR REPLACE INTO job_metadata SELECT new.id, key, atom FROM json_each(new.metadata)
            WHERE type NOT IN ('array', 'object', 'null');
    END",
    "CREATE TRIGGER jobs_metadata_changed AFTER UPDATE OF metadata ON jobs WHEN new.metadata <> old.metadata BEGIN
        DELETE FROM job_metadata WHERE job_id = new.id;
        INSERT OR REPLACE INTO job_metadata SELECT new.id, key, atom FROM json_each(new.metadata)
            WHERE type NOT IN ('array', 'object', 'null');
    END",
    "INSERT OR REPLACE INTO job_metadata SELECT jobs.id, each.key, each.atom FROM jobs, json_each(jobs.metadata) AS each
        WHERE each.type NOT IN ('array', 'object', 'null')",
];

const ON_BOTH: [&str; 11] = [
    "ALTER TABLE jobs ADD COLUMN search_name text",
    "CREATE INDEX jobs_by_update ON jobs (tenant, updated_at, id)",
    "CREATE INDEX jobs_by_finish ON jobs (tenant, finished_key, id)",
    "CREATE INDEX jobs_by_priority ON jobs (tenant, priority, id)",
    "CREATE INDEX jobs_by_name ON jobs (tenant, name_key, id)",
    "CREATE INDEX jobs_by_state ON jobs (tenant, status, id)",
    "CREATE INDEX jobs_by_client ON jobs (tenant, client_ip, created_at, id)",
    "CREATE INDEX elements_by_job_and_type ON elements (job_id, element_type)",
    "CREATE INDEX elements_by_type_in_time ON elements (element_type, id)",
    "CREATE INDEX elements_by_status ON elements (status, id)",
    "CREATE INDEX storage_operations_by_outcome ON storage_operations (tenant, success, created_at, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let own: &[&str] = match manager.get_database_backend() {
            DatabaseBackend::Postgres => &ON_POSTGRES,
            _ => &ON_SQLITE,
        };
        for statement in own.iter().chain(&ON_BOTH) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        fold_names(manager).await
    }
}

/// Names in lower case as Unicode has it: SQLite's own function knows ASCII only.
async fn fold_names(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let (connection, backend) = (manager.get_connection(), manager.get_database_backend());
    let named = Statement::from_string(backend, "SELECT id, name FROM jobs WHERE name IS NOT NULL");
    for row in connection.query_all_raw(named).await? {
        let (id, name): (String, String) = (row.try_get("", "id")?, row.try_get("", "name")?);
        let fold = "UPDATE jobs SET search_name = $1 WHERE id = $2";
        let fold = Statement::from_sql_and_values(backend, fold, [name.to_lowercase().replace('ς', "σ").into(), id.into()]);
        connection.execute_raw(fold).await?;
    }
    Ok(())
}
