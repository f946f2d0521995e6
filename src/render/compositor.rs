//! The canvas: draws the layers of a frame, the lowest first, in YUV from start to end.

use std::collections::{HashMap, hash_map::Entry};

use super::{
    RenderError,
    ahead::CpuCount,
    blend,
    clip::{Clip, Showing, Shown},
    drawn::{self, Drawn},
    effects::Effects,
    inspect::{Library, Prepared},
    nested::{self, Nested},
    plan::{Area, Layer, Plan, Rest, Shift, Stage},
    prepare::{Art, Ready},
    sprite::{self, Raster, Sprite, Within},
    text::Typesetter,
    transition::{self, Scene},
    warp,
};
use crate::{
    domain::{
        composition::{Content, Element, Playback},
        geometry::{Fit, Rect},
        paint::Color,
        transition::TransitionType,
    },
    media::{Excerpt, Form, MediaError, Picture, Smoothness, Source},
};

/// Draws one frame after the other. Lives on one thread; decoders live only while their layer shows.
pub struct Compositor<'a, F: Form> {
    ready: &'a Ready<'a>,
    smoothness: Smoothness,
    /// By layer.
    clips: HashMap<usize, Clip<F>>,
    nested: HashMap<usize, Nested<'a, F>>,
    decoding: CpuCount,
    /// By layer; `None` where nothing of it is to be seen.
    drawn: HashMap<usize, Option<Drawn<F>>>,
    typesetter: Option<Typesetter>,
    /// A second canvas, for transitions.
    scratch: Option<Picture<F>>,
    interval: usize,
    /// Whether the frame that is drawn is not asked for again.
    is_once: bool,
}

/// How a layer is drawn at a moment.
#[derive(Clone, Copy)]
struct Manner {
    seconds: f64,
    opacity: f64,
    shift: Shift,
}

impl<'a, F: Form> Compositor<'a, F> {
    /// What its decoders cost is added to `decoding`.
    pub fn new(ready: &'a Ready<'a>, smoothness: Smoothness, decoding: CpuCount) -> Self {
        Self {
            ready,
            smoothness,
            clips: HashMap::new(),
            nested: HashMap::new(),
            decoding,
            drawn: HashMap::new(),
            typesetter: None,
            scratch: None,
            interval: 0,
            is_once: false,
        }
    }

    /// Draws frame `number` on a canvas of any content. Numbers only go forward.
    pub fn compose(&mut self, number: i64, canvas: &mut Picture<F>) -> Result<(), RenderError> {
        self.is_once = true;
        let composed = self.compose_on(number, self.ready.plan.background, canvas);
        self.is_once = false;
        composed
    }

    /// The same on another ground. A number may be asked for again.
    pub fn compose_on(&mut self, number: i64, ground: Color, canvas: &mut Picture<F>) -> Result<(), RenderError> {
        let plan = self.ready.plan;
        while plan.intervals[self.interval].end <= number {
            self.interval += 1;
        }
        let layers = &plan.intervals[self.interval].layers;
        self.clips.retain(|layer, _| layers.contains(layer));
        self.nested.retain(|layer, _| layers.contains(layer));
        self.drawn.retain(|layer, _| layers.contains(layer));
        let seconds = plan.rate.seconds(number);
        for &index in layers.iter().filter(|&&index| matches!(self.ready.arts[index], Art::Drawn)) {
            self.draw_what_plays_nothing(index, seconds)?;
        }
        // What is covered at once need not be cleared; but what comes in place of that lies on the background too.
        let crossed = layers.get(1).is_some_and(|&next| plan.layers[next].crossing_at(seconds).is_some());
        let covered = layers.first().is_some_and(|&lowest| plan.layers[lowest].hides(plan, number, number + 1));
        if !covered || crossed {
            canvas.fill(sprite::yuv::<F>(ground));
        }
        let mut drawn_with_the_next = false;
        for (place, &index) in layers.iter().enumerate() {
            if std::mem::take(&mut drawn_with_the_next) {
                continue;
            }
            let crossing = layers.get(place + 1).and_then(|&next| {
                plan.layers[next].crossing_at(seconds).filter(|(from, _)| *from == index).map(|(_, share)| (next, share))
            });
            match crossing {
                Some((next, share)) => {
                    self.cross(index, next, share, seconds, canvas)?;
                    drawn_with_the_next = true;
                }
                None => self.alone(index, seconds, canvas)?,
            }
        }
        Ok(())
    }

    /// Draws a layer by itself; one that takes over from a layer that is not right below it does so from all that is.
    fn alone(&mut self, index: usize, seconds: f64, canvas: &mut Picture<F>) -> Result<(), RenderError> {
        let layer = &self.ready.plan.layers[index];
        let crossing = layer.crossing_at(seconds).map_or(1.0, |(_, share)| share);
        let fades = layer.enter.is_some_and(|enter| enter.kind == TransitionType::Fade);
        let opacity = layer.opacity_at(seconds) * if fades { crossing } else { 1.0 };
        let manner = Manner { seconds, opacity, shift: Shift::NONE };
        let Some(passing) = layer.passing_at(seconds) else { return self.draw(index, manner, canvas) };
        let there = if passing.leaves { 1.0 - passing.share } else { passing.share };
        if let Some((across, down)) = passing.kind.slide() {
            let by = if passing.leaves { passing.share } else { passing.share - 1.0 };
            return self.draw(index, Manner { shift: Shift { by: (across * by, down * by), scale: 1.0 }, ..manner }, canvas);
        }
        if passing.kind == TransitionType::Zoom {
            let shift = Shift { by: (0.0, 0.0), scale: there };
            return self.draw(index, Manner { shift, opacity: opacity * there, ..manner }, canvas);
        }
        let Some(scene) = self.scene(&[(index, manner)]) else { return Ok(()) };
        let middle = self.middle(passing.kind, &[(index, manner)], canvas)?;
        let mut scratch = self.copy_of(canvas)?;
        if passing.leaves {
            self.draw(index, manner, &mut scratch)?;
        } else {
            self.draw(index, manner, canvas)?;
        }
        transition::blend(passing.kind, &scratch, canvas, middle.as_ref(), &scene, passing.share);
        self.scratch = Some(scratch);
        Ok(())
    }

    /// Draws a layer and the one that takes over from it.
    fn cross(&mut self, from: usize, to: usize, share: f64, seconds: f64, canvas: &mut Picture<F>) -> Result<(), RenderError> {
        let (below, above) = (&self.ready.plan.layers[from], &self.ready.plan.layers[to]);
        let kind = above.enter.map_or(TransitionType::Fade, |enter| enter.kind);
        let manner = |layer: &Layer| Manner { seconds, opacity: layer.opacity_at(seconds), shift: Shift::NONE };
        let (before, after) = (manner(below), manner(above));
        if let Some((across, down)) = kind.slide() {
            let shifted = |by: f64| Shift { by: (across * by, down * by), scale: 1.0 };
            self.draw(from, Manner { shift: shifted(share), ..before }, canvas)?;
            return self.draw(to, Manner { shift: shifted(share - 1.0), ..after }, canvas);
        }
        let covers = match (below.stage, above.stage) {
            // Where pixels share Cb and Cr those at an odd edge are never covered whole.
            (Stage::Rest(Rest { shown: below, .. }), Stage::Rest(Rest { shown: above, .. })) => {
                above.contains(&below) && (above.is_even() || F::SHARED == 0)
            }
            _ => self.ready.plan.covers(to),
        };
        if kind == TransitionType::Fade && above.opaque && covers && after.opacity >= 1.0 {
            self.draw(from, before, canvas)?;
            return self.draw(to, Manner { opacity: share, ..after }, canvas);
        }
        let both = [(from, before), (to, after)];
        let Some(scene) = self.scene(&both) else { return Ok(()) };
        if transition::moves_pixels(kind) && !both.iter().all(|layer| self.fills(layer)) {
            // What lies below them stays in its place.
            let shape = self.shape_of(canvas, |this, ground| this.blend(both, kind, None, (&scene, share), ground))?;
            shape.put(canvas, (0, 0), 256);
            return Ok(());
        }
        let middle = self.middle(kind, &both, canvas)?;
        self.blend(both, kind, middle.as_ref(), (&scene, share), canvas)
    }

    fn blend(
        &mut self,
        [(from, before), (to, after)]: [(usize, Manner); 2],
        kind: TransitionType,
        middle: Option<&Picture<F>>,
        (scene, share): (&Scene, f64),
        canvas: &mut Picture<F>,
    ) -> Result<(), RenderError> {
        let mut scratch = self.copy_of(canvas)?;
        self.draw(from, before, &mut scratch)?;
        self.draw(to, after, canvas)?;
        transition::blend(kind, &scratch, canvas, middle, scene, share);
        self.scratch = Some(scratch);
        Ok(())
    }

    /// What is drawn on a ground, by itself, as of a composition: as large as the canvas.
    fn shape_of(
        &mut self,
        canvas: &Picture<F>,
        mut draw: impl FnMut(&mut Self, &mut Picture<F>) -> Result<(), RenderError>,
    ) -> Result<Sprite<F>, RenderError> {
        let (width, height) = (canvas.width(), canvas.height());
        let is_once = std::mem::take(&mut self.is_once);
        let shape = nested::shape(|ground| {
            let mut picture = Picture::new(width as u32, height as u32).map_err(RenderError::whole)?;
            picture.fill(sprite::yuv::<F>(ground));
            draw(self, &mut picture)?;
            Ok(picture)
        });
        self.is_once = is_once;
        shape
    }

    /// Whether nothing is seen through a layer, nor beside it.
    fn fills(&self, (index, manner): &(usize, Manner)) -> bool {
        let plan = self.ready.plan;
        plan.covers(*index) && plan.layers[*index].opaque && manner.opacity >= 1.0
    }

    /// In the middle of a fade through a colour: what lies below, and on it all that any of the layers shows, in that colour. What
    /// that is, is found as of a composition. `None` where it is the colour alone.
    fn middle(
        &mut self,
        kind: TransitionType,
        layers: &[(usize, Manner)],
        below: &Picture<F>,
    ) -> Result<Option<Picture<F>>, RenderError> {
        let Some(color) = kind.color() else { return Ok(None) };
        if layers.iter().any(|layer| self.fills(layer)) {
            return Ok(None);
        }
        let mut shape = self.shape_of(below, |compositor, ground| {
            layers.iter().try_for_each(|(index, manner)| compositor.draw(*index, *manner, ground))
        })?;
        shape.paint(color);
        let mut out = Picture::new(below.width() as u32, below.height() as u32).map_err(RenderError::whole)?;
        out.copy_from(below);
        shape.put(&mut out, (0, 0), 256);
        Ok(Some(out))
    }

    /// Draws the picture of a still, words or a shape, where it is not there yet, or was drawn for another box.
    fn draw_what_plays_nothing(&mut self, index: usize, seconds: f64) -> Result<(), RenderError> {
        let plan = self.ready.plan;
        let layer = &plan.layers[index];
        let is_there = self.drawn.get(&index).is_some_and(|drawn| match drawn {
            _ if !layer.resizes() => true,
            Some(drawn) => drawn.fits(&layer.drawn_bounds(&plan.canvas(), seconds)),
            None => false,
        });
        if !is_there {
            let (element, medium) = (&self.ready.elements[layer.element], &self.ready.media[layer.element]);
            let drawn = drawn::draw(plan, layer, element, medium, seconds, self.ready.library, &mut self.typesetter);
            self.drawn.insert(index, drawn.map_err(RenderError::of(layer.element))?);
        }
        Ok(())
    }

    fn drawn(&self, index: usize) -> Option<&Drawn<F>> {
        self.drawn.get(&index)?.as_ref()
    }

    fn copy_of(&mut self, canvas: &Picture<F>) -> Result<Picture<F>, RenderError> {
        let mut scratch = match self.scratch.take() {
            Some(scratch) => scratch,
            None => Picture::new(canvas.width() as u32, canvas.height() as u32).map_err(RenderError::whole)?,
        };
        scratch.copy_from(canvas);
        Ok(scratch)
    }

    /// Where a transition of layers happens: in the smallest box that holds them all, on the canvas and off it; `None` where nothing of
    /// that is to be seen.
    fn scene(&self, layers: &[(usize, Manner)]) -> Option<Scene> {
        let plan = self.ready.plan;
        let places = layers.iter().filter_map(|(index, manner)| self.place(*index, *manner));
        let (place, drawn) = places.reduce(|one, other| {
            (one.0.union(&other.0), one.1.into_iter().chain(other.1).reduce(|one, other| one.union(&other)))
        })?;
        let area =
            Area::around(&place, plan.width, plan.height).into_iter().chain(drawn).reduce(|one, other| one.union(&other))?;
        Some(Scene { place, area })
    }

    /// Where all of a layer lies, and the pixels that are drawn of it where those are known.
    fn place(&self, index: usize, manner: Manner) -> Option<(Rect, Option<Area>)> {
        let plan = self.ready.plan;
        let layer = &plan.layers[index];
        let pose = |drawn_for| layer.pose(&plan.canvas(), manner.seconds, drawn_for, manner.shift).bounds();
        Some(match (&self.ready.arts[index], self.drawn(index), layer.stage) {
            (Art::Nothing, ..) | (Art::Drawn, None, _) => return None,
            (_, Some(Drawn::Resting { sprite, corner, place }), _) => {
                let area = Area { x: corner.0, y: corner.1, width: sprite.width(), height: sprite.height() };
                (place.unwrap_or_else(|| pose(None)), Some(area))
            }
            (_, Some(Drawn::Beyond { place }), _) => (*place, None),
            (_, Some(Drawn::Moving { drawn_for, .. }), _) => (pose(*drawn_for), None),
            (Art::Clip | Art::Nested(_), None, Stage::Rest(rest)) => {
                (pose(None), Area::around(&rest.shown.rect(), plan.width, plan.height))
            }
            (Art::Clip | Art::Nested(_), None, _) => (pose(None), None),
        })
    }

    fn draw(&mut self, index: usize, manner: Manner, canvas: &mut Picture<F>) -> Result<(), RenderError> {
        let plan = self.ready.plan;
        let layer = &plan.layers[index];
        match self.drawn.get_mut(&index).and_then(Option::as_mut) {
            Some(Drawn::Resting { sprite, corner, .. }) => sprite.put(canvas, *corner, blend::weight(manner.opacity)),
            Some(Drawn::Moving { sprite, extent, drawn_for, reduced }) => {
                let pose = layer.pose(&plan.canvas(), manner.seconds, *drawn_for, manner.shift).within(plan);
                warp::draw_again(canvas, &Within { rows: sprite, extent: *extent }, reduced, &pose, manner.opacity);
            }
            Some(Drawn::Beyond { .. }) | None => {}
        }
        match &self.ready.arts[index] {
            Art::Nothing | Art::Drawn => {}
            Art::Clip => self.draw_clip(index, manner, canvas).map_err(RenderError::of(layer.element))?,
            Art::Nested(_) => self.draw_nested(index, manner, canvas)?,
        }
        Ok(())
    }

    fn draw_clip(&mut self, index: usize, manner: Manner, canvas: &mut Picture<F>) -> Result<(), MediaError> {
        let plan = self.ready.plan;
        let layer = &plan.layers[index];
        let Content::Video { playback, .. } = &self.ready.elements[layer.element].content else { return Ok(()) };
        // Nothing is decoded of what is not seen.
        let seen = layer.pose(&plan.canvas(), manner.seconds, None, manner.shift).bounds();
        if Area::around(&seen, plan.width, plan.height).is_none() {
            return Ok(());
        }
        let medium = &self.ready.media[layer.element];
        let (lap, at) = moment(plan, layer, medium, playback, manner.seconds);
        let clip = match self.clips.entry(index) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let element = &self.ready.elements[layer.element];
                let showing = showing(plan, layer, medium, element, self.ready.library, self.smoothness)?;
                place.insert(Clip::open(showing, lap, at, self.decoding.clone())?)
            }
        };
        clip.at(lap, at)?;
        let fills =
            |rest: &Rest| rest.is_all_seen() && (rest.shown.width, rest.shown.height) == (canvas.width(), canvas.height());
        let covers = manner.opacity >= 1.0 && matches!(&layer.stage, Stage::Rest(rest) if fills(rest));
        let (_, next) = moment(plan, layer, medium, playback, manner.seconds + plan.rate.seconds(1));
        if covers && self.is_once && !canvas.has_alpha() && clip.become_canvas(next, canvas) {
            return Ok(());
        }
        put_shown(clip.at(lap, at)?, plan, layer, manner, canvas);
        Ok(())
    }

    fn draw_nested(&mut self, index: usize, manner: Manner, canvas: &mut Picture<F>) -> Result<(), RenderError> {
        let ready = self.ready;
        let (plan, layer) = (ready.plan, &ready.plan.layers[index]);
        let Art::Nested(within) = &ready.arts[index] else { return Ok(()) };
        let pose = layer.pose(&plan.canvas(), manner.seconds, None, manner.shift).uncropped(&layer.visual.crop).within(plan);
        // Composing it costs as much where nothing of it is seen.
        let on_canvas = Area::around(&pose.bounds(), plan.width, plan.height);
        if on_canvas.is_none() || !warp::is_seen(&pose, manner.opacity) {
            return Ok(());
        }
        let of_this = RenderError::of(layer.element);
        let nested = match self.nested.entry(index) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let effects =
                    Effects::of(&layer.visual.effects, &ready.library.tables, layer.own_pixel(plan), layer.seen_at_rest(plan));
                place.insert(Nested::new(within, effects, self.smoothness, self.decoding.clone()).map_err(&of_this)?)
            }
        };
        let number = nested::frame_of(plan, layer, manner.seconds);
        let (shown, reduced) = nested.at(number).map_err(|error| of_this(error.error))?;
        match (shown, layer.stage) {
            (Shown::Opaque(rows), Stage::Moving { extent, .. }) => {
                warp::draw_again(canvas, &Within { rows, extent }, reduced, &pose, manner.opacity);
            }
            (Shown::Keyed(rows), Stage::Moving { extent, .. }) => {
                warp::draw_again(canvas, &Within { rows, extent }, reduced, &pose, manner.opacity);
            }
            (shown, _) => put_shown(shown, plan, layer, manner, canvas),
        }
        Ok(())
    }
}

/// Puts a picture that was made for a layer where that lies.
fn put_shown<F: Form>(picture: Shown<'_, F>, plan: &Plan, layer: &Layer, manner: Manner, canvas: &mut Picture<F>) {
    let (pose, extent) = match layer.stage {
        Stage::Rest(rest) if rest.is_all_seen() => {
            let weight = blend::weight(manner.opacity);
            return match picture {
                Shown::Opaque(picture) => sprite::put(canvas, picture, &rest.shown, weight),
                Shown::Keyed(sprite) => sprite.put(canvas, (rest.shown.x, rest.shown.y), weight),
            };
        }
        Stage::Rest(rest) => (rest.pose(), (rest.sheet.width, rest.sheet.height)),
        Stage::Moving { extent, .. } => (layer.pose(&plan.canvas(), manner.seconds, None, manner.shift).within(plan), extent),
        Stage::Drawn => return,
    };
    match picture {
        Shown::Opaque(rows) => warp::draw(canvas, &Within { rows, extent }, &pose, manner.opacity),
        Shown::Keyed(rows) => warp::draw(canvas, &Within { rows, extent }, &pose, manner.opacity),
    }
}

/// Which moment of its file a clip shows, seconds, and how often it has started again before.
pub(super) fn moment(plan: &Plan, layer: &Layer, medium: &Prepared, playback: &Playback, seconds: f64) -> (i64, f64) {
    let half_frame = 0.5 / plan.rate.as_f64();
    // The first frame may lie a little before the start.
    let played = ((seconds - layer.start_s) * playback.speed).max(0.0);
    let length = medium.picture_duration().and_then(|duration| playback.trimmed(duration));
    let (lap, played) = match length.filter(|_| playback.repeat) {
        // A frame that lies on the seam, but for rounding, is the first of the next lap.
        Some(length) => {
            let lap = ((played + half_frame * 1e-3) / length).floor();
            (lap as i64, (played - lap * length).max(0.0))
        }
        None => (0, played),
    };
    let at = playback.trim_start + played;
    // Past its trimmed end a clip stays as it is; one that is played backwards at what its trims leave as its start.
    let backwards = length.filter(|_| playback.reverse).map(|length| playback.trim_start + length);
    (lap, backwards.or(playback.trim_end).map_or(at, |end| at.min(end - half_frame * playback.speed)))
}

/// What a time of a clip that is played backwards and the one in its place add up to, seconds.
fn mirror(playback: &Playback, medium: &Prepared) -> Option<f64> {
    let end = playback.trim_end.into_iter().chain(medium.picture_duration()).reduce(f64::min)?;
    playback.reverse.then_some(playback.trim_start + end)
}

fn showing(
    plan: &Plan,
    layer: &Layer,
    medium: &Prepared,
    element: &Element,
    library: &Library,
    smoothness: Smoothness,
) -> Result<Showing, MediaError> {
    let (Prepared::Clip { path, probe, .. }, Content::Video { playback, visual, chroma_key }) = (medium, &element.content) else {
        return Err(MediaError::Unsupported("not a clip".into()));
    };
    let (size, part) = layer.made();
    let source = probe.video.as_ref().map(crate::media::VideoInfo::display_size);
    let mirror = mirror(playback, medium);
    Ok(Showing {
        path: path.clone(),
        source: Source { turn: medium.turn(), peak: probe.video.as_ref().and_then(|video| video.peak) },
        mirror,
        told_end_s: probe.video.as_ref().and_then(|video| video.duration),
        from_s: playback.trim_start,
        size,
        excerpt: Excerpt { part, within: visual.crop.unfold((0.0, 0.0, 1.0, 1.0)) },
        over_its_blur: source.filter(|_| visual.fit == Fit::ContainBlur).map(|source| (source, visual.crop)),
        effects: Effects::of(&visual.effects, &library.tables, layer.own_pixel(plan), layer.seen_at_rest(plan)),
        alpha: probe.video.as_ref().is_some_and(|video| video.alpha),
        key: *chroma_key,
        smoothness,
        half_frame_s: 0.5 / plan.rate.as_f64() * playback.speed,
    })
}
