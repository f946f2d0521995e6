//! Encoded parts that may be wanted again, on disk by what they were made of. What cannot be kept or found is made anew: nothing
//! here fails a render. The sources that a node keeps lie below the same folder, and [`trim`] bounds both together.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::media::Parcel;

/// The largest part that is kept, bytes.
const MOST_BYTES: usize = 256 << 20;
/// What a file takes of a disk, bytes, is a multiple of this.
const BLOCK: u64 = 4_096;

/// A folder of parts. Several processes may use it at once.
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// In a folder, which is made.
    pub fn new(folder: &Path) -> Self {
        // Without it, everything is made anew.
        let _ = fs::create_dir_all(folder);
        Self { folder: folder.to_owned() }
    }

    /// The part of a key, if it is there, whole, and of that head; it is then newer than all others.
    pub fn take(&self, key: &str, head: &[u8]) -> Option<Parcel> {
        let path = self.folder.join(key);
        let parcel = Parcel::from_bytes(&fs::read(&path).ok()?).filter(|parcel| parcel.head == head)?;
        let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(parcel)
    }

    /// Puts the part of a key, if [`Self::take`] would give it, into a file that nobody else removes.
    pub fn hold(&self, key: &str, head: &[u8], file: &Path) -> bool {
        self.take(key, head).is_some() && fs::hard_link(self.folder.join(key), file).is_ok()
    }

    /// Keeps a part.
    pub fn put(&self, key: &str, parcel: &Parcel) {
        if parcel.packets.iter().map(crate::media::Encoded::size).sum::<usize>() > MOST_BYTES {
            return;
        }
        // Under a name of its own until it is whole: another process may look.
        let part = self.folder.join(format!("{key}.{}.part", std::process::id()));
        let kept = fs::write(&part, parcel.to_bytes()).and_then(|()| fs::rename(&part, self.folder.join(key)));
        if kept.is_err() {
            let _ = fs::remove_file(&part);
        }
    }
}

/// Removes what was not used for longest, until all that lies below a folder has at most so many bytes.
pub fn trim(folder: &Path, most: u64) {
    let mut files = Vec::new();
    look(folder, &mut files);
    files.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
    let mut total = 0;
    for (_, size, path) in files {
        if total + size > most {
            let _ = fs::remove_file(path);
        } else {
            total += size;
        }
    }
}

fn look(folder: &Path, files: &mut Vec<(SystemTime, u64, PathBuf)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        match entry.metadata() {
            Ok(found) if found.is_dir() => look(&entry.path(), files),
            Ok(found) => {
                // A small file takes a block too.
                let size = found.len().next_multiple_of(BLOCK);
                files.push((found.modified().unwrap_or(SystemTime::UNIX_EPOCH), size, entry.path()));
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_part_is_found_by_its_key_and_head_only() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(&folder.path().join("shelf"));
        shelf.put("a", &Parcel { head: vec![1], packets: Vec::new() });
        assert!(shelf.take("a", &[1]).is_some());
        assert!(shelf.take("a", &[2]).is_none() && shelf.take("b", &[1]).is_none());
        let held = folder.path().join("held");
        assert!(shelf.hold("a", &[1], &held) && !shelf.hold("b", &[1], &folder.path().join("other")));
        trim(&folder.path().join("shelf"), 0);
        assert!(shelf.take("a", &[1]).is_none() && Parcel::from_bytes(&fs::read(held).unwrap()).is_some());
        shelf.put("a", &Parcel { head: vec![1], packets: Vec::new() });
        fs::write(folder.path().join("shelf/a"), b"broken").unwrap();
        assert!(shelf.take("a", &[1]).is_none());
    }

    #[test]
    fn what_was_used_last_stays() {
        let folder = tempfile::tempdir().unwrap();
        for (name, age_s) in [("old", 300), ("new", 0), ("older", 600)] {
            fs::write(folder.path().join(name), [0; 5_000]).unwrap();
            let used = SystemTime::now() - Duration::from_secs(age_s);
            File::options().append(true).open(folder.path().join(name)).unwrap().set_modified(used).unwrap();
        }
        trim(folder.path(), 20_000);
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["new", "old"]);
    }
}
