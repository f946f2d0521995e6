//! The space between letters. The typesetter gives it to every glyph; a reader's letter may be several, such as a vowel and its sign
//! or a base and its accents (Unicode Standard Annex 29), which stay together, and behind the last of a line there is none (CSS Text 4,
//! 8.2).

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
    let mut in_order: Vec<usize> = (0..run.glyphs.len()).collect();
    in_order.sort_by(|one, other| run.glyphs[*one].x.total_cmp(&run.glyphs[*other].x));
    // The run's text is that of its whole paragraph.
    let (first, last) = breaks::shown(run).unwrap_or_default();
    let text = run.text.get(first..last).unwrap_or_default();
    // A mark at which lines may end is nothing between letters.
    let letters = text.grapheme_indices(true).filter(|(_, letter)| !letter.starts_with(MAY_END));
    let letters: Vec<usize> = letters.map(|(start, _)| first + start).collect();
    let letter_of = |glyph: &LayoutGlyph| letters.partition_point(|start| *start <= glyph.start);
    let behind = |glyph: &LayoutGlyph| if glyph.metadata == SPACED { ems * glyph.font_size } else { 0.0 };
    let mut before: Option<&LayoutGlyph> = None;
    for index in in_order {
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
