//! `resolver-has-old-answer`: a resolver that the last change has not reached.

use std::net::IpAddr;

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::naming::{NameAnswer, NameServerStatus, Propagation, View};
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "resolver-has-old-answer",
    severity: Severity::Medium,
    title: "a resolver still has an answer that the zone no longer gives",
    explanation: "The zone's own name servers were asked directly and say something else. The resolver keeps what it has until \
                  its TTL runs out, and its clients with it; that a name does not exist is kept too (negative caching). Nothing \
                  in the zone can shorten that any more.",
    advice: "Wait until the time that is named; before the next change lower the TTL a day ahead.",
    citations: &["RFC 1034 §3.6", "RFC 2308 §5", "RFC 1912 §2.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let dns = &context.evidence.resolution;
    let Some(propagation) = &dns.propagation else { return Outcome::NotApplicable };
    let mut stale: Vec<Stale> = Vec::new();
    for view in dns.views.iter().filter(|view| view.says_something()) {
        stale.extend(old(view, propagation, &context.target.host.to_string()));
    }
    let Some(first) = stale.first() else { return Outcome::Clear };
    let longest = stale.iter().filter_map(|stale| stale.ttl).max();
    let tell = |stale: &Stale| match stale.ttl {
        Some(ttl) => {
            let until = propagation.asked_at.plus(i64::from(ttl));
            format!("{} says {}, until {until} at the latest ({ttl} s)", stale.resolver, stale.says)
        }
        None => format!("{} says {}", stale.resolver, stale.says),
    };
    let found = Found::new(SubjectKind::Dns, first.name.clone())
        .fact("old", stale.iter().map(tell).collect::<Vec<_>>())
        .fact("now", first.now.as_str())
        .fact("until", longest.map(|ttl| propagation.asked_at.plus(i64::from(ttl)).to_string()))
        .remedy(
            match longest {
                Some(ttl) => format!("wait {ttl} s, then probe again"),
                None => "probe again later".to_owned(),
            },
            None,
            true,
        );
    let certain = stale.iter().any(|stale| !stale.elsewhere);
    Outcome::Found(vec![if certain { found } else { found.severity(Severity::Low) }])
}

struct Stale {
    resolver: String,
    name: String,
    says: String,
    now: String,
    ttl: Option<u32>,
    /// It is somebody else's zone that differs, which may answer by the place of the asker.
    elsewhere: bool,
}

/// The first name of the chain at which a resolver says what no name server of the zone says.
fn old(view: &View, propagation: &Propagation, host: &str) -> Option<Stale> {
    let stale = |name: &str, says: String, answers: &[&NameAnswer], ttl| Stale {
        resolver: view.resolver.clone(),
        name: name.to_owned(),
        says,
        now: answers.first().map_or_else(String::new, |answer| super::name_servers_differ::words(answer)),
        ttl,
        elsewhere: support::registered(name) != support::registered(host),
    };
    for alias in &view.cname_chain {
        let answers = said(propagation, &alias.owner);
        if answers.is_empty() {
            return None; // not asked: the rest of the chain cannot be compared
        }
        if !answers.iter().any(|answer| answer.targets.contains(&alias.target)) {
            let says = format!("{} CNAME {}", alias.owner, alias.target);
            return Some(stale(&alias.owner, says, &answers, Some(alias.ttl)));
        }
    }
    let name = view.final_name.as_deref()?;
    let answers = said(propagation, name);
    if answers.is_empty() || answers.iter().any(|answer| answer.status == DnsStatus::Servfail) {
        return None;
    }
    match view.status {
        DnsStatus::Nodata | DnsStatus::Nxdomain => {
            let is_there = answers.iter().all(|answer| answer.status == DnsStatus::Noerror);
            let says = format!("that {name} does not exist or has no address");
            is_there.then(|| stale(name, says, &answers, view.negative_ttl))
        }
        DnsStatus::Noerror => {
            let ips: Vec<IpAddr> = view.addresses.iter().map(|address| address.ip).collect();
            // One that some server gives is enough: servers turn and cut their sets.
            if ips.iter().any(|ip| answers.iter().any(|answer| answer.addresses.contains(ip))) {
                return None;
            }
            let words: Vec<String> = ips.iter().map(ToString::to_string).collect();
            let ttl = view.addresses.iter().filter_map(|address| address.ttl).max();
            Some(stale(name, format!("{name} {}", words.join(", ")), &answers, ttl))
        }
        _ => None,
    }
}

/// What the name servers with authority say of a name.
fn said<'a>(propagation: &'a Propagation, name: &str) -> Vec<&'a NameAnswer> {
    let servers = propagation.zones.iter().flat_map(|zone| &zone.servers);
    let holding = servers.filter(|server| server.status == NameServerStatus::Answers);
    holding.flat_map(|server| &server.answers).filter(|answer| answer.name == name).collect()
}
