//! The space between letters. The typesetter gives it to every glyph; a reader's letter may be several, such as a vowel and its sign
//! or a base and its accents (Unicode Standard Annex 29), which stay together, and behind the last of a line there is none (CSS Text 4,
//! 8.2). And what a justified line lacks that has no spaces.

use cosmic_text::{LayoutGlyph, LayoutRun};
use unicode_segmentation::UnicodeSegmentation;

use super::breaks::{self, MAY_END};
use crate::domain::composition::Align;

/// What a span of spaced letters is marked with.
pub const SPACED: usize = 1;

/// What is to be taken back of a line, in its own pixels.
pub struct TakenBack {
    /// By glyph, how far it goes to the right.
    pub shifts: Vec<f32>,
    /// How much shorter the line is.
    pub shorter: f32,
}

/// Of letters that are `ems` apart.
pub fn taken_back(run: &LayoutRun, ems: f32, align: Align) -> TakenBack {
    let mut shifts = vec![0.0; run.glyphs.len()];
    let mut shorter = 0.0;
    if ems == 0.0 {
        return TakenBack { shifts, shorter };
    }
    let letters = Letters::of(run);
    let letter_of = |glyph: &LayoutGlyph| letters.of_glyph(glyph);
    let behind = |glyph: &LayoutGlyph| if glyph.metadata == SPACED { ems * glyph.font_size } else { 0.0 };
    let mut before: Option<&LayoutGlyph> = None;
    for index in in_order(run) {
        let glyph = &run.glyphs[index];
        shorter += before.filter(|before| letter_of(before) == letter_of(glyph)).map_or(0.0, behind);
        shifts[index] = -shorter;
        before = Some(glyph);
    }
    shorter += before.map_or(0.0, behind);
    // Lines are set into as much more room as one space is wide.
    let beside = shorter - run.glyphs.first().map_or(0.0, |glyph| ems * glyph.font_size);
    let aside = match align {
        Align::Left | Align::Justify => 0.0,
        Align::Center => beside / 2.0,
        Align::Right => beside,
    };
    shifts.iter_mut().for_each(|shift| *shift += aside);
    TakenBack { shifts, shorter }
}

/// Makes a justified line as wide as `width`, in its own pixels, where it has no spaces that could be wider: letters of scripts that are
/// written without are moved apart (CSS Text 3, 6.4). The last of a paragraph stays as it is.
pub fn spread(run: &LayoutRun, width: f32, taken: &mut TakenBack) {
    let room = width - (run.line_w - taken.shorter);
    let is_last = breaks::shown(run).is_none_or(|(_, last)| last >= run.text.trim_end().len());
    if room <= 0.0 || is_last {
        return;
    }
    let letters = Letters::of(run);
    let spreads = |letter: usize| letters.text(run, letter).chars().any(stands_alone);
    let order = in_order(run);
    let is_gap = |pair: &[usize]| {
        let [before, after] = [pair[0], pair[1]].map(|index| letters.of_glyph(&run.glyphs[index]));
        before != after && (spreads(before) || spreads(after))
    };
    let gaps: Vec<bool> = order.windows(2).map(is_gap).collect();
    let count = gaps.iter().filter(|is_gap| **is_gap).count();
    if count == 0 {
        return;
    }
    let mut moved = 0.0;
    for (index, is_gap) in order[1..].iter().zip(gaps) {
        moved += if is_gap { room / count as f32 } else { 0.0 };
        taken.shifts[*index] += moved;
    }
    taken.shorter -= room;
}

/// Whether it is of a script that has no spaces between its words: those that a dictionary parts, and Chinese and Japanese with their
/// marks.
fn stands_alone(c: char) -> bool {
    let is_of_cjk = matches!(c, '\u{2e80}'..='\u{312f}' | '\u{3190}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}'
        | '\u{20000}'..='\u{3ffff}');
    is_of_cjk || breaks::is_unparted(c)
}

/// Glyphs by where they lie, from the left.
fn in_order(run: &LayoutRun) -> Vec<usize> {
    let mut in_order: Vec<usize> = (0..run.glyphs.len()).collect();
    in_order.sort_by(|one, other| run.glyphs[*one].x.total_cmp(&run.glyphs[*other].x));
    in_order
}

/// Where a reader's letters of a line begin in the text of its paragraph.
struct Letters(Vec<usize>);

impl Letters {
    fn of(run: &LayoutRun) -> Self {
        // The run's text is that of its whole paragraph.
        let (first, last) = breaks::shown(run).unwrap_or_default();
        let text = run.text.get(first..last).unwrap_or_default();
        // A mark at which lines may end is nothing between letters.
        let letters = text.grapheme_indices(true).filter(|(_, letter)| !letter.starts_with(MAY_END));
        Self(letters.map(|(start, _)| first + start).collect())
    }

    /// Its number, from 1 on.
    fn of_glyph(&self, glyph: &LayoutGlyph) -> usize {
        self.0.partition_point(|start| *start <= glyph.start)
    }

    fn text<'a>(&self, run: &LayoutRun<'a>, letter: usize) -> &'a str {
        let start = letter.checked_sub(1).and_then(|at| self.0.get(at));
        start.and_then(|start| run.text.get(*start..)?.graphemes(true).next()).unwrap_or_default()
    }
}
