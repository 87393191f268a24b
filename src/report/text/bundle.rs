//! A bundle for a person: what it consists of, and what it does to every client.

use std::io::{self, Write};

use comfy_table::Cell;

use super::names::Names;
use super::screen::{Paint, Screen, paint, plain, safe, table};
use super::{Detail, Style, aia, chain, findings};
use crate::model::bundle::BundleReport;
use crate::model::path::Provenance;
use crate::model::report::{Deployment, Proof, Repair, RepairOutcome};
use crate::model::verdict::{ClientVerdict, Verdict};

/// Draws the document. What was written where is the command line's to say.
pub fn write(document: &BundleReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut screen = Screen::new(style);
    let report = &document.report;
    let names = Names::new(report);
    headline(document, &mut screen);
    super::target(report, &mut screen);
    if style.detail != Detail::Headline {
        bundle(document, &names, &mut screen);
        proof(document, &mut screen);
        aia::draw(report, &names, &mut screen);
        if style.is_verbose() {
            findings::not_checked(report, &mut screen);
        }
    }
    out.write_all(screen.finish().as_bytes())
}

fn headline(document: &BundleReport, screen: &mut Screen) {
    let count = |proof: &[Proof], verdict: fn(&Proof) -> Verdict| {
        proof.iter().filter(|proof| verdict(proof) == Verdict::Accept).count()
    };
    let proof = &document.report.repair.proof;
    let (before, after) = (count(proof, |proof| proof.before), count(proof, |proof| proof.after));
    let all = proof.len();
    let reason = document.reason.as_deref().unwrap_or_default();
    let (color, word, sentence) = match document.outcome {
        RepairOutcome::Mends => (
            Paint::Good,
            "MENDED",
            format!(" by this bundle: {after} of {all} clients accept it, {before} the chain as served"),
        ),
        RepairOutcome::Tidies => (
            Paint::Good,
            "CLEANER",
            format!(" with this bundle: {after} of {all} clients accept it, as many as before"),
        ),
        RepairOutcome::NotNeeded => (Paint::Good, "NOTHING TO MEND", format!(": {reason}")),
        RepairOutcome::Impossible => (Paint::Bad, "NO BUNDLE HELPS", format!(": {reason}")),
    };
    screen.entry("", "  ", &[paint(color, word), paint(Paint::Bold, sentence)]);
    if let Some(instead) = &document.instead {
        screen.entry("  ", "    ", &[paint(Paint::Good, "→ what does: "), plain(instead)]);
    }
}

fn bundle(document: &BundleReport, names: &Names<'_>, screen: &mut Screen) {
    let report = &document.report;
    if document.bundle.is_empty() {
        return;
    }
    let count = match document.bundle.len() {
        1 => "1 certificate".to_owned(),
        count => format!("{count} certificates"),
    };
    let place = match document.endpoints.as_slice() {
        [] => String::new(),
        endpoints => format!(" for {}", endpoints.join(", ")),
    };
    screen.heading("BUNDLE", &[paint(Paint::Dim, format!("{count}{place}, in this order"))]);
    for (index, fingerprint) in document.bundle.iter().enumerate() {
        let added = report.repair.adds.contains(fingerprint);
        let sign = if added { "+" } else { " " };
        let (color, origin) = origin(document, fingerprint, added);
        let name = paint(Paint::Bold, names.certificate(fingerprint));
        screen.sides(&format!("  {sign} {}. ", index + 1), "       ", &[name], &[paint(color, origin)]);
        if let Some(facts) = names.facts(fingerprint) {
            screen.entry("       ", "       ", &chain::validity(facts, report.run.judged_at));
        }
    }
    for fingerprint in &report.repair.removes {
        let left = paint(Paint::Plain, names.certificate(fingerprint));
        let expired = names.facts(fingerprint).is_some_and(|facts| facts.not_after < report.run.judged_at);
        let why = if expired { "left out: expired" } else { "left out: not needed" };
        screen.sides("  -    ", "       ", &[left], &[paint(Paint::Warning, why)]);
    }
    if report.repair.reordered {
        screen.entry("  ~    ", "       ", &[plain("put in order, end entity first")]);
    }
    if let Some(anchor) = &report.repair.trust_anchor
        && !document.bundle.contains(anchor)
    {
        let line = format!("leads to {}, which clients have themselves: it is not sent", names.certificate(anchor));
        screen.entry("       ", "       ", &[paint(Paint::Dim, line)]);
    }
}

/// Where a certificate of the bundle comes from.
fn origin(document: &BundleReport, fingerprint: &str, added: bool) -> (Paint, String) {
    let report = &document.report;
    if !added {
        let word = if document.endpoints.is_empty() { "in the files" } else { "as served" };
        return (Paint::Dim, word.to_owned());
    }
    let fetched = report.aia.iter().find(|fetch| fetch.certificates.iter().any(|found| found == fingerprint));
    let mut on_paths = report.deployments.iter().flat_map(|deployment| &deployment.paths).filter_map(|path| {
        let position = path.certificates.iter().position(|certificate| certificate == fingerprint)?;
        path.provenance.get(position)
    });
    match fetched {
        Some(fetch) => match fetch.cached_at.filter(|_| fetch.from_cache) {
            Some(at) => (Paint::Warning, format!("added: fetched on {}, its address is dead today", at.date())),
            None => (Paint::Good, "added: fetched by AIA".to_owned()),
        },
        None if on_paths.any(|from| {
            !matches!(from, Provenance::Served | Provenance::Aia | Provenance::Cache | Provenance::Known)
        }) =>
        {
            (Paint::Good, "added: from the trust store".to_owned())
        }
        None => (Paint::Good, "added".to_owned()),
    }
}

/// One row a client, those that change first.
fn proof(document: &BundleReport, screen: &mut Screen) {
    let report = &document.report;
    let Some(deployment) = deployment(document) else { return };
    let with_bundle = !report.repair.proof.is_empty();
    let what = if with_bundle {
        "each client with the chain as it is, and with the bundle"
    } else {
        "each client with the chain as it is"
    };
    screen.heading("PROOF", &[paint(Paint::Dim, what)]);
    let mut table = table(screen.style());
    let header = ["Client", "Now", "With the bundle", "Its own words"];
    match with_bundle {
        true => table.set_header(header),
        false => table.set_header([header[0], header[1], header[3]]),
    };
    let mut clients: Vec<(&ClientVerdict, Option<&Proof>)> =
        deployment.clients.iter().map(|client| (client, proof_of(&report.repair, &client.id))).collect();
    clients.sort_by_key(|(client, proof)| proof.is_none_or(|proof| proof.after == client.verdict));
    for (client, proof) in clients {
        let mut words = client.code.clone().unwrap_or_default();
        if let Some(after) = proof.and_then(|proof| proof.after_code.as_ref()).filter(|after| **after != words) {
            words = format!("{words} → {after}");
        }
        let mut row = vec![Cell::new(safe(&client.name)), cell(client.verdict)];
        if with_bundle {
            row.push(proof.map_or_else(|| Cell::new(""), |proof| cell(proof.after)));
        }
        row.push(Cell::new(safe(&words)));
        table.add_row(row);
    }
    screen.put_table(&table);
}

fn deployment(document: &BundleReport) -> Option<&Deployment> {
    document.report.deployments.get(document.report.repair.deployment?)
}

fn proof_of<'a>(repair: &'a Repair, client: &str) -> Option<&'a Proof> {
    repair.proof.iter().find(|proof| proof.client == client)
}

fn cell(verdict: Verdict) -> Cell {
    let (color, word) = super::clients::verdict(verdict);
    let cell = Cell::new(word);
    match color.color() {
        Some(color) => cell.fg(color),
        None => cell,
    }
}
