//! The protocol's messages, and the codes that a socket is closed with.

use async_graphql::{Request, Variables};
use axum::extract::ws::{CloseFrame, Message};
use serde::Serialize;
use serde_json::{Value, json};

/// Close codes of the protocol, and ours from 4430 on.
pub const BAD_REQUEST: u16 = 4400;
pub const UNAUTHORIZED: u16 = 4401;
pub const INIT_TIMEOUT: u16 = 4408;
pub const ID_IN_USE: u16 = 4409;
pub const TOO_MANY_INITS: u16 = 4429;
pub const TOO_MANY_OPERATIONS: u16 = 4430;
pub const TOO_SLOW: u16 = 4431;
pub const MESSAGE_TOO_BIG: u16 = 1009;
pub const SERVICE_RESTART: u16 = 1012;
pub const GOING_AWAY: u16 = 1001;

/// Why and how a socket is closed. The reason stays under a control frame's 123 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    pub reason: String,
}

impl Close {
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason: String = reason.into();
        while reason.len() > 120 {
            reason.pop();
        }
        Self { code, reason }
    }

    pub fn into_message(self) -> Message {
        Message::Close(Some(CloseFrame { code: self.code, reason: self.reason.into() }))
    }
}

/// What a client says.
#[derive(Debug)]
pub enum Incoming {
    ConnectionInit,
    Ping(Option<Value>),
    Pong,
    Subscribe { id: String, request: Box<Request> },
    Complete { id: String },
}

impl Incoming {
    /// Reads a message; what is none closes the socket.
    pub fn parse(text: &str) -> Result<Self, Close> {
        let bad = |reason: &str| Close::new(BAD_REQUEST, reason);
        let message: Value = serde_json::from_str(text).map_err(|_| bad("Invalid message: not JSON"))?;
        let kind = message.get("type").and_then(Value::as_str).ok_or_else(|| bad("Invalid message: no type"))?;
        let payload = message.get("payload").filter(|payload| !payload.is_null());
        let object = |payload: Option<&Value>| match payload {
            Some(payload) if !payload.is_object() => Err(bad("Invalid message: the payload is no object")),
            payload => Ok(payload.cloned()),
        };
        match kind {
            "connection_init" => object(payload).map(|_| Incoming::ConnectionInit),
            "ping" => object(payload).map(Incoming::Ping),
            "pong" => object(payload).map(|_| Incoming::Pong),
            "subscribe" => {
                let payload = object(payload)?.ok_or_else(|| bad("Invalid message: no payload"))?;
                Ok(Incoming::Subscribe { id: id(&message)?, request: Box::new(request(&payload)?) })
            }
            "complete" => Ok(Incoming::Complete { id: id(&message)? }),
            _ => Err(bad("Invalid message: unknown type")),
        }
    }
}

fn id(message: &Value) -> Result<String, Close> {
    let id = message.get("id").and_then(Value::as_str).filter(|id| !id.is_empty() && id.len() <= 128);
    id.map(str::to_owned).ok_or_else(|| Close::new(BAD_REQUEST, "Invalid message: the id must be a string of 1 to 128 bytes"))
}

fn request(payload: &Value) -> Result<Request, Close> {
    let bad = |what: &str| Close::new(BAD_REQUEST, format!("Invalid message: {what}"));
    let query = payload.get("query").and_then(Value::as_str).filter(|query| !query.is_empty());
    let mut request = Request::new(query.ok_or_else(|| bad("no query"))?);
    request.operation_name = match payload.get("operationName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(_) => return Err(bad("operationName is no string")),
    };
    match payload.get("variables") {
        None | Some(Value::Null) => Ok(request),
        Some(variables) if variables.is_object() => Ok(request.variables(Variables::from_json(variables.clone()))),
        Some(_) => Err(bad("variables are no object")),
    }
}

/// What the server says.
pub fn connection_ack() -> Message {
    text(&json!({ "type": "connection_ack" }))
}

pub fn ping() -> Message {
    text(&json!({ "type": "ping" }))
}

pub fn pong(payload: Option<Value>) -> Message {
    match payload {
        Some(payload) => text(&json!({ "type": "pong", "payload": payload })),
        None => text(&json!({ "type": "pong" })),
    }
}

pub fn next(id: &str, payload: &async_graphql::Response) -> Message {
    text(&Told { id, kind: "next", payload })
}

pub fn error(id: &str, errors: &[async_graphql::ServerError]) -> Message {
    text(&Told { id, kind: "error", payload: errors })
}

pub fn complete(id: &str) -> Message {
    text(&json!({ "id": id, "type": "complete" }))
}

/// Written as it is, so that an answer's fields keep the order that they were asked for.
#[derive(Serialize)]
struct Told<'a, P: Serialize + ?Sized> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    payload: &'a P,
}

fn text(value: &impl Serialize) -> Message {
    // What the service says always becomes JSON.
    Message::text(serde_json::to_string(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_closes_with_4400() {
        for text in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"hello"}"#,
            r#"{"type":"connection_init","payload":1}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":""}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","operationName":1}}"#,
            r#"{"type":"complete"}"#,
        ] {
            assert_eq!(Incoming::parse(text).unwrap_err().code, BAD_REQUEST, "{text}");
        }
    }

    #[test]
    fn a_reason_fits_a_control_frame() {
        assert!(Close::new(BAD_REQUEST, "é".repeat(200)).reason.len() <= 123);
    }
}
