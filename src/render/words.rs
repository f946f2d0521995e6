//! What is to be known of words before they are set: where their lines break, and which of their parts are set otherwise.

use std::borrow::Cow;

use unicode_properties::{EmojiStatus, UnicodeEmoji};
use unicode_segmentation::UnicodeSegmentation;

/// Words without control characters, whose lines all break in the same way (Unicode Standard Annex 14, classes BK, CR, LF and NL).
pub fn plain(words: &str) -> Cow<'_, str> {
    let breaks = |c: char| matches!(c, '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let is_plain = |c: char| !breaks(c) && (!c.is_control() || matches!(c, '\n' | '\t'));
    if words.chars().all(is_plain) {
        return Cow::Borrowed(words);
    }
    let lines = words.replace("\r\n", "\n");
    let plain = lines.chars().map(|c| if breaks(c) { '\n' } else { c });
    Cow::Owned(plain.filter(|c| is_plain(*c)).collect())
}

/// How a part of a text is set.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Plain,
    /// An emoji that wants its colours (Unicode Technical Standard 51, 4.1).
    Emoji,
    /// Of a script whose letters join: no spacing tears them apart (CSS Text 3, 8.2).
    Joined,
}

/// The parts of a text that are set differently.
pub fn kinds_apart(text: &str) -> Vec<(&str, Kind)> {
    const AS_EMOJI: char = '\u{FE0F}';
    let is_emoji = |sign: &str| {
        sign.contains(AS_EMOJI)
            || sign.chars().any(|c| {
                matches!(
                    c.emoji_status(),
                    EmojiStatus::EmojiPresentation
                        | EmojiStatus::EmojiPresentationAndModifierBase
                        | EmojiStatus::EmojiPresentationAndEmojiComponent
                        | EmojiStatus::EmojiPresentationAndModifierAndEmojiComponent
                )
            })
    };
    // Arabic, Syriac, N'Ko, Mongolian.
    let joins = |c: char| {
        matches!(c, '\u{600}'..='\u{77f}' | '\u{7c0}'..='\u{7ff}' | '\u{870}'..='\u{8ff}' | '\u{1800}'..='\u{18af}'
            | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
    };
    let mut parts: Vec<(usize, usize, Kind)> = Vec::new();
    for (start, sign) in text.grapheme_indices(true) {
        let kind = match sign {
            _ if is_emoji(sign) => Kind::Emoji,
            _ if sign.starts_with(joins) => Kind::Joined,
            _ => Kind::Plain,
        };
        let end = start + sign.len();
        match parts.last_mut() {
            Some(last) if last.2 == kind => last.1 = end,
            _ => parts.push((start, end, kind)),
        }
    }
    parts.into_iter().map(|(start, end, kind)| (&text[start..end], kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_break_lines_and_controls_are_nothing() {
        assert_eq!(plain("a\u{2028}b\u{7}c\u{b}d\te\nf\r\ng\rh\u{2029}i"), "a\nbc\nd\te\nf\ng\nh\ni");
        assert!(matches!(plain("a\tb\nc"), Cow::Borrowed(_)));
    }
}
