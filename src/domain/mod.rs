//! What the words mean: ids, jobs and their states, compositions, outputs, the timeline, errors.
//!
//! Types and rules only. Nothing here does I/O, knows a database, a web framework or FFmpeg; time and
//! randomness come in as parameters ([`clock`]).

pub mod asset;
pub mod caller;
pub mod clock;
pub mod composition;
pub mod easing;
pub mod element;
pub mod error;
pub mod event;
pub mod geometry;
pub mod id;
pub mod inspection;
pub mod job;
pub mod look;
pub mod media;
pub mod motion;
pub mod output;
pub mod paint;
pub mod schedule;
pub mod storage;
pub mod subtitles;
pub mod template;
pub mod timeline;
pub mod transition;
pub mod validation;
pub mod words;
