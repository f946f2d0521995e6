//! What the command line does, beside starting a server.

pub mod doctor;
pub mod render;
