//! `no-scts`: a public certificate that too few logs vouch for.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::Deployment;
use crate::judge::{ct, public_roots};
use crate::model::ct::CtPolicy;
use crate::model::finding::{Severity, SubjectKind};
use crate::model::time::DAY;
use crate::model::verdict::Category;
use crate::x509::{ocsp, sct};

/// notBefore from which Chrome asks for timestamps: 2018-04-30. Safari follows on 2018-10-15.
const REQUIRED_FROM: i64 = 1_525_046_400;

/// From this notBefore on the number goes by days, not months: 2022-04-15.
const BY_DAYS_FROM: i64 = 1_649_980_800;

/// Embedded timestamps that Chrome asks for at least.
fn wanted(not_before: i64, lifetime: i64) -> usize {
    /// The longest month: rather one timestamp too few than a false alarm.
    const MONTH: i64 = 31 * DAY;
    let months = lifetime / MONTH;
    match months {
        _ if not_before >= BY_DAYS_FROM => 2 + usize::from(lifetime > 180 * DAY),
        ..15 => 2,
        15..=27 => 3,
        28..=39 => 4,
        _ => 5,
    }
}

pub const RULE: Rule = Rule {
    code: "no-scts",
    severity: Severity::Medium,
    title: "too few signed certificate timestamps (SCTs) for browsers",
    explanation: "A certificate of a public CA must show that it was logged: Chrome, Edge, Safari and Firefox want \
                  signed timestamps of two or more logs (three from a lifetime of 180 days on), embedded in the \
                  certificate, in the stapled OCSP response or in a TLS extension. Here there are none or too few in \
                  the places that were looked at; the third, which few servers use, is asked for with --ct-logs and by a survey. Whether the logs are \
                  good ones is not judged. Chrome then says ERR_CERTIFICATE_TRANSPARENCY_REQUIRED. Programs other than browsers do \
                  not care, and certificates of private CAs are exempt.",
    advice: "Have the certificate reissued with embedded timestamps: every public CA does so unless told otherwise.",
    citations: &[
        "RFC 6962 §3.3",
        "Chromium net/docs/certificate-transparency.md (certificates issued after 2018-04-30)",
        "Apple support article 103214 (issued after 2018-10-15)",
    ],
    explains: &[Category::CertificateTransparency],
    check: Check::Evidence(check),
};

/// Timestamps in the certificate, in stapled responses, and how many are wanted.
struct Count {
    embedded: usize,
    stapled: usize,
    wanted: usize,
}

/// `None`: there are enough, or nobody asks for them.
fn too_few(context: &Context<'_>, deployment: &Deployment) -> Option<Count> {
    let certificate = context.judgement.pool.get(support::end_entity(deployment)?);
    let root = support::public_anchor(context, deployment)?;
    // A list of logs is given by whoever wants its anchors to be taken for public ones.
    if !public_roots::contains(root) && context.settings.anchors.logs().is_none() {
        return None;
    }
    let staples =
        deployment.endpoints.iter().filter_map(|&index| context.evidence.endpoints[index].ocsp_staple.as_ref());
    let stapled = staples.map(|staple| ocsp::scts(staple, certificate).len()).max().unwrap_or(0);
    let sent = deployment.endpoints.iter().filter_map(|&index| context.evidence.endpoints[index].timestamps.as_deref());
    let sent = sent.filter_map(sct::list).map(|list| list.len()).max().unwrap_or(0);
    let surveyed = deployment.endpoints.iter().filter_map(|&index| context.evidence.endpoints[index].survey.as_ref());
    let surveyed = surveyed.map(|evidence| evidence.survey.timestamp_count).max().unwrap_or(0);
    let beside = stapled + sent.max(surveyed);
    let embedded = certificate.extensions.scts.len();
    let lifetime = certificate.not_after.since(certificate.not_before);
    let wanted = wanted(certificate.not_before.unix(), lifetime);
    // Whoever has the list knows better: one in the certificate and one beside it can do.
    let complies = ct::of_deployment(context.judgement, context.evidence, context.settings, deployment)
        .is_some_and(|facts| facts.policy == CtPolicy::Complies);
    if complies {
        return None;
    }
    // Delivered at the handshake, two are enough whatever the lifetime.
    (embedded < wanted && beside < 2).then_some(Count { embedded, stapled, wanted })
}

/// Is this finding made of `deployment`?
pub(super) fn is_so(context: &Context<'_>, deployment: &Deployment) -> bool {
    too_few(context, deployment).is_some()
}

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |_, deployment| {
        let Count { embedded, stapled, wanted } = too_few(context, deployment)?;
        let certificate = context.judgement.pool.get(support::end_entity(deployment)?);
        let found = Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
            .fact("subject", certificate.subject.to_string())
            .fact("issued_at", certificate.not_before.to_string())
            .fact("embedded", embedded)
            .fact("stapled", stapled)
            .fact("wanted", wanted)
            .fact("tls_extension", "not asked for")
            .remedy("have the certificate reissued with embedded SCTs", None, true);
        // Older ones were never asked for it.
        Some(if certificate.not_before.unix() < REQUIRED_FROM { found.severity(Severity::Info) } else { found })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_are_wanted() {
        let wanted =
            |issued: &str, days: i64| wanted(issued.parse::<crate::model::time::Time>().unwrap().unix(), days * DAY);
        assert_eq!(wanted("2026-11-22T00:00:00Z", 90), 2);
        assert_eq!(wanted("2026-11-22T00:00:00Z", 180), 2);
        assert_eq!(wanted("2026-11-22T00:00:00Z", 200), 3);
        assert_eq!(wanted("2021-11-22T00:00:00Z", 398), 2, "months counted then");
        assert_eq!(wanted("2017-11-22T00:00:00Z", 730), 3);
        assert_eq!(wanted("2017-11-22T00:00:00Z", 1_095), 4);
    }
}
