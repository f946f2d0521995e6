//! What is told beside a job's problems: what is not as its author may have meant it, and the plan.

use serde_json::{Value, json};

use crate::{outlook::VALIDATE, rendering::clip, server::Server, support::made};

#[tokio::test(flavor = "multi_thread")]
async fn glyphs_that_subtitles_miss_are_told() {
    let server = Server::sqlite().await;
    let cues = json!([{ "start": 0, "end": 1, "text": "words" }, { "start": 1, "end": 2, "text": "more \u{10FFFD}\u{10FFFE}" }]);
    let input = json!({ "elements": [{ "shape": { "shape": "RECTANGLE", "fill": "#fff", "length": 2 } }, { "subtitles": { "cues": cues } }] });
    let told = server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"].take();
    let glyphs: Vec<_> = told["warnings"].as_array().unwrap().iter().filter(|found| found["code"] == "MISSING_GLYPH").collect();
    assert_eq!(glyphs.len(), 1, "{told:#}");
    assert_eq!(glyphs[0]["path"], "input.elements[1]");
    let message = glyphs[0]["message"].as_str().unwrap();
    assert!(message.contains("U+10FFFD") && message.contains("U+10FFFE"), "{message}");
    // However many there are, the message stays one that can be read.
    let many: String = (0x10_0000..0x10_0028).filter_map(char::from_u32).collect();
    let input = json!({ "elements": [{ "text": { "text": many, "length": 2 } }] });
    let told = server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"].take();
    let message = told["warnings"][0]["message"].as_str().unwrap();
    assert!(message.ends_with("U+100013 and 20 more") && message.len() < 300, "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_has_warnings_and_the_plan() {
    let server = Server::sqlite().await;
    let source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=4", "-pix_fmt", "yuv420p"];
    let clip = clip(&server, "clip.mp4", &source).await;
    let small = server.api.upload("small.png", "image/png", made::plain(64, 36, [255, 0, 0, 255])).await;
    let input = json!({
        "outputs": [{ "width": 320, "height": 180, "frameRate": 10 }],
        "elements": [
            { "video": { "source": { "asset": clip }, "track": 0 } },
            { "text": { "text": "\u{10FFFD}", "start": 1, "length": 1, "track": 1 } },
            { "image": { "source": { "asset": small }, "start": 3, "length": 1, "track": 2 } },
            { "image": { "source": { "asset": small }, "start": 3, "length": 1, "track": 3, "rotation": 30 } },
        ],
    });
    let told = server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"].take();
    assert_eq!((&told["valid"], &told["plan"]["duration"], &told["plan"]["frames"]), (&json!(true), &json!(4.0), &json!(40)));
    let intervals = &told["plan"]["intervals"];
    let expected = json!([
        { "start": 0.0, "end": 1.0, "way": "PASS", "elements": [0] },
        { "start": 1.0, "end": 2.0, "way": "COMPOSE", "elements": [0, 1] },
        { "start": 2.0, "end": 3.0, "way": "PASS", "elements": [0] },
        { "start": 3.0, "end": 4.0, "way": "COMPOSE", "elements": [2, 3] },
    ]);
    assert_eq!(intervals, &expected, "{intervals:#}");
    let mut warnings: Vec<_> = told["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| (warning["code"].as_str().unwrap(), warning["path"].as_str()))
        .collect();
    warnings.sort_unstable();
    let expected = [
        ("ENLARGED", Some("input.elements[2]")),
        ("ENLARGED", Some("input.elements[3]")),
        ("MISSING_GLYPH", Some("input.elements[1]")),
        ("SILENT", None),
    ];
    assert_eq!(warnings, expected, "{told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transition_without_the_time_for_it_is_warned_of() {
    let server = Server::sqlite().await;
    let shape = |track: i32, length: f64, more: Value| {
        let mut shape = json!({ "shape": "RECTANGLE", "fill": "red", "track": track, "length": length });
        shape.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "shape": shape })
    };
    let lasts = |seconds: f64| json!({ "type": "FADE", "duration": seconds });
    let cues = [0.0, 1.0].map(|start| json!({ "start": start, "end": start + 0.5, "text": "Words" }));
    let input = json!({
        "outputs": [{ "format": "GIF", "width": 64, "height": 36, "frameRate": 10 }],
        "elements": [
            shape(0, 1.0, json!({ "transitionIn": lasts(1.0) })),
            shape(0, 4.0, json!({ "transitionIn": lasts(2.5), "transitionOut": lasts(4.0) })),
            { "composition": { "elements": [shape(0, 2.0, json!({ "transitionOut": lasts(3.0) }))] } },
            { "subtitles": { "cues": cues, "transitionIn": lasts(1.0) } },
        ],
    });
    let told = server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"].take();
    let warnings: Vec<_> = told["warnings"].as_array().unwrap().iter().collect();
    let expected = [
        ("input.elements[1].shape.transitionIn", "1.000 s"),
        ("input.elements[2].composition.elements[0].shape.transitionOut", "2.000 s"),
        ("input.elements[3].subtitles.transitionIn", "0.500 s"),
    ];
    assert_eq!(warnings.len(), expected.len(), "{told:#}");
    for (warning, (path, lasts)) in warnings.iter().zip(expected) {
        assert_eq!((&warning["code"], &warning["path"]), (&json!("TRANSITION_CUT"), &json!(path)));
        assert!(warning["message"].as_str().unwrap().contains(lasts), "{warning}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn elements_of_which_nothing_is_seen_or_heard_are_told() {
    let server = Server::sqlite().await;
    let shape =
        |start: f64, length: f64| json!({ "shape": { "shape": "RECTANGLE", "fill": "red", "start": start, "length": length } });
    let tone = clip(&server, "tone.wav", &["-f", "lavfi", "-i", "sine=duration=2"]).await;
    let audio = |muted: bool| json!({ "audio": { "source": { "asset": tone }, "start": 0, "muted": muted } });
    let late = json!([{ "start": 3, "end": 4, "text": "Words" }]);
    let input = json!({
        "outputs": [{ "width": 64, "height": 36, "frameRate": 10, "duration": 2 }],
        "elements": [
            shape(0.0, 1.0),
            shape(0.5, 0.04),
            { "composition": { "elements": [shape(0.0, 1.0), shape(1.0, 0.04)], "start": 0 } },
            { "subtitles": { "cues": late, "start": 0 } },
            audio(false),
            audio(true),
        ],
    });
    let told = server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"].take();
    let shape = |length: f64| json!({ "shape": { "shape": "RECTANGLE", "fill": "red", "track": 0, "length": length } });
    let outputs = [1.0, 3.0].map(|duration| json!({ "width": 64, "height": 36, "duration": duration }));
    let follow = json!({ "outputs": outputs, "elements": [shape(2.0), shape(1.0), shape(1.0)] });
    let of_two = server.api.ask(VALIDATE, json!({ "input": follow })).await["validateJob"].take();
    let unused: Vec<_> = of_two["warnings"].as_array().unwrap().iter().filter(|found| found["code"] == "UNUSED").collect();
    assert!(unused.len() == 1 && unused[0]["path"] == "input.elements[2]", "what the longer output shows is of use: {of_two:#}");
    let mut paths: Vec<&str> = Vec::new();
    for warning in told["warnings"].as_array().unwrap() {
        assert_eq!(warning["code"], "UNUSED", "{told:#}");
        paths.push(warning["path"].as_str().unwrap());
    }
    paths.sort_unstable();
    let expected = ["input.elements[1]", "input.elements[2].composition.elements[1]", "input.elements[3]", "input.elements[5]"];
    assert_eq!(paths, expected, "{told:#}");
}
