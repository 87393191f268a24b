//! Chromium's own verifier: BoringSSL's `pki` library and the layer of `net/cert` above it.
//!
//! Rules: `path_builder.cc` (search), `verify_certificate_chain.cc` (one path), `parsed_certificate.cc`,
//! `parse_certificate.cc`, `general_names.cc` (parsing), `name_constraints.cc`, `simple_path_builder_delegate.cc` of
//! boringssl/pki; `cert_verify_proc_builtin.cc`, `cert_verify_proc.cc`, `cert_status_flags.cc`, `x509_certificate.cc`
//! (`VerifyHostname`) of Chromium's net/cert.

use std::net::IpAddr;

use super::mozpkix::ip_matches;
use crate::judge::anchors::AnchorKind;
use crate::judge::case::Case;
use crate::judge::constraints;
use crate::judge::policy::{self, PolicyFault, PolicyInputs};
use crate::judge::pool::CertId;
use crate::judge::stores::distrust;
use crate::model::target::ReferenceId;
use crate::model::time::{DAY, Time};
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::ocsp::{self, CertificateStatus};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, NameConstraints, usage};

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

/// Does `X509Certificate::CreateFromBuffer` read the end entity? It parses all but the extensions.
pub fn is_readable(certificate: &Certificate) -> bool {
    !certificate.encoding_faults.contains(&EncodingFault::TimeFormat)
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

impl Search<'_> {
    /// Tries the issuers of the last certificate of `path`. True ends the search.
    fn explore(&mut self, path: &mut Vec<CertId>) -> bool {
        let case = self.case;
        let Some(&last) = path.last() else { return true };
        let mut is_end = true;
        for issuer in issuers(case, last) {
            if self.is_spent(path) {
                return true;
            }
            if let Some(kind) = case.is_anchor(issuer) {
                is_end = false;
                path.push(issuer);
                let kind = if self.settings.plain_anchors { AnchorKind::Public } else { kind };
                let mut errors = verify_path(case, path, kind);
                if errors.is_empty() && is_revoked(case, path) {
                    errors.push(PathError { position: 0, kind: ErrorKind::Revoked, text: "Certificate is revoked" });
                }
                // `CheckPathAfterVerification`: the constraints of the root store.
                if errors.is_empty() && distrust::refuses(case, path) {
                    errors.push(PathError {
                        position: path.len() - 1,
                        kind: ErrorKind::Authority,
                        text: "Certificate is distrusted",
                    });
                }
                let is_valid = errors.is_empty();
                self.add(Attempt { path: path.clone(), anchor: Some(kind), errors });
                path.pop();
                if is_valid {
                    return true;
                }
            } else if !path.iter().any(|&id| is_same(case.pool.get(id), case.pool.get(issuer))) {
                is_end = false;
                path.push(issuer);
                let is_done = self.explore(path);
                path.pop();
                if is_done {
                    return true;
                }
            }
        }
        if self.is_spent(path) {
            return true;
        }
        if is_end {
            let position = path.len() - 1;
            let error = PathError { position, kind: ErrorKind::Authority, text: "No matching issuer found" };
            self.add(Attempt { path: path.clone(), anchor: None, errors: vec![error] });
        }
        false
    }

    fn is_spent(&mut self, path: &[CertId]) -> bool {
        self.iterations += 1;
        let is_spent = self.iterations > self.settings.iterations;
        if is_spent {
            let position = path.len() - 1;
            let error = PathError { position, kind: ErrorKind::IterationLimit, text: "Iteration limit exceeded" };
            self.add(Attempt { path: path.to_vec(), anchor: None, errors: vec![error] });
        }
        is_spent
    }

    /// `AddResultPath`: the first path stays the best until one is valid or is the first to reach an anchor.
    fn add(&mut self, attempt: Attempt) {
        let is_better = match &self.best {
            None => true,
            Some(best) => {
                attempt.anchor.is_some()
                    && !(best.anchor.is_some() && best.errors.is_empty())
                    && (attempt.errors.is_empty() || best.anchor.is_none())
            }
        };
        if is_better {
            self.best = Some(attempt);
        }
    }
}

/// `CertIssuersIter`: what is at hand, sorted; then what AIA fetched, sorted.
fn issuers(case: &Case<'_>, child: CertId) -> Vec<CertId> {
    let pool = case.pool;
    // `CertIssuerSourceStatic` holds what followed the end entity in the chain, and what can be parsed of it.
    let is_usable = |&id: &CertId| {
        let is_leaf_only = case.served.first() == Some(&id) && !case.served[1..].contains(&id);
        is_parsable(pool.get(id)) && (case.is_anchor(id).is_some() || pool.origin(id).fetched || !is_leaf_only)
    };
    let named = pool.named(pool.get(child).issuer.normalised()).iter().copied();
    let known = named.filter(|&id| case.is_anchor(id).is_some() || case.is_served(id) || pool.origin(id).fetched);
    let (mut sync, mut fetched): (Vec<CertId>, Vec<CertId>) =
        known.filter(is_usable).partition(|&id| case.is_anchor(id).is_some() || case.is_served(id));
    let order = |id: &CertId| {
        let issuer = pool.get(*id);
        let rank = trust_and_key_id(pool.get(child), issuer, case.is_anchor(*id).is_some());
        let newest = std::cmp::Reverse((issuer.not_before, issuer.not_after));
        (rank, !issuer.is_self_issued(), newest)
    };
    sync.sort_by_key(order);
    fetched.sort_by_key(order);
    sync.extend(fetched);
    sync
}

/// `TrustAndKeyIdentifierMatchToOrder`.
fn trust_and_key_id(child: &Certificate, issuer: &Certificate, trusted: bool) -> u8 {
    let authority = child.extensions.authority_key_id.as_ref().and_then(|identifier| identifier.key_id.as_ref());
    let matches = match (authority, &issuer.extensions.subject_key_id) {
        (Some(authority), Some(subject)) => Some(authority == subject),
        _ => None,
    };
    match (trusted, matches) {
        (true, Some(true)) => 0,
        (true, None) => 1,
        (false, Some(true)) => 2,
        (false, None) => 3,
        (true, Some(false)) => 4,
        (false, Some(false)) => 5,
    }
}

/// `CertIssuerIterPath::GetKey`: the same certificate in another version (RFC 4158 §2.4.2).
fn is_same(one: &Certificate, other: &Certificate) -> bool {
    let names =
        |certificate: &Certificate| certificate.extensions.subject_alt_name.as_ref().map(|san| san.names.clone());
    one.spki() == other.spki() && one.subject.normalised() == other.subject.normalised() && names(one) == names(other)
}

/// `ParsedCertificate::Create` with Chromium's options (any serial number will do).
fn is_parsable(certificate: &Certificate) -> bool {
    /// Parsed, so they must be parsable.
    const PARSED: &[&str] = &[
        "2.5.29.14",
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        "2.5.29.30",
        "2.5.29.32",
        "2.5.29.33",
        "2.5.29.35",
        "2.5.29.36",
        "2.5.29.37",
        "2.5.29.54",
        "1.3.6.1.5.5.7.1.1",
    ];
    let extensions = &certificate.extensions;
    let is_bad = |fault: &EncodingFault| {
        use EncodingFault as Fault;
        matches!(fault, Fault::BooleanNotCanonical | Fault::DefaultEncoded | Fault::TimeFormat)
    };
    let san_is_fine = extensions.subject_alt_name.as_ref().is_none_or(|san| {
        !san.names.is_empty()
            && san.names.iter().all(|name| is_general_name(name, &[4, 16]))
            // `kSubjectAltNameNotCritical`, RFC 5280 §4.1.2.6
            && (san.critical || !certificate.subject.is_empty())
    });
    let constraints_are_fine = extensions.name_constraints.as_ref().is_none_or(|constraints| {
        let mut all = constraints.permitted.iter().chain(&constraints.excluded).peekable();
        all.peek().is_some() && all.all(|name| is_general_name(name, &[8, 32]))
    });
    // `ParseAuthorityKeyIdentifier`: the issuer's name and serial number come together (RFC 5280 §4.2.1.1).
    let authority_is_fine = extensions
        .authority_key_id
        .as_ref()
        .is_none_or(|authority| authority.serial.is_some() != authority.issuer.is_empty());
    !certificate.encoding_faults.iter().any(is_bad)
        && (certificate.version == 3 || extensions.count == 0)
        && extensions.repeated.is_empty()
        && !extensions.undecodable.iter().any(|extension| PARSED.contains(&&*extension.oid))
        // pathLenConstraint is read into one octet.
        && extensions.basic_constraints.as_ref().and_then(|value| value.path_len).is_none_or(|length| length < 256)
        && extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.bits != 0)
        && extensions.extended_key_usage.as_ref().is_none_or(|purposes| !purposes.is_empty())
        && authority_is_fine
        && san_is_fine
        && constraints_are_fine
}

/// `ParseGeneralName`: strings are ASCII, addresses have one of `lengths`, masks are prefixes.
fn is_general_name(name: &GeneralName, lengths: &[usize]) -> bool {
    match name {
        GeneralName::Dns(text) | GeneralName::Email(text) | GeneralName::Uri(text) => text.is_ascii(),
        GeneralName::Ip(octets) => lengths.contains(&octets.len()),
        GeneralName::Directory(_) | GeneralName::Other(_) => true,
        GeneralName::Invalid(_) => false,
    }
}

/// `VerifyCertificateChain`: the errors of `path`, whose last certificate is an anchor. An issuer that signed nothing here
/// ends the checks: what stands below it means nothing then.
fn verify_path(case: &Case<'_>, path: &[CertId], anchor: AnchorKind) -> Vec<PathError> {
    let Some((&root, below)) = path.split_last() else { return Vec::new() };
    let mut errors = Errors { all: Vec::new(), position: below.len() };
    let mut state = State { max_path_length: below.len(), constraints: Vec::new(), issuer: None };
    state.process_root(case, root, anchor, &mut errors);
    let down: Vec<&Certificate> = below.iter().rev().map(|&id| case.pool.get(id)).collect();
    let policies = policy::check(&down, &PolicyInputs::default()).err();
    for (position, &id) in below.iter().enumerate().rev() {
        errors.position = position;
        if !state.process(case, id, position, &mut errors) {
            break;
        }
        if let Some((_, fault)) = policies.filter(|(from_root, _)| below.len() - 1 - from_root == position) {
            errors.other(match fault {
                PolicyFault::NoValidPolicy => "No valid policy",
                PolicyFault::MapsAny => "PolicyMappings must not map anyPolicy",
            });
        }
    }
    errors.all.sort_by_key(|error| error.position);
    errors.all
}

/// `PathVerifier`: the state variables of RFC 5280 §6.1.2; policies have theirs.
struct State<'a> {
    max_path_length: usize,
    constraints: Vec<&'a NameConstraints>,
    /// The last issuer, when its key could be read.
    issuer: Option<CertId>,
}

impl<'a> State<'a> {
    /// `ProcessRootCertificate`. Roots of Chrome's own store are trusted without limits, those of the user with the
    /// limits they carry (`TrustStoreChrome`: neither `enforce_anchor_expiry` nor `enforce_anchor_constraints`).
    fn process_root(&mut self, case: &Case<'a>, root: CertId, kind: AnchorKind, errors: &mut Errors) {
        let certificate = case.pool.get(root);
        if kind == AnchorKind::Local {
            check_validity(case.at, certificate, errors);
            check_issuing_usage(certificate, errors);
            check_purposes(certificate, errors);
            self.constraints.extend(&certificate.extensions.name_constraints);
            if let Some(basic) = &certificate.extensions.basic_constraints {
                if !basic.ca {
                    errors.other("Basic Constraints indicates not a CA");
                }
                self.limit(basic.path_len);
            }
            check_critical(certificate, errors);
        }
        self.take_key(case, root, errors);
    }

    /// `BasicCertificateProcessing`, then `PrepareForNextCertificate` or `WrapUp`. False ends the checks.
    fn process(&mut self, case: &Case<'a>, id: CertId, position: usize, errors: &mut Errors) -> bool {
        let certificate = case.pool.get(id);
        let is_target = position == 0;
        if !certificate.algorithms_agree {
            errors.other("Certificate.signatureAlgorithm != TBSCertificate.signature");
        }
        let is_acceptable = matches!(
            certificate.signature_algorithm,
            SignatureAlgorithm::RsaPkcs1(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
                | SignatureAlgorithm::RsaPss(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
                | SignatureAlgorithm::Ecdsa(Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
        );
        if !is_acceptable {
            errors.other("Unacceptable signature algorithm");
            return false;
        }
        let is_forged = self.issuer.is_some_and(|issuer| case.pool.signature(id, issuer) == SignatureCheck::Invalid);
        if is_forged {
            errors.add(ErrorKind::Authority, "VerifySignedData failed");
        }
        if is_forged || !certificate.algorithms_agree {
            return false;
        }
        check_validity(case.at, certificate, errors);
        if (is_target || !certificate.is_self_issued())
            && !self.constraints.iter().all(|constraints| allows(constraints, certificate))
        {
            errors.other("Not permitted by name constraints");
        }
        check_purposes(certificate, errors);
        self.take_key(case, id, errors);
        check_critical(certificate, errors);
        if !is_target {
            self.prepare_for_next(certificate, errors);
        }
        true
    }

    /// RFC 5280 §6.1.4 (g) to (n).
    fn prepare_for_next(&mut self, certificate: &'a Certificate, errors: &mut Errors) {
        self.constraints.extend(&certificate.extensions.name_constraints);
        match &certificate.extensions.basic_constraints {
            None => errors.other("Does not have Basic Constraints"),
            Some(basic) if !basic.ca => errors.other("Basic Constraints indicates not a CA"),
            Some(_) => {}
        }
        if !certificate.is_self_issued() {
            match self.max_path_length.checked_sub(1) {
                Some(rest) => self.max_path_length = rest,
                None => errors.other("max_path_length reached"),
            }
        }
        self.limit(certificate.extensions.basic_constraints.as_ref().and_then(|basic| basic.path_len));
        check_issuing_usage(certificate, errors);
    }

    fn limit(&mut self, path_len: Option<u32>) {
        if let Some(length) = path_len.and_then(|length| usize::try_from(length).ok()) {
            self.max_path_length = self.max_path_length.min(length);
        }
    }

    /// `ParseAndCheckPublicKey`, `SimplePathBuilderDelegate::IsPublicKeyAcceptable`: RSA from 1024 bits (what BoringSSL
    /// computes with ends at 8192), P-256, P-384, P-521. Without a key the signatures below cannot be checked.
    fn take_key(&mut self, case: &Case<'_>, id: CertId, errors: &mut Errors) {
        let key = &case.pool.get(id).key;
        let is_readable = matches!(
            key,
            KeyKind::Rsa { pss: false, bits: ..=8192, .. } | KeyKind::Ec(Curve::P256 | Curve::P384 | Curve::P521)
        );
        self.issuer = is_readable.then_some(id);
        if !is_readable {
            errors.other("Couldn't parse SubjectPublicKeyInfo");
        } else if matches!(key, KeyKind::Rsa { bits: ..1024, .. }) {
            errors.add(ErrorKind::PublicKey, "Unacceptable public key");
        }
    }
}

fn check_validity(at: Time, certificate: &Certificate, errors: &mut Errors) {
    if at < certificate.not_before {
        errors.add(ErrorKind::Validity, "Time is before notBefore");
    }
    if at > certificate.not_after {
        errors.add(ErrorKind::Validity, "Time is after notAfter");
    }
}

fn check_issuing_usage(certificate: &Certificate, errors: &mut Errors) {
    if certificate.extensions.key_usage.as_ref().is_some_and(|key_usage| !key_usage.allows(usage::KEY_CERT_SIGN)) {
        errors.other("keyCertSign bit is not set");
    }
}

/// `VerifyExtendedKeyUsage` for `KeyPurpose::SERVER_AUTH`: where the extension is there, serverAuth or any. What it forbids
/// beside them, and Netscape's step-up in place of them, only the strict purpose or SHA-1 would tell apart.
fn check_purposes(certificate: &Certificate, errors: &mut Errors) {
    let purposes = certificate.extensions.extended_key_usage.as_ref();
    if purposes.is_some_and(|purposes| !purposes.server_auth && !purposes.any) {
        errors.other("The extended key usage does not include server auth");
    }
}

/// `IsHandledCriticalExtension`: of policies only with the qualifiers that RFC 5280 §4.2.1.4 defines.
fn check_critical(certificate: &Certificate, errors: &mut Errors) {
    const HANDLED: &[&str] =
        &["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.33", "2.5.29.36", "2.5.29.37", "2.5.29.54"];
    /// Microsoft's application policies repeat the extended key usage.
    const MS_APPLICATION_POLICIES: &str = "1.3.6.1.4.1.311.21.10";
    const POLICIES: &str = "2.5.29.32";
    const QUALIFIERS: &[&str] = &["1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2"];
    let extensions = &certificate.extensions;
    let is_handled = |oid: &str| match oid {
        POLICIES => extensions.policy_qualifiers.iter().all(|qualifier| QUALIFIERS.contains(&&**qualifier)),
        MS_APPLICATION_POLICIES => extensions.extended_key_usage.is_some(),
        _ => HANDLED.contains(&oid),
    };
    for _ in extensions.critical.iter().filter(|oid| !is_handled(oid)) {
        errors.other("Unconsumed critical extension");
    }
}

/// `NameConstraints::IsPermittedCert`: the SAN, and a subject that is not empty.
fn allows(constraints: &NameConstraints, certificate: &Certificate) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    if names.len().saturating_mul(constraints.permitted.len() + constraints.excluded.len()) > MAX_NAME_CHECKS {
        return false;
    }
    let subject = GeneralName::Directory(certificate.subject.clone());
    // Mailboxes of the subject, where there is no SAN (RFC 5280 §4.2.1.10).
    let mailboxes: Vec<GeneralName> = match certificate.extensions.subject_alt_name {
        None => certificate.subject.mailboxes().map(|text| GeneralName::Email(text.into())).collect(),
        Some(_) => Vec::new(),
    };
    names
        .iter()
        .chain((!certificate.subject.is_empty()).then_some(&subject))
        .chain(&mailboxes)
        .all(|name| allows_name(constraints, name))
}

fn allows_name(constraints: &NameConstraints, name: &GeneralName) -> bool {
    let same_kind = |subtree: &&GeneralName| std::mem::discriminant(*subtree) == std::mem::discriminant(name);
    // Kinds it does not know forbid the whole kind, when the extension is critical.
    if !matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_) | GeneralName::Directory(_) | GeneralName::Email(_)) {
        return !constraints.critical
            || !constraints.permitted.iter().chain(&constraints.excluded).any(|subtree| same_kind(&subtree));
    }
    let within = |subtree: &GeneralName, partial| match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_in_subtree(name, base, partial),
        _ => constraints::within(name, subtree, false),
    };
    let mut permitted = constraints.permitted.iter().filter(same_kind).peekable();
    !constraints.excluded.iter().any(|subtree| within(subtree, true))
        && (permitted.peek().is_none() || permitted.any(|subtree| within(subtree, false)))
}

/// `DNSNameMatches`. With `partial`, for excluded subtrees, a wildcard also matches a constraint that is one of the names
/// it stands for.
fn dns_in_subtree(name: &str, base: &str, partial: bool) -> bool {
    if base.is_empty() {
        return true;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let base = base.strip_suffix('.').unwrap_or(base);
    if partial
        && let (Some(suffix), Some((_, domain))) = (name.strip_prefix("*."), base.split_once('.'))
        && suffix.eq_ignore_ascii_case(domain)
    {
        return true;
    }
    let Some(split) = name.len().checked_sub(base.len()) else { return false };
    let (before, end) = name.as_bytes().split_at(split);
    end.eq_ignore_ascii_case(base.as_bytes()) && (before.is_empty() || base.starts_with('.') || before.ends_with(b"."))
}

/// `CheckValidatedChainRevocation` as far as a stapled response goes, `CheckOCSP`: only what is fresh counts.
fn is_revoked(case: &Case<'_>, path: &[CertId]) -> bool {
    let (Some(staple), [subject, issuer, ..]) = (case.ocsp_staple, path) else { return false };
    ocsp::verify(staple, case.pool.get(*subject), case.pool.get(*issuer), case.at).is_ok_and(|answer| {
        answer.status == CertificateStatus::Revoked
            && (answer.this_update..=answer.this_update.plus(MAX_OCSP_AGE)).contains(&case.at)
            && answer.next_update.is_none_or(|next| case.at <= next)
    })
}

/// `InspectSignatureAlgorithmsInChain`: the two algorithms differ, or are none that it knows.
fn has_odd_algorithm(certificate: &Certificate) -> bool {
    !certificate.algorithms_agree
        || matches!(certificate.signature_algorithm.hash(), None | Some(Hash::Md5 | Hash::Sha224))
}

/// `X509Certificate::VerifyHostname`: only the SAN counts.
pub fn matches_host(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
    match reference {
        ReferenceId::Ip(ip) => {
            names.into_iter().any(|name| matches!(name, GeneralName::Ip(octets) if ip_matches(octets, *ip)))
        }
        ReferenceId::Dns(host) => names
            .into_iter()
            .any(|name| matches!(name, GeneralName::Dns(presented) if dns_matches(presented, host.as_str()))),
    }
}

fn dns_matches(presented: &str, host: &str) -> bool {
    let presented = presented.strip_suffix('.').unwrap_or(presented);
    if presented.is_empty() || presented.contains('\0') {
        return false;
    }
    let split = |name: &str| name.find('.').unwrap_or(name.len());
    let (host_label, host_domain) = host.split_at(split(host));
    let (label, domain) = presented.split_at(split(presented));
    domain.eq_ignore_ascii_case(host_domain)
        && (label.eq_ignore_ascii_case(host_label) || (label == "*" && takes_wildcards(host, host_domain)))
}

/// A wildcard does not cover names directly below a public suffix of the ICANN part, nor below one that is not known.
fn takes_wildcards(host: &str, domain: &str) -> bool {
    let Some(domain) = domain.strip_prefix('.') else { return false };
    let is_numeric = host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    !is_numeric && icann_suffix(host) != Some(domain)
}

/// `GetCanonicalHostRegistryLength` with `EXCLUDE_PRIVATE_REGISTRIES`.
fn icann_suffix(host: &str) -> Option<&str> {
    let mut rest = host;
    loop {
        let suffix = psl::suffix(rest.as_bytes())?;
        let text = rest.get(rest.len() - suffix.as_bytes().len()..)?;
        match suffix.typ() {
            Some(psl::Type::Private) => rest = text.split_once('.')?.1,
            _ => return Some(text),
        }
    }
}

/// Is `host` below a public suffix that the list knows, private ones too (`HostHasRegistryControlledDomain`)?
pub fn has_registrable_domain(host: &str) -> bool {
    psl::suffix(host.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix.as_bytes().len() < host.len())
}

/// Does the list have `suffix`? Every last label is a suffix to it, listed or not.
fn is_listed(suffix: &str) -> bool {
    psl::suffix(suffix.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// `IsHostnameNonUnique`: no name or address of the public Internet.
fn is_non_unique(reference: &ReferenceId) -> bool {
    match reference {
        // Private registries are passed over: below them are names of ICANN's all the same (`s3.amazonaws.com`).
        ReferenceId::Dns(name) => {
            let (host, suffix) = (name.as_str(), icann_suffix(name.as_str()));
            !suffix.is_some_and(|suffix| suffix.len() < host.len() && is_listed(suffix))
        }
        ReferenceId::Ip(IpAddr::V4(ip)) => {
            let octets = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_documentation()
                || matches!(
                    octets,
                    [0, ..] | [100, 64..128, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] | [240..=255, ..]
                )
        }
        // Global unicast is 2000::/3 (RFC 4291 §2.4).
        ReferenceId::Ip(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
            Some(ip) => is_non_unique(&ReferenceId::Ip(ip.into())),
            None => ip.segments()[0] >> 13 != 1,
        },
    }
}

/// `HasTooLongValidity`: the limits of the Baseline Requirements §6.3.2 by the day of issue.
fn is_valid_too_long(certificate: &Certificate) -> bool {
    /// First day (2012-07-01, 2015-04-01, 2018-03-01, 2020-09-01, 2026-03-15, 2027-03-15, 2029-03-15) and days allowed:
    /// 60 and 39 months with every leap day, then days.
    const LIMITS: &[(i64, i64)] = &[
        (1_341_100_800, 3 * 365 + 2 * 366),
        (1_427_846_400, 366 + 2 * 365 + 31 + 31 + 30),
        (1_519_862_400, 825),
        (1_598_918_400, 398),
        (1_773_532_800, 200),
        (1_805_068_800, 100),
        (1_868_227_200, 47),
    ];
    /// Before: ten years, and not beyond 2019-07-01.
    const OLD_DAYS: i64 = 8 * 365 + 2 * 366;
    const OLD_END: i64 = 1_561_939_200;
    let lifetime = certificate.not_after.since(certificate.not_before);
    let issued = certificate.not_before.unix();
    let limit = LIMITS.iter().rev().find(|(first, _)| issued >= *first);
    lifetime < 0
        || match limit {
            Some((_, days)) => lifetime > days * DAY,
            None => lifetime > OLD_DAYS * DAY || certificate.not_after.unix() > OLD_END,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stop_at_public_suffixes() {
        assert!(dns_matches("*.example.com", "a.example.com"));
        assert!(dns_matches("*.example.com.", "a.example.com"));
        assert!(dns_matches("*.appspot.com", "a.appspot.com"), "private suffixes are no limit");
        for (presented, host) in [
            ("*.com", "example.com"),
            ("*.co.uk", "example.co.uk"),
            ("*.intranet", "host.intranet"),
            ("*.example.com", "example.com"),
            ("*.example.com", "a.b.example.com"),
            ("f*.example.com", "foo.example.com"),
            ("example.com:443", "example.com"),
        ] {
            assert!(!dns_matches(presented, host), "{presented} {host}");
        }
    }

    #[test]
    fn subtrees() {
        for (name, base, partial, inside) in [
            ("a.example.com", "example.com", false, true),
            ("badexample.com", "example.com", false, false),
            ("example.com", ".example.com", false, false),
            ("*.example.com", "a.example.com", true, true),
            ("*.example.com", "a.example.com", false, false),
            ("*.example.com", "a.b.example.com", true, false),
        ] {
            assert_eq!(dns_in_subtree(name, base, partial), inside, "{name} in {base}");
        }
    }

    #[test]
    fn names_of_no_public_network() {
        let non_unique = |text: &str| is_non_unique(&text.parse().unwrap());
        for text in ["127.0.0.1", "10.1.2.3", "host.intranet", "localhost", "::1", "fe80::1", "100.64.0.1"] {
            assert!(non_unique(text), "{text}");
        }
        for text in ["8.8.8.8", "example.com", "a.example.co.uk", "2606:4700::1111"] {
            assert!(!non_unique(text), "{text}");
        }
    }
}
