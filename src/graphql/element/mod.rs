//! Elements: what a composition is made of.

mod input;
mod later;
mod mutation;
mod object;
mod words;

pub use input::ElementInput;
pub use mutation::{ElementMutation, ElementQuery};
pub use object::{AudioElement, Element, ImageElement, TextElement, VideoElement};
pub use words::{ElementStatus, ElementType};
