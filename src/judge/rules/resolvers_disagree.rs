//! `resolvers-disagree`: who is asked decides what is answered.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::naming::View;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "resolvers-disagree",
    severity: Severity::Medium,
    title: "the resolvers do not give the same answer",
    explanation: "After a change each resolver goes on with what it has until the TTL runs out; so some clients reach the old \
                  endpoint and some the new one. An answer that stays different is another matter: an internal view of the zone \
                  (split horizon), a filter, or a provider that answers by the place of the asker, which is no fault.",
    advice: "Wait for the longest TTL, then ask again; `--propagation` asks the zone's own name servers who is right.",
    citations: &["RFC 1034 §3.6", "RFC 2308 §5", "RFC 9499 §6 (split DNS)"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let dns = &context.evidence.resolution;
    if dns.views.len() < 2 {
        return Outcome::NotApplicable;
    }
    if !dns.resolvers_disagree {
        return Outcome::Clear;
    }
    let views: Vec<&View> = dns.views.iter().filter(|view| view.says_something()).collect();
    let until = views.iter().filter_map(|view| support::kept_for(view)).max();
    let found = Found::new(SubjectKind::Dns, context.target.host.to_string())
        .fact("answers", views.iter().map(|view| support::view(view)).collect::<Vec<_>>())
        .fact("seconds_until_the_last_expires", until)
        .remedy(
            match until {
                Some(seconds) => format!("ask again in {seconds} s, when every answer of now has expired"),
                None => "find out which of them is asked where it matters".to_owned(),
            },
            dns.propagation
                .is_none()
                .then(|| format!("tlsmend probe {}{} --propagation", context.target.input, context.options)),
            true,
        );
    // Address sets that overlap, and whatever differs in somebody else's zone only, are what load balancers and CDNs answer.
    let host = context.target.host.to_string();
    let foreign = |name: &str| support::registered(name) != support::registered(&host);
    let own = |view: &View| -> Vec<String> {
        let aliases = view.cname_chain.iter().filter(|alias| !foreign(&alias.owner));
        aliases.map(|alias| alias.target.clone()).collect()
    };
    let first = views[0];
    let balanced = views.iter().all(|view| {
        let shared = view.addresses.iter().any(|one| first.addresses.iter().any(|other| one.ip == other.ip));
        let elsewhere = view.final_name.as_deref().is_some_and(foreign);
        view.status == DnsStatus::Noerror && own(view) == own(first) && (shared || elsewhere)
    });
    Outcome::Found(vec![if balanced { found.severity(Severity::Info) } else { found }])
}
