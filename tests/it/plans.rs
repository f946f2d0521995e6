//! How the databases answer the critical queries when there are many rows.

use reelgraph::app::Duty;
use serde_json::json;

use crate::{
    server::{Server, new_postgres_database},
    support::dataset,
};

const PLANS: &str = "{ queryPlans { name sql plan indexes fullScan rowsExamined rowsReturned planningTime executionTime } }";

async fn no_critical_query_reads_a_whole_table(database_url: Option<String>) {
    let postgres = database_url.is_some();
    let url = database_url.iter().map(|url| ("DATABASE_URL", url.as_str()));
    // The plans together may take longer than a request usually may, on a busy machine.
    let settings: Vec<_> = url.chain([("REELGRAPH_TRANSACTION_MS", "60000")]).collect();
    let server = Server::with(&settings, Duty::ApiOnly).await;
    dataset::fill(&server.api, server.app.services.database().writer(), 100_000).await;
    let plans = server.api.ask(PLANS, json!({})).await["queryPlans"].take();
    let plans = plans.as_array().unwrap();
    assert!(plans.len() >= 30, "{}", plans.len());
    let wrong: Vec<_> = plans
        .iter()
        .filter(|plan| plan["fullScan"] != false || plan["indexes"].as_array().unwrap().is_empty())
        .map(|plan| format!("{}\n{}\n{}", plan["name"], plan["sql"].as_str().unwrap(), plan["plan"].as_str().unwrap()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for plan in plans {
        assert!(plan["executionTime"].as_f64().unwrap() > 0.0 && plan["planningTime"].as_f64().unwrap() > 0.0, "{plan:#}");
        assert_eq!(plan["rowsExamined"].is_number(), postgres, "{plan:#}");
    }
    let found = |name: &str| plans.iter().find(|plan| plan["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    for name in ["jobs, the newest", "jobs by NAME, further pages", "jobs of a status", "elements of a type"] {
        assert_eq!(found(name)["rowsReturned"], 51, "{name}");
        // A page is read from the index where it begins: not every row before it, nor every row of the tenant.
        assert!(found(name)["rowsExamined"].as_i64().is_none_or(|examined| examined < 1_000), "{:#}", found(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_critical_query_reads_a_whole_table_on_sqlite() {
    no_critical_query_reads_a_whole_table(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_critical_query_reads_a_whole_table_on_postgres() {
    no_critical_query_reads_a_whole_table(Some(new_postgres_database().await)).await;
}
