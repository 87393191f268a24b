//! Revocation as `X509_verify_cert` checks it with `X509_V_FLAG_CRL_CHECK_ALL`: every certificate of the chain, the anchor
//! too. Without `X509_V_FLAG_EXTENDED_CRL_SUPPORT` and `X509_V_FLAG_USE_DELTAS`: neither indirect CRLs nor those for some
//! reasons count.
//!
//! Rules: `check_revocation`, `check_cert`, `get_crl_score`, `crl_akid_check`, `crl_crldp_check`, `check_crl`, `cert_crl` of
//! `crypto/x509/x509_vfy.c`, `crypto/x509/x_crl.c`.

use super::{VerifyError, identifiers_match};
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::verdict::Category;
use crate::x509::crl::Crl;
use crate::x509::{Certificate, usage};

/// `CRL_SCORE_`: the bits of how well a CRL fits a certificate.
const NO_CRITICAL: u16 = 0x100;
const SCOPE: u16 = 0x080;
const TIME: u16 = 0x040;
const ISSUER_NAME: u16 = 0x020;
const ISSUER_CERT: u16 = 0x018;
const SAME_PATH: u16 = 0x008;
const AUTHORITY: u16 = 0x004;

/// `CRLDP_ALL_REASONS`: keyCompromise to aACompromise (RFC 5280 §4.2.1.13).
const ALL_REASONS: u16 = 0x1fe;

verify_errors! {
    NO_CRL = 3 "X509_V_ERR_UNABLE_TO_GET_CRL", "unable to get certificate CRL", Revoked;
    CRL_SIGNATURE_FAILURE = 8 "X509_V_ERR_CRL_SIGNATURE_FAILURE", "CRL signature failure", Revoked;
    CRL_NOT_YET_VALID = 11 "X509_V_ERR_CRL_NOT_YET_VALID", "CRL is not yet valid", Revoked;
    CRL_EXPIRED = 12 "X509_V_ERR_CRL_HAS_EXPIRED", "CRL has expired", Revoked;
    REVOKED = 23 "X509_V_ERR_CERT_REVOKED", "certificate revoked", Revoked;
    NO_CRL_SIGN = 35 "X509_V_ERR_KEYUSAGE_NO_CRL_SIGN", "key usage does not include CRL signing", Revoked;
    UNHANDLED_CRITICAL_CRL = 36 "X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION", "unhandled critical CRL extension", Revoked;
    DIFFERENT_SCOPE = 44 "X509_V_ERR_DIFFERENT_CRL_SCOPE", "different CRL scope", Revoked;
}

/// A CRL with its score, the reasons that are known with it, and who is to have signed it.
struct Fit<'a> {
    crl: &'a Crl,
    score: u16,
    reasons: u16,
    signer: CertId,
}

/// `check_revocation`: the first certificate, from the end entity up, of which no CRL says that it is good.
pub fn check(case: &Case<'_>, crls: &[Crl], chain: &[CertId]) -> Result<(), VerifyError> {
    (0..chain.len()).try_for_each(|depth| check_certificate(case, crls, chain, depth))
}

/// `check_cert`
fn check_certificate(case: &Case<'_>, crls: &[Crl], chain: &[CertId], depth: usize) -> Result<(), VerifyError> {
    let mut known = 0;
    // Every round but the last adds a reason, and there are nine.
    while known != ALL_REASONS {
        let fit = best(case, crls, chain, depth, known).ok_or(NO_CRL)?;
        check_crl(case, &fit)?;
        if fit.crl.has_unknown_critical {
            return Err(UNHANDLED_CRITICAL_CRL);
        }
        let certificate = case.pool.get(chain[depth]);
        if fit.crl.entry(&certificate.serial, &certificate.issuer).is_some_and(|entry| !entry.is_removal) {
            return Err(REVOKED);
        }
        if fit.reasons == known {
            return Err(NO_CRL);
        }
        known = fit.reasons;
    }
    Ok(())
}

/// `get_crl_sk`: the best score, of equal ones the newest.
fn best<'a>(case: &Case<'_>, crls: &'a [Crl], chain: &[CertId], depth: usize, known: u16) -> Option<Fit<'a>> {
    let mut best: Option<Fit<'a>> = None;
    for fit in crls.iter().filter_map(|crl| score(case, crl, chain, depth, known)) {
        let is_better = best.as_ref().is_none_or(|best| {
            fit.score > best.score || (fit.score == best.score && fit.crl.this_update > best.crl.this_update)
        });
        if is_better {
            best = Some(fit);
        }
    }
    best
}

/// `get_crl_score`
fn score<'a>(case: &Case<'_>, crl: &'a Crl, chain: &[CertId], depth: usize, known: u16) -> Option<Fit<'a>> {
    let certificate = case.pool.get(chain[depth]);
    let scope = crl.scope.as_ref();
    let is_unsupported = scope.is_some_and(|scope| {
        let only = [scope.only_user_certificates, scope.only_ca_certificates, scope.only_attribute_certificates];
        // IDP_INVALID, IDP_INDIRECT, IDP_REASONS
        only.iter().filter(|&&only| only).count() > 1 || scope.indirect || scope.reasons.is_some()
    });
    if is_unsupported || crl.issuer.normalised() != certificate.issuer.normalised() {
        return None;
    }
    let mut score = ISSUER_NAME;
    if !crl.has_unknown_critical {
        score |= NO_CRITICAL;
    }
    if time_fault(case, crl).is_none() {
        score |= TIME;
    }
    let (signer, bits) = signer(case, crl, chain, depth)?;
    score |= bits;
    let mut reasons = known;
    if let Some(covered) = covered(crl, certificate) {
        if covered & !known == 0 {
            return None;
        }
        reasons |= covered;
        score |= SCOPE;
    }
    Some(Fit { crl, score, reasons, signer })
}

/// `crl_akid_check`: the issuer in the chain, else another certificate further up with the CRL's name and key identifier.
fn signer(case: &Case<'_>, crl: &Crl, chain: &[CertId], depth: usize) -> Option<(CertId, u16)> {
    let fits = |id: CertId| {
        crl.authority_key_id.as_ref().is_none_or(|authority| identifiers_match(case.pool.get(id), authority))
    };
    let above = (depth + 1).min(chain.len() - 1);
    if fits(chain[above]) {
        return Some((chain[above], AUTHORITY | ISSUER_CERT));
    }
    let named = |id: CertId| case.pool.get(id).subject.normalised() == crl.issuer.normalised();
    let further = chain[above + 1..].iter().copied().find(|&id| named(id) && fits(id))?;
    Some((further, AUTHORITY | SAME_PATH))
}

/// `crl_crldp_check`: the reasons that a CRL covers for a certificate; `None` where it is not about it.
fn covered(crl: &Crl, certificate: &Certificate) -> Option<u16> {
    let scope = crl.scope.as_ref();
    let is_about_others = scope.is_some_and(|scope| {
        scope.only_attribute_certificates
            || if certificate.is_ca() { scope.only_user_certificates } else { scope.only_ca_certificates }
    });
    if is_about_others {
        return None;
    }
    let name = scope.and_then(|scope| scope.name.as_ref());
    let point = certificate.extensions.distribution_points.iter().find(|point| {
        let is_by_issuer = point.crl_issuer.is_empty()
            || point.crl_issuer.iter().any(|issuer| issuer.normalised() == crl.issuer.normalised());
        is_by_issuer
            && match (&point.name, name) {
                (Some(point_name), Some(name)) => {
                    point_name.meets(point.crl_issuer.first().unwrap_or(&certificate.issuer), name, &crl.issuer)
                }
                _ => true,
            }
    });
    match point {
        Some(point) => Some(point.reasons.map_or(ALL_REASONS, |reasons| reasons & ALL_REASONS)),
        None => name.is_none().then_some(ALL_REASONS),
    }
}

/// `check_crl`
fn check_crl(case: &Case<'_>, fit: &Fit<'_>) -> Result<(), VerifyError> {
    let signer = case.pool.get(fit.signer);
    // Delta CRLs are taken for complete ones here, and spared these checks.
    if fit.crl.delta_base.is_none() {
        if signer.extensions.key_usage.as_ref().is_some_and(|key_usage| !key_usage.allows(usage::CRL_SIGN)) {
            return Err(NO_CRL_SIGN);
        }
        if fit.score & SCOPE == 0 {
            return Err(DIFFERENT_SCOPE);
        }
    }
    if let Some(fault) = time_fault(case, fit.crl) {
        return Err(fault);
    }
    if fit.crl.is_signed_by(signer) { Ok(()) } else { Err(CRL_SIGNATURE_FAILURE) }
}

/// `check_crl_time`: the second of nextUpdate is too late.
fn time_fault(case: &Case<'_>, crl: &Crl) -> Option<VerifyError> {
    if crl.this_update > case.at {
        return Some(CRL_NOT_YET_VALID);
    }
    crl.next_update.is_some_and(|next| next <= case.at).then_some(CRL_EXPIRED)
}
