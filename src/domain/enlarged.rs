//! Elements as they are on a larger canvas: what they say in pixels grows with it, as their shares of it do by themselves.

use super::{
    composition::{Content, Element, Text, Visual},
    geometry::Length,
    look::{Shape, Stroke},
    motion::Property,
};

impl Element {
    /// The same, `by` times as large. A blur is left as it is: its pixels are those of the composition's own canvas.
    pub fn enlarged(mut self, by: f64) -> Self {
        match &mut self.content {
            Content::Audio { .. } => {}
            Content::Video { visual, .. } | Content::Image { visual, .. } => visual.enlarge(by),
            Content::Text { text, visual } | Content::Subtitles { style: text, visual, .. } => {
                text.enlarge(by);
                visual.enlarge(by);
            }
            Content::Shape { shape, visual } => {
                shape.enlarge(by);
                visual.enlarge(by);
            }
            Content::Composition { elements, visual } => {
                *elements = std::mem::take(elements).into_iter().map(|element| element.enlarged(by)).collect();
                visual.enlarge(by);
            }
        }
        self
    }
}

impl Visual {
    fn enlarge(&mut self, by: f64) {
        let Visual { x, y, width, height, corner_radius, keyframes, .. } = self;
        [x, y, width, height, corner_radius].into_iter().for_each(|length| length.enlarge(by));
        for keyframe in keyframes {
            if matches!(keyframe.property, Property::X | Property::Y | Property::Width | Property::Height) {
                keyframe.value *= by;
            }
        }
    }
}

impl Text {
    fn enlarge(&mut self, by: f64) {
        self.font_size.enlarge(by);
        if let Some(Stroke { width, .. }) = &mut self.stroke {
            width.enlarge(by);
        }
        if let Some(shadow) = &mut self.shadow {
            [&mut shadow.x, &mut shadow.y, &mut shadow.blur].into_iter().for_each(|length| length.enlarge(by));
        }
        if let Some(background) = &mut self.background {
            [&mut background.padding, &mut background.corner_radius].into_iter().for_each(|length| length.enlarge(by));
        }
        if let Some(spacing) = &mut self.letter_spacing {
            spacing.enlarge(by);
        }
    }
}

impl Shape {
    fn enlarge(&mut self, by: f64) {
        if let Some(Stroke { width, .. }) = &mut self.stroke {
            width.enlarge(by);
        }
    }
}

impl Length {
    fn enlarge(&mut self, by: f64) {
        if let Length::Pixels(pixels) = self {
            *pixels *= by;
        }
    }
}
