//! The process that a render runs in: this same binary, given local files and a plan.
//!
//! The parent ([`Running`]) writes one line of JSON, a [`Task`], to the child's standard input, and reads
//! [`Report`]s, one a line, from its standard output. The child has no environment, no network of its own to
//! speak to, and limits on memory, CPU time and the size of files ([`Limits`]). It ends when its standard input
//! closes, so it never outlives a parent, however that ends.

mod child;
mod limits;
mod memory;
mod parent;
mod protocol;

pub use child::run as run_child;
pub use limits::Limits;
pub use memory::peak_memory;
pub use parent::Running;
pub use protocol::{Aim, MadeFile, Report, Task};

/// The argument that makes this binary the child. Not for people to use.
pub const CHILD_ARGUMENT: &str = "render-child";
