//! GraphQL over HTTP: requests read, answers written, each with its correlation id.

use std::{net::SocketAddr, time::Duration};

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, Value, parser::types::OperationType};
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, FromRequestParts, Query, Request, State, WebSocketUpgrade},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Web, caller,
    media_type::{self, AnswerType},
    websocket,
};
use crate::{
    domain::error::{ErrorCode, ViolationCode},
    graphql::{Problem, was_run},
};

/// The largest body of a request: 1 MiB.
const MAX_BODY: usize = 1 << 20;
/// A body takes no longer than this to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// The longest correlation id that is taken from a client.
const MAX_CORRELATION_ID: usize = 128;
const CORRELATION_HEADER: &str = "x-correlation-id";

/// A request's parameters, by the specification's names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Value>,
    extensions: Option<Value>,
}

/// The same in an address: objects are JSON in text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddressParameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// An answer that is not the executor's.
struct Refusal {
    status: StatusCode,
    problem: Problem,
    allow: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, problem: Problem::new(code, message), allow: None }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadUserInput, message)
    }

    fn of_field(path: &str, rule: impl Into<String>) -> Self {
        let problem = Problem::of_argument(path, ViolationCode::InvalidFormat, rule);
        Self { status: StatusCode::BAD_REQUEST, problem, allow: None }
    }
}

/// Every request to /graphql, the WebSocket's upgrade included.
pub async fn handle(State(web): State<Web>, ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let correlation_id = correlation_id(request.headers());
    let answer_type = AnswerType::negotiate(request.headers());
    let (mut parts, body) = request.into_parts();
    if !caller::names_this_host(&parts.headers) || caller::is_foreign(&parts.headers) {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, "requests of other sites' pages are refused");
        return refuse(&web, refusal, answer_type.unwrap_or(AnswerType::Json), &correlation_id);
    }
    if parts.headers.contains_key(header::SEC_WEBSOCKET_KEY) {
        return upgrade(web, peer, &mut parts).await;
    }
    if parts.method == Method::OPTIONS {
        return preflight(&parts.headers);
    }
    let origin = parts.headers.get(header::ORIGIN).cloned();
    let mut response = respond(&web, peer, &parts, body, answer_type, &correlation_id).await;
    if let Some(origin) = origin {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(CORRELATION_HEADER));
    }
    response
}

/// The answer to a browser that asks before it sends: pages of this machine may, the others were refused before.
fn preflight(headers: &HeaderMap) -> Response {
    let origin = headers.get(header::ORIGIN).cloned().unwrap_or(HeaderValue::from_static("null"));
    let allowed = "content-type, accept, authorization, x-correlation-id";
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST")
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed)
        .header(header::VARY, "origin")
        .body(Body::empty())
        .unwrap_or_default()
}

async fn respond(
    web: &Web,
    peer: SocketAddr,
    parts: &Parts,
    body: Body,
    answer_type: Option<AnswerType>,
    correlation_id: &str,
) -> Response {
    let Some(answer_type) = answer_type else {
        let message = "the answer can be application/json or application/graphql-response+json";
        let refusal = Refusal::new(StatusCode::NOT_ACCEPTABLE, ErrorCode::BadUserInput, message);
        return refuse(web, refusal, AnswerType::Json, correlation_id);
    };
    match run(web, peer, parts, body, correlation_id).await {
        Ok(response) => answer(&response, answer_type, correlation_id),
        Err(refusal) => refuse(web, refusal, answer_type, correlation_id),
    }
}

async fn upgrade(web: Web, peer: SocketAddr, parts: &mut Parts) -> Response {
    match WebSocketUpgrade::from_request_parts(parts, &web).await {
        Ok(upgrade) => websocket::upgrade(web, caller::of(peer), upgrade),
        Err(rejection) => axum::response::IntoResponse::into_response(rejection),
    }
}

async fn run(web: &Web, peer: SocketAddr, parts: &Parts, body: Body, correlation_id: &str) -> Result<GraphqlResponse, Refusal> {
    let parameters = match parts.method {
        Method::GET => from_address(parts)?,
        Method::POST => from_body(&parts.headers, body).await?,
        _ => {
            let mut refusal =
                Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadUserInput, "only GET and POST are answered");
            refusal.allow = Some("GET, POST");
            return Err(refusal);
        }
    };
    let mut request = parameters.into_request()?;
    let refused = |mut response: GraphqlResponse| {
        web.executor.conform(&mut response, correlation_id);
        response
    };
    match web.executor.operation_type(&mut request) {
        Err(refusal) => return Ok(refused(refusal)),
        Ok(Some(OperationType::Mutation)) if parts.method == Method::GET => {
            let message = "a mutation must be sent by POST";
            let mut refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadUserInput, message);
            refusal.allow = Some("POST");
            return Err(refusal);
        }
        Ok(Some(OperationType::Subscription)) => {
            return Err(Refusal::bad_request(
                "a subscription must be sent over the WebSocket at this address, by graphql-transport-ws",
            ));
        }
        _ => {}
    }
    Ok(web.executor.execute(request, caller::of(peer), correlation_id).await)
}

fn from_address(parts: &Parts) -> Result<Parameters, Refusal> {
    let Query(found) =
        Query::<AddressParameters>::try_from_uri(&parts.uri).map_err(|_| Refusal::bad_request("the address cannot be read"))?;
    let object = |path: &str, text: Option<String>| {
        let parse =
            |text: String| serde_json::from_str(&text).map_err(|error| Refusal::of_field(path, format!("must be JSON: {error}")));
        text.filter(|text| !text.is_empty()).map(parse).transpose()
    };
    Ok(Parameters {
        query: found.query,
        operation_name: found.operation_name.filter(|name| !name.is_empty()),
        variables: object("variables", found.variables)?,
        extensions: object("extensions", found.extensions)?,
    })
}

async fn from_body(headers: &HeaderMap, body: Body) -> Result<Parameters, Refusal> {
    if !media_type::is_json(headers) {
        let message = "the body must be application/json in UTF-8";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::BadUserInput, message));
    }
    let too_large = || {
        let message = format!("the body must have at most {MAX_BODY} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BadUserInput, message)
    };
    let told = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout, "the body took too long to arrive");
    let bytes = tokio::time::timeout(BODY_WITHIN, to_bytes(body, MAX_BODY)).await.map_err(late)?.map_err(|_| too_large())?;
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Refusal::bad_request("batches are not answered: send one request at a time"));
    }
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let parameters = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if path == "." {
            Refusal::bad_request(format!("the body is not JSON of a request: {inner}"))
        } else {
            Refusal::of_field(&path, inner.to_string())
        }
    })?;
    json.end().map_err(|error| Refusal::bad_request(format!("the body is not JSON: {error}")))?;
    Ok(parameters)
}

impl Parameters {
    fn into_request(self) -> Result<GraphqlRequest, Refusal> {
        let query =
            self.query.filter(|query| !query.trim().is_empty()).ok_or_else(|| Refusal::of_field("query", "must be given"))?;
        let mut request = GraphqlRequest::new(query);
        request.operation_name = self.operation_name;
        for (path, value) in [("variables", &self.variables), ("extensions", &self.extensions)] {
            if value.as_ref().is_some_and(|value| !matches!(value, Value::Object(_) | Value::Null)) {
                return Err(Refusal::of_field(path, "must be an object"));
            }
        }
        Ok(request.variables(async_graphql::Variables::from_value(self.variables.unwrap_or_default())))
    }
}

fn correlation_id(headers: &HeaderMap) -> String {
    let given = headers.get(CORRELATION_HEADER).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| !id.is_empty() && id.len() <= MAX_CORRELATION_ID && id.chars().all(|c| c.is_ascii_graphic());
    given.filter(plain).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// The status that an answer has: by `application/json` 200 for all that was read.
fn status(response: &GraphqlResponse, answer_type: AnswerType) -> StatusCode {
    if answer_type == AnswerType::Json || was_run(response) {
        return StatusCode::OK;
    }
    let code = response.errors.first().and_then(|error| error.extensions.as_ref()?.get("code").cloned());
    match code {
        Some(Value::String(code)) if code == ErrorCode::Timeout.as_str() => StatusCode::GATEWAY_TIMEOUT,
        Some(Value::String(code)) if code == ErrorCode::DatabaseUnavailable.as_str() => StatusCode::SERVICE_UNAVAILABLE,
        Some(Value::String(code)) if code == ErrorCode::Internal.as_str() => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn answer(response: &GraphqlResponse, answer_type: AnswerType, correlation_id: &str) -> Response {
    write(status(response, answer_type), body_of(response), answer_type, correlation_id, None)
}

/// The answer's JSON, its fields in the order that they were asked for; one that was never run has no `data`.
fn body_of(response: &GraphqlResponse) -> String {
    #[derive(serde::Serialize)]
    struct NotRun<'a> {
        errors: &'a [async_graphql::ServerError],
    }
    let written = match was_run(response) {
        true => serde_json::to_string(response),
        false => serde_json::to_string(&NotRun { errors: &response.errors }),
    };
    // An answer's own values always become JSON.
    written.unwrap_or_default()
}

fn refuse(web: &Web, refusal: Refusal, answer_type: AnswerType, correlation_id: &str) -> Response {
    let mut response = GraphqlResponse::from_errors(vec![refusal.problem.into_server_error()]);
    web.executor.conform(&mut response, correlation_id);
    write(refusal.status, body_of(&response), answer_type, correlation_id, refusal.allow)
}

fn write(
    status: StatusCode,
    body: String,
    answer_type: AnswerType,
    correlation_id: &str,
    allow: Option<&'static str>,
) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, answer_type.as_str())
        .header(header::CACHE_CONTROL, "no-store")
        .header(CORRELATION_HEADER, correlation_id);
    if let Some(allow) = allow {
        response = response.header(header::ALLOW, allow);
    }
    response.body(Body::from(body)).unwrap_or_default()
}
