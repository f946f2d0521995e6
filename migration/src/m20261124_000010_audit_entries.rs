//! The audit log: who did what to what, and how it ended. Rows are added and never changed: the database refuses it.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

const OUTCOMES: [&str; 2] = ["SUCCEEDED", "FAILED"];

const ON_POSTGRES: [&str; 2] = [
    "CREATE FUNCTION audit_entries_only_grow() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$",
    "CREATE TRIGGER audit_entries_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_only_grow()",
];
const ON_SQLITE: [&str; 2] = [
    "CREATE TRIGGER audit_entries_are_not_changed BEFORE UPDATE ON audit_entries
        BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END",
    "CREATE TRIGGER audit_entries_are_not_deleted BEFORE DELETE ON audit_entries
        BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table()).await?;
        let index = |name: &'static str| Index::create().name(name).table("audit_entries").to_owned();
        manager.create_index(index("audit_entries_by_time").col("tenant").col("at").col("id").to_owned()).await?;
        manager.create_index(index("audit_entries_by_target").col("tenant").col("target").col("at").col("id").to_owned()).await?;
        let append_only = match manager.get_database_backend() {
            DatabaseBackend::Postgres => ON_POSTGRES,
            _ => ON_SQLITE,
        };
        for statement in append_only {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

fn table() -> TableCreateStatement {
    Table::create()
        .table("audit_entries")
        .col(text("id").primary_key())
        .col(text("tenant"))
        .col(text("actor"))
        .col(text("role"))
        .col(text_null("client_ip"))
        .col(text("action"))
        .col(text_null("target"))
        .col(text("outcome"))
        .col(text_null("code"))
        .col(text("correlation_id"))
        .col(big_integer("at"))
        .check(super::one_of("audit_entries_outcome_known", "outcome", &OUTCOMES))
        .to_owned()
}
