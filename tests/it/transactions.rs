//! A mutation operation happens as a whole or not at all.

use std::sync::{Arc, Mutex};

use reelgraph::app::Duty;
use sea_orm::{ConnectionTrait, DbBackend, TransactionTrait};
use serde_json::json;

use crate::server::{Server, new_postgres_database, on_both};

const COUNT: &str = "{ jobs { totalCount } }";

on_both! {
    async fn if_one_field_fails_nothing_has_happened(server: Server) {
        let both = r#"mutation($good: CreateJobInput!, $bad: ID!) {
            good: createJob(input: $good) { id }
            bad: cancelJob(id: $bad) { id }
        }"#;
        let unknown = "job_0123456789abcdefghijklmno0";
        let answer = server.api.send(both, json!({ "good": { "submit": false }, "bad": unknown })).await;
        assert!(answer["data"].is_null(), "{answer:#}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
        assert_eq!(server.api.ask(COUNT, json!({})).await["jobs"]["totalCount"], 0);
    }

    async fn a_mutation_reads_what_it_has_written(server: Server) {
        let id = server.api.create(json!({ "submit": false })).await;
        let add = r#"mutation($id: ID!, $a: ElementInput!, $b: ElementInput!) {
            a: addElement(jobId: $id, element: $a) { position job { elements { position } } }
            b: addElement(jobId: $id, element: $b, position: 0) { position job { elements { position ... on TextElement { text } } } }
        }"#;
        let text = |words: &str| json!({ "text": { "text": words } });
        let data = server.api.ask(add, json!({ "id": id, "a": text("a"), "b": text("b") })).await;
        assert_eq!(data["a"]["job"]["elements"].as_array().map(Vec::len), Some(1));
        let words: Vec<_> = data["b"]["job"]["elements"].as_array().unwrap().iter().map(|e| e["text"].as_str().unwrap()).collect();
        assert_eq!(words, ["b", "a"]);
    }

    async fn thirty_equal_requests_make_one_job(server: Server) {
        let input = json!({ "submit": false, "idempotencyKey": "once", "name": "x" });
        let create = "mutation($input: CreateJobInput!) { createJob(input: $input) { id } }";
        let all = (0..30).map(|_| server.api.send(create, json!({ "input": input })));
        let answers = futures_util::future::join_all(all).await;
        let ids: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer["data"]["createJob"]["id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "{answers:#?}");
        assert_eq!(server.api.ask(COUNT, json!({})).await["jobs"]["totalCount"], 1);
        let other = json!({ "input": { "submit": false, "idempotencyKey": "once", "name": "y" } });
        assert_eq!(server.api.refused(create, other).await["code"], "IDEMPOTENCY_KEY_REUSED");
    }

    async fn mutations_that_lock_in_opposite_order_both_succeed(server: Server) {
        let api = &server.api;
        let (a, b) = (api.create(json!({ "submit": false })).await, api.create(json!({ "submit": false })).await);
        let both = "mutation($x: ID!, $y: ID!, $n: String) { x: updateJob(id: $x, patch: { name: $n }) { id } y: updateJob(id: $y, patch: { name: $n }) { id } }";
        for round in 0..10 {
            let name = round.to_string();
            let (first, second) = tokio::join!(
                api.send(both, json!({ "x": a, "y": b, "n": name })),
                api.send(both, json!({ "x": b, "y": a, "n": name })),
            );
            assert!(first.get("errors").is_none() && second.get("errors").is_none(), "{first:#} {second:#}");
        }
        let told = api.ask("{ diagnostics { transactions { retries deadlocks rolledBack } } }", json!({})).await["diagnostics"]["transactions"].take();
        assert!(told["retries"].as_i64() >= told["deadlocks"].as_i64(), "each deadlock was met by another try: {told}");
        assert_eq!(told["retries"], told["rolledBack"], "{told}");
    }

    async fn many_that_lock_in_opposite_orders_all_end_well(server: Server) {
        let api = &server.api;
        let (a, b) = (api.create(json!({ "submit": false })).await, api.create(json!({ "submit": false })).await);
        let both = "mutation($x: ID!, $y: ID!) { x: updateJob(id: $x, patch: { name: \"n\" }) { id } y: updateJob(id: $y, patch: { name: \"n\" }) { id } }";
        let one = |number: usize| {
            let (x, y) = if number.is_multiple_of(2) { (&a, &b) } else { (&b, &a) };
            api.send(both, json!({ "x": x, "y": y }))
        };
        for _ in 0..5 {
            for answer in futures_util::future::join_all((0..16).map(one)).await {
                assert!(answer.get("errors").is_none(), "{answer:#}");
            }
        }
    }

    async fn nothing_of_a_mutation_is_seen_before_its_end(server: Server) {
        let caller = reelgraph::domain::caller::Caller::local_admin(None);
        let services = &server.app.services;
        let id = server.api.create(json!({ "submit": false, "name": "before" })).await;
        let mut socket = server.api.socket().await;
        socket.subscribe("1", "subscription($id: ID!) { jobStatus(jobId: $id) { status } }", json!({ "id": id })).await;
        assert_eq!(socket.next_payload("1").await["data"]["jobStatus"]["status"], "DRAFT");
        let session = services.changing(caller, "test", &Default::default());
        session.enter("cancelJob").await.unwrap();
        session.cancel_job(&id).await.unwrap();
        assert_eq!(session.job(&id).await.unwrap().unwrap().status, "CANCELLED", "it reads its own writes");
        for _ in 0..20 {
            assert_eq!(server.api.job(&id).await["status"], "DRAFT");
        }
        session.commit().await.unwrap();
        assert_eq!(server.api.job(&id).await["status"], "CANCELLED");
        assert_eq!(socket.next_payload("1").await["data"]["jobStatus"]["status"], "CANCELLED", "the first that is told after the opening");
    }
}

/// Each field but the first, whose savepoint is the transaction's beginning, has one.
async fn each_field_has_a_savepoint(database_url: Option<String>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = seen.clone();
    let server = Server::start(database_url, Duty::ApiOnly, |database| {
        database.watch_statements(move |sql| {
            if sql.contains("SAVEPOINT") {
                noted.lock().unwrap().push(sql.to_owned());
            }
        });
    })
    .await;
    let create = "createJob(input: { submit: false }) { id }";
    server.api.ask(&format!("mutation {{ {create} }}"), json!({})).await;
    assert!(seen.lock().unwrap().is_empty(), "one field alone is the transaction");
    server.api.ask(&format!("mutation {{ a: {create} b: {create} c: {create} }}"), json!({})).await;
    let said = seen.lock().unwrap().clone();
    assert_eq!(said, ["SAVEPOINT field_2", "RELEASE SAVEPOINT field_2", "SAVEPOINT field_3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_has_a_savepoint_on_sqlite() {
    each_field_has_a_savepoint(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_has_a_savepoint_on_postgres() {
    each_field_has_a_savepoint(Some(new_postgres_database().await)).await;
}

async fn what_outlives_its_limit_is_rolled_back(database_url: Option<String>) {
    let url = database_url.iter().map(|url| ("DATABASE_URL", url.as_str()));
    let settings: Vec<_> = url.chain([("REELGRAPH_TRANSACTION_MS", "300")]).collect();
    let server = Server::with(&settings, Duty::ApiOnly).await;
    let api = &server.api;
    let id = api.create(json!({ "submit": false, "name": "before" })).await;
    // Another holds the row, who knows of no limit: the service's own would end as early.
    let holder = server.app.services.database().writer().begin().await.unwrap();
    if holder.get_database_backend() == DbBackend::Postgres {
        holder.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await.unwrap();
    }
    let held = holder.execute_unprepared(&format!("UPDATE jobs SET name = 'held' WHERE id = '{id}'")).await.unwrap();
    assert_eq!(held.rows_affected(), 1);
    let rename = "mutation($id: ID!) { createJob(input: { submit: false, name: \"with it\" }) { id } updateJob(id: $id, patch: { name: \"late\" }) { id } }";
    let answer = api.send(rename, json!({ "id": id })).await;
    assert!(answer["data"].is_null(), "{answer:#}");
    let extensions = &answer["errors"][0]["extensions"];
    let code = extensions["code"].as_str().unwrap();
    assert!(["TIMEOUT", "TRANSACTION_TIMEOUT"].contains(&code), "{answer:#}");
    assert_eq!((&extensions["category"], &extensions["retryable"]), (&json!("TIMEOUT"), &json!(true)));
    drop(holder);
    crate::server::until("the writer to be free", async || {
        let answer = api.send("mutation { createJob(input: { submit: false, name: \"next\" }) { id } }", json!({})).await;
        answer.get("errors").is_none().then_some(())
    })
    .await;
    let names = api.ask("{ jobs(orderBy: { direction: ASC }) { edges { node { name } } } }", json!({})).await;
    let names: Vec<_> =
        names["jobs"]["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["before", "next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlives_its_limit_is_rolled_back_on_sqlite() {
    what_outlives_its_limit_is_rolled_back(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlives_its_limit_is_rolled_back_on_postgres() {
    what_outlives_its_limit_is_rolled_back(Some(new_postgres_database().await)).await;
}
