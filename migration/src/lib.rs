//! The database's tables, one a file, each with the keys, checks and indexes that hold its rules.
//!
//! The same migrations run on SQLite and on PostgreSQL. Ids are text, times integers (microseconds since the
//! Unix epoch, UTC), documents JSON (`jsonb` on PostgreSQL). This crate knows nothing of the service.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{DatabaseBackend, TransactionTrait},
};

mod m20261123_000001_jobs;
mod m20261123_000002_assets;
mod m20261123_000003_elements;
mod m20261123_000004_timeline_steps;
mod m20261123_000005_storage_operations;
mod m20261123_000006_events;
mod m20261124_000007_events_outlive_jobs;
mod m20261124_000008_job_lists;
mod m20261124_000009_templates;
mod m20261124_000010_audit_entries;
mod m20261124_000011_aggregates;
mod m20261124_000012_doomed_objects;
mod m20261125_000013_element_indexes;
mod m20261126_000014_elements_on_sqlite;
mod m20261126_000015_dense_by_statement;

/// All migrations, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_jobs::Migration),
            Box::new(m20261123_000002_assets::Migration),
            Box::new(m20261123_000003_elements::Migration),
            Box::new(m20261123_000004_timeline_steps::Migration),
            Box::new(m20261123_000005_storage_operations::Migration),
            Box::new(m20261123_000006_events::Migration),
            Box::new(m20261124_000007_events_outlive_jobs::Migration),
            Box::new(m20261124_000008_job_lists::Migration),
            Box::new(m20261124_000009_templates::Migration),
            Box::new(m20261124_000010_audit_entries::Migration),
            Box::new(m20261124_000011_aggregates::Migration),
            Box::new(m20261124_000012_doomed_objects::Migration),
            Box::new(m20261125_000013_element_indexes::Migration),
            Box::new(m20261126_000014_elements_on_sqlite::Migration),
            Box::new(m20261126_000015_dense_by_statement::Migration),
        ]
    }
}

/// The key of the advisory lock that keeps two nodes from migrating one PostgreSQL at once.
const MIGRATION_LOCK: i64 = 0x7265_656c_6772_6170;

/// Brings the database to the newest schema, all or nothing. Safe to call from every node at its start.
pub async fn migrate(db: &sea_orm_migration::sea_orm::DatabaseConnection) -> Result<(), DbErr> {
    let transaction = db.begin().await?;
    if db.get_database_backend() == DatabaseBackend::Postgres {
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    }
    Migrator::up(&transaction, None).await?;
    transaction.commit().await
}

/// A check that a text column holds one of some words.
fn one_of(name: &'static str, column: &'static str, words: &[&'static str]) -> (&'static str, SimpleExpr) {
    (name, Expr::col(column).is_in(words.iter().copied()))
}
