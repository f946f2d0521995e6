//! Clips that are already what the output asks for: their packets are copied, and only what lies between is encoded.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    decoded::{ffmpeg, probed, sound},
    rendering::clip,
    server::Server,
};

const TAGS: [&str; 6] = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"];

/// A clip of 320×180 at 25 frames a second, with a key picture each second and a tone.
async fn source(server: &Server, name: &str, picture: &str, more: &[&str]) -> String {
    let tone = "sine=frequency=440:duration=10:sample_rate=48000";
    let input = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, "-ac", "2", "-pix_fmt", "yuv420p"];
    let encoder = ["-c:v", "libx264", "-g", "25", "-bf", "3", "-crf", "18", "-c:a", "aac"];
    clip(server, name, &[&input[..], &encoder, &TAGS, more].concat()).await
}

const TEST: &str = "testsrc2=size=320x180:rate=25:duration=10";

fn output() -> Value {
    json!({ "width": 320, "height": 180, "frameRate": 25 })
}

/// The file that a job makes, and how many of its segments were encoded.
async fn made(server: &Server, output: Value, elements: Value) -> (PathBuf, i64) {
    let id = server.api.create(json!({ "outputs": [output], "elements": elements })).await;
    server.api.finished(&id).await;
    let query = "query($id: ID!) { job(id: $id) { status error { message } result { url renderedSegments } } }";
    let job = server.api.ask(query, json!({ "id": id })).await["job"].take();
    assert_eq!(job["status"], "COMPLETED", "{job:#}");
    let path = server.folder.path().join(format!("{id}.mp4"));
    std::fs::write(&path, server.api.download(job["result"]["url"].as_str().unwrap()).await).unwrap();
    // Neither a decoder nor a muxer of nothing complains.
    ffmpeg(&["-xerror", "-i", &path.to_string_lossy(), "-f", "null", "-"]);
    ffmpeg(&["-xerror", "-i", &path.to_string_lossy(), "-c", "copy", "-f", "null", "-"]);
    (path, job["result"]["renderedSegments"].as_i64().unwrap())
}

/// A hash of each decoded picture.
fn hashes(path: &Path) -> Vec<String> {
    sums(path, &["-map", "0:v:0"])
}

/// A hash of each packet or frame that FFmpeg makes of a file.
fn sums(path: &Path, what: &[&str]) -> Vec<String> {
    let told = ffmpeg(&[&["-i", &path.to_string_lossy()], what, &["-f", "framemd5", "-"]].concat());
    let lines = String::from_utf8(told).unwrap();
    lines.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(',').nth(5).unwrap().trim().to_owned()).collect()
}

fn clip_of(asset: &str, more: Value) -> Value {
    let mut video = json!({ "source": { "asset": asset }, "track": 0 });
    video.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "video": video })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trim_copies_pictures_from_key_to_key_and_encodes_the_edges() {
    let server = Server::sqlite().await;
    let asset = source(&server, "clip.mp4", TEST, &[]).await;
    let original = hashes(&server.folder.path().join("clip.mp4"));
    let elements = json!([clip_of(&asset, json!({ "trimStart": 1.4, "length": 6.2 }))]);
    let (path, rendered) = made(&server, output(), elements).await;
    let copy = hashes(&path);
    assert_eq!((copy.len(), rendered), (155, 2), "an edge at either end");
    // Key pictures lie at 2 s and 7 s of the source: pictures 50 to 175, here 15 to 140.
    assert_eq!(copy[15..140], original[50..175]);
    assert!(copy[14] != original[49] && copy[140] != original[175]);
    let heard = sound(&path);
    assert!((heard.len() as f64 / 48_000.0 - 6.2).abs() < 0.03, "{}", heard.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trim_from_key_to_key_encodes_nothing() {
    let server = Server::sqlite().await;
    let asset = source(&server, "clip.mp4", TEST, &[]).await;
    let original = hashes(&server.folder.path().join("clip.mp4"));
    let elements = json!([clip_of(&asset, json!({ "trimStart": 2, "length": 5 }))]);
    let (path, rendered) = made(&server, output(), elements).await;
    assert_eq!(rendered, 0);
    assert_eq!(hashes(&path), original[50..175]);
    // The sound too, to the sample.
    let (heard, all) = (sound(&path), sound(&server.folder.path().join("clip.mp4")));
    let far = heard.iter().zip(&all[2 * 48_000..7 * 48_000]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < 1e-3 && heard.len().abs_diff(5 * 48_000) <= 1_024, "{far} {}", heard.len());
    assert_eq!(probed(&path, "v:0", "nb_read_frames"), "125");
    let packets = |path: &Path| sums(path, &["-map", "0:a", "-c", "copy"]);
    let (copied, all) = (packets(&path), packets(&server.folder.path().join("clip.mp4")));
    assert!(copied.len() > 230 && all.windows(copied.len()).any(|run| run == copied), "the packets themselves");
}

#[tokio::test(flavor = "multi_thread")]
async fn clips_of_several_encoders_stand_in_one_file_beside_what_is_composed() {
    let server = Server::sqlite().await;
    let one = source(&server, "clip.mp4", TEST, &[]).await;
    let first = hashes(&server.folder.path().join("clip.mp4"));
    // Other parameter sets, under the same ids: only one of the two can be copied.
    let other = source(&server, "other.mp4", "mandelbrot=size=320x180:rate=25", &["-t", "10", "-bf", "0", "-refs", "1"]).await;
    // And such under ids of its own: both can.
    let apart = ["-t", "10", "-bf", "0", "-x264-params", "sps-id=3"];
    let apart = source(&server, "apart.mp4", "mandelbrot=size=320x180:rate=25", &apart).await;
    let third = hashes(&server.folder.path().join("apart.mp4"));
    let words = json!({ "text": { "text": "words", "start": 4.5, "length": 1, "track": 1 } });
    for (second, copied) in [(other, false), (apart, true)] {
        let elements = json!([clip_of(&one, json!({})), clip_of(&second, json!({})), words]);
        let (path, _) = made(&server, output(), elements).await;
        let found = hashes(&path);
        assert_eq!(found.len(), 500);
        assert_eq!((found[..100] == first[..100], found[150..250] == first[150..250]), (true, true));
        assert!(found[115] != first[115], "under the words");
        assert_eq!(found[250..] == third[..250], copied);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_says_what_is_copied() {
    let server = Server::sqlite().await;
    let asset = source(&server, "clip.mp4", TEST, &[]).await;
    let elements = json!([clip_of(&asset, json!({ "trimStart": 1.4, "length": 6.2 }))]);
    let query = "query($input: CreateJobInput!) { validateJob(input: $input) { plan { intervals { start end way } } } }";
    let told = server.api.ask(query, json!({ "input": { "outputs": [output()], "elements": elements } })).await;
    let expected = json!([
        { "start": 0.0, "end": 0.6, "way": "PASS" },
        { "start": 0.6, "end": 5.6, "way": "COPY" },
        { "start": 5.6, "end": 6.2, "way": "PASS" },
    ]);
    assert_eq!(told["validateJob"]["plan"]["intervals"], expected, "{told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_otherwise_is_encoded() {
    let server = Server::sqlite().await;
    let asset = source(&server, "clip.mp4", TEST, &[]).await;
    let turned = json!([clip_of(&asset, json!({ "opacity": 0.5 }))]);
    let plain = json!([clip_of(&asset, json!({}))]);
    let with = |name: &str, value: Value| {
        let mut output = output();
        output[name] = value;
        output
    };
    let cases = [
        (output(), turned, "half clear"),
        (with("crf", json!(30)), plain.clone(), "a factor"),
        (with("quality", json!("LOW")), plain.clone(), "a small file"),
        (with("frameRate", json!(50)), plain.clone(), "another rate"),
        (with("width", json!(640)), plain.clone(), "another size"),
        (with("videoCodec", json!("H265")), plain, "another codec"),
    ];
    for (output, elements, what) in cases {
        assert!(made(&server, output, elements).await.1 > 0, "{what}");
    }
}
