//! What the compositions are made of.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::cost::{cost, ffmpeg};

/// Files in a folder.
pub struct Sources {
    pub folder: PathBuf,
}

impl Sources {
    pub fn make(folder: &Path) -> Self {
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

    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    pub fn source(&self, name: &str) -> Value {
        json!({ "url": self.path(name) })
    }
}
