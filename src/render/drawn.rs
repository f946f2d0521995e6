//! What a layer that plays nothing looks like. It is drawn when it is first seen, and forgotten when it is gone: what an element
//! costs that is never seen, or not yet, is next to nothing.

use std::sync::PoisonError;

use image::RgbaImage;

use super::{
    drawing::{Drawing, Room},
    effects::{self, Effects},
    inspect::{Library, Prepared},
    nested,
    plan::{Area, DrawnFor, Layer, Plan, Pose, Rest, Shift, Stage},
    reduced::Kept,
    shape,
    sprite::{self, Raster, Rows, Sprite, Within},
    still::{Showing, Still},
    text::Typesetter,
    warp,
};
use crate::{
    domain::{
        composition::{Content, Element, Text},
        geometry::{Fit, Rect},
    },
    media::{Excerpt, Form, MediaError, Picture},
};

/// One picture of a layer.
pub enum Drawn<F: Form> {
    /// With its corner at this even pixel of the canvas; and where all lies of what was drawn for a box.
    Resting { sprite: Sprite<F>, corner: (usize, usize), place: Option<Rect> },
    /// It goes where the layer's pose says: so much of it as is the picture; of what was drawn for a box, where it lies in that.
    Moving { sprite: Sprite<F>, extent: (f64, f64), drawn_for: Option<DrawnFor>, reduced: Kept<F> },
    /// Nothing of it is on the canvas: where all of it lies.
    Beyond { place: Rect },
}

impl<F: Form> Drawn<F> {
    /// Whether it is what would be drawn for a box.
    pub fn fits(&self, bounds: &Rect) -> bool {
        let Drawn::Moving { drawn_for: Some(DrawnFor { bounds: drawn, .. }), .. } = self else { return true };
        (drawn.width, drawn.height) == (bounds.width, bounds.height)
    }
}

/// Draws a still, words or a shape, as it is at a time; `None` where nothing of it is to be seen.
///
/// # Errors
/// A still cannot be decoded.
pub fn draw<F: Form>(
    plan: &Plan,
    layer: &Layer,
    element: &Element,
    medium: &Prepared,
    seconds: f64,
    library: &Library,
    typesetter: &mut Option<Typesetter>,
) -> Result<Option<Drawn<F>>, MediaError> {
    let drawn = match medium {
        Prepared::Still(image) => still(plan, layer, image, library)?,
        _ => words_or_shape(plan, layer, &element.content, seconds, library, typesetter)?,
    };
    match (drawn, layer.stage) {
        (Some(Drawn::Moving { sprite, extent, drawn_for, .. }), Stage::Moving { stays: true, .. }) => {
            let pose = layer.pose(&plan.canvas(), seconds, drawn_for, Shift::NONE);
            settled(plan, &Within { rows: &sprite, extent }, &pose.within(plan), Some(pose.bounds())).map(Some)
        }
        (drawn, _) => Ok(drawn),
    }
}

/// A picture that always lies as it does is turned and smoothed once.
fn settled<F: Form>(
    plan: &Plan,
    picture: &impl Rows<Form = F>,
    pose: &Pose,
    place: Option<Rect>,
) -> Result<Drawn<F>, MediaError> {
    let Some(area) = Area::around(&pose.bounds(), plan.width, plan.height) else {
        return Ok(Drawn::Beyond { place: place.unwrap_or_else(|| pose.bounds()) });
    };
    let pose = pose.moved((-(area.x as f64), -(area.y as f64)));
    let mut settled = nested::shape(|ground| {
        let mut canvas = Picture::new(area.width as u32, area.height as u32)?;
        canvas.fill(sprite::yuv::<F>(ground));
        warp::draw(&mut canvas, picture, &pose, 1.0);
        Ok::<_, MediaError>(canvas)
    })?;
    settled.look();
    Ok(Drawn::Resting { sprite: settled, corner: (area.x, area.y), place })
}

fn still<F: Form>(plan: &Plan, layer: &Layer, still: &Still, library: &Library) -> Result<Option<Drawn<F>>, MediaError> {
    // One at a time: decoding takes memory.
    let get = |showing| library.stills.lock().unwrap_or_else(PoisonError::into_inner).get(still, showing);
    let (crop, effects) = (layer.visual.crop, &layer.visual.effects);
    let (size, part) = layer.made();
    let image = get(match layer.visual.fit {
        Fit::ContainBlur => Showing::OverItsBlur(crop, size),
        _ => Showing::Part(Excerpt { part, within: crop.unfold((0.0, 0.0, 1.0, 1.0)) }, size),
    })?;
    let dressed = |image: &RgbaImage| dressed(plan, layer, image, library, layer.own_pixel(plan));
    match layer.stage {
        Stage::Rest(rest) if rest.is_all_seen() => {
            Ok(Some(Drawn::Resting { sprite: dressed(&image), corner: (rest.shown.x, rest.shown.y), place: None }))
        }
        // What is mixed is not to meet clear edges that the picture does not have.
        Stage::Rest(rest) if effects::mix(effects) || layer.effects_reach(plan) > 0.0 => {
            settled(plan, &dressed(&image), &rest.pose(), None).map(Some)
        }
        Stage::Rest(rest) => Ok(Some(Drawn::Resting {
            sprite: dressed(&seen(&image, &rest)),
            corner: (rest.sheet.x as usize, rest.sheet.y as usize),
            place: None,
        })),
        Stage::Moving { extent, .. } => {
            Ok(Some(Drawn::Moving { sprite: dressed(&image), extent, drawn_for: None, reduced: None }))
        }
        Stage::Drawn => Ok(None),
    }
}

/// The image of a sheet, clear where nothing is to be seen.
fn seen(image: &RgbaImage, rest: &Rest) -> RgbaImage {
    let (x, y) = (rest.shown.x - rest.sheet.x as usize, rest.shown.y - rest.sheet.y as usize);
    let part = image::imageops::crop_imm(image, x as u32, y as u32, rest.shown.width as u32, rest.shown.height as u32);
    let mut seen = RgbaImage::new(image.width(), image.height());
    image::imageops::replace(&mut seen, &*part, x as i64, y as i64);
    seen
}

/// Words and shapes.
fn words_or_shape<F: Form>(
    plan: &Plan,
    layer: &Layer,
    content: &Content,
    seconds: f64,
    library: &Library,
    typesetter: &mut Option<Typesetter>,
) -> Result<Option<Drawn<F>>, MediaError> {
    let canvas = plan.canvas();
    let bounds = layer.drawn_bounds(&canvas, seconds);
    // As large as it ever appears.
    let scale = if layer.lies_still() { 1.0 } else { layer.most_enlarged(plan).min(4.0) };
    let margin = effects::reach(&layer.visual.effects) * plan.scale;
    let mut drawing = |within: Option<&Rect>| {
        let room = Room { within, margin };
        match content {
            Content::Text { text, .. } => {
                typesetter.get_or_insert_with(|| Typesetter::new(&library.fonts)).draw(text, &bounds, canvas.height, scale, room)
            }
            Content::Subtitles { cues, style, .. } => {
                let text = Text { text: layer.cue.and_then(|cue| cues.get(cue))?.text.clone(), ..style.clone() };
                typesetter.get_or_insert_with(|| Typesetter::new(&library.fonts)).draw(&text, &bounds, canvas.height, scale, room)
            }
            Content::Shape { shape, .. } => {
                let corner = layer.visual.corner_radius.resolve(bounds.width.min(bounds.height));
                shape::draw(shape, &bounds, corner, canvas.height, scale, room)
            }
            _ => None,
        }
    };
    // What rests is drawn where it can be seen, or effects reach from there; what moves may come from anywhere, and a transition is
    // measured by all of it.
    let reach = layer.effects_reach(plan);
    let near = Some(canvas.grown(reach)).filter(|_| layer.lies_still() && reach.is_finite());
    let whole = (layer.is_masked() && near.is_some()).then(|| drawing(None).filter(Drawing::is_to_scale)).flatten();
    let Some(drawing) = whole.or_else(|| drawing(near.as_ref())) else { return Ok(None) };
    if layer.lies_still() && (reach == 0.0 || canvas.contains(&drawing.rect)) {
        let place = drawing.rect;
        return Ok(Some(match drawing.on_canvas(plan.width, plan.height) {
            Some((image, corner)) => Drawn::Resting {
                sprite: dressed(plan, layer, &image, library, layer.own_pixel(plan)),
                corner,
                place: Some(place),
            },
            None => Drawn::Beyond { place },
        }));
    }
    let pixel = |shown: f64, drawn: u32| shown / f64::from(drawn) / plan.scale;
    let pixel = (pixel(drawing.rect.width, drawing.image.width()), pixel(drawing.rect.height, drawing.image.height()));
    let sprite = dressed(plan, layer, &drawing.image, library, pixel);
    if layer.lies_still() {
        return settled(plan, &sprite, &Pose::at_rest(drawing.rect), Some(drawing.rect)).map(Some);
    }
    let extent = (sprite.width() as f64, sprite.height() as f64);
    Ok(Some(Drawn::Moving { sprite, extent, drawn_for: Some(DrawnFor { bounds, rect: drawing.rect }), reduced: None }))
}

/// A layer's picture after its effects; `pixel` is the size of one of its pixels on the composition's own canvas.
fn dressed<F: Form>(plan: &Plan, layer: &Layer, image: &RgbaImage, library: &Library, pixel: (f64, f64)) -> Sprite<F> {
    let mut sprite = Sprite::of(image);
    if let Some(effects) = Effects::of(&layer.visual.effects, &library.tables, pixel, layer.seen_at_rest(plan)) {
        effects.apply(&mut sprite);
    }
    sprite
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::output::Output,
        media::{Sample, Yuv420, Yuv444Ten},
        render::{blend, plan},
    };

    /// The most by which luma, and Cb and Cr, differ where a picture is settled, in steps of 8 bits.
    fn difference<F: Form>(image: &RgbaImage, pose: &Pose, opacity: f64) -> [i32; 2] {
        let plan = plan::plan(&[], &[], &Output { duration: Some(1.0), ..Output::plain(96, 64, 25) }).unwrap();
        let ground = RgbaImage::from_fn(96, 64, |x, y| image::Rgba([x as u8 * 2, 255 - y as u8 * 3, (x * y) as u8, 255]));
        let sprite = Sprite::<F>::of(image);
        let canvas = || {
            let mut canvas = Picture::<F>::new(96, 64).unwrap();
            Sprite::of(&ground).put(&mut canvas, (0, 0), 256);
            canvas
        };
        let (mut drawn, mut put) = (canvas(), canvas());
        warp::draw(&mut drawn, &sprite, pose, opacity);
        let Drawn::Resting { sprite, corner, .. } = settled(&plan, &sprite, pose, None).unwrap() else { panic!("it is seen") };
        sprite.put(&mut put, corner, blend::weight(opacity));
        let apart = |plane: usize| {
            let rows = (0..drawn.plane_height(plane)).map(|y| drawn.row(plane, y).iter().zip(put.row(plane, y)));
            rows.flatten().map(|(a, b)| (a.int() - b.int()).abs()).max().unwrap() >> F::Sample::FINER
        };
        [apart(0), apart(1).max(apart(2))]
    }

    fn upright(place: Rect) -> Pose {
        Pose { sprite: place, window: place, corner: 0.0, pivot: (0.0, 0.0), angle: 0.0, flip: (false, false) }
    }

    #[test]
    fn what_is_turned_once_looks_as_if_it_were_turned_in_each_frame() {
        let clear = RgbaImage::from_fn(48, 32, |x, y| image::Rgba([255 - x as u8 * 4, y as u8 * 7, 90, 55 + x as u8 * 4]));
        let opaque = RgbaImage::from_fn(48, 32, |x, y| image::Rgba([x as u8 * 5, 200, y as u8 * 7, 255]));
        let place = Rect { x: 21.0, y: 13.0, width: 50.0, height: 34.0 };
        let poses = [
            Pose { angle: 0.3, pivot: (46.0, 30.0), ..upright(place) },
            Pose { corner: 12.5, ..upright(place) },
            Pose { flip: (true, false), angle: -1.2, corner: 6.0, ..upright(place.moved((-40.0, 30.0))) },
        ];
        for image in [clear, opaque] {
            for pose in &poses {
                for opacity in [1.0, 0.4] {
                    let finer = difference::<Yuv444Ten>(&image, pose, opacity);
                    assert!(finer.iter().all(|steps| *steps <= 1), "{pose:?} at {opacity}: {finer:?}");
                    // Cb and Cr of four pixels are covered by their mean, and not as one large pixel is.
                    let [luma, shared] = difference::<Yuv420>(&image, pose, opacity);
                    assert!(luma <= 2 && shared <= 4, "{pose:?} at {opacity}: {luma} {shared}");
                }
            }
        }
    }
}
