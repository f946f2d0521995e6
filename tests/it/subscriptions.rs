//! Followed jobs: nothing missed, nothing twice, wherever one comes back.

use serde_json::{Value, json};

use crate::{
    server::{Server, on_both},
    support::api::Api,
};

const STATUS: &str = "subscription($id: ID!, $after: Cursor) { jobStatus(jobId: $id, after: $after) { cursor status previousStatus progress step job { id status } } }";
const TIMELINE: &str = "subscription($id: ID!, $after: Cursor) { jobTimeline(jobId: $id, after: $after) { cursor step { id step status progress } } }";

async fn job(api: &Api, seconds: u32) -> String {
    let outputs = json!({ "width": 640, "height": 360, "duration": seconds });
    api.create(json!({ "outputs": outputs, "elements": [{ "text": { "text": "follow me" } }] })).await
}

/// All of a job's events of one field, from a cursor or from the present state, up to its end.
async fn events(api: &Api, query: &str, field: &str, id: &str, after: Option<&str>, last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut socket = api.socket().await;
    socket.subscribe("x", query, json!({ "id": id, "after": after })).await;
    let mut events = Vec::new();
    loop {
        let event = socket.next_payload("x").await["data"][field].take();
        let ended = last(&event);
        events.push(event);
        if ended {
            return events;
        }
    }
}

fn cursors(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["cursor"].as_str().unwrap()).collect()
}

fn done(event: &Value) -> bool {
    event["status"] == "COMPLETED"
}

fn cleaned(event: &Value) -> bool {
    event["step"]["step"] == "CLEANUP" && event["step"]["status"] == "COMPLETED"
}

on_both! {
    async fn a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(server: Server) {
        let api = &server.api;
        let id = job(api, 10).await;
        let live = tokio::join!(
            events(api, STATUS, "jobStatus", &id, None, done),
            events(api, TIMELINE, "jobTimeline", &id, None, cleaned),
        );
        for (query, field, live, last) in [
            (STATUS, "jobStatus", &live.0, done as fn(&Value) -> bool),
            (TIMELINE, "jobTimeline", &live.1, cleaned),
        ] {
            let seen = cursors(live);
            assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), seen.len(), "{live:#?}");
            for from in [0, seen.len() / 2, seen.len() - 2] {
                let again = events(api, query, field, &id, Some(seen[from]), last).await;
                // The opening state leaves out what later events have overtaken; what comes after it is the same.
                let tail: Vec<_> = cursors(&again).into_iter().filter(|cursor| seen.contains(cursor)).collect();
                assert_eq!(tail, &seen[from + 1..], "{field} from {from}");
            }
        }
        let progress: Vec<f64> = live.0.iter().map(|event| event["progress"].as_f64().unwrap()).collect();
        assert!(progress.windows(2).all(|pair| pair[0] <= pair[1]), "{progress:?}");
        assert_eq!(progress.last(), Some(&100.0));
    }

    async fn it_opens_with_the_present_state(server: Server) {
        let api = &server.api;
        let id = job(api, 1).await;
        api.finished(&id).await;
        let status = events(api, STATUS, "jobStatus", &id, None, done).await;
        assert_eq!(status.len(), 1);
        assert_eq!(status[0]["job"], json!({ "id": id, "status": "COMPLETED" }));
        let timeline = events(api, TIMELINE, "jobTimeline", &id, None, cleaned).await;
        assert_eq!(timeline.len(), 7);
        assert!(timeline.iter().all(|event| event["step"]["status"] == "COMPLETED"));
    }

    async fn it_ends_with_the_job_and_refuses_foreign_cursors(server: Server) {
        let api = &server.api;
        let draft = api.create(json!({ "submit": false })).await;
        let other = api.create(json!({ "submit": false })).await;
        let mut socket = api.socket().await;
        socket.subscribe("a", STATUS, json!({ "id": draft })).await;
        let cursor = socket.next_payload("a").await["data"]["jobStatus"]["cursor"].take();
        for (id, after, path) in [(&other, cursor, "after"), (&other, json!("nonsense"), "after"), (&"job_x".to_owned(), Value::Null, "jobId")] {
            socket.subscribe("b", STATUS, json!({ "id": id, "after": after })).await;
            let answer = socket.next_payload("b").await;
            assert_eq!(answer["errors"][0]["extensions"]["violations"][0]["path"], path, "{answer:#}");
            assert_eq!(socket.next_of("b").await["type"], "complete");
        }
        api.ask("mutation($id: ID!) { deleteJob(id: $id) }", json!({ "id": draft })).await;
        assert_eq!(socket.next_of("a").await["type"], "complete");
    }
}
