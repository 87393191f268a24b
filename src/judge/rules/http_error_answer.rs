//! `http-error-answer`: TLS works, what lies behind it does not.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "http-error-answer",
    severity: Severity::Info,
    title: "TLS works, and what answers over it is an error",
    explanation: "The handshake is done and a request for / was answered with an error of the server or the gateway: no \
                  healthy back-end (502, 503, 504), a name it does not route (421), a request it does not understand (400). \
                  To a user it looks as if the site were down, and no certificate mends it.",
    advice: "Look at the gateway's routes and the back-end's health; TLS is not the cause.",
    citations: &["RFC 9110 §15.5", "RFC 9110 §15.6"],
    explains: &[],
    check: Check::Evidence(check),
};

/// 401, 403, 404 and 405 are what an API says to a request for its root; 501 what it says to HEAD.
fn is_fault(status: u16) -> bool {
    matches!(status, 400 | 421 | 495..=499 | 500 | 502..=599)
}

fn check(context: &Context<'_>) -> Outcome {
    let mut found = Vec::new();
    let mut asked = false;
    for endpoint in &context.evidence.endpoints {
        let Some(status) = endpoint.http.as_ref().and_then(|look| look.status) else { continue };
        asked = true;
        if is_fault(status) {
            let finding =
                Found::new(SubjectKind::Endpoint, endpoint.address.to_string()).fact("status", status).remedy(
                    "look at the gateway's routes and the health of what is behind it; TLS is not the cause",
                    None,
                    true,
                );
            found.push(finding);
        }
    }
    if asked { Outcome::of(found) } else { Outcome::NotApplicable }
}
