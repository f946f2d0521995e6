//! The cache: nothing stale after one's own write, on any node; Redis gone costs speed, not errors.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use nix::sys::signal::Signal;
use reelgraph::app::Duty;
use serde_json::{Value, json};

use crate::{
    server::{Redis, Server, new_postgres_database, on_both, until},
    support::api::Api,
};

const READ: &str = "query($id: ID!) { job(id: $id) { name status elements { position } timeline { status } } }";
const RENAME: &str = "mutation($id: ID!, $name: String) { updateJob(id: $id, patch: { name: $name }) { name } }";

async fn draft(api: &Api) -> String {
    api.create(json!({ "submit": false, "name": "0", "elements": [{ "text": { "text": "a" } }] })).await
}

async fn name(api: &Api, id: &str) -> String {
    api.ask(READ, json!({ "id": id })).await["job"]["name"].as_str().unwrap_or("").to_owned()
}

async fn level(api: &Api, number: usize) -> (i64, i64) {
    let told =
        api.ask("{ diagnostics { cacheLevels { hits misses } } }", json!({})).await["diagnostics"]["cacheLevels"][number].take();
    (told["hits"].as_i64().unwrap(), told["misses"].as_i64().unwrap())
}

on_both! {
    async fn every_read_after_a_write_sees_it_while_others_read(server: Server) {
        let api = &server.api;
        let id = draft(api).await;
        let done = Arc::new(AtomicUsize::new(0));
        let readers = (0..4).map(|_| {
            let (api, id, done) = (api.clone(), id.clone(), done.clone());
            tokio::spawn(async move {
                let mut newest = 0;
                while done.load(SeqCst) == 0 {
                    let seen: i32 = name(&api, &id).await.parse().unwrap();
                    assert!(seen >= newest, "{seen} was read after {newest}");
                    newest = seen;
                }
            })
        });
        let readers: Vec<_> = readers.collect();
        for number in 1..=60 {
            api.ask(RENAME, json!({ "id": id, "name": number.to_string() })).await;
            assert_eq!(name(api, &id).await, number.to_string());
        }
        done.store(1, SeqCst);
        for reader in readers {
            reader.await.unwrap();
        }
        let add = "mutation($id: ID!) { addElement(jobId: $id, element: { text: { text: \"b\" } }) { id } }";
        let added = api.ask(add, json!({ "id": id })).await["addElement"]["id"].take();
        assert_eq!(api.ask(READ, json!({ "id": id })).await["job"]["elements"].as_array().map(Vec::len), Some(2));
        api.ask("mutation($id: ID!) { deleteElement(id: $id) }", json!({ "id": added })).await;
        assert_eq!(api.ask(READ, json!({ "id": id })).await["job"]["elements"].as_array().map(Vec::len), Some(1));
        api.ask("mutation($id: ID!) { deleteJob(id: $id) }", json!({ "id": id })).await;
        assert_eq!(api.refused(READ, json!({ "id": id })).await["code"], "NOT_FOUND");
    }

    async fn a_mutation_reads_what_it_wrote_and_others_do_not(server: Server) {
        let api = &server.api;
        let id = draft(api).await;
        assert_eq!(name(api, &id).await, "0");
        let failing = "mutation($id: ID!, $bad: ID!) { updateJob(id: $id, patch: { name: \"1\" }) { name elements { job { name } } } cancelJob(id: $bad) { id } }";
        api.refused(failing, json!({ "id": id, "bad": "job_0123456789abcdefghijklmno0" })).await;
        assert_eq!(name(api, &id).await, "0", "what was rolled back was never there");
        let good = "mutation($id: ID!) { updateJob(id: $id, patch: { name: \"2\" }) { name elements { job { name } } } again: updateJob(id: $id, patch: { priority: 1 }) { name } }";
        let answer = api.ask(good, json!({ "id": id })).await;
        assert_eq!((&answer["updateJob"]["elements"][0]["job"]["name"], &answer["again"]["name"]), (&json!("2"), &json!("2")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_for_one_job_at_once_one_reads_it() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = seen.clone();
    let server = Server::start(None, Duty::ApiOnly, |database| {
        database.watch_statements(move |sql| {
            if sql.contains("FROM \"jobs\"") {
                noted.lock().unwrap().push(sql.to_owned());
            }
        });
    })
    .await;
    let ids = [draft(&server.api).await];
    let read = "query($id: ID!) { job(id: $id) { name } }";
    // The node's own tail of the log may forget the job once more meanwhile: then it is asked again.
    until("one statement for all", async || {
        server.app.services.tags().invalidate_here(&ids);
        seen.lock().unwrap().clear();
        futures_util::future::join_all((0..64).map(|_| server.api.ask(read, json!({ "id": ids[0] })))).await;
        (seen.lock().unwrap().len() == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_changes_the_others_forget() {
    let url = new_postgres_database().await;
    let first = Server::start(Some(url.clone()), Duty::ApiOnly, |_| {}).await;
    let second = Server::start(Some(url), Duty::ApiOnly, |_| {}).await;
    let id = draft(&first.api).await;
    assert_eq!((name(&first.api, &id).await, name(&second.api, &id).await), ("0".into(), "0".into()));
    first.api.ask(RENAME, json!({ "id": id, "name": "1" })).await;
    until("the other node's name", async || (name(&second.api, &id).await == "1").then_some(())).await;
    let mut socket = second.api.socket().await;
    socket.subscribe("1", "subscription($id: ID!) { jobStatus(jobId: $id) { status } }", json!({ "id": id })).await;
    socket.next_payload("1").await;
    first.api.ask("mutation($id: ID!) { deleteJob(id: $id) }", json!({ "id": id })).await;
    assert_eq!(socket.next_of("1").await["type"], "complete", "the other node's listeners hear of the end");
    assert_eq!(second.api.refused(READ, json!({ "id": id })).await["code"], "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_share_what_redis_holds_and_never_what_is_old() {
    let redis = Redis::start();
    let url = new_postgres_database().await;
    let settings = [("DATABASE_URL", url.as_str()), ("REDIS_URL", redis.url.as_str())];
    let first = Server::with(&settings, Duty::ApiOnly).await;
    let second = Server::with(&settings, Duty::ApiOnly).await;
    // Each node begins by forgetting what is there, and its tail may forget a new job once more.
    let id = until("what one node read to be found by the other", async || {
        let id = draft(&first.api).await;
        assert_eq!(name(&first.api, &id).await, "0");
        let (before, _) = level(&second.api, 1).await;
        assert_eq!(name(&second.api, &id).await, "0");
        (level(&second.api, 1).await.0 > before).then_some(id)
    })
    .await;
    for number in 1..=40 {
        let (writer, reader) = if number % 2 == 0 { (&first.api, &second.api) } else { (&second.api, &first.api) };
        writer.ask(RENAME, json!({ "id": id, "name": number.to_string() })).await;
        assert_eq!(name(writer, &id).await, number.to_string());
        until("the other node's name", async || (name(reader, &id).await == number.to_string()).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_gone_costs_speed_and_nothing_else() {
    let redis = Redis::start();
    let server = Server::with(&[("REDIS_URL", redis.url.as_str())], Duty::ApiOnly).await;
    let api = &server.api;
    let id = draft(api).await;
    assert_eq!(name(api, &id).await, "0");
    // It stops, and answers nobody: what it holds is old when it goes on.
    redis.signal(Signal::SIGSTOP);
    api.ask(RENAME, json!({ "id": id, "name": "1" })).await;
    assert_eq!(name(api, &id).await, "1");
    let health = "{ health { status cache { status message } recommendations } }";
    let sick = until("its health", async || {
        let told = api.ask(health, json!({})).await["health"].take();
        (told["cache"]["status"] == "DEGRADED").then_some(told)
    })
    .await;
    assert!(sick["recommendations"].to_string().contains("REDIS_URL"));
    redis.signal(Signal::SIGCONT);
    let (_, misses) = level(api, 1).await;
    until("Redis to be asked again", async || {
        // Past the first level: what Redis holds of the job is older than its name.
        server.app.services.tags().invalidate_here(std::slice::from_ref(&id));
        assert_eq!(name(api, &id).await, "1");
        (level(api, 1).await.1 > misses).then_some(())
    })
    .await;
    api.ask(RENAME, json!({ "id": id, "name": "2" })).await;
    assert_eq!(name(api, &id).await, "2");
    redis.signal(Signal::SIGKILL);
    for number in 3..8 {
        api.ask(RENAME, json!({ "id": id, "name": number.to_string() })).await;
        assert_eq!(name(api, &id).await, number.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_from_redis_is_read_from_the_database() {
    let redis = Redis::start();
    let server = Server::with(&[("REDIS_URL", redis.url.as_str())], Duty::ApiOnly).await;
    let id = draft(&server.api).await;
    let client = redis::Client::open(redis.url.as_str()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    until("the job in Redis", async || {
        assert_eq!(name(&server.api, &id).await, "0");
        let keys: Vec<String> = redis::cmd("KEYS").arg(format!("*{id}")).query_async(&mut connection.clone()).await.unwrap();
        let key = keys.into_iter().next()?;
        let fields: Vec<String> = redis::cmd("HKEYS").arg(&key).query_async(&mut connection.clone()).await.unwrap();
        if !fields.iter().any(|field| field == "job") {
            return None;
        }
        let _: () = redis::cmd("HSET").arg(&key).arg("job").arg("{}").query_async(&mut connection.clone()).await.unwrap();
        Some(())
    })
    .await;
    server.app.services.tags().invalidate_here(std::slice::from_ref(&id));
    assert_eq!(name(&server.api, &id).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_shared_through_the_database_and_never_old() {
    let url = new_postgres_database().await;
    let first = Server::start(Some(url.clone()), Duty::ApiOnly, |_| {}).await;
    let second = Server::start(Some(url), Duty::ApiOnly, |_| {}).await;
    let log = "mutation { logStorageOperation(input: { operation: UPLOAD, bucket: \"b\", key: \"k\", success: true, duration: 1 }) { id } }";
    let count = async |api: &Api| {
        api.ask("{ storageStatistics { operations } }", json!({})).await["storageStatistics"]["operations"].as_i64()
    };
    for number in 1..=5 {
        first.api.ask(log, Value::Null).await;
        assert_eq!(count(&second.api).await, Some(number), "at once, on the other node too");
        assert_eq!(count(&first.api).await, Some(number));
    }
    assert_eq!(level(&first.api, 2).await, (5, 0), "what the other node computed was found");
}
