//! The one seam between a change and who makes it: a certificate service proposes steps, and for each can tell whether its
//! effect is there already, and bring it about.

pub mod cas;
pub mod file;
pub mod guide;

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;

use super::plan::Change;
use crate::model::call::Call;
use crate::model::fix::{Cost, IdChange, Plan, Reason, ReasonCode, Resource, Write};
use crate::model::report::Report;

/// Who can have a bundle served. Its steps are run in order by [`run`](super::run); each is looked for before it is made,
/// so that a run can be killed at any instant and go on.
#[expect(async_fn_in_trait, reason = "one thread drives it: nobody needs the futures to be Send")]
pub trait CertificateService {
    /// What it must remember from step to step; the journal keeps it. No secrets.
    type State: Clone + Serialize + DeserializeOwned;
    type Step: Copy + Eq + fmt::Display + 'static;

    /// The word of `--to`.
    fn kind(&self) -> &'static str;

    /// What it would do, and whether it may. Read calls only.
    async fn propose(&self, change: &Change, before: &Report) -> Result<Proposal<Self::State>, ServiceError>;

    /// The steps to the new chain.
    fn forward(&self) -> &'static [Self::Step];

    /// The steps back to the old one.
    fn backward(&self) -> &'static [Self::Step];

    /// Can this step change what is served?
    fn touches(step: Self::Step) -> bool;

    /// Only reads and waits: it can be left at any moment.
    fn waits(step: Self::Step) -> bool;

    /// Is the effect of `step` there?
    async fn look(&self, step: Self::Step, scene: &mut Scene<'_, Self>) -> Result<Look, ServiceError>;

    /// Brings it about; a sentence for the report.
    async fn act(&self, step: Self::Step, scene: &mut Scene<'_, Self>) -> Result<String, ServiceError>;

    /// The calls made since the last time this was asked, their secrets taken out.
    fn take_calls(&self) -> Vec<Call> {
        Vec::new()
    }

    /// What a person should know at the end, a sentence each: what was left behind, what to do next.
    fn notes(&self, _change: &Change, _state: &Self::State) -> Vec<String> {
        Vec::new()
    }

    /// What the bundle is stored as, once it is, where that is a new id.
    fn certificate_id(&self, _state: &Self::State) -> Option<String> {
        None
    }

    /// Why the new chain may not be there at once.
    fn propagation(&self) -> Option<&'static str> {
        None
    }
}

/// What a service would do.
#[derive(Debug, Clone)]
pub struct Proposal<State> {
    pub state: State,
    pub resources: Vec<Resource>,
    pub writes: Vec<Write>,
    pub cost: Option<Cost>,
    pub ids: Vec<IdChange>,
    pub warnings: Vec<String>,
    /// Why it must not be done. The plan is shown all the same.
    pub refusal: Option<Reason>,
}

impl<State> Proposal<State> {
    /// Puts the service's part into the plan.
    pub fn complete(&self, plan: &mut Plan) {
        plan.resources.clone_from(&self.resources);
        plan.writes.clone_from(&self.writes);
        plan.cost.clone_from(&self.cost);
        plan.ids.clone_from(&self.ids);
        plan.warnings.clone_from(&self.warnings);
    }
}

/// What a step can see.
pub struct Scene<'a, S: CertificateService + ?Sized> {
    pub change: Change,
    pub state: S::State,
    /// Steps that were begun, whether or not they were finished.
    pub begun: Vec<S::Step>,
    pub watch: &'a Watch<'a>,
}

impl<S: CertificateService + ?Sized> Scene<'_, S> {
    pub fn has_begun(&self, step: S::Step) -> bool {
        self.begun.contains(&step)
    }
}

/// Is the effect of a step there?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It is; what was seen, in a sentence.
    Done(String),
    NotYet,
}

/// Why a step could not be made, and what that says of its effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ServiceError {
    pub kind: ErrorKind,
    /// For people, with the next step. Safe to show: no secret, no control characters.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Nobody answered, and nothing was done.
    Unreachable,
    /// It was refused, and nothing was done.
    Refused,
    /// The plan does not allow it: more would be paid, or something else deployed, than was agreed to. Nothing was done.
    NotAgreed(ReasonCode),
    /// It was tried and failed; parts of it may be there.
    Failed,
    /// The answer was lost: it may have been done.
    Uncertain,
    /// The world is neither as before nor as this run would have it: somebody else has been there.
    Changed,
}

impl ServiceError {
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub fn reason(&self) -> Reason {
        let code = match self.kind {
            ErrorKind::Unreachable | ErrorKind::Uncertain => ReasonCode::ServiceUnreachable,
            ErrorKind::Refused => ReasonCode::Refused,
            ErrorKind::NotAgreed(code) => code,
            ErrorKind::Failed => ReasonCode::Failed,
            ErrorKind::Changed => ReasonCode::Changed,
        };
        Reason { code, text: self.text.clone() }
    }
}

/// The person who watches, if any: is told what happens, and can interrupt.
pub struct Watch<'a> {
    /// One line, for a terminal.
    pub tell: &'a dyn Fn(&str),
    /// Becomes true with Ctrl-C.
    pub interrupted: watch::Receiver<bool>,
    /// Time spent in pauses.
    pub waited: Cell<Duration>,
}

impl Watch<'_> {
    /// Waits so long; false when interrupted.
    pub async fn pause(&self, duration: Duration) -> bool {
        let begun = Instant::now();
        let whole = tokio::select! {
            () = tokio::time::sleep(duration) => true,
            () = self.interrupted() => false,
        };
        self.waited.set(self.waited.get() + begun.elapsed());
        whole
    }

    pub fn is_interrupted(&self) -> bool {
        *self.interrupted.borrow()
    }

    /// Ends with Ctrl-C, else never.
    pub async fn interrupted(&self) {
        let mut interrupted = self.interrupted.clone();
        if interrupted.wait_for(|is| *is).await.is_err() {
            // Nobody is left who could interrupt.
            std::future::pending::<()>().await;
        }
    }
}
