//! OCSP (RFC 6960): what a response says of a certificate, until when, and whether it is signed by whom it may be; and the
//! request for one. What follows from a response is the client's.

use aws_lc_rs::digest;
use x509_parser::der_parser::asn1_rs::FromDer;
use x509_parser::x509::AlgorithmIdentifier;

use super::certificate::Certificate;
use super::der::{self, Value};
use super::sct::{self, Sct};
use super::signature::{self, SignatureAlgorithm, SignatureCheck};
use crate::model::revocation::Reason;
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
    /// Of a revoked one.
    pub revoked_at: Option<Time>,
    /// Of a revoked one, where the CA gives it.
    pub reason: Option<Reason>,
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
    /// What signed it has a certificate that does not let it.
    #[error("{0}")]
    Responder(Unauthorised),
}

/// Why a certificate that came with a response does not make its key a responder's (RFC 6960 §4.2.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorised {
    #[error("the responder that signed it was certified by another CA than the certificate's issuer")]
    OtherIssuer,
    #[error("the certificate of the responder that signed it is not for signing OCSP responses")]
    Purpose,
    #[error("the certificate of the responder that signed it is not valid at this time")]
    Validity,
}

/// The error of a response without an answer, by its name in RFC 6960 §4.2.1.
pub fn error_status(response: &[u8]) -> Option<&'static str> {
    let (outer, _) = der::split(response)?;
    match der::values(outer.content).next() {
        Some(Value { tag: 0x0a, content: [status], .. }) => Some(match status {
            1 => "malformedRequest",
            2 => "internalError",
            3 => "tryLater",
            5 => "sigRequired",
            6 => "unauthorized",
            _ => return None,
        }),
        _ => None,
    }
}

/// OCSPRequest (RFC 6960 §4.1) for one certificate, as RFC 5019 §2.1 profiles it: SHA-1, no nonce, so that responders may
/// answer with what they have signed already.
pub fn request(subject: &Certificate, issuer: &Certificate) -> Vec<u8> {
    const SHA1: &[u8] = &[0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0];
    let hash = |octets: &[u8]| der::encode(4, digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref());
    let id = [SHA1, &hash(subject.issuer.raw()), &hash(issuer.subject_public_key()), &der::encode(2, &subject.serial)];
    // CertID, Request, requestList, TBSRequest, OCSPRequest
    (0..5).fold(id.concat(), |content, _| der::encode(0x30, &content))
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
    if signed_by(issuer) {
        return Ok(answer);
    }
    let certificates = fields.next().and_then(|explicit| der::split(explicit.content)).map(|(list, _)| list.content);
    let certificates = der::values(certificates.unwrap_or_default()).take(MAX_RESPONDERS);
    let signers = certificates.filter_map(|value| Certificate::parse(value.whole).ok()).filter(signed_by);
    let mut refused = Error::BadSignature;
    for signer in signers {
        match authorisation(&signer, issuer, at) {
            Ok(()) => return Ok(answer),
            Err(why) => refused = Error::Responder(why),
        }
    }
    Err(refused)
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

fn authorisation(responder: &Certificate, issuer: &Certificate, at: Time) -> Result<(), Unauthorised> {
    let certified = responder.issuer.normalised() == issuer.subject.normalised()
        && responder.check_signature(issuer) == SignatureCheck::Valid;
    let purposes = &responder.extensions.extended_key_usage;
    match () {
        () if !certified => Err(Unauthorised::OtherIssuer),
        () if !purposes.as_ref().is_some_and(|purposes| purposes.ocsp_signing) => Err(Unauthorised::Purpose),
        () if !(responder.not_before..=responder.not_after).contains(&at) => Err(Unauthorised::Validity),
        () => Ok(()),
    }
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
            let choice = parts.next()?;
            let (mut revoked_at, mut reason) = (None, None);
            let status = match choice.tag & 0x1f {
                0 => CertificateStatus::Good,
                1 => {
                    // RevokedInfo: revocationTime, revocationReason [0] EXPLICIT OPTIONAL
                    let mut info = der::values(choice.content);
                    revoked_at = info.next().and_then(time);
                    let explicit = info.next().filter(|value| value.tag == 0xa0);
                    reason = explicit.and_then(|value| match value.content {
                        [0x0a, 1, value] => Reason::new(*value),
                        _ => None,
                    });
                    CertificateStatus::Revoked
                }
                _ => CertificateStatus::Unknown,
            };
            let this_update = time(parts.next()?)?;
            let next = parts.find(|value| value.tag == 0xa0);
            let next_update = match next {
                Some(explicit) => Some(time(der::split(explicit.content)?.0)?),
                None => None,
            };
            Some(Answer { status, this_update, next_update, revoked_at, reason })
        };
        return read().ok_or(Error::Malformed);
    }
    Err(Error::OtherCertificate)
}

/// CertID: hash algorithm, hash of the issuer's name, hash of its key, serial number.
fn is_about(id: &[u8], subject: &Certificate, issuer: &Certificate) -> bool {
    const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
    /// 2.16.840.1.101.3.4.2, the arc of SHA-2.
    const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 2];
    let mut parts = der::values(id);
    let (Some(algorithm), Some(name_hash), Some(key_hash), Some(serial)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let oid = der::values(algorithm.content).next().map_or(&[][..], |oid| oid.content);
    let algorithm = match (oid, oid.strip_prefix(SHA2)) {
        (SHA1, _) => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        (_, Some([1])) => &digest::SHA256,
        (_, Some([2])) => &digest::SHA384,
        (_, Some([3])) => &digest::SHA512,
        _ => return false,
    };
    let is_hash_of = |hash: Value<'_>, octets: &[u8]| digest::digest(algorithm, octets).as_ref() == hash.content;
    *serial.content == *subject.serial
        && is_hash_of(key_hash, issuer.subject_public_key())
        && is_hash_of(name_hash, subject.issuer.raw())
}

/// GeneralizedTime (RFC 6960 §4.2.2.1 by way of RFC 5280 §4.1.2.5.2).
fn time(value: Value<'_>) -> Option<Time> {
    der::time(value).filter(|_| value.tag == 0x18)
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
