//! `tlsmend demo`: the whole story on one broken domain of the lab: found, explained, mended, proven.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::fix::screen;
use super::options::{Global, Output};
use super::{CliError, Exit};
use crate::lab::cas::{Binding, Propagation, Seed};
use crate::lab::{DEMO, Lab, LabError};
use crate::model::aia::AiaOutcome;
use crate::model::fix::{FixReport, Outcome};
use crate::model::path::Provenance;
use crate::model::report::{Deployment, Report};
use crate::model::verdict::{ClientVerdict, Verdict};
use crate::probe;
use crate::remedy::cas::credentials::{Credentials, Identity};
use crate::remedy::cas::{self, CasClient, Endpoint, EndpointError};
use crate::remedy::journal::{self, Journal, ProbeRequest, Request, ServiceRequest};
use crate::remedy::plan;
use crate::remedy::run::{self, Setting};
use crate::remedy::secret::Secret;
use crate::remedy::service::cas::{CasService, Options, Patience};
use crate::remedy::service::{CertificateService, Watch};
use crate::report::text::{self, screen::wrap};

/// Between two looks at the job.
const POLL: Duration = Duration::from_millis(50);

/// The longest that job and addresses are waited for: a demonstration that takes longer has failed.
const TOTAL: Duration = Duration::from_secs(20);

/// Until the gateway serves what was deployed: long enough to be waited for, as with real ones.
const SPREAD_MS: u64 = 200;

/// See a domain that works in Chrome and fails in curl, and how it is mended
///
/// Starts a server on this machine whose chain lacks the intermediate, and an emulated certificate service before it. Probes
/// the domain over its sockets, plans the repair, has the service deploy the corrected bundle, and looks from outside until
/// every client accepts. No network, no privileges, nothing remains.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 every client accepts after the change; 1 not every one does; 2 the lab cannot start.

`--output json` gives the document of `fix`: the plan, what was done, every call, and the whole report of both probes.")]
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

/// The whole loop: probe, plan, run through the emulated certificate service, probe again. An error is the lab's, never the
/// broken domain's.
async fn tell() -> Result<FixReport, String> {
    let lab = Lab::start(super::clock(), Some(&[DEMO])).await.map_err(|error| error.to_string())?;
    let running = lab.scenario(DEMO).ok_or_else(|| LabError::Unknown(DEMO.to_owned()).to_string())?;
    let seed = Seed { propagation: Propagation { first_ms: SPREAD_MS, ..Propagation::default() }, ..Seed::default() };
    let account = seed.accounts.first().cloned().unwrap_or_default();
    let emulator = lab.with_cas(DEMO, Binding::default(), seed, Arc::new(super::clock)).await;
    let emulator = emulator.map_err(|error| error.to_string())?;
    let target = running.target().map_err(|error| error.to_string())?;
    let settings = lab.settings(running).map_err(|error| error.to_string())?;
    let before = probe::probe(&target, &settings, super::clock).await;
    let (change, mut plan) = plan::repair(&before).map_err(|reason| reason.text)?;
    let endpoint: Endpoint = emulator.endpoint().parse().map_err(|error: EndpointError| error.to_string())?;
    let options = Options { endpoint: endpoint.to_string(), key_from_service: true, ..Options::default() };
    let identity = Identity::Static(Credentials {
        access_key_id: account.access_key_id,
        access_key_secret: Secret::new(account.access_key_secret.reveal()),
        security_token: None,
        expires: None,
    });
    let cas_settings = cas::Settings::for_endpoint(&endpoint, Arc::new(super::clock));
    let client = CasClient::new(endpoint, identity, cas_settings).map_err(|error| error.to_string())?;
    let service = CasService::new(client, options.clone(), Patience { poll: POLL, total: TOTAL });
    let proposal = service.propose(&change, &before).await.map_err(|error| error.to_string())?;
    if let Some(refusal) = &proposal.refusal {
        return Err(refusal.text.clone());
    }
    plan.service = service.kind().to_owned();
    proposal.complete(&mut plan);
    let request = Request {
        target: target.input.clone(),
        service: ServiceRequest::Cas(options),
        probe: ProbeRequest::default(),
        poll_interval: POLL,
        propagation_timeout: TOTAL,
    };
    let io = |error: io::Error| format!("cannot keep the journal: {error}");
    let folder = tempfile::tempdir().map_err(io)?;
    let id = journal::new_id(super::clock()).map_err(io)?;
    let state = serde_json::to_value(&proposal.state).map_err(|error| error.to_string())?;
    let header = journal::header(id, super::clock(), request, change, plan, before, state);
    let mut journal = Journal::create(folder.path(), header, None).map_err(|error| error.to_string())?;
    let (_nobody, interrupted) = tokio::sync::watch::channel(false);
    let watch = Watch { tell: &|_| (), interrupted, waited: Cell::default() };
    let setting = Setting { target: &target, probe: &settings, clock: super::clock, watch };
    run::drive(&service, &mut journal, &setting).await.map_err(|error| error.to_string())
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
        let reason = story.reason.as_ref().map_or("the report gives no reason", |reason| reason.text.as_str());
        return writeln!(out, "Not mended ({}): {reason}", screen::word(story.outcome));
    };
    heading(out, style, "3. The plan: what is changed, through whom, and how it would be taken back")?;
    out.write_all(screen::plan(&story.plan, before, style).trim_start().as_bytes())?;
    heading(out, style, "4. Done, through an emulated certificate service")?;
    out.write_all(screen::steps(story, style).as_bytes())?;
    heading(out, style, "5. The same domain, probed again")?;
    changes(before, after, style, out)?;
    writeln!(out)?;
    if story.outcome == Outcome::Mended {
        writeln!(out, "Mended: every client accepts what every address serves.")?;
    } else {
        let reason = story.reason.as_ref().map_or("the report gives no reason", |reason| reason.text.as_str());
        writeln!(out, "Not mended ({}): {reason}", screen::word(story.outcome))?;
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
