//! What the tests and the demo share: a client of the public API, and media made on the spot.

#![allow(dead_code)] // Each binary uses its part.

pub mod api;
pub mod dataset;
pub mod made;
pub mod postgres;
pub mod process;
pub mod socket;

use std::path::PathBuf;

/// A file of tests/media.
pub fn media(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/media").join(name)
}

/// The composition of the demo: two clips with a cross-fade, a logo over them, a title at first, music under all.
pub fn first_light(clips: [&str; 2], logo: &str, music: &str) -> serde_json::Value {
    serde_json::json!({
        "name": "First light",
        "outputs": [{ "resolution": "HD", "frameRate": 30, "duration": 15 }],
        "elements": [
            { "video": { "source": { "asset": clips[0] }, "track": 0, "length": 8 } },
            { "video": {
                "source": { "asset": clips[1] }, "track": 0, "length": 8,
                "transitionIn": { "duration": 1, "easing": "LINEAR" } } },
            { "image": {
                "source": { "asset": logo }, "track": 1, "x": 1248, "y": 32, "width": 160, "height": 80,
                "anchor": "TOP_RIGHT", "fit": "CONTAIN", "opacity": 0.9 } },
            { "text": {
                "text": "First light", "track": 2, "start": 0, "length": 3, "fontSize": "12%", "weight": 700,
                "transitionIn": { "duration": 0.5 }, "transitionOut": { "duration": 0.5 } } },
            { "audio": { "source": { "asset": music }, "track": 3, "length": 15, "volume": 0.25, "fadeIn": 1, "fadeOut": 2 } },
        ],
    })
}
