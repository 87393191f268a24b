//! `cname-not-expected`: asked for with `--expect-cname`.

use super::{Check, Context, Outcome, Rule, support};
use crate::model::finding::Severity;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "cname-not-expected",
    severity: Severity::High,
    title: "the name does not lead to the expected endpoint",
    explanation: "The CNAME chain does not pass through the name given with --expect-cname (the gateway's public \
                  endpoint). Clients reach some other server, so a certificate deployed to the gateway is never seen.",
    advice: "Set the CNAME record to the expected name; the old one lives on in caches for its TTL.",
    citations: &["RFC 1034 §3.6.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let Some(expected) = &context.settings.expect_cname else { return Outcome::NotApplicable };
    let dns = &context.evidence.resolution;
    match dns.status {
        DnsStatus::NotAsked => return Outcome::Undetermined("the address was given, no DNS was asked"),
        DnsStatus::Timeout
        | DnsStatus::Unreachable
        | DnsStatus::Malformed
        | DnsStatus::Servfail
        | DnsStatus::Refused
            if dns.cname_chain.is_empty() =>
        {
            return Outcome::Undetermined("the name could not be resolved");
        }
        _ => {}
    }
    if dns.cname_chain.iter().any(|alias| alias.target.eq_ignore_ascii_case(expected.as_str())) {
        return Outcome::Clear;
    }
    let summary = match dns.cname_chain.first() {
        Some(alias) => format!("change the CNAME of {} from {} to {expected}", alias.owner, alias.target),
        None => format!("give {} a CNAME to {expected}", context.target.host),
    };
    Outcome::Found(vec![support::dns_finding(context).fact("expected", expected.as_str()).remedy(summary, None, true)])
}
