//! What the server supports, where that was asked for.

use super::screen::{Paint, Screen, Span, paint, plain};
use crate::model::report::{Endpoint, Report};
use crate::model::survey::{Named, OtherNameSurvey, ResumptionSurvey, SuiteOrder, Support, Survey, VersionSurvey};

/// Columns of the first column.
const LABEL: usize = 16;

/// The addresses that support the same share an entry.
pub fn draw(report: &Report, screen: &mut Screen) {
    let mut groups: Vec<(&Survey, Vec<&Endpoint>)> = Vec::new();
    for endpoint in &report.endpoints {
        let Some(survey) = &endpoint.survey else { continue };
        match groups.iter_mut().find(|(first, _)| is_alike(first, survey)) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => groups.push((survey, vec![endpoint])),
        }
    }
    if groups.is_empty() {
        return;
    }
    let connections: usize =
        report.endpoints.iter().filter_map(|endpoint| endpoint.survey.as_ref()).map(|survey| survey.connections).sum();
    screen.heading("SURVEY", &[paint(Paint::Dim, format!("from {connections} further connections"))]);
    for (survey, endpoints) in groups {
        let addresses = endpoints.iter().map(|endpoint| endpoint.address.as_str()).collect::<Vec<_>>().join(", ");
        screen.entry("  ", "    ", &[paint(Paint::Bold, addresses)]);
        let served =
            endpoints.first().and_then(|endpoint| endpoint.deployment).and_then(|index| report.deployments.get(index));
        one(survey, served.map(|deployment| deployment.served_chain.as_slice()).unwrap_or_default(), screen);
    }
}

fn is_alike(a: &Survey, b: &Survey) -> bool {
    let plain = |survey: &Survey| Survey { connections: 0, limits: Vec::new(), ..survey.clone() };
    plain(a) == plain(b)
}

fn one(survey: &Survey, served: &[String], screen: &mut Screen) {
    versions(survey, screen);
    for version in survey.versions.iter().filter(|version| version.supported == Support::Yes) {
        of_version(version, screen);
    }
    let keys: Vec<&str> = survey.certificates.iter().map(|certificate| certificate.key.as_str()).collect();
    if keys.len() > 1 {
        row("certificates", &[plain(format!("{}: each with a chain of its own", keys.join(" and ")))], screen);
    }
    row(
        "ALPN",
        &[if survey.alpn.is_empty() { paint(Paint::Dim, "none") } else { plain(survey.alpn.join(", ")) }],
        screen,
    );
    row(
        "resumption",
        &[plain(format!(
            "TLS 1.3 {}; TLS 1.2 {}",
            resumption(&survey.resumption_tls13),
            resumption(&survey.resumption_tls12)
        ))],
        screen,
    );
    extensions(survey, screen);
    let asked = &survey.client_certificate;
    if asked.requested == Support::Yes {
        let names = match asked.authorities_count {
            0 => "asked for; no CA is named".to_owned(),
            count => format!("asked for, from {count} CAs: {}", asked.authorities.join("; ")),
        };
        row("client's", &[plain(names)], screen);
    }
    for (label, other) in [("without SNI", &survey.without_server_name), ("another name", &survey.foreign_server_name)]
    {
        if let Some(other) = other {
            row(label, &[other_name(other, survey, served)], screen);
        }
    }
    for limit in &survey.limits {
        row("not known", &[paint(Paint::Warning, format!("! {limit}"))], screen);
    }
}

fn row(label: &str, spans: &[Span], screen: &mut Screen) {
    let first = format!("    {label:<LABEL$}");
    screen.entry(&first, &" ".repeat(4 + LABEL), spans);
}

fn versions(survey: &Survey, screen: &mut Screen) {
    let named = |wanted: Support| {
        let names = survey.versions.iter().filter(|version| version.supported == wanted);
        names.map(|version| version.version.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut spans = vec![paint(Paint::Good, format!("✓ {}", named(Support::Yes)))];
    for (support, word) in [(Support::No, "not"), (Support::NotSeen, "not known:")] {
        let names = named(support);
        if !names.is_empty() {
            spans.push(paint(Paint::Dim, format!("; {word} {names}")));
        }
    }
    row("versions", &spans, screen);
}

fn of_version(version: &VersionSurvey, screen: &mut Screen) {
    let count = version.cipher_suites.len();
    let order = match version.order {
        SuiteOrder::Server => ", in the server's order",
        SuiteOrder::Client => ", in the client's order",
        SuiteOrder::OneSuite | SuiteOrder::NotSeen => "",
    };
    let suites = if count == 1 { "suite" } else { "suites" };
    let mut spans = vec![plain(format!("{count} {suites}{order}"))];
    if count == 1 || version.suites_in_order || screen.style().is_verbose() {
        spans.push(plain(format!(": {}", names(&version.cipher_suites))));
    }
    row(&title(version), &spans, screen);
    for (label, list) in [("  groups", &version.groups), ("  signatures", &version.signature_schemes)] {
        if !list.is_empty() {
            row(label, &[plain(names(list))], screen);
        }
    }
    if let Some(bits) = version.dh_bits {
        row("  Diffie-Hellman", &[plain(format!(" {bits} bits"))], screen);
    }
}

fn title(version: &VersionSurvey) -> String {
    if version.version.starts_with("SSL") { version.version.clone() } else { format!("TLS {}", version.version) }
}

fn names(list: &[Named]) -> String {
    list.iter().map(|named| named.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn resumption(resumption: &ResumptionSurvey) -> String {
    let how = [(resumption.tickets, "tickets"), (resumption.session_id, "session identifiers")];
    let how: Vec<&str> =
        how.into_iter().filter(|(support, _)| *support == Support::Yes).map(|(_, word)| word).collect();
    let by = if how.is_empty() { String::new() } else { format!(" ({})", how.join(", ")) };
    match resumption.resumes {
        Support::Yes => format!("yes{by}"),
        Support::No => format!("no{by}"),
        Support::NotSeen => format!("not known{by}"),
    }
}

fn extensions(survey: &Survey, screen: &mut Screen) {
    let timestamps = format!("{} certificate timestamps in the handshake", survey.timestamp_count);
    let facts = [
        (survey.extended_master_secret, "extended master secret"),
        (survey.renegotiation_info, "renegotiation info"),
        (survey.ocsp_stapling, "OCSP stapling"),
        (survey.timestamps, timestamps.as_str()),
    ];
    let of = |wanted: Support| {
        facts.iter().filter(|(support, _)| *support == wanted).map(|(_, word)| *word).collect::<Vec<_>>()
    };
    let (yes, no) = (of(Support::Yes), of(Support::No));
    let mut spans = Vec::new();
    if !yes.is_empty() {
        spans.push(plain(yes.join(", ")));
    }
    if !no.is_empty() {
        let no = no.iter().map(|word| word.trim_start_matches("0 ")).collect::<Vec<_>>();
        spans.push(paint(Paint::Dim, format!("{}no {}", if yes.is_empty() { "" } else { "; " }, no.join(", no "))));
    }
    if !spans.is_empty() {
        row("extensions", &spans, screen);
    }
}

fn other_name(other: &OtherNameSurvey, survey: &Survey, served: &[String]) -> Span {
    let is_known = |chain: &[String]| {
        survey.certificates.iter().any(|certificate| certificate.served_chain == *chain) || chain == served
    };
    match (&other.failure, other.served_chain.as_slice()) {
        (Some(failure), _) => plain(format!("refused: {}", failure.message)),
        (None, []) => paint(Paint::Dim, "answered; the chain could not be read"),
        (None, chain) if is_known(chain) => plain("the same certificate"),
        (None, _) => plain("another certificate: the default one of the server"),
    }
}
