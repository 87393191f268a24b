//! Revocation by the CRLs given (RFC 5280 §6.3): every certificate of a path must be found good by CRLs that are current,
//! cover it, and are signed by whom they may be.

use super::Breach;
use super::rules::{self, Rule};
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::x509::crl::Crl;
use crate::x509::distribution_point::{DistributionPoint, is_same_name};
use crate::x509::dn::DistinguishedName;
use crate::x509::general_name::GeneralName;
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, usage};

/// ReasonFlags without the unused bit (§4.2.1.13): keyCompromise to aACompromise.
const ALL_REASONS: u16 = 0x1fe;

/// A CRL's signer may have a certificate of its own, whose CRL may have another signer. PKITS needs one step.
const MAX_SIGNER_DEPTH: usize = 3;

/// Signatures of CRLs checked on one path: real paths need one a certificate.
const MAX_CRL_SIGNATURES: usize = 64;

/// Certificates of `path` that are revoked, or whose status the CRLs do not tell.
pub fn breaches(case: &Case<'_>, crls: &[Crl], path: &[CertId]) -> Vec<Breach> {
    let mut check = Check { case, crls, path, signatures: MAX_CRL_SIGNATURES, vouching: Vec::new() };
    let subjects = 0..path.len().saturating_sub(1);
    subjects
        .filter_map(|position| {
            let rule = check.status(path[position], path[position + 1]).err()?;
            Some(Breach { position, rule, detail: None })
        })
        .collect()
}

struct Check<'a> {
    case: &'a Case<'a>,
    crls: &'a [Crl],
    path: &'a [CertId],
    signatures: usize,
    /// Signers whose own status is being looked at. A CRL may cover its signer's certificate (PKITS 4.14.30): then its
    /// word is all there is.
    vouching: Vec<CertId>,
}

impl Check<'_> {
    /// §6.3.3 for one certificate.
    fn status(&mut self, subject: CertId, issuer: CertId) -> Result<(), &'static Rule> {
        let certificate = self.case.pool.get(subject);
        // The issuer's own CRL without a distribution point is looked at last (§6.3.3, at its end).
        let fallback = DistributionPoint { name: None, reasons: None, crl_issuer: Vec::new() };
        let points = certificate.extensions.distribution_points.iter().chain([&fallback]);
        let mut known = 0;
        for point in points {
            let is_fallback = std::ptr::eq(point, &fallback);
            for crl in self.crls.iter().filter(|crl| crl.delta_base.is_none()) {
                if known == ALL_REASONS {
                    return Ok(());
                }
                // (d), (e): reasons that it tells and others have not.
                let scope = crl.scope.as_ref().and_then(|scope| scope.reasons).unwrap_or(ALL_REASONS);
                let reasons = point.reasons.unwrap_or(ALL_REASONS) & scope & ALL_REASONS;
                if reasons & !known == 0
                    || !is_usable(crl, self.case)
                    || !covers(crl, point, is_fallback, certificate)
                    || !self.is_signed(crl, issuer)
                {
                    continue;
                }
                let delta = self.crls.iter().find(|delta| is_delta_of(delta, crl) && is_usable(delta, self.case));
                let delta = delta.filter(|delta| self.is_signed(delta, issuer));
                let entry =
                    |crl: &Crl| crl.entry(&certificate.serial, &certificate.issuer).map(|entry| entry.is_removal);
                // (i), (j): the delta's word is the newer.
                let revoked = match delta.and_then(entry) {
                    Some(is_removal) => !is_removal,
                    None => entry(crl).is_some(),
                };
                if revoked {
                    return Err(&rules::REVOKED);
                }
                known |= reasons;
            }
        }
        if known == ALL_REASONS { Ok(()) } else { Err(&rules::REVOCATION_UNKNOWN) }
    }

    /// (f), (g): is it signed by its issuer, whose key this path or another one below the same anchor vouches for?
    fn is_signed(&mut self, crl: &Crl, issuer: CertId) -> bool {
        let pool = self.case.pool;
        let on_path = self.path.iter().copied().skip(1);
        let named = pool.named(crl.issuer.normalised()).iter().copied();
        let mut candidates: Vec<CertId> = vec![issuer];
        candidates.extend(on_path.chain(named));
        let mut tried = Vec::new();
        for candidate in candidates {
            let certificate = pool.get(candidate);
            let may_sign = certificate.subject.normalised() == crl.issuer.normalised()
                && certificate.extensions.key_usage.as_ref().is_none_or(|key_usage| key_usage.allows(usage::CRL_SIGN))
                && !tried.contains(&candidate);
            if !may_sign {
                continue;
            }
            tried.push(candidate);
            let Some(rest) = self.signatures.checked_sub(1) else { return false };
            self.signatures = rest;
            let is_known = self.path[1..].contains(&candidate) || self.vouching.contains(&candidate);
            if crl.is_signed_by(certificate) && (is_known || self.is_valid(candidate)) {
                return true;
            }
        }
        false
    }

    /// Is the certificate of a CRL's signer, which is not on the path, valid below the path's trust anchor? Its issuer is
    /// one of the path, or the anchor.
    fn is_valid(&mut self, signer: CertId) -> bool {
        let pool = self.case.pool;
        let certificate = pool.get(signer);
        let is_current = certificate.not_before <= self.case.at && self.case.at <= certificate.not_after;
        if self.vouching.len() >= MAX_SIGNER_DEPTH
            || !is_current
            || certificate.extensions.unknown.iter().any(|other| other.critical)
        {
            return false;
        }
        let issuers: Vec<CertId> = self.path[1..]
            .iter()
            .copied()
            .filter(|&issuer| pool.get(issuer).subject.normalised() == certificate.issuer.normalised())
            .filter(|&issuer| pool.signature(signer, issuer) == SignatureCheck::Valid)
            .collect();
        self.vouching.push(signer);
        let is_good = issuers.into_iter().any(|issuer| self.status(signer, issuer).is_ok());
        self.vouching.pop();
        is_good
    }
}

/// (a), and what makes a CRL one that must not be used: not current, not understood, without its number (§5.2.3).
fn is_usable(crl: &Crl, case: &Case<'_>) -> bool {
    !crl.has_unknown_critical
        && crl.number.is_some()
        && crl.this_update <= case.at
        && crl.next_update.is_none_or(|next| case.at <= next)
}

/// (b): is it by the issuer that the distribution point means, and about certificates such as this one?
fn covers(crl: &Crl, point: &DistributionPoint, is_fallback: bool, certificate: &Certificate) -> bool {
    let same = |one: &DistinguishedName, other: &DistinguishedName| one.normalised() == other.normalised();
    let by_right_issuer = if point.crl_issuer.is_empty() {
        same(&crl.issuer, &certificate.issuer)
    } else {
        crl.scope.as_ref().is_some_and(|scope| scope.indirect)
            && point.crl_issuer.iter().any(|name| same(name, &crl.issuer))
    };
    if !by_right_issuer {
        return false;
    }
    let Some(scope) = &crl.scope else { return true };
    let is_ca = certificate.is_ca();
    if scope.only_attribute_certificates
        || (scope.only_user_certificates && is_ca)
        || (scope.only_ca_certificates && !is_ca)
    {
        return false;
    }
    let Some(name) = &scope.name else { return true };
    if is_fallback {
        return false; // it speaks for one point only, and the certificate does not name that
    }
    let wanted = match &point.name {
        Some(name) => name.names(point.crl_issuer.first().unwrap_or(&certificate.issuer)),
        None => point.crl_issuer.iter().cloned().map(GeneralName::Directory).collect(),
    };
    let offered = name.names(&crl.issuer);
    wanted.iter().any(|one| offered.iter().any(|other| is_same_name(one, other)))
}

/// (c): same issuer, same scope, same key, and the base is neither older than the delta needs nor newer than it.
fn is_delta_of(delta: &Crl, base: &Crl) -> bool {
    let (Some(needed), Some(number), Some(base_number)) = (&delta.delta_base, &delta.number, &base.number) else {
        return false;
    };
    let value = |digits: &[u8]| (digits.len(), digits.to_vec());
    delta.issuer.normalised() == base.issuer.normalised()
        && delta.scope == base.scope
        && delta.authority_key_id == base.authority_key_id
        && value(base_number) >= value(needed)
        && value(base_number) < value(number)
}
