//! What rules say often, said once.

use super::{Context, Found, Outcome};
use crate::judge::Deployment;
use crate::judge::anchors::AnchorKind;
use crate::judge::pool::CertId;
use crate::judge::public_roots;
use crate::judge::search::BuiltPath;
use crate::judge::standard::{Fault, FaultKind};
use crate::model::finding::SubjectKind;
use crate::model::handshake::{EndpointEvidence, EndpointStatus, Failure, FailureKind};
use crate::model::resolution::{DnsStatus, Resolution};
use crate::model::survey::Survey;
use crate::x509::Certificate;
use crate::x509::identity::{self, Match, NearMiss};

/// A finding about the name, with the chain of aliases as its facts.
pub fn dns_finding(context: &Context<'_>) -> Found {
    let dns = &context.evidence.resolution;
    let chain: Vec<String> =
        dns.cname_chain.iter().map(|alias| format!("{} → {}", alias.owner, alias.target)).collect();
    let asked = dns.final_name.clone().unwrap_or_else(|| context.target.host.to_string());
    Found::new(SubjectKind::Dns, asked)
        .fact("cname_chain", chain)
        .fact("resolver", dns.resolver.clone())
        .fact("detail", dns.detail.clone())
}

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

/// Runs `check` on what each address supports; addresses of which it finds the same share a finding.
pub fn per_survey(context: &Context<'_>, check: impl Fn(&EndpointEvidence, &Survey) -> Option<Found>) -> Outcome {
    if context.survey_of_any().is_none() {
        return Outcome::NotApplicable;
    }
    let mut all: Vec<(Found, Vec<String>)> = Vec::new();
    for endpoint in &context.evidence.endpoints {
        let Some(found) = endpoint.survey.as_ref().and_then(|evidence| check(endpoint, &evidence.survey)) else {
            continue;
        };
        let address = endpoint.address.to_string();
        let alike =
            |(other, _): &&mut (Found, Vec<String>)| other.facts == found.facts && other.severity == found.severity;
        match all.iter_mut().find(alike) {
            Some((_, addresses)) => addresses.push(address),
            None => all.push((found, vec![address])),
        }
    }
    Outcome::of(all.into_iter().map(|(found, addresses)| found.fact("addresses", addresses)).collect())
}

/// Runs `check` for every deployment that served anything; a finding is bound to its deployment.
pub fn per_deployment(context: &Context<'_>, check: impl Fn(usize, &Deployment) -> Option<Found>) -> Outcome {
    let deployments: Vec<_> = context
        .judgement
        .deployments
        .iter()
        .enumerate()
        .filter(|(_, deployment)| !deployment.served_list.is_empty())
        .collect();
    if deployments.is_empty() {
        return Outcome::NotApplicable;
    }
    Outcome::of(
        deployments
            .into_iter()
            .filter_map(|(index, deployment)| Some(check(index, deployment)?.in_deployment(index)))
            .collect(),
    )
}

/// The same, for those of which at least one certificate can be read.
pub fn per_chain(context: &Context<'_>, check: impl Fn(usize, &Deployment) -> Option<Found>) -> Outcome {
    if context.chains().next().is_none() {
        return Outcome::NotApplicable;
    }
    per_deployment(
        context,
        |index, deployment| if deployment.served.is_empty() { None } else { check(index, deployment) },
    )
}

/// The end entity, when it can be read.
pub fn end_entity(deployment: &Deployment) -> Option<CertId> {
    if deployment.unparsable.contains(&0) { None } else { deployment.served.first().copied() }
}

/// The path to talk about: the best over what was served where that reaches an anchor, else the best over all that is
/// known.
pub fn judged_path(deployment: &Deployment) -> Option<&BuiltPath> {
    let served = deployment.as_served.best().filter(|path| path.anchored);
    served.or_else(|| deployment.with_fetched.best())
}

/// The trust anchor at the end of the path to talk about, when it is one of the store, not one that the user added.
pub fn public_anchor<'a>(context: &Context<'a>, deployment: &Deployment) -> Option<&'a Certificate> {
    let path = judged_path(deployment).filter(|path| path.anchored)?;
    let pool = &context.judgement.pool;
    let anchor = path.certificates.last().filter(|&&id| pool.origin(id).anchor == Some(AnchorKind::Public))?;
    Some(pool.get(*anchor))
}

/// A check of an end entity that a public CA issued: its chain leads to a root that is or was public, whether the store is
/// the client's own or the user's.
pub fn on_public_end_entity(context: &Context<'_>, check: impl Fn(Found, &Certificate) -> Option<Found>) -> Outcome {
    per_chain(context, |_, deployment| {
        let id = end_entity(deployment)?;
        public_anchor(context, deployment).filter(|root| public_roots::contains(root))?;
        let certificate = context.judgement.pool.get(id);
        let found = Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
            .fact("subject", certificate.subject.to_string())
            .fact("issued_at", certificate.not_before.to_string());
        check(found, certificate)
    })
}

/// The end of the best path, where even what was fetched leads to no anchor.
pub fn unanchored(
    context: &Context<'_>,
    is: impl Fn(&FaultKind) -> bool,
    tell: impl Fn(Found, &Certificate) -> Option<Found>,
) -> Outcome {
    per_chain(context, |_, deployment| {
        let path = deployment.with_fetched.best().filter(|path| !path.anchored)?;
        let fault = path.faults.iter().find(|fault| is(&fault.kind))?;
        let certificate = context.judgement.pool.get(path.certificates[fault.position]);
        let found = Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
            .fact("certificate", certificate.subject.to_string());
        tell(found, certificate)
    })
}

/// The faults of a kind on the path to talk about, one finding a deployment.
pub fn on_path(
    context: &Context<'_>,
    is: impl Fn(&FaultKind) -> bool,
    tell: impl Fn(Found, CertId) -> Found,
) -> Outcome {
    per_chain(context, |_, deployment| {
        let path = judged_path(deployment)?;
        let faults: Vec<&Fault> = path.faults.iter().filter(|fault| is(&fault.kind)).collect();
        let first = path.certificates[faults.first()?.position];
        let words: Vec<String> = faults
            .iter()
            .map(|fault| {
                format!(
                    "{}: {}",
                    context.judgement.pool.get(path.certificates[fault.position]).subject.short(),
                    fault.kind
                )
            })
            .collect();
        let found = Found::new(SubjectKind::Certificate, context.fingerprint(first)).fact("faults", words);
        Some(tell(found, first))
    })
}

/// A fault of a kind at an issuer on the path to talk about.
pub fn on_issuer(
    context: &Context<'_>,
    is: impl Fn(&FaultKind) -> bool,
    tell: impl Fn(Found, CertId) -> Option<Found>,
) -> Outcome {
    per_chain(context, |_, deployment| {
        let path = judged_path(deployment)?;
        path.faults.iter().filter(|fault| fault.position > 0 && is(&fault.kind)).find_map(|fault| {
            let id = path.certificates[fault.position];
            let certificate = context.judgement.pool.get(id);
            let found = Found::new(SubjectKind::Certificate, context.fingerprint(id))
                .fact("subject", certificate.subject.to_string())
                .fact("not_before", certificate.not_before.to_string())
                .fact("not_after", certificate.not_after.to_string());
            tell(found, id)
        })
    })
}

/// A check of the end entity alone.
pub fn on_end_entity(context: &Context<'_>, check: impl Fn(Found, &Certificate) -> Option<Found>) -> Outcome {
    per_chain(context, |_, deployment| {
        let id = end_entity(deployment)?;
        let certificate = context.judgement.pool.get(id);
        let found = Found::new(SubjectKind::Certificate, context.fingerprint(id))
            .fact("subject", certificate.subject.to_string());
        check(found, certificate)
    })
}

/// The end entity's names against the reference identifier: `tell` gives the nearest miss and the remedy in words.
pub fn on_name(context: &Context<'_>, tell: impl Fn(&NearMiss) -> Option<(String, String)>) -> Outcome {
    /// Names listed: certificates of CDNs hold hundreds.
    const MAX_NAMES: usize = 10;
    on_end_entity(context, |found, certificate| {
        let Match::Mismatch(near_miss) = identity::compare(certificate, &context.evidence.reference) else {
            return None;
        };
        let (nearest, remedy) = tell(&near_miss)?;
        let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
        let presented: Vec<String> = names.clone().take(MAX_NAMES).map(ToString::to_string).collect();
        Some(
            found
                .fact("reference", context.evidence.reference.to_string())
                .fact("presented", presented)
                .fact("presented_count", names.count())
                .fact("nearest", nearest)
                .remedy(remedy, None, true),
        )
    })
}

/// Another certificate is known for the same name and key, from another issuer: `id` is a cross-certificate (RFC 4949).
pub fn certified_elsewhere(context: &Context<'_>, id: CertId) -> bool {
    let pool = &context.judgement.pool;
    let certificate = pool.get(id);
    pool.named(certificate.subject.normalised()).iter().any(|&other| {
        let other = pool.get(other);
        other.spki() == certificate.spki() && other.issuer.normalised() != certificate.issuer.normalised()
    })
}

/// A finding about the name, when it was asked for and the answer `is` so.
pub fn when_dns(context: &Context<'_>, is: impl Fn(&Resolution) -> bool, tell: impl Fn(Found) -> Found) -> Outcome {
    let dns = &context.evidence.resolution;
    match dns.status {
        DnsStatus::NotAsked => Outcome::NotApplicable,
        _ if is(dns) => Outcome::Found(vec![tell(dns_finding(context))]),
        _ => Outcome::Clear,
    }
}
