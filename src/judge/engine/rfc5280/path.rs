//! One path that ends at a trust anchor, examined by RFC 5280 §6.1: everything that is wrong with it.

use super::rules;
use super::{Breach, Inputs, Purpose, names, profile};
use crate::judge::case::Case;
use crate::judge::policy::{self, PolicyFault};
use crate::judge::pool::CertId;
use crate::x509::key::KeyKind;
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, ExtendedKeyUsage, usage};

/// Microsoft's application policies: what extended key usage says, in the form of policies.
const APPLICATION_POLICIES: &str = "1.3.6.1.4.1.311.21.10";

/// All breaches, end entity first in `path`. The extensions of the trust anchor's certificate count too, as RFC 5937
/// lets them: a root that constrains itself means it.
pub fn breaches(case: &Case<'_>, inputs: &Inputs<'_>, path: &[CertId], comparisons: &mut usize) -> Vec<Breach> {
    let certificates: Vec<&Certificate> = path.iter().map(|&id| case.pool.get(id)).collect();
    let mut found = Vec::new();
    for (position, &certificate) in certificates.iter().enumerate() {
        let mut add = |rule, detail: Option<String>| found.push(Breach { position, rule, detail });
        if certificate.not_after < case.at {
            add(&rules::EXPIRED, Some(format!("valid until {}, checked at {}", certificate.not_after, case.at)));
        }
        if case.at < certificate.not_before {
            add(&rules::NOT_YET_VALID, Some(format!("valid from {}, checked at {}", certificate.not_before, case.at)));
        }
        if let Some(&issuer) = path.get(position + 1)
            && case.pool.signature(path[position], issuer) == SignatureCheck::Unsupported
        {
            add(&rules::SIGNATURE_NOT_SUPPORTED, Some(certificate.signature_algorithm.to_string()));
        }
        if matches!(certificate.key, KeyKind::Rsa { bits, .. } if bits < 1024) {
            add(&rules::KEY_TOO_WEAK, Some(certificate.key.to_string()));
        }
        if !certificate.algorithms_agree {
            add(&rules::ALGORITHMS_DISAGREE, None);
        }
        let extensions = &certificate.extensions;
        for extension in extensions.unknown.iter().filter(|extension| extension.critical) {
            // Where extended key usage stands beside them it is what is enforced, and says the same.
            if &*extension.oid != APPLICATION_POLICIES || extensions.extended_key_usage.is_none() {
                add(&rules::CRITICAL_EXTENSION, Some(extension.oid.to_string()));
            }
        }
        for extension in &extensions.undecodable {
            add(&rules::EXTENSION_MALFORMED, Some(extension.oid.to_string()));
        }
        for oid in &extensions.repeated {
            add(&rules::EXTENSION_REPEATED, Some(oid.to_string()));
        }
        if let Some(purposes) = &extensions.extended_key_usage
            && !inputs.purposes.iter().all(|&purpose| allows(purposes, purpose))
        {
            add(&rules::EXTENDED_KEY_USAGE, None);
        }
        if position == 0 {
            used_as_asked(certificate, inputs, &mut add);
        } else {
            issues(&certificates, position, &mut add);
        }
    }
    found.extend(path_length(&certificates));
    found.extend(names::constraints(&certificates, comparisons));
    if let Some(most) = inputs.max_intermediates {
        let intermediates = &certificates[1..certificates.len().saturating_sub(1).max(1)];
        let found_intermediates = intermediates.iter().filter(|certificate| !certificate.is_self_issued()).count();
        if found_intermediates > most as usize {
            found.push(Breach { position: certificates.len() - 1, rule: &rules::DEPTH, detail: None });
        }
    }
    // The trust anchor takes no part in policies.
    let anchored: Vec<&Certificate> =
        certificates[..certificates.len().saturating_sub(1).max(1)].iter().rev().copied().collect();
    if let Err((from_anchor, fault)) = policy::check(&anchored, &inputs.policies) {
        let rule = match fault {
            PolicyFault::NoValidPolicy => &rules::POLICY,
            PolicyFault::MapsAny => &rules::POLICY_MAPPING_ANY,
        };
        found.push(Breach { position: anchored.len() - 1 - from_anchor, rule, detail: None });
    }
    if inputs.reference.is_some() {
        found.extend(profile::breaches(&certificates));
    }
    found
}

/// RFC 5280 §6.1.4 (k), (n).
fn issues(path: &[&Certificate], position: usize, add: &mut impl FnMut(&'static rules::Rule, Option<String>)) {
    let certificate = path[position];
    let is_anchor = position + 1 == path.len();
    // A trust anchor is a name and a key (§6.1.1 (d)): old roots of version 1 are trusted all the same.
    if certificate.version < 3 {
        if !is_anchor {
            add(&rules::NOT_VERSION_3, None);
        }
        return;
    }
    if !certificate.is_ca() {
        add(&rules::NOT_A_CA, None);
    }
    if certificate.extensions.key_usage.as_ref().is_some_and(|key_usage| !key_usage.allows(usage::KEY_CERT_SIGN)) {
        add(&rules::KEY_CERT_SIGN, None);
    }
}

/// RFC 5280 §6.1.4 (l), (m): the first intermediate, from the trust anchor down, that is one too many.
fn path_length(path: &[&Certificate]) -> Option<Breach> {
    let limit = |certificate: &Certificate| {
        let constraints = certificate.extensions.basic_constraints.as_ref();
        constraints.and_then(|constraints| constraints.path_len).unwrap_or(u32::MAX)
    };
    let mut left = u32::MAX;
    for (position, certificate) in path.iter().enumerate().skip(1).rev() {
        // The trust anchor's certificate is none of the path (§6.1), but limits it.
        if position + 1 < path.len() && !certificate.is_self_issued() {
            match left.checked_sub(1) {
                Some(rest) => left = rest,
                None => return Some(Breach { position, rule: &rules::PATH_LENGTH, detail: None }),
            }
        }
        left = left.min(limit(certificate));
    }
    None
}

fn used_as_asked(
    certificate: &Certificate,
    inputs: &Inputs<'_>,
    add: &mut impl FnMut(&'static rules::Rule, Option<String>),
) {
    let Some(key_usage) = &certificate.extensions.key_usage else { return };
    let tls = usage::DIGITAL_SIGNATURE | usage::KEY_ENCIPHERMENT | usage::KEY_AGREEMENT;
    let fits_tls = inputs.reference.is_none() || key_usage.allows(tls);
    if !fits_tls || key_usage.bits & inputs.key_usage != inputs.key_usage {
        add(&rules::KEY_USAGE, None);
    }
}

fn allows(purposes: &ExtendedKeyUsage, wanted: Purpose) -> bool {
    purposes.any
        || match wanted {
            Purpose::ServerAuth => purposes.server_auth,
            Purpose::ClientAuth => purposes.client_auth,
            Purpose::CodeSigning => purposes.code_signing,
            Purpose::EmailProtection => purposes.email_protection,
            Purpose::TimeStamping => purposes.time_stamping,
            Purpose::OcspSigning => purposes.ocsp_signing,
            Purpose::Any => true,
        }
}
