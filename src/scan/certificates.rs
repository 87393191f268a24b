//! A file of the certificates that were met: each about once, without remembering all of them.

use std::collections::HashSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::model::line::Sha256;
use crate::x509::pem;

/// Certificates remembered in each of two generations: intermediates, which come again and again, stay; end entities, which
/// come once, go.
const GENERATION: usize = 16 * 1024;

/// What the file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateForm {
    Pem,
    /// A JSON object a line.
    Ndjson,
}

impl CertificateForm {
    /// By the name of the file: NDJSON where it ends so, else PEM.
    pub fn of(path: &Path) -> Self {
        let is_json = path.extension().is_some_and(|end| end == "ndjson" || end == "jsonl" || end == "json");
        if is_json { Self::Ndjson } else { Self::Pem }
    }

    /// Appends a certificate.
    pub fn write(self, sha256: &Sha256, der: &[u8], to: &mut Vec<u8>) {
        match self {
            Self::Pem => to.extend_from_slice(pem::encode(der).as_bytes()),
            Self::Ndjson => {
                let record = CertificateLine { sha256: *sha256, der: STANDARD.encode(der) };
                // A hash and base64: it cannot fail, and a Vec takes everything.
                let _ = serde_json::to_writer(&mut *to, &record);
                to.push(b'\n');
            }
        }
    }
}

/// One line of such a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateLine {
    pub sha256: Sha256,
    /// Base64.
    pub der: String,
}

/// Knows the certificates that were met lately.
#[derive(Debug, Default)]
pub struct Met {
    young: HashSet<Sha256>,
    old: HashSet<Sha256>,
}

impl Met {
    /// True when it was not met lately.
    pub fn is_new(&mut self, sha256: Sha256) -> bool {
        if self.young.contains(&sha256) {
            return false;
        }
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(sha256);
        !self.old.contains(&sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_stays_known_and_the_memory_is_bounded() {
        let mut met = Met::default();
        let hash = |number: u32| Sha256(std::array::from_fn(|place| number.to_be_bytes()[place % 4]));
        for number in 1..100_000 {
            assert!(met.is_new(hash(number)));
            assert_eq!(met.is_new(hash(0)), number == 1);
        }
        assert!(met.young.len() + met.old.len() <= 2 * GENERATION);
    }
}
