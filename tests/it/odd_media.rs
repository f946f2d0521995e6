//! Clips as people have them: other rates, odd sizes, turned, without sound, in other containers.

use serde_json::json;

use crate::{
    decoded::Picture,
    rendering::{clip, render},
    server::Server,
};

async fn renders(server: &Server, name: &str, arguments: &[&str]) -> (serde_json::Value, std::path::PathBuf) {
    let asset = clip(server, name, arguments).await;
    let element = json!({ "video": { "source": { "asset": asset }, "length": 1 } });
    render(server, json!({ "outputs": { "width": 320, "height": 180, "frameRate": 30 }, "elements": [element] })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_sizes_rates_layouts_and_containers_render() {
    let server = Server::sqlite().await;
    let pattern = |size: &str, rate: &str| format!("testsrc2=s={size}:r={rate}:d=1.2");
    let tone = |rate: &str, channels: &str| format!("aevalsrc={channels}:s={rate}:d=1.2");
    let odd = pattern("101x77", "25");
    let slow = pattern("320x240", "7");
    let fast = pattern("320x240", "120");
    let mono8 = tone("8000", "sin(2000*t)");
    let six96 = tone("96000", "sin(2000*t)|0|0|0|0|0");
    let slowest = "testsrc2=s=320x240:r=1:d=4".to_owned();
    let cases: [(&str, Vec<&str>); 8] = [
        ("odd.mp4", vec!["-f", "lavfi", "-i", &odd, "-pix_fmt", "yuv444p"]),
        ("slow.mkv", vec!["-f", "lavfi", "-i", &slow, "-f", "lavfi", "-i", &mono8]),
        ("fast.webm", vec!["-f", "lavfi", "-i", &fast, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
        ("six.mov", vec!["-f", "lavfi", "-i", &odd, "-f", "lavfi", "-i", &six96, "-c:v", "mpeg4", "-c:a", "pcm_s16le"]),
        ("prores.mov", vec!["-f", "lavfi", "-i", &slow, "-c:v", "prores_ks"]),
        ("onefps.mp4", vec!["-f", "lavfi", "-i", &slowest]),
        ("moving.gif", vec!["-f", "lavfi", "-i", &slowest]),
        ("ts.ts", vec!["-f", "lavfi", "-i", &slow, "-f", "lavfi", "-i", &mono8, "-ar", "44100"]),
    ];
    for (name, arguments) in cases {
        let (job, path) = renders(&server, name, &arguments).await;
        assert_eq!(job["result"]["frames"], 30, "{name}");
        assert!(Picture::at(&path, 0.5, 32, 18).brightness() > 30.0, "{name} shows something");
        let sounds = arguments.iter().filter(|argument| **argument == "-i").count() == 2;
        assert_eq!(job["result"]["audioCodec"].is_string(), sounds, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turned_clip_stands_upright() {
    let server = Server::sqlite().await;
    // Red on top as it is stored; tagged to be turned a quarter clockwise, so that red comes to the right.
    let stored = server.folder.path().join("stored.mp4").to_string_lossy().into_owned();
    let picture = "color=c=blue:s=180x320:r=25:d=1,drawbox=c=red:t=fill:h=80:w=180:x=0:y=0";
    crate::decoded::ffmpeg(&["-f", "lavfi", "-i", picture, &stored]);
    let (_, path) = renders(&server, "turned.mp4", &["-i", &stored, "-c", "copy", "-metadata:s:v:0", "rotate=270"]).await;
    let reference = Picture::at(&server.folder.path().join("turned.mp4"), 0.5, 320, 180);
    let rendered = Picture::at(&path, 0.5, 320, 180);
    assert!(rendered.psnr(&reference, 0..180) > 30.0, "as FFmpeg's own command line turns it");
    let red = |picture: &Picture, x| picture.is(x, 90, [254, 0, 0], 20);
    assert!(red(&rendered, 20) != red(&rendered, 300), "red is at one side");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_shorter_than_its_element_freezes_at_its_end() {
    let server = Server::sqlite().await;
    let picture = "color=c=black:s=320x180:r=25:d=1,drawbox=c=white:t=fill:enable='gte(t,0.5)'";
    let asset = clip(&server, "short.mp4", &["-f", "lavfi", "-i", picture]).await;
    let element = json!({ "video": { "source": { "asset": asset }, "length": 3 } });
    let (job, path) = render(&server, json!({ "outputs": { "width": 320, "height": 180 }, "elements": [element] })).await;
    assert_eq!(job["result"]["frames"], 90);
    assert!(Picture::at(&path, 0.2, 32, 18).brightness() < 20.0);
    assert!(Picture::at(&path, 2.8, 32, 18).brightness() > 230.0);
}
