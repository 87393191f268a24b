//! A list of logs in the form that Chrome's is published in (`log_list.json`, version 3).

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::model::ct::{LogFacts, LogListFacts, LogState, PreviousOperator};
use crate::model::time::Time;
use crate::x509::dn::printable;
use crate::x509::sct::LogKey;

/// Logs in a list. Chrome's has about 60, the list of all logs there ever were about 300.
const MAX_LOGS: usize = 5_000;

/// Why bytes are no list of logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogListError {
    #[error("it is not a log list in JSON (Chrome's, version 3): {0}")]
    Malformed(String),
    #[error("it holds no logs")]
    Empty,
    #[error("it holds more than {MAX_LOGS} logs")]
    TooMany,
    #[error("log `{0}`: {1}")]
    Log(String, &'static str),
}

/// The logs by their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogList {
    pub version: String,
    /// When it was made: Chrome stops enforcing when its list gets old.
    pub timestamp: Time,
    logs: HashMap<[u8; 32], Log>,
}

/// A log with its key ready for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub facts: LogFacts,
    pub key: LogKey,
}

impl Log {
    /// Who operated it at `at` (milliseconds since the epoch).
    pub fn operator_at(&self, at: Time) -> &str {
        let then = self.facts.previous_operators.iter().find(|previous| at < previous.until);
        then.map_or(&self.facts.operator, |previous| &previous.name)
    }
}

impl LogList {
    /// Reads `log_list.json`. A log that cannot be used makes the list unusable: judging by half a list would be wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogListError> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| LogListError::Malformed(printable(&error.to_string())))?;
        let mut logs = Vec::new();
        for operator in document.operators {
            let both = [(operator.logs, false), (operator.tiled_logs, true)];
            for (log, tiled) in both.into_iter().flat_map(|(logs, tiled)| logs.into_iter().map(move |log| (log, tiled)))
            {
                if logs.len() >= MAX_LOGS {
                    return Err(LogListError::TooMany);
                }
                logs.push(log.facts(&operator.name, tiled)?);
            }
        }
        let version = printable(&document.version.unwrap_or_default());
        if logs.is_empty() {
            return Err(LogListError::Empty);
        }
        Self::from_facts(&LogListFacts { version, timestamp: document.log_list_timestamp, logs })
    }

    /// The list that a report carries; it may have no logs left.
    pub fn from_facts(facts: &LogListFacts) -> Result<Self, LogListError> {
        let mut logs = HashMap::new();
        for log in &facts.logs {
            let key = STANDARD.decode(&log.key).ok().and_then(|spki| LogKey::parse(&spki));
            let key = key.ok_or_else(|| LogListError::Log(log.description.clone(), "its key cannot be read"))?;
            logs.insert(key.id(), Log { facts: log.clone(), key });
        }
        Ok(Self { version: facts.version.clone(), timestamp: facts.timestamp, logs })
    }

    pub fn find(&self, id: &[u8; 32]) -> Option<&Log> {
        self.logs.get(id)
    }

    /// The logs with these ids, for a report.
    pub fn facts<'a>(&self, ids: impl Iterator<Item = &'a [u8; 32]>) -> LogListFacts {
        let mut logs: Vec<LogFacts> = ids.filter_map(|id| self.find(id)).map(|log| log.facts.clone()).collect();
        logs.sort_by(|one, other| one.key.cmp(&other.key));
        logs.dedup_by(|one, other| one.key == other.key);
        LogListFacts { version: self.version.clone(), timestamp: self.timestamp, logs }
    }
}

#[derive(Deserialize)]
struct Document {
    version: Option<String>,
    log_list_timestamp: Time,
    operators: Vec<Operator>,
}

#[derive(Deserialize)]
struct Operator {
    name: String,
    #[serde(default)]
    logs: Vec<Entry>,
    #[serde(default)]
    tiled_logs: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    description: String,
    key: String,
    log_id: Option<String>,
    #[serde(default)]
    state: HashMap<String, State>,
    #[serde(default)]
    previous_operators: Vec<Previous>,
}

#[derive(Deserialize)]
struct State {
    timestamp: Time,
}

#[derive(Deserialize)]
struct Previous {
    name: String,
    end_time: Time,
}

impl Entry {
    fn facts(self, operator: &str, tiled: bool) -> Result<LogFacts, LogListError> {
        let description = printable(&self.description);
        let fail = |reason| Err(LogListError::Log(description.clone(), reason));
        let key = STANDARD.decode(&self.key).ok().and_then(|spki| LogKey::parse(&spki));
        let Some(key) = key else { return fail("its key cannot be read") };
        let id = self.log_id.map(|id| STANDARD.decode(id).unwrap_or_default());
        if id.is_some_and(|id| id != key.id()) {
            return fail("its id is not the hash of its key");
        }
        let mut states = self.state.iter();
        let (state, since) = match (states.next(), states.next()) {
            // In the list of all logs the oldest have no state: none that Chrome trusts.
            (None, _) => (LogState::Rejected, Time::from_unix(0)),
            (Some((name, state)), None) => match name.as_str() {
                "pending" => (LogState::Pending, state.timestamp),
                "qualified" => (LogState::Qualified, state.timestamp),
                "usable" => (LogState::Usable, state.timestamp),
                "readonly" => (LogState::ReadOnly, state.timestamp),
                "retired" => (LogState::Retired, state.timestamp),
                "rejected" => (LogState::Rejected, state.timestamp),
                _ => return fail("its state is not known"),
            },
            (Some(_), Some(_)) => return fail("it is in two states"),
        };
        let mut previous_operators: Vec<PreviousOperator> = self
            .previous_operators
            .into_iter()
            .map(|previous| PreviousOperator { name: printable(&previous.name), until: previous.end_time })
            .collect();
        previous_operators.sort_by_key(|previous| previous.until);
        let operator = printable(operator);
        let key = STANDARD.encode(key.spki());
        Ok(LogFacts { description, operator, previous_operators, key, state, since, tiled })
    }
}
