//! What rules say often, said once.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::{Context, Found, Outcome};
use crate::judge::Deployment;
use crate::judge::anchors::AnchorKind;
use crate::judge::caa;
pub use crate::judge::judgement::{end_entity, judged_path};
use crate::judge::pool::CertId;
use crate::judge::public_roots;
use crate::judge::standard::{Fault, FaultKind};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::handshake::{EndpointEvidence, EndpointStatus, Failure, FailureKind};
use crate::model::naming::{CaaSet, NameFaultKind, NameServer, NameServerStatus, View};
use crate::model::resolution::{DnsStatus, Resolution};
use crate::model::revocation::{CertificateRevocation, RevocationAnswer, RevocationSource};
use crate::model::starttls::StartTls;
use crate::model::survey::Survey;
use crate::model::target::ReferenceId;
use crate::x509::Certificate;
use crate::x509::dn::printable;
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

/// The command that probes the same place and changes first to TLS by `protocol`, where given.
pub fn probe_command(context: &Context<'_>, protocol: Option<StartTls>) -> String {
    let host = match &context.target.host {
        ReferenceId::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
        host => host.to_string(),
    };
    let scheme = protocol.map(|protocol| format!("{protocol}://")).unwrap_or_default();
    format!("tlsmend probe {scheme}{host}:{}{}", context.target.port, context.options)
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

/// The trust anchor at the end of the path to talk about, when it is one of the store, not one that the user added.
pub fn public_anchor<'a>(context: &Context<'a>, deployment: &Deployment) -> Option<&'a Certificate> {
    let path = judged_path(deployment).filter(|path| path.anchored)?;
    let pool = &context.judgement.pool;
    let anchor = path.certificates.last().filter(|&&id| pool.origin(id).anchor == Some(AnchorKind::Public))?;
    Some(pool.get(*anchor))
}

/// What is known of the revocation of each certificate of the path to talk about, with its position there; a finding is
/// bound to its deployment.
pub fn on_revocation(
    context: &Context<'_>,
    mut tell: impl FnMut(usize, &CertificateRevocation, Found) -> Option<Found>,
) -> Outcome {
    let deployments = context.judgement.deployments.iter().enumerate();
    let mut known = deployments.filter(|(_, deployment)| !deployment.revocation.is_empty()).peekable();
    if known.peek().is_none() {
        return Outcome::NotApplicable;
    }
    let mut found = Vec::new();
    for (index, deployment) in known {
        let Some(path) = judged_path(deployment) else { continue };
        for (position, (revocation, &id)) in deployment.revocation.iter().zip(&path.certificates).enumerate() {
            let about = Found::new(SubjectKind::Certificate, revocation.certificate.clone())
                .fact("certificate", context.judgement.pool.get(id).subject.to_string());
            found.extend(tell(position, revocation, about).map(|found| found.in_deployment(index)));
        }
    }
    Outcome::of(found)
}

/// One finding for each certificate of which an answer `is` so: the first that is.
pub fn on_revocation_answer(context: &Context<'_>, is: impl Fn(&RevocationAnswer) -> bool, remedy: &str) -> Outcome {
    on_revocation(context, |_, revocation, found| {
        let answer = answers(revocation).find(|answer| is(answer))?;
        Some(answered(found, answer).remedy(remedy, None, true))
    })
}

/// All that was said of a certificate, what decides first.
pub fn answers(revocation: &CertificateRevocation) -> impl Iterator<Item = &RevocationAnswer> {
    std::iter::once(&revocation.answer).chain(&revocation.other_answers)
}

/// With the facts of an answer.
pub fn answered(mut found: Found, answer: &RevocationAnswer) -> Found {
    let source = answer.source.map(|source| match source {
        RevocationSource::Staple => "stapled OCSP response",
        RevocationSource::Crl => "CRL",
        RevocationSource::Ocsp => "OCSP responder",
    });
    let texts = [
        ("source", source.map(str::to_owned)),
        ("url", answer.url.as_deref().map(printable)),
        ("why", answer.why.clone()),
        ("revoked_at", answer.revoked_at.map(|time| time.to_string())),
        ("reason", answer.reason.map(|reason| reason.to_string())),
        ("this_update", answer.this_update.map(|time| time.to_string())),
        ("next_update", answer.next_update.map(|time| time.to_string())),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            found = found.fact(name, text);
        }
    }
    found
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

/// The faults of a kind that a name server or resolver showed, one finding a name.
pub fn name_faults(context: &Context<'_>, kind: NameFaultKind, remedy: &str) -> Vec<Found> {
    let faults = context.evidence.resolution.faults.iter().filter(|fault| fault.kind == kind);
    faults
        .map(|fault| {
            Found::new(SubjectKind::Dns, fault.owner.clone())
                .fact("beside", fault.beside.clone())
                .fact("shown_by", fault.server.as_str())
                .remedy(remedy, None, true)
        })
        .collect()
}

/// One finding a zone for its name servers whose status `is` so; graver when no other is left.
pub fn failing_name_servers(context: &Context<'_>, is: impl Fn(NameServerStatus) -> bool, remedy: &str) -> Outcome {
    let Some(propagation) = &context.evidence.resolution.propagation else { return Outcome::NotApplicable };
    let mut found = Vec::new();
    for zone in &propagation.zones {
        let tell = |server: &NameServer| {
            let address = server.address.as_ref().map_or_else(String::new, |address| format!(" ({address})"));
            let detail = server.detail.as_deref().unwrap_or("no reason known");
            format!("{}{address}: {detail}", server.name)
        };
        let failing: Vec<String> = zone.servers.iter().filter(|server| is(server.status)).map(tell).collect();
        if failing.is_empty() {
            continue;
        }
        let answering = zone.servers.iter().filter(|server| server.status == NameServerStatus::Answers).count();
        let one = Found::new(SubjectKind::Dns, zone.zone.clone())
            .fact("name_servers", failing)
            .fact("answering", answering)
            .remedy(remedy, None, true);
        found.push(if answering == 0 { one.severity(Severity::High) } else { one });
    }
    Outcome::of(found)
}

/// What a resolver says, in words.
pub fn view(view: &View) -> String {
    let chain =
        view.cname_chain.iter().map(|alias| format!("{} CNAME {} (TTL {})", alias.owner, alias.target, alias.ttl));
    let end = match view.status {
        DnsStatus::Noerror => {
            let mut ips: Vec<String> = view.addresses.iter().map(|address| address.ip.to_string()).collect();
            ips.sort();
            let ttl = view.addresses.iter().filter_map(|address| address.ttl).max();
            format!("{}{}", ips.join(", "), ttl.map_or_else(String::new, |ttl| format!(" (TTL {ttl})")))
        }
        DnsStatus::Nodata => "no address".to_owned(),
        DnsStatus::Nxdomain => "the name does not exist".to_owned(),
        _ => view.detail.clone().unwrap_or_else(|| "no answer".to_owned()),
    };
    format!("{}: {}", view.resolver, chain.chain([end]).collect::<Vec<_>>().join("; "))
}

/// Seconds until all of what a resolver says has expired there.
pub fn kept_for(view: &View) -> Option<u32> {
    let aliases = view.cname_chain.iter().map(|alias| Some(alias.ttl));
    let addresses = view.addresses.iter().map(|address| address.ttl);
    aliases.chain(addresses).chain([view.negative_ttl]).flatten().max()
}

/// The domain that was registered, where `name` lies under a public suffix; else all of it.
pub fn registered(name: &str) -> &str {
    psl::domain_str(name).unwrap_or(name)
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

/// A check of what the next certificate will meet: `tell` gets the certificate, its issuer's organization and domains, the CAA
/// sets and the name. Only for issuers that look at CAA, which a private CA does not.
pub fn on_caa(
    context: &Context<'_>,
    tell: impl Fn(&Certificate, String, Option<&[&str]>, &[CaaSet], &str) -> Option<Found>,
) -> Outcome {
    let Some(sets) = &context.evidence.resolution.caa_sets else { return Outcome::NotApplicable };
    let ReferenceId::Dns(name) = &context.evidence.reference else { return Outcome::NotApplicable };
    // The records are those of the name that was resolved.
    if context.evidence.reference != context.target.host {
        return Outcome::NotApplicable;
    }
    per_chain(context, |_, deployment| {
        let certificate = context.judgement.pool.get(end_entity(deployment)?);
        let (organization, domains) = caa::issuer(certificate)?;
        if domains.is_none() && !public_anchor(context, deployment).is_some_and(public_roots::contains) {
            return None;
        }
        tell(certificate, organization, domains.as_deref(), sets, name.as_str())
    })
}

/// For people: the subject of the end entity.
pub fn served_for(context: &Context<'_>, deployment: &Deployment) -> String {
    deployment.served.first().map_or("?".to_owned(), |&id| context.judgement.pool.get(id).subject.short())
}

/// The addresses with which several handshakes were made, each with its entries in `Evidence::endpoints`.
pub fn sampled(context: &Context<'_>) -> Vec<(SocketAddr, Vec<usize>)> {
    let mut addresses: Vec<(SocketAddr, Vec<usize>)> = Vec::new();
    for (index, endpoint) in context.evidence.endpoints.iter().enumerate() {
        if endpoint.samples.is_none() {
            continue;
        }
        match addresses.iter_mut().find(|(address, _)| *address == endpoint.address) {
            Some((_, entries)) => entries.push(index),
            None => addresses.push((endpoint.address, vec![index])),
        }
    }
    addresses
}

/// The address, with how often it answered so where it does not always.
pub fn label(endpoint: &EndpointEvidence) -> String {
    match endpoint.samples {
        Some(samples) if samples.seen < samples.made => {
            format!("{} ({} of {})", endpoint.address, samples.seen, samples.made)
        }
        _ => endpoint.address.to_string(),
    }
}

/// One finding when the addresses are not all alike in what `of` says of them; those of which it says nothing do not count.
pub fn drift(context: &Context<'_>, of: impl Fn(&EndpointEvidence) -> Option<String>, remedy: &str) -> Outcome {
    let mut groups: Vec<(String, Vec<&EndpointEvidence>)> = Vec::new();
    for endpoint in &context.evidence.endpoints {
        let Some(said) = of(endpoint) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == said) {
            Some((_, members)) => members.push(endpoint),
            None => groups.push((said, vec![endpoint])),
        }
    }
    if groups.iter().map(|(_, members)| members.len()).sum::<usize>() < 2 {
        return Outcome::NotApplicable;
    }
    if groups.len() < 2 {
        return Outcome::Clear;
    }
    let members: Vec<Vec<&EndpointEvidence>> = groups.iter().map(|(_, members)| members.clone()).collect();
    let told = groups.iter().map(|(said, members)| {
        let labels: Vec<String> = members.iter().map(|endpoint| label(endpoint)).collect();
        format!("{}: {said}", labels.join(", "))
    });
    Outcome::Found(vec![
        name_odd(context, &members).fact("groups", told.collect::<Vec<_>>()).remedy(remedy, None, true),
    ])
}

/// A finding about those that are not as most are; about the name, where no group is the largest.
pub fn name_odd(context: &Context<'_>, groups: &[Vec<&EndpointEvidence>]) -> Found {
    let weight = |group: &Vec<&EndpointEvidence>| -> usize {
        group.iter().map(|endpoint| endpoint.samples.map_or(1, |samples| samples.seen)).sum()
    };
    let most = groups.iter().map(weight).max().unwrap_or_default();
    let is_most = |group: &&Vec<&EndpointEvidence>| weight(group) == most;
    if groups.iter().filter(is_most).count() != 1 {
        return Found::new(SubjectKind::Dns, context.target.host.to_string());
    }
    let odd = groups.iter().filter(|group| !is_most(group)).flatten();
    let odd: Vec<String> = odd.map(|endpoint| label(endpoint)).collect();
    let found = match odd.as_slice() {
        [one] => Found::new(SubjectKind::Endpoint, one.split(' ').next().unwrap_or_default()),
        _ => Found::new(SubjectKind::Dns, context.target.host.to_string()),
    };
    found.fact("odd_ones_out", odd)
}
