//! A stapled OCSP response (RFC 6960 §4.2): whose certificate, what status, until when, and is it signed by whom it may
//! be. What follows from it is the client's.

use aws_lc_rs::digest;
use x509_parser::der_parser::asn1_rs::FromDer;
use x509_parser::x509::AlgorithmIdentifier;

use super::certificate::Certificate;
use super::der::{self, Value};
use super::sct::{self, Sct};
use super::signature::{self, SignatureAlgorithm, SignatureCheck};
use crate::model::time::Time;

/// Certificates of delegated responders looked at: responses carry one.
const MAX_RESPONDERS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateStatus {
    Good,
    Revoked,
    Unknown,
}

/// What a verified response says of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: CertificateStatus,
    pub this_update: Time,
    pub next_update: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("not an OCSP response")]
    Malformed,
    #[error("the responder gave no answer (responseStatus)")]
    NotSuccessful,
    #[error("it is about other certificates")]
    OtherCertificate,
    #[error("neither the issuer nor a responder it authorised signed it")]
    BadSignature,
}

/// What `response` says of `subject`, issued by `issuer`, when it is signed by the issuer or by a responder that the
/// issuer certified for it (RFC 6960 §4.2.2.2).
pub fn verify(response: &[u8], subject: &Certificate, issuer: &Certificate, at: Time) -> Result<Answer, Error> {
    let basic = basic_response(response)?;
    let mut fields = der::values(basic);
    let (Some(data), Some(algorithm), Some(signature)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(Error::Malformed);
    };
    let answer = single_response(data.content, subject, issuer)?;
    let (_, identifier) = AlgorithmIdentifier::from_der(algorithm.whole).map_err(|_| Error::Malformed)?;
    let algorithm = SignatureAlgorithm::new(&identifier);
    // BIT STRING: the first octet counts unused bits.
    let Some((0, value)) = signature.content.split_first() else { return Err(Error::Malformed) };
    let signed_by = |key: &Certificate| {
        signature::verify(&algorithm, &key.key, key.spki(), data.whole, value) == SignatureCheck::Valid
    };
    let mut delegated = || {
        let certificates =
            fields.next().and_then(|explicit| der::split(explicit.content)).map(|(list, _)| list.content);
        der::values(certificates.unwrap_or_default())
            .take(MAX_RESPONDERS)
            .filter_map(|value| Certificate::parse(value.whole).ok())
            .any(|responder| is_authorised(&responder, issuer, at) && signed_by(&responder))
    };
    if signed_by(issuer) || delegated() { Ok(answer) } else { Err(Error::BadSignature) }
}

/// The timestamps that `response` delivers for `subject` (RFC 6962 §3.3). They are signed by the logs, whoever signed the
/// response.
pub fn scts(response: &[u8], subject: &Certificate) -> Vec<Sct> {
    /// 1.3.6.1.4.1.11129.2.4.5
    const SCT_LIST: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x05];
    let read = || {
        let data = der::values(basic_response(response).ok()?).next()?;
        let responses = der::values(data.content).skip_while(|value| value.tag == 0xa0).nth(2)?;
        let ours = |single: &Value<'_>| {
            let id = der::values(single.content).next();
            id.and_then(|id| der::values(id.content).nth(3)).is_some_and(|serial| *serial.content == *subject.serial)
        };
        let single = der::values(responses.content).find(ours)?;
        // singleExtensions [1] EXPLICIT
        let explicit = der::values(single.content).find(|value| value.tag == 0xa1)?;
        let (extensions, _) = der::split(explicit.content)?;
        der::values(extensions.content).find_map(|extension| {
            let mut fields = der::values(extension.content);
            fields.next().filter(|oid| oid.tag == 0x06 && oid.content == SCT_LIST)?;
            let value = fields.find(|value| value.tag == 0x04)?;
            sct::list(der::split(value.content)?.0.content)
        })
    };
    read().unwrap_or_default()
}

fn is_authorised(responder: &Certificate, issuer: &Certificate, at: Time) -> bool {
    responder.issuer.normalised() == issuer.subject.normalised()
        && responder.extensions.extended_key_usage.as_ref().is_some_and(|purposes| purposes.ocsp_signing)
        && (responder.not_before..=responder.not_after).contains(&at)
        && responder.check_signature(issuer) == SignatureCheck::Valid
}

/// OCSPResponse → ResponseBytes → the content of BasicOCSPResponse.
fn basic_response(response: &[u8]) -> Result<&[u8], Error> {
    /// id-pkix-ocsp-basic
    const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
    let (outer, _) = der::split(response).filter(|(value, _)| value.tag == 0x30).ok_or(Error::Malformed)?;
    let mut fields = der::values(outer.content);
    match fields.next() {
        Some(Value { tag: 0x0a, content: [0], .. }) => {}
        Some(Value { tag: 0x0a, content: [_], .. }) => return Err(Error::NotSuccessful),
        _ => return Err(Error::Malformed),
    }
    let mut read = || {
        let bytes = der::split(fields.next()?.content)?.0;
        let mut bytes = der::values(bytes.content);
        let is_basic = bytes.next()?.content == BASIC;
        let basic = der::split(bytes.next()?.content)?.0;
        is_basic.then_some(basic.content)
    };
    read().ok_or(Error::Malformed)
}

/// ResponseData: the SingleResponse whose CertID is `subject`'s.
fn single_response(data: &[u8], subject: &Certificate, issuer: &Certificate) -> Result<Answer, Error> {
    let mut fields = der::values(data).skip_while(|value| value.tag == 0xa0); // version
    // responderID, producedAt
    let responses = fields.nth(2).filter(|value| value.tag == 0x30).ok_or(Error::Malformed)?;
    for response in der::values(responses.content) {
        let mut parts = der::values(response.content);
        let id = parts.next().ok_or(Error::Malformed)?;
        if !is_about(id.content, subject, issuer) {
            continue;
        }
        let mut read = || {
            let status = match parts.next()?.tag & 0x1f {
                0 => CertificateStatus::Good,
                1 => CertificateStatus::Revoked,
                _ => CertificateStatus::Unknown,
            };
            let this_update = time(parts.next()?)?;
            let next = parts.find(|value| value.tag == 0xa0);
            let next_update = match next {
                Some(explicit) => Some(time(der::split(explicit.content)?.0)?),
                None => None,
            };
            Some(Answer { status, this_update, next_update })
        };
        return read().ok_or(Error::Malformed);
    }
    Err(Error::OtherCertificate)
}

/// CertID: hash algorithm, hash of the issuer's name, hash of its key, serial number. The name's hash follows from the key's.
fn is_about(id: &[u8], subject: &Certificate, issuer: &Certificate) -> bool {
    let mut parts = der::values(id);
    let (Some(_), Some(_), Some(key_hash), Some(serial)) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let algorithm = match key_hash.content.len() {
        20 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        32 => &digest::SHA256,
        _ => return false,
    };
    let key = digest::digest(algorithm, issuer.subject_public_key());
    *serial.content == *subject.serial && key.as_ref() == key_hash.content
}

/// GeneralizedTime, `YYYYMMDDHHMMSSZ` (RFC 6960 §4.2.2.1 by way of RFC 5280 §4.1.2.5.2).
fn time(value: Value<'_>) -> Option<Time> {
    let text = std::str::from_utf8(value.content).ok().filter(|text| value.tag == 0x18 && text.len() == 15)?;
    let part = |range: std::ops::Range<usize>| text.get(range);
    format!(
        "{}-{}-{}T{}:{}:{}{}",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(8..10)?,
        part(10..12)?,
        part(12..14)?,
        part(14..15)?
    )
    .parse()
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat()
    }

    #[test]
    fn what_is_no_answer_says_so() {
        let key = rcgen::generate_simple_self_signed(["example.com".to_owned()]).unwrap();
        let certificate = Certificate::parse(key.cert.der()).unwrap();
        let verify = |response: &[u8]| verify(response, &certificate, &certificate, Time::from_unix(0));
        assert_eq!(verify(b""), Err(Error::Malformed));
        assert_eq!(verify(&tlv(0x30, &tlv(0x0a, &[3]))), Err(Error::NotSuccessful));
        let data = tlv(0x30, &[tlv(0xa2, &tlv(4, &[0; 20])), tlv(0x18, b"20261122000000Z"), tlv(0x30, &[])].concat());
        let basic = tlv(0x30, &[data, tlv(0x30, &tlv(6, &[42, 3])), tlv(3, &[0, 1])].concat());
        let id = tlv(6, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01]);
        let bytes = tlv(0xa0, &tlv(0x30, &[id, tlv(4, &basic)].concat()));
        let response = tlv(0x30, &[tlv(0x0a, &[0]), bytes].concat());
        assert_eq!(verify(&response), Err(Error::OtherCertificate));
        for end in 0..response.len() {
            assert!(verify(&response[..end]).is_err()); // and no prefix of it panics
        }
    }
}
