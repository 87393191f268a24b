//! Finished files of lines, put together: account and summary as one run would have made them, and what is missing or there
//! twice.

use std::collections::HashSet;
use std::io::{self, BufRead, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::certificates::{CertificateForm, CertificateLine};
use super::done::Done;
use super::summary::Summarizer;
use crate::model::line::{Line, Sha256};
use crate::model::summary::{MergeReport, MergedCertificates};
use crate::x509::{Fingerprint, certificates_in};

/// Longer is no line of ours.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// Missing indexes that are named.
const MAX_NAMED: usize = 20;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// Puts files together, in any order.
pub struct Merger<'a> {
    summarizer: Summarizer,
    seen: Done,
    end: u64,
    doubled: u64,
    unreadable: u64,
    certificates: Option<Certificates<'a>>,
}

/// Where certificates go. To leave out every repeat, each is remembered: 32 octets and a little.
struct Certificates<'a> {
    known: HashSet<Sha256>,
    repeated: u64,
    form: CertificateForm,
    to: &'a mut dyn Write,
}

impl<'a> Merger<'a> {
    pub fn new(certificates: Option<(CertificateForm, &'a mut dyn Write)>) -> Self {
        let certificates = certificates.map(|(form, to)| Certificates { known: HashSet::new(), repeated: 0, form, to });
        Self {
            summarizer: Summarizer::default(),
            seen: Done::default(),
            end: 0,
            doubled: 0,
            unreadable: 0,
            certificates,
        }
    }

    /// Reads a file of lines or of certificates: which of the two, each line shows. `targets`: how many the list has, where
    /// that is known. An error is one of reading, or of writing certificates.
    pub fn read(&mut self, mut file: impl BufRead, targets: Option<u64>) -> io::Result<()> {
        self.end = self.end.max(targets.unwrap_or(0));
        let (mut octets, mut armour) = (Vec::new(), None::<Vec<u8>>);
        loop {
            octets.clear();
            let read = file.by_ref().take(MAX_LINE).read_until(b'\n', &mut octets)?;
            if read == 0 {
                // A certificate that breaks off.
                self.unreadable += u64::from(armour.is_some());
                return Ok(());
            }
            let text = octets.trim_ascii();
            if text.is_empty() {
                continue;
            }
            if text == BEGIN {
                // A certificate that broke off before this one.
                self.unreadable += u64::from(armour.is_some());
                armour = Some(Vec::new());
            }
            if let Some(pem) = &mut armour {
                pem.extend_from_slice(text);
                pem.push(b'\n');
                if text == END || pem.len() as u64 > MAX_LINE {
                    let found = certificates_in(pem).unwrap_or_default();
                    armour = None;
                    self.unreadable += u64::from(found.is_empty());
                    for der in &found {
                        self.certificate(der)?;
                    }
                }
            } else if octets.ends_with(b"\n") {
                self.line(text)?;
            } else {
                self.unreadable += 1;
            }
        }
    }

    fn line(&mut self, text: &[u8]) -> io::Result<()> {
        if let Ok(line) = serde_json::from_slice::<Line>(text) {
            self.end = self.end.max(line.index.saturating_add(1));
            if self.seen.insert(line.index) {
                self.summarizer.add(&line);
            } else {
                self.doubled += 1;
            }
        } else if let Some(der) =
            serde_json::from_slice::<CertificateLine>(text).ok().and_then(|it| STANDARD.decode(it.der).ok())
        {
            self.certificate(&der)?;
        } else {
            self.unreadable += 1;
        }
        Ok(())
    }

    fn certificate(&mut self, der: &[u8]) -> io::Result<()> {
        let Some(certificates) = &mut self.certificates else { return Ok(()) };
        let sha256 = Sha256(Fingerprint::of(der).0);
        if !certificates.known.insert(sha256) {
            certificates.repeated += 1;
            return Ok(());
        }
        let mut octets = Vec::new();
        certificates.form.write(&sha256, der, &mut octets);
        certificates.to.write_all(&octets)
    }

    pub fn finish(self) -> MergeReport {
        let (missing_indexes, missing) = self.seen.missing(self.end, MAX_NAMED);
        MergeReport {
            summary: self.summarizer.finish(),
            missing,
            missing_indexes,
            doubled: self.doubled,
            unreadable: self.unreadable,
            certificates: self.certificates.map(|certificates| MergedCertificates {
                kept: certificates.known.len() as u64,
                repeated: certificates.repeated,
            }),
        }
    }
}
