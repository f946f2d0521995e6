//! Words: shaped and broken into lines by cosmic-text, drawn once.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use cosmic_text::{
    Align, Attrs, Buffer, CacheKeyFlags, Command, Family, FontSystem, LayoutGlyph, Metrics, Shaping, SwashCache, SwashContent,
    Weight, Wrap, fontdb,
};
use tiny_skia::{Path, PathBuilder};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    breaks,
    drawing::{self, Drawing, Paper, Room},
    font::{self, OwnNames},
    lines::Lines,
    spacing::SPACED,
    words::{Kind, kinds_apart, plain},
};
use crate::domain::{
    composition::{self, Source, Text, VerticalAlign},
    geometry::Rect,
    paint::Color,
};

/// Inter, under the SIL Open Font License: see fonts/README.md.
const FONTS: [&[u8]; 2] = [include_bytes!("fonts/Inter-Regular.otf"), include_bytes!("fonts/Inter-Bold.otf")];

/// The font of the system whose emoji have colours.
const EMOJI_FONT: &str = "Noto Color Emoji";
/// Lines that are broken anew for a letter or a hyphen.
const MOST_MENDED: usize = 32;
/// Of more different signs in one file of subtitles the rest is not looked for beforehand.
const MOST_LOOKED_FOR: usize = 5_000;

/// Sets words in the font that the service carries, and what that has no glyph for in the fonts of the system.
pub struct Typesetter {
    fonts: FontSystem,
    glyphs: SwashCache,
    has_system_fonts: bool,
    /// The names that fonts from files go by here.
    families: HashMap<Source, String>,
    missing: BTreeSet<char>,
    /// Families that were asked for and are not there.
    unknown: BTreeSet<String>,
    /// Looked up when a family is not there by its name.
    own_names: Option<OwnNames>,
}

impl Typesetter {
    /// `files` are the fonts that texts bring along.
    pub fn new(files: &HashMap<Source, Arc<Vec<u8>>>) -> Self {
        let mut database = fontdb::Database::new();
        for font in FONTS {
            database.load_font_data(font.to_vec());
        }
        let families = files.iter().enumerate().map(|(number, (source, file))| {
            let family = format!("file {number}");
            font::load_as(&mut database, file, &family);
            (source.clone(), family)
        });
        let families = families.collect();
        database.set_sans_serif_family(composition::FONT_FAMILY);
        Self {
            fonts: FontSystem::new_with_locale_and_db("en-US".into(), database),
            glyphs: SwashCache::new(),
            has_system_fonts: false,
            families,
            missing: BTreeSet::new(),
            unknown: BTreeSet::new(),
            own_names: None,
        }
    }

    /// The characters that no font had a glyph for, since this was asked last.
    pub fn take_missing(&mut self) -> BTreeSet<char> {
        std::mem::take(&mut self.missing)
    }

    /// The families that are not there, since this was asked last.
    pub fn take_unknown(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.unknown)
    }

    /// Draws a text into a box of the canvas, at a scale, with room around it; `None` where nothing of it is to be seen. Percentages are of the canvas's height.
    pub fn draw(&mut self, text: &Text, bounds: &Rect, canvas_height: f64, scale: f64, room: Room<'_>) -> Option<Drawing> {
        let lines = self.set(text, bounds, canvas_height, scale);
        let words = lines.extent(bounds.width);
        let stroke = text.stroke.map_or(0.0, |stroke| stroke.width.resolve(canvas_height));
        let size = text.font_size.resolve(canvas_height).max(1.0);
        let background = text.background.map(|background| grown(&words, background.padding.resolve(canvas_height)));
        // Glyphs may reach beyond their lines.
        let mut around = grown(&words, stroke + size * 0.6 + room.margin);
        if let Some(background) = &background {
            around = around.union(&grown(background, room.margin));
        }
        let shadow = text.shadow.as_ref().map(|shadow| {
            let by = (shadow.x.resolve(canvas_height), shadow.y.resolve(canvas_height));
            (shadow, by, shadow.blur.resolve(canvas_height) * 3.0)
        });
        if let Some((_, by, reach)) = shadow {
            around = around.union(&grown(&around.moved(by), reach + room.margin));
        }
        let mut paper = Paper::around(&around, scale, room.within)?;
        if let (Some(background), Some(rect)) = (&text.background, &background) {
            let path = drawing::rounded(rect, background.corner_radius.resolve(canvas_height))?;
            paper.fill(&path, &drawing::paint(background.color));
        }
        if let Some((shadow, by, reach)) = shadow {
            // Words beyond the canvas may cast theirs onto it.
            let within = room.within.map(|bounds| bounds.union(&grown(&bounds.moved((-by.0, -by.1)), reach)));
            let mut shape = Paper::around(&around, scale, within.as_ref())?;
            self.write(&lines, text, stroke, &mut shape);
            paper.cast(shadow, canvas_height, &shape);
        }
        self.write(&lines, text, stroke, &mut paper);
        paper.finish(room.margin)
    }

    /// Looks for the glyphs of words that are drawn later.
    pub fn look_for<'a>(&mut self, words: impl Iterator<Item = &'a str>, style: &Text) {
        let signs: BTreeSet<&str> = words.flat_map(|words| words.graphemes(true)).collect();
        let text = signs.into_iter().take(MOST_LOOKED_FOR).collect::<Vec<_>>().join(" ");
        let room = Rect { x: 0.0, y: 0.0, width: 10_000.0, height: 10_000.0 };
        self.set(&Text { text, max_lines: None, ..style.clone() }, &room, 100.0, 1.0);
    }

    pub(super) fn set(&mut self, text: &Text, bounds: &Rect, canvas_height: f64, scale: f64) -> Lines {
        if let Cow::Owned(words) = plain(&text.text) {
            return self.set(&Text { text: words, ..text.clone() }, bounds, canvas_height, scale);
        }
        // Some emoji have a glyph without colours in the usual font: what comes of them must not depend on what was set before.
        if kinds_apart(&text.text).iter().any(|(_, kind)| *kind == Kind::Emoji) {
            self.load_system_fonts();
        }
        let lines = self.set_in_loaded(text, bounds, canvas_height, scale);
        let missing = missing(&text.text, &lines.buffer);
        if missing.is_empty() || self.has_system_fonts {
            self.missing.extend(missing);
            return lines;
        }
        self.load_system_fonts();
        self.set(text, bounds, canvas_height, scale)
    }

    fn set_in_loaded(&mut self, text: &Text, bounds: &Rect, canvas_height: f64, scale: f64) -> Lines {
        let size = text.font_size.resolve(canvas_height).max(1.0);
        let mut set = |words: &str| self.broken(words, text, bounds.width, size, scale);
        let whole = set(&text.text);
        let buffer = match text.max_lines.map(|most| most as usize) {
            Some(most) if breaks::line_count(&whole) > most => breaks::shortened(&text.text, most, &mut set),
            _ => whole,
        };
        let height = buffer.layout_runs().fold(0.0, |height, run| f32::max(height, run.line_top + run.line_height));
        let room = bounds.height - f64::from(height) / scale;
        let down = match text.vertical_align {
            VerticalAlign::Top => 0.0,
            VerticalAlign::Middle => room / 2.0,
            VerticalAlign::Bottom => room,
        };
        Lines { buffer, place: (bounds.x, bounds.y + down), scale, align: text.align, spacing: spacing(text, size) }
    }

    /// Words broken into lines of some width, in a text's style; no letter is torn apart as long as it fits.
    fn broken(&mut self, words: &str, text: &Text, width: f64, size: f64, scale: f64) -> Buffer {
        let mut words = breaks::told_apart(words);
        let mut buffer = self.laid(&words, text, width, size, scale);
        for _ in 0..MOST_MENDED {
            if let Some(letter) = breaks::torn(&buffer) {
                words.to_mut().insert(letter, breaks::MAY_END);
            } else if let Some(at) = breaks::at_hyphen(&buffer) {
                let end = at + breaks::HYPHEN.len();
                words.to_mut().replace_range(at..at + breaks::SOFT_HYPHEN.len_utf8(), breaks::HYPHEN);
                // Where there is no room for it the word is not parted there.
                if !breaks::ends_at(&self.laid(&words, text, width, size, scale), end) {
                    words.to_mut().replace_range(at..end, "");
                }
            } else {
                break;
            }
            buffer = self.laid(&words, text, width, size, scale);
        }
        buffer
    }

    fn laid(&mut self, words: &str, text: &Text, width: f64, size: f64, scale: f64) -> Buffer {
        let font = (size * scale) as f32;
        let mut buffer = Buffer::new_empty(Metrics::new(font, font * text.line_height as f32));
        // The space behind a line's last letter, which is none, needs no room.
        buffer.set_size(Some((width * scale) as f32 + spacing(text, size) * font), None);
        buffer.set_wrap(Wrap::WordOrGlyph);
        let family = self.family(text);
        let mut attributes = Attrs::new().family(Family::Name(&family)).weight(self.weight(&family, text.weight));
        if text.italic {
            attributes = attributes.cache_key_flags(CacheKeyFlags::FAKE_ITALIC);
        }
        if text.letter_spacing.is_some() {
            attributes = attributes.letter_spacing(spacing(text, size)).metadata(SPACED);
        }
        let align = match text.align {
            composition::Align::Left => Align::Left,
            composition::Align::Center => Align::Center,
            composition::Align::Right => Align::Right,
            composition::Align::Justify => Align::Justified,
        };
        // The fonts of symbols have emoji too, without colours.
        let in_colours = attributes.clone().family(Family::Name(EMOJI_FONT)).weight(self.weight(EMOJI_FONT, text.weight));
        let joined = Attrs { letter_spacing_opt: None, metadata: 0, ..attributes.clone() };
        let spans = kinds_apart(words).into_iter().map(|(part, kind)| match kind {
            Kind::Emoji => (part, in_colours.clone()),
            Kind::Joined => (part, joined.clone()),
            Kind::Plain => (part, attributes.clone()),
        });
        buffer.set_rich_text(spans, &attributes, Shaping::Advanced, Some(align));
        buffer.shape_until_scroll(&mut self.fonts, false);
        buffer
    }

    /// The name of the font for a text: of its file, or its family if the system has it.
    fn family(&mut self, text: &Text) -> String {
        if let Some(family) = text.font.as_ref().and_then(|source| self.families.get(source)) {
            return family.clone();
        }
        let known = |fonts: &FontSystem| {
            let names = |face: &fontdb::FaceInfo| face.families.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            fonts.db().faces().flat_map(names).find(|name| name.eq_ignore_ascii_case(&text.family))
        };
        if known(&self.fonts).is_none() {
            self.load_system_fonts();
        }
        if known(&self.fonts).is_none() {
            let names = self.own_names.get_or_insert_with(|| OwnNames::of(self.fonts.db()));
            names.know(self.fonts.db_mut(), &text.family);
        }
        known(&self.fonts).unwrap_or_else(|| {
            self.unknown.insert(text.family.clone());
            composition::FONT_FAMILY.to_owned()
        })
    }

    /// Of a family's weights the nearest to one.
    fn weight(&self, family: &str, wanted: u16) -> Weight {
        let families = [fontdb::Family::Name(family)];
        let query = fontdb::Query { families: &families, weight: Weight(wanted), ..fontdb::Query::default() };
        let found = self.fonts.db().query(&query).and_then(|id| self.fonts.db().face(id));
        found.map_or(Weight(wanted), |face| face.weight)
    }

    /// They take time to look through: only for who needs them.
    fn load_system_fonts(&mut self) {
        if !std::mem::replace(&mut self.has_system_fonts, true) {
            self.fonts.db_mut().load_system_fonts();
        }
    }

    /// The outline first, then the words upon it.
    fn write(&mut self, lines: &Lines, text: &Text, stroke: f64, paper: &mut Paper) {
        /// Pixels; no mark stands so far above its line.
        const FAR_BELOW: f32 = 4_096.0;

        if let Some(color) = text.stroke.map(|stroke| stroke.color).filter(|_| stroke > 0.0) {
            let runs = lines.buffer.layout_runs();
            let glyphs = runs.flat_map(|run| lines.glyphs(&run).map(move |(glyph, shift)| (glyph, (shift, run.line_y))));
            let paths: Vec<Path> = glyphs.filter_map(|(glyph, by)| self.outline(lines, glyph, by)).collect();
            // Half of it is below the words; where these are seen through, it is not there.
            paper.stroke(&paths, color, stroke * 2.0, text.color.alpha < 255);
        }
        let corner = paper.transform();
        let start = (lines.place.0 as f32 * corner.sx + corner.tx, lines.place.1 as f32 * corner.sy + corner.ty);
        // A paper of another scale than the lines': one that was too large.
        let shrunk = (paper.scale() / lines.scale) as f32;
        for run in lines.buffer.layout_runs() {
            // Places go to whole pixels towards 0: down above the paper, and up on it, if they were not all below it.
            let baseline = start.1 + run.line_y * shrunk;
            let below = baseline.floor() - FAR_BELOW;
            for (glyph, shift) in lines.glyphs(&run) {
                let placed = glyph.physical((start.0 + shift * shrunk, baseline - below), shrunk);
                let (em, reach) = (glyph.font_size * shrunk, (glyph.w + glyph.font_size) * shrunk);
                let (x, y) = (placed.x, placed.y + below as i32);
                if !paper.is_near((x, y), 2.0 * em.max(reach)) {
                    continue;
                }
                let Some(drawn) = self.glyphs.get_image_uncached(&mut self.fonts, placed.cache_key) else { continue };
                let (left, top) = (x + drawn.placement.left, y - drawn.placement.top);
                let across = drawn.placement.width.max(1) as usize;
                let pixel_bytes = if drawn.content == SwashContent::Color { 4 } else { 1 };
                for (index, coverage) in drawn.data.chunks_exact(pixel_bytes).enumerate() {
                    let (dx, dy) = ((index % across) as i32, (index / across) as i32);
                    paper.put(left + dx, top + dy, glyph_pixel(coverage, text.color));
                }
            }
        }
    }

    /// A glyph's outline, in pixels of the canvas.
    fn outline(&mut self, lines: &Lines, glyph: &LayoutGlyph, by: (f32, f32)) -> Option<Path> {
        let placed = glyph.physical(by, 1.0);
        let commands = self.glyphs.get_outline_commands_uncached(&mut self.fonts, placed.cache_key)?;
        let scale = lines.scale as f32;
        let (x0, y0) = (lines.place.0 as f32, lines.place.1 as f32);
        // Outlines go upwards.
        let x = |x: f32| x0 + (placed.x as f32 + x) / scale;
        let y = |y: f32| y0 + (placed.y as f32 - y) / scale;
        let mut path = PathBuilder::new();
        for command in &commands {
            match command {
                Command::MoveTo(to) => path.move_to(x(to.x), y(to.y)),
                Command::LineTo(to) => path.line_to(x(to.x), y(to.y)),
                Command::QuadTo(by, to) => path.quad_to(x(by.x), y(by.y), x(to.x), y(to.y)),
                Command::CurveTo(first, second, to) => {
                    path.cubic_to(x(first.x), y(first.y), x(second.x), y(second.y), x(to.x), y(to.y));
                }
                Command::Close => path.close(),
            }
        }
        path.finish()
    }
}

/// The space between letters, ems.
fn spacing(text: &Text, size: f64) -> f32 {
    text.letter_spacing.map_or(0.0, |spacing| (spacing.resolve(size) / size) as f32)
}

/// The characters whose glyph is the font's sign for none.
fn missing(text: &str, buffer: &Buffer) -> BTreeSet<char> {
    let lines: Vec<&str> = buffer.lines.iter().map(|line| line.text()).collect();
    let clusters = buffer.layout_runs().flat_map(|run| {
        let line = lines.get(run.line_i).copied().unwrap_or(text);
        run.glyphs.iter().filter(|glyph| glyph.glyph_id == 0).filter_map(move |glyph| line.get(glyph.start..glyph.end))
    });
    clusters.flat_map(str::chars).filter(|c| !c.is_control() && !c.is_whitespace()).collect()
}

fn grown(rect: &Rect, by: f64) -> Rect {
    Rect { x: rect.x - by, y: rect.y - by, width: rect.width + 2.0 * by, height: rect.height + 2.0 * by }
}

/// A glyph's pixel: coverage in the text's colour, or a colour of its own.
fn glyph_pixel(coverage: &[u8], color: Color) -> [u8; 4] {
    match coverage {
        [red, green, blue, alpha] => [*red, *green, *blue, *alpha],
        [coverage, ..] => drawing::covered(*coverage, color),
        [] => [0; 4],
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::{
        composition::{Align as TextAlign, VerticalAlign},
        geometry::Length,
    };

    pub const BOX: Rect = Rect { x: 0.0, y: 0.0, width: 400.0, height: 100.0 };

    pub fn text(words: &str) -> Text {
        Text {
            text: words.into(),
            family: "Inter".into(),
            font: None,
            font_size: Length::Pixels(40.0),
            weight: 400,
            italic: false,
            color: Color::WHITE,
            stroke: None,
            shadow: None,
            align: TextAlign::Center,
            vertical_align: VerticalAlign::Middle,
            line_height: 1.2,
            background: None,
            letter_spacing: None,
            max_lines: None,
        }
    }

    #[test]
    fn words_of_any_script_have_their_glyphs() {
        for words in ["Grüße", "Ελληνικά", "Кириллица", "日本語と中文", "한국어", "العربية", "עברית", "हिन्दी", "ไทย", "😀🎬"]
        {
            let mut typesetter = Typesetter::new(&HashMap::new());
            assert!(typesetter.draw(&text(words), &BOX, 720.0, 1.0, Room::default()).is_some(), "{words}");
            assert_eq!(typesetter.take_missing(), BTreeSet::new(), "{words}");
        }
    }

    #[test]
    fn an_emoji_has_colours_of_its_own() {
        let drawn = Typesetter::new(&HashMap::new()).draw(&text("😀"), &BOX, 720.0, 1.0, Room::default()).unwrap();
        assert!(drawn.image.pixels().any(|pixel| pixel.0[3] == 255 && pixel.0[0] > 200 && pixel.0[2] < 120), "it is yellow");
    }

    #[test]
    fn what_no_font_has_is_told() {
        let mut typesetter = Typesetter::new(&HashMap::new());
        typesetter.draw(&text("a\u{10FFFD}"), &BOX, 720.0, 1.0, Room::default());
        assert_eq!(typesetter.take_missing(), ['\u{10FFFD}'].into());
    }

    #[test]
    fn an_outline_is_whole_and_of_one_strength_however_wide() {
        let color = Color { red: 255, green: 0, blue: 0, alpha: 128 };
        let stroke = crate::domain::look::Stroke { color, width: Length::Pixels(16.0) };
        let outlined = |words| Text { stroke: Some(stroke), color: Color { alpha: 0, ..Color::WHITE }, ..text(words) };
        let drawn = |words| {
            let drawing = Typesetter::new(&HashMap::new()).draw(&outlined(words), &BOX, 100.0, 1.0, Room::default());
            drawing.expect("something").image
        };
        let dot = drawn(".");
        let middle: Vec<u8> = (2..dot.width() - 2).map(|x| dot.get_pixel(x, dot.height() / 2).0[3]).collect();
        assert!(middle.iter().filter(|alpha| **alpha > 0).all(|alpha| (127..=129).contains(alpha)), "no hole: {middle:?}");
        assert!(drawn("mm").pixels().all(|pixel| pixel.0[3] <= 129), "where two meet it is not there twice");
    }

    #[test]
    fn spacing_tears_no_joined_letters_apart() {
        let width = |words: &str, spacing: Option<f64>| {
            let spaced = Text { letter_spacing: spacing.map(Length::Pixels), ..text(words) };
            let drawn = Typesetter::new(&HashMap::new()).draw(&spaced, &BOX, 720.0, 1.0, Room::default());
            drawn.expect("something").rect.width
        };
        assert_eq!(width("\u{645}\u{62d}\u{645}\u{62f}", Some(10.0)), width("\u{645}\u{62d}\u{645}\u{62f}", None));
        assert!(width("abc", Some(10.0)) > width("abc", None) + 15.0);
    }

    #[test]
    fn emoji_have_their_colours_whatever_the_weight() {
        for weight in [400, 700, 900] {
            let bold = Text { weight, ..text("😀❤\u{fe0f}") };
            let drawn = Typesetter::new(&HashMap::new()).draw(&bold, &BOX, 720.0, 1.0, Room::default()).unwrap();
            let coloured = drawn.image.pixels().filter(|pixel| pixel.0[3] == 255 && pixel.0[0] > 200 && pixel.0[2] < 120).count();
            assert!(coloured > 800, "{weight}: {coloured}");
        }
    }
}
