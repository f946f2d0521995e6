//! Where lines may end that the typesetter breaks: between words that no spaces part, and within one that is longer than its line
//! between a reader's letters alone (Unicode Standard Annexes 14 and 29).

use std::borrow::Cow;

use cosmic_text::{Buffer, LayoutRun};
use icu_segmenter::{LineSegmenter, options::LineBreakOptions};
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// Zero width space: a line may end behind it.
pub const MAY_END: char = '\u{200b}';

/// With marks between words of Thai, Lao, Khmer and Burmese (class SA).
pub fn told_apart(words: &str) -> Cow<'_, str> {
    if !words.contains(is_unparted) {
        return Cow::Borrowed(words);
    }
    let mut marked = String::with_capacity(words.len() * 2);
    let mut from = 0;
    for end in LineSegmenter::new_auto(LineBreakOptions::default()).segment_str(words) {
        let (before, after) = (&words[from..end], &words[end..]);
        marked.push_str(before);
        if before.ends_with(is_unparted) && after.starts_with(is_unparted) {
            marked.push(MAY_END);
        }
        from = end;
    }
    marked.push_str(&words[from..]);
    Cow::Owned(marked)
}

/// A line that goes on where the one before it ends, in bytes of their paragraph.
struct Continued<'a> {
    paragraph: &'a str,
    /// Where that begins in the words.
    offset: usize,
    /// What the line before it shows.
    before: (usize, usize),
    first: usize,
}

/// The bytes of its paragraph that a line shows; `None` of an empty one.
pub fn shown(run: &LayoutRun) -> Option<(usize, usize)> {
    let ends = run.glyphs.iter().map(|glyph| (glyph.start, glyph.end));
    ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
}

fn continued(buffer: &Buffer) -> Vec<Continued<'_>> {
    let mut paragraphs = Vec::new();
    let mut start = 0;
    for line in &buffer.lines {
        paragraphs.push((start, line.text()));
        start += line.text().len() + line.ending().as_str().len();
    }
    let mut lines = Vec::new();
    let mut last: Option<(usize, (usize, usize))> = None;
    for run in buffer.layout_runs() {
        let Some(shown) = shown(&run) else { continue };
        let before = last.replace((run.line_i, shown)).filter(|(paragraph, _)| *paragraph == run.line_i);
        let (Some((_, before)), Some((offset, paragraph))) = (before, paragraphs.get(run.line_i)) else { continue };
        lines.push(Continued { paragraph, offset: *offset, before, first: shown.0 });
    }
    lines
}

/// Of the first line that begins within a letter where that letter begins, in bytes of the words; unless it is all that is before.
pub fn torn(buffer: &Buffer) -> Option<usize> {
    continued(buffer).into_iter().find_map(|Continued { paragraph, offset, before, first }| {
        // Glyphs of one cluster are of the same bytes, on whichever line they lie.
        let letter = letter_at(paragraph, first);
        let is_torn = (letter < first || first < before.1) && letter > before.0 && !paragraph[..letter].ends_with(MAY_END);
        is_torn.then_some(offset + letter)
    })
}

/// A hyphen that is there only where a line ends at it…
pub const SOFT_HYPHEN: char = '\u{ad}';
/// …and what is there then.
pub const HYPHEN: &str = "-\u{200b}";

/// The first soft hyphen at which a line ends, in bytes of the words.
pub fn at_hyphen(buffer: &Buffer) -> Option<usize> {
    let at_end = |line: &Continued| line.paragraph[..line.first].ends_with(SOFT_HYPHEN);
    let line = continued(buffer).into_iter().find(at_end)?;
    Some(line.offset + line.first - SOFT_HYPHEN.len_utf8())
}

/// Whether a line ends at a byte of the words.
pub fn ends_at(buffer: &Buffer, at: usize) -> bool {
    continued(buffer).iter().any(|line| line.offset + line.first == at)
}

/// Where the letter that a byte is of begins.
fn letter_at(text: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    match cursor.is_boundary(text, 0) {
        Ok(false) => cursor.prev_boundary(text, 0).ok().flatten().unwrap_or(at),
        _ => at,
    }
}

/// Scripts that part sentences by spaces, and no words: Thai, Lao, Burmese, Khmer, Burmese extended.
pub fn is_unparted(c: char) -> bool {
    matches!(c, '\u{e01}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}')
}

pub fn line_count(buffer: &Buffer) -> usize {
    buffer.layout_runs().count()
}

/// As much of the words as fits into so many lines, with the sign that there is more: paragraphs count as the lines that they are.
pub fn shortened(words: &str, most: usize, set: &mut impl FnMut(&str) -> Buffer) -> Buffer {
    const MORE: &str = "…";
    // Empty lines at the end are nothing that is missed.
    let seen = set(words.trim_end());
    if line_count(&seen) <= most {
        return seen;
    }
    let signs: Vec<usize> = words.grapheme_indices(true).map(|(at, _)| at).collect();
    let mut cut = |count: usize| set(&[words[..signs[count]].trim_end(), MORE].concat());
    // So many signs fit, and so many do not.
    let (mut fits, mut too_many) = (0, signs.len());
    while too_many - fits > 1 {
        let middle = fits.midpoint(too_many);
        if line_count(&cut(middle)) <= most {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    cut(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_no_spaces_part_are_told_apart() {
        // "I drink water", "I go to school".
        assert_eq!(told_apart("ฉันดื่มน้ำ"), "ฉัน\u{200b}ดื่ม\u{200b}น้ำ");
        assert_eq!(told_apart("ខ្ញុំទៅសាលារៀន").replace(MAY_END, "|"), "ខ្ញុំ|ទៅ|សាលា|រៀន");
        assert_eq!(told_apart("one two ไทย"), "one two ไทย");
    }
}
