//! Name constraints (`name_constraints.cc`).

use super::MAX_NAME_CHECKS;
use crate::judge::constraints;
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, NameConstraints};

/// `NameConstraints::IsPermittedCert`: the SAN, and a subject that is not empty.
pub(super) fn allows(constraints: &NameConstraints, certificate: &Certificate) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    if names.len().saturating_mul(constraints.permitted.len() + constraints.excluded.len()) > MAX_NAME_CHECKS {
        return false;
    }
    let subject = GeneralName::Directory(certificate.subject.clone());
    // Mailboxes of the subject, where there is no SAN (RFC 5280 §4.2.1.10).
    let mailboxes: Vec<GeneralName> = match certificate.extensions.subject_alt_name {
        None => certificate.subject.mailboxes().map(|text| GeneralName::Email(text.into())).collect(),
        Some(_) => Vec::new(),
    };
    names
        .iter()
        .chain((!certificate.subject.is_empty()).then_some(&subject))
        .chain(&mailboxes)
        .all(|name| allows_name(constraints, name))
}

fn allows_name(constraints: &NameConstraints, name: &GeneralName) -> bool {
    let same_kind = |subtree: &&GeneralName| std::mem::discriminant(*subtree) == std::mem::discriminant(name);
    // Kinds it does not know forbid the whole kind, when the extension is critical.
    if !matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_) | GeneralName::Directory(_) | GeneralName::Email(_)) {
        return !constraints.critical
            || !constraints.permitted.iter().chain(&constraints.excluded).any(|subtree| same_kind(&subtree));
    }
    let within = |subtree: &GeneralName, partial| match (name, subtree) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_in_subtree(name, base, partial),
        _ => constraints::within(name, subtree, false),
    };
    let mut permitted = constraints.permitted.iter().filter(same_kind).peekable();
    !constraints.excluded.iter().any(|subtree| within(subtree, true))
        && (permitted.peek().is_none() || permitted.any(|subtree| within(subtree, false)))
}

/// `DNSNameMatches`. With `partial`, for excluded subtrees, a wildcard also matches a constraint that is one of the names
/// it stands for.
fn dns_in_subtree(name: &str, base: &str, partial: bool) -> bool {
    if base.is_empty() {
        return true;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let base = base.strip_suffix('.').unwrap_or(base);
    if partial
        && let (Some(suffix), Some((_, domain))) = (name.strip_prefix("*."), base.split_once('.'))
        && suffix.eq_ignore_ascii_case(domain)
    {
        return true;
    }
    let Some(split) = name.len().checked_sub(base.len()) else { return false };
    let (before, end) = name.as_bytes().split_at(split);
    end.eq_ignore_ascii_case(base.as_bytes()) && (before.is_empty() || base.starts_with('.') || before.ends_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees() {
        for (name, base, partial, inside) in [
            ("a.example.com", "example.com", false, true),
            ("badexample.com", "example.com", false, false),
            ("example.com", ".example.com", false, false),
            ("*.example.com", "a.example.com", true, true),
            ("*.example.com", "a.example.com", false, false),
            ("*.example.com", "a.b.example.com", true, false),
        ] {
            assert_eq!(dns_in_subtree(name, base, partial), inside, "{name} in {base}");
        }
    }
}
