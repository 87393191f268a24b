//! One certificate, parsed once: everything that judging asks of it, owned.

use std::fmt;
use std::ops::Range;

use sha2::{Digest, Sha256};
use x509_parser::der_parser::asn1_rs::{FromDer, Oid};
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::X509Certificate;

use super::der;
use super::distribution_point::{self, DistributionPoint};
use super::dn::DistinguishedName;
use super::general_name::GeneralName;
use super::key::KeyKind;
use super::oid::dotted;
use super::sct::{self, Sct};
use super::signature::{self, SignatureAlgorithm, SignatureCheck};
use crate::model::time::Time;

/// Certificates larger than this are not parsed: the largest in public use are below 100 kB, and Go and OpenSSL
/// stop at handshake messages of about that size anyway.
const MAX_BYTES: usize = 256 * 1024;

/// SHA-256 of a certificate's DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    pub fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX_DIGITS[usize::from(byte >> 4)];
            pair[1] = HEX_DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The RDNs of a certificate's subject, DER, without parsing anything else. `None` where the bytes are no certificate.
pub fn subject_bytes(der: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = der::split(der)?;
    let (tbs, _) = der::split(certificate.content)?;
    let mut fields = der::values(tbs.content).peekable();
    fields.next_if(|field| field.tag == 0xa0); // version
    // serialNumber, signature, issuer, validity, subject
    Some(fields.nth(4)?.content)
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(HEX_DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(HEX_DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Why bytes are not a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("{0} bytes after the certificate")]
    TrailingData(usize),
    #[error("not an X.509 certificate: {0}")]
    Malformed(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicConstraints {
    pub ca: bool,
    pub path_len: Option<u32>,
    pub critical: bool,
}

/// Bits of keyUsage (RFC 5280 §4.2.1.3), bit 0 = digitalSignature.
pub mod usage {
    pub const DIGITAL_SIGNATURE: u16 = 1;
    pub const KEY_ENCIPHERMENT: u16 = 1 << 2;
    pub const KEY_AGREEMENT: u16 = 1 << 4;
    pub const KEY_CERT_SIGN: u16 = 1 << 5;
    pub const CRL_SIGN: u16 = 1 << 6;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsage {
    pub bits: u16,
    pub critical: bool,
}

impl KeyUsage {
    pub fn allows(&self, bit: u16) -> bool {
        self.bits & bit != 0
    }
}

/// RFC 5280 §4.2.1.12.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtendedKeyUsage {
    pub any: bool,
    pub server_auth: bool,
    pub client_auth: bool,
    pub code_signing: bool,
    pub email_protection: bool,
    pub time_stamping: bool,
    pub ocsp_signing: bool,
    /// Dotted OIDs of all others.
    pub other: Vec<Box<str>>,
    pub critical: bool,
}

impl ExtendedKeyUsage {
    /// The extension holds no purpose at all, which its ASN.1 forbids.
    pub fn is_empty(&self) -> bool {
        !(self.any
            || self.server_auth
            || self.client_auth
            || self.code_signing
            || self.email_protection
            || self.time_stamping
            || self.ocsp_signing)
            && self.other.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectAltName {
    pub names: Vec<GeneralName>,
    pub critical: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameConstraints {
    pub permitted: Vec<GeneralName>,
    pub excluded: Vec<GeneralName>,
    /// A subtree has a minimum other than 0, which RFC 5280 §4.2.1.10 leaves no use.
    pub minimum: bool,
    /// A subtree has a maximum, which the same section forbids.
    pub maximum: bool,
    pub critical: bool,
}

/// RFC 5280 §4.2.1.11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConstraints {
    pub require_explicit_policy: Option<u32>,
    pub inhibit_policy_mapping: Option<u32>,
    pub critical: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorityKeyIdentifier {
    pub key_id: Option<Box<[u8]>>,
    /// The directory names of authorityCertIssuer.
    pub issuer: Vec<DistinguishedName>,
    /// Content octets of authorityCertSerialNumber.
    pub serial: Option<Box<[u8]>>,
}

/// An extension we do not know, or that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownExtension {
    /// Dotted OID.
    pub oid: Box<str>,
    pub critical: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The field itself was present (v3), even when empty.
    pub count: usize,
    pub basic_constraints: Option<BasicConstraints>,
    pub key_usage: Option<KeyUsage>,
    pub extended_key_usage: Option<ExtendedKeyUsage>,
    pub subject_alt_name: Option<SubjectAltName>,
    pub name_constraints: Option<NameConstraints>,
    pub subject_key_id: Option<Box<[u8]>>,
    pub authority_key_id: Option<AuthorityKeyIdentifier>,
    /// Dotted policy OIDs.
    pub policies: Vec<Box<str>>,
    /// Dotted OIDs of the qualifiers that stand with them.
    pub policy_qualifiers: Vec<Box<str>>,
    /// Policy of the issuer's domain, policy of the subject's domain (RFC 5280 §4.2.1.5).
    pub policy_mappings: Vec<(Box<str>, Box<str>)>,
    pub policy_constraints: Option<PolicyConstraints>,
    /// skipCerts of inhibitAnyPolicy (RFC 5280 §4.2.1.14).
    pub inhibit_any_policy: Option<u32>,
    /// `caIssuers` locations that are URIs, in order.
    pub ca_issuers: Vec<Box<str>>,
    /// OCSP responder URIs, in order.
    pub ocsp: Vec<Box<str>>,
    /// URIs of the CRL distribution points' full names.
    pub crl_distribution_points: Vec<Box<str>>,
    /// The same extension whole, for looking into CRLs.
    pub distribution_points: Vec<DistributionPoint>,
    /// TLS feature status_request (RFC 7633).
    pub must_staple: bool,
    /// The embedded timestamps (RFC 6962 §3.3).
    pub scts: Vec<Sct>,
    /// A precertificate's poison (RFC 6962 §3.1).
    pub is_precertificate: bool,
    /// Netscape's certificate type, the bits as in its first octet (Netscape Certificate Extensions, 1998).
    pub netscape_cert_type: Option<u8>,
    /// Known to us in no way; the critical ones must be refused (RFC 5280 §4.2).
    pub unknown: Vec<UnknownExtension>,
    /// Known by OID, not decodable.
    pub undecodable: Vec<UnknownExtension>,
    /// OIDs that stand more than once.
    pub repeated: Vec<Box<str>>,
    /// OIDs of the critical ones: which of them a client understands is the client's.
    pub critical: Vec<Box<str>>,
}

/// A departure from DER or from the profile that some parsers refuse and others let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EncodingFault {
    /// A BOOLEAN TRUE that is not 0xFF (X.690 §11.1).
    BooleanNotCanonical,
    /// `critical FALSE` written out though it is the default (X.690 §11.5).
    DefaultEncoded,
    /// An INTEGER with a superfluous leading octet (X.690 §8.3.2), in the serial number.
    SerialNotMinimal,
    SerialNegative,
    SerialZero,
    /// More than 20 content octets (RFC 5280 §4.1.2.2).
    SerialTooLong,
    /// The serial number is an INTEGER without content (X.690 §8.3.1).
    SerialEmpty,
    /// UTCTime or GeneralizedTime without seconds, or with an offset (RFC 5280 §4.1.2.5).
    TimeFormat,
    /// GeneralizedTime for a year before 2050 (RFC 5280 §4.1.2.5).
    GeneralizedTimeBefore2050,
    /// A length outside the extensions' values takes more octets than it needs (X.690 §10.1).
    LengthNotMinimal,
    /// The same inside the value of an extension of RFC 5280.
    ExtensionLengthNotMinimal,
    /// Octets after what the value of an extension of RFC 5280 holds.
    ExtensionTrailingData,
    /// `cA` of basicConstraints is TRUE but not 0xFF (X.690 §11.1).
    BasicConstraintsBoolean,
    /// The BIT STRING of the signature has unused bits, though a signature is of whole octets.
    SignatureUnusedBits,
}

/// A parsed certificate. Two with the same bytes are equal.
#[derive(Clone)]
pub struct Certificate {
    der: Box<[u8]>,
    tbs: Range<usize>,
    spki: Range<usize>,
    signature_value: Range<usize>,
    pub fingerprint: Fingerprint,
    /// 1, 2 or 3.
    pub version: u32,
    /// Content octets of the INTEGER.
    pub serial: Box<[u8]>,
    pub subject: DistinguishedName,
    pub issuer: DistinguishedName,
    pub not_before: Time,
    pub not_after: Time,
    pub key: KeyKind,
    pub signature_algorithm: SignatureAlgorithm,
    /// False when the algorithm inside the signed part differs from the one outside (RFC 5280 §4.1.1.2).
    pub algorithms_agree: bool,
    pub extensions: Extensions,
    pub encoding_faults: Vec<EncodingFault>,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.subject, self.fingerprint)
    }
}

impl Certificate {
    /// Parses `der`, forgiving what real clients forgive: what some of them refuse is noted in `encoding_faults` and in
    /// `extensions.undecodable`.
    pub fn parse(der: &[u8]) -> Result<Self, ParseError> {
        if der.len() > MAX_BYTES {
            return Err(ParseError::TooLarge);
        }
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|error| ParseError::Malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(ParseError::TrailingData(rest.len()));
        }
        let within = |part: &[u8]| {
            let start = part.as_ptr() as usize - der.as_ptr() as usize;
            start..start + part.len()
        };
        Ok(Self {
            tbs: within(parsed.tbs_certificate.as_ref()),
            spki: within(parsed.public_key().raw),
            signature_value: within(&parsed.signature_value.data),
            fingerprint: Fingerprint::of(der),
            version: parsed.version().0.saturating_add(1),
            serial: parsed.raw_serial().into(),
            subject: DistinguishedName::new(parsed.subject()),
            issuer: DistinguishedName::new(parsed.issuer()),
            not_before: Time::from_unix(parsed.validity().not_before.timestamp()),
            not_after: Time::from_unix(parsed.validity().not_after.timestamp()),
            key: KeyKind::new(parsed.public_key()),
            signature_algorithm: SignatureAlgorithm::new(&parsed.signature_algorithm),
            algorithms_agree: parsed.signature_algorithm == parsed.tbs_certificate.signature,
            extensions: extensions(parsed.extensions()),
            encoding_faults: encoding_faults(der, &parsed),
            der: der.into(),
        })
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The TBSCertificate, DER: what the issuer signed.
    pub(super) fn tbs(&self) -> &[u8] {
        &self.der[self.tbs.clone()]
    }

    /// notBefore and notAfter as encoded: tag and content. Parsers differ in which forms they take.
    pub fn validity_encoding(&self) -> Option<[(u8, &[u8]); 2]> {
        let (outer, _) = der::split(&self.der[self.tbs.clone()])?;
        let mut fields = der::values(outer.content).skip_while(|value| value.tag == 0xa0);
        // serialNumber, signature, issuer, validity
        let validity = fields.nth(3)?;
        let mut times = der::values(validity.content).map(|time| (time.tag, time.content));
        Some([times.next()?, times.next()?])
    }

    /// issuerUniqueID or subjectUniqueID is there, which RFC 5280 §4.1.2.8 tells CAs not to use.
    pub fn has_unique_ids(&self) -> bool {
        let tbs = der::split(&self.der[self.tbs.clone()]);
        tbs.is_some_and(|(outer, _)| der::values(outer.content).any(|field| matches!(field.tag, 0x81 | 0x82)))
    }

    /// The SubjectPublicKeyInfo, DER.
    pub fn spki(&self) -> &[u8] {
        &self.der[self.spki.clone()]
    }

    /// The content of the SubjectPublicKeyInfo's BIT STRING: what key identifiers and OCSP hash (RFC 5280 §4.2.1.2,
    /// RFC 6960 §4.1.1).
    pub fn subject_public_key(&self) -> &[u8] {
        der::subject_public_key(self.spki())
    }

    pub fn spki_sha256(&self) -> Fingerprint {
        Fingerprint::of(self.spki())
    }

    /// Subject and issuer are the same name. Says nothing about the signature.
    pub fn is_self_issued(&self) -> bool {
        self.subject.normalised() == self.issuer.normalised()
    }

    /// cA is set (RFC 5280 §4.2.1.9).
    pub fn is_ca(&self) -> bool {
        self.extensions.basic_constraints.as_ref().is_some_and(|constraints| constraints.ca)
    }

    /// Does its signature verify under `issuer`'s key? Names are not compared.
    pub fn check_signature(&self, issuer: &Self) -> SignatureCheck {
        if self.has_unusual_pss() {
            return SignatureCheck::Unsupported;
        }
        signature::verify(
            &self.signature_algorithm,
            &issuer.key,
            issuer.spki(),
            &self.der[self.tbs.clone()],
            &self.der[self.signature_value.clone()],
        )
    }
}

fn extensions(parsed: &[X509Extension<'_>]) -> Extensions {
    let mut out = Extensions { count: parsed.len(), ..Extensions::default() };
    let mut seen: Vec<&Oid<'_>> = Vec::with_capacity(parsed.len());
    for extension in parsed {
        let oid = dotted(&extension.oid);
        let critical = extension.critical;
        if critical {
            out.critical.push((*oid).into());
        }
        if seen.contains(&&extension.oid) {
            out.repeated.push(oid.into());
            continue; // the first stands, as in the clients that do not refuse
        }
        let unknown = || UnknownExtension { oid: (*oid).into(), critical };
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(value) => {
                out.basic_constraints =
                    Some(BasicConstraints { ca: value.ca, path_len: value.path_len_constraint, critical });
            }
            ParsedExtension::KeyUsage(value) => out.key_usage = Some(KeyUsage { bits: value.flags, critical }),
            ParsedExtension::ExtendedKeyUsage(value) => {
                out.extended_key_usage = Some(ExtendedKeyUsage {
                    any: value.any,
                    server_auth: value.server_auth,
                    client_auth: value.client_auth,
                    code_signing: value.code_signing,
                    email_protection: value.email_protection,
                    time_stamping: value.time_stamping,
                    ocsp_signing: value.ocsp_signing,
                    other: value.other.iter().map(|oid| dotted(oid).into()).collect(),
                    critical,
                });
            }
            ParsedExtension::SubjectAlternativeName(value) => {
                out.subject_alt_name = Some(SubjectAltName {
                    names: value.general_names.iter().map(GeneralName::new).collect(),
                    critical,
                });
            }
            ParsedExtension::NameConstraints(value) => {
                let names = |subtrees: &Option<Vec<x509_parser::extensions::GeneralSubtree<'_>>>| {
                    subtrees.iter().flatten().map(|subtree| GeneralName::new(&subtree.base)).collect()
                };
                let (minimum, maximum) = distances(extension.value);
                out.name_constraints = Some(NameConstraints {
                    permitted: names(&value.permitted_subtrees),
                    excluded: names(&value.excluded_subtrees),
                    minimum,
                    maximum,
                    critical,
                });
            }
            ParsedExtension::SubjectKeyIdentifier(value) => out.subject_key_id = Some(value.0.into()),
            ParsedExtension::AuthorityKeyIdentifier(value) => {
                let issuer =
                    value.authority_cert_issuer.iter().flatten().filter_map(|name| match GeneralName::new(name) {
                        GeneralName::Directory(name) => Some(name),
                        _ => None,
                    });
                out.authority_key_id = Some(AuthorityKeyIdentifier {
                    key_id: value.key_identifier.as_ref().map(|id| id.0.into()),
                    issuer: issuer.collect(),
                    serial: value.authority_cert_serial.map(Into::into),
                });
            }
            ParsedExtension::CertificatePolicies(value) => {
                out.policies = value.iter().map(|policy| dotted(&policy.policy_id).into()).collect();
                let qualifiers = value.iter().flat_map(|policy| policy.policy_qualifiers.iter().flatten());
                out.policy_qualifiers = qualifiers.map(|info| dotted(&info.policy_qualifier_id).into()).collect();
            }
            ParsedExtension::PolicyMappings(value) => {
                let boxed = |oid: &Oid<'_>| dotted(oid).into();
                let pairs = value.mappings.iter();
                out.policy_mappings =
                    pairs.map(|pair| (boxed(&pair.issuer_domain_policy), boxed(&pair.subject_domain_policy))).collect();
            }
            ParsedExtension::PolicyConstraints(value) => {
                out.policy_constraints = Some(PolicyConstraints {
                    require_explicit_policy: value.require_explicit_policy,
                    inhibit_policy_mapping: value.inhibit_policy_mapping,
                    critical,
                });
            }
            ParsedExtension::InhibitAnyPolicy(value) => out.inhibit_any_policy = Some(value.skip_certs),
            ParsedExtension::AuthorityInfoAccess(value) => {
                for description in value.iter() {
                    if let GeneralName::Uri(uri) = GeneralName::new(&description.access_location) {
                        match &*dotted(&description.access_method) {
                            "1.3.6.1.5.5.7.48.2" => out.ca_issuers.push(uri),
                            "1.3.6.1.5.5.7.48.1" => out.ocsp.push(uri),
                            _ => {}
                        }
                    }
                }
            }
            ParsedExtension::CRLDistributionPoints(value) => {
                out.distribution_points = distribution_point::list(extension.value).unwrap_or_default();
                for point in value.iter() {
                    if let Some(x509_parser::extensions::DistributionPointName::FullName(names)) =
                        &point.distribution_point
                    {
                        out.crl_distribution_points.extend(names.iter().filter_map(|name| {
                            match GeneralName::new(name) {
                                GeneralName::Uri(uri) => Some(uri),
                                _ => None,
                            }
                        }));
                    }
                }
            }
            // An OCTET STRING inside the extension's own.
            ParsedExtension::SCT(_) => {
                let list = der::split(extension.value).and_then(|(octets, _)| sct::list(octets.content));
                match list {
                    Some(scts) => out.scts = scts,
                    None => out.undecodable.push(unknown()),
                }
            }
            // A BIT STRING: the number of unused bits, then the bits.
            ParsedExtension::NSCertType(_) => {
                out.netscape_cert_type = der::split(extension.value).and_then(|(bits, _)| bits.content.get(1).copied());
            }
            ParsedExtension::ParseError { .. } => out.undecodable.push(unknown()),
            ParsedExtension::UnsupportedExtension { .. } | ParsedExtension::Unparsed => match &*oid {
                // SEQUENCE OF INTEGER containing 5, status_request
                "1.3.6.1.5.5.7.1.24" => {
                    out.must_staple = der::split(extension.value).is_some_and(|(features, _)| {
                        der::values(features.content).any(|feature| feature.content == [5])
                    });
                }
                "1.3.6.1.4.1.11129.2.4.3" => out.is_precertificate = true,
                _ => out.unknown.push(unknown()),
            },
            // Known by name, with no bearing on a server's path: issuer alternative name, Netscape's comment …
            _ => {}
        }
        seen.push(&extension.oid);
    }
    out
}

/// Do subtrees of nameConstraints carry a minimum other than 0, or a maximum (RFC 5280 §4.2.1.10)?
fn distances(value: &[u8]) -> (bool, bool) {
    let lists = der::split(value).into_iter().flat_map(|(outer, _)| der::values(outer.content));
    let fields =
        lists.flat_map(|list| der::values(list.content)).flat_map(|subtree| der::values(subtree.content).skip(1));
    fields.fold((false, false), |(minimum, maximum), field| match field.tag {
        0x80 => (minimum || field.content.iter().any(|&octet| octet != 0), maximum),
        0x81 => (minimum, true),
        _ => (minimum, maximum),
    })
}

/// What `x509-parser` forgives, read from the encoding itself.
fn encoding_faults(der: &[u8], parsed: &X509Certificate<'_>) -> Vec<EncodingFault> {
    let mut faults = Vec::new();
    if !der::lengths_are_minimal(der) {
        faults.push(EncodingFault::LengthNotMinimal);
    }
    if parsed.signature_value.unused_bits != 0 {
        faults.push(EncodingFault::SignatureUnusedBits);
    }
    let Some((outer, _)) = der::split(parsed.tbs_certificate.as_ref()) else { return faults };
    let mut fields = der::values(outer.content).peekable();
    fields.next_if(|value| value.tag == 0xa0); // version
    if let Some(serial) = fields.next() {
        match serial.content {
            [] => faults.push(EncodingFault::SerialEmpty),
            [0] => faults.push(EncodingFault::SerialZero),
            [0, next, ..] if next & 0x80 == 0 => faults.push(EncodingFault::SerialNotMinimal),
            [0xff, next, ..] if next & 0x80 != 0 => faults.push(EncodingFault::SerialNotMinimal),
            _ => {}
        }
        if serial.content.first().is_some_and(|first| first & 0x80 != 0) {
            faults.push(EncodingFault::SerialNegative);
        }
        if serial.content.len() > 20 {
            faults.push(EncodingFault::SerialTooLong);
        }
    }
    if let Some(validity) = fields.nth(2) {
        for time in der::values(validity.content) {
            let well_formed = match time.tag {
                0x17 => time.content.len() == 13 && time.content.ends_with(b"Z"),
                _ => time.content.len() == 15 && time.content.ends_with(b"Z"),
            };
            if !well_formed {
                faults.push(EncodingFault::TimeFormat);
            }
            if time.tag == 0x18 && time.content < b"2050".as_slice() {
                faults.push(EncodingFault::GeneralizedTimeBefore2050);
            }
        }
    }
    if let Some(list) = fields.find(|value| value.tag == 0xa3).and_then(|explicit| der::split(explicit.content)) {
        let critical = der::values(list.0.content)
            .filter_map(|extension| der::values(extension.content).nth(1).filter(|value| value.tag == 0x01));
        for critical in critical {
            match critical.content {
                [0xff] => {}
                [0] => faults.push(EncodingFault::DefaultEncoded),
                _ => faults.push(EncodingFault::BooleanNotCanonical),
            }
        }
    }
    parsed.extensions().iter().for_each(|extension| faults_within(extension, &mut faults));
    faults
}

/// Those of the value of an extension of RFC 5280. Others may hold anything, and whoever reads them has rules of its own.
fn faults_within(extension: &X509Extension<'_>, faults: &mut Vec<EncodingFault>) {
    let parsed = extension.parsed_extension();
    if matches!(
        parsed,
        ParsedExtension::UnsupportedExtension { .. }
            | ParsedExtension::Unparsed
            | ParsedExtension::SCT(_)
            | ParsedExtension::NSCertType(_)
            | ParsedExtension::NsCertComment(_)
    ) {
        return;
    }
    let Some((value, rest)) = der::split(extension.value) else { return };
    if !rest.is_empty() {
        faults.push(EncodingFault::ExtensionTrailingData);
    }
    if !der::lengths_are_minimal(value.whole) {
        faults.push(EncodingFault::ExtensionLengthNotMinimal);
    }
    if let ParsedExtension::BasicConstraints(constraints) = parsed
        && constraints.ca
        && der::values(value.content).next().is_some_and(|ca| ca.tag == 0x01 && ca.content != [0xff])
    {
        faults.push(EncodingFault::BasicConstraintsBoolean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::der::encode;

    #[test]
    fn distances_of_subtrees_are_seen() {
        let base = encode(0x82, b"example.com");
        let constraints = |fields: &[u8]| {
            let subtree = encode(0x30, &[&base[..], fields].concat());
            let plain = encode(0x30, &base);
            encode(0x30, &encode(0xa1, &[plain, subtree].concat()))
        };
        assert_eq!(distances(&constraints(&[])), (false, false));
        assert_eq!(distances(&constraints(&encode(0x80, &[0]))), (false, false), "the default, written out");
        assert_eq!(distances(&constraints(&encode(0x80, &[1]))), (true, false));
        assert_eq!(distances(&constraints(&encode(0x81, &[0]))), (false, true));
        assert_eq!(distances(&[0x30, 0x80]), (false, false));
    }

    /// A certificate of P-256 with `edit` applied to the fields of its TBSCertificate, and `unused` bits of signature.
    fn edited(edit: impl Fn(&mut Vec<Vec<u8>>), unused: u8) -> Certificate {
        let key = rcgen::KeyPair::generate().unwrap();
        let der = rcgen::CertificateParams::new(["a.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        let (whole, _) = der::split(der.der()).unwrap();
        let mut parts: Vec<Vec<u8>> = der::values(whole.content).map(|value| value.whole.to_vec()).collect();
        let (tbs, _) = der::split(&parts[0]).unwrap();
        let mut fields: Vec<Vec<u8>> = der::values(tbs.content).map(|value| value.whole.to_vec()).collect();
        edit(&mut fields);
        let tbs = encode(0x30, &fields.concat());
        parts[0] = tbs;
        parts[2] = encode(0x03, &[&[unused][..], &[0xf0; 64]].concat());
        Certificate::parse(&encode(0x30, &parts.concat())).unwrap()
    }

    /// The field of the extensions, with these alone.
    fn extensions_field(extensions: &[(&[u8], &[u8])]) -> Vec<u8> {
        let list: Vec<u8> = extensions
            .iter()
            .flat_map(|(oid, value)| encode(0x30, &[encode(0x06, oid), encode(0x04, value)].concat()))
            .collect();
        encode(0xa3, &encode(0x30, &list))
    }

    const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
    const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
    const NETSCAPE_CERT_TYPE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 1, 1];

    #[test]
    fn each_fault_of_the_encoding_is_noted_and_alone() {
        let names = encode(0x30, &encode(0x82, b"a.test"));
        let long_names = [&[0x30, 0x81, 8][..], &names[2..]].concat();
        let last =
            |extensions: Vec<u8>| move |fields: &mut Vec<Vec<u8>>| *fields.last_mut().unwrap() = extensions.clone();
        let one = |oid: &[u8], value: &[u8]| last(extensions_field(&[(oid, value)]));
        assert_eq!(edited(|_| (), 0).encoding_faults, []);
        assert_eq!(edited(|_| (), 4).encoding_faults, [EncodingFault::SignatureUnusedBits]);
        assert_eq!(edited(|fields| fields[1] = vec![2, 0], 0).encoding_faults, [EncodingFault::SerialEmpty]);
        assert_eq!(
            edited(|fields| fields[1] = vec![2, 0x81, 1, 7], 0).encoding_faults,
            [EncodingFault::LengthNotMinimal]
        );
        assert_eq!(edited(one(SUBJECT_ALT_NAME, &names), 0).encoding_faults, []);
        assert_eq!(
            edited(one(SUBJECT_ALT_NAME, &long_names), 0).encoding_faults,
            [EncodingFault::ExtensionLengthNotMinimal]
        );
        assert_eq!(
            edited(one(SUBJECT_ALT_NAME, &[&names[..], &[5, 0]].concat()), 0).encoding_faults,
            [EncodingFault::ExtensionTrailingData]
        );
        assert_eq!(edited(one(&[0x2a, 3, 4], &long_names), 0).encoding_faults, [], "not known to us");
        for (octet, faults) in [(0xff, &[][..]), (1, &[EncodingFault::BasicConstraintsBoolean])] {
            let certificate = edited(one(BASIC_CONSTRAINTS, &[0x30, 3, 1, 1, octet]), 0);
            assert!(certificate.is_ca());
            assert_eq!(certificate.encoding_faults, faults);
        }
    }

    #[test]
    fn netscape_types_are_read() {
        let extension = extensions_field(&[(NETSCAPE_CERT_TYPE, &[3, 2, 7, 0x80])]);
        let certificate = edited(|fields| *fields.last_mut().unwrap() = extension.clone(), 0);
        assert_eq!(certificate.extensions.netscape_cert_type, Some(0x80));
    }
}
