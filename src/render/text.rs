//! Words: shaped and broken into lines by cosmic-text, drawn once.

use cosmic_text::{Align, Attrs, Buffer, Family, FontSystem, Metrics, Shaping, SwashCache, SwashContent, Weight, Wrap, fontdb};
use image::{Rgba, RgbaImage};

use super::{
    overlay::Overlay,
    plan::{Area, Layer},
};
use crate::domain::{
    composition::{self, Text, VerticalAlign},
    paint::Color,
};

/// Inter, under the SIL Open Font License: see fonts/README.md.
const FONTS: [&[u8]; 2] = [include_bytes!("fonts/Inter-Regular.otf"), include_bytes!("fonts/Inter-Bold.otf")];

/// Sets words in the fonts that the service carries.
pub struct Typesetter {
    fonts: FontSystem,
    glyphs: SwashCache,
}

impl Typesetter {
    pub fn new() -> Self {
        let mut database = fontdb::Database::new();
        for font in FONTS {
            database.load_font_data(font.to_vec());
        }
        database.set_sans_serif_family("Inter");
        Self { fonts: FontSystem::new_with_locale_and_db("en-US".into(), database), glyphs: SwashCache::new() }
    }

    /// Draws a text into its layer's box; `None` where nothing of it is to be seen.
    pub fn overlay(&mut self, text: &Text, layer: &Layer, canvas: (u32, u32)) -> Option<Overlay> {
        let size = text.font_size.resolve(f64::from(canvas.1)).max(1.0) as f32;
        let mut buffer = self.set(text, size, layer.bounds.width as f32);
        let (width, height) = extent(&buffer);
        if text.align != composition::Align::Left {
            // Alignment is within the box, which the buffer knows only once it is told.
            buffer.set_size(Some(layer.bounds.width as f32), None);
            buffer.shape_until_scroll(&mut self.fonts, false);
        }
        let room = layer.bounds.height as f32 - height;
        let top = layer.bounds.y as f32
            + match text.vertical_align {
                VerticalAlign::Top => 0.0,
                VerticalAlign::Middle => room / 2.0,
                VerticalAlign::Bottom => room,
            };
        let mut image = RgbaImage::new(canvas.0, canvas.1);
        if let Some(background) = &text.background {
            let padding = background.padding.resolve(f64::from(canvas.1)) as f32;
            let left = layer.bounds.x as f32 + aligned(text.align, layer.bounds.width as f32 - width);
            fill(&mut image, (left - padding, top - padding, left + width + padding, top + height + padding), background.color);
        }
        self.draw(&buffer, (layer.bounds.x as f32, top), text.color, &mut image);
        trimmed(&image)
    }

    fn set(&mut self, text: &Text, size: f32, width: f32) -> Buffer {
        let mut buffer = Buffer::new_empty(Metrics::new(size, size * text.line_height as f32));
        buffer.set_size(Some(width), None);
        buffer.set_wrap(Wrap::WordOrGlyph);
        // Of the weights asked for, the nearest that is carried.
        let weight = if text.weight >= 600 { Weight::BOLD } else { Weight::NORMAL };
        let attributes = Attrs::new().family(Family::Name("Inter")).weight(weight);
        let align = match text.align {
            composition::Align::Left => Align::Left,
            composition::Align::Center => Align::Center,
            composition::Align::Right => Align::Right,
            composition::Align::Justify => Align::Justified,
        };
        buffer.set_text(&text.text, &attributes, Shaping::Advanced, Some(align));
        buffer.shape_until_scroll(&mut self.fonts, false);
        buffer
    }

    fn draw(&mut self, buffer: &Buffer, (x, y): (f32, f32), color: Color, image: &mut RgbaImage) {
        for run in buffer.layout_runs() {
            for glyph in run.glyphs {
                let placed = glyph.physical((x, y + run.line_y), 1.0);
                let Some(drawn) = self.glyphs.get_image_uncached(&mut self.fonts, placed.cache_key) else { continue };
                let (left, top) = (placed.x + drawn.placement.left, placed.y - drawn.placement.top);
                let across = drawn.placement.width.max(1) as usize;
                let pixel_bytes = if drawn.content == SwashContent::Color { 4 } else { 1 };
                for (index, coverage) in drawn.data.chunks_exact(pixel_bytes).enumerate() {
                    let (dx, dy) = ((index % across) as i32, (index / across) as i32);
                    put(image, left + dx, top + dy, glyph_pixel(coverage, color));
                }
            }
        }
    }
}

/// Width of the longest line and height of all.
fn extent(buffer: &Buffer) -> (f32, f32) {
    buffer
        .layout_runs()
        .fold((0.0, 0.0), |(width, height), run| (f32::max(width, run.line_w), f32::max(height, run.line_top + run.line_height)))
}

fn aligned(align: composition::Align, room: f32) -> f32 {
    match align {
        composition::Align::Left | composition::Align::Justify => 0.0,
        composition::Align::Center => room / 2.0,
        composition::Align::Right => room,
    }
}

/// A glyph's pixel: coverage in the text's colour, or a colour of its own.
fn glyph_pixel(coverage: &[u8], color: Color) -> [u8; 4] {
    match coverage {
        [red, green, blue, alpha] => [*red, *green, *blue, *alpha],
        [coverage, ..] => {
            let alpha = (u16::from(*coverage) * u16::from(color.alpha) + 127) / 255;
            [color.red, color.green, color.blue, alpha as u8]
        }
        [] => [0; 4],
    }
}

/// Source over destination, both of straight alpha.
fn put(image: &mut RgbaImage, x: i32, y: i32, source: [u8; 4]) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
    let Some(pixel) = image.get_pixel_mut_checked(x, y).filter(|_| source[3] > 0) else { return };
    let (over, under) = (f32::from(source[3]) / 255.0, f32::from(pixel.0[3]) / 255.0);
    let alpha = over + under * (1.0 - over);
    for (below, above) in pixel.0.iter_mut().zip(source).take(3) {
        *below = ((f32::from(above) * over + f32::from(*below) * under * (1.0 - over)) / alpha).round() as u8;
    }
    pixel.0[3] = (alpha * 255.0).round() as u8;
}

fn fill(image: &mut RgbaImage, (left, top, right, bottom): (f32, f32, f32, f32), color: Color) {
    let within = |edge: f32, most: u32| edge.round().clamp(0.0, most as f32) as u32;
    let (width, height) = image.dimensions();
    for y in within(top, height)..within(bottom, height) {
        for x in within(left, width)..within(right, width) {
            image.put_pixel(x, y, Rgba([color.red, color.green, color.blue, color.alpha]));
        }
    }
}

/// The part of the image that has anything in it, on even pixels.
fn trimmed(image: &RgbaImage) -> Option<Overlay> {
    let seen = image.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[3] > 0);
    let (left, top, right, bottom) = seen.fold((u32::MAX, u32::MAX, 0, 0), |(left, top, right, bottom), (x, y, _)| {
        (left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1))
    });
    if left >= right {
        return None;
    }
    let (left, top, right, bottom) = (left & !1, top & !1, right.div_ceil(2) * 2, bottom.div_ceil(2) * 2);
    let part = image::imageops::crop_imm(image, left, top, right - left, bottom - top).to_image();
    let area = Area { x: left as usize, y: top as usize, width: (right - left) as usize, height: (bottom - top) as usize };
    Some(Overlay::new(&part, area))
}
