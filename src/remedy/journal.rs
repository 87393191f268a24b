//! What a run has begun and finished, on disk before it happens: one file a run, a line an entry.
//!
//! A process may end between any two instructions. So an entry is written and brought to the disk before the step that it
//! announces, and a run that is resumed looks at the world before it repeats a step that was announced and not reported
//! done. A last line that was cut off says nothing and is removed; anything else that cannot be read is damage.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plan::Change;
use crate::model::call::Call;
use crate::model::fix::{Outcome, Plan, Reason, Timing};
use crate::model::report::Report;
use crate::model::time::Time;

/// The form of the file. Runs of another form are not touched.
const FORMAT: u32 = 1;

const FILE: &str = "journal.jsonl";

/// The largest journal that is read: reports of 64 addresses, many times over.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The first line: what was asked, what was found, what is to be done. It holds no secret: of a private key only where
/// it lies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    pub format: u32,
    pub id: String,
    pub started_at: Time,
    pub request: Request,
    pub change: Change,
    pub plan: Plan,
    pub before: Report,
    /// What the service remembered from planning.
    pub state: Value,
}

/// What was asked for: enough to go on without the command line that began it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// As typed.
    pub target: String,
    pub service: ServiceRequest,
    pub probe: ProbeRequest,
    pub poll_interval: Duration,
    pub propagation_timeout: Duration,
}

/// How to look from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRequest {
    pub resolvers: Vec<std::net::SocketAddr>,
    /// With the port where one was given.
    pub addresses: Vec<(std::net::IpAddr, Option<u16>)>,
    pub server_name: Option<String>,
    pub ca: Option<PathBuf>,
    pub roots: Option<PathBuf>,
    pub no_aia: bool,
    pub allow_private_aia: bool,
    pub no_cache: bool,
    pub timeout: Duration,
}

/// Which service is to serve the bundle, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ServiceRequest {
    File(super::service::file::Place),
    Cas(super::service::cas::Options),
    Guide(super::service::guide::Options),
}

impl ServiceRequest {
    /// The word of `--to`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Cas(_) => "cas",
            Self::Guide(_) => "guide",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    Begin(Box<Header>),
    /// The step is about to be made.
    Intent {
        step: String,
        at: Time,
    },
    /// Its effect is there.
    Done {
        step: String,
        at: Time,
        description: String,
        /// It was there before we came.
        found: bool,
        state: Value,
        calls: Vec<Call>,
    },
    Failed {
        step: String,
        at: Time,
        reason: Reason,
        calls: Vec<Call>,
    },
    /// From here on everything is taken back.
    Turn {
        at: Time,
        cause: Reason,
    },
    Finished(Box<Finish>),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finish {
    pub at: Time,
    pub outcome: Outcome,
    pub reason: Option<Reason>,
    pub after: Option<Report>,
    pub calls: Vec<Call>,
    pub timing_ms: Timing,
    pub notes: Vec<String>,
    /// What the bundle is stored as, where the service gives it a new id.
    #[serde(default)]
    pub certificate_id: Option<String>,
}

/// A journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Io(PathBuf, io::Error),
    #[error("there is no run `{0}`; `tlsmend fix --list` shows them")]
    Unknown(String),
    #[error("the run `{0}` is being worked on by another process")]
    Locked(String),
    #[error("the run `{0}` ended before anything was begun: there is nothing to resume or roll back")]
    Empty(String),
    #[error("{path}: line {line} is damaged: {error}", path = .0.display(), line = .1, error = .2)]
    Damaged(PathBuf, usize, String),
    #[error("{path} was written by another version of tlsmend (form {found})", path = .0.display(), found = .1)]
    Format(PathBuf, u32),
}

/// Where a test wants the process to end: before, in, or after the writing of an entry (counted from 0, the header).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPoint {
    Before(usize),
    Torn(usize),
    After(usize),
}

/// A run's file, locked as long as this lives.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    entries: Vec<Entry>,
    header: Box<Header>,
    crash: Option<CrashPoint>,
}

impl Journal {
    /// Begins a run in `runs`, which is created with its parents. The header is on disk when this returns.
    pub fn create(runs: &Path, header: Header, crash: Option<CrashPoint>) -> Result<Self, JournalError> {
        let folder = runs.join(&header.id);
        let fail = |error| JournalError::Io(folder.clone(), error);
        private_folder(runs).map_err(fail)?;
        // Fails when it exists: two runs never share one.
        builder().create(&folder).map_err(fail)?;
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        options.create_new(true).read(true).write(true);
        private(&mut options);
        let file = options.open(&path).map_err(fail)?;
        file.try_lock().map_err(|_| JournalError::Locked(header.id.clone()))?;
        sync_folder(&folder).and_then(|()| sync_folder(runs)).map_err(fail)?;
        let header = Box::new(header);
        let mut journal = Self { file, path, entries: Vec::new(), header: header.clone(), crash };
        journal.append(Entry::Begin(header))?;
        Ok(journal)
    }

    /// Opens the run `id` to go on with it.
    pub fn open(runs: &Path, id: &str, crash: Option<CrashPoint>) -> Result<Self, JournalError> {
        // An id is a name, not a path.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(JournalError::Unknown(id.chars().filter(|c| !c.is_control()).take(64).collect()));
        }
        let path = runs.join(id).join(FILE);
        let fail = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => JournalError::Unknown(id.to_owned()),
            _ => JournalError::Io(path.clone(), error),
        };
        let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(fail)?;
        file.try_lock().map_err(|_| JournalError::Locked(id.to_owned()))?;
        let mut text = Vec::new();
        (&file).take(MAX_BYTES).read_to_end(&mut text).map_err(fail)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let entries = parse(&text[..whole], &path)?;
        if whole < text.len() {
            // What was being written when the process ended.
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(fail)?;
        }
        file.seek(SeekFrom::End(0)).map_err(fail)?;
        let header = match entries.first() {
            Some(Entry::Begin(header)) => header.clone(),
            _ => return Err(JournalError::Empty(id.to_owned())),
        };
        Ok(Self { file, path, entries, header, crash })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The folder of the run, for what else belongs to it.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Writes an entry and brings it to the disk.
    pub fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        let number = self.entries.len();
        let fail = |error| JournalError::Io(self.path.clone(), error);
        let mut line = serde_json::to_vec(&entry).map_err(|error| fail(error.into()))?;
        line.push(b'\n');
        if self.crash == Some(CrashPoint::Before(number)) {
            std::process::abort();
        }
        if self.crash == Some(CrashPoint::Torn(number)) {
            let _ = self.file.write_all(&line[..line.len() / 2]);
            std::process::abort();
        }
        self.file.write_all(&line).and_then(|()| self.file.sync_all()).map_err(fail)?;
        if self.crash == Some(CrashPoint::After(number)) {
            std::process::abort();
        }
        self.entries.push(entry);
        Ok(())
    }
}

fn parse(text: &[u8], path: &Path) -> Result<Vec<Entry>, JournalError> {
    let lines = text.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            let damaged =
                |error: serde_json::Error| JournalError::Damaged(path.to_owned(), index + 1, error.to_string());
            if index == 0 {
                // Only the number: the rest may have another form.
                #[derive(Deserialize)]
                struct Form {
                    format: u32,
                }
                let form: Form = serde_json::from_slice(line).map_err(damaged)?;
                if form.format != FORMAT {
                    return Err(JournalError::Format(path.to_owned(), form.format));
                }
            }
            serde_json::from_slice(line).map_err(damaged)
        })
        .collect()
}

/// A run as `fix --list` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub id: String,
    pub started_at: Time,
    /// `name:port`.
    pub target: String,
    pub service: String,
    /// Null as long as it is not finished.
    pub outcome: Option<Outcome>,
    /// A process holds it now.
    pub running: bool,
}

/// Every run that was begun, oldest first. A folder that holds none is passed over.
pub fn list(runs: &Path) -> Result<Vec<Summary>, JournalError> {
    let fail = |error| JournalError::Io(runs.to_owned(), error);
    let folders = match fs::read_dir(runs) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut found = Vec::new();
    for folder in folders {
        let path = folder.map_err(fail)?.path().join(FILE);
        let Ok(file) = File::open(&path) else { continue };
        let mut text = Vec::new();
        (&file).take(MAX_BYTES).read_to_end(&mut text).map_err(fail)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let Ok(entries) = parse(&text[..whole], &path) else { continue };
        let Some(Entry::Begin(header)) = entries.first() else { continue };
        found.push(Summary {
            id: header.id.clone(),
            started_at: header.started_at,
            target: format!("{}:{}", header.change.host, header.change.port),
            service: header.request.service.kind().to_owned(),
            outcome: match entries.last() {
                Some(Entry::Finished(finish)) => Some(finish.outcome),
                _ => None,
            },
            running: file.try_lock_shared().is_err(),
        });
    }
    found.sort_by(|one, other| (one.started_at, &one.id).cmp(&(other.started_at, &other.id)));
    Ok(found)
}

/// A name for a run: the moment, so that names sort by age, and chance, so that two never meet.
pub fn new_id(at: Time) -> Result<String, io::Error> {
    let mut random = [0; 4];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| io::Error::other("the system gave no random bytes"))?;
    let moment: String = at.to_string().chars().filter(char::is_ascii_digit).collect();
    Ok(format!("{moment}-{}", crate::x509::hex(&random)))
}

pub fn header(
    id: String,
    started_at: Time,
    request: Request,
    change: Change,
    plan: Plan,
    before: Report,
    state: Value,
) -> Header {
    Header { format: FORMAT, id, started_at, request, change, plan, before, state }
}

fn private_folder(path: &Path) -> io::Result<()> {
    builder().recursive(true).create(path)
}

fn builder() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only unix has modes"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
