//! The command line, as a person types it.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::{decoded::probed, support::media};

fn reelgraph(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reelgraph")).args(arguments).current_dir(folder).output().expect("the binary")
}

fn document(folder: &Path, source: &str) -> Value {
    let document = json!({
        "outputs": { "width": 320, "height": 180 },
        "elements": [{ "video": { "source": { "url": source }, "length": 1 } }, { "text": { "text": "offline", "length": 1 } }],
    });
    std::fs::write(folder.join("film.json"), document.to_string()).expect("written");
    document
}

#[test]
fn a_document_renders_without_a_server() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(media("sintel.mp4"), folder.path().join("clip.mp4")).expect("copied");
    document(folder.path(), "clip.mp4");
    let ran = reelgraph(folder.path(), &["render", "film.json", "-o", "film.mp4"]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(probed(&folder.path().join("film.mp4"), "v:0", "nb_read_frames"), "30");
}

#[test]
fn a_render_that_fails_leaves_what_was_there() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("clip.mp4"), "no clip").expect("written");
    document(folder.path(), "clip.mp4");
    let ran = reelgraph(folder.path(), &["render", "film.json", "-o", "clip.mp4"]);
    assert!(!ran.status.success() && String::from_utf8_lossy(&ran.stderr).contains("elements[0]: UNSUPPORTED_FORMAT"));
    assert_eq!(std::fs::read(folder.path().join("clip.mp4")).expect("still there"), b"no clip");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing is left beside it");
}

#[test]
fn a_document_that_breaks_rules_is_told_which() {
    let folder = tempfile::tempdir().expect("a folder");
    document(folder.path(), "ftp://example.com/a.mp4");
    std::fs::write(folder.path().join("bad.json"), r#"{"elements": [{"text": {"text": "x", "opacity": 2}}]}"#).expect("written");
    std::fs::write(folder.path().join("odd.json"), r#"{"elements": [{"text": {"text": "x", "nope": 1}}]}"#).expect("written");
    let odd = reelgraph(folder.path(), &["render", "odd.json"]);
    assert!(
        !odd.status.success() && String::from_utf8_lossy(&odd.stderr).contains("nope"),
        "{}",
        String::from_utf8_lossy(&odd.stderr)
    );
    let ran = reelgraph(folder.path(), &["render", "bad.json"]);
    assert!(!ran.status.success());
    assert!(
        String::from_utf8_lossy(&ran.stderr).contains("input.elements[0].text.opacity"),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[test]
fn schema_and_doctor_say_what_they_know() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = reelgraph(folder.path(), &["schema"]);
    assert!(String::from_utf8_lossy(&schema.stdout).contains("type Mutation"));
    let doctor = reelgraph(folder.path(), &["doctor"]);
    assert!(doctor.status.success() && String::from_utf8_lossy(&doctor.stdout).contains("REELGRAPH_LISTEN"));
}
