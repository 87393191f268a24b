//! The run: a state machine over journal entries. Forward through a service's steps, a look from outside, and where
//! anything fails the way back; killed at any instant, it goes on from its journal.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::journal::{Entry, Finish, Journal, JournalError};
use super::plan::{self, Serving, reason};
use super::service::{CertificateService, ErrorKind, Look, Scene, ServiceError, Watch};
use super::verify::{self, Patience, Waited};
use crate::model::call::Call;
use crate::model::fix::{FixReport, Outcome, Reason, ReasonCode, Step, StepStatus, Timing};
use crate::model::report::{Report, SCHEMA_VERSION};
use crate::model::target::{ReferenceId, Target};
use crate::probe::{self, Clock};

/// Times a write is made whose answers are lost, each after a look that shows no effect.
const ATTEMPTS: usize = 3;

/// Before such a look: what was sent may still be on its way.
const SETTLE: Duration = Duration::from_millis(500);

const VERIFY: &str = "verify";
const VERIFY_OLD: &str = "verify-old";
const REQUEST: &str = "request";

/// What a run needs beside its service and its journal.
pub struct Setting<'a> {
    pub target: &'a Target,
    pub probe: &'a probe::Settings,
    pub clock: Clock,
    pub watch: Watch<'a>,
}

/// Goes on from where the journal ends, to the end. A failure of service or server is a result; an error is that of the
/// journal, without which nothing may be done.
pub async fn drive<S: CertificateService>(
    service: &S,
    journal: &mut Journal,
    setting: &Setting<'_>,
) -> Result<FixReport, JournalError> {
    if let Some(Entry::Finished(finish)) = journal.entries().last()
        && finish.outcome != Outcome::NeedsAttention
    {
        return Ok(document(journal));
    }
    let begun = Instant::now();
    let mut run = Run { service, setting, begun, scene: scene(service, journal, &setting.watch)?, journal };
    let end = match run.turned() {
        Some(cause) => run.backward(cause).await,
        None => run.forward().await,
    };
    let touched = run.service.forward().iter().any(|&step| S::touches(step) && run.scene.has_begun(step));
    match end {
        Ok(()) => Ok(document(journal)),
        Err(Stop::Interrupted) => Ok(stopped(journal, touched, None)),
        // What was done so far is known, what comes next must not be done without a journal.
        Err(Stop::Journal(error)) if touched => Ok(stopped(journal, touched, Some(error.to_string()))),
        Err(Stop::Journal(error)) => Err(error),
        // Both directions answer for the service's errors themselves.
        Err(Stop::Service(error)) => Ok(stopped(journal, touched, Some(error.text))),
    }
}

/// Everything back, from now on: also long after the run succeeded.
pub fn turn(journal: &mut Journal, clock: Clock) -> Result<(), JournalError> {
    let cause = reason(ReasonCode::Asked, "It was taken back as asked.".to_owned());
    journal.append(Entry::Turn { at: clock(), cause })
}

struct Run<'a, S: CertificateService> {
    service: &'a S,
    setting: &'a Setting<'a>,
    journal: &'a mut Journal,
    scene: Scene<'a, S>,
    begun: Instant,
}

/// Why a sequence of steps ends early.
enum Stop {
    Service(ServiceError),
    Journal(JournalError),
    Interrupted,
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// The state as the journal left it.
fn scene<'a, S: CertificateService>(
    service: &S,
    journal: &Journal,
    watch: &'a Watch<'a>,
) -> Result<Scene<'a, S>, JournalError> {
    let last = journal.entries().iter().rev().find_map(|entry| match entry {
        Entry::Done { state, .. } if !state.is_null() => Some(state),
        _ => None,
    });
    let state = last.unwrap_or(&journal.header().state).clone();
    let state = serde_json::from_value(state)
        .map_err(|error| JournalError::Damaged(journal.folder().to_owned(), 1, error.to_string()))?;
    let all = service.forward().iter().chain(service.backward());
    let begun = all.copied().filter(|step| {
        let name = step.to_string();
        journal.entries().iter().any(|entry| matches!(entry, Entry::Intent { step, .. } if *step == name))
    });
    Ok(Scene { change: journal.header().change.clone(), state, begun: begun.collect(), watch })
}

impl<S: CertificateService> Run<'_, S> {
    /// Since when, and why, everything is taken back.
    fn turned(&self) -> Option<Reason> {
        self.journal.entries().iter().rev().find_map(|entry| match entry {
            Entry::Turn { cause, .. } => Some(cause.clone()),
            _ => None,
        })
    }

    async fn forward(&mut self) -> Result<(), Stop> {
        match self.ahead().await {
            Ok(after) => {
                self.request().await?;
                self.finish(Outcome::Mended, None, Some(after)).await
            }
            Err(Turn::Stop(Stop::Service(error))) => self.back(error.reason()).await,
            Err(Turn::Cause(cause)) => self.back(cause).await,
            Err(Turn::Stop(stop)) => Err(stop),
        }
    }

    async fn ahead(&mut self) -> Result<Report, Turn> {
        for &step in self.service.forward() {
            self.make(step, 0).await?;
        }
        let expected = self
            .scene
            .change
            .answered
            .iter()
            .map(|serving| Serving { address: serving.address.clone(), chain: self.scene.change.bundle.clone() });
        let expected = expected.collect();
        let after = self.served(VERIFY, expected).await?;
        plan::kept_promise(&self.scene.change, &after).map_err(Turn::Cause)?;
        Ok(after)
    }

    /// Makes one step, unless the journal or a look says that it was made. Entries before `since` do not count.
    async fn make(&mut self, step: S::Step, since: usize) -> Result<(), Stop> {
        let name = step.to_string();
        let made = self.journal.entries()[since..]
            .iter()
            .any(|entry| matches!(entry, Entry::Done { step, .. } if *step == name));
        if made {
            return Ok(());
        }
        if self.setting.watch.is_interrupted() {
            return Err(Stop::Interrupted);
        }
        let mut attempt = 0;
        let (found, description) = loop {
            match self.service.look(step, &mut self.scene).await {
                Ok(Look::Done(seen)) => break (attempt == 0, seen),
                Ok(Look::NotYet) => {}
                Err(error) => return self.failed(&name, error),
            }
            if attempt == 0 {
                self.journal.append(Entry::Intent { step: name.clone(), at: (self.setting.clock)() })?;
                self.scene.begun.push(step);
            }
            attempt += 1;
            let acted = match S::waits(step) {
                // It only reads: leaving it in the middle leaves nothing behind.
                true => {
                    let watch = &self.setting.watch;
                    let acting = self.service.act(step, &mut self.scene);
                    tokio::select! {
                        acted = acting => acted,
                        () = watch.interrupted() => return Err(Stop::Interrupted),
                    }
                }
                false => self.service.act(step, &mut self.scene).await,
            };
            match acted {
                Ok(done) => break (false, done),
                Err(error) if error.kind == ErrorKind::Uncertain && attempt < ATTEMPTS => {
                    (self.setting.watch.tell)(&format!("{}; looking whether it was done", error.text));
                    tokio::time::sleep(SETTLE).await;
                }
                Err(error) => return self.failed(&name, error),
            }
        };
        (self.setting.watch.tell)(&description);
        let state = serde_json::to_value(&self.scene.state)
            .map_err(|error| JournalError::Io(self.journal.folder().to_owned(), error.into()))?;
        let (at, calls) = ((self.setting.clock)(), self.service.take_calls());
        Ok(self.journal.append(Entry::Done { step: name, at, description, found, state, calls })?)
    }

    fn failed(&mut self, step: &str, error: ServiceError) -> Result<(), Stop> {
        (self.setting.watch.tell)(&error.text);
        let (at, calls) = ((self.setting.clock)(), self.service.take_calls());
        self.journal.append(Entry::Failed { step: step.to_owned(), at, reason: error.reason(), calls })?;
        Err(Stop::Service(error))
    }

    /// Waits until every address serves what is expected of it, then probes as a user would. The report of that.
    async fn served(&mut self, step: &str, expected: Vec<Serving>) -> Result<Report, Turn> {
        let setting = self.setting;
        let request = &self.journal.header().request;
        let request_patience = request.propagation_timeout;
        let patience = Patience { total: request_patience, first_pause: request.poll_interval };
        let reference = self.reference();
        let why_late = self.why_late();
        let deadline = Instant::now() + patience.total;
        let after = loop {
            let patience = Patience { total: deadline.saturating_duration_since(Instant::now()), ..patience };
            let late = match verify::until_served(
                &expected,
                &reference,
                setting.target.starttls,
                patience,
                &why_late,
                &setting.watch,
            )
            .await
            {
                Waited::Interrupted => return Err(Turn::Stop(Stop::Interrupted)),
                Waited::Late(late) => late,
                Waited::Served => {
                    let after = probe::probe(setting.target, setting.probe, setting.clock).await;
                    // Servers that take turns behind one address do not all change at the same moment.
                    let late = verify::late_in(&after, &expected);
                    if late.is_empty() {
                        break after;
                    }
                    late
                }
            };
            if Instant::now() < deadline {
                if !setting.watch.pause(patience.first_pause.min(patience.total)).await {
                    return Err(Turn::Stop(Stop::Interrupted));
                }
                continue;
            }
            let list: Vec<String> = late.iter().map(|(address, what)| format!("{address} {what}")).collect();
            let seconds = request_patience.as_secs();
            let text = format!("Within {seconds} s not every address served it: {}.", list.join("; "));
            let cause = reason(ReasonCode::NotServed, text);
            let at = (setting.clock)();
            let failed = Entry::Failed { step: step.to_owned(), at, reason: cause.clone(), calls: Vec::new() };
            self.journal.append(failed).map_err(Stop::Journal)?;
            return Err(Turn::Cause(cause));
        };
        let count = expected.len();
        let description = format!("{count} of {count} addresses serve it");
        self.note(step, description)?;
        Ok(after)
    }

    /// An entry for what needs no announcement: it only looks.
    fn note(&mut self, step: &str, description: String) -> Result<(), Stop> {
        (self.setting.watch.tell)(&description);
        let at = (self.setting.clock)();
        let state = serde_json::Value::Null;
        let done = Entry::Done { step: step.to_owned(), at, description, found: false, state, calls: Vec::new() };
        Ok(self.journal.append(done)?)
    }

    fn reference(&self) -> ReferenceId {
        self.setting.probe.server_name.clone().unwrap_or_else(|| self.setting.target.host.clone())
    }

    fn why_late(&self) -> String {
        let dns = &self.journal.header().before.dns;
        let ttls = dns.cname_chain.iter().map(|alias| alias.ttl);
        let ttl = ttls.chain(dns.addresses.iter().filter_map(|address| address.ttl)).max();
        let ttl = ttl.map(|ttl| format!("clients may keep the DNS answers they have for {ttl} s"));
        let reasons: Vec<String> = self.service.propagation().map(str::to_owned).into_iter().chain(ttl).collect();
        if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
    }

    /// The guide's `curl -I`. What it says is told and changes nothing: the certificate is proven, and a site may refuse.
    async fn request(&mut self) -> Result<(), Stop> {
        let change = &self.scene.change;
        let Some(address) = change.answered.iter().find_map(|serving| serving.address.parse::<SocketAddr>().ok())
        else {
            return Ok(());
        };
        if self.setting.target.starttls.is_some() {
            return Ok(()); // no HTTP there
        }
        let port = self.setting.target.port;
        match verify::head(address, &self.reference(), port, &self.setting.probe.anchors).await {
            Ok(line) => self.note(REQUEST, format!("HEAD / at {address} was answered: {line}")),
            Err(error) => {
                let text = format!("HEAD / at {address} failed: {error}. The certificate is right all the same.");
                let (at, reason) = ((self.setting.clock)(), reason(ReasonCode::Failed, text));
                let step = REQUEST.to_owned();
                Ok(self.journal.append(Entry::Failed { step, at, reason, calls: Vec::new() })?)
            }
        }
    }

    async fn back(&mut self, cause: Reason) -> Result<(), Stop> {
        (self.setting.watch.tell)(&format!("taking everything back: {}", cause.text));
        self.journal.append(Entry::Turn { at: (self.setting.clock)(), cause: cause.clone() })?;
        self.backward(cause).await
    }

    async fn backward(&mut self, cause: Reason) -> Result<(), Stop> {
        if !self.touched().await {
            return self.finish(Outcome::NothingChanged, Some(cause), None).await;
        }
        let since = self.journal.entries().iter().rposition(|entry| matches!(entry, Entry::Turn { .. })).unwrap_or(0);
        for &step in self.service.backward() {
            match self.make(step, since).await {
                Ok(()) => {}
                Err(Stop::Service(error)) => {
                    let text =
                        format!("{} And it could not be taken back: {}.", cause.text, error.text.trim_end_matches('.'));
                    let reason = reason(error.reason().code, text);
                    return self.finish(Outcome::NeedsAttention, Some(reason), None).await;
                }
                Err(stop) => return Err(stop),
            }
        }
        match self.served(VERIFY_OLD, self.scene.change.answered.clone()).await {
            Ok(after) => self.finish(Outcome::RolledBack, Some(cause), Some(after)).await,
            Err(Turn::Cause(late)) => {
                let text = format!(
                    "{} It was taken back, but what was served before is not served again. {}",
                    cause.text, late.text
                );
                let reason = reason(late.code, text);
                self.finish(Outcome::NeedsAttention, Some(reason), None).await
            }
            Err(Turn::Stop(stop)) => Err(stop),
        }
    }

    /// May anything that is served have changed? What was reported done has; for what was only begun, a look decides, and
    /// where nothing can be seen the answer is yes.
    async fn touched(&mut self) -> bool {
        for &step in self.service.forward().iter().filter(|step| S::touches(**step)) {
            let name = step.to_string();
            let made = |entry: &Entry| matches!(entry, Entry::Done { step, .. } if *step == name);
            if self.journal.entries().iter().any(made)
                || self.scene.has_begun(step)
                    && !matches!(self.service.look(step, &mut self.scene).await, Ok(Look::NotYet))
            {
                return true;
            }
        }
        false
    }

    async fn finish(&mut self, outcome: Outcome, reason: Option<Reason>, after: Option<Report>) -> Result<(), Stop> {
        let notes = self.service.notes(&self.scene.change, &self.scene.state);
        let certificate_id = self.service.certificate_id(&self.scene.state);
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let timing_ms = Timing {
            total: milliseconds(self.begun.elapsed()),
            waiting: milliseconds(self.setting.watch.waited.get()),
        };
        let (at, calls) = ((self.setting.clock)(), self.service.take_calls());
        let finish = Finish { at, outcome, reason, after, calls, timing_ms, notes, certificate_id };
        Ok(self.journal.append(Entry::Finished(Box::new(finish)))?)
    }
}

/// Why the way ahead ends.
enum Turn {
    Stop(Stop),
    Cause(Reason),
}

impl From<Stop> for Turn {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// The document as far as the journal goes.
pub fn document(journal: &Journal) -> FixReport {
    let header = journal.header();
    let (mut steps, mut calls): (Vec<Step>, Vec<Call>) = (Vec::new(), Vec::new());
    let mut finish = None;
    for entry in journal.entries() {
        match entry {
            Entry::Done { step, at, description, found, calls: made, .. } => {
                let status = if *found { StepStatus::Found } else { StepStatus::Done };
                steps.push(Step { action: step.clone(), description: description.clone(), at: *at, status });
                calls.extend(made.iter().cloned());
            }
            Entry::Failed { step, at, reason, calls: made } => {
                let (action, description) = (step.clone(), reason.text.clone());
                steps.push(Step { action, description, at: *at, status: StepStatus::Failed });
                calls.extend(made.iter().cloned());
            }
            Entry::Finished(found) => {
                calls.extend(found.calls.iter().cloned());
                finish = Some(found);
            }
            Entry::Begin(_) | Entry::Intent { .. } | Entry::Turn { .. } => {}
        }
    }
    let mut document = FixReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        run_id: Some(header.id.clone()),
        plan: header.plan.clone(),
        steps,
        before: header.before.clone(),
        after: None,
        outcome: Outcome::Interrupted,
        reason: None,
        calls,
        timing_ms: Timing::default(),
        notes: Vec::new(),
    };
    if let Some(finish) = finish {
        document.after = finish.after.clone();
        document.outcome = finish.outcome;
        document.reason = finish.reason.clone();
        document.timing_ms = finish.timing_ms;
        document.notes = finish.notes.clone();
        for id in document.plan.ids.iter_mut().filter(|id| id.new.is_none()) {
            id.new.clone_from(&finish.certificate_id);
        }
    }
    document
}

/// It ended between two steps: interrupted, or by `trouble`.
fn stopped(journal: &Journal, touched: bool, trouble: Option<String>) -> FixReport {
    let id = &journal.header().id;
    let (code, why) = match trouble {
        None => (ReasonCode::Interrupted, "It was stopped between two steps".to_owned()),
        Some(trouble) => (ReasonCode::Failed, trouble),
    };
    let text = format!("{why}. Go on: tlsmend fix --resume {id}. Take everything back: tlsmend fix --rollback {id}.");
    let mut document = document(journal);
    document.outcome = if touched { Outcome::Interrupted } else { Outcome::NothingChanged };
    document.reason = Some(reason(code, text));
    document
}
