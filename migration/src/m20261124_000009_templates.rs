//! Templates: jobs with places left open, which variables fill.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("templates")
            .col(text("id").primary_key())
            .col(text("tenant"))
            .col(text("name"))
            .col(text_null("description"))
            .col(json_binary("variables"))
            .col(json_binary("document"))
            .col(big_integer("created_at"))
            .col(big_integer("updated_at"))
            .to_owned();
        manager.create_table(table).await?;
        let index = |name: &'static str| Index::create().name(name).table("templates").to_owned();
        manager.create_index(index("templates_name_unique").unique().col("tenant").col("name").to_owned()).await?;
        manager.create_index(index("templates_by_creation").col("tenant").col("created_at").col("id").to_owned()).await
    }
}
