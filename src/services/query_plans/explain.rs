//! One query explained: by EXPLAIN ANALYZE on PostgreSQL, which runs it; by EXPLAIN QUERY PLAN on SQLite, and a run beside.

use std::time::Instant;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, TransactionTrait};
use serde_json::Value;

use super::paths::CriticalPath;
use crate::services::{Error, database::Database};

/// How the database answers a query.
#[derive(Debug, Clone)]
pub struct QueryPlan {
    pub name: &'static str,
    pub purpose: &'static str,
    pub sql: String,
    /// The plan's nodes, one a line, indented.
    pub plan: String,
    pub indexes: Vec<String>,
    /// Whether it reads a whole table.
    pub full_scan: bool,
    /// `None` where the database does not count them (SQLite).
    pub rows_examined: Option<i64>,
    pub rows_returned: i64,
    pub planning_ms: f64,
    pub execution_ms: f64,
}

pub async fn explain(database: &Database, path: CriticalPath) -> Result<QueryPlan, Error> {
    let mut plan = QueryPlan {
        name: path.name,
        purpose: path.purpose,
        sql: path.statement.sql.clone(),
        plan: String::new(),
        indexes: Vec::new(),
        full_scan: false,
        rows_examined: None,
        rows_returned: 0,
        planning_ms: 0.0,
        execution_ms: 0.0,
    };
    // Never committed: a query that locks rows gives them back.
    let transaction = match database.backend() {
        DbBackend::Postgres => database.begin().await?,
        _ => database.reader().begin().await?,
    };
    match database.backend() {
        DbBackend::Postgres => by_postgres(&transaction, path.statement, &mut plan).await?,
        _ => by_sqlite(&transaction, path.statement, &mut plan).await?,
    }
    transaction.rollback().await?;
    plan.indexes.sort();
    plan.indexes.dedup();
    Ok(plan)
}

fn prefixed(prefix: &str, statement: &Statement) -> Statement {
    Statement { sql: format!("{prefix} {}", statement.sql), ..statement.clone() }
}

async fn by_sqlite(transaction: &DatabaseTransaction, statement: Statement, plan: &mut QueryPlan) -> Result<(), Error> {
    let started = Instant::now();
    let nodes = transaction.query_all_raw(prefixed("EXPLAIN QUERY PLAN", &statement)).await?;
    plan.planning_ms = started.elapsed().as_secs_f64() * 1e3;
    let mut depths = std::collections::HashMap::from([(0i64, 0usize)]);
    for node in nodes {
        let (id, parent): (i64, i64) = (node.try_get("", "id")?, node.try_get("", "parent")?);
        let detail: String = node.try_get("", "detail")?;
        let depth = depths.get(&parent).copied().unwrap_or(0);
        depths.insert(id, depth + 1);
        plan.plan.push_str(&format!("{}{detail}\n", "  ".repeat(depth)));
        if detail.contains("VIRTUAL TABLE") {
            // Rows of JSON have no index.
        } else if let Some((_, rest)) = detail.split_once(" INDEX ") {
            plan.indexes.extend(rest.split_whitespace().next().map(str::to_owned));
        } else if detail.contains("USING INTEGER PRIMARY KEY") {
            plan.indexes.push("primary key".to_owned());
        }
        plan.full_scan |= is_scan(&detail);
    }
    let started = Instant::now();
    plan.rows_returned = transaction.query_all_raw(statement).await?.len() as i64;
    plan.execution_ms = started.elapsed().as_secs_f64() * 1e3;
    Ok(())
}

/// A table that is read as a whole, through an index or not. What a query makes itself has no name of a table.
fn is_scan(detail: &str) -> bool {
    const TABLES: [&str; 9] = [
        "jobs",
        "elements",
        "timeline_steps",
        "storage_operations",
        "events",
        "assets",
        "templates",
        "audit_entries",
        "job_metadata",
    ];
    // These hold the few jobs that wait or run: to read one of them is to read just those.
    const PARTIAL: [&str; 2] = ["jobs_claim", "jobs_processing"];
    if detail.split_whitespace().any(|word| PARTIAL.contains(&word)) {
        return false;
    }
    let mut words = detail.split_whitespace();
    words.next() == Some("SCAN") && words.next().is_some_and(|table| TABLES.contains(&table))
}

async fn by_postgres(transaction: &DatabaseTransaction, statement: Statement, plan: &mut QueryPlan) -> Result<(), Error> {
    let told = transaction.query_one_raw(prefixed("EXPLAIN (ANALYZE, FORMAT JSON)", &statement)).await?;
    let told = told.ok_or_else(|| Error::internal("the database explained nothing"))?;
    let told: Value = told.try_get_by_index(0)?;
    let told = &told[0];
    plan.planning_ms = told["Planning Time"].as_f64().unwrap_or_default();
    plan.execution_ms = told["Execution Time"].as_f64().unwrap_or_default();
    plan.rows_returned = told["Plan"]["Actual Rows"].as_f64().unwrap_or_default() as i64;
    let mut examined = 0.0;
    walk(&told["Plan"], 0, plan, &mut examined);
    plan.rows_examined = Some(examined as i64);
    Ok(())
}

fn walk(node: &Value, depth: usize, plan: &mut QueryPlan, examined: &mut f64) {
    let text = |name: &str| node[name].as_str();
    let number = |name: &str| node[name].as_f64().unwrap_or(0.0);
    let kind = text("Node Type").unwrap_or("?");
    let loops = number("Actual Loops");
    let mut line = format!("{}{kind}", "  ".repeat(depth));
    if let Some(index) = text("Index Name") {
        line.push_str(&format!(" using {index}"));
        plan.indexes.push(index.to_owned());
    }
    if let Some(table) = text("Relation Name") {
        line.push_str(&format!(" on {table}"));
    }
    for condition in ["Index Cond", "Recheck Cond", "Filter"] {
        if let Some(condition_text) = text(condition) {
            line.push_str(&format!(", {condition}: {condition_text}"));
        }
    }
    line.push_str(&format!(" (rows={} loops={loops})\n", number("Actual Rows")));
    plan.plan.push_str(&line);
    plan.full_scan |= kind == "Seq Scan";
    if kind.ends_with("Scan") && text("Relation Name").is_some() {
        *examined += loops * (number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck"));
    }
    for below in node["Plans"].as_array().into_iter().flatten() {
        walk(below, depth + 1, plan, examined);
    }
}

#[cfg(test)]
mod tests {
    use super::is_scan;

    #[test]
    fn a_scan_of_a_table_is_told_from_a_search_and_from_rows_of_the_query_s_own() {
        assert!(is_scan("SCAN jobs") && is_scan("SCAN elements USING COVERING INDEX elements_by_status"));
        assert!(!is_scan("SCAN jobs USING INDEX jobs_processing"));
        assert!(!is_scan("SEARCH jobs USING INDEX jobs_by_creation (tenant=?)"));
        assert!(
            !is_scan("SCAN picked") && !is_scan("SCAN t1 VIRTUAL TABLE INDEX 1:") && !is_scan("USE TEMP B-TREE FOR ORDER BY")
        );
    }
}
