//! A list of 50 jobs with their elements and timelines: this service and PostGraphile 5 on the same PostgreSQL and the same
//! rows, each with both cores.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    load::answers_per_second,
    support::{api::Api, dataset, process::Process},
};

const CLIENTS: usize = 16;
const TIME: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
const JOBS: usize = 20_000;

const OURS: &str = "{ jobs(first: 50) { edges { node {
    id name status progress priority attempt metadata createdAt updatedAt
    elements { id type position track status progress createdAt }
    timeline { id step order attempt status progress startedAt completedAt peakMemory }
} } } }";
const THEIRS: &str = "{ allJobs(first: 50, orderBy: [CREATED_AT_DESC]) { edges { node {
    rowId name status progress priority attempt metadata createdAt updatedAt
    elementsByJobId(orderBy: [POSITION_ASC]) { nodes { rowId elementType position track status progress createdAt } }
    timelineStepsByJobId(orderBy: [STEP_ORDER_ASC]) { nodes { rowId step stepOrder attempt status progress startedAt completedAt peakMemory } }
} } } }";

/// PostGraphile as a process. Killed when dropped, with the processes that it started.
struct Postgraphile {
    api: Api,
    child: Child,
}

impl Drop for Postgraphile {
    fn drop(&mut self) {
        let _ = Command::new("pkill").args(["-KILL", "-P", &self.child.id().to_string()]).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Postgraphile {
    async fn start(url: &str) -> Self {
        let folder = installed();
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let child = Command::new(folder.join("node_modules/node/bin/node"))
            .arg("server.mjs")
            .args([url, &port.to_string(), "2"])
            .env("NODE_ENV", "production")
            .env("GRAPHILE_ENV", "production")
            .current_dir(&folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("PostGraphile");
        let started = Self { api: Api::new(format!("http://127.0.0.1:{port}")), child };
        for _ in 0..300 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return started;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("PostGraphile did not start");
    }
}

/// The folder with PostGraphile, which npm brings, and a Node that is new enough for it.
fn installed() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/api/postgraphile");
    let folder = std::env::temp_dir().join("reelgraph-postgraphile");
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in ["package.json", "server.mjs"] {
        std::fs::copy(source.join(name), folder.join(name)).expect("a copy");
    }
    if !folder.join("node_modules/postgraphile").exists() {
        let npm = Command::new("npm").args(["install", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder).status();
        assert!(npm.expect("npm").success(), "npm did not bring PostGraphile");
    }
    folder
}

/// How many jobs, elements and steps an answer holds: both must hold the same.
fn size(answer: &Value, list: &str, elements: &[&str], timeline: &[&str]) -> (usize, usize, usize) {
    let edges = answer[list]["edges"].as_array().expect("edges");
    let inner = |path: &[&str]| -> usize {
        let count = |edge: &Value| path.iter().fold(&edge["node"], |at, name| &at[*name]).as_array().expect("a list").len();
        edges.iter().map(count).sum()
    };
    (edges.len(), inner(elements), inner(timeline))
}

pub async fn run() {
    let (_postgres, url) = crate::postgres("listing").await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::api_only(folder.path(), Some(&url)).await;
    let database = sea_orm::Database::connect(&url).await.expect("the database");
    dataset::fill(&server.api, &database, JOBS).await;
    let other = Postgraphile::start(&url).await;
    let ours_holds = size(&server.api.ask(OURS, json!({})).await, "jobs", &["elements"], &["timeline"]);
    let theirs_holds = size(
        &other.api.ask(THEIRS, json!({})).await,
        "allJobs",
        &["elementsByJobId", "nodes"],
        &["timelineStepsByJobId", "nodes"],
    );
    assert_eq!(ours_holds, theirs_holds);
    let load = async |api: &Api, query: &str| {
        let body = json!({ "query": query }).to_string();
        answers_per_second(&format!("{}/graphql", api.base), move |_| body.clone(), CLIENTS, TIME).await
    };
    load(&other.api, THEIRS).await;
    let (mut ours, mut theirs) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        ours += load(&server.api, OURS).await / ROUNDS as f64;
        theirs += load(&other.api, THEIRS).await / ROUNDS as f64;
    }
    println!(
        "50 jobs with {} elements and {} steps on PostgreSQL: {ours:.0} answers a second, PostGraphile 5 {theirs:.0}: {:.1} times (goal: at least 5)",
        ours_holds.1,
        ours_holds.2,
        ours / theirs
    );
}
