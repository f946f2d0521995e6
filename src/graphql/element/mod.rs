//! Elements: what a composition is made of.

#[macro_use]
mod fields;
mod input;
mod look;
mod mutation;
mod object;
mod words;

pub use input::ElementInput;
pub use mutation::{ElementMutation, ElementQuery};
pub use object::{
    AudioElement, CompositionElement, Element, ImageElement, ShapeElement, SubtitlesElement, TextElement, VideoElement,
};
pub use words::{ElementStatus, ElementType, MediaSourceInput};
