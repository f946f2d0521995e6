//! Storage operations: every call on the object store, with its size, duration and outcome.
//!
//! A row outlives the job it served, so that the statistics of a bucket stay true; it then names no job.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

const OPERATIONS: [&str; 4] = ["UPLOAD", "DOWNLOAD", "DELETE", "ACCESS"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table()).await?;
        let index = |name: &'static str| Index::create().name(name).table("storage_operations").to_owned();
        manager.create_index(index("storage_operations_by_time").col("tenant").col("created_at").col("id").to_owned()).await?;
        manager.create_index(index("storage_operations_by_job").col("job_id").col("created_at").col("id").to_owned()).await?;
        manager.create_index(index("storage_operations_by_element").col("element_id").to_owned()).await
    }
}

fn table() -> TableCreateStatement {
    let forgets = |name: &'static str, column: &'static str, table: &'static str| {
        ForeignKey::create()
            .name(name)
            .from("storage_operations", column)
            .to(table, "id")
            .on_delete(ForeignKeyAction::SetNull)
            .to_owned()
    };
    Table::create()
        .table("storage_operations")
        .col(text("id").primary_key())
        .col(text("tenant"))
        .col(text_null("job_id"))
        .col(text_null("element_id"))
        .col(text("operation"))
        .col(text("bucket"))
        .col(text("key"))
        .col(boolean("success"))
        .col(big_integer_null("size"))
        .col(double("duration_ms"))
        .col(integer("attempts").default(1))
        .col(text_null("error"))
        .col(json_binary("metadata"))
        .col(big_integer("created_at"))
        .check(super::one_of("storage_operations_operation_known", "operation", &OPERATIONS))
        .check(("storage_operations_attempted", Expr::col("attempts").gte(1)))
        .check(("storage_operations_size_from_zero", Expr::cust("size IS NULL OR size >= 0")))
        .foreign_key(&mut forgets("storage_operations_job", "job_id", "jobs"))
        .foreign_key(&mut forgets("storage_operations_element", "element_id", "elements"))
        .to_owned()
}
