//! Reading the reports of the Common CA Database (ccadb.org), in which Apple, Google, Microsoft and Mozilla say which CA
//! certificates they include.

use std::collections::{HashMap, HashSet};

use super::update::{NewRoot, REPLACED};
use super::{StoreId, StoreSet, table};
use crate::model::time::Time;
use crate::x509::{Certificate, Fingerprint, certificates_in};

/// `AllCertificateRecordsCSVFormatV5`: every disclosed root and intermediate, without the certificates.
pub const RECORDS: &str = "ccadb/AllCertificateRecordsCSVFormatV5";

/// `AllCertificatePEMsCSVFormat`: the certificates, by the decade of notBefore.
pub const CERTIFICATES: [&str; 4] = [
    "ccadb/AllCertificatePEMsCSVFormat?NotBeforeDecade=1990",
    "ccadb/AllCertificatePEMsCSVFormat?NotBeforeDecade=2000",
    "ccadb/AllCertificatePEMsCSVFormat?NotBeforeDecade=2010",
    "ccadb/AllCertificatePEMsCSVFormat?NotBeforeDecade=2020",
];

/// Column and store. Java and Android are not in CCADB; webpki-roots is a crate.
const PROGRAMS: [(&str, StoreId); 4] = [
    ("Mozilla Status", StoreId::Mozilla),
    ("Chrome Status", StoreId::Chrome),
    ("Apple Status", StoreId::Apple),
    ("Microsoft Status", StoreId::Microsoft),
];

/// Why reports cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CcadbError {
    #[error("the report has no column `{0}`: its format has changed")]
    NoColumn(&'static str),
    #[error("the report is no CSV: {0}")]
    NotCsv(String),
    /// An empty list would make every client refuse everything.
    #[error("the report lists no root of {0}")]
    NoRoots(StoreId),
}

/// What the records say of the certificates that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// Roots that a program includes for TLS.
    roots: HashMap<Fingerprint, StoreSet>,
    /// Intermediates that may issue for TLS and are not revoked.
    intermediates: HashSet<Fingerprint>,
}

struct Table<'a> {
    reader: csv::Reader<&'a [u8]>,
    header: csv::ByteRecord,
}

impl<'a> Table<'a> {
    fn new(report: &'a [u8]) -> Result<Self, CcadbError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(report);
        let header = reader.byte_headers().map_err(not_csv)?.clone();
        Ok(Self { reader, header })
    }

    fn column(&self, name: &'static str) -> Result<usize, CcadbError> {
        let found = self.header.iter().position(|field| field.trim_ascii() == name.as_bytes());
        found.ok_or(CcadbError::NoColumn(name))
    }

    fn rows(&mut self) -> impl Iterator<Item = Result<csv::ByteRecord, CcadbError>> {
        self.reader.byte_records().map(|row| row.map_err(not_csv))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn not_csv(error: csv::Error) -> CcadbError {
    CcadbError::NotCsv(error.to_string())
}

impl Records {
    /// Reads [`RECORDS`].
    pub fn parse(report: &[u8]) -> Result<Self, CcadbError> {
        let mut table = Table::new(report)?;
        let (fingerprint, kind) = (table.column("SHA-256 Fingerprint")?, table.column("Certificate Record Type")?);
        let (tls, revocation) = (table.column("TLS Capable")?, table.column("Revocation Status")?);
        let mut programs = Vec::new();
        for (name, store) in PROGRAMS {
            programs.push((table.column(name)?, store));
        }
        let mut records = Self::default();
        for row in table.rows() {
            let row = row?;
            let field = |column: usize| row.get(column).unwrap_or_default().trim_ascii();
            let Some(fingerprint) = parse_fingerprint(field(fingerprint)) else { continue };
            if !field(tls).eq_ignore_ascii_case(b"true") {
                continue;
            }
            if field(kind).starts_with(b"Root") {
                let includes = programs.iter().filter(|(column, _)| field(*column) == b"Included");
                let stores = includes.fold(StoreSet::EMPTY, |stores, (_, store)| stores.with(*store));
                if !stores.is_empty() {
                    records.roots.insert(fingerprint, stores);
                }
            } else if matches!(field(revocation), b"" | b"Not Revoked") {
                records.intermediates.insert(fingerprint);
            }
        }
        let missing = REPLACED.iter().find(|&store| !records.roots.values().any(|stores| stores.contains(store)));
        missing.map_or(Ok(records), |store| Err(CcadbError::NoRoots(store)))
    }
}

/// What an update is made of.
#[derive(Debug, Default)]
pub struct Collected {
    pub roots: Vec<NewRoot>,
    /// DER.
    pub intermediates: Vec<Vec<u8>>,
    seen: HashSet<Fingerprint>,
}

impl Collected {
    /// Adds from one of [`CERTIFICATES`] what `records` ask for and is not expired at `at`, and the roots that the compiled-in
    /// tables know by fingerprint only. A certificate that does not have the fingerprint it is listed under is left out.
    pub fn add(&mut self, report: &[u8], records: &Records, at: Time) -> Result<(), CcadbError> {
        let mut table = Table::new(report)?;
        let (fingerprint, pem) = (table.column("SHA-256 Fingerprint")?, table.column("X.509 Certificate (PEM)")?);
        for row in table.rows() {
            let row = row?;
            let listed = row.get(fingerprint).and_then(|field| parse_fingerprint(field.trim_ascii()));
            let Some(listed) = listed else { continue };
            let (stores, intermediate) = (records.roots.get(&listed), records.intermediates.contains(&listed));
            let known = stores.is_none() && !intermediate && is_in_the_tables(listed);
            if stores.is_none() && !intermediate && !known {
                continue;
            }
            let found = certificates_in(row.get(pem).unwrap_or_default()).unwrap_or_default();
            let Some(certificate) = found.first().and_then(|der| Certificate::parse(der).ok()) else { continue };
            let is_listed = certificate.fingerprint == listed && self.seen.insert(listed);
            if !is_listed || (intermediate && certificate.not_after < at) {
                continue;
            }
            let der = certificate.der().to_vec();
            match stores {
                None if intermediate => self.intermediates.push(der),
                stores => {
                    let stores = stores.copied().unwrap_or_default();
                    self.roots.push(NewRoot { certificate: der, stores });
                }
            }
        }
        Ok(())
    }

    /// Every list must have brought roots with their certificates.
    pub fn check(&self) -> Result<(), CcadbError> {
        let missing = REPLACED.iter().find(|&store| !self.roots.iter().any(|root| root.stores.contains(store)));
        missing.map_or(Ok(()), |store| Err(CcadbError::NoRoots(store)))
    }
}

fn is_in_the_tables(fingerprint: Fingerprint) -> bool {
    let text = fingerprint.to_string();
    table::roots().any(|root| root.sha256 == text)
}

/// 64 hex digits, with colons or without.
fn parse_fingerprint(field: &[u8]) -> Option<Fingerprint> {
    let digits: Vec<u8> = field.iter().copied().filter(|&byte| byte != b':').collect();
    let text = std::str::from_utf8(&digits).ok().filter(|text| text.len() == 64 && text.is_ascii())?;
    let mut octets = [0; 32];
    for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Fingerprint(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_both_notations() {
        let bare = "AB".repeat(32);
        let colons = vec!["ab"; 32].join(":");
        assert_eq!(parse_fingerprint(bare.as_bytes()), parse_fingerprint(colons.as_bytes()));
        assert_eq!(parse_fingerprint(bare.as_bytes()).unwrap().0, [0xab; 32]);
        assert_eq!(parse_fingerprint(b"abc"), None);
        assert_eq!(parse_fingerprint("é".repeat(32).as_bytes()), None);
    }

    #[test]
    fn a_report_of_another_form_is_refused() {
        assert_eq!(Records::parse(b"<html>sorry</html>").unwrap_err(), CcadbError::NoColumn("SHA-256 Fingerprint"));
        let header = "SHA-256 Fingerprint,Certificate Record Type,TLS Capable,Revocation Status,\
                      Mozilla Status,Chrome Status,Apple Status,Microsoft Status\n";
        assert_eq!(Records::parse(header.as_bytes()).unwrap_err(), CcadbError::NoRoots(StoreId::Mozilla));
    }
}
