//! Files that are either the old or the new, never half: written beside their place, brought to the disk, renamed.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Who may read a file that did not exist before. One that did keeps its owner, group and permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Certificates, tables: 0644.
    Public,
    /// A private key: 0600. An existing file that everybody may use loses that.
    Key,
}

/// Why a file was not written. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("{path} is {what}, not a file that could be replaced", path = .0.display(), what = .1)]
    NotAFile(PathBuf, &'static str),
    #[error("{path} is a link that leads nowhere; remove it, or make what it points to", path = .0.display())]
    DanglingLink(PathBuf),
    #[error("{path} belongs to somebody else, which this user cannot keep so: {error}", path = .0.display(), error = .1)]
    Owner(PathBuf, io::Error),
    #[error("cannot write {path}: {error}", path = .0.display(), error = .1)]
    Io(PathBuf, io::Error),
}

/// Replaces `path` (or creates it) so that every reader, and a machine that loses power, sees all of `content` or what
/// was there before.
///
/// A symbolic link is followed: what it points to is replaced, in its own directory, and the link stays. That is how
/// servers' configurations are laid out (`live/site/fullchain.pem` → `archive/…`), and replacing the link itself would
/// leave the real file as it was. A directory, a device or a pipe is refused.
pub fn write(path: &Path, content: &[u8], holds: Holds) -> Result<(), WriteError> {
    let fail = |error| WriteError::Io(path.to_owned(), error);
    let (place, existing) = place(path)?;
    let folder = match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Created with 0600: nobody else reads it before its permissions are decided. Removed when this function fails.
    let mut beside = tempfile::Builder::new().prefix(".tlsmend-").suffix(".tmp").tempfile_in(folder).map_err(fail)?;
    beside.write_all(content).map_err(fail)?;
    permit(beside.as_file(), existing.as_ref(), holds, path)?;
    beside.as_file().sync_all().map_err(fail)?;
    beside.persist(&place).map_err(|error| fail(error.error))?;
    sync_folder(folder).map_err(fail)
}

/// Where `path` really leads, and what is there now.
fn place(path: &Path) -> Result<(PathBuf, Option<Metadata>), WriteError> {
    let fail = |error| WriteError::Io(path.to_owned(), error);
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok((fs::canonicalize(path).map_err(fail)?, Some(found))),
        Ok(found) => {
            let what = if found.is_dir() { "a directory" } else { "a device or a pipe" };
            Err(WriteError::NotAFile(path.to_owned(), what))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_ok() => {
            Err(WriteError::DanglingLink(path.to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.file_name().is_some() => {
            Ok((path.to_owned(), None))
        }
        Err(error) => Err(fail(error)),
    }
}

#[cfg(unix)]
fn permit(file: &File, existing: Option<&Metadata>, holds: Holds, path: &Path) -> Result<(), WriteError> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

    let fail = |error| WriteError::Io(path.to_owned(), error);
    let mode = match (existing, holds) {
        (Some(existing), Holds::Public) => existing.mode() & 0o7777,
        (Some(existing), Holds::Key) => existing.mode() & 0o7770,
        (None, Holds::Public) => 0o644,
        (None, Holds::Key) => 0o600,
    };
    if let Some(existing) = existing {
        let ours = file.metadata().map_err(fail)?;
        let changed = |theirs: u32, ours: u32| (theirs != ours).then_some(theirs);
        let (owner, group) = (changed(existing.uid(), ours.uid()), changed(existing.gid(), ours.gid()));
        if owner.is_some() || group.is_some() {
            fchown(file, owner, group).map_err(|error| WriteError::Owner(path.to_owned(), error))?;
        }
    }
    // After the change of owner, which clears the set-id bits.
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(fail)
}

#[cfg(not(unix))]
fn permit(_: &File, _: Option<&Metadata>, _: Holds, _: &Path) -> Result<(), WriteError> {
    Ok(())
}

/// Brings the new name to the disk (fsync(2): a file's own sync does not).
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_is_as_readable_as_its_content_allows() {
        let folder = tempfile::tempdir().unwrap();
        for (name, holds, expected) in [("chain.pem", Holds::Public, 0o644), ("key.pem", Holds::Key, 0o600)] {
            let path = folder.path().join(name);
            write(&path, b"new", holds).unwrap();
            assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"new"[..], expected));
        }
        assert_eq!(names(folder.path()), ["chain.pem", "key.pem"], "nothing else is left");
    }

    #[test]
    fn an_existing_file_keeps_its_permissions_and_a_key_is_hidden_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (before, holds, after) in
            [(0o640, Holds::Public, 0o640), (0o755, Holds::Public, 0o755), (0o644, Holds::Key, 0o640)]
        {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
            write(&path, b"new", holds).unwrap();
            assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"new"[..], after), "{before:o}");
        }
    }

    #[test]
    fn a_link_is_followed_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (live, archive) = (folder.path().join("live"), folder.path().join("archive"));
        fs::create_dir(&live).unwrap();
        fs::create_dir(&archive).unwrap();
        fs::write(archive.join("1.pem"), "old").unwrap();
        let link = live.join("chain.pem");
        symlink("../archive/1.pem", &link).unwrap();
        write(&link, b"new", Holds::Public).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(archive.join("1.pem")).unwrap(), b"new");
        assert_eq!((names(&live), names(&archive)), (vec!["chain.pem".to_owned()], vec!["1.pem".to_owned()]));
    }

    #[test]
    fn what_cannot_be_replaced_is_refused_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("nowhere");
        symlink("gone", &link).unwrap();
        assert!(matches!(write(&link, b"x", Holds::Public), Err(WriteError::DanglingLink(_))));
        assert!(matches!(write(folder.path(), b"x", Holds::Public), Err(WriteError::NotAFile(..))));
        assert!(matches!(write(Path::new("/dev/null"), b"x", Holds::Public), Err(WriteError::NotAFile(..))));
        let below = folder.path().join("missing/chain.pem");
        assert!(matches!(write(&below, b"x", Holds::Public), Err(WriteError::Io(..))));
        assert!(write(Path::new(""), b"x", Holds::Public).is_err());
        assert_eq!(names(folder.path()), ["nowhere"]);
    }

    /// Whoever has the old file open goes on reading the old file: it is replaced, not written over.
    #[test]
    fn a_reader_never_sees_half() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.pem");
        fs::write(&path, "old").unwrap();
        let mut reader = File::open(&path).unwrap();
        write(&path, b"newer", Holds::Public).unwrap();
        let mut seen = String::new();
        io::Read::read_to_string(&mut reader, &mut seen).unwrap();
        assert_eq!((seen.as_str(), fs::read(&path).unwrap().as_slice()), ("old", &b"newer"[..]));
    }
}
