//! A job with its elements and timeline, from the cache and from the database, as the API's fields read it.

use std::time::{Duration, Instant};

use reelgraph::{
    app::{App, Duty},
    config::Config,
    domain::caller::Caller,
    services::Session,
};
use serde_json::json;

use crate::support::api::Api;

const ROUNDS: usize = 5;
const READS: usize = 2_000;

async fn read(session: &Session, ids: &[String]) {
    assert_eq!(session.jobs_by_id(ids).await.expect("jobs").len(), 1);
    session.elements_of_jobs(ids).await.expect("elements");
    session.timelines_of_jobs(ids, None).await.expect("timelines");
}

async fn compare(name: &str, database_url: Option<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let config = Config::from_parts("", |name| match name {
        "REELGRAPH_LISTEN" => Some("127.0.0.1:0".into()),
        "REELGRAPH_DATA_DIR" => Some(data.clone()),
        "DATABASE_URL" => database_url.clone(),
        _ => None,
    });
    let app = App::start(&config.expect("settings"), Duty::ApiOnly).await.expect("a node");
    let api = Api::new(format!("http://{}", app.address.expect("an address")));
    let texts: Vec<_> = (0..5).map(|n| json!({ "text": { "text": n.to_string() } })).collect();
    let ids = [api.create(json!({ "submit": false, "elements": texts })).await];
    let session = app.services.session(Caller::local_admin(None), "bench");
    let (mut uncached, mut cached) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..READS {
            app.services.tags().invalidate_here(&ids);
            read(&session, &ids).await;
        }
        uncached += started.elapsed();
        let started = Instant::now();
        for _ in 0..READS {
            read(&session, &ids).await;
        }
        cached += started.elapsed();
    }
    let each = |all: Duration| all.as_secs_f64() * 1e6 / (ROUNDS * READS) as f64;
    println!(
        "a job with elements and timeline on {name}: cached {:.1} µs, uncached {:.1} µs: {:.3} of the time (goal: under 0.1)",
        each(cached),
        each(uncached),
        each(cached) / each(uncached)
    );
}

pub async fn run() {
    compare("SQLite", None).await;
    let (_postgres, url) = crate::postgres("cached").await;
    compare("PostgreSQL", Some(url)).await;
}
