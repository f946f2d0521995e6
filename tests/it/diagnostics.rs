//! What a node tells of its own work.

use serde_json::json;

use crate::server::{Server, on_both};

const DIAGNOSTICS: &str = "{ diagnostics {
    pools { name size idle inUse max } cacheLevels { level name enabled hits misses entries } subscriptions
    queries { duration { count mean p99 max } failed slowFrom slow { sql duration at } }
    transactions { committed rolledBack retries deadlocks timeouts limit duration { count p50 } }
    errors { total byCode { code category count } byCategory { category count } byMinute { at codes { code count } } }
    queue { queued processing }
} health { status cache { status message } } }";

on_both! {
    async fn a_node_counts_what_it_did(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false })).await;
        let read = "query($id: ID!) { job(id: $id) { name } }";
        for _ in 0..3 {
            api.ask(read, json!({ "id": id })).await;
        }
        api.refused("mutation { cancelJob(id: \"job_0123456789abcdefghijklmno0\") { id } }", json!({})).await;
        api.refused("{ job(id: \"x\") { id } }", json!({})).await;
        api.refused("{ nothing }", json!({})).await;
        let answer = api.ask(DIAGNOSTICS, json!({})).await;
        let told = &answer["diagnostics"];
        assert!(told["pools"].as_array().unwrap().iter().all(|pool| pool["size"].as_i64() <= pool["max"].as_i64() && pool["max"].as_i64() >= Some(1)));
        let memory = &told["cacheLevels"][0];
        // The node's own tail of the log may forget the new job once more, between two of the reads.
        let (hits, misses) = (memory["hits"].as_i64().unwrap(), memory["misses"].as_i64().unwrap());
        assert_eq!((&memory["name"], hits + misses), (&json!("memory"), 3));
        assert!(hits >= 1 && misses >= 1, "{memory}");
        assert_eq!(told["cacheLevels"][1]["enabled"], false);
        assert!(told["queries"]["duration"]["count"].as_i64().unwrap() >= 5);
        let transactions = &told["transactions"];
        assert_eq!((&transactions["rolledBack"], &transactions["deadlocks"], &transactions["limit"]), (&json!(1), &json!(0), &json!(5000.0)));
        assert!(transactions["committed"].as_i64().unwrap() >= 1);
        let errors = &told["errors"];
        assert_eq!(errors["total"], 3);
        let counted: Vec<_> = errors["byCode"].as_array().unwrap().iter().map(|code| (code["code"].as_str().unwrap(), code["count"].as_i64().unwrap())).collect();
        assert_eq!(counted, [("BAD_USER_INPUT", 1), ("GRAPHQL_VALIDATION_FAILED", 1), ("NOT_FOUND", 1)]);
        assert_eq!(errors["byCategory"], json!([{ "category": "VALIDATION", "count": 3 }]));
        let minutes = errors["byMinute"].as_array().unwrap();
        let in_minutes: i64 = minutes.iter().flat_map(|minute| minute["codes"].as_array().unwrap()).map(|code| code["count"].as_i64().unwrap()).sum();
        assert_eq!(in_minutes, 3);
        assert_eq!(answer["health"]["cache"]["status"], "HEALTHY");
    }

    async fn slow_statements_are_kept_without_their_values(server: Server) {
        // A count that takes a while: the rows of a recursive query, which both databases compute.
        let slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT count(*) AS c FROM n";
        let database = server.app.services.database();
        let mut rows = 1_000_000i64;
        let told = loop {
            let statement = sea_orm::Statement::from_sql_and_values(database.backend(), slow, [rows.into()]);
            sea_orm::ConnectionTrait::query_one_raw(database.reader(), statement).await.unwrap();
            let told = server.api.ask(DIAGNOSTICS, json!({})).await["diagnostics"]["queries"]["slow"].take();
            if told[0].is_object() {
                break told;
            }
            rows *= 2;
        };
        assert_eq!(told[0]["sql"], slow);
        assert!(told[0]["duration"].as_f64().unwrap() >= 100.0);
    }
}
