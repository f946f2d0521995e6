//! What is wrong is named: the field and the rule at once, or the element when a job fails; the server lives on.

use std::net::SocketAddr;

use axum::{Router, http::StatusCode, response::Redirect, routing::get};
use serde_json::{Value, json};

use crate::{
    server::{Server, on_both},
    support::{made, media},
};

const CREATE: &str = "mutation($input: CreateJobInput!) { createJob(input: $input) { id } }";

fn text(more: Value) -> Value {
    let mut fields = json!({ "text": "x" });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "text": fields })
}

fn with(elements: Value) -> Value {
    json!({ "outputs": { "duration": 2 }, "elements": elements })
}

fn output(output: Value) -> Value {
    json!({ "outputs": output, "elements": [text(json!({ "length": 1 }))] })
}

/// Compositions within each other.
fn deep(levels: usize) -> Value {
    (0..levels).fold(text(json!({ "length": 1 })), |within, _| json!({ "composition": { "elements": [within] } }))
}

/// An input and the path that its error names.
fn breaches() -> Vec<(Value, &'static str)> {
    let video = |more: Value| {
        let mut fields = json!({ "source": { "url": "https://example.com/a.mp4" } });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with(json!([{ "video": fields }]))
    };
    vec![
        (with(json!([text(json!({ "start": -1 }))])), "input.elements[0].text.start"),
        (with(json!([text(json!({ "start": 2 }))])), "input.elements[0].text.start"),
        (with(json!([text(json!({ "length": 0 }))])), "input.elements[0].text.length"),
        (with(json!([text(json!({ "start": "NaN" }))])), "input.elements[0].text.start"),
        (with(json!([text(json!({ "color": "reddish" }))])), "input.elements[0].text.color"),
        (with(json!([text(json!({ "width": "a lot" }))])), "input.elements[0].text.width"),
        (with(json!([text(json!({ "width": 0 }))])), "input.elements[0].text.width"),
        (with(json!([text(json!({ "height": 100_000 }))])), "input.elements[0].text.height"),
        (with(json!([text(json!({})), text(json!({ "opacity": 1.5 }))])), "input.elements[1].text.opacity"),
        (with(json!([text(json!({ "rotation": 1e9 }))])), "input.elements[0].text.rotation"),
        (with(json!([text(json!({ "crop": { "left": 0.6, "right": 0.6 } }))])), "input.elements[0].text.crop"),
        (with(json!([text(json!({ "cornerRadius": -1 }))])), "input.elements[0].text.cornerRadius"),
        (with(json!([text(json!({ "maxLines": 0 }))])), "input.elements[0].text.maxLines"),
        (with(json!([text(json!({ "stroke": { "color": "red", "width": "60%" } }))])), "input.elements[0].text.stroke.width"),
        (with(json!([text(json!({ "font": { "asset": "ast_1" } }))])), "input.elements[0].text.font.asset"),
        (
            with(json!([text(json!({ "keyframes": [{ "property": "OPACITY", "at": 0, "value": 2 }] }))])),
            "input.elements[0].text.keyframes[0].value",
        ),
        (
            with(json!([text(
                json!({ "keyframes": [{ "property": "X", "at": 1, "value": 2 }, { "property": "X", "at": 1, "value": 3 }] })
            )])),
            "input.elements[0].text.keyframes[1].at",
        ),
        (
            with(json!([text(
                json!({ "keyframes": [{ "property": "X", "at": 2, "value": 2 }, { "property": "Y", "at": 1, "value": 1e6 }] })
            )])),
            "input.elements[0].text.keyframes[1].value",
        ),
        (
            with(json!([text(json!({ "effects": [{ "negate": true }, { "sepia": 2 }] }))])),
            "input.elements[0].text.effects[1].sepia",
        ),
        (with(json!([{ "text": { "text": "  " } }])), "input.elements[0].text.text"),
        (with(json!([{ "shape": { "shape": "ELLIPSE" } }])), "input.elements[0].shape.fill"),
        (with(json!([{ "shape": { "shape": "GRADIENT", "fill": "red" } }])), "input.elements[0].shape.gradient"),
        (with(json!([{ "subtitles": { "cues": [] } }])), "input.elements[0].subtitles.cues"),
        (
            with(json!([{ "subtitles": { "cues": [{ "start": 2, "end": 1, "text": "a" }] } }])),
            "input.elements[0].subtitles.cues[0].end",
        ),
        (with(json!([{ "composition": { "elements": [] } }])), "input.elements[0].composition.elements"),
        (
            with(json!([{ "composition": { "elements": [{ "text": { "text": "a", "opacity": 2 } }] } }])),
            "input.elements[0].composition.elements[0].text.opacity",
        ),
        (
            with(json!([deep(5)])),
            "input.elements[0].composition.elements[0].composition.elements[0].composition.elements[0].composition.elements[0].composition",
        ),
        (video(json!({ "trimStart": 3, "trimEnd": 2 })), "input.elements[0].video.trimEnd"),
        (video(json!({ "volume": 5 })), "input.elements[0].video.volume"),
        (video(json!({ "speed": 5 })), "input.elements[0].video.speed"),
        (video(json!({ "effects": [{ "lut": { "url": "ftp://a/b" } }] })), "input.elements[0].video.effects[0].lut.url"),
        (video(json!({ "chromaKey": { "color": "green", "blend": 2 } })), "input.elements[0].video.chromaKey.blend"),
        (
            video(json!({ "transitionIn": { "type": "WIPE_LEFT", "duration": 0 } })),
            "input.elements[0].video.transitionIn.duration",
        ),
        (video(json!({ "source": { "url": "file:///etc/passwd" } })), "input.elements[0].video.source.url"),
        (video(json!({ "source": { "asset": "job_1" } })), "input.elements[0].video.source.asset"),
        (video(json!({ "source": { "object": { "key": "../secret" } } })), "input.elements[0].video.source.object.key"),
        (output(json!({ "width": 0, "height": 720 })), "input.outputs[0].width"),
        (output(json!({ "width": 1281, "height": 720 })), "input.outputs[0].width"),
        (output(json!({ "width": 1280, "height": 100_000 })), "input.outputs[0].height"),
        (output(json!({ "width": 1280 })), "input.outputs[0].height"),
        (output(json!({ "frameRate": 0 })), "input.outputs[0].frameRate"),
        (output(json!({ "format": "GIF", "frameRate": 60 })), "input.outputs[0].frameRate"),
        (output(json!({ "format": "WEBM", "videoCodec": "H264" })), "input.outputs[0].videoCodec"),
        (output(json!({ "videoCodec": "AV1", "quality": "LOSSLESS" })), "input.outputs[0].quality"),
        (output(json!({ "crf": 60 })), "input.outputs[0].crf"),
        (output(json!({ "crf": 20, "quality": "LOSSLESS" })), "input.outputs[0].crf"),
        (output(json!({ "crf": 20, "format": "PNG" })), "input.outputs[0].crf"),
        (output(json!({ "crf": 20, "videoBitrate": 1_000_000 })), "input.outputs[0].crf"),
        (output(json!({ "videoBitrate": 1_000_000, "quality": "LOSSLESS" })), "input.outputs[0].videoBitrate"),
        (output(json!({ "videoBitrate": 1_000_000, "format": "MOV", "videoCodec": "PRORES" })), "input.outputs[0].videoBitrate"),
        (output(json!({ "audioBitrate": 128_000, "format": "WAV" })), "input.outputs[0].audioBitrate"),
        (output(json!({ "audioBitrate": 512_000, "format": "MP3" })), "input.outputs[0].audioBitrate"),
        (output(json!({ "format": "GIF", "quality": "LOSSLESS" })), "input.outputs[0].quality"),
        (output(json!({ "videoCodec": "AV1", "width": 320, "height": 32 })), "input.outputs[0].height"),
        (output(json!({ "range": { "start": 0, "length": 0 } })), "input.outputs[0].range.length"),
        (output(json!({ "posterAt": 1, "format": "MP3" })), "input.outputs[0].posterAt"),
        (output(json!({ "posterAt": 5, "duration": 5 })), "input.outputs[0].posterAt"),
        (output(json!({ "key": "../mine.mp4" })), "input.outputs[0].key"),
        (output(json!({ "key": "jobs/mine.mp4" })), "input.outputs[0].key"),
        (output(json!({ "key": "jobs" })), "input.outputs[0].key"),
        (output(json!([{ "key": "a" }, { "key": "a/b" }])), "input.outputs[1].key"),
        (output(json!({ "bucket": "elsewhere" })), "input.outputs[0].bucket"),
        (output(json!([{ "key": "a" }, { "key": "a" }])), "input.outputs[1].key"),
        (output(json!([{}, { "width": 2 }])), "input.outputs[1].height"),
        (output(json!([{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}])), "input.outputs"),
        (output(json!([])), "input.outputs"),
        (json!({ "elements": [] }), "input.elements"),
        (json!({ "submit": false, "priority": 101 }), "input.priority"),
        (json!({ "submit": false, "metadata": 1 }), "input.metadata"),
        (json!({ "submit": false, "webhookUrl": "https://example.com" }), "input.webhookUrl"),
    ]
}

on_both! {
    async fn errors_name_nothing_of_ours(server: Server) {
        let refused = server.api.send(CREATE, json!({ "input": { "submit": false, "priority": 10_000_000_000i64 } })).await;
        let message = refused["errors"][0]["message"].as_str().unwrap();
        assert!(refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT" && !message.contains("CreateJobInput"), "{message}");
        let inputs: Vec<_> = (0..1_000).map(|_| json!({ "submit": false })).collect();
        let bulk = "mutation($all: [CreateJobInput!]!) { createJobs(inputs: $all) { id elements { id metadata } } }";
        let refused = server.api.refused(bulk, json!({ "all": inputs })).await;
        assert!(refused["code"] == "QUERY_TOO_COMPLEX" && refused["suggestion"].is_string(), "{refused:#}");
    }

    async fn documents_are_kept_as_they_are_or_refused(server: Server) {
        let api = &server.api;
        // What can be written can be read again.
        let metadata = nested(64);
        let id = api.create(json!({ "submit": false, "metadata": metadata })).await;
        let read = "query($id: ID!) { job(id: $id) { metadata } }";
        assert_eq!(api.ask(read, json!({ "id": id })).await["job"]["metadata"], metadata);
        let element = |metadata: Value| json!({ "text": { "text": "x", "length": 1, "metadata": metadata } });
        for (input, path) in [
            (json!({ "submit": false, "metadata": nested(65) }), "input.metadata"),
            (json!({ "submit": false, "elements": [element(nested(65))] }), "input.elements[0].text.metadata"),
        ] {
            assert_eq!(api.refused(CREATE, json!({ "input": input })).await["violations"][0]["path"], path);
        }
        // Deeper than any reader goes, a part of it written out and a part given.
        let written = format!("{}$x{}", "{a:".repeat(48), "}".repeat(48));
        let mutation = format!("mutation($x: JSON) {{ createJob(input: {{ submit: false, metadata: {written} }}) {{ id }} }}");
        let refused = api.refused(&mutation, json!({ "x": nested(90) })).await;
        assert_eq!(refused["violations"][0]["path"], "input.metadata", "{refused:#}");
        // In a template, and by the values of one.
        let create = "mutation($input: TemplateInput!) { createTemplate(input: $input) { id } }";
        let variable = json!([{ "name": "l", "type": "LIST" }]);
        let template = |document: Value| json!({ "input": { "name": "deep", "document": document, "variables": variable } });
        let refused = api.refused(create, template(json!({ "metadata": nested(70) }))).await;
        assert_eq!(refused["violations"][0]["path"], "input.document");
        let document = json!({ "submit": false, "metadata": { "a": "{{l}}" } });
        let made = api.ask(create, template(document)).await["createTemplate"]["id"].take();
        let render = "mutation($id: ID!, $variables: JSON!) { renderTemplate(id: $id, variables: $variables) { id } }";
        let list = (0..80).fold(json!([]), |within, _| json!([within]));
        let refused = api.refused(render, json!({ "id": made, "variables": { "l": list } })).await;
        assert_eq!(refused["violations"][0]["path"], "variables.l");
        // The key by which serde_json reads text as JSON.
        let key = "$serde_json::private::RawValue";
        let refused = api.refused(CREATE, json!({ "input": { "submit": false, "metadata": { "a": { key: "5" } } } })).await;
        assert_eq!(refused["violations"][0]["path"], format!("variables.input.metadata.a.{key}"));
        assert!(api.ask("{ jobs(first: 10) { edges { node { id metadata } } } }", json!({})).await["jobs"]["edges"].is_array());
        // Nothing given and nothing in it are the same request.
        let keyed = |more: Value| {
            let mut input = json!({ "submit": false, "idempotencyKey": "k" });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        assert_eq!(api.create(keyed(json!({}))).await, api.create(keyed(json!({ "metadata": {} }))).await);
    }

    async fn every_breach_names_its_field_and_rule(server: Server) {
        for (input, path) in breaches() {
            let refused = server.api.refused(CREATE, json!({ "input": input })).await;
            let violations = refused["violations"].as_array().unwrap_or_else(|| panic!("{path}: {refused:#}"));
            // That one, and none that only follows from it.
            let is_told = |violation: &Value| violation["path"] == path && violation["message"].is_string();
            assert!(!violations.is_empty() && violations.iter().all(is_told), "{path}: {refused:#}");
            assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].iter().any(|code| refused["code"] == *code), "{path}: {refused:#}");
            assert_eq!(refused["category"], "VALIDATION");
            assert!(refused["correlationId"].is_string());
        }
        assert_eq!(server.api.ask("{ jobs { totalCount } }", json!({})).await["jobs"]["totalCount"], 0);
    }

    async fn a_null_character_is_refused_where_it_is(server: Server) {
        let input = json!({ "submit": false, "metadata": { "a": ["\0"] } });
        let refused = server.api.refused(CREATE, json!({ "input": input })).await;
        assert_eq!(refused["violations"][0]["path"], "variables.input.metadata.a[0]");
        let literal = r#"{ jobs(filter: { name_contains: "\u0000" }) { totalCount } }"#;
        assert_eq!(server.api.refused(literal, json!({})).await["code"], "BAD_USER_INPUT");
    }

    async fn ten_thousand_elements_are_too_many(server: Server) {
        let many: Vec<_> = (0..10_000).map(|_| json!({ "text": { "text": "x" } })).collect();
        let refused = server.api.refused(CREATE, json!({ "input": with(json!(many)) })).await;
        assert_eq!(refused["violations"][0]["path"], "input.elements");
        assert_eq!(refused["violations"][0]["code"], "TOO_MANY");
    }

    async fn numbers_that_are_none_are_refused(server: Server) {
        for number in ["1e400", "-1e400", "NaN", "Infinity"] {
            let body = format!(r#"{{"query":"mutation($input: CreateJobInput!) {{ createJob(input: $input) {{ id }} }}","variables":{{"input":{{"elements":[{{"text":{{"text":"x","start":{number}}}}}]}}}}}}"#);
            let response = server.api.post(&body).await;
            assert_eq!(response.status(), 400, "{number}");
            let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
            let extensions = &answer["errors"][0]["extensions"];
            assert_eq!(extensions["code"], "BAD_USER_INPUT");
            assert_eq!(extensions["violations"][0]["path"], "variables.input.elements[0].text.start", "{number}: {answer:#}");
        }
        let literal = "mutation { createJob(input: { elements: [{ text: { text: \"x\", start: 1e400 } }] }) { id } }";
        assert!(server.api.send(literal, json!({})).await["data"].is_null());
    }

    async fn pages_and_ids_out_of_range_are_refused(server: Server) {
        for (query, path) in [
            ("{ jobs(first: 0) { totalCount } }", "first"),
            ("{ jobs(first: 1000000) { totalCount } }", "first"),
            ("{ jobs(last: -1) { totalCount } }", "last"),
            ("{ jobs(after: \"x\") { totalCount } }", "after"),
            ("{ storageOperations(first: 0) { edges { cursor } } }", "first"),
            ("{ job(id: \"42\") { id } }", "id"),
            ("{ element(id: \"job_0123456789abcdefghijklmno0\") { id } }", "id"),
            ("mutation { cancelJob(id: \"x\") { id } }", "id"),
            ("mutation { createUpload(input: { filename: \"a\", size: 0 }) { asset } }", "input.size"),
            ("mutation { createUpload(input: { filename: \"\", size: 1 }) { asset } }", "input.filename"),
            ("mutation { createUpload(input: { filename: \"a\", size: 1, checksumSha256: \"abc\" }) { asset } }", "input.checksumSha256"),
        ] {
            let refused = server.api.refused(query, json!({})).await;
            assert_eq!((refused["code"].as_str(), refused["violations"][0]["path"].as_str()), (Some("BAD_USER_INPUT"), Some(path)), "{query}: {refused:#}");
        }
        for query in ["{ job(id: \"job_0123456789abcdefghijklmno0\") { id } }", "mutation { deleteJob(id: \"job_0123456789abcdefghijklmno0\") }"] {
            assert_eq!(server.api.refused(query, json!({})).await["code"], "NOT_FOUND", "{query}");
        }
    }
}

/// A web server of sources.
async fn sources() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new()
        .route("/empty.mp4", get(|| async { Vec::<u8>::new() }))
        .route("/gone.mp4", get(|| async { StatusCode::NOT_FOUND }))
        .route("/secret.mp4", get(|| async { Redirect::temporary("http://169.254.169.254/latest/meta-data") }))
        .route("/clip.mp4", get(|| async { std::fs::read(media("sintel.mp4")).unwrap() }));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_sources_fail_their_job_with_a_code_and_the_element() {
    let server = Server::sqlite().await;
    let api = &server.api;
    let web = sources().await;
    let clip = std::fs::read(media("big_buck_bunny.mp4")).unwrap();
    let upload = async |name: &str, bytes: Vec<u8>| json!({ "asset": api.upload(name, "video/mp4", bytes).await });
    let url = |path: &str| json!({ "url": format!("http://{web}/{path}") });
    let never = api.ask("mutation { createUpload(input: { filename: \"a.mp4\", size: 10 }) { asset } }", json!({})).await;
    let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n".to_vec();
    let cases = [
        ("video", json!({ "asset": never["createUpload"]["asset"] }), "SOURCE_UNREACHABLE"),
        ("video", json!({ "object": { "key": "no/such/thing.mp4" } }), "SOURCE_UNREACHABLE"),
        ("video", url("gone.mp4"), "SOURCE_UNREACHABLE"),
        ("video", url("empty.mp4"), "UNSUPPORTED_FORMAT"),
        ("video", url("secret.mp4"), "SOURCE_NOT_ALLOWED"),
        ("video", json!({ "url": "http://10.1.2.3/a.mp4" }), "SOURCE_NOT_ALLOWED"),
        ("video", upload("text.mp4", b"This is only text, whatever its name says.".to_vec()).await, "UNSUPPORTED_FORMAT"),
        ("video", upload("playlist.mp4", playlist).await, "UNSUPPORTED_FORMAT"),
        ("video", upload("head.mp4", clip[..2_000].to_vec()).await, "CORRUPT_MEDIA"),
        ("video", upload("half.mp4", clip[..clip.len() / 2].to_vec()).await, "CORRUPT_MEDIA"),
        ("video", upload("tone.wav", made::tone(1.0, 440.0, 0.5)).await, "UNSUPPORTED_FORMAT"),
        ("audio", upload("logo.png", made::logo(16, 16)).await, "UNSUPPORTED_FORMAT"),
        ("image", upload("clip.png", clip.clone()).await, "UNSUPPORTED_FORMAT"),
        ("image", upload("half.png", made::logo(64, 64)[..200].to_vec()).await, "CORRUPT_MEDIA"),
    ];
    for (kind, source, code) in cases {
        let input = json!({
            "maxAttempts": 1,
            "outputs": { "width": 64, "height": 64, "duration": 9 },
            "elements": [{ "text": { "text": "good" } }, { kind: { "source": source } }],
        });
        let id = api.create(input).await;
        let job = api.finished(&id).await;
        assert_eq!(
            (job["status"].as_str(), job["error"]["code"].as_str()),
            (Some("FAILED"), Some(code)),
            "{kind} {source}: {job:#}"
        );
        assert_eq!(job["error"]["element"]["id"], job["elements"][1]["id"], "{kind} {source}");
        assert_eq!(job["elements"][1]["status"], "FAILED");
    }
    let good = json!({ "maxAttempts": 1, "outputs": { "width": 64, "height": 64 }, "elements": [{ "video": { "source": url("clip.mp4"), "length": 1 } }] });
    let id = api.create(good).await;
    assert_eq!(api.finished(&id).await["status"], "COMPLETED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_takes_only_what_was_announced() {
    let server = Server::sqlite().await;
    let api = &server.api;
    let mutation = "mutation($input: UploadInput!) { createUpload(input: $input) { asset url method headers { name value } } }";
    let promised = async |input: Value| api.ask(mutation, json!({ "input": input })).await["createUpload"].take();
    let short = promised(json!({ "filename": "a", "size": 10 })).await;
    assert!(!api.put(&short, vec![1; 11]).await.status().is_success(), "another size is refused");
    let digest = "0".repeat(64);
    let checked = promised(json!({ "filename": "a", "size": 10, "checksumSha256": digest })).await;
    assert!(!api.put(&checked, vec![1; 10]).await.status().is_success(), "other bytes are refused");
}

/// Objects within each other.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({ "end": 1 }), |within, _| json!({ "a": within }))
}
