//! An attempt's folder on this node: made when it begins, gone when it ends, however it ends.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub struct WorkFolder {
    path: PathBuf,
}

impl WorkFolder {
    pub fn create(path: PathBuf) -> io::Result<Self> {
        // Left by a process that was killed: nothing in it is known to be whole.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it now, and says how large its files were, bytes.
    pub fn remove(&self) -> io::Result<u64> {
        let files = fs::read_dir(&self.path)?.filter_map(Result::ok);
        let bytes = files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        fs::remove_dir_all(&self.path)?;
        Ok(bytes)
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, path = %self.path.display(), "a work folder could not be removed"),
        }
    }
}

/// Removes the folders of attempts that no process makes any more. Only for the one process on a data folder.
pub fn remove_stale(work_dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(work_dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(work_dir)
}
