//! Elements as they are on a larger canvas: what they say in pixels grows with it, as their shares of it do by themselves.

use super::{
    composition::{Content, Element, Shadow, Text, TextBackground, Visual},
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
        // All of them are named, so that nobody adds one without asking whether it is in pixels.
        let Visual {
            x,
            y,
            width,
            height,
            corner_radius,
            keyframes,
            anchor: _,
            fit: _,
            opacity: _,
            rotation: _,
            flip_x: _,
            flip_y: _,
            crop: _,
            transition_in: _,
            transition_out: _,
            effects: _,
        } = self;
        [x, y, width, height, corner_radius].into_iter().for_each(|length| length.enlarge(by));
        for keyframe in keyframes {
            match keyframe.property {
                Property::X | Property::Y | Property::Width | Property::Height => keyframe.value *= by,
                Property::Scale | Property::Rotation | Property::Opacity | Property::Volume => {}
            }
        }
    }
}

impl Text {
    fn enlarge(&mut self, by: f64) {
        let Text {
            font_size,
            stroke,
            shadow,
            background,
            letter_spacing,
            text: _,
            family: _,
            font: _,
            weight: _,
            italic: _,
            color: _,
            align: _,
            vertical_align: _,
            line_height: _,
            max_lines: _,
        } = self;
        let shadow = shadow.iter_mut().flat_map(|Shadow { x, y, blur, color: _ }| [x, y, blur]);
        let background =
            background.iter_mut().flat_map(|TextBackground { padding, corner_radius, color: _ }| [padding, corner_radius]);
        let stroke = stroke.iter_mut().map(|Stroke { width, color: _ }| width);
        [font_size].into_iter().chain(stroke).chain(shadow).chain(background).chain(letter_spacing).for_each(|it| it.enlarge(by));
    }
}

impl Shape {
    fn enlarge(&mut self, by: f64) {
        let Shape { stroke, kind: _, fill: _, gradient: _ } = self;
        if let Some(Stroke { width, color: _ }) = stroke {
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
