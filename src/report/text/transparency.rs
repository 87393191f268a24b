//! Certificate Transparency: each timestamp with what it is worth by the list of logs that was given.

use super::groups;
use super::screen::{Paint, Screen, paint, plain};
use crate::model::ct::{CheckedSct, CtFacts, CtPolicy, Delivery, SctWorth};
use crate::model::report::Report;

pub fn draw(report: &Report, screen: &mut Screen) {
    for (index, deployment) in groups::shown(report, screen.style()) {
        let Some(facts) = &deployment.certificate_transparency else { continue };
        let mut summary = vec![policy(facts)];
        summary.extend(groups::label(report, index).map(|label| plain(format!(" (group {label})"))));
        screen.heading("TIMESTAMPS", &summary);
        for sct in &facts.scts {
            let (color, sign, words) = worth(sct);
            let log = sct.log.clone().unwrap_or_else(|| format!("log {}", sct.log_id.get(..16).unwrap_or_default()));
            let operator = sct.operator.as_ref().map(|operator| format!(" ({operator})")).unwrap_or_default();
            let line = [
                paint(color, sign),
                plain(format!(" {log}{operator}: ")),
                paint(color, words),
                paint(Paint::Dim, format!(", {} {}", delivery(sct.delivery), sct.timestamp.date())),
            ];
            screen.entry("  ", "      ", &line);
        }
    }
}

fn policy(facts: &CtFacts) -> super::screen::Span {
    let why = facts.why.as_deref().unwrap_or_default();
    match facts.policy {
        CtPolicy::Complies => paint(Paint::Good, "enough for Chrome"),
        CtPolicy::NotEnough => paint(
            Paint::Bad,
            format!("too few that count for Chrome: it wants logs of two operators, {} in all", facts.wanted),
        ),
        CtPolicy::NotDiverse => paint(Paint::Bad, "not enough for Chrome: all are of one operator"),
        CtPolicy::NotRequired => paint(Paint::Dim, format!("not required: {why}")),
        CtPolicy::NotChecked => paint(Paint::Warning, format!("not judged: {why}")),
    }
}

fn worth(sct: &CheckedSct) -> (Paint, &'static str, String) {
    let state = sct.state.map(|state| state.as_str()).unwrap_or_default();
    let (color, sign, words) = match sct.worth {
        SctWorth::Counts => (Paint::Good, "✓", format!("signed by the log, which is {state}")),
        SctWorth::LogRetired => (Paint::Warning, "!", "signed by the log, which has been retired".to_owned()),
        SctWorth::LogNotAccepted => (Paint::Warning, "!", format!("signed by the log, which is {state}")),
        SctWorth::UnknownLog => (Paint::Warning, "?", "not in the list".to_owned()),
        SctWorth::BadSignature => (Paint::Bad, "✗", "NOT signed by the log for this certificate".to_owned()),
        SctWorth::InTheFuture => (Paint::Bad, "✗", "its time is still to come".to_owned()),
        SctWorth::NotChecked => (Paint::Dim, "-", "could not be checked without the issuer".to_owned()),
    };
    (color, sign, words)
}

fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Embedded => "in the certificate,",
        Delivery::Ocsp => "in the stapled OCSP response,",
        Delivery::Tls => "in the TLS handshake,",
    }
}
