//! `handshakes-differ`: the same offer, and another choice at some of the addresses.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::handshake::{EndpointEvidence, EndpointStatus};

pub const RULE: Rule = Rule {
    code: "handshakes-differ",
    severity: Severity::Low,
    title: "the addresses do not choose the same version or suite",
    explanation: "Every address was made the same offer, and they chose differently: they run other software or another \
                  configuration. An old node among new ones is where the next client will fail; a version or suite that was \
                  switched off may still be on there.",
    advice: "Bring the odd ones to the configuration of the others.",
    citations: &["RFC 8446 §4.1.3"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::drift(context, handshake, "bring these addresses to the configuration of the others")
}

fn handshake(endpoint: &EndpointEvidence) -> Option<String> {
    let tls = endpoint.tls.as_ref().filter(|_| endpoint.status == EndpointStatus::Completed)?;
    let version = tls.version.as_ref().map(|version| format!("TLS {version}"));
    let alpn = tls.alpn.as_ref().map(|alpn| format!("ALPN {alpn}"));
    let parts = [version, tls.cipher_suite.clone(), tls.group.clone(), alpn];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}
