//! Jobs: what was asked for, where it stands, who renders it now.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

const STATUSES: [&str; 6] = ["DRAFT", "QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn table() -> TableCreateStatement {
    Table::create()
        .table("jobs")
        .col(text("id").primary_key())
        .col(text("tenant"))
        .col(text_null("name"))
        .col(text("status"))
        .col(double("progress").default(0.0))
        .col(text_null("current_step"))
        .col(integer("priority").default(0))
        .col(integer("attempt").default(0))
        .col(integer("max_attempts").default(3))
        .col(integer("rescues").default(0))
        .col(integer("uncounted").default(0))
        .col(json_binary("outputs"))
        .col(double_null("duration"))
        .col(json_binary("metadata"))
        .col(text_null("webhook_url"))
        .col(text_null("client_ip"))
        .col(text_null("idempotency_key"))
        .col(text_null("request_hash"))
        .col(json_binary_null("error"))
        .col(json_binary("results"))
        .col(big_integer("run_at"))
        .col(big_integer("fence").default(0))
        .col(text_null("lease_owner"))
        .col(big_integer_null("lease_expires_at"))
        .col(big_integer_null("cancel_requested_at"))
        .col(big_integer("event_seq").default(0))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(big_integer_null("started_at"))
        .col(big_integer_null("finished_at"))
        .check(super::one_of("jobs_status_known", "status", &STATUSES))
        .check(("jobs_progress_in_percent", Expr::col("progress").between(0.0, 100.0)))
        .check(("jobs_priority_in_range", Expr::col("priority").between(-100, 100)))
        .check(("jobs_attempts_counted", Expr::col("attempt").gte(0).and(Expr::col("max_attempts").gte(1))))
        .check(("jobs_leased_while_processing", leased_while_processing()))
        .check(("jobs_finished_when_final", finished_when_final()))
        .to_owned()
}

fn leased_while_processing() -> SimpleExpr {
    Expr::cust("(status = 'PROCESSING') = (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)")
}

fn finished_when_final() -> SimpleExpr {
    Expr::cust("(status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)")
}

fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &'static str| Index::create().name(name).table("jobs").to_owned();
    vec![
        index("jobs_claim")
            .col(("priority", IndexOrder::Desc))
            .col("run_at")
            .col("id")
            .and_where(Expr::col("status").eq("QUEUED"))
            .to_owned(),
        // Not by lease_expires_at: a heartbeat must touch no index.
        index("jobs_processing").col("id").and_where(Expr::col("status").eq("PROCESSING")).to_owned(),
        index("jobs_by_creation").col("tenant").col("created_at").col("id").to_owned(),
        index("jobs_by_status").col("tenant").col("status").col("created_at").col("id").to_owned(),
        index("jobs_idempotency")
            .unique()
            .col("tenant")
            .col("idempotency_key")
            .and_where(Expr::col("idempotency_key").is_not_null())
            .to_owned(),
    ]
}
