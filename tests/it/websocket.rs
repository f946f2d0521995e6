//! graphql-transport-ws, row by row of what the protocol asks for.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};

use crate::{server::Server, support::socket::Socket};

const HEALTH: &str = "{ health { version } }";

async fn closed_by(server: &Server, acknowledged: bool, messages: &[&str]) -> u16 {
    let mut socket = if acknowledged { Socket::connect(&server.api.base).await } else { Socket::open(&server.api.base).await };
    for message in messages {
        socket.say(message).await;
    }
    let (code, reason) = socket.closed().await;
    assert!(!reason.is_empty() && reason.len() <= 123);
    code
}

#[tokio::test(flavor = "multi_thread")]
async fn each_offence_has_its_close_code() {
    let server = Server::sqlite().await;
    let subscribe = r#"{"type":"subscribe","id":"1","payload":{"query":"{ health { version } }"}}"#;
    assert_eq!(closed_by(&server, false, &[subscribe]).await, 4401);
    for bad in [
        "{",
        "\"hello\"",
        r#"{"type":"hello"}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
    ] {
        assert_eq!(closed_by(&server, true, &[bad]).await, 4400, "{bad}");
    }
    assert_eq!(closed_by(&server, true, &[r#"{"type":"connection_init"}"#]).await, 4429);
    assert_eq!(closed_by(&server, false, &[]).await, 4408);
    let id = server.api.create(json!({ "submit": false })).await;
    let follow = json!({ "type": "subscribe", "id": "1", "payload": { "query": format!("subscription {{ jobStatus(jobId: \"{id}\") {{ status }} }}") } }).to_string();
    assert_eq!(closed_by(&server, true, &[&follow, &follow]).await, 4409);
    let many: Vec<_> = (0..33).map(|n| follow.replace("\"id\":\"1\"", &format!("\"id\":\"{n}\""))).collect();
    assert_eq!(closed_by(&server, true, &many.iter().map(String::as_str).collect::<Vec<_>>()).await, 4430);
    let big = format!("{{\"type\":\"ping\",\"payload\":{{\"x\":\"{}\"}}}}", "x".repeat(300 << 10));
    assert_eq!(closed_by(&server, true, &[&big]).await, 1009);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_subprotocol_there_is_no_upgrade() {
    let server = Server::sqlite().await;
    let address = format!("{}/graphql", server.api.base.replacen("http", "ws", 1));
    for offered in [None, Some("graphql-ws")] {
        let mut request = address.as_str().into_client_request().unwrap();
        if let Some(offered) = offered {
            request.headers_mut().insert("sec-websocket-protocol", offered.parse().unwrap());
        }
        let refused = connect_async(request).await.expect_err("no upgrade");
        assert!(refused.to_string().contains("400"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_s_page_is_refused_before_the_upgrade() {
    let server = Server::sqlite().await;
    let address = format!("{}/graphql", server.api.base.replacen("http", "ws", 1));
    let mut request = address.into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert!(connect_async(request).await.expect_err("no upgrade").to_string().contains("403"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_leave_the_socket_open_and_ids_are_freed() {
    let server = Server::sqlite().await;
    let mut socket = server.api.socket().await;
    // As soon as the error is read the id is free: each time, however quick the client is.
    let wrong = [("{ health {", "GRAPHQL_PARSE_FAILED"), ("{ nothing }", "GRAPHQL_VALIDATION_FAILED")];
    for (query, code) in wrong.iter().cycle().take(500).copied() {
        socket.subscribe("1", query, json!({})).await;
        let error = socket.next_of("1").await;
        assert_eq!((error["type"].as_str(), error["payload"][0]["extensions"]["code"].as_str()), (Some("error"), Some(code)));
    }
    socket.subscribe("1", HEALTH, json!({})).await;
    assert!(socket.next_payload("1").await["data"]["health"]["version"].is_string());
    assert_eq!(socket.next_of("1").await["type"], "complete");
    socket.send(json!({ "type": "ping", "payload": { "a": 1 } })).await;
    assert_eq!(socket.next().await, json!({ "type": "pong", "payload": { "a": 1 } }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_operation_says_no_more() {
    let server = Server::sqlite().await;
    let id = server.api.create(json!({ "submit": false })).await;
    let mut socket = server.api.socket().await;
    let query = "subscription($id: ID!) { jobStatus(jobId: $id) { status } }";
    socket.subscribe("1", query, json!({ "id": id })).await;
    socket.next_payload("1").await;
    socket.send(json!({ "id": "1", "type": "complete" })).await;
    // Its id is free again, and the next message is the new operation's: nothing was echoed.
    socket.subscribe("1", HEALTH, json!({})).await;
    assert!(socket.next().await["payload"]["data"]["health"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_service_closes_with_1012() {
    let server = Server::sqlite().await;
    let id = server.api.create(json!({ "submit": false })).await;
    let mut socket = server.api.socket().await;
    socket.subscribe("1", "subscription($id: ID!) { jobStatus(jobId: $id) { status } }", json!({ "id": id })).await;
    socket.next_payload("1").await;
    server.app.shutdown.begin(Duration::ZERO);
    assert_eq!(socket.next_of("1").await["type"], "complete");
    assert_eq!(socket.closed().await.0, 1012);
}
