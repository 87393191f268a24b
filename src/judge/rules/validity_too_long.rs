//! `validity-too-long`: lifetime against the schedule of its day of issuance.

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::time::{DAY, Time};
use crate::model::verdict::Category;

pub const RULE: Rule = Rule {
    code: "validity-too-long",
    severity: Severity::High,
    title: "the certificate is valid for longer than public CAs may issue",
    explanation: "For certificates of public CAs browsers enforce a maximum lifetime that depends on the day of \
                  issuance: 825 days, 398 from 2020-09-01, 200 from 2026-03-15, 100 from 2027-03-15, 47 from \
                  2029-03-15. Chrome says ERR_CERT_VALIDITY_TOO_LONG. Certificates of private CAs are exempt.",
    advice: "Have the certificate reissued with a shorter lifetime.",
    citations: &["CA/Browser Forum Baseline Requirements §6.3.2", "CA/Browser Forum ballot SC-081v3"],
    explains: &[Category::TooLongValidity],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |_, deployment| {
        let id = support::end_entity(deployment).filter(|_| support::public_anchor(context, deployment).is_some())?;
        let certificate = context.judgement.pool.get(id);
        // The last second counts (RFC 5280 §4.1.2.5): notAfter is inclusive.
        let lifetime = certificate.not_after.since(certificate.not_before) + 1;
        let limit = limit(certificate.not_before)?;
        (lifetime > limit * DAY).then(|| {
            Found::new(SubjectKind::Certificate, context.fingerprint(id))
                .fact("lifetime_days", lifetime / DAY)
                .fact("limit_days", limit)
                .fact("issued_at", certificate.not_before.to_string())
                .remedy(format!("have the certificate reissued for at most {limit} days"), None, true)
        })
    })
}

/// Days that a certificate issued at this moment may be valid; `None` before there was a schedule.
fn limit(issued: Time) -> Option<i64> {
    SCHEDULE.iter().rev().find(|(from, _)| issued.unix() >= *from).map(|(_, days)| *days)
}

/// From this day of issuance on (seconds since the epoch), this many days.
const SCHEDULE: &[(i64, i64)] = &[
    (1_519_862_400, 825), // 2018-03-01
    (1_598_918_400, 398), // 2020-09-01
    (1_773_532_800, 200), // 2026-03-15
    (1_805_068_800, 100), // 2027-03-15
    (1_868_227_200, 47),  // 2029-03-15
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_issuance_decides() {
        for (issued, days) in [
            ("2018-02-28T23:59:59Z", None),
            ("2018-03-01T00:00:00Z", Some(825)),
            ("2020-08-31T23:59:59Z", Some(825)),
            ("2020-09-01T00:00:00Z", Some(398)),
            ("2026-03-14T23:59:59Z", Some(398)),
            ("2026-03-15T00:00:00Z", Some(200)),
            ("2027-03-14T23:59:59Z", Some(200)),
            ("2027-03-15T00:00:00Z", Some(100)),
            ("2029-03-14T23:59:59Z", Some(100)),
            ("2029-03-15T00:00:00Z", Some(47)),
        ] {
            assert_eq!(limit(issued.parse().unwrap()), days, "{issued}");
        }
    }
}
