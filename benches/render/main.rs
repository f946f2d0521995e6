//! What rendering costs, against FFmpeg's command line with the best filter graph that we know, the same libraries and the same
//! encoder's settings, both in one run:
//!
//! ```text
//! cargo bench --bench render             all of it
//! cargo bench --bench render -- c        some: a, b, c
//! ```
//!
//! (a) 30 s of 720p trimmed and scaled to 640×360; (b) two clips with a cross-fade of a second, a half-transparent logo, a title
//! for 3 s and music, 19 s at 720p30; (c) six stills of 4 s with a slow zoom, cross-fades of half a second, captions and music.
//! FFmpeg's zoompan in (c) moves by whole pixels; ours moves between them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use serde_json::{Value, json};

const ROUNDS: usize = 3;

/// Wall time and CPU time.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

fn children_cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros as u64)
}

fn cost(command: &mut Command) -> Cost {
    let (before, started) = (children_cpu(), Instant::now());
    let done = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().expect("a program");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Cost { wall: started.elapsed().as_secs_f64(), cpu: (children_cpu() - before).as_secs_f64() }
}

/// The middle one of some runs, by wall time.
fn middle(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    costs[costs.len() / 2]
}

fn ffmpeg(arguments: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y"]).args(arguments);
    command
}

fn ours(folder: &Path, document: &Value) -> Command {
    let file = folder.join("document.json");
    std::fs::write(&file, document.to_string()).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reelgraph"));
    command.arg("render").arg(file).arg("-o").arg(folder.join("ours.mp4"));
    command
}

fn compare(name: &str, goal: f64, folder: &Path, document: &Value, theirs: &[&str]) {
    let output = folder.join("theirs.mp4").to_string_lossy().into_owned();
    let settings = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-c:a", "aac", "-b:a", "160k", output.as_str()];
    let (mut our, mut their) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our.push(cost(&mut ours(folder, document)));
        their.push(cost(&mut ffmpeg(&[theirs, &settings].concat())));
    }
    let (our, their) = (middle(our), middle(their));
    println!(
        "({name}) wall {:.2} s of {:.2} s: {:.2}; CPU {:.2} s of {:.2} s: {:.2} (goal: at most {goal})",
        our.wall,
        their.wall,
        our.wall / their.wall,
        our.cpu,
        their.cpu,
        our.cpu / their.cpu
    );
}

/// What the compositions are made of.
struct Sources {
    folder: PathBuf,
}

impl Sources {
    fn make(folder: &Path) -> Self {
        let media = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media");
        for (name, clip) in [("one.mp4", "big_buck_bunny.mp4"), ("two.mp4", "sintel.mp4")] {
            let (from, to) = (media.join(clip), folder.join(name));
            let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
            let scale = "scale=1280:720,fps=30,setsar=1";
            cost(&mut ffmpeg(&[
                "-stream_loop",
                "8",
                "-i",
                &from,
                "-t",
                "40",
                "-vf",
                scale,
                "-crf",
                "20",
                "-preset",
                "veryfast",
                &to,
            ]));
        }
        let made = Self { folder: folder.to_owned() };
        for number in 0..6 {
            let (from, at) = (made.path(if number < 3 { "one.mp4" } else { "two.mp4" }), (number * 2 + 1).to_string());
            cost(&mut ffmpeg(&[
                "-ss",
                &at,
                "-i",
                &from,
                "-frames:v",
                "1",
                "-vf",
                "scale=1920:1080",
                &made.path(&format!("still-{number}.png")),
            ]));
        }
        let music = "sine=frequency=330:duration=40,volume=0.3";
        cost(&mut ffmpeg(&["-f", "lavfi", "-i", music, "-ac", "2", "-ar", "48000", &made.path("music.wav")]));
        cost(&mut ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            "color=0xff8800@0.5:160x80,format=rgba",
            "-frames:v",
            "1",
            &made.path("logo.png"),
        ]));
        // The title and the captions, for the side that is given them as pictures.
        for (name, words) in [("title.png", "A title"), ("caption.png", "A caption of some words")] {
            let elements = json!([{ "text": { "text": words, "fontSize": 64, "length": 1 } }]);
            let document = json!({ "outputs": [{ "format": "PNG", "width": 1280, "height": 200 }], "elements": elements });
            std::fs::write(folder.join("document.json"), document.to_string()).expect("a file");
            let mut command = Command::new(env!("CARGO_BIN_EXE_reelgraph"));
            cost(command.arg("render").arg(folder.join("document.json")).arg("-o").arg(folder.join("drawn.png")));
            let key = "format=rgba,colorkey=black:0.1:0.1";
            cost(&mut ffmpeg(&["-i", &made.path("drawn.png"), "-vf", key, &made.path(name)]));
        }
        made
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    fn source(&self, name: &str) -> Value {
        json!({ "url": self.path(name) })
    }
}

fn scaled(sources: &Sources) {
    let document = json!({
        "outputs": [{ "width": 640, "height": 360 }],
        "elements": [{ "video": { "source": sources.source("one.mp4"), "trimStart": 5, "length": 30 } }],
    });
    let theirs = [
        "-ss",
        "5",
        "-t",
        "30",
        "-i",
        &sources.path("one.mp4"),
        "-vf",
        "scale=640:360:flags=bicubic",
        "-ar",
        "48000",
        "-ac",
        "2",
    ];
    compare("a", 0.9, &sources.folder, &document, &theirs);
}

fn composed(sources: &Sources) {
    let clip = |name: &str, more: Value| {
        let mut fields = json!({ "source": sources.source(name), "length": 10, "track": 0 });
        fields.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
        json!({ "video": fields })
    };
    let document = json!({
        "outputs": [{ "width": 1280, "height": 720 }],
        "elements": [
            clip("one.mp4", json!({})),
            clip("two.mp4", json!({ "transitionIn": { "duration": 1, "easing": "LINEAR" } })),
            { "image": { "source": sources.source("logo.png"), "track": 1, "x": 1200, "y": 40, "anchor": "TOP_RIGHT", "width": 160, "height": 80 } },
            { "text": { "text": "A title", "fontSize": 64, "length": 3, "track": 2 } },
            { "audio": { "source": sources.source("music.wav"), "length": 19, "track": 3, "volume": 0.5 } },
        ],
    });
    let graph = "[0:v][1:v]xfade=transition=fade:duration=1:offset=9[x];[x][2:v]overlay=1040:40:format=yuv420[v0];\
        [v0][3:v]overlay=0:260:format=yuv420:enable='lt(t,3)'[v0t];\
        [0:a][1:a]acrossfade=d=1[a0];[4:a]volume=0.5[a1];[a0][a1]amix=inputs=2:normalize=0[a]";
    let inputs = [
        "-t",
        "10",
        "-i",
        &sources.path("one.mp4"),
        "-t",
        "10",
        "-i",
        &sources.path("two.mp4"),
        "-i",
        &sources.path("logo.png"),
        "-i",
        &sources.path("title.png"),
        "-t",
        "19",
        "-i",
        &sources.path("music.wav"),
        "-filter_complex",
        graph,
        "-map",
        "[v0t]",
        "-map",
        "[a]",
        "-ar",
        "48000",
        "-pix_fmt",
        "yuv420p",
    ];
    compare("b", 0.8, &sources.folder, &document, &inputs);
}

fn slides(sources: &Sources) {
    let mut elements: Vec<Value> = (0..6)
        .map(|number| {
            let mut fields = json!({
                "source": sources.source(&format!("still-{number}.png")), "length": 4, "track": 0,
                "effects": [{ "kenBurns": { "fromScale": 1, "toScale": 1.2 } }],
            });
            if number > 0 {
                fields["transitionIn"] = json!({ "duration": 0.5, "easing": "LINEAR" });
            }
            json!({ "image": fields })
        })
        .collect();
    let caption =
        json!({ "text": "A caption of some words", "fontSize": 64, "y": "85%", "height": 200, "length": 21.5, "track": 1 });
    elements.push(json!({ "text": caption }));
    elements.push(json!({ "audio": { "source": sources.source("music.wav"), "length": 21.5, "track": 2, "volume": 0.5 } }));
    let document = json!({ "outputs": [{ "width": 1280, "height": 720 }], "elements": elements });
    let mut graph: String = (0..6)
        .map(|number| format!("[{number}:v]zoompan=z='1+0.2*on/120':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':d=120:s=1280x720:fps=30,format=yuv420p[s{number}];"))
        .collect();
    let mut last = "s0".to_owned();
    for number in 1..6 {
        let offset = 3.5 * f64::from(number);
        graph.push_str(&format!("[{last}][s{number}]xfade=transition=fade:duration=0.5:offset={offset}[x{number}];"));
        last = format!("x{number}");
    }
    graph.push_str(&format!("[{last}][6:v]overlay=0:512:format=yuv420[v];[7:a]volume=0.5[a]"));
    let stills: Vec<String> = (0..6).flat_map(|number| ["-i".into(), sources.path(&format!("still-{number}.png"))]).collect();
    let mut inputs: Vec<&str> = stills.iter().map(String::as_str).collect();
    let (caption, music) = (sources.path("caption.png"), sources.path("music.wav"));
    inputs.extend([
        "-i",
        &caption,
        "-t",
        "21.5",
        "-i",
        &music,
        "-filter_complex",
        &graph,
        "-map",
        "[v]",
        "-map",
        "[a]",
        "-pix_fmt",
        "yuv420p",
    ]);
    compare("c", 0.9, &sources.folder, &document, &inputs);
}

fn main() {
    // Cargo adds --bench.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|argument| argument == name);
    let folder = tempfile::tempdir().expect("a folder");
    let sources = Sources::make(folder.path());
    if wanted("a") {
        scaled(&sources);
    }
    if wanted("b") {
        composed(&sources);
    }
    if wanted("c") {
        slides(&sources);
    }
}
