//! Reelgraph makes videos from data: a client describes a composition in GraphQL, submits it as a job, and watches it
//! render; the finished file lies in S3. One binary does it all.
//!
//! # The picture
//!
//! ```text
//!  http ── graphql ─┐                    ┌─ queue ── render ─┬─ media   (FFmpeg: no runtime, no database, no job)
//!                   ├──── services ──────┘                   └─ storage (S3, and the web)
//!                   │      │      │
//!                   │   entities  events     cache
//!                   └──────┴──┬───┴────────────┘
//!                           domain            (types and rules; no I/O)
//! ```
//!
//! Two drivers above one core: [`graphql`] for clients, [`queue`] for workers. They never know each other; they meet in
//! the database and in the event log. Imports go down this picture only, and a test holds them to it.
//!
//! # The life of a job
//!
//! 1. `createJob` becomes domain types: every breach of a rule is answered at once, with its path.
//! 2. [`services`] writes the job, its elements and the event that tells of it in one transaction.
//! 3. The commit wakes the queue; without the wake-up, its poll finds the job half a second later.
//! 4. [`queue`] claims the job under a lease with a fence, and commits at once.
//! 5. VALIDATION and DOWNLOAD: every source is fetched to this node's disk, by a client that is not led elsewhere.
//! 6. PROCESSING, COMPOSITION and ENCODING: in a child process, which is this same binary, given local files and a plan,
//!    with limits on memory, CPU time and file size ([`render::process`]). The picture is made in segments, and those that were
//!    made before are found on the [`render::shelf`].
//! 7. UPLOAD and CLEANUP: the result goes to S3 under the fence, the work folder goes away.
//! 8. The job's end and the result's key commit together. Each step was a row of the timeline and an event; subscribers
//!    got the rows after their cursor, then live ([`events`]).
//!
//! # Where is what
//!
//! | to find | look in |
//! |---|---|
//! | what a word means, and its rules | [`domain`] |
//! | a table | [`entities`], and the `migration` crate |
//! | what a client can have done | [`services`], then [`graphql`] for its types |
//! | how a frame is drawn | [`render`]: plan, compositor, sprite, blend |
//! | how a file is read or written | [`media`] |
//! | what is not read twice | [`cache`], and `services::cached`, `services::aggregates` |
//! | what an administrator is told | `services::{meters, diagnostics, query_plans, audit}` |
//! | what runs when | [`app`], [`queue`], [`shutdown`] |
//! | why so little memory is kept | [`resident`] |
//! | a setting | [`config`] |
//!
//! To follow a feature, keep the noun (job, element, storage operation, timeline step) and change the folder.
//!
//! # Invariants
//!
//! - The database is the truth; notifications are hints, and losing every one only delays.
//! - A change and the event that tells of it commit together, and so does its entry in the audit log.
//! - Nothing cached is found after the commit that changed it, here at once, on other nodes when they see its event.
//! - No transaction is open while media code runs. Only [`services`] opens transactions.
//! - A worker writes only while it holds the lease; a lease that ran out is taken by another, and the job goes on.
//! - Everything is bounded: channels, pages, sockets, downloads, frames in flight, attempts, time.
//! - User text is data: it never becomes part of a filter, a path, a key or a query.
//! - FFmpeg never gets an address: it reads local files through lists of formats and decoders.

#![deny(unsafe_code, clippy::unwrap_used, clippy::too_many_lines)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod app;
pub mod cache;
pub mod commands;
pub mod config;
pub mod domain;
pub mod entities;
pub mod events;
pub mod graphql;
pub mod http;
#[allow(unsafe_code)] // The wall around FFmpeg.
pub mod media;
pub mod queue;
pub mod render;
#[allow(unsafe_code)] // One system call that the standard library has not.
pub mod resident;
pub mod services;
pub mod shutdown;
pub mod storage;
pub mod telemetry;
