//! Jobs through their states, drafts and their elements, nodes.

use serde_json::{Value, json};

use crate::{
    server::{Server, on_both},
    support::api::Api,
};

fn text(words: &str) -> Value {
    json!({ "text": { "text": words, "fontSize": 40 } })
}

fn small(elements: Vec<Value>) -> Value {
    json!({ "outputs": { "width": 320, "height": 180, "duration": 1 }, "elements": elements })
}

async fn words(api: &Api, id: &str) -> Vec<(i64, String)> {
    let query = "query($id: ID!) { job(id: $id) { elements { position ... on TextElement { text } } } }";
    let job = api.ask(query, json!({ "id": id })).await["job"].take();
    let element = |element: &Value| (element["position"].as_i64().unwrap(), element["text"].as_str().unwrap().to_owned());
    job["elements"].as_array().unwrap().iter().map(element).collect()
}

on_both! {
    async fn a_job_goes_through_seven_steps_and_has_its_result(server: Server) {
        let id = server.api.create(small(vec![text("hello")])).await;
        let job = server.api.finished(&id).await;
        assert_eq!(job["status"], "COMPLETED", "{job:#}");
        assert_eq!((job["progress"].as_f64(), job["attempt"].as_i64()), (Some(100.0), Some(1)));
        let steps = job["timeline"].as_array().unwrap();
        let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
        assert_eq!(names, ["VALIDATION", "DOWNLOAD", "PROCESSING", "COMPOSITION", "ENCODING", "UPLOAD", "CLEANUP"]);
        for step in steps {
            assert_eq!(step["status"], "COMPLETED");
            assert!(step["duration"].as_f64().unwrap() >= 0.0 && step["cpuTime"].as_f64().unwrap() >= 0.0, "{step:#}");
            assert!(step["peakMemory"].as_i64().unwrap() > 1 << 20, "{step:#}");
        }
        assert!(steps[4]["cpuTime"].as_f64().unwrap() > 0.0);
        assert_eq!((job["result"]["frames"].as_i64(), job["result"]["audioCodec"].as_str()), (Some(30), None));
        let file = server.api.download(job["result"]["url"].as_str().unwrap()).await;
        assert_eq!(file.len() as i64, job["result"]["size"].as_i64().unwrap());
        assert_eq!(std::fs::read_dir(server.folder.path().join("data/work")).unwrap().count(), 0);
    }

    async fn a_draft_takes_elements_and_keeps_them_dense(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false, "outputs": { "width": 320, "height": 180, "duration": 1 } })).await;
        let submit = "mutation($id: ID!) { submitJob(id: $id) { status } }";
        assert_eq!(api.refused(submit, json!({ "id": id })).await["code"], "CONFLICT");
        let add = "mutation($id: ID!, $e: ElementInput!, $p: Int) { addElement(jobId: $id, element: $e, position: $p) { id position } }";
        let mut ids = Vec::new();
        for (name, position) in [("a", None), ("b", None), ("c", Some(0)), ("d", Some(1))] {
            let added = api.ask(add, json!({ "id": id, "e": text(name), "p": position })).await;
            ids.push(added["addElement"]["id"].as_str().unwrap().to_owned());
        }
        let order = |names: [&str; 4]| names.into_iter().map(String::from).enumerate().map(|(p, n)| (p as i64, n)).collect::<Vec<_>>();
        assert_eq!(words(api, &id).await, order(["c", "d", "a", "b"]));
        for position in [-1, 5, 100] {
            let refused = api.refused(add, json!({ "id": id, "e": text("x"), "p": position })).await;
            assert_eq!(refused["violations"][0]["path"], "position");
        }
        api.ask("mutation($id: ID!) { deleteElement(id: $id) }", json!({ "id": ids[3] })).await;
        let left: Vec<_> = words(api, &id).await.into_iter().map(|(position, name)| format!("{position}{name}")).collect();
        assert_eq!(left, ["0c", "1a", "2b"]);
        assert_eq!(api.ask(submit, json!({ "id": id })).await["submitJob"]["status"], "QUEUED");
        assert_eq!(api.finished(&id).await["status"], "COMPLETED");
        let refused = api.refused(add, json!({ "id": id, "e": text("late") })).await;
        assert_eq!(refused["code"], "CONFLICT");
    }

    async fn concurrent_changes_keep_positions_dense(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false, "elements": [text("0"), text("1"), text("2"), text("3")] })).await;
        let elements = api.job(&id).await["elements"].as_array().unwrap().clone();
        let add = "mutation($id: ID!, $e: ElementInput!, $p: Int) { addElement(jobId: $id, element: $e, position: $p) { id } }";
        let adds = (0..10).map(|n| api.send(add, json!({ "id": id, "e": text("new"), "p": n % 3 })));
        let deletes = elements.iter().take(2).map(|e| api.send("mutation($id: ID!) { deleteElement(id: $id) }", json!({ "id": e["id"] })));
        let (added, deleted) = tokio::join!(futures_util::future::join_all(adds), futures_util::future::join_all(deletes));
        assert!(added.iter().chain(&deleted).all(|answer| answer.get("errors").is_none()), "{added:#?} {deleted:#?}");
        let positions: Vec<_> = words(api, &id).await.into_iter().map(|(position, _)| position).collect();
        assert_eq!(positions, (0..12).collect::<Vec<_>>());
    }

    async fn waiting_jobs_are_cancelled_retried_and_deleted(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false, "outputs": { "width": 320, "height": 180, "duration": 1 }, "elements": [text("x")] })).await;
        let cancel = "mutation($id: ID!) { cancelJob(id: $id) { status finishedAt } }";
        assert_eq!(api.ask(cancel, json!({ "id": id })).await["cancelJob"]["status"], "CANCELLED");
        assert_eq!(api.ask(cancel, json!({ "id": id })).await["cancelJob"]["status"], "CANCELLED");
        let retry = "mutation($id: ID!) { retryJob(id: $id) { status finishedAt } }";
        assert_eq!(api.ask(retry, json!({ "id": id })).await["retryJob"], json!({ "status": "QUEUED", "finishedAt": null }));
        let job = api.finished(&id).await;
        assert_eq!(job["status"], "COMPLETED");
        assert_eq!(api.refused(cancel, json!({ "id": id })).await["code"], "CONFLICT");
        assert_eq!(api.refused(retry, json!({ "id": id })).await["code"], "CONFLICT");
        let key = job["result"]["key"].as_str().unwrap();
        let stored = server.folder.path().join("data/s3/reelgraph").join(key);
        assert!(stored.exists());
        let deleted = api.ask("mutation($id: ID!) { deleteJob(id: $id) }", json!({ "id": id })).await;
        assert_eq!(deleted["deleteJob"], json!(id));
        assert_eq!(api.refused("query($id: ID!) { job(id: $id) { id } }", json!({ "id": id })).await["code"], "NOT_FOUND");
        tokio::task::spawn_blocking(move || crate::server::wait_for("the object's end", || (!stored.exists()).then_some(()))).await.unwrap();
        let kept = api.ask("{ storageOperations(filter: { operation: [UPLOAD] }) { edges { node { success job { id } } } } }", json!({})).await;
        assert_eq!(kept["storageOperations"]["edges"], json!([{ "node": { "success": true, "job": null } }]));
    }

    async fn what_a_variable_does_not_give_stays(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false, "name": "KEEP", "metadata": { "a": 1 }, "priority": 3, "elements": [text("x")] })).await;
        let update = "mutation($i: ID!, $n: String, $m: JSON, $p: Int) { updateJob(id: $i, patch: { name: $n, metadata: $m, priority: $p }) { name metadata priority } }";
        let kept = api.ask(update, json!({ "i": id, "p": 4 })).await;
        assert_eq!(kept["updateJob"], json!({ "name": "KEEP", "metadata": { "a": 1 }, "priority": 4 }));
        let cleared = api.ask(update, json!({ "i": id, "n": null })).await;
        assert_eq!(cleared["updateJob"], json!({ "name": null, "metadata": { "a": 1 }, "priority": 4 }), "null says so");
        // Several operations, as the playground sends them.
        let document = "mutation A($i: ID!, $b: Boolean, $n: String) { ...copy } mutation B($i: ID!, $b: Boolean, $n: String) { ...copy }
            fragment copy on Mutation { duplicateJob(id: $i, submit: $b, patch: { metadata: { a: 2 }, name: $n }) { status metadata } }";
        let request = json!({ "query": document, "operationName": "B", "variables": { "i": id } });
        let copied: Value = serde_json::from_str(&api.post(&request.to_string()).await.text().await.unwrap()).unwrap();
        assert_eq!(copied["data"]["duplicateJob"], json!({ "status": "DRAFT", "metadata": { "a": 2 } }), "{copied:#}");
        let add = "mutation($i: ID!, $o: Float) { addElement(jobId: $i, element: { text: { text: \"a\", opacity: $o } }) { ... on TextElement { opacity } } }";
        assert_eq!(api.ask(add, json!({ "i": id })).await["addElement"]["opacity"], 1.0);
    }

    async fn an_empty_job_is_not_queued_by_a_detour(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false })).await;
        api.ask("mutation($id: ID!) { cancelJob(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(api.refused("mutation($id: ID!) { retryJob(id: $id) { id } }", json!({ "id": id })).await["code"], "CONFLICT");
    }

    async fn nodes_are_found_by_their_ids(server: Server) {
        let api = &server.api;
        let id = api.create(small(vec![text("x")])).await;
        api.finished(&id).await;
        let parts = api.ask("query($id: ID!) { job(id: $id) { elements { id } timeline { id } storageOperations { edges { node { id } } } } }", json!({ "id": id })).await;
        let job = &parts["job"];
        let ids = [json!(id), job["elements"][0]["id"].clone(), job["timeline"][0]["id"].clone(), job["storageOperations"]["edges"][0]["node"]["id"].clone()];
        let found = api.ask("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", json!({ "ids": ids })).await;
        let types: Vec<_> = found["nodes"].as_array().unwrap().iter().map(|node| node["__typename"].as_str().unwrap()).collect();
        assert_eq!(types, ["Job", "TextElement", "TimelineStep", "StorageOperation"]);
        let unknown = api.ask("{ node(id: \"job_0123456789abcdefghijklmno0\") { id } }", json!({})).await;
        assert!(unknown["node"].is_null());
        assert_eq!(api.refused("{ node(id: \"xyz\") { id } }", json!({})).await["violations"][0]["path"], "id");
        let second = format!("{{ nodes(ids: [\"{id}\", \"xyz\"]) {{ id }} }}");
        assert_eq!(api.refused(&second, json!({})).await["violations"][0]["path"], "ids[1]");
    }
}
