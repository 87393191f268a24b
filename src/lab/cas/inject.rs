//! Faults on demand: "on the n-th call of action X".

use serde::{Deserialize, Serialize};

/// One fault and when it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// The action's name, or `*` for any.
    pub action: String,
    /// Counted from 1, over every arrival of the action, whatever became of it. For `*`: over all calls.
    pub call: u32,
    /// So many calls in a row.
    #[serde(default = "once")]
    pub times: u32,
    #[serde(flatten)]
    pub fault: Fault,
}

fn once() -> u32 {
    1
}

impl Injection {
    /// `fault` on the `call`-th call of `action`.
    pub fn new(action: &str, call: u32, fault: Fault) -> Self {
        Self { action: action.to_owned(), call, times: 1, fault }
    }

    /// The same on this and the calls that follow, `times` in all.
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    pub(super) fn is_due(&self, action: &str, of_action: u32, of_all: u32) -> bool {
        let number = if self.action == "*" { of_all } else { of_action };
        let is_meant = self.action == "*" || self.action == action;
        is_meant && number >= self.call && number - self.call < self.times
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// 400 `Throttling.User`, with the header `x-acs-retry-after` when `retry_after_ms` is given.
    Throttled {
        #[serde(default)]
        retry_after_ms: Option<u64>,
    },
    /// 500 `InternalError`, nothing was done.
    InternalError,
    /// 500 `InternalError`, though it was done.
    InternalErrorAfterEffect,
    /// 503 `ServiceUnavailable`.
    ServiceUnavailable,
    /// 502 with a page for people.
    HtmlBadGateway,
    /// 500 in XML, though JSON was asked for.
    XmlError,
    /// 503 with `code`, `message`, `requestId`.
    LowerCaseErrorKeys,
    /// The right answer, done, cut off in the middle of the JSON.
    TruncatedJson,
    /// The answer comes `ms` milliseconds later. The wait is before the effect, or after it.
    Slow {
        ms: u64,
        #[serde(default)]
        after_effect: bool,
    },
    /// The connection is closed and nothing was done.
    DropBeforeEffect,
    /// It was done, and the connection is closed without an answer.
    DropAfterEffect,
    /// 400 `SignatureDoesNotMatch`, which quotes the string to sign.
    WrongSignature,
    /// 400 `InvalidTimeStamp.Expired`.
    ExpiredDate,
    /// 400 `InvalidSecurityToken.Expired`.
    ExpiredToken,
    /// 403 `NoPermission` with `AccessDeniedDetail`.
    Forbidden,
    /// Fields that no SDK knows, in every object of the answer.
    ExtraFields,
    /// `Status` has a word that no manual lists, wherever the answer has one.
    UnknownStatus,
    /// Ids given by this call lie above 2^53, where a floating-point number loses digits.
    LargeIds,
    /// The first `count` workers of the job named (or created) by this call will fail.
    WorkerFailure {
        #[serde(default = "once")]
        count: u32,
    },
    /// The job named (or created) by this call never gets beyond `processing`.
    StuckProcessing,
    /// The rollback of the worker named by this call will fail.
    RollbackError,
    /// No certificate of the job named (or created) by this call matches.
    NoMatches,
    /// There are no deployment credits left during this call.
    NoCredits,
    /// The list is empty: contacts, resources of a job, or any other.
    EmptyList,
    /// Between the page before and this one the list grew at its head by `by` entries (shrank when negative).
    ShiftingPages {
        #[serde(default = "one_row")]
        by: i64,
    },
}

fn one_row() -> i64 {
    1
}
