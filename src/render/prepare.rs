//! What must be made before the first frame: every source is looked into, every output planned, stills and words drawn.

use image::RgbaImage;

use super::{
    Composition, RenderError,
    drawing::Room,
    effects::{self, Effects},
    inspect::{self, Library, Prepared},
    plan::{self, Layer, Medium, Plan, Stage, bounds_at_rest},
    shape,
    sprite::Sprite,
    still,
    text::Typesetter,
};
use crate::domain::{
    composition::{Content, Element, Text},
    error::{ErrorCode, JobFailure},
    geometry::{Fit, Rect},
    inspection::{Warning, WarningCode},
    subtitles::Cue,
};

/// Of all subtitles of a job.
const MOST_CUES: usize = 20_000;
const MOST_CUES_AT_ONCE: i64 = 100;

/// What a layer puts on the canvas.
pub enum Art<'a> {
    /// Pictures of a clip, one after the other.
    Clip,
    /// Pictures composed of the elements within it.
    Nested(Box<Ready<'a>>),
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
    pub ids: Vec<String>,
    /// As they are rendered: subtitles with the words of their files.
    elements: Vec<Element>,
    /// By element.
    media: Vec<Prepared>,
    library: Library,
    pub plans: Vec<Plan>,
}

/// An output that is ready to be drawn and mixed.
pub struct Ready<'a> {
    pub plan: &'a Plan,
    pub elements: &'a [Element],
    /// By element.
    pub media: &'a [Prepared],
    pub library: &'a Library,
    /// By layer.
    pub arts: Vec<Art<'a>>,
    pub warnings: Vec<Warning>,
}

/// Looks into every source, in order, and plans every output; `found` is told of each source.
pub fn understand(composition: &Composition, found: &mut dyn FnMut(usize, &Prepared)) -> Result<Understood, JobFailure> {
    let ids: Vec<String> = composition.elements.iter().map(|placed| placed.id.clone()).collect();
    let mut elements: Vec<Element> = composition.elements.iter().map(|placed| placed.element.clone()).collect();
    let mut media = Vec::with_capacity(elements.len());
    let mut library = Library::default();
    for (index, element) in elements.iter_mut().enumerate() {
        let opened = inspect::open(element, &mut library);
        let prepared = opened.map_err(RenderError::of(index)).map_err(|error| error.into_failure(&ids))?;
        found(index, &prepared);
        media.push(prepared);
    }
    check_cues(&elements)?;
    let known: Vec<Medium> = elements.iter().zip(&media).map(|(element, prepared)| prepared.medium(element)).collect();
    let plan = |output| {
        plan::plan(&elements, &known, output).map_err(|unplaceable| match unplaceable.element.and_then(|index| ids.get(index)) {
            Some(id) => unplaceable.failure.of_element(id.clone()),
            None => unplaceable.failure,
        })
    };
    let plans = composition.outputs.iter().map(plan).collect::<Result<_, _>>()?;
    Ok(Understood { ids, elements, media, library, plans })
}

fn check_cues(elements: &[Element]) -> Result<(), JobFailure> {
    let lists = all_cues(elements);
    let count: usize = lists.iter().map(|cues| cues.len()).sum();
    let too_many = |message| Err(JobFailure::new(ErrorCode::ResourceLimit, message));
    if count > MOST_CUES {
        return too_many(format!("a job has at most {MOST_CUES} cues of subtitles, and has {count}"));
    }
    if lists.into_iter().map(most_at_once).max().unwrap_or(0) > MOST_CUES_AT_ONCE {
        return too_many(format!("at most {MOST_CUES_AT_ONCE} cues of subtitles are shown at once"));
    }
    Ok(())
}

/// The cues of each element that has any, and of those within it.
fn all_cues(elements: &[Element]) -> Vec<&[Cue]> {
    elements.iter().flat_map(|element| element.cues().into_iter().chain(all_cues(element.elements()))).collect()
}

/// The most cues that are shown at once.
fn most_at_once(cues: &[Cue]) -> i64 {
    let mut edges: Vec<(f64, i64)> = cues.iter().flat_map(|cue| [(cue.start, 1), (cue.end, -1)]).collect();
    // Ends before starts.
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let there = edges.iter().scan(0, |there, (_, step)| {
        *there += step;
        Some(*there)
    });
    there.max().unwrap_or(0)
}

impl Understood {
    /// Draws what is drawn once for an output.
    pub fn ready(&self, output: usize) -> Ready<'_> {
        let Self { ids, elements, media, library, plans } = self;
        let mut studio = Studio { library, typesetter: None, warnings: Vec::new() };
        let mut ready = studio.ready(&plans[output], elements, media, &|index| ids[index].clone());
        ready.warnings = studio.warnings;
        ready
    }
}

/// Where stills, words and shapes become pictures.
struct Studio<'a> {
    library: &'a Library,
    typesetter: Option<Typesetter>,
    warnings: Vec<Warning>,
}

impl<'a> Studio<'a> {
    fn ready(
        &mut self,
        plan: &'a Plan,
        elements: &'a [Element],
        media: &'a [Prepared],
        id: &dyn Fn(usize) -> String,
    ) -> Ready<'a> {
        let arts = plan.layers.iter().map(|layer| {
            let index = layer.element;
            let art = self.art(plan, layer, &elements[index], &media[index], &id(index));
            self.warnings.extend(self.typesetter.iter_mut().flat_map(|typesetter| warnings(&id(index), typesetter)));
            art
        });
        let arts = arts.collect();
        Ready { plan, elements, media, library: self.library, arts, warnings: Vec::new() }
    }

    fn art(&mut self, plan: &'a Plan, layer: &Layer, element: &'a Element, medium: &'a Prepared, id: &str) -> Art<'a> {
        match (medium, &plan.nested[layer.element]) {
            // Not in what is rendered.
            _ if layer.end <= plan.first || layer.first >= plan.end => Art::Nothing,
            (Prepared::Clip { .. }, _) => Art::Clip,
            (Prepared::Still(image), _) => still(layer, image, self.library),
            (Prepared::Group(media), Some(within)) => {
                // What is wrong within is told of the element that the client can name.
                Art::Nested(Box::new(self.ready(within, element.elements(), media, &|_| id.to_owned())))
            }
            (Prepared::Group(_), None) => Art::Nothing,
            (Prepared::Drawn, _) if layer.cue.is_some() => Art::Later,
            (Prepared::Drawn, _) => {
                drawn(plan, layer, &element.content, self.library, &mut self.typesetter).unwrap_or(Art::Nothing)
            }
        }
    }
}

fn warnings(element_id: &str, typesetter: &mut Typesetter) -> Vec<Warning> {
    let warning = |code, message| Warning { code, element_id: Some(element_id.to_owned()), message };
    let missing: Vec<String> = typesetter.take_missing().into_iter().map(|c| format!("U+{:04X}", u32::from(c))).collect();
    let glyphs = (!missing.is_empty()).then(|| format!("no font has a glyph for {}", missing.join(", ")));
    let families = typesetter.take_unknown().into_iter().map(|family| format!("there is no font \"{family}\": Inter is used"));
    let families = families.map(|message| warning(WarningCode::MissingFont, message));
    families.chain(glyphs.map(|message| warning(WarningCode::MissingGlyph, message))).collect()
}

fn still<'a>(layer: &Layer, image: &RgbaImage, library: &Library) -> Art<'a> {
    match layer.stage {
        Stage::Rest { shown, part } => {
            let scaled = still::scaled(image, part, (shown.width as u32, shown.height as u32));
            Art::Resting { sprite: dressed(layer, &scaled, library, 1.0), corner: (shown.x, shown.y) }
        }
        Stage::Moving { sprite: size, pixel } => {
            let scaled = match layer.visual.fit {
                Fit::ContainBlur => still::over_its_blur(image, &layer.visual.crop, size),
                _ => still::scaled(image, layer.visual.crop.unfold((0.0, 0.0, 1.0, 1.0)), size),
            };
            Art::Moving { sprite: dressed(layer, &scaled, library, pixel), rect: None }
        }
    }
}

/// Words and shapes.
pub fn drawn<'a>(
    plan: &Plan,
    layer: &Layer,
    content: &Content,
    library: &Library,
    typesetter: &mut Option<Typesetter>,
) -> Option<Art<'a>> {
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
            typesetter.get_or_insert_with(|| Typesetter::new(&library.fonts)).draw(text, &bounds, canvas.height, scale, room)
        }
        Content::Subtitles { cues, style, .. } => {
            let words = layer.cue.and_then(|cue| cues.get(cue))?;
            let text = Text { text: words.text.clone(), ..style.clone() };
            typesetter.get_or_insert_with(|| Typesetter::new(&library.fonts)).draw(&text, &bounds, canvas.height, scale, room)
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
            Some(Art::Resting { sprite: dressed(layer, &image, library, 1.0), corner })
        }
        Stage::Moving { .. } => {
            let pixel = drawing.rect.width / f64::from(drawing.image.width());
            Some(Art::Moving { sprite: dressed(layer, &drawing.image, library, pixel), rect: Some(drawing.rect) })
        }
    }
}

/// A layer's picture after its effects; `pixel` is the size of one of its pixels on the canvas.
fn dressed(layer: &Layer, image: &RgbaImage, library: &Library, pixel: f64) -> Sprite {
    let mut sprite = Sprite::of(image);
    if let Some(effects) = Effects::of(&layer.visual.effects, &library.tables, pixel) {
        effects.apply(&mut sprite);
    }
    sprite
}
