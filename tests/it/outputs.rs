//! Every format and codec, as FFmpeg's own tools see it.

use serde_json::{Value, json};

use crate::{
    decoded::{Picture, amplitude, ffmpeg, probed, sound},
    outlook::VALIDATE,
    rendering::clip,
    server::Server,
    support::made,
};

/// A job's result, saved under its own name.
pub async fn made(server: &Server, output: Value, elements: Value) -> (Value, std::path::PathBuf) {
    let id = server.api.create(json!({ "outputs": [output], "elements": elements })).await;
    let job = server.api.finished(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job:#}");
    let key = job["result"]["key"].as_str().unwrap();
    let path = server.folder.path().join(key.replace('/', "-"));
    std::fs::write(&path, server.api.download(job["result"]["url"].as_str().unwrap()).await).unwrap();
    (job["result"].clone(), path)
}

/// Four coloured quarters, and a tone.
async fn quarters(server: &Server) -> Value {
    let filter = "color=red:160x90:d=2:r=10,pad=320:180:0:0:white,drawbox=160:0:160:90:lime:fill,drawbox=0:90:160:90:blue:fill";
    let picture = clip(server, "quarters.mp4", &["-y", "-f", "lavfi", "-i", filter, "-pix_fmt", "yuv420p", "-crf", "5"]).await;
    let tone = server.api.upload("tone.wav", "audio/wav", made::tone(2.0, 440.0, 0.5)).await;
    json!([{ "video": { "source": { "asset": picture } } }, { "audio": { "source": { "asset": tone } } }])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_holds_what_it_says() {
    let server = Server::sqlite().await;
    let elements = quarters(&server).await;
    for (format, codec, video, audio) in [
        ("MP4", Some("H264"), "h264", Some("aac")),
        ("MP4", Some("H265"), "hevc", Some("aac")),
        ("MP4", Some("AV1"), "av1", Some("aac")),
        ("WEBM", None, "vp9", Some("opus")),
        ("WEBM", Some("AV1"), "av1", Some("opus")),
        ("MOV", Some("PRORES"), "prores", Some("pcm_s16le")),
        ("MOV", None, "h264", Some("aac")),
        ("GIF", None, "gif", None),
    ] {
        let mut output = json!({ "format": format, "width": 320, "height": 180, "frameRate": 10, "quality": "HIGH" });
        if let Some(codec) = codec {
            output["videoCodec"] = codec.into();
        }
        let (result, path) = made(&server, output, elements.clone()).await;
        let name = format!("{format} {codec:?}");
        assert_eq!((result["videoCodec"].as_str(), result["audioCodec"].as_str()), (Some(video), audio), "{name}");
        assert_eq!(probed(&path, "v:0", "codec_name,width,height,nb_read_frames"), format!("{video},320,180,20"), "{name}");
        let picture = Picture::at(&path, 1.0, 320, 180);
        for (x, y, colour) in [(80, 45, [255, 0, 0]), (240, 45, [0, 255, 0]), (80, 135, [0, 0, 255]), (240, 135, [255; 3])] {
            assert!(picture.is(x, y, colour, 24), "{name}: {:?} at {x}, {y}", picture.pixel(x, y));
        }
        if let Some(audio) = audio {
            assert_eq!(probed(&path, "a:0", "codec_name,channels"), format!("{audio},2"), "{name}");
            let left = sound(&path);
            let heard = amplitude(&left[24_000..72_000], 440.0);
            assert!((heard - 0.5).abs() < 0.05, "{name}: {heard}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stills_show_the_frame_at_the_range_s_start() {
    let server = Server::sqlite().await;
    let elements = json!([
        { "shape": { "shape": "RECTANGLE", "fill": "#ff0000", "length": 1, "track": 0 } },
        { "shape": { "shape": "RECTANGLE", "fill": "#0000ff", "length": 1, "track": 0 } },
    ]);
    for (format, codec) in [("PNG", "png"), ("JPEG", "mjpeg")] {
        for (range, colour) in [(Value::Null, [255, 0, 0]), (json!({ "start": 1.5, "length": 0.1 }), [0, 0, 255])] {
            let output = json!({ "format": format, "width": 64, "height": 32, "frameRate": 10, "range": range });
            let (result, path) = made(&server, output, elements.clone()).await;
            assert_eq!((result["frames"].as_i64(), result["audioCodec"].as_str()), (Some(1), None));
            assert_eq!(probed(&path, "v:0", "codec_name,width,height"), format!("{codec},64,32"));
            assert!(Picture::at(&path, 0.0, 64, 32).is(20, 20, colour, 6), "{format}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_alone_and_a_part_of_it() {
    let server = Server::sqlite().await;
    // A second of one tone, and a second of another.
    let low = server.api.upload("low.wav", "audio/wav", made::tone(1.0, 440.0, 0.5)).await;
    let high = server.api.upload("high.wav", "audio/wav", made::tone(1.0, 880.0, 0.5)).await;
    let elements = json!([
        { "audio": { "source": { "asset": low }, "track": 0 } },
        { "audio": { "source": { "asset": high }, "track": 0 } },
    ]);
    for (format, codec, tolerance) in [("WAV", "pcm_s16le", 1_usize), ("MP3", "mp3", 3_000)] {
        let output = json!({ "format": format, "range": { "start": 0.5, "length": 1 } });
        let (result, path) = made(&server, output, elements.clone()).await;
        assert_eq!((result["videoCodec"].as_str(), result["audioCodec"].as_str()), (None, Some(codec)));
        let left = sound(&path);
        assert!(left.len().abs_diff(48_000) <= tolerance, "{format}: {}", left.len());
        assert_eq!((result["duration"].as_f64(), result["frames"].as_i64()), (Some(1.0), Some(48_000)), "{format}");
        assert!((amplitude(&left[4_800..19_200], 440.0) - 0.5).abs() < 0.03, "{format}: the end of the first");
        assert!((amplitude(&left[28_800..43_200], 880.0) - 0.5).abs() < 0.03, "{format}: the beginning of the second");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_alone_ends_with_a_sample_whatever_the_pictures() {
    let server = Server::sqlite().await;
    let tone = server.api.upload("tone.wav", "audio/wav", made::tone(1.0, 440.0, 0.5)).await;
    let elements = json!([{ "audio": { "source": { "asset": tone }, "start": 0.01, "length": 0.5125 } }]);
    let (result, path) = made(&server, json!({ "format": "WAV", "frameRate": 1 }), elements).await;
    assert_eq!((sound(&path).len(), result["duration"].as_f64()), (25_080, Some(0.5225)));
    assert_eq!((&result["width"], &result["height"]), (&json!(0), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_video_is_that_part() {
    let server = Server::sqlite().await;
    let elements = json!([
        { "shape": { "shape": "RECTANGLE", "fill": "#ff0000", "length": 1, "track": 0 } },
        { "shape": { "shape": "RECTANGLE", "fill": "#0000ff", "length": 1, "track": 0 } },
    ]);
    let output = json!({ "width": 64, "height": 32, "frameRate": 10, "range": { "start": 0.5, "length": 1 } });
    let (result, path) = made(&server, output, elements).await;
    assert_eq!((result["frames"].as_i64(), result["duration"].as_f64()), (Some(10), Some(1.0)));
    assert!(Picture::at(&path, 0.4, 64, 32).is(20, 20, [255, 0, 0], 12));
    assert!(Picture::at(&path, 0.5, 64, 32).is(20, 20, [0, 0, 255], 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_no_sound_file() {
    let server = Server::sqlite().await;
    let elements = json!([{ "text": { "text": "silence", "length": 1 } }]);
    let id = server.api.create(json!({ "outputs": [{ "format": "WAV" }], "elements": elements, "maxAttempts": 1 })).await;
    let job = server.api.finished(&id).await;
    assert_eq!(job["status"], "FAILED");
    assert!(job["error"]["message"].as_str().unwrap().contains("sounds"), "{job:#}");
    let query = "query($input: CreateJobInput!) { validateJob(input: $input) { valid problems { message } } }";
    let input = json!({ "outputs": [{}, { "format": "WAV" }], "elements": elements });
    let told = server.api.ask(query, json!({ "input": input })).await["validateJob"].take();
    assert_eq!(told["valid"], false, "{told:#}");
    assert!(told["problems"][0]["message"].as_str().unwrap().contains("outputs[1]"), "{told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_come_from_one_job() {
    let server = Server::sqlite().await;
    let elements = quarters(&server).await;
    let outputs = json!([
        { "width": 320, "height": 180, "frameRate": 10 },
        { "format": "GIF", "width": 160, "height": 90, "frameRate": 5 },
        { "format": "PNG", "width": 64, "height": 36 },
        { "format": "MP3" },
    ]);
    let id = server.api.create(json!({ "outputs": outputs, "elements": elements })).await;
    let job = server.api.finished(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job:#}");
    let query =
        "query($id: ID!) { job(id: $id) { result { key } results { key url container frames size } timeline { step status } } }";
    let job = server.api.ask(query, json!({ "id": id })).await["job"].take();
    let results = job["results"].as_array().unwrap();
    let told: Vec<_> =
        results.iter().map(|file| (file["container"].as_str().unwrap(), file["frames"].as_i64().unwrap())).collect();
    assert_eq!(told, [("mp4", 20), ("gif", 10), ("png", 1), ("mp3", 96_000)]);
    assert_eq!(job["result"]["key"], results[0]["key"]);
    assert!(job["timeline"].as_array().unwrap().iter().all(|step| step["status"] == "COMPLETED"), "{job:#}");
    for (index, file) in results.iter().enumerate() {
        let bytes = server.api.download(file["url"].as_str().unwrap()).await;
        assert_eq!(file["size"].as_i64(), Some(bytes.len() as i64));
        let path = server.folder.path().join(format!("file-{index}"));
        std::fs::write(&path, bytes).unwrap();
        if index < 3 {
            let picture = Picture::at(&path, 0.0, 64, 36);
            assert!(picture.is(16, 9, [255, 0, 0], 24) && picture.is(48, 27, [255; 3], 24), "file {index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poster_lies_beside_the_result() {
    let server = Server::sqlite().await;
    let shape = |start: f64, fill: &str| json!({ "shape": { "shape": "RECTANGLE", "fill": fill, "start": start, "length": 1 } });
    let output = json!({ "width": 320, "height": 180, "frameRate": 10, "posterAt": 50 });
    let input = json!({ "outputs": [output], "elements": [shape(0.0, "red"), shape(1.0, "blue")] });
    let id = server.api.create(input).await;
    server.api.finished(&id).await;
    let query = "query($id: ID!) { job(id: $id) { outputs { posterAt } results { poster url } } }";
    let job = server.api.ask(query, json!({ "id": id })).await["job"].take();
    assert_eq!((job["outputs"][0]["posterAt"].as_f64(), job["results"].as_array().unwrap().len()), (Some(50.0), 1), "{job:#}");
    let bytes = server.api.download(job["results"][0]["poster"].as_str().expect("a poster")).await;
    let poster = image::load_from_memory_with_format(&bytes, image::ImageFormat::Jpeg).expect("a JPEG").into_rgb8();
    assert_eq!(poster.dimensions(), (320, 180));
    assert!(poster.get_pixel(160, 90).0.iter().zip([0, 0, 255]).all(|(a, b)| a.abs_diff(b) < 8));
}

/// How a clip looks as a GIF of ours, and as one by FFmpeg's palettegen and paletteuse; decibels.
async fn as_gif(server: &Server, name: &str, arguments: &[&str]) -> [f64; 2] {
    let asset = clip(server, name, arguments).await;
    let elements = json!([{ "video": { "source": { "asset": asset }, "length": 1 } }]);
    let size = |format: &str| json!({ "format": format, "width": 320, "height": 180, "frameRate": 10 });
    let (_, ours) = made(server, size("GIF"), elements.clone()).await;
    let (_, still) = made(server, size("PNG"), elements).await;
    let theirs = server.folder.path().join("theirs.gif");
    let graph = "scale=320:180:flags=bicubic,fps=10,split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=bayer";
    let file = server.folder.path().join(name);
    ffmpeg(&["-i", &file.to_string_lossy(), "-t", "1", "-filter_complex", graph, &theirs.to_string_lossy()]);
    let still = Picture::at(&still, 0.0, 320, 180);
    [&ours, &theirs].map(|path| Picture::at(path, 0.0, 320, 180).psnr(&still, 0..180))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gif_has_the_colours_of_its_pictures() {
    let server = Server::sqlite().await;
    // Few colours are all there, and only they.
    let elements = json!([
        { "shape": { "shape": "RECTANGLE", "fill": "#7f3355", "length": 0.5, "track": 0 } },
        { "shape": { "shape": "RECTANGLE", "fill": "#123456", "width": 20, "height": 20, "length": 0.5, "track": 1 } },
    ]);
    let (_, path) = made(&server, json!({ "format": "GIF", "width": 64, "height": 64, "frameRate": 10 }), elements).await;
    let picture = Picture::at(&path, 0.0, 64, 64);
    let found: std::collections::BTreeSet<[u8; 3]> = picture.rgb.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect();
    let near = |color: [u8; 3]| found.iter().any(|found| found.iter().zip(color).all(|(a, b)| a.abs_diff(b) <= 1));
    assert!(found.len() == 2 && near([0x7f, 0x33, 0x55]) && near([0x12, 0x34, 0x56]), "{found:?}");
    // Many are as near as by FFmpeg's own filters, of few hues too.
    let hues = ["-f", "lavfi", "-i", "gradients=s=320x180:c0=0x1e3c72:c1=0xff8800:x0=0:y0=0:x1=320:y1=180:d=1:r=10:seed=1"];
    let hues = [&hues[..], &["-pix_fmt", "yuv444p", "-crf", "1"]].concat();
    let [ours, theirs] = as_gif(&server, "hues.mp4", &hues).await;
    println!("hues: ours {ours:.2} dB, FFmpeg's {theirs:.2}");
    assert!(ours > theirs - 1.0, "hues: ours {ours:.2} dB, FFmpeg's {theirs:.2}");
    for name in ["sintel.mp4", "big_buck_bunny.mp4"] {
        let file = crate::support::media(name).to_string_lossy().into_owned();
        let part = ["-ss", "5", "-t", "1", "-i", &file, "-vf", "scale=640:360,setsar=1", "-r", "10", "-crf", "10", "-an"];
        let [ours, theirs] = as_gif(&server, name, &part).await;
        println!("{name}: ours {ours:.2} dB, FFmpeg's {theirs:.2}");
        assert!(ours > theirs - 1.0, "{name}: ours {ours:.2} dB, FFmpeg's {theirs:.2}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_past_the_end_of_a_shorter_output_is_in_the_longer() {
    let server = Server::sqlite().await;
    let shape = |start: f64, fill: &str| json!({ "shape": { "shape": "RECTANGLE", "fill": fill, "start": start, "length": 1 } });
    let output = |more: Value| {
        let mut output = json!({ "width": 64, "height": 36, "frameRate": 10 });
        output.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        output
    };
    let outputs = [output(json!({ "duration": 1 })), output(json!({}))];
    let job = json!({ "outputs": outputs, "elements": [shape(0.0, "red"), shape(2.0, "lime")] });
    let id = server.api.create(job).await;
    let status = server.api.finished(&id).await["status"].take();
    let query = "query($id: ID!) { job(id: $id) { results { frames } } }";
    let job = server.api.ask(query, json!({ "id": id })).await["job"].take();
    let frames: Vec<_> = job["results"].as_array().unwrap().iter().map(|result| result["frames"].as_i64().unwrap()).collect();
    assert_eq!((status.as_str(), &frames[..]), (Some("COMPLETED"), &[10, 30][..]), "{job:#}");
    let told = async |longer: f64| {
        let both = [output(json!({ "duration": 1 })), output(json!({ "duration": longer }))];
        let input = json!({ "outputs": both, "elements": [shape(0.0, "red"), shape(2.0, "lime")] });
        server.api.ask(VALIDATE, json!({ "input": input })).await["validateJob"].take()
    };
    assert_eq!(told(3.0).await["problems"], json!([]));
    let told = told(2.0).await;
    assert_eq!(told["problems"][0]["path"], "input.elements[1].shape.start", "in none of them: {told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_rate_is_met_on_average() {
    let server = Server::sqlite().await;
    let noise = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=10,noise=alls=20:allf=t", "-pix_fmt", "yuv420p", "-crf", "12"];
    let asset = clip(&server, "noise.mp4", &noise).await;
    for (format, codec) in [("MP4", "H264"), ("MP4", "H265"), ("WEBM", "VP9"), ("MP4", "AV1")] {
        let output = json!({ "format": format, "videoCodec": codec, "width": 320, "height": 180, "frameRate": 25,
            "videoBitrate": 400_000 });
        let (_, path) = made(&server, output, json!([{ "video": { "source": { "asset": asset } } }])).await;
        let rate = std::fs::metadata(&path).unwrap().len() as f64 * 8.0 / 10.0;
        // VP9 in one pass takes more than it is given where there is much to say, as it does by FFmpeg's command line.
        let most = if codec == "VP9" { 1.35 } else { 1.1 };
        assert!((0.8..most).contains(&(rate / 400_000.0)), "{codec}: {rate:.0} bits a second");
    }
}
