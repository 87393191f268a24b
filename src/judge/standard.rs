//! What RFC 5280 §6.1 and TLS server use say about one path: every fault, at its certificate.

use super::case::Case;
use super::constraints;
use super::pool::CertId;
use crate::model::time::Time;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::{Hash, SignatureCheck};
use crate::x509::{Certificate, usage};

/// Something wrong at one certificate of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// 0 is the end entity.
    pub position: usize,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    #[error("no certificate for its issuer is at hand")]
    IssuerNotFound,
    #[error("a certificate with its issuer's name is at hand, but its signature does not verify under that key")]
    IssuerKeyDoesNotMatch { candidate: CertId },
    #[error("it is self-signed and no trust anchor")]
    SelfSignedEndEntity,
    #[error("it is a root that is not in the store")]
    UntrustedRoot,
    #[error("expired: valid until {not_after}, checked at {at}")]
    Expired { not_after: Time, at: Time },
    #[error("not yet valid: valid from {not_before}, checked at {at}")]
    NotYetValid { not_before: Time, at: Time },
    #[error("its signature uses an algorithm we cannot check")]
    SignatureNotChecked,
    #[error("signed with {0:?}, which is broken")]
    WeakSignature(Hash),
    #[error("the key is too weak: {0}")]
    WeakKey(KeyKind),
    #[error("it issues certificates, but is no CA (basicConstraints)")]
    NotACa,
    #[error("its keyUsage does not allow signing certificates (keyCertSign)")]
    KeyCertSignMissing,
    #[error("its path length constraint is {allowed}, and {found} intermediates follow")]
    PathLenExceeded { allowed: u32, found: u32 },
    #[error("its extended key usage does not allow TLS servers (serverAuth)")]
    NotForServers,
    #[error("its keyUsage allows no use in TLS")]
    KeyUsageForbidsTls,
    #[error("its keyUsage lacks digitalSignature, which ECDHE and TLS 1.3 need")]
    DigitalSignatureMissing,
    #[error("the name constraints of a CA above it forbid {0}")]
    NameConstraintViolated(String),
    #[error("critical extension {0} is not understood")]
    UnknownCriticalExtension(String),
    #[error("extension {0} cannot be decoded")]
    UndecodableExtension(String),
    #[error("the signature algorithms inside and outside the signed part differ")]
    AlgorithmsDisagree,
}

impl FaultKind {
    /// The kebab-case word in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::IssuerNotFound => "issuer-not-found",
            Self::IssuerKeyDoesNotMatch { .. } => "issuer-key-does-not-match",
            Self::SelfSignedEndEntity => "self-signed-end-entity",
            Self::UntrustedRoot => "untrusted-root",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::SignatureNotChecked => "signature-not-checked",
            Self::WeakSignature(_) => "weak-signature",
            Self::WeakKey(_) => "weak-key",
            Self::NotACa => "not-a-ca",
            Self::KeyCertSignMissing => "key-cert-sign-missing",
            Self::PathLenExceeded { .. } => "path-len-exceeded",
            Self::NotForServers => "not-for-servers",
            Self::KeyUsageForbidsTls => "key-usage-forbids-tls",
            Self::DigitalSignatureMissing => "digital-signature-missing",
            Self::NameConstraintViolated(_) => "name-constraint-violated",
            Self::UnknownCriticalExtension(_) => "unknown-critical-extension",
            Self::UndecodableExtension(_) => "undecodable-extension",
            Self::AlgorithmsDisagree => "algorithms-disagree",
        }
    }
}

/// All faults of `path` (end entity first), apart from how it ends. A trust anchor at its end is trusted for what it
/// is: of its fields only the dates count, since most clients check those (RFC 5280 §6.1.1 (d) takes name and key only).
pub fn faults(case: &Case<'_>, path: &[CertId], anchored: bool) -> Vec<Fault> {
    let mut found = Vec::new();
    for (position, &id) in path.iter().enumerate() {
        let certificate = case.pool.get(id);
        let is_anchor = anchored && position + 1 == path.len();
        let mut add = |kind| found.push(Fault { position, kind });
        if certificate.not_after < case.at {
            add(FaultKind::Expired { not_after: certificate.not_after, at: case.at });
        }
        if case.at < certificate.not_before {
            add(FaultKind::NotYetValid { not_before: certificate.not_before, at: case.at });
        }
        if is_anchor {
            continue;
        }
        if let Some(&issuer) = path.get(position + 1) {
            if case.pool.signature(id, issuer) == SignatureCheck::Unsupported {
                add(FaultKind::SignatureNotChecked);
            }
            if let Some(weak @ (Hash::Md5 | Hash::Sha1)) = certificate.signature_algorithm.hash() {
                add(FaultKind::WeakSignature(weak));
            }
        }
        if is_weak(&certificate.key) {
            add(FaultKind::WeakKey(certificate.key.clone()));
        }
        if !certificate.algorithms_agree {
            add(FaultKind::AlgorithmsDisagree);
        }
        for extension in certificate.extensions.unknown.iter().filter(|extension| extension.critical) {
            add(FaultKind::UnknownCriticalExtension(extension.oid.to_string()));
        }
        for extension in &certificate.extensions.undecodable {
            add(FaultKind::UndecodableExtension(extension.oid.to_string()));
        }
        if let Some(purposes) = &certificate.extensions.extended_key_usage
            && !purposes.server_auth
            && !(purposes.any && position > 0)
        {
            add(FaultKind::NotForServers);
        }
        if position == 0 {
            let tls = usage::DIGITAL_SIGNATURE | usage::KEY_ENCIPHERMENT | usage::KEY_AGREEMENT;
            match &certificate.extensions.key_usage {
                Some(key_usage) if !key_usage.allows(tls) => add(FaultKind::KeyUsageForbidsTls),
                Some(key_usage) if !key_usage.allows(usage::DIGITAL_SIGNATURE) => {
                    add(FaultKind::DigitalSignatureMissing)
                }
                _ => {}
            }
        } else {
            issuing(certificate, path, position, case, &mut add);
        }
    }
    found.extend(
        constraints::violations(case, path)
            .into_iter()
            .map(|(position, name)| Fault { position, kind: FaultKind::NameConstraintViolated(name) }),
    );
    found
}

/// RFC 5280 §6.1.4 (k) to (n).
fn issuing(
    certificate: &Certificate,
    path: &[CertId],
    position: usize,
    case: &Case<'_>,
    add: &mut impl FnMut(FaultKind),
) {
    if !certificate.is_ca() {
        add(FaultKind::NotACa);
    }
    if certificate.extensions.key_usage.as_ref().is_some_and(|key_usage| !key_usage.allows(usage::KEY_CERT_SIGN)) {
        add(FaultKind::KeyCertSignMissing);
    }
    if let Some(allowed) =
        certificate.extensions.basic_constraints.as_ref().and_then(|constraints| constraints.path_len)
    {
        // Self-issued certificates do not count (RFC 5280 §4.2.1.9).
        let below = path[1..position].iter().filter(|&&id| !case.pool.get(id).is_self_issued()).count();
        let found = u32::try_from(below).unwrap_or(u32::MAX);
        if found > allowed {
            add(FaultKind::PathLenExceeded { allowed, found });
        }
    }
}

/// CA/Browser Forum Baseline Requirements §6.1.5: RSA from 2048 bits, P-256, P-384, P-521.
fn is_weak(key: &KeyKind) -> bool {
    match key {
        KeyKind::Rsa { bits, .. } => *bits < 2048,
        KeyKind::Ec(curve) => *curve == Curve::P224,
        KeyKind::Dsa => true,
        KeyKind::Ed25519 | KeyKind::Ed448 | KeyKind::Other(_) => false,
    }
}
