//! A file that a server on this machine reads: nginx and friends.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{CertificateService, ErrorKind, Look, Proposal, Scene, ServiceError};
use crate::model::fix::{ReasonCode, Write};
use crate::model::report::Report;
use crate::remedy::atomic_file::{self, Holds};
use crate::remedy::plan::{self, Change};
use crate::x509::dn::printable;
use crate::x509::{Fingerprint, certificates_in, hex};

/// The largest certificate file that is read.
const MAX_FILE: u64 = 1024 * 1024;

/// How long a check or a reload may take: servers with thousands of sites need many seconds.
const COMMAND_PATIENCE: Duration = Duration::from_secs(120);

/// How long after its end a command's last words are waited for.
const PIPE_PATIENCE: Duration = Duration::from_millis(200);

/// Bytes of a command's output that are kept for the report: the last ones, where the error stands.
const MAX_OUTPUT: usize = 2_000;

/// Where the bundle goes, and how the server is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub path: PathBuf,
    /// A shell command that must succeed before the server is told.
    pub check: Option<String>,
    /// A shell command that makes the server read the file.
    pub reload: Option<String>,
}

/// Writes the bundle to a file, has the configuration checked, reloads the server.
#[derive(Debug)]
pub struct FileService {
    place: Place,
    /// Where the old file is kept.
    folder: PathBuf,
}

/// What was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// SHA-256 of the file's bytes; null when there was no file.
    old: Option<String>,
    new: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Backup,
    Write,
    Check,
    Reload,
    Restore,
    ReloadRestored,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backup => "backup",
            Self::Write => "write-file",
            Self::Check => "check",
            Self::Reload => "reload",
            Self::Restore => "restore-file",
            Self::ReloadRestored => "reload-restored",
        })
    }
}

impl FileService {
    /// `folder` is the run's own; the old file is kept there.
    pub fn new(place: Place, folder: PathBuf) -> Self {
        Self { place, folder }
    }

    fn backup(&self) -> PathBuf {
        self.folder.join("backup.pem")
    }

    fn current(&self) -> Result<Option<Vec<u8>>, ServiceError> {
        read(&self.place.path)
    }

    async fn run(&self, command: Option<&String>, what: &str) -> Result<String, ServiceError> {
        let Some(command) = command else { return Ok(format!("no {what} command was given")) };
        let (status, said) = shell(command).await.map_err(|error| {
            ServiceError::new(ErrorKind::Failed, format!("the {what} command `{}` {error}", printable(command)))
        })?;
        if status.success() {
            return Ok(format!("`{}` succeeded", printable(command)));
        }
        let said = if said.is_empty() { "it said nothing".to_owned() } else { format!("it said: {said}") };
        let text = format!("the {what} command `{}` failed ({status}); {said}", printable(command));
        Err(ServiceError::new(ErrorKind::Failed, text))
    }
}

impl CertificateService for FileService {
    type State = State;
    type Step = Step;

    fn kind(&self) -> &'static str {
        "file"
    }

    async fn propose(&self, change: &Change, _: &Report) -> Result<Proposal<State>, ServiceError> {
        let old = self.current()?;
        let path = self.place.path.display();
        let mut warnings = Vec::new();
        let mut refusal = None;
        match &old {
            None => warnings.push(format!("{path} does not exist yet; it will be removed when this is rolled back.")),
            Some(bytes) if is_key(bytes) => {
                let text = format!(
                    "{path} holds a private key beside the certificates. Only files of certificates are written. Nothing was changed."
                );
                refusal = Some(plan::reason(ReasonCode::Refused, text));
            }
            Some(bytes) => match certificates_in(bytes) {
                Err(error) => {
                    let text = format!("{path} is no file of certificates: {error}. Nothing was changed.");
                    refusal = Some(plan::reason(ReasonCode::Refused, text));
                }
                Ok(found) => {
                    let first = found.first().map(|der| Fingerprint::of(der).to_string());
                    let served = change.answered.iter().find_map(|serving| serving.chain.first().cloned());
                    if first != served {
                        warnings.push(format!(
                            "{path} begins with another certificate than the one that is served now: is it the file that the server reads?"
                        ));
                    }
                }
            },
        }
        let shown = |command: &Option<String>| command.as_deref().map(printable);
        let mut writes = Vec::new();
        let mut write = |step: Step, description: String, undo: Option<String>| {
            writes.push(Write { action: step.to_string(), description, undo });
        };
        write(Step::Backup, format!("keep a copy of {path} with the run"), None);
        write(
            Step::Write,
            format!("replace {path} with the bundle, in one stroke, with its owner and permissions"),
            Some(if old.is_some() { "the old content is written back" } else { "the file is removed" }.to_owned()),
        );
        if let Some(command) = shown(&self.place.check) {
            write(Step::Check, format!("run `{command}`, which must succeed"), None);
        }
        if let Some(command) = shown(&self.place.reload) {
            write(Step::Reload, format!("run `{command}`"), Some("the same command, with the old file".to_owned()));
        } else {
            warnings.push(
                "No --reload command: the new chain is served only once the server reads the file by itself."
                    .to_owned(),
            );
        }
        let state = State { old: old.as_deref().map(digest), new: digest(change.bundle_pem.as_bytes()) };
        Ok(Proposal { state, resources: Vec::new(), writes, cost: None, ids: Vec::new(), warnings, refusal })
    }

    fn forward(&self) -> &'static [Step] {
        &[Step::Backup, Step::Write, Step::Check, Step::Reload]
    }

    fn backward(&self) -> &'static [Step] {
        &[Step::Restore, Step::ReloadRestored]
    }

    fn touches(step: Step) -> bool {
        matches!(step, Step::Write | Step::Reload)
    }

    fn waits(_: Step) -> bool {
        false
    }

    async fn look(&self, step: Step, scene: &mut Scene<'_, Self>) -> Result<Look, ServiceError> {
        let state = &scene.state;
        let current = || Ok::<_, ServiceError>(self.current()?.as_deref().map(digest));
        let done = |what: &str| Ok(Look::Done(format!("{} {what}", self.place.path.display())));
        match step {
            Step::Backup => match (&state.old, read(&self.backup())?) {
                (None, _) => done("did not exist: nothing to keep"),
                (Some(old), Some(kept)) if digest(&kept) == *old => Ok(Look::Done("the copy is there".to_owned())),
                (Some(_), _) => Ok(Look::NotYet),
            },
            Step::Write => match current()? {
                found if found.as_ref() == Some(&state.new) => done("holds the bundle"),
                found if found == state.old => Ok(Look::NotYet),
                _ => Err(self.somebody_else()),
            },
            Step::Restore => match current()? {
                found if found == state.old => done("holds what it held before"),
                found if found.as_ref() == Some(&state.new) => Ok(Look::NotYet),
                _ => Err(self.somebody_else()),
            },
            // Commands leave no trace; both can be repeated.
            Step::Check | Step::Reload => Ok(Look::NotYet),
            Step::ReloadRestored if !scene.has_begun(Step::Reload) => {
                Ok(Look::Done("the server was not told of the new file".to_owned()))
            }
            Step::ReloadRestored => Ok(Look::NotYet),
        }
    }

    async fn act(&self, step: Step, scene: &mut Scene<'_, Self>) -> Result<String, ServiceError> {
        let path = &self.place.path;
        match step {
            Step::Backup => {
                // Again: between the plan and the consent somebody may have written it.
                let Some(old) = self.current()?.filter(|old| scene.state.old.as_ref() == Some(&digest(old))) else {
                    return Err(self.somebody_else());
                };
                write(&self.backup(), &old)?;
                Ok(format!("a copy of {} is kept in {}", path.display(), self.backup().display()))
            }
            Step::Write => {
                write(path, scene.change.bundle_pem.as_bytes())?;
                Ok(format!("{} holds the bundle", path.display()))
            }
            Step::Check => self.run(self.place.check.as_ref(), "check").await,
            Step::Reload => self.run(self.place.reload.as_ref(), "reload").await,
            Step::Restore => {
                if scene.state.old.is_none() {
                    std::fs::remove_file(path).map_err(|error| failed(path, &error))?;
                    return Ok(format!("{} is removed, as before", path.display()));
                }
                let kept = read(&self.backup())?.filter(|kept| scene.state.old.as_ref() == Some(&digest(kept)));
                let Some(kept) = kept else {
                    let text = format!("the copy in {} is gone or changed", self.backup().display());
                    return Err(ServiceError::new(ErrorKind::Changed, text));
                };
                write(path, &kept)?;
                Ok(format!("{} holds what it held before", path.display()))
            }
            Step::ReloadRestored => self.run(self.place.reload.as_ref(), "reload").await,
        }
    }

    fn propagation(&self) -> Option<&'static str> {
        Some("servers take a moment to hand new connections to processes that know the new file")
    }
}

impl FileService {
    fn somebody_else(&self) -> ServiceError {
        let text = format!(
            "{} is neither what it was nor what this run wrote: somebody else has written it since",
            self.place.path.display()
        );
        ServiceError::new(ErrorKind::Changed, text)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, ServiceError> {
    let fail = |error: std::io::Error| failed(path, &error);
    match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fail(error)),
        Ok(file) => {
            use std::io::Read as _;
            let mut bytes = Vec::new();
            file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(fail)?;
            if bytes.len() as u64 > MAX_FILE {
                let text = format!("{} is larger than 1 MB: no file of one chain", path.display());
                return Err(ServiceError::new(ErrorKind::Refused, text));
            }
            Ok(Some(bytes))
        }
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), ServiceError> {
    atomic_file::write(path, content, Holds::Public)
        .map_err(|error| ServiceError::new(ErrorKind::Refused, error.to_string()))
}

fn failed(path: &Path, error: &std::io::Error) -> ServiceError {
    ServiceError::new(ErrorKind::Refused, format!("{}: {error}", path.display()))
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}

fn is_key(bytes: &[u8]) -> bool {
    crate::x509::pem::blocks(bytes).0.iter().any(|block| block.label.ends_with("PRIVATE KEY"))
}

/// Runs `command` as the user's shell would, within bounds of time and output.
async fn shell(command: &str) -> Result<(ExitStatus, String), String> {
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot be started: {error}"))?;
    let (out, err) = (RefCell::default(), RefCell::default());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut reading = std::pin::pin!(async { tokio::join!(tail(stdout, &out), tail(stderr, &err)) });
    let ended = async {
        tokio::select! {
            status = child.wait() => {
                // A server that was started or reloaded may keep the pipes open for ever.
                let _ = tokio::time::timeout(PIPE_PATIENCE, &mut reading).await;
                status
            }
            _ = &mut reading => child.wait().await,
        }
    };
    let status = tokio::time::timeout(COMMAND_PATIENCE, ended)
        .await
        .map_err(|_| format!("did not end within {} s", COMMAND_PATIENCE.as_secs()))?
        .map_err(|error| format!("cannot be waited for: {error}"))?;
    let said = [err.take(), out.take()].concat();
    Ok((status, printable(String::from_utf8_lossy(&said).trim())))
}

/// The end of what a pipe gives; all of it is read, so that the writer never blocks.
async fn tail(pipe: Option<impl AsyncRead + Unpin>, kept: &RefCell<Vec<u8>>) {
    let mut piece = [0; 4096];
    let Some(mut pipe) = pipe else { return };
    while let Ok(length @ 1..) = pipe.read(&mut piece).await {
        let mut kept = kept.borrow_mut();
        kept.extend_from_slice(&piece[..length]);
        let surplus = kept.len().saturating_sub(MAX_OUTPUT);
        kept.drain(..surplus);
    }
}
