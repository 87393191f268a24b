//! `obsolete-version-accepted`: SSL 3.0, TLS 1.0 or 1.1 beside newer versions.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::survey::Support;

pub const RULE: Rule = Rule {
    code: "obsolete-version-accepted",
    severity: Severity::Low,
    title: "versions of TLS are accepted that RFC 8996 forbids",
    explanation: "Clients of today are not hindered by it, but audits fail on it (PCI DSS), and whoever still connects \
                  that way is not safe. SSL 3.0 can be broken by anyone on the line.",
    advice: "Take SSL 3.0, TLS 1.0 and 1.1 out of the listener's TLS policy, after a look at who still uses them.",
    citations: &["RFC 8996", "RFC 7568"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_survey(context, |endpoint, survey| {
        let is = |version: &&str| survey.version(version).is_some_and(|version| version.supported == Support::Yes);
        let old: Vec<&str> = ["SSL 3.0", "1.0", "1.1"].into_iter().filter(is).collect();
        // Without a newer one it is another finding: nothing in common.
        if old.is_empty() || !["1.2", "1.3"].iter().any(is) {
            return None;
        }
        let severity = if old.contains(&"SSL 3.0") { Severity::Medium } else { Severity::Low };
        let found =
            Found::new(SubjectKind::Endpoint, endpoint.address.to_string()).fact("versions", old).severity(severity);
        Some(found.remedy("allow TLS 1.2 and 1.3 only in the listener's TLS policy", None, true))
    })
}
