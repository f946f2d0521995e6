//! The canvas: draws the layers of a frame, the lowest first, in YUV from start to end.

use std::collections::HashMap;

use super::{
    RenderError, blend,
    clip::Clip,
    overlay,
    plan::{Layer, Plan},
    prepare::{Prepared, Ready},
};
use crate::{
    domain::composition::{Content, Element},
    media::{MediaError, Picture, Smoothness},
};

/// Draws one frame after the other. Lives on one thread; decoders live only while their layer shows.
pub struct Compositor<'a> {
    ready: &'a Ready,
    elements: &'a [Element],
    smoothness: Smoothness,
    clips: HashMap<usize, Clip>,
    /// A second canvas, for cross-fades between layers of different shape.
    scratch: Option<Picture>,
    interval: usize,
}

impl<'a> Compositor<'a> {
    pub fn new(ready: &'a Ready, elements: &'a [Element], smoothness: Smoothness) -> Self {
        Self { ready, elements, smoothness, clips: HashMap::new(), scratch: None, interval: 0 }
    }

    /// Draws frame `number` on a canvas of any content. Numbers only go forward.
    pub fn compose(&mut self, number: i64, canvas: &mut Picture) -> Result<(), RenderError> {
        let plan = &self.ready.plan;
        while plan.intervals[self.interval].end <= number {
            self.interval += 1;
        }
        let layers = &plan.intervals[self.interval].layers;
        self.clips.retain(|layer, _| layers.contains(layer));
        canvas.fill(overlay::yuv(plan.background));
        let seconds = plan.rate.seconds(number);
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
                None => self.draw(index, self.alone(index, seconds), seconds, canvas)?,
            }
        }
        Ok(())
    }

    /// The opacity of a layer drawn by itself; one that cross-fades from a layer that is not right below it
    /// fades in over all that is.
    fn alone(&self, index: usize, seconds: f64) -> f64 {
        let layer = &self.ready.plan.layers[index];
        layer.opacity_at(seconds) * layer.crossing_at(seconds).map_or(1.0, |(_, share)| share)
    }

    /// Draws the mean of two pictures of the canvas: with the one layer, and with the other.
    fn cross(&mut self, from: usize, to: usize, share: f64, seconds: f64, canvas: &mut Picture) -> Result<(), RenderError> {
        let (below, above) = (&self.ready.plan.layers[from], &self.ready.plan.layers[to]);
        let (before, after) = (below.opacity_at(seconds), above.opacity_at(seconds));
        if above.opaque && above.shown.contains(&below.shown) && after >= 1.0 {
            self.draw(from, before, seconds, canvas)?;
            return self.draw(to, share, seconds, canvas);
        }
        let mut scratch = match self.scratch.take() {
            Some(scratch) => scratch,
            None => Picture::new(canvas.width() as u32, canvas.height() as u32).map_err(RenderError::whole)?,
        };
        scratch.copy_from(canvas);
        self.draw(from, before, seconds, canvas)?;
        self.draw(to, after, seconds, &mut scratch)?;
        for plane in 0..3 {
            for y in 0..canvas.plane_height(plane) {
                blend::mix_row(canvas.row_mut(plane, y), scratch.row(plane, y), blend::weight(share));
            }
        }
        self.scratch = Some(scratch);
        Ok(())
    }

    fn draw(&mut self, index: usize, opacity: f64, seconds: f64, canvas: &mut Picture) -> Result<(), RenderError> {
        let layer = &self.ready.plan.layers[index];
        let weight = blend::weight(opacity);
        if let Some(overlay) = &self.ready.overlays[index] {
            overlay.draw(canvas, weight);
            return Ok(());
        }
        let Prepared::Clip { .. } = &self.ready.media[layer.element] else { return Ok(()) };
        self.draw_clip(index, weight, seconds, canvas).map_err(RenderError::of(layer.element))
    }

    fn draw_clip(&mut self, index: usize, weight: u32, seconds: f64, canvas: &mut Picture) -> Result<(), MediaError> {
        let plan = &self.ready.plan;
        let layer = &plan.layers[index];
        let Content::Video { playback, .. } = &self.elements[layer.element].content else { return Ok(()) };
        let clip = match self.clips.entry(index) {
            std::collections::hash_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(open(plan, layer, &self.ready.media[layer.element], playback.trim_start, self.smoothness)?)
            }
        };
        let at = seconds - layer.start_s + playback.trim_start;
        // Past its trimmed end a clip stays as it is.
        let at = playback.trim_end.map_or(at, |end| at.min(end - 0.5 / plan.rate.as_f64()));
        put(canvas, clip.at(at)?, layer, weight);
        Ok(())
    }
}

fn open(plan: &Plan, layer: &Layer, medium: &Prepared, trim_start: f64, smoothness: Smoothness) -> Result<Clip, MediaError> {
    let Prepared::Clip { path, probe } = medium else { return Err(MediaError::Unsupported("not a clip".into())) };
    let told_end = probe.video.as_ref().and_then(|video| video.duration);
    Clip::open(path, medium.turn(), plan, layer, trim_start, told_end, smoothness)
}

/// Copies or mixes a picture into its area of the canvas.
fn put(canvas: &mut Picture, picture: &Picture, layer: &Layer, weight: u32) {
    for plane in 0..3 {
        let half = usize::from(plane > 0);
        let (x, y) = (layer.shown.x >> half, layer.shown.y >> half);
        for row in 0..picture.plane_height(plane) {
            let above = picture.row(plane, row);
            let below = &mut canvas.row_mut(plane, y + row)[x..x + above.len()];
            if weight >= 256 { below.copy_from_slice(above) } else { blend::mix_row(below, above, weight) }
        }
    }
}
