//! What is asked of one certificate.

use super::encoding::{Exception, IO_EXCEPTION, critical_extension_error, key_error, key_usage, may_sign, path_limit};
use super::text::{java_name, same_name};
use super::{CERTIFICATE_EXCEPTION, DNS_NAME, PathError};
use crate::model::verdict::Category;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind, is_p192};
use crate::x509::{Certificate, EncodingFault, SubjectAltName, usage};

/// `jdk.certpath.disabledAlgorithms`: key sizes and curves.
pub(super) fn weak_key(certificate: &Certificate) -> Option<String> {
    match certificate.key {
        KeyKind::Rsa { bits, .. } if bits < 1024 => Some(format!("keysize limits: RSA {bits} bit key")),
        KeyKind::Ec(Curve::Other) if is_p192(certificate.spki()) => Some("keysize limits: EC 192 bit key".to_owned()),
        _ => None,
    }
}

/// `ConstraintsChecker.checkBasicConstraints`. `remaining` is how many more CA certificates may follow.
pub(super) fn check_basic_constraints(
    certificate: &Certificate,
    is_first: bool,
    remaining: &mut usize,
) -> Result<(), PathError> {
    let is_self_issued = same_name(&certificate.subject, &certificate.issuer);
    let limit = if certificate.version < 3 {
        // One that an anchor issued to itself, for a change of keys.
        (is_first && is_self_issued).then_some(usize::MAX)
    } else {
        path_limit(certificate)
    };
    let Some(limit) = limit else {
        let message = "basic constraints check failed: this is not a CA certificate";
        return Err(PathError::new("NOT_CA_CERT", Category::CaFlag, message));
    };
    if !is_self_issued {
        if *remaining == 0 {
            let message = "basic constraints check failed: pathLenConstraint violated - this cert must be the last cert \
                           in the certification path";
            return Err(PathError::new("PATH_TOO_LONG", Category::PathLength, message));
        }
        *remaining -= 1;
    }
    *remaining = limit.min(*remaining);
    Ok(())
}

/// What the checkers take out of the set of critical extensions.
pub(super) fn has_unrecognised_critical_extension(certificate: &Certificate) -> bool {
    const RECOGNISED: &[&str] = &[
        "2.5.29.15",
        "2.5.29.17",
        "2.5.29.19",
        "2.5.29.30",
        "2.5.29.32",
        "2.5.29.33",
        "2.5.29.36",
        "2.5.29.37",
        "2.5.29.54",
    ];
    certificate.extensions.critical.iter().any(|oid| !RECOGNISED.contains(&&**oid))
}

/// `PKIXValidator.verifyTrustAnchor`: below version 3 there is nothing to ask it.
pub(super) fn anchor_error(anchor: &Certificate) -> Option<(String, Category)> {
    if anchor.version < 3 {
        return None;
    }
    let subject = java_name(&anchor.subject);
    if !anchor.is_ca() {
        return Some((format!("TrustAnchor with subject \"{subject}\" is not a CA certificate"), Category::CaFlag));
    }
    (!may_sign(anchor)).then(|| {
        let message =
            format!("TrustAnchor with subject \"{subject}\" does not have keyCertSign bit set in KeyUsage extension");
        (message, Category::Usage)
    })
}

/// `AdaptableX509CertSelector.match`: the key identifier when both have one; the serial number of a v3 issuer.
pub(super) fn identifiers_match(issuer: &Certificate, child: &Certificate) -> bool {
    let Some(authority) = &child.extensions.authority_key_id else { return true };
    if let (Some(wanted), Some(found)) = (&authority.key_id, &issuer.extensions.subject_key_id)
        && wanted != found
    {
        return false;
    }
    authority.serial.as_ref().is_none_or(|serial| issuer.version < 3 || *serial == issuer.serial)
}

/// `EndEntityChecker.checkTLSServer`: every key exchange left in TLS is signed.
pub(super) fn end_entity_error(certificate: &Certificate) -> Option<&'static str> {
    const STEP_UP: [&str; 2] = ["1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"];
    let extensions = &certificate.extensions;
    if key_usage(certificate).is_some_and(|bits| bits & usage::DIGITAL_SIGNATURE == 0) {
        return Some("KeyUsage does not allow digital signatures");
    }
    let allows = extensions.extended_key_usage.as_ref().is_none_or(|purposes| {
        purposes.any || purposes.server_auth || purposes.other.iter().any(|oid| STEP_UP.contains(&&**oid))
    });
    if !allows {
        return Some("Extended key usage does not permit use for TLS server authentication");
    }
    // SimpleValidator.getNetscapeCertTypeBit
    extensions
        .netscape_cert_type
        .is_some_and(|bits| bits & NETSCAPE_SSL_SERVER == 0)
        .then_some("Netscape cert type does not permit use for SSL server")
}

/// Bit 1 of Netscape's certificate type.
const NETSCAPE_SSL_SERVER: u8 = 0x40;

/// What `X509CertInfo.parse` and `CertificateExtensions` refuse of that which our reader lets pass, in their order.
pub(super) fn parse_error(certificate: &Certificate) -> Option<Exception> {
    const PARSING: &str = "java.security.cert.CertificateParsingException";
    let extensions = &certificate.extensions;
    let say = |class, message: &str| Some((class, message.to_owned()));
    if certificate.encoding_faults.contains(&EncodingFault::SerialEmpty) {
        return say(IO_EXCEPTION, "Invalid encoding: zero length Int value");
    }
    if certificate.issuer.is_empty() {
        return say(PARSING, "Empty issuer DN not allowed in X509Certificates");
    }
    if certificate.subject.is_empty() && certificate.version == 1 {
        return say(PARSING, "Empty subject DN not allowed in v1 certificate");
    }
    if let Some(error) = key_error(certificate) {
        return Some(error);
    }
    match certificate.version {
        3 => {}
        1 if extensions.count > 0 || certificate.has_unique_ids() => {
            return say(PARSING, "no more data allowed for version 1 certificate");
        }
        _ if extensions.count > 0 => return say(PARSING, "Extensions not allowed in v2 certificate"),
        _ => {}
    }
    if !extensions.repeated.is_empty() {
        return say(IO_EXCEPTION, "Duplicate extensions not allowed");
    }
    let mut undecodable = extensions.undecodable.iter().filter(|extension| extension.critical);
    if let Some(error) = undecodable.find_map(|extension| critical_extension_error(certificate, &extension.oid)) {
        return Some(error);
    }
    let raw_san = extensions.subject_alt_name.as_ref();
    if raw_san.is_some_and(|san| san.critical) && alternative_names(certificate).is_none() {
        return say(IO_EXCEPTION, "Invalid name in critical SubjectAlternativeName");
    }
    if certificate.subject.is_empty() {
        let problem = match raw_san {
            None if extensions.count == 0 => "subject field is empty, and certificate has no extensions",
            None => "subject field is empty, and SubjectAlternativeName extension is absent",
            Some(san) if san.names.is_empty() => {
                "subject field is empty, and SubjectAlternativeName extension is empty"
            }
            Some(san) if !san.critical => {
                "SubjectAlternativeName extension MUST be marked critical when subject field is empty"
            }
            Some(_) => "",
        };
        if !problem.is_empty() {
            return Some((PARSING, format!("X.509 Certificate is incomplete: {problem}")));
        }
    }
    if !certificate.algorithms_agree_but_for_null() {
        return say(CERTIFICATE_EXCEPTION, "Signature algorithm mismatch");
    }
    None
}

/// The SAN; `None` also when one of its names does not parse: an extension that is not critical is then left out whole
/// (`CertificateExtensions.parseExtension`).
pub(super) fn alternative_names(certificate: &Certificate) -> Option<&SubjectAltName> {
    let is_readable = |name: &GeneralName| match name {
        GeneralName::Ip(octets) => matches!(octets.len(), 4 | 8 | 16 | 32),
        GeneralName::Email(address) => {
            let host = address.split_once('@').map_or(&**address, |(_, host)| host);
            !host.is_empty() && host != "."
        }
        GeneralName::Uri(uri) => {
            uri.split_once(':').is_some_and(|(scheme, _)| {
                scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            }) && !uri.contains([' ', '<', '>', '"', '{', '}', '|', '\\', '^', '`'])
        }
        // A dNSName with octets beyond ASCII is read all the same, and matches nothing.
        GeneralName::Invalid(tag) => *tag == DNS_NAME,
        GeneralName::Dns(_) | GeneralName::Directory(_) | GeneralName::Other(_) => true,
    };
    certificate.extensions.subject_alt_name.as_ref().filter(|san| san.names.iter().all(is_readable))
}
