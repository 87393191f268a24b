//! A file of lines that is gone on with: what it holds, where its last whole line ends, and whether it is of this list.
//!
//! Beside `FILE` lies `FILE.state`: which list it is of and how it was scanned. It is written before the first line, and
//! once more when the list is done. The lines themselves say which targets are done, so that there is nothing to bring into
//! agreement after a crash.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};

use super::done::Done;
use super::output::{Form, WholeLines};
use crate::model::finding::Severity;
use crate::model::line::{Line, Outcome, Sha256};

/// Octets of the list's beginning, and of a file's end, by which it is known again.
const KNOWN_BY: usize = 64 * 1024;

/// Longer than any line we write; a file with a longer one is not ours.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// By what a list is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListIdentity {
    /// Null for a pipe.
    pub octets: Option<u64>,
    /// SHA-256 of the first 64 KiB.
    pub head: Sha256,
    /// SHA-256 of the last 64 KiB; null for a pipe.
    pub tail: Option<Sha256>,
}

impl ListIdentity {
    /// Reads the beginning of `list`; gives it back whole.
    pub fn of(mut list: Box<dyn Read + Send>, file: Option<&Path>) -> io::Result<(Self, Box<dyn Read + Send>)> {
        let mut head = Vec::new();
        list.by_ref().take(KNOWN_BY as u64).read_to_end(&mut head)?;
        let mut identity = Self { octets: None, head: hash(&head), tail: None };
        if let Some(file) = file
            && file.metadata()?.is_file()
        {
            let mut file = File::open(file)?;
            let octets = file.metadata()?.len();
            let mut tail = Vec::new();
            file.seek(SeekFrom::Start(octets.saturating_sub(KNOWN_BY as u64)))?;
            file.take(KNOWN_BY as u64).read_to_end(&mut tail)?;
            (identity.octets, identity.tail) = (Some(octets), Some(hash(&tail)));
        }
        Ok((identity, Box::new(Cursor::new(head).chain(list))))
    }
}

fn hash(octets: &[u8]) -> Sha256 {
    Sha256(Hasher::digest(octets).into())
}

/// What lies beside a file of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub version: String,
    pub list: ListIdentity,
    /// What the lines depend on, in words: depth, column, shard, form.
    pub options: String,
    /// Targets of the whole list, all shards together, once it was read to its end.
    pub targets: Option<u64>,
}

impl State {
    /// A scan that begins.
    pub fn new(list: ListIdentity, options: String) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), list, options, targets: None }
    }

    /// Where the state of a file of lines lies.
    pub fn path(lines: &Path) -> PathBuf {
        let mut path = lines.as_os_str().to_owned();
        path.push(".state");
        path.into()
    }

    /// `None` where there is none, or what is there is none.
    pub fn read(lines: &Path) -> Option<Self> {
        let mut text = Vec::new();
        File::open(Self::path(lines)).ok()?.take(MAX_LINE).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Replaces it as a whole: a crash leaves the old one or the new one.
    pub fn write(&self, lines: &Path) -> io::Result<()> {
        let path = Self::path(lines);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Why a file of lines cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it exists; add --resume to go on with it, or name another file")]
    Exists,
    #[error("another scan is writing it")]
    InUse,
    #[error("it has lines, but {} is missing or not readable: which list they are of cannot be known", State::path(Path::new("FILE")).display())]
    NoState,
    #[error("it holds the lines of another list (the octets of the list differ); name another file")]
    OtherList,
    #[error("it was begun with `{0}`, and this would go on with `{1}`")]
    OtherOptions(String, String),
    #[error("line {0} is none of ours, and others follow it: it is not a file of this scan")]
    NotOurs(u64),
    #[error("it is not a regular file, which cannot be gone on with")]
    NotAFile,
}

/// What an earlier run did with one target.
#[derive(Debug, Deserialize)]
pub struct Seen {
    pub index: u64,
    pub outcome: Outcome,
    pub failure: Option<String>,
    pub severity: Option<Severity>,
}

/// A file of lines, open and locked.
#[derive(Debug)]
pub struct Opened {
    pub sink: WholeLines,
    pub done: Done,
    /// Nothing was in it.
    pub fresh: bool,
    /// Keeps the lock; the sink is a clone of it.
    pub lock: File,
}

/// Opens `path` for the lines of a scan that is described by `state`. What an earlier run wrote is shown to `seen`: the line
/// too, if `whole_lines`.
pub fn open(
    path: &Path,
    state: &State,
    form: Form,
    resume: bool,
    mut seen: impl FnMut(&Seen, Option<&Line>),
    whole_lines: bool,
) -> Result<Opened, OpenError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        // A device or a pipe: written to, never read.
        if resume {
            return Err(OpenError::NotAFile);
        }
        return Ok(Opened {
            sink: WholeLines::after(file.try_clone()?, 0)?,
            done: Done::default(),
            fresh: true,
            lock: file,
        });
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    if metadata.len() > 0 && !resume {
        return Err(OpenError::Exists);
    }
    let (done, end) = match metadata.len() {
        0 => (Done::default(), 0),
        _ => {
            let old = State::read(path).ok_or(OpenError::NoState)?;
            if old.list != state.list {
                return Err(OpenError::OtherList);
            }
            if old.options != state.options {
                return Err(OpenError::OtherOptions(old.options, state.options.clone()));
            }
            read_lines(&file, form, &mut seen, whole_lines)?
        }
    };
    if end == 0 {
        state.write(path)?;
    }
    Ok(Opened { sink: WholeLines::after(file.try_clone()?, end)?, done, fresh: end == 0, lock: file })
}

/// The indexes of all whole lines, and where the last of them ends.
fn read_lines(
    file: &File,
    form: Form,
    seen: &mut impl FnMut(&Seen, Option<&Line>),
    whole_lines: bool,
) -> Result<(Done, u64), OpenError> {
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut done = Done::default();
    let (mut octets, mut end, mut number) = (Vec::new(), 0, 0);
    // After a power cut the end of a file may be anything: cut, as long as nothing of ours follows.
    let mut torn_at = None;
    loop {
        octets.clear();
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut octets)? as u64;
        if read == 0 {
            return Ok((done, end));
        }
        number += 1;
        let whole = octets.strip_suffix(b"\n");
        if number == 1 && form == Form::Csv && octets == form.header() {
            end += read;
            continue;
        }
        let line = whole.and_then(|octets| form.read(octets, whole_lines));
        match (line, torn_at) {
            (Some(_), Some(number)) => return Err(OpenError::NotOurs(number)),
            (Some((one, line)), None) => {
                if done.insert(one.index) {
                    seen(&one, line.as_ref());
                }
                end += read;
            }
            (None, None) => torn_at = Some(number),
            (None, Some(_)) => {}
        }
    }
}

/// Cuts what is behind the last whole line of a file of certificates, and opens it for more.
pub fn open_certificates(path: &Path, resume: bool) -> Result<WholeLines, OpenError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(WholeLines::after(file, 0)?);
    }
    if metadata.len() > 0 && !resume {
        return Err(OpenError::Exists);
    }
    let (mut end, mut position) = (0, 0);
    let mut reader = BufReader::new(&file);
    let mut octets = Vec::new();
    loop {
        octets.clear();
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut octets)? as u64;
        if read == 0 {
            break;
        }
        position += read;
        let text = octets.trim_ascii_end();
        if octets.ends_with(b"\n") && (text == b"-----END CERTIFICATE-----" || text.ends_with(b"}")) {
            end = position;
        }
    }
    drop(reader);
    Ok(WholeLines::after(file, end)?)
}
