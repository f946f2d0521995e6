//! Workers outside of the service: they take a job, go through its seven steps in order, and end it.

use reelgraph::app::Duty;
use serde_json::{Value, json};

use crate::{
    server::{Server, new_postgres_database},
    support::api::Api,
};

const STATUS: &str = "mutation($input: UpdateJobStatusInput!) { updateJobStatus(input: $input) { status attempt finishedAt error { code message } result { size container url } } }";
const START: &str = "mutation($input: StartProcessingStepInput!) { startProcessingStep(input: $input) { id step status startedAt details job { currentStep } } }";
const PROGRESS: &str = "mutation($input: UpdateStepProgressInput!) { updateStepProgress(input: $input) { progress framesPerSecond job { progress } } }";
const COMPLETE: &str = "mutation($input: CompleteProcessingStepInput!) { completeProcessingStep(input: $input) { status progress duration cpuTime cpuPercent peakMemory error details } }";
const STEPS: [&str; 7] = ["VALIDATION", "DOWNLOAD", "PROCESSING", "COMPOSITION", "ENCODING", "UPLOAD", "CLEANUP"];

fn input(input: Value) -> Value {
    json!({ "input": input })
}

async fn queued(api: &Api) -> String {
    api.create(json!({ "outputs": { "duration": 1 }, "elements": [{ "text": { "text": "x" } }] })).await
}

async fn a_worker_takes_a_job_through_its_steps(database_url: Option<String>) {
    let server = Server::start(database_url, Duty::ApiOnly, |_| {}).await;
    let api = &server.api;
    let id = queued(api).await;
    let refused = api.refused(START, input(json!({ "jobId": id, "step": "VALIDATION" }))).await;
    assert_eq!(refused["code"], "CONFLICT", "not before it has the job");
    let taken = api.ask(STATUS, input(json!({ "id": id, "status": "PROCESSING" }))).await["updateJobStatus"].take();
    assert_eq!((taken["status"].as_str(), taken["attempt"].as_i64()), (Some("PROCESSING"), Some(1)));
    assert_eq!(api.refused(STATUS, input(json!({ "id": id, "status": "PROCESSING" }))).await["code"], "CONFLICT");
    for (number, step) in STEPS.iter().enumerate() {
        for other in STEPS.iter().filter(|other| *other != step) {
            let refused = api.refused(START, input(json!({ "jobId": id, "step": other }))).await;
            assert_eq!(refused["code"], "CONFLICT", "{other} cannot start where {step} must");
        }
        let begun =
            api.ask(START, input(json!({ "jobId": id, "step": step, "details": { "n": number } }))).await["startProcessingStep"]
                .take();
        assert_eq!(
            (begun["status"].as_str(), &begun["details"]["n"], begun["job"]["currentStep"].as_str()),
            (Some("RUNNING"), &json!(number), Some(*step))
        );
        let step_id = &begun["id"];
        let told = api.ask(PROGRESS, input(json!({ "stepId": step_id, "progress": 60, "framesPerSecond": 24 }))).await;
        assert_eq!(told["updateStepProgress"]["progress"], 60.0);
        let early = json!({ "id": id, "status": "COMPLETED" });
        assert_eq!(api.refused(STATUS, input(early)).await["code"], "CONFLICT", "not while a step runs");
        let late = api.ask(PROGRESS, input(json!({ "stepId": step_id, "progress": 30 }))).await;
        assert_eq!(late["updateStepProgress"]["progress"], 60.0, "it never goes back");
        let bad = api.refused(PROGRESS, input(json!({ "stepId": step_id, "progress": 130 }))).await;
        assert_eq!(bad["violations"][0]["path"], "input.progress");
        let ended = json!({ "stepId": step_id, "cpuTime": 12.5, "peakMemory": 1000, "bytesRead": 5, "details": { "ok": true } });
        let done = api.ask(COMPLETE, input(ended)).await["completeProcessingStep"].take();
        assert_eq!(
            (done["status"].as_str(), &done["progress"], &done["cpuTime"], &done["peakMemory"]),
            (Some("COMPLETED"), &json!(100.0), &json!(12.5), &json!(1000))
        );
        assert!(done["duration"].as_f64().unwrap() >= 0.0);
        assert_eq!(api.refused(COMPLETE, input(json!({ "stepId": step_id }))).await["code"], "CONFLICT", "only once");
    }
    let result = |asset: &Value| json!({ "asset": asset, "duration": 1, "width": 64, "height": 64, "frameRate": 30, "frames": 30, "container": "mp4" });
    let promised = api.ask("mutation { createUpload(input: { filename: \"a\", size: 4 }) { asset } }", json!({})).await;
    let missing = json!({ "id": id, "status": "COMPLETED", "result": result(&promised["createUpload"]["asset"]) });
    assert_eq!(api.refused(STATUS, input(missing)).await["code"], "CONFLICT", "the file is not there");
    let asset = json!(api.upload("a.mp4", "video/mp4", vec![1, 2, 3, 4]).await);
    let done =
        api.ask(STATUS, input(json!({ "id": id, "status": "COMPLETED", "result": result(&asset) }))).await["updateJobStatus"]
            .take();
    assert_eq!((done["status"].as_str(), &done["result"]["size"]), (Some("COMPLETED"), &json!(4)));
    assert_eq!(api.download(done["result"]["url"].as_str().unwrap()).await, [1, 2, 3, 4]);
    for status in ["PROCESSING", "QUEUED", "FAILED", "CANCELLED", "DRAFT"] {
        assert_eq!(
            api.refused(STATUS, input(json!({ "id": id, "status": status }))).await["code"],
            "CONFLICT",
            "never backwards"
        );
    }
}

async fn a_failed_attempt_keeps_its_timeline(database_url: Option<String>) {
    let server = Server::start(database_url, Duty::ApiOnly, |_| {}).await;
    let api = &server.api;
    let id = queued(api).await;
    api.ask(STATUS, input(json!({ "id": id, "status": "PROCESSING" }))).await;
    let element = api.job(&id).await["elements"][0]["id"].clone();
    let status = "mutation($input: UpdateElementStatusInput!) { updateElementStatus(input: $input) { status progress localPath media { width } error } }";
    let told = json!({ "id": element, "status": "DOWNLOADED", "localPath": "/tmp/a", "media": { "width": 7 }, "progress": 50 });
    let told = api.ask(status, input(told)).await["updateElementStatus"].take();
    assert_eq!(
        told,
        json!({ "status": "DOWNLOADED", "progress": 50.0, "localPath": "/tmp/a", "media": { "width": 7 }, "error": null })
    );
    assert_eq!(api.refused(status, input(json!({ "id": element, "status": "DOWNLOADING" }))).await["code"], "CONFLICT");
    let begun = api.ask(START, input(json!({ "jobId": id, "step": "VALIDATION" }))).await;
    let step_id = &begun["startProcessingStep"]["id"];
    let failed =
        api.ask(COMPLETE, input(json!({ "stepId": step_id, "error": "no good" }))).await["completeProcessingStep"].take();
    assert_eq!((failed["status"].as_str(), failed["error"].as_str()), (Some("FAILED"), Some("no good")));
    let next = json!({ "jobId": id, "step": "DOWNLOAD" });
    assert_eq!(api.refused(START, input(next)).await["code"], "CONFLICT", "not after one that failed");
    let error = json!({ "code": "CORRUPT_MEDIA", "message": "it is broken", "elementId": element });
    let bad = json!({ "id": id, "status": "FAILED", "error": { "code": "WHATEVER", "message": "x" } });
    assert_eq!(api.refused(STATUS, input(bad)).await["violations"][0]["path"], "input.error.code");
    let ended = api.ask(STATUS, input(json!({ "id": id, "status": "FAILED", "error": error }))).await["updateJobStatus"].take();
    assert_eq!((ended["status"].as_str(), ended["error"]["code"].as_str()), (Some("FAILED"), Some("CORRUPT_MEDIA")));
    api.ask(STATUS, input(json!({ "id": id, "status": "QUEUED" }))).await;
    api.ask(STATUS, input(json!({ "id": id, "status": "PROCESSING" }))).await;
    let query = "query($id: ID!) { job(id: $id) { attempt timeline { attempt status } first: timeline(attempt: 1) { attempt status error } } }";
    let job = api.ask(query, json!({ "id": id })).await["job"].take();
    assert_eq!((&job["attempt"], &job["timeline"][0]), (&json!(2), &json!({ "attempt": 2, "status": "PENDING" })));
    assert_eq!(job["first"][0], json!({ "attempt": 1, "status": "FAILED", "error": "no good" }));
    assert_eq!(job["first"][6]["status"], "SKIPPED");
    assert_eq!(api.refused(PROGRESS, input(json!({ "stepId": step_id, "progress": 1 }))).await["code"], "CONFLICT");
    let back = api.ask(STATUS, input(json!({ "id": id, "status": "QUEUED" }))).await["updateJobStatus"].take();
    assert_eq!(back["status"], "QUEUED", "handed back");
}

async fn what_is_not_the_worker_s_own_it_does_not_change(database_url: Option<String>) {
    let server = Server::start(database_url, Duty::ApiOnly, |_| {}).await;
    let api = &server.api;
    let (id, other) = (queued(api).await, queued(api).await);
    let foreign = api.job(&other).await["elements"][0]["id"].clone();
    api.ask(STATUS, input(json!({ "id": id, "status": "PROCESSING" }))).await;
    let error = json!({ "code": "CORRUPT_MEDIA", "message": "x", "elementId": foreign });
    assert_eq!(api.refused(STATUS, input(json!({ "id": id, "status": "FAILED", "error": error }))).await["code"], "NOT_FOUND");
    api.ask(STATUS, input(json!({ "id": id, "status": "FAILED" }))).await;
    assert_eq!(api.job(&other).await["elements"][0]["status"], "PENDING", "another job's element");
    api.ask(STATUS, input(json!({ "id": id, "status": "QUEUED" }))).await;
    api.ask(STATUS, input(json!({ "id": id, "status": "PROCESSING" }))).await;
    let late = json!({ "id": id, "status": "COMPLETED", "attempt": 1 });
    assert_eq!(api.refused(STATUS, input(late)).await["code"], "CONFLICT", "it had an earlier attempt");
    let late = json!({ "jobId": id, "step": "VALIDATION", "attempt": 1 });
    assert_eq!(api.refused(START, input(late)).await["code"], "CONFLICT");
    let begun = api.ask(START, input(json!({ "jobId": id, "step": "VALIDATION", "attempt": 2 }))).await;
    let step_id = &begun["startProcessingStep"]["id"];
    api.ask("mutation($id: ID!) { cancelJob(id: $id) { status } }", json!({ "id": id })).await;
    assert_eq!(api.job(&id).await["status"], "CANCELLED", "at once");
    assert_eq!(api.refused(PROGRESS, input(json!({ "stepId": step_id, "progress": 5 }))).await["code"], "CONFLICT");
    assert_eq!(api.refused(STATUS, input(json!({ "id": id, "status": "COMPLETED" }))).await["code"], "CONFLICT");
    // A job may be completed by who keeps its file elsewhere, and what it says is told.
    let mut socket = api.socket().await;
    let follow = "subscription($id: ID!) { jobStatus(jobId: $id) { status message } }";
    socket.subscribe("1", follow, json!({ "id": other })).await;
    socket.next_payload("1").await;
    api.ask(STATUS, input(json!({ "id": other, "status": "PROCESSING", "message": "begun" }))).await;
    assert_eq!(socket.next_payload("1").await["data"]["jobStatus"], json!({ "status": "PROCESSING", "message": "begun" }));
    api.ask(STATUS, input(json!({ "id": other, "status": "COMPLETED", "message": "done" }))).await;
    assert_eq!(socket.next_payload("1").await["data"]["jobStatus"], json!({ "status": "COMPLETED", "message": "done" }));
}

macro_rules! on_both_without_workers {
    ($($name:ident: $sqlite:ident, $postgres:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $sqlite() {
            $name(None).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $postgres() {
            $name(Some(new_postgres_database().await)).await;
        }
    )*};
}

on_both_without_workers! {
    a_worker_takes_a_job_through_its_steps: a_worker_takes_a_job_through_its_steps_on_sqlite, a_worker_takes_a_job_through_its_steps_on_postgres;
    what_is_not_the_worker_s_own_it_does_not_change: what_is_not_the_worker_s_own_it_does_not_change_on_sqlite, what_is_not_the_worker_s_own_it_does_not_change_on_postgres;
    a_failed_attempt_keeps_its_timeline: a_failed_attempt_keeps_its_timeline_on_sqlite, a_failed_attempt_keeps_its_timeline_on_postgres;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_s_own_render_is_not_another_s_to_tell_of() {
    let server = Server::sqlite().await;
    let api = &server.api;
    let outputs = json!({ "width": 1280, "height": 720, "duration": 40, "quality": "HIGH" });
    let id = api.create(json!({ "outputs": outputs, "elements": [{ "text": { "text": "x" } }] })).await;
    let mut socket = api.socket().await;
    socket.subscribe("1", "subscription($id: ID!) { jobStatus(jobId: $id) { status } }", json!({ "id": id })).await;
    while socket.next_payload("1").await["data"]["jobStatus"]["status"] != "PROCESSING" {}
    let error = json!({ "code": "INTERNAL", "message": "x" });
    assert_eq!(api.refused(STATUS, input(json!({ "id": id, "status": "FAILED", "error": error }))).await["code"], "CONFLICT");
    assert_eq!(api.refused(START, input(json!({ "jobId": id, "step": "VALIDATION" }))).await["code"], "CONFLICT");
    api.ask("mutation($id: ID!) { cancelJob(id: $id) { id } }", json!({ "id": id })).await;
    assert_eq!(api.finished(&id).await["status"], "CANCELLED");
}
