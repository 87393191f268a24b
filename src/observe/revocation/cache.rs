//! CRLs that were fetched before, while they are valid.
//!
//! One file an address, named by the SHA-256 of the address: a line of JSON that says what it is, then the CRL as it came.
//! Nothing in the folder is trusted: a file that is too large, of another address, past its nextUpdate or no CRL is as
//! good as none, and the judge verifies the CRL's signature as if it came from the network.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Validators;
use crate::model::time::Time;
use crate::observe::folder::{Folder, Limits};
use crate::x509::Fingerprint;
use crate::x509::crl::{List, MAX_LIST_BYTES};

const LIMITS: Limits = Limits {
    // The largest CRL, and its line.
    file: MAX_LIST_BYTES as u64 + 4096,
    // The CAs in use have some thousand CRLs; one machine meets few of them.
    files: 256,
    total: 128 * 1024 * 1024,
};

/// The folder. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: Folder,
}

/// The line before the CRL.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    url: String,
    fetched_at: Time,
    #[serde(flatten)]
    validators: Validators,
}

/// What was kept of one address.
#[derive(Debug, Clone)]
pub struct Kept {
    pub fetched_at: Time,
    pub validators: Validators,
    /// A CRL, valid at the moment it was asked for.
    pub body: Arc<Vec<u8>>,
}

impl Cache {
    /// `folder` need not exist. It is made when there is something to keep, readable by its owner alone: addresses tell
    /// whom one has looked at.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder: Folder::new(folder, LIMITS) }
    }

    /// What `url` gave before `now`, while it is valid (RFC 5280 §5.1.2.5).
    pub fn read(&self, url: &str, now: Time) -> Option<Kept> {
        let mut bytes = self.folder.read(&file(url))?;
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let line: Line = serde_json::from_slice(&bytes[..end]).ok()?;
        let body = bytes.split_off(end + 1);
        let is_valid = until(&body).is_some_and(|until| (line.fetched_at..=until).contains(&now));
        (line.url == url && is_valid).then(|| Kept {
            fetched_at: line.fetched_at,
            validators: line.validators,
            body: Arc::new(body),
        })
    }

    /// Keeps what `url` gave at `now`, when that is a CRL which will be valid for a while.
    pub fn write(&self, url: &str, body: &[u8], validators: Validators, now: Time) {
        if until(body).is_none_or(|until| until <= now) {
            return;
        }
        let line = Line { url: url.to_owned(), fetched_at: now, validators };
        if let Ok(line) = serde_json::to_vec(&line) {
            self.folder.write(&file(url), &[&line, b"\n", body]);
        }
    }
}

fn until(body: &[u8]) -> Option<Time> {
    List::read(body).ok()?.next_update
}

fn file(url: &str) -> String {
    format!("{}.crl", Fingerprint::of(url.as_bytes()))
}
