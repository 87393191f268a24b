//! `tlsmend fix`: plan, consent, run, look from outside, put back.

mod options;
pub(super) mod screen;

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use tokio::sync::watch;

use super::cloud::CloudOptions;
use super::options::{Global, Output};
use super::{CliError, Exit, mapping};
use crate::model::finding::Severity;
use crate::model::fix::{FixReport, Outcome, Plan, Reason, ReasonCode, Timing};
use crate::model::report::{Report, SCHEMA_VERSION};
use crate::model::target::Target;
use crate::probe::{self, Settings};
use crate::remedy::journal::{self, Journal, Request, ServiceRequest, Summary};
use crate::remedy::plan::{self, Change, reason};
use crate::remedy::run::{self, Setting};
use crate::remedy::service::file::FileService;
use crate::remedy::service::{CertificateService, Watch};
use crate::report::text;

pub use options::Arguments;

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let runs = runs_folder()?;
    if arguments.list {
        return list(&runs, arguments.output);
    }
    // What would keep the table from being written must not come up when the certificate is deployed.
    if let Some(file) = &arguments.mapping {
        mapping::check_file(file)?;
    }
    let face = Face { arguments, global };
    let mut document = super::runtime()?.block_on(async {
        let (send, interrupted) = watch::channel(false);
        let asked = super::interrupted()?;
        // Ends with the runtime; until then every Ctrl-C lets the call on its way end first.
        tokio::spawn(async move {
            asked.await;
            let _ = send.send(true);
        });
        let shown = |line: &str| face.progress(line);
        let watch = Watch { tell: &shown, interrupted, waited: std::cell::Cell::default() };
        match (&arguments.resume, &arguments.rollback, &arguments.target) {
            (Some(id), ..) => go_on(&runs, id, false, &arguments.cloud, watch).await,
            (_, Some(id), _) => go_on(&runs, id, true, &arguments.cloud, watch).await,
            (.., Some(target)) => begin(&runs, target, &face, watch).await,
            // clap demands one of them.
            (.., None) => Err(CliError::Usage("a target is missing; see tlsmend fix --help".to_owned())),
        }
    })?;
    if let Some(file) = &arguments.mapping {
        document.notes.extend(enter(file, &document));
    }
    face.show(&document)?;
    Ok(exit_of(&document))
}

/// Has the AIRec table follow the id that is bound now; says so, and what is left to do.
fn enter(file: &Path, document: &FixReport) -> Vec<String> {
    let ids = document.plan.ids.iter();
    let id = match document.outcome {
        Outcome::Mended => ids.filter_map(|id| id.new.as_deref()).next(),
        Outcome::RolledBack => ids.filter_map(|id| id.old.as_deref()).next(),
        _ => None,
    };
    let target = &document.before.target;
    match id {
        Some(id) => mapping::follow(file, &target.host, target.port, id),
        None => vec![format!("{}: left as it is, because no certificate has a new id.", mapping::shown(file))],
    }
}

/// The exit code for how a fix ended.
pub fn exit_of(document: &FixReport) -> Exit {
    let code = document.reason.as_ref().map(|reason| reason.code);
    match (document.outcome, code) {
        (Outcome::Mended, _) => Exit::Clean,
        (Outcome::NotMended, _) => Exit::Findings,
        (Outcome::NothingChanged, Some(ReasonCode::NothingToMend)) => Exit::Clean,
        (Outcome::NothingChanged, Some(ReasonCode::TargetUnreachable | ReasonCode::ServiceUnreachable)) => {
            Exit::Unreachable
        }
        // What was asked for was done.
        (Outcome::NothingChanged | Outcome::RolledBack, Some(ReasonCode::Asked)) => Exit::Clean,
        (Outcome::NothingChanged, _) => Exit::Findings,
        (Outcome::RolledBack, _) => Exit::RolledBack,
        (Outcome::NeedsAttention | Outcome::Interrupted, _) => Exit::NeedsAttention,
    }
}

/// Terminal and output, as asked for.
struct Face<'a> {
    arguments: &'a Arguments,
    global: &'a Global,
}

impl Face<'_> {
    /// What happens, to who watches.
    fn progress(&self, line: &str) {
        if self.global.quiet == 0 && std::io::stderr().is_terminal() {
            for line in text::screen::wrap(line, super::terminal_width().saturating_sub(2)) {
                eprintln!("· {line}");
            }
        }
    }

    fn show(&self, document: &FixReport) -> Result<(), CliError> {
        if self.global.quiet > 1 {
            return Ok(());
        }
        let mut out = Vec::new();
        match self.arguments.output {
            Output::Json => {
                serde_json::to_writer_pretty(&mut out, document).map_err(std::io::Error::from)?;
                out.push(b'\n');
            }
            Output::Text => out.extend(screen::document(document, super::probe::style(self.global)).into_bytes()),
        }
        super::write_out(&out)
    }

    /// Does the person at the terminal agree? Without one, `--yes` must have said so.
    fn consent(&self, change: &Change, plan: &Plan, before: &Report) -> Result<(), Reason> {
        if self.arguments.dry_run {
            let text = "This is the plan; nothing was changed. Without --dry-run, and with --yes where there is no terminal, it is done.";
            return Err(reason(ReasonCode::DryRun, text.to_owned()));
        }
        if self.arguments.yes {
            return Ok(());
        }
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            let text = "This is the plan; nothing was changed, because nobody is at a terminal to agree. --yes agrees beforehand.";
            return Err(reason(ReasonCode::NoConsent, text.to_owned()));
        }
        let style = text::Style { color: false, ..super::probe::style(self.global) };
        eprint!("{}\nDo this for {}? [y/N] ", screen::plan(plan, before, style), change.host);
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        let _ = std::io::stdin().lock().read_line(&mut answer);
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(reason(ReasonCode::Declined, "Declined; nothing was changed.".to_owned())),
        }
    }
}

/// A new run: look, plan, ask, do.
async fn begin(runs: &Path, target: &Target, face: &Face<'_>, watch: Watch<'_>) -> Result<FixReport, CliError> {
    let request = face.arguments.request(target)?;
    let settings = options::settings(&request)?;
    (watch.tell)(&format!("probing {}", target.host));
    let before = probe::probe(target, &settings, super::clock).await;
    let nothing = |before: Report, plan: Plan, reason: Reason| FixReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        run_id: None,
        plan,
        steps: Vec::new(),
        before,
        after: None,
        outcome: Outcome::NothingChanged,
        reason: Some(reason),
        calls: Vec::new(),
        timing_ms: Timing::default(),
        notes: Vec::new(),
    };
    let empty = Plan { service: request.service.kind().to_owned(), ..Plan::default() };
    let planned = match &face.arguments.replace_with {
        None => plan::repair(&before),
        Some(file) => options::replacement(file, face.arguments.key.as_deref(), &before, &settings)?,
    };
    let (change, plan) = match planned {
        Ok(planned) => planned,
        Err(mut reason) => {
            if super::probe::exit_of(&before, Severity::Medium) == Exit::Unreachable {
                reason.code = ReasonCode::TargetUnreachable;
            }
            return Ok(nothing(before, empty, reason));
        }
    };
    let id = journal::new_id(super::clock()).map_err(|error| CliError::Usage(format!("cannot begin: {error}")))?;
    let folder = runs.join(&id);
    let run = Begin {
        runs,
        id,
        request: &request,
        target,
        settings: &settings,
        face,
        watch,
        unfinished: unfinished(runs, &change)?,
    };
    let (document, reason) = match &request.service {
        ServiceRequest::File(place) => {
            run.with(&FileService::new(place.clone(), folder), &change, plan, &before).await?
        }
        ServiceRequest::Guide(guide) => {
            run.with(&options::guide_service(guide, &request, &face.arguments.cloud)?, &change, plan, &before).await?
        }
        ServiceRequest::Cas(cas) => {
            run.with(&options::cas_service(cas, &request, &face.arguments.cloud)?, &change, plan, &before).await?
        }
    };
    Ok(match document {
        Ended::Ran(document) => *document,
        Ended::Planned(plan, calls) => {
            FixReport { calls, ..nothing(before, *plan, reason.unwrap_or_else(nobody_said)) }
        }
    })
}

fn nobody_said() -> Reason {
    reason(ReasonCode::DryRun, "Nothing was changed.".to_owned())
}

/// Goes on with a run.
async fn go_on(
    runs: &Path,
    id: &str,
    back: bool,
    cloud: &CloudOptions,
    watch: Watch<'_>,
) -> Result<FixReport, CliError> {
    let mut journal = Journal::open(runs, id, crash_point()).map_err(usage)?;
    let request = journal.header().request.clone();
    let settings = options::settings(&request)?;
    let target: Target = request
        .target
        .parse()
        .map_err(|error: crate::model::target::TargetError| CliError::Usage(error.to_string()))?;
    if back {
        run::turn(&mut journal, super::clock).map_err(usage)?;
    }
    let setting = Setting { target: &target, probe: &settings, clock: super::clock, watch };
    let folder = journal.folder().to_owned();
    let driven = match &request.service {
        ServiceRequest::File(place) => {
            run::drive(&FileService::new(place.clone(), folder), &mut journal, &setting).await
        }
        ServiceRequest::Guide(guide) => {
            run::drive(&options::guide_service(guide, &request, cloud)?, &mut journal, &setting).await
        }
        ServiceRequest::Cas(cas) => {
            run::drive(&options::cas_service(cas, &request, cloud)?, &mut journal, &setting).await
        }
    };
    driven.map_err(usage)
}

/// What `begin` has gathered when the service comes in.
struct Begin<'a> {
    runs: &'a Path,
    id: String,
    request: &'a Request,
    target: &'a Target,
    settings: &'a Settings,
    face: &'a Face<'a>,
    watch: Watch<'a>,
    unfinished: Option<String>,
}

enum Ended {
    Ran(Box<FixReport>),
    Planned(Box<Plan>, Vec<crate::model::call::Call>),
}

impl Begin<'_> {
    async fn with<S: CertificateService>(
        self,
        service: &S,
        change: &Change,
        mut plan: Plan,
        before: &Report,
    ) -> Result<(Ended, Option<Reason>), CliError> {
        plan.service = service.kind().to_owned();
        let proposal = match service.propose(change, before).await {
            Ok(proposal) => proposal,
            Err(error) => return Ok((Ended::Planned(Box::new(plan), service.take_calls()), Some(error.reason()))),
        };
        proposal.complete(&mut plan);
        let refusal = proposal.refusal.or_else(|| {
            self.unfinished.as_ref().map(|id| {
                let text = format!(
                    "An earlier run for this target is not finished. Nothing was changed. Go on with it: tlsmend fix --resume {id}. \
                     Or take it back: tlsmend fix --rollback {id}."
                );
                reason(ReasonCode::Unfinished, text)
            })
        });
        let agreed = match refusal {
            Some(refusal) => Err(refusal),
            None => self.face.consent(change, &plan, before),
        };
        if let Err(reason) = agreed {
            return Ok((Ended::Planned(Box::new(plan), service.take_calls()), Some(reason)));
        }
        let state = serde_json::to_value(&proposal.state).map_err(|error| CliError::Internal(error.to_string()))?;
        let header =
            journal::header(self.id, super::clock(), self.request.clone(), change.clone(), plan, before.clone(), state);
        let mut journal = Journal::create(self.runs, header, crash_point()).map_err(usage)?;
        let setting = Setting { target: self.target, probe: self.settings, clock: super::clock, watch: self.watch };
        let document = run::drive(service, &mut journal, &setting).await.map_err(usage)?;
        Ok((Ended::Ran(Box::new(document)), None))
    }
}

/// A run for the same target that was begun and not finished: two at once would undo each other's work.
fn unfinished(runs: &Path, change: &Change) -> Result<Option<String>, CliError> {
    let target = format!("{}:{}", change.host, change.port);
    let is_open = |run: &Summary| run.target == target && matches!(run.outcome, None | Some(Outcome::NeedsAttention));
    Ok(journal::list(runs).map_err(usage)?.into_iter().rev().find(is_open).map(|run| run.id))
}

fn list(runs: &Path, output: Output) -> Result<Exit, CliError> {
    let found = journal::list(runs).map_err(usage)?;
    let mut out = Vec::new();
    match output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, &found).map_err(std::io::Error::from)?;
            out.push(b'\n');
        }
        Output::Text if found.is_empty() => writeln!(out, "no runs in {}", runs.display())?,
        Output::Text => {
            for run in found {
                let state = match (run.running, run.outcome) {
                    (true, _) => "running",
                    (false, None) => "not finished: --resume or --rollback",
                    (false, Some(outcome)) => screen::word(outcome),
                };
                writeln!(out, "{}  {}  {} through {}: {state}", run.id, run.started_at, run.target, run.service)?;
            }
        }
    }
    super::write_out(&out)?;
    Ok(Exit::Clean)
}

/// `$XDG_STATE_HOME/tlsmend/runs` (XDG Base Directory Specification: `~/.local/state` by default, absolute paths only).
fn runs_folder() -> Result<PathBuf, CliError> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    let none =
        || CliError::Usage("no place for the journal: set XDG_STATE_HOME or HOME to an absolute path".to_owned());
    Ok(state.ok_or_else(none)?.join("tlsmend/runs"))
}

fn usage(error: journal::JournalError) -> CliError {
    CliError::Usage(error.to_string())
}

/// Where a test has this process end as if its power were cut: `before:N`, `torn:N`, `after:N`. Not in released builds.
fn crash_point() -> Option<journal::CrashPoint> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let text = std::env::var("TLSMEND_TEST_CRASH").ok()?;
    let (when, number) = text.split_once(':')?;
    let number = number.parse().ok()?;
    match when {
        "before" => Some(journal::CrashPoint::Before(number)),
        "torn" => Some(journal::CrashPoint::Torn(number)),
        "after" => Some(journal::CrashPoint::After(number)),
        _ => None,
    }
}
