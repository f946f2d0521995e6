//! What must be known and made before the first frame: media are looked into, stills decoded, words drawn.

use std::path::{Path, PathBuf};

use image::RgbaImage;

use super::{
    Composition, RenderError,
    overlay::Overlay,
    plan::{self, Medium, Plan},
    still,
    text::Typesetter,
};
use crate::{
    domain::{
        composition::{Content, Element, Source},
        error::JobFailure,
    },
    media::{self, MediaError, MediaProbe, Turn, VideoInfo},
};

/// An element's medium, opened and understood.
pub enum Prepared {
    Clip { path: PathBuf, probe: MediaProbe },
    Still(RgbaImage),
    Words,
}

/// A composition that is ready to be drawn and mixed.
pub struct Ready {
    pub plan: Plan,
    /// By element.
    pub media: Vec<Prepared>,
    /// By layer; `None` for a layer of video.
    pub overlays: Vec<Option<Overlay>>,
}

/// Looks into every source, in order; `found` is told of each.
pub fn prepare(composition: &Composition, found: &mut dyn FnMut(usize, &Prepared)) -> Result<Ready, JobFailure> {
    let ids: Vec<String> = composition.elements.iter().map(|placed| placed.id.clone()).collect();
    let elements: Vec<Element> = composition.elements.iter().map(|placed| placed.element.clone()).collect();
    let mut media = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let prepared = understand(element).map_err(RenderError::of(index)).map_err(|error| error.into_failure(&ids))?;
        found(index, &prepared);
        media.push(prepared);
    }
    let known: Vec<Medium> = elements.iter().zip(&media).map(|(element, prepared)| prepared.medium(element)).collect();
    let plan = plan::plan(&elements, &known, &composition.output).map_err(|unplaceable| {
        match unplaceable.element.and_then(|index| ids.get(index)) {
            Some(id) => unplaceable.failure.of_element(id.clone()),
            None => unplaceable.failure,
        }
    })?;
    let overlays = overlays(&plan, &elements, &media);
    Ok(Ready { plan, media, overlays })
}

fn understand(element: &Element) -> Result<Prepared, MediaError> {
    match &element.content {
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
        Content::Text { .. } => Ok(Prepared::Words),
    }
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
            (Prepared::Clip { probe, .. }, Content::Video { .. }) => Medium {
                duration: probe.video.as_ref().and_then(|video| video.duration).or(probe.duration),
                size: probe.video.as_ref().map(VideoInfo::display_size),
                opaque: true,
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
            (Prepared::Words, _) => Medium::default(),
        }
    }

    pub fn turn(&self) -> Turn {
        match self {
            Prepared::Clip { probe, .. } => probe.video.as_ref().map_or(Turn::None, |video| video.turn),
            _ => Turn::None,
        }
    }
}

fn overlays(plan: &Plan, elements: &[Element], media: &[Prepared]) -> Vec<Option<Overlay>> {
    let mut typesetter = None;
    let canvas = (plan.width, plan.height);
    plan.layers
        .iter()
        .map(|layer| match (&media[layer.element], &elements[layer.element].content) {
            (Prepared::Still(image), _) => Some(still::overlay(image, layer)),
            (Prepared::Words, Content::Text { text, .. }) => {
                typesetter.get_or_insert_with(Typesetter::new).overlay(text, layer, canvas)
            }
            _ => None,
        })
        .collect()
}
