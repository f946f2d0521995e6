//! What rendering costs, both sides of each comparison in one run on the same machine, as ratios:
//!
//! ```text
//! cargo bench --bench render                    all of it
//! cargo bench --bench render -- c memory        some: a, b, c, turned, trim, caption, outputs, hundred, memory
//! ```
//!
//! Against FFmpeg's command line with the best filter graph that we know, the same libraries and the same encoder's settings: (a)
//! 30 s of 720p trimmed and scaled to 640×360; (b) two clips with a cross-fade of a second, a half-transparent logo, a title for
//! 3 s and music, 19 s at 720p30; (c) six stills of 4 s with a slow zoom, cross-fades of half a second, captions and music.
//! FFmpeg's zoompan in (c) moves by whole pixels; ours moves between them. `turned`: a still that turns about itself at 1080p.
//!
//! Against ourselves: `trim`, what needs no encoding, encoded and not; `caption`, one of a video of ten minutes changed;
//! `outputs`, two files of one picture by one job and by two; `hundred`, elements that are listed and not seen; `memory`, ten
//! layers at 1080p, of a short and of a long video.

mod against;
mod cost;
mod own;
mod sources;
#[path = "../../tests/support/mod.rs"]
mod support;

use sources::Sources;

type Run = fn(&Sources);

fn main() {
    // Cargo adds --bench.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let folder = tempfile::tempdir().expect("a folder");
    let sources = Sources::make(folder.path());
    let all: [(&str, Run); 9] = [
        ("a", against::scaled),
        ("b", against::composed),
        ("c", against::slides),
        ("turned", against::turned),
        ("trim", own::trim),
        ("caption", own::caption),
        ("outputs", own::outputs),
        ("hundred", own::hundred),
        ("memory", own::memory),
    ];
    for (name, run) in all {
        if asked.is_empty() || asked.iter().any(|argument| argument == name) {
            run(&sources);
        }
    }
}
