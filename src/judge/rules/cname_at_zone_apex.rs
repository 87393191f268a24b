//! `cname-at-zone-apex`: the top of a zone is an alias.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::naming::NameFaultKind;

pub const RULE: Rule = Rule {
    code: "cname-at-zone-apex",
    severity: Severity::High,
    title: "the top of a zone is a CNAME",
    explanation: "A zone must have SOA and NS records at its top, and a CNAME allows no other record beside it: resolvers then \
                  follow the alias for everything. Mail (MX), name servers (NS), CAA and validation records of the domain vanish \
                  for whoever has the alias in its cache; which ones answer depends on the order of questions.",
    advice: "Use address records at the top of the zone, or the provider's ALIAS or flattening feature, which answers with \
             addresses; keep CNAMEs for names below.",
    citations: &["RFC 1034 §3.6.2", "RFC 1912 §2.4", "RFC 2181 §10.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let dns = &context.evidence.resolution;
    let mut found = support::name_faults(context, NameFaultKind::CnameAtApex, REMEDY);
    // What is registered under a public suffix is delegated, and so the top of a zone, whether or not somebody asked.
    let registered = dns.cname_chain.iter().find(|alias| {
        psl::domain(alias.owner.as_bytes()).is_some_and(|domain| {
            domain.suffix().typ() == Some(psl::Type::Icann) && domain.as_bytes() == alias.owner.as_bytes()
        })
    });
    if let Some(alias) = registered
        && !found.iter().any(|known| known.subject.reference == alias.owner)
    {
        found.push(
            Found::new(SubjectKind::Dns, alias.owner.clone())
                .fact("target", alias.target.as_str())
                .remedy(REMEDY, None, true),
        );
    }
    Outcome::of(found)
}

const REMEDY: &str = "replace the CNAME by address records, or by the DNS provider's ALIAS (flattening) feature";
