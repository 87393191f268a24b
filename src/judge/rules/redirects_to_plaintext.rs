//! `redirects-to-plaintext`: from https to http.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "redirects-to-plaintext",
    severity: Severity::Medium,
    title: "the site sends its visitors from https to http",
    explanation: "A request over TLS is answered with a redirect to an http:// address: whoever listens reads and changes what \
                  follows, whatever the certificate. Where http redirects back to https, browsers end with \
                  ERR_TOO_MANY_REDIRECTS. Typical for a back-end that does not know that a gateway ended TLS for it.",
    advice: "Let the back-end believe the gateway's X-Forwarded-Proto, or write https:// into its base address.",
    citations: &["RFC 9110 §17.2", "RFC 6797 §7.1"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let mut found = Vec::new();
    let mut asked = false;
    for endpoint in &context.evidence.endpoints {
        let Some(look) = &endpoint.http else { continue };
        asked = true;
        let Some(location) = &look.location else { continue };
        let is_redirect = look.status.is_some_and(|status| (300..400).contains(&status));
        if is_redirect && location.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://")) {
            let finding = Found::new(SubjectKind::Endpoint, endpoint.address.to_string())
                .fact("status", look.status)
                .fact("location", location.as_str())
                .remedy(
                    "tell the back-end that it is reached over https (X-Forwarded-Proto, base address)",
                    None,
                    true,
                );
            found.push(finding);
        }
    }
    if asked { Outcome::of(found) } else { Outcome::NotApplicable }
}
