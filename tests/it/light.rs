//! Sources of high dynamic range and of wide colours, against FFmpeg's own filters and the standards' formulas.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    decoded::{Picture, ffmpeg},
    rendering::{clip, render},
    server::Server,
};

/// Of each patch, Y, Cb and Cr of 10 bits.
type Patches<'a> = &'a [[u16; 3]];

/// A clip of patches side by side, 32 pixels each, in lossless H.264 of 10 bits, tagged as said.
async fn patches(server: &Server, name: &str, patches: Patches<'_>, curve: &str) -> String {
    let picked = |plane: usize, across: usize| {
        let one = |(index, patch): (usize, &[u16; 3])| format!("if(lt(X,{}),{},", (index + 1) * across, patch[plane]);
        let text: String = patches.iter().enumerate().map(one).collect();
        format!("{text}0{}", ")".repeat(patches.len()))
    };
    let picture = format!(
        "color=s={}x64:r=10:d=1,format=yuv420p10le,geq=lum='{}':cb='{}':cr='{}'",
        patches.len() * 32,
        picked(0, 32),
        picked(1, 16),
        picked(2, 16)
    );
    let tags = ["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", curve, "-color_range", "tv"];
    // Of H.265 can be told how bright it is.
    let encoder = match name.strip_suffix(".hevc.mp4") {
        None => ["-c:v", "libx264", "-qp", "0"],
        Some(_) => ["-c:v", "libx265", "-x265-params", "log-level=none:lossless=1:max-cll=4000,400"],
    };
    clip(server, name, &[&["-f", "lavfi", "-i", &picture], &encoder[..], &tags[..]].concat()).await
}

async fn rendered(server: &Server, asset: &str, count: usize) -> Picture {
    let width = count * 32;
    let output = json!({ "width": width, "height": 64, "frameRate": 10, "quality": "LOSSLESS" });
    let element = json!({ "video": { "source": { "asset": asset }, "length": 1 } });
    let (_, path) = render(server, json!({ "outputs": [output], "elements": [element] })).await;
    Picture::at(&path, 0.5, width, 64)
}

/// The clip by FFmpeg's zscale: to light, to the primaries of BT.709, and to BT.1886 with white at 203 cd/m².
fn by_zscale(server: &Server, name: &str, count: usize) -> Picture {
    let path: PathBuf = server.folder.path().join(name);
    let filter = "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,zscale=t=bt709:m=gbr:r=full,format=rgb24";
    let rgb = ffmpeg(&["-i", &path.to_string_lossy(), "-frames:v", "1", "-vf", filter, "-f", "rawvideo", "-"]);
    Picture { width: count * 32, height: 64, rgb }
}

/// The PQ number, of 10 bits in limited range, of light in cd/m² (SMPTE ST 2084).
fn pq(light: f64) -> u16 {
    let power = (light / 10_000.0f64).powf(0.159_301_757_812_5);
    let value = ((0.835_937_5 + 18.851_562_5 * power) / (1.0 + 18.687_5 * power)).powf(78.843_75);
    (64.0 + 876.0 * value).round() as u16
}

#[tokio::test(flavor = "multi_thread")]
async fn dark_and_coloured_light_of_pq_is_as_zscale_has_it() {
    let server = Server::sqlite().await;
    let patched: Vec<[u16; 3]> = [
        [pq(1.0), 512, 512],
        [pq(10.0), 512, 512],
        [pq(40.0), 512, 512],
        [pq(80.0), 512, 512],
        [pq(20.0), 540, 500],
        [pq(20.0), 490, 545],
        [pq(40.0), 480, 520],
        [pq(30.0), 530, 530],
    ]
    .into();
    let asset = patches(&server, "dark.mp4", &patched, "smpte2084").await;
    let (ours, theirs) = (rendered(&server, &asset, 8).await, by_zscale(&server, "dark.mp4", 8));
    for index in 0..8 {
        let x = index * 32 + 16;
        assert!(ours.is(x, 32, theirs.pixel(x, 32), 3), "{index}: {:?}, theirs {:?}", ours.pixel(x, 32), theirs.pixel(x, 32));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bright_light_is_rolled_off_and_not_cut() {
    let server = Server::sqlite().await;
    let grey: Vec<[u16; 3]> = [100.0, 203.0, 400.0, 600.0, 800.0, 1_000.0, 4_000.0].map(|light| [pq(light), 512, 512]).into();
    let asset = patches(&server, "bright.mp4", &grey, "smpte2084").await;
    let picture = rendered(&server, &asset, 7).await;
    let shown: Vec<u8> = (0..7).map(|index| picture.pixel(index * 32 + 16, 32)[1]).collect();
    assert!(shown[..5].windows(2).all(|pair| pair[0] < pair[1]), "each brighter than the one before: {shown:?}");
    assert!((185..=200).contains(&shown[0]), "100 cd/m² is nearly where it was: {shown:?}");
    assert!((215..=240).contains(&shown[1]), "white leaves room for what is brighter: {shown:?}");
    assert!(shown[4] >= 252 && shown[5] >= 254 && shown[6] >= 254, "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_says_how_bright_it_is_is_rolled_off_up_to_there() {
    let server = Server::sqlite().await;
    let grey: Vec<[u16; 3]> = [203.0, 1_000.0, 2_000.0, 4_000.0].map(|light| [pq(light), 512, 512]).into();
    let asset = patches(&server, "told.hevc.mp4", &grey, "smpte2084").await;
    let picture = rendered(&server, &asset, 4).await;
    let shown: Vec<u8> = (0..4).map(|index| picture.pixel(index * 32 + 16, 32)[1]).collect();
    assert!(shown.windows(2).all(|pair| pair[0] < pair[1]) && shown[0] < 218 && shown[3] >= 254, "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hlg_is_seen_as_a_display_of_1000_shows_it() {
    let server = Server::sqlite().await;
    // Where the system gamma and the square root of HLG leave 50 cd/m², which no tone curve touches.
    let scene = (50.0f64 / 1_000.0).powf(1.0 / 1.2);
    let signal = (3.0 * scene).sqrt();
    let number = (64.0 + 876.0 * signal).round() as u16;
    let asset = patches(&server, "hlg.mp4", &[[number, 512, 512], [721, 512, 512], [940, 512, 512]], "arib-std-b67").await;
    let picture = rendered(&server, &asset, 3).await;
    let wanted = (255.0 * (50.0f64 / 203.0).powf(1.0 / 2.4)).round() as u8;
    assert!(picture.is(16, 32, [wanted; 3], 2), "{:?}, not {wanted}", picture.pixel(16, 32));
    assert!((215..=240).contains(&picture.pixel(48, 32)[1]), "white: {:?}", picture.pixel(48, 32));
    assert!(picture.is(80, 32, [255; 3], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn wide_colours_of_standard_range_come_to_bt709() {
    let server = Server::sqlite().await;
    let patched = [[600, 512, 512], [500, 560, 480], [400, 470, 560], [700, 480, 500]];
    let asset = patches(&server, "wide.mp4", &patched, "bt2020-10").await;
    let (ours, theirs) = (rendered(&server, &asset, 4).await, by_zscale(&server, "wide.mp4", 4));
    for index in 0..4 {
        let x = index * 32 + 16;
        assert!(ours.is(x, 32, theirs.pixel(x, 32), 3), "{index}: {:?}, theirs {:?}", ours.pixel(x, 32), theirs.pixel(x, 32));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grey_of_another_matrix_stays_the_same_grey() {
    let server = Server::sqlite().await;
    for name in ["smpte170m", "fcc", "smpte240m"] {
        let grey = "nullsrc=s=320x180:r=10:d=1,format=yuv420p,geq=lum='if(lt(X,160),100,235)':cb=128:cr=128";
        let source = ["-f", "lavfi", "-i", grey, "-c:v", "libx264", "-qp", "0", "-colorspace", name, "-color_range", "tv"];
        let asset = clip(&server, &format!("{name}.mp4"), &source).await;
        let element = json!({ "video": { "source": { "asset": asset }, "length": 1 } });
        let output = json!({ "width": 320, "height": 180, "frameRate": 10, "quality": "LOSSLESS" });
        let (_, path) = render(&server, json!({ "outputs": [output], "elements": [element] })).await;
        let file = path.to_string_lossy();
        let planes = ffmpeg(&["-i", &file, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]);
        let (luma, chroma) = planes.split_at(320 * 180);
        assert_eq!((luma[90 * 320 + 40], luma[90 * 320 + 280]), (100, 235), "{name}");
        assert!(chroma.iter().all(|value| *value == 128), "{name}");
        // White is white where it is composed more finely, too.
        let output = json!({ "format": "PNG", "width": 320, "height": 180 });
        let (_, path) = render(&server, json!({ "outputs": [output], "elements": [element] })).await;
        let picture = Picture::at(&path, 0.0, 320, 180);
        assert!(picture.is(280, 90, [255; 3], 0) && picture.is(40, 90, [98; 3], 1), "{name}: {:?}", picture.pixel(280, 90));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_full_range_of_any_codec_becomes_the_limited_one() {
    let server = Server::sqlite().await;
    let ten = ["-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p10le"];
    let hevc = ["-c:v", "libx265", "-x265-params", "log-level=none:lossless=1", "-pix_fmt", "yuv420p10le"];
    let encoders: [(&str, &[&str]); 5] = [
        ("vp9.webm", &["-c:v", "libvpx-vp9", "-lossless", "1"]),
        ("av1.mp4", &["-c:v", "libsvtav1", "-qp", "1"]),
        ("h264.mp4", &["-c:v", "libx264", "-qp", "0"]),
        ("ten.mp4", &ten),
        ("hevc.mp4", &hevc),
    ];
    for (name, encoder) in encoders {
        let grey = if name == "ten.mp4" || name == "hevc.mp4" {
            "yuv420p10le,geq=lum=800:cb=512:cr=512"
        } else {
            "yuv420p,geq=lum=200:cb=128:cr=128"
        };
        let grey = format!("nullsrc=s=320x180:r=10:d=1,format={grey}");
        let tags = ["-color_range", "pc", "-colorspace", "bt709"];
        let asset = clip(&server, name, &[&["-f", "lavfi", "-i", &grey], encoder, &tags[..]].concat()).await;
        let element = json!({ "video": { "source": { "asset": asset }, "length": 1 } });
        for (width, height) in [(320, 180), (160, 90)] {
            let output = json!({ "width": width, "height": height, "frameRate": 10, "quality": "LOSSLESS" });
            let (_, path) = render(&server, json!({ "outputs": [output], "elements": [element] })).await;
            let planes = ffmpeg(&["-i", &path.to_string_lossy(), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]);
            // 16 + 200 · 219 / 255.
            assert!(planes[width * height / 2 + 40].abs_diff(188) <= 1, "{name} at {width}: {}", planes[width * height / 2 + 40]);
        }
        let output = json!({ "format": "PNG", "width": 320, "height": 180 });
        let (_, path) = render(&server, json!({ "outputs": [output], "elements": [element] })).await;
        let seen = Picture::at(&path, 0.0, 320, 180).pixel(100, 90);
        assert!(seen.iter().all(|value| value.abs_diff(200) <= 1), "{name}: {seen:?}");
    }
}
