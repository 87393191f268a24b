//! Certificate policies (RFC 5280 §6.1.2 to §6.1.5) with the policy graph of RFC 9618, which cannot grow exponentially.

use std::collections::{BTreeMap, BTreeSet};

use crate::x509::Certificate;

const ANY: &str = "2.5.29.32.0";

/// Policies of one certificate before it is refused: public certificates have up to five, PKITS ten.
const MAX_POLICIES: usize = 500;

type Policy = Box<str>;

/// RFC 5280 §6.1.1 (c), (e), (f), (g).
#[derive(Debug, Clone)]
pub struct PolicyInputs {
    /// user-initial-policy-set, dotted.
    pub initial: Vec<String>,
    pub inhibit_mapping: bool,
    pub require_explicit: bool,
    pub inhibit_any: bool,
}

impl Default for PolicyInputs {
    /// Any policy will do, and none is required: what libraries start with when nobody sets anything.
    fn default() -> Self {
        Self { initial: vec![ANY.to_owned()], inhibit_mapping: false, require_explicit: false, inhibit_any: false }
    }
}

/// What is wrong with a path's policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyFault {
    /// An explicit policy is required and none is valid (§6.1.3 (f), §6.1.5 (g)).
    NoValidPolicy,
    /// anyPolicy is mapped (§6.1.4 (a)).
    MapsAny,
}

/// One valid policy at the depth reached. Depths above are never needed again: a node keeps what they came to.
#[derive(Debug, Clone)]
struct Node {
    /// expected_policy_set.
    expected: BTreeSet<Policy>,
    /// The policies in the trust anchor's domain that it descends from; anyPolicy when it may be each of them.
    origins: BTreeSet<Policy>,
}

/// Is the path, given from the trust anchor's side (the anchor not among them), valid under some policy where one is
/// required? The position (from the same side) and the fault otherwise.
pub fn check(path: &[&Certificate], inputs: &PolicyInputs) -> Result<(), (usize, PolicyFault)> {
    let any: BTreeSet<Policy> = [ANY.into()].into();
    let mut nodes = BTreeMap::from([(Policy::from(ANY), Node { expected: any.clone(), origins: any })]);
    let start = |is_set: bool| if is_set { 0 } else { u32::try_from(path.len()).unwrap_or(u32::MAX).saturating_add(1) };
    let mut explicit = start(inputs.require_explicit);
    let mut inhibit_any = start(inputs.inhibit_any);
    let mut mapping = start(inputs.inhibit_mapping);
    for (i, certificate) in path.iter().enumerate() {
        let extensions = &certificate.extensions;
        let is_last = i + 1 == path.len();
        let self_issued = certificate.is_self_issued();
        if extensions.policies.len() > MAX_POLICIES || extensions.policy_mappings.len() > MAX_POLICIES {
            return Err((i, PolicyFault::NoValidPolicy));
        }
        // §6.1.3 (d), (e)
        nodes = descend(&nodes, &extensions.policies, inhibit_any > 0 || (!is_last && self_issued));
        // §6.1.3 (f)
        if explicit == 0 && nodes.is_empty() {
            return Err((i, PolicyFault::NoValidPolicy));
        }
        if is_last {
            // §6.1.5 (a), (b)
            explicit = explicit.saturating_sub(1);
            let constraints = extensions.policy_constraints.as_ref();
            if constraints.is_some_and(|constraints| constraints.require_explicit_policy == Some(0)) {
                explicit = 0;
            }
            break;
        }
        // §6.1.4 (a)
        if extensions.policy_mappings.iter().any(|(from, to)| &**from == ANY || &**to == ANY) {
            return Err((i, PolicyFault::MapsAny));
        }
        map(&mut nodes, &extensions.policy_mappings, mapping > 0);
        // §6.1.4 (h)
        if !self_issued {
            for counter in [&mut explicit, &mut mapping, &mut inhibit_any] {
                *counter = counter.saturating_sub(1);
            }
        }
        // §6.1.4 (i), (j)
        if let Some(constraints) = &extensions.policy_constraints {
            explicit = explicit.min(constraints.require_explicit_policy.unwrap_or(u32::MAX));
            mapping = mapping.min(constraints.inhibit_policy_mapping.unwrap_or(u32::MAX));
        }
        inhibit_any = inhibit_any.min(extensions.inhibit_any_policy.unwrap_or(u32::MAX));
    }
    // §6.1.5 (g)
    let accepted =
        |policy: &Policy| &**policy == ANY || inputs.initial.iter().any(|wanted| wanted == ANY || **wanted == **policy);
    if explicit == 0 && !nodes.values().any(|node| node.origins.iter().any(accepted)) {
        return Err((path.len().saturating_sub(1), PolicyFault::NoValidPolicy));
    }
    Ok(())
}

/// RFC 9618 §5.3, RFC 5280 §6.1.3 (d)(1), (2): the nodes of the next depth.
fn descend(nodes: &BTreeMap<Policy, Node>, policies: &[Policy], any_counts: bool) -> BTreeMap<Policy, Node> {
    let mut by_expected: BTreeMap<&Policy, BTreeSet<Policy>> = BTreeMap::new();
    for node in nodes.values() {
        for expected in &node.expected {
            by_expected.entry(expected).or_default().extend(node.origins.iter().cloned());
        }
    }
    let mut next = BTreeMap::new();
    for policy in policies.iter().filter(|policy| &***policy != ANY) {
        let origins = match by_expected.get(policy) {
            Some(origins) => {
                origins.iter().map(|origin| if &**origin == ANY { policy } else { origin }).cloned().collect()
            }
            // It begins here, in the anchor's domain, when nothing above it speaks against it.
            None if nodes.contains_key(ANY) => BTreeSet::from([policy.clone()]),
            None => continue,
        };
        next.insert(policy.clone(), Node { expected: [policy.clone()].into(), origins });
    }
    if any_counts && policies.iter().any(|policy| &**policy == ANY) {
        for (expected, origins) in by_expected {
            next.entry(expected.clone()).or_insert_with(|| Node { expected: [expected.clone()].into(), origins });
        }
    }
    next
}

/// RFC 9618 §5.4, RFC 5280 §6.1.4 (b).
fn map(nodes: &mut BTreeMap<Policy, Node>, mappings: &[(Policy, Policy)], allowed: bool) {
    let mut by_issuer: BTreeMap<&Policy, BTreeSet<Policy>> = BTreeMap::new();
    for (from, to) in mappings {
        by_issuer.entry(from).or_default().insert(to.clone());
    }
    for (from, to) in by_issuer {
        if !allowed {
            nodes.remove(from);
        } else if let Some(node) = nodes.get_mut(from) {
            node.expected = to;
        } else if let Some(any) = nodes.get(ANY) {
            let origins =
                any.origins.iter().map(|origin| if &**origin == ANY { from } else { origin }).cloned().collect();
            nodes.insert(from.clone(), Node { expected: to, origins });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(policies: &[&str]) -> BTreeSet<Policy> {
        policies.iter().map(|policy| Policy::from(*policy)).collect()
    }

    #[test]
    fn a_mapped_policy_keeps_its_origin() {
        let any = Node { expected: set(&[ANY]), origins: set(&[ANY]) };
        let start = BTreeMap::from([(Policy::from(ANY), any)]);
        let mut nodes = descend(&start, &["1.1".into()], true);
        map(&mut nodes, &[("1.1".into(), "1.2".into())], true);
        let nodes = descend(&nodes, &["1.2".into()], true);
        assert_eq!(nodes["1.2"].origins, set(&["1.1"]));
        assert!(descend(&nodes, &["1.1".into()], true).is_empty(), "only what is expected goes on");
    }
}
