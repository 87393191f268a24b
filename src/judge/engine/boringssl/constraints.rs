//! Name constraints as BoringSSL's `v3_ncons.cc` compares them.

use super::super::openssl::constraints::{Wildcards, check_names as check_as_openssl};
use super::super::openssl::{UNSUPPORTED_CONSTRAINT, VerifyError};
use crate::x509::general_name::GeneralName;
use crate::x509::{Certificate, NameConstraints};

/// `NAME_CONSTRAINTS_check`. As in OpenSSL, but for absolute DNS names, wildcards, and addresses, which are not supported
/// at all.
pub(super) fn check_names(certificate: &Certificate, constraints: &NameConstraints) -> Result<(), VerifyError> {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let subtrees = || constraints.permitted.iter().chain(&constraints.excluded);
    let is_constrained = |name: &GeneralName| subtrees().any(|subtree| is_same_kind(name, subtree));
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
