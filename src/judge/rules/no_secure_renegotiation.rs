//! `no-secure-renegotiation`: the server does not answer renegotiation_info.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::survey::Support;
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "no-secure-renegotiation",
    severity: Severity::High,
    title: "the server does not know secure renegotiation",
    explanation: "Its TLS 1.2 or older says nothing to renegotiation_info, which every client sends since 2010. \
                  OpenSSL 3 ends such handshakes with `unsafe legacy renegotiation disabled`, and with it curl, \
                  Python and much else of present distributions; older programs go on. Often it is not the server but \
                  an old appliance in front of it that inspects TLS.",
    advice: "Update the server's TLS library or the appliance in front of it; enabling TLS 1.3 helps new clients.",
    citations: &["RFC 5746 §3.6", "OpenSSL 3.0 migration guide (SSL_OP_LEGACY_SERVER_CONNECT)"],
    explains: &[Category::Handshake],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_survey(context, |endpoint, survey| {
        if survey.renegotiation_info != Support::No {
            return None;
        }
        let has_tls13 = survey.version("1.3").is_some_and(|version| version.supported == Support::Yes);
        // Those who speak TLS 1.3 do not meet it.
        let severity = if has_tls13 { Severity::Low } else { Severity::High };
        let found = Found::new(SubjectKind::Endpoint, endpoint.address.to_string()).severity(severity);
        Some(found.remedy("update the TLS library of the server, or of the appliance in front of it", None, true))
    })
}
