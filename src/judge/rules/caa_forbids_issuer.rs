//! `caa-forbids-issuer`: the CA of this certificate may not issue the next one.

use std::cell::Cell;

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::caa::{self, Answer, Relevant};
use crate::model::finding::{Severity, SubjectKind};

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

fn check(context: &Context<'_>) -> Outcome {
    let open = Cell::new(None);
    let outcome = support::on_caa(context, |certificate, organization, domains, sets, name| {
        let asked = caa::asked_for(certificate, name);
        let wildcard = asked.len() < name.len();
        let set = match caa::relevant(sets, asked) {
            Relevant::Set(set) => set,
            Relevant::None => return None,
            Relevant::Open(_) => {
                open.set(Some("the question for CAA records was not answered"));
                return None;
            }
        };
        let why = match caa::may_issue(set, wildcard, domains) {
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
        let add = domains.and_then(<[_]>::first).map(|domain| {
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
