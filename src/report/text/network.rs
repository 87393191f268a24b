//! How the name led to addresses, and what the addresses did.

use std::collections::BTreeSet;

use super::screen::{Paint, Screen, Span, paint, plain};
use super::{groups, naming, starttls};
use crate::model::handshake::{
    ClientCertificate, EndpointStatus, Failure, FailureKind, KeyProof, Stage, TlsParameters,
};
use crate::model::report::{Endpoint, Report};
use crate::model::resolution::{DnsStatus, Resolution, ResolvedAddress};

/// The end of a resolution in words.
pub fn ending(status: DnsStatus) -> &'static str {
    match status {
        DnsStatus::Noerror => "the name resolves",
        DnsStatus::Nodata => "the name exists, but has no address (NODATA)",
        DnsStatus::Nxdomain => "the name does not exist (NXDOMAIN)",
        DnsStatus::Servfail => "the name servers could not answer (SERVFAIL)",
        DnsStatus::Refused => "the name server refuses to answer (REFUSED)",
        DnsStatus::Timeout => "no name server answered in time",
        DnsStatus::Unreachable => "no name server could be reached",
        DnsStatus::Malformed => "the name server's answer makes no sense",
        DnsStatus::Loop => "the aliases lead in a circle",
        DnsStatus::TooLong => "there are more aliases than a resolver follows",
        DnsStatus::NotAsked => "not asked, the address was given",
    }
}

/// The end of a resolution in a word, as DNS people say it.
fn short_ending(status: DnsStatus) -> &'static str {
    match status {
        DnsStatus::Noerror => "NOERROR",
        DnsStatus::Nodata => "NODATA",
        DnsStatus::Nxdomain => "NXDOMAIN",
        DnsStatus::Servfail => "SERVFAIL",
        DnsStatus::Refused => "REFUSED",
        DnsStatus::Timeout => "timeout",
        DnsStatus::Unreachable => "unreachable",
        DnsStatus::Malformed => "malformed",
        DnsStatus::Loop => "loop",
        DnsStatus::TooLong => "too long",
        DnsStatus::NotAsked => "not asked",
    }
}

/// The CNAME chain, a line a hop, and where it ends.
pub fn dns(report: &Report, screen: &mut Screen) {
    let dns = &report.dns;
    if groups::of_files(report).is_some() {
        return;
    }
    if dns.status == DnsStatus::NotAsked {
        screen.heading("DNS", &[paint(Paint::Dim, ending(dns.status))]);
        return;
    }
    let resolvers: Vec<&str> = dns.cname_chain.iter().map(|alias| alias.resolver.as_str()).collect();
    let one_resolver = resolvers.iter().all(|resolver| Some(*resolver) == dns.resolver.as_deref());
    let who = dns.resolver.as_deref().map_or("nobody answered".to_owned(), |who| format!("answered by {who}"));
    screen.heading("DNS", &[paint(Paint::Dim, format!("{who} in {} ms", dns.duration_ms))]);
    let mut owner = report.target.host.as_str();
    screen.entry("  ", "    ", &[plain(owner)]);
    for alias in &dns.cname_chain {
        let mut hop = vec![plain("CNAME → "), plain(&alias.target)];
        if alias.owner != owner {
            hop.insert(0, plain(format!("{} ", alias.owner)));
        }
        let by = if one_resolver { String::new() } else { format!(", by {}", alias.resolver) };
        screen.sides("    ", "      ", &hop, &[paint(Paint::Dim, format!("TTL {}{by}", alias.ttl))]);
        owner = &alias.target;
    }
    addresses_found(dns, screen);
    naming::beside(dns, screen);
    if dns.status != DnsStatus::Noerror {
        let line = match &dns.detail {
            Some(detail) => format!("✗ {}: {detail}", short_ending(dns.status)),
            None => format!("✗ {}: {}", dns.final_name.as_deref().unwrap_or(owner), ending(dns.status)),
        };
        screen.entry("    ", "      ", &[paint(Paint::Bad, line)]);
    } else if let Some(detail) = &dns.detail {
        screen.entry("    ", "      ", &[paint(Paint::Warning, format!("! {detail}"))]);
    }
    if dns.resolvers_disagree {
        screen.entry("    ", "      ", &[paint(Paint::Warning, "! the name servers asked do not agree")]);
    }
}

/// The addresses of one kind and TTL share a line.
fn addresses_found(dns: &Resolution, screen: &mut Screen) {
    let mut groups: Vec<(&ResolvedAddress, Vec<String>)> = Vec::new();
    for address in &dns.addresses {
        let is_alike = |first: &ResolvedAddress| (first.ip.is_ipv6(), first.ttl) == (address.ip.is_ipv6(), address.ttl);
        match groups.iter_mut().find(|(first, _)| is_alike(first)) {
            Some((_, ips)) => ips.push(address.ip.to_string()),
            None => groups.push((address, vec![address.ip.to_string()])),
        }
    }
    for (first, ips) in groups {
        let kind = if first.ip.is_ipv6() { "AAAA  → " } else { "A     → " };
        let ttl = first.ttl.map(|ttl| paint(Paint::Dim, format!("TTL {ttl}")));
        screen.sides("    ", "            ", &[plain(kind), plain(ips.join(", "))], ttl.as_slice());
    }
}

/// The addresses, those with the same outcome together.
pub fn addresses(report: &Report, screen: &mut Screen) {
    if report.endpoints.is_empty() {
        return;
    }
    // An address that was sampled may stand there more than once.
    let addresses: BTreeSet<&str> = report.endpoints.iter().map(|endpoint| endpoint.address.as_str()).collect();
    let has_failed = |endpoint: &&Endpoint| endpoint.status != EndpointStatus::Completed;
    let failed: BTreeSet<&str> =
        report.endpoints.iter().filter(has_failed).map(|endpoint| endpoint.address.as_str()).collect();
    let times = match report.endpoints.iter().filter_map(|endpoint| endpoint.samples).map(|samples| samples.made).max()
    {
        Some(made) => format!("every one of {made} handshakes"),
        None => "a handshake".to_owned(),
    };
    let summary = format!("{} of {} completed {times}", addresses.len() - failed.len(), addresses.len());
    screen.heading("ADDRESSES", &[paint(Paint::Dim, summary)]);
    let mut groups: Vec<Vec<&Endpoint>> = Vec::new();
    for endpoint in &report.endpoints {
        let is_alike = |other: &&Endpoint| {
            (other.status, other.deployment, &other.failure, &other.tls)
                == (endpoint.status, endpoint.deployment, &endpoint.failure, &endpoint.tls)
        };
        match groups.iter_mut().find(|group| group.first().is_some_and(is_alike)) {
            Some(group) => group.push(endpoint),
            None => groups.push(vec![endpoint]),
        }
    }
    for group in groups {
        let endpoint = group[0];
        let addresses = group.iter().map(|endpoint| label(endpoint)).collect::<Vec<_>>().join(", ");
        let label = endpoint.deployment.and_then(|deployment| groups::label(report, deployment));
        let label = label.map(|label| paint(Paint::Dim, format!("group {label}")));
        screen.sides("  ", "    ", &[paint(Paint::Bold, addresses)], label.as_slice());
        outcome(endpoint, screen);
        if screen.style().is_verbose() {
            for endpoint in group {
                timing(endpoint, screen);
                starttls::draw(endpoint, screen);
            }
        }
    }
}

/// With how often it answered so, where it does not always.
fn label(endpoint: &Endpoint) -> String {
    match endpoint.samples {
        Some(samples) if samples.seen < samples.made => {
            format!("{} ({} of {})", endpoint.address, samples.seen, samples.made)
        }
        _ => endpoint.address.clone(),
    }
}

fn outcome(endpoint: &Endpoint, screen: &mut Screen) {
    let parameters = endpoint.tls.as_ref().map(parameters).filter(|parameters| !parameters.is_empty());
    match (endpoint.status, &endpoint.failure) {
        (EndpointStatus::NotTried, _) => {
            let line = paint(Paint::Dim, "- not tried: this machine has no route to it");
            screen.entry("    ", "      ", &[line]);
        }
        (EndpointStatus::Completed, None) => {
            let mut line = vec![paint(Paint::Good, "✓ completed")];
            line.extend(parameters.map(|parameters| plain(format!(": {parameters}"))));
            screen.entry("    ", "      ", &line);
        }
        (_, failure) => {
            screen.entry("    ", "      ", &failed(failure.as_ref()));
            if let Some(parameters) = parameters {
                screen.entry("      ", "      ", &[paint(Paint::Dim, format!("it came as far as {parameters}"))]);
            }
        }
    }
    if let Some(tls) = &endpoint.tls {
        remarks(tls, endpoint.failure.as_ref().map(|failure| failure.kind), screen);
    }
}

fn failed(failure: Option<&Failure>) -> Vec<Span> {
    let Some(failure) = failure else { return vec![paint(Paint::Bad, "✗ failed")] };
    let stage = match failure.stage {
        Stage::Tcp => "no connection (TCP)",
        Stage::Starttls => "no TLS (STARTTLS)",
        Stage::Tls => "handshake failed (TLS)",
        Stage::AfterHandshake => "refused after the handshake",
    };
    let mut line = vec![paint(Paint::Bad, format!("✗ {stage}")), plain(format!(": {}", failure.message))];
    // The message may say it already.
    if let Some(alert) = failure.alert.as_ref().filter(|alert| !failure.message.contains(*alert)) {
        line.push(plain(format!("; alert {alert}")));
    }
    if let Some(protocol) = &failure.protocol
        && !failure.message.to_lowercase().contains(&protocol.to_lowercase())
    {
        line.push(plain(format!("; it looks like {protocol}")));
    }
    line
}

fn parameters(tls: &TlsParameters) -> String {
    let version = tls.version.as_ref().map(|version| match version.starts_with("SSL") {
        true => version.clone(),
        false => format!("TLS {version}"),
    });
    let prime = tls.dh_bits.map(|bits| format!("{bits}-bit Diffie-Hellman"));
    let alpn = tls.alpn.as_ref().map(|alpn| format!("ALPN {alpn}"));
    let known = [version, tls.cipher_suite.clone(), tls.group.clone(), prime, alpn];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What a person should know of a handshake beyond how it ended.
fn remarks(tls: &TlsParameters, failure: Option<FailureKind>, screen: &mut Screen) {
    let proof = match tls.key_proof {
        KeyProof::Proven => None,
        KeyProof::Wrong if failure == Some(FailureKind::SignatureWrong) => None,
        KeyProof::Wrong => Some((Paint::Bad, "✗ the private key does not belong to the certificate")),
        KeyProof::NotChecked => Some((Paint::Dim, "- the proof of the private key was not checked")),
    };
    let certificate = match tls.client_certificate {
        ClientCertificate::NotRequested => None,
        ClientCertificate::Required if failure == Some(FailureKind::ClientCertificateRequired) => None,
        ClientCertificate::Requested => {
            Some((Paint::Dim, "- the server asks for a client certificate, and goes on without"))
        }
        ClientCertificate::Required => Some((Paint::Warning, "! the server demands a client certificate")),
    };
    for (color, text) in [proof, certificate].into_iter().flatten() {
        screen.entry("    ", "      ", &[paint(color, text)]);
    }
}

fn timing(endpoint: &Endpoint, screen: &mut Screen) {
    let stage = |name: &str, milliseconds: Option<u64>| milliseconds.map(|ms| format!("{name} {ms} ms"));
    let timing = endpoint.timing_ms;
    let mut facts: Vec<String> = [
        stage("DNS", timing.dns),
        stage("TCP", timing.tcp),
        stage("STARTTLS", timing.starttls),
        stage("TLS", timing.tls),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(tls) = &endpoint.tls {
        facts.extend(tls.signature_scheme.as_ref().map(|scheme| format!("signed with {scheme}")));
        facts.extend(tls.ocsp_staple_bytes.map(|bytes| format!("OCSP staple of {bytes} bytes")));
    }
    let text = format!("{}: {}", endpoint.address, facts.join(", "));
    screen.entry("    ", "      ", &[paint(Paint::Dim, text)]);
}
