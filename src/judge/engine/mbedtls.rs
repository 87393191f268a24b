//! Mbed TLS 2.28: reads every certificate strictly, walks from the end entity up, asking the trusted CAs first and then
//! what was sent behind, never going back, and collects flags on the way.
//!
//! The rules are those of `library/x509_crt.c` (parsing, `x509_crt_verify_chain`), `x509.c` and `oid.c` (what is known), and
//! `ssl_tls.c`, `ssl_msg.c` (what the handshake adds).

use std::collections::BTreeSet;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;
use crate::x509::dn::{Attribute, DistinguishedName};
use crate::x509::general_name::GeneralName;
use crate::x509::key::{KeyKind, has_explicit_curve};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, der, usage};

/// `MBEDTLS_X509_MAX_INTERMEDIATE_CA` of `x509.h`.
const MAX_INTERMEDIATES: usize = 8;

/// `MBEDTLS_SSL_IN_CONTENT_LEN` of `config.h`: handshake messages are not put together from several records.
const MAX_MESSAGE: usize = 16 * 1024;

/// Of `mbedtls_x509_crt_profile_default`.
const MIN_RSA_BITS: u32 = 2048;

/// `oid_x509_ext` of `oid.c`: the extensions that are read. Others are skipped, or refused when critical.
const KNOWN: &[&str] = &["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.32", "2.5.29.37", "2.16.840.1.113730.1.1"];

/// One of the `MBEDTLS_X509_BADCERT_` flags, in the order of their bits, in which they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    Expired,
    NameMismatch,
    NotTrusted,
    Future,
    KeyUsage,
    ExtendedKeyUsage,
    BadHash,
    BadAlgorithm,
    BadKey,
}

/// An error that ends the handshake without flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// As the library's own programs print it: `-0x3000`.
    pub code: &'static str,
    /// `mbedtls_strerror`.
    pub text: &'static str,
    pub category: Category,
}

const fn malformed(code: &'static str, text: &'static str) -> Error {
    Error { code, text, category: Category::BadFormat }
}

pub const INVALID_FORMAT: Error =
    malformed("-0x2180", "X509 - The CRT/CRL/CSR format is invalid, e.g. different type expected");
/// `ssl_parse_certificate_chain` takes nothing below 128 octets for a certificate.
const MIN_CERTIFICATE: usize = 128;
const SHORT_CERTIFICATE: Error = malformed("-0x7a00", "SSL - Processing of the Certificate handshake message failed");
const EXTENSIONS_BEFORE_V3: Error = malformed(
    "-0x21e6",
    "X509 - The CRT/CRL/CSR format is invalid, e.g. different type expected : ASN1 - Actual length differs from expected length",
);
const UNKNOWN_VERSION: Error = malformed("-0x2580", "X509 - CRT/CRL/CSR has an unsupported version number");
const EMPTY_NAME: Error = malformed(
    "-0x23e0",
    "X509 - The name tag or value is invalid : ASN1 - Out of data when parsing an ASN1 data structure",
);
const NAME_TYPE: Error =
    malformed("-0x23e2", "X509 - The name tag or value is invalid : ASN1 - ASN1 tag was of an unexpected value");
const INVALID_DATE: Error = malformed("-0x2400", "X509 - The date tag or value is invalid");
const REPEATED_EXTENSION: Error = malformed("-0x2500", "X509 - The extension tag or value is invalid");
const UNEXPECTED_EXTENSION: Error =
    malformed("-0x2562", "X509 - The extension tag or value is invalid : ASN1 - ASN1 tag was of an unexpected value");
const EMPTY_EXTENSION: Error = malformed(
    "-0x2564",
    "X509 - The extension tag or value is invalid : ASN1 - Error when trying to determine the length or invalid length",
);
const EXTENSION_LENGTH: Error = malformed(
    "-0x2566",
    "X509 - The extension tag or value is invalid : ASN1 - Actual length differs from expected length",
);
const INVALID_SIGNATURE: Error =
    malformed("-0x24e8", "X509 - The signature tag or value invalid : ASN1 - Data is invalid");
const INVALID_KEY: Error =
    Error { code: "-0x3d00", text: "PK - Invalid key tag or value", category: Category::UnsupportedKey };
/// Of a compressed point; the library's programs take it for a failure of the handshake.
pub const UNSUPPORTED_POINT: Error = Error {
    code: "-0x4e80",
    text: "ECP - The requested feature is not available, for example, the requested curve is not supported",
    category: Category::UnsupportedKey,
};
const UNSUPPORTED_POLICY: Error =
    malformed("-0x2080", "X509 - Unavailable feature, e.g. RSA hashing/encryption combination");
const ALGORITHMS_DIFFER: Error =
    malformed("-0x2680", "X509 - Signature algorithms do not match. (see \\c ::mbedtls_x509_crt sig_oid)");
const UNSUPPORTED_KEY: Error = Error {
    code: "-0x3c80",
    text: "PK - Key algorithm is unsupported (only RSA and EC are supported)",
    category: Category::UnsupportedKey,
};
const TOO_LONG: Error = Error {
    code: "-0x3000",
    text: "X509 - A fatal error occurred, eg the chain is too long or the vrfy callback failed",
    category: Category::PathLength,
};
const TOO_LARGE: Error =
    Error { code: "-0x7080", text: "SSL - The requested feature is not available", category: Category::MessageTooBig };

/// The path it walked, and what it noted.
#[derive(Debug)]
pub struct Outcome {
    pub chain: Vec<CertId>,
    pub flags: BTreeSet<Flag>,
}

/// `ssl_parse_certificate_chain` and `ssl_parse_certificate_verify`.
pub fn verify(case: &Case<'_>) -> Result<Outcome, Error> {
    // The handshake header, the list's length, and a length before each certificate (RFC 5246 §7.4.2).
    let entries = case.served.len() + case.unparsable.len();
    if case.served_bytes + 3 * entries + 7 > MAX_MESSAGE {
        return Err(TOO_LARGE);
    }
    // How long each of several is is not known.
    let read: usize = case.served.iter().map(|&id| case.pool.get(id).der().len()).sum();
    let unreadable_bytes = case.served_bytes.saturating_sub(read);
    let mut list = Vec::with_capacity(case.served.len());
    let mut readable = case.served.iter();
    for position in 0..entries {
        if case.unparsable.contains(&position) {
            return Err(if unreadable_bytes < MIN_CERTIFICATE { SHORT_CERTIFICATE } else { INVALID_FORMAT });
        }
        let Some(&id) = readable.next() else { return Err(INVALID_FORMAT) };
        let certificate = case.pool.get(id);
        // One with an unknown signature algorithm is passed over, "maybe a prior certificate was already trusted".
        if has_known_signature(certificate) {
            parse(certificate)?;
            list.push(id);
        }
    }
    let mut verification = Verification { case, list, chain: Vec::new(), flags: BTreeSet::new() };
    verification.run()?;
    Ok(Outcome { chain: verification.chain, flags: verification.flags })
}

/// `mbedtls_x509_get_sig_alg`: RSA and ECDSA.
fn has_known_signature(certificate: &Certificate) -> bool {
    matches!(
        certificate.signature_algorithm,
        SignatureAlgorithm::RsaPkcs1(_) | SignatureAlgorithm::RsaPss(_) | SignatureAlgorithm::Ecdsa(_)
    )
}

/// What `x509_crt_parse_der_core` refuses, in its order.
fn parse(certificate: &Certificate) -> Result<(), Error> {
    let extensions = &certificate.extensions;
    if !(1..=3).contains(&certificate.version) {
        return Err(UNKNOWN_VERSION);
    }
    if certificate.issuer.is_empty() {
        return Err(EMPTY_NAME);
    }
    check_name(&certificate.issuer)?;
    if certificate.encoding_faults.contains(&EncodingFault::TimeFormat) {
        return Err(INVALID_DATE);
    }
    check_name(&certificate.subject)?;
    check_key(certificate)?;
    if certificate.version < 3 && extensions.count > 0 {
        return Err(EXTENSIONS_BEFORE_V3);
    }
    // Unique identifiers are looked for as constructed values, so what is there is taken for the extensions.
    if certificate.has_unique_ids() || extensions.critical.iter().any(|oid| !KNOWN.contains(&&**oid)) {
        return Err(UNEXPECTED_EXTENSION);
    }
    if extensions.repeated.iter().any(|oid| KNOWN.contains(&&**oid)) {
        return Err(REPEATED_EXTENSION);
    }
    for oid in KNOWN {
        let Some(value) = certificate.extension_value(oid) else { continue };
        check_extension(oid, value, extensions.undecodable.iter().any(|extension| *extension.oid == **oid))?;
    }
    let policies_are_critical = extensions.critical.iter().any(|oid| **oid == *"2.5.29.32");
    if policies_are_critical && extensions.policies.iter().any(|policy| **policy != *"2.5.29.32.0") {
        return Err(UNSUPPORTED_POLICY);
    }
    if !certificate.algorithms_agree {
        return Err(ALGORITHMS_DIFFER);
    }
    if certificate.encoding_faults.contains(&EncodingFault::SignatureUnusedBits) {
        return Err(INVALID_SIGNATURE);
    }
    Ok(())
}

/// `mbedtls_x509_get_name`, `x509_get_attr_type_value`: no empty SET, and strings of these types.
fn check_name(name: &DistinguishedName) -> Result<(), Error> {
    /// UTF8String, PrintableString, TeletexString, IA5String, UniversalString, BMPString and BIT STRING.
    const TYPES: [u8; 7] = [0x0c, 0x13, 0x14, 0x16, 0x1c, 0x1e, 0x03];
    if name.has_empty_rdn() {
        return Err(EMPTY_NAME);
    }
    if name.attributes().iter().any(|attribute| !TYPES.contains(&attribute.tag)) {
        return Err(NAME_TYPE);
    }
    Ok(())
}

/// `mbedtls_pk_parse_subpubkey`, `mbedtls_ecp_point_read_binary`: named curves, uncompressed points.
fn check_key(certificate: &Certificate) -> Result<(), Error> {
    const UNCOMPRESSED: u8 = 4;
    match certificate.key {
        KeyKind::Rsa { pss: false, .. } => Ok(()),
        KeyKind::Ec(_) if has_explicit_curve(certificate.spki()) => Err(INVALID_KEY),
        KeyKind::Ec(_) if certificate.subject_public_key().first() != Some(&UNCOMPRESSED) => Err(UNSUPPORTED_POINT),
        KeyKind::Ec(_) => Ok(()),
        _ => Err(UNSUPPORTED_KEY),
    }
}

const KEY_USAGE: &str = "2.5.29.15";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const POLICIES: &str = "2.5.29.32";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const CERT_TYPE: &str = "2.16.840.1.113730.1.1";

/// `x509_get_crt_ext`, as far as one of [`KNOWN`] goes.
fn check_extension(oid: &str, value: &[u8], is_undecodable: bool) -> Result<(), Error> {
    const BIT_STRING: u8 = 0x03;
    const SEQUENCE: u8 = 0x30;
    let is_bits = matches!(oid, KEY_USAGE | CERT_TYPE);
    if value.first() != Some(if is_bits { &BIT_STRING } else { &SEQUENCE }) {
        return Err(UNEXPECTED_EXTENSION);
    }
    let Some((outer, rest)) = der::split(value) else { return Err(EMPTY_EXTENSION) };
    match oid {
        _ if !rest.is_empty() => Err(EXTENSION_LENGTH),
        // Whatever the unused bits are.
        KEY_USAGE if outer.content.len() < 2 => Err(EMPTY_EXTENSION),
        KEY_USAGE => Ok(()),
        EXTENDED_KEY_USAGE if outer.content.is_empty() => Err(EMPTY_EXTENSION),
        POLICIES if outer.content.is_empty() => Err(EXTENSION_LENGTH),
        // `mbedtls_asn1_get_int` has no room for the pathLenConstraint, or it is negative.
        BASIC_CONSTRAINTS if is_undecodable => Err(EMPTY_EXTENSION),
        _ if is_undecodable => Err(UNEXPECTED_EXTENSION),
        _ => Ok(()),
    }
}

/// `x509_get_key_usage`: bit n for the nth usage, whatever the BIT STRING says about unused bits.
fn key_usage(certificate: &Certificate) -> Option<u16> {
    let (bits, _) = certificate.extension_value(KEY_USAGE).and_then(der::split)?;
    let octet = |index: usize| u16::from(bits.content.get(index).map_or(0, |octet| octet.reverse_bits()));
    Some(octet(1) | octet(2) << 8)
}

/// `mbedtls_x509_crt_check_key_usage`: encipherOnly and decipherOnly must not be there when nobody asks for them.
fn allows(certificate: &Certificate, wanted: u16) -> bool {
    const RESTRICTING: u16 = 1 << 7 | 1 << 8;
    key_usage(certificate).is_none_or(|bits| bits & wanted == wanted && bits & RESTRICTING == 0)
}

struct Verification<'a> {
    case: &'a Case<'a>,
    /// What the server sent, as far as it is known.
    list: Vec<CertId>,
    chain: Vec<CertId>,
    flags: BTreeSet<Flag>,
}

/// A parent, and whether the child's signature verifies under its key.
#[derive(Debug, Clone, Copy)]
struct Parent {
    id: CertId,
    is_trusted: bool,
    /// Where it stands in the list, when it was sent.
    position: usize,
    signature_is_good: bool,
}

impl Verification<'_> {
    fn get(&self, id: CertId) -> &Certificate {
        self.case.pool.get(id)
    }

    /// `mbedtls_x509_crt_verify_restartable`, then the secondary checks of the handshake.
    fn run(&mut self) -> Result<(), Error> {
        let Some(&end_entity) = self.list.first() else {
            // Everything was passed over: what is verified is an empty structure.
            let all =
                [Flag::Expired, Flag::NameMismatch, Flag::NotTrusted, Flag::BadHash, Flag::BadAlgorithm, Flag::BadKey];
            self.flags.extend(all);
            return Ok(());
        };
        let certificate = self.case.pool.get(end_entity);
        self.note(!self.case.any_name && !self.case.name_holds(certificate, matches_name), Flag::NameMismatch);
        self.note(!key_is_acceptable(&certificate.key), Flag::BadKey);
        self.walk(end_entity)?;
        self.note(!allows(certificate, self.needed_usage()), Flag::KeyUsage);
        let purposes = certificate.extensions.extended_key_usage.as_ref();
        self.note(purposes.is_some_and(|purposes| !(purposes.server_auth || purposes.any)), Flag::ExtendedKeyUsage);
        Ok(())
    }

    fn note(&mut self, found: bool, flag: Flag) {
        if found {
            self.flags.insert(flag);
        }
    }

    /// `mbedtls_ssl_check_cert_usage`: what the cipher suite does with the key.
    fn needed_usage(&self) -> u16 {
        match self.case.tls.and_then(|tls| tls.cipher_suite.as_deref()) {
            Some(suite) if suite.starts_with("TLS_RSA_WITH_") => usage::KEY_ENCIPHERMENT,
            _ => usage::DIGITAL_SIGNATURE,
        }
    }

    /// `x509_crt_verify_chain`.
    fn walk(&mut self, end_entity: CertId) -> Result<(), Error> {
        let (mut child, mut position, mut is_trusted) = (end_entity, 0, false);
        let mut self_issued = 0;
        loop {
            self.chain.push(child);
            let certificate = self.case.pool.get(child);
            self.note(certificate.not_after < self.case.at, Flag::Expired);
            self.note(certificate.not_before > self.case.at, Flag::Future);
            if is_trusted {
                return Ok(());
            }
            let is_sha2 = !matches!(certificate.signature_algorithm.hash(), None | Some(Hash::Md5 | Hash::Sha1));
            self.note(!is_sha2, Flag::BadHash);
            let is_self_issued = is_same_name(&certificate.issuer, &certificate.subject);
            // x509_crt_check_ee_locally_trusted
            if self.chain.len() == 1 && is_self_issued && self.case.is_anchor(child).is_some() {
                return Ok(());
            }
            let below = self.chain.len() - 1;
            let parent = self
                .parent_among_trusted(child, below - self_issued)
                .or_else(|| self.parent_among_sent(child, position, below - self_issued));
            let Some(parent) = parent else {
                self.flags.insert(Flag::NotTrusted);
                return Ok(());
            };
            if self.chain.len() != 1 && is_self_issued {
                self_issued += 1;
            }
            if !parent.is_trusted && self.chain.len() > MAX_INTERMEDIATES {
                return Err(TOO_LONG);
            }
            self.note(!parent.signature_is_good, Flag::NotTrusted);
            self.note(!key_is_acceptable(&self.get(parent.id).key), Flag::BadKey);
            (child, position, is_trusted) = (parent.id, parent.position, parent.is_trusted);
        }
    }

    /// The trusted CAs that could be read, in the order of the file.
    fn parent_among_trusted(&self, child: CertId, below: usize) -> Option<Parent> {
        let case = self.case;
        let named = case.pool.named(self.get(child).issuer.normalised()).iter().copied();
        let trusted = named.filter(|&id| {
            let certificate = case.pool.get(id);
            case.is_anchor(id).is_some() && has_known_signature(certificate) && parse(certificate).is_ok()
        });
        self.find_parent(child, below, trusted.map(|id| (id, 0)), true)
    }

    /// Only what was sent behind the child.
    fn parent_among_sent(&self, child: CertId, position: usize, below: usize) -> Option<Parent> {
        let behind = self.list.iter().enumerate().skip(position + 1).map(|(position, &id)| (id, position));
        self.find_parent(child, below, behind, false)
    }

    /// `x509_crt_find_parent_in`: the first that fits and is valid now, else the first that fits. A trusted one must also
    /// have made the signature; one that was sent is taken with a bad signature too.
    fn find_parent(
        &self,
        child: CertId,
        below: usize,
        candidates: impl Iterator<Item = (CertId, usize)>,
        is_trusted: bool,
    ) -> Option<Parent> {
        let mut fallback = None;
        for (id, position) in candidates {
            let parent = self.get(id);
            let path_len = parent.extensions.basic_constraints.as_ref().and_then(|constraints| constraints.path_len);
            if !may_be_parent(self.get(child), parent, is_trusted)
                || path_len.is_some_and(|allowed| usize::try_from(allowed).is_ok_and(|allowed| allowed < below))
            {
                continue;
            }
            // What our library cannot compute, Mbed TLS can: MD5, P-224, brainpool, any salt of PSS.
            let signature_is_good = self.case.pool.signature(child, id) != SignatureCheck::Invalid;
            if is_trusted && !signature_is_good {
                continue;
            }
            let found = Parent { id, is_trusted, position, signature_is_good };
            if (parent.not_before..=parent.not_after).contains(&self.case.at) {
                return Some(found);
            }
            fallback = fallback.or(Some(found));
        }
        fallback
    }
}

/// `x509_crt_check_parent`: name, CA flag and keyCertSign; of a trusted certificate before v3 only the name. Key identifiers
/// are not read.
fn may_be_parent(child: &Certificate, parent: &Certificate, is_trusted: bool) -> bool {
    is_same_name(&child.issuer, &parent.subject)
        && ((is_trusted && parent.version < 3) || (parent.is_ca() && allows(parent, usage::KEY_CERT_SIGN)))
}

/// `x509_name_cmp`: the same types in the same order; letter case counts except between UTF8String and PrintableString,
/// white space always.
fn is_same_name(one: &DistinguishedName, other: &DistinguishedName) -> bool {
    const TEXT: [u8; 2] = [0x0c, 0x13];
    let same_value = |a: &Attribute, b: &Attribute| {
        (a.tag == b.tag && a.value == b.value)
            || (TEXT.contains(&a.tag) && TEXT.contains(&b.tag) && a.value.eq_ignore_ascii_case(&b.value))
    };
    if one.raw() == other.raw() {
        return true;
    }
    if one.normalised() != other.normalised() {
        return false;
    }
    let (one, other) = (one.attributes(), other.attributes());
    one.len() == other.len()
        && one.iter().zip(&other).all(|(a, b)| a.rdn == b.rdn && a.oid == b.oid && same_value(a, b))
}

/// `x509_profile_check_key`: any curve, RSA from 2048 bits, counted in whole octets (`mbedtls_pk_get_bitlen`).
fn key_is_acceptable(key: &KeyKind) -> bool {
    !matches!(key, KeyKind::Rsa { bits, .. } if bits.next_multiple_of(8) < MIN_RSA_BITS)
}

/// `x509_crt_verify_name`: dNSNames only, and only without any SAN the common names. An address is compared as text.
fn matches_name(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let host = reference.to_string();
    match &certificate.extensions.subject_alt_name {
        Some(san) => san.names.iter().any(
            |name| matches!(name, GeneralName::Dns(presented) if matches_octets(presented.as_bytes(), host.as_bytes())),
        ),
        None => {
            let attributes = certificate.subject.attributes();
            let mut common_names = attributes.iter().filter(|attribute| attribute.oid == "2.5.4.3");
            common_names.any(|attribute| matches_octets(&attribute.value, host.as_bytes()))
        }
    }
}

/// `x509_crt_check_cn`, `x509_check_wildcard`: an asterisk for the whole first label, whatever follows.
fn matches_octets(presented: &[u8], host: &[u8]) -> bool {
    if presented.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(rest) = presented.strip_prefix(b"*").filter(|rest| rest.len() > 1 && rest[0] == b'.') else {
        return false;
    };
    match host.iter().position(|&byte| byte == b'.') {
        None | Some(0) => false,
        Some(dot) => host[dot..].eq_ignore_ascii_case(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_measured_in_octets() {
        let rsa = |bits| KeyKind::Rsa { bits, exponent: 65537, pss: false };
        assert!(key_is_acceptable(&rsa(2041)));
        assert!(!key_is_acceptable(&rsa(2040)));
    }

    #[test]
    fn lengths_of_extensions_have_errors_of_their_own() {
        for (oid, value, is_undecodable, error) in [
            (KEY_USAGE, &[3, 1, 0][..], false, EMPTY_EXTENSION),
            (KEY_USAGE, &[4, 1, 0x80], true, UNEXPECTED_EXTENSION),
            (BASIC_CONSTRAINTS, &[0x30, 3, 2, 1, 0xff], true, EMPTY_EXTENSION),
            (BASIC_CONSTRAINTS, &[5, 0], true, UNEXPECTED_EXTENSION),
            ("2.5.29.17", &[0x30, 0x80, 0, 0], true, EMPTY_EXTENSION),
            ("2.5.29.17", &[0x30, 0, 5, 0], false, EXTENSION_LENGTH),
            (POLICIES, &[0x30, 0], false, EXTENSION_LENGTH),
        ] {
            assert_eq!(check_extension(oid, value, is_undecodable), Err(error), "{oid} {value:?}");
        }
        assert_eq!(check_extension(KEY_USAGE, &[3, 2, 5, 0x9f], true), Ok(()));
    }

    #[test]
    fn names() {
        for (presented, host, same) in [
            ("*.example.com", "a.example.com", true),
            ("*.com", "example.com", true),
            ("f*.example.com", "foo.example.com", false),
            ("*.example.com", "example.com", false),
            ("EXAMPLE.com", "example.com", true),
            ("*", "localhost", false),
            ("127.0.0.1", "127.0.0.1", true),
        ] {
            assert_eq!(matches_octets(presented.as_bytes(), host.as_bytes()), same, "{presented} {host}");
        }
    }
}
