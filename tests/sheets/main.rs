//! Contact sheets of every transition, easing and fit, to be looked at:
//!
//! ```text
//! cargo build --release; cargo run --release --example sheets -- FOLDER
//! ```
//!
//! Each sheet is one composition, drawn by `reelgraph render` as a PNG. What changes with time is there several times, begun
//! earlier or later, so that one moment shows all its stages.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

/// When a sheet is drawn, seconds; what it shows began before.
const NOW: f64 = 10.0;
/// How long what changes takes.
const TAKES: f64 = 4.0;
const LABEL: f64 = 110.0;

const TRANSITIONS: [&str; 17] = [
    "FADE",
    "DISSOLVE",
    "FADE_BLACK",
    "FADE_WHITE",
    "WIPE_LEFT",
    "WIPE_RIGHT",
    "WIPE_UP",
    "WIPE_DOWN",
    "SLIDE_LEFT",
    "SLIDE_RIGHT",
    "SLIDE_UP",
    "SLIDE_DOWN",
    "CIRCLE_OPEN",
    "CIRCLE_CLOSE",
    "RADIAL",
    "PIXELIZE",
    "ZOOM",
];

const EASINGS: [&str; 35] = [
    "LINEAR",
    "HOLD",
    "EASE_IN",
    "EASE_OUT",
    "EASE_IN_OUT",
    "SINE_IN",
    "SINE_OUT",
    "SINE_IN_OUT",
    "QUAD_IN",
    "QUAD_OUT",
    "QUAD_IN_OUT",
    "CUBIC_IN",
    "CUBIC_OUT",
    "CUBIC_IN_OUT",
    "QUART_IN",
    "QUART_OUT",
    "QUART_IN_OUT",
    "QUINT_IN",
    "QUINT_OUT",
    "QUINT_IN_OUT",
    "EXPO_IN",
    "EXPO_OUT",
    "EXPO_IN_OUT",
    "CIRC_IN",
    "CIRC_OUT",
    "CIRC_IN_OUT",
    "BACK_IN",
    "BACK_OUT",
    "BACK_IN_OUT",
    "ELASTIC_IN",
    "ELASTIC_OUT",
    "ELASTIC_IN_OUT",
    "BOUNCE_IN",
    "BOUNCE_OUT",
    "BOUNCE_IN_OUT",
];

const FITS: [&str; 6] = ["COVER", "CONTAIN", "CONTAIN_BLUR", "FILL", "NONE", "SCALE_DOWN"];

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "sheets".into()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, sheet) in [("transitions", transitions()), ("easings", easings()), ("fits", fits(&folder))] {
        let path = folder.join(format!("{name}.png"));
        draw(&folder, &sheet, &path);
        println!("{}", path.display());
    }
}

fn draw(folder: &Path, (width, height, elements): &(f64, f64, Vec<Value>), path: &Path) {
    let even = |edge: &f64| (edge / 2.0).ceil() as u32 * 2;
    let output = json!({ "format": "PNG", "width": even(width), "height": even(height), "background": "#202028",
        "duration": NOW + 1.0, "range": { "start": NOW, "length": 0.1 } });
    let document = folder.join("sheet.json");
    std::fs::write(&document, json!({ "outputs": [output], "elements": elements }).to_string()).expect("a file");
    let example = std::env::current_exe().expect("this program");
    let program = example.parent().and_then(Path::parent).expect("a folder").join("reelgraph");
    let done = Command::new(&program).arg("render").arg(&document).arg("-o").arg(path).status();
    assert!(done.is_ok_and(|status| status.success()), "{} does not draw it", program.display());
    let _ = std::fs::remove_file(document);
}

fn label(words: &str, x: f64, y: f64, height: f64) -> Value {
    json!({ "text": { "text": words, "fontSize": 13, "x": x, "y": y, "width": LABEL, "height": height, "anchor": "TOP_LEFT",
        "align": "LEFT", "length": NOW + 1.0 } })
}

/// Each as a row of stages, from a blue picture to an orange one.
fn transitions() -> (f64, f64, Vec<Value>) {
    const STAGES: usize = 6;
    let (cell, row, half) = (112.0, 70.0, TRANSITIONS.len().div_ceil(2));
    let mut elements = Vec::new();
    for (number, name) in TRANSITIONS.iter().enumerate() {
        let left = if number < half { 0.0 } else { LABEL + cell * STAGES as f64 };
        let y = (number % half) as f64 * row + 4.0;
        elements.push(label(name, left + 4.0, y, row - 8.0));
        for stage in 0..STAGES {
            let share = (stage as f64 + 0.5) / STAGES as f64;
            let picture = |one: &str, other: &str| {
                json!({ "shape": { "shape": "RECTANGLE", "track": 0, "length": NOW + TAKES,
                    "gradient": { "from": one, "to": other, "angle": 45 } } })
            };
            let (below, mut above) = (picture("#102a6b", "#5aa9ff"), picture("#ff7b00", "#ffe08a"));
            above["shape"]["start"] = json!(NOW - share * TAKES);
            above["shape"]["transitionIn"] = json!({ "type": name, "duration": TAKES, "easing": "LINEAR" });
            elements.push(json!({ "composition": { "elements": [below, above], "length": NOW + 1.0,
                "x": left + LABEL + stage as f64 * cell, "y": y, "width": cell - 8.0, "height": row - 8.0, "anchor": "TOP_LEFT" } }));
        }
    }
    ((LABEL + cell * STAGES as f64) * 2.0, half as f64 * row + 4.0, elements)
}

/// Each as its curve: a dot for each twelfth of the way, whose x goes by the easing.
fn easings() -> (f64, f64, Vec<Value>) {
    const DOTS: usize = 12;
    let (width, height, columns) = (200.0, 130.0, 8);
    let mut elements = Vec::new();
    for (number, name) in EASINGS.iter().enumerate() {
        let (left, top) = ((number % columns) as f64 * width, (number / columns) as f64 * height);
        elements.push(label(name, left + 4.0, top + 4.0, 18.0));
        for dot in 0..=DOTS {
            let share = dot as f64 / DOTS as f64;
            let start = NOW - share * TAKES;
            let (from, to) = (left + 50.0, left + 150.0);
            let keys = json!([{ "property": "X", "at": 0, "value": from, "easing": name }, { "property": "X", "at": TAKES, "value": to }]);
            elements.push(json!({ "shape": { "shape": "ELLIPSE", "fill": "#ffb347", "x": from, "y": top + 28.0 + share * 96.0,
                "width": 6, "height": 6, "keyframes": keys, "start": start, "length": NOW + 1.0 - start } }));
        }
    }
    (columns as f64 * width, EASINGS.len().div_ceil(columns) as f64 * height, elements)
}

/// Each in a wide, a high and a large box, of a picture of 160 by 120 with a circle in it.
fn fits(folder: &Path) -> (f64, f64, Vec<Value>) {
    let picture = image::RgbaImage::from_fn(160, 120, |x, y| {
        let from_middle = (f64::from(x) - 79.5).hypot(f64::from(y) - 59.5);
        match from_middle {
            distance if (44.0..52.0).contains(&distance) => image::Rgba([255, 255, 255, 255]),
            _ => image::Rgba([(x * 255 / 159) as u8, (y * 255 / 119) as u8, 160, 255]),
        }
    });
    let file = std::path::absolute(folder.join("fitted.png")).expect("a path");
    picture.save(&file).expect("a file");
    let boxes = [(200.0, 80.0), (80.0, 200.0), (220.0, 200.0)];
    let mut elements = Vec::new();
    for (number, name) in FITS.iter().enumerate() {
        let (left, mut top) = (number as f64 * 236.0, 26.0);
        elements.push(label(name, left + 8.0, 4.0, 18.0));
        for (width, height) in boxes {
            let place = json!({ "x": left + 8.0, "y": top, "width": width, "height": height, "anchor": "TOP_LEFT",
                "length": NOW + 1.0 });
            let with = |more: Value| {
                let mut fields = place.clone();
                fields.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
                fields
            };
            elements.push(json!({ "shape": with(json!({ "shape": "RECTANGLE", "fill": "#404050" })) }));
            elements.push(json!({ "image": with(json!({ "source": { "url": file }, "fit": name })) }));
            top += height + 8.0;
        }
    }
    (FITS.len() as f64 * 236.0 + 8.0, 530.0, elements)
}
