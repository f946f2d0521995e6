//! What is seen through: of results whose background is not opaque, and of sources.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    decoded::{Picture, ffmpeg, probed},
    outputs::made,
    rendering::{clip, render},
    server::Server,
};

/// Red, green, blue and alpha of a pixel of the picture at some second; `decoder` is FFmpeg's name, where its usual one leaves
/// alpha out.
fn pixel(path: &Path, decoder: Option<&str>, seconds: f64, (x, y): (u32, u32)) -> [u8; 4] {
    let (seconds, file) = (seconds.to_string(), path.to_string_lossy());
    let crop = format!("format=rgba,crop=1:1:{x}:{y}");
    let input: Vec<&str> = decoder.map(|name| vec!["-c:v", name]).unwrap_or_default();
    let output = ["-ss", &seconds, "-i", &file, "-frames:v", "1", "-vf", &crop, "-f", "rawvideo", "-"];
    ffmpeg(&[input, output.to_vec()].concat()).try_into().expect("one pixel")
}

fn near(got: [u8; 4], wanted: [u8; 4], tolerance: u8) -> bool {
    got.iter().zip(wanted).all(|(got, wanted)| got.abs_diff(wanted) <= tolerance)
}

/// On the left a red that is opaque, in the middle one of half, on the right nothing.
fn halves() -> Value {
    let shape = |x: u32, opacity: f64| {
        json!({ "shape": { "shape": "RECTANGLE", "fill": "#ff0000", "x": x, "y": 48, "width": 64, "height": 96,
            "opacity": opacity, "length": 1 } })
    };
    json!([shape(32, 1.0), shape(96, 0.5)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_that_is_clear_stays_so() {
    let server = Server::sqlite().await;
    for (format, codec, decoder, tolerance) in
        [("WEBM", None, Some("libvpx-vp9"), 8), ("MOV", Some("PRORES"), None, 3), ("PNG", None, None, 2)]
    {
        let mut output = json!({ "format": format, "width": 192, "height": 96, "frameRate": 10, "background": "#00000000" });
        if let Some(codec) = codec {
            output["videoCodec"] = codec.into();
        }
        let (_, path) = made(&server, output, halves()).await;
        for (place, wanted) in [((16, 40), [255, 0, 0, 255]), ((96, 40), [255, 0, 0, 128]), ((160, 40), [0, 0, 0, 0])] {
            let got = pixel(&path, decoder, 0.0, place);
            let colour_matters = wanted[3] > 0;
            let got = if colour_matters { got } else { [0, 0, 0, got[3]] };
            assert!(near(got, wanted, tolerance), "{format} at {place:?}: {got:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_of_half_lies_below_what_is_seen() {
    let server = Server::sqlite().await;
    let output = json!({ "format": "PNG", "width": 192, "height": 96, "background": "#0000ff80" });
    let (_, path) = made(&server, output, halves()).await;
    // Half of red over a blue of half: alpha 1 − ½·½; the colour is their sum by what is seen of each.
    let (alpha, red, blue) = (0.75, 0.5, 0.25);
    let share = |part: f64| (255.0 * part / alpha) as u8;
    let got = pixel(&path, None, 0.0, (96, 40));
    assert!(near(got, [share(red), 0, share(blue), 191], 4), "{got:?}");
    let got = pixel(&path, None, 0.0, (180, 40));
    assert!(near(got, [0, 0, 255, 128], 2), "{got:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gif_has_pixels_that_are_clear() {
    let server = Server::sqlite().await;
    let output = json!({ "format": "GIF", "width": 192, "height": 96, "frameRate": 10, "background": "transparent" });
    let mut elements = halves();
    let moves = json!([{ "property": "X", "at": 0, "value": 32 }, { "property": "X", "at": 1, "value": 132 }]);
    elements.as_array_mut().unwrap().truncate(1);
    elements[0]["shape"]["keyframes"] = moves;
    let (_, path) = made(&server, output, elements).await;
    // What moved away leaves nothing behind.
    assert!(near(pixel(&path, None, 0.0, (16, 40)), [255, 0, 0, 255], 12));
    assert_eq!(pixel(&path, None, 0.0, (160, 40))[3], 0);
    assert!(near(pixel(&path, None, 0.85, (120, 40)), [255, 0, 0, 255], 12));
    assert_eq!(pixel(&path, None, 0.85, (16, 40))[3], 0);
    // Nor does what covered all of it, and what stays is not taken away by what comes beside it.
    let part = |x: &str, fill: &str, start: f64, length: f64| json!({ "shape": { "shape": "RECTANGLE", "fill": fill, "x": x, "width": "50%", "start": start, "length": length } });
    let both = json!([part("25%", "#ff0000", 0.0, 1.2), part("75%", "#00ff00", 0.4, 0.4)]);
    let output = json!({ "format": "GIF", "width": 64, "height": 36, "frameRate": 5, "background": "transparent" });
    let (_, beside) = made(&server, output, both).await;
    for (at, right) in [(0.2, [0; 4]), (0.4, [0, 255, 0, 255]), (0.6, [0, 255, 0, 255]), (0.8, [0; 4]), (1.0, [0; 4])] {
        let seen = [16, 48].map(|x| pixel(&beside, None, at - 0.05, (x, 18)));
        assert!(near(seen[0], [255, 0, 0, 255], 12), "{at}: {seen:?}");
        assert!(seen[1][3] == right[3] && (right[3] == 0 || near(seen[1], right, 12)), "{at}: {seen:?}");
    }
    // And as a source it is seen through.
    let asset = server.api.upload_file(&path, "image/gif").await;
    let video = json!({ "source": { "asset": asset }, "length": 1 });
    let output = json!({ "width": 192, "height": 96, "frameRate": 10, "background": "#0000ff", "quality": "HIGH" });
    let (_, path) = render(&server, json!({ "outputs": [output], "elements": [{ "video": video }] })).await;
    let picture = Picture::at(&path, 0.0, 192, 96);
    assert!(picture.is(16, 40, [255, 0, 0], 14) && picture.is(160, 40, [0, 0, 255], 14), "{:?}", picture.pixel(160, 40));
}

/// Lime with alpha that goes from 0 at the left to 255 at the right; what is clear is pink, which must not be seen.
const RAMP: &str = "color=c=lime:s=256x128:r=10:d=1,format=rgba,geq=r='if(lt(X,64),255,0)':g='if(lt(X,64),0,255)':b='if(lt(X,64),255,0)':a='if(lt(X,64),0,X)'";

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_seen_through_as_they_say() {
    let server = Server::sqlite().await;
    let encoders: [(&str, &[&str]); 3] = [
        ("ramp.webm", &["-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-crf", "10", "-b:v", "0"]),
        ("ramp8.webm", &["-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-b:v", "2M"]),
        ("ramp.mov", &["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"]),
    ];
    for (name, encoder) in encoders {
        let asset = clip(&server, name, &[&["-f", "lavfi", "-i", RAMP], encoder].concat()).await;
        // As large as it is, and smaller; and where a colour that is not there is taken from it.
        for (width, key) in [(256, false), (128, false), (256, true), (128, true)] {
            let mut video = json!({ "source": { "asset": asset }, "length": 1, "width": width, "height": width / 2 });
            if key {
                video["chromaKey"] = json!({ "color": "#0000ff", "similarity": 0.1 });
            }
            let output = json!({ "width": 256, "height": 128, "frameRate": 10, "background": "#0000ff", "quality": "HIGH" });
            let (_, path) = render(&server, json!({ "outputs": [output], "elements": [{ "video": video }] })).await;
            let picture = Picture::at(&path, 0.5, 256, 128);
            let left = 128 - width / 2;
            for (share, name_of) in [(0.125, "clear"), (0.5, "half"), (0.9, "nearly opaque")] {
                let alpha = if share < 0.25 { 0.0 } else { share };
                let wanted = [0, (255.0 * alpha) as u8, (255.0 * (1.0 - alpha)) as u8];
                let x = left + (share * width as f64) as usize;
                assert!(
                    picture.is(x, 64, wanted, 14),
                    "{name} of {width}, {name_of}: {:?}, not {wanted:?}",
                    picture.pixel(x, 64)
                );
            }
            // No pink at the edge of what is clear.
            let edge = left + width / 4;
            let pink = (edge - 4..edge + 4).map(|x| picture.pixel(x, 64)[0]).max().unwrap();
            assert!(pink < 40, "{name} of {width}: {pink}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_clear_is_so_over_its_own_blur() {
    let server = Server::sqlite().await;
    let encoder = ["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"];
    let asset = clip(&server, "ramp.mov", &[&["-f", "lavfi", "-i", RAMP], &encoder[..]].concat()).await;
    let video = json!({ "source": { "asset": asset }, "length": 1, "fit": "CONTAIN_BLUR" });
    let output = json!({ "width": 256, "height": 256, "frameRate": 10, "background": "#0000ff", "quality": "HIGH" });
    let (_, path) = render(&server, json!({ "outputs": [output], "elements": [{ "video": video }] })).await;
    let picture = Picture::at(&path, 0.5, 256, 256);
    // The blur is of the middle half, enlarged, and as clear as that; the picture lies over it.
    for x in [24, 100, 160, 232] {
        let (back, front) = (64.0 + x as f64 / 2.0, if x < 64 { 0.0 } else { x as f64 });
        for (y, clear) in [(20, 1.0 - back / 255.0), (128, (1.0 - back / 255.0) * (1.0 - front / 255.0))] {
            let expected = [0.0, 255.0 * (1.0 - clear), 255.0 * clear].map(|value| value as u8);
            assert!(picture.is(x, y, expected, 6), "{x}, {y}: {:?}, not {expected:?}", picture.pixel(x, y));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clear_result_is_a_clear_source() {
    let server = Server::sqlite().await;
    let output = json!({ "format": "WEBM", "width": 192, "height": 96, "frameRate": 10, "background": "#00000000" });
    let (_, path) = made(&server, output, halves()).await;
    assert_eq!(probed(&path, "v:0", "codec_name,nb_read_frames"), "vp9,10");
    let asset = server.api.upload_file(&path, "video/webm").await;
    let video = json!({ "source": { "asset": asset }, "length": 1 });
    let output = json!({ "width": 192, "height": 96, "frameRate": 10, "background": "#0000ff", "quality": "HIGH" });
    let (_, path) = render(&server, json!({ "outputs": [output], "elements": [{ "video": video }] })).await;
    let picture = Picture::at(&path, 0.5, 192, 96);
    for (x, wanted) in [(16, [255, 0, 0]), (96, [128, 0, 128]), (160, [0, 0, 255])] {
        assert!(picture.is(x, 40, wanted, 14), "{x}: {:?}", picture.pixel(x, 40));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_segments_keep_what_is_clear() {
    let server = Server::sqlite().await;
    let output = json!({ "format": "WEBM", "width": 192, "height": 96, "frameRate": 10, "background": "#00000000" });
    let (_, first) = made(&server, output.clone(), halves()).await;
    let (_, second) = made(&server, output, halves()).await;
    let reused = "{ jobs(first: 2) { edges { node { result { reusedSegments } } } } }";
    let jobs = server.api.ask(reused, json!({})).await["jobs"]["edges"].take();
    assert_eq!([0, 1].map(|at| jobs[at]["node"]["result"]["reusedSegments"].as_i64()), [Some(1), Some(0)]);
    assert!(std::fs::read(first).unwrap() == std::fs::read(second).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_format_without_alpha_says_so_before() {
    let server = Server::sqlite().await;
    let query = "query($input: CreateJobInput!) { validateJob(input: $input) { valid warnings { code message } } }";
    for (format, warned) in [("MP4", true), ("WEBM", false)] {
        let output = json!({ "format": format, "width": 192, "height": 96, "background": "#ffffff00" });
        let answer = server.api.ask(query, json!({ "input": { "outputs": [output], "elements": halves() } })).await;
        let codes: Vec<&str> =
            answer["validateJob"]["warnings"].as_array().unwrap().iter().filter_map(|w| w["code"].as_str()).collect();
        assert_eq!(codes.contains(&"NO_ALPHA"), warned, "{format}: {codes:?}");
    }
    // Whichever of the outputs it is.
    let outputs = json!([{ "width": 192, "height": 96 }, { "width": 192, "height": 96, "background": "#ffffff00" }]);
    let query = "query($input: CreateJobInput!) { validateJob(input: $input) { warnings { code path } } }";
    let answer = server.api.ask(query, json!({ "input": { "outputs": outputs, "elements": halves() } })).await;
    let told = answer["validateJob"]["warnings"].as_array().unwrap().clone();
    assert!(told.contains(&json!({ "code": "NO_ALPHA", "path": "input.outputs[1].background" })), "{told:?}");
}
