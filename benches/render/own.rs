//! What is saved where a part need not be made, and what grows with what.

use std::{fs, process::Stdio, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    cost::{cost, ffmpeg, ours},
    sources::Sources,
    support::process::Process,
};

/// A minute and a half without encoding, from key picture to key picture and between them; and the same encoded.
pub fn trim(sources: &Sources) {
    let source = sources.path("keyed.mp4");
    // A key picture each two seconds, as cameras and platforms have it.
    let again = ["-stream_loop", "2", "-i", &sources.path("one.mp4"), "-c:v", "libx264", "-preset", "veryfast", "-crf", "20"];
    let keyed = ["-g", "60", "-sc_threshold", "0", "-c:a", "aac", "-ar", "48000", "-ac", "2", "-t", "100", source.as_str()];
    cost(&mut ffmpeg(&[&again[..], &keyed].concat()));
    let document = |start: f64, more: Value| {
        let mut output = json!({ "width": 1280, "height": 720, "duration": 90 });
        output.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
        json!({ "outputs": [output], "elements": [{ "video": { "source": { "url": source }, "trimStart": start } }] })
    };
    let encoded = cost(&mut ours(&sources.folder, &document(4.0, json!({ "crf": 23 }))));
    for (name, start) in [("from key picture to key picture", 4.0), ("between them", 4.6)] {
        let copied = cost(&mut ours(&sources.folder, &document(start, json!({}))));
        println!(
            "(trim) 90 s of 720p {name}: wall {:.2} s and CPU {:.2} s; encoded {:.2} s and {:.2} s: {:.0} and {:.0} times cheaper (goal: 50)",
            copied.wall,
            copied.cpu,
            encoded.wall,
            encoded.cpu,
            encoded.wall / copied.wall,
            encoded.cpu / copied.cpu
        );
    }
}

/// Ten minutes with captions, and again with one of them changed.
pub fn caption(sources: &Sources) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Process::start(folder.path(), None, 5).await;
        let clip = server.api.upload_file(sources.path("one.mp4").as_ref(), "video/mp4").await;
        let render = async |changed: &str| {
            let cue = |number: usize| {
                let text = if number == 60 { changed.to_owned() } else { format!("Caption number {number}") };
                json!({ "start": number * 5, "end": number * 5 + 4, "text": text })
            };
            let cues: Vec<Value> = (0..120).map(cue).collect();
            let id = server
                .api
                .create(json!({
                    "outputs": [{ "width": 640, "height": 360, "crf": 23 }],
                    "elements": [
                        { "video": { "source": { "asset": clip }, "loop": true, "length": 600 } },
                        { "subtitles": { "cues": cues } },
                    ],
                }))
                .await;
            let job = server.api.finished(&id).await;
            assert_eq!(job["status"], "COMPLETED", "{job:#}");
            let times = "query($id: ID!) { job(id: $id) { startedAt finishedAt result { renderedSegments reusedSegments } } }";
            let job = server.api.ask(times, json!({ "id": id })).await["job"].take();
            let at = |name: &str| chrono::DateTime::parse_from_rfc3339(job[name].as_str().expect("a time")).expect("a time");
            let took = (at("finishedAt") - at("startedAt")).num_milliseconds() as f64 / 1e3;
            (took, job["result"].clone())
        };
        let (first, _) = render("Caption number 60").await;
        let (again, result) = render("Something else").await;
        println!(
            "(caption) ten minutes of 640×360: {first:.1} s; one caption changed: {again:.2} s, {} segments rendered and {} reused: {:.3} (goal: at most 0.1)",
            result["renderedSegments"],
            result["reusedSegments"],
            again / first
        );
    });
}

/// Two files of one picture by one job, and by two.
pub fn outputs(sources: &Sources) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Process::start(folder.path(), None, 5).await;
        let one = server.api.upload_file(sources.path("one.mp4").as_ref(), "video/mp4").await;
        let two = server.api.upload_file(sources.path("two.mp4").as_ref(), "video/mp4").await;
        // Each begins elsewhere in its sources: nothing is found of what was rendered before.
        let render = async |start: f64, factors: &[i32]| {
            let outputs = factors.iter().map(|crf| json!({ "width": 1280, "height": 720, "quality": "DRAFT", "crf": crf }));
            let clip = |asset: &str, track: i32, opacity: f64| {
                json!({ "video": { "source": { "asset": asset }, "trimStart": start, "length": 15, "track": track, "opacity": opacity } })
            };
            let input = json!({ "outputs": outputs.collect::<Vec<_>>(), "elements": [clip(&one, 0, 1.0), clip(&two, 1, 0.5)] });
            let id = server.api.create(input).await;
            let job = server.api.finished(&id).await;
            assert_eq!(job["status"], "COMPLETED", "{job:#}");
            let steps = job["timeline"].as_array().expect("steps").iter();
            steps.filter_map(|step| step["cpuTime"].as_f64()).sum::<f64>() / 1e3
        };
        let (mut together, mut alone) = (0.0, 0.0);
        for round in 0..3 {
            let start = f64::from(round);
            together += render(start, &[28, 34]).await;
            alone += render(start + 0.3, &[28]).await + render(start + 0.6, &[34]).await;
        }
        println!(
            "(outputs) two files of one picture, two clips of 15 s at 720p in quality DRAFT: by one job CPU {:.2} s, by two {:.2} s: {:.2}",
            together / 3.0,
            alone / 3.0,
            together / alone
        );
    });
}

/// A hundred stills, each over all before; and a still a hundred times, one after the other; against one.
pub fn hundred(sources: &Sources) {
    let image = |file: usize, start: f64, length: f64, track: usize| {
        let source = sources.source(&format!("still-{file}.png"));
        json!({ "image": { "source": source, "start": start, "length": length, "track": track } })
    };
    let document =
        |elements: Vec<Value>| json!({ "outputs": [{ "width": 1280, "height": 720, "crf": 23 }], "elements": elements });
    let hidden = document((0..100).map(|number| image((number + 1) % 6, 0.0, 20.0, number)).collect());
    let in_turn = document((0..100).map(|number| image(0, number as f64 * 0.2, 0.2, 0)).collect());
    // What is seen is the same: the uppermost of the hidden is the fifth.
    for (name, many, seen) in [("hidden by the uppermost", hidden, 4), ("that are one, one after the other", in_turn, 0)] {
        let one = cost(&mut ours(&sources.folder, &document(vec![image(seen, 0.0, 20.0, 0)])));
        let many = cost(&mut ours(&sources.folder, &many));
        println!(
            "(hundred) 100 stills of 1080p {name}: CPU {:.2} s, of one {:.2} s: {:.2}",
            many.cpu,
            one.cpu,
            many.cpu / one.cpu
        );
    }
}

/// Ten layers at 1080p, for 5 s and for 40 s.
pub fn memory(sources: &Sources) {
    let peak = |length: f64| {
        let clip = |track: usize| {
            let name = if track.is_multiple_of(2) { "one.mp4" } else { "two.mp4" };
            let (x, y) = (160 * track, 90 * track);
            json!({ "video": { "source": sources.source(name), "track": track, "length": length, "width": 640, "height": 360,
                "x": x, "y": y, "anchor": "TOP_LEFT", "opacity": 0.9 } })
        };
        let elements: Vec<Value> = (0..10).map(clip).collect();
        let document = json!({ "outputs": [{ "width": 1920, "height": 1080, "crf": 23 }], "elements": elements });
        let mut running = ours(&sources.folder, &document).stdout(Stdio::null()).spawn().expect("a program");
        let mut most = 0;
        while running.try_wait().expect("a state").is_none() {
            most = most.max(resident(running.id()));
            thread::sleep(Duration::from_millis(20));
        }
        assert!(running.wait().expect("a state").success());
        most as f64 / 1024.0
    };
    let (short, long) = (peak(5.0), peak(40.0));
    println!(
        "(memory) ten layers at 1080p: {short:.0} MB for 5 s, {long:.0} MB for 40 s: {:.2} (goal: under 600 MB, and flat)",
        long / short
    );
}

/// The most that a process and its children ever held, KiB.
fn resident(pid: u32) -> u64 {
    let own = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().trim_end_matches(" kB").parse().ok());
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect::<String>();
    own.unwrap_or(0) + children.split_whitespace().filter_map(|child| child.parse().ok()).map(resident).sum::<u64>()
}
