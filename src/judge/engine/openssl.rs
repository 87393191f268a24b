//! OpenSSL 3.0: how `X509_verify_cert` builds one chain, without ever going back, and in which order it finds fault.
//!
//! The rules are those of `crypto/x509/x509_vfy.c` (chain, order, times, signatures), `v3_purp.c` (extensions and
//! purposes), `x509_lu.c` (the trust store), `v3_ncons.c` (name constraints) and `x509_set.c` (strength of signatures).

use std::net::IpAddr;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;
use crate::x509::general_name::GeneralName;
use crate::x509::identity::{WildcardRules, matches_dns};
use crate::x509::key::{Curve, KeyKind, is_p192};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, NameConstraints, usage};

/// `X509_VERIFY_PARAM` default depth, 100, and the end entity (`build_chain`).
const MAX_DEPTH: usize = 101;

/// `NAME_CHECK_MAX` of `v3_ncons.c`.
const MAX_NAME_CHECKS: usize = 1 << 20;

/// `SSL_MAX_CERT_LIST_DEFAULT` of `ssl.h`: octets of the Certificate message.
pub const MAX_CERTIFICATE_MESSAGE: usize = 100 * 1024;

/// The tag of dNSName in GeneralName (RFC 5280 §4.2.1.6): one that holds more than ASCII matches nothing, and counts.
const DNS_NAME: u8 = 2;

/// What a program on OpenSSL sets.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `X509_V_FLAG_PARTIAL_CHAIN`: any certificate of the store ends a chain, not only a self-signed one.
    pub partial_chain: bool,
    /// The security level (`SSL_CTX_set_security_level`).
    pub security_level: u8,
}

/// One of the `X509_V_ERR_` values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyError {
    /// The constant's name in `x509_vfy.h`.
    pub name: &'static str,
    /// `X509_verify_cert_error_string`.
    pub text: &'static str,
    pub category: Category,
}

/// An entry of the error queue (`ERR_get_error`), which programs may report before the verification's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// As `ERR_error_string` prints code and library: `0200008A:rsa routines`.
    pub origin: &'static str,
    /// `ERR_reason_error_string`.
    pub reason: &'static str,
    pub category: Category,
}

/// The outcome of `X509_verify_cert`.
#[derive(Debug)]
pub struct Outcome {
    /// The chain as far as it was built.
    pub chain: Vec<CertId>,
    pub result: Result<(), VerifyError>,
    /// The oldest entry of the error queue.
    pub queued: Option<Queued>,
}

macro_rules! verify_errors {
    ($($constant:ident = $name:literal, $text:literal, $category:ident;)*) => {
        $(const $constant: VerifyError = VerifyError { name: $name, text: $text, category: Category::$category };)*
    };
}

// Names from `x509_vfy.h`, texts from `x509_txt.c`.
verify_errors! {
    NO_LOCAL_ISSUER = "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate", UnknownIssuer;
    NO_ISSUER = "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT", "unable to get issuer certificate", UnknownIssuer;
    SELF_SIGNED_LEAF = "X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate", SelfSigned;
    SELF_SIGNED_IN_CHAIN = "X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain", SelfSigned;
    CHAIN_TOO_LONG = "X509_V_ERR_CERT_CHAIN_TOO_LONG", "certificate chain too long", PathLength;
    LEAF_UNVERIFIED = "X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate", UnknownIssuer;
    LEAF_KEY_TOO_SMALL = "X509_V_ERR_EE_KEY_TOO_SMALL", "EE certificate key too weak", WeakKey;
    CA_KEY_TOO_SMALL = "X509_V_ERR_CA_KEY_TOO_SMALL", "CA certificate key too weak", WeakKey;
    HASH_TOO_WEAK = "X509_V_ERR_CA_MD_TOO_WEAK", "CA signature digest algorithm too weak", Algorithm;
    UNHANDLED_CRITICAL = "X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION", "unhandled critical extension", CriticalExtension;
    INVALID_CA = "X509_V_ERR_INVALID_CA", "invalid CA certificate", CaFlag;
    INVALID_PURPOSE = "X509_V_ERR_INVALID_PURPOSE", "unsuitable certificate purpose", Usage;
    KEY_CERT_SIGN_MISSING = "X509_V_ERR_KEYUSAGE_NO_CERTSIGN", "key usage does not include certificate signing", Usage;
    PATH_TOO_LONG = "X509_V_ERR_PATH_LENGTH_EXCEEDED", "path length constraint exceeded", PathLength;
    SIGNATURE_FAILURE = "X509_V_ERR_CERT_SIGNATURE_FAILURE", "certificate signature failure", BadSignature;
    NOT_YET_VALID = "X509_V_ERR_CERT_NOT_YET_VALID", "certificate is not yet valid", NotYetValid;
    EXPIRED = "X509_V_ERR_CERT_HAS_EXPIRED", "certificate has expired", Expired;
    NOT_BEFORE_FIELD = "X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD", "format error in certificate's notBefore field", BadFormat;
    NOT_AFTER_FIELD = "X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD", "format error in certificate's notAfter field", BadFormat;
    PERMITTED_VIOLATION = "X509_V_ERR_PERMITTED_VIOLATION", "permitted subtree violation", NameConstraints;
    EXCLUDED_VIOLATION = "X509_V_ERR_EXCLUDED_VIOLATION", "excluded subtree violation", NameConstraints;
    UNSUPPORTED_CONSTRAINT = "X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE", "unsupported name constraint type", NameConstraints;
    CONSTRAINT_SYNTAX = "X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX", "unsupported or invalid name constraint syntax", NameConstraints;
    NAME_SYNTAX = "X509_V_ERR_UNSUPPORTED_NAME_SYNTAX", "unsupported or invalid name syntax", NameConstraints;
    UNSPECIFIED = "X509_V_ERR_UNSPECIFIED", "unspecified certificate verification error", Unspecified;
}

/// `X509V3_R_INVALID_CERTIFICATE`: an extension does not decode, stands twice, or keyUsage has no bit
/// (`ossl_x509v3_cache_extensions`).
const INVALID_CERTIFICATE: Queued =
    Queued { origin: "1100009E:X509 V3 routines", reason: "invalid certificate", category: Category::BadFormat };

/// What an RSA verification leaves when the padding does not decode (`rsa_pk1.c`). A signature that decodes, over other
/// content, would say "bad signature": the difference is not visible to our verifier.
const RSA_PADDING: Queued =
    Queued { origin: "0200008A:rsa routines", reason: "invalid padding", category: Category::BadSignature };

/// `ERR_R_EVP_LIB` of `ASN1_item_verify_ctx`, where the algorithm itself says nothing (ECDSA, EdDSA).
const EVP_LIB: Queued =
    Queued { origin: "06880006:asn1 encoding routines", reason: "EVP lib", category: Category::BadSignature };

/// Extensions that `ossl_x509v3_cache_extensions` decodes: a broken or repeated one makes the certificate unusable.
const CACHED: &[&str] = &[
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.35",
    "2.5.29.37",
    "1.3.6.1.5.5.7.1.14",
    "2.16.840.1.113730.1.1",
];

/// `X509_supported_extension`: those that may be critical.
const SUPPORTED: &[&str] = &[
    "2.16.840.1.113730.1.1",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.7",
    "1.3.6.1.5.5.7.1.8",
    "1.3.6.1.5.5.7.1.14",
];

/// `X509_verify_cert` for a TLS server's chain, with `X509_V_FLAG_TRUSTED_FIRST` (the default since 1.1.0).
pub fn verify(case: &Case<'_>, end_entity: CertId, settings: Settings) -> Outcome {
    let mut verification = Verification {
        case,
        settings,
        chain: vec![end_entity],
        untrusted: case.served.to_vec(),
        untrusted_in_chain: 1,
        queued: None,
    };
    let result = verification.run();
    Outcome { chain: verification.chain, result, queued: verification.queued }
}

struct Verification<'a> {
    case: &'a Case<'a>,
    settings: Settings,
    chain: Vec<CertId>,
    /// What the peer sent and is not in the chain yet.
    untrusted: Vec<CertId>,
    /// How many at the start of the chain come from the peer.
    untrusted_in_chain: usize,
    queued: Option<Queued>,
}

impl Verification<'_> {
    fn get(&self, id: CertId) -> &Certificate {
        self.case.pool.get(id)
    }

    fn raise(&mut self, entry: Queued) {
        self.queued.get_or_insert(entry);
    }

    /// `X509_verify_cert`, `verify_chain`.
    fn run(&mut self) -> Result<(), VerifyError> {
        if !self.key_is_strong(self.chain[0]) {
            return Err(LEAF_KEY_TOO_SMALL);
        }
        self.build_chain()?;
        self.check_extensions()?;
        self.check_security_level()?;
        self.check_signatures_and_times()?;
        self.check_name_constraints()
    }

    /// `build_chain`: the trust store is asked first at every step; a choice once made is never taken back.
    fn build_chain(&mut self) -> Result<(), VerifyError> {
        self.extensions_are_usable(self.chain[0]); // X509_self_signed: the queue keeps what is wrong with it
        let mut search_untrusted = true;
        loop {
            let last = self.chain[self.chain.len() - 1];
            let issuer = if self.chain.len() > MAX_DEPTH { None } else { self.trusted_issuer(last) };
            if let Some(issuer) = issuer {
                let mut extended = true;
                if !self.is_self_signed(last) {
                    self.chain.push(issuer);
                } else if issuer == last {
                    // The peer sent the trust anchor itself: from here on it counts as the store's.
                    self.untrusted_in_chain = self.chain.len() - 1;
                } else {
                    // Self-signed, with the name of an anchor, and not that anchor.
                    extended = false;
                }
                if extended {
                    search_untrusted = false;
                    if self.settings.partial_chain || self.is_self_signed(issuer) {
                        return Ok(());
                    }
                    continue;
                }
            }
            if !search_untrusted {
                break;
            }
            let issuer = if self.is_self_signed(last) || self.chain.len() > MAX_DEPTH {
                None
            } else {
                self.untrusted_issuer(last)
            };
            let Some(issuer) = issuer else {
                // Nothing more from the peer, and the store was asked just now.
                break;
            };
            if let Some(position) = self.untrusted.iter().position(|&id| id == issuer) {
                self.untrusted.remove(position);
            }
            self.chain.push(issuer);
            self.untrusted_in_chain += 1;
        }
        let (length, last) = (self.chain.len(), self.chain[self.chain.len() - 1]);
        // `check_trust`: with partial chains the end entity itself may be in the store.
        if self.settings.partial_chain
            && length <= MAX_DEPTH
            && length == self.untrusted_in_chain
            && self.case.is_anchor(self.chain[0]).is_some()
        {
            self.chain.truncate(1);
            self.untrusted_in_chain = 0;
            return Ok(());
        }
        Err(match () {
            () if length > MAX_DEPTH => CHAIN_TOO_LONG,
            () if self.is_self_signed(last) && length == 1 => SELF_SIGNED_LEAF,
            () if self.is_self_signed(last) => SELF_SIGNED_IN_CHAIN,
            () if self.untrusted_in_chain < length => NO_ISSUER,
            () => NO_LOCAL_ISSUER,
        })
    }

    /// `X509_STORE_CTX_get1_issuer`: of the store's certificates with the right name, the first that fits and is valid now;
    /// else, of those that fit, the one that expires last.
    fn trusted_issuer(&mut self, of: CertId) -> Option<CertId> {
        let case = self.case;
        let named = case.pool.named(self.get(of).issuer.normalised()).iter().copied();
        self.best_issuer(of, named.filter(|&id| case.is_anchor(id).is_some()).collect())
    }

    /// `find_issuer`: the same among what the peer sent; nothing twice.
    fn untrusted_issuer(&mut self, of: CertId) -> Option<CertId> {
        let candidates = self.untrusted.iter().copied().filter(|id| !self.chain.contains(id)).collect();
        self.best_issuer(of, candidates)
    }

    fn best_issuer(&mut self, of: CertId, candidates: Vec<CertId>) -> Option<CertId> {
        let mut best: Option<CertId> = None;
        for candidate in candidates {
            if !self.likely_issued(candidate, of) {
                continue;
            }
            if self.check_times(candidate).is_ok() {
                return Some(candidate);
            }
            if best.is_none_or(|best| self.get(candidate).not_after > self.get(best).not_after) {
                best = Some(candidate);
            }
        }
        best
    }

    /// `ossl_x509_likely_issued`: name, key identifiers and the kind of key; the signature is not looked at.
    fn likely_issued(&mut self, issuer: CertId, subject: CertId) -> bool {
        if self.get(issuer).subject.normalised() != self.get(subject).issuer.normalised() {
            return false;
        }
        if !self.extensions_are_usable(issuer) || !self.extensions_are_usable(subject) {
            return false;
        }
        identifiers_fit(self.get(issuer), self.get(subject)) && algorithm_fits(self.get(issuer), self.get(subject))
    }

    /// `ossl_x509v3_cache_extensions`.
    fn extensions_are_usable(&mut self, id: CertId) -> bool {
        let extensions = &self.get(id).extensions;
        let cached = |oid: &str| CACHED.contains(&oid);
        let usable = !extensions.repeated.iter().any(|oid| cached(oid))
            && !extensions.undecodable.iter().any(|extension| cached(&extension.oid))
            && extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.bits != 0);
        if !usable {
            self.raise(INVALID_CERTIFICATE);
        }
        usable
    }

    /// `EXFLAG_SS`: name, key identifiers and algorithm say so; the signature is not looked at.
    fn is_self_signed(&self, id: CertId) -> bool {
        let certificate = self.get(id);
        certificate.is_self_issued()
            && identifiers_fit(certificate, certificate)
            && algorithm_fits(certificate, certificate)
    }

    /// `check_extensions`, without the strict flag.
    fn check_extensions(&self) -> Result<(), VerifyError> {
        let mut intermediates = 0;
        for (position, &id) in self.chain.iter().enumerate() {
            let certificate = self.get(id);
            if certificate.extensions.critical.iter().any(|oid| !SUPPORTED.contains(&&**oid)) {
                return Err(UNHANDLED_CRITICAL);
            }
            let ca = self.ca_kind(id);
            if position > 0 {
                let is_last = position + 1 == self.chain.len();
                if ca == CaKind::No || (!is_last && ca != CaKind::Yes) {
                    return Err(INVALID_CA);
                }
            }
            if !self.has_server_purpose(certificate, position > 0, ca) {
                return Err(INVALID_PURPOSE);
            }
            let path_len =
                certificate.extensions.basic_constraints.as_ref().and_then(|constraints| constraints.path_len);
            if position > 1 && path_len.is_some_and(|allowed| intermediates > allowed) {
                return Err(PATH_TOO_LONG);
            }
            if position > 0 && !certificate.is_self_issued() {
                intermediates += 1;
            }
        }
        Ok(())
    }

    /// `check_ca` of `v3_purp.c`.
    fn ca_kind(&self, id: CertId) -> CaKind {
        let certificate = self.get(id);
        let extensions = &certificate.extensions;
        match (&extensions.key_usage, &extensions.basic_constraints) {
            (Some(key_usage), _) if !key_usage.allows(usage::KEY_CERT_SIGN) => CaKind::No,
            (_, Some(constraints)) => {
                if constraints.ca {
                    CaKind::Yes
                } else {
                    CaKind::No
                }
            }
            (_, None) if certificate.version == 1 && self.is_self_signed(id) => CaKind::Tolerated,
            (Some(_), None) => CaKind::Tolerated,
            (None, None) => CaKind::No,
        }
    }

    /// `check_purpose_ssl_server`: serverAuth or one of the step-up purposes; anyExtendedKeyUsage does not do.
    fn has_server_purpose(&self, certificate: &Certificate, as_ca: bool, ca: CaKind) -> bool {
        if let Some(purposes) = &certificate.extensions.extended_key_usage {
            const STEP_UP: [&str; 2] = ["1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"];
            if !purposes.server_auth && !purposes.other.iter().any(|oid| STEP_UP.contains(&&**oid)) {
                return false;
            }
        }
        if as_ca {
            return ca != CaKind::No;
        }
        let tls = usage::DIGITAL_SIGNATURE | usage::KEY_ENCIPHERMENT | usage::KEY_AGREEMENT;
        certificate.extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.allows(tls))
    }

    /// `check_auth_level`: keys of issuers, and signatures of all but the last certificate.
    fn check_security_level(&self) -> Result<(), VerifyError> {
        for (position, &id) in self.chain.iter().enumerate() {
            if position > 0 && !self.key_is_strong(id) {
                return Err(CA_KEY_TOO_SMALL);
            }
            if position + 1 < self.chain.len()
                && signature_bits(&self.get(id).signature_algorithm) < self.required_bits()
            {
                return Err(HASH_TOO_WEAK);
            }
        }
        Ok(())
    }

    /// `minbits_table` of `x509_vfy.c`.
    fn required_bits(&self) -> u32 {
        [0, 80, 112, 128, 192, 256][usize::from(self.settings.security_level.min(5))]
    }

    /// `check_key_level`.
    fn key_is_strong(&self, id: CertId) -> bool {
        key_bits(self.get(id)) >= self.required_bits()
    }

    /// `internal_verify`: from the top down, each signature and then each certificate's times; the anchor's times too, its
    /// signature not.
    fn check_signatures_and_times(&mut self) -> Result<(), VerifyError> {
        let top = self.chain.len() - 1;
        let anchor = self.chain[top];
        if !self.likely_issued(anchor, anchor) && !self.settings.partial_chain && top == 0 {
            return Err(LEAF_UNVERIFIED);
        }
        for position in (0..=top).rev() {
            let subject = self.chain[position];
            if let Some(&issuer) = self.chain.get(position + 1) {
                self.check_signature(subject, issuer)?;
            } else if !self.likely_issued(anchor, anchor) && !self.settings.partial_chain {
                continue; // not self-issued: neither signature nor times are looked at
            }
            self.check_times(subject)?;
        }
        Ok(())
    }

    fn check_signature(&mut self, subject: CertId, issuer: CertId) -> Result<(), VerifyError> {
        let key_usage = &self.get(issuer).extensions.key_usage;
        if key_usage.as_ref().is_some_and(|key_usage| !key_usage.allows(usage::KEY_CERT_SIGN)) {
            return Err(KEY_CERT_SIGN_MISSING);
        }
        if !self.get(subject).algorithms_agree {
            return Err(SIGNATURE_FAILURE); // X509_verify, before any cryptography
        }
        // What our library cannot compute, OpenSSL can: MD5, P-224, Ed448, brainpool.
        if self.case.pool.signature(subject, issuer) == SignatureCheck::Invalid {
            let is_rsa = matches!(self.get(issuer).key, KeyKind::Rsa { .. });
            self.raise(if is_rsa { RSA_PADDING } else { EVP_LIB });
            return Err(SIGNATURE_FAILURE);
        }
        Ok(())
    }

    /// `ossl_x509_check_cert_time`, `X509_cmp_time`: exactly the forms of RFC 5280 §4.1.2.5, and the last second of
    /// notAfter is too late.
    fn check_times(&self, id: CertId) -> Result<(), VerifyError> {
        let certificate = self.get(id);
        let [not_before, not_after] = certificate.validity_encoding().unwrap_or([(0, &[]), (0, &[])]);
        if !is_profile_time(not_before) {
            return Err(NOT_BEFORE_FIELD);
        }
        if certificate.not_before > self.case.at {
            return Err(NOT_YET_VALID);
        }
        if !is_profile_time(not_after) {
            return Err(NOT_AFTER_FIELD);
        }
        if certificate.not_after <= self.case.at {
            return Err(EXPIRED);
        }
        Ok(())
    }

    /// `check_name_constraints`: those of every certificate above, the anchor included.
    fn check_name_constraints(&self) -> Result<(), VerifyError> {
        for (position, &id) in self.chain.iter().enumerate().rev() {
            let certificate = self.get(id);
            if position > 0 && certificate.is_self_issued() {
                continue;
            }
            for &above in self.chain[position + 1..].iter().rev() {
                let Some(constraints) = &self.get(above).extensions.name_constraints else { continue };
                check_names(certificate, constraints)?;
                if position == 0 {
                    check_common_name(certificate, constraints)?;
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CaKind {
    No,
    Yes,
    /// A self-signed v1 certificate, or keyCertSign without basicConstraints: good enough at the end of a chain.
    Tolerated,
}

/// `X509_check_akid`.
fn identifiers_fit(issuer: &Certificate, subject: &Certificate) -> bool {
    let Some(authority) = &subject.extensions.authority_key_id else { return true };
    if let (Some(wanted), Some(found)) = (&authority.key_id, &issuer.extensions.subject_key_id)
        && wanted != found
    {
        return false;
    }
    authority.serial.as_ref().is_none_or(|serial| *serial == issuer.serial)
        && authority.issuer.first().is_none_or(|name| name.normalised() == issuer.issuer.normalised())
}

/// `check_sig_alg_match`: is the subject's signature one that the issuer's kind of key makes?
fn algorithm_fits(issuer: &Certificate, subject: &Certificate) -> bool {
    match (&subject.signature_algorithm, &issuer.key) {
        (SignatureAlgorithm::RsaPkcs1(_), KeyKind::Rsa { pss, .. }) => !pss,
        (SignatureAlgorithm::RsaPss(_), KeyKind::Rsa { .. })
        | (SignatureAlgorithm::Ecdsa(_), KeyKind::Ec(_))
        | (SignatureAlgorithm::Ed25519, KeyKind::Ed25519)
        | (SignatureAlgorithm::Ed448, KeyKind::Ed448) => true,
        (SignatureAlgorithm::Other(oid), KeyKind::Dsa) => {
            oid.starts_with("1.2.840.10040.4.") || oid.starts_with("2.16.840.1.101.3.4.3.")
        }
        _ => false,
    }
}

/// `EVP_PKEY_get_security_bits`.
fn key_bits(certificate: &Certificate) -> u32 {
    match &certificate.key {
        KeyKind::Rsa { bits, .. } => rsa_bits(*bits),
        KeyKind::Ec(curve) => match curve {
            Curve::P224 => 112,
            Curve::P256 | Curve::Secp256k1 => 128,
            Curve::P384 => 192,
            Curve::P521 => 256,
            Curve::Other if is_p192(certificate.spki()) => 80,
            Curve::Other => 128, // the brainpool curves, from 256 bits
        },
        KeyKind::Ed25519 => 128,
        KeyKind::Ed448 => 224,
        KeyKind::Dsa => 112,
        KeyKind::Other(_) => 0, // no key our reader or OpenSSL can decode
    }
}

/// `ossl_ifc_ffc_compute_security_bits`: NIST SP 800-56B rev. 2 appendix D, rounded to a multiple of eight.
fn rsa_bits(modulus: u32) -> u32 {
    match modulus {
        2048 => 112,
        3072 => 128,
        4096 => 152,
        6144 => 176,
        8192.. => 192,
        0..8 => 0,
        _ => {
            let x = f64::from(modulus) * std::f64::consts::LN_2;
            let bits = (1.923 * (x * x.ln().powi(2)).cbrt() - 4.69) / std::f64::consts::LN_2;
            // Between 0 and 192 for these sizes.
            ((bits.max(0.0) as u32 + 4) & !7).min(192)
        }
    }
}

/// Half the hash, and less for those with known collisions (`x509_sig_info_init`).
fn signature_bits(algorithm: &SignatureAlgorithm) -> u32 {
    match algorithm {
        SignatureAlgorithm::Ed25519 => 128,
        SignatureAlgorithm::Ed448 => 224,
        // dsa-with-SHA2 of FIPS 186-4; what else we do not know, OpenSSL has no strength for.
        SignatureAlgorithm::Other(oid) => match oid.strip_prefix("2.16.840.1.101.3.4.3.") {
            Some("1") => 112,
            Some("2") => 128,
            _ => 0,
        },
        other => match other.hash() {
            Some(Hash::Sha512) => 256,
            Some(Hash::Sha384) => 192,
            Some(Hash::Sha256) => 128,
            Some(Hash::Sha224) => 112,
            Some(Hash::Sha1) => 63,
            Some(Hash::Md5) => 39,
            None => 0,
        },
    }
}

fn is_profile_time((tag, content): (u8, &[u8])) -> bool {
    let length = if tag == 0x17 { 13 } else { 15 };
    content.len() == length && content.ends_with(b"Z") && content[..length - 1].iter().all(u8::is_ascii_digit)
}

/// `NAME_CONSTRAINTS_check`: subject, e-mail addresses in the subject, then the SAN.
fn check_names(certificate: &Certificate, constraints: &NameConstraints) -> Result<(), VerifyError> {
    let attributes = certificate.subject.attributes();
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let subtrees = constraints.permitted.len() + constraints.excluded.len();
    if (attributes.len() + names.len()).saturating_mul(subtrees) > MAX_NAME_CHECKS {
        return Err(UNSPECIFIED);
    }
    if !attributes.is_empty() {
        check_name(&GeneralName::Directory(certificate.subject.clone()), constraints)?;
        for email in attributes.iter().filter(|attribute| attribute.oid == "1.2.840.113549.1.9.1") {
            const IA5_STRING: u8 = 0x16;
            if email.tag != IA5_STRING {
                return Err(NAME_SYNTAX);
            }
            check_name(&GeneralName::Email(email.text.as_str().into()), constraints)?;
        }
    }
    names.iter().try_for_each(|name| check_name(name, constraints))
}

/// `NAME_CONSTRAINTS_check_CN`: a common name that looks like a host name counts when the SAN has no dNSName.
fn check_common_name(certificate: &Certificate, constraints: &NameConstraints) -> Result<(), VerifyError> {
    if has_dns_name(certificate) {
        return Ok(());
    }
    for attribute in certificate.subject.attributes().iter().filter(|attribute| attribute.oid == "2.5.4.3") {
        let name = attribute.text.trim_end_matches('\0');
        if name.contains('\0') {
            return Err(NAME_SYNTAX);
        }
        if looks_like_dns(name) {
            check_name(&GeneralName::Dns(name.into()), constraints)?;
        }
    }
    Ok(())
}

/// `cn2dnsid`.
fn looks_like_dns(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut has_dot = false;
    for (position, &byte) in bytes.iter().enumerate() {
        let inside = position > 0 && position + 1 < bytes.len();
        let joins = |byte: u8| matches!(byte, b'.' | b'-');
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => {}
            b'-' if inside => {}
            b'.' if inside && !joins(bytes[position + 1]) && bytes[position - 1] != b'-' => has_dot = true,
            _ => return false,
        }
    }
    has_dot
}

/// `nc_match`: permitted subtrees of the same kind first, then excluded ones.
fn check_name(name: &GeneralName, constraints: &NameConstraints) -> Result<(), VerifyError> {
    let same_kind = |subtree: &&GeneralName| std::mem::discriminant(*subtree) == std::mem::discriminant(name);
    let mut permitted = None;
    for subtree in constraints.permitted.iter().filter(same_kind) {
        if permitted == Some(true) {
            break;
        }
        permitted = Some(is_within(name, subtree)?);
    }
    if permitted == Some(false) {
        return Err(PERMITTED_VIOLATION);
    }
    for subtree in constraints.excluded.iter().filter(same_kind) {
        if is_within(name, subtree)? {
            return Err(EXCLUDED_VIOLATION);
        }
    }
    Ok(())
}

/// `nc_match_single`. A wildcard is compared as it stands: one that covers an excluded name is let through.
fn is_within(name: &GeneralName, subtree: &GeneralName) -> Result<bool, VerifyError> {
    Ok(match (name, subtree) {
        (GeneralName::Directory(name), GeneralName::Directory(base)) => {
            name.normalised().starts_with(base.normalised())
        }
        (GeneralName::Dns(name), GeneralName::Dns(base)) => {
            base.is_empty()
                || (ends_with(name, base)
                    && (name.len() == base.len()
                        || base.starts_with('.')
                        || name.as_bytes()[name.len() - base.len() - 1] == b'.'))
        }
        (GeneralName::Email(address), GeneralName::Email(base)) => {
            let (local, host) = address.split_once('@').ok_or(NAME_SYNTAX)?;
            match base.split_once('@') {
                None if base.starts_with('.') => address.len() > base.len() && ends_with(address, base),
                None => host.eq_ignore_ascii_case(base),
                Some((wanted, base)) => (wanted.is_empty() || wanted == local) && host.eq_ignore_ascii_case(base),
            }
        }
        (GeneralName::Uri(uri), GeneralName::Uri(base)) => {
            let host = uri.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//")).ok_or(NAME_SYNTAX)?;
            let host = match host.split_once(':') {
                Some((host, _)) => host,
                None => host.split('/').next().unwrap_or(host),
            };
            if host.is_empty() {
                return Err(NAME_SYNTAX);
            }
            if base.starts_with('.') {
                host.len() > base.len() && ends_with(host, base)
            } else {
                host.eq_ignore_ascii_case(base)
            }
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => {
            if !matches!(address.len(), 4 | 16) {
                return Err(NAME_SYNTAX);
            }
            if !matches!(range.len(), 8 | 32) {
                return Err(CONSTRAINT_SYNTAX);
            }
            range.len() == 2 * address.len() && {
                let (base, mask) = range.split_at(address.len());
                address.iter().zip(base).zip(mask).all(|((a, b), m)| (a ^ b) & m == 0)
            }
        }
        _ => return Err(UNSUPPORTED_CONSTRAINT),
    })
}

fn ends_with(text: &str, end: &str) -> bool {
    text.len() >= end.len() && text.as_bytes()[text.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
}

fn has_dns_name(certificate: &Certificate) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    names.iter().any(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Invalid(DNS_NAME)))
}

/// Why libcurl does not accept the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// No dNSName or iPAddress matches, though the SAN has such.
    AlternativeName,
    /// The common name does not match.
    CommonName,
    /// A NUL in the common name.
    IllegalField,
    /// Neither SAN nor common name.
    NoName,
}

/// libcurl 7.88, `Curl_ossl_verifyhost` and `hostcheck.c`: the SAN, and only where that has neither dNSName nor iPAddress
/// the last common name, for an address too.
pub fn match_name_as_libcurl(certificate: &Certificate, reference: &ReferenceId) -> Result<(), NameError> {
    const RULES: WildcardRules = WildcardRules { partial: false, anywhere: false, labels_after: 2, trailing_dot: true };
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let matches_text = |presented: &str| match reference {
        ReferenceId::Dns(host) => matches_dns(presented, host.as_str(), RULES),
        ReferenceId::Ip(address) => is_same_text(presented, *address),
    };
    let matched = names.iter().any(|name| match (name, reference) {
        (GeneralName::Dns(presented), ReferenceId::Dns(_)) => matches_text(presented),
        (name, ReferenceId::Ip(address)) => name.as_ip() == Some(*address),
        _ => false,
    });
    if matched {
        return Ok(());
    }
    if names
        .iter()
        .any(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Invalid(DNS_NAME) | GeneralName::Ip(_)))
    {
        return Err(NameError::AlternativeName);
    }
    match certificate.subject.common_name() {
        None => Err(NameError::NoName),
        Some(name) if name.contains('\0') => Err(NameError::IllegalField),
        Some(name) if matches_text(name) => Ok(()),
        Some(_) => Err(NameError::CommonName),
    }
}

fn is_same_text(presented: &str, address: IpAddr) -> bool {
    presented.strip_suffix('.').unwrap_or(presented).eq_ignore_ascii_case(&address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_of_rsa_keys() {
        assert_eq!([1024, 2048, 3072, 4096].map(rsa_bits), [80, 112, 128, 152]);
        assert!(rsa_bits(1536) < 112);
        assert_eq!(rsa_bits(2047), 112);
    }

    #[test]
    fn a_wildcard_below_a_name_constraint_is_compared_as_it_stands() {
        let dns = |text: &str| GeneralName::Dns(text.into());
        assert_eq!(is_within(&dns("*.a.example"), &dns("a.example")), Ok(true));
        assert_eq!(is_within(&dns("*.a.example"), &dns("b.a.example")), Ok(false));
        assert_eq!(is_within(&dns("ba.example"), &dns("a.example")), Ok(false));
        assert_eq!(is_within(&dns("b.a.example"), &dns(".a.example")), Ok(true));
    }

    #[test]
    fn common_names_that_look_like_hosts() {
        assert!(looks_like_dns("www.example.com"));
        for name in ["Example Corp", "localhost", "a..b", "-a.b", "a-.b", "a.b."] {
            assert!(!looks_like_dns(name), "{name}");
        }
    }
}
