//! `sct-signature-invalid`: a timestamp that its log did not sign for this certificate.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::ct;
use crate::model::ct::SctWorth;
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "sct-signature-invalid",
    severity: Severity::Medium,
    title: "a timestamp (SCT) is not signed by its log for this certificate",
    explanation: "The timestamp names a log of the list, but the log's key did not sign it for this certificate and this \
                  issuer: the CA changed something after the precertificate was logged, embedded the timestamp of \
                  another certificate, or somebody made it up. It counts for nobody.",
    advice: "Have the certificate reissued, and tell the CA: this is a fault of its issuing.",
    citations: &["RFC 6962 §3.2"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    if context.settings.anchors.logs().is_none() {
        return Outcome::NotApplicable;
    }
    support::per_chain(context, |_, deployment| {
        let certificate = context.judgement.pool.get(support::end_entity(deployment)?);
        let facts = ct::of_deployment(context.judgement, context.evidence, context.settings, deployment)?;
        let bad = facts.scts.iter().filter(|sct| sct.worth == SctWorth::BadSignature);
        let logs: Vec<String> = bad.filter_map(|sct| sct.log.clone()).collect();
        (!logs.is_empty()).then(|| {
            Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
                .fact("subject", certificate.subject.to_string())
                .fact("logs", logs)
                .remedy("have the certificate reissued, and tell the CA", None, true)
        })
    })
}
