//! What was answered over TLS.

use super::screen::{Paint, Screen, paint, plain};
use crate::model::http::{Hsts, HttpLook};
use crate::model::report::Report;

pub fn draw(report: &Report, screen: &mut Screen) {
    let looks: Vec<_> =
        report.endpoints.iter().filter_map(|endpoint| Some((&endpoint.address, endpoint.http.as_ref()?))).collect();
    if looks.is_empty() {
        return;
    }
    screen.heading("HTTP", &[paint(Paint::Dim, "what answers a request for /")]);
    for (address, look) in looks {
        let beside = paint(Paint::Dim, format!("{address}, {} ms", look.duration_ms));
        screen.sides("  ", "    ", &[plain(answer(look))], &[beside]);
        let policy = look.hsts.map(policy);
        if let Some(policy) = policy {
            screen.entry("    ", "      ", &[paint(Paint::Dim, policy)]);
        }
    }
}

fn answer(look: &HttpLook) -> String {
    match (look.status, &look.location, &look.failure) {
        (Some(status), Some(location), _) => format!("{status} → {location}"),
        (Some(status), None, _) => status.to_string(),
        (None, _, failure) => format!("no answer: {}", failure.as_deref().unwrap_or("not known why")),
    }
}

fn policy(hsts: Hsts) -> String {
    const DAY: u64 = 86_400;
    let subdomains = if hsts.include_subdomains { " and all below it" } else { "" };
    match hsts.max_age {
        0 => "HSTS is taken back (max-age=0)".to_owned(),
        age if age < DAY => format!("HSTS: browsers insist on TLS for this name{subdomains} for {age} seconds"),
        age => format!("HSTS: browsers insist on TLS for this name{subdomains} for {} days", age / DAY),
    }
}
