//! The reference clients, from npm: the audits of GraphQL over HTTP, graphql-ws, and the playground in a browser.

use std::path::Path;

use reelgraph::app::Duty;
use tokio::process::Command;

use crate::server::{Server, new_postgres_database};

async fn script(name: &str, server: &Server, more: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web");
    let ran = Command::new("node").arg(name).arg(&server.api.base).args(more).current_dir(folder).output().await.expect("node");
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{name}:\n{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn all_61_audits_of_graphql_over_http_pass() {
    let server = Server::sqlite().await;
    let said = script("audit.mjs", &server, &[]).await;
    assert!(said.contains("61 audits, 61 ok"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_graphql_ws_follows_a_job_on_sqlite() {
    script("ws-client.mjs", &Server::sqlite().await, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_graphql_ws_follows_a_job_on_postgres() {
    let database = new_postgres_database().await;
    script("ws-client.mjs", &Server::start(Some(database), Duty::Everything, |_| {}).await, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playground_runs_its_examples_in_a_browser() {
    script("playground.mjs", &Server::sqlite().await, &[]).await;
}
