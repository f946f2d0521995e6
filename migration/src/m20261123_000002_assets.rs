//! Assets: the files that clients upload.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("assets")
            .col(text("id").primary_key())
            .col(text("tenant"))
            .col(text("filename"))
            .col(text_null("content_type"))
            .col(big_integer("size"))
            .col(text_null("checksum_sha256"))
            .col(text("bucket"))
            .col(text("key"))
            .col(big_integer("created_at"))
            .check(("assets_not_empty", Expr::col("size").gt(0)))
            .to_owned();
        manager.create_table(table).await?;
        let by_key = Index::create().unique().name("assets_by_key").table("assets").col("bucket").col("key").to_owned();
        manager.create_index(by_key).await
    }
}
