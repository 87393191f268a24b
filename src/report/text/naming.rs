//! What the name system says beside addresses: provider, CAA, HTTPS records, signatures, resolvers, name servers.

use super::screen::{Paint, Screen, Span, paint, plain};
use crate::model::naming::{
    Dnssec, DnssecSource, DnssecStatus, HttpsRecord, NameServer, NameServerStatus, Propagation, View,
};
use crate::model::report::Report;
use crate::model::resolution::Resolution;

/// Below the addresses, a line each.
pub fn beside(dns: &Resolution, screen: &mut Screen) {
    let mut line = |spans: &[Span]| screen.entry("    ", "            ", spans);
    if let Some(provider) = &dns.provider {
        let product = if provider.product.is_empty() { String::new() } else { format!(" {}", provider.product) };
        line(&[plain(format!("at      {}{product}", provider.name))]);
    }
    if let Some(dnssec) = &dns.dnssec {
        line(&signed(dnssec));
    }
    for record in &dns.caa {
        line(&[paint(Paint::Dim, record)]);
    }
    for record in dns.https.iter().flatten() {
        line(&[paint(Paint::Dim, https(record))]);
    }
}

fn signed(dnssec: &Dnssec) -> Vec<Span> {
    let who = match dnssec.by {
        DnssecSource::Resolver => "as the resolver says",
        DnssecSource::OwnCheck => "as we checked",
    };
    let (color, word) = match dnssec.status {
        DnssecStatus::Secure => (Paint::Dim, "DNSSEC  secure"),
        DnssecStatus::Insecure => (Paint::Dim, "DNSSEC  insecure"),
        DnssecStatus::Bogus => (Paint::Bad, "✗ DNSSEC bogus"),
        DnssecStatus::Indeterminate => (Paint::Dim, "DNSSEC  not decided"),
    };
    let why = [dnssec.reason.as_ref(), dnssec.extended_error.as_ref()].into_iter().flatten();
    let why: String = why.map(|why| format!("; {why}")).collect();
    vec![paint(color, word), paint(if color == Paint::Bad { Paint::Bad } else { Paint::Dim }, format!(", {who}{why}"))]
}

fn https(record: &HttpsRecord) -> String {
    let mut words = vec![format!("HTTPS   {} {} {}", record.owner, record.priority, record.target)];
    if !record.alpn.is_empty() {
        words.push(format!("alpn={}", record.alpn.join(",")));
    }
    words.extend(record.port.map(|port| format!("port={port}")));
    if !record.hints.is_empty() {
        words.push(format!("hints={}", record.hints.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")));
    }
    if record.ech {
        words.push("ech".to_owned());
    }
    words.join(" ")
}

/// The resolvers, where they do not agree or everything is to be seen; and the zones' own servers.
pub fn who_says_what(report: &Report, screen: &mut Screen) {
    let dns = &report.dns;
    if dns.views.len() > 1 && (dns.resolvers_disagree || screen.style().is_verbose()) {
        let summary = if dns.resolvers_disagree { "they do not agree" } else { "they agree" };
        screen.heading("RESOLVERS", &[paint(Paint::Dim, summary)]);
        for view in &dns.views {
            resolver(view, screen);
        }
    }
    if let Some(propagation) = &dns.propagation {
        name_servers(propagation, screen);
    }
}

fn resolver(view: &View, screen: &mut Screen) {
    screen.entry("  ", "    ", &[plain(&view.resolver)]);
    for alias in &view.cname_chain {
        let hop = [plain(format!("{} CNAME → {}", alias.owner, alias.target))];
        screen.sides("    ", "      ", &hop, &[paint(Paint::Dim, format!("TTL {}", alias.ttl))]);
    }
    let ips: Vec<String> = view.addresses.iter().map(|address| address.ip.to_string()).collect();
    let ttl = match ips.is_empty() {
        true => view.negative_ttl,
        false => view.addresses.iter().filter_map(|address| address.ttl).max(),
    };
    let left = match (ips.is_empty(), view.says_something()) {
        (false, _) => plain(ips.join(", ")),
        (true, true) => paint(Paint::Warning, super::network::ending(view.status)),
        (true, false) => paint(Paint::Dim, view.detail.as_deref().unwrap_or("no answer")),
    };
    let right = ttl.map(|ttl| paint(Paint::Dim, format!("TTL {ttl}")));
    screen.sides("    ", "      ", &[left], right.as_slice());
}

fn name_servers(propagation: &Propagation, screen: &mut Screen) {
    let asked = paint(Paint::Dim, format!("asked directly, {} questions in all", propagation.questions));
    screen.heading("NAME SERVERS", &[asked]);
    for zone in &propagation.zones {
        let negative = zone.servers.iter().find_map(|server| server.negative_ttl);
        let negative = negative.map(|ttl| paint(Paint::Dim, format!("negative answers are kept {ttl} s")));
        screen.sides("  ", "    ", &[paint(Paint::Bold, format!("zone {}", zone.zone))], negative.as_slice());
        if let Some(failure) = &zone.failure {
            screen.entry("    ", "      ", &[paint(Paint::Warning, format!("! {failure}"))]);
        }
        for server in &zone.servers {
            name_server(server, screen);
        }
    }
    for left_out in &propagation.left_out {
        screen.entry("  ", "    ", &[paint(Paint::Dim, format!("- left out: {left_out}"))]);
    }
}

fn name_server(server: &NameServer, screen: &mut Screen) {
    let who = match &server.address {
        Some(address) => format!("{} ({address})", server.name),
        None => server.name.clone(),
    };
    let (color, mark) = match server.status {
        NameServerStatus::Answers => (Paint::Good, "✓"),
        NameServerStatus::NotTried => (Paint::Dim, "-"),
        NameServerStatus::Lame
        | NameServerStatus::Timeout
        | NameServerStatus::Unreachable
        | NameServerStatus::Malformed
        | NameServerStatus::NoAddress => (Paint::Bad, "✗"),
    };
    let detail = server.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
    let serial = server.serial.map(|serial| paint(Paint::Dim, format!("serial {serial}")));
    screen.sides("    ", "      ", &[paint(color, format!("{mark} {who}")), plain(detail)], serial.as_slice());
    for answer in &server.answers {
        let targets = answer.targets.iter().map(|target| format!("CNAME → {target}"));
        let said: Vec<String> = targets.chain(answer.addresses.iter().map(ToString::to_string)).collect();
        let said = match said.is_empty() {
            true => super::network::ending(answer.status).to_owned(),
            false => said.join(", "),
        };
        let ttl = answer.ttl.map(|ttl| paint(Paint::Dim, format!("TTL {ttl}")));
        screen.sides("      ", "        ", &[plain(format!("{} {said}", answer.name))], ttl.as_slice());
    }
}
