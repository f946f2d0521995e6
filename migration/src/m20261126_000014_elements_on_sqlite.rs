//! On SQLite the index by which positions are checked begins with the job again: the elements of one lie together there, and a
//! new job writes one page of it and not one for each element. SQLite looks a position up in the unique index whatever others
//! there are; PostgreSQL does not, and keeps what it has.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

const CHANGES: [&str; 2] =
    ["DROP INDEX elements_by_position_before", "CREATE INDEX elements_by_position_before ON elements (job_id, position_before)"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Sqlite {
            for change in CHANGES {
                manager.get_connection().execute_unprepared(change).await?;
            }
        }
        Ok(())
    }
}
