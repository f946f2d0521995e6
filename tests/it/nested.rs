//! Compositions within others, clips from their end, tables of colours and fonts from files: seen and heard.

use serde_json::{Value, json};

use crate::{
    decoded::{Picture, amplitude, sound},
    looks::{BLACK, RED, picture, video},
    rendering::{clip, render},
    server::Server,
    support::made,
};

const GREEN: [u8; 3] = [0, 128, 0];
const BLUE: [u8; 3] = [0, 0, 255];

fn shape(fill: &str, more: Value) -> Value {
    let mut fields = json!({ "shape": "RECTANGLE", "fill": fill, "length": 2, "track": 0 });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "shape": fields })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composition_is_placed_as_one_and_clear_where_nothing_of_it_lies() {
    let server = Server::sqlite().await;
    let inner = json!([shape("green", json!({ "x": "25%", "width": "50%" }))]);
    let nested = |more: Value| {
        let mut fields = json!({ "elements": inner, "track": 1, "x": "25%", "y": "25%", "width": "50%", "height": "50%" });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([shape("blue", json!({})), { "composition": fields }])
    };
    let plain = picture(&server, nested(json!({})), 0.5).await;
    assert!(plain.is(40, 45, GREEN, 6) && plain.is(120, 45, BLUE, 6) && plain.is(40, 135, BLUE, 6), "{:?}", plain.pixel(40, 45));
    let half = picture(&server, nested(json!({ "opacity": 0.5 })), 0.5).await;
    assert!(half.is(40, 45, [0, 64, 128], 8) && half.is(120, 45, BLUE, 6), "{:?}", half.pixel(40, 45));
    // Larger than the canvas it is cut off there, and a crop shows its part as if it were the whole.
    let larger = picture(&server, nested(json!({ "x": "50%", "y": "50%", "width": "200%", "height": "200%" })), 0.5).await;
    assert!(larger.is(80, 90, GREEN, 6) && larger.is(300, 90, BLUE, 6), "{:?}", larger.pixel(80, 90));
    let cropped = picture(&server, nested(json!({ "crop": { "left": 0.5, "right": 0, "top": 0, "bottom": 0 } })), 0.5).await;
    assert!(cropped.is(40, 45, BLUE, 6) && cropped.is(120, 45, BLUE, 6), "{:?}", cropped.pixel(40, 45));
    let cropped = picture(&server, nested(json!({ "crop": { "left": 0, "right": 0.5, "top": 0, "bottom": 0 } })), 0.5).await;
    assert!(cropped.is(20, 45, GREEN, 6) && cropped.is(140, 45, GREEN, 6), "{:?}", cropped.pixel(140, 45));
    // And what it shows is flipped after that.
    let flipped = json!({ "crop": { "left": 0.25, "right": 0, "top": 0, "bottom": 0 }, "flipX": true });
    let flipped = picture(&server, nested(flipped), 0.5).await;
    assert!(flipped.is(80, 45, BLUE, 6) && flipped.is(140, 45, GREEN, 6), "{:?}", flipped.pixel(80, 45));
    // Turned by half, what was on the left is on the right.
    let turned = picture(&server, nested(json!({ "rotation": 180 })), 0.5).await;
    assert!(turned.is(120, 45, GREEN, 6) && turned.is(40, 45, BLUE, 6), "{:?}", turned.pixel(120, 45));
}

/// All that is said in pixels: places, sizes and their keyframes, corners, outlines, a shadow, a box behind words, a blur.
fn in_pixels(logo: &str, by: f64) -> Value {
    let at = |property: &str, value: f64| json!({ "property": property, "at": 0, "value": value * by });
    json!([
        shape("green", json!({
            "x": 40.0 * by, "y": 45.0 * by, "width": 50.0 * by, "height": 60.0 * by, "cornerRadius": 10.0 * by,
            "stroke": { "color": "red", "width": 4.0 * by },
        })),
        { "text": { "text": "Sharp", "fontSize": 18.0 * by, "letterSpacing": 1.0 * by, "x": 110.0 * by, "y": 30.0 * by,
            "stroke": { "color": "blue", "width": 1.0 * by }, "length": 2, "track": 1,
            "shadow": { "color": "lime", "x": 6.0 * by, "y": 5.0 * by, "blur": 2.0 * by } } },
        { "subtitles": { "cues": [{ "start": 0, "end": 2, "text": "Low" }], "x": 60.0 * by, "y": 75.0 * by, "width": 80.0 * by,
            "height": 25.0 * by, "track": 4, "fontSize": 9.0 * by,
            "background": { "color": "purple", "padding": 3.0 * by, "cornerRadius": 3.0 * by } } },
        { "composition": { "elements": [{ "image": { "source": { "asset": logo }, "fit": "FILL", "cornerRadius": 6.0 * by,
            "length": 2, "keyframes": [at("X", 60.0), at("Y", 14.0), at("WIDTH", 30.0), at("HEIGHT", 20.0)] } }],
            "x": 110.0 * by, "y": 70.0 * by, "width": 90.0 * by, "height": 30.0 * by, "track": 2 } },
        shape("white", json!({ "x": 20.0 * by, "y": 10.0 * by, "width": 20.0 * by, "height": 10.0 * by, "track": 3,
            "effects": [{ "blur": 2.0 * by }] })),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composition_is_composed_as_large_as_it_is_seen() {
    let server = Server::sqlite().await;
    let logo = server.api.upload("logo.png", "image/png", made::logo(60, 40)).await;
    let scale = |value: f64| json!([{ "property": "SCALE", "at": 0, "value": value }]);
    let expected = picture(&server, json!([{ "composition": { "elements": in_pixels(&logo, 2.0) } }]), 0.5).await;
    for (size, by) in [(50, 2.0), (25, 4.0)] {
        let whole = format!("{size}%");
        let scaled = json!([{ "composition": { "elements": in_pixels(&logo, 2.0 / by), "keyframes": scale(by), "width": whole,
            "height": whole } }]);
        let seen = picture(&server, scaled, 0.5).await;
        assert!(seen.psnr(&expected, 0..180) > 38.0, "{by}: {}", seen.psnr(&expected, 0..180));
    }
    // A source in its own size is as large as the rest, and what is shown larger than it is, is told.
    let logo = json!({ "image": { "source": { "asset": logo }, "fit": "NONE", "length": 1 } });
    let own = json!([{ "composition": { "elements": [logo], "width": "50%", "height": "50%", "keyframes": scale(2.0) } }]);
    let seen = picture(&server, own.clone(), 0.5).await;
    assert!(seen.pixel(102, 90)[0] > 200 && seen.is(96, 90, BLACK, 6), "{:?} {:?}", seen.pixel(102, 90), seen.pixel(96, 90));
    let told = "query($input: CreateJobInput!) { validateJob(input: $input) { warnings { path code message } } }";
    let told = server.api.ask(told, json!({ "input": video(own) })).await["validateJob"]["warnings"].take();
    let enlarged = told.as_array().unwrap().iter().find(|warning| warning["code"] == "ENLARGED").unwrap();
    assert_eq!(enlarged["path"], "input.elements[0].composition.elements[0]", "{told:#}");
    assert!(enlarged["message"].as_str().unwrap().contains("2.0 times"), "{told:#}");
}

/// Whatever it is, and however large it becomes later: a blur is part of the picture that is moved.
#[tokio::test(flavor = "multi_thread")]
async fn a_blur_is_as_wide_as_at_rest_whatever_comes_later() {
    let server = Server::sqlite().await;
    let logo = server.api.upload("logo.png", "image/png", made::logo(400, 240)).await;
    let keyframe = |at: f64, value: f64| json!({ "property": "SCALE", "at": at, "value": value });
    let blurred = |kind: &str, later: f64| {
        let mut fields = match kind {
            "image" => json!({ "source": { "asset": logo } }),
            "shape" => json!({ "shape": "RECTANGLE", "fill": "white" }),
            _ => json!({ "elements": [shape("white", json!({ "width": "60%", "height": "60%" }))] }),
        };
        let more = json!({ "width": 100, "height": 60, "length": 1, "effects": [{ "blur": 4 }],
            "keyframes": [keyframe(0.0, 1.0), keyframe(0.6, 1.0), keyframe(1.0, later)] });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{ kind: fields }])
    };
    for kind in ["image", "shape", "composition"] {
        let expected = picture(&server, blurred(kind, 1.001), 0.3).await;
        let seen = picture(&server, blurred(kind, 4.0), 0.3).await;
        assert!(seen.psnr(&expected, 0..180) > 40.0, "{kind}: {}", seen.psnr(&expected, 0..180));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_within_keeps_its_own_time() {
    let server = Server::sqlite().await;
    let tone = server.api.upload("tone.wav", "audio/wav", made::tone(1.0, 440.0, 0.5)).await;
    let inner = json!([
        shape("red", json!({ "length": 0.5 })),
        shape("green", json!({ "length": 0.5 })),
        { "audio": { "source": { "asset": tone }, "start": 0.5, "length": 0.5, "track": 1 } },
    ]);
    let elements =
        json!([shape("blue", json!({ "length": 3 })), { "composition": { "elements": inner, "start": 1, "track": 1 } }]);
    let (job, path) = render(&server, video(elements)).await;
    assert_eq!(job["duration"].as_f64(), Some(3.0));
    for (at, colour) in [(0.85, BLUE), (1.25, RED), (1.75, GREEN), (2.25, BLUE)] {
        let seen = Picture::at(&path, at, 320, 180);
        assert!(seen.is(160, 90, colour, 8), "{at}: {:?}", seen.pixel(160, 90));
    }
    let left = sound(&path);
    let heard = |from: f64, to: f64| amplitude(&left[(from * 48_000.0) as usize..(to * 48_000.0) as usize], 440.0);
    assert!(heard(1.55, 1.95) > 0.4 && heard(1.0, 1.45) < 0.01 && heard(2.1, 2.5) < 0.01);
    let query =
        "query($id: ID!) { job(id: $id) { elements { type ... on CompositionElement { elements { id type position } } } } }";
    let found = server.api.ask(query, json!({ "id": job["id"] })).await;
    assert_eq!(found["job"]["elements"][1]["type"], "COMPOSITION");
    assert_eq!(found["job"]["elements"][1]["elements"][2]["type"], "AUDIO");
}

#[tokio::test(flavor = "multi_thread")]
async fn backwards_the_last_picture_comes_first() {
    let server = Server::sqlite().await;
    let source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=3", "-crf", "4", "-pix_fmt", "yuv420p"];
    let asset = clip(&server, "forward.mp4", &source).await;
    let forward = server.folder.path().join("forward.mp4");
    let elements = json!([{ "video": { "source": { "asset": asset }, "reverse": true, "trimStart": 0.5 } }]);
    let (job, path) = render(&server, video(elements)).await;
    assert_eq!(job["result"]["frames"].as_i64(), Some(25));
    for number in [0, 1, 12, 24] {
        let at = |number: i32| f64::from(number) / 10.0 - 0.02;
        let (seen, expected) = (Picture::at(&path, at(number), 320, 180), Picture::at(&forward, at(29 - number), 320, 180));
        assert!(seen.psnr(&expected, 0..180) > 32.0, "picture {number}: {}", seen.psnr(&expected, 0..180));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backwards_past_its_end_the_first_picture_stays() {
    let server = Server::sqlite().await;
    let source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=1", "-crf", "4", "-pix_fmt", "yuv420p"];
    let asset = clip(&server, "short.mp4", &source).await;
    let first = Picture::at(&server.folder.path().join("short.mp4"), 0.0, 320, 180);
    let mut input = video(json!([{ "video": { "source": { "asset": asset }, "reverse": true, "length": 6 } }]));
    // From the middle: who comes only then finds it too.
    input["outputs"][0]["range"] = json!({ "start": 4, "length": 1 });
    let (_, path) = render(&server, input).await;
    assert!(Picture::at(&path, 0.5, 320, 180).psnr(&first, 0..180) > 32.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_changes_the_colours() {
    let server = Server::sqlite().await;
    // Red for blue and blue for red.
    let rows: String = (0..8).map(|i| format!("{} {} {}\n", i >> 2, i >> 1 & 1, i & 1)).collect();
    let table = server.api.upload("swap.cube", "text/plain", format!("LUT_3D_SIZE 2\n{rows}").into_bytes()).await;
    let swapped = json!([shape("#e01040", json!({ "effects": [{ "lut": { "asset": table } }] }))]);
    let seen = picture(&server, swapped, 0.5).await;
    assert!(seen.is(160, 90, [0x40, 0x10, 0xe0], 6), "{:?}", seen.pixel(160, 90));
    let broken = server.api.upload("broken.cube", "text/plain", b"LUT_3D_SIZE 2\n0 0\n".to_vec()).await;
    let id = server.api.create(video(json!([shape("red", json!({ "effects": [{ "lut": { "asset": broken } }] }))]))).await;
    let job = server.api.finished(&id).await;
    assert_eq!(job["error"]["code"], "UNSUPPORTED_FORMAT");
    assert!(job["error"]["message"].as_str().unwrap().contains("line 2"), "{job:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_font_comes_from_a_file_or_by_its_name() {
    let server = Server::sqlite().await;
    let serif = "/usr/share/fonts/truetype/noto/NotoSerif-Regular.ttf";
    let file = server.api.upload_file(std::path::Path::new(serif), "font/ttf").await;
    let words = |font: Value| json!([{ "text": { "text": "Hamburgefonts", "fontSize": 40, "font": font, "length": 1 } }]);
    let by_file = picture(&server, words(json!({ "asset": file })), 0.5).await;
    let by_name = picture(&server, words(json!({ "family": "noto serif" })), 0.5).await;
    let own = picture(&server, words(json!({ "family": "Inter" })), 0.5).await;
    assert!(by_file.psnr(&by_name, 0..180) > 50.0 && by_file.psnr(&own, 0..180) < 30.0);
    assert!(own.brightness() > 2.0 && own.is(0, 0, BLACK, 2));

    let (job, _) = render(&server, video(words(json!({ "family": "Wingdings" })))).await;
    let query = "query($id: ID!) { job(id: $id) { timeline { step details } } }";
    let steps = server.api.ask(query, json!({ "id": job["id"] })).await["job"]["timeline"].take();
    let processing = steps.as_array().unwrap().iter().find(|step| step["step"] == "PROCESSING").unwrap();
    let warning = processing["details"]["warnings"][0]["message"].as_str().unwrap_or_else(|| panic!("{steps:#}"));
    assert!(warning.contains("Wingdings") && warning.contains("Inter"), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_deep_within_others_comes_in_its_own_time() {
    let server = Server::sqlite().await;
    let mut element = json!({ "shape": { "shape": "RECTANGLE", "fill": "#ff0000", "start": 0.04, "length": 0.5 } });
    for _ in 0..4 {
        element = json!({ "composition": { "start": 0.04, "elements": [element] } });
    }
    let output = json!({ "width": 320, "height": 180, "frameRate": 10, "duration": 1, "quality": "LOSSLESS" });
    let (_, path) = render(&server, json!({ "outputs": [output], "elements": [element] })).await;
    let seen: Vec<bool> =
        (0..10).map(|frame| Picture::at(&path, f64::from(frame) / 10.0, 320, 180).pixel(160, 90)[0] > 128).collect();
    let expected: Vec<bool> = (0..10).map(|frame| (2..7).contains(&frame)).collect();
    assert_eq!(seen, expected, "from 0.2 s to 0.7 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_lets_be_seen_as_it_gives_way_is_seen_through_its_composition() {
    let server = Server::sqlite().await;
    let still = server.api.upload("white.png", "image/png", made::plain(320, 180, [255; 4])).await;
    let on = |track: i64| {
        let fade = json!({ "duration": 1.5, "easing": "LINEAR" });
        let blue =
            shape("#0000ff", json!({ "track": track, "width": "50%", "height": "50%", "length": 1.5, "transitionIn": fade }));
        [json!({ "image": { "source": { "asset": still }, "track": track, "length": 2 } }), blue]
    };
    let ground = shape("#ff0000", json!({ "length": 3.5 }));
    let [white, blue] = on(1);
    let flat = picture(&server, json!([ground, white, blue]), 1.9).await;
    let within = json!({ "composition": { "track": 1, "elements": on(0) } });
    let nested = picture(&server, json!([ground, within]), 1.9).await;
    assert!(flat.is(5, 5, [255, 20, 20], 30), "the fade is nearly over: {:?}", flat.pixel(5, 5));
    assert!(nested.psnr(&flat, 0..180) > 40.0, "{:?}, not {:?}", nested.pixel(5, 5), flat.pixel(5, 5));
}
