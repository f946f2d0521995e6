//! Videos of several segments: whole, the same each time, and made only where something has changed.

use reelgraph::app::Duty;
use serde_json::{Value, json};

use crate::{
    decoded::{Picture, ffmpeg, probed},
    rendering::clip,
    server::Server,
    support::made,
};

/// 14 s of a clip with sound, and two captions.
fn captioned(clip: &str, music: &str, caption: &str) -> Value {
    let text =
        |words: &str, start: i32| json!({ "text": { "text": words, "fontSize": 60, "start": start, "length": 2, "track": 1 } });
    json!({
        "outputs": [{ "width": 320, "height": 180, "frameRate": 25 }],
        "elements": [
            { "video": { "source": { "asset": clip }, "length": 14, "track": 0, "loop": true } },
            text("First", 1),
            text(caption, 7),
            { "audio": { "source": { "asset": music }, "length": 14, "track": 2 } },
        ],
    })
}

async fn sources(server: &Server) -> (String, String) {
    let source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=6", "-crf", "10", "-pix_fmt", "yuv420p"];
    let clip = clip(server, "clip.mp4", &source).await;
    (clip, server.api.upload("music.wav", "audio/wav", made::music(14.0)).await)
}

/// The result of a job and its bytes.
async fn result(server: &Server, input: Value) -> (Value, Vec<u8>) {
    let id = server.api.create(input).await;
    server.api.finished(&id).await;
    let query =
        "query($id: ID!) { job(id: $id) { status error { message } result { url frames reusedSegments renderedSegments } } }";
    let job = server.api.ask(query, json!({ "id": id })).await["job"].take();
    assert_eq!(job["status"], "COMPLETED", "{job:#}");
    let bytes = server.api.download(job["result"]["url"].as_str().unwrap()).await;
    (job["result"].clone(), bytes)
}

fn segments(result: &Value) -> (i64, i64) {
    (result["reusedSegments"].as_i64().unwrap(), result["renderedSegments"].as_i64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caption_changed_is_one_segment_made_anew() {
    let server = Server::sqlite().await;
    let (clip, music) = sources(&server).await;
    let (first, before) = result(&server, captioned(&clip, &music, "Second")).await;
    assert_eq!((segments(&first), first["frames"].as_i64()), ((0, 4), Some(350)));
    let (again, same) = result(&server, captioned(&clip, &music, "Second")).await;
    assert_eq!(segments(&again), (4, 0));
    assert!(same == before, "the same job makes the same bytes");
    let (changed, after) = result(&server, captioned(&clip, &music, "Changed")).await;
    assert_eq!(segments(&changed), (3, 1));
    assert!(after != before);

    // Where nothing is kept all is made, and is the same.
    let forgetful = Server::with(&[("REELGRAPH_KEPT_MB", "0")], Duty::Everything).await;
    // The same file: an encoder need not make it twice alike.
    let clip = forgetful.api.upload_file(&server.folder.path().join("clip.mp4"), "video/mp4").await;
    let music = forgetful.api.upload("music.wav", "audio/wav", made::music(14.0)).await;
    let (alone, anew) = result(&forgetful, captioned(&clip, &music, "Changed")).await;
    assert_eq!(segments(&alone), (0, 4));
    assert!(anew == after, "what is joined of old and new is what is made at once");

    let path = server.folder.path().join("joined.mp4");
    std::fs::write(&path, &after).unwrap();
    assert_eq!(probed(&path, "v:0", "nb_read_frames"), "350");
    // FFmpeg's muxer of nothing complains of times that go back.
    ffmpeg(&["-xerror", "-i", &path.to_string_lossy(), "-c", "copy", "-f", "null", "-"]);
    let other = server.folder.path().join("first.mp4");
    std::fs::write(&other, &before).unwrap();
    let psnr = |at: f64| Picture::at(&path, at, 320, 180).psnr(&Picture::at(&other, at, 320, 180), 0..180);
    assert!(psnr(4.5) > 90.0 && psnr(8.0) < 40.0, "{} {}", psnr(4.5), psnr(8.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_is_joined_without_a_seam() {
    let server = Server::sqlite().await;
    let (clip, music) = sources(&server).await;
    for (format, codec) in [("MP4", "H265"), ("MP4", "AV1"), ("WEBM", "VP9"), ("MOV", "PRORES")] {
        let mut input = captioned(&clip, &music, "Second");
        input["outputs"] =
            json!([{ "width": 160, "height": 90, "frameRate": 25, "format": format, "videoCodec": codec, "quality": "DRAFT" }]);
        let (made, bytes) = result(&server, input.clone()).await;
        assert_eq!(segments(&made), (0, 4), "{codec}");
        let (again, same) = result(&server, input).await;
        assert_eq!(segments(&again), (4, 0), "{codec}");
        assert!(same == bytes, "{codec}: what is found is what was made");
        let path = server.folder.path().join("joined");
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(probed(&path, "v:0", "nb_read_frames"), "350", "{codec}");
        ffmpeg(&["-xerror", "-i", &path.to_string_lossy(), "-f", "null", "-"]);
    }
}

/// Each frame is ten levels brighter than the one before it, across every join: none is missing, there twice or in another's place.
#[tokio::test(flavor = "multi_thread")]
async fn every_frame_is_in_its_place_where_segments_join() {
    let server = Server::sqlite().await;
    let rises = |second: u32| {
        let key = |at: f64, value: f64| json!({ "property": "OPACITY", "at": at, "value": value });
        let from = f64::from(second) + 0.52;
        [key(from, 0.0), key(from + 0.96, 0.96), key(from + 0.98, 0.0)]
    };
    let keyframes: Vec<Value> = (0..14).flat_map(rises).collect();
    let white = json!({ "shape": { "shape": "RECTANGLE", "fill": "white", "length": 14, "keyframes": keyframes } });
    for (format, codec) in [("MP4", "H264"), ("MP4", "H265"), ("MP4", "AV1"), ("WEBM", "VP9"), ("MOV", "PRORES")] {
        let output = json!({ "width": 160, "height": 90, "frameRate": 25, "format": format, "videoCodec": codec });
        let (made, bytes) = result(&server, json!({ "outputs": [output], "elements": [white] })).await;
        assert_eq!(segments(&made), (0, 4), "{codec}");
        let path = server.folder.path().join("stairs");
        std::fs::write(&path, bytes).unwrap();
        let levels = ffmpeg(&["-i", &path.to_string_lossy(), "-vf", "crop=2:2,format=rgb24", "-f", "rawvideo", "-"]);
        let levels: Vec<u8> = levels.chunks_exact(12).map(|pixels| pixels[0]).collect();
        assert_eq!(levels.len(), 350, "{codec}");
        for (number, level) in levels.iter().enumerate().skip(13).take(337) {
            let expected = ((number - 13) % 25) as f64 * 0.04 * 255.0;
            assert!((f64::from(*level) - expected).abs() < 5.0, "{codec}: frame {number} is {level}, not {expected}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_pictures_a_second_are_joined_too() {
    let server = Server::sqlite().await;
    let shape = json!({ "shape": { "shape": "RECTANGLE", "fill": "red", "length": 60 } });
    let output = json!({ "width": 64, "height": 64, "frameRate": 1, "range": { "start": 3, "length": 40 } });
    let (made, _) = result(&server, json!({ "outputs": [output], "elements": [shape] })).await;
    assert_eq!(made["frames"].as_i64(), Some(40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_fetched_once_and_again_when_it_was_written_anew() {
    let server = Server::sqlite().await;
    let picture = |colour: [u8; 4]| made::plain(64, 64, colour);
    let (red, blue) = (picture([255, 0, 0, 255]), picture([0, 0, 255, 255]));
    let announce = "mutation($input: UploadInput!) { createUpload(input: $input) { asset url method headers { name value } } }";
    let input = json!({ "filename": "a.png", "contentType": "image/png", "size": red.len() });
    let upload = server.api.ask(announce, json!({ "input": input })).await["createUpload"].take();
    assert_eq!(red.len(), blue.len(), "the same address takes either");
    let show = async || {
        let output = json!({ "format": "PNG", "width": 64, "height": 64 });
        let image = json!({ "image": { "source": { "asset": upload["asset"] }, "length": 1 } });
        let id = server.api.create(json!({ "outputs": [output], "elements": [image] })).await;
        let job = server.api.finished(&id).await;
        assert_eq!(job["status"], "COMPLETED", "{job:#}");
        let path = server.folder.path().join("still.png");
        std::fs::write(&path, server.api.download(job["result"]["url"].as_str().unwrap()).await).unwrap();
        let downloads = "query($id: ID!) {
            storageOperations(first: 10, filter: { jobId: $id, operation: [DOWNLOAD] }) { edges { node { key } } } }";
        let told = server.api.ask(downloads, json!({ "id": id })).await;
        (Picture::at(&path, 0.0, 64, 64), told["storageOperations"]["edges"].as_array().unwrap().len())
    };
    assert!(server.api.put(&upload, red).await.status().is_success());
    for expected in [1, 0] {
        let (picture, fetches) = show().await;
        assert!(picture.is(32, 32, [255, 0, 0], 3) && fetches == expected, "{fetches}");
    }
    assert!(server.api.put(&upload, blue).await.status().is_success());
    let (picture, fetches) = show().await;
    assert!(picture.is(32, 32, [0, 0, 255], 3) && fetches == 1, "{fetches}");
}
