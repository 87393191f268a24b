//! Name constraints as BoringSSL's `v3_ncons.cc` compares them.

use super::super::openssl::constraints::{Wildcards, check_names as check_as_openssl};
use super::super::openssl::{UNSUPPORTED_CONSTRAINT, VerifyError};
use super::SUBTREE_DISTANCE;
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, NameConstraints};

/// `NAME_CONSTRAINTS_check`. As in OpenSSL, but for absolute DNS names, wildcards, addresses (not supported at all), and
/// minimum and maximum, which no subtree of a kind of name that is there may have.
pub(super) fn check_names(certificate: &Certificate, constraints: &NameConstraints) -> Result<(), VerifyError> {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let subtrees = || constraints.permitted.iter().chain(&constraints.excluded);
    let is_constrained = |name: &GeneralName| subtrees().any(|subtree| is_same_kind(name, subtree));
    let has_directory =
        || !certificate.subject.is_empty() && subtrees().any(|subtree| matches!(subtree, GeneralName::Directory(_)));
    if (constraints.minimum || constraints.maximum) && (has_directory() || names.iter().any(is_constrained)) {
        return Err(SUBTREE_DISTANCE);
    }
    if names.iter().any(|name| matches!(name, GeneralName::Ip(_)) && is_constrained(name)) {
        return Err(UNSUPPORTED_CONSTRAINT);
    }
    let absolute = |subtree: &GeneralName| match subtree {
        GeneralName::Dns(base) => GeneralName::Dns(base.strip_suffix('.').unwrap_or(base).into()),
        other => other.clone(),
    };
    let relative = NameConstraints {
        permitted: constraints.permitted.iter().map(absolute).collect(),
        excluded: constraints.excluded.iter().map(absolute).collect(),
        ..constraints.clone()
    };
    check_as_openssl(certificate, &relative, Wildcards::Cover)
}

fn is_same_kind(one: &GeneralName, other: &GeneralName) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}
