//! A client of graphql-transport-ws that says exactly what it is told to.

use std::{collections::VecDeque, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::CloseFrame},
};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Value>,
}

impl Socket {
    /// Connected and acknowledged.
    pub async fn connect(base: &str) -> Self {
        let mut socket = Self::open(base).await;
        socket.send(json!({ "type": "connection_init" })).await;
        assert_eq!(socket.next().await["type"], "connection_ack");
        socket
    }

    /// Connected, and nothing said.
    pub async fn open(base: &str) -> Self {
        let address = format!("{}/graphql", base.replacen("http", "ws", 1));
        let mut request = address.into_client_request().expect("an address");
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
        let (stream, _) = connect_async(request).await.expect("a WebSocket");
        Self { stream, waiting: VecDeque::new() }
    }

    pub async fn send(&mut self, message: Value) {
        self.say(&message.to_string()).await;
    }

    pub async fn say(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.expect("sent");
    }

    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        self.send(json!({ "id": id, "type": "subscribe", "payload": { "query": query, "variables": variables } })).await;
    }

    /// The next message that is no ping.
    pub async fn next(&mut self) -> Value {
        match self.waiting.pop_front() {
            Some(message) => message,
            None => self.receive().await.unwrap_or_else(|close| panic!("closed: {close:?}")),
        }
    }

    /// The next message of an operation.
    pub async fn next_of(&mut self, id: &str) -> Value {
        if let Some(place) = self.waiting.iter().position(|message| message["id"] == id) {
            return self.waiting.remove(place).expect("it is there");
        }
        loop {
            let message = self.receive().await.unwrap_or_else(|close| panic!("closed: {close:?}"));
            if message["id"] == id {
                return message;
            }
            self.waiting.push_back(message);
        }
    }

    /// The payload of an operation's next answer.
    pub async fn next_payload(&mut self, id: &str) -> Value {
        let mut message = self.next_of(id).await;
        assert_eq!(message["type"], "next", "{message:#}");
        message["payload"].take()
    }

    /// How the server closes the socket; what it says before is passed over.
    pub async fn closed(mut self) -> (u16, String) {
        loop {
            if let Err(close) = self.receive().await {
                let close = close.expect("a close with a code");
                return (close.code.into(), close.reason.to_string());
            }
        }
    }

    async fn receive(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("an answer in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] != "ping" {
                        return Ok(message);
                    }
                    self.send(json!({ "type": "pong" })).await;
                }
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}
