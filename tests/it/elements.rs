//! Elements in bulk, changed, moved, listed; positions dense whatever happens at once.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    server::{Server, on_both},
    support::api::Api,
};

fn text(words: &str) -> Value {
    json!({ "text": { "text": words } })
}

async fn words(api: &Api, id: &str) -> Vec<(i64, String, String)> {
    let query = "query($id: ID!) { job(id: $id) { elements { id position ... on TextElement { text } } } }";
    let job = api.ask(query, json!({ "id": id })).await["job"].take();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let element = |element: &Value| (element["position"].as_i64().unwrap(), text(&element["text"]), text(&element["id"]));
    job["elements"].as_array().unwrap().iter().map(element).collect()
}

async fn order(api: &Api, id: &str) -> String {
    words(api, id).await.into_iter().map(|(_, text, _)| text).collect()
}

const MOVE: &str =
    "mutation($id: ID!, $to: Int!) { moveElement(id: $id, position: $to) { position ... on TextElement { text } } }";

on_both! {
    async fn elements_are_added_many_at_once_changed_and_moved(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false, "elements": [text("a")] })).await;
        let add = "mutation($id: ID!, $all: [ElementInput!]!) { addElements(jobId: $id, elements: $all) { position } }";
        let added = api.ask(add, json!({ "id": id, "all": [text("b"), text("c"), text("d"), text("e")] })).await;
        assert_eq!(added["addElements"], json!([{ "position": 1 }, { "position": 2 }, { "position": 3 }, { "position": 4 }]));
        let ids: Vec<String> = words(api, &id).await.into_iter().map(|(_, _, id)| id).collect();
        for (from, to, expected) in [(0, 4, "bcdea"), (4, 0, "abcde"), (1, 3, "acdbe"), (1, 1, "acdbe"), (2, 0, "dacbe")] {
            let at = words(api, &id).await[from].2.clone();
            let moved = api.ask(MOVE, json!({ "id": at, "to": to })).await["moveElement"].take();
            let told: String = moved.as_array().unwrap().iter().map(|element| element["text"].as_str().unwrap()).collect();
            assert_eq!((told.as_str(), order(api, &id).await.as_str()), (expected, expected), "{from} to {to}");
        }
        for to in [-1, 5] {
            assert_eq!(api.refused(MOVE, json!({ "id": ids[0], "to": to })).await["violations"][0]["path"], "position");
        }
        let update = "mutation($id: ID!, $e: ElementInput!) { updateElement(id: $id, element: $e) { id type position createdAt updatedAt } }";
        let image = json!({ "image": { "source": { "url": "https://example.com/a.png" }, "length": 1 } });
        let changed = api.ask(update, json!({ "id": ids[1], "e": image })).await["updateElement"].take();
        assert_eq!((changed["id"].as_str(), changed["type"].as_str(), changed["position"].as_i64()), (Some(&*ids[1]), Some("IMAGE"), Some(3)));
        let bad = json!({ "text": { "text": "", "opacity": 2 } });
        assert_eq!(api.refused(update, json!({ "id": ids[1], "e": bad })).await["violations"][0]["path"], "element.text.opacity");
        let bad = json!({ "id": id, "all": [text("x"), { "text": { "text": "y", "length": 0 } }] });
        assert_eq!(api.refused(add, bad).await["violations"][0]["path"], "elements[1].text.length");
        let many: Vec<_> = (0..496).map(|_| text("x")).collect();
        assert_eq!(api.refused(add, json!({ "id": id, "all": many })).await["code"], "CONFLICT");
        api.ask("mutation($id: ID!) { cancelJob(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(api.refused(MOVE, json!({ "id": ids[0], "to": 0 })).await["code"], "CONFLICT");
        assert_eq!(api.refused(update, json!({ "id": ids[0], "e": text("z") })).await["code"], "CONFLICT");
    }

    async fn elements_of_all_jobs_are_listed_by_type_job_and_status(server: Server) {
        let api = &server.api;
        let first = api.create(json!({ "submit": false, "elements": [text("a"), text("b")] })).await;
        let image = json!({ "image": { "source": { "url": "https://example.com/a.png" } } });
        api.create(json!({ "submit": false, "elements": [image, text("c")] })).await;
        let list = async |filter: &str, more: &str| {
            let query = format!("{{ elements(filter: {filter}{more}) {{ edges {{ cursor node {{ id type }} }} pageInfo {{ hasNextPage endCursor }} }} }}");
            api.ask(&query, json!({})).await["elements"].take()
        };
        let count = async |filter: &str| list(filter, "").await["edges"].as_array().unwrap().len();
        assert_eq!(count("{}").await, 4);
        assert_eq!(count("{ type: [TEXT] }").await, 3);
        assert_eq!(count("{ type: [IMAGE, VIDEO] }").await, 1);
        assert_eq!(count(&format!("{{ jobId: \"{first}\" }}")).await, 2);
        assert_eq!(count("{ status: [PENDING] }").await, 4);
        assert_eq!(count("{ status: [FAILED] }").await, 0);
        let page = list("{}", ", first: 3").await;
        assert_eq!(page["pageInfo"]["hasNextPage"], true);
        let rest = list("{}", &format!(", after: {}", page["pageInfo"]["endCursor"])).await;
        let ids = |page: &Value| page["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["id"].to_string()).collect::<Vec<_>>();
        assert_eq!([ids(&page), ids(&rest)].concat().into_iter().collect::<BTreeSet<_>>().len(), 4);
        assert_eq!(api.refused("{ elements(filter: { jobId: \"x\" }) { edges { cursor } } }", json!({})).await["violations"][0]["path"], "filter.jobId");
    }

    async fn whatever_order_moves_and_deletions_come_in_positions_stay_dense(server: Server) {
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let steps = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4u8), 1..12);
            let mut runner = TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
            let run = runner.run(&(2..10usize, steps), |(size, steps)| {
                runtime.block_on(interleaved(&server.api, size, steps));
                Ok(())
            });
            run.unwrap();
        })
        .await
        .unwrap();
    }
}

/// Moves, deletions and additions, all sent at once: each happens or says that its element is gone.
async fn interleaved(api: &Api, size: usize, steps: Vec<(prop::sample::Index, prop::sample::Index, u8)>) {
    let id =
        api.create(json!({ "submit": false, "elements": (0..size).map(|n| text(&n.to_string())).collect::<Vec<_>>() })).await;
    let ids: Vec<String> = words(api, &id).await.into_iter().map(|(_, _, id)| id).collect();
    let step = async |(which, to, kind): (prop::sample::Index, prop::sample::Index, u8)| {
        let element = &ids[which.index(size)];
        match kind {
            0 => api.send("mutation($id: ID!) { deleteElement(id: $id) }", json!({ "id": element })).await,
            1 => {
                let add = "mutation($id: ID!, $e: ElementInput!) { addElement(jobId: $id, element: $e, position: 0) { id } }";
                api.send(add, json!({ "id": id, "e": text("new") })).await
            }
            _ => api.send(MOVE, json!({ "id": element, "to": to.index(size) as i32 })).await,
        }
    };
    let answers = futures_util::future::join_all(steps.into_iter().map(step)).await;
    for answer in answers {
        let code = &answer["errors"][0]["extensions"]["code"];
        assert!(code.is_null() || code == "NOT_FOUND" || code == "BAD_USER_INPUT", "{answer:#}");
    }
    let positions: Vec<i64> = words(api, &id).await.into_iter().map(|(position, _, _)| position).collect();
    assert_eq!(positions, (0..positions.len() as i64).collect::<Vec<_>>());
}
