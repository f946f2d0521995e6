//! Clips as people have them: other rates, odd sizes, turned, without sound, in other containers.

use serde_json::{Value, json};

use crate::{
    decoded::{Picture, ffmpeg, sound},
    looks::video,
    outputs::made,
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
    ffmpeg(&["-f", "lavfi", "-i", picture, &stored]);
    let (_, path) = renders(&server, "turned.mp4", &["-i", &stored, "-c", "copy", "-metadata:s:v:0", "rotate=270"]).await;
    let reference = Picture::at(&server.folder.path().join("turned.mp4"), 0.5, 320, 180);
    let rendered = Picture::at(&path, 0.5, 320, 180);
    assert!(rendered.psnr(&reference, 0..180) > 30.0, "as FFmpeg's own command line turns it");
    let red = |picture: &Picture, x| picture.is(x, 90, [254, 0, 0], 20);
    assert!(red(&rendered, 20) != red(&rendered, 300), "red is at one side");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirrored_clip_is_seen_as_it_is_meant_and_not_copied() {
    let server = Server::sqlite().await;
    let plain = server.folder.path().join("plain.mp4").to_string_lossy().into_owned();
    ffmpeg(&["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "10", &plain]);
    let stored = std::fs::read(&plain).unwrap();
    let head = stored.windows(4).position(|name| name == b"tkhd").expect("a track's head");
    // The display matrix begins so far behind the name of its box, with a, b, u, c and d as 16.16 (ISO/IEC 14496-12, 8.3.2).
    for (name, at, filter) in [("across", 44, "hflip"), ("down", 44 + 16, "vflip")] {
        let mut mirrored = stored.clone();
        let value = &mut mirrored[head + at..head + at + 4];
        assert_eq!(value, [0, 1, 0, 0]);
        value.copy_from_slice(&[0xff, 0xff, 0, 0]);
        let asset = server.api.upload(&format!("{name}.mp4"), "video/mp4", mirrored).await;
        let output = json!({ "width": 320, "height": 180, "frameRate": 25, "quality": "HIGH" });
        let element = json!({ "video": { "source": { "asset": asset } } });
        let (_, path) = render(&server, json!({ "outputs": output, "elements": [element] })).await;
        let expected = server.folder.path().join("expected.mp4");
        ffmpeg(&["-y", "-i", &plain, "-vf", filter, "-c:v", "libx264", "-crf", "10", &expected.to_string_lossy()]);
        let psnr = Picture::at(&path, 1.01, 320, 180).psnr(&Picture::at(&expected, 1.01, 320, 180), 0..180);
        assert!(psnr > 30.0, "{name}: {psnr}");
    }
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

/// What FFmpeg makes of a file by some filters, in grey: colours that lie coarser would hide what is to be seen.
fn pictures(arguments: &[&str], filters: &str, width: usize, height: usize) -> Vec<Picture> {
    let filters = format!("{filters}format=yuv420p,format=gray");
    let rgb = ffmpeg(&[arguments, &["-vf", &filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]].concat());
    let picture = |rgb: &[u8]| Picture { width, height, rgb: rgb.to_vec() };
    rgb.chunks_exact(width * height * 3).map(picture).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_become_pictures_of_their_own() {
    let server = Server::sqlite().await;
    // 50 pictures a second, woven into 25 by two, the upper or the lower row first; without colours, whose matrix not all tell.
    let whole = "testsrc2=s=320x176:r=50:d=2,hue=s=0";
    let original = pictures(&["-f", "lavfi", "-i", whole], "", 320, 176);
    let mpeg2 = ["-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ildct+ilme"];
    let h264 = ["-c:v", "libx264", "-crf", "12", "-flags", "+ildct+ilme"];
    let prores = ["-c:v", "prores_ks", "-flags", "+ildct"];
    let cases: [(&str, &str, &[&str]); 4] = [
        ("top.ts", "interleave_top", &mpeg2),
        ("bottom.ts", "interleave_bottom", &mpeg2),
        ("top.mp4", "interleave_top", &h264),
        ("top.mov", "interleave_top", &prores),
    ];
    let pixel = |name: &str| if name.ends_with("mov") { "yuv422p10le" } else { "yuv420p" };
    for (name, mode, encoder) in cases {
        let (order, top) = if mode == "interleave_top" { ("tff", "1") } else { ("bff", "0") };
        let woven = format!("{whole},tinterlace={mode},setfield={order}");
        let asset =
            clip(&server, name, &[&["-f", "lavfi", "-i", &woven, "-pix_fmt", pixel(name), "-top", top], encoder].concat()).await;
        let output = json!({ "width": 320, "height": 176, "frameRate": 50, "quality": "HIGH", "crf": 8 });
        let element = json!({ "video": { "source": { "asset": asset }, "length": 1.8 } });
        let (_, path) = render(&server, json!({ "outputs": [output], "elements": [element] })).await;
        let ours = pictures(&["-i", &path.to_string_lossy()], "", 320, 176);
        let file = server.folder.path().join(name).to_string_lossy().into_owned();
        let theirs = pictures(&["-i", &file], "bwdif=send_field,", 320, 176);
        let comb = pictures(&["-i", &file], "fps=50,", 320, 176);
        // Some pictures after the start, all of 20.
        let mean = |found: &[Picture]| (10..30).map(|at| found[at].psnr(&original[at], 8..168)).sum::<f64>() / 20.0;
        let (ours, theirs, comb) = (mean(&ours), mean(&theirs), mean(&comb));
        println!("{name}: ours {ours:.2} dB, bwdif {theirs:.2}, left as it is {comb:.2}");
        assert!(ours > theirs - 1.0 && ours > comb + 2.0, "{name}: ours {ours:.2} dB, bwdif {theirs:.2}, comb {comb:.2}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_begins_with_the_picture_at_its_trim_however_far_it_is_from_a_key_picture() {
    let server = Server::sqlite().await;
    // Brighter with each picture; one key picture for all of them, and pictures between that no other needs.
    let ramp = "nullsrc=s=320x180:r=25:d=8,format=yuv420p,geq=lum='30+N':cb=128:cr=128";
    let encoder = ["-c:v", "libx264", "-crf", "5", "-g", "1000", "-bf", "3", "-sc_threshold", "0", "-colorspace", "bt709"];
    let even = clip(&server, "even.mp4", &[&["-f", "lavfi", "-i", ramp], &encoder[..]].concat()).await;
    // Some pictures left out: the ones before them, which no other needs, are seen for longer. Not all containers tell.
    let holes = "nullsrc=s=320x180:r=25:d=8,format=yuv420p,select='not(between(mod(n,20),6,12))',geq=lum='30+N':cb=128:cr=128";
    let holes = ["-f", "lavfi", "-i", holes, "-vsync", "vfr"];
    let mut uneven = Vec::new();
    for name in ["uneven.mp4", "uneven.mkv", "uneven.ts"] {
        uneven.push(clip(&server, name, &[&holes[..], &encoder[..]].concat()).await);
    }
    // Where a key picture may come after the place that was sought, and the ones before it need what is not there.
    let open = ["-c:v", "libx265", "-x265-params", "log-level=none:lossless=1:keyint=60:open-gop=1", "-colorspace", "bt709"];
    let sought = clip(&server, "open.ts", &[&["-f", "lavfi", "-i", ramp], &open[..]].concat()).await;
    // As many as there are before a picture of the whole.
    let kept = |number: i32| (0..number).filter(|number| !(6..=12).contains(&(number % 20))).count() as i32;
    for (asset, is_even) in [(&even, true), (&sought, true)].into_iter().chain(uneven.iter().map(|asset| (asset, false))) {
        for number in [1, 11, 26, 51, 69, 70, 91, 128, 151, 171, 190] {
            let start = f64::from(number) / 25.0 + 0.001;
            let element = json!({ "video": { "source": { "asset": asset }, "trimStart": start, "length": 0.2 } });
            let output = json!({ "format": "PNG", "width": 320, "height": 180 });
            let (_, path) = render(&server, json!({ "outputs": [output], "elements": [element] })).await;
            let seen = if is_even { number } else { kept(number + 1) - 1 };
            let wanted = ((f64::from(30 + seen) - 16.0) * 255.0 / 219.0).round() as u8;
            // One picture is brighter than the one before by 1.16.
            let found = Picture::at(&path, 0.0, 320, 180).pixel(160, 90)[1];
            assert_eq!(found, wanted, "picture {number} of {asset}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_the_same_wherever_a_clip_begins() {
    let server = Server::sqlite().await;
    // MPEG-TS is sought by what it is told at any place, and key pictures are half a second from each other.
    let woven = "testsrc2=s=320x176:r=50:d=3,hue=s=0,tinterlace=interleave_top,setfield=tff";
    let encoder = ["-pix_fmt", "yuv420p", "-c:v", "mpeg2video", "-q:v", "2", "-g", "12", "-bf", "2", "-flags", "+ildct+ilme"];
    let asset = clip(&server, "fields.ts", &[&["-f", "lavfi", "-i", woven], &encoder[..]].concat()).await;
    let seen = async |start: f64, length: f64| {
        let output = json!({ "width": 320, "height": 176, "frameRate": 50, "quality": "LOSSLESS" });
        let element = json!({ "video": { "source": { "asset": asset }, "trimStart": start, "length": length } });
        let (_, path) = render(&server, json!({ "outputs": [output], "elements": [element] })).await;
        pictures(&["-i", &path.to_string_lossy()], "", 320, 176)
    };
    let whole = seen(0.0, 2.8).await;
    for number in 60..90 {
        let found = seen(f64::from(number) / 50.0 + 0.001, 0.1).await;
        let psnr = found[0].psnr(&whole[number as usize], 0..176);
        assert!(psnr > 90.0, "field {number}: {psnr} dB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_animated_webp_is_not_called_broken() {
    let server = Server::sqlite().await;
    let asset = clip(&server, "moving.webp", &["-f", "lavfi", "-i", "testsrc=s=64x64:d=1:r=5", "-c:v", "libwebp_anim"]).await;
    let outputs = json!([{ "format": "PNG", "width": 64, "height": 64 }]);
    for (kind, error) in [("video", Some("UNSUPPORTED_FORMAT")), ("image", None)] {
        let elements = json!([{ kind: { "source": { "asset": asset }, "length": 1 } }]);
        let id = server.api.create(json!({ "outputs": outputs, "elements": elements, "maxAttempts": 1 })).await;
        assert_eq!(server.api.finished(&id).await["error"]["code"].as_str(), error, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_still_that_is_cut_short_is_told() {
    let server = Server::sqlite().await;
    let path = server.folder.path().join("whole.jpg");
    ffmpeg(&["-f", "lavfi", "-i", "testsrc=size=320x180:rate=1", "-frames:v", "1", &path.to_string_lossy()]);
    let whole = std::fs::read(path).unwrap();
    // With a film after its end, as telephones have it, in which there is what looks like the start of a scan.
    let film = [&whole[..], b"ftyp \xff\xda and more \xff"].concat();
    for (name, bytes, error) in [
        ("half.jpg", &whole[..whole.len() / 2], Some("CORRUPT_MEDIA")),
        ("almost.jpg", &whole[..whole.len() - 2], Some("CORRUPT_MEDIA")),
        ("whole.jpg", &whole, None),
        ("film.jpg", &film, None),
    ] {
        let asset = server.api.upload(name, "image/jpeg", bytes.to_vec()).await;
        let element = json!({ "image": { "source": { "asset": asset }, "length": 1 } });
        let output = json!({ "format": "PNG", "width": 320, "height": 180 });
        let id = server.api.create(json!({ "outputs": [output], "elements": [element], "maxAttempts": 1 })).await;
        assert_eq!(server.api.finished(&id).await["error"]["code"].as_str(), error, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backwards_too_a_film_that_is_cut_short_is_told() {
    let server = Server::sqlite().await;
    let whole = server.folder.path().join("whole.mp4");
    let source = "testsrc2=size=160x90:rate=25:duration=4";
    ffmpeg(&["-y", "-f", "lavfi", "-i", source, "-g", "25", "-movflags", "+faststart", &whole.to_string_lossy()]);
    let bytes = std::fs::read(&whole).unwrap();
    let cut = server.api.upload("cut.mp4", "video/mp4", bytes[..bytes.len() * 6 / 10].to_vec()).await;
    let whole = server.api.upload("whole.mp4", "video/mp4", bytes).await;
    for (asset, more, code) in [
        (&whole, json!({}), Value::Null),
        (&cut, json!({}), json!("CORRUPT_MEDIA")),
        (&cut, json!({ "reverse": false }), json!("CORRUPT_MEDIA")),
        (&cut, json!({ "trimStart": 3, "trimEnd": 4 }), json!("CORRUPT_MEDIA")),
    ] {
        let mut video = json!({ "source": { "asset": asset }, "reverse": true });
        video.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let output = json!({ "width": 160, "height": 90, "frameRate": 25 });
        let id = server.api.create(json!({ "outputs": [output], "elements": [{ "video": video }], "maxAttempts": 1 })).await;
        let job = server.api.finished(&id).await;
        assert_eq!(job["error"]["code"], code, "{video} {job:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backwards_a_picture_that_stays_stays_as_long() {
    let server = Server::sqlite().await;
    // Ten pictures, brighter and brighter, of which that at 1 s stays for two.
    let ramp = "color=black:s=64x64:r=10:d=4,format=yuv420p,geq=lum='20+5*N':cb=128:cr=128";
    let made =
        ["-y", "-f", "lavfi", "-i", ramp, "-vf", "select='lt(t,1.05)+gte(t,2.999)'", "-vsync", "vfr", "-bf", "2", "-g", "50"];
    let forwards: Vec<usize> = (0..=10).chain([10; 19]).chain(30..40).collect();
    for name in ["vfr.mp4", "vfr.mkv"] {
        let clip = clip(&server, name, &made).await;
        for (range, expected) in [(0..40, &forwards[..]), (10..20, &forwards[20..30]), (25..35, &forwards[5..15])] {
            let video = json!({ "source": { "asset": clip }, "reverse": true, "muted": true });
            let output = json!({ "width": 64, "height": 64, "frameRate": 10, "quality": "LOSSLESS",
                "range": { "start": range.start as f64 / 10.0, "length": range.len() as f64 / 10.0 } });
            let (_, path) = render(&server, json!({ "outputs": [output], "elements": [{ "video": video }] })).await;
            let grey = ffmpeg(&["-i", &path.to_string_lossy(), "-f", "rawvideo", "-pix_fmt", "gray", "-"]);
            let level = |picture: &[u8]| (f64::from(picture[64 * 32 + 32]) * 219.0 / 255.0 + 16.0 - 20.0) / 5.0;
            let seen: Vec<usize> = grey.chunks_exact(64 * 64).map(|picture| level(picture).round() as usize).collect();
            let backwards: Vec<usize> = expected.iter().rev().copied().collect();
            assert_eq!(seen, backwards, "{name}, {range:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_that_is_cut_short_is_told() {
    let server = Server::sqlite().await;
    for (name, more) in
        [("a.wav", &[][..]), ("a.mp3", &["-c:a", "libmp3lame"]), ("a.flac", &[]), ("a.m4a", &["-movflags", "+faststart"])]
    {
        let path = server.folder.path().join(name);
        let (to, source) = (path.to_string_lossy().into_owned(), ["-y", "-f", "lavfi", "-i", "sine=duration=4"]);
        ffmpeg(&[&source[..], more, &[to.as_str()]].concat());
        let bytes = std::fs::read(&path).unwrap();
        for (part, code) in [(bytes.len(), Value::Null), (bytes.len() / 2, json!("CORRUPT_MEDIA"))] {
            let asset = server.api.upload(name, "audio/x", bytes[..part].to_vec()).await;
            let element = json!({ "audio": { "source": { "asset": asset } } });
            let id =
                server.api.create(json!({ "outputs": [{ "format": "MP3" }], "elements": [element], "maxAttempts": 1 })).await;
            assert_eq!(server.api.finished(&id).await["error"]["code"], code, "{name}, {part} bytes");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_is_as_long_as_it_is_heard_whatever_the_encoder_put_around_it() {
    let server = Server::sqlite().await;
    let source = ["-f", "lavfi", "-i", "sine=frequency=997:sample_rate=48000:duration=1,volume=4"];
    let picture = ["-f", "lavfi", "-i", "color=size=64x64:duration=1"];
    let pictures = [&picture[..], &["-c:v", "libvpx-vp9"]].concat();
    for (name, more) in [
        ("a.mp3", vec!["-c:a", "libmp3lame"]),
        ("a.ogg", vec!["-c:a", "libopus"]),
        ("a.webm", vec!["-c:a", "libopus"]),
        ("pictures.webm", [&pictures[..], &["-c:a", "libopus"]].concat()),
        ("a.m4a", vec!["-c:a", "aac"]),
        ("a.flac", vec!["-c:a", "flac"]),
    ] {
        let clip = clip(&server, name, &[&source[..], &more].concat()).await;
        let told = length_of(&server, &clip).await;
        // The length of the whole is that of its pictures too, which the container counts with what lies around the sound.
        let most = if name == "pictures.webm" { 1.05 } else { 1.001 };
        assert!((0.999..most).contains(&told), "{name}: {told}");
        let elements = json!([{ "audio": { "source": { "asset": clip }, "loop": true, "length": 3 } }]);
        let (_, path) = made(&server, json!({ "format": "WAV" }), elements).await;
        let heard = sound(&path);
        assert_eq!(heard.len(), 144_000, "{name}");
        // A tone that goes on: nowhere is it silent for more than a moment.
        let quiet = heard.chunks(96).position(|part| part.iter().all(|sample| sample.abs() < 0.05));
        assert_eq!(quiet, None, "{name}, by 2 ms");
    }
}

/// What lies before it counts, and what lies between.
#[tokio::test(flavor = "multi_thread")]
async fn sound_that_begins_late_is_not_cut_at_its_end() {
    let server = Server::sqlite().await;
    let tone = ["-itsoffset", "0.3", "-f", "lavfi", "-i", "sine=frequency=997:sample_rate=48000:duration=1,volume=4"];
    let picture = ["-f", "lavfi", "-i", "color=size=64x64:duration=1", "-c:v", "libvpx", "-c:a", "libopus"];
    for (name, more) in [("late.webm", &[][..]), ("live.webm", &["-live", "1"])] {
        let clip = clip(&server, name, &[&tone[..], &picture, more].concat()).await;
        let (_, path) = made(&server, json!({ "format": "WAV" }), json!([{ "audio": { "source": { "asset": clip } } }])).await;
        let heard = sound(&path);
        // FFmpeg writes it earlier by what its encoder puts before it.
        assert!((61_900..62_450).contains(&heard.len()), "{name}: {}", heard.len());
        let loud = |from: usize, to: usize| heard[from..to].iter().fold(0.0f32, |loudest, sample| loudest.max(sample.abs()));
        assert!(loud(0, 14_000) < 0.01 && loud(61_000, 61_900) > 0.3, "{name}");
    }
}

async fn length_of(server: &Server, asset: &str) -> f64 {
    let probe = "query($source: MediaSourceInput!) { probe(source: $source) { duration } }";
    server.api.ask(probe, json!({ "source": { "asset": asset } })).await["probe"]["duration"].as_f64().expect("a length")
}

/// As browsers' recorders do and programs that write to a pipe: the head is written first, and never again.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_say_how_long_it_is_is_measured() {
    let server = Server::sqlite().await;
    let tone = ["-f", "lavfi", "-i", "sine=duration=2"];
    let both = [&tone[..], &["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=2"]].concat();
    for (name, arguments) in [
        ("live.webm", [&both[..], &["-c:v", "libvpx", "-c:a", "libopus", "-f", "webm"]].concat()),
        ("live.mkv", [&both[..], &["-c:v", "libx264", "-c:a", "aac", "-f", "matroska"]].concat()),
        ("live.flac", [&tone[..], &["-f", "flac"]].concat()),
    ] {
        let bytes = ffmpeg(&[&arguments[..], &["pipe:1"]].concat());
        let asset = server.api.upload(name, "video/webm", bytes).await;
        let told = length_of(&server, &asset).await;
        assert!((told - 2.0).abs() < 0.05, "{name}: {told}");
        let kind = if name == "live.flac" { "audio" } else { "video" };
        // And it can be entered anywhere.
        let element = json!({ kind: { "source": { "asset": asset }, "trimStart": 1.0 } });
        let (job, _) = render(&server, video(json!([element]))).await;
        assert!((job["duration"].as_f64().unwrap() - (told - 1.0)).abs() < 0.05, "{name}: {}", job["duration"]);
    }
}

/// Whatever the container tells: pictures that last unevenly end later than they are decoded, and a file may begin late.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_as_long_as_its_packets() {
    let server = Server::sqlite().await;
    let picture = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=30:duration=3"];
    let uneven = ["-vf", "select='not(mod(n,7))+lt(n,20)'", "-vsync", "vfr", "-bf", "3", "-c:v", "libx264"];
    let late = ["-output_ts_offset", "5", "-avoid_negative_ts", "disabled", "-c:v", "libx264"];
    let tone = ["-f", "lavfi", "-i", "sine=duration=3", "-output_ts_offset", "5", "-c:a", "flac"];
    for (name, arguments, expected) in [
        ("uneven.mp4", [&picture[..], &uneven].concat(), 2.834),
        ("late.mkv", [&picture[..], &late].concat(), 3.0),
        ("late.mka", tone.to_vec(), 3.0),
    ] {
        let asset = clip(&server, name, &arguments).await;
        let kind = if name == "late.mka" { "audio" } else { "video" };
        let (job, _) = render(&server, video(json!([{ kind: { "source": { "asset": asset } } }]))).await;
        let length = job["duration"].as_f64().unwrap();
        assert!((length - expected).abs() < 0.04, "{name}: {length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_late_is_there_to_its_end() {
    let server = Server::sqlite().await;
    // A picture from one second on, 2 s long, beside a sound from the start, and the other way round.
    let (picture, tone) = (["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2"], ["-f", "lavfi", "-i", "sine=duration=2"]);
    let late = ["-itsoffset", "1"];
    let pictures = [&tone[..], &late, &picture, &["-map", "0", "-map", "1"]].concat();
    let sounds = [&picture[..], &late, &tone, &["-map", "0", "-map", "1"]].concat();
    for name in ["late.ts", "late.mp4", "late.mkv", "late.mov"] {
        let asset = clip(&server, &format!("picture-{name}"), &pictures).await;
        let (result, _) = made(
            &server,
            json!({ "width": 64, "height": 36, "frameRate": 25 }),
            json!([{ "video": { "source": { "asset": asset }, "muted": true } }]),
        )
        .await;
        let frames = result["frames"].as_i64().unwrap();
        assert!((74..=77).contains(&frames), "{name}: {frames} frames");
        let asset = clip(&server, &format!("sound-{name}"), &sounds).await;
        let (result, path) =
            made(&server, json!({ "format": "WAV" }), json!([{ "audio": { "source": { "asset": asset }, "start": 0 } }])).await;
        let seconds = result["duration"].as_f64().unwrap();
        assert!((seconds - 3.0).abs() < 0.05, "{name}: {seconds} s");
        let left = sound(&path);
        let loudest = |from: f64, to: f64| {
            let of = |seconds: f64| ((seconds * 48_000.0) as usize).min(left.len());
            left[of(from)..of(to)].iter().fold(0f32, |most, value| most.max(value.abs()))
        };
        assert!(loudest(0.1, 0.9) < 1e-3 && loudest(2.8, 2.9) > 0.05, "{name}");
    }
}
