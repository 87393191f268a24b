//! `caa-forbids-issuer`: the CA of this certificate may not issue the next one.

use std::cell::Cell;

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::caa::{self, Answer, Relevant};
use crate::judge::public_roots;
use crate::model::finding::{Severity, SubjectKind};
use crate::model::target::ReferenceId;
use crate::x509::Certificate;
use crate::x509::general_name::GeneralName;

pub const RULE: Rule = Rule {
    code: "caa-forbids-issuer",
    severity: Severity::Medium,
    title: "CAA records forbid the CA of this certificate to issue another",
    explanation: "Before it issues, a public CA must look for CAA records at the name, then at its parents, and may go on only \
                  if the first set that it finds names it. The certificate in use is not touched, no client looks at CAA; but \
                  the next renewal fails, often unattended.",
    advice: "Add the CA to the CAA records, or renew from one that they name.",
    citations: &["RFC 8659 §3", "RFC 8659 §4.2", "CA/Browser Forum TLS Baseline Requirements §4.2.2.1"],
    explains: &[],
    check: Check::Evidence(check),
};

/// organizationName.
const ORGANIZATION: &str = "2.5.4.10";

fn check(context: &Context<'_>) -> Outcome {
    let Some(sets) = &context.evidence.resolution.caa_sets else { return Outcome::NotApplicable };
    let ReferenceId::Dns(name) = &context.evidence.reference else { return Outcome::NotApplicable };
    // The records are those of the name that was resolved.
    if context.evidence.reference != context.target.host {
        return Outcome::NotApplicable;
    }
    let open = Cell::new(None);
    let outcome = support::per_chain(context, |_, deployment| {
        let certificate = context.judgement.pool.get(support::end_entity(deployment)?);
        let attributes = certificate.issuer.attributes();
        let organization = attributes.iter().find(|attribute| attribute.oid == ORGANIZATION)?.text.clone();
        let domains = caa::domains(&organization);
        // A private CA does not ask.
        let public = || support::public_anchor(context, deployment).is_some_and(public_roots::contains);
        if domains.is_none() && !public() {
            return None;
        }
        let asked = asked_for(certificate, name.as_str());
        let wildcard = asked.len() < name.as_str().len();
        let set = match caa::relevant(sets, asked) {
            Relevant::Set(set) => set,
            Relevant::None => return None,
            Relevant::Open(_) => {
                open.set(Some("the question for CAA records was not answered"));
                return None;
            }
        };
        let why = match caa::may_issue(set, wildcard, domains.as_deref()) {
            Answer::Allowed => return None,
            Answer::Forbidden(why) => why,
            Answer::NotKnown => {
                open.set(Some(
                    "CAA records name CAs, and by which name they would name this issuer is not known to us",
                ));
                return None;
            }
        };
        let records: Vec<String> =
            set.records.iter().map(|record| format!("{} \"{}\"", record.tag, record.value)).collect();
        let ttl = set.records.iter().map(|record| record.ttl).max();
        let add = domains.iter().flatten().next().map(|domain| {
            let tag = if wildcard && records.iter().any(|record| record.starts_with("issuewild")) {
                "issuewild"
            } else {
                "issue"
            };
            format!("{} CAA 0 {tag} \"{domain}\"", set.name)
        });
        let remedy = match &add {
            Some(record) => format!("add the record `{record}`, or renew from a CA that the records name"),
            None => "let the CAA records name a CA, and renew from it".to_owned(),
        };
        Some(
            Found::new(SubjectKind::Dns, set.name.clone())
                .fact("issuer", organization)
                .fact("for", if wildcard { format!("*.{asked}") } else { asked.to_owned() })
                .fact("reason", why)
                .fact("records", records)
                .fact("ttl", ttl)
                .fact("expires", certificate.not_after.to_string())
                .remedy(remedy, None, true),
        )
    });
    match (outcome, open.get()) {
        (Outcome::Clear, Some(why)) => Outcome::Undetermined(why),
        (outcome, _) => outcome,
    }
}

/// The name that the next certificate is asked for: this one's, without the `*.` of a wildcard.
fn asked_for<'a>(certificate: &Certificate, name: &'a str) -> &'a str {
    let names = || {
        let names = certificate.extensions.subject_alt_name.iter().flat_map(|san| &san.names);
        names.filter_map(|name| match name {
            GeneralName::Dns(name) => Some(name.as_ref()),
            _ => None,
        })
    };
    let parent = name.split_once('.').map_or(name, |(_, parent)| parent);
    let exact = names().any(|presented| presented.eq_ignore_ascii_case(name));
    let wildcard =
        names().any(|presented| presented.strip_prefix("*.").is_some_and(|base| base.eq_ignore_ascii_case(parent)));
    if wildcard && !exact { parent } else { name }
}
