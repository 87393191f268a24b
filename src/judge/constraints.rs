//! Name constraints (RFC 5280 §4.2.1.10, §6.1.4 (b), (c)).

use super::case::Case;
use super::pool::CertId;
use crate::x509::NameConstraints;
use crate::x509::general_name::GeneralName;

/// Comparisons of names with constraints before the rest is called a violation. BetterTLS has 100 × 100; webpki stops
/// at 250 000 (CVE-2018-16875 was this in Go).
const MAX_COMPARISONS: usize = 250_000;

/// Names of certificates below a constrained CA that its constraints forbid: position of the certificate, and the name.
/// Trust anchors' own constraints are not applied (RFC 5280 §6.1.1 (d)); clients that do say so in their engine.
pub fn violations(case: &Case<'_>, path: &[CertId]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut budget = MAX_COMPARISONS;
    for (above, &issuer) in path.iter().enumerate().skip(1) {
        if case.is_anchor(issuer).is_some() && above + 1 == path.len() {
            continue;
        }
        let Some(constraints) = &case.pool.get(issuer).extensions.name_constraints else { continue };
        for (position, &id) in path[..above].iter().enumerate() {
            let certificate = case.pool.get(id);
            // §6.1.3 (b): self-issued intermediates are exempt.
            if position > 0 && certificate.is_self_issued() {
                continue;
            }
            let mut names: Vec<GeneralName> =
                certificate.extensions.subject_alt_name.as_ref().map(|san| san.names.clone()).unwrap_or_default();
            if !certificate.subject.is_empty() {
                names.push(GeneralName::Directory(certificate.subject.clone()));
            }
            for name in &names {
                if !allows(constraints, name, &mut budget) {
                    found.push((position, name.to_string()));
                }
            }
        }
    }
    found
}

/// Do `constraints` allow `name`? A spent budget is a no.
pub fn allows(constraints: &NameConstraints, name: &GeneralName, budget: &mut usize) -> bool {
    let cost = constraints.permitted.len() + constraints.excluded.len();
    let Some(rest) = budget.checked_sub(cost) else { return false };
    *budget = rest;
    if constraints.excluded.iter().any(|subtree| within(name, subtree, true)) {
        return false;
    }
    let mut same_kind = constraints
        .permitted
        .iter()
        .filter(|subtree| std::mem::discriminant(*subtree) == std::mem::discriminant(name))
        .peekable();
    same_kind.peek().is_none() || same_kind.any(|subtree| within(name, subtree, false))
}

/// Is `name` inside `subtree`? For exclusion a wildcard that can stand for a name inside is inside.
pub fn within(name: &GeneralName, subtree: &GeneralName, excluding: bool) -> bool {
    match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_within(name, base, excluding),
        (GeneralName::Ip(address), GeneralName::Ip(range)) => {
            range.len() == 2 * address.len() && {
                let (base, mask) = range.split_at(address.len());
                address.iter().zip(base).zip(mask).all(|((a, b), m)| a & m == b & m)
            }
        }
        (GeneralName::Email(address), GeneralName::Email(base)) => match address.rsplit_once('@') {
            _ if base.contains('@') => address.eq_ignore_ascii_case(base),
            Some((_, host)) if base.starts_with('.') => ends_with_ignore_case(host, base),
            Some((_, host)) => host.eq_ignore_ascii_case(base),
            None => false,
        },
        (GeneralName::Uri(uri), GeneralName::Uri(base)) => {
            let host = uri.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            let host = host.split(':').next().unwrap_or("");
            if base.starts_with('.') { ends_with_ignore_case(host, base) } else { host.eq_ignore_ascii_case(base) }
        }
        (GeneralName::Directory(name), GeneralName::Directory(base)) => {
            name.normalised().starts_with(base.normalised())
        }
        _ => false,
    }
}

/// Adding labels to the left of the base gives a name inside it. A leading dot is not in the standard for dNSName; it
/// is read as "subdomains only", as OpenSSL, Go and NSS do.
fn dns_within(name: &str, base: &str, excluding: bool) -> bool {
    if base.is_empty() {
        return true;
    }
    if let Some(suffix) = name.strip_prefix("*.") {
        let covers = excluding && dns_within(base.trim_start_matches('.'), suffix, false);
        return covers
            || dns_within(suffix, base, false)
            || (base.starts_with('.') && suffix.eq_ignore_ascii_case(&base[1..]));
    }
    if base.starts_with('.') {
        return ends_with_ignore_case(name, base) && name.len() > base.len();
    }
    name.eq_ignore_ascii_case(base)
        || (name.len() > base.len()
            && ends_with_ignore_case(name, base)
            && name.as_bytes()[name.len() - base.len() - 1] == b'.')
}

fn ends_with_ignore_case(text: &str, end: &str) -> bool {
    text.len() >= end.len() && text.as_bytes()[text.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(text: &str) -> GeneralName {
        GeneralName::Dns(text.into())
    }

    #[test]
    fn subtrees_of_dns_names() {
        for (name, base, inside) in [
            ("example.com", "example.com", true),
            ("a.example.com", "example.com", true),
            ("badexample.com", "example.com", false),
            ("example.com", ".example.com", false),
            ("a.example.com", ".example.com", true),
            ("*.example.com", "example.com", true),
            ("*.com", "example.com", false),
            ("anything", "", true),
        ] {
            assert_eq!(within(&dns(name), &dns(base), false), inside, "{name} in {base}");
        }
        assert!(
            within(&dns("*.example.com"), &dns("a.example.com"), true),
            "the wildcard can stand for an excluded name"
        );
    }

    #[test]
    fn permitted_counts_for_its_own_kind_only() {
        let constraints = NameConstraints {
            permitted: vec![GeneralName::Ip([10, 0, 0, 0, 255, 0, 0, 0].into())],
            excluded: vec![],
            critical: true,
            ..NameConstraints::default()
        };
        let mut budget = MAX_COMPARISONS;
        assert!(allows(&constraints, &dns("example.com"), &mut budget));
        assert!(allows(&constraints, &GeneralName::Ip([10, 1, 2, 3].into()), &mut budget));
        assert!(!allows(&constraints, &GeneralName::Ip([11, 1, 2, 3].into()), &mut budget));
        assert!(!allows(&constraints, &dns("example.com"), &mut 0));
    }
}
