pub mod domain;
pub mod entities;
pub mod media;
pub mod render;
