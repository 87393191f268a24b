//! Host names: how OpenSSL itself compares them, and how libcurl and Node do, which do not ask it.

use std::net::IpAddr;

use super::DNS_NAME;
use crate::judge::case::Case;
use crate::model::target::ReferenceId;
use crate::x509::Certificate;
use crate::x509::dn::{Attribute, printable};
use crate::x509::general_name::GeneralName;
use crate::x509::identity::{WildcardRules, matches_dns};

/// Where programs differ in what they ask of `X509_check_host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Without `X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS`: `f*.example.com`.
    pub partial_wildcards: bool,
    /// Without `X509_CHECK_FLAG_NEVER_CHECK_SUBJECT`: the common name, when the SAN has no dNSName.
    pub common_name: bool,
}

impl Rules {
    /// [`matches`] under these rules, as a question to ask of a case.
    pub fn question(self) -> fn(&Certificate, &ReferenceId) -> bool {
        const fn rules(partial_wildcards: bool, common_name: bool) -> Rules {
            Rules { partial_wildcards, common_name }
        }
        match (self.partial_wildcards, self.common_name) {
            (false, false) => |certificate, reference| matches(certificate, reference, rules(false, false)),
            (false, true) => |certificate, reference| matches(certificate, reference, rules(false, true)),
            (true, false) => |certificate, reference| matches(certificate, reference, rules(true, false)),
            (true, true) => |certificate, reference| matches(certificate, reference, rules(true, true)),
        }
    }
}

/// `do_x509_check` of `v3_utl.c`: a dNSName or, without one, any common name; addresses in the SAN only.
fn matches(certificate: &Certificate, reference: &ReferenceId, rules: Rules) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let host = match reference {
        ReferenceId::Ip(address) => return names.iter().any(|name| name.as_ip() == Some(*address)),
        ReferenceId::Dns(host) => host.as_str(),
    };
    let mut has_dns = false;
    for name in names {
        match name {
            GeneralName::Dns(presented) if equal_wildcard(presented, host, rules.partial_wildcards) => return true,
            GeneralName::Dns(_) | GeneralName::Invalid(DNS_NAME) => has_dns = true,
            _ => {}
        }
    }
    if has_dns || !rules.common_name {
        return false;
    }
    common_names(certificate).any(|name| equal_wildcard(&name, host, rules.partial_wildcards))
}

fn common_names(certificate: &Certificate) -> impl Iterator<Item = String> {
    let is_common_name = |attribute: &Attribute| &*attribute.oid == "2.5.4.3";
    certificate.subject.attributes().into_iter().filter(is_common_name).map(|attribute| attribute.text.to_string())
}

/// `equal_wildcard`, `wildcard_match`.
fn equal_wildcard(pattern: &str, host: &str, partial: bool) -> bool {
    let Some(star) = valid_star(pattern.as_bytes(), partial) else {
        return !pattern.contains('\0') && pattern.eq_ignore_ascii_case(host);
    };
    let (prefix, suffix) = (&pattern.as_bytes()[..star], &pattern.as_bytes()[star + 1..]);
    let host = host.as_bytes();
    if host.len() < prefix.len() + suffix.len() {
        return false;
    }
    let (start, rest) = host.split_at(prefix.len());
    let (covered, end) = rest.split_at(rest.len() - suffix.len());
    if !start.eq_ignore_ascii_case(prefix) || !end.eq_ignore_ascii_case(suffix) {
        return false;
    }
    let is_whole_label = prefix.is_empty() && suffix.starts_with(b".");
    if is_whole_label {
        if covered.is_empty() {
            return false;
        }
    } else if rest.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"xn--")) {
        return false;
    }
    // An underscore is not among them.
    covered.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// `valid_star`: where the one wildcard stands, in the first of at least three labels, at the start or the end of it.
fn valid_star(pattern: &[u8], partial: bool) -> Option<usize> {
    let (mut star, mut dots) = (None, 0);
    let (mut at_start, mut after_hyphen, mut in_a_label) = (true, false, false);
    for (position, byte) in pattern.iter().enumerate() {
        match byte {
            b'*' => {
                let at_end = pattern.get(position + 1).is_none_or(|next| *next == b'.');
                if star.is_some() || in_a_label || dots > 0 || (!at_start && !at_end) {
                    return None;
                }
                if !(partial || at_start && at_end) {
                    return None;
                }
                star = Some(position);
                at_start = false;
            }
            b'.' if at_start || after_hyphen => return None,
            b'.' => {
                (at_start, after_hyphen, in_a_label) = (true, false, false);
                dots += 1;
            }
            b'-' if at_start => return None,
            b'-' => after_hyphen = true,
            _ if byte.is_ascii_alphanumeric() => {
                let label = &pattern[position..];
                in_a_label |= at_start && label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"));
                (at_start, after_hyphen) = (false, false);
            }
            _ => return None,
        }
    }
    star.filter(|_| !at_start && !after_hyphen && dots >= 2)
}

/// Why Node does not accept the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeMismatch {
    /// The error's `reason`.
    pub reason: String,
}

/// `tls.checkServerIdentity` of Node's `lib/tls.js`, which Bun ports: dNSNames or, without one, common names; addresses in
/// the SAN only.
pub fn match_name_as_node(case: &Case<'_>, certificate: &Certificate) -> Result<(), NodeMismatch> {
    if case.name_holds(certificate, matches_as_node) {
        return Ok(());
    }
    let host = case.reference;
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let say = |reason: String| Err(NodeMismatch { reason });
    if case.name_is_address() {
        let listed: Vec<String> = names.iter().filter_map(|name| Some(name.as_ip()?.to_string())).collect();
        return say(format!("IP: {host} is not in the cert's list: {}", listed.join(", ")));
    }
    let dns = dns_names_as_node(certificate);
    if !dns.is_empty() {
        let listed: Vec<String> = dns.iter().map(|name| format!("DNS:{}", printable(name))).collect();
        return say(format!("Host: {host}. is not in the cert's altnames: {}", listed.join(", ")));
    }
    let common: Vec<String> = common_names(certificate).collect();
    match common.as_slice() {
        [] => say("Cert does not contain a DNS name".to_owned()),
        names => say(format!("Host: {host}. is not cert's CN: {}", printable(&names.join(",")))),
    }
}

fn matches_as_node(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let host = match reference {
        ReferenceId::Ip(address) => {
            let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
            return names.into_iter().any(|name| name.as_ip() == Some(*address));
        }
        ReferenceId::Dns(host) => host.as_str(),
    };
    let dns = dns_names_as_node(certificate);
    match dns.is_empty() {
        false => dns.iter().any(|presented| node_matches(presented, host)),
        true => common_names(certificate).any(|name| node_matches(&name, host)),
    }
}

fn dns_names_as_node(certificate: &Certificate) -> Vec<&str> {
    let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
    names
        .filter_map(|name| match name {
            GeneralName::Dns(text) => Some(&**text),
            // More than ASCII: it counts and matches nothing.
            GeneralName::Invalid(DNS_NAME) => Some(""),
            _ => None,
        })
        .collect()
}

/// `check` of `lib/tls.js`: one wildcard in the first of at least three labels, for part of it too, or for nothing.
fn node_matches(pattern: &str, host: &str) -> bool {
    let pattern = pattern.strip_suffix('.').unwrap_or(pattern).to_lowercase();
    let (patterns, labels): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), host.split('.').collect());
    if patterns.len() != labels.len()
        || patterns.iter().any(|label| label.is_empty() || !label.chars().all(|c| ('\u{21}'..='\u{7f}').contains(&c)))
        || patterns[1..] != labels[1..]
    {
        return false;
    }
    let (pattern, label) = (patterns[0], labels[0]);
    match pattern.split_once('*') {
        None => pattern == label,
        Some(_) if pattern.contains("xn--") => pattern == label,
        Some((before, after)) => {
            !after.contains('*')
                && patterns.len() > 2
                && before.len() + after.len() <= label.len()
                && label.starts_with(before)
                && label.ends_with(after)
        }
    }
}

/// Why libcurl does not accept the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameError {
    /// No dNSName or iPAddress matches, though the SAN has such.
    AlternativeName,
    /// The common name does not match.
    CommonName,
    /// A NUL in the common name.
    IllegalField,
    /// Neither SAN nor common name.
    NoName,
}

/// libcurl 7.88, `Curl_ossl_verifyhost` and `hostcheck.c`: the SAN, and only where that has neither dNSName nor iPAddress
/// the last common name, for an address too.
pub fn match_name_as_libcurl(case: &Case<'_>, certificate: &Certificate) -> Result<(), NameError> {
    const ERRORS: [NameError; 4] =
        [NameError::AlternativeName, NameError::CommonName, NameError::IllegalField, NameError::NoName];
    let question =
        |certificate: &Certificate, reference: &ReferenceId, _| match compare_as_libcurl(certificate, reference) {
            Ok(()) => 0,
            Err(error) => ERRORS.iter().position(|known| *known == error).map_or(0, |at| at as u32 + 1),
        };
    match case.name_tells(certificate, 0, question) {
        0 => Ok(()),
        error => Err(ERRORS[error as usize - 1]),
    }
}

fn compare_as_libcurl(certificate: &Certificate, reference: &ReferenceId) -> Result<(), NameError> {
    const RULES: WildcardRules = WildcardRules { partial: false, anywhere: false, labels_after: 2, trailing_dot: true };
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let matches_text = |presented: &str| match reference {
        ReferenceId::Dns(host) => matches_dns(presented, host.as_str(), RULES),
        ReferenceId::Ip(address) => is_same_text(presented, *address),
    };
    let matched = names.iter().any(|name| match (name, reference) {
        (GeneralName::Dns(presented), ReferenceId::Dns(_)) => matches_text(presented),
        (name, ReferenceId::Ip(address)) => name.as_ip() == Some(*address),
        _ => false,
    });
    if matched {
        return Ok(());
    }
    if names
        .iter()
        .any(|name| matches!(name, GeneralName::Dns(_) | GeneralName::Invalid(DNS_NAME) | GeneralName::Ip(_)))
    {
        return Err(NameError::AlternativeName);
    }
    match certificate.subject.common_name() {
        None => Err(NameError::NoName),
        Some(name) if name.contains('\0') => Err(NameError::IllegalField),
        Some(name) if matches_text(name) => Ok(()),
        Some(_) => Err(NameError::CommonName),
    }
}

fn is_same_text(presented: &str, address: IpAddr) -> bool {
    presented.strip_suffix('.').unwrap_or(presented).eq_ignore_ascii_case(&address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_of_openssl() {
        for (pattern, host, partial, matches) in [
            ("*.example.com", "a.example.com", false, true),
            ("*.example.com", "a.b.example.com", false, false),
            ("*.com", "example.com", false, false),
            ("*.example.com", "under_score.example.com", false, false),
            ("under_score.example.com", "under_score.example.com", false, true),
            ("f*.example.com", "foo.example.com", true, true),
            ("f*.example.com", "foo.example.com", false, false),
            ("*o.example.com", "foo.example.com", true, true),
            ("f*o.example.com", "foo.example.com", true, false),
            ("f*.example.com", "f.example.com", true, true),
            ("*.example.com", "xn--bcher-kva.example.com", false, true),
            ("x*.example.com", "xn--bcher-kva.example.com", true, true),
            ("*-a.example.com", "xn--b-a.example.com", true, false),
            ("a.*.example.com", "a.b.example.com", true, false),
            ("*.example.com.", "a.example.com", false, false),
        ] {
            assert_eq!(equal_wildcard(pattern, host, partial), matches, "{pattern} {host}");
        }
    }

    #[test]
    fn wildcards_of_node() {
        for (pattern, host, matches) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com.", "a.example.com", true),
            ("f*o.example.com", "foo.example.com", true),
            ("foo*.example.com", "foo.example.com", true),
            ("f*o*.example.com", "foo.example.com", false),
            ("*.com", "example.com", false),
            ("*.example.com", "under_score.example.com", true),
            ("a.*.example.com", "a.b.example.com", false),
            (" a.example.com", "a.example.com", false),
            ("a.example.com\0.b", "a.example.com", false),
        ] {
            assert_eq!(node_matches(pattern, host), matches, "{pattern} {host}");
        }
    }
}
