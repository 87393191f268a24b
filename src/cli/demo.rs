//! `tlsmend demo`: the whole story on one broken domain of the lab: found, explained, mended, proven.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::options::{Global, Output};
use super::{CliError, Exit};
use crate::lab::{DEMO, Lab, LabError, Running};
use crate::model::aia::AiaOutcome;
use crate::model::finding::Severity;
use crate::model::fix::{FixReport, Outcome, Plan, Step, StepStatus, Timing};
use crate::model::handshake::EndpointStatus;
use crate::model::path::Provenance;
use crate::model::report::{Deployment, Report, SCHEMA_VERSION};
use crate::model::verdict::{ClientVerdict, Verdict};
use crate::probe;
use crate::report::text::{self, screen::wrap};
use crate::x509::{Fingerprint, certificates_in};

/// See a domain that works in Chrome and fails in curl, and how it is mended
///
/// Starts a server on this machine whose chain lacks the intermediate, probes it over its sockets, has the server send
/// the corrected bundle, and probes it again. No network, no privileges, nothing remains.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 every client accepts after the change; 1 not every one does; 2 the lab cannot start.

`--output json` gives the plan, what was done, and the whole report of both probes.")]
pub struct Arguments {
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let story = super::runtime()?.block_on(tell()).map_err(CliError::Usage)?;
    if global.quiet < 2 {
        let mut out = Vec::new();
        match arguments.output {
            Output::Json => {
                serde_json::to_writer_pretty(&mut out, &story).map_err(io::Error::from)?;
                writeln!(out)?;
            }
            Output::Text => write(&story, super::probe::style(global), &mut out)?,
        }
        super::write_out(&out)?;
    }
    Ok(if story.outcome == Outcome::Mended { Exit::Clean } else { Exit::Findings })
}

/// Probe, mend, probe again. An error is the lab's, never the broken domain's.
async fn tell() -> Result<FixReport, String> {
    let lab = Lab::start(super::clock(), Some(&[DEMO])).await.map_err(|error| error.to_string())?;
    let running = lab.scenario(DEMO).ok_or_else(|| LabError::Unknown(DEMO.to_owned()).to_string())?;
    let before = look(&lab, running).await?;
    let Some(bundle) = &before.repair.bundle_pem else {
        return Ok(story(Plan::default(), Vec::new(), before, None, Outcome::NothingChanged));
    };
    let bundle = certificates_in(bundle.as_bytes()).map_err(|error| format!("the bundle cannot be read: {error}"))?;
    let plan = Plan {
        endpoints: before.endpoints.iter().map(|endpoint| endpoint.address.clone()).collect(),
        bundle: bundle.iter().map(|der| Fingerprint::of(der).to_string()).collect(),
        adds: before.repair.adds.clone(),
        removes: before.repair.removes.clone(),
        reordered: before.repair.reordered,
        ..Plan::default()
    };
    running.exchange_chain(&bundle);
    let served = step("serve-bundle", "the server was given the bundle; its key stays", StepStatus::Done);
    let after = look(&lab, running).await?;
    let outcome = outcome(&plan, &after);
    let proven = if outcome == Outcome::Mended { StepStatus::Done } else { StepStatus::Failed };
    let verified = step("verify", "every address was probed again", proven);
    Ok(story(plan, vec![served, verified], before, Some(after), outcome))
}

fn story(plan: Plan, steps: Vec<Step>, before: Report, after: Option<Report>, outcome: Outcome) -> FixReport {
    FixReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        run_id: None,
        plan,
        steps,
        before,
        after,
        outcome,
        reason: None,
        calls: Vec::new(),
        timing_ms: Timing::default(),
        notes: Vec::new(),
    }
}

async fn look(lab: &Lab, running: &Running) -> Result<Report, String> {
    let target = running.target().map_err(|error| error.to_string())?;
    let settings = lab.settings(running).map_err(|error| error.to_string())?;
    Ok(probe::probe(&target, &settings, super::clock).await)
}

fn step(action: &str, description: &str, status: StepStatus) -> Step {
    Step { action: action.to_owned(), description: description.to_owned(), at: super::clock(), status }
}

/// Mended: every planned address serves the bundle, every client accepts it, and nothing is left to find.
fn outcome(plan: &Plan, after: &Report) -> Outcome {
    let reached = after.endpoints.iter().filter(|endpoint| endpoint.status == EndpointStatus::Completed).count();
    let accepted = |deployment: &Deployment| {
        !deployment.clients.is_empty() && deployment.clients.iter().all(|client| client.verdict == Verdict::Accept)
    };
    let served = !after.deployments.is_empty()
        && after.deployments.iter().all(|deployment| deployment.served_chain == plan.bundle && accepted(deployment));
    let clean = after.findings.iter().all(|finding| finding.severity < Severity::Medium);
    let mended = reached > 0 && reached == plan.endpoints.len() && served && clean;
    if mended { Outcome::Mended } else { Outcome::NotMended }
}

fn write(story: &FixReport, style: text::Style, out: &mut dyn Write) -> io::Result<()> {
    let before = &story.before;
    heading(out, style, "1. A domain of the lab, probed on this machine's own sockets")?;
    text::write(before, style, out)?;
    heading(out, style, "2. What is going on")?;
    for deployment in &before.deployments {
        explain(before, deployment, style, out)?;
    }
    let Some(after) = &story.after else {
        let reason = before.repair.reason.as_deref().unwrap_or("the report gives no reason");
        return writeln!(out, "No bundle mends it: {reason}.");
    };
    heading(out, style, "3. The bundle, which the server has now been given")?;
    for hash in &story.plan.bundle {
        let sign = if story.plan.adds.contains(hash) { '+' } else { ' ' };
        writeln!(out, "  {sign} {}", subject(before, hash))?;
    }
    for hash in &story.plan.removes {
        writeln!(out, "  - {}", subject(before, hash))?;
    }
    heading(out, style, "4. The same domain, probed again")?;
    changes(before, after, style, out)?;
    writeln!(out)?;
    match story.outcome {
        Outcome::Mended => writeln!(out, "Mended: every client accepts what every address serves.")?,
        _ => {
            let clients = after.deployments.iter().flat_map(|deployment| &deployment.clients);
            let (accepting, others): (Vec<_>, Vec<_>) = clients.partition(|client| client.verdict == Verdict::Accept);
            writeln!(out, "Not mended: {} clients accept, {} do not.", accepting.len(), others.len())?;
            for finding in &after.findings {
                writeln!(out, "  {} {}: {}", finding.severity, finding.code, finding.title)?;
            }
        }
    }
    writeln!(out, "\nMore broken domains: tlsmend lab run. Your own: tlsmend probe DOMAIN.")
}

/// Who accepts and who refuses, and why they differ, as the verdicts and their paths say.
fn explain(report: &Report, deployment: &Deployment, style: text::Style, out: &mut dyn Write) -> io::Result<()> {
    let fetched = |client: &ClientVerdict| {
        let path = client.path.and_then(|index| deployment.paths.get(index));
        path.is_some_and(|path| path.provenance.contains(&Provenance::Aia))
    };
    let sent = deployment.served_chain.len();
    writeln!(out, "The server sends {sent} certificate{}.", if sent == 1 { "" } else { "s" })?;
    let mut groups: BTreeMap<(u8, String), Vec<&str>> = BTreeMap::new();
    for client in &deployment.clients {
        let group = match client.verdict {
            Verdict::Accept if fetched(client) => (0, "accepted, with an issuer the client fetches".to_owned()),
            Verdict::Accept => (1, "accepted as sent".to_owned()),
            Verdict::Reject | Verdict::Error => match &client.cause {
                Some(cause) => (2, format!("refused because of {cause}")),
                None => (2, "refused".to_owned()),
            },
            Verdict::Undetermined => (3, "undecided".to_owned()),
        };
        groups.entry(group).or_default().push(&client.name);
    }
    for ((_, what), clients) in &groups {
        writeln!(out, "  {what}:")?;
        list(clients, style, out)?;
    }
    for fetch in report.aia.iter().filter(|fetch| fetch.outcome == AiaOutcome::Accepted) {
        writeln!(out, "A certificate says where its issuer can be fetched:\n  {}", fetch.url)?;
        for hash in &fetch.certificates {
            writeln!(out, "There lies:\n  {}", subject(report, hash))?;
        }
    }
    Ok(())
}

/// What changes for whom, then what stays.
fn changes(before: &Report, after: &Report, style: text::Style, out: &mut dyn Write) -> io::Result<()> {
    let clients = |report: &Report| -> Vec<ClientVerdict> {
        report.deployments.iter().flat_map(|deployment| deployment.clients.clone()).collect()
    };
    let (old, new) = (clients(before), clients(after));
    let mut groups: BTreeMap<(bool, String), Vec<&str>> = BTreeMap::new();
    for client in &new {
        let earlier = old.iter().find(|earlier| earlier.id == client.id).map(|earlier| earlier.verdict);
        let change = format!("{} → {}", earlier.map_or("not asked", word), word(client.verdict));
        groups.entry((earlier == Some(client.verdict), change)).or_default().push(&client.name);
    }
    for ((_, change), clients) in &groups {
        writeln!(out, "  {change}:")?;
        list(clients, style, out)?;
    }
    Ok(())
}

/// Names of clients, in as many lines as they take.
fn list(clients: &[&str], style: text::Style, out: &mut dyn Write) -> io::Result<()> {
    for line in wrap(&text::folded(clients, style), style.width.saturating_sub(4)) {
        writeln!(out, "    {line}")?;
    }
    Ok(())
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Reject => "reject",
        Verdict::Error => "error",
        Verdict::Undetermined => "undetermined",
    }
}

fn subject(report: &Report, hash: &str) -> String {
    report.certificates.get(hash).map_or_else(|| hash.to_owned(), |certificate| certificate.subject.clone())
}

fn heading(out: &mut dyn Write, style: text::Style, words: &str) -> io::Result<()> {
    if style.color { writeln!(out, "\n\x1b[1m{words}\x1b[0m\n") } else { writeln!(out, "\n{words}\n") }
}
