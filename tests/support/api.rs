//! A client of the API over HTTP.

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::socket::Socket;

/// A server that is spoken to.
#[derive(Clone)]
pub struct Api {
    pub base: String,
    http: Client,
}

impl Api {
    pub fn new(base: impl Into<String>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
        Self { base: base.into(), http }
    }

    /// Posts an operation and returns the whole answer.
    pub async fn send(&self, query: &str, variables: Value) -> Value {
        let response = self.post(&json!({ "query": query, "variables": variables }).to_string()).await;
        serde_json::from_str(&response.text().await.expect("a body")).expect("JSON")
    }

    /// Posts a body as it is.
    pub async fn post(&self, body: &str) -> Response {
        let request = self.http.post(format!("{}/graphql", self.base)).header("content-type", "application/json");
        request.body(body.to_owned()).send().await.expect("an answer")
    }

    pub async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.base)).send().await.expect("an answer")
    }

    /// The data of an operation that must succeed.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.send(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer:#}");
        answer["data"].take()
    }

    /// The first error's extensions, of an operation that must fail.
    pub async fn refused(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.send(query, variables).await;
        assert!(answer["errors"][0].is_object(), "{query} was not refused: {answer:#}");
        answer["errors"][0]["extensions"].take()
    }

    pub async fn socket(&self) -> Socket {
        Socket::connect(&self.base).await
    }

    /// Uploads bytes by a presigned address; returns the asset's id.
    pub async fn upload(&self, filename: &str, content_type: &str, bytes: Vec<u8>) -> String {
        let mutation =
            "mutation($input: UploadInput!) { createUpload(input: $input) { asset url method headers { name value } } }";
        let input = json!({ "filename": filename, "contentType": content_type, "size": bytes.len() });
        let upload = self.ask(mutation, json!({ "input": input })).await["createUpload"].take();
        let sent = self.put(&upload, bytes).await;
        assert!(sent.status().is_success(), "the upload was refused: {}", sent.status());
        upload["asset"].as_str().expect("an id").to_owned()
    }

    /// Sends bytes to where an upload may go.
    pub async fn put(&self, upload: &Value, bytes: Vec<u8>) -> Response {
        let mut request = self.http.put(upload["url"].as_str().expect("an address")).body(bytes);
        for header in upload["headers"].as_array().expect("headers") {
            let (name, value) = (header["name"].as_str().expect("a name"), header["value"].as_str().expect("a value"));
            if !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("content-length") {
                request = request.header(name, value);
            }
        }
        request.send().await.expect("an answer")
    }

    pub async fn upload_file(&self, path: &std::path::Path, content_type: &str) -> String {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        self.upload(&name, content_type, std::fs::read(path).expect("a file")).await
    }

    /// Creates a job and returns its id.
    pub async fn create(&self, input: Value) -> String {
        let mutation = "mutation($input: CreateJobInput!) { createJob(input: $input) { id } }";
        let data = self.ask(mutation, json!({ "input": input })).await;
        data["createJob"]["id"].as_str().expect("an id").to_owned()
    }

    /// A job with all that a test looks at.
    pub async fn job(&self, id: &str) -> Value {
        let query = "query($id: ID!) { job(id: $id) {
            id status progress attempt duration
            error { code message step retryable suggestion element { id } }
            result { url size duration width height frames frameRate container videoCodec audioCodec renderSpeed key checksumSha256 }
            timeline { step status order attempt duration cpuTime cpuPercent peakMemory error }
            elements { id type position status error media { width height duration } }
        } }";
        self.ask(query, json!({ "id": id })).await["job"].take()
    }

    /// Follows a job over a WebSocket until it has ended, and returns it.
    pub async fn finished(&self, id: &str) -> Value {
        let mut socket = self.socket().await;
        socket.subscribe("1", "subscription($id: ID!) { jobStatus(jobId: $id) { status } }", json!({ "id": id })).await;
        loop {
            let event = socket.next_payload("1").await;
            let status = event["data"]["jobStatus"]["status"].as_str().expect("a status").to_owned();
            if ["COMPLETED", "FAILED", "CANCELLED"].contains(&status.as_str()) {
                return self.job(id).await;
            }
        }
    }

    /// The bytes of a presigned address.
    pub async fn download(&self, url: &str) -> Vec<u8> {
        let response = self.http.get(url).send().await.expect("an answer");
        assert!(response.status().is_success(), "{}", response.status());
        response.bytes().await.expect("a body").to_vec()
    }
}
