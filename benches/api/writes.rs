//! A thousand jobs by one mutation, and by a thousand; and a thousand elements, by two and by a thousand.

use std::time::Instant;

use serde_json::json;

use crate::support::process::Process;

const JOBS: usize = 1_000;

/// Elements of one job, by `addElements` of 500 and by as many `addElement`: a row each.
const ELEMENTS: usize = 500;

async fn elements(name: &str, server: &Process) {
    let text = |number: usize| json!({ "text": { "text": format!("words {number}"), "length": 1 } });
    let one = "mutation($job: ID!, $element: ElementInput!) { addElement(jobId: $job, element: $element) { id } }";
    let bulk = "mutation($job: ID!, $all: [ElementInput!]!) { addElements(jobId: $job, elements: $all) { id } }";
    let (mut alone, mut together) = (0.0, 0.0);
    for _ in 0..8 {
        let job = server.api.create(json!({ "submit": false })).await;
        let started = Instant::now();
        for number in 0..ELEMENTS {
            server.api.ask(one, json!({ "job": job, "element": text(number) })).await;
        }
        alone += started.elapsed().as_secs_f64();
        let job = server.api.create(json!({ "submit": false })).await;
        let all: Vec<_> = (0..ELEMENTS).map(text).collect();
        let started = Instant::now();
        let made = server.api.ask(bulk, json!({ "job": job, "all": all })).await;
        together += started.elapsed().as_secs_f64();
        assert_eq!(made["addElements"].as_array().map(Vec::len), Some(ELEMENTS));
    }
    // Eight times 500, told as a thousand rows.
    println!(
        "1000 elements on {name}: one by one {:.0} ms, in bulk {:.1} ms: {:.1} times faster (goal: at least 30)",
        alone / 4.0 * 1e3,
        together / 4.0 * 1e3,
        alone / together
    );
}

async fn compare(name: &str, database_url: Option<&str>) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::api_only(folder.path(), database_url).await;
    let input = |number: usize| json!({ "submit": false, "name": format!("job {number}") });
    let bulk = "mutation($all: [CreateJobInput!]!) { createJobs(inputs: $all) { id } }";
    let (mut alone, mut together) = (0.0, 0.0);
    for _ in 0..3 {
        let started = Instant::now();
        for number in 0..JOBS {
            server.api.create(input(number)).await;
        }
        alone += started.elapsed().as_secs_f64();
        let all: Vec<_> = (0..JOBS).map(input).collect();
        let started = Instant::now();
        let made = server.api.ask(bulk, json!({ "all": all })).await;
        together += started.elapsed().as_secs_f64();
        assert_eq!(made["createJobs"].as_array().map(Vec::len), Some(JOBS));
    }
    elements(name, &server).await;
    println!(
        "{JOBS} jobs on {name}, three rows each: one by one {:.0} ms, in bulk {:.1} ms: {:.1} times faster (goal: at least 30)",
        alone / 3.0 * 1e3,
        together / 3.0 * 1e3,
        alone / together
    );
}

pub async fn run() {
    compare("SQLite", None).await;
    let (_postgres, url) = crate::postgres("bulk").await;
    compare("PostgreSQL", Some(&url)).await;
}
