//! What rests lies where it says, whatever of it is seen: as a larger canvas would show it, as it is where it moves, and as FFmpeg's own
//! crop has it.

use serde_json::{Value, json};

use crate::{
    decoded::{Picture, ffmpeg},
    looks::picture,
    rendering::{clip, render},
    server::Server,
    support::made,
};

const DETAILED: &str = "mandelbrot=size=320x180:rate=10:start_scale=1.5";
const GREY: &str = "mandelbrot=size=320x180:rate=10:start_scale=1.5,format=gray";
/// Each pixel is unlike its neighbours.
const FINE: &str = "nullsrc=size=320x180:rate=10,format=gray,geq=lum=mod(X*37+Y*61\\,256)";

async fn shown(server: &Server, element: Value) -> Picture {
    picture(server, json!([element]), 1.0).await
}

/// An element's first picture on a canvas of some size, as it was composed.
async fn on_canvas(server: &Server, element: &Value, (width, height): (usize, usize)) -> Picture {
    let output = json!({ "width": width, "height": height, "frameRate": 10, "quality": "LOSSLESS", "duration": 0.2 });
    drawn(server, std::slice::from_ref(element), output).await
}

/// The first picture of a composition.
async fn drawn(server: &Server, elements: &[Value], output: Value) -> Picture {
    let [width, height] = ["width", "height"].map(|edge| output[edge].as_u64().unwrap() as usize);
    let (_, path) = render(server, json!({ "elements": elements, "outputs": [output] })).await;
    Picture::at(&path, 0.0, width, height)
}

/// An element with more fields.
fn with(element: &Value, more: Value) -> Value {
    let mut element = element.clone();
    for fields in element.as_object_mut().unwrap().values_mut() {
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    element
}

/// As it is where it moves, by nothing.
fn moved(element: &Value) -> Value {
    with(element, json!({ "keyframes": [{ "property": "ROTATION", "at": 0, "value": 0 }] }))
}

/// The same clip and still, of a picture full of edges.
async fn detailed(server: &Server, source: &str) -> [Value; 2] {
    let video = clip(server, "detailed.mp4", &["-f", "lavfi", "-i", source, "-t", "1", "-pix_fmt", "yuv420p", "-qp", "0"]).await;
    let still = server.folder.path().join("detailed.png");
    ffmpeg(&["-y", "-f", "lavfi", "-i", source, "-frames:v", "1", &still.to_string_lossy()]);
    let still = server.api.upload_file(&still, "image/png").await;
    [json!({ "video": { "source": { "asset": video } } }), json!({ "image": { "source": { "asset": still } } })]
}

/// 101 by 75 pixels of a picture, as an asset.
async fn odd_still(server: &Server, source: &str) -> String {
    let path = server.folder.path().join("odd.png");
    ffmpeg(&["-y", "-f", "lavfi", "-i", source, "-vf", "crop=101:75", "-frames:v", "1", &path.to_string_lossy()]);
    server.api.upload_file(&path, "image/png").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_canvas_cuts_is_as_a_larger_one_shows_it() {
    let server = Server::sqlite().await;
    let places = [
        json!({ "x": 79, "y": 41, "width": 320, "height": 180, "anchor": "TOP_LEFT", "fit": "NONE" }),
        json!({ "x": -33, "y": 71, "width": 161, "height": 91 }),
        json!({ "x": 100, "y": 90, "width": 1280, "height": 720 }),
        json!({ "x": 7, "y": 175, "width": 320, "height": 240, "crop": { "left": 0.13, "bottom": 0.2 } }),
        json!({ "x": 20, "y": 50, "width": 360, "height": 200, "effects": [{ "vignette": 1 }] }),
        json!({ "x": 301, "y": 90, "width": 240, "height": 135, "effects": [{ "blur": 6 }, { "sharpen": 1 }] }),
        json!({ "x": 160, "y": 90, "width": 1600, "height": 900, "effects": [{ "sharpen": 1 }] }),
    ];
    let clear = ["-f", "lavfi", "-i", DETAILED, "-t", "0.5", "-vf", "format=yuva420p,colorchannelmixer=aa=0.9"];
    let clear = clip(&server, "clear.webm", &[&clear[..], &["-c:v", "libvpx-vp9", "-crf", "20", "-b:v", "0"]].concat()).await;
    let clear = json!({ "video": { "source": { "asset": clear } } });
    for element in detailed(&server, DETAILED).await.into_iter().chain([clear]) {
        for place in &places {
            let element = with(&element, place.clone());
            let at = |axis: &str, by: f64| place[axis].as_f64().unwrap() + by;
            let further = with(&element, json!({ "x": at("x", 640.0), "y": at("y", 360.0) }));
            let seen = on_canvas(&server, &element, (320, 180)).await;
            let whole = on_canvas(&server, &further, (1600, 900)).await.part(640, 360, (320, 180));
            assert!(seen.psnr(&whole, 0..180) > 45.0, "{element}: {} dB", seen.psnr(&whole, 0..180));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crop_begins_at_the_pixel_that_it_says() {
    let server = Server::sqlite().await;
    let file = server.folder.path().join("detailed.mp4");
    let crop = json!({ "left": 79.0 / 320.0, "top": 41.0 / 180.0, "right": 40.0 / 320.0, "bottom": 30.0 / 180.0 });
    let place = json!({ "x": 20, "y": 30, "anchor": "TOP_LEFT", "width": 201, "height": 109, "fit": "NONE", "crop": crop });
    for element in detailed(&server, GREY).await {
        let cut = server.folder.path().join("cut.png");
        let filter = "format=yuv444p,crop=201:109:79:41:exact=1,pad=320:180:20:30";
        ffmpeg(&["-y", "-i", &file.to_string_lossy(), "-vf", filter, "-frames:v", "1", &cut.to_string_lossy()]);
        let expected = Picture::at(&cut, 0.0, 320, 180);
        let element = with(&element, place.clone());
        for element in [element.clone(), moved(&element)] {
            let seen = on_canvas(&server, &element, (320, 180)).await.psnr(&expected, 0..180);
            assert!(seen > 33.0, "{element}: {seen} dB");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_between_pixels_keep_their_size() {
    let server = Server::sqlite().await;
    let white = [
        "-f",
        "lavfi",
        "-i",
        "color=white:s=50x38:r=10:d=1,format=yuv444p,crop=50:37:0:0:exact=1",
        "-c:v",
        "libx264",
        "-qp",
        "0",
    ];
    let asset = clip(&server, "white.mp4", &white).await;
    for (place, expected) in [
        (json!({ "x": 12.5, "y": 12.5, "width": 5, "height": 5, "fit": "FILL", "anchor": "TOP_LEFT" }), (5, 5)),
        (json!({ "fit": "SCALE_DOWN" }), (50, 37)),
        (json!({ "x": 13, "y": 20, "width": 33, "height": 200, "anchor": "TOP_LEFT", "fit": "COVER" }), (33, 160)),
    ] {
        let element = with(&json!({ "video": { "source": { "asset": asset } } }), place);
        let seen = on_canvas(&server, &element, (320, 180)).await;
        let is_white = |x: usize, y: usize| seen.is(x, y, [255; 3], 60);
        let columns = (0..320).filter(|x| (0..180).any(|y| is_white(*x, y))).count();
        let rows = (0..180).filter(|y| (0..320).any(|x| is_white(x, *y))).count();
        assert_eq!((columns, rows), expected, "{element}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_odd_size_stays_sharp_where_it_moves() {
    let server = Server::sqlite().await;
    let asset = odd_still(&server, DETAILED).await;
    let place = json!({ "source": { "asset": asset }, "fit": "NONE", "x": 40, "y": 30, "width": 101, "height": 75 });
    let element = with(&json!({ "image": place }), json!({ "anchor": "TOP_LEFT" }));
    let (rests, moves) = (on_canvas(&server, &element, (320, 180)).await, on_canvas(&server, &moved(&element), (320, 180)).await);
    assert!(rests.psnr(&moves, 0..180) > 45.0, "{} dB", rests.psnr(&moves, 0..180));
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_on_words_and_shapes_are_those_of_all_that_is_drawn() {
    let server = Server::sqlite().await;
    let shadow = json!({ "color": "#00ff00", "x": 30, "y": 10, "blur": 4 });
    let words = json!({ "text": { "text": "Beyond", "fontSize": 120, "color": "#ffffff", "shadow": shadow } });
    let shape = json!({ "shape": { "shape": "RECTANGLE", "fill": "#ffffff", "width": 400, "height": 120 } });
    for element in [words, shape] {
        for effect in [json!({ "vignette": 1 }), json!({ "blur": 12 }), json!({ "sharpen": 1 })] {
            let element = with(&element, json!({ "x": 40, "y": 20, "effects": [effect] }));
            let (rests, moves) =
                (on_canvas(&server, &element, (320, 180)).await, on_canvas(&server, &moved(&element), (320, 180)).await);
            assert!(rests.psnr(&moves, 0..180) > 40.0, "{element}: {} dB", rests.psnr(&moves, 0..180));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_in_a_box_of_odd_size_is_all_there() {
    let server = Server::sqlite().await;
    let ramp = ["-f", "lavfi", "-i", "nullsrc=size=50x50:rate=10:duration=2,geq=lum=16+4*X:cb=128:cr=128", "-crf", "0"];
    let clip = clip(&server, "ramp.mp4", &[&["-y"], &ramp[..]].concat()).await;
    let place =
        json!({ "x": 10, "y": 10, "width": 5, "height": 5, "anchor": "TOP_LEFT", "fit": "FILL", "source": { "asset": clip } });
    let seen = shown(&server, json!({ "video": place })).await;
    for column in 0..5 {
        // The middle of ten columns; 219 steps from black to white.
        let expected = (4.0 * (10.0 * column as f64 + 4.5) / 219.0 * 255.0) as u8;
        assert!(seen.is(10 + column, 12, [expected; 3], 14), "{column}: {:?}, not {expected}", seen.pixel(10 + column, 12));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_of_its_own_size_that_is_seen_from_an_odd_pixel_on_is_shown_pixel_by_pixel() {
    let server = Server::sqlite().await;
    let noise = "nullsrc=s=322x182:r=10:d=2,format=yuv420p,geq=lum='mod(X*37+Y*91,220)+16':cb=128:cr=128";
    let asset = clip(&server, "noise.mp4", &["-f", "lavfi", "-i", noise, "-c:v", "libx264", "-qp", "0"]).await;
    let file = server.folder.path().join("noise.mp4");
    let cut = server.folder.path().join("cut.png");
    let crop = ["-y", "-i", &file.to_string_lossy(), "-vf", "crop=320:180:1:1:exact=1", "-frames:v", "1", &cut.to_string_lossy()];
    ffmpeg(&crop);
    let expected = Picture::at(&cut, 0.0, 320, 180);
    let element = json!({ "video": { "source": { "asset": asset }, "fit": "NONE", "length": 2 } });
    let seen = shown(&server, element).await.psnr(&expected, 0..180);
    assert!(seen > 35.0, "{seen} dB");
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_on_a_clip_are_those_of_the_whole_picture_where_a_part_of_it_is_seen() {
    let server = Server::sqlite().await;
    let halves = "nullsrc=s=320x180:r=10:d=2,format=yuv420p,geq=lum='if(lt(X,160),16,235)':cb=128:cr=128";
    let asset = clip(&server, "halves.mp4", &["-f", "lavfi", "-i", halves, "-c:v", "libx264", "-qp", "0"]).await;
    for effect in [json!({ "vignette": 1 }), json!({ "blur": 20 })] {
        let element = json!({ "video": { "source": { "asset": asset }, "x": 0, "effects": [effect], "length": 2 } });
        let (rests, moves) = (shown(&server, element.clone()).await, shown(&server, moved(&element)).await);
        assert!(rests.psnr(&moves, 0..180) > 40.0, "{effect}: {} dB", rests.psnr(&moves, 0..180));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_too_narrow_to_be_seen_is_over_its_blur_all_the_same() {
    let server = Server::sqlite().await;
    let grey = ["-f", "lavfi", "-i", "color=white:s=320x180:r=10:d=2", "-c:v", "libx264", "-qp", "0"];
    let asset = clip(&server, "white.mp4", &grey).await;
    let place = json!({ "source": { "asset": asset }, "fit": "CONTAIN_BLUR", "width": 2, "height": 100, "x": 101, "length": 2 });
    assert!(shown(&server, json!({ "video": place })).await.is(100, 90, [255; 3], 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composition_of_odd_size_is_shown_pixel_by_pixel() {
    let server = Server::sqlite().await;
    let [video, _] = detailed(&server, DETAILED).await;
    let inner = with(&video, json!({ "fit": "NONE", "x": 0, "y": 0, "width": 95, "height": 65, "anchor": "TOP_LEFT" }));
    let place = json!({ "x": 41, "y": 30, "width": 95, "height": 65, "anchor": "TOP_LEFT" });
    let flat = with(&video, with(&json!({ "": place }), json!({ "fit": "NONE" }))[""].clone());
    let nested = with(&json!({ "composition": { "elements": [inner] } }), place);
    let expected = on_canvas(&server, &flat, (320, 180)).await;
    for element in [nested.clone(), moved(&nested)] {
        let seen = on_canvas(&server, &element, (320, 180)).await.psnr(&expected, 0..180);
        assert!(seen > 35.0, "{element}: {seen} dB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_are_of_the_picture_and_the_box_cuts_them() {
    let server = Server::sqlite().await;
    // White as far as a pixel beside what the box shows.
    let source = "color=black:s=320x180:r=10,drawbox=w=58:c=white:t=fill";
    for element in detailed(&server, source).await {
        let place = json!({ "width": 100, "height": 90, "x": 57, "y": 49, "fit": "COVER", "effects": [{ "blur": 6 }] });
        let element = with(&element, place);
        let rests = on_canvas(&server, &element, (320, 180)).await;
        let moves = on_canvas(&server, &moved(&element), (320, 180)).await;
        for x in [8, 10, 14, 20] {
            let [rests, moves] = [&rests, &moves].map(|picture| picture.pixel(x, 50)[1]);
            assert!(rests.abs_diff(moves) <= 8, "{element} at {x}: {rests}, not {moves}");
        }
        assert!(rests.pixel(8, 50)[1] > 80, "what lies beyond counts: {:?}", rests.pixel(8, 50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_below_stays_as_one_gives_way_to_another() {
    let server = Server::sqlite().await;
    let [_, image] = detailed(&server, DETAILED).await;
    let small = |fill: &str, x: usize, more: Value| {
        let place = json!({ "width": 60, "height": 40, "x": x, "track": 3, "length": 1 });
        with(&with(&json!({ "shape": { "shape": "RECTANGLE", "fill": fill } }), place), more)
    };
    for kind in ["ZOOM", "PIXELIZE"] {
        let comes = json!({ "transitionIn": { "type": kind, "duration": 1, "easing": "LINEAR" } });
        let pair = [small("#ff8000", 60, json!({})), small("#2040ff", 260, comes)];
        let output = json!({ "format": "PNG", "width": 320, "height": 180, "frameRate": 10, "duration": 1,
            "range": { "start": 0.3, "length": 0.1 } });
        let below = with(&image, json!({ "track": 0 }));
        let flat = drawn(&server, &[vec![below.clone()], pair.to_vec()].concat(), output.clone()).await;
        let composed = json!({ "composition": { "elements": pair, "track": 3 } });
        let nested = drawn(&server, &[below, composed], output).await;
        assert!(flat.psnr(&nested, 0..180) > 45.0, "{kind}: {} dB", flat.psnr(&nested, 0..180));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vignette_is_of_what_the_box_shows_where_it_moves_too() {
    let server = Server::sqlite().await;
    let white = odd_still(&server, "color=white:s=320x180").await;
    let image = json!({ "image": { "source": { "asset": white } } });
    let composed = json!({ "composition": { "elements": [image] } });
    for element in [&image, &composed] {
        let place = json!({ "width": 60, "height": 150, "effects": [{ "vignette": 0.7 }] });
        let element = with(element, place);
        let rests = on_canvas(&server, &element, (320, 180)).await;
        let moves = on_canvas(&server, &moved(&element), (320, 180)).await;
        assert!(rests.psnr(&moves, 0..180) > 40.0, "{element}: {} dB", rests.psnr(&moves, 0..180));
        assert!(rests.pixel(132, 18)[0] < 120 && rests.pixel(160, 90)[0] > 240, "dark at the box's corners");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composition_of_odd_size_has_its_last_row_and_column() {
    let server = Server::sqlite().await;
    let shape =
        |fill: &str, place: Value| with(&json!({ "shape": { "shape": "RECTANGLE", "fill": fill, "anchor": "TOP_LEFT" } }), place);
    for (x, y, width, height) in [(20, 20, 101, 81), (31, 25, 67, 80), (40, 31, 33, 9)] {
        let bar = json!({ "x": "100%", "anchor": "TOP_RIGHT", "y": 0, "width": 1 });
        let within = [
            shape("#804020", json!({ "x": 0, "y": 0 })),
            shape("#ffffff", bar),
            shape("#00ff00", json!({ "x": 0, "y": "100%", "anchor": "BOTTOM_LEFT", "height": 1 })),
        ];
        let place = json!({ "x": x, "y": y, "width": width, "height": height });
        let flat = [
            shape("#804020", place.clone()),
            shape("#ffffff", json!({ "x": x + width - 1, "y": y, "width": 1, "height": height })),
            shape("#00ff00", json!({ "x": x, "y": y + height - 1, "width": width, "height": 1 })),
        ];
        let nested = with(&json!({ "composition": { "elements": within, "anchor": "TOP_LEFT" } }), place);
        // Each pixel has its own colour, or four share it: those of what is nested are not those of the canvas at odd places.
        for format in ["PNG", "MP4"].into_iter().filter(|format| *format == "PNG" || (x, y) == (20, 20)) {
            let output = json!({ "format": format, "width": 320, "height": 180, "duration": 0.2, "quality": "LOSSLESS" });
            let expected = drawn(&server, &flat, output.clone()).await;
            for element in [nested.clone(), moved(&nested)] {
                let seen = drawn(&server, std::slice::from_ref(&element), output.clone()).await;
                let most = seen.rgb.iter().zip(&expected.rgb).map(|(one, other)| one.abs_diff(*other)).max().unwrap();
                assert!(most <= 8, "{format}, {element}: {most}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beyond_an_odd_composition_leaves_no_colour_in_it() {
    let server = Server::sqlite().await;
    let shape = |fill: &str, more: Value| {
        with(&json!({ "shape": { "shape": "RECTANGLE", "fill": fill, "anchor": "TOP_LEFT", "x": 0, "y": 0 } }), more)
    };
    let beyond = json!({ "keyframes": [{ "property": "X", "at": 0, "value": 101 }] });
    for (below, expected) in [(json!({}), [192u8; 3]), (json!({ "opacity": 0.5 }), [160; 3])] {
        let within = [shape("#c0c0c0", below), shape("#0000ff", beyond.clone())];
        let place = json!({ "x": 20, "y": 20, "width": 101, "height": 81, "anchor": "TOP_LEFT", "elements": within });
        let ground = json!({ "shape": { "shape": "RECTANGLE", "fill": "#808080" } });
        let output = json!({ "width": 320, "height": 180, "frameRate": 10, "quality": "LOSSLESS", "duration": 0.2 });
        let seen = drawn(&server, &[ground, json!({ "composition": place })], output).await;
        for (x, colour) in [(119, expected), (120, expected), (121, [128; 3])] {
            assert!(seen.is(x, 60, colour, 4), "{x}: {:?}, not {colour:?}", seen.pixel(x, 60));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transitions_of_what_is_half_off_the_canvas_are_those_of_all_of_it() {
    let server = Server::sqlite().await;
    let [_, image] = detailed(&server, DETAILED).await;
    let place = json!({ "width": 200, "height": 100, "track": 0, "length": 1 });
    let image = with(&image, place.clone());
    let text =
        json!({ "text": { "text": "████████████", "fontSize": 30, "maxLines": 1, "width": 400, "track": 0, "length": 1 } });
    let shape = |fill: &str| with(&json!({ "shape": { "shape": "ELLIPSE", "fill": fill } }), place.clone());
    let own_x = |element: &Value| {
        element
            .as_object()
            .into_iter()
            .flat_map(|element| element.values())
            .find_map(|fields| fields["x"].as_f64())
            .unwrap_or(0.0)
    };
    for (kind, elements) in [
        ("WIPE_RIGHT", vec![text.clone()]),
        ("CIRCLE_OPEN", vec![image.clone()]),
        ("PIXELIZE", vec![shape("#ff8000")]),
        ("ZOOM", vec![image.clone(), shape("#2040ff")]),
        ("RADIAL", vec![image, shape("#2040ff")]),
        // Half of the one, then nothing, is on the canvas; what is measured is of both.
        ("RADIAL", vec![text.clone(), with(&shape("#2040ff"), json!({ "x": 80 }))]),
        ("WIPE_LEFT", vec![with(&shape("#ff8000"), json!({ "x": -150 })), with(&shape("#2040ff"), json!({ "x": 150 }))]),
    ] {
        let at = |x: f64, width: usize| {
            let mut elements: Vec<Value> =
                elements.iter().map(|element| with(element, json!({ "x": x + own_x(element) }))).collect();
            let comes = elements.last_mut().unwrap();
            *comes = with(comes, json!({ "transitionIn": { "type": kind, "duration": 1, "easing": "LINEAR" } }));
            // Later all of a zoom is its middle, half of which is not there.
            let start = if kind == "ZOOM" { 0.3 } else { 0.6 };
            let output = json!({ "format": "PNG", "width": width, "height": 180, "frameRate": 10, "duration": 1,
                "range": { "start": start, "length": 0.1 } });
            (elements, output)
        };
        let (elements, output) = at(0.0, 320);
        let half = drawn(&server, &elements, output).await;
        let (elements, output) = at(320.0, 640);
        let whole = drawn(&server, &elements, output).await.part(320, 0, (320, 180));
        assert!(half.psnr(&whole, 0..180) > 45.0, "{kind}: {} dB", half.psnr(&whole, 0..180));
        assert!(whole.brightness() > 1.0, "{kind}: something is seen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_composition_of_odd_size_shows_all_that_is_in_it() {
    let server = Server::sqlite().await;
    let outlined = json!({ "shape": { "shape": "RECTANGLE", "fill": "#0000ff", "stroke": { "color": "#ffffff", "width": 4 } } });
    let place = json!({ "x": 40, "y": 30, "width": 9, "height": 9, "anchor": "TOP_LEFT", "elements": [outlined] });
    let seen = on_canvas(&server, &json!({ "composition": place }), (320, 180)).await;
    let red = |x: usize, y: usize| seen.pixel(x, y)[0];
    for edge in [red(40, 34), red(48, 34), red(44, 30), red(44, 38)] {
        assert!(edge > 100 && red(44, 34) < 60, "{edge}, {}", red(44, 34));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_turned_by_right_angles_or_flipped_stays_sharp() {
    let server = Server::sqlite().await;
    let asset = odd_still(&server, FINE).await;
    let place = |(width, height): (usize, usize)| json!({ "x": "33.3%", "y": 90.3, "width": width, "height": height });
    let still = |asset: &str| json!({ "image": { "source": { "asset": asset } } });
    for (filter, size, pose) in [
        ("null", (101, 75), json!({ "rotation": 360 })),
        ("transpose=clock", (75, 101), json!({ "rotation": 90 })),
        ("hflip,vflip", (101, 75), json!({ "rotation": -180 })),
        ("transpose=cclock", (75, 101), json!({ "rotation": 270 })),
        ("hflip", (101, 75), json!({ "flipX": true })),
        ("vflip", (101, 75), json!({ "flipY": true })),
    ] {
        let path = server.folder.path().join("turned.png");
        let filters = format!("crop=101:75,{filter}");
        ffmpeg(&["-y", "-f", "lavfi", "-i", FINE, "-vf", &filters, "-frames:v", "1", &path.to_string_lossy()]);
        let turned = server.api.upload_file(&path, "image/png").await;
        let expected = on_canvas(&server, &with(&still(&turned), place(size)), (320, 180)).await;
        let own = place((101, 75));
        let composition = with(&json!({ "composition": { "elements": [still(&asset)] } }), own.clone());
        for element in [with(&still(&asset), own.clone()), composition] {
            let seen = on_canvas(&server, &with(&element, pose.clone()), (320, 180)).await;
            assert!(seen.psnr(&expected, 0..180) > 35.0, "{pose} of {element}: {} dB", seen.psnr(&expected, 0..180));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_or_lies_between_pixels_stays_sharp_where_it_is_flipped_turned_or_round() {
    let server = Server::sqlite().await;
    let edges = |picture: &Picture| {
        let row = |y: usize| (90..230).map(move |x| f64::from(picture.pixel(x, y)[1].abs_diff(picture.pixel(x + 1, y)[1])));
        (40..140).flat_map(row).sum::<f64>()
    };
    let box_of = |width: i32, height: i32, fit: &str| json!({ "width": width, "height": height, "fit": fit });
    let fits = [box_of(200, 150, "COVER"), box_of(250, 190, "CONTAIN")];
    for element in detailed(&server, FINE).await {
        for fit in &fits {
            let element = with(&element, fit.clone());
            let rests = edges(&on_canvas(&server, &element, (320, 180)).await);
            for pose in [json!({ "flipX": true }), json!({ "rotation": 180 }), json!({ "cornerRadius": 30 })] {
                let posed = edges(&on_canvas(&server, &with(&element, pose.clone()), (320, 180)).await);
                assert!(posed > rests * 0.97, "{pose} of {element}: {posed}, not {rests}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_covers_an_odd_composition_covers_its_last_column_however_it_lies() {
    let server = Server::sqlite().await;
    let [white, red] = [[255, 255, 255, 255], [255, 0, 0, 255]].map(|color| made::plain(320, 180, color));
    let [white, red] =
        [server.api.upload("white.png", "image/png", white).await, server.api.upload("red.png", "image/png", red).await];
    let image = |asset: &str, size: &str| json!({ "image": { "source": { "asset": asset }, "width": size, "height": size } });
    let mut rests: Option<[[u8; 3]; 2]> = None;
    for size in ["100%", "110%"] {
        for more in [json!({}), json!({ "flipX": true }), json!({ "effects": [{ "kenBurns": { "toScale": 1.01 } }] })] {
            let red = with(&image(&red, size), more.clone());
            for within in [vec![red.clone()], vec![image(&white, "100%"), red]] {
                let place = json!({ "x": 20, "y": 20, "width": 101, "height": 81, "anchor": "TOP_LEFT", "elements": within });
                let seen = on_canvas(&server, &json!({ "composition": place }), (320, 180)).await;
                let found = [seen.pixel(120, 60), seen.pixel(60, 100)];
                let rests = rests.get_or_insert(found);
                let is_same = rests.iter().flatten().zip(found.iter().flatten()).all(|(one, other)| one.abs_diff(*other) < 5);
                assert!(is_same && found[0][0] > 140, "{place}: {found:?}, not {rests:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transition_of_words_goes_over_all_of_them_where_they_are_turned() {
    let server = Server::sqlite().await;
    let wipe = json!({ "type": "WIPE_RIGHT", "duration": 1, "easing": "LINEAR" });
    let text =
        json!({ "text": { "text": "████████", "fontSize": 30, "maxLines": 1, "width": 400, "length": 1, "transitionIn": wipe } });
    let output = json!({ "format": "PNG", "width": 320, "height": 180, "frameRate": 10, "duration": 1,
        "range": { "start": 0.3, "length": 0.1 } });
    let upright = drawn(&server, std::slice::from_ref(&text), output.clone()).await;
    for pose in [json!({ "rotation": 360 }), json!({ "flipY": true })] {
        let turned = drawn(&server, &[with(&text, pose.clone())], output.clone()).await;
        assert!(turned.psnr(&upright, 0..180) > 30.0, "{pose}: {} dB", turned.psnr(&upright, 0..180));
    }
    assert!(upright.brightness() > 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blur_is_as_wide_where_the_picture_is_stretched_and_moves() {
    let server = Server::sqlite().await;
    let [video, image] = detailed(&server, GREY).await;
    for (width, height, blur) in [(80, 540, 4.0), (640, 90, 8.0), (1280, 720, 2.0)] {
        for element in [&video, &image] {
            let place = json!({ "width": width, "height": height, "fit": "FILL", "effects": [{ "blur": blur }] });
            let element = with(element, place);
            let (rests, moves) =
                (on_canvas(&server, &element, (320, 180)).await, on_canvas(&server, &moved(&element), (320, 180)).await);
            assert!(rests.psnr(&moves, 0..180) > 32.0, "{element}: {} dB", rests.psnr(&moves, 0..180));
        }
    }
}
