//! What the API's speed is held to, both sides of each comparison in one run on the same machine, as ratios:
//!
//! ```text
//! cargo bench --bench api                    all of it
//! cargo bench --bench api -- bulk cached     some: bulk, cached, list, create, memory
//! cargo bench --bench api -- dataset URL     fills the database of a server that runs at REELGRAPH_URL with 100,000 jobs
//! ```
//!
//! `list` needs Node and npm, which bring PostGraphile; `create` needs pgbench, of PostgreSQL's packages.

#[path = "../../tests/support/mod.rs"]
mod support;

mod cached;
mod create;
mod list;
mod load;
mod writes;

use support::{api::Api, dataset, postgres::Postgres, process::Process};

/// PostgreSQL as it comes, made durable by its default settings.
pub async fn postgres(name: &str) -> (Postgres, String) {
    let server = tokio::task::spawn_blocking(|| Postgres::start(&[])).await.expect("PostgreSQL");
    let url = server.database(name).await;
    (server, url)
}

#[tokio::main]
async fn main() {
    // Cargo adds --bench.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [what, url] = asked.as_slice()
        && what == "dataset"
    {
        return fill(url).await;
    }
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|argument| argument == name);
    if wanted("memory") {
        memory().await;
    }
    if wanted("cached") {
        cached::run().await;
    }
    if wanted("bulk") {
        writes::run().await;
    }
    if wanted("create") {
        create::run().await;
    }
    if wanted("list") {
        list::run().await;
    }
}

async fn fill(url: &str) {
    let api = Api::new(std::env::var("REELGRAPH_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".into()));
    let database = sea_orm::Database::connect(url).await.expect("the server's database");
    dataset::fill(&api, &database, 100_000).await;
    println!("100,000 jobs are there");
}

/// The resident memory of a server that nobody has asked anything but whether it is there.
async fn memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start(folder.path(), None, 5).await;
    server.api.ask("{ health { status } }", serde_json::json!({})).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let resident = status.lines().find(|line| line.starts_with("VmRSS")).expect("its memory");
    let kib: f64 = resident.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    println!("memory at rest: {:.1} MB (goal: under 60)", kib * 1024.0 / 1e6);
}
