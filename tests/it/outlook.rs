//! What can be told of a job and its sources without rendering it.

use axum::{Router, routing::get};
use futures_util::FutureExt;
use serde_json::{Value, json};

use reelgraph::app::Duty;

use crate::{
    rendering::clip,
    server::Server,
    support::{made, media},
};

const PROBE: &str = "query($source: MediaSourceInput!) { probe(source: $source) {
    container duration width height frameRate videoCodec audioCodec sampleRate channels } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_tells_what_a_source_holds() {
    let server = Server::sqlite().await;
    let probe = async |asset: &str| server.api.ask(PROBE, json!({ "source": { "asset": asset } })).await["probe"].take();
    let bunny = probe(&server.api.upload_file(&media("big_buck_bunny.mp4"), "video/mp4").await).await;
    assert_eq!((&bunny["width"], &bunny["height"], &bunny["frameRate"]), (&json!(1280), &json!(720), &json!(24.0)), "{bunny:#}");
    assert_eq!(
        (&bunny["videoCodec"], &bunny["audioCodec"], &bunny["sampleRate"]),
        (&json!("h264"), &json!("aac"), &json!(44_100))
    );
    assert!((bunny["duration"].as_f64().unwrap() - 10.0).abs() < 0.2);
    let logo = probe(&server.api.upload("logo.png", "image/png", made::logo(64, 36)).await).await;
    assert_eq!((&logo["width"], &logo["height"], &logo["videoCodec"]), (&json!(64), &json!(36), &Value::Null));

    let nonsense = server.api.upload("a.mp4", "video/mp4", b"nonsense".to_vec()).await;
    let refused = server.api.refused(PROBE, json!({ "source": { "asset": nonsense } })).await;
    assert_eq!(refused["code"], "UNSUPPORTED_FORMAT", "{refused:#}");
    let wide = made::plain(20_000, 1, [0, 0, 0, 255]);
    let refused =
        server.api.refused(PROBE, json!({ "source": { "asset": server.api.upload("wide.png", "image/png", wide).await } })).await;
    assert_eq!(refused["code"], "RESOURCE_LIMIT", "{refused:#}");
    let refused = server.api.refused(PROBE, json!({ "source": { "asset": "ast_0123456789abcdefghijklmno0" } })).await;
    assert_eq!(refused["code"], "SOURCE_UNREACHABLE");
    let refused = server.api.refused(PROBE, json!({ "source": { "url": "file:///etc/passwd" } })).await;
    assert_eq!((&refused["code"], &refused["violations"][0]["path"]), (&json!("BAD_USER_INPUT"), &json!("source.url")));
}

pub const VALIDATE: &str = "query($input: CreateJobInput!) { validateJob(input: $input) {
    valid problems { path code message } warnings { code path message }
    plan { duration frames intervals { start end way elements } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_names_every_problem_and_writes_nothing() {
    let server = Server::sqlite().await;
    let validate = async |input: Value| server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"].take();
    let text = |more: Value| {
        let mut fields = json!({ "text": "a", "length": 1 });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "text": fields })
    };
    let wrong = validate(json!({ "elements": [text(json!({ "opacity": 2 })), text(json!({ "length": -1 }))] })).await;
    let paths: Vec<_> = wrong["problems"].as_array().unwrap().iter().map(|problem| problem["path"].clone()).collect();
    assert_eq!(paths, ["input.elements[0].text.opacity", "input.elements[1].text.length"]);
    assert_eq!((&wrong["valid"], &wrong["plan"]), (&json!(false), &Value::Null));

    let nonsense = server.api.upload("a.mp4", "video/mp4", b"nonsense".to_vec()).await;
    let bad = validate(json!({ "elements": [text(json!({})), { "video": { "source": { "asset": nonsense } } }] })).await;
    assert_eq!(
        (&bad["valid"], &bad["problems"][0]["path"]),
        (&json!(false), &json!("input.elements[1].video.source")),
        "{bad:#}"
    );
    assert_eq!(bad["problems"][0]["code"], "UNSUPPORTED_FORMAT");
    assert_eq!(server.api.ask("{ jobs { totalCount } }", json!({})).await["jobs"]["totalCount"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_with_sources_is_told_at_once_and_where() {
    let server = Server::sqlite().await;
    let problems = async |input: Value| {
        let told = server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"].take();
        let all = told["problems"].as_array().unwrap().iter();
        all.map(|problem| format!("{} {}", problem["path"].as_str().unwrap(), problem["code"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let nonsense = json!({ "asset": server.api.upload("a.bin", "application/octet-stream", b"nonsense".to_vec()).await });
    let logo = made::logo(64, 36);
    let cut = json!({ "asset": server.api.upload("cut.png", "image/png", logo[..logo.len() - 20].to_vec()).await });
    let source = ["-f", "lavfi", "-i", "sine=duration=2"];
    let tone = json!({ "asset": clip(&server, "tone.wav", &source).await });
    let text = |more: Value| {
        let mut fields = json!({ "text": "a", "length": 1 });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "text": fields })
    };
    let elements = json!([
        { "image": { "source": { "object": { "key": "is/not.png" } }, "length": 1 } },
        { "image": { "source": cut, "length": 1 } },
        text(json!({ "font": { "asset": nonsense["asset"] } })),
        text(json!({ "effects": [{ "blur": 1 }, { "lut": nonsense }] })),
        { "video": { "source": { "url": "http://127.0.0.1:1/a.mp4" } } },
        { "composition": { "length": 1, "elements": [text(json!({})), { "audio": { "source": nonsense } }] } },
        text(json!({})),
    ]);
    let found = problems(json!({ "elements": elements })).await;
    let expected = [
        "input.elements[0].image.source SOURCE_UNREACHABLE",
        "input.elements[1].image.source CORRUPT_MEDIA",
        "input.elements[2].text.font UNSUPPORTED_FORMAT",
        "input.elements[3].text.effects[1].lut UNSUPPORTED_FORMAT",
        "input.elements[4].video.source SOURCE_UNREACHABLE",
        "input.elements[5].composition.elements[1].audio.source UNSUPPORTED_FORMAT",
    ];
    assert_eq!(found, expected);
    let late = |more: Value| json!({ "elements": [{ "audio": { "source": tone, "trimStart": 5 } }, text(more)] });
    assert_eq!(problems(late(json!({}))).await, ["input.elements[0].audio.trimStart BAD_USER_INPUT"]);
    let plan = json!({
        "elements": [text(json!({}))],
        "outputs": [{ "range": { "start": 2, "length": 1 } }, { "format": "MP3" }, {}, { "format": "PNG", "range": { "start": 9, "length": 1 } }],
    });
    let expected = ["input.outputs[0].range.start", "input.outputs[1].format", "input.outputs[3].range.start"]
        .map(|path| format!("{path} BAD_USER_INPUT"));
    assert_eq!(problems(plan).await, expected);
    let rules = json!({
        "elements": [text(json!({ "keyframes": [{ "property": "VOLUME", "at": 0, "value": 1 }] })),
            { "audio": { "source": tone, "keyframes": [{ "property": "X", "at": 0, "value": 1 }] } }],
        "outputs": [{ "format": "GIF", "videoCodec": "H264", "frameRate": 10 }, { "crf": -1 }],
    });
    let found = problems(rules).await;
    let expected = [
        "input.outputs[0].videoCodec INCONSISTENT",
        "input.outputs[1].crf OUT_OF_RANGE",
        "input.elements[0].text.keyframes[0].property INCONSISTENT",
        "input.elements[1].audio.keyframes[0].property INCONSISTENT",
    ];
    assert_eq!(found, expected);
    let cut = json!({ "elements": [text(json!({ "crop": { "left": 0.5 } }))] });
    assert_eq!(problems(cut).await, ["input.elements[0].text.crop INCONSISTENT"]);
    let many: Vec<Value> = (0..501).map(|_| text(json!({}))).collect();
    assert_eq!(problems(json!({ "elements": many })).await, ["input.elements TOO_MANY"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_and_words_are_looked_into_beside_elements_that_break_rules() {
    let server = Server::sqlite().await;
    let nonsense = server.api.upload("a.mp4", "video/mp4", b"nonsense".to_vec()).await;
    let words = |more: Value| {
        let mut text = json!({ "text": "\u{378}", "length": 1 });
        text.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "text": text })
    };
    let elements = json!([
        words(json!({ "fontSize": -1 })),
        words(json!({})),
        { "video": { "source": { "asset": nonsense } } },
    ]);
    let input = json!({ "elements": elements, "priority": 1_000 });
    let told = server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"].take();
    let named = |list: &str| {
        let named = |one: &Value| format!("{} {}", one["path"].as_str().unwrap_or("-"), one["code"].as_str().unwrap());
        told[list].as_array().unwrap().iter().map(named).collect::<Vec<_>>()
    };
    let expected = [
        "input.priority OUT_OF_RANGE",
        "input.elements[0].text.fontSize OUT_OF_RANGE",
        "input.elements[2].video.source UNSUPPORTED_FORMAT",
    ];
    assert_eq!(
        (named("problems"), named("warnings")),
        (expected.map(str::to_owned).to_vec(), vec!["input.elements[1] MISSING_GLYPH".to_owned()])
    );
    assert_eq!((&told["valid"], &told["plan"]), (&json!(false), &Value::Null));
    // Where not all of them were looked at by the rules none is looked into.
    let many = |count: usize, more: Value| (0..count).map(|_| words(more.clone())).collect::<Vec<Value>>();
    let too_many = json!([{ "composition": { "length": 1, "elements": many(501, json!({})) } }]);
    let broken = many(150, json!({ "fontSize": -1 }));
    for (elements, count) in [(too_many, 1), (json!(broken), 100)] {
        let told = server.api.ask(VALIDATE, json!({ "input": { "elements": elements } })).await["validateJob"].take();
        let lists = ["problems", "warnings"].map(|list| told[list].as_array().unwrap().len());
        assert_eq!((lists, &told["valid"]), ([count, 0], &json!(false)), "{told:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_told_beside_sources_that_do_not_answer() {
    let server = Server::sqlite().await;
    // Connections are taken, and nobody ever says anything.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let silent = |index: i32| json!({ "video": { "source": { "url": format!("http://{address}/{index}") }, "track": index } });
    let mut elements: Vec<Value> = (0..20).map(silent).collect();
    let missing = json!({ "source": { "asset": "ast_0123456789abcdefghijklmno0" }, "length": 1 });
    let nonsense = server.api.upload("a.mp4", "video/mp4", b"nonsense".to_vec()).await;
    let words = json!({ "text": { "text": "\u{10FFFD}", "length": 1 } });
    elements.extend([
        json!({ "image": missing }),
        json!({ "image": missing }),
        json!({ "audio": { "source": { "url": "http://127.0.0.1:1/refused.mp3" } } }),
    ]);
    // What is beside them in a composition is looked into as well.
    let broken = json!({ "audio": { "source": { "asset": nonsense } } });
    elements.push(json!({ "composition": { "length": 1, "elements": [silent(30), words, broken] } }));
    let ask = async |elements: &[Value]| {
        let told = server.api.ask(VALIDATE, json!({ "input": { "elements": elements } })).await["validateJob"].take();
        let named = |list: &str, field: &str| {
            let named = |one: &Value| format!("{} {}", one["path"].as_str().unwrap_or("-"), one[field].as_str().unwrap());
            told[list].as_array().unwrap().iter().map(named).collect::<Vec<_>>()
        };
        (told["valid"].as_bool().unwrap(), named("problems", "code"), named("warnings", "code"))
    };
    let (valid, problems, warnings) = ask(&elements).await;
    let expected = [
        "input.elements[20].image.source SOURCE_UNREACHABLE",
        "input.elements[21].image.source SOURCE_UNREACHABLE",
        "input.elements[22].audio.source SOURCE_UNREACHABLE",
        "input.elements[23].composition.elements[2].audio.source UNSUPPORTED_FORMAT",
    ];
    assert_eq!((valid, problems), (false, expected.map(str::to_owned).to_vec()));
    let mut unseen: Vec<String> = (0..20).map(|index| format!("input.elements[{index}].video.source NOT_INSPECTED")).collect();
    unseen.push("input.elements[23].composition.elements[0].video.source NOT_INSPECTED".into());
    unseen.push("input.elements[23].composition.elements[1] MISSING_GLYPH".into());
    assert_eq!(warnings, unseen);
    let within = json!({ "composition": { "length": 1, "elements": [silent(30), words] } });
    let (valid, problems, warnings) = ask(&[within]).await;
    assert_eq!((valid, problems), (true, Vec::new()));
    let expected = ["elements[0].video.source NOT_INSPECTED", "elements[1] MISSING_GLYPH"];
    assert_eq!(warnings, expected.map(|told| format!("input.elements[0].composition.{told}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_not_there_in_time_is_named() {
    let server = Server::sqlite().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let source = json!({ "url": format!("http://{}/a.mp4", silent.local_addr().unwrap()) });
    let refused = server.api.refused(PROBE, json!({ "source": source })).await;
    assert_eq!(refused["code"], "SOURCE_UNREACHABLE", "{refused:#}");
    let good = server.api.upload("logo.png", "image/png", made::logo(64, 36)).await;
    let elements = json!([{ "image": { "source": { "asset": good }, "length": 1 } }, { "video": { "source": source } }]);
    let id = server.api.create(json!({ "elements": elements })).await;
    let query = "query($id: ID!) { job(id: $id) { frame(at: 0) { url } } }";
    let answer = server.api.send(query, json!({ "id": id })).await;
    let (error, message) = (&answer["errors"][0], "elements[1].video.source: the source was not here in time");
    assert_eq!((&error["extensions"]["code"], &error["message"]), (&json!("SOURCE_UNREACHABLE"), &json!(message)), "{answer:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_have_a_room_together_wherever_they_lie() {
    let server = Server::with(&[("REELGRAPH_SOURCE_MB", "1")], Duty::Everything).await;
    let web = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = web.local_addr().unwrap();
    // Of 600 kB.
    let sound = |pitch: f64| made::wav(3.2, |at| ((at * pitch).sin() * 0.1, 0.0));
    let routes = Router::new().route("/a.wav", get(move || async move { sound(900.0) }));
    tokio::spawn(async move { axum::serve(web, routes).await });
    let uploaded = server.api.upload("b.wav", "audio/wav", sound(2_000.0)).await;
    let audio = |source: Value| json!({ "audio": { "source": source } });
    let one = audio(json!({ "url": format!("http://{address}/a.wav") }));
    let two = json!([one, audio(json!({ "asset": uploaded }))]);
    let told = server.api.ask(VALIDATE, json!({ "input": { "elements": two } })).await["validateJob"].take();
    let problems = told["problems"].as_array().unwrap();
    let message = problems[0]["message"].as_str().unwrap();
    assert_eq!((problems.len(), &problems[0]["code"]), (1, &json!("RESOURCE_LIMIT")), "{told:#}");
    assert!(message.contains("1048576 bytes together"), "{message}");
    // Each by itself has room.
    let id = server.api.create(json!({ "elements": [one], "outputs": [{ "format": "WAV" }] })).await;
    assert_eq!(server.api.finished(&id).await["status"], "COMPLETED");
    let id = server.api.create(json!({ "elements": two, "outputs": [{ "format": "WAV" }] })).await;
    assert_eq!(server.api.finished(&id).await["status"], "FAILED");
    let error = server.api.ask("query($id: ID!) { job(id: $id) { error { code } } }", json!({ "id": id })).await;
    assert_eq!(error["job"]["error"]["code"], "RESOURCE_LIMIT");
}

/// Whether many sources are of one of them, or each is of its own; and where the others are slow to answer at first.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_do_not_answer_keep_no_other_waiting() {
    let server = Server::sqlite().await;
    let listeners: Vec<std::net::TcpListener> = (0..100).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let good = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = good.local_addr().unwrap();
    let (answers_at, _) = tokio::sync::watch::channel(tokio::time::Instant::now());
    let at = answers_at.clone();
    let nonsense = move || {
        let answers_at = *at.borrow();
        tokio::time::sleep_until(answers_at).map(|()| "nonsense")
    };
    let routes = Router::new().route("/{name}", get(nonsense));
    tokio::spawn(async move { axum::serve(good, routes).await });
    let audio = |address: std::net::SocketAddr, name: usize| json!({ "audio": { "source": { "url": format!("http://{address}/{name}") } } });
    let silent = |host: usize, name: usize| audio(listeners[host].local_addr().unwrap(), name);
    for (hosts, of_each, answers_after) in [(1, 40, 0), (100, 4, 0), (100, 4, 1200)] {
        let slow = (0..hosts).flat_map(|host| (0..of_each).map(move |name| (host, name))).map(|(host, name)| silent(host, name));
        let mut elements: Vec<Value> = slow.collect();
        // In the middle: whether they are asked for from the first on or from the last, too many of the others are before them.
        let middle = elements.len() / 2;
        elements.splice(middle..middle, (0..40).map(|name| audio(address, name)));
        answers_at.send_replace(tokio::time::Instant::now() + std::time::Duration::from_millis(answers_after));
        let told = server.api.ask(VALIDATE, json!({ "input": { "elements": elements } })).await["validateJob"].take();
        let codes = |list: &str| {
            let all = told[list].as_array().unwrap().iter();
            all.map(|one| one["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(codes("problems"), vec!["UNSUPPORTED_FORMAT"; 40], "{told:#}");
        assert_eq!(codes("warnings"), vec!["NOT_INSPECTED"; hosts * of_each]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_silent_hides_no_other_of_its_host() {
    let server = Server::sqlite().await;
    let web = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = web.local_addr().unwrap();
    let routes =
        Router::new().route("/silent", get(std::future::pending::<&str>)).route("/nonsense", get(|| async { "nonsense" }));
    tokio::spawn(async move { axum::serve(web, routes).await });
    let video = |name: &str| json!({ "video": { "source": { "url": format!("http://{address}/{name}") }, "length": 1 } });
    let elements = json!([video("silent"), video("nonsense")]);
    let told = server.api.ask(VALIDATE, json!({ "input": { "elements": elements } })).await["validateJob"].take();
    let path = |list: &str| told[list][0]["path"].as_str().unwrap_or_default().to_owned();
    let expected = ["input.elements[1].video.source", "input.elements[0].video.source"];
    assert_eq!([path("problems"), path("warnings")], expected, "{told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_job_tells_the_field_that_is_to_blame() {
    let server = Server::sqlite().await;
    let nonsense = server.api.upload("a.mp4", "video/mp4", b"nonsense".to_vec()).await;
    let video = json!({ "video": { "source": { "asset": nonsense } } });
    let id = server.api.create(json!({ "elements": [video], "maxAttempts": 1 })).await;
    server.api.finished(&id).await;
    let query = "query($id: ID!) { job(id: $id) { error { code path element { id } } } }";
    let error = server.api.ask(query, json!({ "id": id })).await["job"]["error"].take();
    assert_eq!((&error["code"], &error["path"]), (&json!("UNSUPPORTED_FORMAT"), &json!("video.source")), "{error:#}");
    assert!(error["element"]["id"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_is_drawn_without_the_rest_and_only_once() {
    let server = Server::sqlite().await;
    let shape = |start: f64, fill: &str| json!({ "shape": { "shape": "RECTANGLE", "fill": fill, "start": start, "length": 1 } });
    let outputs = json!([{ "width": 320, "height": 180, "frameRate": 10 }]);
    let draft = json!({ "submit": false, "outputs": outputs, "elements": [shape(0.0, "red"), shape(1.0, "blue")] });
    let id = server.api.create(draft).await;
    let query =
        "query($id: ID!, $at: Float!, $width: Int) { job(id: $id) { frame(at: $at, width: $width) { url width height at } } }";
    let frame = async |at: f64, width: Option<i32>| {
        server.api.ask(query, json!({ "id": id, "at": at, "width": width })).await["job"]["frame"].take()
    };
    for (at, colour) in [(0.5, [255, 0, 0]), (1.5, [0, 0, 255])] {
        let still = frame(at, Some(160)).await;
        assert_eq!((&still["width"], &still["height"], &still["at"]), (&json!(160), &json!(90), &json!(at)));
        let bytes = server.api.download(still["url"].as_str().unwrap()).await;
        let seen = image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).expect("a JPEG").into_rgb8();
        assert_eq!(seen.dimensions(), (160, 90));
        assert!(
            seen.get_pixel(80, 45).0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 8),
            "{:?} at {at}",
            seen.get_pixel(80, 45)
        );
    }
    let late = server.api.refused(query, json!({ "id": id, "at": 100.0, "width": null })).await;
    assert_eq!((&late["code"], &late["violations"][0]["path"]), (&json!("BAD_USER_INPUT"), &json!("at")), "{late:#}");
    let key = |still: &Value| still["url"].as_str().unwrap().split('?').next().unwrap().to_owned();
    assert_eq!(key(&frame(0.5, None).await), key(&frame(0.5, None).await));
    let stored = "query($id: ID!) { storageOperations(filter: { jobId: $id, operation: [UPLOAD] }) { edges { node { key } } } }";
    let uploads = crate::server::until("three uploads", async || {
        let found = server.api.ask(stored, json!({ "id": id })).await["storageOperations"]["edges"].take();
        Some(found.as_array().unwrap().len()).filter(|count| *count >= 3)
    })
    .await;
    assert_eq!(uploads, 3, "two at 160 pixels, one at its own size");

    // The last frame lasts to the end.
    assert_eq!(frame(1.999, None).await["at"], json!(1.9));
    let bytes = server.api.download(frame(1.9999, None).await["url"].as_str().unwrap()).await;
    let seen = image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).expect("a JPEG").into_rgb8();
    assert!(seen.get_pixel(80, 45).0[2] > 240, "blue is the last: {:?}", seen.get_pixel(80, 45));
    let refused = server.api.refused(query, json!({ "id": id, "at": 5.0 })).await;
    assert_eq!(refused["code"], "BAD_USER_INPUT", "{refused:#}");
    let refused = server.api.refused(query, json!({ "id": id, "at": -1.0 })).await;
    assert_eq!(refused["violations"][0]["path"], "at");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_longer_output_shows_is_of_the_composition_though_the_first_is_shorter() {
    let server = Server::sqlite().await;
    let output = |duration: Value| json!({ "width": 64, "height": 64, "frameRate": 10, "duration": duration });
    let outputs = json!([output(json!(1)), output(json!(3)), output(json!(2))]);
    let blue = json!({ "shape": { "shape": "RECTANGLE", "fill": "blue", "start": 1, "length": 2 } });
    let input = json!({ "outputs": outputs, "elements": [blue], "maxAttempts": 1 });
    let validate = "query($input: CreateJobInput!) { validateJob(input: $input) { valid plan { duration frames } } }";
    let told = server.api.ask(validate, json!({ "input": input })).await["validateJob"].take();
    assert_eq!(told, json!({ "valid": true, "plan": { "duration": 3.0, "frames": 10 } }));
    let id = server.api.create(input).await;
    assert_eq!(server.api.finished(&id).await["status"], "COMPLETED");
    let query = "query($id: ID!, $at: Float!) { job(id: $id) { duration frame(at: $at) { url } } }";
    let job = server.api.ask(query, json!({ "id": id, "at": 2.5 })).await["job"].take();
    assert_eq!(job["duration"], json!(3.0));
    let bytes = server.api.download(job["frame"]["url"].as_str().unwrap()).await;
    let seen = image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).expect("a JPEG").into_rgb8();
    assert!(seen.get_pixel(32, 32).0[2] > 240, "{:?}", seen.get_pixel(32, 32));
    let refused = server.api.refused(query, json!({ "id": id, "at": 3.0 })).await;
    assert_eq!(refused["violations"][0]["path"], "at", "{refused:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_or_played_is_told_before_it_is_rendered() {
    let server = Server::sqlite().await;
    let validate = async |elements: Value| {
        let told = server.api.ask(VALIDATE, json!({ "input": { "elements": elements } })).await["validateJob"].take();
        let problem = |problem: &Value| problem["path"].as_str().unwrap().trim_start_matches("input.elements").to_owned();
        (told["problems"].as_array().unwrap().iter().map(problem).collect::<Vec<_>>(), told)
    };
    let picture = ["-f", "lavfi", "-i", "testsrc=s=64x36:r=10:d=1"];
    let sound = ["-f", "lavfi", "-i", "sine=d=1"];
    let odd = clip(&server, "odd.mov", &[&picture[..], &["-c:v", "qtrle"]].concat()).await;
    let loud = clip(&server, "loud.mkv", &[&picture[..], &sound[..], &["-c:v", "libx264", "-c:a", "wmav2"]].concat()).await;
    let video = |asset: &str, more: Value| {
        let mut fields = json!({ "source": { "asset": asset }, "length": 1 });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "video": fields })
    };
    let (paths, told) =
        validate(json!([video(&odd, json!({})), video(&loud, json!({})), video(&loud, json!({ "muted": true }))])).await;
    assert_eq!(paths, ["[0].video.source", "[1].video.source"], "{told:#}");
    let late = video(&loud, json!({ "muted": true, "trimStart": 19 }));
    let short = video(&loud, json!({ "muted": true, "trimStart": 1.02, "loop": true }));
    let within = json!({ "composition": { "elements": [late, video(&odd, json!({}))] } });
    let (paths, told) = validate(json!([late, short, within, video(&odd, json!({}))])).await;
    let inner =
        ["trimStart", "source"].iter().zip(0..).map(|(field, at)| format!("[2].composition.elements[{at}].video.{field}"));
    let expected: Vec<String> = ["[0].video.trimStart", "[1].video.loop"]
        .map(String::from)
        .into_iter()
        .chain(inner)
        .chain(["[3].video.source".into()])
        .collect();
    assert_eq!(paths, expected, "{told:#}");
    // What no output shows, or lets hear, need not be decoded.
    let for_ = async |format: &str, asset: &str| {
        let output = json!({ "format": format, "width": 64, "height": 36, "frameRate": 10 });
        let output = if format == "WAV" { json!({ "format": format }) } else { output };
        let input = json!({ "elements": [video(asset, json!({}))], "outputs": [output] });
        server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"]["valid"].take()
    };
    assert_eq!([for_("GIF", &loud).await, for_("PNG", &loud).await, for_("MP4", &loud).await], [true, true, false]);
    assert_eq!([for_("GIF", &odd).await, for_("WAV", &loud).await], [false, false]);
    let drawn = [&picture[..], &sound[..], &["-c:v", "qtrle", "-c:a", "pcm_s16le"]].concat();
    let drawn = clip(&server, "drawn.mov", &drawn).await;
    assert_eq!([for_("WAV", &drawn).await, for_("MP4", &drawn).await], [true, false]);
}
