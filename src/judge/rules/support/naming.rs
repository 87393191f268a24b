//! Names, name servers, and who may issue for a name.

use super::{end_entity, per_chain, public_anchor};
use crate::judge::caa;
use crate::judge::public_roots;
use crate::judge::rules::{Context, Found, Outcome};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::naming::{CaaSet, NameFaultKind, NameServer, NameServerStatus, View};
use crate::model::resolution::{DnsStatus, Resolution};
use crate::model::target::ReferenceId;
use crate::x509::Certificate;

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
