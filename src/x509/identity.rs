//! Service identity (RFC 9525): does a presented identifier match the reference identifier?

use std::net::IpAddr;

use super::certificate::Certificate;
use super::general_name::GeneralName;
use crate::model::target::ReferenceId;

/// Where clients differ from RFC 9525 §6.3 in comparing a dNSName.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WildcardRules {
    /// `f*.example.com` (RFC 6125 §6.4.3 allowed it, RFC 9525 does not).
    pub partial: bool,
    /// `a.*.example.com`: the wildcard need not be leftmost.
    pub anywhere: bool,
    /// Labels that must follow the wildcard: 1 for `*.com`, 2 for `*.example.com`.
    pub labels_after: usize,
    /// A final dot in the presented name is ignored.
    pub trailing_dot: bool,
}

impl WildcardRules {
    /// RFC 9525 §6.3: the wildcard is the whole leftmost label.
    pub const STANDARD: Self = Self { partial: false, anywhere: false, labels_after: 1, trailing_dot: false };
}

/// Does the dNSName `presented` match `host` (A-labels, lower case, no final dot)? Letter case is ignored (RFC 4343).
pub fn matches_dns(presented: &str, host: &str, rules: WildcardRules) -> bool {
    let presented = if rules.trailing_dot { presented.strip_suffix('.').unwrap_or(presented) } else { presented };
    if !presented.contains('*') {
        return presented.eq_ignore_ascii_case(host);
    }
    let patterns: Vec<&str> = presented.split('.').collect();
    let labels: Vec<&str> = host.split('.').collect();
    if patterns.len() != labels.len() || presented.matches('*').count() != 1 {
        return false;
    }
    patterns.iter().zip(&labels).enumerate().all(|(position, (pattern, label))| match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(label),
        Some((before, after)) => {
            let allowed = (position == 0 || rules.anywhere)
                && labels.len() - position > rules.labels_after
                && (rules.partial || (before.is_empty() && after.is_empty()));
            // A wildcard stands for at least one character, and never for part of an A-label (RFC 6125 §6.4.3).
            allowed
                && label.len() > before.len() + after.len()
                && ((before.is_empty() && after.is_empty()) || !label.to_ascii_lowercase().starts_with("xn--"))
                && label.get(..before.len()).is_some_and(|start| start.eq_ignore_ascii_case(before))
                && label.get(label.len() - after.len()..).is_some_and(|end| end.eq_ignore_ascii_case(after))
        }
    })
}

/// How an end entity's names relate to the reference identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// This presented identifier matches.
    Matches(String),
    /// None does; this is why, as near as any came.
    Mismatch(NearMiss),
}

/// Why no presented identifier matches: the nearest of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NearMiss {
    /// `*.example.com` was taken to cover more than one label (`a.b.example.com`).
    WildcardCoversOneLabel { presented: String },
    /// `*.example.com` does not cover `example.com`.
    WildcardNotApex { presented: String },
    /// The name is only in the subject's CN, which RFC 9525 §6 ignores; `has_san` when a SAN is there all the same.
    CommonNameOnly { common_name: String, has_san: bool },
    /// The address is written as text in a dNSName (or the CN) instead of an iPAddress.
    IpInDnsName { presented: String },
    /// Only the `www.` differs.
    Www { presented: String },
    /// A SAN entry that no name can match: a URL, a port, spaces, control characters.
    Malformed { presented: String },
    /// The certificate names nothing at all.
    NoNames,
    /// Other names; these are some of them.
    Different,
}

/// Compares by RFC 9525 §6 and explains the nearest miss.
pub fn compare(certificate: &Certificate, reference: &ReferenceId) -> Match {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    match reference {
        ReferenceId::Ip(ip) => compare_ip(certificate, names, *ip),
        ReferenceId::Dns(name) => compare_dns(certificate, names, name.as_str()),
    }
}

fn compare_ip(certificate: &Certificate, names: &[GeneralName], ip: IpAddr) -> Match {
    if let Some(found) = names.iter().find(|name| name.as_ip() == Some(ip)) {
        return Match::Matches(found.to_string());
    }
    let is_text = |text: &str| text.trim().parse::<IpAddr>() == Ok(ip);
    for name in names {
        if let GeneralName::Dns(text) = name
            && is_text(text)
        {
            return Match::Mismatch(NearMiss::IpInDnsName { presented: name.to_string() });
        }
    }
    match certificate.subject.common_name() {
        Some(common_name) if is_text(common_name) => Match::Mismatch(NearMiss::CommonNameOnly {
            common_name: super::dn::printable(common_name),
            has_san: !names.is_empty(),
        }),
        None if names.is_empty() => Match::Mismatch(NearMiss::NoNames),
        _ => Match::Mismatch(NearMiss::Different),
    }
}

fn compare_dns(certificate: &Certificate, names: &[GeneralName], host: &str) -> Match {
    let dns = || {
        names.iter().filter_map(|name| match name {
            GeneralName::Dns(text) => Some(&**text),
            _ => None,
        })
    };
    if let Some(found) = dns().find(|presented| matches_dns(presented, host, WildcardRules::STANDARD)) {
        return Match::Matches(super::dn::printable(found));
    }
    let shown = |presented: &str| super::dn::printable(presented);
    for presented in dns() {
        if let Some(base) = presented.strip_prefix("*.") {
            if base.eq_ignore_ascii_case(host) {
                return Match::Mismatch(NearMiss::WildcardNotApex { presented: shown(presented) });
            }
            let deeper = host.len() > base.len() + 1
                && host.is_char_boundary(host.len() - base.len())
                && host[host.len() - base.len()..].eq_ignore_ascii_case(base)
                && host.as_bytes()[host.len() - base.len() - 1] == b'.';
            if deeper {
                return Match::Mismatch(NearMiss::WildcardCoversOneLabel { presented: shown(presented) });
            }
        }
    }
    if let Some(presented) = dns().find(|presented| {
        presented.strip_prefix("www.").is_some_and(|rest| rest.eq_ignore_ascii_case(host))
            || host.strip_prefix("www.").is_some_and(|rest| rest.eq_ignore_ascii_case(presented))
    }) {
        return Match::Mismatch(NearMiss::Www { presented: shown(presented) });
    }
    if let Some(common_name) = certificate.subject.common_name()
        && matches_dns(common_name, host, WildcardRules::STANDARD)
    {
        return Match::Mismatch(NearMiss::CommonNameOnly {
            common_name: shown(common_name),
            has_san: !names.is_empty(),
        });
    }
    let malformed =
        |text: &str| !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'*'));
    if let Some(presented) =
        dns().find(|presented| malformed(presented) && presented.to_ascii_lowercase().contains(host))
    {
        return Match::Mismatch(NearMiss::Malformed { presented: shown(presented) });
    }
    if names.is_empty() && certificate.subject.common_name().is_none() {
        return Match::Mismatch(NearMiss::NoNames);
    }
    Match::Mismatch(NearMiss::Different)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_wildcard_covers_exactly_one_label() {
        let is_match = |pattern, host| matches_dns(pattern, host, WildcardRules::STANDARD);
        assert!(is_match("example.com", "example.com"));
        assert!(is_match("EXAMPLE.com", "example.com"));
        assert!(is_match("*.example.com", "a.example.com"));
        assert!(is_match("*.example.com", "xn--bcher-kva.example.com"));
        assert!(!is_match("*.example.com", "a.b.example.com"));
        assert!(!is_match("*.example.com", "example.com"));
        assert!(!is_match("f*.example.com", "foo.example.com"));
        assert!(!is_match("a.*.example.com", "a.b.example.com"));
        assert!(!is_match("*.*.example.com", "a.b.example.com"));
        assert!(!is_match("*", "localhost"));
        assert!(!is_match("example.com.", "example.com"));
    }

    #[test]
    fn clients_may_be_more_generous() {
        let partial = WildcardRules { partial: true, ..WildcardRules::STANDARD };
        assert!(matches_dns("f*.example.com", "foo.example.com", partial));
        assert!(matches_dns("*o.example.com", "foo.example.com", partial));
        assert!(matches_dns("f*o.example.com", "foo.example.com", partial));
        assert!(!matches_dns("f*o.example.com", "fo.example.com", partial));
        assert!(!matches_dns("x*.example.com", "xn--a.example.com", partial));
        let anywhere = WildcardRules { anywhere: true, ..WildcardRules::STANDARD };
        assert!(matches_dns("a.*.example.com", "a.b.example.com", anywhere));
        assert!(!matches_dns("*.com", "example.com", WildcardRules { labels_after: 2, ..WildcardRules::STANDARD }));
    }
}
