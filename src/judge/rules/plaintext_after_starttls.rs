//! `plaintext-after-starttls`: more plain text where the ClientHello is due.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};

pub const RULE: Rule = Rule {
    code: "plaintext-after-starttls",
    severity: Severity::Medium,
    title: "plain text follows the consent to TLS",
    explanation: "After its consent the server must wait for the ClientHello. What was received in between is not protected, \
                  and a client that keeps it takes it for part of the protected session: so an attacker on the way can \
                  put words into the server's mouth. Either the server is faulty, or somebody did just that.",
    advice: "Update the server; probe from another network, to see whether something on the way adds the text.",
    citations: &["RFC 3207 §4.2", "CVE-2011-0411", "CVE-2021-23222"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let mut found = Vec::new();
    let mut asked = false;
    for endpoint in &context.evidence.endpoints {
        let Some(said) = &endpoint.starttls else { continue };
        asked = true;
        if let Some(text) = &said.plaintext_after {
            let finding = Found::new(SubjectKind::Endpoint, endpoint.address.to_string())
                .fact("reply", said.reply.clone())
                .fact("plaintext", text.as_str())
                .remedy("update the server, and probe from another network", None, true);
            found.push(finding);
        }
    }
    if asked { Outcome::of(found) } else { Outcome::NotApplicable }
}
