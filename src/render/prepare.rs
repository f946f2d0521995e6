//! What must be known and made before the first frame: media are looked into, stills decoded, words drawn.

use std::path::{Path, PathBuf};

use image::RgbaImage;

use super::{
    Composition, RenderError,
    drawing::Room,
    effects::{self, Effects},
    plan::{self, Layer, Medium, Plan, Stage, bounds_at_rest},
    shape,
    sprite::Sprite,
    still,
    text::Typesetter,
};
use crate::{
    domain::{
        composition::{Content, Element, Source, Text},
        error::{ErrorCode, JobFailure},
        geometry::{Fit, Rect},
        subtitles::{self, Cue},
    },
    media::{self, MediaError, MediaProbe, Turn, VideoInfo},
};

/// The largest file of subtitles, bytes.
const MOST_WORDS: u64 = 4 << 20;
/// Of all subtitles of a job.
const MOST_CUES: usize = 20_000;
const MOST_CUES_AT_ONCE: i64 = 100;
const MOST_CUE_CHARS: usize = 5_000;

/// An element's medium, opened and understood.
pub enum Prepared {
    Clip {
        path: PathBuf,
        probe: MediaProbe,
    },
    Still(RgbaImage),
    /// Nothing but what the element itself says.
    Drawn,
}

/// What a layer puts on the canvas.
pub enum Art {
    /// Pictures of a clip, one after the other.
    Clip,
    /// One picture, with its corner at this even pixel of the canvas.
    Resting { sprite: Sprite, corner: (usize, usize) },
    /// One picture that goes where the layer's pose says; of what was drawn for the element's box, where it lies at rest.
    Moving { sprite: Sprite, rect: Option<Rect> },
    /// Words that are drawn when they are first seen, and forgotten when they are gone.
    Later,
    /// Nothing is to be seen of it.
    Nothing,
}

/// A composition whose sources are open, and the plan of each of its outputs.
pub struct Understood {
    ids: Vec<String>,
    /// As they are rendered: subtitles with the words of their files.
    elements: Vec<Element>,
    /// By element.
    media: Vec<Prepared>,
    pub plans: Vec<Plan>,
}

/// An output that is ready to be drawn and mixed.
pub struct Ready<'a> {
    pub plan: &'a Plan,
    pub elements: &'a [Element],
    /// By element.
    pub media: &'a [Prepared],
    /// By layer.
    pub arts: Vec<Art>,
    pub warnings: Vec<Warning>,
}

/// What is not as its author may have meant it, and no reason to fail.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    pub element_id: String,
    pub message: String,
}

/// Looks into every source, in order, and plans every output; `found` is told of each source.
pub fn understand(composition: &Composition, found: &mut dyn FnMut(usize, &Prepared)) -> Result<Understood, JobFailure> {
    let ids: Vec<String> = composition.elements.iter().map(|placed| placed.id.clone()).collect();
    let mut elements: Vec<Element> = composition.elements.iter().map(|placed| placed.element.clone()).collect();
    let mut media = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter_mut().enumerate() {
        let prepared = open(element).map_err(RenderError::of(index)).map_err(|error| error.into_failure(&ids))?;
        found(index, &prepared);
        media.push(prepared);
    }
    let cues: usize = elements.iter().filter_map(Element::cues).map(<[Cue]>::len).sum();
    if cues > MOST_CUES {
        return Err(JobFailure::new(
            ErrorCode::ResourceLimit,
            format!("a job has at most {MOST_CUES} cues of subtitles, and has {cues}"),
        ));
    }
    if most_at_once(&elements) > MOST_CUES_AT_ONCE {
        let message = format!("at most {MOST_CUES_AT_ONCE} cues of subtitles are shown at once");
        return Err(JobFailure::new(ErrorCode::ResourceLimit, message));
    }
    let known: Vec<Medium> = elements.iter().zip(&media).map(|(element, prepared)| prepared.medium(element)).collect();
    let plan = |output| {
        plan::plan(&elements, &known, output).map_err(|unplaceable| match unplaceable.element.and_then(|index| ids.get(index)) {
            Some(id) => unplaceable.failure.of_element(id.clone()),
            None => unplaceable.failure,
        })
    };
    let plans = composition.outputs.iter().map(plan).collect::<Result<_, _>>()?;
    Ok(Understood { ids, elements, media, plans })
}

/// The most cues of one element that are shown at once.
fn most_at_once(elements: &[Element]) -> i64 {
    let of_element = |cues: &[Cue]| {
        let mut edges: Vec<(f64, i64)> = cues.iter().flat_map(|cue| [(cue.start, 1), (cue.end, -1)]).collect();
        // Ends before starts.
        edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let there = edges.iter().scan(0, |there, (_, step)| {
            *there += step;
            Some(*there)
        });
        there.max().unwrap_or(0)
    };
    elements.iter().filter_map(Element::cues).map(of_element).max().unwrap_or(0)
}

impl Understood {
    /// Draws what is drawn once for an output.
    pub fn ready(&self, output: usize) -> Ready<'_> {
        let Self { ids, elements, media, plans } = self;
        let plan = &plans[output];
        let mut typesetter = None;
        let mut warnings = Vec::new();
        let arts = plan.layers.iter().map(|layer| {
            let art = art(plan, layer, &elements[layer.element].content, &media[layer.element], &mut typesetter);
            warnings.extend(typesetter.as_mut().and_then(|typesetter| no_glyphs(&ids[layer.element], typesetter)));
            art
        });
        let arts = arts.collect();
        Ready { plan, elements, media, arts, warnings }
    }
}

/// Opens an element's source; the words of subtitles become the element's own.
fn open(element: &mut Element) -> Result<Prepared, MediaError> {
    match &mut element.content {
        Content::Subtitles { source: Some(source), cues, .. } => {
            *cues = words(local(source)?)?;
            Ok(Prepared::Drawn)
        }
        Content::Video { playback, .. } => {
            let prepared = clip(&playback.source)?;
            match &prepared {
                Prepared::Clip { probe, .. } if probe.video.is_none() => {
                    Err(MediaError::Unsupported("the source holds no picture; play it as an audio element".into()))
                }
                _ => Ok(prepared),
            }
        }
        Content::Audio { playback } => {
            let prepared = clip(&playback.source)?;
            match &prepared {
                Prepared::Clip { probe, .. } if probe.audio.is_none() => {
                    Err(MediaError::Unsupported("the source holds no sound".into()))
                }
                _ => Ok(prepared),
            }
        }
        Content::Image { source, .. } => still::read(local(source)?).map(Prepared::Still),
        Content::Text { .. } | Content::Shape { .. } | Content::Subtitles { .. } => Ok(Prepared::Drawn),
    }
}

/// The cues of a file.
fn words(path: &Path) -> Result<Vec<Cue>, MediaError> {
    let unreadable = |_| MediaError::Unsupported("the file cannot be read".into());
    if std::fs::metadata(path).map_err(unreadable)?.len() > MOST_WORDS {
        return Err(MediaError::TooLarge(format!("subtitles have at most {MOST_WORDS} bytes")));
    }
    let file = std::fs::read(path).map_err(unreadable)?;
    let cues = subtitles::parse(&String::from_utf8_lossy(&file));
    if cues.iter().any(|cue| cue.text.chars().count() > MOST_CUE_CHARS) {
        return Err(MediaError::TooLarge(format!("a cue of subtitles has at most {MOST_CUE_CHARS} characters")));
    }
    if cues.is_empty() {
        return Err(MediaError::Unsupported("the source holds no subtitles of SRT, WebVTT or ASS".into()));
    }
    Ok(cues)
}

fn clip(source: &Source) -> Result<Prepared, MediaError> {
    let path = local(source)?.to_owned();
    media::probe(&path).map(|probe| Prepared::Clip { path, probe })
}

fn local(source: &Source) -> Result<&Path, MediaError> {
    match source {
        Source::File(path) => Ok(Path::new(path)),
        _ => Err(MediaError::Unsupported("the source was not fetched".into())),
    }
}

impl Prepared {
    fn medium(&self, element: &Element) -> Medium {
        match (self, &element.content) {
            (Prepared::Clip { probe, .. }, Content::Video { chroma_key, .. }) => Medium {
                duration: self.picture_duration(),
                size: probe.video.as_ref().map(VideoInfo::display_size),
                opaque: chroma_key.is_none(),
                sounds: probe.audio.is_some(),
            },
            (Prepared::Clip { probe, .. }, _) => Medium {
                duration: probe.audio.as_ref().and_then(|audio| audio.duration).or(probe.duration),
                sounds: true,
                ..Medium::default()
            },
            (Prepared::Still(image), _) => Medium {
                size: Some((f64::from(image.width()), f64::from(image.height()))),
                opaque: image.pixels().all(|pixel| pixel.0[3] == 255),
                ..Medium::default()
            },
            (Prepared::Drawn, _) => Medium::default(),
        }
    }

    /// How long its picture lasts, seconds.
    pub fn picture_duration(&self) -> Option<f64> {
        match self {
            Prepared::Clip { probe, .. } => probe.video.as_ref().and_then(|video| video.duration).or(probe.duration),
            _ => None,
        }
    }

    pub fn turn(&self) -> Turn {
        match self {
            Prepared::Clip { probe, .. } => probe.video.as_ref().map_or(Turn::None, |video| video.turn),
            _ => Turn::None,
        }
    }
}

fn art(plan: &Plan, layer: &Layer, content: &Content, medium: &Prepared, typesetter: &mut Option<Typesetter>) -> Art {
    match medium {
        // Not in what is rendered.
        _ if layer.end <= plan.first || layer.first >= plan.end => Art::Nothing,
        Prepared::Clip { .. } => Art::Clip,
        Prepared::Still(image) => still(layer, image),
        Prepared::Drawn if layer.cue.is_some() => Art::Later,
        Prepared::Drawn => drawn(plan, layer, content, typesetter).unwrap_or(Art::Nothing),
    }
}

fn no_glyphs(element_id: &str, typesetter: &mut Typesetter) -> Option<Warning> {
    let missing: Vec<String> = typesetter.take_missing().into_iter().map(|c| format!("U+{:04X}", u32::from(c))).collect();
    let message = || format!("no font has a glyph for {}", missing.join(", "));
    (!missing.is_empty()).then(|| Warning { element_id: element_id.to_owned(), message: message() })
}

fn still(layer: &Layer, image: &RgbaImage) -> Art {
    match layer.stage {
        Stage::Rest { shown, part } => {
            let scaled = still::scaled(image, part, (shown.width as u32, shown.height as u32));
            Art::Resting { sprite: dressed(layer, &scaled, 1.0), corner: (shown.x, shown.y) }
        }
        Stage::Moving { sprite: size, pixel } => {
            let scaled = match layer.visual.fit {
                Fit::ContainBlur => still::over_its_blur(image, &layer.visual.crop, size),
                _ => still::scaled(image, layer.visual.crop.unfold((0.0, 0.0, 1.0, 1.0)), size),
            };
            Art::Moving { sprite: dressed(layer, &scaled, pixel), rect: None }
        }
    }
}

/// Words and shapes.
pub fn drawn(plan: &Plan, layer: &Layer, content: &Content, typesetter: &mut Option<Typesetter>) -> Option<Art> {
    let canvas = plan.canvas();
    let bounds = bounds_at_rest(&layer.visual, &canvas);
    let scale = match layer.stage {
        Stage::Rest { .. } => 1.0,
        // As large as it ever appears.
        Stage::Moving { sprite, .. } => {
            (f64::from(sprite.0) / bounds.width).max(f64::from(sprite.1) / bounds.height).clamp(1.0, 4.0)
        }
    };
    // What rests is drawn where it can be seen; what moves may come from anywhere.
    let within = matches!(layer.stage, Stage::Rest { .. }).then_some(&canvas);
    let room = Room { within, margin: effects::reach(&layer.visual.effects) };
    let drawing = match content {
        Content::Text { text, .. } => {
            typesetter.get_or_insert_with(Typesetter::new).draw(text, &bounds, canvas.height, scale, room)
        }
        Content::Subtitles { cues, style, .. } => {
            let words = layer.cue.and_then(|cue| cues.get(cue))?;
            let text = Text { text: words.text.clone(), ..style.clone() };
            typesetter.get_or_insert_with(Typesetter::new).draw(&text, &bounds, canvas.height, scale, room)
        }
        Content::Shape { shape, .. } => {
            let corner = layer.visual.corner_radius.resolve(bounds.width.min(bounds.height));
            shape::draw(shape, &bounds, corner, canvas.height, scale, room)
        }
        _ => None,
    }?;
    match layer.stage {
        Stage::Rest { .. } => {
            let (image, corner) = drawing.on_canvas(plan.width, plan.height)?;
            Some(Art::Resting { sprite: dressed(layer, &image, 1.0), corner })
        }
        Stage::Moving { .. } => {
            let pixel = drawing.rect.width / f64::from(drawing.image.width());
            Some(Art::Moving { sprite: dressed(layer, &drawing.image, pixel), rect: Some(drawing.rect) })
        }
    }
}

/// A layer's picture after its effects; `pixel` is the size of one of its pixels on the canvas.
fn dressed(layer: &Layer, image: &RgbaImage, pixel: f64) -> Sprite {
    let mut sprite = Sprite::of(image);
    if let Some(effects) = Effects::of(&layer.visual.effects, pixel) {
        effects.apply(&mut sprite);
    }
    sprite
}
