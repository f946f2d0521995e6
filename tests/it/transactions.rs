//! A mutation operation happens as a whole or not at all.

use serde_json::json;

use crate::server::{Server, on_both};

const COUNT: &str = "{ jobs { totalCount } }";

on_both! {
    async fn if_one_field_fails_nothing_has_happened(server: Server) {
        let both = r#"mutation($good: CreateJobInput!, $bad: ID!) {
            good: createJob(input: $good) { id }
            bad: cancelJob(id: $bad) { id }
        }"#;
        let unknown = "job_0123456789abcdefghijklmno0";
        let answer = server.api.send(both, json!({ "good": { "submit": false }, "bad": unknown })).await;
        assert!(answer["data"].is_null(), "{answer:#}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
        assert_eq!(server.api.ask(COUNT, json!({})).await["jobs"]["totalCount"], 0);
    }

    async fn a_mutation_reads_what_it_has_written(server: Server) {
        let id = server.api.create(json!({ "submit": false })).await;
        let add = r#"mutation($id: ID!, $a: ElementInput!, $b: ElementInput!) {
            a: addElement(jobId: $id, element: $a) { position job { elements { position } } }
            b: addElement(jobId: $id, element: $b, position: 0) { position job { elements { position ... on TextElement { text } } } }
        }"#;
        let text = |words: &str| json!({ "text": { "text": words } });
        let data = server.api.ask(add, json!({ "id": id, "a": text("a"), "b": text("b") })).await;
        assert_eq!(data["a"]["job"]["elements"].as_array().map(Vec::len), Some(1));
        let words: Vec<_> = data["b"]["job"]["elements"].as_array().unwrap().iter().map(|e| e["text"].as_str().unwrap()).collect();
        assert_eq!(words, ["b", "a"]);
    }

    async fn thirty_equal_requests_make_one_job(server: Server) {
        let input = json!({ "submit": false, "idempotencyKey": "once", "name": "x" });
        let create = "mutation($input: CreateJobInput!) { createJob(input: $input) { id } }";
        let all = (0..30).map(|_| server.api.send(create, json!({ "input": input })));
        let answers = futures_util::future::join_all(all).await;
        let ids: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer["data"]["createJob"]["id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "{answers:#?}");
        assert_eq!(server.api.ask(COUNT, json!({})).await["jobs"]["totalCount"], 1);
        let other = json!({ "input": { "submit": false, "idempotencyKey": "once", "name": "y" } });
        assert_eq!(server.api.refused(create, other).await["code"], "IDEMPOTENCY_KEY_REUSED");
    }
}
