//! mozilla::pkix, NSS's path builder, as Firefox drives it.
//!
//! Rules: `pkixbuild.cpp` (search, error merging, budget), `pkixcheck.cpp` (one certificate), `pkixcert.cpp` (parsing),
//! `pkixnames.cpp` (names), all of nss/lib/mozpkix; `NSSCertDBTrustDomain.cpp`, `CertVerifier.cpp` and
//! `SSLServerCertVerification.cpp` of Firefox (which issuers are tried, stapling, which of several errors is shown).

mod certificate;
mod names;
mod revocation;

use std::collections::HashMap;
use std::rc::Rc;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::judge::stores::distrust;
use crate::x509::general_name::GeneralName;
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, EncodingFault, NameConstraints};
use certificate::{check_certificate, has_other_tls_feature, undecodable, unreadable};
use names::{IdRole, in_subtree, is_dns_id, names_are_der, names_match};
pub use names::{MalformedDnsId, dns_in_subtree, dns_matches, ip_matches};
use revocation::check_revocation;

/// Calls of `BuildForward`. `BuildCertChain` allows 200 000 (bug 1056341), a second of work; chains that are no attack
/// need a few, so fewer are made here and a search that would need more is left undecided.
const BUILD_FORWARD_CALLS: usize = 20_000;

/// `MAX_SUBCA_COUNT` in `BuildForward`.
const MAX_INTERMEDIATES: usize = 6;

/// Comparisons of names with constraints. mozilla::pkix has no such limit; it is webpki's, so that a hostile chain ends.
const MAX_COMPARISONS: usize = 250_000;

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
