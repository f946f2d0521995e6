//! Fewer indexes of elements, of which only one begins with the job.
//!
//! That each position has the one before it is checked for every row, by a statement that PostgreSQL plans once a connection,
//! mostly while the table is small. Of several indexes that begin with the job it then took one without the position, and
//! looked at all of a job's elements for each of them.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const CHANGES: [&str; 4] = [
    // `elements_position_unique` finds those of a job, `elements_by_type_in_time` those of a type.
    "DROP INDEX elements_by_job_and_type",
    "DROP INDEX elements_by_type",
    "DROP INDEX elements_by_position_before",
    "CREATE INDEX elements_by_position_before ON elements (position_before, job_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for change in CHANGES {
            manager.get_connection().execute_unprepared(change).await?;
        }
        Ok(())
    }
}
