//! What the operating system lets the child have.

use nix::sys::{
    prctl,
    resource::{Resource, getrlimit, setrlimit},
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

/// Files that may be open at once: decoders of each of the most elements, in each of the runs of segments, and some.
const OPEN_FILES: u64 = 16_384;

impl Limits {
    /// Puts this process under the limits, for good.
    pub fn apply(&self) -> Result<(), nix::Error> {
        let (_, most_files) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let bounds = [
            (Resource::RLIMIT_AS, self.memory),
            (Resource::RLIMIT_CPU, self.cpu_s),
            (Resource::RLIMIT_FSIZE, self.file),
            (Resource::RLIMIT_NOFILE, OPEN_FILES.min(most_files)),
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
