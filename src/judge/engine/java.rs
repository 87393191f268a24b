//! OpenJDK 17: JSSE's trust manager, which validates the chain as it was sent when that leads to a trust anchor by
//! name, and only else searches for a path.
//!
//! The rules are those of `sun.security.validator` (`PKIXValidator`, `EndEntityChecker`), of
//! `sun.security.provider.certpath` (`PKIXCertPathValidator` and its checkers, `SunCertPathBuilder`, `ForwardBuilder`,
//! `AdaptableX509CertSelector`), of `sun.security.x509` (parsing, names and their constraints) and of
//! `sun.security.util.HostnameChecker`.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::judge::anchors::AnchorKind;
use crate::judge::case::Case;
use crate::judge::policy::{self, PolicyFault, PolicyInputs};
use crate::judge::pool::CertId;
use crate::model::target::ReferenceId;
use crate::model::time::Time;
use crate::model::verdict::Category;
use crate::x509::dn::DistinguishedName;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind, is_p192};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, NameConstraints, SubjectAltName, usage};

/// `jdk.tls.client.maxInboundCertificateChainLength`.
pub const MAX_CERTIFICATES: usize = 10;

/// `jdk.tls.maxHandshakeMessageSize`.
pub const MAX_HANDSHAKE_MESSAGE: usize = 32_768;

/// `PKIXBuilderParameters.maxPathLength`: intermediates a search may use. A chain sent in order has no such limit.
const MAX_PATH_LENGTH: usize = 5;

/// Candidates looked at in one search. Java has no limit but time; ten certificates in order never need this many.
const MAX_STEPS: usize = 2_000;

/// Names of one certificate times constraints of one CA. The JDK has no such limit; OpenSSL's `NAME_CHECK_MAX` serves, so that
/// a hostile chain ends.
const MAX_NAME_COMPARISONS: usize = 1 << 20;

/// An exception, with its causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thrown {
    /// The deepest cause: its class, and its reason where it has one, else its message.
    pub code: String,
    pub category: Category,
    /// The alert JSSE sends.
    pub alert: &'static str,
    /// From the outside inwards, `class: message`; the outermost is JSSE's own.
    pub layers: Vec<String>,
}

#[derive(Debug)]
pub enum Outcome {
    Trusted(Vec<CertId>),
    Refused {
        thrown: Thrown,
        path: Vec<CertId>,
    },
    /// A RuntimeException that nobody catches.
    Crashed(&'static str),
    /// The search did not come to an end within its budget.
    Undecided,
}

/// The tag of dNSName in GeneralName (RFC 5280 §4.2.1.6).
const DNS_NAME: u8 = 2;

const CERTIFICATE_EXCEPTION: &str = "java.security.cert.CertificateException";
const PATH_EXCEPTION: &str = "java.security.cert.CertPathValidatorException";
const VALIDATOR_EXCEPTION: &str = "sun.security.validator.ValidatorException";

/// What a `CertPathValidatorException` says.
struct PathError {
    message: Cow<'static, str>,
    reason: &'static str,
    category: Category,
    /// Class and message of its cause.
    cause: Option<(&'static str, String)>,
    alert: &'static str,
}

impl PathError {
    fn new(reason: &'static str, category: Category, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), reason, category, cause: None, alert: "certificate_unknown" }
    }
}

/// Why a step of the validation stops.
enum Stop {
    Path(PathError),
    Crash(&'static str),
    /// Our own budget is spent.
    Undecided,
}

impl From<PathError> for Stop {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

fn simple_name(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

/// What the trust manager says to a list of certificates (`X509TrustManagerImpl.checkTrusted`): parse all, validate, look
/// at the end entity's extensions, then at its name. `fetches`: `com.sun.security.enableAIAcaIssuers` is set.
pub fn check_trusted(case: &Case<'_>, fetches: bool) -> Outcome {
    for &id in case.served {
        if let Some((class, message)) = parse_error(case.pool.get(id)) {
            return Outcome::Refused { thrown: unparsable(class, &message), path: Vec::new() };
        }
    }
    let Some(end_entity) = case.end_entity().filter(|_| case.unparsable.is_empty()) else {
        let thrown = unparsable(CERTIFICATE_EXCEPTION, "Could not parse certificate");
        return Outcome::Refused { thrown, path: Vec::new() };
    };
    let mut validator = Validator { case, fetches, searches_all: false, steps: 0, names_were_constrained: false };
    let path = match validator.validate() {
        Ok(path) => path,
        Err(outcome) => return outcome,
    };
    let certificate = case.pool.get(end_entity);
    // NameConstraintsExtension.verify adds the address it takes from the common name, where the SAN has none, to the
    // certificate's own list of alternative names: there the check of the name finds it.
    let has_address = |san: &SubjectAltName| san.names.iter().any(|name| matches!(name, GeneralName::Ip(_)));
    let added = address_in_common_name(certificate)
        .filter(|_| validator.names_were_constrained && !alternative_names(certificate).is_some_and(has_address));
    // Validator.validate: not for an end entity that is itself a trust anchor.
    if path.len() > 1
        && let Some(message) = end_entity_error(certificate)
    {
        let thrown = Thrown {
            code: format!("ValidatorException: {message}"),
            category: Category::Usage,
            alert: "certificate_unknown",
            layers: vec![message.to_owned(), format!("{VALIDATOR_EXCEPTION}: {message}")],
        };
        return Outcome::Refused { thrown, path };
    }
    // AnchorCertificates.contains: one of the JDK's own.
    let chains_to_public = path.last().is_some_and(|&id| case.is_anchor(id) == Some(AnchorKind::Public));
    let name = if case.any_name { Ok(()) } else { match_host(case, certificate, chains_to_public, added) };
    match name {
        Ok(()) => Outcome::Trusted(path),
        Err(HostError { message, cause }) => {
            let mut layers = vec![message.clone(), format!("{CERTIFICATE_EXCEPTION}: {message}")];
            let code = match cause {
                Some(cause) => {
                    layers.push(format!("java.lang.IllegalArgumentException: {cause}"));
                    format!("IllegalArgumentException: {cause}")
                }
                None => format!("CertificateException: {message}"),
            };
            let thrown = Thrown { code, category: Category::Hostname, alert: "certificate_unknown", layers };
            Outcome::Refused { thrown, path }
        }
    }
}

fn unparsable(class: &str, message: &str) -> Thrown {
    Thrown {
        code: format!("{}: {message}", simple_name(class)),
        category: Category::BadFormat,
        alert: "bad_certificate",
        layers: vec!["Failed to parse server certificates".to_owned(), format!("{class}: {message}")],
    }
}

/// A failed validation or search, as `PKIXValidator` wraps it.
fn wrap(what: &str, class: &str, message: &str, code: String, category: Category, alert: &'static str) -> Thrown {
    let outer = format!("PKIX path {what} failed: {class}: {message}");
    Thrown {
        code,
        category,
        alert,
        layers: vec![outer.clone(), format!("{VALIDATOR_EXCEPTION}: {outer}"), format!("{class}: {message}")],
    }
}

fn path_failure(error: PathError) -> Thrown {
    let code = match &error.cause {
        Some((class, message)) => format!("{}: {message}", simple_name(class)),
        None => format!("CertPathValidatorException:{}", error.reason),
    };
    let mut thrown = wrap("validation", PATH_EXCEPTION, &error.message, code, error.category, error.alert);
    match error.cause {
        Some((class, message)) => thrown.layers.push(format!("{class}: {message}")),
        // PKIXMasterCertPathValidator wraps what a checker throws once more; its own complaint it throws as it is.
        None if error.reason != "UNRECOGNIZED_CRIT_EXT" => {
            thrown.layers.push(format!("{PATH_EXCEPTION}: {}", error.message))
        }
        None => {}
    }
    thrown
}

struct Validator<'a> {
    case: &'a Case<'a>,
    /// `Builder.USE_AIA`.
    fetches: bool,
    /// `searchAllCertStores`: the second attempt looks everywhere at every step.
    searches_all: bool,
    steps: usize,
    /// Name constraints were looked at on a chain taken as it was sent.
    names_were_constrained: bool,
}

impl Validator<'_> {
    fn get(&self, id: CertId) -> &Certificate {
        self.case.pool.get(id)
    }

    fn anchors(&self) -> impl Iterator<Item = CertId> + '_ {
        self.case.pool.ids().filter(|&id| self.case.is_anchor(id).is_some())
    }

    /// `PKIXValidator.engineValidate`. The result ends with the trust anchor.
    fn validate(&mut self) -> Result<Vec<CertId>, Outcome> {
        let chain = self.case.served;
        for (position, &id) in chain.iter().enumerate() {
            if position > 0 && !same_name(&self.get(id).subject, &self.get(chain[position - 1]).issuer) {
                return self.build();
            }
            // Trusted itself, or of the name and key of something trusted (a root re-signed with another hash).
            let is_trusted = self.case.is_anchor(id).is_some()
                || self.anchors().any(|anchor| {
                    self.get(anchor).spki() == self.get(id).spki()
                        && same_name(&self.get(anchor).subject, &self.get(id).subject)
                });
            if is_trusted {
                return if position == 0 { Ok(vec![id]) } else { self.validate_path(&chain[..position]) };
            }
        }
        let last_issuer = chain.last().map(|&id| &self.get(id).issuer);
        let leads_to_anchor =
            last_issuer.is_some_and(|issuer| self.anchors().any(|anchor| same_name(&self.get(anchor).subject, issuer)));
        if leads_to_anchor { self.validate_path(chain) } else { self.build() }
    }

    /// `doValidate`, `PKIXCertPathValidator.engineValidate`: every anchor of the right name is tried.
    fn validate_path(&mut self, path: &[CertId]) -> Result<Vec<CertId>, Outcome> {
        let refuse = |thrown| Outcome::Refused { thrown, path: path.to_vec() };
        let top = path[path.len() - 1];
        let mut last = PathError::new(
            "NO_TRUST_ANCHOR",
            Category::UnknownIssuer,
            "Path does not chain with any of the trust anchors",
        );
        let anchors: Vec<CertId> = self.anchors().collect();
        for anchor in anchors {
            let matches = same_name(&self.get(anchor).subject, &self.get(top).issuer)
                && identifiers_match(self.get(anchor), self.get(top));
            if !matches {
                continue;
            }
            match self.check_path(path, anchor) {
                Ok(()) => {
                    // toArray: the anchor must be a CA, and is looked at only now.
                    if let Some((message, category)) = anchor_error(self.get(anchor)) {
                        let code = format!("ValidatorException: {message}");
                        let thrown =
                            wrap("validation", VALIDATOR_EXCEPTION, &message, code, category, "certificate_unknown");
                        return Err(refuse(thrown));
                    }
                    self.names_were_constrained =
                        path[1..].iter().any(|&id| self.get(id).extensions.name_constraints.is_some());
                    let mut whole = path.to_vec();
                    whole.push(anchor);
                    return Ok(whole);
                }
                Err(Stop::Path(error)) => last = error,
                Err(Stop::Crash(what)) => return Err(Outcome::Crashed(what)),
                Err(Stop::Undecided) => return Err(Outcome::Undecided),
            }
        }
        Err(refuse(path_failure(last)))
    }

    /// `PKIXMasterCertPathValidator.validate`: from the anchor's side down, every checker on each certificate. Of the anchor
    /// only name and key count: neither its dates nor its constraints.
    fn check_path(&self, path: &[CertId], anchor: CertId) -> Result<(), Stop> {
        let mut remaining = path.len();
        let mut constraints: Vec<&NameConstraints> = Vec::new();
        let policies = self.policy_error(path);
        for position in (0..path.len()).rev() {
            let certificate = self.get(path[position]);
            let issuer = path.get(position + 1).copied().unwrap_or(anchor);
            self.check_algorithms(certificate, anchor, position + 1 == path.len())?;
            if position > 0 {
                if !may_sign(certificate) {
                    let message = "CA key usage check failed: keyCertSign bit is not set";
                    return Err(PathError::new("INVALID_KEY_USAGE", Category::Usage, message).into());
                }
                check_basic_constraints(certificate, position + 1 == path.len(), &mut remaining)?;
            }
            if position == 0 || !same_name(&certificate.subject, &certificate.issuer) {
                for constraints in &constraints {
                    if !names_allowed(certificate, constraints)? {
                        let message = "name constraints check failed";
                        return Err(PathError::new("INVALID_NAME", Category::NameConstraints, message).into());
                    }
                }
            }
            constraints.extend(&certificate.extensions.name_constraints);
            if let Some((_, message)) = policies.as_ref().filter(|(at, _)| *at == position) {
                return Err(PathError::new("INVALID_POLICY", Category::Invalid, *message).into());
            }
            self.check_validity(certificate)?;
            if !same_name(&certificate.issuer, &self.get(issuer).subject) {
                let message = "subject/issuer name chaining check failed";
                return Err(PathError::new("NAME_CHAINING", Category::UnknownIssuer, message).into());
            }
            self.check_signature(path[position], issuer)?;
            if has_unrecognised_critical_extension(certificate) {
                let message = "unrecognized critical extension(s)";
                return Err(PathError::new("UNRECOGNIZED_CRIT_EXT", Category::CriticalExtension, message).into());
            }
        }
        Ok(())
    }

    /// `PolicyChecker` with the default parameters: any policy will do, qualifiers of critical policies are refused. The
    /// position of the certificate it stops at, and its message.
    fn policy_error(&self, path: &[CertId]) -> Option<(usize, &'static str)> {
        /// certificatePolicies
        const POLICIES: &str = "2.5.29.32";
        let has_critical_qualifiers = |&id: &CertId| {
            let extensions = &self.get(id).extensions;
            !extensions.policy_qualifiers.is_empty() && extensions.critical.iter().any(|oid| &**oid == POLICIES)
        };
        let qualifiers = path.iter().rposition(has_critical_qualifiers);
        let qualifiers = qualifiers.map(|position| (position, "critical policy qualifiers present in certificate"));
        let down: Vec<&Certificate> = path.iter().rev().map(|&id| self.get(id)).collect();
        let policy = policy::check(&down, &PolicyInputs::default()).err().map(|(from_top, fault)| {
            let message = match fault {
                PolicyFault::NoValidPolicy => "non-null policy tree required and policy tree is null",
                PolicyFault::MapsAny => "encountered an issuerDomainPolicy of ANY_POLICY",
            };
            (path.len() - 1 - from_top, message)
        });
        qualifiers.into_iter().chain(policy).max_by_key(|(position, _)| *position)
    }

    /// `AlgorithmChecker` with `jdk.certpath.disabledAlgorithms`: MD2 and MD5 never, SHA-1 not under the JDK's own anchors.
    fn check_algorithms(
        &self,
        certificate: &Certificate,
        anchor: CertId,
        is_below_anchor: bool,
    ) -> Result<(), PathError> {
        let constrained = |message: String, alert| {
            Err(PathError { alert, ..PathError::new("ALGORITHM_CONSTRAINED", Category::Algorithm, message) })
        };
        let broken = match &certificate.signature_algorithm {
            SignatureAlgorithm::RsaPkcs1(Hash::Md5) => Some("MD5withRSA"),
            SignatureAlgorithm::Other(oid) if &**oid == "1.2.840.113549.1.1.2" => Some("MD2withRSA"),
            _ => None,
        };
        if let Some(name) = broken {
            let message = format!("Algorithm constraints check failed on signature algorithm: {name}");
            return constrained(message, "bad_certificate");
        }
        if certificate.extensions.key_usage.as_ref().is_some_and(|key_usage| key_usage.bits & 0x7f == 0) {
            // encipherOnly and decipherOnly alone allow nothing.
            let message = "incorrect KeyUsage extension bits";
            return Err(PathError::new("INVALID_KEY_USAGE", Category::Usage, message));
        }
        if certificate.signature_algorithm.hash() == Some(Hash::Sha1)
            && self.case.is_anchor(anchor) == Some(AnchorKind::Public)
        {
            let message = format!(
                "Usage constraint TLSServer check failed: SHA1 used with certificate: {}",
                java_name(&certificate.subject)
            );
            return constrained(message, "unsupported_certificate");
        }
        if let Some(what) = weak_key(certificate) {
            let subject = java_name(&certificate.subject);
            return constrained(
                format!("Algorithm constraints check failed on {what} used with certificate: {subject}"),
                "unsupported_certificate",
            );
        }
        // The anchor's own signature does not count, but its key does, as that of the issuer.
        if is_below_anchor && weak_key(self.get(anchor)).is_some() {
            let message = format!(
                "Algorithm constraints check failed on signature algorithm: {}",
                certificate.signature_algorithm
            );
            return constrained(message, "bad_certificate");
        }
        Ok(())
    }

    /// `BasicChecker.verifyValidity`, `CertificateValidity.valid`.
    fn check_validity(&self, certificate: &Certificate) -> Result<(), PathError> {
        let (reason, category, class, text, alert) = if self.case.at < certificate.not_before {
            let text = format!("NotBefore: {}", java_date(certificate.not_before));
            let class = "java.security.cert.CertificateNotYetValidException";
            ("NOT_YET_VALID", Category::NotYetValid, class, text, "bad_certificate")
        } else if self.case.at > certificate.not_after {
            let text = format!("NotAfter: {}", java_date(certificate.not_after));
            let class = "java.security.cert.CertificateExpiredException";
            ("EXPIRED", Category::Expired, class, text, "certificate_expired")
        } else {
            return Ok(());
        };
        let error = PathError::new(reason, category, "validity check failed");
        Err(PathError { cause: Some((class, text)), alert, ..error })
    }

    /// `BasicChecker.verifySignature`. SunEC has P-256, P-384 and P-521 only since JDK 16.
    fn check_signature(&self, child: CertId, issuer: CertId) -> Result<(), PathError> {
        let text = match &self.get(issuer).key {
            KeyKind::Ec(Curve::P224) => "Curve not supported: secp224r1 [NIST P-224] (1.3.132.0.33)",
            KeyKind::Ec(Curve::Secp256k1) => "Curve not supported: secp256k1 (1.3.132.0.10)",
            // What our library cannot compute (SHA-224, Ed448), Java can.
            _ if self.case.pool.signature(child, issuer) == SignatureCheck::Invalid => "Signature does not match.",
            _ => return Ok(()),
        };
        let error = PathError::new("INVALID_SIGNATURE", Category::BadSignature, "signature check failed");
        let cause = Some(("java.security.SignatureException", text.to_owned()));
        Err(PathError { cause, alert: "bad_certificate", ..error })
    }

    /// `doBuild`, `SunCertPathBuilder`. Whatever is wrong on the way, the answer of a search that fails is one.
    fn build(&mut self) -> Result<Vec<CertId>, Outcome> {
        let end_entity = self.case.served[0];
        let certificate = self.get(end_entity);
        let is_target = self.check_validity(certificate).is_ok() && !has_unrecognised_critical_extension(certificate);
        let mut path = vec![end_entity];
        let mut found = if is_target { self.search(&mut path, 0) } else { Ok(false) };
        if is_target && self.fetches && matches!(found, Ok(false)) {
            self.searches_all = true;
            found = self.search(&mut path, 0);
        }
        match found {
            Ok(true) => {
                if let Some((message, category)) = path.last().and_then(|&anchor| anchor_error(self.get(anchor))) {
                    let code = format!("ValidatorException: {message}");
                    let thrown = wrap("building", VALIDATOR_EXCEPTION, &message, code, category, "certificate_unknown");
                    return Err(Outcome::Refused { thrown, path });
                }
                Ok(path)
            }
            Ok(false) => {
                let class = "sun.security.provider.certpath.SunCertPathBuilderException";
                let message = "unable to find valid certification path to requested target";
                let code = format!("{}: {message}", simple_name(class));
                let thrown = wrap("building", class, message, code, Category::UnknownIssuer, "certificate_unknown");
                Err(Outcome::Refused { thrown, path })
            }
            Err(Some(crash)) => Err(Outcome::Crashed(crash)),
            Err(None) => Err(Outcome::Undecided),
        }
    }

    /// `depthFirstSearchForward` and `ForwardBuilder.getMatchingCACerts`: anchors of the right name hide everything else of
    /// that name, and served certificates everything fetched, until a second attempt. `traversed` counts CA certificates that
    /// are not self-issued.
    fn search(&mut self, path: &mut Vec<CertId>, traversed: usize) -> Result<bool, Option<&'static str>> {
        let child = path[path.len() - 1];
        let anchors: Vec<CertId> = self.anchors().filter(|&anchor| self.could_issue(anchor, child)).collect();
        if !anchors.is_empty() {
            for anchor in anchors {
                self.step()?;
                let fits = !path.contains(&anchor) && self.check_signature(child, anchor).is_ok();
                let strong = |&id: &CertId| self.check_algorithms(self.get(id), anchor, id == child).is_ok();
                if fits && path.iter().all(strong) && self.policy_error(path).is_none() {
                    path.push(anchor);
                    return Ok(true);
                }
            }
            if !self.searches_all {
                return Ok(false);
            }
        }
        if traversed >= MAX_PATH_LENGTH {
            return Ok(false);
        }
        let mut seen = Vec::new();
        for candidate in self.candidates(child) {
            if seen.contains(&candidate) || path.contains(&candidate) || !self.could_issue(candidate, child) {
                continue;
            }
            seen.push(candidate);
            self.step()?;
            let certificate = self.get(candidate);
            let path_len =
                certificate.extensions.basic_constraints.as_ref().and_then(|constraints| constraints.path_len);
            let fits = self.check_validity(certificate).is_ok()
                && certificate.version == 3
                && certificate.is_ca()
                && path_len.is_none_or(|allowed| usize::try_from(allowed).is_ok_and(|allowed| allowed >= traversed))
                && self.names_allowed_by(candidate, path)?
                && !has_unrecognised_critical_extension(certificate)
                && may_sign(certificate)
                && self.check_signature(child, candidate).is_ok();
            if !fits {
                continue;
            }
            let is_self_issued = same_name(&certificate.subject, &certificate.issuer);
            path.push(candidate);
            if self.search(path, traversed + usize::from(!is_self_issued))? {
                return Ok(true);
            }
            path.pop();
        }
        Ok(false)
    }

    /// The peer's certificates, then those fetched from `child`'s AIA (`ForwardBuilder.getCerts`).
    fn candidates(&self, child: CertId) -> Vec<CertId> {
        let mut candidates = self.case.served.to_vec();
        let is_hidden = !self.searches_all
            && candidates.iter().any(|&id| self.could_issue(id, child) && self.check_validity(self.get(id)).is_ok());
        if self.fetches && !is_hidden {
            let fetched = self.case.pool.issuer_candidates(child).filter(|&id| self.case.pool.origin(id).fetched);
            candidates.extend(fetched);
        }
        candidates
    }

    fn step(&mut self) -> Result<(), Option<&'static str>> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(None) } else { Ok(()) }
    }

    /// `AdaptableX509CertSelector`: name and key identifiers; an old anchor must have been valid all its child's life.
    fn could_issue(&self, candidate: CertId, child: CertId) -> bool {
        let (issuer, child) = (self.get(candidate), self.get(child));
        let spans =
            issuer.version == 3 || (issuer.not_before <= child.not_before && child.not_after <= issuer.not_after);
        same_name(&issuer.subject, &child.issuer) && identifiers_match(issuer, child) && spans
    }

    /// The candidate's name constraints against every name below. An anchor's are not applied in a search either.
    fn names_allowed_by(&self, candidate: CertId, path: &[CertId]) -> Result<bool, Option<&'static str>> {
        let Some(constraints) = &self.get(candidate).extensions.name_constraints else { return Ok(true) };
        for (position, &id) in path.iter().enumerate() {
            let certificate = self.get(id);
            if position > 0 && same_name(&certificate.subject, &certificate.issuer) {
                continue;
            }
            match names_allowed(certificate, constraints) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(Stop::Crash(what)) => return Err(Some(what)),
                Err(Stop::Undecided) => return Err(None),
                Err(Stop::Path(_)) => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// `jdk.certpath.disabledAlgorithms`: key sizes and curves.
fn weak_key(certificate: &Certificate) -> Option<String> {
    match certificate.key {
        KeyKind::Rsa { bits, .. } if bits < 1024 => Some(format!("keysize limits: RSA {bits} bit key")),
        KeyKind::Ec(Curve::Other) if is_p192(certificate.spki()) => Some("keysize limits: EC 192 bit key".to_owned()),
        // jdk.disabled.namedCurves
        KeyKind::Ec(Curve::Secp256k1) => Some("disabled algorithm: secp256k1".to_owned()),
        _ => None,
    }
}

/// `ConstraintsChecker.checkBasicConstraints`. `remaining` is how many more CA certificates may follow.
fn check_basic_constraints(certificate: &Certificate, is_first: bool, remaining: &mut usize) -> Result<(), PathError> {
    let is_self_issued = same_name(&certificate.subject, &certificate.issuer);
    let limit = if certificate.version < 3 {
        // One that an anchor issued to itself, for a change of keys.
        (is_first && is_self_issued).then_some(usize::MAX)
    } else {
        let constraints = certificate.extensions.basic_constraints.as_ref().filter(|constraints| constraints.ca);
        constraints.map(|constraints| {
            constraints.path_len.map_or(usize::MAX, |allowed| usize::try_from(allowed).unwrap_or(usize::MAX))
        })
    };
    let Some(limit) = limit else {
        let message = "basic constraints check failed: this is not a CA certificate";
        return Err(PathError::new("NOT_CA_CERT", Category::CaFlag, message));
    };
    if !is_self_issued {
        if *remaining == 0 {
            let message = "basic constraints check failed: pathLenConstraint violated - this cert must be the last cert \
                           in the certification path";
            return Err(PathError::new("PATH_TOO_LONG", Category::PathLength, message));
        }
        *remaining -= 1;
    }
    *remaining = limit.min(*remaining);
    Ok(())
}

/// `KeyChecker.verifyCAKeyUsage`.
fn may_sign(certificate: &Certificate) -> bool {
    certificate.extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.allows(usage::KEY_CERT_SIGN))
}

/// What the checkers take out of the set of critical extensions.
fn has_unrecognised_critical_extension(certificate: &Certificate) -> bool {
    const RECOGNISED: &[&str] = &[
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        "2.5.29.30",
        "2.5.29.32",
        "2.5.29.33",
        "2.5.29.36",
        "2.5.29.37",
        "2.5.29.54",
    ];
    certificate.extensions.critical.iter().any(|oid| !RECOGNISED.contains(&&**oid))
}

/// `PKIXValidator.verifyTrustAnchor`.
fn anchor_error(anchor: &Certificate) -> Option<(String, Category)> {
    let subject = java_name(&anchor.subject);
    if !anchor.is_ca() {
        return Some((format!("TrustAnchor with subject \"{subject}\" is not a CA certificate"), Category::CaFlag));
    }
    (!may_sign(anchor)).then(|| {
        let message =
            format!("TrustAnchor with subject \"{subject}\" does not have keyCertSign bit set in KeyUsage extension");
        (message, Category::Usage)
    })
}

/// `AdaptableX509CertSelector.match`: the key identifier when both have one; the serial number of a v3 issuer.
fn identifiers_match(issuer: &Certificate, child: &Certificate) -> bool {
    let Some(authority) = &child.extensions.authority_key_id else { return true };
    if let (Some(wanted), Some(found)) = (&authority.key_id, &issuer.extensions.subject_key_id)
        && wanted != found
    {
        return false;
    }
    authority.serial.as_ref().is_none_or(|serial| issuer.version < 3 || *serial == issuer.serial)
}

/// `EndEntityChecker.checkTLSServer`: every key exchange left in TLS is signed.
fn end_entity_error(certificate: &Certificate) -> Option<&'static str> {
    const STEP_UP: [&str; 2] = ["1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"];
    let extensions = &certificate.extensions;
    if extensions.key_usage.as_ref().is_some_and(|key_usage| !key_usage.allows(usage::DIGITAL_SIGNATURE)) {
        return Some("KeyUsage does not allow digital signatures");
    }
    let allows = extensions.extended_key_usage.as_ref().is_none_or(|purposes| {
        purposes.any || purposes.server_auth || purposes.other.iter().any(|oid| STEP_UP.contains(&&**oid))
    });
    (!allows).then_some("Extended key usage does not permit use for TLS server authentication")
}

/// What `X509CertInfo` and `CertificateExtensions` refuse of that which our reader lets pass: class and message.
fn parse_error(certificate: &Certificate) -> Option<(&'static str, String)> {
    const PARSING: &str = "java.security.cert.CertificateParsingException";
    const IO: &str = "java.io.IOException";
    let extensions = &certificate.extensions;
    let say = |class, message: &str| Some((class, message.to_owned()));
    if certificate.issuer.is_empty() {
        return say(PARSING, "Empty issuer DN not allowed in X509Certificates");
    }
    if certificate.subject.is_empty() && certificate.version == 1 {
        return say(PARSING, "Empty subject DN not allowed in v1 certificate");
    }
    if !extensions.repeated.is_empty() {
        return say(IO, "Duplicate extensions not allowed");
    }
    if let Some(extension) = extensions.undecodable.iter().find(|extension| extension.critical) {
        return Some((IO, format!("Parsing of critical extension {} failed", extension.oid)));
    }
    let raw_san = extensions.subject_alt_name.as_ref();
    if raw_san.is_some_and(|san| san.critical) && alternative_names(certificate).is_none() {
        return say(IO, "Invalid name in critical SubjectAlternativeName");
    }
    if certificate.subject.is_empty() {
        let problem = match raw_san {
            None if extensions.count == 0 => "subject field is empty, and certificate has no extensions",
            None => "subject field is empty, and SubjectAlternativeName extension is absent",
            Some(san) if san.names.is_empty() => {
                "subject field is empty, and SubjectAlternativeName extension is empty"
            }
            Some(san) if !san.critical => {
                "SubjectAlternativeName extension MUST be marked critical when subject field is empty"
            }
            Some(_) => "",
        };
        if !problem.is_empty() {
            return Some((PARSING, format!("X.509 Certificate is incomplete: {problem}")));
        }
    }
    if !certificate.algorithms_agree {
        return say(CERTIFICATE_EXCEPTION, "Signature algorithm mismatch");
    }
    None
}

/// The SAN; `None` also when one of its names does not parse: an extension that is not critical is then left out whole
/// (`CertificateExtensions.parseExtension`).
fn alternative_names(certificate: &Certificate) -> Option<&SubjectAltName> {
    let is_readable = |name: &GeneralName| match name {
        GeneralName::Ip(octets) => matches!(octets.len(), 4 | 8 | 16 | 32),
        GeneralName::Email(address) => {
            let host = address.split_once('@').map_or(&**address, |(_, host)| host);
            !host.is_empty() && host != "."
        }
        GeneralName::Uri(uri) => {
            uri.split_once(':').is_some_and(|(scheme, _)| {
                scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            }) && !uri.contains([' ', '<', '>', '"', '{', '}', '|', '\\', '^', '`'])
        }
        // A dNSName with octets beyond ASCII is read all the same, and matches nothing.
        GeneralName::Invalid(tag) => *tag == DNS_NAME,
        GeneralName::Dns(_) | GeneralName::Directory(_) | GeneralName::Other(_) => true,
    };
    certificate.extensions.subject_alt_name.as_ref().filter(|san| san.names.iter().all(is_readable))
}

/// `NameConstraintsExtension.verify(X509Certificate)`: the subject, then the SAN, or without one the subject's addresses.
fn names_allowed(certificate: &Certificate, constraints: &NameConstraints) -> Result<bool, Stop> {
    if !certificate.subject.is_empty()
        && !name_allowed(&GeneralName::Directory(certificate.subject.clone()), constraints)?
    {
        return Ok(false);
    }
    let mut names = alternative_names(certificate).map_or_else(Vec::new, |san| san.names.clone());
    if alternative_names(certificate).is_none() {
        let attributes = certificate.subject.attributes();
        let emails = attributes.iter().filter(|attribute| attribute.oid == "1.2.840.113549.1.9.1");
        names.extend(emails.map(|attribute| GeneralName::Email(attribute.text.as_str().into())));
    }
    // The common name counts, as a host name or an address, where the SAN has none of its kind.
    let common_name = certificate.subject.common_name().unwrap_or_default();
    match address_in_common_name(certificate) {
        Some(address) if !names.iter().any(|name| matches!(name, GeneralName::Ip(_))) => {
            names.push(GeneralName::Ip(match address {
                IpAddr::V4(address) => address.octets().into(),
                IpAddr::V6(address) => address.octets().into(),
            }));
        }
        None if !names.iter().any(|name| matches!(name, GeneralName::Dns(_))) && is_dns_name(common_name) => {
            names.push(GeneralName::Dns(common_name.into()));
        }
        _ => {}
    }
    if names.len().saturating_mul(constraints.permitted.len() + constraints.excluded.len()) > MAX_NAME_COMPARISONS {
        return Err(Stop::Undecided);
    }
    for name in &names {
        if !name_allowed(name, constraints)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn address_in_common_name(certificate: &Certificate) -> Option<IpAddr> {
    certificate.subject.common_name()?.parse().ok()
}

/// What the constructor of `DNSName` takes: labels of letters, digits, inner hyphens and underscores.
fn is_dns_name(name: &str) -> bool {
    !name.is_empty()
        && name.split('.').all(|label| {
            label.starts_with(|c: char| c.is_ascii_alphanumeric())
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

/// `NameConstraintsExtension.verify(GeneralNameInterface)`: excluded first.
fn name_allowed(name: &GeneralName, constraints: &NameConstraints) -> Result<bool, Stop> {
    let same_kind = |subtree: &&GeneralName| std::mem::discriminant(*subtree) == std::mem::discriminant(name);
    for subtree in constraints.excluded.iter().filter(same_kind) {
        if is_within(name, subtree)? {
            return Ok(false);
        }
    }
    let mut constrained = false;
    for subtree in constraints.permitted.iter().filter(same_kind) {
        constrained = true;
        if is_within(name, subtree)? {
            return Ok(true);
        }
    }
    Ok(!constrained)
}

/// `constrains` of each kind of name: does `name` match or narrow `subtree`?
fn is_within(name: &GeneralName, subtree: &GeneralName) -> Result<bool, Stop> {
    Ok(match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_is_within(name, base)?,
        (GeneralName::Directory(name), GeneralName::Directory(base)) => {
            name.normalised().starts_with(base.normalised())
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => {
            range.len() == 2 * address.len() && {
                let (base, mask) = range.split_at(address.len());
                address.iter().zip(base).zip(mask).all(|((a, b), m)| (a ^ b) & m == 0)
            }
        }
        (GeneralName::Email(address), GeneralName::Email(base)) => {
            let (address, base) = (address.to_ascii_lowercase(), base.to_ascii_lowercase());
            let host = address.rsplit_once('@').map_or("", |(_, host)| host);
            address == base
                || (!base.contains('@') && if base.starts_with('.') { host.ends_with(&base) } else { host == base })
        }
        (GeneralName::Uri(uri), GeneralName::Uri(base)) => {
            let host = uri.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            let host = host.split(':').next().unwrap_or("").to_ascii_lowercase();
            let base = base.to_ascii_lowercase();
            if base.starts_with('.') { host.ends_with(&base) } else { host == base }
        }
        _ => false,
    })
}

/// `DNSName.constrains`. A wildcard in the certificate that can stand for the constraint's name matches it; an empty
/// constraint is asked for its first character.
fn dns_is_within(name: &str, base: &str) -> Result<bool, Stop> {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    if name == base || is_matched(&base, &name, false) {
        return Ok(true);
    }
    if base.ends_with(&name) || !name.ends_with(&base) {
        return Ok(false);
    }
    let Some(first) = base.chars().next() else {
        return Err(Stop::Crash("String index out of range: 0"));
    };
    // `name` is longer than `base` here, and ends with it.
    let before = name.as_bytes()[name.len() - base.len() - 1];
    Ok((before == b'.') ^ (first == '.'))
}

struct HostError {
    message: String,
    /// The message of an IllegalArgumentException below.
    cause: Option<&'static str>,
}

/// `HostnameChecker.match` for TLS. Addresses are looked for in the SAN only, names also in the common name when the SAN
/// holds no dNSName.
fn match_host(
    case: &Case<'_>,
    certificate: &Certificate,
    chains_to_public: bool,
    added: Option<IpAddr>,
) -> Result<(), HostError> {
    let host = case.reference;
    let say = |message: String| Err(HostError { message, cause: None });
    let names = alternative_names(certificate).map_or(&[][..], |san| &san.names);
    if case.name_is_address() {
        return match alternative_names(certificate) {
            None => say("No subject alternative names present".to_owned()),
            Some(_) if case.name_holds(certificate, address_matches) => Ok(()),
            Some(_) if added.is_some() && case.name_holds(certificate, added_address_matches) => Ok(()),
            Some(_) => say(format!("No subject alternative names matching IP address {host} found")),
        };
    }
    if !case.name_holds(certificate, |_, reference| is_sni_name(&reference.to_string())) {
        let message = format!("Illegal given domain name: {host}");
        return Err(HostError { message, cause: Some("Contains non-LDH ASCII characters") });
    }
    let matches = if chains_to_public { name_matches_for_public } else { name_matches };
    if case.name_holds(certificate, matches) {
        return Ok(());
    }
    if names.iter().any(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Invalid(DNS_NAME))) {
        return say(format!("No subject alternative DNS name matching {host} found."));
    }
    say(format!("No name matching {host} found"))
}

fn address_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let names = alternative_names(certificate).map_or(&[][..], |san| &san.names);
    matches!(reference, ReferenceId::Ip(address) if names.iter().any(|name| name.as_ip() == Some(*address)))
}

fn added_address_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    matches!(reference, ReferenceId::Ip(address) if address_in_common_name(certificate) == Some(*address))
}

fn name_matches(certificate: &Certificate, reference: &ReferenceId) -> bool {
    any_name_matches(certificate, reference, false)
}

fn name_matches_for_public(certificate: &Certificate, reference: &ReferenceId) -> bool {
    any_name_matches(certificate, reference, true)
}

/// A dNSName or, where the SAN holds none, the common name.
fn any_name_matches(certificate: &Certificate, reference: &ReferenceId, chains_to_public: bool) -> bool {
    let ReferenceId::Dns(host) = reference else { return false };
    let names = alternative_names(certificate).map_or(&[][..], |san| &san.names);
    let is_match = |text: &str| is_matched(host.as_str(), text, chains_to_public);
    if names.iter().any(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Invalid(DNS_NAME))) {
        return names.iter().any(|name| matches!(name, GeneralName::Dns(text) if is_match(text)));
    }
    certificate.subject.common_name().is_some_and(is_match)
}

/// `SNIHostName`: letters, digits and hyphens, no empty label, no final dot.
fn is_sni_name(name: &str) -> bool {
    name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// `HostnameChecker.isMatched`: a wildcard may stand in any label and for part of it. The public suffix list is asked
/// only where the path leads to one of the JDK's own anchors.
fn is_matched(host: &str, template: &str, chains_to_public: bool) -> bool {
    let (host, template) = (host.to_ascii_lowercase(), template.to_ascii_lowercase());
    if has_illegal_wildcard(&template, chains_to_public) || !is_sni_name(&template.replace('*', "z")) {
        return false;
    }
    let (labels, patterns): (Vec<&str>, Vec<&str>) = (
        host.split('.').filter(|label| !label.is_empty()).collect(),
        template.split('.').filter(|label| !label.is_empty()).collect(),
    );
    labels.len() == patterns.len() && labels.iter().zip(&patterns).all(|(label, pattern)| label_matches(label, pattern))
}

/// `hasIllegalWildcard`: `*` alone, a wildcard with no dot after it, or one right above a public suffix.
fn has_illegal_wildcard(template: &str, chains_to_public: bool) -> bool {
    let Some(last) = template.rfind('*') else { return false };
    let Some((_, domain)) = template[last..].split_once('.') else { return true };
    if domain.is_empty() && last == 0 {
        return true;
    }
    chains_to_public
        && psl::suffix(format!("z.{domain}").as_bytes())
            .is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == domain.as_bytes())
}

/// `matchWildCards`: the parts between wildcards, in sequence.
fn label_matches(label: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| label.strip_prefix(start)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(end) = parts.pop() else { return rest.is_empty() }; // no wildcard
    for part in parts {
        match rest.find(part) {
            Some(position) => rest = &rest[position + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(end)
}

/// `X500Name.equals`: RFC 2253's canonical form, where only PrintableString and UTF8String of the attributes it names
/// are compared as text (`AVA.toRFC2253CanonicalString`).
fn same_name(one: &DistinguishedName, other: &DistinguishedName) -> bool {
    one.raw() == other.raw() || (one.normalised() == other.normalised() && canonical_name(one) == canonical_name(other))
}

fn canonical_name(name: &DistinguishedName) -> Vec<(usize, String, Vec<u8>)> {
    const NAMED: &[&str] = &[
        "2.5.4.3",
        "2.5.4.6",
        "2.5.4.7",
        "2.5.4.8",
        "2.5.4.9",
        "2.5.4.10",
        "2.5.4.11",
        "0.9.2342.19200300.100.1.1",
        "0.9.2342.19200300.100.1.25",
    ];
    const TEXT: [u8; 2] = [0x0c, 0x13];
    let mut parts: Vec<_> = name
        .attributes()
        .into_iter()
        .map(|attribute| {
            let value = if NAMED.contains(&&*attribute.oid) && TEXT.contains(&attribute.tag) {
                attribute.text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ").into_bytes()
            } else {
                [&[attribute.tag], &*attribute.value].concat()
            };
            (attribute.rdn, attribute.oid, value)
        })
        .collect();
    parts.sort();
    parts
}

/// `X500Name.toString`: the last RDN first, values with special characters in quotes.
fn java_name(name: &DistinguishedName) -> String {
    let mut rdns: Vec<(usize, String)> = Vec::new();
    for attribute in name.attributes() {
        let keyword = match &*attribute.oid {
            "2.5.4.3" => "CN",
            "2.5.4.4" => "SURNAME",
            "2.5.4.5" => "SERIALNUMBER",
            "2.5.4.6" => "C",
            "2.5.4.7" => "L",
            "2.5.4.8" => "ST",
            "2.5.4.9" => "STREET",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            "2.5.4.12" => "T",
            "2.5.4.42" => "GIVENNAME",
            "0.9.2342.19200300.100.1.1" => "UID",
            "0.9.2342.19200300.100.1.25" => "DC",
            "1.2.840.113549.1.9.1" => "EMAILADDRESS",
            oid => &format!("OID.{oid}"),
        };
        let text = crate::x509::dn::printable(&attribute.text);
        let quoted = text.contains([',', '+', '=', '\n', '<', '>', '#', ';', '\\', '"'])
            || text.starts_with(' ')
            || text.ends_with(' ');
        let text = if quoted { format!("\"{}\"", text.replace('"', "\\\"")) } else { text };
        match rdns.last_mut() {
            Some((rdn, whole)) if *rdn == attribute.rdn => *whole += &format!(" + {keyword}={text}"),
            _ => rdns.push((attribute.rdn, format!("{keyword}={text}"))),
        }
    }
    rdns.into_iter().rev().map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

/// `Date.toString` where the time zone is UTC: `Tue Oct 13 00:00:00 UTC 2026`.
fn java_date(time: Time) -> String {
    let at = time.to_datetime();
    let (weekday, month) = (at.weekday().to_string(), at.month().to_string());
    format!(
        "{} {} {:02} {:02}:{:02}:{:02} UTC {:04}",
        weekday.get(..3).unwrap_or_default(),
        month.get(..3).unwrap_or_default(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.year()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_any_label_and_for_parts_of_one() {
        for (host, template, matches) in [
            ("foo.example.com", "*.example.com", true),
            ("foo.example.com", "f*.example.com", true),
            ("foo.example.com", "*o.example.com", true),
            ("foo.example.com", "f*o*.example.com", true),
            ("foo.example.com", "b*.example.com", false),
            ("a.b.example.com", "a.*.example.com", true),
            ("a.b.example.com", "*.example.com", false),
            ("example.com", "*.com", true),
            ("localhost", "*", false),
            ("foo.example.com", "*.example.com.", false),
            ("foo.example.com", "f oo.example.com", false),
        ] {
            assert_eq!(is_matched(host, template, false), matches, "{host} {template}");
        }
        assert!(!is_matched("example.com", "*.com", true));
        assert!(!is_matched("example.co.uk", "*.co.uk", true));
        assert!(is_matched("www.example.co.uk", "*.example.co.uk", true));
    }

    #[test]
    fn dns_constraints_know_wildcards_and_trip_over_the_empty_one() {
        let within = |name, base| dns_is_within(name, base).ok();
        assert_eq!(within("a.example.com", "example.com"), Some(true));
        assert_eq!(within("example.com", "example.com"), Some(true));
        assert_eq!(within("xexample.com", "example.com"), Some(false));
        assert_eq!(within("a.example.com", ".example.com"), Some(true));
        assert_eq!(within("*.example.com", "secret.example.com"), Some(true));
        assert_eq!(within("com", "example.com"), Some(false));
        assert_eq!(within("example.com", ""), None);
    }

    #[test]
    fn dates_as_java_prints_them() {
        assert_eq!(java_date("2026-10-13T00:00:00Z".parse().unwrap()), "Tue Oct 13 00:00:00 UTC 2026");
    }
}
