//! What a render would be, told without making it.

use super::{
    copied::Copies,
    inspect::Prepared,
    plan::{Figure, Interval, Layer, Plan, Stage},
    prepare::{Art, Ready, Understood},
    segment::Segment,
};
use crate::domain::{
    composition::Element,
    geometry::Fit,
    inspection::{Inspection, PlannedInterval, Warning, WarningCode, Way},
    output::Output,
};

/// How much larger than it is a source may be shown without a word: rounding is no enlargement.
const UNSEEN: f64 = 1.02;

/// The most intervals, layers of one, and warnings that are told.
const MOST_INTERVALS: usize = 1_000;
const MOST_LAYERS: usize = 100;
const MOST_WARNINGS: usize = 200;

/// The plan of the first output, and the warnings of all, each once.
pub fn of(understood: &Understood, outputs: &[Output]) -> Inspection {
    let mut warnings = understood.opened.warnings();
    let mut out_of_use: Option<Vec<(usize, Option<String>)>> = None;
    for (number, output) in outputs.iter().enumerate() {
        let ready = understood.ready(number);
        let is_same = |one: &Warning, other: &Warning| {
            one.code == other.code && one.element_id == other.element_id && one.place == other.place
        };
        for warning in warnings_of(&ready, &understood.opened.ids, number, output) {
            if warnings.len() < MOST_WARNINGS && !warnings.iter().any(|known| is_same(known, &warning)) {
                warnings.push(warning);
            }
        }
        // What any of them shows is of use.
        let unused = unused(&ready);
        out_of_use =
            Some(out_of_use.map_or(unused.clone(), |known| known.into_iter().filter(|one| unused.contains(one)).collect()));
    }
    warnings.extend(out_of_use.into_iter().flatten().map(|(index, place)| Warning {
        code: WarningCode::Unused,
        element_id: understood.opened.ids.get(index).cloned(),
        place,
        message: "nothing of it is seen or heard in the composition".to_owned(),
    }));
    warnings.truncate(MOST_WARNINGS);
    let ready = understood.ready(0);
    let plan = ready.plan;
    let copied: Vec<Segment> = Copies::find(&ready, &outputs[0]).parts.iter().map(|part| part.segment).collect();
    Inspection {
        duration: understood.duration(),
        frames: plan.length(),
        intervals: plan.intervals.iter().flat_map(|interval| planned(&ready, interval, &copied)).take(MOST_INTERVALS).collect(),
        warnings,
    }
}

/// Those of one output but for what is of no use; `ids` are the elements'.
fn warnings_of(ready: &Ready, ids: &[String], number: usize, output: &Output) -> Vec<Warning> {
    let of_element = |code, index: usize, place, message| Warning { code, element_id: ids.get(index).cloned(), place, message };
    let of_all = |code, place, message: &str| Warning { code, element_id: None, place, message: message.to_owned() };
    let mut warnings = Vec::new();
    for (index, place, scale) in enlarged(ready) {
        let message = format!("the source is shown {scale:.1} times as large as it is");
        warnings.push(of_element(WarningCode::Enlarged, index, place, message));
    }
    for (index, place, [asked, lasts]) in cut_transitions(ready) {
        let message = format!("the transition of {asked} s is cut to {lasts:.3} s: no longer is there what comes, or what goes");
        warnings.push(of_element(WarningCode::TransitionCut, index, Some(place), message));
    }
    if output.format.has_sound() && ready.plan.sounds.is_empty() {
        warnings.push(of_all(WarningCode::Silent, None, "nothing in the composition sounds"));
    }
    if output.background.alpha < 255 && !output.format.is_sound_alone() && !output.keeps_alpha() {
        let message = "the background is not opaque, and the file cannot say so: WebM of VP9, MOV of ProRes, PNG and GIF can";
        warnings.push(of_all(WarningCode::NoAlpha, Some(format!("outputs[{number}].background")), message));
    }
    warnings
}

/// Elements whose sources are shown larger than they are: by index, where one is within another its place there, and how much larger.
fn enlarged(ready: &Ready) -> Vec<(usize, Option<String>, f64)> {
    let plan = ready.plan;
    let mut found: Vec<(usize, Option<String>, f64)> = Vec::new();
    for (layer, art) in plan.layers.iter().zip(&ready.arts).filter(|(layer, _)| layer.end > plan.first && layer.first < plan.end)
    {
        if let Art::Nested(within) = art {
            // Composed as large as it is seen, or as is allowed.
            let beyond = if let Stage::Moving { pixel, .. } = layer.stage { pixel } else { 1.0 };
            found.extend(enlarged(within).into_iter().map(|(inner, place, scale)| {
                let place = Element::place_below(inner, place.as_deref());
                (layer.element, Some(place), scale * beyond)
            }));
        }
        let scale = enlargement(ready, layer);
        if scale > UNSEEN && found.iter().all(|(index, place, _)| *index != layer.element || place.is_some()) {
            found.push((layer.element, None, scale));
        }
    }
    found
}

/// Transitions that there is less time for than they are to last: by element, their place there, and seconds as asked for and left.
fn cut_transitions(ready: &Ready) -> Vec<(usize, String, [f64; 2])> {
    let plan = ready.plan;
    let mut found: Vec<(usize, String, [f64; 2])> = Vec::new();
    for (layer, art) in plan.layers.iter().zip(&ready.arts) {
        if let Art::Nested(within) = art {
            let inner = cut_transitions(within).into_iter();
            found.extend(inner.map(|(inner, place, cut)| (layer.element, Element::place_below(inner, Some(&place)), cut)));
        }
        let (enter, leave) = (layer.visual.transition_in.zip(layer.enter), layer.visual.transition_out.zip(layer.leave));
        for (name, passage) in [("transitionIn", enter), ("transitionOut", leave)] {
            let Some((asked, passage)) = passage else { continue };
            let place = ready.elements[layer.element].place(name);
            let is_cut = asked.duration - passage.duration_s > plan.rate.seconds(1);
            // Of subtitles each cue is a layer.
            if is_cut && found.iter().all(|(index, known, _)| *index != layer.element || *known != place) {
                found.push((layer.element, place, [asked.duration, passage.duration_s]));
            }
        }
    }
    found
}

/// Elements that no frame shows, or that are heard nowhere: by index, where one is within another its place there.
fn unused(ready: &Ready) -> Vec<(usize, Option<String>)> {
    let plan = ready.plan;
    let is_there = |index: usize| match ready.elements[index].visual() {
        Some(_) => plan.layers.iter().any(|layer| layer.element == index),
        None => plan.sounds.iter().any(|sounding| sounding.element == index),
    };
    let mut found: Vec<_> = (0..ready.elements.len()).filter(|index| !is_there(*index)).map(|index| (index, None)).collect();
    for (layer, art) in plan.layers.iter().zip(&ready.arts) {
        if let Art::Nested(within) = art {
            let inner = unused(within).into_iter();
            found.extend(inner.map(|(inner, place)| (layer.element, Some(Element::place_below(inner, place.as_deref())))));
        }
    }
    found
}

/// How much larger than its pixels a source is shown where it is largest; 1 for what is drawn.
fn enlargement(ready: &Ready, layer: &Layer) -> f64 {
    if !matches!(ready.media[layer.element], Prepared::Clip { .. } | Prepared::Still(_)) {
        return 1.0;
    }
    let Figure::Fitted((width, _)) = layer.figure else { return 1.0 };
    let source = width / ready.plan.scale;
    match layer.stage {
        Stage::Rest(rest) => rest.sheet.width / ((rest.part.2 - rest.part.0) * source).max(1.0),
        Stage::Drawn => 1.0,
        Stage::Moving { pixel, .. } if layer.visual.fit == Fit::ContainBlur => pixel,
        // What only lies turned is made as large as it is seen.
        Stage::Moving { pixel, extent, .. } => pixel * extent.0 / source.max(1.0),
    }
}

/// An interval, in parts where some of it is copied.
fn planned(ready: &Ready, interval: &Interval, copied: &[Segment]) -> Vec<PlannedInterval> {
    let plan: &Plan = ready.plan;
    let (first, end) = (interval.first.max(plan.first), interval.end.min(plan.end));
    let layers: Vec<&Layer> = interval.layers.iter().map(|&index| &plan.layers[index]).collect();
    let way = match layers.as_slice() {
        [] => Way::Empty,
        [only] if matches!(ready.media[only.element], Prepared::Clip { .. }) && only.hides(plan, first, end) => Way::Pass,
        _ => Way::Compose,
    };
    let elements: Vec<usize> = layers.iter().map(|layer| layer.element).take(MOST_LAYERS).collect();
    let mut cuts: Vec<i64> = copied.iter().flat_map(|part| [part.first, part.end]).chain([first, end]).collect();
    cuts.retain(|cut| (first..=end).contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    let part = |pair: &[i64]| PlannedInterval {
        start: plan.rate.seconds(pair[0]),
        end: plan.rate.seconds(pair[1]),
        way: if copied.iter().any(|part| part.first <= pair[0] && pair[1] <= part.end) { Way::Copy } else { way },
        elements: elements.clone(),
    };
    cuts.windows(2).map(part).collect()
}
