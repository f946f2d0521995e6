//! Elements as clients describe them. The whole of the contract can be said; what this version does not render is
//! answered with its path.

use async_graphql::{InputObject, OneofObject};

use super::{
    look::{self, ChromaKey, Crop, Cue, EffectInput, Gradient, Keyframe, Shadow, Stroke},
    words::{Anchor, Fit, MediaSourceInput, ShapeKind, TextAlign, TextBackground, Transition, VerticalAlign},
};
use crate::{
    domain::{
        composition::{self, Content, Element, Playback, Timing, Visual},
        error::ViolationCode,
        geometry,
        look::Shape,
        validation::{COMPOSITION_DEPTH, Checker},
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
    /// A drawn shape.
    Shape(Box<ShapeInput>),
    /// Timed words.
    Subtitles(Box<SubtitlesInput>),
    /// Elements of its own, placed, timed and moved as one.
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
    /// Of its box; where it is not given 100%, and 90% of subtitles.
    width: Option<Length>,
    /// Of its box; where it is not given 100%, and 90% of subtitles.
    height: Option<Length>,
    /// The point of its box that lies at x and y.
    #[graphql(default_with = "Anchor::Center")]
    anchor: Anchor,
    /// How it fills its box; where it is not given COVER, but NONE of words, and FILL of shapes and compositions. What is
    /// drawn for its box, words and shapes, fills it by itself.
    fit: Option<Fit>,
    /// 0…1.
    #[graphql(default = 1.0)]
    opacity: f64,
    /// Degrees clockwise, about the anchor.
    #[graphql(default = 0.0)]
    rotation: f64,
    /// Left becomes right.
    flip_x: Option<bool>,
    /// Up becomes down.
    flip_y: Option<bool>,
    /// Of the picture's corners; 100% is the shorter edge of the element's box.
    corner_radius: Option<Length>,
    /// What is cut off the source.
    crop: Option<Crop>,
    /// How it comes: over the element before it on its track, or over what lies below.
    transition_in: Option<Transition>,
    /// How it goes; where another comes on its track meanwhile, and takes over from it, it goes as that comes.
    transition_out: Option<Transition>,
    /// What moves while it shows.
    keyframes: Option<Vec<Keyframe>>,
    /// Done in their order, the colours' at once.
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
    /// 0.25…4; the pitch stays.
    #[graphql(default = 1.0)]
    speed: f64,
    /// Again from its start when it has ended.
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
    /// A colour that is seen through.
    chroma_key: Option<ChromaKey>,
    /// From its end to its start, its sound too.
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
    /// What moves while it sounds: VOLUME.
    keyframes: Option<Vec<Keyframe>>,
    /// Brings what plays of it to one loudness (EBU R128), before its volume; made louder by at most 30 dB.
    normalize: Option<bool>,
    /// That loudness, -70 to -5 LUFS.
    #[graphql(default = -16.0)]
    loudness: f64,
    /// Lower while others sound that are not.
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
    /// Slanted.
    italic: Option<bool>,
    /// White where it is not given.
    color: Option<Color>,
    /// An outline.
    stroke: Option<Stroke>,
    /// A soft copy below the words.
    shadow: Option<Shadow>,
    /// A box behind the words.
    background: Option<TextBackground>,
    /// How lines lie in the box.
    #[graphql(default_with = "TextAlign::Center")]
    align: TextAlign,
    /// How the lines together lie in the box; MIDDLE where it is not given, and BOTTOM for subtitles.
    vertical_align: Option<VerticalAlign>,
    /// A factor of the font's size.
    #[graphql(default = 1.2)]
    line_height: f64,
    /// Beyond what the font has between letters; 100% is the font's size.
    letter_spacing: Option<Length>,
    /// What does not fit into them ends in an ellipsis.
    max_lines: Option<i32>,
}

/// A drawn shape, as large as its box.
#[derive(InputObject)]
pub struct ShapeInput {
    /// RECTANGLE, ELLIPSE or GRADIENT.
    shape: ShapeKind,
    #[graphql(flatten)]
    timing: TimingInput,
    #[graphql(flatten)]
    visual: VisualInput,
    /// What it is filled with.
    fill: Option<Color>,
    /// What it is filled with, in place of one colour; a GRADIENT must have it.
    gradient: Option<Gradient>,
    /// Its outline.
    stroke: Option<Stroke>,
}

/// Timed words: of a file, or these. Their box is nine tenths of the canvas where its size is not given. Each cue comes and goes by the
/// transitions; of those that overlap in time the first comes so and the last goes so, and what changes between does so at once. In a
/// composition of their own they come and go as one.
#[derive(InputObject)]
pub struct SubtitlesInput {
    /// SRT, WebVTT or ASS; of the last only the words and their times.
    source: Option<MediaSourceInput>,
    /// Or the words themselves.
    cues: Option<Vec<Cue>>,
    #[graphql(flatten)]
    timing: TimingInput,
    #[graphql(flatten)]
    visual: VisualInput,
    #[graphql(flatten)]
    style: TextStyleInput,
}

/// Elements of its own, placed, timed and moved as one: its box is their canvas, so that their percents are of it. Where nothing
/// of them lies, what is below is seen.
#[derive(InputObject)]
pub struct CompositionInput {
    /// What it is made of; with what they are made of in turn, at most 500; they may lie four deep within others.
    elements: Vec<ElementInput>,
    #[graphql(flatten)]
    timing: TimingInput,
    #[graphql(flatten)]
    visual: VisualInput,
}

/// Which font.
#[derive(OneofObject)]
pub enum FontInput {
    /// By the name of its family.
    Family(String),
    /// From an upload: TrueType or OpenType.
    Asset(async_graphql::ID),
}

impl ElementInput {
    /// As the domain has it; what cannot be rendered is noted under `at`, the path of this input.
    pub fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        self.at_depth(check, at, 0)
    }

    fn at_depth(self, check: &mut Checker, at: &str, depth: usize) -> Element {
        match self {
            ElementInput::Video(video) => video.into_domain(check, &format!("{at}.video")),
            ElementInput::Image(image) => image.into_domain(check, &format!("{at}.image")),
            ElementInput::Audio(audio) => audio.into_domain(check, &format!("{at}.audio")),
            ElementInput::Text(text) => text.into_domain(check, &format!("{at}.text")),
            ElementInput::Shape(shape) => shape.into_domain(check, &format!("{at}.shape")),
            ElementInput::Subtitles(subtitles) => subtitles.into_domain(check, &format!("{at}.subtitles")),
            ElementInput::Composition(composition) => {
                let at = format!("{at}.composition");
                if depth == COMPOSITION_DEPTH {
                    let rule = format!("must lie at most {COMPOSITION_DEPTH} deep within others");
                    check.breach(&at, ViolationCode::TooMany, rule);
                }
                composition.into_domain(check, &at, depth + 1)
            }
        }
    }
}

impl CompositionInput {
    fn into_domain(self, check: &mut Checker, at: &str, depth: usize) -> Element {
        let visual = self.visual.into_domain(geometry::Fit::Fill);
        let elements = self.elements.into_iter().enumerate();
        let elements = elements.map(|(index, one)| one.at_depth(check, &format!("{at}.elements[{index}]"), depth));
        let content = Content::Composition { elements: elements.collect(), visual };
        Element { timing: self.timing.into_domain(check, at), content }
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
    fn into_domain(self, fit: geometry::Fit) -> Visual {
        let plain = Visual::default();
        let or = |length: Option<Length>, usual| length.map_or(usual, |length| length.0);
        Visual {
            x: or(self.x, plain.x),
            y: or(self.y, plain.y),
            width: or(self.width, plain.width),
            height: or(self.height, plain.height),
            anchor: self.anchor.into(),
            fit: self.fit.map_or(fit, geometry::Fit::from),
            opacity: self.opacity,
            rotation: self.rotation,
            flip_x: self.flip_x.unwrap_or(false),
            flip_y: self.flip_y.unwrap_or(false),
            corner_radius: or(self.corner_radius, plain.corner_radius),
            crop: self.crop.map(Into::into).unwrap_or_default(),
            transition_in: self.transition_in.map(Into::into),
            transition_out: self.transition_out.map(Into::into),
            keyframes: look::keyframes(self.keyframes),
            effects: look::effects(self.effects),
        }
    }
}

impl PlaybackInput {
    fn into_domain(self, source: MediaSourceInput) -> Playback {
        Playback {
            source: source.into(),
            trim_start: self.trim_start,
            trim_end: self.trim_end,
            speed: self.speed,
            repeat: self.repeat.unwrap_or(false),
            reverse: false,
            loudness: None,
            duck_under: false,
            volume: self.volume,
            fade_in: self.fade_in.unwrap_or(0.0),
            fade_out: self.fade_out.unwrap_or(0.0),
            muted: self.muted.unwrap_or(false),
            keyframes: Vec::new(),
        }
    }
}

impl VideoInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        let playback = self.playback.into_domain(self.source);
        let playback = Playback { reverse: self.reverse.unwrap_or(false), ..playback };
        let visual = self.visual.into_domain(geometry::Fit::Cover);
        let chroma_key = self.chroma_key.map(Into::into);
        Element { timing: self.timing.into_domain(check, at), content: Content::Video { playback, visual, chroma_key } }
    }
}

impl ImageInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        let visual = self.visual.into_domain(geometry::Fit::Cover);
        let content = Content::Image { source: self.source.into(), visual };
        Element { timing: self.timing.into_domain(check, at), content }
    }
}

impl AudioInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        let playback = Playback {
            keyframes: look::keyframes(self.keyframes),
            loudness: self.normalize.unwrap_or(false).then_some(self.loudness),
            duck_under: self.duck_under.unwrap_or(false),
            ..self.playback.into_domain(self.source)
        };
        Element { timing: self.timing.into_domain(check, at), content: Content::Audio { playback } }
    }
}

impl TextInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        let visual = self.visual.into_domain(geometry::Fit::None);
        let text = self.style.into_domain(self.text, VerticalAlign::Middle);
        Element { timing: self.timing.into_domain(check, at), content: Content::Text { text, visual } }
    }
}

impl TextStyleInput {
    fn into_domain(self, text: String, usual: VerticalAlign) -> composition::Text {
        let (family, font) = match self.font {
            Some(FontInput::Family(family)) => (Some(family), None),
            Some(FontInput::Asset(id)) => (None, Some(composition::Source::Asset(id.0))),
            None => (None, None),
        };
        let plain = composition::Text::default();
        composition::Text {
            text,
            family: family.unwrap_or(plain.family),
            font,
            font_size: self.font_size.map_or(plain.font_size, |size| size.0),
            weight: self.weight.clamp(0, i32::from(u16::MAX)) as u16,
            italic: self.italic.unwrap_or(false),
            color: self.color.map_or(plain.color, |color| color.0),
            stroke: self.stroke.map(Into::into),
            shadow: self.shadow.map(Into::into),
            align: self.align.into(),
            vertical_align: self.vertical_align.unwrap_or(usual).into(),
            line_height: self.line_height,
            background: self.background.map(Into::into),
            letter_spacing: self.letter_spacing.map(|spacing| spacing.0),
            max_lines: self.max_lines.map(|lines| lines.max(0) as u32),
        }
    }
}

impl SubtitlesInput {
    fn into_domain(mut self, check: &mut Checker, at: &str) -> Element {
        let most = || Some(Length(geometry::Length::Percent(90.0)));
        self.visual.width = self.visual.width.or_else(most);
        self.visual.height = self.visual.height.or_else(most);
        let visual = self.visual.into_domain(geometry::Fit::None);
        let style = self.style.into_domain(String::new(), VerticalAlign::Bottom);
        let cues = self.cues.unwrap_or_default().into_iter().map(Into::into).collect();
        let content = Content::Subtitles { source: self.source.map(Into::into), cues, style, visual };
        Element { timing: self.timing.into_domain(check, at), content }
    }
}

impl ShapeInput {
    fn into_domain(self, check: &mut Checker, at: &str) -> Element {
        let visual = self.visual.into_domain(geometry::Fit::Fill);
        let shape = Shape {
            kind: self.shape.into(),
            fill: self.fill.map(|color| color.0),
            gradient: self.gradient.map(Into::into),
            stroke: self.stroke.map(Into::into),
        };
        Element { timing: self.timing.into_domain(check, at), content: Content::Shape { shape, visual } }
    }
}
