pub mod config;
pub mod domain;
pub mod entities;
pub mod events;
pub mod media;
pub mod render;
pub mod services;
pub mod storage;
