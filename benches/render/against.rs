//! Compositions against FFmpeg's command line.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    cost::{Cost, cost, ffmpeg, median, ours},
    sources::Sources,
};

/// On a machine with others at work one round says little.
const ROUNDS: usize = 5;

fn compare(name: &str, goal: f64, folder: &Path, document: &Value, theirs: &[&str]) {
    let output = folder.join("theirs.mp4").to_string_lossy().into_owned();
    let settings = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-c:a", "aac", "-b:a", "160k", output.as_str()];
    let rounds: Vec<(Cost, Cost)> =
        (0..ROUNDS).map(|_| (cost(&mut ours(folder, document)), cost(&mut ffmpeg(&[theirs, &settings].concat())))).collect();
    let all = |of: fn(&(Cost, Cost)) -> f64| median(rounds.iter().map(of).collect());
    println!(
        "({name}) wall {:.2} s of {:.2} s: {:.2}; CPU {:.2} s of {:.2} s: {:.2}; medians, of ratios of each round (goal: at most {goal})",
        all(|(our, _)| our.wall),
        all(|(_, their)| their.wall),
        all(|(our, their)| our.wall / their.wall),
        all(|(our, _)| our.cpu),
        all(|(_, their)| their.cpu),
        all(|(our, their)| our.cpu / their.cpu),
    );
}

pub fn scaled(sources: &Sources) {
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

pub fn composed(sources: &Sources) {
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

pub fn slides(sources: &Sources) {
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

/// A still that turns once about itself.
pub fn turned(sources: &Sources) {
    let keyframe = |at: f64, value: f64| json!({ "property": "ROTATION", "at": at, "value": value });
    let keyframes = [keyframe(0.0, 0.0), keyframe(8.0, 360.0)];
    let image = json!({ "source": sources.source("still-0.png"), "length": 8, "keyframes": keyframes });
    let document = json!({ "outputs": [{ "width": 1920, "height": 1080 }], "elements": [{ "image": image }] });
    let still = sources.path("still-0.png");
    let graph = "format=yuv420p,rotate=a='2*PI*t/8':c=black";
    compare(
        "turned",
        0.9,
        &sources.folder,
        &document,
        &["-loop", "1", "-framerate", "30", "-t", "8", "-i", &still, "-vf", graph],
    );
}
