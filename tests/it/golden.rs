//! Whole pictures beside those that a person looked at and took for right: `tests/media/golden`. What each feature should look like
//! is computed in [`crate::looks`] and its neighbours; here they are seen together. One that is missing is
//! drawn into the target folder, to be looked at and copied.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    decoded::Picture,
    outputs::made,
    server::Server,
    support::{made as files, media},
};

const WIDTH: usize = 480;
const HEIGHT: usize = 270;
/// Pixels that are compared together, each way.
const TILE: usize = 16;
/// Decibels, in each tile: other versions of the libraries round otherwise, here and there.
const ALIKE: f64 = 32.0;

/// Draws elements as they are after a second, and compares.
async fn check(server: &Server, name: &str, elements: Value) {
    let output = json!({ "format": "PNG", "width": WIDTH, "height": HEIGHT, "frameRate": 24, "background": "#182030",
        "duration": 2, "range": { "start": 1, "length": 0.1 } });
    let (_, path) = made(server, output, elements).await;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/media/golden/{name}.png"));
    if !golden.exists() {
        let drawn = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        std::fs::copy(&path, &drawn).unwrap();
        panic!("there is no {}: look at {}, and copy it there where it is right", golden.display(), drawn.display());
    }
    let [seen, expected] = [path.as_path(), &golden].map(|file| Picture::at(file, 0.0, WIDTH, HEIGHT));
    for (x, y) in (0..HEIGHT).step_by(TILE).flat_map(|y| (0..WIDTH).step_by(TILE).map(move |x| (x, y))) {
        let likeness = tile(&seen, x, y).psnr(&tile(&expected, x, y), 0..TILE);
        assert!(likeness >= ALIKE, "{name} at {x}, {y}: {likeness:.1} dB; {} beside {}", path.display(), golden.display());
    }
}

/// A part of a picture; at its edges, as far as it goes.
fn tile(picture: &Picture, x: usize, y: usize) -> Picture {
    let rows = y..y + TILE;
    let pixel = |x: usize, y: usize| picture.pixel(x.min(picture.width - 1), y.min(picture.height - 1));
    let rgb = rows.flat_map(|y| (x..x + TILE).flat_map(move |x| pixel(x, y))).collect();
    Picture { width: TILE, height: TILE, rgb }
}

/// An element of a kind, its upper left corner at a place.
fn at(kind: &str, x: f64, y: f64, width: f64, height: f64, more: Value) -> Value {
    let mut fields = json!({ "x": x, "y": y, "width": width, "height": height, "anchor": "TOP_LEFT", "length": 2 });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ kind: fields })
}

#[tokio::test(flavor = "multi_thread")]
async fn words() {
    let server = Server::sqlite().await;
    let elements = json!([
        at("shape", 0.0, 0.0, 480.0, 270.0,
            json!({ "shape": "GRADIENT", "gradient": { "from": "#23395b", "to": "#8e4162", "angle": 30 } })),
        at("text", 10.0, 6.0, 300.0, 60.0, json!({ "text": "Headline", "fontSize": 48, "weight": 700, "color": "#ffd166",
            "stroke": { "color": "#1b1b1e", "width": 3 }, "shadow": { "color": "#000000c0", "x": 4, "y": 4, "blur": 3 } })),
        at("text", 320.0, 10.0, 150.0, 50.0,
            json!({ "text": "spaced", "fontSize": 22, "letterSpacing": 6, "italic": true, "align": "RIGHT" })),
        at("text", 10.0, 80.0, 220.0, 90.0, json!({ "text": "A paragraph that goes on for more lines than it may have, and so ends \
            with an ellipsis where the third is full", "fontSize": 18, "align": "LEFT", "verticalAlign": "TOP", "maxLines": 3,
            "background": { "color": "#00000090", "padding": 8, "cornerRadius": 10 } })),
        at("text", 250.0, 80.0, 220.0, 110.0, json!({ "text": "Justified words stand at both edges of their box, save those of the \
            last line.", "fontSize": 17, "align": "JUSTIFY", "lineHeight": 1.5, "verticalAlign": "TOP" })),
        at("text", 30.0, 185.0, 160.0, 40.0, json!({ "text": "turned", "fontSize": 28, "rotation": -8, "opacity": 0.7 })),
        { "subtitles": { "cues": [{ "start": 0, "end": 2, "text": "Two cues that are there" }, { "start": 0.5, "end": 1.5, "text": "at the same time" }],
            "fontSize": 18, "background": { "color": "#000000b0", "padding": 4, "cornerRadius": 4 } } },
    ]);
    check(&server, "words", elements).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shapes() {
    let server = Server::sqlite().await;
    let elements = json!([
        at("shape", 10.0, 10.0, 140.0, 80.0, json!({ "shape": "RECTANGLE", "fill": "#ef476f", "cornerRadius": 20 })),
        at("shape", 170.0, 10.0, 140.0, 80.0,
            json!({ "shape": "ELLIPSE", "fill": "#ffd166", "stroke": { "color": "#ffffff", "width": 6 } })),
        at("shape", 330.0, 10.0, 140.0, 80.0,
            json!({ "shape": "ELLIPSE", "gradient": { "from": "#06d6a0", "to": "#118ab2", "angle": 90 }, "cornerRadius": 10 })),
        at("shape", 40.0, 110.0, 120.0, 60.0, json!({ "shape": "RECTANGLE", "fill": "#118ab2", "rotation": 30, "anchor": "TOP_LEFT" })),
        at("shape", 150.0, 130.0, 120.0, 90.0, json!({ "shape": "RECTANGLE", "fill": "#ef476f", "opacity": 0.5 })),
        at("shape", 200.0, 160.0, 120.0, 90.0, json!({ "shape": "RECTANGLE", "fill": "#06d6a080" })),
        { "composition": { "x": 400, "y": 180, "width": 120, "height": 120, "rotation": 15, "opacity": 0.85, "cornerRadius": 24, "length": 2,
            "effects": [{ "hue": 40 }], "elements": [
                at("shape", 0.0, 0.0, 120.0, 120.0, json!({ "shape": "GRADIENT", "gradient": { "from": "#ff8800", "to": "#8800ff", "angle": 45 } })),
                at("shape", 30.0, 30.0, 60.0, 60.0, json!({ "shape": "ELLIPSE", "fill": "#ffffff" })),
                { "text": { "text": "in", "fontSize": 30, "color": "#000000", "length": 2 } },
            ] } },
    ]);
    check(&server, "shapes", elements).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn effects() {
    let server = Server::sqlite().await;
    let clip = json!({ "asset": server.api.upload_file(&media("big_buck_bunny.mp4"), "video/mp4").await });
    let all = json!([{}, { "blur": 4 }, { "brightness": 1.4 }, { "contrast": 1.6 }, { "saturation": 2 }, { "grayscale": 1 }, { "sepia": 1 },
        { "negate": true }, { "sharpen": 3 }, { "vignette": 0.8 }, { "hue": 120 },
        { "kenBurns": { "fromScale": 1, "toScale": 2, "fromAnchor": "CENTER", "toAnchor": "TOP_LEFT" } }]);
    let mut elements = Vec::new();
    for (number, effect) in all.as_array().unwrap().iter().enumerate() {
        let (x, y) = ((number % 4) as f64 * 120.0, (number / 4) as f64 * 90.0);
        let effects: Vec<_> =
            Some(effect).filter(|effect| effect.as_object().is_some_and(|fields| !fields.is_empty())).into_iter().collect();
        elements.push(at(
            "video",
            x + 2.0,
            y + 2.0,
            116.0,
            86.0,
            json!({ "source": clip, "trimStart": 4, "effects": effects, "muted": true }),
        ));
    }
    check(&server, "effects", json!(elements)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn places() {
    let server = Server::sqlite().await;
    let clip = json!({ "asset": server.api.upload_file(&media("big_buck_bunny.mp4"), "video/mp4").await });
    let logo = json!({ "asset": server.api.upload("logo.png", "image/png", files::logo(320, 160)).await });
    let video = |x: f64, y: f64, width: f64, height: f64, more: Value| {
        let mut fields = json!({ "source": clip, "trimStart": 3, "muted": true });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        at("video", x, y, width, height, fields)
    };
    let elements = json!([
        at(
            "shape",
            0.0,
            0.0,
            480.0,
            270.0,
            json!({ "shape": "GRADIENT", "gradient": { "from": "#204020", "to": "#60a060", "angle": 0 } })
        ),
        video(10.0, 10.0, 90.0, 120.0, json!({ "fit": "COVER" })),
        video(110.0, 10.0, 90.0, 120.0, json!({ "fit": "CONTAIN" })),
        video(210.0, 10.0, 90.0, 120.0, json!({ "fit": "CONTAIN_BLUR" })),
        video(310.0, 10.0, 160.0, 120.0, json!({ "fit": "FILL", "flipX": true, "cornerRadius": 30 })),
        video(
            10.0,
            140.0,
            140.0,
            60.0,
            json!({ "crop": { "left": 0.3, "right": 0.3, "top": 0.2, "bottom": 0.2 }, "fit": "FILL" })
        ),
        video(250.0, 150.0, 120.0, 68.0, json!({ "rotation": 20, "opacity": 0.8 })),
        at("image", 350.0, 150.0, 120.0, 60.0, json!({ "source": logo, "rotation": -10, "flipY": true })),
        at("image", 10.0, 210.0, 140.0, 50.0, json!({ "source": logo, "fit": "CONTAIN", "effects": [{ "blur": 2 }] })),
    ]);
    check(&server, "places", elements).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transitions() {
    const ALL: [&str; 17] = [
        "FADE",
        "DISSOLVE",
        "FADE_BLACK",
        "FADE_WHITE",
        "WIPE_LEFT",
        "WIPE_RIGHT",
        "WIPE_UP",
        "WIPE_DOWN",
        "SLIDE_LEFT",
        "SLIDE_RIGHT",
        "SLIDE_UP",
        "SLIDE_DOWN",
        "CIRCLE_OPEN",
        "CIRCLE_CLOSE",
        "RADIAL",
        "PIXELIZE",
        "ZOOM",
    ];
    let server = Server::sqlite().await;
    let clip = json!({ "asset": server.api.upload_file(&media("big_buck_bunny.mp4"), "video/mp4").await });
    let mut elements = Vec::new();
    for (number, kind) in ALL.iter().enumerate() {
        let (x, y) = ((number % 5) as f64 * 96.0, (number / 5) as f64 * 67.0);
        let one = json!({ "video": { "source": clip, "trimStart": 4, "track": 0, "length": 1.6 } });
        // Four tenths of the way from one to the other.
        let two = json!({ "video": { "source": clip, "trimStart": 5, "track": 0, "length": 1.4, "effects": [{ "negate": true }],
            "transitionIn": { "type": kind, "duration": 1, "easing": "LINEAR" } } });
        elements.push(at("composition", x + 1.0, y + 1.0, 94.0, 65.0, json!({ "elements": [one, two] })));
    }
    check(&server, "transitions", json!(elements)).await;
}
