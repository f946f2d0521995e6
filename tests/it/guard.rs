//! Texts that would overflow a parser's stack are answered, and the process lives on. In an optimised build, as users
//! run it: without the guard, each of these ends the process.

use serde_json::json;

use crate::server::Server;

fn bombs() -> Vec<String> {
    let deep = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(3_000), close.repeat(3_000));
    vec![
        format!("{{ a @skip(if: {}) }}", deep("[", "", "]")),
        format!("{{ a(x: {}) }}", deep("{a:", "1", "}")),
        format!("query($a: {}) {{ a }}", deep("[", "Int", "]")),
        format!("query($a: Int = {}) {{ a }}", deep("[", "1", "]")),
        deep("{a", "", "}"),
        deep("{...on Query", "{a}", "}"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_bombs_are_answered_over_http_and_websocket() {
    let server = Server::sqlite().await;
    let mut socket = server.api.socket().await;
    for (number, bomb) in bombs().into_iter().enumerate() {
        assert_eq!(server.api.refused(&bomb, json!({})).await["code"], "QUERY_TOO_COMPLEX");
        let id = number.to_string();
        socket.subscribe(&id, &bomb, json!({})).await;
        let answer = socket.next_of(&id).await;
        assert_eq!(
            (answer["type"].as_str(), answer["payload"][0]["extensions"]["code"].as_str()),
            (Some("error"), Some("QUERY_TOO_COMPLEX"))
        );
    }
    let nested = format!("{{\"query\":\"{{ health {{ status }} }}\",\"variables\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(server.api.post(&nested).await.status(), 400);
    assert_eq!(server.api.get("/livez").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_that_ask_for_too_much_are_refused_before_they_run() {
    let server = Server::sqlite().await;
    let fields: String = (0..60).map(|_| "id status name progress createdAt ").collect();
    let wide = format!("{{ jobs(first: 100) {{ edges {{ node {{ elements {{ {fields} }} timeline {{ id }} }} }} }} }}");
    let deep = format!("{{ job(id: \"job_0\") {{ {} id {} }} }}", "elements { job {".repeat(7), "} }".repeat(7));
    let spreads = |to: usize| format!("...F{to} ").repeat(100);
    let chain: String = (0..12).map(|n| format!("fragment F{n} on Query {{ {} }} ", spreads(n + 1))).collect();
    let multiplied = format!("{{ ...F0 }} {chain} fragment F12 on Query {{ health {{ version }} }}");
    let introspection = "{ __type(name: \"Node\") { possibleTypes { interfaces { possibleTypes { interfaces { name } } } } } }";
    for bomb in [multiplied.as_str(), introspection] {
        assert_eq!(server.api.refused(bomb, json!({})).await["code"], "QUERY_TOO_COMPLEX");
    }
    let cycle = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }";
    assert_eq!(server.api.refused(&deep, json!({})).await["code"], "QUERY_TOO_COMPLEX");
    assert!(server.api.send(&wide, json!({})).await["data"].is_null());
    assert!(server.api.send(cycle, json!({})).await["data"].is_null());
}
