//! OCSP responses (`pkixocsp.cpp`, `NSSCertDBTrustDomain::CheckRevocation`).

use super::Error;
use crate::judge::case::Case;
use crate::model::time::{DAY, Time};
use crate::x509::Certificate;
use crate::x509::ocsp::{self, CertificateStatus};

/// `maxOCSPLifetimeInDays` in `CheckRevocationByOCSP`.
const MAX_OCSP_AGE: i64 = 10 * DAY;

/// `SLOP_SECONDS` in `pkixocsp.cpp`: clocks differ.
const OCSP_SLOP: i64 = DAY;

/// `security.pki.cert_short_lifetime_in_days`: no OCSP for what lives shorter.
const SHORT_LIFETIME: i64 = 10 * DAY;

/// `CheckRevocation`, `CheckRevocationByOCSP`: the staple; then the responder, whose silence is no fault
/// (`security.OCSP.require` is off).
pub(super) fn check_revocation(case: &Case<'_>, subject: &Certificate, issuer: &Certificate) -> Result<(), Error> {
    let read = |response| read_ocsp(response, subject, issuer, case.at);
    let stapled = match case.ocsp_staple.map(read) {
        Some(Ok(())) => return Ok(()),
        Some(Err((error, false))) => return Err(error),
        Some(Err((error, true))) => Err(error),
        None => Ok(()),
    };
    // Stale and commonly mistaken answers count for nothing where OCSP is not asked anyway.
    if subject.not_after.since(subject.not_before) < SHORT_LIFETIME {
        return Ok(());
    }
    match case.responder_said(subject).map(read) {
        Some(Ok(())) => Ok(()),
        Some(Err((error @ (Error::RevokedCertificate | Error::OcspUnknownCert), _))) => Err(error),
        Some(Err(_)) | None => stapled,
    }
}

/// `VerifyEncodedOCSPResponse`; with an error, whether it may only mean that the answer is old or mistaken.
fn read_ocsp(response: &[u8], subject: &Certificate, issuer: &Certificate, at: Time) -> Result<(), (Error, bool)> {
    let answer = ocsp::verify(response, subject, issuer, at).map_err(|error| match error {
        ocsp::Error::Malformed => (Error::OcspMalformedResponse, false),
        ocsp::Error::NotSuccessful => (Error::OcspTryServerLater, true),
        ocsp::Error::OtherCertificate => (Error::OcspResponseForCertMissing, true),
        ocsp::Error::BadSignature => (Error::OcspBadSignature, false),
        ocsp::Error::Responder(_) => (Error::OcspInvalidSigningCert, false),
    })?;
    let oldest = answer.this_update.plus(MAX_OCSP_AGE);
    let until = answer.next_update.map_or(answer.this_update.plus(DAY), |next| next.min(oldest));
    let is_stale = at > until.plus(OCSP_SLOP);
    match answer.status {
        CertificateStatus::Revoked => Err((Error::RevokedCertificate, is_stale)),
        CertificateStatus::Unknown => Err((Error::OcspUnknownCert, is_stale)),
        CertificateStatus::Good if is_stale => Err((Error::OcspOldResponse, true)),
        CertificateStatus::Good if answer.this_update > at.plus(OCSP_SLOP) => Err((Error::OcspFutureResponse, false)),
        CertificateStatus::Good => Ok(()),
    }
}
