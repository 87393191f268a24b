//! Certificate policies as `X509_policy_check` takes them (`policy.cc`): for any policy, with none required.

use super::super::openssl::VerifyError;
use super::{INVALID_POLICY, NO_EXPLICIT_POLICY};
use crate::judge::policy::{self, PolicyFault, PolicyInputs};
use crate::x509::{Certificate, der};

const POLICIES: &str = "2.5.29.32";
const MAPPINGS: &str = "2.5.29.33";
const CONSTRAINTS: &str = "2.5.29.36";
const INHIBIT_ANY: &str = "2.5.29.54";

/// Of a chain without its last certificate, from the anchor's side: the first fault.
pub(super) fn check(below: &[&Certificate]) -> Result<(), VerifyError> {
    if below.is_empty() {
        return Ok(());
    }
    let is_end = |position: usize| position + 1 == below.len();
    let malformed = (0..below.len()).find(|&position| is_malformed(below[position], is_end(position)));
    match (policy::check(below, &PolicyInputs::default()), malformed) {
        (Err((position, PolicyFault::NoValidPolicy)), malformed) if malformed.is_none_or(|at| position < at) => {
            Err(NO_EXPLICIT_POLICY)
        }
        (Ok(()), None) => Ok(()),
        _ => Err(INVALID_POLICY),
    }
}

/// `process_certificate_policies`, `process_policy_mappings`, `process_policy_constraints`: lists that do not decode, are
/// empty or name a policy twice. Mappings and inhibitAnyPolicy of the end entity are not looked at.
fn is_malformed(certificate: &Certificate, is_end_entity: bool) -> bool {
    let read: &[&str] =
        if is_end_entity { &[POLICIES, CONSTRAINTS] } else { &[POLICIES, MAPPINGS, CONSTRAINTS, INHIBIT_ANY] };
    let undecodable = &certificate.extensions.undecodable;
    if undecodable.iter().any(|extension| read.contains(&&*extension.oid)) {
        return true;
    }
    let is_empty = |oid: &&str| {
        let value = certificate.extension_value(oid).and_then(der::split);
        **oid != *INHIBIT_ANY && value.is_some_and(|(list, _)| list.content.is_empty())
    };
    let policies = &certificate.extensions.policies;
    read.iter().any(is_empty) || policies.iter().enumerate().any(|(index, policy)| policies[..index].contains(policy))
}
