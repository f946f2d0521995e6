//! What the contract can say of an element and this version does not render yet: read, and answered with its path.

use async_graphql::InputObject;

use super::input::ElementInput;

/// Elements placed, timed and moved as one. Not yet.
#[derive(InputObject)]
pub struct CompositionInput {
    /// What it is made of.
    pub elements: Vec<ElementInput>,
}
