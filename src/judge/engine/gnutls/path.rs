//! The list that was sent, sorted, shortened and verified (`gnutls_x509_trust_list_verify_crt2`, `_gnutls_verify_crt_status`).

use super::constraints::constraints_hold;
use super::{Below, Fault, MAX_PATH, Profile, SUPPORTED, Status, Verification};
use crate::judge::pool::CertId;
use crate::x509::dn::DistinguishedName;
use crate::x509::key::{Curve, KeyKind, is_p192};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, ExtendedKeyUsage, der, usage};

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
    pub(super) fn sorted(&self) -> Vec<CertId> {
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
    pub(super) fn shorten(&self, mut list: Vec<CertId>) -> Vec<CertId> {
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
    pub(super) fn verify_list(&self, list: &mut Vec<CertId>) -> Status {
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
        let knows_algorithm = is_known(&certificate.signature_algorithm);
        let reads_signature = has_whole_signature(certificate);
        status.invalid |= !knows_algorithm || !reads_signature;
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
                let reads_signatures = reads_signature && has_whole_signature(issuer);
                if !(reads_signatures && may_sign(id, issuer_id, issuer, &mut below.max_path, refuse_v1)) {
                    status.add(Fault::SignerNotCa);
                }
                match &issuer.extensions.key_usage {
                    Some(key_usage) if !key_usage.allows(usage::KEY_CERT_SIGN) => status.add(Fault::SignerConstraints),
                    Some(_) => {}
                    None => status.invalid |= is_undecodable(issuer, "2.5.29.15"),
                }
            }
            // What our library cannot compute, GnuTLS can: MD5, P-224, Ed448.
            let is_checked = knows_algorithm && reads_signature && is_readable(issuer);
            // Of RSASSA-PSS it takes salts as long as the hash.
            let is_forged =
                self.case.pool.signature(id, issuer_id) == SignatureCheck::Invalid || certificate.has_unusual_pss();
            if is_checked && is_forged {
                if is_made_with(&certificate.signature_algorithm, &issuer.key) {
                    status.add(Fault::Signature);
                } else if is_restricted_to_pss(&certificate.signature_algorithm, &issuer.key) {
                    status.add(Fault::SignerConstraints); // GNUTLS_E_CONSTRAINT_ERROR
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
        if knows_algorithm {
            let keys = [Some(certificate), issuer_id.map(|issuer| self.get(issuer))];
            let is_broken = is_broken(&certificate.signature_algorithm);
            let is_weak = is_broken || certificate.signature_algorithm.hash() == Some(Hash::Sha1);
            if keys.into_iter().flatten().any(|owner| !self.settings.profile.accepts(owner))
                || is_broken
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
        // libtasn1 does not decode an empty one, which counts as none.
        (Some(wanted), Some(found)) => wanted == found || wanted.is_empty() || found.is_empty(),
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
    match basic_constraints(issuer) {
        Some((true, limit)) => {
            *max_path = limit.map_or(*max_path, |allowed| allowed.min(*max_path));
            true
        }
        Some((false, _)) => false,
        None => !refuse_v1 && !is_undecodable(issuer, "2.5.29.19") && is_issuer(issuer, issuer),
    }
}

/// `cA` and pathLenConstraint, which `_gnutls_x509_read_uint` of `lib/x509/common.c` takes for up to four octets without a
/// sign: below zero becomes a great number.
fn basic_constraints(certificate: &Certificate) -> Option<(bool, Option<u32>)> {
    /// 2.5.29.19
    const BASIC_CONSTRAINTS: &str = "2.5.29.19";
    if let Some(constraints) = &certificate.extensions.basic_constraints {
        return Some((constraints.ca, constraints.path_len));
    }
    let (fields, _) = der::split(certificate.extension_value(BASIC_CONSTRAINTS)?)?;
    match der::values(fields.content).map(|field| (field.tag, field.content)).collect::<Vec<_>>()[..] {
        [(0x01, [0xff]), (0x02, limit)] if (1..=4).contains(&limit.len()) => {
            Some((true, Some(limit.iter().fold(0, |limit, &octet| limit << 8 | u32::from(octet)))))
        }
        _ => None,
    }
}

/// `_gnutls_x509_get_signature` of `lib/x509/common.c`: a BIT STRING of whole octets.
fn has_whole_signature(certificate: &Certificate) -> bool {
    !certificate.encoding_faults.contains(&EncodingFault::SignatureUnusedBits)
}

pub(super) fn is_undecodable(certificate: &Certificate, oid: &str) -> bool {
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

/// PKCS #1 v1.5 with a key for RSASSA-PSS: of all that does not fit together only this has its own error
/// (`_gnutls_x509_validate_sign_params`; measured with GnuTLS 3.7.9).
fn is_restricted_to_pss(algorithm: &SignatureAlgorithm, key: &KeyKind) -> bool {
    matches!((algorithm, key), (SignatureAlgorithm::RsaPkcs1(_), KeyKind::Rsa { pss: true, .. }))
}

/// Is it one of `sign_algorithms` of `lib/algorithms/sign.c`? Only then are hash and keys asked for their strength.
fn is_known(algorithm: &SignatureAlgorithm) -> bool {
    /// RSA with MD2 and RIPEMD-160; DSA with SHA-1, with SHA-2, with SHA-3; ECDSA with SHA-3; RSA with SHA-3.
    const KNOWN: &[&str] = &[
        RSA_MD2,
        "1.3.36.3.3.1.2",
        DSA_SHA1,
        "2.16.840.1.101.3.4.3.1",
        "2.16.840.1.101.3.4.3.2",
        "2.16.840.1.101.3.4.3.3",
        "2.16.840.1.101.3.4.3.4",
        "2.16.840.1.101.3.4.3.5",
        "2.16.840.1.101.3.4.3.6",
        "2.16.840.1.101.3.4.3.7",
        "2.16.840.1.101.3.4.3.8",
        "2.16.840.1.101.3.4.3.9",
        "2.16.840.1.101.3.4.3.10",
        "2.16.840.1.101.3.4.3.11",
        "2.16.840.1.101.3.4.3.12",
        "2.16.840.1.101.3.4.3.13",
        "2.16.840.1.101.3.4.3.14",
        "2.16.840.1.101.3.4.3.15",
        "2.16.840.1.101.3.4.3.16",
    ];
    match algorithm {
        SignatureAlgorithm::RsaPss(hash) => matches!(hash, Hash::Sha256 | Hash::Sha384 | Hash::Sha512),
        SignatureAlgorithm::Other(oid) => KNOWN.contains(&&**oid),
        _ => true,
    }
}

/// The security level of `sign_algorithms` says so whoever signed.
fn is_broken(algorithm: &SignatureAlgorithm) -> bool {
    match algorithm {
        SignatureAlgorithm::Other(oid) => [RSA_MD2, DSA_SHA1].contains(&&**oid),
        _ => algorithm.hash() == Some(Hash::Md5),
    }
}

/// `md2WithRSAEncryption` (RFC 3279 §2.2.1).
const RSA_MD2: &str = "1.2.840.113549.1.1.2";

/// `dsa-with-sha1` (RFC 3279 §2.2.2).
const DSA_SHA1: &str = "1.2.840.10040.4.3";

impl Profile {
    /// `is_level_acceptable`: of the key. One that cannot be read has no strength.
    fn accepts(self, certificate: &Certificate) -> bool {
        is_readable(certificate)
            && match (&certificate.key, self) {
                (KeyKind::Rsa { bits, .. }, Self::Low) => *bits >= 1024,
                (KeyKind::Rsa { bits, .. }, Self::Medium) => *bits >= 2048,
                // P-192
                (KeyKind::Ec(Curve::Other), Self::Medium) => false,
                _ => true,
            }
    }
}

/// `_gnutls_x509_crt_get_mpis`: the curves of NIST by name (`lib/algorithms/ecc.c`), a point that is not compressed
/// (`_gnutls_ecc_ansi_x962_import`).
fn is_readable(owner: &Certificate) -> bool {
    match &owner.key {
        KeyKind::Ec(curve) => {
            let is_named = match curve {
                Curve::Secp256k1 => false,
                Curve::Other => is_p192(owner.spki()),
                Curve::P224 | Curve::P256 | Curve::P384 | Curve::P521 => true,
            };
            is_named && owner.subject_public_key().starts_with(&[0x04])
        }
        KeyKind::Other(_) => false,
        KeyKind::Rsa { .. } | KeyKind::Dsa | KeyKind::Ed25519 | KeyKind::Ed448 => true,
    }
}

/// `_gnutls_check_key_purpose` for serverAuth; a CA may have one of the old step-up purposes instead.
pub(super) fn has_purpose(certificate: &Certificate, any_counts: bool) -> bool {
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
