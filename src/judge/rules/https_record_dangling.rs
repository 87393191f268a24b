//! `https-record-dangling`: an HTTPS record that leads nowhere.

use super::{Check, Context, Found, Outcome, Rule};
use crate::model::finding::{Severity, SubjectKind};
use crate::model::naming::HttpsRecord;
use crate::model::resolution::DnsStatus;

pub const RULE: Rule = Rule {
    code: "https-record-dangling",
    severity: Severity::Medium,
    title: "an HTTPS record points to a name that has no address",
    explanation: "Browsers that use HTTPS records (Safari, Firefox, Chrome in part) go to the record's target instead of the \
                  name's own addresses. There is nothing: they fail, or fall back after a delay, while curl and most programs, \
                  which do not ask for these records, work.",
    advice: "Point the HTTPS record to an endpoint that exists, or remove it.",
    citations: &["RFC 9460 §2.4", "RFC 9460 §3"],
    explains: &[],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    let dns = &context.evidence.resolution;
    let Some(records) = &dns.https else { return Outcome::NotApplicable };
    // An alias may lead to records instead of addresses.
    let has_records = |name: &str| records.iter().any(|record| record.owner == name);
    let leads_nowhere = |record: &&HttpsRecord| {
        let nothing = matches!(
            record.target_status,
            Some(DnsStatus::Nodata | DnsStatus::Nxdomain | DnsStatus::Loop | DnsStatus::TooLong)
        );
        nothing && record.hints.is_empty() && !(record.priority == 0 && has_records(&record.target))
    };
    let dangling: Vec<&HttpsRecord> = records.iter().filter(leads_nowhere).collect();
    let Some(first) = dangling.first() else { return Outcome::Clear };
    let targets: Vec<String> =
        dangling.iter().map(|record| format!("{} {} {}", record.owner, record.priority, record.target)).collect();
    let found = Found::new(SubjectKind::Dns, first.owner.clone())
        .fact("records", targets)
        .fact("of", records.len())
        .remedy("point the HTTPS record to an endpoint that exists, or remove it", None, true);
    Outcome::Found(vec![found])
}
