//! A folder of small files that a cache consists of: written whole or not at all, read with suspicion, bounded.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Cloning it is cheap.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    limits: Limits,
}

/// What is kept at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of one file.
    pub file: u64,
    pub files: usize,
    /// Bytes in all.
    pub total: u64,
}

impl Folder {
    /// `path` need not exist. It is made when there is something to keep, readable by its owner alone: addresses tell whom
    /// one has looked at.
    pub fn new(path: PathBuf, limits: Limits) -> Self {
        Self { path, limits }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The bytes of a regular file that is no larger than it should be.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let file = self.file(name);
        // A link, a pipe or a device is nothing that we put there, and opening one may never end.
        fs::symlink_metadata(&file).ok().filter(fs::Metadata::is_file)?;
        let mut bytes = Vec::new();
        File::open(file).ok()?.take(self.limits.file + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= self.limits.file).then_some(bytes)
    }

    /// Keeps the file, made of these parts, and removes the oldest beyond the limits. A cache that cannot be written is no cache, and nobody's
    /// error.
    pub fn write(&self, name: &str, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length as u64 <= self.limits.file && self.put(&self.file(name), parts).is_ok() {
            self.trim();
        }
    }

    /// Whole or not at all: two probes may write the same entry. No fsync: what a power failure leaves behind is read
    /// with suspicion anyway.
    fn put(&self, file: &Path, parts: &[&[u8]]) -> io::Result<()> {
        make(&self.path)?;
        let mut beside = tempfile::Builder::new().prefix(".new-").suffix(".tmp").tempfile_in(&self.path)?;
        parts.iter().try_for_each(|part| beside.write_all(part))?;
        beside.persist(file)?;
        Ok(())
    }

    /// Removes the oldest files beyond the limits.
    pub fn trim(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
                Some((found.modified().ok()?, found.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
        let mut count = files.len();
        for (_, length, path) in files {
            if count <= self.limits.files && total <= self.limits.total {
                return;
            }
            // Another probe may have been faster.
            let _ = fs::remove_file(path);
            count -= 1;
            total = total.saturating_sub(length);
        }
    }
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
