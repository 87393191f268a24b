//! `default-certificate-served`: the wrong certificate is the one that a server shows to names that it does not know.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;
use crate::x509::identity::{self, Match, NearMiss};

pub const RULE: Rule = Rule {
    code: "default-certificate-served",
    severity: Severity::High,
    title: "the server does not know this name and shows its default certificate",
    explanation: "The certificate is not for the name, and the same one comes for a name that nobody has: no virtual \
                  host, domain binding or certificate on this server is for the name. So the certificate is not what \
                  is wrong, and replacing it would break those whom it is for.",
    advice: "Bind the domain with its own certificate to the listener or gateway; or point the DNS at the server that \
             has it.",
    citations: &["RFC 6066 §3", "RFC 9525 §6"],
    explains: &[Category::Hostname],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    if context.survey_of_any().is_none() {
        return Outcome::NotApplicable;
    }
    support::per_chain(context, |_, deployment| {
        let certificate = context.judgement.pool.get(support::end_entity(deployment)?);
        // A certificate that nearly fits was meant for this name.
        let is_strange = |near_miss: &NearMiss| matches!(near_miss, NearMiss::Different | NearMiss::NoNames);
        match identity::compare(certificate, &context.evidence.reference) {
            Match::Mismatch(near_miss) if is_strange(&near_miss) => {}
            _ => return None,
        }
        let hash = certificate.fingerprint.to_string();
        let endpoint =
            deployment.endpoints.iter().map(|&index| &context.evidence.endpoints[index]).find(|endpoint| {
                let foreign = endpoint.survey.as_ref().and_then(|survey| survey.survey.foreign_server_name.as_ref());
                foreign.is_some_and(|foreign| foreign.served_chain.first() == Some(&hash))
            })?;
        let found = Found::new(SubjectKind::Endpoint, endpoint.address.to_string())
            .fact("reference", context.evidence.reference.to_string())
            .fact("subject", certificate.subject.to_string());
        Some(found.remedy("bind the domain with its own certificate to the listener or gateway", None, true))
    })
}
