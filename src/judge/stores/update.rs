//! What `tlsmend stores update` brought: one file, searched as it lies, like the compiled-in tables.
//!
//! A header line, lines of roots, lines of certificates, the certificates. The lines have fixed widths and are sorted, so that
//! loading is reading.

use std::ops::Range;

use super::table::{self, COLUMNS, KEY, Root, SHA256};
use super::{StoreId, StoreSet};
use crate::x509::{Certificate, dn};

/// First word of the file, with the version of its form.
const MAGIC: &str = "tlsmend-stores-1";

const ROOT_LINE: usize = table::ROOT_LINE + 1;

/// Key, SHA-256, kind, offset and length of the certificate in the last part.
const CERTIFICATE_LINE: usize = KEY + 1 + SHA256 + 1 + 1 + 1 + 10 + 1 + 6;

/// Larger files are none of ours: CCADB discloses about 10,000 CA certificates of 2 kB.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Stores whose list the update replaces; the others stay as compiled in.
pub const REPLACED: StoreSet =
    StoreSet::EMPTY.with(StoreId::Mozilla).with(StoreId::Chrome).with(StoreId::Apple).with(StoreId::Microsoft);

/// Why bytes are no update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is damaged or of another version of tlsmend")]
pub struct Damaged;

/// What a certificate of the update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Root,
    Intermediate,
}

/// A root with the stores of [`REPLACED`] that list it for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoot {
    pub certificate: Vec<u8>,
    pub stores: StoreSet,
}

/// The lists as last downloaded.
#[derive(Debug)]
pub struct Update {
    bytes: Vec<u8>,
    date: String,
    roots: Range<usize>,
    certificates: Range<usize>,
    /// Where the certificates themselves begin.
    blob: usize,
}

impl Update {
    /// Reads what [`encode`] wrote.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Damaged> {
        let end = bytes.iter().take(200).position(|&byte| byte == b'\n').ok_or(Damaged)?;
        let header = std::str::from_utf8(&bytes[..end]).map_err(|_| Damaged)?;
        let fields: Vec<&str> = header.split(' ').collect();
        let [MAGIC, date, roots, certificates, blob] = fields[..] else { return Err(Damaged) };
        let number = |text: &str| text.parse::<usize>().ok().filter(|&number| number <= MAX_BYTES).ok_or(Damaged);
        let roots_end = end + 1 + number(roots)? * (ROOT_LINE + 1);
        let certificates_end = roots_end + number(certificates)? * (CERTIFICATE_LINE + 1);
        let is_date = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if !is_date || certificates_end + number(blob)? != bytes.len() {
            return Err(Damaged);
        }
        Ok(Self {
            date: date.to_owned(),
            roots: end + 1..roots_end,
            certificates: roots_end..certificates_end,
            blob: certificates_end,
            bytes,
        })
    }

    /// The day it was downloaded, `2026-11-22`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The roots whose subject has this key.
    pub fn roots_named(&self, key: u64) -> impl Iterator<Item = Root<'_>> {
        let lines = table::lines(&self.bytes[self.roots.clone()], ROOT_LINE, &table::key_text(key));
        lines.filter_map(table::parse_root)
    }

    /// All roots.
    pub fn roots(&self) -> impl Iterator<Item = Root<'_>> {
        table::lines(&self.bytes[self.roots.clone()], ROOT_LINE, "").filter_map(table::parse_root)
    }

    /// SHA-256 of every certificate, 64 hex digits.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        let lines = table::lines(&self.bytes[self.certificates.clone()], CERTIFICATE_LINE, "");
        lines.filter_map(|line| line.get(KEY + 1..KEY + 1 + SHA256))
    }

    /// How many intermediates there are.
    pub fn intermediates_count(&self) -> usize {
        let lines = table::lines(&self.bytes[self.certificates.clone()], CERTIFICATE_LINE, "");
        lines.filter(|line| line.get(KEY + SHA256 + 2..KEY + SHA256 + 3) == Some("i")).count()
    }

    /// The certificates (DER) whose subject has this key, and what each is.
    pub fn certificates_named(&self, key: u64) -> impl Iterator<Item = (Kind, &[u8])> {
        let lines = table::lines(&self.bytes[self.certificates.clone()], CERTIFICATE_LINE, &table::key_text(key));
        lines.filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [_, _, kind, offset, length] = fields[..] else { return None };
            let start = self.blob.checked_add(offset.parse().ok()?)?;
            let der = self.bytes.get(start..start.checked_add(length.parse().ok()?)?)?;
            Some((if kind == "r" { Kind::Root } else { Kind::Intermediate }, der))
        })
    }
}

/// The file for these roots and intermediates (DER), downloaded on `date`. What is no certificate is left out.
pub fn encode(date: &str, roots: &[NewRoot], intermediates: &[Vec<u8>]) -> Vec<u8> {
    let (mut root_lines, mut lines, mut blob) = (Vec::new(), Vec::new(), Vec::new());
    let all = roots.iter().map(|root| (Kind::Root, &root.certificate, root.stores));
    let all = all.chain(intermediates.iter().map(|der| (Kind::Intermediate, der, StoreSet::EMPTY)));
    for (kind, der, stores) in all {
        let Ok(certificate) = Certificate::parse(der) else { continue };
        let key = table::key_text(dn::loose_key(certificate.subject.rdns()));
        let letter = if kind == Kind::Root { 'r' } else { 'i' };
        lines.push(format!("{key} {} {letter} {:>10} {:>6}\n", certificate.fingerprint, blob.len(), der.len()));
        blob.extend_from_slice(der);
        if kind == Kind::Root {
            let letters: String = COLUMNS
                .iter()
                .map(|&(letter, store)| if stores.contains(store) { char::from(letter) } else { '-' })
                .collect();
            let spki = certificate.spki_sha256().to_string();
            root_lines.push(format!("{key} {} {} {letters}\n", certificate.fingerprint, &spki[..spki.len() / 2]));
        }
    }
    root_lines.sort_unstable();
    lines.sort_unstable();
    let header = format!("{MAGIC} {date} {} {} {}\n", root_lines.len(), lines.len(), blob.len());
    let mut bytes = header.into_bytes();
    bytes.extend(root_lines.concat().into_bytes());
    bytes.extend(lines.concat().into_bytes());
    bytes.extend(blob);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::stores::mozilla;

    #[test]
    fn what_is_written_can_be_looked_up() {
        let some: Vec<_> = mozilla::all().take(5).collect();
        let chrome = StoreSet::EMPTY.with(StoreId::Chrome).with(StoreId::Mozilla);
        let roots: Vec<NewRoot> =
            some[..3].iter().map(|root| NewRoot { certificate: root.der().to_vec(), stores: chrome }).collect();
        let intermediates: Vec<Vec<u8>> = some[3..].iter().map(|other| other.der().to_vec()).collect();
        let bytes = encode("2026-11-22", &roots, &intermediates);
        let update = Update::parse(bytes.clone()).unwrap();
        assert_eq!(update.date(), "2026-11-22");
        assert!(update.roots().all(|root| root.stores == chrome) && update.roots().count() == 3);
        assert_eq!(update.fingerprints().count(), 5);
        assert_eq!(update.intermediates_count(), 2);
        for (position, certificate) in some.iter().enumerate() {
            let key = certificate.subject.loose_key();
            let kind = if position < 3 { Kind::Root } else { Kind::Intermediate };
            assert!(update.certificates_named(key).any(|found| found == (kind, certificate.der())));
            assert_eq!(update.roots_named(key).any(|root| root.is(certificate)), position < 3);
        }
        assert_eq!(update.certificates_named(1).count(), 0);
        for cut in [0, 10, 40, bytes.len() - 1] {
            assert_eq!(Update::parse(bytes[..cut].to_vec()).unwrap_err(), Damaged, "cut at {cut}");
        }
    }

    #[test]
    fn hostile_lengths_lead_nowhere() {
        let file = format!(
            "{MAGIC} 2026-11-22 0 1 3\n{} {} r {:>10} {:>6}\nabc",
            "0".repeat(16),
            "0".repeat(64),
            u32::MAX,
            999_999
        );
        let update = Update::parse(file.into_bytes()).unwrap();
        assert_eq!(update.certificates_named(0).count(), 0);
        assert!(Update::parse(format!("{MAGIC} 2026-11-22 {} 0 0\n", usize::MAX).into_bytes()).is_err());
    }
}
