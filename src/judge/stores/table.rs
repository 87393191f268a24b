//! The compiled-in tables: fixed-width lines of text, sorted, searched as they lie. Nothing is read before it is asked for.
//!
//! `roots.txt`: [`dn::loose_key`](crate::x509::dn::loose_key) of the subject, SHA-256 of the certificate, first half of the
//! SHA-256 of its SubjectPublicKeyInfo, a letter a store. `blocked.txt`: SHA-256, a letter a store that blocks it.
//! `intermediates.txt`: the key of the subject, first half of the SHA-256. Where the facts come from: `fixtures/README.md`.

use std::sync::{Arc, LazyLock};

use super::{StoreId, StoreSet};
use crate::x509::{Certificate, Fingerprint, hex, pem};

const ROOTS: &str = include_str!("roots.txt");
const BLOCKED: &str = include_str!("blocked.txt");
const INTERMEDIATES: &str = include_str!("intermediates.txt");
const CHROMIUM: &str = include_str!("chromium_known.pem");

pub(super) const KEY: usize = 16;
pub(super) const SHA256: usize = 64;
const HALF: usize = 32;
const LETTERS: usize = 5;

/// Columns of the letters; a dash where the store lacks the root. `roots.txt` has no last one: Mozilla's roots are those of
/// the crate.
pub(super) const COLUMNS: [(u8, StoreId); LETTERS + 1] = [
    (b'a', StoreId::Apple),
    (b'c', StoreId::Chrome),
    (b'g', StoreId::Android),
    (b'm', StoreId::Microsoft),
    (b'j', StoreId::Java),
    (b'M', StoreId::Mozilla),
];

/// In Microsoft's column: listed there and in no other store, and the list does not say whether for TLS.
const USE_UNKNOWN: u8 = b'?';

/// A root that stores list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root<'a> {
    /// SHA-256 of the certificate, 64 hex digits.
    pub sha256: &'a str,
    /// First half of the SHA-256 of the SubjectPublicKeyInfo, 32 hex digits.
    pub spki: &'a str,
    pub stores: StoreSet,
    /// Stores that list it for a use that is not known here.
    pub perhaps: StoreSet,
}

impl Root<'_> {
    /// This certificate, or a self-issued one with the same key: the names were compared by key already.
    pub fn is(&self, certificate: &Certificate) -> bool {
        self.sha256 == certificate.fingerprint.to_string()
            || (certificate.is_self_issued() && self.has_key_of(certificate))
    }

    pub fn has_key_of(&self, certificate: &Certificate) -> bool {
        certificate.spki_sha256().to_string().starts_with(self.spki)
    }
}

/// The lines that begin with `prefix` of a sorted table whose lines have `width` octets, the line break apart.
pub(super) fn lines<'a>(table: &'a [u8], width: usize, prefix: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let line = move |index: usize| table.get(index * (width + 1)..index * (width + 1) + width);
    let count = table.len() / (width + 1);
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if line(middle).is_some_and(|line| line < prefix.as_bytes()) { low = middle + 1 } else { high = middle }
    }
    let prefix = prefix.to_owned();
    (low..count)
        .map_while(move |index| line(index).filter(|line| line.starts_with(prefix.as_bytes())))
        .filter_map(|line| std::str::from_utf8(line).ok())
}

/// A key as the tables write it.
pub(super) fn key_text(key: u64) -> String {
    format!("{key:016x}")
}

/// Width of a line of `roots.txt`.
pub const ROOT_LINE: usize = KEY + 1 + SHA256 + 1 + HALF + 1 + LETTERS;

/// A line of `roots.txt`. What does not have its form is skipped; a test reads them all.
pub fn parse_root(line: &str) -> Option<Root<'_>> {
    let mut fields = line.get(KEY + 1..)?.split(' ');
    let (sha256, spki, letters) = (fields.next()?, fields.next()?, fields.next()?);
    let (mut stores, mut perhaps) = (StoreSet::EMPTY, StoreSet::EMPTY);
    for (&letter, (name, store)) in letters.as_bytes().iter().zip(COLUMNS) {
        if letter == name {
            stores = stores.with(store);
        } else if letter == USE_UNKNOWN {
            perhaps = perhaps.with(store);
        }
    }
    Some(Root { sha256, spki, stores, perhaps })
}

/// The roots whose subject has this key.
pub fn roots_named(key: u64) -> impl Iterator<Item = Root<'static>> {
    lines(ROOTS.as_bytes(), ROOT_LINE, &key_text(key)).filter_map(parse_root)
}

/// Every root, for counting.
pub fn roots() -> impl Iterator<Item = Root<'static>> {
    ROOTS.lines().filter_map(parse_root)
}

/// Stores that name this certificate as not to be trusted.
pub fn blocked_by(fingerprint: Fingerprint) -> StoreSet {
    let letters = lines(BLOCKED.as_bytes(), SHA256 + 1 + 2, &fingerprint.to_string());
    letters.filter_map(|line| line.get(SHA256 + 1..)).fold(StoreSet::EMPTY, |set, letters| {
        let columns = [(b'm', StoreId::Microsoft), (b'j', StoreId::Java)];
        let named = columns.iter().filter(|(letter, _)| letters.as_bytes().contains(letter));
        named.fold(set, |set, (_, store)| set.with(*store))
    })
}

/// The day of the list behind `intermediates.txt`.
pub const INTERMEDIATES_DATE: &str = "2026-08-21";

const INTERMEDIATE_LINE: usize = KEY + 1 + HALF;

/// First halves of the SHA-256 of the intermediates whose subject has this key, 32 hex digits each.
pub fn intermediates_named(key: u64) -> impl Iterator<Item = &'static str> {
    lines(INTERMEDIATES.as_bytes(), INTERMEDIATE_LINE, &key_text(key)).filter_map(|line| line.get(KEY + 1..))
}

/// How many there are.
pub fn intermediates_count() -> usize {
    INTERMEDIATES.len() / (INTERMEDIATE_LINE + 1)
}

/// Is it one of the disclosed intermediates?
pub fn is_intermediate(certificate: &Certificate) -> bool {
    let half = hex(&certificate.fingerprint.0[..HALF / 2]);
    intermediates_named(certificate.subject.loose_key()).any(|known| known == half)
}

/// Those that Chromium compiles in, parsed when the first is asked for.
static CHROMIUM_PARSED: LazyLock<Vec<(u64, Arc<Certificate>)>> = LazyLock::new(|| {
    let blocks = pem::blocks(CHROMIUM.as_bytes()).0;
    let parsed = blocks.iter().filter_map(|block| Certificate::parse(&block.der).ok());
    parsed.map(|certificate| (certificate.subject.loose_key(), Arc::new(certificate))).collect()
});

/// The intermediates that Chromium compiles in whose subject has this key.
pub fn chromium_named(key: u64) -> impl Iterator<Item = &'static Arc<Certificate>> {
    // All of them are disclosed: a name that is not is not looked for among them.
    let all = if intermediates_named(key).next().is_some() { &CHROMIUM_PARSED[..] } else { &[] };
    all.iter().filter(move |(known, _)| *known == key).map(|(_, certificate)| certificate)
}

/// How many Chromium compiles in.
pub fn chromium_count() -> usize {
    CHROMIUM_PARSED.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::stores::mozilla;

    #[test]
    fn the_tables_have_their_form() {
        for (table, width) in [(ROOTS, ROOT_LINE), (BLOCKED, SHA256 + 3), (INTERMEDIATES, INTERMEDIATE_LINE)] {
            assert!(table.lines().all(|line| line.len() == width) && table.ends_with('\n'));
            assert!(table.lines().is_sorted() && table.lines().count() > 100);
        }
        assert!(ROOTS.lines().all(|line| parse_root(line).is_some_and(|root| root.spki.len() == HALF)));
    }

    #[test]
    fn a_root_is_found_by_name_fingerprint_and_key() {
        let x1 = mozilla::all().find(|root| root.subject.common_name() == Some("ISRG Root X1")).unwrap();
        let found: Vec<Root<'_>> = roots_named(x1.subject.loose_key()).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].is(&x1) && found[0].has_key_of(&x1));
        for store in [StoreId::Apple, StoreId::Chrome, StoreId::Android, StoreId::Microsoft, StoreId::Java] {
            assert!(found[0].stores.contains(store), "{store}");
        }
        assert_eq!(roots_named(0).count(), 0);
    }

    #[test]
    fn chromium_knows_fifteen_intermediates_and_all_are_disclosed() {
        let blocks = pem::blocks(CHROMIUM.as_bytes()).0;
        assert_eq!(blocks.len(), 15);
        for block in blocks {
            let certificate = Certificate::parse(&block.der).unwrap();
            assert_eq!(chromium_named(certificate.subject.loose_key()).count(), 1);
            assert!(is_intermediate(&certificate), "{}", certificate.subject);
        }
    }
}
