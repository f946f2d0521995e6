//! Events: the log of what happened, written in the transaction of what happened.
//!
//! `seq` counts a job's events 1, 2, 3… without a gap; `position` orders all of them. On PostgreSQL positions
//! become visible out of order, so a reader of the whole log goes by (`xid`, `position`) below the oldest
//! transaction still running.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table()).await?;
        let unique = Index::create().unique().name("events_seq_unique").table("events").col("job_id").col("seq").to_owned();
        manager.create_index(unique).await?;
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            let connection = manager.get_connection();
            connection.execute_unprepared("ALTER TABLE events ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()").await?;
            connection.execute_unprepared("CREATE INDEX events_feed ON events (xid, position)").await?;
        }
        Ok(())
    }
}

fn table() -> TableCreateStatement {
    Table::create()
        .table("events")
        .col(big_pk_auto("position"))
        .col(text("tenant"))
        .col(text("job_id"))
        .col(big_integer("seq"))
        .col(text("kind"))
        .col(text("subject"))
        .col(json_binary("payload"))
        .col(big_integer("at"))
        .check(("events_seq_from_one", Expr::col("seq").gte(1)))
        .foreign_key(
            ForeignKey::create()
                .name("events_job")
                .from("events", "job_id")
                .to("jobs", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
