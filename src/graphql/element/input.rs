//! Elements as clients describe them. The whole of the contract can be said; what this version does not render is
//! answered with its path.

use async_graphql::{InputObject, OneofObject};

use super::{
    later::{
        ChromaKeyInput, CompositionInput, CropInput, EffectInput, KeyframeInput, ShadowInput, ShapeInput, StrokeInput,
        SubtitlesInput,
    },
    words::{Anchor, Fit, MediaSourceInput, TextAlign, TextBackground, Transition, TransitionType, VerticalAlign},
};
use crate::{
    domain::{
        composition::{self, Content, Element, Playback, Timing, Visual},
        error::ViolationCode,
        geometry, paint,
        validation::Checker,
    },
    graphql::scalars::{Color, Length},
};

/// One thing that is seen or heard: exactly one of these.
#[derive(OneofObject)]
pub enum ElementInput {
    /// A clip.
    Video(Box<VideoInput>),
    /// A still.
    Image(Box<ImageInput>),
    /// Sound alone.
    Audio(Box<AudioInput>),
    /// Words.
    Text(Box<TextInput>),
    /// A drawn shape. Not yet.
    Shape(Box<ShapeInput>),
    /// Timed words. Not yet.
    Subtitles(Box<SubtitlesInput>),
    /// Elements of its own. Not yet.
    Composition(Box<CompositionInput>),
}

/// When an element plays.
#[derive(InputObject)]
pub struct TimingInput {
    /// Seconds; where the element before it on its track ends, else 0.
    start: Option<f64>,
    /// Seconds; as long as its media, or to the end of the composition.
    length: Option<f64>,
    /// Higher ones lie on top; its position where it is not given. Elements that share one play one after another.
    track: Option<i32>,
    /// For people.
    name: Option<String>,
    /// Kept with it.
    metadata: Option<serde_json::Value>,
}

/// Where an element lies, and how it looks and moves.
#[derive(InputObject)]
pub struct VisualInput {
    /// Where its anchor lies, from the left; 50% where it is not given.
    x: Option<Length>,
    /// Where its anchor lies, from the top; 50% where it is not given.
    y: Option<Length>,
    /// Of its box; 100% where it is not given.
    width: Option<Length>,
    /// Of its box; 100% where it is not given.
    height: Option<Length>,
    /// The point of its box that lies at x and y.
    #[graphql(default_with = "Anchor::Center")]
    anchor: Anchor,
    /// How it fills its box: COVER, but for text.
    fit: Option<Fit>,
    /// 0…1.
    #[graphql(default = 1.0)]
    opacity: f64,
    /// Degrees clockwise. Not yet.
    #[graphql(default = 0.0)]
    rotation: f64,
    /// Not yet.
    flip_x: Option<bool>,
    /// Not yet.
    flip_y: Option<bool>,
    /// Not yet.
    corner_radius: Option<Length>,
    /// The part of the source that shows. Not yet.
    crop: Option<CropInput>,
    /// How it comes: over the element before it on its track, or over what lies below.
    transition_in: Option<Transition>,
    /// How it goes.
    transition_out: Option<Transition>,
    /// Not yet.
    keyframes: Option<Vec<KeyframeInput>>,
    /// Not yet.
    effects: Option<Vec<EffectInput>>,
}

/// Which part of a source plays, and how loud.
#[derive(InputObject)]
pub struct PlaybackInput {
    /// Seconds into the source.
    #[graphql(default = 0.0)]
    trim_start: f64,
    /// Seconds into the source.
    trim_end: Option<f64>,
    /// 0.25…4. Only 1, yet.
    #[graphql(default = 1.0)]
    speed: f64,
    /// Not yet.
    #[graphql(name = "loop")]
    repeat: Option<bool>,
    /// A factor, 0…4.
    #[graphql(default = 1.0)]
    volume: f64,
    /// Seconds.
    fade_in: Option<f64>,
    /// Seconds.
    fade_out: Option<f64>,
    /// Not heard.
    muted: Option<bool>,
}

/// A clip, with its sound.
#[derive(InputObject)]
pub struct VideoInput {
    /// Its file.
    source: MediaSourceInput,
    #[graphql(flatten)]
    timing: TimingInput,
    #[graphql(flatten)]
    visual: VisualInput,
    #[graphql(flatten)]
    playback: PlaybackInput,
    /// Not yet.
    chroma_key: Option<ChromaKeyInput>,
    /// Not yet.
    reverse: Option<bool>,
}

/// A still.
#[derive(InputObject)]
pub struct ImageInput {
    /// Its file: PNG, JPEG or WebP.
    source: MediaSourceInput,
    #[graphql(flatten)]
    timing: TimingInput,
    #[graphql(flatten)]
    visual: VisualInput,
}

/// Sound alone.
#[derive(InputObject)]
pub struct AudioInput {
    /// Its file.
    source: MediaSourceInput,
    #[graphql(flatten)]
    timing: TimingInput,
    #[graphql(flatten)]
    playback: PlaybackInput,
    /// Brings it to one loudness (EBU R128). Not yet.
    normalize: Option<bool>,
    /// LUFS. Not yet.
    loudness: Option<f64>,
    /// Lower while others sound. Not yet.
    duck_under: Option<bool>,
}

/// Words. The string is data, never an expression.
#[derive(InputObject)]
pub struct TextInput {
    /// The words; line breaks count.
    text: String,
    #[graphql(flatten)]
    timing: TimingInput,
    #[graphql(flatten)]
    visual: VisualInput,
    #[graphql(flatten)]
    style: TextStyleInput,
}

/// How words look.
#[derive(InputObject)]
pub struct TextStyleInput {
    /// Inter where it is not given.
    font: Option<FontInput>,
    /// 5% of the canvas' height where it is not given.
    font_size: Option<Length>,
    /// 100…900; the nearest that the font has.
    #[graphql(default = 400)]
    weight: i32,
    /// Not yet.
    italic: Option<bool>,
    /// White where it is not given.
    color: Option<Color>,
    /// An outline. Not yet.
    stroke: Option<StrokeInput>,
    /// Not yet.
    shadow: Option<ShadowInput>,
    /// A box behind the words.
    background: Option<TextBackground>,
    /// How lines lie in the box.
    #[graphql(default_with = "TextAlign::Center")]
    align: TextAlign,
    /// How the lines together lie in the box.
    #[graphql(default_with = "VerticalAlign::Middle")]
    vertical_align: VerticalAlign,
    /// A factor of the font's size.
    #[graphql(default = 1.2)]
    line_height: f64,
    /// Not yet.
    letter_spacing: Option<Length>,
    /// Not yet.
    max_lines: Option<i32>,
}

/// Which font.
#[derive(OneofObject)]
pub enum FontInput {
    /// By the name of its family.
    Family(String),
    /// From an upload. Not yet.
    Asset(async_graphql::ID),
}

impl ElementInput {
    /// As the domain has it; what cannot be rendered is noted under `at`, the path of this input.
    pub fn into_domain(self, check: &mut Checker, at: &str) -> Option<Element> {
        match self {
            ElementInput::Video(video) => Some(video.into_domain(check, &format!("{at}.video"))),
            ElementInput::Image(image) => Some(image.into_domain(check, &format!("{at}.image"))),
            ElementInput::Audio(audio) => Some(audio.into_domain(check, &format!("{at}.audio"))),
            ElementInput::Text(text) => Some(text.into_domain(check, &format!("{at}.text"))),
            ElementInput::Shape(_) => not_yet(check, &format!("{at}.shape"), "a shape"),
            ElementInput::Subtitles(_) => not_yet(check, &format!("{at}.subtitles"), "subtitles"),
            ElementInput::Composition(_) => not_yet(check, &format!("{at}.composition"), "a composition within another"),
        }
    }
}

fn not_yet(check: &mut Checker, at: &str, what: &str) -> Option<Element> {
    check.not_yet(at, what);
    None
}

/// Notes each of some fields that is given and not done.
fn refuse(check: &mut Checker, at: &str, fields: &[(&str, bool)]) {
    for (field, _) in fields.iter().filter(|(_, given)| *given) {
        check.not_yet(format!("{at}.{field}"), field);
    }
}

impl TimingInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Timing {
        let metadata = self.metadata.unwrap_or_else(|| serde_json::json!({}));
        if !metadata.is_object() {
            check.breach(format!("{at}.metadata"), ViolationCode::InvalidFormat, "must be an object");
        }
        Timing { start: self.start, length: self.length, track: self.track, name: self.name, metadata }
    }
}

impl VisualInput {
    fn into_domain(self, check: &mut Checker, at: &str, fit: geometry::Fit) -> Visual {
        refuse(
            check,
            at,
            &[
                ("rotation", self.rotation != 0.0),
                ("flipX", self.flip_x == Some(true)),
                ("flipY", self.flip_y == Some(true)),
                ("cornerRadius", self.corner_radius.is_some()),
                ("crop", self.crop.is_some()),
                ("keyframes", self.keyframes.is_some_and(|all| !all.is_empty())),
                ("effects", self.effects.is_some_and(|all| !all.is_empty())),
                ("fit", self.fit == Some(Fit::ContainBlur)),
            ],
        );
        let percent = |length: Option<Length>, percent: f64| length.map_or(geometry::Length::Percent(percent), |length| length.0);
        Visual {
            x: percent(self.x, 50.0),
            y: percent(self.y, 50.0),
            width: percent(self.width, 100.0),
            height: percent(self.height, 100.0),
            anchor: self.anchor.into(),
            fit: self.fit.map_or(fit, geometry::Fit::from),
            opacity: self.opacity,
            transition_in: transition(check, &format!("{at}.transitionIn"), self.transition_in),
            transition_out: transition(check, &format!("{at}.transitionOut"), self.transition_out),
        }
    }
}

fn transition(check: &mut Checker, at: &str, transition: Option<Transition>) -> Option<composition::Transition> {
    let transition = transition?;
    if transition.kind != TransitionType::Fade {
        check.not_yet(format!("{at}.type"), "another transition than FADE");
    }
    Some(composition::Transition { duration: transition.duration, easing: transition.easing.into() })
}

impl PlaybackInput {
    fn into_domain(self, check: &mut Checker, at: &str, source: MediaSourceInput) -> Playback {
        refuse(check, at, &[("speed", self.speed != 1.0), ("loop", self.repeat == Some(true))]);
        Playback {
            source: source.into(),
            trim_start: self.trim_start,
            trim_end: self.trim_end,
            volume: self.volume,
            fade_in: self.fade_in.unwrap_or(0.0),
            fade_out: self.fade_out.unwrap_or(0.0),
            muted: self.muted.unwrap_or(false),
        }
    }
}

impl VideoInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        refuse(check, at, &[("chromaKey", self.chroma_key.is_some()), ("reverse", self.reverse == Some(true))]);
        let playback = self.playback.into_domain(check, at, self.source);
        let visual = self.visual.into_domain(check, at, geometry::Fit::Cover);
        Element { timing: self.timing.into_domain(check, at), content: Content::Video { playback, visual } }
    }
}

impl ImageInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        let visual = self.visual.into_domain(check, at, geometry::Fit::Cover);
        let content = Content::Image { source: self.source.into(), visual };
        Element { timing: self.timing.into_domain(check, at), content }
    }
}

impl AudioInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        let ducks = self.duck_under == Some(true);
        refuse(
            check,
            at,
            &[("normalize", self.normalize == Some(true)), ("loudness", self.loudness.is_some()), ("duckUnder", ducks)],
        );
        let playback = self.playback.into_domain(check, at, self.source);
        Element { timing: self.timing.into_domain(check, at), content: Content::Audio { playback } }
    }
}

impl TextInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        let visual = self.visual.into_domain(check, at, geometry::Fit::None);
        let text = self.style.into_domain(check, at, self.text);
        Element { timing: self.timing.into_domain(check, at), content: Content::Text { text, visual } }
    }
}

impl TextStyleInput {
    fn into_domain(self, check: &mut Checker, at: &str, text: String) -> composition::Text {
        let round = self.background.as_ref().is_some_and(|background| background.corner_radius.is_some());
        refuse(
            check,
            at,
            &[
                ("italic", self.italic == Some(true)),
                ("stroke", self.stroke.is_some()),
                ("shadow", self.shadow.is_some()),
                ("letterSpacing", self.letter_spacing.is_some()),
                ("maxLines", self.max_lines.is_some()),
                ("background.cornerRadius", round),
                ("font.asset", matches!(self.font, Some(FontInput::Asset(_)))),
            ],
        );
        composition::Text {
            text,
            family: match self.font {
                Some(FontInput::Family(family)) => family,
                _ => composition::FONT_FAMILIES[0].to_owned(),
            },
            font_size: self.font_size.map_or(geometry::Length::Percent(5.0), |size| size.0),
            weight: self.weight.clamp(0, i32::from(u16::MAX)) as u16,
            color: self.color.map_or(paint::Color::WHITE, |color| color.0),
            align: self.align.into(),
            vertical_align: self.vertical_align.into(),
            line_height: self.line_height,
            background: self
                .background
                .map(|background| composition::TextBackground { color: background.color.0, padding: background.padding.0 }),
        }
    }
}
