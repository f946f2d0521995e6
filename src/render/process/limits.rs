//! What the operating system lets the child have.

use nix::sys::{
    prctl,
    resource::{Resource, setrlimit},
};
use serde::{Deserialize, Serialize};

/// Bounds of one render.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Address space, bytes.
    pub memory: u64,
    /// CPU time, seconds.
    pub cpu_s: u64,
    /// Each file that it writes, bytes.
    pub file: u64,
}

/// Files that may be open at once: a decoder for each of the most elements, and some.
const OPEN_FILES: u64 = 1_024;

impl Limits {
    /// Puts this process under the limits, for good.
    pub fn apply(&self) -> Result<(), nix::Error> {
        let bounds = [
            (Resource::RLIMIT_AS, self.memory),
            (Resource::RLIMIT_CPU, self.cpu_s),
            (Resource::RLIMIT_FSIZE, self.file),
            (Resource::RLIMIT_NOFILE, OPEN_FILES),
            (Resource::RLIMIT_CORE, 0),
        ];
        for (resource, most) in bounds {
            // At the soft limit of CPU time comes a signal that says so, at the hard one only SIGKILL.
            let hard = if resource == Resource::RLIMIT_CPU { most.saturating_add(5) } else { most };
            setrlimit(resource, most, hard)?;
        }
        prctl::set_no_new_privs()
    }
}
