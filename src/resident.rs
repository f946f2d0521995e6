//! Gives back the memory of code that has run for the last time. Starting a node goes through tens of megabytes of code, most
//! of it once: the whole schema is built, every table described. What is needed again comes back from the file, a page at a time.
//!
//! Knows the process's own maps and nothing of the service.

use std::{ffi::c_void, fs, ptr::NonNull};

use nix::sys::mman::{MmapAdvise, madvise};

/// Gives back the pages of the program and its libraries that nothing writes to. Where the system does not do so, all stays.
pub fn give_back_code() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, length) in maps.lines().filter_map(code) {
        if let Some(start) = NonNull::new(start as *mut c_void) {
            // SAFETY: MADV_PAGEOUT changes no content, whatever the range: a page that is touched again is read from its file.
            let _ = unsafe { madvise(start, length, MmapAdvise::MADV_PAGEOUT) };
        }
    }
}

/// Where a line of the maps (proc(5)) says that a part of a file lies that is not written to, and its length.
fn code(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_whitespace();
    let (range, rights) = (words.next()?, words.next()?);
    let of_file = words.nth(3).is_some_and(|path| path.starts_with('/'));
    let (start, end) = range.split_once('-')?;
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    (of_file && rights.starts_with("r-")).then(|| (start, end.saturating_sub(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_are_not_written_to() {
        let line = |rights: &str, path: &str| format!("55d0c0a00000-55d0c0a02000 {rights} 00001000 08:01 42 {path}");
        assert_eq!(code(&line("r-xp", "/usr/bin/x")), Some((0x55d0c0a00000, 0x2000)));
        assert_eq!(code(&line("rw-p", "/usr/bin/x")), None);
        assert_eq!(code(&line("r-xp", "[vdso]")), None);
        assert_eq!(code("55d0c0a00000-55d0c0a02000 r--p 00000000 00:00 0"), None);
        assert_eq!(code("nonsense"), None);
    }
}
