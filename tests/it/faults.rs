//! Processes that die, and work that is called off.

use std::{path::Path, time::Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::{
    server::{Process, new_postgres_database, wait_for},
    support::api::Api,
};

/// Takes some seconds to render.
fn long() -> Value {
    let outputs = json!({ "width": 1280, "height": 720, "duration": 40, "quality": "HIGH" });
    json!({ "outputs": outputs, "elements": [{ "text": { "text": "still here", "fontSize": 200 } }] })
}

/// Waits until a job's picture is being encoded.
async fn under_way(api: &Api, id: &str) {
    let mut socket = api.socket().await;
    socket.subscribe("1", "subscription($id: ID!) { jobStatus(jobId: $id) { progress step } }", json!({ "id": id })).await;
    loop {
        let event = socket.next_payload("1").await;
        if event["data"]["jobStatus"]["progress"].as_f64().unwrap() > 15.0 {
            return;
        }
    }
}

fn work_folders(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("work")).map_or(0, |entries| entries.count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_renderer_costs_an_attempt_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), None, 30).await;
    let id = server.api.create(long()).await;
    under_way(&server.api, &id).await;
    kill(Pid::from_raw(server.renderer()), Signal::SIGKILL).unwrap();
    let job = server.api.finished(&id).await;
    assert_eq!((job["status"].as_str(), job["attempt"].as_i64()), (Some("COMPLETED"), Some(2)), "{job:#}");
    let first = server
        .api
        .ask("query($id: ID!) { job(id: $id) { timeline(attempt: 1) { step status error } } }", json!({ "id": id }))
        .await;
    let ends: Vec<_> = first["job"]["timeline"].as_array().unwrap().iter().map(|step| step["status"].as_str().unwrap()).collect();
    assert_eq!(ends, ["COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "FAILED", "SKIPPED", "SKIPPED"]);
}

async fn a_killed_server_goes_on_where_it_was(database_url: Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), database_url.as_deref(), 30).await;
    let id = server.api.create(long()).await;
    under_way(&server.api, &id).await;
    let renderer = server.renderer();
    server.signal(Signal::SIGKILL);
    server.ended();
    wait_for("the renderer's end", || (!Path::new(&format!("/proc/{renderer}")).exists()).then_some(()));
    let again = Process::start(folder.path(), database_url.as_deref(), 30).await;
    let job = again.api.finished(&id).await;
    assert_eq!((job["status"].as_str(), job["attempt"].as_i64()), (Some("COMPLETED"), Some(2)), "{job:#}");
    assert_eq!(work_folders(folder.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_goes_on_where_it_was_on_sqlite() {
    a_killed_server_goes_on_where_it_was(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_goes_on_where_it_was_on_postgres() {
    a_killed_server_goes_on_where_it_was(Some(new_postgres_database().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_render_stops_within_a_second_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), None, 30).await;
    let id = server.api.create(long()).await;
    under_way(&server.api, &id).await;
    let renderer = server.renderer();
    let asked = Instant::now();
    server.api.ask("mutation($id: ID!) { cancelJob(id: $id) { status } }", json!({ "id": id })).await;
    let job = server.api.finished(&id).await;
    assert_eq!(job["status"], "CANCELLED");
    wait_for("the renderer's end", || (!Path::new(&format!("/proc/{renderer}")).exists()).then_some(()));
    assert!(asked.elapsed().as_secs_f64() < 1.0, "it took {:?}", asked.elapsed());
    assert_eq!(work_folders(folder.path()), 0);
    let next = server
        .api
        .create(json!({ "outputs": { "width": 64, "height": 64, "duration": 1 }, "elements": [{ "text": { "text": "x" } }] }))
        .await;
    assert_eq!(server.api.finished(&next).await["status"], "COMPLETED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_job_s_render_stops_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), None, 30).await;
    let id = server.api.create(long()).await;
    under_way(&server.api, &id).await;
    let renderer = server.renderer();
    server.api.ask("mutation($id: ID!) { deleteJob(id: $id) }", json!({ "id": id })).await;
    wait_for("the renderer's end", || (!Path::new(&format!("/proc/{renderer}")).exists()).then_some(()));
    wait_for("the folder's end", || (work_folders(folder.path()) == 0).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_waits_for_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), None, 60).await;
    let id = server.api.create(long()).await;
    under_way(&server.api, &id).await;
    server.signal(Signal::SIGTERM);
    assert!(server.ended().success());
    let again = Process::start(folder.path(), None, 30).await;
    let job = again.api.job(&id).await;
    assert_eq!((job["status"].as_str(), job["attempt"].as_i64()), (Some("COMPLETED"), Some(1)), "{job:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_hands_the_job_back_and_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), None, 600).await;
    let id = server.api.create(long()).await;
    under_way(&server.api, &id).await;
    let asked = Instant::now();
    server.signal(Signal::SIGTERM);
    server.signal(Signal::SIGTERM);
    // Two signals of one kind may arrive as one.
    wait_for("the end of its sockets", || (asked.elapsed().as_millis() > 300).then_some(()));
    server.signal(Signal::SIGINT);
    assert!(server.ended().success());
    assert!(asked.elapsed().as_secs() < 8, "it took {:?}", asked.elapsed());
    let again = Process::start(folder.path(), None, 30).await;
    let job = again.api.finished(&id).await;
    assert_eq!((job["status"].as_str(), job["attempt"].as_i64()), (Some("COMPLETED"), Some(2)), "{job:#}");
}
