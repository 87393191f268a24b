//! Many targets: one line each, whatever happens.
//!
//! ```text
//!  list ─▶ feed ─▶ turn (gate) ─▶ look ─▶ line ─▶ writer
//!         thread                  tasks           thread
//! ```
//!
//! `input` reads the list, `feed` does so on a thread of its own, `gate` says whose turn it is, `look` makes the line of one
//! target, `output` writes. Nothing here grows with the number of targets, except a bit for each that an earlier run did
//! (`done`).

pub mod certificates;
pub mod done;
mod feed;
pub mod gate;
pub mod input;
pub mod look;
pub mod merge;
pub mod output;
pub mod resume;
pub mod summary;

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::model::handshake::Stage;
use crate::model::line::{Line, Outcome};
use crate::model::target::Target;
use crate::probe::Clock;
use done::Done;
use feed::Batch;
use gate::{Gate, Gates, Limits};
use input::{Item, Items};
use look::{Look, LookSettings, Looker};
use output::{Chunk, Form, Stopped, Writer};

/// Octets gathered before they are written, unless there is nothing else to do.
const CHUNK: usize = 64 * 1024;

/// How long a line may wait to be written.
const FLUSH: Duration = Duration::from_millis(200);

/// Looks at one target, as long as its time allows.
const ATTEMPTS: u32 = 3;

/// Share of the time that a first look may take; the rest is for a second one. Whoever needs more than this is met by the
/// second look at a busier moment than `probe` would meet it.
const FIRST_SHARE: f64 = 0.6;

/// Before the second look; doubled before the third.
const BACK_OFF: Duration = Duration::from_millis(250);

/// How long to wait for descriptors or ports that other targets hold, before that is the result.
const EXHAUSTED: Duration = Duration::from_secs(60);

/// How to scan.
#[derive(Clone)]
pub struct Settings {
    pub look: LookSettings,
    pub limits: Limits,
    /// Targets begun a second; `None`: as many as there are turns.
    pub rate: Option<u32>,
    /// For each target, with all looks at it.
    pub timeout: Duration,
    pub form: Form,
}

/// What is known while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Targets done in this run.
    pub done: u64,
    /// Those of an earlier run.
    pub skipped: u64,
    /// Octets of the list read.
    pub position: u64,
    pub in_flight: usize,
    /// How many targets the whole list has, once it was read to its end.
    pub targets: Option<u64>,
    pub ended: bool,
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every target of the list has its line; how many targets it has, those of other shards too.
    Complete { targets: u64 },
    /// It was told to stop.
    Interrupted,
}

/// What a scan could not do.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("cannot read the list: {0}")]
    Input(io::Error),
    #[error("{0}")]
    Output(io::Error),
    #[error("cannot start: {0}")]
    Start(io::Error),
}

/// Whoever wants to know of each line, and of the progress.
pub trait Watcher {
    /// A line, before it is written.
    fn line(&mut self, line: &Line);
    /// From time to time.
    fn progress(&mut self, progress: &Progress);
    /// Something is to be collected: what of it goes to the file of certificates.
    fn certificates(&mut self, look: &Look, to: &mut Vec<u8>);
}

/// Scans `items` without those that are `done`. Each message of `stop` is a wish to end: after the first nothing is begun, after
/// the second nothing is waited for.
pub async fn run<R: Read + Send + 'static>(
    settings: &Settings,
    items: Items<R>,
    done: Done,
    mut writer: Writer,
    mut stop: mpsc::Receiver<()>,
    watcher: &mut dyn Watcher,
) -> Result<Ending, ScanError> {
    let mut feed = feed::start(items, done).map_err(ScanError::Start)?;
    let gates = Gates::new(settings.limits);
    let looker = Arc::new(Looker::new(&settings.look).map_err(ScanError::Start)?);
    let patrol = tokio::spawn({
        let gates = gates.clone();
        async move { gates.patrol().await }
    });
    let _patrol = AbortOnDrop(patrol.abort_handle());
    let mut scan = Scan {
        settings,
        looker,
        draining: Arc::default(),
        running: JoinSet::new(),
        known: HashMap::new(),
        chunk: Chunk::default(),
        progress: Progress::default(),
        watcher,
    };
    let mut waiting: std::vec::IntoIter<Item> = Vec::new().into_iter();
    let mut gate: Option<Gate> = None;
    let (mut listed, mut stopped) = (false, false);
    let mut flush = tokio::time::interval(FLUSH);
    flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let begun = Instant::now();
    let mut input_error = None;
    let mut until: Option<Instant> = None;
    let written = loop {
        let beginning = !listed && until.is_none();
        if !beginning && scan.running.is_empty() {
            break scan.flush(&mut writer).await;
        }
        let next_allowed = scan.next_allowed(begun);
        tokio::select! {
            biased;
            wish = stop.recv(), if !stopped => match wish {
                Some(()) if until.is_none() => {
                    scan.draining.store(true, Ordering::Relaxed);
                    until = Some(Instant::now() + settings.timeout);
                }
                Some(()) => break scan.flush(&mut writer).await,
                None => stopped = true, // Nobody can wish any more.
            },
            Some(joined) = scan.running.join_next_with_id() => {
                scan.finished(joined)?;
                if scan.chunk.lines.len() >= CHUNK && scan.flush(&mut writer).await.is_err() {
                    break Err(Stopped);
                }
            }
            _ = flush.tick() => {
                if scan.flush(&mut writer).await.is_err() {
                    break Err(Stopped);
                }
                scan.tell();
            }
            // Who waits at a server's limit, or hangs, is not waited for without end.
            () = sleep_until(until) => break scan.flush(&mut writer).await,
            turn = gates.turn(), if beginning && gate.is_none() => gate = Some(turn),
            () = sleep_until(next_allowed), if beginning && next_allowed.is_some() => {}
            batch = next_batch(&mut feed, &waiting), if beginning && gate.is_some() && next_allowed.is_none() => match batch {
                Some(Ok(batch)) => {
                    scan.progress.skipped += batch.skipped;
                    scan.progress.position = scan.progress.position.max(batch.position);
                    scan.progress.targets = batch.targets.or(scan.progress.targets);
                    if !batch.items.is_empty() {
                        waiting = batch.items.into_iter();
                    }
                    if let Some((item, gate)) = waiting.next().zip(gate.take()) {
                        scan.begin(item, gate)?;
                    }
                }
                Some(Err(error)) => {
                    listed = true;
                    input_error = Some(error);
                }
                None => {
                    listed = true;
                    gate = None;
                }
            },
        }
    };
    scan.running.abort_all();
    scan.progress.ended = true;
    scan.tell();
    let finished = writer.finish().await;
    finished.map_err(ScanError::Output)?;
    match (written, input_error) {
        (Err(Stopped), _) => Err(ScanError::Output(io::Error::other("the writer stopped"))),
        (Ok(()), Some(error)) => Err(ScanError::Input(error)),
        (Ok(()), None) if until.is_some() => Ok(Ending::Interrupted),
        (Ok(()), None) => Ok(Ending::Complete { targets: scan.progress.targets.unwrap_or_default() }),
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// An empty batch at once when items of the last one wait.
async fn next_batch(
    feed: &mut mpsc::Receiver<io::Result<Batch>>,
    waiting: &std::vec::IntoIter<Item>,
) -> Option<io::Result<Batch>> {
    if waiting.as_slice().is_empty() { feed.recv().await } else { Some(Ok(Batch::default())) }
}

struct Scan<'a> {
    settings: &'a Settings,
    looker: Arc<Looker>,
    /// No second looks any more.
    draining: Arc<AtomicBool>,
    running: JoinSet<Look>,
    /// What each running look is about: known also when it panics.
    known: HashMap<Id, Item>,
    chunk: Chunk,
    progress: Progress,
    watcher: &'a mut dyn Watcher,
}

impl Scan<'_> {
    fn clock(&self) -> Clock {
        self.settings.look.clock
    }

    /// When the next target may begin by `--rate`; `None`: now.
    fn next_allowed(&self, begun: Instant) -> Option<Instant> {
        let rate = self.settings.rate?;
        let started = self.progress.done + self.running.len() as u64;
        let due = begun + Duration::from_secs_f64(started as f64 / f64::from(rate.max(1)));
        (due > Instant::now()).then_some(due)
    }

    fn begin(&mut self, item: Item, gate: Gate) -> Result<(), ScanError> {
        let target = match &item.target {
            Ok(target) => target.clone(),
            Err(error) => {
                let line = Line::not_a_target(error.clone(), self.clock()());
                return self.write(line, item);
            }
        };
        let (looker, draining, timeout) = (self.looker.clone(), self.draining.clone(), self.settings.timeout);
        let task = self.running.spawn(async move { persist(&looker, &target, &gate, timeout, &draining).await });
        self.known.insert(task.id(), item);
        Ok(())
    }

    fn finished(&mut self, joined: Result<(Id, Look), JoinError>) -> Result<(), ScanError> {
        let (id, look) = match joined {
            Ok((id, look)) => (id, Ok(look)),
            Err(error) => (error.id(), Err(error)),
        };
        // Each running look was entered.
        let Some(item) = self.known.remove(&id) else { return Ok(()) };
        match look {
            Ok(look) => {
                self.watcher.certificates(&look, &mut self.chunk.certificates);
                self.write(look.line, item)
            }
            Err(error) => {
                let target = item.target.as_ref().map(look::canonical).unwrap_or_default();
                let error = format!("{error}; this is a bug, please report it");
                self.write(Line::not_checked(target, error, self.clock()()), item)
            }
        }
    }

    fn write(&mut self, mut line: Line, item: Item) -> Result<(), ScanError> {
        (line.index, line.input_line, line.input) = (item.index, item.line, item.input);
        self.watcher.line(&line);
        self.progress.done += 1;
        self.settings.form.write(&line, &mut self.chunk.lines).map_err(ScanError::Output)
    }

    async fn flush(&mut self, writer: &mut Writer) -> Result<(), Stopped> {
        if self.chunk.is_empty() { Ok(()) } else { writer.send(&mut self.chunk).await }
    }

    fn tell(&mut self) {
        self.progress.in_flight = self.running.len();
        self.watcher.progress(&self.progress);
    }
}

/// Looks at a target until the answer is one that stays, or its time is over.
async fn persist(looker: &Looker, target: &Target, gate: &Gate, timeout: Duration, draining: &AtomicBool) -> Look {
    let first = Instant::now();
    let (mut begun, mut attempts, mut pause) = (first, 1, BACK_OFF);
    let mut best: Option<Look> = None;
    loop {
        let deadline = begun + timeout;
        let until = if attempts == 1 { begun + timeout.mul_f64(FIRST_SHARE) } else { deadline };
        let look = looker.look(target, gate, until).await;
        let now = Instant::now();
        if look.exhausted && !draining.load(Ordering::Relaxed) && now < first + EXHAUSTED {
            // Nothing was asked of the target: this look does not count.
            gate.rest();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            begun = Instant::now();
            continue;
        }
        let last =
            !look.transient || attempts == ATTEMPTS || now + pause >= deadline || draining.load(Ordering::Relaxed);
        // A look with less time may come less far, which says less of the target.
        let mut look = match best.take() {
            Some(best) if progress_of(&best.line) > progress_of(&look.line) => best,
            _ => look,
        };
        look.line.attempts = attempts;
        if last {
            return look;
        }
        best = Some(look);
        gate.rest();
        tokio::time::sleep(pause).await;
        pause *= 2;
        attempts += 1;
    }
}

/// How far a look came.
fn progress_of(line: &Line) -> (u8, bool) {
    let outcome = match line.outcome {
        Outcome::Reached => 4,
        Outcome::Partial => 3,
        Outcome::Unreached => 2,
        Outcome::Unresolved => 1,
        Outcome::NotATarget | Outcome::NotChecked => 0,
    };
    let failures = line.endpoints.iter().filter_map(|endpoint| endpoint.failure.as_ref());
    (outcome, failures.into_iter().any(|failure| failure.stage != Stage::Tcp))
}
