//! Many jobs at once, jobs changed and copied, and every filter of metadata.

use serde_json::{Value, json};

use crate::server::{Server, on_both};

const CREATE_ALL: &str =
    "mutation($all: [CreateJobInput!]!) { createJobs(inputs: $all) { id name status elements { position } } }";

fn draft(name: &str) -> Value {
    json!({ "submit": false, "name": name, "elements": [{ "text": { "text": "a" } }, { "text": { "text": "b" } }] })
}

on_both! {
    async fn jobs_are_made_many_at_once_in_their_order(server: Server) {
        let all: Vec<_> = (0..300).map(|n| draft(&format!("job {n}"))).collect();
        let made = server.api.ask(CREATE_ALL, json!({ "all": all })).await["createJobs"].take();
        let made = made.as_array().unwrap();
        for (number, job) in made.iter().enumerate() {
            assert_eq!((job["name"].as_str(), job["elements"].as_array().map(Vec::len)), (Some(&*format!("job {number}")), Some(2)));
        }
        let listed = server.api.ask("{ jobs(first: 100) { totalCount edges { node { name } } } }", json!({})).await;
        assert_eq!(listed["jobs"]["totalCount"], 300);
        assert_eq!(listed["jobs"]["edges"][0]["node"]["name"], "job 299", "the last one made is the newest");
    }

    async fn one_bad_job_among_many_makes_none(server: Server) {
        let mut all: Vec<_> = (0..10).map(|n| draft(&format!("job {n}"))).collect();
        all[7]["priority"] = json!(1_000);
        let refused = server.api.refused(CREATE_ALL, json!({ "all": all })).await;
        assert_eq!(refused["violations"][0]["path"], "inputs[7].priority");
        all[7] = json!({ "submit": false, "outputs": { "width": 3, "height": 4 } });
        let refused = server.api.refused(CREATE_ALL, json!({ "all": all })).await;
        assert_eq!(refused["violations"][0]["path"], "inputs[7].outputs[0].width");
        let too_many: Vec<_> = (0..1_001).map(|_| json!({ "submit": false })).collect();
        assert_eq!(server.api.refused(CREATE_ALL, json!({ "all": too_many })).await["violations"][0]["path"], "inputs");
        assert_eq!(server.api.ask("{ jobs { totalCount } }", json!({})).await["jobs"]["totalCount"], 0);
    }

    async fn keys_make_jobs_once_within_a_list_and_across_lists(server: Server) {
        let keyed = |key: &str, name: &str| json!({ "submit": false, "name": name, "idempotencyKey": key });
        let first = server.api.ask(CREATE_ALL, json!({ "all": [keyed("a", "1"), keyed("b", "2"), keyed("a", "1")] })).await;
        let id = |answer: &Value, place: usize| answer["createJobs"][place]["id"].clone();
        assert_eq!(id(&first, 0), id(&first, 2));
        let second = server.api.ask(CREATE_ALL, json!({ "all": [keyed("c", "3"), keyed("b", "2")] })).await;
        assert_eq!(id(&first, 1), id(&second, 1));
        let other = json!({ "all": [keyed("d", "4"), keyed("a", "other")] });
        assert_eq!(server.api.refused(CREATE_ALL, other).await["code"], "IDEMPOTENCY_KEY_REUSED");
        let same = json!({ "all": [keyed("e", "4"), keyed("e", "5")] });
        assert_eq!(server.api.refused(CREATE_ALL, same).await["code"], "IDEMPOTENCY_KEY_REUSED");
        assert_eq!(server.api.ask("{ jobs { totalCount } }", json!({})).await["jobs"]["totalCount"], 3);
        let racing = (0..10).map(|n| server.api.send(CREATE_ALL, json!({ "all": [keyed("race", "r"), json!({ "submit": false, "name": n.to_string() })] })));
        let answers = futures_util::future::join_all(racing).await;
        let ids: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer["data"]["createJobs"][0]["id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "{answers:#?}");
    }

    async fn a_job_is_changed_and_read_as_it_is_now(server: Server) {
        let api = &server.api;
        let id = api.create(draft("Before")).await;
        let update = "mutation($id: ID!, $patch: JobPatch!) { updateJob(id: $id, patch: $patch) { name priority metadata outputs { width } updatedAt createdAt } }";
        let read = "query($id: ID!) { job(id: $id) { name priority metadata outputs { width } } }";
        assert_eq!(api.ask(read, json!({ "id": id })).await["job"]["name"], "Before");
        let patch = json!({ "name": "ÄFTER", "priority": 5, "metadata": { "a": 1 }, "outputs": { "width": 320, "height": 180 } });
        let updated = api.ask(update, json!({ "id": id, "patch": patch })).await["updateJob"].take();
        let job = api.ask(read, json!({ "id": id })).await["job"].take();
        assert_eq!(job, json!({ "name": "ÄFTER", "priority": 5, "metadata": { "a": 1 }, "outputs": [{ "width": 320 }] }));
        assert!(updated["updatedAt"].as_str() > updated["createdAt"].as_str());
        let found = api.ask("{ jobs(filter: { name_contains: \"äft\" }) { totalCount } }", json!({})).await;
        assert_eq!(found["jobs"]["totalCount"], 1, "in any case, as Unicode has it");
        api.ask(update, json!({ "id": id, "patch": { "name": null } })).await;
        assert_eq!(api.ask(read, json!({ "id": id })).await["job"], json!({ "name": null, "priority": 5, "metadata": { "a": 1 }, "outputs": [{ "width": 320 }] }));
        for (patch, path) in [(json!({ "priority": 101 }), "patch.priority"), (json!({ "metadata": [] }), "patch.metadata"), (json!({ "outputs": [{ "width": 5, "height": 6 }] }), "patch.outputs[0].width")] {
            assert_eq!(api.refused(update, json!({ "id": id, "patch": patch })).await["violations"][0]["path"], path);
        }
        api.ask("mutation($id: ID!) { cancelJob(id: $id) { id } }", json!({ "id": id })).await;
        let refused = api.refused(update, json!({ "id": id, "patch": { "outputs": [{ "width": 320, "height": 180 }] } })).await;
        assert_eq!(refused["code"], "CONFLICT");
    }

    async fn a_copy_has_the_elements_and_another_life(server: Server) {
        let api = &server.api;
        let id = api.create(json!({ "submit": false, "name": "x", "priority": 3, "idempotencyKey": "k", "metadata": { "m": [1] }, "elements": [{ "text": { "text": "a", "name": "n" } }] })).await;
        let copy = "mutation($id: ID!, $patch: JobPatch) { duplicateJob(id: $id, patch: $patch) { id status name priority metadata idempotencyKey elements { id name ... on TextElement { text } } } }";
        let made = api.ask(copy, json!({ "id": id, "patch": { "name": "y" } })).await["duplicateJob"].take();
        assert_ne!(made["id"], json!(id));
        assert_eq!((made["status"].as_str(), made["name"].as_str(), made["priority"].as_i64()), (Some("DRAFT"), Some("y"), Some(3)));
        assert_eq!((&made["metadata"], &made["idempotencyKey"]), (&json!({ "m": [1] }), &Value::Null));
        assert_eq!(made["elements"][0]["text"], "a");
        api.ask("mutation($id: ID!) { deleteJob(id: $id) }", json!({ "id": id })).await;
        let left = api.ask("query($id: ID!) { job(id: $id) { elements { name } } }", json!({ "id": made["id"] })).await;
        assert_eq!(left["job"]["elements"], json!([{ "name": "n" }]));
        assert_eq!(api.refused(copy, json!({ "id": id })).await["code"], "NOT_FOUND");
    }

    async fn metadata_are_contained_as_postgresql_has_it(server: Server) {
        let api = &server.api;
        let all = [
            json!({ "a": 1, "b": { "c": [1, 2, { "d": "x" }], "e": null }, "t": true }),
            json!({ "a": 1.5, "b": {}, "quote\"d": "it's \\ %", "list": [[1, 2], []] }),
            json!({ "a": "1", "t": 1, "n": 12345678901i64 }),
            json!({}),
        ];
        for metadata in &all {
            api.create(json!({ "submit": false, "metadata": metadata })).await;
        }
        let count = async |part: Value| {
            let answer = api.ask("query($f: JobFilter) { jobs(filter: $f) { totalCount } }", json!({ "f": { "metadata": part } })).await;
            answer["jobs"]["totalCount"].as_i64().unwrap()
        };
        for (part, expected) in [
            (json!({}), 4), (json!({ "a": 1 }), 1), (json!({ "a": 1.0 }), 1), (json!({ "a": "1" }), 1), (json!({ "a": 2 }), 0),
            (json!({ "t": true }), 1), (json!({ "t": 1 }), 1), (json!({ "t": false }), 0), (json!({ "b": {} }), 2),
            (json!({ "b": { "c": [] } }), 1), (json!({ "b": { "c": [2] } }), 1), (json!({ "b": { "c": [2, 1] } }), 1),
            (json!({ "b": { "c": [3] } }), 0), (json!({ "b": { "c": [{ "d": "x" }] } }), 1), (json!({ "b": { "c": [{}] } }), 1),
            (json!({ "b": { "e": null } }), 1), (json!({ "b": { "f": null } }), 0), (json!({ "b": [] }), 0),
            (json!({ "quote\"d": "it's \\ %" }), 1), (json!({ "quote": "it's" }), 0), (json!({ "list": [[2]] }), 1),
            (json!({ "list": [[], [1]] }), 1), (json!({ "list": [1] }), 0), (json!({ "n": 12345678901i64 }), 1),
            (json!({ "a": 1, "t": true }), 1), (json!({ "a": 1, "t": 1 }), 0),
        ] {
            assert_eq!(count(part.clone()).await, expected, "{part}");
        }
        for part in [json!([]), json!("x"), json!((0..60).map(|n| (n.to_string(), n)).collect::<std::collections::BTreeMap<_, _>>())] {
            let refused = api.refused("query($f: JobFilter) { jobs(filter: $f) { totalCount } }", json!({ "f": { "metadata": part } })).await;
            assert_eq!(refused["violations"][0]["path"], "filter.metadata");
        }
        let id = api.create(json!({ "submit": false, "metadata": { "a": "new" } })).await;
        assert_eq!(count(json!({ "a": "new" })).await, 1);
        api.ask("mutation($id: ID!) { updateJob(id: $id, patch: { metadata: { a: \"newer\" } }) { id } }", json!({ "id": id })).await;
        assert_eq!((count(json!({ "a": "new" })).await, count(json!({ "a": "newer" })).await), (0, 1));
    }
}
