//! GnuTLS 3.7: sorts what it was sent, cuts it where the trust list knows the issuer, checks from there down and stops at
//! the first certificate with a fault; then it adds what is wrong with name, purpose and staple.
//!
//! The rules are those of `lib/x509/verify.c` (one chain), `verify-high.c` (trust list, sorting), `common.c`
//! (`_gnutls_sort_clist`), `name_constraints.c`, `hostname-verify.c`, `x509.c` (what an import refuses),
//! `lib/cert-session.c` (stapled OCSP) and `lib/auth/cert.c`, with the patches of Debian's 3.7.9.

use std::collections::BTreeSet;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::handshake::{Failure, FailureKind};
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;
use crate::x509::dn::DistinguishedName;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::ocsp::{self, CertificateStatus};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, ExtendedKeyUsage, NameConstraints, usage};

/// `DEFAULT_MAX_VERIFY_DEPTH` of `gnutls_int.h`: certificates in the message, and what is sorted.
const MAX_CERTIFICATES: usize = 16;

/// `MAX_VERIFY_DEPTH` of `gnutls_int.h`: what is left of it bounds the path, and pathLenConstraint lowers it.
const MAX_PATH: u32 = 4096;

/// `MAX_HANDSHAKE_PACKET_SIZE` of `gnutls_int.h`.
const MAX_MESSAGE: usize = 128 * 1024;

/// `MAX_CN` of `str.h`: octets of a name that still fit.
const MAX_NAME: usize = 255;

/// `MAX_NC_CHECKS` of `name_constraints.c`.
const MAX_NAME_CHECKS: usize = 1 << 20;

/// `MAX_OCSP_VALIDITY_SECS` of `cert-session.c`: how long an OCSP answer without nextUpdate holds.
const MAX_OCSP_SECONDS: i64 = 3 * 24 * 60 * 60;

/// `supported_exts.gperf`: those that may be critical.
const SUPPORTED: &[&str] = &[
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.18",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.35",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.14",
    "1.3.6.1.5.5.7.1.24",
];

/// What a program on GnuTLS asks `gnutls_certificate_verify_peers` to check besides the path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// `GNUTLS_DT_KEY_PURPOSE_OID`, serverAuth.
    pub purpose: bool,
    /// `GNUTLS_DT_DNS_HOSTNAME`.
    pub host: bool,
    /// `GNUTLS_VERIFY_DO_NOT_ALLOW_SAME`: an end entity is not trusted for being in the list of anchors.
    pub needs_issuer: bool,
    pub profile: Profile,
}

/// `gnutls_certificate_verification_profiles_t`: how strong keys must be (`lib/algorithms/secparams.c`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// 80 bits, the level of priority NORMAL.
    #[default]
    Low,
    /// 112 bits.
    Medium,
}

/// One of the `GNUTLS_CERT_` flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    UnexpectedOwner,
    Expired,
    NotActivated,
    Revoked,
    SignerNotFound,
    SignerNotCa,
    InsecureAlgorithm,
    SignerConstraints,
    Purpose,
    Signature,
    UnknownCriticalExtension,
    MissingOcsp,
    InvalidOcsp,
    OcspSuperseded,
}

/// The outcome of `gnutls_certificate_verify_peers`: several faults at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// `GNUTLS_CERT_INVALID`, which can stand alone.
    pub invalid: bool,
    pub faults: BTreeSet<Fault>,
}

impl Status {
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn add(&mut self, fault: Fault) {
        self.invalid = true;
        self.faults.insert(fault);
    }

    fn merge(&mut self, other: Self) {
        self.invalid |= other.invalid;
        self.faults.extend(other.faults);
    }

    /// `SIGNER_OLD_OR_UNKNOWN` of `verify-high.c`.
    fn signer_is_old_or_unknown(&self) -> bool {
        [Fault::SignerNotFound, Fault::Expired, Fault::InsecureAlgorithm].iter().any(|&fault| self.has(fault))
    }

    /// `gnutls_certificate_verification_status_print`: the sentences, in its order.
    pub fn sentences(&self) -> String {
        const SENTENCES: &[(Fault, &str)] = &[
            (Fault::Revoked, "The certificate chain is revoked."),
            (Fault::OcspSuperseded, "The revocation or OCSP data are old and have been superseded."),
            (Fault::SignerNotFound, "The certificate issuer is unknown."),
            (Fault::SignerNotCa, "The certificate issuer is not a CA."),
            (Fault::InsecureAlgorithm, "The certificate chain uses insecure algorithm."),
            (Fault::SignerConstraints, "The certificate chain violates the signer's constraints."),
            (Fault::Purpose, "The certificate chain does not match the intended purpose."),
            (Fault::NotActivated, "The certificate chain uses not yet valid certificate."),
            (Fault::Expired, "The certificate chain uses expired certificate."),
            (Fault::Signature, "The signature in the certificate is invalid."),
            (Fault::UnexpectedOwner, "The name in the certificate does not match the expected."),
            (
                Fault::MissingOcsp,
                "The certificate requires the server to include an OCSP status in its response, but the OCSP status is missing.",
            ),
            (Fault::InvalidOcsp, "The received OCSP status response is invalid."),
            (Fault::UnknownCriticalExtension, "The certificate contains an unknown critical extension."),
        ];
        let sentences = SENTENCES.iter().filter(|(fault, _)| self.has(*fault)).map(|(_, sentence)| *sentence);
        sentences.collect::<Vec<_>>().join(" ")
    }
}

/// The path as it was cut, and what is wrong with it.
#[derive(Debug)]
pub struct Outcome {
    pub chain: Vec<CertId>,
    pub status: Status,
}

/// What `gnutls_handshake` returns: its own error, or an alert that the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeError {
    /// `gnutls_strerror`.
    pub text: &'static str,
    /// Number and `gnutls_alert_get_name` of the alert received.
    pub alert: Option<(u8, &'static str)>,
    pub category: Category,
}

impl HandshakeError {
    const fn own(category: Category, text: &'static str) -> Self {
        Self { text, alert: None, category }
    }

    /// `GNUTLS_E_FATAL_ALERT_RECEIVED`, with the texts of `lib/alert.c`; `name` as RFC 8446 §6 has it.
    fn alert(name: &str) -> Self {
        let (number, text, category) = match name {
            "unexpected_message" => (10, "Unexpected message", Category::Handshake),
            "bad_record_mac" => (20, "Bad record MAC", Category::Handshake),
            "record_overflow" => (22, "Record overflow", Category::Handshake),
            "bad_certificate" => (42, "Certificate is bad", Category::Handshake),
            "unsupported_certificate" => (43, "Certificate is not supported", Category::Handshake),
            "certificate_revoked" => (44, "Certificate was revoked", Category::Handshake),
            "certificate_expired" => (45, "Certificate is expired", Category::Handshake),
            "certificate_unknown" => (46, "Unknown certificate", Category::Handshake),
            "illegal_parameter" => (47, "Illegal parameter", Category::Handshake),
            "unknown_ca" => (48, "CA is unknown", Category::Handshake),
            "access_denied" => (49, "Access was denied", Category::Handshake),
            "decode_error" => (50, "Decode error", Category::Handshake),
            "decrypt_error" => (51, "Decrypt error", Category::Handshake),
            "protocol_version" => (70, "Error in protocol version", Category::TlsVersion),
            "insufficient_security" => (71, "Insufficient security", Category::WeakHandshake),
            "internal_error" => (80, "Internal error", Category::Handshake),
            "inappropriate_fallback" => (86, "Inappropriate fallback", Category::Handshake),
            "user_canceled" => (90, "User canceled", Category::Handshake),
            "missing_extension" => (109, "An extension was expected but was not seen", Category::Handshake),
            "unsupported_extension" => (110, "An unsupported extension was sent", Category::Handshake),
            "unrecognized_name" => (112, "The server name sent was not recognized", Category::UnrecognizedName),
            "certificate_required" => (116, "Certificate is required", Category::ClientCertificate),
            "no_application_protocol" => {
                (120, "No supported application protocol could be negotiated", Category::Handshake)
            }
            _ => (40, "Handshake failed", Category::Handshake),
        };
        Self { text: "A TLS fatal alert has been received.", alert: Some((number, text)), category }
    }
}

/// What it says when the handshake fails this way; `None` where GnuTLS goes on or nothing is known.
pub fn handshake_error(failure: &Failure) -> Option<HandshakeError> {
    if let Some(name) = &failure.alert {
        return Some(HandshakeError::alert(name));
    }
    Some(match failure.kind {
        FailureKind::Reset => HandshakeError::own(Category::Closed, "Error in the pull function."),
        // A record that is cut short; at the border of a record it would say "The TLS connection was non-properly terminated."
        FailureKind::Closed => HandshakeError::own(Category::Closed, "Error decoding the received TLS packet."),
        FailureKind::Plaintext | FailureKind::NotTls => {
            HandshakeError::own(Category::NotTls, "An unexpected TLS packet was received.")
        }
        FailureKind::ClientCertificateRequired => HandshakeError::alert("certificate_required"),
        FailureKind::SignatureWrong => {
            HandshakeError::own(Category::Handshake, "Public key signature verification has failed.")
        }
        FailureKind::NoCertificate => HandshakeError::own(Category::Handshake, "No certificate was found."),
        _ => return None,
    })
}

/// What stops the handshake before or while the Certificate message is read (`lib/auth/cert.c`,
/// `gnutls_x509_crt_import`): every certificate of the list is imported, whether it is needed or not.
pub fn receive(case: &Case<'_>) -> Result<(), HandshakeError> {
    if case.end_entity().is_some_and(|id| !negotiates(&case.pool.get(id).key)) {
        return Err(HandshakeError::alert("handshake_failure"));
    }
    if case.certificate_message_bytes() > MAX_MESSAGE {
        return Err(HandshakeError::own(Category::MessageTooBig, "The handshake data size is too large."));
    }
    if !case.unparsable.is_empty() || case.served.iter().any(|&id| !is_importable(case.pool.get(id))) {
        return Err(HandshakeError::own(Category::BadFormat, "Error in the certificate."));
    }
    Ok(())
}

/// `_gnutls_check_key_usage_for_sig` and `_gnutls_check_key_usage_for_enc` (`lib/tls-sig.c`), which run when the server
/// uses its key; a keyUsage without any bit counts as none.
pub fn key_usage_allows_handshake(case: &Case<'_>) -> Result<(), HandshakeError> {
    let needed = match case.tls.and_then(|tls| tls.cipher_suite.as_deref()) {
        Some(suite) if suite.starts_with("TLS_RSA_WITH_") => usage::KEY_ENCIPHERMENT,
        _ => usage::DIGITAL_SIGNATURE,
    };
    let key_usage = case.end_entity().and_then(|id| case.pool.get(id).extensions.key_usage.as_ref());
    if key_usage.is_none_or(|key_usage| key_usage.bits == 0 || key_usage.allows(needed)) {
        return Ok(());
    }
    Err(HandshakeError::own(Category::Usage, "Key usage violation in certificate has been detected."))
}

/// Keys that the signature algorithms and groups of priority NORMAL allow (`lib/priority.c`).
fn negotiates(key: &KeyKind) -> bool {
    match key {
        KeyKind::Rsa { .. } | KeyKind::Ed25519 | KeyKind::Ed448 => true,
        KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
        KeyKind::Dsa | KeyKind::Other(_) => false,
    }
}

/// `gnutls_x509_crt_import` with `_gnutls_check_cert_sanity`, and the import of the key that follows it.
fn is_importable(certificate: &Certificate) -> bool {
    let extensions = &certificate.extensions;
    let alternative_names = |oid: &str| matches!(oid, "2.5.29.17" | "2.5.29.18");
    certificate.algorithms_agree
        && (certificate.version >= 3 || extensions.count == 0)
        && extensions.repeated.is_empty()
        && !extensions.undecodable.iter().any(|extension| alternative_names(&extension.oid))
        && match certificate.key {
            KeyKind::Ec(curve) => !matches!(curve, Curve::Secp256k1 | Curve::Other),
            KeyKind::Other(_) => false,
            _ => true,
        }
}

/// `gnutls_certificate_verify_peers`. `None`: more certificates than it looks at (`GNUTLS_E_CONSTRAINT_ERROR`).
pub fn verify(case: &Case<'_>, end_entity: CertId, settings: Settings) -> Option<Outcome> {
    if case.served.len() > MAX_CERTIFICATES {
        return None;
    }
    let verification = Verification { case, settings };
    let mut chain = verification.shorten(verification.sorted());
    let mut status = verification.verify_list(&mut chain);
    let certificate = case.pool.get(end_entity);
    if settings.purpose && !has_purpose(certificate, true) {
        status.add(Fault::Purpose);
    }
    if settings.host && !case.any_name && !case.name_holds(certificate, matches_host) {
        status.add(Fault::UnexpectedOwner);
    }
    status.merge(staple_status(case));
    Some(Outcome { chain, status })
}

struct Verification<'a> {
    case: &'a Case<'a>,
    settings: Settings,
}

/// What `verify_crt` carries from one certificate down to the next (`verify_state_st`).
struct Below<'a> {
    max_path: u32,
    constraints: Vec<&'a NameConstraints>,
    must_staple: bool,
}

impl<'a> Verification<'a> {
    fn get(&self, id: CertId) -> &'a Certificate {
        self.case.pool.get(id)
    }

    /// The trust list's bucket for a name: found by a hash of the name's octets, so a trusted issuer's name must be
    /// encoded alike (`gnutls_x509_trust_list_add_cas`).
    fn trusted(&self, name: &DistinguishedName) -> Vec<CertId> {
        let same = self.case.pool.named(name.normalised()).iter().copied();
        same.filter(|&id| self.case.is_anchor(id).is_some() && self.get(id).subject.raw() == name.raw()).collect()
    }

    /// The first half of `gnutls_x509_trust_list_verify_crt2`: sort what is left, drop duplicates, stop where the trust list
    /// has the issuer, go on behind a gap.
    fn sorted(&self) -> Vec<CertId> {
        let mut list = self.case.served.to_vec();
        let mut seen: Vec<CertId> = Vec::new();
        let mut done = 0;
        while done < list.len() {
            let sorted = self.sort(&mut list[done..]);
            if let Some(duplicate) = (done..done + sorted).find(|&position| seen.contains(&list[position])) {
                // Only the next one is moved up before the list is cut by one, so the last is lost.
                if duplicate + 1 < list.len() {
                    list[duplicate] = list[duplicate + 1];
                }
                list.pop();
                continue;
            }
            seen.extend_from_slice(&list[done..done + sorted]);
            done += sorted;
            let last = self.get(list[done - 1]);
            if self.trusted(&last.issuer).iter().any(|&id| is_issuer(last, self.get(id))) {
                list.truncate(done);
            }
        }
        list
    }

    /// `_gnutls_sort_clist`: the first certificate, its issuer (the first in the list that fits), that one's, …; the rest
    /// behind. Returns how many are in line.
    fn sort(&self, list: &mut [CertId]) -> usize {
        let issuer_of = |of: usize| {
            let certificate = self.get(list[of]);
            if is_issuer(certificate, certificate) {
                return None;
            }
            (1..list.len()).find(|&other| other != of && is_issuer(certificate, self.get(list[other])))
        };
        let mut line = vec![0];
        while let Some(next) = issuer_of(line[line.len() - 1]) {
            if line.contains(&next) {
                break; // a loop of issuers
            }
            line.push(next);
        }
        let rest = (1..list.len()).filter(|position| !line.contains(position));
        let order: Vec<CertId> = line.iter().copied().chain(rest).map(|position| list[position]).collect();
        list.copy_from_slice(&order);
        line.len()
    }

    /// `shorten_clist`: a self-issued last certificate is left out, and what follows a trusted one.
    fn shorten(&self, mut list: Vec<CertId>) -> Vec<CertId> {
        self.drop_self_issued_end(&mut list);
        let trusted = |position: &usize| self.trusted(&self.get(list[*position]).issuer).contains(&list[*position]);
        if let Some(first) = (1..list.len()).find(trusted) {
            list.truncate(first + 1);
        }
        list
    }

    fn drop_self_issued_end(&self, list: &mut Vec<CertId>) {
        if list.len() > 1 && list.last().is_some_and(|&last| is_issuer(self.get(last), self.get(last))) {
            list.pop();
        }
    }

    /// The second half of `gnutls_x509_trust_list_verify_crt2`: against the anchors with the last issuer's name, then
    /// against those with the last subject's. `list` becomes the path.
    fn verify_list(&self, list: &mut Vec<CertId>) -> Status {
        let Some(&last) = list.last() else { return Status { invalid: true, ..Status::default() } };
        let last = self.get(last);
        let mut path = list.clone();
        let mut status = self.verify_path(&mut path, &self.trusted(&last.issuer));
        if status.signer_is_old_or_unknown() && last.subject.raw() != last.issuer.raw() {
            let mut other_path = list.clone();
            let other = self.verify_path(&mut other_path, &self.trusted(&last.subject));
            if !other.invalid || status.has(Fault::SignerNotFound) {
                (status, path) = (other, other_path);
            }
        }
        *list = path;
        status
    }

    /// `_gnutls_verify_crt_status`: from the top down, until the first certificate with a fault. `path` gets the anchor.
    fn verify_path(&self, path: &mut Vec<CertId>, trusted: &[CertId]) -> Status {
        self.drop_self_issued_end(path);
        for position in 0..path.len() {
            let is_same = |&anchor: &CertId| {
                anchor == path[position]
                    || (position > 0 && has_same_name_and_key(self.get(anchor), self.get(path[position])))
            };
            if position == 0 && self.settings.needs_issuer {
                continue;
            }
            let Some(anchor) = trusted.iter().copied().find(is_same) else { continue };
            let status = self.check_anchor(anchor);
            path.truncate(position);
            if status.invalid || position == 0 {
                path.push(anchor);
                return status;
            }
            break;
        }
        let mut below = Below { max_path: MAX_PATH, constraints: Vec::new(), must_staple: false };
        let Some(&last) = path.last() else { return Status::default() };
        let anchor = self.find_issuer(last, trusted);
        let length = path.len();
        path.extend(anchor);
        let status = self.verify_certificate(last, anchor, &mut below, false, length == 1);
        if status.invalid {
            return status;
        }
        for position in (0..length - 1).rev() {
            let (subject, issuer) = (path[position], path[position + 1]);
            if self.settings.purpose && !has_purpose(self.get(issuer), false) {
                let mut status = Status::default();
                status.add(Fault::Purpose);
                return status;
            }
            let issuer = Some(issuer).filter(|&issuer| is_issuer(self.get(subject), self.get(issuer)));
            let status = self.verify_certificate(subject, issuer, &mut below, true, position == 0);
            if status.invalid {
                return status;
            }
        }
        Status::default()
    }

    /// `check_ca_sanity`.
    fn check_anchor(&self, anchor: CertId) -> Status {
        let certificate = self.get(anchor);
        let mut status = self.time_status(certificate);
        if !self.settings.profile.accepts(certificate) {
            status.add(Fault::InsecureAlgorithm);
        }
        status
    }

    /// `find_issuer`: the first that fits, or a later one that is valid now.
    fn find_issuer(&self, of: CertId, trusted: &[CertId]) -> Option<CertId> {
        let at = self.case.at;
        let mut found = None;
        for &candidate in trusted {
            let certificate = self.get(candidate);
            let is_valid = certificate.not_before <= at && at < certificate.not_after;
            if is_issuer(self.get(of), certificate) && (found.is_none() || is_valid) {
                found = Some(candidate);
            }
        }
        found
    }

    /// `verify_crt`: all that is wrong with one certificate under one issuer.
    fn verify_certificate(
        &self,
        id: CertId,
        issuer_id: Option<CertId>,
        below: &mut Below<'a>,
        refuse_v1: bool,
        is_end: bool,
    ) -> Status {
        let mut status = Status::default();
        let certificate = self.get(id);
        let Some(left) = below.max_path.checked_sub(1) else {
            status.add(Fault::SignerConstraints);
            return status;
        };
        below.max_path = left;
        if let Some(issuer_id) = issuer_id {
            let issuer = self.get(issuer_id);
            if !constraints_hold(certificate, issuer, below, is_end) {
                status.add(Fault::SignerConstraints);
            }
            below.must_staple |= issuer.extensions.must_staple;
            if below.must_staple && !certificate.extensions.must_staple {
                status.add(Fault::SignerConstraints);
            }
            if refuse_v1 || issuer.version != 1 {
                if !may_sign(id, issuer_id, issuer, &mut below.max_path, refuse_v1) {
                    status.add(Fault::SignerNotCa);
                }
                match &issuer.extensions.key_usage {
                    Some(key_usage) if !key_usage.allows(usage::KEY_CERT_SIGN) => status.add(Fault::SignerConstraints),
                    Some(_) => {}
                    None => status.invalid |= is_undecodable(issuer, "2.5.29.15"),
                }
            }
            // What our library cannot compute, GnuTLS can: MD5, P-224, Ed448.
            if self.case.pool.signature(id, issuer_id) == SignatureCheck::Invalid {
                if is_made_with(&certificate.signature_algorithm, &issuer.key) {
                    status.add(Fault::Signature);
                } else {
                    status.invalid = true; // GNUTLS_E_INCOMPATIBLE_SIG_WITH_KEY
                }
            }
            if has_unknown_critical(issuer) {
                status.add(Fault::UnknownCriticalExtension);
            }
        } else {
            status.add(Fault::SignerNotFound);
        }
        if is_end && has_unknown_critical(certificate) {
            status.add(Fault::UnknownCriticalExtension);
        }
        if matches!(&certificate.signature_algorithm, SignatureAlgorithm::Other(oid) if &**oid == DSA_SHA1) {
            status.add(Fault::InsecureAlgorithm);
        }
        if !matches!(certificate.signature_algorithm, SignatureAlgorithm::Other(_)) {
            let is_weak = matches!(certificate.signature_algorithm.hash(), Some(Hash::Md5 | Hash::Sha1));
            let keys = [Some(certificate), issuer_id.map(|issuer| self.get(issuer))];
            if keys.into_iter().flatten().any(|owner| !self.settings.profile.accepts(owner))
                || certificate.signature_algorithm.hash() == Some(Hash::Md5)
                || (is_weak && !is_issuer(certificate, certificate))
            {
                status.add(Fault::InsecureAlgorithm);
            }
        }
        if let Some(issuer) = issuer_id {
            status.merge(self.time_status(self.get(issuer)));
        }
        status.merge(self.time_status(certificate));
        status
    }

    /// `check_time_status`: the last second of notAfter still counts.
    fn time_status(&self, certificate: &Certificate) -> Status {
        let mut status = Status::default();
        if self.case.at < certificate.not_before {
            status.add(Fault::NotActivated);
        } else if self.case.at > certificate.not_after {
            status.add(Fault::Expired);
        }
        status
    }
}

/// `is_issuer`: the names, and the key identifiers where both have one. The signature is not looked at.
fn is_issuer(certificate: &Certificate, issuer: &Certificate) -> bool {
    if !is_same_name(&certificate.issuer, &issuer.subject) {
        return false;
    }
    let wanted = certificate.extensions.authority_key_id.as_ref().and_then(|authority| authority.key_id.as_ref());
    match (wanted, &issuer.extensions.subject_key_id) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => true,
    }
}

/// `_gnutls_x509_compare_raw_dn`: the octets, or the characters whatever the string type; letter case and white space
/// count.
fn is_same_name(one: &DistinguishedName, other: &DistinguishedName) -> bool {
    one.raw() == other.raw()
        || (one.normalised() == other.normalised() && {
            let parts = |name: &DistinguishedName| -> Vec<(usize, String, String)> {
                name.attributes().into_iter().map(|part| (part.rdn, part.oid, part.text)).collect()
            };
            parts(one) == parts(other)
        })
}

/// `_gnutls_check_if_same_key`.
fn has_same_name_and_key(one: &Certificate, other: &Certificate) -> bool {
    is_same_name(&one.subject, &other.subject) && one.spki() == other.spki()
}

/// `check_if_ca`: basicConstraints, which also shortens what may follow; a self-issued anchor without the extension will
/// do, and so does the certificate itself.
fn may_sign(id: CertId, issuer_id: CertId, issuer: &Certificate, max_path: &mut u32, refuse_v1: bool) -> bool {
    if id == issuer_id {
        return true;
    }
    match &issuer.extensions.basic_constraints {
        Some(constraints) if constraints.ca => {
            *max_path = constraints.path_len.map_or(*max_path, |allowed| allowed.min(*max_path));
            true
        }
        Some(_) => false,
        None => !refuse_v1 && !is_undecodable(issuer, "2.5.29.19") && is_issuer(issuer, issuer),
    }
}

fn is_undecodable(certificate: &Certificate, oid: &str) -> bool {
    certificate.extensions.undecodable.iter().any(|extension| *extension.oid == *oid)
}

/// `check_for_unknown_exts`.
fn has_unknown_critical(certificate: &Certificate) -> bool {
    certificate.extensions.critical.iter().any(|oid| !SUPPORTED.contains(&&**oid))
}

/// `pubkey_supports_sig`: is it a signature that this kind of key makes?
fn is_made_with(algorithm: &SignatureAlgorithm, key: &KeyKind) -> bool {
    matches!(
        (algorithm, key),
        (SignatureAlgorithm::RsaPkcs1(_), KeyKind::Rsa { pss: false, .. })
            | (SignatureAlgorithm::RsaPss(_), KeyKind::Rsa { .. })
            | (SignatureAlgorithm::Ecdsa(_), KeyKind::Ec(_))
            | (SignatureAlgorithm::Ed25519, KeyKind::Ed25519)
            | (SignatureAlgorithm::Ed448, KeyKind::Ed448)
    )
}

impl Profile {
    /// `is_level_acceptable`: of the key. What GnuTLS has no curve for has no strength.
    fn accepts(self, certificate: &Certificate) -> bool {
        match (&certificate.key, self) {
            (KeyKind::Rsa { bits, .. }, Self::Low) => *bits >= 1024,
            (KeyKind::Rsa { bits, .. }, Self::Medium) => *bits >= 2048,
            (KeyKind::Ec(Curve::Secp256k1 | Curve::Other), Self::Medium) => false,
            _ => true,
        }
    }
}

/// `dsa-with-sha1` (RFC 3279 §2.2.2), the one of the algorithms that only GnuTLS' name is known of which is too weak for it.
const DSA_SHA1: &str = "1.2.840.10040.4.3";

/// `_gnutls_check_key_purpose` for serverAuth; a CA may have one of the old step-up purposes instead.
fn has_purpose(certificate: &Certificate, any_counts: bool) -> bool {
    const STEP_UP: [&str; 2] = ["2.16.840.1.113730.4.1", "2.16.840.1.113733.1.8.1"];
    let steps_up =
        |purposes: &ExtendedKeyUsage| certificate.is_ca() && purposes.other.iter().any(|oid| STEP_UP.contains(&&**oid));
    match &certificate.extensions.extended_key_usage {
        Some(purposes) => {
            purposes.is_empty() || purposes.server_auth || (any_counts && purposes.any) || steps_up(purposes)
        }
        None => !is_undecodable(certificate, "2.5.29.37"),
    }
}

/// Adds the issuer's name constraints and holds the end entity's names against all of them; names of CAs are not looked at.
fn constraints_hold<'a>(
    certificate: &Certificate,
    issuer: &'a Certificate,
    below: &mut Below<'a>,
    is_end: bool,
) -> bool {
    if is_undecodable(issuer, "2.5.29.30") {
        return false;
    }
    if let Some(constraints) = &issuer.extensions.name_constraints {
        if !constraints.permitted.iter().chain(&constraints.excluded).all(is_valid_constraint) {
            return false;
        }
        below.constraints.push(constraints);
    }
    !is_end || below.constraints.iter().all(|constraints| names_are_allowed(certificate, constraints))
}

/// `validate_name_constraints_node`.
fn is_valid_constraint(subtree: &GeneralName) -> bool {
    match subtree {
        GeneralName::Dns(text) | GeneralName::Email(text) => !text.contains("..") && **text != *".",
        GeneralName::Ip(range) => {
            let (_, mask) = range.split_at(range.len() / 2);
            let bits: Vec<bool> =
                mask.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
            matches!(range.len(), 8 | 32) && bits.is_sorted_by(|before, after| before >= after)
        }
        GeneralName::Uri(_) | GeneralName::Directory(_) | GeneralName::Other(0) => true,
        GeneralName::Other(_) | GeneralName::Invalid(_) => false,
    }
}

/// `gnutls_x509_name_constraints_check_crt` for each type of name. Directory names and URIs are not compared: an excluded
/// subtree of such a type refuses every certificate (with such a name), a permitted one none.
fn names_are_allowed(certificate: &Certificate, constraints: &NameConstraints) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let subtrees = || constraints.permitted.iter().chain(&constraints.excluded);
    if subtrees().count().saturating_mul(names.len()) > MAX_NAME_CHECKS {
        return false;
    }
    let constrains = |is_type: fn(&GeneralName) -> bool| subtrees().any(is_type);
    let excludes = |is_type: fn(&GeneralName) -> bool| constraints.excluded.iter().any(is_type);
    let is_dns = |name: &GeneralName| matches!(name, GeneralName::Dns(_));
    let is_email = |name: &GeneralName| matches!(name, GeneralName::Email(_));
    let is_uri = |name: &GeneralName| matches!(name, GeneralName::Uri(_));
    let allowed = |is_type: fn(&GeneralName) -> bool| {
        names.iter().filter(|name| is_type(name)).all(|name| is_allowed(name, constraints))
    };
    let from_subject = |oid: &str, make: fn(Box<str>) -> GeneralName| {
        let attributes = certificate.subject.attributes();
        let mut values = attributes.iter().filter(|attribute| attribute.oid == oid);
        match (values.next(), values.next()) {
            (None, _) => true,
            (Some(only), None) => is_allowed(&make(only.text.as_str().into()), constraints),
            _ => false, // more than one: refused (RFC 6125 §1.8)
        }
    };
    let dns = !constrains(is_dns)
        || if names.iter().any(is_dns) {
            allowed(is_dns)
        } else {
            !has_purpose(certificate, true) || from_subject("2.5.4.3", GeneralName::Dns)
        };
    let email = !constrains(is_email)
        || if names.iter().any(is_email) {
            allowed(is_email)
        } else {
            from_subject("1.2.840.113549.1.9.1", GeneralName::Email)
        };
    dns && email
        && !excludes(|name| matches!(name, GeneralName::Directory(_)))
        && !(excludes(is_uri) && names.iter().any(is_uri))
        && allowed(|name| matches!(name, GeneralName::Ip(_)))
}

/// `check_dns_constraints`, `check_email_constraints`, `check_ip_constraints`. An empty excluded name excludes all of its
/// type; an empty permitted one says nothing.
fn is_allowed(name: &GeneralName, constraints: &NameConstraints) -> bool {
    let text_is_empty = |subtree: &GeneralName| match subtree {
        GeneralName::Dns(text) | GeneralName::Email(text) => text.is_empty(),
        _ => false,
    };
    let same_type = |subtree: &&GeneralName| match (name, *subtree) {
        (GeneralName::Ip(address), GeneralName::Ip(range)) => range.len() == 2 * address.len(),
        (name, subtree) => std::mem::discriminant(name) == std::mem::discriminant(subtree),
    };
    if matches!(name, GeneralName::Dns(text) | GeneralName::Email(text) if text.len() > MAX_NAME) {
        return false;
    }
    if constraints.excluded.iter().filter(same_type).any(|subtree| text_is_empty(subtree) || is_within(name, subtree)) {
        return false;
    }
    let mut permitted =
        constraints.permitted.iter().filter(same_type).filter(|subtree| !text_is_empty(subtree)).peekable();
    permitted.peek().is_none() || permitted.any(|subtree| is_within(name, subtree))
}

/// `compare_dns_names`, `compare_emails`, `ip_in_cidr`: a wildcard is compared as it stands.
fn is_within(name: &GeneralName, subtree: &GeneralName) -> bool {
    match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_within(name, base),
        (GeneralName::Email(address), GeneralName::Email(base)) => {
            let (local, host) = address.rsplit_once('@').unwrap_or(("", address));
            match base.rsplit_once('@') {
                Some((wanted, base)) => local == wanted && host.eq_ignore_ascii_case(base),
                None if base.starts_with('.') => dns_within(host, base),
                None => host.eq_ignore_ascii_case(base),
            }
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => {
            let (base, mask) = range.split_at(range.len() / 2);
            address.iter().zip(base).zip(mask).all(|((a, b), m)| a & m == b & m)
        }
        _ => false,
    }
}

/// Labels are compared from the right; `.example.com` is read as "subdomains of", final dots are ignored.
fn dns_within(name: &str, base: &str) -> bool {
    let (name, base) = (name.trim_end_matches('.'), base.trim_end_matches('.'));
    let Some(cut) = name.len().checked_sub(base.len()) else { return false };
    let ends = name.as_bytes()[cut..].eq_ignore_ascii_case(base.as_bytes());
    ends && if base.starts_with('.') { cut > 0 } else { cut == 0 || name.as_bytes()[cut - 1] == b'.' }
}

/// `gnutls_x509_crt_check_hostname2`: the SAN; the common name only when there is a single one and the SAN has neither
/// dNSName nor iPAddress nor URI. An address is never compared with text.
pub fn matches_host(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let host = match reference {
        ReferenceId::Ip(address) => return names.iter().any(|name| name.as_ip() == Some(*address)),
        ReferenceId::Dns(host) => host.as_str(),
    };
    let is_dns_match = |name: &GeneralName| matches!(name, GeneralName::Dns(text) if matches_text(text, host));
    if names.iter().any(is_dns_match) {
        return true;
    }
    let precludes = |name: &GeneralName| match name {
        GeneralName::Dns(_) | GeneralName::Ip(_) | GeneralName::Uri(_) => true,
        GeneralName::Email(text) => text.len() > MAX_NAME,
        _ => false,
    };
    if names.iter().any(precludes) || !has_purpose(certificate, true) {
        return false;
    }
    let attributes = certificate.subject.attributes();
    let mut common_names = attributes.iter().filter(|attribute| attribute.oid == "2.5.4.3");
    matches!((common_names.next(), common_names.next()), (Some(only), None) if matches_text(&only.text, host))
}

/// `_gnutls_hostname_compare`: a leading asterisk stands for any part of the first label, also for nothing, when two dots
/// follow.
fn matches_text(presented: &str, host: &str) -> bool {
    if presented.len() > MAX_NAME || !presented.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return false;
    }
    let Some(rest) = presented.strip_prefix('*') else { return presented.eq_ignore_ascii_case(host) };
    if rest.matches('.').count() < 2 || rest.ends_with('.') {
        return false;
    }
    let first_label = host.find('.').unwrap_or(host.len());
    host.is_ascii() && (0..=first_label).any(|start| host[start..].eq_ignore_ascii_case(rest))
}

/// The OCSP part of `_gnutls_x509_cert_verify_peers`: the staple is the end entity's; any certificate that demands one and
/// has none is at fault.
fn staple_status(case: &Case<'_>) -> Status {
    let mut status = Status::default();
    for (position, &id) in case.served.iter().enumerate() {
        let demands = case.pool.get(id).extensions.must_staple;
        match case.ocsp_staple.filter(|_| position == 0) {
            None if demands => status.add(Fault::MissingOcsp),
            None => {}
            Some(staple) => match read_staple(case, staple, id) {
                Err(ocsp::Error::NotSuccessful) if demands => status.add(Fault::MissingOcsp),
                Err(ocsp::Error::NotSuccessful) => {}
                Err(_) => status.add(Fault::InvalidOcsp),
                Ok(answer) if answer.status == CertificateStatus::Revoked => status.add(Fault::Revoked),
                Ok(answer) => {
                    let is_old = match answer.next_update {
                        Some(next) => next < case.at,
                        None => case.at.since(answer.this_update) > MAX_OCSP_SECONDS,
                    };
                    if is_old {
                        status.add(Fault::OcspSuperseded);
                    }
                }
            },
        }
    }
    status
}

/// `check_ocsp_response`: signed for one of the trust list's or the server's CAs.
fn read_staple(case: &Case<'_>, staple: &[u8], id: CertId) -> Result<ocsp::Answer, ocsp::Error> {
    let subject = case.pool.get(id);
    let mut result = Err(ocsp::Error::OtherCertificate);
    for issuer in case.issuers(id, false) {
        result = ocsp::verify(staple, subject, case.pool.get(issuer), case.at);
        if result.is_ok() {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_the_start_of_the_first_label() {
        for (presented, host, same) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*o.example.com", "foo.example.com", true),
            ("f*.example.com", "foo.example.com", false),
            ("*.com", "example.com", false),
            ("*.example.com.", "a.example.com", false),
            ("Example.com", "example.com", true),
            (" example.com", "example.com", false),
        ] {
            assert_eq!(matches_text(presented, host), same, "{presented} {host}");
        }
    }

    #[test]
    fn subtrees() {
        for (name, base, inside) in [
            ("a.example.com", "example.com", true),
            ("example.com", "example.com", true),
            ("badexample.com", "example.com", false),
            ("a.example.com", ".example.com", true),
            ("example.com", ".example.com", false),
            ("*.a.example.com", "b.a.example.com", false),
        ] {
            assert_eq!(dns_within(name, base), inside, "{name} in {base}");
        }
        let range = |octets: &[u8]| GeneralName::Ip(octets.into());
        assert!(is_valid_constraint(&range(&[10, 0, 0, 0, 255, 128, 0, 0])));
        assert!(!is_valid_constraint(&range(&[10, 0, 0, 0, 255, 0, 255, 0])));
        assert!(!is_valid_constraint(&range(&[10, 0, 0, 0])));
    }
}
