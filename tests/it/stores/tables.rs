//! The compiled-in tables against the lists they were made from, which lie beside a checkout of the project.
//! `TLSMEND_BLESS=1 cargo test --test it stores::tables` makes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tlsmend::x509::{Certificate, Fingerprint, certificates_in, pem};

use crate::support::sample_report::{assert_golden, fixtures};
use crate::support::skip;

/// The folder of lists, `TLSMEND_TRUST_DATA` or beside the checkout.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("TLSMEND_TRUST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/trust-data"), PathBuf::from);
    folder.join("membership.csv").is_file().then_some(folder)
}

fn table(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/judge/stores").join(name)
}

/// Letter and list, in the order of the columns.
const STORES: [(char, &str); 5] =
    [('a', "apple"), ('c', "chrome_156"), ('g', "google_aosp"), ('m', "microsoft_windows"), ('j', "openjdk")];

/// Lists beyond [`STORES`] whose roots are meant for TLS: a root that is in one of them and in Microsoft's is for TLS there.
const OTHERS: &str = "mozilla_nss";

fn certificates(path: &Path) -> Vec<Certificate> {
    let all = certificates_in(&std::fs::read(path).unwrap()).unwrap();
    all.iter().map(|der| Certificate::parse(der).unwrap()).collect()
}

/// SHA-256, `trusted` or `blocked`, of each line.
fn rows(path: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let fields = text.lines().skip(1).map(|line| {
        let mut fields = line.split(',');
        (fields.next().unwrap().to_owned(), fields.next().unwrap().to_owned())
    });
    fields.collect()
}

fn half(fingerprint: Fingerprint) -> String {
    fingerprint.to_string()[..32].to_owned()
}

#[test]
fn roots_are_what_the_lists_say() {
    let Some(folder) = folder() else { return skip("the lists of roots are not beside this checkout") };
    let mut members: BTreeMap<String, BTreeSet<char>> = BTreeMap::new();
    let mut known = BTreeMap::new();
    let lists = STORES.into_iter().chain([('M', OTHERS)]);
    for (letter, name) in lists {
        for certificate in certificates(&folder.join("stores").join(name).with_extension("pem")) {
            let sha256 = certificate.fingerprint.to_string();
            members.entry(sha256.clone()).or_default().insert(letter);
            known.insert(sha256, certificate);
        }
    }
    let changes = std::fs::read_to_string(fixtures().join("stores/java-changes.csv")).unwrap();
    for line in changes.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let member = members.get_mut(fields[0]).unwrap();
        let changed = if fields[1] == "added" { member.insert('j') } else { member.remove(&'j') };
        assert!(changed, "{line}");
    }
    let mut lines = Vec::new();
    for (sha256, stores) in &members {
        let letters: String = STORES
            .iter()
            .map(|&(letter, _)| match (letter, stores.contains(&letter)) {
                ('m', true) if stores.len() == 1 => '?',
                (letter, true) => letter,
                _ => '-',
            })
            .collect();
        if letters != "-----" {
            let certificate = &known[sha256];
            let key = certificate.subject.loose_key();
            lines.push(format!("{key:016x} {sha256} {} {letters}\n", half(certificate.spki_sha256())));
        }
    }
    lines.sort();
    assert_golden(&table("roots.txt"), &lines.concat());
}

#[test]
fn blocked_roots_are_what_the_lists_say() {
    let Some(folder) = folder() else { return skip("the lists of roots are not beside this checkout") };
    let blocked = |name: &str| {
        let rows = rows(&folder.join("stores").join(name).with_extension("csv"));
        rows.into_iter().filter(|(_, status)| status == "blocked").map(|(sha256, _)| sha256).collect::<BTreeSet<_>>()
    };
    let (microsoft, java) = (blocked("microsoft_windows"), blocked("openjdk"));
    let lines = microsoft.union(&java).map(|sha256| {
        let letter = |is: bool, letter| if is { letter } else { '-' };
        format!("{sha256} {}{}\n", letter(microsoft.contains(sha256), 'm'), letter(java.contains(sha256), 'j'))
    });
    assert_golden(&table("blocked.txt"), &lines.collect::<String>());
}

#[test]
fn intermediates_are_those_disclosed() {
    let Some(folder) = folder() else { return skip("the lists of intermediates are not beside this checkout") };
    let mut text = Vec::new();
    let file = std::fs::File::open(folder.join("ccadb/intermediates_tls_unexpired.pem.gz")).unwrap();
    GzDecoder::new(file).read_to_end(&mut text).unwrap();
    let mut lines: Vec<String> = pem::blocks(&text)
        .0
        .iter()
        .map(|block| Certificate::parse(&block.der).unwrap())
        .map(|certificate| format!("{:016x} {}\n", certificate.subject.loose_key(), half(certificate.fingerprint)))
        .collect();
    assert!(lines.len() > 3_000);
    lines.sort();
    assert_golden(&table("intermediates.txt"), &lines.concat());
}
