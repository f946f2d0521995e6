//! A job with five elements, made through the API, and the same rows written by pgbench on the same PostgreSQL; and on
//! SQLite, against what the disk can make durable in a second.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use crate::{
    load::answers_per_second,
    support::{postgres::postgres_programs, process::Process},
};

const CLIENTS: usize = 16;
const TIME: Duration = Duration::from_secs(6);
const ROUNDS: usize = 3;

fn body(number: u64) -> String {
    let elements: Vec<_> = (0..5).map(|n| json!({ "text": { "text": format!("{number} {n}"), "length": 3 } })).collect();
    let query = "mutation($input: CreateJobInput!) { createJob(input: $input) { id } }";
    let input = json!({ "submit": false, "name": format!("job {number}"), "elements": elements });
    json!({ "query": query, "variables": { "input": input } }).to_string()
}

/// The statements of one createJob, as the service executes them, with rows of the same sizes.
async fn script(url: &str) -> String {
    let database = sea_orm::Database::connect(url).await.expect("the database");
    let one = async |sql: &str| -> String {
        let row = database.query_one_raw(Statement::from_string(database.get_database_backend(), sql)).await;
        row.expect("an answer").expect("a row").try_get("", "it").expect("text")
    };
    let outputs = one("SELECT outputs::text AS it FROM jobs LIMIT 1").await;
    let spec = one("SELECT spec::text AS it FROM elements LIMIT 1").await;
    let payload = one("SELECT payload::text AS it FROM events LIMIT 1").await;
    let at = "1790000000000000";
    let element = |position: usize| {
        format!(
            "('el_' || :job || '{position}', 'job_' || :job, {position}, {position}, NULL, 'TEXT', '{spec}', 'PENDING', 0, {at}, {at})"
        )
    };
    let elements: Vec<String> = (0..5).map(element).collect();
    format!(
        "\\set job random(1, 9000000000000000000)
BEGIN;
INSERT INTO jobs (id, tenant, name, search_name, status, progress, priority, attempt, max_attempts, rescues, uncounted, outputs, metadata, client_ip, request_hash, results, run_at, fence, event_seq, created_at, updated_at)
 VALUES ('job_' || :job, 'default', 'job ' || :job, 'job ' || :job, 'DRAFT', 0, 0, 0, 3, 0, 0, '{outputs}', '{{}}', '127.0.0.1', repeat('a', 64), '[]', {at}, 0, 1, {at}, {at});
INSERT INTO elements (id, job_id, position, track, start, element_type, spec, status, progress, created_at, updated_at) VALUES {};
INSERT INTO events (tenant, job_id, seq, kind, subject, payload, at) VALUES ('default', 'job_' || :job, 1, 'job_status', 'job_' || :job, '{payload}', {at});
INSERT INTO audit_entries (id, tenant, actor, role, client_ip, action, target, outcome, correlation_id, at) VALUES ('aud_' || :job, 'default', 'local', 'ADMIN', '127.0.0.1', 'createJob', 'job_' || :job, 'SUCCEEDED', repeat('c', 36), {at});
COMMIT;
",
        elements.join(", ")
    )
}

fn pgbench(url: &str, script: &Path) -> f64 {
    let (clients, time) = (CLIENTS.to_string(), TIME.as_secs().to_string());
    let run = Command::new(postgres_programs().join("pgbench"))
        .args(["-n", "-M", "prepared", "-c", &clients, "-j", "1", "-T", &time, "-f"])
        .arg(script)
        .arg(url)
        .output()
        .expect("pgbench");
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    let line = told.lines().find(|line| line.starts_with("tps = "));
    let line = line.unwrap_or_else(|| panic!("{told}{}", String::from_utf8_lossy(&run.stderr)));
    line.split_whitespace().nth(2).expect("a number").parse().expect("a number")
}

async fn on_postgres() {
    let (_postgres, url) = crate::postgres("creating").await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::api_only(folder.path(), Some(&url)).await;
    let address = format!("{}/graphql", server.api.base);
    answers_per_second(&address, body, CLIENTS, Duration::from_secs(1)).await;
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script(&url).await).expect("a file");
    let (mut ours, mut theirs) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        ours += answers_per_second(&address, body, CLIENTS, TIME).await / ROUNDS as f64;
        theirs += pgbench(&url, &file) / ROUNDS as f64;
    }
    println!(
        "createJob with 5 elements on PostgreSQL: {ours:.0} a second, pgbench {theirs:.0}: {:.2} of it (goal: at least 0.5)",
        ours / theirs
    );
}

/// How often in a second the disk makes a page durable.
fn durable_writes(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("durable")).expect("a file");
    let (mut count, started) = (0, Instant::now());
    while started.elapsed() < Duration::from_secs(2) {
        file.seek(SeekFrom::Start(0)).expect("a place");
        file.write_all(&[count as u8; 4_096]).expect("written");
        file.sync_data().expect("durable");
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

async fn on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::api_only(folder.path(), None).await;
    let address = format!("{}/graphql", server.api.base);
    let disk = durable_writes(folder.path());
    let ours = answers_per_second(&address, body, CLIENTS, TIME).await;
    println!(
        "createJob with 5 elements on SQLite, durable: {ours:.0} a second (goal: 1000); the disk makes {disk:.0} writes durable: {:.2} of it",
        ours / disk
    );
}

pub async fn run() {
    on_sqlite().await;
    on_postgres().await;
}
