//! The log of the object store, and its statistics, held against the same numbers computed here.

use serde_json::{Value, json};

use crate::server::{Server, on_both};

const LOG: &str =
    "mutation($input: LogStorageOperationInput!) { logStorageOperation(input: $input) { id success size duration job { id } } }";
const STATISTICS: &str = "query($filter: StorageOperationFilter) { storageStatistics(filter: $filter) {
    operations failures bytes successRate throughput duration { mean p50 p95 p99 max }
    bucket: groups(by: BUCKET) { key operations failures bytes duration { p50 max } throughput }
    operation: groups(by: OPERATION) { key operations }
    hour: groups(by: HOUR) { key operations } day: groups(by: DAY) { key operations }
} }";

fn operation(number: i64) -> Value {
    let success = number % 5 != 0;
    json!({
        "operation": (if number % 2 == 0 { "UPLOAD" } else { "DOWNLOAD" }), "bucket": format!("b{}", number % 3),
        "key": format!("k{number}"), "success": success, "size": number * 100, "duration": number as f64,
        "error": (if success { Value::Null } else { json!("UNAVAILABLE") }),
    })
}

/// The least that at least this share of the sorted values does not exceed.
fn nearest_rank(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() as f64 * share).ceil() as usize).max(1) - 1]
}

on_both! {
    async fn statistics_are_what_the_operations_come_to(server: Server) {
        let api = &server.api;
        let empty = api.ask(STATISTICS, json!({})).await["storageStatistics"].take();
        assert_eq!((&empty["operations"], &empty["successRate"], &empty["duration"]["p50"], &empty["bucket"]), (&json!(0), &json!(1.0), &Value::Null, &json!([])));
        let made: Vec<i64> = (1..=40).collect();
        for number in &made {
            api.ask(LOG, json!({ "input": operation(*number) })).await;
        }
        let good: Vec<i64> = made.iter().copied().filter(|number| number % 5 != 0).collect();
        let durations: Vec<f64> = made.iter().map(|number| *number as f64).collect();
        let (bytes, ms) = (good.iter().sum::<i64>() * 100, good.iter().sum::<i64>() as f64);
        let all = api.ask(STATISTICS, json!({})).await["storageStatistics"].take();
        assert_eq!((all["operations"].as_i64(), all["failures"].as_i64(), all["bytes"].as_i64()), (Some(40), Some(8), Some(bytes)));
        assert_eq!(all["successRate"], 0.8);
        assert!((all["throughput"].as_f64().unwrap() - bytes as f64 / (ms / 1e3)).abs() < 1e-6);
        for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)] {
            assert_eq!(all["duration"][name], nearest_rank(&durations, share), "{name}");
        }
        assert_eq!(all["duration"]["mean"], 20.5);
        for (place, bucket) in ["b0", "b1", "b2"].into_iter().enumerate() {
            let of: Vec<f64> = made.iter().filter(|number| **number % 3 == place as i64).map(|number| *number as f64).collect();
            let group = &all["bucket"][place];
            assert_eq!((group["key"].as_str(), group["operations"].as_u64()), (Some(bucket), Some(of.len() as u64)));
            assert_eq!((&group["duration"]["p50"], &group["duration"]["max"]), (&json!(nearest_rank(&of, 0.5)), &json!(of[of.len() - 1])));
        }
        assert_eq!(all["operation"], json!([{ "key": "DOWNLOAD", "operations": 20 }, { "key": "UPLOAD", "operations": 20 }]));
        for (grouping, length) in [("hour", "2026-11-23T10:00:00Z".len()), ("day", "2026-11-23T00:00:00Z".len())] {
            let groups = all[grouping].as_array().unwrap();
            assert_eq!(groups.iter().map(|group| group["operations"].as_i64().unwrap()).sum::<i64>(), 40);
            assert!(groups[0]["key"].as_str().is_some_and(|key| key.len() == length && key.ends_with(":00:00Z")), "{groups:?}");
        }
        let failed = api.ask(STATISTICS, json!({ "filter": { "success": false } })).await["storageStatistics"].take();
        assert_eq!((&failed["operations"], &failed["bytes"], &failed["throughput"]), (&json!(8), &json!(0), &Value::Null));
        // What is kept is not found again once there is more.
        api.ask(LOG, json!({ "input": operation(41) })).await;
        assert_eq!(api.ask(STATISTICS, json!({})).await["storageStatistics"]["operations"], 41);
    }

    async fn what_a_worker_logs_is_checked_and_listed(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false, "elements": [{ "text": { "text": "x" } }] })).await;
        let other = api.create(json!({ "submit": false, "elements": [{ "text": { "text": "y" } }] })).await;
        let element = api.job(&other).await["elements"][0]["id"].clone();
        let with = |more: Value| {
            let mut input = operation(1);
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "input": input })
        };
        let logged = api.ask(LOG, with(json!({ "jobId": id }))).await["logStorageOperation"].take();
        assert_eq!(logged["job"]["id"], json!(id));
        let listed = api.ask("query($id: ID!) { job(id: $id) { storageOperations { edges { node { id } } } } }", json!({ "id": id })).await;
        assert_eq!(listed["job"]["storageOperations"]["edges"], json!([{ "node": { "id": logged["id"] } }]));
        for (more, path) in [
            (json!({ "jobId": id, "elementId": element }), "input.elementId"), (json!({ "duration": -1 }), "input.duration"),
            (json!({ "size": -1 }), "input.size"), (json!({ "bucket": "" }), "input.bucket"), (json!({ "attempts": 0 }), "input.attempts"),
            (json!({ "error": "x" }), "input.error"), (json!({ "metadata": 3 }), "input.metadata"), (json!({ "jobId": "x" }), "input.jobId"),
        ] {
            assert_eq!(api.refused(LOG, with(more)).await["violations"][0]["path"], path);
        }
        assert_eq!(api.refused(LOG, with(json!({ "jobId": "job_0123456789abcdefghijklmno0" }))).await["code"], "NOT_FOUND");
    }

    async fn every_call_of_the_service_itself_is_logged(server: Server) {
        let api = &server.api;
        let asset = api.upload("a.png", "image/png", crate::support::made::plain(16, 16, [255, 0, 0, 255])).await;
        let image = json!({ "image": { "source": { "asset": asset }, "length": 1 } });
        let id = api.create(json!({ "outputs": { "width": 64, "height": 64 }, "elements": [image] })).await;
        assert_eq!(api.finished(&id).await["status"], "COMPLETED");
        let query = "query($id: ID!) { job(id: $id) { storageOperations { edges { node { operation success size element { id } } } } elements { id } } }";
        let job = api.ask(query, json!({ "id": id })).await["job"].take();
        let rows: Vec<_> = job["storageOperations"]["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]).collect();
        assert_eq!(rows.iter().map(|row| row["operation"].as_str().unwrap()).collect::<Vec<_>>(), ["UPLOAD", "DOWNLOAD", "ACCESS"]);
        assert!(rows.iter().all(|row| row["success"] == true));
        assert!(rows[..2].iter().all(|row| row["size"].as_i64().unwrap() > 0));
        assert_eq!(rows[1]["element"]["id"], job["elements"][0]["id"]);
    }

    async fn a_call_waits_neither_for_its_row_nor_for_who_holds_the_database(server: Server) {
        use reelgraph::{domain::caller::Caller, services::objects::Purpose};
        let services = &server.app.services;
        let id = server.api.create(json!({ "submit": false })).await;
        let holder = services.changing(Caller::local_admin(None), "test", &Default::default());
        holder.enter("cancelJob").await.unwrap();
        holder.cancel_job(&id).await.unwrap();
        let purpose = Purpose { tenant: "default".into(), job_id: Some(id.clone()), element_id: None };
        for number in 0..5 {
            assert_eq!(services.store().size_of(&purpose, &format!("nothing/{number}")).await.unwrap(), None);
        }
        holder.commit().await.unwrap();
        let query = "{ storageOperations(filter: { operation: [ACCESS] }) { edges { node { key job { id } } } } }";
        let logged = server.api.ask(query, json!({})).await["storageOperations"]["edges"].take();
        assert_eq!(logged.as_array().unwrap().len(), 5);
        assert_eq!(logged[0]["node"], json!({ "key": "nothing/4", "job": { "id": id } }));
    }
}
