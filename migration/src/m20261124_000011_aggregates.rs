//! Aggregates that were computed once, shared by all nodes: good while the generation of their subject is still the one
//! that they were computed in. Whoever changes a subject raises its generation in the same transaction.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let subjects = Table::create()
            .table("aggregate_subjects")
            .col(text("subject").primary_key())
            .col(big_integer("generation").default(0))
            .to_owned();
        manager.create_table(subjects).await?;
        let aggregates = Table::create()
            .table("aggregates")
            .col(text("key").primary_key())
            .col(text("subject"))
            .col(big_integer("generation"))
            .col(json_binary("value"))
            .col(big_integer("expires_at"))
            .to_owned();
        manager.create_table(aggregates).await?;
        let by_end = Index::create().name("aggregates_by_end").table("aggregates").col("expires_at").to_owned();
        manager.create_index(by_end).await
    }
}
