//! What is composed in 4:4:4 and 10 bits, because the file can show it: the same pictures as in 4:2:0 and 8 bits, with sharper edges
//! between colours and finer steps.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    decoded::{Picture, ffmpeg, probed},
    outputs::made,
    rendering::clip,
    server::Server,
    support::made as files,
};

const SIZE: (usize, usize) = (320, 180);

fn output(more: Value) -> Value {
    let mut output = json!({ "width": SIZE.0, "height": SIZE.1, "frameRate": 10 });
    output.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_one_pixel_keeps_its_colour() {
    let server = Server::sqlite().await;
    let line = |x: f64, track: u32| {
        let place = json!({ "x": x, "y": 90, "width": 1, "height": 180 });
        let mut shape = json!({ "shape": "RECTANGLE", "fill": "#ff0000", "length": 1, "track": track });
        shape.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        json!({ "shape": shape })
    };
    let elements = json!([
        { "shape": { "shape": "RECTANGLE", "fill": "#0000ff", "length": 1, "track": 0 } },
        line(33.5, 1), // From 33 to 34.
        line(100.5, 2),
    ]);
    for (more, tolerance) in [
        (json!({ "format": "PNG" }), 3),
        (json!({ "format": "JPEG", "quality": "HIGH" }), 24),
        (json!({ "format": "GIF" }), 16),
        (json!({ "format": "MOV", "videoCodec": "PRORES", "background": "transparent" }), 30),
    ] {
        let (_, path) = made(&server, output(more.clone()), elements.clone()).await;
        let picture = Picture::at(&path, 0.0, SIZE.0, SIZE.1);
        for (x, colour) in [(32, [0, 0, 255]), (33, [255, 0, 0]), (34, [0, 0, 255]), (99, [0, 0, 255]), (100, [255, 0, 0])] {
            assert!(picture.is(x, 91, colour, tolerance), "{more} at {x}: {:?}", picture.pixel(x, 91));
        }
    }
    // Which 4:2:0 cannot: or this test would show nothing.
    let (_, path) = made(&server, output(json!({ "quality": "LOSSLESS" })), elements).await;
    assert!(!Picture::at(&path, 0.0, SIZE.0, SIZE.1).is(33, 91, [255, 0, 0], 60));
}

/// A row of luma, of 10 bits, in the middle of the picture.
fn luma(path: &Path, width: usize) -> Vec<i32> {
    let crop = format!("crop={width}:2:0:90,format=yuv444p10le,extractplanes=y,crop={width}:1:0:0");
    let bytes =
        ffmpeg(&["-i", &path.to_string_lossy(), "-frames:v", "1", "-vf", &crop, "-f", "rawvideo", "-pix_fmt", "gray10le", "-"]);
    bytes.chunks_exact(2).map(|two| i32::from(u16::from_le_bytes([two[0], two[1]]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_bits_come_through_as_ten() {
    let server = Server::sqlite().await;
    // From left to right one step of 10 bits a pixel.
    let ramp = "color=s=640x180:r=10:d=1,format=yuv422p10le,geq=lum='200+X':cb=512:cr=512";
    let source = ["-f", "lavfi", "-i", ramp, "-c:v", "prores_ks", "-profile:v", "3", "-colorspace", "bt709"];
    let ramp = clip(&server, "ramp.mov", &source).await;
    let video = |more: Value| {
        let mut video = json!({ "source": { "asset": ramp }, "length": 1 });
        video.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{ "video": video }])
    };
    let table = "LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n";
    let table = server.api.upload("same.cube", "text/plain", table.into()).await;
    let within = json!([{ "composition": { "length": 1, "elements": video(json!({})) } }]);
    // Of BT.709's 10 bits, black is 64.
    let dimmed = |x: i32, share: f64| 64 + (f64::from(200 + x - 64) * share).round() as i32;
    let from_the_middle = |x: i32| (f64::from(x) + 0.5) / 320.0 - 1.0;
    let cases = [
        Case::new("as it is", video(json!({})), |x| 200 + x, 600),
        Case::new("in a composition", within, |x| 200 + x, 600),
        Case::new("dimmed", video(json!({ "effects": [{ "brightness": 0.75 }] })), move |x| dimmed(x, 0.75), 450),
        Case::new("half of it", video(json!({ "opacity": 0.5 })), move |x| dimmed(x, 0.5), 300),
        Case::new("turned", video(json!({ "rotation": 180 })), |x| 200 + 639 - x, 600),
        Case::new("sharper", video(json!({ "effects": [{ "sharpen": 0.5 }] })), |x| 200 + x, 580),
        Case::new("softer", video(json!({ "effects": [{ "blur": 1 }] })), |x| 200 + x, 580),
        Case::new("by a table", video(json!({ "effects": [{ "lut": { "asset": table } }] })), |x| 200 + x, 580),
        Case::new("keyed", video(json!({ "chromaKey": { "color": "#00ff00" } })), |x| 200 + x, 600),
        Case::new("over its blur", video(json!({ "fit": "CONTAIN_BLUR" })), |x| 200 + x, 580),
        Case::new("grown by parts of pixels", video(json!({ "width": "100.2%" })), |x| 200 + x, 580),
        Case::new(
            "darker at the edges",
            video(json!({ "effects": [{ "vignette": 0.5 }] })),
            move |x| dimmed(x, 1.0 - 0.25 * from_the_middle(x).powi(2)),
            430,
        ),
    ];
    for Case { name, elements, wanted, steps } in cases {
        for (codec, background) in [("yuv422p10le", "#000000"), ("yuva444p12le", "#00000000")] {
            if background == "#00000000" && name == "half of it" {
                continue; // Then it is not darker, but clearer.
            }
            let output = json!({ "format": "MOV", "videoCodec": "PRORES", "quality": "HIGH", "width": 640, "height": 180,
                "frameRate": 10, "background": background });
            let (_, path) = made(&server, output, elements.clone()).await;
            assert_eq!(probed(&path, "v:0", "pix_fmt"), codec, "{name}");
            let row = luma(&path, 640);
            let far = (4..636).map(|x| (row[x] - wanted(x as i32)).abs()).max().unwrap();
            assert!(far <= 5, "{name} over {background}: {far} off");
            let distinct: std::collections::HashSet<&i32> = row.iter().collect();
            assert!(distinct.len() >= steps, "{name} over {background}: {} steps", distinct.len());
        }
    }
}

/// What becomes of the ramp: its elements, what luma is to be from left to right, and how many steps it has at the least.
struct Case {
    name: &'static str,
    elements: Value,
    wanted: Box<dyn Fn(i32) -> i32 + Send>,
    steps: usize,
}

impl Case {
    fn new(name: &'static str, elements: Value, wanted: impl Fn(i32) -> i32 + Send + 'static, steps: usize) -> Self {
        Self { name, elements, wanted: Box::new(wanted), steps }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_opaque_of_a_clip_with_alpha_is_so_in_the_result() {
    let server = Server::sqlite().await;
    // The left half opaque, the right half clear; scaled, and as large as it is.
    let half = "color=white:320x180:d=1:r=10,format=yuva420p,geq=lum=235:cb=128:cr=128:a='if(lt(X,160),255,0)'";
    let half = clip(&server, "half.webm", &["-f", "lavfi", "-i", half, "-c:v", "libvpx-vp9", "-lossless", "1"]).await;
    let elements = json!([{ "video": { "source": { "asset": half }, "length": 1 } }]);
    for (width, height) in [(320, 180), (160, 90)] {
        for (more, most, form) in [
            (json!({ "format": "PNG" }), 255, "rgba"),
            (json!({ "format": "MOV", "videoCodec": "PRORES" }), 1023, "yuva444p10le"),
        ] {
            let mut output = output(more);
            output
                .as_object_mut()
                .unwrap()
                .extend(json!({ "width": width, "height": height, "background": "transparent" }).as_object().unwrap().clone());
            let (_, path) = made(&server, output, elements.clone()).await;
            let alpha = |x: u32| {
                let pick = format!("format={form},extractplanes=a,crop=1:1:{x}:40");
                let depth = if most == 255 { "gray" } else { "gray10le" };
                let file = path.to_string_lossy();
                let bytes = ffmpeg(&["-i", &file, "-frames:v", "1", "-vf", &pick, "-f", "rawvideo", "-pix_fmt", depth, "-"]);
                bytes.iter().rev().fold(0, |sum, byte| sum * 256 + i32::from(*byte))
            };
            assert_eq!((alpha(width / 4), alpha(width * 3 / 4)), (most, 0), "{form} {width}");
        }
    }
}

/// Compositions that go by every way of drawing there is.
async fn compositions(server: &Server) -> Vec<(String, Value)> {
    let soft =
        ["-f", "lavfi", "-i", "gradients=s=320x180:c0=orange:c1=navy:x0=0:y0=0:x1=320:y1=180:d=2:r=10:speed=0.00001:seed=1"];
    let soft = clip(server, "soft.mp4", &[&soft[..], &["-pix_fmt", "yuv420p", "-crf", "4"]].concat()).await;
    let green = ["-f", "lavfi", "-i", "color=0x00ff00:320x180:d=2:r=10,drawbox=100:50:120:80:red:fill", "-pix_fmt", "yuv420p"];
    let green = clip(server, "green.mp4", &green).await;
    let other =
        ["-f", "lavfi", "-i", "gradients=s=320x180:c0=teal:c1=maroon:x0=320:y0=0:x1=0:y1=180:d=2:r=10:speed=0.00001:seed=1"];
    let other = clip(server, "other.mp4", &[&other[..], &["-pix_fmt", "yuv420p", "-crf", "4"]].concat()).await;
    let clear = ["-f", "lavfi", "-i", "color=white@0.5:320x180:d=2:r=10,format=yuva420p", "-c:v", "libvpx-vp9"];
    let clear = clip(server, "clear.webm", &clear).await;
    // As a telephone lays it down, of two fields, of the light of HDR, and of the matrix of small pictures.
    let file = server.folder.path().join("soft.mp4").to_string_lossy().into_owned();
    let lying = clip(server, "lying.mp4", &["-i", &file, "-c", "copy", "-metadata:s:v", "rotate=90"]).await;
    let fields = ["-i", &file, "-vf", "setfield=tff", "-c:v", "libx264", "-flags", "+ildct+ilme", "-top", "1", "-crf", "4"];
    let fields = clip(server, "fields.mp4", &fields).await;
    let light = ["-i", &file, "-vf", "format=yuv420p10le", "-c:v", "libx264", "-crf", "4"];
    let tags = ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-color_range", "tv"];
    let light = clip(server, "light.mp4", &[&light[..], &tags[..]].concat()).await;
    let logo = server.api.upload("logo.png", "image/png", files::logo(80, 60)).await;
    let table = "LUT_3D_SIZE 2\n0.1 0 0\n1 0.2 0\n0 0.9 0\n1 1 0.3\n0.2 0 1\n1 0 0.8\n0 1 1\n1 1 1\n";
    let table = server.api.upload("warm.cube", "text/plain", table.into()).await;
    let below = json!({ "video": { "source": { "asset": soft }, "length": 2, "track": 0 } });
    let above = |element: Value| json!([below, element]);
    let plays = |asset: &str, more: Value| {
        let mut video = json!({ "source": { "asset": asset }, "length": 2, "track": 1 });
        video.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "video": video })
    };
    let mut all = vec![
        ("chroma key".to_owned(), above(plays(&green, json!({ "chromaKey": { "color": "#00ff00" } })))),
        ("alpha of a source".into(), above(plays(&clear, json!({})))),
        ("a tag that turns".into(), json!([plays(&lying, json!({}))])),
        ("fields".into(), json!([plays(&fields, json!({}))])),
        ("HDR".into(), json!([plays(&light, json!({}))])),
        ("half".into(), above(plays(&other, json!({ "opacity": 0.4 })))),
        (
            "turned and round".into(),
            above(plays(&other, json!({ "rotation": 20, "width": "50%", "height": "50%", "cornerRadius": "20%" }))),
        ),
        ("upside down, between pixels".into(), above(plays(&other, json!({ "flipY": true, "width": "60%", "x": 140.3 })))),
        ("over its blur".into(), above(plays(&other, json!({ "fit": "CONTAIN_BLUR", "width": 120, "height": 170 })))),
        (
            "a still".into(),
            above(json!({ "image": { "source": { "asset": logo }, "length": 2, "width": 160, "height": 120, "track": 1 } })),
        ),
        (
            "words".into(),
            above(json!({ "text": { "text": "Reel", "fontSize": 90, "color": "#ffffff", "length": 2, "track": 1,
            "shadow": { "color": "#000000", "x": 4, "y": 4, "blur": 6 } } })),
        ),
        (
            "a composition".into(),
            above(json!({ "composition": { "opacity": 0.7, "length": 2, "track": 1, "width": 200, "height": 112,
            "elements": [{ "shape": { "shape": "ELLIPSE", "fill": "#ffcc00", "length": 2 } }] } })),
        ),
    ];
    for effect in [
        json!({ "blur": 6 }),
        json!({ "brightness": 0.7 }),
        json!({ "contrast": 1.3 }),
        json!({ "saturation": 1.4 }),
        json!({ "grayscale": 0.8 }),
        json!({ "sepia": 0.6 }),
        json!({ "negate": true }),
        json!({ "sharpen": 0.8 }),
        json!({ "vignette": 0.7 }),
        json!({ "hue": 60 }),
        json!({ "lut": { "asset": table } }),
    ] {
        all.push((format!("{effect} of a clip"), json!([plays(&soft, json!({ "effects": [effect] }))])));
        let image =
            json!({ "source": { "asset": logo }, "length": 2, "width": 200, "height": 150, "track": 1, "effects": [effect] });
        all.push((format!("{effect} of a still"), above(json!({ "image": image }))));
    }
    for kind in
        ["FADE", "DISSOLVE", "WIPE_LEFT", "SLIDE_UP", "CIRCLE_OPEN", "RADIAL", "ZOOM", "PIXELIZE", "FADE_BLACK", "FADE_WHITE"]
    {
        let transition = json!({ "type": kind, "duration": 1, "easing": "LINEAR" });
        let first = json!({ "video": { "source": { "asset": soft }, "length": 1.5, "track": 0 } });
        let second = plays(&other, json!({ "track": 0, "length": 1.5, "transitionIn": transition }));
        all.push((kind.into(), json!([first, second])));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_are_the_same_picture() {
    let server = Server::sqlite().await;
    for (name, elements) in compositions(&server).await {
        let at = 0.9;
        let (_, coarse) = made(&server, output(json!({ "quality": "LOSSLESS" })), elements.clone()).await;
        let range = json!({ "start": at, "length": 0.1 });
        let (_, fine) = made(&server, output(json!({ "format": "PNG", "range": range })), elements).await;
        // Grains of one pixel have no colour of their own in 4:2:0: they are looked at from farther away.
        let (width, height) = if name == "DISSOLVE" { (SIZE.0 / 8, SIZE.1 / 8) } else { SIZE };
        let [coarse, fine] = [Picture::at(&coarse, at, width, height), Picture::at(&fine, 0.0, width, height)];
        let psnr = coarse.psnr(&fine, 0..height);
        assert!(psnr >= 34.0, "{name}: {psnr:.1} dB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rests_begins_and_ends_where_it_says() {
    let server = Server::sqlite().await;
    let image = server.api.upload("white.png", "image/png", files::plain(64, 36, [255; 4])).await;
    let white = ["-f", "lavfi", "-i", "color=white:size=64x36:rate=10:duration=1", "-pix_fmt", "yuv420p"];
    let clip = clip(&server, "white.mp4", &white).await;
    for (x, y, width, height) in [(100, 75, 100, 1), (101, 74, 1, 100), (101, 75, 3, 3), (101, 75, 101, 51), (120, 61, 64, 37)] {
        let fields = json!({ "anchor": "TOP_LEFT", "x": x, "y": y, "width": width, "height": height, "length": 1 });
        let with = |more: Value| {
            let mut all = fields.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let within = json!([{ "image": { "source": { "asset": image }, "fit": "FILL", "length": 1 } }]);
        for element in [
            json!({ "image": with(json!({ "source": { "asset": image }, "fit": "FILL" })) }),
            json!({ "image": with(json!({ "source": { "asset": image }, "fit": "FILL", "effects": [{ "sharpen": 1 }] })) }),
            json!({ "video": with(json!({ "source": { "asset": clip }, "fit": "FILL" })) }),
            json!({ "composition": with(json!({ "elements": within })) }),
        ] {
            for format in ["PNG", "MP4"] {
                let output = json!({ "format": format, "width": 480, "height": 270, "frameRate": 10, "background": "#000000" });
                let (_, path) = made(&server, output, json!([element])).await;
                let seen = Picture::at(&path, 0.0, 480, 270);
                let all = (0..270).flat_map(|y| (0..480).map(move |x| (x, y)));
                let lit: Vec<(usize, usize)> = all.filter(|&(x, y)| seen.pixel(x, y)[1] > 127).collect();
                let [least, most] = [f64::min, f64::max].map(|choose| {
                    let edge =
                        |of: fn(&(usize, usize)) -> usize| lit.iter().map(|at| of(at) as f64).reduce(choose).unwrap_or(-1.0);
                    (edge(|at| at.0), edge(|at| at.1))
                });
                let found = [least.0, least.1, most.0 - least.0 + 1.0, most.1 - least.1 + 1.0].map(|value| value as i32);
                assert_eq!(found, [x, y, width, height], "{format}: {element:#}");
            }
        }
    }
    // What lies in part beyond the canvas is not moved into it.
    let line = json!({ "shape": { "shape": "RECTANGLE", "fill": "#ffffff", "anchor": "TOP_LEFT", "x": 10, "y": 0, "width": 5, "height": 100, "length": 1 } });
    let beyond = json!({ "anchor": "TOP_LEFT", "x": -1, "y": 50, "width": 100, "height": 100, "length": 1, "elements": [line] });
    let output = json!({ "format": "PNG", "width": 480, "height": 270, "background": "#000000" });
    let (_, path) = made(&server, output, json!([{ "composition": beyond }])).await;
    let seen = Picture::at(&path, 0.0, 480, 270);
    assert_eq!((0..480).filter(|&x| seen.pixel(x, 100)[1] > 127).collect::<Vec<_>>(), [9, 10, 11, 12, 13]);
}
