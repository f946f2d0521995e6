//! Where lines may end that the typesetter breaks: between words that no spaces part, and within one that is longer than its line
//! between a reader's letters alone (Unicode Standard Annexes 14 and 29).

use std::borrow::Cow;

use cosmic_text::Buffer;
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

/// Of the first line that begins within a letter where that letter begins, in bytes of the words; unless it is all that is before.
pub fn torn(buffer: &Buffer) -> Option<usize> {
    let mut paragraphs = Vec::new();
    let mut start = 0;
    for line in &buffer.lines {
        paragraphs.push((start, line.text()));
        start += line.text().len() + line.ending().as_str().len();
    }
    let mut before: Option<(usize, usize, usize)> = None;
    for run in buffer.layout_runs() {
        let ends = run.glyphs.iter().map(|glyph| (glyph.start, glyph.end));
        let Some((first, last)) = ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))) else { continue };
        let of_line_before = before.replace((run.line_i, first, last)).filter(|(paragraph, ..)| *paragraph == run.line_i);
        let (Some((_, begins, ends)), Some((offset, text))) = (of_line_before, paragraphs.get(run.line_i)) else { continue };
        // Glyphs of one cluster are of the same bytes, on whichever line they lie.
        let letter = letter_at(text, first);
        if (letter < first || first < ends) && letter > begins && !text[..letter].ends_with(MAY_END) {
            return Some(offset + letter);
        }
    }
    None
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
fn is_unparted(c: char) -> bool {
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
