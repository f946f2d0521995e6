//! The audit log: every mutation's actor, action, target and outcome, and nobody changes it.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::server::{Server, on_both};

async fn log(server: &Server, filter: &str) -> Vec<Value> {
    let query = format!(
        "{{ auditLog(filter: {filter}, first: 100) {{ edges {{ node {{ id at actor role clientIp action target outcome code correlationId }} }} }} }}"
    );
    let mut log = server.api.ask(&query, json!({})).await["auditLog"].take();
    log["edges"].as_array_mut().unwrap().iter_mut().map(|edge| edge["node"].take()).collect()
}

on_both! {
    async fn every_mutation_leaves_what_it_did_to_what(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false, "elements": [{ "text": { "text": "a" } }, { "text": { "text": "b" } }] })).await;
        let two = "mutation($id: ID!) { again: updateJob(id: $id, patch: { name: \"x\" }) { id } cancelJob(id: $id) { id } }";
        api.ask(two, json!({ "id": id })).await;
        let entries = log(&server, &format!("{{ target: \"{id}\" }}")).await;
        let did: Vec<_> = entries.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["outcome"].as_str().unwrap())).collect();
        assert_eq!(did.len(), 3);
        assert!(["createJob", "updateJob", "cancelJob"].iter().all(|action| did.contains(&(action, "SUCCEEDED"))), "{did:?}");
        let entry = &entries[0];
        assert_eq!((&entry["actor"], &entry["role"], &entry["clientIp"], &entry["code"]), (&json!("local"), &json!("ADMIN"), &json!("127.0.0.1"), &Value::Null));
        let bulk = api.ask("mutation { createJobs(inputs: [{ submit: false }, { submit: false }]) { id } }", json!({})).await;
        let made = log(&server, "{ action: [\"createJobs\"] }").await;
        let mut targets: Vec<_> = made.iter().map(|entry| entry["target"].clone()).collect();
        targets.reverse();
        assert_eq!(targets, [bulk["createJobs"][0]["id"].clone(), bulk["createJobs"][1]["id"].clone()]);
        assert_eq!(made[0]["correlationId"], made[1]["correlationId"]);
        let add = "mutation($id: ID!) { addElements(jobId: $id, elements: [{ text: { text: \"a\" } }, { text: { text: \"b\" } }]) { id } }";
        api.ask(add, json!({ "id": bulk["createJobs"][0]["id"] })).await;
        let added = log(&server, "{ action: [\"addElements\"] }").await;
        assert_eq!(added.iter().map(|entry| &entry["target"]).collect::<Vec<_>>(), [&bulk["createJobs"][0]["id"]]);
    }

    async fn what_failed_leaves_that_it_did_and_of_which_code(server: Server) {
        let both = r#"mutation($bad: ID!) { createJob(input: { submit: false }) { id } cancelJob(id: $bad) { id } }"#;
        let refused = server.api.refused(both, json!({ "bad": "job_0123456789abcdefghijklmno0" })).await;
        let entries = log(&server, "{}").await;
        let mut did: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        did.sort_unstable();
        assert_eq!(did, ["cancelJob", "createJob"]);
        for entry in &entries {
            assert_eq!((&entry["outcome"], &entry["code"], &entry["target"]), (&json!("FAILED"), &json!("NOT_FOUND"), &Value::Null));
            assert_eq!(entry["correlationId"], refused["correlationId"]);
        }
        server.api.send("mutation { noSuchThing }", json!({})).await;
        assert_eq!(log(&server, "{}").await.len(), 2, "what was never run has done nothing");
        server.api.refused("mutation { createJob(input: { submit: false, priority: 1000 }) { id } }", json!({})).await;
        assert_eq!(log(&server, "{ outcome: FAILED, action: [\"createJob\"] }").await[0]["code"], "BAD_USER_INPUT");
    }

    async fn the_database_refuses_to_change_it(server: Server) {
        server.api.create(json!({ "submit": false })).await;
        let database = server.app.services.database().writer();
        for statement in ["UPDATE audit_entries SET actor = 'another'", "DELETE FROM audit_entries"] {
            let refused = database.execute_unprepared(statement).await.unwrap_err().to_string();
            assert!(refused.contains("the audit log only grows"), "{refused}");
        }
        assert_eq!(log(&server, "{}").await.len(), 1);
    }
}
