//! The stapled OCSP response (`lib/cert-session.c`).

use super::{Fault, MAX_OCSP_SECONDS, Status};
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::x509::ocsp::{self, CertificateStatus};

/// The OCSP part of `_gnutls_x509_cert_verify_peers`: the staple is the end entity's; any certificate that demands one and
/// has none is at fault.
pub(super) fn staple_status(case: &Case<'_>) -> Status {
    let mut status = Status::default();
    for (position, &id) in case.served.iter().enumerate() {
        let demands = case.pool.get(id).extensions.must_staple;
        match case.ocsp_staple.filter(|_| position == 0) {
            None if demands => status.add(Fault::MissingOcsp),
            None => {}
            Some(staple) => match read_staple(case, staple, id) {
                Err(ocsp::Error::NotSuccessful) if demands => status.add(Fault::MissingOcsp),
                Err(ocsp::Error::NotSuccessful) => {}
                Err(_) => status.add(Fault::InvalidOcsp),
                Ok(answer) if answer.status == CertificateStatus::Revoked => status.add(Fault::Revoked),
                Ok(answer) => {
                    let is_old = match answer.next_update {
                        Some(next) => next < case.at,
                        None => case.at.since(answer.this_update) > MAX_OCSP_SECONDS,
                    };
                    if is_old {
                        status.add(Fault::OcspSuperseded);
                    }
                }
            },
        }
    }
    status
}

/// `check_ocsp_response`: signed for one of the trust list's or the server's CAs.
fn read_staple(case: &Case<'_>, staple: &[u8], id: CertId) -> Result<ocsp::Answer, ocsp::Error> {
    let subject = case.pool.get(id);
    let mut result = Err(ocsp::Error::OtherCertificate);
    for issuer in case.issuers(id, false) {
        result = ocsp::verify(staple, subject, case.pool.get(issuer), case.at);
        if result.is_ok() {
            break;
        }
    }
    result
}
