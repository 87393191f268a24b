//! `no-extended-master-secret`: TLS 1.2 without RFC 7627.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::survey::Support;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "no-extended-master-secret",
    severity: Severity::Low,
    title: "TLS 1.2 without the extended master secret",
    explanation: "Clients in FIPS mode demand the extension and end the handshake without it (RHEL 9, OpenSSL 3 with \
                  its FIPS provider, rustls with `fips`); all others go on.",
    advice: "Update the server's TLS library, or enable TLS 1.3, which has it built in.",
    citations: &["RFC 7627 §5.2", "NIST SP 800-52 rev. 2 §3.5.1", "FIPS 140-3 implementation guidance D.Q"],
    explains: &[Category::Handshake],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_survey(context, |endpoint, survey| {
        if survey.extended_master_secret != Support::No {
            return None;
        }
        let found = Found::new(SubjectKind::Endpoint, endpoint.address.to_string());
        Some(found.remedy("update the server's TLS library, or enable TLS 1.3", None, true))
    })
}
