//! Name constraints.

use std::net::IpAddr;

use super::parse::{domain_is_valid, url_host};
use crate::x509::NameConstraints;
use crate::x509::general_name::GeneralName;

/// `chainConstraints.check`: addresses, host names, URIs, mailboxes; of each, permitted subtrees before excluded ones.
pub(super) fn check_names(names: &[GeneralName], constraints: &NameConstraints) -> Result<(), String> {
    for name in names {
        match name {
            GeneralName::Uri(uri) => {
                let host = url_host(uri).unwrap_or("");
                if host.is_empty() {
                    return Err(format!("URI with empty host ({uri:?}) cannot be matched against constraints"));
                }
                let bare = host.split(':').next().unwrap_or(host);
                if host.starts_with('[') || bare.parse::<IpAddr>().is_ok() {
                    return Err(format!("URI with IP ({uri:?}) cannot be matched against constraints"));
                }
            }
            GeneralName::Email(address) if !address.contains('@') => {
                return Err(format!("cannot parse rfc822Name {address:?}"));
            }
            _ => {}
        }
    }
    let order = |name: &GeneralName| match name {
        GeneralName::Ip(_) => Some((0, "IP address")),
        GeneralName::Dns(_) => Some((1, "DNS name")),
        GeneralName::Uri(_) => Some((2, "URI")),
        GeneralName::Email(_) => Some((3, "email address")),
        _ => None,
    };
    let mut sorted: Vec<_> =
        names.iter().filter_map(|name| order(name).map(|(rank, kind)| (rank, kind, name))).collect();
    sorted.sort_by_key(|(rank, _, _)| *rank);
    for (_, kind, name) in sorted {
        let shown = match name {
            GeneralName::Dns(text) | GeneralName::Uri(text) | GeneralName::Email(text) => text.to_string(),
            other => other.as_ip().map(|ip| ip.to_string()).unwrap_or_default(),
        };
        if matches!(name, GeneralName::Dns(text) if !domain_is_valid(text, false)) {
            return Err(format!("x509: cannot parse dnsName {shown:?}"));
        }
        let same_kind = |subtree: &&GeneralName| std::mem::discriminant(*subtree) == std::mem::discriminant(name);
        let mut permitted = constraints.permitted.iter().filter(same_kind).peekable();
        if permitted.peek().is_some() && !permitted.any(|subtree| is_within(name, subtree, false)) {
            return Err(format!("{kind} {shown:?} is not permitted by any constraint"));
        }
        if let Some(subtree) =
            constraints.excluded.iter().filter(same_kind).find(|subtree| is_within(name, subtree, true))
        {
            let subtree = match subtree {
                GeneralName::Dns(text) | GeneralName::Uri(text) | GeneralName::Email(text) => text.to_string(),
                other => other.to_string(),
            };
            return Err(format!("{kind} {shown:?} is excluded by constraint {subtree:?}"));
        }
    }
    Ok(())
}

/// Hosts of addresses and of mailboxes follow the rules of host names since `constraints.go` came with Go 1.26 (measured
/// with 1.27.3), where RFC 5280 §4.2.1.10 wants the leading dot before it lets subdomains in.
fn is_within(name: &GeneralName, subtree: &GeneralName, excluding: bool) -> bool {
    match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => {
            // A wildcard covers a name when both lose their first label and are the same (`parentConstraints`).
            let covers = || match (name.strip_prefix('*'), base.split_once('.')) {
                (Some(rest), Some((_, parent))) => {
                    rest.strip_prefix('.').is_some_and(|rest| rest.eq_ignore_ascii_case(parent))
                }
                _ => false,
            };
            base.is_empty() || has_suffix(name, base) || (excluding && covers())
        }
        (GeneralName::Uri(uri), GeneralName::Uri(base)) => {
            let host = url_host(uri).unwrap_or("");
            let host = host.split(':').next().unwrap_or(host);
            base.is_empty() || has_suffix(host, base)
        }
        (GeneralName::Email(address), GeneralName::Email(base)) => {
            let Some((local, host)) = address.rsplit_once('@') else { return false };
            match base.rsplit_once('@') {
                Some((wanted, base)) => wanted == local && base.eq_ignore_ascii_case(host),
                None => base.is_empty() || has_suffix(host, base),
            }
        }
        (GeneralName::Ip(address), GeneralName::Ip(range)) => {
            range.len() == 2 * address.len() && {
                let (base, mask) = range.split_at(address.len());
                address.iter().zip(base).zip(mask).all(|((a, b), m)| (a ^ b) & m == 0)
            }
        }
        _ => false,
    }
}

/// `dnsHasSuffix`: `base` is a suffix by whole labels; one with a leading dot leaves the bare name out.
fn has_suffix(name: &str, base: &str) -> bool {
    name.len() >= base.len()
        && name.as_bytes()[name.len() - base.len()..].eq_ignore_ascii_case(base.as_bytes())
        && (name.len() == base.len() || base.starts_with('.') || name.as_bytes()[name.len() - base.len() - 1] == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_addresses_are_constrained_like_host_names() {
        let uri = |text: &str| GeneralName::Uri(text.into());
        let dns = |text: &str| GeneralName::Dns(text.into());
        assert!(is_within(&dns("a.example.com"), &dns("example.com"), false));
        assert!(!is_within(&dns("example.com"), &dns(".example.com"), false));
        assert!(is_within(&uri("https://a.example.com/"), &uri("example.com"), false));
        assert!(is_within(&uri("https://a.example.com:1/"), &uri(".example.com"), false));
        assert!(is_within(&dns("*.example.com"), &dns("secret.example.com"), true));
        assert!(!is_within(&dns("*.example.com"), &dns("secret.example.com"), false));
    }
}
