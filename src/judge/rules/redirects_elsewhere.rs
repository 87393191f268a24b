//! `redirects-elsewhere`: the user ends up at another name.

use url::Url;

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::target::{DEFAULT_PORT, ReferenceId};

pub const RULE: Rule = Rule {
    code: "redirects-elsewhere",
    severity: Severity::Info,
    title: "the site redirects to another host",
    explanation: "A request for / is answered with a redirect to another host or port. What users see in their browser is that \
                  one's certificate: where they complain and this one is right, look there.",
    advice: "Probe the host that the redirect names.",
    citations: &["RFC 9110 §15.4"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let mut found: Vec<Found> = Vec::new();
    let mut asked = false;
    for endpoint in &context.evidence.endpoints {
        let Some(look) = &endpoint.http else { continue };
        asked = true;
        let Some(location) = look.location.as_ref().filter(|_| look.status.is_some_and(is_redirect)) else { continue };
        let Some(place) = elsewhere(context, location) else { continue };
        if found.iter().any(|known| known.facts.get("place").and_then(serde_json::Value::as_str) == Some(&place)) {
            continue;
        }
        let command = format!("tlsmend probe {place}");
        let finding = Found::new(SubjectKind::Endpoint, endpoint.address.to_string())
            .fact("status", look.status)
            .fact("location", location.as_str())
            .fact("place", place)
            .remedy("look at the certificate that users end up with", Some(command), true);
        found.push(finding);
    }
    if asked { Outcome::of(found) } else { Outcome::NotApplicable }
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The host, with its port where that is not 443, of a redirect over https that leaves this one.
fn elsewhere(context: &Context<'_>, location: &str) -> Option<String> {
    let url = Url::parse(location).ok().filter(|url| url.scheme() == "https")?;
    let (host, port) = (url.host_str()?, url.port().unwrap_or(DEFAULT_PORT));
    let here: ReferenceId = host.parse().ok()?;
    if here == context.evidence.reference && port == context.target.port {
        return None;
    }
    Some(if port == DEFAULT_PORT { host.to_owned() } else { format!("{host}:{port}") })
}
