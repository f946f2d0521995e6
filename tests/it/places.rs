//! Results go where they are asked to go, and nobody's else go with them.

use reelgraph::app::Duty;
use serde_json::{Value, json};

use crate::server::{Server, new_postgres_database, until};

const DELETE: &str = "mutation($id: ID!) { deleteJob(id: $id) }";

fn document(output: Value, submit: bool) -> Value {
    let small = json!({ "width": 64, "height": 64, "duration": 0.5, "format": "PNG" });
    let output: serde_json::Map<_, _> =
        small.as_object().unwrap().clone().into_iter().chain(output.as_object().unwrap().clone()).collect();
    json!({ "submit": submit, "outputs": [output], "elements": [{ "text": { "text": "x", "length": 0.5 } }] })
}

async fn results_lie_where_they_are_to(url: Option<String>) {
    let settings: Vec<(&str, &str)> = [("REELGRAPH_OUTPUT_BUCKETS", "films, more-films")]
        .into_iter()
        .chain(url.as_deref().map(|url| ("DATABASE_URL", url)))
        .collect();
    let server = Server::with(&settings, Duty::Everything).await;
    let api = &server.api;
    let stored = |bucket: &str, key: &str| server.folder.path().join("data/s3").join(bucket).join(key);

    let output = json!({ "key": "of/May 2026/é.png", "bucket": "films", "posterAt": 0.2 });
    let id = api.create(document(output, true)).await;
    let job = api.finished(&id).await;
    assert_eq!(job["result"]["key"], "of/May 2026/é.png", "{job:#}");
    assert!(stored("films", "of/May 2026/é.png").exists());
    assert!(api.download(job["result"]["url"].as_str().unwrap()).await.starts_with(b"\x89PNG"));
    let query = "query($id: ID!) { job(id: $id) { outputs { key bucket } result { bucket poster } } }";
    let all = api.ask(query, json!({ "id": id })).await["job"].take();
    assert_eq!(all["outputs"], json!([{ "key": "of/May 2026/é.png", "bucket": "films" }]));
    assert_eq!(all["result"]["bucket"], "films");
    assert!(api.download(all["result"]["poster"].as_str().unwrap()).await.starts_with(b"\xff\xd8"));

    let folder = stored("reelgraph", &format!("jobs/{id}"));
    let poster = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path().join("poster.jpg");
    assert!(poster.exists());

    // A copy writes to a key of its own.
    let copy = "mutation($id: ID!) { duplicateJob(id: $id, submit: true) { id } }";
    let copy = api.ask(copy, json!({ "id": id })).await["duplicateJob"]["id"].as_str().unwrap().to_owned();
    let own = api.finished(&copy).await["result"]["key"].as_str().unwrap().to_owned();
    assert!(own.starts_with(&format!("jobs/{copy}/")) && stored("films", &own).exists(), "{own}");

    // Each takes its own objects with it, and no other's.
    api.ask(DELETE, json!({ "id": copy })).await;
    until("the copy's end", async || (!stored("films", &own).exists()).then_some(())).await;
    let again = api.create(document(json!({ "key": "of/May 2026/é.png", "bucket": "films" }), true)).await;
    api.finished(&again).await;
    api.ask(DELETE, json!({ "id": id })).await;
    until("the poster's end", async || (!poster.exists()).then_some(())).await;
    swept(&server).await;
    assert!(stored("films", "of/May 2026/é.png").exists(), "what another has written since stays");
    api.ask(DELETE, json!({ "id": again })).await;
    until("the result's end", async || (!stored("films", "of/May 2026/é.png").exists()).then_some(())).await;
}

/// Waits until one more job, deleted now, has left the store: what was deleted before it has been seen to.
async fn swept(server: &Server) {
    let id = server.api.create(document(json!({ "key": "last.png" }), true)).await;
    server.api.finished(&id).await;
    let stored = server.folder.path().join("data/s3/reelgraph/last.png");
    assert!(stored.exists());
    server.api.ask(DELETE, json!({ "id": id })).await;
    until("the last one's end", async || (!stored.exists()).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_lie_where_they_are_to_on_sqlite() {
    results_lie_where_they_are_to(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_lie_where_they_are_to_on_postgres() {
    results_lie_where_they_are_to(Some(new_postgres_database().await)).await;
}
