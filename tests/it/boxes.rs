//! Words and shapes in their boxes: as the box grows, as it is turned about, as it is looked at more closely; and how letters stand.

use serde_json::{Value, json};

use crate::{
    decoded::Picture,
    looks::{BLACK, picture},
    server::Server,
};

fn words(more: Value) -> Value {
    let mut fields = json!({ "fontSize": 40, "color": "#ffffff", "length": 2 });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "text": fields })
}

async fn shown(server: &Server, element: Value) -> Picture {
    picture(server, json!([element]), 1.0).await
}

/// Columns in which anything shows, the first and the last.
fn ends(picture: &Picture) -> (usize, usize) {
    let is_seen = |x: &usize| (0..180).any(|y| !picture.is(*x, y, BLACK, 40));
    let columns: Vec<usize> = (0..320).filter(is_seen).collect();
    (*columns.first().expect("something shows"), *columns.last().expect("something shows"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_grows_is_drawn_anew_and_stretches_nothing() {
    let server = Server::sqlite().await;
    let place = json!({ "x": 40, "y": 30, "height": 100, "anchor": "TOP_LEFT", "length": 2 });
    let stroke = json!({ "color": "#ffff00", "width": 8 });
    for (kind, more) in [
        ("shape", json!({ "shape": "RECTANGLE", "fill": "#ff0000", "cornerRadius": 40, "stroke": stroke })),
        ("shape", json!({ "shape": "ELLIPSE", "fill": "#ff0000", "stroke": stroke })),
        ("text", json!({ "text": "Some words that need three lines", "fontSize": 30 })),
    ] {
        let element = |size: Value| {
            let mut fields = place.clone();
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            fields.as_object_mut().unwrap().extend(size.as_object().unwrap().clone());
            json!({ kind: fields })
        };
        let at = |at: f64, value: f64| json!({ "property": "WIDTH", "at": at, "value": value, "easing": "LINEAR" });
        let grows = shown(&server, element(json!({ "width": 80, "keyframes": [at(0.0, 80.0), at(2.0, 280.0)] }))).await;
        let rests = shown(&server, element(json!({ "width": 180 }))).await;
        assert!(grows.psnr(&rests, 0..180) > 45.0, "{more}: {} dB", grows.psnr(&rests, 0..180));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_turned_about_and_looked_at_with_their_box() {
    let server = Server::sqlite().await;
    let text = json!({ "text": "Left", "align": "LEFT", "verticalAlign": "TOP" });
    let closer = json!({ "effects": [{ "kenBurns": { "fromScale": 1.6, "toScale": 1.6 } }] });
    let aside = [json!({ "kenBurns": { "fromScale": 1.6, "toScale": 1.6, "fromAnchor": "LEFT", "toAnchor": "LEFT" } })];
    let both = json!({ "flipX": true, "effects": aside });
    for more in [json!({ "flipX": true }), json!({ "flipY": true }), closer, both] {
        let mut own = text.clone();
        own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut around = json!({ "elements": [words(text.clone())], "length": 2 });
        around.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (own, around) = (shown(&server, words(own)).await, shown(&server, json!({ "composition": around })).await);
        assert!(own.psnr(&around, 0..180) > 28.0, "{more}: {} dB", own.psnr(&around, 0..180));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn space_stands_between_letters_and_nowhere_else() {
    let server = Server::sqlite().await;
    // Each is one letter to its reader, and several glyphs.
    for letter in ["ẹ́", "ที่", "हि", "क्षि"] {
        let near = shown(&server, words(json!({ "text": letter }))).await;
        let far = shown(&server, words(json!({ "text": letter, "letterSpacing": 40 }))).await;
        assert!(far.psnr(&near, 0..180) > 60.0, "{letter}");
    }
    for (align, middle) in [("CENTER", Some(160)), ("RIGHT", None), ("LEFT", None)] {
        let near = ends(&shown(&server, words(json!({ "text": "III", "align": align }))).await);
        let far = ends(&shown(&server, words(json!({ "text": "III", "align": align, "letterSpacing": 40 }))).await);
        assert!((far.1 - far.0).abs_diff(near.1 - near.0 + 80) <= 1, "{align}: {far:?}, not {near:?} and 80 more");
        match middle {
            Some(middle) => assert!((far.0 + far.1).div_ceil(2).abs_diff(middle) <= 1, "{far:?}"),
            None if align == "RIGHT" => assert!(far.1.abs_diff(near.1) <= 1, "{far:?} {near:?}"),
            None => assert_eq!(far.0, near.0),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outline_of_clear_words_is_as_wide_as_that_of_others() {
    let server = Server::sqlite().await;
    let letter = |color: &str| {
        let stroke = json!({ "color": "#ffff00", "width": 6 });
        words(json!({ "text": "I", "fontSize": 150, "weight": 700, "color": color, "stroke": stroke }))
    };
    let (clear, filled) = (shown(&server, letter("transparent")).await, shown(&server, letter("#ff0000")).await);
    assert_eq!(ends(&clear), ends(&filled));
    let row = |picture: &Picture, colour: [u8; 3]| (0..320).filter(|x| picture.is(*x, 90, colour, 70)).count();
    assert!(filled.is(160, 90, [255, 0, 0], 20) && clear.is(160, 90, BLACK, 20), "{:?}", clear.pixel(160, 90));
    assert!(row(&clear, [255, 255, 0]).abs_diff(row(&filled, [255, 255, 0])) <= 2);
    assert!((10..=14).contains(&row(&clear, [255, 255, 0])), "{}", row(&clear, [255, 255, 0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn words_beyond_the_canvas_cast_their_shadow_onto_it() {
    let server = Server::sqlite().await;
    let shadow = json!({ "color": "#ffffff", "x": 320, "y": 0, "blur": 0 });
    let element = words(json!({ "text": "Out", "x": -160, "shadow": shadow }));
    let (first, last) = ends(&shown(&server, element).await);
    assert!((100..160).contains(&first) && (160..220).contains(&last), "{first} {last}");
}
