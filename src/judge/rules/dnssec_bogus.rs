//! `dnssec-bogus`: validating resolvers refuse the answer.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::naming::{DnssecFault, DnssecStatus};
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "dnssec-bogus",
    severity: Severity::Critical,
    title: "the signatures of the zone do not hold (DNSSEC)",
    explanation: "Resolvers that validate answer SERVFAIL, as if the name did not work at all; those that do not validate see \
                  nothing wrong. So the site works for some and is gone for others. Usual causes: signatures that nobody renewed, \
                  or a DS record at the registrar that still names the keys of a former DNS provider.",
    advice: "Sign the zone again, or correct the DS records at the registrar; when in doubt remove the DS records first, which \
             makes the zone unsigned.",
    citations: &["RFC 4035 §5", "RFC 8914", "RFC 6781 §4.4.2.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let dns = &context.evidence.resolution;
    let Some(dnssec) = &dns.dnssec else { return Outcome::NotApplicable };
    if dnssec.status != DnssecStatus::Bogus {
        return Outcome::Clear;
    }
    let zone = dnssec.zone.clone().or(dns.final_name.clone()).unwrap_or_default();
    let remedy = match dnssec.fault {
        Some(DnssecFault::SignatureExpired) => "sign the zone again, and find out why that does not happen by itself",
        Some(DnssecFault::SignatureNotYetValid) => "check the clock of the machine that signs the zone",
        Some(DnssecFault::SignatureMissing) => {
            "let every name server serve the signed zone, or remove the DS records at the registrar"
        }
        Some(DnssecFault::DsMismatch | DnssecFault::KeysMissing) => {
            "correct the DS records at the registrar, or remove them: they name keys that the zone does not have"
        }
        Some(DnssecFault::SignatureWrong) => "sign the zone again with the keys that it publishes",
        None => "look at the zone's signatures, keys and DS records",
    };
    let found = Found::new(SubjectKind::Dns, zone)
        .fact("reason", dnssec.reason.clone())
        .fact("resolver_says", dnssec.extended_error.clone())
        .fact("resolver", dns.resolver.clone())
        .remedy(remedy, None, true);
    // This resolver does not validate: here the name works.
    Outcome::Found(vec![if dns.status == DnsStatus::Servfail { found } else { found.severity(Severity::High) }])
}
