//! How many statements a request costs.

use std::sync::{Arc, Mutex};

use reelgraph::app::Duty;
use serde_json::json;

use crate::server::{Server, new_postgres_database, until};

/// A page of 50 jobs with elements and timeline: the page, the elements, the timelines, whatever the number of clients; and
/// the page alone where the others are cached.
async fn a_page_costs_three_statements(database_url: Option<String>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = seen.clone();
    let server = Server::start(database_url, Duty::ApiOnly, |database| {
        database.watch_statements(move |sql| {
            // The tail of the event log reads beside; it has SQL of its own, without quotes.
            if sql.contains("FROM \"") {
                noted.lock().unwrap().push(sql.to_owned());
            }
        });
    })
    .await;
    let api = &server.api;
    for _ in 0..50 {
        api.create(json!({ "submit": false, "elements": [{ "text": { "text": "a" } }, { "text": { "text": "b" } }] })).await;
    }
    let query = "{ jobs(first: 50) { edges { node { id elements { id position } timeline { step status } } } } }";
    let statements = async |clients: usize| {
        seen.lock().unwrap().clear();
        let answers = futures_util::future::join_all((0..clients).map(|_| api.ask(query, json!({})))).await;
        for answer in answers {
            let edges = answer["jobs"]["edges"].as_array().unwrap();
            assert_eq!(edges.len(), 50);
            assert!(edges.iter().all(|edge| edge["node"]["elements"].as_array().unwrap().len() == 2));
        }
        seen.lock().unwrap().clone()
    };
    for clients in [1, 32] {
        let statements = statements(clients).await;
        assert!(statements.len() <= 3 * clients, "{clients} clients: {statements:#?}");
    }
    // Once the node has seen the events of what was made, elements and timelines are at hand: the page alone is read.
    until("the cache", async || (statements(32).await.len() == 32).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_three_statements_on_sqlite() {
    a_page_costs_three_statements(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_three_statements_on_postgres() {
    a_page_costs_three_statements(Some(new_postgres_database().await)).await;
}
