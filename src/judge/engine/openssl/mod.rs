//! OpenSSL 3: how `X509_verify_cert` builds one chain, without ever going back, and in which order it finds fault.
//!
//! The rules are those of `crypto/x509/x509_vfy.c` (chain, order, times, signatures), `v3_purp.c` (extensions and
//! purposes), `x509_lu.c` (the trust store) and `x509_set.c` (strength of signatures).

macro_rules! verify_errors {
    ($($constant:ident = $number:literal $name:literal, $text:literal, $category:ident;)*) => {
        $(pub(super) const $constant: VerifyError =
            VerifyError { number: $number, name: $name, text: $text, category: Category::$category };)*
    };
}

pub(super) mod constraints;
mod crl;
pub mod host;
pub mod tls;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::time::Time;
use crate::model::verdict::Category;
use crate::x509::key::{Curve, KeyKind, has_explicit_curve, is_p192};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{AuthorityKeyIdentifier, Certificate, EncodingFault, usage};

use constraints::Wildcards;
pub use tls::{LibraryError, receive};

/// `X509_VERIFY_PARAM` default depth, 100, and the end entity (`build_chain`).
const MAX_DEPTH: usize = 101;

/// The tag of dNSName in GeneralName (RFC 5280 §4.2.1.6): one that holds more than ASCII matches nothing, and counts.
const DNS_NAME: u8 = 2;

/// What a program on OpenSSL sets.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `X509_V_FLAG_PARTIAL_CHAIN`: any certificate of the store ends a chain, not only a self-signed one.
    pub partial_chain: bool,
    /// `X509_V_FLAG_X509_STRICT`: the demands of RFC 5280 on certificates that work without them.
    pub strict: bool,
    /// The security level (`SSL_CTX_set_security_level`).
    pub security_level: u8,
    /// The name is compared while verifying (`SSL_set1_host`, `X509_VERIFY_PARAM_set1_ip`), not by the program after it.
    pub host: Option<host::Rules>,
    /// The program's callback says 1 to every fault, so all are found and the last stays in `X509_STORE_CTX_get_error`.
    pub goes_on: bool,
}

impl Settings {
    /// The library's defaults on Debian, which builds with security level 2.
    pub const DEFAULT: Self =
        Self { partial_chain: false, strict: false, security_level: 2, host: None, goes_on: false };
}

/// One of the `X509_V_ERR_` values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyError {
    /// The constant's value in `x509_vfy.h`.
    pub number: u8,
    /// The constant's name there.
    pub name: &'static str,
    /// `X509_verify_cert_error_string`.
    pub text: &'static str,
    pub category: Category,
}

/// The outcome of `X509_verify_cert`.
#[derive(Debug)]
pub struct Outcome {
    /// The chain as far as it was built.
    pub chain: Vec<CertId>,
    pub result: Result<(), VerifyError>,
    /// The oldest entry of the error queue.
    pub queued: Option<LibraryError>,
}

// Names from `x509_vfy.h`, texts from `x509_txt.c`.
verify_errors! {
    NO_LOCAL_ISSUER = 20 "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate", UnknownIssuer;
    NO_ISSUER = 2 "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT", "unable to get issuer certificate", UnknownIssuer;
    SELF_SIGNED_LEAF = 18 "X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate", SelfSigned;
    SELF_SIGNED_IN_CHAIN = 19 "X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain", SelfSigned;
    CHAIN_TOO_LONG = 22 "X509_V_ERR_CERT_CHAIN_TOO_LONG", "certificate chain too long", PathLength;
    LEAF_UNVERIFIED = 21 "X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate", UnknownIssuer;
    ISSUER_KEY_UNREADABLE = 6 "X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", "unable to decode issuer public key", UnsupportedKey;
    NAMES_ONLY_IN_SUBJECT = 66 "X509_V_ERR_NAME_CONSTRAINTS_WITHOUT_SANS", "issuer has name constraints but leaf has no SANs", NameConstraints;
    LEAF_KEY_TOO_SMALL = 66 "X509_V_ERR_EE_KEY_TOO_SMALL", "EE certificate key too weak", WeakKey;
    CA_KEY_TOO_SMALL = 67 "X509_V_ERR_CA_KEY_TOO_SMALL", "CA certificate key too weak", WeakKey;
    HASH_TOO_WEAK = 68 "X509_V_ERR_CA_MD_TOO_WEAK", "CA signature digest algorithm too weak", Algorithm;
    UNHANDLED_CRITICAL = 34 "X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION", "unhandled critical extension", CriticalExtension;
    INVALID_CA = 79 "X509_V_ERR_INVALID_CA", "invalid CA certificate", CaFlag;
    INVALID_PURPOSE = 26 "X509_V_ERR_INVALID_PURPOSE", "unsuitable certificate purpose", Usage;
    KEY_CERT_SIGN_MISSING = 32 "X509_V_ERR_KEYUSAGE_NO_CERTSIGN", "key usage does not include certificate signing", Usage;
    PATH_TOO_LONG = 25 "X509_V_ERR_PATH_LENGTH_EXCEEDED", "path length constraint exceeded", PathLength;
    SIGNATURE_FAILURE = 7 "X509_V_ERR_CERT_SIGNATURE_FAILURE", "certificate signature failure", BadSignature;
    NOT_YET_VALID = 9 "X509_V_ERR_CERT_NOT_YET_VALID", "certificate is not yet valid", NotYetValid;
    EXPIRED = 10 "X509_V_ERR_CERT_HAS_EXPIRED", "certificate has expired", Expired;
    NOT_BEFORE_FIELD = 13 "X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD", "format error in certificate's notBefore field", BadFormat;
    NOT_AFTER_FIELD = 14 "X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD", "format error in certificate's notAfter field", BadFormat;
    PERMITTED_VIOLATION = 47 "X509_V_ERR_PERMITTED_VIOLATION", "permitted subtree violation", NameConstraints;
    EXCLUDED_VIOLATION = 48 "X509_V_ERR_EXCLUDED_VIOLATION", "excluded subtree violation", NameConstraints;
    DISTANCE_UNSUPPORTED = 49 "X509_V_ERR_SUBTREE_MINMAX", "name constraints minimum and maximum not supported", NameConstraints;
    UNSUPPORTED_CONSTRAINT = 51 "X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE", "unsupported name constraint type", NameConstraints;
    CONSTRAINT_SYNTAX = 52 "X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX", "unsupported or invalid name constraint syntax", NameConstraints;
    NAME_SYNTAX = 53 "X509_V_ERR_UNSUPPORTED_NAME_SYNTAX", "unsupported or invalid name syntax", NameConstraints;
    UNSPECIFIED = 1 "X509_V_ERR_UNSPECIFIED", "unspecified certificate verification error", Unspecified;
    HOSTNAME_MISMATCH = 62 "X509_V_ERR_HOSTNAME_MISMATCH", "hostname mismatch", Hostname;
    IP_ADDRESS_MISMATCH = 64 "X509_V_ERR_IP_ADDRESS_MISMATCH", "IP address mismatch", Hostname;
    PATHLEN_WITHOUT_CA = 80 "X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA", "Path length invalid for non-CA cert", BadFormat;
    PATHLEN_WITHOUT_CERT_SIGN = 81 "X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", "Path length given without key usage keyCertSign", BadFormat;
    CERT_SIGN_WITHOUT_CA = 82 "X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA", "Key usage keyCertSign invalid for non-CA cert", BadFormat;
    ISSUER_EMPTY = 83 "X509_V_ERR_ISSUER_NAME_EMPTY", "Issuer name empty", BadFormat;
    SUBJECT_EMPTY = 84 "X509_V_ERR_SUBJECT_NAME_EMPTY", "Subject name empty", BadFormat;
    AUTHORITY_KEY_ID_MISSING = 85 "X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER", "Missing Authority Key Identifier", BadFormat;
    SUBJECT_KEY_ID_MISSING = 86 "X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER", "Missing Subject Key Identifier", BadFormat;
    ALTERNATIVE_NAME_EMPTY = 87 "X509_V_ERR_EMPTY_SUBJECT_ALT_NAME", "Empty Subject Alternative Name extension", BadFormat;
    ALTERNATIVE_NAME_NOT_CRITICAL = 88 "X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL", "Subject empty and Subject Alt Name extension not critical", BadFormat;
    BASIC_CONSTRAINTS_NOT_CRITICAL = 89 "X509_V_ERR_CA_BCONS_NOT_CRITICAL", "Basic Constraints of CA cert not marked critical", BadFormat;
    CA_KEY_USAGE_MISSING = 92 "X509_V_ERR_CA_CERT_MISSING_KEY_USAGE", "CA cert does not include key usage extension", BadFormat;
    EXPLICIT_CURVE = 94 "X509_V_ERR_EC_KEY_EXPLICIT_PARAMS", "Certificate public key has explicit ECC parameters", UnsupportedKey;
    EXTENSIONS_BEFORE_V3 = 93 "X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3", "Using cert extension requires at least X509v3", BadFormat;
    SIGNATURE_ALGORITHMS_DISAGREE = 78 "X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY", "cert info signature and signature algorithm mismatch", BadSignature;
}

/// `X509V3_R_INVALID_CERTIFICATE`: an extension does not decode, stands twice, or keyUsage has no bit
/// (`ossl_x509v3_cache_extensions`).
const INVALID_CERTIFICATE: LibraryError =
    LibraryError::new(0x1100_009e, "X509 V3 routines", "invalid certificate", Category::BadFormat);

/// What an RSA verification leaves when the padding does not decode (`rsa_pk1.c`). A signature that decodes, over other
/// content, would say "bad signature": the difference is not visible to our verifier.
const RSA_PADDING: LibraryError =
    LibraryError::new(0x0200_008a, "rsa routines", "invalid padding", Category::BadSignature);

/// `ERR_R_EVP_LIB` of `ASN1_item_verify_ctx`, where the algorithm itself says nothing (ECDSA, EdDSA).
const EVP_LIB: LibraryError =
    LibraryError::new(0x0688_0006, "asn1 encoding routines", "EVP lib", Category::BadSignature);

/// `ASN1_R_INVALID_BIT_STRING_BITS_LEFT`: a signature is of whole octets.
const BITS_LEFT: LibraryError =
    LibraryError::new(0x0680_00dc, "asn1 encoding routines", "invalid bit string bits left", Category::BadSignature);

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
pub(super) const SUPPORTED: &[&str] = &[
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
        max_depth: case.asked.and_then(|asked| asked.max_intermediates).map_or(MAX_DEPTH, |most| most as usize + 1),
        queued: None,
        last_fault: None,
    };
    let result = verification.run().and(verification.last_fault.map_or(Ok(()), Err));
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
    /// `depth` of the parameters, and one.
    max_depth: usize,
    queued: Option<LibraryError>,
    /// The last fault that the program's callback let pass.
    last_fault: Option<VerifyError>,
}

impl Verification<'_> {
    fn get(&self, id: CertId) -> &Certificate {
        self.case.pool.get(id)
    }

    fn raise(&mut self, entry: LibraryError) {
        self.queued.get_or_insert(entry);
    }

    /// `verify_cb_cert`: the program's callback decides whether to go on.
    fn fault(&mut self, error: VerifyError) -> Result<(), VerifyError> {
        if !self.settings.goes_on {
            return Err(error);
        }
        self.last_fault = Some(error);
        Ok(())
    }

    /// `X509_verify_cert`, `verify_chain`.
    fn run(&mut self) -> Result<(), VerifyError> {
        if !self.key_is_strong(self.chain[0]) {
            self.fault(LEAF_KEY_TOO_SMALL)?;
        }
        self.build_chain()?;
        self.check_extensions()?;
        self.check_security_level()?;
        self.check_host()?;
        self.check_revocation()?;
        self.check_signatures_and_times()?;
        self.check_name_constraints()
    }

    /// `build_chain`: the trust store is asked first at every step; a choice once made is never taken back.
    fn build_chain(&mut self) -> Result<(), VerifyError> {
        self.extensions_are_usable(self.chain[0]); // X509_self_signed: the queue keeps what is wrong with it
        let mut search_untrusted = true;
        loop {
            let last = self.chain[self.chain.len() - 1];
            let issuer = if self.chain.len() > self.max_depth { None } else { self.trusted_issuer(last) };
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
            let issuer = if self.is_self_signed(last) || self.chain.len() > self.max_depth {
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
            && length <= self.max_depth
            && length == self.untrusted_in_chain
            && self.case.is_anchor(self.chain[0]).is_some()
        {
            self.chain.truncate(1);
            self.untrusted_in_chain = 0;
            return Ok(());
        }
        self.fault(match () {
            () if length > self.max_depth => CHAIN_TOO_LONG,
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
            if time_faults(self.get(candidate), self.case.at) == [None, None] {
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
        if !self.get(issuer).subject.is_equal_in_ascii(&self.get(subject).issuer) {
            return false;
        }
        if !self.extensions_are_usable(issuer) || !self.extensions_are_usable(subject) {
            return false;
        }
        identifiers_fit(self.get(issuer), self.get(subject)) && algorithm_fits(self.get(issuer), self.get(subject))
    }

    /// `ossl_x509v3_cache_extensions`.
    fn extensions_are_usable(&mut self, id: CertId) -> bool {
        let certificate = self.get(id);
        let usable = extensions_decode(certificate)
            && certificate.extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.bits != 0);
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

    /// `check_extensions`.
    fn check_extensions(&mut self) -> Result<(), VerifyError> {
        let mut intermediates = 0;
        for position in 0..self.chain.len() {
            let id = self.chain[position];
            let is_last = position + 1 == self.chain.len();
            if self.get(id).extensions.critical.iter().any(|oid| !SUPPORTED.contains(&&**oid)) {
                self.fault(UNHANDLED_CRITICAL)?;
            }
            let ca = self.ca_kind(id);
            let is_acceptable = match (position, ca) {
                (0, CaKind::Tolerated) => !self.settings.strict,
                (0, _) | (_, CaKind::Yes) => true,
                (_, CaKind::No) => false,
                (_, CaKind::Tolerated) => is_last && !self.settings.strict,
            };
            if !is_acceptable {
                self.fault(INVALID_CA)?;
            }
            // `check_curve`
            if has_explicit_curve(self.get(id).spki()) {
                self.fault(EXPLICIT_CURVE)?;
            }
            // Not for an end entity that is its own anchor (RFC 6818 section 2).
            if self.settings.strict && self.chain.len() > 1 {
                self.check_profile(id, is_last)?;
            }
            if !self.has_server_purpose(self.get(id), position > 0, ca) {
                self.fault(INVALID_PURPOSE)?;
            }
            let constraints = self.get(id).extensions.basic_constraints.as_ref();
            let path_len = constraints.and_then(|constraints| constraints.path_len);
            if position > 1 && path_len.is_some_and(|allowed| intermediates > allowed) {
                self.fault(PATH_TOO_LONG)?;
            }
            if position > 0 && !self.get(id).is_self_issued() {
                intermediates += 1;
            }
        }
        Ok(())
    }

    /// What `check_extensions` asks of each certificate under `X509_V_FLAG_X509_STRICT`, in its order.
    fn check_profile(&mut self, id: CertId, is_last: bool) -> Result<(), VerifyError> {
        let certificate = self.get(id);
        let extensions = &certificate.extensions;
        let is_ca = certificate.is_ca();
        let constraints = extensions.basic_constraints.as_ref();
        let may = |bit| extensions.key_usage.as_ref().is_some_and(|key_usage| key_usage.allows(bit));
        let names = extensions.subject_alt_name.as_ref();
        let key_id_missing = extensions.authority_key_id.as_ref().is_none_or(|authority| authority.key_id.is_none());
        let has_path_len = constraints.is_some_and(|constraints| constraints.path_len.is_some());
        let faults = [
            (has_path_len && !is_ca, PATHLEN_WITHOUT_CA),
            (has_path_len && !may(usage::KEY_CERT_SIGN), PATHLEN_WITHOUT_CERT_SIGN),
            (is_ca && constraints.is_some_and(|constraints| !constraints.critical), BASIC_CONSTRAINTS_NOT_CRITICAL),
            (is_ca && extensions.key_usage.is_none(), CA_KEY_USAGE_MISSING),
            (!is_ca && may(usage::KEY_CERT_SIGN), CERT_SIGN_WITHOUT_CA),
            (certificate.issuer.is_empty(), ISSUER_EMPTY),
            (certificate.subject.is_empty() && (is_ca || may(usage::CRL_SIGN) || names.is_none()), SUBJECT_EMPTY),
            (certificate.subject.is_empty() && names.is_some_and(|san| !san.critical), ALTERNATIVE_NAME_NOT_CRITICAL),
            (names.is_some_and(|san| san.names.is_empty()), ALTERNATIVE_NAME_EMPTY),
            (!certificate.algorithms_agree, SIGNATURE_ALGORITHMS_DISAGREE),
            (certificate.version == 3 && !is_last && key_id_missing, AUTHORITY_KEY_ID_MISSING),
            (certificate.version == 3 && is_ca && extensions.subject_key_id.is_none(), SUBJECT_KEY_ID_MISSING),
            (certificate.version < 3 && extensions.count > 0, EXTENSIONS_BEFORE_V3),
        ];
        faults.into_iter().filter(|(is_so, _)| *is_so).try_for_each(|(_, error)| self.fault(error))
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
        // `ns_reject`: a certificate type without the bit for SSL servers.
        const NS_SSL_SERVER: u8 = 0x40;
        if certificate.extensions.netscape_cert_type.is_some_and(|types| types & NS_SSL_SERVER == 0) {
            return false;
        }
        let tls = usage::DIGITAL_SIGNATURE | usage::KEY_ENCIPHERMENT | usage::KEY_AGREEMENT;
        certificate.extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.allows(tls))
    }

    /// `check_auth_level`: keys of issuers, and signatures of all but the last certificate.
    fn check_security_level(&mut self) -> Result<(), VerifyError> {
        for position in 0..self.chain.len() {
            let id = self.chain[position];
            if position > 0 && !self.key_is_strong(id) {
                self.fault(CA_KEY_TOO_SMALL)?;
            }
            if position + 1 < self.chain.len()
                && signature_bits(&self.get(id).signature_algorithm) < self.required_bits()
            {
                self.fault(HASH_TOO_WEAK)?;
            }
        }
        Ok(())
    }

    /// `check_id`.
    fn check_host(&mut self) -> Result<(), VerifyError> {
        let Some(rules) = self.settings.host else { return Ok(()) };
        let certificate = self.get(self.chain[0]);
        if self.case.any_name || self.case.name_holds(certificate, rules.question()) {
            return Ok(());
        }
        self.fault(if self.case.name_is_address() { IP_ADDRESS_MISMATCH } else { HOSTNAME_MISMATCH })
    }

    /// `check_revocation`, where CRLs are given (`openssl verify -crl_check_all -CRLfile`).
    fn check_revocation(&mut self) -> Result<(), VerifyError> {
        match self.case.asked.filter(|asked| asked.checks_revocation) {
            None => Ok(()),
            Some(asked) => crl::check(self.case, &asked.crls, &self.chain).or_else(|error| self.fault(error)),
        }
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
        let skips_top = !self.likely_issued(anchor, anchor) && !self.settings.partial_chain;
        if skips_top && top == 0 {
            self.fault(LEAF_UNVERIFIED)?;
        }
        for position in (0..=top).rev() {
            let subject = self.chain[position];
            if let Some(&issuer) = self.chain.get(position + 1) {
                self.check_signature(subject, issuer)?;
            } else if skips_top && top > 0 {
                continue; // not self-issued: neither signature nor times are looked at
            }
            for error in time_faults(self.get(subject), self.case.at).into_iter().flatten() {
                self.fault(error)?;
            }
        }
        Ok(())
    }

    fn check_signature(&mut self, subject: CertId, issuer: CertId) -> Result<(), VerifyError> {
        let key_usage = &self.get(issuer).extensions.key_usage;
        if key_usage.as_ref().is_some_and(|key_usage| !key_usage.allows(usage::KEY_CERT_SIGN)) {
            self.fault(KEY_CERT_SIGN_MISSING)?;
        }
        if !self.get(subject).algorithms_agree {
            return self.fault(SIGNATURE_FAILURE); // X509_verify, before any cryptography
        }
        // `ASN1_item_verify_ctx`
        if self.get(subject).encoding_faults.contains(&EncodingFault::SignatureUnusedBits) {
            self.raise(BITS_LEFT);
            return self.fault(SIGNATURE_FAILURE);
        }
        // What our library cannot compute, OpenSSL can: MD5, P-224, Ed448, brainpool.
        if self.case.pool.signature(subject, issuer) == SignatureCheck::Invalid {
            let is_rsa = matches!(self.get(issuer).key, KeyKind::Rsa { .. });
            self.raise(if is_rsa { RSA_PADDING } else { EVP_LIB });
            return self.fault(SIGNATURE_FAILURE);
        }
        Ok(())
    }

    /// `check_name_constraints`: those of every certificate above, the anchor included.
    fn check_name_constraints(&mut self) -> Result<(), VerifyError> {
        let with_common_name = self.settings.host.is_none_or(|rules| rules.common_name);
        for position in (0..self.chain.len()).rev() {
            let certificate = self.get(self.chain[position]);
            if position > 0 && certificate.is_self_issued() {
                continue;
            }
            for above in (position + 1..self.chain.len()).rev() {
                let certificate = self.get(self.chain[position]);
                let Some(constraints) = &self.get(self.chain[above]).extensions.name_constraints else { continue };
                let mut checked = constraints::check_names(certificate, constraints, Wildcards::AsTheyStand);
                if position == 0 && with_common_name {
                    checked = checked.and_then(|()| constraints::check_common_name(certificate, constraints));
                }
                checked.or_else(|error| self.fault(error))?;
            }
        }
        Ok(())
    }
}

/// None of the extensions that verifying reads is broken or stands twice.
pub(super) fn extensions_decode(certificate: &Certificate) -> bool {
    let extensions = &certificate.extensions;
    let cached = |oid: &str| CACHED.contains(&oid);
    !extensions.repeated.iter().any(|oid| cached(oid))
        && !extensions.undecodable.iter().any(|extension| cached(&extension.oid))
}

/// `ossl_x509_check_cert_time`, `X509_cmp_time`: exactly the forms of RFC 5280 §4.1.2.5, and the last second of notAfter is
/// too late.
pub(super) fn time_faults(certificate: &Certificate, at: Time) -> [Option<VerifyError>; 2] {
    let [not_before, not_after] = certificate.validity_encoding().unwrap_or([(0, &[]), (0, &[])]);
    let begins = match () {
        () if !is_profile_time(not_before) => Some(NOT_BEFORE_FIELD),
        () if certificate.not_before > at => Some(NOT_YET_VALID),
        () => None,
    };
    let ends = match () {
        () if !is_profile_time(not_after) => Some(NOT_AFTER_FIELD),
        () if certificate.not_after <= at => Some(EXPIRED),
        () => None,
    };
    [begins, ends]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CaKind {
    No,
    Yes,
    /// A self-signed v1 certificate, or keyCertSign without basicConstraints: good enough at the end of a chain.
    Tolerated,
}

/// `X509_check_akid`.
pub(super) fn identifiers_fit(issuer: &Certificate, subject: &Certificate) -> bool {
    subject.extensions.authority_key_id.as_ref().is_none_or(|authority| identifiers_match(issuer, authority))
}

fn identifiers_match(issuer: &Certificate, authority: &AuthorityKeyIdentifier) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_of_rsa_keys() {
        assert_eq!([1024, 2048, 3072, 4096].map(rsa_bits), [80, 112, 128, 152]);
        assert!(rsa_bits(1536) < 112);
        assert_eq!(rsa_bits(2047), 112);
    }
}
