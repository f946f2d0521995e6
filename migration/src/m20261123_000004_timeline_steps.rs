//! Timeline steps: seven to each attempt of a job.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

const STEPS: [&str; 7] = ["VALIDATION", "DOWNLOAD", "PROCESSING", "COMPOSITION", "ENCODING", "UPLOAD", "CLEANUP"];
const STATUSES: [&str; 5] = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "SKIPPED"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table()).await?;
        let unique = Index::create()
            .unique()
            .name("timeline_steps_order_unique")
            .table("timeline_steps")
            .col("job_id")
            .col("attempt")
            .col("step_order")
            .to_owned();
        manager.create_index(unique).await
    }
}

fn table() -> TableCreateStatement {
    Table::create()
        .table("timeline_steps")
        .col(text("id").primary_key())
        .col(text("job_id"))
        .col(integer("attempt"))
        .col(text("step"))
        .col(integer("step_order"))
        .col(text("status"))
        .col(double("progress").default(0.0))
        .col(big_integer_null("started_at"))
        .col(big_integer_null("completed_at"))
        .col(double_null("cpu_ms"))
        .col(big_integer_null("peak_memory"))
        .col(big_integer_null("bytes_read"))
        .col(big_integer_null("bytes_written"))
        .col(double_null("frames_per_second"))
        .col(text_null("error"))
        .col(json_binary("details"))
        .check(super::one_of("timeline_steps_step_known", "step", &STEPS))
        .check(super::one_of("timeline_steps_status_known", "status", &STATUSES))
        .check(("timeline_steps_order_of_seven", Expr::col("step_order").between(1, 7)))
        .check(("timeline_steps_progress_in_percent", Expr::col("progress").between(0.0, 100.0)))
        .check(("timeline_steps_started_before_completed", Expr::cust("completed_at IS NULL OR completed_at >= started_at")))
        .foreign_key(
            ForeignKey::create()
                .name("timeline_steps_job")
                .from("timeline_steps", "job_id")
                .to("jobs", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
