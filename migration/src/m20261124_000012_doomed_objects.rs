//! Objects of deleted jobs that are still in the store: noted in the transaction of the deletion, so that no crash leaves
//! them there for good.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("doomed_objects")
            .col(text("job_id").primary_key())
            .col(text("tenant"))
            .col(json_binary("keys"))
            .col(integer("attempts").default(0))
            .col(big_integer("due_at"))
            .to_owned();
        manager.create_table(table).await?;
        manager.create_index(Index::create().name("doomed_objects_due").table("doomed_objects").col("due_at").to_owned()).await
    }
}
