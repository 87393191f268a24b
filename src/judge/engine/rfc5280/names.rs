//! Names: identity (RFC 9525) and name constraints (RFC 5280 §4.2.1.10).

use super::rules;
use super::{Breach, Inputs};
use crate::judge::constraints;
use crate::model::target::ReferenceId;
use crate::x509::general_name::GeneralName;
use crate::x509::identity::{WildcardRules, matches_dns};
use crate::x509::{Certificate, NameConstraints};

/// Comparisons of names with constraints, over all paths: as webpki. BetterTLS has 100 × 100, limbo's denial of service
/// 2048 × 2048.
pub const MAX_COMPARISONS: usize = 250_000;

/// Is the end entity's name the one that is meant?
pub fn identity(certificate: &Certificate, inputs: &Inputs<'_>, found: &mut Vec<Breach>) {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let mut add = |rule, detail: String| found.push(Breach { position: 0, rule, detail: Some(detail) });
    match inputs.reference {
        None => {}
        Some(ReferenceId::Ip(address)) if names.iter().any(|name| name.as_ip() == Some(*address)) => {}
        Some(ReferenceId::Ip(address)) => add(&rules::NAME, address.to_string()),
        Some(ReferenceId::Dns(host)) => {
            let matching = names.iter().filter_map(|name| match name {
                GeneralName::Dns(text) if is_host_name(text) => Some(&**text),
                _ => None,
            });
            let mut matching =
                matching.filter(|text| matches_dns(text, host.as_str(), WildcardRules::STANDARD)).peekable();
            if matching.peek().is_none() {
                add(&rules::NAME, host.to_string());
            } else if matching.all(is_public_suffix_wildcard) {
                add(&rules::PUBLIC_SUFFIX_WILDCARD, host.to_string());
            }
        }
    }
    for mailbox in inputs.mailboxes {
        let is_named = names.iter().any(|name| matches!(name, GeneralName::Email(text) if same_mailbox(text, mailbox)));
        if !is_named {
            add(&rules::NAME, crate::x509::dn::printable(mailbox));
        }
    }
}

/// Letters, digits and hyphens in labels (RFC 1034 §3.5, which RFC 5280 §4.2.1.6 asks for); the first may be a wildcard.
pub fn is_host_name(text: &str) -> bool {
    let text = text.strip_prefix("*.").unwrap_or(text);
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// `*.com`, `*.co.uk`. Of the list's private part (`*.s3.amazonaws.com`) real sites have certificates, which the
/// Baseline Requirements allow to who controls the whole name space.
fn is_public_suffix_wildcard(presented: &str) -> bool {
    presented.strip_prefix("*.").is_some_and(|base| {
        let base = base.to_ascii_lowercase();
        let below = format!("a.{base}");
        !base.contains('.')
            || psl::suffix(below.as_bytes())
                .is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == base.as_bytes())
    })
}

/// RFC 5280 §7.5: the local part is compared exactly.
fn same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((local, host)), Some((other_local, other_host))) => {
            local == other_local && host.eq_ignore_ascii_case(other_host)
        }
        _ => false,
    }
}

/// Names that a CA above forbids (RFC 5280 §6.1.3 (b), (c)), and constraints that cannot be what was meant.
pub fn constraints(path: &[&Certificate], comparisons: &mut usize) -> Vec<Breach> {
    let mut found = Vec::new();
    for (above, issuer) in path.iter().enumerate().skip(1) {
        let Some(constraints) = &issuer.extensions.name_constraints else { continue };
        if let Some(bad) =
            constraints.permitted.iter().chain(&constraints.excluded).find(|subtree| is_malformed(subtree))
        {
            let rule = &rules::NAME_CONSTRAINTS_MALFORMED;
            found.push(Breach { position: above, rule, detail: Some(bad.to_string()) });
        }
        for (position, certificate) in path[..above].iter().enumerate() {
            // Self-issued certificates are exempt, unless final.
            if position > 0 && certificate.is_self_issued() {
                continue;
            }
            for name in names(certificate) {
                if *comparisons == 0 {
                    found.push(Breach { position, rule: &rules::NAME_CONSTRAINTS_BUDGET, detail: None });
                    return found;
                }
                if !allows(constraints, &name, comparisons) {
                    let rule = &rules::NAME_CONSTRAINTS;
                    found.push(Breach { position, rule, detail: Some(name.to_string()) });
                }
            }
        }
    }
    found
}

/// Every name a certificate asserts. A mailbox in the subject counts where the SAN is missing (RFC 5280 §4.2.1.10).
fn names(certificate: &Certificate) -> Vec<GeneralName> {
    let san = certificate.extensions.subject_alt_name.as_ref();
    let mut names: Vec<GeneralName> = san.map(|san| san.names.clone()).unwrap_or_default();
    if !certificate.subject.is_empty() {
        names.push(GeneralName::Directory(certificate.subject.clone()));
        if san.is_none() {
            names.extend(certificate.subject.mailboxes().map(|text| GeneralName::Email(text.into())));
        }
    }
    names
}

/// As [`constraints::allows`], which takes a spent budget for a no, and with what cannot be compared refused.
fn allows(constraints: &NameConstraints, name: &GeneralName, comparisons: &mut usize) -> bool {
    let is_constrained = || {
        let kind = std::mem::discriminant(name);
        constraints.permitted.iter().chain(&constraints.excluded).any(|subtree| std::mem::discriminant(subtree) == kind)
    };
    let incomparable = match name {
        GeneralName::Email(text) => text.matches('@').count() != 1,
        GeneralName::Uri(text) => !text.contains("://"),
        GeneralName::Ip(octets) => !matches!(octets.len(), 4 | 16),
        GeneralName::Other(_) | GeneralName::Invalid(_) => true,
        GeneralName::Dns(_) | GeneralName::Directory(_) => false,
    };
    let cost = constraints.permitted.len() + constraints.excluded.len();
    if cost > *comparisons {
        *comparisons = 0;
        return false;
    }
    !(incomparable && is_constrained()) && constraints::allows(constraints, name, comparisons)
}

/// Subtrees that no CA can have meant: RFC 5280 §4.2.1.10 gives the form of each.
fn is_malformed(subtree: &GeneralName) -> bool {
    match subtree {
        GeneralName::Dns(base) => !base.is_empty() && (!is_host_name(base) || base.starts_with('*')),
        GeneralName::Ip(range) => match range.len() {
            8 | 32 => !is_prefix_mask(&range[range.len() / 2..]),
            _ => true,
        },
        GeneralName::Email(base) => match base.matches('@').count() {
            0 => !is_host_name(base.strip_prefix('.').unwrap_or(base)),
            1 => base.starts_with('@') || base.ends_with('@'),
            _ => true,
        },
        GeneralName::Invalid(_) => true,
        GeneralName::Uri(_) | GeneralName::Directory(_) | GeneralName::Other(_) => false,
    }
}

/// The notation of RFC 4632: ones, then zeros.
fn is_prefix_mask(mask: &[u8]) -> bool {
    let ones: u32 = mask.iter().map(|octet| octet.count_ones()).sum();
    let leading: u32 = mask
        .iter()
        .position(|&octet| octet != 0xff)
        .map_or(8 * mask.len() as u32, |full| 8 * full as u32 + mask[full].leading_ones());
    ones == leading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_below_public_suffixes() {
        for (presented, is) in [
            ("*.com", true),
            ("*.co.uk", true),
            ("*.example.com", false),
            ("*.s3.amazonaws.com", false),
            ("co.uk", false),
        ] {
            assert_eq!(is_public_suffix_wildcard(presented), is, "{presented}");
        }
    }

    #[test]
    fn masks_are_prefixes() {
        assert!(is_prefix_mask(&[255, 255, 240, 0]) && is_prefix_mask(&[0; 4]) && is_prefix_mask(&[255; 4]));
        assert!(!is_prefix_mask(&[255, 0, 255, 0]) && !is_prefix_mask(&[0, 255, 0, 0]) && !is_prefix_mask(&[254, 1]));
    }

    #[test]
    fn what_is_a_host_name() {
        assert!(is_host_name("example.com") && is_host_name("*.example.com") && is_host_name("xn--n3h.com"));
        for bad in ["", ".example.com", "a..b", "foo_bar.com", "example.com.", "-a.com", "a b"] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
