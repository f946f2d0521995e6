//! Composition → file.
//!
//! First every source is looked into ([`inspect`]). Then comes a [`plan`], as pure code: where each layer lies, from which frame
//! to which, what hides what. Then the pictures: stills, words and shapes become a [`sprite`] when they are first seen
//! ([`drawn`], [`still`], [`words`], [`text`], [`shape`]), clips are decoded only while they show ([`clip`], [`ahead`]), and [`compositor`]
//! puts them on a YUV canvas, as fine as the file can show and with alpha where it keeps that ([`ground`]), frame by frame: rows
//! copied and mixed where a layer rests ([`blend`]), sampled where it moves ([`warp`], [`reduced`]), and one picture given way to by another ([`transition`]);
//! what is as it was in the frame before is not composed again ([`repeats`]). A composition within another has a canvas of its own
//! ([`nested`]). The sound is mixed beside it ([`mixer`], [`tempo`], [`loudness`],
//! [`limiter`], [`headroom`], [`sounding`]); what plays backwards is read in parts ([`reversed`]). [`pipeline`] runs these on threads of their own
//! with bounded channels between ([`shared`]): the picture is cut into segments ([`segment`]) that are encoded each by itself
//! ([`runs`]), for all files of that picture at once, and kept for another time ([`shelf`]); [`pictures`] writes them. Where a clip
//! is seen as it is, its packets are copied ([`copied`]).
//!
//! What a render would be can be told without making it ([`outlook`]).
//!
//! All that runs in a child process ([`process`]), which is this same binary: a file that crashes a codec fails
//! one job and nothing else.
//!
//! Nothing here knows a database, a tenant or the network.

mod ahead;
mod backdrop;
mod blend;
mod blur;
mod breaks;
mod clip;
mod colors;
mod compositor;
mod copied;
mod drawing;
mod drawn;
mod effects;
mod encoding;
mod error;
mod font;
mod ground;
mod headroom;
mod inspect;
mod key;
mod limiter;
mod lines;
mod loudness;
mod mixer;
mod nested;
mod outlook;
mod peaks;
mod pictures;
mod pipeline;
pub mod plan;
mod prepare;
pub mod process;
mod reduced;
mod repeats;
mod reversed;
mod runs;
mod segment;
mod shape;
mod shared;
pub mod shelf;
mod sounding;
mod spacing;
mod sprite;
mod still;
mod table;
mod tempo;
mod text;
mod transition;
mod warp;
mod words;

pub use ahead::thread_cpu;
pub use error::RenderError;
pub use font::system_fonts;

/// What is rendered: elements whose sources are local files, and the files to make of them.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Composition {
    pub elements: Vec<PlacedElement>,
    pub outputs: Vec<crate::domain::output::Output>,
}

/// An element and the id by which errors name it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PlacedElement {
    pub id: String,
    pub element: crate::domain::composition::Element,
}
