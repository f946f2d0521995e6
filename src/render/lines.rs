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
        spacing::taken_back(run, self.spacing, self.align)
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
