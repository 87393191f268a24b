//! The survey: what a server supports, from many ClientHellos of which each asks one question (`--depth survey`).
//!
//! `dialer` opens the connections, `candidates` knows what can be asked for, `enumeration` finds all that is taken of a
//! list, `versions` asks for the lists of each version, `circumstances` for everything else, `resumption` for second
//! handshakes, `sightings` keeps what each answer showed by the way.
//!
//! It costs the server little: questions about TLS 1.3 bring no key share where suite and group are the answer, so that the
//! server computes nothing; a conversation ends with the server's flight; handshakes are finished only where resumption is
//! looked at. Nothing is sent that a client would not send.

mod candidates;
mod circumstances;
mod dialer;
mod enumeration;
mod order;
mod resumption;
mod sightings;
mod versions;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::failure;
use super::hello::{self, Extras, Question, Seen, Share, Stop, Until};
use crate::model::handshake::{EndpointEvidence, Failure, FailureKind, Stage};
use crate::model::hello::{Choice, Hello, TLS_1_3};
use crate::model::survey::{Survey, SurveyEvidence};
use crate::model::target::ReferenceId;

use candidates::Key;
pub(super) use dialer::Dialer;
use sightings::Sightings;

/// Connections opened while the first handshake is still under way: the questions that every survey begins with.
pub(super) const FIRST_QUESTIONS: usize = 30;

/// How long after a connection that ended without a word the same is asked again: a server that limits connections has
/// forgotten the others by then.
const SECOND_TRY_AFTER: Duration = Duration::from_millis(300);

/// How to survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SurveySettings {
    /// Connections open at a time, for each address.
    pub per_host: usize,
    /// Find the server's whole order of preference too: a connection more for every suite, one after the other.
    pub full_order: bool,
}

impl Default for SurveySettings {
    fn default() -> Self {
        Self { per_host: 32, full_order: false }
    }
}

/// A ClientHello of the survey.
#[derive(Debug, Clone)]
struct Offer {
    versions: Vec<u16>,
    cipher_suites: Vec<u16>,
    groups: Vec<u16>,
    signature_schemes: Vec<u16>,
    name: Name,
    alpn: Vec<&'static str>,
    share: Share,
    until: Until,
    /// Asks for a ticket (RFC 5077 §3.2).
    ticket: bool,
}

/// What SNI says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Right,
    Absent,
    Foreign,
}

/// A name that no server has (RFC 2606 §2).
const FOREIGN_NAME: &str = "unknown-name.invalid";

/// What came back.
#[derive(Debug)]
enum Answer {
    Chosen(Box<Seen>),
    /// The server does not take it.
    Refused(Failure),
    /// Nothing is known: no connection, no answer in time.
    Lost(Failure),
}

/// One survey under way, shared by its tasks.
struct Surveyor {
    dialer: Dialer,
    server_name: Option<String>,
    /// What the ordinary handshake met.
    first: Option<Choice>,
    key: Option<Key>,
    full_order: bool,
    sightings: Mutex<Sightings>,
    /// Questions that got no answer.
    lost: AtomicUsize,
    last_loss: Mutex<Option<Failure>>,
    /// The server says by an alert what it refuses.
    sends_alerts: AtomicBool,
    /// It ended a connection without a word, twice over the same question.
    refuses_in_silence: AtomicBool,
    second_tries: tokio::sync::Mutex<()>,
}

/// Surveys the server that `endpoint` met, over `dialer`'s connections, until its deadline. `None`: it does not speak TLS.
pub(super) async fn run(
    dialer: Dialer,
    endpoint: &EndpointEvidence,
    server_name: &ReferenceId,
    connector: &super::Connector,
    settings: SurveySettings,
) -> Option<SurveyEvidence> {
    if !answered_in_tls(endpoint) {
        return None;
    }
    let mut sightings = Sightings::default();
    sightings.first_handshake(endpoint);
    let surveyor = Arc::new(Surveyor {
        dialer,
        server_name: super::sni(server_name).map(str::to_owned),
        first: endpoint.choice,
        key: sightings.key(),
        full_order: settings.full_order,
        sightings: Mutex::new(sightings),
        lost: AtomicUsize::new(0),
        last_loss: Mutex::default(),
        sends_alerts: AtomicBool::new(false),
        refuses_in_silence: AtomicBool::new(false),
        second_tries: tokio::sync::Mutex::default(),
    });
    let (versions, others, resumption) = tokio::join!(
        versions::survey(&surveyor),
        circumstances::survey(&surveyor),
        resumption::survey(&surveyor, server_name, connector)
    );
    let mut survey = Survey { versions, connections: surveyor.dialer.opened(), ..others };
    (survey.resumption_tls12, survey.resumption_tls13) = resumption;
    survey.limits = surveyor.limits(&survey);
    let sightings = std::mem::take(&mut *surveyor.sightings());
    Some(sightings.into_evidence(survey))
}

/// Is there anything to survey?
fn answered_in_tls(endpoint: &EndpointEvidence) -> bool {
    endpoint.tls.is_some()
        || endpoint.failure.as_ref().is_some_and(|failure| {
            failure.stage != Stage::Tcp
                && (failure.alert.is_some()
                    || matches!(failure.kind, FailureKind::NothingInCommon | FailureKind::VersionNotSupported))
        })
}

impl Surveyor {
    /// One question on a connection of its own.
    async fn ask(&self, offer: &Offer) -> Answer {
        let answer = self.ask_once(offer).await;
        let is_silence = |answer: &Answer| {
            matches!(
                answer,
                Answer::Refused(Failure { alert: None, kind: FailureKind::Closed | FailureKind::Reset, .. })
            )
        };
        let is_turned_away = matches!(&answer, Answer::Lost(failure) if failure.stage == Stage::Tcp);
        let is_doubtful = is_silence(&answer) && !self.refuses_in_silence.load(Ordering::Relaxed);
        if self.is_over() || !(is_doubtful || is_turned_away) {
            return self.note(offer, answer);
        }
        // A refusal without a word, or a server that has had enough of connections: asked alone it tells.
        let _alone = self.second_tries.lock().await;
        tokio::time::sleep_until(self.dialer.deadline.min(Instant::now() + SECOND_TRY_AFTER)).await;
        let second = self.ask_once(offer).await;
        if is_silence(&second) && !self.sends_alerts.load(Ordering::Relaxed) {
            self.refuses_in_silence.store(true, Ordering::Relaxed);
        }
        self.note(offer, second)
    }

    async fn ask_once(&self, offer: &Offer) -> Answer {
        let open = match tokio::time::timeout_at(self.dialer.deadline, self.dialer.open()).await {
            Ok(Ok(open)) => open,
            Ok(Err(failure)) => return Answer::Lost(failure),
            Err(_) => return Answer::Lost(failure::raw(&Stop::Timeout)),
        };
        let hello = Hello {
            versions: &offer.versions,
            cipher_suites: &offer.cipher_suites,
            groups: &offer.groups,
            signature_schemes: &offer.signature_schemes,
            certificate_schemes: &[],
        };
        let question = Question {
            hello: &hello,
            server_name: match offer.name {
                Name::Right => self.server_name.as_deref(),
                Name::Absent => None,
                Name::Foreign => Some(FOREIGN_NAME),
            },
            until: offer.until,
            share: offer.share,
            extras: Extras { alpn: &offer.alpn, timestamps: true, ticket: offer.ticket },
        };
        let (seen, outcome) = hello::ask(open.stream, question, self.dialer.deadline).await;
        drop(open.place);
        let version = seen.server_hello.as_ref().map(|hello| hello.version);
        match (version, outcome) {
            // A server may answer with an older version than asked for: so it does not have that one.
            (Some(version), _) if !offer.versions.contains(&version) => {
                Answer::Refused(failure::raw(&Stop::Alert(70))) // protocol_version, in effect
            }
            (Some(_), _) => Answer::Chosen(Box::new(seen)),
            (None, Ok(())) => Answer::Lost(failure::raw(&Stop::Closed)),
            (None, Err(stop)) => {
                let failure = failure::raw(&stop);
                match stop {
                    Stop::Alert(_) | Stop::Closed | Stop::Malformed(_) => Answer::Refused(failure),
                    Stop::Socket(_) if failure.kind == FailureKind::Reset => Answer::Refused(failure),
                    Stop::NotTls(_) => Answer::Refused(failure),
                    Stop::Socket(_) | Stop::Timeout | Stop::TooLong(_) | Stop::SignatureWrong(_) => {
                        Answer::Lost(failure)
                    }
                }
            }
        }
    }

    fn note(&self, offer: &Offer, answer: Answer) -> Answer {
        match &answer {
            Answer::Chosen(seen) if offer.name == Name::Right => self.sightings().add(seen, offer.ticket),
            Answer::Chosen(_) => {}
            Answer::Refused(failure) => {
                if failure.alert.is_some() {
                    self.sends_alerts.store(true, Ordering::Relaxed);
                }
            }
            Answer::Lost(failure) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                *self.last_loss.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.clone());
            }
        }
        answer
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.dialer.deadline
    }

    fn sightings(&self) -> MutexGuard<'_, Sightings> {
        // What is noted in it is noted whole.
        self.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first handshake's version, as far as it came.
    fn first_version(&self) -> Option<u16> {
        self.first.map(|choice| choice.version)
    }

    /// A group for a share that the server takes, before any other.
    fn groups_with_known_first(&self, groups: &[u16]) -> Vec<u16> {
        let known = self.first.filter(|choice| choice.version == TLS_1_3).and_then(|choice| choice.group);
        known.into_iter().chain(groups.iter().copied().filter(|group| Some(*group) != known)).collect()
    }

    fn limits(&self, survey: &Survey) -> Vec<String> {
        let mut limits = Vec::new();
        let lost = self.lost.load(Ordering::Relaxed);
        if let (1.., Some(failure)) = (lost, &*self.last_loss.lock().unwrap_or_else(PoisonError::into_inner)) {
            let what = if self.is_over() {
                "the time ran out (--timeout)".to_owned()
            } else {
                format!("{}; a server that limits connections may answer with --per-host 2", failure.message)
            };
            limits.push(format!("{lost} questions got no answer: {what}"));
        }
        let incomplete = survey.versions.iter().filter(|version| !version.incomplete.is_empty());
        limits.extend(incomplete.map(|version| {
            format!("of {} incomplete: {}", version.version, version.incomplete.join(", ").replace('_', " "))
        }));
        limits
    }
}
