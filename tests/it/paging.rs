//! Lists: filters, orders, both directions, cursors that hold while rows are written.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    server::{Server, on_both},
    support::api::Api,
};

async fn make(api: &Api, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let name = format!("job {number:02} 100%");
        ids.push(api.create(json!({ "submit": false, "name": name, "priority": (number % 3) as i32 })).await);
    }
    ids
}

async fn page(api: &Api, arguments: &str) -> (Vec<String>, Value) {
    let query = format!(
        "{{ jobs({arguments}) {{ edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    );
    let jobs = api.ask(&query, json!({})).await["jobs"].take();
    let ids = jobs["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect();
    (ids, jobs["pageInfo"].clone())
}

async fn walk(api: &Api, order: &str, forwards: bool) -> Vec<String> {
    let (size, from, edge, more) = if forwards {
        ("first", "after", "endCursor", "hasNextPage")
    } else {
        ("last", "before", "startCursor", "hasPreviousPage")
    };
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let (ids, info) = page(api, &format!("orderBy: {order}, {size}: 4 {cursor}")).await;
        if forwards {
            all.extend(ids)
        } else {
            all.splice(0..0, ids).for_each(drop)
        }
        if info[more] == false {
            return all;
        }
        cursor = format!(", {from}: {}", info[edge]);
    }
}

on_both! {
    async fn every_order_visits_every_job_once_in_both_directions(server: Server) {
        let api = &server.api;
        let made: BTreeSet<_> = make(api, 11).await.into_iter().collect();
        for by in ["CREATED_AT", "UPDATED_AT", "FINISHED_AT", "PRIORITY", "STATUS", "NAME"] {
            for direction in ["ASC", "DESC"] {
                let order = format!("{{ by: {by}, direction: {direction} }}");
                let forwards = walk(api, &order, true).await;
                assert_eq!(forwards.len(), 11, "{order}");
                assert_eq!(forwards.iter().cloned().collect::<BTreeSet<_>>(), made, "{order}");
                assert_eq!(walk(api, &order, false).await, forwards, "{order}");
            }
        }
    }

    async fn new_jobs_do_not_disturb_a_walk(server: Server) {
        let api = &server.api;
        let made = make(api, 6).await;
        let (first, info) = page(api, "first: 3").await;
        make(api, 3).await;
        let (second, _) = page(api, &format!("first: 10, after: {}", info["endCursor"])).await;
        let expected: Vec<_> = made.into_iter().rev().collect();
        assert_eq!([first, second].concat(), expected);
    }

    async fn filters_let_through_what_they_say(server: Server) {
        let api = &server.api;
        make(api, 3).await;
        let other = api.create(json!({ "submit": false, "name": "Ünder_score", "elements": [{ "text": { "text": "x" } }] })).await;
        api.ask("mutation($id: ID!) { cancelJob(id: $id) { id } }", json!({ "id": other })).await;
        let count = async |filter: &str| {
            let query = format!("{{ jobs(filter: {filter}) {{ totalCount edges {{ node {{ id }} }} }} }}");
            let jobs = api.ask(&query, json!({})).await["jobs"].take();
            assert_eq!(jobs["totalCount"].as_u64().unwrap() as usize, jobs["edges"].as_array().unwrap().len());
            jobs["totalCount"].as_u64().unwrap()
        };
        assert_eq!(count("{}").await, 4);
        assert_eq!(count("{ status: [CANCELLED] }").await, 1);
        assert_eq!(count("{ status: [DRAFT, CANCELLED] }").await, 4);
        assert_eq!(count("{ name_contains: \"JOB 0\" }").await, 3);
        assert_eq!(count("{ name_contains: \"0%\" }").await, 3);
        assert_eq!(count("{ name_contains: \"_\" }").await, 1);
        assert_eq!(count("{ name_contains: \"%%\" }").await, 0);
        assert_eq!(count("{ active: true }").await, 0);
        assert_eq!(count("{ active: false }").await, 4);
        assert_eq!(count("{ elementType: [TEXT] }").await, 1);
        assert_eq!(count("{ elementType: [VIDEO] }").await, 0);
        assert_eq!(count("{ clientIp: \"127.0.0.1\" }").await, 4);
        assert_eq!(count("{ clientIp: \"10.0.0.1\" }").await, 0);
        assert_eq!(count("{ createdAt: { from: \"2020-01-01T00:00:00Z\" } }").await, 4);
        assert_eq!(count("{ createdAt: { to: \"2020-01-01T00:00:00Z\" } }").await, 0);
        assert_eq!(count("{ finishedAt: { from: \"2020-01-01T00:00:00+02:00\" } }").await, 1);
    }

    async fn a_walk_visits_every_job_once_while_others_write(server: Server) {
        let api = &server.api;
        let made: Vec<String> = make(api, 25).await;
        for order in ["{ by: CREATED_AT, direction: DESC }", "{ by: NAME, direction: ASC }", "{ by: PRIORITY, direction: DESC }"] {
            let stop = tokio_util::sync::CancellationToken::new();
            let (writer, stopped) = (api.clone(), stop.clone());
            let writing = tokio::spawn(async move {
                let mut count = 0;
                while !stopped.is_cancelled() {
                    let id = writer.create(json!({ "submit": false, "name": format!("job {count:02} new"), "priority": count % 3 })).await;
                    if count % 2 == 0 {
                        writer.ask("mutation($id: ID!) { deleteJob(id: $id) }", json!({ "id": id })).await;
                    }
                    count += 1;
                }
                count
            });
            for forwards in [true, false] {
                let visited: Vec<String> = walk(api, order, forwards).await.into_iter().filter(|id| made.contains(id)).collect();
                assert_eq!(visited.len(), made.len(), "{order}");
                assert_eq!(visited.into_iter().collect::<BTreeSet<_>>(), made.iter().cloned().collect(), "{order}");
            }
            stop.cancel();
            assert!(writing.await.unwrap() > 0);
        }
    }
}
