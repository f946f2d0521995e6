//! The order of the modules: imports go one way, down this list, and some names stay out of some rooms.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Who may use whom, within the crate.
const MAY_USE: [(&str, &[&str]); 18] = [
    ("domain", &[]),
    ("media", &[]),
    ("storage", &["domain"]),
    ("render", &["domain", "media"]),
    ("entities", &["domain"]),
    ("events", &["domain"]),
    ("cache", &["domain"]),
    ("services", &["domain", "storage", "entities", "events", "cache"]),
    ("shutdown", &[]),
    ("resident", &[]),
    ("config", &[]),
    ("telemetry", &["config"]),
    ("queue", &["domain", "render", "storage", "services", "events", "shutdown"]),
    ("graphql", &["domain", "entities", "services"]),
    ("http", &["graphql", "services", "domain", "shutdown"]),
    ("commands", &["config", "domain", "graphql", "media", "render", "services", "storage"]),
    (
        "app",
        &[
            "cache", "config", "domain", "events", "graphql", "http", "media", "queue", "render", "services", "shutdown",
            "storage",
        ],
    ),
    ("main", &[]),
];

/// What a room must never name.
const MUST_NOT_NAME: [(&str, &[&str]); 10] = [
    ("domain", &["tokio", "async_graphql", "axum", "ffmpeg_next", "sea_orm"]),
    ("media", &["crate::domain", "tokio", "sea_orm"]),
    ("storage", &["sea_orm", "async_graphql"]),
    ("render", &["sea_orm", "async_graphql", "axum", "ffmpeg_next"]),
    ("entities", &["async_graphql", "ffmpeg_next"]),
    ("events", &["async_graphql", "ffmpeg_next"]),
    ("cache", &["sea_orm", "async_graphql", "ffmpeg_next"]),
    ("services", &["async_graphql", "axum", "ffmpeg_next"]),
    ("queue", &["async_graphql", "axum", "ffmpeg_next"]),
    ("graphql", &["sea_orm", "axum", "ffmpeg_next", "crate::render", "crate::queue"]),
];

fn source_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            source_files(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// Each room's code, comments left out.
fn rooms() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&src, &mut files);
    let mut rooms = BTreeMap::<String, String>::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("inside");
        let room = inside.iter().next().expect("a name").to_string_lossy().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&file).expect("text");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        rooms.entry(room).or_default().extend(code.map(|line| format!("{line}\n")));
    }
    rooms
}

/// The modules that code names as `crate::x`, in groups too.
fn used(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.extend(first_name(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (index, c) in group.char_indices() {
                    if start && depth == 0 && c.is_ascii_lowercase() {
                        found.extend(first_name(&group[index..]));
                    }
                    start = (c.is_whitespace() && start) || c == ',';
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

fn first_name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

#[test]
fn imports_go_down() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let mut wrong = Vec::new();
    for (room, code) in rooms().into_iter().filter(|(room, _)| room != "lib") {
        let may = allowed.get(room.as_str()).unwrap_or_else(|| panic!("the room {room} has no place in the order"));
        for other in used(&code).into_iter().filter(|other| *other != room) {
            if allowed.contains_key(other.as_str()) && !may.contains(&other.as_str()) {
                wrong.push(format!("{room} uses {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_order_has_no_cycle() {
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        MAY_USE.into_iter().map(|(room, may)| (room, may.iter().copied().collect())).collect();
    while !left.is_empty() {
        let free: Vec<&str> = left.iter().filter(|(_, may)| may.is_empty()).map(|(room, _)| *room).collect();
        assert!(!free.is_empty(), "a cycle among {:?}", left.keys());
        for room in free {
            left.remove(room);
            left.values_mut().for_each(|may| {
                may.remove(room);
            });
        }
    }
}

#[test]
fn each_library_stays_in_its_room() {
    let rooms = rooms();
    let mut wrong = Vec::new();
    for (room, names) in MUST_NOT_NAME {
        for name in names.iter().filter(|name| rooms[room].contains(&format!("{name}::"))) {
            wrong.push(format!("{room} names {name}"));
        }
    }
    for (room, code) in rooms.iter().filter(|(room, _)| *room != "media") {
        if code.contains("ffmpeg_next") {
            wrong.push(format!("{room} names ffmpeg_next"));
        }
        // A system call that no library has in safe words.
        if *room != "resident" && code.lines().any(|line| line.contains("unsafe ")) {
            wrong.push(format!("{room} has unsafe code"));
        }
    }
    for (room, code) in rooms.iter().filter(|(room, _)| *room != "services") {
        if code.contains(".begin_with_options(") {
            wrong.push(format!("{room} opens a transaction"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn imports_in_groups_are_seen() {
    let code = "use crate::{\n    domain::{a, services::b},\n    http,\n};\nlet x = crate::app::y;";
    assert_eq!(used(code), ["app", "domain", "http"].map(String::from).into());
}
