//! `name-servers-differ`: the zone is not the same everywhere.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::naming::{NameAnswer, NameServer, NameServerStatus};

pub const RULE: Rule = Rule {
    code: "name-servers-differ",
    severity: Severity::Medium,
    title: "the name servers of the zone do not say the same",
    explanation: "A secondary has not copied the last change yet, or cannot: its serial number is older. Until it has, every \
                  resolver may get the old or the new answer, and keeps it for the TTL. Different serial numbers alone, with the \
                  same answers, are a hint only: large providers number their servers separately.",
    advice: "Wait for the zone's refresh interval; if the older serial stays, repair the transfer to that server.",
    citations: &["RFC 1034 §4.3.5", "RFC 1996", "RFC 1912 §2.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let Some(propagation) = &context.evidence.resolution.propagation else { return Outcome::NotApplicable };
    let mut found = Vec::new();
    for zone in &propagation.zones {
        let servers: Vec<&NameServer> =
            zone.servers.iter().filter(|server| server.status == NameServerStatus::Answers).collect();
        let Some(first) = servers.first() else { continue };
        let differs = |name: &&String| servers.iter().any(|server| !agree(first, server, name));
        let differing: Vec<&String> = zone.names.iter().filter(differs).collect();
        if differing.is_empty() && servers.iter().all(|server| server.serial == first.serial) {
            continue;
        }
        let tell = |server: &&NameServer| {
            let answers =
                differing.iter().filter_map(|name| server.answers.iter().find(|answer| answer.name == **name));
            let answers: Vec<String> = answers.map(words).collect();
            let serial = server.serial.map_or_else(String::new, |serial| format!(" serial {serial}"));
            let address = server.address.as_deref().unwrap_or_default();
            format!(
                "{} ({address}){serial}{}{}",
                server.name,
                if answers.is_empty() { "" } else { ": " },
                answers.join("; ")
            )
        };
        let oldest = servers.iter().filter_map(|server| server.serial).min();
        let remedy = "repair the zone transfer to the servers with the older serial number, or wait for it";
        let one = Found::new(SubjectKind::Dns, zone.zone.clone())
            .fact("names", differing.iter().map(|name| name.to_string()).collect::<Vec<_>>())
            .fact("servers", servers.iter().map(tell).collect::<Vec<_>>())
            .fact("oldest_serial", oldest)
            .remedy(remedy, None, true);
        found.push(if differing.is_empty() { one.severity(Severity::Info) } else { one });
    }
    Outcome::of(found)
}

/// Do two servers say the same of a name? Load balancers and CDNs give other addresses to every question: sets of addresses
/// count as different only where the zone is (its serial), and they have nothing in common.
fn agree(one: &NameServer, other: &NameServer, name: &str) -> bool {
    let answer = |server: &NameServer| server.answers.iter().find(|answer| answer.name == name).cloned();
    // One that did not answer this question says nothing else.
    let (Some(mut first), Some(mut second)) = (answer(one), answer(other)) else { return true };
    first.targets.sort();
    second.targets.sort();
    let overlap = first.addresses.is_empty() == second.addresses.is_empty()
        && (first.addresses.is_empty() || first.addresses.iter().any(|ip| second.addresses.contains(ip)));
    let balanced = !first.addresses.is_empty() && !second.addresses.is_empty() && one.serial == other.serial;
    first.targets == second.targets && (overlap || balanced)
}

pub fn words(answer: &NameAnswer) -> String {
    let ips = answer.addresses.iter().map(ToString::to_string);
    let targets = answer.targets.iter().map(|target| format!("CNAME {target}"));
    let said: Vec<String> = targets.chain(ips).collect();
    match said.is_empty() {
        true => format!("{} does not exist or has no address", answer.name),
        false => format!("{} {}", answer.name, said.join(", ")),
    }
}
