//! What a layer that plays nothing looks like. It is drawn when it is first seen, and forgotten when it is gone: what an element
//! costs that is never seen, or not yet, is next to nothing.

use std::sync::{Arc, PoisonError};

use image::RgbaImage;

use super::{
    drawing::Room,
    effects::{self, Effects},
    inspect::{Library, Prepared},
    plan::{Layer, Plan, Pose, Stage, bounds_at_rest},
    reduced::Kept,
    shape,
    sprite::Sprite,
    still::{Showing, Still},
    text::Typesetter,
};
use crate::{
    domain::{
        composition::{Content, Element, Text},
        geometry::{Fit, Rect},
    },
    media::{Form, MediaError},
};

/// One picture of a layer.
pub enum Drawn<F: Form> {
    /// With its corner at this even pixel of the canvas.
    Resting { sprite: Sprite<F>, corner: (usize, usize) },
    /// It rests, too, but not at even pixels.
    Placed { sprite: Sprite<F>, pose: Pose },
    /// It goes where the layer's pose says; of what was drawn for the element's box, where it lies at rest.
    Moving { sprite: Sprite<F>, rect: Option<Rect>, reduced: Kept<F> },
}

/// Draws a still, words or a shape; `None` where nothing of it is to be seen.
///
/// # Errors
/// A still cannot be decoded.
pub fn draw<F: Form>(
    plan: &Plan,
    layer: &Layer,
    element: &Element,
    medium: &Prepared,
    library: &Library,
    typesetter: &mut Option<Typesetter>,
) -> Result<Option<Drawn<F>>, MediaError> {
    Ok(match medium {
        Prepared::Still(image) => Some(still(plan, layer, image, library)?),
        _ => words_or_shape(plan, layer, &element.content, library, typesetter),
    })
}

fn still<F: Form>(plan: &Plan, layer: &Layer, still: &Still, library: &Library) -> Result<Drawn<F>, MediaError> {
    // One at a time: decoding takes memory.
    let get = |showing| library.stills.lock().unwrap_or_else(PoisonError::into_inner).get(still, showing);
    Ok(match layer.stage {
        Stage::Rest { shown, part } => {
            if shown.is_even() || !effects::mix(&layer.visual.effects) {
                let scaled = get(Showing::Part(part, (shown.width as u32, shown.height as u32)))?;
                let (image, corner) = on_even_pixels(&scaled, (shown.x, shown.y));
                return Ok(Drawn::Resting { sprite: dressed(layer, &image, library, layer.own_pixel(plan)), corner });
            }
            // What is mixed is not to meet clear edges that the picture does not have.
            let scaled = get(Showing::Part(part, shown.even_size()))?;
            let sprite = dressed(layer, &scaled, library, layer.own_pixel(plan));
            Drawn::Placed { sprite, pose: Pose::in_area(&shown) }
        }
        Stage::Moving { sprite: size, .. } => {
            let crop = layer.visual.crop;
            let scaled = get(match layer.visual.fit {
                Fit::ContainBlur => Showing::OverItsBlur(crop, size),
                _ => Showing::Part(crop.unfold((0.0, 0.0, 1.0, 1.0)), size),
            })?;
            Drawn::Moving { sprite: dressed(layer, &scaled, library, layer.own_pixel(plan)), rect: None, reduced: None }
        }
    })
}

/// An image with clear pixels before it where its corner is odd, and its corner then.
fn on_even_pixels(image: &Arc<RgbaImage>, (x, y): (usize, usize)) -> (Arc<RgbaImage>, (usize, usize)) {
    let (left, top) = (x % 2, y % 2);
    if (left, top) == (0, 0) {
        return (image.clone(), (x, y));
    }
    let mut padded = RgbaImage::new(image.width() + left as u32, image.height() + top as u32);
    image::imageops::replace(&mut padded, &**image, left as i64, top as i64);
    (Arc::new(padded), (x - left, y - top))
}

/// Words and shapes.
fn words_or_shape<F: Form>(
    plan: &Plan,
    layer: &Layer,
    content: &Content,
    library: &Library,
    typesetter: &mut Option<Typesetter>,
) -> Option<Drawn<F>> {
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
    let room = Room { within, margin: effects::reach(&layer.visual.effects) * plan.scale };
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
            Some(Drawn::Resting { sprite: dressed(layer, &image, library, layer.own_pixel(plan)), corner })
        }
        Stage::Moving { .. } => {
            let pixel = drawing.rect.width / f64::from(drawing.image.width()) / plan.scale;
            Some(Drawn::Moving {
                sprite: dressed(layer, &drawing.image, library, pixel),
                rect: Some(drawing.rect),
                reduced: None,
            })
        }
    }
}

/// A layer's picture after its effects; `pixel` is the size of one of its pixels on the composition's own canvas.
fn dressed<F: Form>(layer: &Layer, image: &RgbaImage, library: &Library, pixel: f64) -> Sprite<F> {
    let mut sprite = Sprite::of(image);
    if let Some(effects) = Effects::of(&layer.visual.effects, &library.tables, pixel) {
        effects.apply(&mut sprite);
    }
    sprite
}
