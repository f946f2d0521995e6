//! What must be known before the first frame: every source is looked into, every output planned, fonts asked for glyphs.

use super::{
    Composition,
    inspect::{self, Library, Prepared},
    plan::{self, Layer, Medium, Plan},
    text::Typesetter,
};
use crate::domain::{
    composition::{Content, Element, Text},
    error::{ErrorCode, JobFailure},
    inspection::{Warning, WarningCode},
    output::Output,
    schedule::{self, Unplaceable},
    subtitles::{self, Cue},
};

/// Of all subtitles of a job.
const MOST_CUES: usize = 20_000;
const MOST_CUES_AT_ONCE: i64 = 100;
const MOST_CHARS_AT_ONCE: i64 = 5_000;
/// Bytes of all cues, those that overlap counted as often as they are shown with others.
const MOST_JOINED: usize = 32 << 20;

/// What a layer puts on the canvas.
pub enum Art<'a> {
    /// Pictures of a clip, one after the other.
    Clip,
    /// Pictures composed of the elements within it.
    Nested(Box<Ready<'a>>),
    /// One picture, which is drawn when it is first seen ([`super::drawn`]).
    Drawn,
    /// Nothing is to be seen of it.
    Nothing,
}

/// A composition whose sources are open.
pub struct Opened {
    pub ids: Vec<String>,
    /// As they are rendered: subtitles with the words of their files.
    elements: Vec<Element>,
    /// By element.
    media: Vec<Prepared>,
    library: Library,
    /// What is wrong with the sources.
    wrong: Vec<JobFailure>,
}

/// A composition whose sources are good, and the plan of each of its outputs.
pub struct Understood {
    pub opened: Opened,
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
}

/// Told of what an element's sources hold; gives what it finds wrong with them.
pub type Found<'a> = dyn FnMut(usize, &Prepared) -> Vec<JobFailure> + 'a;

/// Looks into every source, in order; partly, where nothing is to be rendered, passes over those that are away.
pub fn open(composition: &Composition, partly: bool, found: &mut Found) -> Opened {
    let ids: Vec<String> = composition.elements.iter().map(|placed| placed.id.clone()).collect();
    let mut elements: Vec<Element> = composition.elements.iter().map(|placed| placed.element.clone()).collect();
    let mut media = Vec::with_capacity(elements.len());
    let mut library = Library::new(&composition.outputs, partly);
    let mut wrong = Vec::new();
    for (index, element) in elements.iter_mut().enumerate() {
        let bad = match inspect::open(element, &mut library) {
            Ok(prepared) => {
                let bad = found(index, &prepared);
                media.push(prepared);
                bad
            }
            Err(bad) => bad,
        };
        wrong.extend(bad.into_iter().map(|failure| failure.of_element(&ids[index])));
    }
    Opened { ids, elements, media, library, wrong }
}

/// Looks into every source and plans every output; or tells all that is wrong with the sources, and where they are good, what is
/// wrong with the outputs.
pub fn understand(composition: &Composition, found: &mut Found) -> Result<Understood, Vec<JobFailure>> {
    let mut opened = open(composition, false, found);
    let plans = opened.plans(&composition.outputs)?;
    Ok(Understood { opened, plans })
}

/// The plan of every output.
fn plans(elements: &[Element], media: &[Prepared], outputs: &[Output], ids: &[String]) -> Result<Vec<Plan>, Vec<JobFailure>> {
    let known: Vec<Medium> = elements.iter().zip(media).map(|(element, prepared)| prepared.medium(element)).collect();
    let (mut plans, mut wrong) = (Vec::with_capacity(outputs.len()), Vec::new());
    for (number, output) in outputs.iter().enumerate() {
        match plan::plan(elements, &known, output).and_then(|plan| sounding(plan, output)) {
            Ok(plan) => plans.push(plan),
            Err(unplaceable) => {
                let failure = match unplaceable.element.and_then(|index| ids.get(index)) {
                    Some(id) => unplaceable.failure.of_element(id.clone()),
                    None => of_output(number, unplaceable.failure),
                };
                // What is wrong with an element may be so in several outputs.
                if !wrong.contains(&failure) {
                    wrong.push(failure);
                }
            }
        }
    }
    if wrong.is_empty() { Ok(plans) } else { Err(wrong) }
}

/// A plan of sound alone has some.
fn sounding(plan: Plan, output: &Output) -> Result<Plan, Unplaceable> {
    if !output.format.is_sound_alone() || !plan.sounds.is_empty() {
        return Ok(plan);
    }
    let message = "nothing in the composition sounds, and the file is to be of sound alone";
    let failure = JobFailure::new(ErrorCode::BadUserInput, message);
    Err(Unplaceable::of_output("format", failure.suggest("add what sounds, or ask for a format with a picture")))
}

/// A failure of one output alone.
fn of_output(number: usize, mut failure: JobFailure) -> JobFailure {
    let at = format!("outputs[{number}]");
    failure.message = format!("{at}: {}", failure.message);
    failure.below(&at)
}

fn check_cues(elements: &[Element]) -> Result<(), JobFailure> {
    let lists = all_cues(elements);
    let count: usize = lists.iter().map(|cues| cues.len()).sum();
    let too_many = |message| Err(JobFailure::new(ErrorCode::ResourceLimit, message));
    if count > MOST_CUES {
        return too_many(format!("a job has at most {MOST_CUES} cues of subtitles, and has {count}"));
    }
    let weighed =
        |cues: &[Cue], weight: fn(&Cue) -> i64| schedule::most_at_once(cues.iter().map(|cue| (cue.start, cue.end, weight(cue))));
    let most = |weight: fn(&Cue) -> i64| lists.iter().map(|cues| weighed(cues, weight)).max().unwrap_or(0);
    if most(|_| 1) > MOST_CUES_AT_ONCE || most(|cue| cue.text.chars().count() as i64) > MOST_CHARS_AT_ONCE {
        let rule =
            format!("at most {MOST_CUES_AT_ONCE} cues of subtitles with {MOST_CHARS_AT_ONCE} characters are shown at once");
        return too_many(rule);
    }
    Ok(())
}

/// Words that are there at the same time share their box, and do not cover each other.
fn part_cues(elements: &mut [Element], left: &mut usize) -> Result<(), JobFailure> {
    for element in elements {
        match &mut element.content {
            Content::Subtitles { cues, .. } => {
                let apart = subtitles::apart(cues.to_vec(), left).ok_or_else(|| {
                    let message = "too many words of subtitles are shown at the same times, together with others";
                    JobFailure::new(ErrorCode::ResourceLimit, message)
                })?;
                *cues = apart.into();
            }
            Content::Composition { elements, .. } => part_cues(elements, left)?,
            _ => {}
        }
    }
    Ok(())
}

/// The cues of each element that has any, and of those within it.
fn all_cues(elements: &[Element]) -> Vec<&[Cue]> {
    elements.iter().flat_map(|element| element.cues().into_iter().chain(all_cues(element.elements()))).collect()
}

impl Opened {
    /// The plan of every output; or all that is wrong with the sources, and where they are good, with the outputs.
    pub fn plans(&mut self, outputs: &[Output]) -> Result<Vec<Plan>, Vec<JobFailure>> {
        if !self.wrong.is_empty() {
            return Err(std::mem::take(&mut self.wrong));
        }
        let cues = check_cues(&self.elements).and_then(|()| part_cues(&mut self.elements, &mut { MOST_JOINED }));
        cues.map_err(|failure| vec![failure.in_place("elements")])?;
        plans(&self.elements, &self.media, outputs, &self.ids)
    }

    /// What of its words no font can show as it is asked for.
    pub fn warnings(&self) -> Vec<Warning> {
        Glyphs { library: &self.library, typesetter: None }.missed(&self.elements, &|index| (self.ids[index].clone(), None))
    }
}

impl Understood {
    /// The composition's, seconds: of the longest output, since each may have its own.
    pub fn duration(&self) -> f64 {
        self.plans.iter().map(|plan| plan.rate.seconds(plan.frames)).fold(0.0, f64::max)
    }

    /// Makes an output ready to be composed.
    pub fn ready(&self, output: usize) -> Ready<'_> {
        let Opened { elements, media, library, .. } = &self.opened;
        Ready::of(&self.plans[output], elements, media, library)
    }
}

impl<'a> Ready<'a> {
    fn of(plan: &'a Plan, elements: &'a [Element], media: &'a [Prepared], library: &'a Library) -> Self {
        let art = |layer: &Layer| match (&media[layer.element], &plan.nested[layer.element]) {
            // Not in what is rendered.
            _ if layer.end <= plan.first || layer.first >= plan.end => Art::Nothing,
            (Prepared::Clip { .. }, _) => Art::Clip,
            (Prepared::Group(media), Some(within)) => {
                let elements = within.elements.as_deref().unwrap_or(elements[layer.element].elements());
                Art::Nested(Box::new(Ready::of(&within.plan, elements, media, library)))
            }
            (Prepared::Group(_), None) => Art::Nothing,
            (Prepared::Still(_) | Prepared::Drawn, _) => Art::Drawn,
        };
        Ready { plan, elements, media, library, arts: plan.layers.iter().map(art).collect() }
    }
}

/// Asks the fonts for what words need.
struct Glyphs<'a> {
    library: &'a Library,
    typesetter: Option<Typesetter>,
}

impl Glyphs<'_> {
    /// What is wrong within another element is told of that, which has the name that the client can use, and the place there.
    fn missed(&mut self, elements: &[Element], name: &dyn Fn(usize) -> (String, Option<String>)) -> Vec<Warning> {
        let mut missed = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            match &element.content {
                Content::Text { text, .. } => missed.extend(self.of([text.text.as_str()].into_iter(), text, &name(index))),
                Content::Subtitles { cues, style, .. } => {
                    missed.extend(self.of(cues.iter().map(|cue| cue.text.as_str()), style, &name(index)));
                }
                Content::Composition { elements, .. } => {
                    let (id, outer) = name(index);
                    let within = |inner: usize| {
                        let place = Element::place_within(inner);
                        (id.clone(), Some(outer.as_ref().map_or(place.clone(), |outer| format!("{outer}.{place}"))))
                    };
                    missed.extend(self.missed(elements, &within));
                }
                _ => {}
            }
        }
        missed
    }

    fn of<'a>(&mut self, words: impl Iterator<Item = &'a str>, style: &Text, name: &(String, Option<String>)) -> Vec<Warning> {
        // Of a font that cannot be had nobody knows what it would lack.
        if style.font.as_ref().is_some_and(|font| !self.library.fonts.contains_key(font)) {
            return Vec::new();
        }
        let typesetter = self.typesetter.get_or_insert_with(|| Typesetter::new(&self.library.fonts));
        typesetter.look_for(words, style);
        warnings(name, typesetter)
    }
}

/// So many characters are named; of more only how many.
const MOST_NAMED: usize = 20;

fn warnings((element_id, place): &(String, Option<String>), typesetter: &mut Typesetter) -> Vec<Warning> {
    let warning = |code, message| Warning { code, element_id: Some(element_id.clone()), place: place.clone(), message };
    let missing: Vec<String> = typesetter.take_missing().into_iter().map(|c| format!("U+{:04X}", u32::from(c))).collect();
    let more = missing.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = || missing[..missing.len().min(MOST_NAMED)].join(", ");
    let glyphs = (!missing.is_empty()).then(|| format!("no font has a glyph for {}{more}", named()));
    let families = typesetter.take_unknown().into_iter().map(|family| format!("there is no font \"{family}\": Inter is used"));
    let families = families.map(|message| warning(WarningCode::MissingFont, message));
    families.chain(glyphs.map(|message| warning(WarningCode::MissingGlyph, message))).collect()
}
