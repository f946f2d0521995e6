//! Places, motion, transitions and effects, each against the formula or against FFmpeg's own filter.

use serde_json::{Value, json};

use crate::{
    decoded::{Picture, ffmpeg},
    rendering::{clip, render},
    server::Server,
    support::made,
};

pub const RED: [u8; 3] = [255, 0, 0];
pub const BLACK: [u8; 3] = [0, 0, 0];

/// A short, lossless video of 320×180.
pub fn video(elements: Value) -> Value {
    json!({
        "outputs": [{ "width": 320, "height": 180, "frameRate": 10, "quality": "LOSSLESS" }],
        "elements": elements,
    })
}

/// A red rectangle of 80×40.
fn rectangle(more: Value) -> Value {
    let mut fields = json!({ "shape": "RECTANGLE", "fill": "#ff0000", "width": 80, "height": 40, "length": 2, "track": 1 });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "shape": fields })
}

pub async fn picture(server: &Server, elements: Value, seconds: f64) -> Picture {
    let (_, path) = render(server, video(elements)).await;
    Picture::at(&path, seconds, 320, 180)
}

/// Two pictures that differ everywhere, as PNG files and as assets.
async fn two_stills(server: &Server) -> ([String; 2], [String; 2]) {
    let mut made = Vec::new();
    for (name, source) in [("one.png", "testsrc=size=320x180:rate=1"), ("two.png", "mandelbrot=size=320x180:rate=1")] {
        let path = server.folder.path().join(name);
        let to = path.to_string_lossy().into_owned();
        ffmpeg(&["-y", "-f", "lavfi", "-i", source, "-frames:v", "1", to.as_str()]);
        made.push((to, server.api.upload_file(&path, "image/png").await));
    }
    let (two, one) = (made.remove(1), made.remove(0));
    ([one.0, two.0], [one.1, two.1])
}

/// What FFmpeg's xfade shows of two stills after 1.3 s, of which 0.3 s of the transition.
fn xfade(stills: &[String; 2], name: &str, to: &std::path::Path) -> Picture {
    let filter = format!("[0]format=yuv420p[a];[1]format=yuv420p[b];[a][b]xfade=transition={name}:duration=1:offset=1");
    let to = to.to_string_lossy();
    ffmpeg(&[
        "-y",
        "-loop",
        "1",
        "-framerate",
        "10",
        "-t",
        "2",
        "-i",
        &stills[0],
        "-loop",
        "1",
        "-framerate",
        "10",
        "-t",
        "2",
        "-i",
        &stills[1],
        "-filter_complex",
        &filter,
        "-c:v",
        "libx264",
        "-crf",
        "0",
        &to,
    ]);
    Picture::at(std::path::Path::new(&*to), 1.3, 320, 180)
}

#[tokio::test(flavor = "multi_thread")]
async fn transitions_between_elements_are_those_of_xfade() {
    let server = Server::sqlite().await;
    let (files, assets) = two_stills(&server).await;
    for (ours, theirs) in [
        ("FADE", "fade"),
        ("WIPE_LEFT", "wipeleft"),
        ("WIPE_RIGHT", "wiperight"),
        ("WIPE_UP", "wipeup"),
        ("WIPE_DOWN", "wipedown"),
        ("SLIDE_LEFT", "slideleft"),
        ("SLIDE_RIGHT", "slideright"),
        ("SLIDE_UP", "slideup"),
        ("SLIDE_DOWN", "slidedown"),
        ("CIRCLE_OPEN", "circleopen"),
        ("CIRCLE_CLOSE", "circleclose"),
        ("RADIAL", "radial"),
        ("ZOOM", "zoomin"),
        ("PIXELIZE", "pixelize"),
        ("FADE_BLACK", "fadeblack"),
        ("FADE_WHITE", "fadewhite"),
    ] {
        let transition = json!({ "type": ours, "duration": 1, "easing": "LINEAR" });
        let elements = json!([
            { "image": { "source": { "asset": assets[0] }, "length": 2, "track": 0 } },
            { "image": { "source": { "asset": assets[1] }, "length": 2, "track": 0, "transitionIn": transition } },
        ]);
        let found = picture(&server, elements, 1.3).await;
        let expected = xfade(&files, theirs, &server.folder.path().join("xfade.mp4"));
        let psnr = found.psnr(&expected, 0..180);
        // Fine and sharp pictures, of which FFmpeg's own conversion to YUV differs a little; a transition that went another way
        // would be some 10 dB away.
        assert!(psnr > 22.0, "{ours}: {psnr:.1} dB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transition_by_itself_comes_from_what_lies_below_and_goes_there() {
    let server = Server::sqlite().await;
    let wipe = json!({ "type": "WIPE_RIGHT", "duration": 1, "easing": "LINEAR" });
    let slide = json!({ "type": "SLIDE_UP", "duration": 1, "easing": "LINEAR" });
    let elements = json!([rectangle(json!({ "transitionIn": wipe, "transitionOut": slide, "length": 3 }))]);
    let (_, path) = render(&server, video(elements)).await;
    // The box lies from (120, 70) to (200, 110).
    let coming = Picture::at(&path, 0.5, 320, 180);
    assert!(coming.is(130, 90, RED, 8) && coming.is(155, 90, RED, 8), "its left half has come");
    assert!(coming.is(165, 90, BLACK, 8) && coming.is(190, 90, BLACK, 8), "its right half has not");
    let there = Picture::at(&path, 1.5, 320, 180);
    assert!(there.is(121, 71, RED, 8) && there.is(198, 108, RED, 8) && there.is(118, 90, BLACK, 8));
    let going = Picture::at(&path, 2.5, 320, 180);
    assert!(going.is(160, 10, RED, 8) && going.is(160, 30, BLACK, 8), "half a canvas higher");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_where_another_comes_goes_once() {
    let server = Server::sqlite().await;
    let full = |fill: &str| {
        let fade = json!({ "type": "FADE", "duration": 0.4, "easing": "LINEAR" });
        json!({ "shape": { "shape": "RECTANGLE", "fill": fill, "length": 1, "track": 0, "transitionIn": fade, "transitionOut": fade } })
    };
    let seen = picture(&server, json!([full("red"), full("blue")]), 0.8).await;
    assert!(seen.is(160, 90, [128, 0, 128], 6), "{:?}", seen.pixel(160, 90));
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_colour_an_element_keeps_its_shape() {
    let server = Server::sqlite().await;
    let transition = json!({ "type": "FADE_BLACK", "duration": 1, "easing": "LINEAR" });
    let turned = rectangle(json!({ "width": 160, "height": 40, "rotation": 45, "transitionIn": transition }));
    let below = json!({ "shape": { "shape": "RECTANGLE", "fill": "#0000ff", "length": 3, "track": 0 } });
    let found = picture(&server, json!([below, turned]), 0.2).await;
    // In the middle it is black; where its upright box would have a corner, nothing of it is to be seen.
    assert!(found.is(160, 90, BLACK, 40), "{:?}", found.pixel(160, 90));
    assert!(found.is(220, 40, [0, 0, 255], 12) && found.is(104, 132, [0, 0, 255], 12), "{:?}", found.pixel(220, 40));
    // So too where one gives way to another.
    let first = rectangle(json!({ "width": 160, "height": 40, "rotation": 45 }));
    let second = rectangle(json!({ "width": 160, "height": 40, "rotation": -45, "transitionIn": transition }));
    let found = picture(&server, json!([below, first, second]), 1.2).await;
    assert!(found.is(160, 90, BLACK, 40), "{:?}", found.pixel(160, 90));
    for (x, y) in [(160, 45), (160, 135), (110, 90), (210, 90)] {
        assert!(found.is(x, y, [0, 0, 255], 12), "{x}, {y}: {:?}", found.pixel(x, y));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keyframes_move_turn_and_scale_about_the_anchor() {
    let server = Server::sqlite().await;
    let keyframes = json!([
        { "property": "X", "at": 0, "value": 100 },
        { "property": "X", "at": 1, "value": 200 },
        { "property": "ROTATION", "at": 0, "value": 0, "easing": "HOLD" },
        { "property": "ROTATION", "at": 1, "value": 90 },
        { "property": "SCALE", "at": 1, "value": 1, "easing": "LINEAR" },
        { "property": "SCALE", "at": 2, "value": 2 },
        { "property": "OPACITY", "at": 2, "value": 1 },
        { "property": "OPACITY", "at": 3, "value": 0 },
    ]);
    let (_, path) = render(&server, video(json!([rectangle(json!({ "keyframes": keyframes, "length": 3.5 }))]))).await;
    let at = |seconds| Picture::at(&path, seconds, 320, 180);
    let before = at(0.5);
    assert!(before.is(112, 72, RED, 8) && before.is(188, 108, RED, 8), "from (110, 70) to (190, 110)");
    assert!(before.is(107, 90, BLACK, 8) && before.is(193, 90, BLACK, 8));
    let turned = at(1.0);
    assert!(
        turned.is(200, 52, RED, 8) && turned.is(200, 128, RED, 8) && turned.is(217, 90, RED, 8),
        "upright, 40×80 about (200, 90)"
    );
    assert!(turned.is(223, 90, BLACK, 8) && turned.is(200, 47, BLACK, 8));
    let large = at(2.0);
    assert!(large.is(200, 12, RED, 8) && large.is(200, 168, RED, 8) && large.is(238, 90, RED, 8) && large.is(243, 90, BLACK, 8));
    let [red, ..] = at(2.5).pixel(200, 90);
    assert!(red.abs_diff(128) <= 8, "half clear: {red}");
    assert!(at(3.3).is(200, 90, BLACK, 8), "and clear at last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_move_goes_on_between_pixels() {
    let server = Server::sqlite().await;
    let white = server.api.upload("half.png", "image/png", made::plain(160, 180, [255; 4])).await;
    let elements = json!([
        { "image": {
            "source": { "asset": white }, "length": 2, "x": 0, "y": 90, "width": 160, "height": 180, "anchor": "LEFT",
            "keyframes": [{ "property": "X", "at": 0, "value": 40 }, { "property": "X", "at": 2, "value": 42 }],
        } },
    ]);
    let (_, path) = render(&server, video(elements)).await;
    // A tenth of a pixel a frame: the light of a row, in pixels, is the same; its left edge moves.
    let light = |seconds: f64| {
        let picture = Picture::at(&path, seconds, 320, 180);
        (30..60).map(|x| f64::from(picture.pixel(x, 90)[1]) / 255.0).sum::<f64>()
    };
    let found: Vec<f64> = (0..20).map(|frame| light((f64::from(frame) / 10.0 - 0.02).max(0.0))).collect();
    for (frame, light) in found.iter().enumerate() {
        let expected = 20.0 - frame as f64 / 10.0;
        assert!((light - expected).abs() < 0.06, "frame {frame}: {light:.3}, not {expected:.3}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_drawn_small_is_the_mean_of_its_pixels() {
    let server = Server::sqlite().await;
    let stripes = server.api.upload("stripes.png", "image/png", made::stripes(320, 180)).await;
    for rotation in [0, 30] {
        let element = json!({ "image": {
            "source": { "asset": stripes }, "length": 2, "rotation": rotation,
            "keyframes": [{ "property": "SCALE", "at": 0, "value": 1 }, { "property": "SCALE", "at": 2, "value": 0.1 }],
        } });
        let (_, path) = render(&server, video(json!([element]))).await;
        // By now less than half as large, however fine the stripes are they are grey.
        for at in [1.25, 1.55, 1.85] {
            let seen = Picture::at(&path, at, 320, 180);
            for (x, y) in (150..170).flat_map(|x| (83..97).map(move |y| (x, y))) {
                assert!(seen.is(x, y, [128; 3], 24), "{rotation}° at {at}, {x} {y}: {:?}", seen.pixel(x, y));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crop_a_flip_and_round_corners() {
    let server = Server::sqlite().await;
    // Red, green, blue, white: each a quarter, from left to right and down.
    let bars = clip(
        &server,
        "quarters.png",
        &[
            "-y",
            "-f",
            "lavfi",
            "-i",
            "color=red:160x90,pad=320:180:0:0:white,drawbox=160:0:160:90:lime:fill,drawbox=0:90:160:90:blue:fill",
            "-frames:v",
            "1",
        ],
    )
    .await;
    let image = |more: Value| {
        let mut fields = json!({ "source": { "asset": bars }, "length": 1 });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{ "image": fields }])
    };
    let cropped = picture(&server, image(json!({ "crop": { "left": 0.5, "bottom": 0.5 } })), 0.5).await;
    assert!(cropped.is(10, 10, [0, 255, 0], 12) && cropped.is(310, 170, [0, 255, 0], 12));
    let flipped = picture(&server, image(json!({ "flipX": true, "flipY": true })), 0.5).await;
    assert!(flipped.is(10, 10, [255; 3], 12) && flipped.is(310, 10, [0, 0, 255], 12) && flipped.is(310, 170, RED, 12));
    let round = picture(&server, image(json!({ "cornerRadius": "50%" })), 0.5).await;
    assert!(round.is(3, 3, BLACK, 8) && round.is(316, 176, BLACK, 8) && round.is(100, 2, RED, 12) && round.is(40, 60, RED, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_colour_shows_what_lies_below() {
    let server = Server::sqlite().await;
    let screen = clip(
        &server,
        "screen.mp4",
        &[
            "-y",
            "-f",
            "lavfi",
            "-i",
            "color=0x00ff00:320x180:d=1:r=10,drawbox=100:50:120:80:red:fill",
            "-pix_fmt",
            "yuv420p",
            "-crf",
            "10",
        ],
    )
    .await;
    let elements = json!([
        { "shape": { "shape": "RECTANGLE", "fill": "#0000ff", "length": 1, "track": 0 } },
        { "video": { "source": { "asset": screen }, "track": 1, "chromaKey": { "color": "#00ff00" } } },
    ]);
    let found = picture(&server, elements, 0.5).await;
    assert!(
        found.is(20, 20, [0, 0, 255], 12) && found.is(160, 90, RED, 25),
        "{:?} {:?}",
        found.pixel(20, 20),
        found.pixel(160, 90)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_plays_faster_and_again() {
    let server = Server::sqlite().await;
    // Brighter by ten with each of its ten frames.
    let ramp = clip(
        &server,
        "ramp.mp4",
        &[
            "-y",
            "-f",
            "lavfi",
            "-i",
            "color=black:64x64:d=1:r=10,geq=lum=40+N*10:cb=128:cr=128",
            "-pix_fmt",
            "yuv420p",
            "-crf",
            "0",
        ],
    )
    .await;
    let element = |more: Value| {
        let mut fields = json!({ "source": { "asset": ramp }, "fit": "FILL", "muted": true });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{ "video": fields }])
    };
    let (job, fast) = render(&server, video(element(json!({ "speed": 2 })))).await;
    assert_eq!(job["result"]["frames"], 5);
    let luma = |path: &std::path::Path, frame: u32| {
        let [_, green, _] = Picture::at(path, (f64::from(frame) / 10.0 - 0.02).max(0.0), 320, 180).pixel(160, 90);
        (f64::from(green) * 219.0 / 255.0 + 16.0).round() as i32
    };
    for frame in 0..5 {
        assert!((luma(&fast, frame) - (40 + frame as i32 * 20)).abs() <= 5, "frame {frame}: {}", luma(&fast, frame));
    }
    let (_, again) = render(&server, video(element(json!({ "loop": true, "trimStart": 0.5, "length": 1.2 })))).await;
    for frame in 0..12 {
        let expected = 40 + (5 + frame as i32 % 5) * 10;
        assert!((luma(&again, frame) - expected).abs() <= 4, "frame {frame}: {} not {expected}", luma(&again, frame));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subtitles_show_their_words_in_their_time() {
    let server = Server::sqlite().await;
    let srt = "1\n00:00:00,500 --> 00:00:01,000\n██████\n\n2\n00:00:01,500 --> 00:00:02,000\n<i>██████</i>\n██████\n";
    let file = server.api.upload("words.srt", "application/x-subrip", srt.as_bytes().to_vec()).await;
    let cues = json!([{ "start": 0.5, "end": 1, "text": "██████" }, { "start": 1.5, "end": 2, "text": "██████\n██████" }]);
    let styled = |more: Value| {
        let mut fields = json!({ "color": "#ff0000", "fontSize": 20, "lineHeight": 1.0 });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{ "subtitles": fields }])
    };
    for elements in [styled(json!({ "cues": cues })), styled(json!({ "source": { "asset": file } }))] {
        let (job, path) = render(&server, video(elements)).await;
        assert_eq!(job["result"]["frames"], 20, "to the end of the last words");
        // At the bottom of the box, which ends a twentieth above the canvas's edge: lines from 151 and from 131 on.
        let red = |seconds: f64, y: usize| {
            let picture = Picture::at(&path, seconds, 320, 180);
            (60..260).filter(|x| picture.is(*x, y, RED, 40)).count()
        };
        assert_eq!((red(0.3, 161), red(1.2, 161)), (0, 0), "before, and between");
        assert!(red(0.7, 161) > 40 && red(0.7, 141) == 0, "one line: {} {}", red(0.7, 161), red(0.7, 141));
        assert!(red(1.7, 161) > 40 && red(1.7, 141) > 40, "two lines: {} {}", red(1.7, 161), red(1.7, 141));
    }
    let nonsense = server.api.upload("words.srt", "application/x-subrip", b"no words".to_vec()).await;
    let elements = styled(json!({ "source": { "asset": nonsense } }));
    let job = server.api.finished(&server.api.create(video(elements)).await).await;
    assert_eq!((job["status"].as_str(), job["error"]["code"].as_str()), (Some("FAILED"), Some("UNSUPPORTED_FORMAT")), "{job:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn subtitles_give_way_to_what_follows_on_their_track() {
    let server = Server::sqlite().await;
    let words = |color: &str, more: Value| {
        let cues = json!([{ "start": 0, "end": 0.7, "text": "██████" }, { "start": 0.7, "end": 1, "text": "██████" }]);
        let mut fields = json!({ "color": color, "fontSize": 60, "track": 0, "verticalAlign": "MIDDLE", "cues": cues });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "subtitles": fields })
    };
    let fade = json!({ "type": "FADE", "duration": 0.4, "easing": "LINEAR" });
    // The one goes from 0.6 to 1 s, within both of its cues, as the other or a picture comes.
    let later = [
        words("#0000ff", json!({ "transitionIn": fade })),
        json!({ "shape": { "shape": "RECTANGLE", "fill": "#0000ff",
        "height": 100, "length": 1, "track": 0, "transitionIn": fade } }),
    ];
    // Where the one lasts for less than the fade is long, all of that is in its time.
    for (length, asked, begins) in [(1.0, 0.4, 0.6), (0.5, 1.0, 0.0)] {
        for later in &later {
            let mut later = later.clone();
            later.as_object_mut().unwrap().values_mut().for_each(|fields| fields["transitionIn"]["duration"] = json!(asked));
            let first = words("#ff0000", json!({ "length": length }));
            let (_, path) = render(&server, video(json!([first, later]))).await;
            let red = |seconds: f64| i32::from(Picture::at(&path, seconds, 320, 180).pixel(160, 90)[0]);
            for frame in 0..=(length * 10.0) as i32 {
                // Over what fades away the other lies, by as much as it has come.
                let seconds = f64::from(frame) / 10.0;
                let come = f64::max(seconds - begins, 0.0) / (length - begins);
                let expected = 254.0 * (1.0 - come).powi(2);
                assert!(
                    (f64::from(red(seconds)) - expected).abs() <= 12.0,
                    "{seconds}: {} not {expected}: {later}",
                    red(seconds)
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_thinner_than_two_pixels_is_there_and_a_blur_keeps_its_colour() {
    let server = Server::sqlite().await;
    let white = |more: Value| {
        let mut fields = json!({ "shape": "RECTANGLE", "fill": "white", "length": 1, "width": 200 });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{ "shape": fields }])
    };
    let line = picture(&server, white(json!({ "y": 90.5, "height": 1 })), 0.5).await;
    assert!(line.is(160, 90, [255; 3], 12) && line.is(160, 87, BLACK, 8), "{:?}", line.pixel(160, 90));
    let soft = picture(&server, white(json!({ "height": 60, "effects": [{ "blur": 4 }] })), 0.5).await;
    let [red, green, blue] = soft.pixel(160, 60);
    assert!(
        (100..156).contains(&green) && red.abs_diff(green) < 8 && blue.abs_diff(green) < 8,
        "grey at its edge: {red} {green} {blue}"
    );
    assert!(soft.pixel(160, 55)[1] > 8, "and beyond it");
}
