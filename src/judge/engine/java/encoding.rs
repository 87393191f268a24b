//! What the JDK reads from the bytes of a certificate where our reader reads otherwise, and its words where it reads
//! nothing (`sun.security.util.DerValue`, `sun.security.x509`).

use crate::x509::der::{self, Value};
use crate::x509::key::{KeyKind, has_explicit_curve};
use crate::x509::{Certificate, usage};

/// Class and message of an exception.
pub(super) type Exception = (&'static str, String);

const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;

const KEY_USAGE: &str = "2.5.29.15";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const NAME_CONSTRAINTS: &str = "2.5.29.30";

pub(super) const IO_EXCEPTION: &str = "java.io.IOException";

fn io(message: impl Into<String>) -> Exception {
    (IO_EXCEPTION, message.into())
}

/// `new DerValue(byte[])`: one value and nothing behind it.
fn value(bytes: &[u8]) -> Result<Value<'_>, Exception> {
    if bytes.len() < 2 {
        return Err(io("Too short"));
    }
    match der::split(bytes) {
        Some((value, &[])) => Ok(value),
        Some(_) => Err(io("extra data at the end")),
        None => Err(("java.io.EOFException", "not enough content".to_owned())),
    }
}

/// `DerValue.getInteger`.
fn integer(content: &[u8]) -> Result<i32, Exception> {
    let Some(first) = content.first() else { return Err(io("Invalid encoding: zero length Int value")) };
    let is_negative = first & 0x80 != 0;
    let sign: u8 = if is_negative { 0xff } else { 0 };
    let significant = &content[content.iter().take_while(|&&octet| octet == sign).count()..];
    let number = significant.iter().fold(if is_negative { -1 } else { 0 }, |number: i128, &octet| {
        number.saturating_mul(256).saturating_add(i128::from(octet))
    });
    let text = if is_negative { "Integer below minimum valid value" } else { "Integer exceeds maximum valid value" };
    i32::try_from(number).map_err(|_| io(text))
}

/// `BasicConstraintsExtension(Boolean, Object)`: `cA`, and pathLenConstraint, which may be below zero.
fn read_basic_constraints(bytes: &[u8]) -> Result<(bool, Option<i32>), Exception> {
    let sequence = value(bytes)?;
    if sequence.tag != SEQUENCE {
        return Err(io("Invalid encoding of BasicConstraints"));
    }
    let mut fields = der::values(sequence.content);
    let Some(ca) = fields.next().filter(|field| field.tag == 0x01) else { return Ok((false, None)) };
    let ca = ca.content.iter().any(|&octet| octet != 0);
    match fields.next() {
        None => Ok((ca, None)),
        Some(Value { tag: 0x02, content, .. }) => Ok((ca, Some(integer(content)?))),
        Some(_) => Err(io("Invalid encoding of BasicConstraints")),
    }
}

/// `KeyUsageExtension(Boolean, Object)` and `DerValue.getUnalignedBitString`: unused bits may be set, and the whole may lie in
/// one more OCTET STRING.
fn read_key_usage(bytes: &[u8]) -> Result<u16, Exception> {
    let bytes = if bytes.first() == Some(&OCTET_STRING) { value(bytes)?.content } else { bytes };
    let bits = value(bytes)?;
    if bits.tag != BIT_STRING {
        return Err(io(format!("DerValue.getBitString, not a bit string {}", bits.tag)));
    }
    let Some((&unused, octets)) = bits.content.split_first() else {
        return Err(io("Invalid encoding: zero length bit string"));
    };
    if unused > 7 {
        return Err(io("Invalid number of padding bits"));
    }
    let Some(count) = (8 * octets.len()).checked_sub(usize::from(unused)) else {
        return Err(io("Not enough bytes in BitString"));
    };
    let is_set = |bit: &usize| octets[bit / 8] & 0x80 >> (bit % 8) != 0;
    Ok((0..count.min(16)).filter(is_set).fold(0, |bits, bit| bits | 1 << bit))
}

/// `X509Certificate.getKeyUsage`, the bits as in [`usage`].
pub(super) fn key_usage(certificate: &Certificate) -> Option<u16> {
    match &certificate.extensions.key_usage {
        Some(key_usage) => Some(key_usage.bits),
        None => read_key_usage(certificate.extension_value(KEY_USAGE)?).ok(),
    }
}

/// `KeyChecker.verifyCAKeyUsage`.
pub(super) fn may_sign(certificate: &Certificate) -> bool {
    key_usage(certificate).is_none_or(|bits| bits & usage::KEY_CERT_SIGN != 0)
}

/// `X509CertImpl.getBasicConstraints` of a CA: how many intermediates may follow. Below zero it says that it is none.
pub(super) fn path_limit(certificate: &Certificate) -> Option<usize> {
    let (ca, limit) = match &certificate.extensions.basic_constraints {
        Some(constraints) => (constraints.ca, constraints.path_len.map(i64::from)),
        None => {
            let (ca, limit) = read_basic_constraints(certificate.extension_value(BASIC_CONSTRAINTS)?).ok()?;
            (ca, limit.map(i64::from))
        }
    };
    match limit {
        _ if !ca => None,
        None => Some(usize::MAX),
        Some(-1) => None,
        // No count is less than a number below zero.
        Some(limit) => Some(usize::try_from(limit).unwrap_or(0)),
    }
}

/// What `CertificateExtensions.parseExtension` throws at a critical extension that our reader could not decode either.
pub(super) fn critical_extension_error(certificate: &Certificate, oid: &str) -> Option<Exception> {
    /// Not in `OIDMap`: its value is not looked at.
    const TIMESTAMPS: &str = "1.3.6.1.4.1.11129.2.4.2";
    let bytes = certificate.extension_value(oid).unwrap_or_default();
    match oid {
        TIMESTAMPS => None,
        KEY_USAGE => read_key_usage(bytes).err(),
        BASIC_CONSTRAINTS => read_basic_constraints(bytes).err(),
        NAME_CONSTRAINTS => Some(match value(bytes) {
            Err(error) => error,
            Ok(Value { tag: SEQUENCE, .. }) => io("Invalid encoding of NameConstraintsExtension."),
            Ok(_) => io("Invalid encoding for NameConstraintsExtension."),
        }),
        _ => Some(io(format!("Parsing of critical extension {oid} failed"))),
    }
}

/// `CertificateX509Key`: curves by name (`ECParameters.engineInit`), points that are not compressed (`ECUtil.decodePoint`).
pub(super) fn key_error(certificate: &Certificate) -> Option<Exception> {
    if has_explicit_curve(certificate.spki()) {
        return Some(io("Only named ECParameters supported"));
    }
    let is_compressed =
        matches!(certificate.key, KeyKind::Ec(_)) && !certificate.subject_public_key().starts_with(&[0x04]);
    is_compressed.then(|| io("Only uncompressed point format supported"))
}

/// A curve of `CurveDB` that SunEC computes nothing with, as `NamedCurve.toString` has it.
pub(super) fn brainpool_curve(certificate: &Certificate) -> Option<String> {
    /// id-ecPublicKey and the arc of RFC 5639 §4.1 for named curves, 1.3.36.3.3.2.8.1.1.
    const NAMED: &[u8] = &[
        0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01,
        0x01,
    ];
    let &[number] = certificate.key_algorithm_encoding().strip_prefix(NAMED)? else { return None };
    let bits = match number {
        1 => 160,
        3 => 192,
        5 => 224,
        7 => 256,
        9 => 320,
        11 => 384,
        13 => 512,
        _ => return None,
    };
    Some(format!("brainpoolP{bits}r1 (1.3.36.3.3.2.8.1.1.{number})"))
}

/// The fields of Certificate: tbsCertificate, signatureAlgorithm, signature.
fn field(certificate: &Certificate, position: usize) -> Option<Value<'_>> {
    let (outer, _) = der::split(certificate.der())?;
    der::values(outer.content).nth(position)
}

/// `ECUtil.decodeSignature`: two numbers and nothing behind them.
pub(super) fn ecdsa_value_error(certificate: &Certificate) -> Option<&'static str> {
    let signature = field(certificate, 2)?.content.get(1..)?;
    if signature.first() != Some(&SEQUENCE) {
        return Some("Not the correct tag");
    }
    let (numbers, rest) = der::split(signature)?;
    (!rest.is_empty() || der::values(numbers.content).count() != 2).then_some("Invalid encoding for signature")
}

/// `X509CertInfo.parse` keeps `val.toByteArray()`, which gives the length anew: what was signed with a longer one is lost.
pub(super) fn is_signed_part_rewritten(certificate: &Certificate) -> bool {
    field(certificate, 0).is_some_and(|tbs| der::encode(tbs.tag, tbs.content).len() != tbs.whole.len())
}

/// `OCSPResponse(byte[])`, which a stapled response must survive whatever it says; of what lies in its BasicOCSPResponse
/// nothing is checked here.
pub(super) fn staple_error(staple: &[u8]) -> Option<Exception> {
    read_staple(staple).err()
}

fn read_staple(staple: &[u8]) -> Result<(), Exception> {
    const RESPONSE_BYTES: &str = "Bad encoding in responseBytes element of OCSP response: expected ASN.1";
    let response = value(staple)?;
    if response.tag != SEQUENCE {
        return Err(io("Bad encoding in OCSP response: expected ASN.1 SEQUENCE tag."));
    }
    let mut fields = der::values(response.content);
    match fields.next() {
        Some(Value { tag: ENUMERATED, content: [0], .. }) => {}
        // Without an answer there is nothing more to read.
        Some(Value { tag: ENUMERATED, content: [1..=3 | 5 | 6], .. }) => return Ok(()),
        Some(Value { tag: ENUMERATED, content: [status], .. }) => {
            return Err(io(format!("Unknown OCSPResponse status: {status}")));
        }
        Some(_) => return Err(io("DerValue.getEnumerated, not an ENUMERATED")),
        None => return Err(io("Too short")),
    }
    let bytes = fields.next().ok_or_else(|| io("Too short"))?;
    if bytes.tag != 0xa0 {
        return Err(io(format!("{RESPONSE_BYTES} context specific tag 0.")));
    }
    match der::values(bytes.content).next() {
        None => Err(io("Too short")),
        Some(Value { tag: SEQUENCE, .. }) => Ok(()),
        Some(_) => Err(io(format!("{RESPONSE_BYTES} SEQUENCE tag."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T>(result: Result<T, Exception>) -> String {
        result.err().map(|(_, message)| message).unwrap_or_default()
    }

    #[test]
    fn basic_constraints_as_the_jdk_reads_them() {
        for (bytes, read) in [
            (&[0x30, 0][..], (false, None)),
            (&[0x30, 3, 1, 1, 0xff], (true, None)),
            (&[0x30, 3, 2, 1, 0], (false, None)),
            (&[0x30, 6, 1, 1, 0xff, 2, 1, 3], (true, Some(3))),
            (&[0x30, 6, 1, 1, 0xff, 2, 1, 0xff], (true, Some(-1))),
        ] {
            assert_eq!(read_basic_constraints(bytes), Ok(read), "{bytes:x?}");
        }
        for (bytes, error) in [
            (&[][..], "Too short"),
            (&[0x05, 0], "Invalid encoding of BasicConstraints"),
            (&[0x30, 5, 1, 1, 0xff, 5, 0], "Invalid encoding of BasicConstraints"),
            (&[0x30, 10, 1, 1, 0xff, 2, 5, 0x7f, 0, 0, 0, 0], "Integer exceeds maximum valid value"),
            (&[0x30, 5, 1, 1, 0xff, 2, 0], "Invalid encoding: zero length Int value"),
            (&[0x30, 3, 1, 1, 0xff, 0], "extra data at the end"),
            (&[0x30, 4, 1, 1, 0xff], "not enough content"),
        ] {
            assert_eq!(message(read_basic_constraints(bytes)), error, "{bytes:x?}");
        }
    }

    #[test]
    fn key_usage_as_the_jdk_reads_it() {
        assert_eq!(read_key_usage(&[3, 2, 7, 0x80]), Ok(usage::DIGITAL_SIGNATURE));
        assert_eq!(read_key_usage(&[3, 2, 5, 0x9f]), Ok(usage::DIGITAL_SIGNATURE), "unused bits that are set");
        assert_eq!(read_key_usage(&[4, 4, 3, 2, 2, 0x04]), Ok(usage::KEY_CERT_SIGN), "in an OCTET STRING");
        assert_eq!(read_key_usage(&[3, 3, 7, 0, 0x80]), Ok(1 << 8), "decipherOnly");
        for (bytes, error) in [
            (&[4, 1, 0x80][..], "Too short"),
            (&[5, 0], "DerValue.getBitString, not a bit string 5"),
            (&[3, 0], "Invalid encoding: zero length bit string"),
            (&[3, 2, 8, 0x80], "Invalid number of padding bits"),
            (&[3, 1, 1], "Not enough bytes in BitString"),
        ] {
            assert_eq!(message(read_key_usage(bytes)), error, "{bytes:x?}");
        }
    }

    #[test]
    fn staples_that_end_the_handshake() {
        for (staple, error) in [
            (&b""[..], "Too short"),
            (b"hello", "not enough content"),
            (&[0x04, 0], "Bad encoding in OCSP response: expected ASN.1 SEQUENCE tag."),
            (&[0x30, 3, 0x0a, 1, 4], "Unknown OCSPResponse status: 4"),
            (&[0x30, 3, 0x0a, 1, 0], "Too short"),
            (&[0x30, 3, 0x0a, 1, 3], ""),
            (&[0x30, 7, 0x0a, 1, 0, 0xa0, 2, 0x30, 0], ""),
            (
                &[0x30, 7, 0x0a, 1, 0, 0xa0, 2, 0x04, 0],
                "Bad encoding in responseBytes element of OCSP response: expected ASN.1 SEQUENCE tag.",
            ),
            (
                &[0x30, 5, 0x0a, 1, 0, 0x05, 0],
                "Bad encoding in responseBytes element of OCSP response: expected ASN.1 context specific tag 0.",
            ),
        ] {
            assert_eq!(message(read_staple(staple)), error, "{staple:x?}");
        }
    }
}
