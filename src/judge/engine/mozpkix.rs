//! mozilla::pkix, NSS's path builder, as Firefox drives it.
//!
//! Rules: `pkixbuild.cpp` (search, error merging, budget), `pkixcheck.cpp` (one certificate), `pkixcert.cpp` (parsing),
//! `pkixnames.cpp` (names), all of nss/lib/mozpkix; `NSSCertDBTrustDomain.cpp`, `CertVerifier.cpp` and
//! `SSLServerCertVerification.cpp` of Firefox (which issuers are tried, stapling, which of several errors is shown).

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::judge::stores::distrust;
use crate::model::target::ReferenceId;
use crate::model::time::DAY;
use crate::model::time::Time;
use crate::x509::der;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind, has_explicit_curve};
use crate::x509::ocsp::{self, CertificateStatus};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, NameConstraints, usage};

/// Calls of `BuildForward`. `BuildCertChain` allows 200 000 (bug 1056341), a second of work; chains that are no attack
/// need a few, so fewer are made here and a search that would need more is left undecided.
const BUILD_FORWARD_CALLS: usize = 20_000;

/// `MAX_SUBCA_COUNT` in `BuildForward`.
const MAX_INTERMEDIATES: usize = 6;

/// Comparisons of names with constraints. mozilla::pkix has no such limit; it is webpki's, so that a hostile chain ends.
const MAX_COMPARISONS: usize = 250_000;

/// `mMinRSABits` for domain-validated certificates (`CertVerifier.cpp`, `MIN_RSA_BITS_WEAK`).
const MIN_RSA_BITS: u32 = 1024;

/// `maxOCSPLifetimeInDays` in `CheckRevocationByOCSP`.
const MAX_OCSP_AGE: i64 = 10 * DAY;

/// `SLOP_SECONDS` in `pkixocsp.cpp`: clocks differ.
const OCSP_SLOP: i64 = DAY;

/// `security.pki.cert_short_lifetime_in_days`: no OCSP for what lives shorter.
const SHORT_LIFETIME: i64 = 10 * DAY;

/// `Result` of `pkix/Result.h`, as far as a server's chain can cause it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    BadDer,
    BadSignature,
    CaCertInvalid,
    CaCertUsedAsEndEntity,
    CertNotInNameSpace,
    EmptyIssuerName,
    ExpiredCertificate,
    ExpiredIssuerCertificate,
    ExtensionValueInvalid,
    InadequateCertType,
    InadequateKeySize,
    InadequateKeyUsage,
    InvalidDerTime,
    InvalidIntegerEncoding,
    NotYetValidCertificate,
    NotYetValidIssuerCertificate,
    OcspBadSignature,
    OcspInvalidSigningCert,
    OcspFutureResponse,
    OcspMalformedResponse,
    OcspOldResponse,
    OcspResponseForCertMissing,
    OcspTryServerLater,
    OcspUnknownCert,
    PathLenConstraintInvalid,
    RequiredTlsFeatureMissing,
    RevokedCertificate,
    SelfSignedCert,
    SignatureAlgorithmDisabled,
    SignatureAlgorithmMismatch,
    UnknownCriticalExtension,
    UnknownIssuer,
    UnsupportedEcPointForm,
    UnsupportedEllipticCurve,
    UnsupportedKeyAlgorithm,
    /// The root is no longer trusted for what was issued this late.
    UntrustedIssuer,
    V1CertUsedAsCa,
    /// `SSL_ERROR_BAD_CERT_DOMAIN`, `ERROR_BAD_CERT_DOMAIN`.
    BadCertDomain,
}

/// A refusal, with the path it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub error: Error,
    pub path: Vec<CertId>,
    /// The search stopped at its budget: other paths were not looked at.
    pub incomplete: bool,
}

/// What a `TrustDomain` answers for an end entity that is a trust anchor (`GetCertTrust`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafTrust {
    /// `TrustLevel::TrustAnchor`, as for any other.
    Anchor,
    /// `TrustLevel::InheritsTrust`: anchors issue.
    Inherited,
}

/// What Firefox says to a server's chain, of several errors the one it shows: the path taken, or the refusal.
///
/// `AuthCertificate` and `DetermineCertOverrideErrors` in `SSLServerCertVerification.cpp`: an error that the user may
/// override as a matter of trust comes before a wrong name, a wrong name before the end entity's dates; an error that
/// cannot be overridden stands alone.
pub fn judge_server(case: &Case<'_>, end_entity: CertId, leaf_trust: LeafTrust) -> Result<Vec<CertId>, Refusal> {
    let mut refusal = match verify_server_certificate(case, end_entity, leaf_trust) {
        Ok(path) => return Ok(path),
        Err(refusal) => refusal,
    };
    let is_time =
        matches!(refusal.error, Error::InvalidDerTime | Error::ExpiredCertificate | Error::NotYetValidCertificate);
    if is_time && !case.any_name && !case.name_holds(case.pool.get(end_entity), names_match) {
        refusal.error = Error::BadCertDomain;
    }
    Err(refusal)
}

/// `CertVerifier::VerifySSLServerCert`: chain, TLS features, name.
fn verify_server_certificate(
    case: &Case<'_>,
    end_entity: CertId,
    leaf_trust: LeafTrust,
) -> Result<Vec<CertId>, Refusal> {
    let certificate = case.pool.get(end_entity);
    let refuse = |error| Refusal { error, path: vec![end_entity], incomplete: false };
    if let Some(error) = unreadable(certificate) {
        return Err(refuse(error));
    }
    let mut search = Search {
        case,
        leaf_trust,
        calls: BUILD_FORWARD_CALLS,
        comparisons: MAX_COMPARISONS,
        issuers: HashMap::new(),
        longest: vec![end_entity],
        found: Vec::new(),
    };
    if let Err(error) = search.build_forward(&mut vec![end_entity], 0) {
        let is_self_signed = certificate.subject.raw() == certificate.issuer.raw()
            && case.pool.signature(end_entity, end_entity) != SignatureCheck::Invalid;
        let error = if error == Error::UnknownIssuer && is_self_signed { Error::SelfSignedCert } else { error };
        let path = if search.found.is_empty() { search.longest } else { search.found };
        return Err(Refusal { error, path, incomplete: search.calls == 0 || search.comparisons == 0 });
    }
    let refuse = |error| Refusal { error, path: search.found.clone(), incomplete: false };
    // `CheckTLSFeaturesAreSatisfied`: any staple will do, its content was looked at before.
    // Features other than status_request it cannot satisfy.
    if (certificate.extensions.must_staple && case.ocsp_staple.is_none()) || has_other_tls_feature(certificate) {
        return Err(refuse(Error::RequiredTlsFeatureMissing));
    }
    if !case.any_name && !names_are_der(certificate) {
        return Err(refuse(Error::BadCertDomain));
    }
    if !case.any_name && !case.name_holds(certificate, names_match) {
        return Err(refuse(Error::BadCertDomain));
    }
    Ok(search.found)
}

struct Search<'a> {
    case: &'a Case<'a>,
    leaf_trust: LeafTrust,
    calls: usize,
    comparisons: usize,
    issuers: HashMap<CertId, Rc<[CertId]>>,
    /// The longest path tried, shown where none leads to an anchor.
    longest: Vec<CertId>,
    /// The first path that leads to an anchor, whatever is wrong with it.
    found: Vec<CertId>,
}

impl Search<'_> {
    /// `BuildForward`: `path` ends in the certificate to find an issuer for; `intermediates` counts the CAs below it.
    fn build_forward(&mut self, path: &mut Vec<CertId>, intermediates: usize) -> Result<(), Error> {
        let case = self.case;
        let Some(&subject) = path.last() else { return Err(Error::UnknownIssuer) };
        if path.len() > self.longest.len() {
            self.longest.clone_from(path);
        }
        let is_end_entity = path.len() == 1;
        let is_trusted = !is_end_entity || self.leaf_trust == LeafTrust::Anchor;
        let is_anchor = is_trusted && case.is_anchor(subject).is_some();
        let checked = check_certificate(case, subject, is_end_entity, is_anchor, intermediates);
        if is_anchor {
            if self.found.is_empty() || checked.is_ok() {
                self.found.clone_from(path);
            }
            // `IsChainValid`
            return checked
                .and_then(|()| if distrust::refuses(case, path) { Err(Error::UntrustedIssuer) } else { Ok(()) });
        }
        // What is wrong with the end entity itself is said only when there is a path: errors of issuers come first.
        let deferred = match checked {
            Err(error) if is_end_entity => Some(error),
            Err(error) => return Err(error),
            Ok(()) => None,
        };
        if !is_end_entity && intermediates >= MAX_INTERMEDIATES {
            return Err(Error::UnknownIssuer);
        }
        let intermediates = if is_end_entity { 0 } else { intermediates + 1 };
        let mut result: Option<Error> = None;
        let issuers = Rc::clone(self.issuers.entry(subject).or_insert_with(|| candidates(case, subject).into()));
        for &issuer in issuers.iter() {
            match self.check_issuer(path, issuer, intermediates, deferred) {
                Ok(()) => return deferred.map_or(Ok(()), Err),
                Err(stop) => {
                    // `RecordResult`: two issuers with different errors make an unknown issuer.
                    let error = as_issuer_error(stop.error);
                    result = Some(match result {
                        Some(before) if before != error => Error::UnknownIssuer,
                        _ => error,
                    });
                    if stop.ends_search {
                        break;
                    }
                }
            }
        }
        Err(result.unwrap_or(Error::UnknownIssuer))
    }

    /// `PathBuildingStep::Check`.
    fn check_issuer(
        &mut self,
        path: &mut Vec<CertId>,
        issuer: CertId,
        intermediates: usize,
        deferred: Option<Error>,
    ) -> Result<(), Stop> {
        let case = self.case;
        let Some(&subject) = path.last() else { return Err(Error::UnknownIssuer.into()) };
        let (child, candidate) = (case.pool.get(subject), case.pool.get(issuer));
        if let Some(error) = unreadable(candidate) {
            return Err(error.into());
        }
        // Loop prevention, RFC 4158 §5.2.
        if path.iter().any(|&id| {
            let previous = case.pool.get(id);
            previous.subject.raw() == candidate.subject.raw() && previous.spki() == candidate.spki()
        }) {
            return Err(Error::UnknownIssuer.into());
        }
        if undecodable(candidate, "2.5.29.30") {
            return Err(Error::BadDer.into());
        }
        if let Some(constraints) = &candidate.extensions.name_constraints {
            for (position, &id) in path.iter().enumerate().rev() {
                self.check_name_constraints(constraints, case.pool.get(id), position == 0)?;
            }
        }
        // `CheckTLSFeatures`: what the issuer must staple its subjects must too.
        if candidate.extensions.must_staple && !child.extensions.must_staple {
            return Err(Error::RequiredTlsFeatureMissing.into());
        }
        let Some(calls) = self.calls.checked_sub(1) else {
            return Err(Stop { error: Error::UnknownIssuer, ends_search: true });
        };
        self.calls = calls;
        path.push(issuer);
        let built = self.build_forward(path, intermediates);
        path.pop();
        built?;
        let has_odd_bits = child.encoding_faults.contains(&EncodingFault::SignatureUnusedBits);
        if has_odd_bits || case.pool.signature(subject, issuer) == SignatureCheck::Invalid {
            return Err(Error::BadSignature.into());
        }
        // Only end entities: OCSP of intermediates was given up (`CheckRevocation`). An expired one is not asked about.
        if path.len() == 1 && deferred != Some(Error::ExpiredCertificate) {
            check_revocation(case, child, candidate).map_err(|error| Stop { error, ends_search: true })?;
        }
        Ok(())
    }

    /// `CheckNameConstraints`, `SearchNames`: the SAN, the subject (its mailboxes where there is no SAN), and the CN of an end entity that has neither dNSName
    /// nor iPAddress.
    fn check_name_constraints(
        &mut self,
        constraints: &NameConstraints,
        certificate: &Certificate,
        is_end_entity: bool,
    ) -> Result<(), Error> {
        let mut falls_back = is_end_entity;
        for name in certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names) {
            self.check_name(constraints, name)?;
            falls_back &= !matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_));
        }
        self.check_name(constraints, &GeneralName::Directory(certificate.subject.clone()))?;
        if certificate.extensions.subject_alt_name.is_none() {
            for text in certificate.subject.mailboxes() {
                self.check_name(constraints, &GeneralName::Email(text.into()))?;
            }
        }
        match certificate.subject.common_name() {
            Some(name) if falls_back && is_dns_id(name, IdRole::Presented) => {
                self.check_name(constraints, &GeneralName::Dns(name.into()))
            }
            _ => Ok(()),
        }
    }

    /// `CheckPresentedIDConformsToConstraints`: a constraint on a kind of name that is not known forbids that kind.
    fn check_name(&mut self, constraints: &NameConstraints, name: &GeneralName) -> Result<(), Error> {
        // Neither distances (`der.cpp` reads on and finds more than the base) nor a list without subtrees.
        let is_empty = constraints.permitted.is_empty() && constraints.excluded.is_empty();
        if constraints.minimum || constraints.maximum || is_empty {
            return Err(Error::BadDer);
        }
        let cost = constraints.permitted.len() + constraints.excluded.len();
        self.comparisons = self.comparisons.saturating_sub(cost);
        if self.comparisons == 0 {
            return Err(Error::CertNotInNameSpace); // the refusal is marked incomplete
        }
        let same_kind = |subtree: &&GeneralName| std::mem::discriminant(*subtree) == std::mem::discriminant(name);
        let mut has_permitted = false;
        let mut is_permitted = false;
        for subtree in constraints.permitted.iter().filter(same_kind) {
            has_permitted = true;
            is_permitted |= in_subtree(name, subtree, false)?;
        }
        if has_permitted && !is_permitted {
            return Err(Error::CertNotInNameSpace);
        }
        for subtree in constraints.excluded.iter().filter(same_kind) {
            // Directory names are not compared for exclusion, because two encodings of one name would not be found equal:
            // any exclusion excludes all.
            if matches!(name, GeneralName::Directory(_)) || in_subtree(name, subtree, true)? {
                return Err(Error::CertNotInNameSpace);
            }
        }
        Ok(())
    }
}

/// An error at one issuer; whether others are still tried.
struct Stop {
    error: Error,
    ends_search: bool,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self { error, ends_search: false }
    }
}

/// `RecordResult`: the dates of an issuer have names of their own.
fn as_issuer_error(error: Error) -> Error {
    match error {
        Error::ExpiredCertificate => Error::ExpiredIssuerCertificate,
        Error::NotYetValidCertificate => Error::NotYetValidIssuerCertificate,
        other => other,
    }
}

/// `NSSCertDBTrustDomain::FindIssuer`: roots, then what the server sent; of that, ones that cannot be read and self-signed
/// ones (`ShouldSkipSelfSignedNonTrustAnchor`, bug 1056341) are passed over. Names are compared byte by byte.
fn candidates(case: &Case<'_>, subject: CertId) -> Vec<CertId> {
    let pool = case.pool;
    let issuer = &pool.get(subject).issuer;
    let named =
        pool.named(issuer.normalised()).iter().copied().filter(|&id| pool.get(id).subject.raw() == issuer.raw());
    let (mut found, others): (Vec<_>, Vec<_>) = named.partition(|&id| case.is_anchor(id).is_some());
    let is_self_signed = |id: CertId| {
        let certificate = pool.get(id);
        certificate.subject.raw() == certificate.issuer.raw() && pool.signature(id, id) == SignatureCheck::Valid
    };
    let served = case.served.iter().skip(1).copied().filter(|id| others.contains(id));
    // `CertStorage`: intermediates downloaded in advance come after those of the server.
    let preloaded = others.iter().copied().filter(|&id| case.is_known(id) && !case.is_served(id));
    let served: Vec<CertId> = served.chain(preloaded).collect();
    let served = served.into_iter();
    found.extend(served.filter(|&id| unreadable(pool.get(id)).is_none() && !is_self_signed(id)));
    found
}

/// `BackCert::Init`: what keeps a certificate from being looked at.
fn unreadable(certificate: &Certificate) -> Option<Error> {
    /// `Input` holds what 16 bits can count.
    const MAX_BYTES: usize = 0xffff;
    /// `BackCert::RememberExtension`.
    const UNDERSTOOD: &[&str] = &[
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        "2.5.29.30",
        "2.5.29.32",
        "2.5.29.36",
        "2.5.29.37",
        "2.5.29.54",
        "1.3.6.1.5.5.7.1.1",
        "1.3.6.1.5.5.7.1.3",
        "1.3.6.1.5.5.7.1.24",
        "1.3.6.1.5.5.7.48.1.5",
        "1.3.6.1.4.1.11129.2.4.2",
    ];
    /// Netscape Cert Type: passed over when what it says stands in the standard's extensions too.
    const NETSCAPE_CERT_TYPE: &str = "2.16.840.1.113730.1.1";
    let extensions = &certificate.extensions;
    let fault = |fault| certificate.encoding_faults.contains(&fault);
    if fault(EncodingFault::SerialNotMinimal) {
        return Some(Error::InvalidIntegerEncoding);
    }
    if fault(EncodingFault::BooleanNotCanonical) || certificate.der().len() > MAX_BYTES {
        return Some(Error::BadDer);
    }
    if extensions.repeated.iter().any(|oid| UNDERSTOOD.contains(&&**oid)) {
        return Some(Error::ExtensionValueInvalid);
    }
    let is_understood = |oid: &str| {
        UNDERSTOOD.contains(&oid)
            || (oid == NETSCAPE_CERT_TYPE
                && extensions.basic_constraints.is_some()
                && extensions.extended_key_usage.is_some())
    };
    extensions.critical.iter().any(|oid| !is_understood(oid)).then_some(Error::UnknownCriticalExtension)
}

fn undecodable(certificate: &Certificate, oid: &str) -> bool {
    certificate.extensions.undecodable.iter().any(|extension| &*extension.oid == oid)
}

/// `CheckIssuerIndependentProperties`. The order decides which of several errors is reported.
fn check_certificate(
    case: &Case<'_>,
    id: CertId,
    is_end_entity: bool,
    is_anchor: bool,
    intermediates: usize,
) -> Result<(), Error> {
    let certificate = case.pool.get(id);
    // `ParseValidity`; years before 1970 are no dates (`TimeChoice`).
    if certificate.encoding_faults.contains(&EncodingFault::TimeFormat)
        || certificate.not_before.unix() < 0
        || certificate.not_before > certificate.not_after
    {
        return Err(Error::InvalidDerTime);
    }
    if !is_anchor {
        check_signature_algorithm(certificate)?;
    }
    check_key(certificate)?;
    if certificate.issuer.is_empty() {
        return Err(Error::EmptyIssuerName);
    }
    check_key_usage(certificate, is_end_entity)?;
    check_basic_constraints(certificate, is_end_entity, is_anchor, intermediates)?;
    check_extended_key_usage(certificate, is_end_entity)?;
    if case.at < certificate.not_before {
        return Err(Error::NotYetValidCertificate);
    }
    if case.at > certificate.not_after {
        return Err(Error::ExpiredCertificate);
    }
    Ok(())
}

/// `CheckSignatureAlgorithm`, `CheckSignatureDigestAlgorithm`: SHA-2 only. What `pkixder.cpp` does not know (MD5, SHA-224,
/// EdDSA) is "disabled" too.
fn check_signature_algorithm(certificate: &Certificate) -> Result<(), Error> {
    let is_known = match &certificate.signature_algorithm {
        SignatureAlgorithm::RsaPkcs1(hash) | SignatureAlgorithm::RsaPss(hash) | SignatureAlgorithm::Ecdsa(hash) => {
            !matches!(hash, Hash::Md5 | Hash::Sha224)
        }
        SignatureAlgorithm::Ed25519 | SignatureAlgorithm::Ed448 | SignatureAlgorithm::Other(_) => false,
    };
    if !is_known || certificate.has_unusual_pss() {
        return Err(Error::SignatureAlgorithmDisabled);
    }
    // Compared as parsed: RSA's NULL may be there or not.
    let is_rsa = matches!(certificate.signature_algorithm, SignatureAlgorithm::RsaPkcs1(_));
    let agree = certificate.algorithms_agree || (is_rsa && certificate.algorithms_agree_but_for_null());
    if !agree {
        return Err(Error::SignatureAlgorithmMismatch);
    }
    match certificate.signature_algorithm.hash() {
        Some(Hash::Sha1) => Err(Error::SignatureAlgorithmDisabled),
        _ => Ok(()),
    }
}

/// `CheckSubjectPublicKeyInfoContents`.
fn check_key(certificate: &Certificate) -> Result<(), Error> {
    /// The parameters that RFC 3279 §2.3.1 wants, DER.
    const NULL: &[u8] = &[0x05, 0x00];
    const UNCOMPRESSED: u8 = 4;
    match &certificate.key {
        KeyKind::Ec(_) if has_explicit_curve(certificate.spki()) => Err(Error::BadDer),
        KeyKind::Ec(Curve::P256 | Curve::P384 | Curve::P521) => {
            let is_uncompressed = certificate.subject_public_key().first() == Some(&UNCOMPRESSED);
            if is_uncompressed { Ok(()) } else { Err(Error::UnsupportedEcPointForm) }
        }
        KeyKind::Ec(_) => Err(Error::UnsupportedEllipticCurve),
        KeyKind::Rsa { pss: false, .. } if !certificate.key_algorithm_encoding().ends_with(NULL) => Err(Error::BadDer),
        // The size is counted in whole octets.
        KeyKind::Rsa { bits, pss: false, .. } if bits.div_ceil(8) * 8 < MIN_RSA_BITS => Err(Error::InadequateKeySize),
        KeyKind::Rsa { pss: false, .. } => Ok(()),
        // rsaEncryption whose RSAPublicKey cannot be read.
        KeyKind::Other(oid) if &**oid == "1.2.840.113549.1.1.1" => Err(Error::BadDer),
        _ => Err(Error::UnsupportedKeyAlgorithm),
    }
}

/// `CheckKeyUsage`; for an end entity `VerifySSLServerCert` tries digitalSignature, keyEncipherment and keyAgreement in
/// turn, whatever the key exchange.
fn check_key_usage(certificate: &Certificate, is_end_entity: bool) -> Result<(), Error> {
    let required = if is_end_entity {
        usage::DIGITAL_SIGNATURE | usage::KEY_ENCIPHERMENT | usage::KEY_AGREEMENT
    } else {
        usage::KEY_CERT_SIGN
    };
    match &certificate.extensions.key_usage {
        Some(key_usage) if !key_usage.allows(required) => Err(Error::InadequateKeyUsage),
        None if undecodable(certificate, "2.5.29.15") => Err(Error::InadequateKeyUsage),
        _ => Ok(()),
    }
}

/// `CheckBasicConstraints`.
fn check_basic_constraints(
    certificate: &Certificate,
    is_end_entity: bool,
    is_anchor: bool,
    intermediates: usize,
) -> Result<(), Error> {
    let is_odd = certificate.encoding_faults.contains(&EncodingFault::BasicConstraintsBoolean);
    if is_odd || undecodable(certificate, "2.5.29.19") {
        return Err(Error::ExtensionValueInvalid);
    }
    let constraints = certificate.extensions.basic_constraints.as_ref();
    if is_end_entity {
        return if certificate.is_ca() { Err(Error::CaCertUsedAsEndEntity) } else { Ok(()) };
    }
    match constraints {
        None if certificate.version == 1 && is_anchor => Ok(()),
        None if certificate.version == 1 => Err(Error::V1CertUsedAsCa),
        Some(constraints) if constraints.ca => match constraints.path_len {
            Some(length) if usize::try_from(length).is_ok_and(|length| intermediates > length) => {
                Err(Error::PathLenConstraintInvalid)
            }
            _ => Ok(()),
        },
        _ => Err(Error::CaCertInvalid),
    }
}

/// `CheckExtendedKeyUsage`: serverAuth by name (anyExtendedKeyUsage is none), and never OCSPSigning beside it.
fn check_extended_key_usage(certificate: &Certificate, is_end_entity: bool) -> Result<(), Error> {
    match &certificate.extensions.extended_key_usage {
        Some(purposes) if !purposes.server_auth || (is_end_entity && purposes.ocsp_signing) => {
            Err(Error::InadequateCertType)
        }
        None if undecodable(certificate, "2.5.29.37") => Err(Error::InadequateCertType),
        _ => Ok(()),
    }
}

/// `CheckRevocation`, `CheckRevocationByOCSP`: the staple; then the responder, whose silence is no fault
/// (`security.OCSP.require` is off).
fn check_revocation(case: &Case<'_>, subject: &Certificate, issuer: &Certificate) -> Result<(), Error> {
    let read = |response| read_ocsp(response, subject, issuer, case.at);
    let stapled = match case.ocsp_staple.map(read) {
        Some(Ok(())) => return Ok(()),
        Some(Err((error, false))) => return Err(error),
        Some(Err((error, true))) => Err(error),
        None => Ok(()),
    };
    // Stale and commonly mistaken answers count for nothing where OCSP is not asked anyway.
    if subject.not_after.since(subject.not_before) < SHORT_LIFETIME {
        return Ok(());
    }
    match case.responder_said(subject).map(read) {
        Some(Ok(())) => Ok(()),
        Some(Err((error @ (Error::RevokedCertificate | Error::OcspUnknownCert), _))) => Err(error),
        Some(Err(_)) | None => stapled,
    }
}

/// `VerifyEncodedOCSPResponse`; with an error, whether it may only mean that the answer is old or mistaken.
fn read_ocsp(response: &[u8], subject: &Certificate, issuer: &Certificate, at: Time) -> Result<(), (Error, bool)> {
    let answer = ocsp::verify(response, subject, issuer, at).map_err(|error| match error {
        ocsp::Error::Malformed => (Error::OcspMalformedResponse, false),
        ocsp::Error::NotSuccessful => (Error::OcspTryServerLater, true),
        ocsp::Error::OtherCertificate => (Error::OcspResponseForCertMissing, true),
        ocsp::Error::BadSignature => (Error::OcspBadSignature, false),
        ocsp::Error::Responder(_) => (Error::OcspInvalidSigningCert, false),
    })?;
    let oldest = answer.this_update.plus(MAX_OCSP_AGE);
    let until = answer.next_update.map_or(answer.this_update.plus(DAY), |next| next.min(oldest));
    let is_stale = at > until.plus(OCSP_SLOP);
    match answer.status {
        CertificateStatus::Revoked => Err((Error::RevokedCertificate, is_stale)),
        CertificateStatus::Unknown => Err((Error::OcspUnknownCert, is_stale)),
        CertificateStatus::Good if is_stale => Err((Error::OcspOldResponse, true)),
        CertificateStatus::Good if answer.this_update > at.plus(OCSP_SLOP) => Err((Error::OcspFutureResponse, false)),
        CertificateStatus::Good => Ok(()),
    }
}

/// The TLS feature extension (RFC 7633 §4) holds another feature than status_request.
fn has_other_tls_feature(certificate: &Certificate) -> bool {
    const STATUS_REQUEST: &[u8] = &[5];
    let features = certificate.extension_value("1.3.6.1.5.5.7.1.24").and_then(der::split);
    features.is_some_and(|(list, _)| der::values(list.content).any(|feature| feature.content != STATUS_REQUEST))
}

/// A SAN that is not DER matches nothing.
fn names_are_der(certificate: &Certificate) -> bool {
    let san = certificate.extension_value("2.5.29.17");
    san.is_none_or(|value| {
        der::split(value).is_some_and(|(_, rest)| rest.is_empty()) && der::lengths_are_minimal(value)
    })
}

/// `CheckCertHostname`: dNSName and iPAddress only; names that are none match nothing.
fn names_match(certificate: &Certificate, reference: &ReferenceId) -> bool {
    certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names).any(|name| match (name, reference) {
        (GeneralName::Dns(presented), ReferenceId::Dns(host)) => dns_matches(presented, host.as_str()),
        (GeneralName::Ip(octets), ReferenceId::Ip(ip)) => ip_matches(octets, *ip),
        _ => false,
    })
}

/// A wildcard is permitted where all its names are, and excluded where one may be.
fn in_subtree(name: &GeneralName, subtree: &GeneralName, expands: bool) -> Result<bool, Error> {
    match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => {
            dns_in_subtree(name, base, expands).map_err(|_| Error::BadDer)
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => match (address.len(), range.len()) {
            (4, 8) | (16, 32) => Ok(crate::judge::constraints::within(name, subtree, false)),
            (4, 32) | (16, 8) => Ok(false),
            _ => Err(Error::BadDer),
        },
        // `MatchPresentedDirectoryNameWithConstraint`: RDN by RDN, byte by byte, the constraint first.
        (GeneralName::Directory(name), GeneralName::Directory(base)) => Ok(name.rdns().starts_with(base.rdns())),
        (GeneralName::Email(_), GeneralName::Email(_)) => Ok(crate::judge::constraints::within(name, subtree, false)),
        _ => Err(Error::CertNotInNameSpace),
    }
}

pub(super) fn ip_matches(octets: &[u8], ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => octets == ip.octets(),
        IpAddr::V6(ip) => octets == ip.octets(),
    }
}

/// `MatchPresentedDNSIDWithReferenceDNSID` for a host: a wildcard is the whole first label, with two labels behind it.
pub(super) fn dns_matches(presented: &str, host: &str) -> bool {
    if !is_dns_id(presented, IdRole::Presented) {
        return false;
    }
    match presented.strip_prefix('*') {
        None => presented.eq_ignore_ascii_case(host),
        Some(rest) => host.find('.').is_some_and(|dot| dot > 0 && host[dot..].eq_ignore_ascii_case(rest)),
    }
}

/// A name that `IsValidDNSID` refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MalformedDnsId {
    Presented,
    Constraint,
}

/// `MatchPresentedDNSIDWithReferenceDNSID` for a constraint. A leading dot means subdomains only; a wildcard label of the
/// presented name stands, where it `expands`, for one label of the constraint.
pub(super) fn dns_in_subtree(presented: &str, base: &str, expands: bool) -> Result<bool, MalformedDnsId> {
    if !is_dns_id(presented, IdRole::Presented) {
        return Err(MalformedDnsId::Presented);
    }
    if !is_dns_id(base, IdRole::Constraint) {
        return Err(MalformedDnsId::Constraint);
    }
    let mut rest = presented;
    if presented.len() > base.len() {
        if base.is_empty() {
            return Ok(true);
        }
        // Valid names are ASCII: any position is a character's.
        let (before, end) = presented.split_at(presented.len() - base.len());
        if !base.starts_with('.') && !before.ends_with('.') {
            return Ok(false);
        }
        rest = end;
    }
    if expands && let Some(after_wildcard) = rest.strip_prefix('*') {
        return Ok(base.find('.').is_some_and(|dot| dot > 0 && base[dot..].eq_ignore_ascii_case(after_wildcard)));
    }
    Ok(rest.eq_ignore_ascii_case(base))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IdRole {
    Presented,
    Constraint,
}

/// `IsValidDNSID`: letters, digits, hyphens inside and underscores; no final dot; the last label is no number; at least
/// two labels after a wildcard.
fn is_dns_id(text: &str, role: IdRole) -> bool {
    if text.len() > 253 {
        return false;
    }
    let name = match role {
        IdRole::Constraint if text.is_empty() => return true,
        IdRole::Constraint => text.strip_prefix('.').unwrap_or(text),
        IdRole::Presented => text.strip_prefix("*.").unwrap_or(text),
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let is_wildcard = name.len() < text.len() && role == IdRole::Presented;
    name.split('.').all(is_label)
        && !name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
        && (!is_wildcard || name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert!(dns_matches("Example.com", "example.com"));
        assert!(dns_matches("*.example.com", "a_b.example.com"));
        assert!(dns_matches("*.co.uk", "example.co.uk"));
        for presented in ["*.com", "example.com.", "a*.example.com", "*.*.com", " example.com", "example.com:443", ""] {
            assert!(!dns_matches(presented, "example.com"), "{presented}");
        }
        assert!(!dns_matches("*.example.com", "example.com"));
        assert!(!dns_matches("*.example.com", "a.b.example.com"));
    }

    #[test]
    fn subtrees() {
        for (presented, base, expands, inside) in [
            ("a.example.com", "example.com", true, true),
            ("badexample.com", "example.com", true, false),
            ("example.com", ".example.com", true, false),
            ("a.example.com", ".example.com", true, true),
            ("*.example.com", "a.example.com", true, true),
            ("*.example.com", "a.example.com", false, false),
            ("*.example.com", "a.b.example.com", true, false),
            ("*.example.com", "example.com", false, true),
            ("example.com", "", true, true),
        ] {
            assert_eq!(dns_in_subtree(presented, base, expands), Ok(inside), "{presented} in {base}");
        }
        assert_eq!(dns_in_subtree("a b", "example.com", true), Err(MalformedDnsId::Presented));
        assert_eq!(dns_in_subtree("a.b", "*.example.com", true), Err(MalformedDnsId::Constraint));
    }
}
