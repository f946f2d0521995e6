//! The tables as sea-orm sees them: one table a file, its relations and its query words, nothing else.
//!
//! Ids are text, times microseconds ([`crate::domain::clock::Timestamp`]); nothing here opens a transaction.

pub mod asset;
pub mod audit_entry;
pub mod element;
pub mod event;
pub mod job;
pub mod storage_operation;
pub mod template;
pub mod timeline_step;
