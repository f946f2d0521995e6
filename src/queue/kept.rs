//! Sources that were fetched from the store and are kept on this node's disk, by their key and version there: the next job that
//! shows them need not fetch them. What cannot be kept or found is fetched; nothing here fails a job.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest, Sha256};

/// Where a tenant's parts and sources are kept: no tenant finds another's.
pub fn of_tenant(folder: &Path, tenant: &str) -> PathBuf {
    folder.join(hex::encode(Sha256::digest(tenant.as_bytes())))
}

/// A source has at most this share of all that is kept: one must not drive out all others.
const LARGEST_SHARE: u64 = 4;

/// The sources of one tenant. They lie beside the encoded parts, and go with them, those first that were used longest ago.
pub struct KeptSources {
    folder: PathBuf,
    /// Of all that is kept, bytes.
    most: u64,
}

impl KeptSources {
    /// Within the tenant's folder; of all that is kept there are at most so many bytes.
    pub fn new(of_tenant: &Path, most: u64) -> Self {
        Self { folder: of_tenant.join("sources"), most }
    }

    /// Puts the source of a key and version into a new file; returns the hash of its content. The file is not to be written to:
    /// it is the kept one.
    pub async fn take(&self, name: &str, path: &Path) -> Option<String> {
        let (kept, path) = (self.place(name), path.to_owned());
        tokio::task::spawn_blocking(move || take(&kept, &path).ok()).await.ok().flatten()
    }

    /// Keeps a file that was fetched, under a key and version. Who has fetched all sees to it that it is not too much.
    pub async fn put(&self, name: &str, path: &Path, sha256: &str) {
        let (kept, path, sha256) = (self.place(name), path.to_owned(), sha256.to_owned());
        let most = self.most / LARGEST_SHARE;
        let keep = move || match fs::metadata(&path)?.len() {
            size if size <= most => put(&kept, &path, &format!("{size} {sha256}")),
            _ => Ok(()),
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(keep).await {
            tracing::debug!(%error, "a source could not be kept");
        }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.join(hex::encode(Sha256::digest(name.as_bytes())))
    }
}

fn take(kept: &Path, path: &Path) -> io::Result<String> {
    let facts = fs::read_to_string(kept.with_extension("facts"))?;
    let (size, sha256) = facts.split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
    if fs::metadata(kept)?.len().to_string() != size {
        // A machine that lost its power may have lost a part of it too: then it is fetched and kept anew.
        fs::remove_file(kept)?;
        return Err(io::ErrorKind::InvalidData.into());
    }
    fs::hard_link(kept, path)?;
    for used in [kept.to_owned(), kept.with_extension("facts")] {
        // Newer than all others.
        let _ = File::options().append(true).open(used).and_then(|file| file.set_modified(SystemTime::now()));
    }
    Ok(sha256.to_owned())
}

/// What is known of it comes first: without that nothing is found.
fn put(kept: &Path, path: &Path, facts: &str) -> io::Result<()> {
    fs::create_dir_all(kept.parent().unwrap_or(Path::new("")))?;
    // What is linked must be whole, whatever happens to the machine.
    File::open(path)?.sync_all()?;
    let part = kept.with_extension(format!("{}.part", uuid::Uuid::now_v7()));
    fs::write(&part, facts)?;
    fs::rename(&part, kept.with_extension("facts"))?;
    match fs::hard_link(path, kept) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_source_is_found_by_its_name_alone_and_outlives_its_first_file() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, file) = (KeptSources::new(folder.path(), 1 << 20), folder.path().join("file"));
        fs::write(&file, "content").unwrap();
        kept.put("key 1", &file, "hash").await;
        fs::remove_file(&file).unwrap();
        assert_eq!(kept.take("key 2", &file).await, None);
        assert_eq!(kept.take("key 1", &file).await.as_deref(), Some("hash"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "content");
        fs::write(&file, "cont").unwrap();
        assert_eq!(kept.take("key 1", &folder.path().join("other")).await, None, "it is not whole any more");
    }
}
