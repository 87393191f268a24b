//! `cname-loop`: an alias whose target was seen before.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "cname-loop",
    severity: Severity::Critical,
    title: "the CNAME chain leads back to itself",
    explanation: "An alias points, directly or over others, to a name that was already passed. Resolvers give up; \
                  clients see a resolution failure.",
    advice: "Change one of the aliases in the loop to point to the real endpoint.",
    citations: &["RFC 1034 §3.6.2", "RFC 1034 §5.2.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::when_dns(
        context,
        |dns| dns.status == DnsStatus::Loop,
        |found| {
            let dns = &context.evidence.resolution;
            // From the name that is met twice on; what leads there is right.
            let start = dns.cname_chain.iter().position(|alias| Some(&alias.owner) == dns.final_name.as_ref());
            let members: Vec<&str> =
                dns.cname_chain.iter().skip(start.unwrap_or(0)).map(|alias| alias.owner.as_str()).collect();
            let domain = |name: &&str| support::registered(name).to_owned();
            let inside = members.iter().all(|name| domain(name) == domain(&members[0]));
            found.fact("loop", members.clone()).fact("within_one_domain", inside).remedy(
                "point one of the aliases in the loop to the real endpoint",
                None,
                true,
            )
        },
    )
}
