//! rustls-webpki, as rustls' `WebPkiServerVerifier` drives it (both `rustls`' default and what Deno uses).
//!
//! Rules: `cert.rs` (parsing), `verify_cert.rs` (search, budget, one certificate), `signed_data.rs`, `subject_name/`
//! (names and constraints), `error.rs` (which of several errors is told) of rustls-webpki 0.103; `server_verifier.rs` of
//! rustls 0.23. It grew out of mozilla::pkix, whose name rules it shares.

mod parse;
mod provider;

use super::mozpkix::{MalformedDnsId, dns_in_subtree, dns_matches, ip_matches};
use crate::judge::case::Case;
use crate::judge::constraints;
use crate::judge::pool::CertId;
use crate::model::target::ReferenceId;
use crate::model::time::Time;
use crate::x509::crl::Crl;
use crate::x509::distribution_point::PointName;
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, EncodingFault, KeyUsage, usage};
use parse::{Role, unparsable};
pub use provider::Provider;
use provider::check_signature;

/// `Budget` in `verify_cert.rs`: signatures as in Go after CVE-2018-16875, comparisons as in Go's `crypto/x509`.
const SIGNATURES: usize = 100;
const NAME_COMPARISONS: usize = 250_000;

/// Calls of `build_chain_inner`. webpki allows 200 000, a second of work; chains that are no attack need a few, so fewer
/// are made here and a search that would need more is left undecided.
const BUILD_CHAIN_CALLS: usize = 20_000;

/// `MAX_SUB_CA_COUNT`.
const MAX_INTERMEDIATES: usize = 6;

/// `webpki::Error`, as far as a server's chain can cause it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    BadDer,
    BadDerTime,
    CaUsedAsEndEntity,
    CertExpired { not_after: Time },
    CertNotValidForName,
    CertNotValidYet { not_before: Time },
    CertRevoked,
    CrlExpired { next_update: Time },
    EmptyEkuExtension,
    EndEntityUsedAsCa,
    ExtensionValueInvalid,
    InvalidCertValidity,
    InvalidCrlSignatureForPublicKey,
    InvalidNetworkMaskConstraint,
    InvalidSignatureForPublicKey,
    IssuerNotCrlSigner,
    MalformedDnsIdentifier,
    MalformedNameConstraint,
    MaximumNameConstraintComparisonsExceeded,
    MaximumPathBuildCallsExceeded,
    MaximumPathDepthExceeded,
    MaximumSignatureChecksExceeded,
    NameConstraintViolation,
    PathLenConstraintViolated,
    RequiredEkuNotFound,
    SignatureAlgorithmMismatch,
    UnknownIssuer,
    UnknownRevocationStatus,
    UnsupportedCertVersion,
    UnsupportedCriticalExtension,
    UnsupportedCrlIssuingDistributionPoint,
    UnsupportedDeltaCrl,
    UnsupportedIndirectCrl,
    UnsupportedRevocationReasonsPartitioning,
    UnsupportedSignatureAlgorithm,
    UnsupportedSignatureAlgorithmForPublicKey,
}

impl Error {
    /// `Error::rank`: of the errors of several paths the highest is told, of equal ones the first.
    fn rank(self) -> u32 {
        match self {
            Self::CertNotValidYet { .. } | Self::CertExpired { .. } => 290,
            Self::CertNotValidForName => 280,
            Self::CertRevoked | Self::UnknownRevocationStatus | Self::CrlExpired { .. } => 270,
            Self::InvalidCrlSignatureForPublicKey | Self::InvalidSignatureForPublicKey => 260,
            Self::SignatureAlgorithmMismatch => 250,
            Self::EmptyEkuExtension => 245,
            Self::RequiredEkuNotFound => 240,
            Self::NameConstraintViolation => 230,
            Self::PathLenConstraintViolated => 220,
            Self::CaUsedAsEndEntity | Self::EndEntityUsedAsCa => 210,
            Self::IssuerNotCrlSigner => 200,
            Self::InvalidCertValidity => 190,
            Self::InvalidNetworkMaskConstraint => 180,
            Self::UnsupportedSignatureAlgorithmForPublicKey => 150,
            Self::UnsupportedSignatureAlgorithm => 140,
            Self::UnsupportedCriticalExtension | Self::UnsupportedCertVersion => 130,
            Self::UnsupportedDeltaCrl => 110,
            Self::UnsupportedIndirectCrl => 100,
            Self::UnsupportedRevocationReasonsPartitioning => 80,
            Self::UnsupportedCrlIssuingDistributionPoint => 70,
            Self::MaximumPathDepthExceeded => 61,
            Self::MalformedDnsIdentifier => 60,
            Self::MalformedNameConstraint => 50,
            Self::ExtensionValueInvalid => 30,
            Self::BadDerTime => 20,
            Self::BadDer => 10,
            Self::MaximumSignatureChecksExceeded
            | Self::MaximumPathBuildCallsExceeded
            | Self::MaximumNameConstraintComparisonsExceeded
            | Self::UnknownIssuer => 0,
        }
    }

    /// `Error::is_fatal`: ends the search at once.
    fn is_fatal(self) -> bool {
        matches!(
            self,
            Self::MaximumSignatureChecksExceeded
                | Self::MaximumPathBuildCallsExceeded
                | Self::MaximumNameConstraintComparisonsExceeded
        )
    }
}

/// An error and the path it was met on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub error: Error,
    pub path: Vec<CertId>,
}

/// `verify_server_cert`: the end entity is parsed, then the chain, then the name.
pub fn verify_server(case: &Case<'_>, end_entity: CertId, provider: Provider) -> Result<Vec<CertId>, Refusal> {
    let certificate = case.pool.get(end_entity);
    let refuse = |error, path| Refusal { error, path };
    if let Some(error) = unparsable(certificate, Role::Path) {
        return Err(refuse(error, vec![end_entity]));
    }
    let mut search = Search {
        case,
        provider,
        intermediates: intermediates(case),
        signatures: SIGNATURES,
        calls: BUILD_CHAIN_CALLS,
        comparisons: NAME_COMPARISONS,
    };
    // `RevocationOptionsBuilder` takes lists that are parsed already.
    let asked = case.asked.filter(|asked| asked.checks_revocation);
    let unusable = asked.and_then(|asked| match asked.has_unreadable_crl {
        true => Some(Error::BadDer),
        false => asked.crls.iter().find_map(unusable_crl),
    });
    if let Some(error) = unusable {
        return Err(refuse(error, Vec::new()));
    }
    let path = search.build(&mut vec![end_entity], 0)?;
    if !case.any_name && !case.name_holds(certificate, names_match) {
        return Err(refuse(Error::CertNotValidForName, path));
    }
    Ok(path)
}

/// Everything behind the end entity, in the order sent, with why it cannot be parsed.
fn intermediates(case: &Case<'_>) -> Vec<Result<CertId, Error>> {
    let sent = case.served.iter().skip(1);
    let parsed = sent.map(|&id| unparsable(case.pool.get(id), Role::Path).map_or(Ok(id), Err));
    parsed.chain(case.unparsable.iter().map(|_| Err(Error::BadDer))).collect()
}

struct Search<'a> {
    case: &'a Case<'a>,
    provider: Provider,
    intermediates: Vec<Result<CertId, Error>>,
    signatures: usize,
    calls: usize,
    comparisons: usize,
}

impl Search<'_> {
    /// `build_chain_inner`: anchors first, then every intermediate, the most specific error of all.
    fn build(&mut self, path: &mut Vec<CertId>, sub_cas: usize) -> Result<Vec<CertId>, Refusal> {
        let case = self.case;
        let Some(&head) = path.last() else {
            return Err(Refusal { error: Error::UnknownIssuer, path: Vec::new() });
        };
        let certificate = case.pool.get(head);
        let is_end_entity = path.len() == 1;
        check_certificate(case, certificate, is_end_entity, sub_cas)
            .map_err(|error| Refusal { error, path: path.clone() })?;
        let mut worst = Refusal { error: Error::UnknownIssuer, path: path.clone() };
        for &anchor in case.pool.named(certificate.issuer.normalised()) {
            let issuer = case.pool.get(anchor);
            if case.is_anchor(anchor).is_none()
                || issuer.subject.raw() != certificate.issuer.raw()
                || unparsable(issuer, Role::Anchor).is_some()
            {
                continue;
            }
            let mut whole = path.clone();
            if anchor != head {
                whole.push(anchor);
            }
            let verified = self.check_signatures(path, anchor).and_then(|()| self.check_name_constraints(path, anchor));
            match verified {
                Ok(()) => return Ok(whole),
                Err(error) if error.is_fatal() => return Err(Refusal { error, path: whole }),
                Err(error) => worst = most_specific(worst, Refusal { error, path: whole }),
            }
        }
        for index in 0..self.intermediates.len() {
            let candidate = match self.intermediates[index] {
                Ok(id) => id,
                Err(error) => {
                    worst = most_specific(worst, Refusal { error, path: path.clone() });
                    continue;
                }
            };
            let issuer = case.pool.get(candidate);
            // Loops: RFC 4158 §5.2.
            let repeats = || {
                path.iter().any(|&id| {
                    let previous = case.pool.get(id);
                    previous.spki() == issuer.spki() && previous.subject.raw() == issuer.subject.raw()
                })
            };
            if issuer.subject.raw() != certificate.issuer.raw() || repeats() {
                continue;
            }
            let Some(calls) = self.calls.checked_sub(1) else {
                return Err(Refusal { error: Error::MaximumPathBuildCallsExceeded, path: path.clone() });
            };
            self.calls = calls;
            let result = if path.len() > MAX_INTERMEDIATES {
                Err(Refusal { error: Error::MaximumPathDepthExceeded, path: path.clone() })
            } else {
                path.push(candidate);
                let result = self.build(path, if is_end_entity { sub_cas } else { sub_cas + 1 });
                path.pop();
                result
            };
            match result {
                Ok(found) => return Ok(found),
                Err(refusal) if refusal.error.is_fatal() => return Err(refusal),
                Err(refusal) => worst = most_specific(worst, refusal),
            }
        }
        Err(worst)
    }

    /// `check_signed_chain`: all signatures of the path, from the anchor down.
    fn check_signatures(&mut self, path: &[CertId], anchor: CertId) -> Result<(), Error> {
        let mut issuer = anchor;
        for &id in path.iter().rev() {
            self.signatures = self.signatures.checked_sub(1).ok_or(Error::MaximumSignatureChecksExceeded)?;
            check_signature(self.case, id, issuer, self.provider)?;
            self.check_revocation(id, path[0] == id, issuer, issuer == anchor)?;
            issuer = id;
        }
        Ok(())
    }

    /// `RevocationOptions::check` for the whole chain, unknown status denied, old lists refused. The first list that is about
    /// the certificate decides. Of a trust anchor no keyUsage is known.
    fn check_revocation(&mut self, id: CertId, is_end: bool, issuer: CertId, by_anchor: bool) -> Result<(), Error> {
        let Some(asked) = self.case.asked.filter(|asked| asked.checks_revocation) else { return Ok(()) };
        let (certificate, issuer) = (self.case.pool.get(id), self.case.pool.get(issuer));
        let crl = asked.crls.iter().find(|crl| is_authoritative(crl, certificate, is_end));
        let crl = crl.ok_or(Error::UnknownRevocationStatus)?;
        self.signatures = self.signatures.checked_sub(1).ok_or(Error::MaximumSignatureChecksExceeded)?;
        if !self.provider.takes_size(&issuer.key) || !crl.is_signed_by(issuer) {
            return Err(Error::InvalidCrlSignatureForPublicKey);
        }
        if let Some(next_update) = crl.next_update.filter(|next| self.case.at >= *next) {
            return Err(Error::CrlExpired { next_update });
        }
        let may_sign = |key_usage: &KeyUsage| key_usage.allows(usage::CRL_SIGN);
        if !by_anchor && !issuer.extensions.key_usage.as_ref().is_none_or(may_sign) {
            return Err(Error::IssuerNotCrlSigner);
        }
        match crl.entry(&certificate.serial, &certificate.issuer) {
            Some(_) => Err(Error::CertRevoked),
            None => Ok(()),
        }
    }

    /// `check_signed_chain_name_constraints`: those of the anchor too, for every certificate below, self-issued or not.
    fn check_name_constraints(&mut self, path: &[CertId], anchor: CertId) -> Result<(), Error> {
        for (above, &issuer) in path.iter().chain([&anchor]).enumerate().skip(1) {
            let Some(constraints) = &self.case.pool.get(issuer).extensions.name_constraints else { continue };
            // `general_subtree` takes no more than the base.
            if constraints.minimum || constraints.maximum {
                return Err(Error::BadDer);
            }
            for &id in path[..above].iter().rev() {
                let certificate = self.case.pool.get(id);
                for name in certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names) {
                    self.check_name(&constraints.permitted, name, true)?;
                    self.check_name(&constraints.excluded, name, false)?;
                }
                // Directory names are not compared: a constraint on them forbids, whatever the subject is.
                let directory = |subtree: &GeneralName| matches!(subtree, GeneralName::Directory(_));
                if constraints.permitted.iter().chain(&constraints.excluded).any(directory) {
                    return Err(Error::NameConstraintViolation);
                }
            }
        }
        Ok(())
    }

    /// `check_presented_id_conforms_to_constraints` for one list of subtrees.
    fn check_name(&mut self, subtrees: &[GeneralName], name: &GeneralName, permitted: bool) -> Result<(), Error> {
        let (mut matched, mut mismatched) = (false, false);
        for subtree in subtrees {
            self.comparisons =
                self.comparisons.checked_sub(1).ok_or(Error::MaximumNameConstraintComparisonsExceeded)?;
            let inside = match (name, subtree) {
                (GeneralName::Dns(name), GeneralName::Dns(base)) => {
                    dns_in_subtree(name, base, !permitted).map_err(|malformed| match malformed {
                        MalformedDnsId::Presented => Error::MalformedDnsIdentifier,
                        MalformedDnsId::Constraint => Error::MalformedNameConstraint,
                    })?
                }
                (GeneralName::Ip(address), GeneralName::Ip(range)) => match (address.len(), range.len()) {
                    (4, 8) | (16, 32) if is_mask(&range[address.len()..]) => constraints::within(name, subtree, false),
                    (4, 32) | (16, 8) => false,
                    (4 | 16, _) => return Err(Error::InvalidNetworkMaskConstraint),
                    _ => return Err(Error::BadDer),
                },
                // Not compared: nothing is permitted, all is excluded.
                (GeneralName::Directory(_), GeneralName::Directory(_)) | (GeneralName::Uri(_), GeneralName::Uri(_)) => {
                    !permitted
                }
                (GeneralName::Email(_), GeneralName::Email(_)) => return Err(Error::NameConstraintViolation),
                (GeneralName::Other(name), GeneralName::Other(base)) if name == base => {
                    return Err(Error::NameConstraintViolation);
                }
                _ => continue,
            };
            matched |= inside;
            mismatched |= !inside;
        }
        let violated = if permitted { mismatched && !matched } else { matched };
        if violated { Err(Error::NameConstraintViolation) } else { Ok(()) }
    }
}

/// What `OwnedCertRevocationList::from_der` does not support.
fn unusable_crl(crl: &Crl) -> Option<Error> {
    if crl.next_update.is_none() {
        return Some(Error::BadDer);
    }
    if crl.delta_base.is_some() {
        return Some(Error::UnsupportedDeltaCrl);
    }
    if crl.has_unknown_critical {
        return Some(Error::UnsupportedCriticalExtension);
    }
    if crl.entries.iter().any(|entry| entry.issuer.is_some()) {
        return Some(Error::UnsupportedIndirectCrl);
    }
    match &crl.scope {
        None => None,
        Some(scope) if scope.only_attribute_certificates => Some(Error::BadDer),
        Some(scope) if scope.indirect => Some(Error::UnsupportedIndirectCrl),
        Some(scope) if scope.reasons.is_some() => Some(Error::UnsupportedRevocationReasonsPartitioning),
        Some(scope) if matches!(scope.name, Some(PointName::Full(_))) => None,
        Some(_) => Some(Error::UnsupportedCrlIssuingDistributionPoint),
    }
}

/// `CertRevocationList::authoritative`: of the certificate's issuer, about its kind, and with a URI in common where both name
/// distribution points.
fn is_authoritative(crl: &Crl, certificate: &Certificate, is_end_entity: bool) -> bool {
    if crl.issuer.raw() != certificate.issuer.raw() {
        return false;
    }
    let Some(scope) = &crl.scope else { return true };
    if (scope.only_ca_certificates && is_end_entity) || (scope.only_user_certificates && !is_end_entity) {
        return false;
    }
    let points = &certificate.extensions.distribution_points;
    let uris = |name: &Option<PointName>| match name {
        Some(PointName::Full(names)) => {
            names.iter().filter(|name| matches!(name, GeneralName::Uri(_))).cloned().collect()
        }
        _ => Vec::new(),
    };
    let offered = uris(&scope.name);
    points.is_empty()
        || points.iter().any(|point| {
            point.crl_issuer.is_empty()
                && point.reasons.is_none()
                && uris(&point.name).iter().any(|uri| offered.contains(uri))
        })
}

/// `Error::most_specific`; of the same error the longer path tells more.
fn most_specific(one: Refusal, other: Refusal) -> Refusal {
    let says_more = one.error == other.error && other.path.len() > one.path.len();
    if other.error.rank() > one.error.rank() || says_more { other } else { one }
}

/// A run of ones, then of zeros (`ip_address.rs`).
fn is_mask(mask: &[u8]) -> bool {
    let bits = mask.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    bits.is_sorted_by(|one, next| one >= next)
}

/// `check_issuer_independent_properties`: keyUsage and key identifiers are not looked at.
fn check_certificate(
    case: &Case<'_>,
    certificate: &Certificate,
    is_end_entity: bool,
    sub_cas: usize,
) -> Result<(), Error> {
    // Years before 1970 are no dates (`time.rs`).
    if certificate.encoding_faults.contains(&EncodingFault::TimeFormat) || certificate.not_before.unix() < 0 {
        return Err(Error::BadDerTime);
    }
    if certificate.not_before > certificate.not_after {
        return Err(Error::InvalidCertValidity);
    }
    if case.at < certificate.not_before {
        return Err(Error::CertNotValidYet { not_before: certificate.not_before });
    }
    if case.at > certificate.not_after {
        return Err(Error::CertExpired { not_after: certificate.not_after });
    }
    if certificate.encoding_faults.contains(&EncodingFault::BasicConstraintsBoolean) {
        return Err(Error::BadDer);
    }
    let path_len = certificate.extensions.basic_constraints.as_ref().and_then(|constraints| constraints.path_len);
    match (is_end_entity, certificate.is_ca()) {
        (true, true) => return Err(Error::CaUsedAsEndEntity),
        (false, false) => return Err(Error::EndEntityUsedAsCa),
        (false, true) if path_len.and_then(|len| usize::try_from(len).ok()).is_some_and(|len| sub_cas > len) => {
            return Err(Error::PathLenConstraintViolated);
        }
        _ => {}
    }
    match &certificate.extensions.extended_key_usage {
        Some(purposes) if purposes.is_empty() => Err(Error::EmptyEkuExtension),
        Some(purposes) if !purposes.server_auth => Err(Error::RequiredEkuNotFound),
        // An empty list is what our parser cannot decode.
        None if certificate.extensions.undecodable.iter().any(|extension| &*extension.oid == "2.5.29.37") => {
            Err(Error::EmptyEkuExtension)
        }
        _ => Ok(()),
    }
}

/// `verify_dns_names`, `verify_ip_address_names`: only the SAN counts.
fn names_match(certificate: &Certificate, reference: &ReferenceId) -> bool {
    certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names).any(|name| match (name, reference) {
        (GeneralName::Dns(presented), ReferenceId::Dns(host)) => dns_matches(presented, host.as_str()),
        (GeneralName::Ip(octets), ReferenceId::Ip(ip)) => ip_matches(octets, *ip),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        assert!(is_mask(&[255, 255, 0, 0]));
        assert!(is_mask(&[255, 0xf0, 0, 0]));
        assert!(is_mask(&[0; 4]));
        assert!(!is_mask(&[255, 0, 255, 0]));
        assert!(!is_mask(&[0x0f, 0, 0, 0]));
    }
}
