//! Handshakes and connections that fail.

use std::net::IpAddr;

use serde_json::Value;

use crate::judge::rules::{Context, Found, Outcome};
use crate::model::finding::SubjectKind;
use crate::model::handshake::{EndpointEvidence, EndpointStatus, Failure, FailureKind};
use crate::model::starttls::StartTls;
use crate::model::target::ReferenceId;

/// One finding for all endpoints that fail in this way, when no address gives a chain. Where some do,
/// `some-addresses-fail` tells which and why.
pub fn when_all_fail(context: &Context<'_>, is: impl Fn(&Failure) -> bool, remedy: &str) -> Outcome {
    if context.evidence.endpoints.iter().any(|endpoint| !endpoint.served_chain.is_empty()) {
        return Outcome::Clear;
    }
    failing(context, is, remedy)
}

/// One finding for all endpoints that have nothing in common with us in this way. Those whose chain a wider ClientHello
/// brought count whatever the others do, and the finding says what they speak.
pub fn without_overlap(context: &Context<'_>, kind: FailureKind, remedy: &str) -> Outcome {
    let is = |failure: &Failure| failure.kind == kind;
    let answered = context
        .evidence
        .endpoints
        .iter()
        .find(|endpoint| endpoint.failure.as_ref().is_some_and(is) && !endpoint.served_chain.is_empty());
    let Some(endpoint) = answered else { return when_all_fail(context, is, remedy) };
    let Outcome::Found(mut found) = failing(context, is, remedy) else { return Outcome::Clear };
    if let (Some(found), Some(tls)) = (found.first_mut(), &endpoint.tls) {
        let spoken =
            [tls.version.as_ref(), tls.cipher_suite.as_ref(), tls.group.as_ref(), tls.signature_scheme.as_ref()];
        let mut spoken: Vec<String> = spoken.into_iter().flatten().cloned().collect();
        spoken.extend(tls.dh_bits.map(|bits| format!("{bits}-bit Diffie-Hellman group")));
        found.facts.insert("server_chose".to_owned(), spoken.into());
    }
    Outcome::Found(found)
}

/// One finding for all endpoints that fail in this way.
pub fn failing(context: &Context<'_>, is: impl Fn(&Failure) -> bool, remedy: &str) -> Outcome {
    let tried = || context.evidence.endpoints.iter().filter(|endpoint| endpoint.status != EndpointStatus::NotTried);
    if tried().next().is_none() {
        return Outcome::NotApplicable;
    }
    let failing: Vec<_> = tried()
        .filter_map(|endpoint| Some((endpoint, endpoint.failure.as_ref().filter(|failure| is(failure))?)))
        .collect();
    let Some((first, failure)) = failing.first() else { return Outcome::Clear };
    let mut found = Found::new(SubjectKind::Endpoint, first.address.to_string())
        .fact("addresses", failing.iter().map(|(endpoint, _)| endpoint.address.to_string()).collect::<Vec<_>>())
        .fact("message", failure.message.as_str())
        .remedy(remedy, None, true);
    for (name, value) in [("alert", &failure.alert), ("protocol", &failure.protocol)] {
        if let Some(value) = value {
            found = found.fact(name, value.as_str());
        }
    }
    found.deployment = context.deployment_of(first.address);
    Outcome::Found(vec![found])
}

/// The same finding, with the command that leads on.
pub fn with_command(outcome: Outcome, command: &str) -> Outcome {
    let Outcome::Found(mut found) = outcome else { return outcome };
    for remedy in found.iter_mut().filter_map(|found| found.remedy.as_mut()) {
        remedy.command = Some(command.to_owned());
    }
    Outcome::Found(found)
}

/// The same finding about a port without TLS; where what it speaks, or the port's number, tells of a protocol that turns to
/// TLS when asked, with the command that asks.
pub fn with_starttls(context: &Context<'_>, outcome: Outcome) -> Outcome {
    let Outcome::Found(mut found) = outcome else { return outcome };
    for found in &mut found {
        let spoken = found.facts.get("protocol").and_then(Value::as_str);
        let protocol = match spoken {
            Some(spoken) => spoken.parse::<StartTls>().ok(),
            None => StartTls::usual_on(context.target.port),
        };
        let Some(protocol) = protocol.filter(|protocol| context.target.starttls != Some(*protocol)) else { continue };
        if let Some(remedy) = &mut found.remedy {
            remedy.summary = match spoken {
                Some(_) => format!("{protocol} turns to TLS when asked: probe it with --starttls {protocol}"),
                None => format!(
                    "on this port {} is usual, which turns to TLS when asked: try --starttls {protocol}; else {}",
                    protocol.name(),
                    remedy.summary
                ),
            };
            remedy.command = Some(probe_command(context, Some(protocol)));
        }
    }
    Outcome::Found(found)
}

/// The command that probes the same place and changes first to TLS by `protocol`, where given.
pub fn probe_command(context: &Context<'_>, protocol: Option<StartTls>) -> String {
    let host = match &context.target.host {
        ReferenceId::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
        host => host.to_string(),
    };
    let scheme = protocol.map(|protocol| format!("{protocol}://")).unwrap_or_default();
    format!("tlsmend probe {scheme}{host}:{}{}", context.target.port, context.options)
}

/// The endpoints of one address family when all of them fail while all of the other serve a chain: the failing, the
/// working.
pub fn failing_family<'a>(context: &Context<'a>) -> Option<(Vec<&'a EndpointEvidence>, Vec<&'a EndpointEvidence>)> {
    let tried = context.evidence.endpoints.iter().filter(|endpoint| endpoint.status != EndpointStatus::NotTried);
    let (v6, v4): (Vec<_>, Vec<_>) = tried.partition(|endpoint| endpoint.address.is_ipv6());
    let serves = |endpoint: &&EndpointEvidence| !endpoint.served_chain.is_empty();
    let splits = |failing: &[&EndpointEvidence], working: &[&EndpointEvidence]| {
        !failing.is_empty() && !working.is_empty() && !failing.iter().any(serves) && working.iter().all(serves)
    };
    if splits(&v6, &v4) {
        return Some((v6, v4));
    }
    splits(&v4, &v6).then_some((v4, v6))
}
