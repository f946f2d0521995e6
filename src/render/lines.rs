//! Words that are set in lines, and where these lie.

use cosmic_text::{Buffer, LayoutGlyph, LayoutRun};

use super::spacing::{self, TakenBack};
use crate::domain::{composition::Align, geometry::Rect};

/// Lines that are set, and where they lie: `place` is of the canvas, and what is of the font is as large as the scale says.
pub struct Lines {
    pub buffer: Buffer,
    pub place: (f64, f64),
    pub scale: f64,
    pub align: Align,
    /// Between letters, ems.
    pub spacing: f32,
}

impl Lines {
    fn taken_back(&self, run: &LayoutRun) -> TakenBack {
        let mut taken = spacing::taken_back(run, self.spacing, self.align);
        if let (Align::Justify, Some(width)) = (self.align, self.buffer.size().0) {
            // Lines are set into as much more room as one space is wide.
            spacing::spread(run, width - self.spacing * self.buffer.metrics().font_size, &mut taken);
        }
        taken
    }

    /// The glyphs of a line, and how far each lies to the right of where it was set.
    pub fn glyphs<'a>(&self, run: &LayoutRun<'a>) -> impl Iterator<Item = (&'a LayoutGlyph, f32)> + use<'a> {
        run.glyphs.iter().zip(self.taken_back(run).shifts)
    }

    /// The rectangle of the canvas around all lines, as they are aligned in a box of some width.
    pub fn extent(&self, width: f64) -> Rect {
        let (mut longest, mut height) = (0f32, 0f32);
        for run in self.buffer.layout_runs() {
            longest = longest.max(run.line_w - self.taken_back(&run).shorter);
            height = height.max(run.line_top + run.line_height);
        }
        let longest = f64::from(longest) / self.scale;
        let room = width - longest;
        let left = match self.align {
            Align::Left | Align::Justify => 0.0,
            Align::Center => room / 2.0,
            Align::Right => room,
        };
        Rect { x: self.place.0 + left, y: self.place.1, width: longest, height: f64::from(height) / self.scale }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use unicode_segmentation::UnicodeSegmentation;

    use super::*;
    use crate::{
        domain::{
            composition::{Align as TextAlign, Text, VerticalAlign},
            geometry::Length,
        },
        render::{
            breaks,
            drawing::Room,
            text::{
                Typesetter,
                tests::{BOX, text},
            },
        },
    };

    /// What each line shows, without the marks that nobody sees.
    fn shown(typesetter: &mut Typesetter, text: &Text, width: f64) -> Vec<String> {
        let lines = typesetter.set(text, &Rect { width, ..BOX }, 720.0, 1.0);
        let of_run = |run: LayoutRun| {
            let (first, last) = breaks::shown(&run).expect("glyphs");
            run.text[first..last].replace([breaks::SOFT_HYPHEN, breaks::MAY_END], "")
        };
        lines.buffer.layout_runs().map(of_run).collect()
    }

    #[test]
    fn lines_beyond_those_asked_for_are_cut() {
        let long = "one two three four five six seven eight nine ten eleven twelve";
        let height = |lines| {
            let text = Text { max_lines: lines, ..text(long) };
            Typesetter::new(&HashMap::new())
                .draw(&text, &Rect { height: 400.0, ..BOX }, 720.0, 1.0, Room::default())
                .unwrap()
                .rect
                .height
        };
        assert!(height(None) > 120.0 && height(Some(1)) < 60.0 && height(Some(2)) > height(Some(1)));
    }

    #[test]
    fn paragraphs_are_lines_too_and_none_begins_with_a_space() {
        let mut typesetter = Typesetter::new(&HashMap::new());
        let mut set = |words: &str, most| shown(&mut typesetter, &Text { max_lines: Some(most), ..text(words) }, BOX.width);
        assert_eq!(set("a\nb\nc", 3), ["a", "b", "c"]);
        assert_eq!(set("a\nb\nc\nd", 3), ["a", "b", "c…"]);
        assert_eq!(set("a\nb\nc", 1), ["a…"]);
        assert_eq!(set("a\n\n", 1), ["a"]);
        let long = set("one two three four five six seven eight nine ten eleven twelve\nb", 2);
        assert!(long.len() == 2 && long[1].ends_with('…') && !long[1].starts_with(' '), "{long:?}");
    }

    #[test]
    fn no_letter_is_torn_apart_and_lines_end_between_words() {
        let mut typesetter = Typesetter::new(&HashMap::new());
        let mut lines = |words: &str, width| shown(&mut typesetter, &text(words), width);
        // Each letter of three and four code points; at any width some would be torn.
        for width in 50..120 {
            for word in ["e\u{301}\u{323}".repeat(9), "\u{915}\u{94d}\u{937}\u{93f}".repeat(7), "\u{e17}\u{e35}\u{e48}".repeat(8)]
            {
                let lines = lines(&word, f64::from(width));
                let letter = word.graphemes(true).next().unwrap();
                assert!(lines.iter().all(|line| line.replace(letter, "").is_empty()), "{width}: {lines:?}");
                assert_eq!(lines.concat(), word);
            }
        }
        assert_eq!(lines("ฉันดื่มน้ำทุกวัน", 130.0), ["ฉันดื่ม", "น้ำทุก", "วัน"]);
    }

    #[test]
    fn no_space_is_behind_the_last_letter_of_a_line() {
        let words = "III II III III II III ".repeat(4);
        // Where the ink of the upper line begins and ends, and how many lines there are.
        let seen = |align, spacing, width| {
            let text =
                Text { align, letter_spacing: Some(Length::Pixels(spacing)), vertical_align: VerticalAlign::Top, ..text(&words) };
            let mut typesetter = Typesetter::new(&HashMap::new());
            let bounds = Rect { width, ..BOX };
            let count = breaks::line_count(&typesetter.set(&text, &bounds, 720.0, 1.0).buffer);
            let drawn = typesetter.draw(&text, &bounds, 720.0, 1.0, Room::default()).expect("words");
            let upper =
                drawn.image.enumerate_pixels().filter(|(_, y, pixel)| drawn.rect.y + f64::from(*y) < 48.0 && pixel.0[3] > 100);
            let ink: Vec<f64> = upper.map(|(x, ..)| drawn.rect.x + f64::from(x)).collect();
            (ink.iter().copied().fold(f64::MAX, f64::min), ink.iter().copied().fold(0.0, f64::max), count)
        };
        // An I stands two to four pixels from either edge.
        let is_flush = |space: f64| (0.0..6.0).contains(&space);
        for spacing in [-3.0, 12.0, 30.0] {
            let (left, right, _) = seen(TextAlign::Justify, spacing, 400.0);
            assert!(is_flush(left) && is_flush(400.0 - right), "{spacing}: {left}, {right}");
            assert!(is_flush(400.0 - seen(TextAlign::Right, spacing, 400.0).1), "{spacing}");
            let (left, right, _) = seen(TextAlign::Center, spacing, 400.0);
            assert!((left - (399.0 - right)).abs() <= 2.0, "{spacing}: {left}, {right}");
        }
        let (left, right, _) = seen(TextAlign::Left, 30.0, 4000.0);
        assert_eq!(seen(TextAlign::Left, 30.0, right + left + 2.0).2, 1, "as wide as it is seen");
    }

    #[test]
    fn scripts_without_spaces_are_justified_between_their_letters() {
        let set = |words: &str, align, spacing| {
            let text = Text { align, letter_spacing: spacing, ..text(words) };
            let lines = Typesetter::new(&HashMap::new()).set(&text, &Rect { width: 295.0, ..BOX }, 720.0, 1.0);
            let right = |(glyph, shift): (&LayoutGlyph, f32)| glyph.x + glyph.w + shift;
            let of_run = |run: LayoutRun| lines.glyphs(&run).map(right).fold(0f32, f32::max);
            lines.buffer.layout_runs().map(of_run).collect::<Vec<f32>>()
        };
        let widths = |words: &str, align| set(words, align, None);
        for words in ["春眠不覺曉處處聞啼鳥夜來風雨聲花落知多少", "ฉันดื่มน้ำทุกวันฉันดื่มน้ำทุกวันฉันดื่มน้ำ"]
        {
            let (left, justified) = (widths(words, TextAlign::Left), widths(words, TextAlign::Justify));
            let (last, full) = justified.split_last().unwrap();
            assert!(!full.is_empty() && full.iter().all(|right| (right - 295.0).abs() < 0.1), "{justified:?}");
            assert!((last - left.last().unwrap()).abs() < 0.1 && left[0] < 294.0, "{left:?} {justified:?}");
            let spaced = set(words, TextAlign::Justify, Some(Length::Pixels(7.0)));
            let (_, full) = spaced.split_last().unwrap();
            assert!(
                full.len() > 1 && full.iter().all(|right| (right - 295.0 - 7.0).abs() < 0.1),
                "the last has its space: {spaced:?}"
            );
        }
        let single =
            widths("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", TextAlign::Justify);
        assert!(single[0] < 294.9, "letters of a word stay together: {single:?}");
    }

    #[test]
    fn a_soft_hyphen_is_seen_where_a_line_ends_at_it() {
        let mut typesetter = Typesetter::new(&HashMap::new());
        let mut lines = |words: &str, width| shown(&mut typesetter, &text(words), width);
        assert_eq!(lines("hyphen\u{ad}ation", 200.0), ["hyphen-", "ation"]);
        assert_eq!(lines("hyphen\u{ad}ation", 400.0), ["hyphenation"]);
        let room = width_of("hyphen") + 1.0;
        assert_eq!(lines("hy\u{ad}phen\u{ad}ation", room), ["hy-", "phen-", "ation"], "no room for the second hyphen at first");
    }

    fn width_of(words: &str) -> f64 {
        let lines = Typesetter::new(&HashMap::new()).set(&text(words), &BOX, 720.0, 1.0);
        lines.extent(BOX.width).width
    }
}
