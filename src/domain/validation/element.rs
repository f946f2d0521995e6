//! The rules of elements.

use std::fmt::Display;

use super::{Checker, LONGEST};
use crate::domain::{
    composition::{Content, Element, Playback, Source, Text, Timing, Visual},
    error::ViolationCode,
    geometry::Length,
    id::AssetId,
    job::limits,
    look::{ChromaKey, Crop, Effect, Shape, ShapeKind, Stroke},
    motion::{Keyframe, Property},
    subtitles::Cue,
    transition::Transition,
};

const TEXT_CHARS: usize = 5_000;
const ELEMENT_METADATA_BYTES: usize = 16 * 1024;
const KEYFRAMES: usize = 500;
const EFFECTS: usize = 20;
const CUES: usize = 5_000;

/// How deep compositions may lie within one another.
pub const COMPOSITION_DEPTH: usize = 4;

/// Checks the elements of one job against each other and the output's duration.
pub fn composition(check: &mut Checker, path: &str, elements: &[Element], duration: Option<f64>) {
    for (index, element) in elements.iter().enumerate() {
        let at = format!("{path}[{index}].{}", element.element_type().field());
        self::element(check, &at, element);
        past_the_end(check, &at, element, duration);
    }
}

/// Checks the elements within another; their number counts with those of the whole.
fn within(check: &mut Checker, at: &str, outer: &Element) {
    let elements = outer.elements();
    let path = format!("{at}.elements");
    if elements.is_empty() {
        return check.breach(path, ViolationCode::Required, "must have at least one element");
    }
    if !too_many_elements(check, &path, count(elements)) {
        composition(check, &path, elements, outer.timing.length);
    }
}

/// How many elements there are, with those within others.
pub fn count(elements: &[Element]) -> usize {
    elements.iter().map(|element| 1 + count(element.elements())).sum()
}

/// Checks that an element starts before the composition's end, where that is said.
pub fn past_the_end(check: &mut Checker, at: &str, element: &Element, duration: Option<f64>) {
    let (Some(start), Some(duration)) = (element.timing.start, duration) else { return };
    if start >= duration {
        check.breach(
            format_args!("{at}.start"),
            ViolationCode::Inconsistent,
            format!("must be before the end of the composition, at {duration} s"),
        );
    }
}

pub fn too_many_elements(check: &mut Checker, path: &str, count: usize) -> bool {
    let too_many = count > limits::ELEMENTS;
    if too_many {
        let message = format!("must have at most {} elements, and has {count}", limits::ELEMENTS);
        check.breach(path, ViolationCode::TooMany, message);
    }
    too_many
}

/// Checks one element by itself; `at` is the path of its typed input, such as `input.elements[0].video`.
pub fn element(check: &mut Checker, at: &str, element: &Element) {
    timing(check, at, &element.timing);
    if let Some(source) = element.source() {
        self::source(check, format_args!("{at}.source"), source);
    }
    if let Some(font) = element.style().and_then(|style| style.font.as_ref()) {
        self::source(check, format_args!("{at}.font"), font);
    }
    if let Some(visual) = element.visual() {
        let moves = if element.playback().is_some() { Moves::Both } else { Moves::Picture };
        self::visual(check, at, visual, moves);
        let is_drawn = matches!(element.content, Content::Text { .. } | Content::Shape { .. } | Content::Subtitles { .. });
        if is_drawn && !visual.crop.is_none() {
            let rule = "must not be given for what is drawn; a composition with it in it can be cut";
            check.breach(format_args!("{at}.crop"), ViolationCode::Inconsistent, rule);
        }
    }
    if let Some(playback) = element.playback() {
        self::playback(check, at, playback);
    }
    match &element.content {
        Content::Text { text, .. } => {
            words(check, format_args!("{at}.text"), &text.text);
            style(check, at, text);
        }
        Content::Subtitles { source, cues, style, .. } => {
            self::cues(check, at, source.is_some(), cues);
            self::style(check, at, style);
        }
        Content::Shape { shape, .. } => self::shape(check, at, shape),
        Content::Video { chroma_key: Some(key), .. } => chroma_key(check, format_args!("{at}.chromaKey"), key),
        Content::Composition { .. } => within(check, at, element),
        Content::Video { .. } | Content::Image { .. } | Content::Audio { .. } => {}
    }
}

fn timing(check: &mut Checker, at: &str, timing: &Timing) {
    if let Some(start) = timing.start {
        check.range(format_args!("{at}.start"), start, 0.0..=LONGEST);
    }
    if let Some(length) = timing.length {
        check.above_zero(format_args!("{at}.length"), length, LONGEST);
    }
    if let Some(track) = timing.track {
        check.range(format_args!("{at}.track"), track, -1_000..=1_000);
    }
    if let Some(name) = &timing.name {
        check.chars(format_args!("{at}.name"), name, limits::NAME_CHARS);
    }
    check.json_bytes(format_args!("{at}.metadata"), &timing.metadata, ELEMENT_METADATA_BYTES);
}

/// Checks where bytes are to come from.
pub fn source(check: &mut Checker, at: impl Display, source: &Source) {
    match source {
        Source::Url(text) => {
            check.chars(format_args!("{at}.url"), text, 2_048);
            let parsed = url::Url::parse(text);
            if !parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
                check.breach(format_args!("{at}.url"), ViolationCode::InvalidFormat, "must be an absolute http or https address");
            }
        }
        Source::Asset(id) => {
            if id.parse::<AssetId>().is_err() {
                check.breach(format_args!("{at}.asset"), ViolationCode::InvalidFormat, "must be the id of an upload, ast_…");
            }
        }
        Source::Object { key, .. } => object_key(check, format_args!("{at}.object.key"), key),
        Source::File(_) => {}
    }
}

/// The rules of an object's key.
pub(super) fn object_key(check: &mut Checker, at: impl Display, key: &str) {
    let clean = |part: &str| !part.is_empty() && part != "." && part != "..";
    let printable = key.chars().all(|c| !c.is_control() && c != '\\');
    if key.is_empty() || key.len() > 150 || !printable || !key.split('/').all(clean) {
        let rule = "must be a path of 1 to 150 bytes without control characters, backslashes, empty parts, \".\" or \"..\"";
        check.breach(at, ViolationCode::InvalidFormat, rule);
    }
}

fn visual(check: &mut Checker, at: &str, visual: &Visual, moves: Moves) {
    place(check, format_args!("{at}.x"), visual.x);
    place(check, format_args!("{at}.y"), visual.y);
    extent(check, format_args!("{at}.width"), visual.width);
    extent(check, format_args!("{at}.height"), visual.height);
    check.range(format_args!("{at}.opacity"), visual.opacity, 0.0..=1.0);
    transition(check, format_args!("{at}.transitionIn"), visual.transition_in);
    transition(check, format_args!("{at}.transitionOut"), visual.transition_out);
    check.range(format_args!("{at}.rotation"), visual.rotation, -36_000.0..=36_000.0);
    check.length(format_args!("{at}.cornerRadius"), visual.corner_radius, 0.0..=16_384.0, 0.0..=100.0);
    crop(check, format_args!("{at}.crop"), &visual.crop);
    keyframes(check, format_args!("{at}.keyframes"), &visual.keyframes, moves);
    effects(check, format_args!("{at}.effects"), &visual.effects);
}

fn crop(check: &mut Checker, at: impl Display, crop: &Crop) {
    for (edge, share) in [("left", crop.left), ("top", crop.top), ("right", crop.right), ("bottom", crop.bottom)] {
        check.range(format_args!("{at}.{edge}"), share, 0.0..=0.99);
    }
    let (width, height) = crop.of((1.0, 1.0));
    if width < 0.01 || height < 0.01 {
        check.breach(at, ViolationCode::Inconsistent, "must leave at least a hundredth of the source each way");
    }
}

/// What keyframes may move of an element.
#[derive(Clone, Copy, PartialEq)]
enum Moves {
    Picture,
    Sound,
    Both,
}

fn keyframes(check: &mut Checker, at: impl Display, keyframes: &[Keyframe], moves: Moves) {
    if keyframes.len() > KEYFRAMES {
        let message = format!("must have at most {KEYFRAMES} keyframes, and has {}", keyframes.len());
        return check.breach(at, ViolationCode::TooMany, message);
    }
    for (index, keyframe) in keyframes.iter().enumerate() {
        let at = format!("{at}[{index}]");
        check.range(format_args!("{at}.at"), keyframe.at, 0.0..=LONGEST);
        let range = match keyframe.property {
            Property::X | Property::Y => -20_000.0..=20_000.0,
            Property::Width | Property::Height => 0.0..=16_384.0,
            Property::Scale => 0.0..=100.0,
            Property::Rotation => -36_000.0..=36_000.0,
            Property::Opacity => 0.0..=1.0,
            Property::Volume => 0.0..=4.0,
        };
        check.range(format_args!("{at}.value"), keyframe.value, range);
        let same = |other: &Keyframe| other.property == keyframe.property && other.at == keyframe.at;
        if keyframes[..index].iter().any(same) {
            check.breach(format_args!("{at}.at"), ViolationCode::Inconsistent, "must differ from the property's other keyframes");
        }
        let rule = match (moves, keyframe.property == Property::Volume) {
            (Moves::Picture, true) => "must not be VOLUME for what has no sound of its own",
            (Moves::Sound, false) => "must be VOLUME for what is only heard",
            _ => continue,
        };
        check.breach(format_args!("{at}.property"), ViolationCode::Inconsistent, rule);
    }
}

fn effects(check: &mut Checker, at: impl Display, effects: &[Effect]) {
    if effects.len() > EFFECTS {
        let message = format!("must have at most {EFFECTS} effects, and has {}", effects.len());
        return check.breach(at, ViolationCode::TooMany, message);
    }
    for (index, effect) in effects.iter().enumerate() {
        let at = format!("{at}[{index}]");
        match effect {
            Effect::Lut(table) => source(check, format_args!("{at}.lut"), table),
            &Effect::Blur(pixels) => check.range(format_args!("{at}.blur"), pixels, 0.0..=200.0),
            &Effect::Brightness(factor) => check.range(format_args!("{at}.brightness"), factor, 0.0..=4.0),
            &Effect::Contrast(factor) => check.range(format_args!("{at}.contrast"), factor, 0.0..=4.0),
            &Effect::Saturation(factor) => check.range(format_args!("{at}.saturation"), factor, 0.0..=4.0),
            &Effect::Grayscale(share) => check.range(format_args!("{at}.grayscale"), share, 0.0..=1.0),
            &Effect::Sepia(share) => check.range(format_args!("{at}.sepia"), share, 0.0..=1.0),
            &Effect::Negate(_) => {}
            &Effect::Sharpen(share) => check.range(format_args!("{at}.sharpen"), share, 0.0..=5.0),
            &Effect::Vignette(share) => check.range(format_args!("{at}.vignette"), share, 0.0..=1.0),
            &Effect::Hue(degrees) => check.range(format_args!("{at}.hue"), degrees, -360.0..=360.0),
            &Effect::KenBurns(ken_burns) => {
                check.range(format_args!("{at}.kenBurns.fromScale"), ken_burns.from_scale, 0.1..=10.0);
                check.range(format_args!("{at}.kenBurns.toScale"), ken_burns.to_scale, 0.1..=10.0);
                if effects[..index].iter().any(|other| matches!(other, Effect::KenBurns(_))) {
                    check.breach(format_args!("{at}.kenBurns"), ViolationCode::Inconsistent, "must be the only one of its kind");
                }
            }
        }
    }
}

fn chroma_key(check: &mut Checker, at: impl Display, key: &ChromaKey) {
    check.range(format_args!("{at}.similarity"), key.similarity, 0.0..=1.0);
    check.range(format_args!("{at}.blend"), key.blend, 0.0..=1.0);
}

fn shape(check: &mut Checker, at: &str, shape: &Shape) {
    match (shape.kind, shape.gradient) {
        (ShapeKind::Gradient, None) => {
            check.breach(format_args!("{at}.gradient"), ViolationCode::Required, "must be given for a GRADIENT");
        }
        (ShapeKind::Gradient, Some(gradient)) => check.range(format_args!("{at}.gradient.angle"), gradient.angle, -360.0..=360.0),
        (_, Some(gradient)) => check.range(format_args!("{at}.gradient.angle"), gradient.angle, -360.0..=360.0),
        (_, None) if shape.fill.is_none() && shape.stroke.is_none() => {
            check.breach(format_args!("{at}.fill"), ViolationCode::Required, "must be given, or a gradient or a stroke");
        }
        _ => {}
    }
    if let Some(stroke) = &shape.stroke {
        self::stroke(check, format_args!("{at}.stroke"), stroke);
    }
}

fn stroke(check: &mut Checker, at: impl Display, stroke: &Stroke) {
    small(check, format_args!("{at}.width"), stroke.width);
}

/// A length that adorns: an outline, a padding, a shadow's reach.
fn small(check: &mut Checker, at: impl Display, length: Length) {
    check.length(at, length, 0.0..=1_000.0, 0.0..=50.0);
}

fn place(check: &mut Checker, at: impl Display, length: Length) {
    check.length(at, length, -20_000.0..=20_000.0, -1_000.0..=1_000.0);
}

fn extent(check: &mut Checker, at: impl Display, length: Length) {
    check.length(at, length, 1.0..=16_384.0, 0.01..=1_000.0);
}

fn transition(check: &mut Checker, at: impl Display, transition: Option<Transition>) {
    if let Some(transition) = transition {
        check.above_zero(format_args!("{at}.duration"), transition.duration, 60.0);
    }
}

fn playback(check: &mut Checker, at: &str, playback: &Playback) {
    check.range(format_args!("{at}.trimStart"), playback.trim_start, 0.0..=LONGEST);
    if let Some(end) = playback.trim_end {
        check.range(format_args!("{at}.trimEnd"), end, 0.0..=LONGEST);
        if end <= playback.trim_start {
            check.breach(format_args!("{at}.trimEnd"), ViolationCode::Inconsistent, "must be greater than trimStart");
        }
    }
    check.range(format_args!("{at}.speed"), playback.speed, 0.25..=4.0);
    check.range(format_args!("{at}.volume"), playback.volume, 0.0..=4.0);
    if let Some(loudness) = playback.loudness {
        check.range(format_args!("{at}.loudness"), loudness, -70.0..=-5.0);
    }
    keyframes(check, format_args!("{at}.keyframes"), &playback.keyframes, Moves::Sound);
    check.range(format_args!("{at}.fadeIn"), playback.fade_in, 0.0..=LONGEST);
    check.range(format_args!("{at}.fadeOut"), playback.fade_out, 0.0..=LONGEST);
}

fn words(check: &mut Checker, at: impl Display, words: &str) {
    if words.trim().is_empty() {
        check.breach(&at, ViolationCode::Required, "must not be empty");
    }
    check.chars(&at, words, TEXT_CHARS);
}

fn cues(check: &mut Checker, at: &str, has_source: bool, cues: &[Cue]) {
    if has_source != cues.is_empty() {
        let rule = "must have either a source or cues";
        return check.breach(format_args!("{at}.cues"), ViolationCode::Inconsistent, rule);
    }
    if cues.len() > CUES {
        let message = format!("must have at most {CUES} cues, and has {}", cues.len());
        return check.breach(format_args!("{at}.cues"), ViolationCode::TooMany, message);
    }
    for (index, cue) in cues.iter().enumerate() {
        let at = format!("{at}.cues[{index}]");
        check.range(format_args!("{at}.start"), cue.start, 0.0..=LONGEST);
        check.range(format_args!("{at}.end"), cue.end, 0.0..=LONGEST);
        if cue.end <= cue.start {
            check.breach(format_args!("{at}.end"), ViolationCode::Inconsistent, "must be greater than start");
        }
        words(check, format_args!("{at}.text"), &cue.text);
    }
}

/// How words look.
fn style(check: &mut Checker, at: &str, text: &Text) {
    check.chars(format_args!("{at}.font.family"), &text.family, limits::NAME_CHARS);
    check.length(format_args!("{at}.fontSize"), text.font_size, 1.0..=2_000.0, 0.01..=100.0);
    check.range(format_args!("{at}.weight"), text.weight, 100..=900);
    check.range(format_args!("{at}.lineHeight"), text.line_height, 0.5..=5.0);
    if let Some(background) = &text.background {
        small(check, format_args!("{at}.background.padding"), background.padding);
        small(check, format_args!("{at}.background.cornerRadius"), background.corner_radius);
    }
    if let Some(stroke) = &text.stroke {
        self::stroke(check, format_args!("{at}.stroke"), stroke);
    }
    if let Some(shadow) = &text.shadow {
        place(check, format_args!("{at}.shadow.x"), shadow.x);
        place(check, format_args!("{at}.shadow.y"), shadow.y);
        small(check, format_args!("{at}.shadow.blur"), shadow.blur);
    }
    if let Some(spacing) = text.letter_spacing {
        place(check, format_args!("{at}.letterSpacing"), spacing);
    }
    if let Some(lines) = text.max_lines {
        check.range(format_args!("{at}.maxLines"), lines, 1..=1_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_climb_are_refused() {
        for key in ["", "/", "a//b", "../a", "a/../b", "a/.", "a\nb", "a\\b", "/a"] {
            let mut check = Checker::default();
            object_key(&mut check, "key", key);
            assert_eq!(check.finish().len(), 1, "{key:?}");
        }
        let mut check = Checker::default();
        object_key(&mut check, "key", "films/2026/täglich.mp4");
        assert!(check.finish().is_empty());
    }
}
