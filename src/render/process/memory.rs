//! Peak memory of this process.

use std::fs;

/// The largest resident set since this program began, bytes: VmHWM of /proc/self/status. `getrusage` would not do: its
/// figure survives exec, so that a child begins with its parent's.
pub fn peak_memory() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<i64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
