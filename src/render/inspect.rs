//! Looks into the files of elements: media are probed, stills decoded, words, fonts and tables of colours read.

use std::{
    borrow::Cow,
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use encoding_rs::{Encoding, WINDOWS_1252};

use super::{
    error::failure,
    loudness::Level,
    plan::Medium,
    still::{Shown, Still},
    table::{self, Table},
};
use crate::{
    domain::{
        composition::{Content, Element, Playback, Source},
        error::JobFailure,
        output::{Format, Output},
        schedule,
        subtitles::{self, Cue},
    },
    media::{self, MediaError, MediaProbe, Turn, VideoInfo},
};

/// The largest file of subtitles, and of a font, bytes.
const MOST_WORDS: u64 = 4 << 20;
const MOST_FONT: u64 = 64 << 20;
const MOST_CUE_CHARS: usize = 5_000;

/// An element's medium, opened and understood.
pub enum Prepared {
    Clip {
        path: PathBuf,
        probe: MediaProbe,
        /// The loudness that its sound is brought to, where one is asked for.
        level: Option<Arc<Level>>,
    },
    Still(Still),
    /// The media of the elements within it.
    Group(Vec<Prepared>),
    /// Nothing but what the element itself says.
    Drawn,
}

/// What several elements may use, by its file.
#[derive(Default)]
pub struct Library {
    pub tables: HashMap<Source, Arc<Table>>,
    pub fonts: HashMap<Source, Arc<Vec<u8>>>,
    probes: HashMap<Source, MediaProbe>,
    /// By source and loudness: what several elements play is measured once.
    levels: HashMap<(Source, u64), Arc<Level>>,
    /// Sources may be away: nothing is to be rendered, and what is here is looked into.
    partly: bool,
    /// No output has a picture, or sound: it need not be decoded.
    unseen: bool,
    unheard: bool,
    /// Held while a still is decoded and scaled, which takes many times its size: runs that want one wait for each other.
    pub stills: Mutex<Shown>,
}

/// Opens an element's files, or tells all that is wrong with them or with how they are to be played; the words of subtitles become the element's own.
pub fn open(element: &mut Element, library: &mut Library) -> Result<Prepared, Vec<JobFailure>> {
    let mut wrong = library.take(element);
    let place = element.place("source");
    let away = library.passes_over(element.source());
    let opened = match &mut element.content {
        Content::Composition { elements, .. } => open_within(elements, library),
        _ if away => Ok(Prepared::Drawn),
        content => open_source(content, library).map_err(|error| vec![failure(&error).in_place(place.clone())]),
    };
    let playable = |prepared: Prepared| {
        let undecodable = library.undecodable(element, &prepared).map(|error| failure(&error).in_place(place));
        let unplayable = undecodable.or_else(|| schedule::misplaced(element, prepared.medium(element).duration));
        unplayable.map_or(Ok(prepared), |failure| Err(vec![failure]))
    };
    match opened.and_then(playable) {
        Ok(prepared) if wrong.is_empty() => Ok(prepared),
        Ok(_) => Err(wrong),
        Err(more) => {
            wrong.extend(more);
            Err(wrong)
        }
    }
}

fn open_within(elements: &mut [Element], library: &mut Library) -> Result<Prepared, Vec<JobFailure>> {
    let (mut media, mut wrong) = (Vec::with_capacity(elements.len()), Vec::new());
    for (index, element) in elements.iter_mut().enumerate() {
        match open(element, library) {
            Ok(prepared) => media.push(prepared),
            Err(inner) => wrong.extend(below(inner, index)),
        }
    }
    if wrong.is_empty() { Ok(Prepared::Group(media)) } else { Err(wrong) }
}

/// What is wrong with an element within a composition.
fn below(wrong: Vec<JobFailure>, index: usize) -> impl Iterator<Item = JobFailure> {
    wrong.into_iter().map(move |failure| failure.below(&Element::place_within(index)))
}

fn open_source(content: &mut Content, library: &mut Library) -> Result<Prepared, MediaError> {
    match content {
        Content::Subtitles { source: Some(source), cues, .. } => {
            *cues = words(local(source)?)?.into();
            Ok(Prepared::Drawn)
        }
        Content::Video { playback, .. } => match library.clip(playback)? {
            Prepared::Clip { probe, .. } if probe.video.is_none() => {
                Err(MediaError::Unsupported("the source holds no picture; play it as an audio element".into()))
            }
            prepared => Ok(prepared),
        },
        Content::Audio { playback } => match library.clip(playback)? {
            Prepared::Clip { probe, .. } if probe.audio.is_none() => {
                Err(MediaError::Unsupported("the source holds no sound".into()))
            }
            prepared => Ok(prepared),
        },
        Content::Image { source, .. } => Still::open(local(source)?).map(Prepared::Still),
        Content::Text { .. } | Content::Shape { .. } | Content::Subtitles { .. } | Content::Composition { .. } => {
            Ok(Prepared::Drawn)
        }
    }
}

/// What a file holds that may be of any kind.
pub fn look_into(path: &Path) -> Result<Prepared, MediaError> {
    let playback = Playback::of(Source::File(path.to_string_lossy().into_owned()));
    Library::default().clip(&playback).or_else(|unread| {
        // What is no picture at all may be a broken clip; a picture says itself what is wrong with it.
        let still =
            Still::open(path).map_err(|error| if matches!(error, MediaError::Unsupported(_)) { unread } else { error })?;
        still.pixels()?;
        Ok(Prepared::Still(still))
    })
}

impl Library {
    /// For outputs; `partly`: sources may be away.
    pub fn new(outputs: &[Output], partly: bool) -> Self {
        let none = |has: fn(Format) -> bool| !outputs.is_empty() && !outputs.iter().any(|output| has(output.format));
        let (unseen, unheard) = (none(|format| !format.is_sound_alone()), none(Format::has_sound));
        Self { partly, unseen, unheard, ..Self::default() }
    }

    /// What of a source is to be seen or heard and cannot be decoded.
    fn undecodable(&self, element: &Element, prepared: &Prepared) -> Option<MediaError> {
        let Prepared::Clip { probe, .. } = prepared else { return None };
        let picture = probe.video.as_ref().filter(|video| !self.unseen && element.visual().is_some() && !video.decodable);
        let sound = probe.audio.as_ref().filter(|audio| !self.unheard && element.is_heard() && !audio.decodable);
        let message = match (picture, sound) {
            (Some(video), _) => format!("the codec {} is not supported", video.codec),
            (None, Some(audio)) if element.visual().is_some() => {
                format!("the codec {} of its sound is not supported; muted, it can be used", audio.codec)
            }
            (None, Some(audio)) => format!("the codec {} is not supported", audio.codec),
            (None, None) => return None,
        };
        Some(MediaError::Unsupported(message))
    }

    /// Whether a source is away and may be.
    fn passes_over(&self, source: Option<&Source>) -> bool {
        self.partly && source.is_some_and(|source| !source.is_here())
    }

    fn clip(&mut self, playback: &Playback) -> Result<Prepared, MediaError> {
        let path = local(&playback.source)?.to_owned();
        let probe = match self.probes.get(&playback.source) {
            Some(known) => known.clone(),
            None => self.probes.entry(playback.source.clone()).or_insert(media::probe(&path)?).clone(),
        };
        let wanted = playback.loudness.filter(|_| probe.audio.is_some());
        let level = wanted.map(|wanted| {
            let of_source = self.levels.entry((playback.source.clone(), wanted.to_bits()));
            of_source.or_insert_with(|| Arc::new(Level::of(path.clone(), wanted))).clone()
        });
        Ok(Prepared::Clip { path, probe, level })
    }

    /// Reads an element's tables and font; gives what is wrong with them.
    fn take(&mut self, element: &Element) -> Vec<JobFailure> {
        let mut wrong = Vec::new();
        let unread = |(_, source): &(String, &Source)| !self.tables.contains_key(*source) && !self.passes_over(Some(*source));
        for (place, source) in element.tables().filter(unread).collect::<Vec<_>>() {
            match read_table(source) {
                Ok(table) => drop(self.tables.insert(source.clone(), Arc::new(table))),
                Err(error) => wrong.push(failure(&error).in_place(place)),
            }
        }
        if let Some(source) = element.style().and_then(|style| style.font.as_ref())
            && !self.fonts.contains_key(source)
            && !self.passes_over(Some(source))
        {
            match read_font(source) {
                Ok(font) => drop(self.fonts.insert(source.clone(), Arc::new(font))),
                Err(error) => wrong.push(failure(&error).in_place(element.place("font"))),
            }
        }
        wrong
    }
}

fn read_table(source: &Source) -> Result<Table, MediaError> {
    let file = read(local(source)?, table::MOST_BYTES, "a table of colours")?;
    let wrong = |what| MediaError::Unsupported(format!("the table of colours cannot be read: {what}"));
    Table::parse(&String::from_utf8_lossy(&file)).map_err(wrong)
}

fn read_font(source: &Source) -> Result<Vec<u8>, MediaError> {
    let file = read(local(source)?, MOST_FONT, "a font")?;
    match super::font::is_font(&file) {
        true => Ok(file),
        false => Err(MediaError::Unsupported("the source is no TrueType or OpenType font".into())),
    }
}

fn read(path: &Path, most: u64, what: &str) -> Result<Vec<u8>, MediaError> {
    let unreadable = |_| MediaError::Unsupported("the file cannot be read".into());
    if std::fs::metadata(path).map_err(unreadable)?.len() > most {
        return Err(MediaError::TooLarge(format!("the file of {what} has at most {most} bytes")));
    }
    std::fs::read(path).map_err(unreadable)
}

/// A text in the encoding that its mark tells; without one in UTF-8, or where more is broken of that than is not, in that of
/// Windows, as older subtitles are.
fn written(bytes: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0;
    }
    let text = String::from_utf8_lossy(bytes);
    let broken = text.chars().filter(|sign| *sign == char::REPLACEMENT_CHARACTER).count();
    let beyond_ascii = text.chars().filter(|sign| !sign.is_ascii()).count();
    if broken * 2 > beyond_ascii { WINDOWS_1252.decode(bytes).0 } else { text }
}

/// The cues of a file.
fn words(path: &Path) -> Result<Vec<Cue>, MediaError> {
    let cues = subtitles::parse(&written(&read(path, MOST_WORDS, "subtitles")?));
    if cues.iter().any(|cue| cue.text.chars().count() > MOST_CUE_CHARS) {
        return Err(MediaError::TooLarge(format!("a cue of subtitles has at most {MOST_CUE_CHARS} characters")));
    }
    if cues.is_empty() {
        return Err(MediaError::Unsupported("the source holds no subtitles of SRT, WebVTT or ASS".into()));
    }
    Ok(cues)
}

fn local(source: &Source) -> Result<&Path, MediaError> {
    match source {
        Source::File(path) => Ok(Path::new(path)),
        _ => Err(MediaError::Unsupported("the source was not fetched".into())),
    }
}

impl Prepared {
    /// What planning must know of it.
    pub fn medium(&self, element: &Element) -> Medium {
        match (self, &element.content) {
            (Prepared::Clip { probe, .. }, Content::Video { chroma_key, .. }) => Medium {
                duration: self.picture_duration(),
                size: probe.video.as_ref().map(VideoInfo::display_size),
                opaque: chroma_key.is_none() && !probe.video.as_ref().is_some_and(|video| video.alpha),
                sounds: probe.audio.is_some(),
                ..Medium::default()
            },
            (Prepared::Clip { probe, .. }, _) => Medium {
                duration: probe.audio.as_ref().and_then(|audio| audio.duration).or(probe.duration),
                sounds: true,
                ..Medium::default()
            },
            (Prepared::Still(still), _) => Medium {
                size: Some((f64::from(still.size.0), f64::from(still.size.1))),
                opaque: still.opaque,
                ..Medium::default()
            },
            (Prepared::Group(media), _) => {
                let within: Vec<Medium> =
                    media.iter().zip(element.elements()).map(|(prepared, element)| prepared.medium(element)).collect();
                let durations: Vec<_> = within.iter().map(|medium| medium.duration).collect();
                // Of one without an end of its own, the outer end is its own.
                let duration = schedule::own_duration(element.elements(), &durations);
                Medium { duration, within, ..Medium::default() }
            }
            (Prepared::Drawn, _) => Medium::default(),
        }
    }

    /// Decodes an element's stills, and tells which cannot be: a render decodes those alone that are seen.
    pub fn broken_stills(&self, element: &Element) -> Vec<JobFailure> {
        match self {
            Prepared::Still(still) => {
                let error = still.pixels().err();
                error.iter().map(|error| failure(error).in_place(element.place("source"))).collect()
            }
            Prepared::Group(media) => {
                let within = media.iter().zip(element.elements()).enumerate();
                within.flat_map(|(index, (medium, inner))| below(medium.broken_stills(inner), index)).collect()
            }
            Prepared::Clip { .. } | Prepared::Drawn => Vec::new(),
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

    /// The medium of an element within it, by its place on each level.
    pub fn within(&self, path: &[usize]) -> Option<&Prepared> {
        match (self, path) {
            (_, []) => Some(self),
            (Prepared::Group(media), [first, rest @ ..]) => media.get(*first)?.within(rest),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtitles_are_read_in_the_encodings_that_they_come_in() {
        for bytes in
            [&b"Caf\xc3\xa9"[..], b"Caf\xe9", b"\xef\xbb\xbfCaf\xc3\xa9", b"\xff\xfeC\0a\0f\0\xe9\0", b"\xfe\xff\0C\0a\0f\0\xe9"]
        {
            assert_eq!(written(bytes), "Caf\u{e9}", "{bytes:?}");
        }
        assert_eq!(
            written(b"\xc3\xa9\xc3\xa8 \xc3"),
            "\u{e9}\u{e8} \u{fffd}",
            "one broken sign does not make it another encoding"
        );
    }
}
