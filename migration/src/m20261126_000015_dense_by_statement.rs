//! On PostgreSQL a statement that adds elements is checked as a whole, and not row by row: its positions must be a run without
//! a gap that begins at zero or after one that is there. The foreign key by which each element referred to the one before took a
//! third of the time that it takes to insert five hundred, and its index lay as far apart as the jobs are many.
//!
//! What moves or goes is checked when the transaction commits. The row before is held as the foreign key held it, so that nobody
//! takes it away meanwhile; a transaction that is REPEATABLE READ, of which the service has none, could still not see another's.
//! Errors bear the constraint's name. SQLite keeps the foreign key.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend, Statement},
};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// `{elements}` is the table with its schema: a function may be called with any search path.
const CHANGES: [&str; 8] = [
    "ALTER TABLE elements DROP CONSTRAINT elements_position_dense",
    "DROP INDEX elements_by_position_before",
    "ALTER TABLE elements DROP COLUMN position_before",
    "CREATE FUNCTION elements_added() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        run record;
    BEGIN
        FOR run IN SELECT job_id, min(position) AS first, max(position) AS last, count(*) AS many FROM added GROUP BY job_id LOOP
            IF run.first > 0 THEN
                PERFORM FROM {elements} WHERE job_id = run.job_id AND position = run.first - 1 FOR KEY SHARE;
            END IF;
            IF run.last - run.first + 1 <> run.many OR run.first > 0 AND NOT FOUND THEN
                RAISE EXCEPTION 'positions of job % have a gap: elements_position_dense', run.job_id
                    USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'elements_position_dense', TABLE = 'elements';
            END IF;
        END LOOP;
        RETURN NULL;
    END $$",
    "CREATE TRIGGER elements_added AFTER INSERT ON elements REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION elements_added()",
    // What lies after the place that it left, and what lies at its new place, has one before it.
    "CREATE FUNCTION elements_moved() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        gap text;
    BEGIN
        SELECT job_id INTO gap FROM {elements} AS here WHERE job_id = OLD.job_id AND position = OLD.position + 1
            AND NOT EXISTS (SELECT FROM {elements} WHERE job_id = here.job_id AND position = here.position - 1);
        IF gap IS NULL AND TG_OP = 'UPDATE' AND NEW.position > 0 THEN
            PERFORM FROM {elements} WHERE job_id = NEW.job_id AND position = NEW.position - 1 FOR KEY SHARE;
            IF NOT FOUND THEN
                SELECT job_id INTO gap FROM {elements} WHERE job_id = NEW.job_id AND position = NEW.position;
            END IF;
        END IF;
        IF gap IS NOT NULL THEN
            RAISE EXCEPTION 'positions of job % have a gap: elements_position_dense', gap
                USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'elements_position_dense', TABLE = 'elements';
        END IF;
        RETURN NULL;
    END $$",
    "CREATE CONSTRAINT TRIGGER elements_moved AFTER UPDATE OF job_id, position ON elements DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.position <> NEW.position OR OLD.job_id <> NEW.job_id) EXECUTE FUNCTION elements_moved()",
    "CREATE CONSTRAINT TRIGGER elements_removed AFTER DELETE ON elements DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION elements_moved()",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let connection = manager.get_connection();
        let name = "SELECT quote_ident(current_schema()) || '.elements' AS name";
        let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, name)).await?;
        let name: String =
            row.ok_or_else(|| DbErr::Migration("PostgreSQL has no schema to write to".into()))?.try_get("", "name")?;
        for change in CHANGES {
            connection.execute_unprepared(&change.replace("{elements}", &name)).await?;
        }
        Ok(())
    }
}
