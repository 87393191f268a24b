//! Chromium's own verifier: BoringSSL's `pki` library and the layer of `net/cert` above it.
//!
//! Rules: `path_builder.cc` (search), `verify_certificate_chain.cc` (one path), `parsed_certificate.cc`,
//! `parse_certificate.cc`, `general_names.cc` (parsing), `name_constraints.cc`, `simple_path_builder_delegate.cc` of
//! boringssl/pki; `cert_verify_proc_builtin.cc`, `cert_verify_proc.cc`, `cert_status_flags.cc`, `x509_certificate.cc`
//! (`VerifyHostname`) of Chromium's net/cert.

mod host;
mod lifetime;
mod names;
mod path;
mod principal;
mod search;

pub use host::{has_registrable_domain, matches_host};

use crate::judge::anchors::AnchorKind;
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::time::DAY;
use crate::x509::{Certificate, EncodingFault};
use host::is_non_unique;
use lifetime::is_valid_too_long;
use path::{has_odd_algorithm, is_parsable};

/// `kPathBuilderIterationLimit` (https://crrev.com/c/4903550): requests for a next issuer in one search.
const ITERATIONS: u32 = 20;

/// `kMaxChecks` in `name_constraints.cc`.
const MAX_NAME_CHECKS: usize = 1 << 20;

/// `kMaxRevocationLeafUpdateAge` in `revocation_checker.cc`.
const MAX_OCSP_AGE: i64 = 7 * DAY;

/// `CERT_STATUS_*`, in the order of `MapCertStatusToNetError`: of several the first is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Invalid,
    Revoked,
    AuthorityInvalid,
    CommonNameInvalid,
    WeakKey,
    DateInvalid,
    NonUniqueName,
    ValidityTooLong,
}

/// What `CertVerifyProc::Verify` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Sorted, the reported one first; empty when the certificate is accepted.
    pub statuses: Vec<Status>,
    /// The best path, as far as it came.
    pub path: Vec<CertId>,
}

/// Does `X509Certificate::CreateFromBuffer` read the end entity? It parses all but the extensions' values, and what it shows
/// of the names.
pub fn is_readable(certificate: &Certificate) -> bool {
    !certificate.encoding_faults.contains(&EncodingFault::TimeFormat)
        && (certificate.version == 3 || (certificate.version < 3 && certificate.extensions.count == 0))
        && principal::is_readable(&certificate.subject)
        && principal::is_readable(&certificate.issuer)
}

/// `CertVerifyProc::Verify` over `CertVerifyProcBuiltin::VerifyInternal`.
pub fn verify_server(case: &Case<'_>, end_entity: CertId) -> Verdict {
    let certificate = case.pool.get(end_entity);
    let mut statuses: Vec<Status> = Vec::new();
    let best = build(case, end_entity, &Settings::CHROME);
    statuses.extend(to_statuses(&best.errors));
    // `InspectSignatureAlgorithmsInChain`: all but the last certificate, also of a path that leads nowhere.
    let signed = &best.path[..best.path.len() - 1];
    if signed.iter().any(|&id| has_odd_algorithm(case.pool.get(id))) {
        statuses.push(Status::Invalid);
    }
    if !case.any_name && !case.name_holds(certificate, matches_host) {
        statuses.push(Status::CommonNameInvalid);
    }
    if best.anchor == Some(AnchorKind::Public) {
        if !case.any_name && case.name_holds(certificate, |_, reference| is_non_unique(reference)) {
            statuses.push(Status::NonUniqueName);
        }
        if is_valid_too_long(certificate) {
            statuses.push(Status::ValidityTooLong);
        }
    }
    statuses.sort_unstable();
    statuses.dedup();
    Verdict { statuses, path: best.path }
}

/// What whoever calls libpki sets.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Requests for a next issuer in one search.
    pub iterations: u32,
    /// Anchors are taken as `CertificateTrust::ForTrustAnchor`, whatever they say of themselves.
    pub plain_anchors: bool,
}

impl Settings {
    pub const CHROME: Self = Self { iterations: ITERATIONS, plain_anchors: false };
}

/// `CertPathBuilder::Run`: the best path. An end entity that `ParsedCertificate` does not read is a path without an anchor.
pub fn build(case: &Case<'_>, end_entity: CertId, settings: &Settings) -> Attempt {
    let mut search = Search { case, settings, iterations: 0, best: None };
    if is_parsable(case.pool.get(end_entity)) {
        search.explore(&mut vec![end_entity]);
    }
    search.best.unwrap_or_else(|| {
        let error = PathError { position: 0, kind: ErrorKind::Other, text: "Failed parsing certificate" };
        Attempt { path: vec![end_entity], anchor: None, errors: vec![error] }
    })
}

/// An error on a path, as `MapPathBuilderErrorsToCertStatus` tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    Revoked,
    /// The key is too weak.
    PublicKey,
    Validity,
    /// No issuer, a signature that does not verify.
    Authority,
    IterationLimit,
    /// All others.
    Other,
}

/// `CertError` with the certificate it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathError {
    /// In the path; 0 is the end entity.
    pub position: usize,
    pub kind: ErrorKind,
    /// As `cert_errors` prints it.
    pub text: &'static str,
}

/// `CertPathErrors`: what is added is about the certificate at `position`.
struct Errors {
    all: Vec<PathError>,
    position: usize,
}

impl Errors {
    fn add(&mut self, kind: ErrorKind, text: &'static str) {
        self.all.push(PathError { position: self.position, kind, text });
    }

    fn other(&mut self, text: &'static str) {
        self.add(ErrorKind::Other, text);
    }
}

fn to_statuses(errors: &[PathError]) -> Vec<Status> {
    let named = errors.iter().filter_map(|error| match error.kind {
        ErrorKind::Revoked => Some(Status::Revoked),
        ErrorKind::PublicKey => Some(Status::WeakKey),
        ErrorKind::Validity => Some(Status::DateInvalid),
        ErrorKind::Authority | ErrorKind::IterationLimit => Some(Status::AuthorityInvalid),
        ErrorKind::Other => None,
    });
    let named: Vec<Status> = named.collect();
    // Errors without a status of their own count only where no other is there.
    if named.is_empty() && !errors.is_empty() { vec![Status::Invalid] } else { named }
}

/// A path tried, end entity first.
#[derive(Debug)]
pub struct Attempt {
    pub path: Vec<CertId>,
    /// The kind of the anchor at its end.
    pub anchor: Option<AnchorKind>,
    pub errors: Vec<PathError>,
}

/// `CertPathIter` and `CertPathBuilder`: explores all paths, depth first, until one is valid.
struct Search<'a> {
    case: &'a Case<'a>,
    settings: &'a Settings,
    iterations: u32,
    best: Option<Attempt>,
}
