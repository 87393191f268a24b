//! What was thought once, kept for the next target: parsed certificates, verified signatures, and whole judgements, which
//! hosts behind one certificate share but for their names. Bounded; a memo of another minute simply ages out.
//!
//! A memo changes no verdict. A judgement is found again only for the same chains, anchors, moment, clients, handshakes and
//! fetched issuers, byte for byte; a client's answer only when the name gives the same answers to every question that the
//! client's engine asked of it ([`super::name`]). Whoever wants hits judges at whole minutes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, Hash, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::anchors::TrustAnchors;
use super::case::Case;
use super::client::{Answer, Client};
use super::judgement::{OtherChain, Settings, Thought, answer_to};
use super::name::{Asked, Notes};
use super::pool::Pool;
use crate::model::aia::AiaEvidence;
use crate::model::evidence::Evidence;
use crate::model::handshake::{Failure, TlsParameters};
use crate::model::hello::{Choice, HelloEvidence};
use crate::model::revocation::{FetchedRevocation, RevocationSource};
use crate::model::target::ReferenceId;
use crate::model::time::Time;
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, Fingerprint, ParseError};

/// Judgements kept, of some ten to fifty kilobytes each.
const MAX_JUDGEMENTS: usize = 512;

/// Certificates kept, of some ten kilobytes each: the intermediates of the public CAs in use are about 1,500.
const MAX_CERTIFICATES: usize = 4_096;

/// Signatures kept, of about a hundred bytes each.
const MAX_SIGNATURES: usize = 16_384;

/// Answers of one client to one chain: it matches, it does not, and what lies between.
const MAX_ANSWERS: usize = 8;

/// What messages hold instead of the name while they are kept. Two of different length show whether a client does more with
/// it than to write it down.
const STAND_INS: [&str; 2] = ["name.stand-in.invalid", "a-longer-name-than-most.another.stand-in.for-it.invalid"];

/// To be handed to [`super::judge_with`] for every target of a scan; tasks may share it.
#[derive(Default)]
pub struct Memo {
    certificates: Mutex<Recent<Fingerprint, Arc<Certificate>>>,
    signatures: Arc<Signatures>,
    judgements: Mutex<Recent<u64, Arc<Remembered>>>,
    hasher: RandomState,
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}

impl Memo {
    /// The certificate of these bytes, parsed now or before.
    pub(super) fn certificate(&self, der: &[u8]) -> Result<Arc<Certificate>, ParseError> {
        let fingerprint = Fingerprint::of(der);
        if let Some(known) = lock(&self.certificates).get(&fingerprint) {
            return Ok(known);
        }
        let parsed = Arc::new(Certificate::parse(der)?);
        lock(&self.certificates).insert(fingerprint, Arc::clone(&parsed), MAX_CERTIFICATES);
        Ok(parsed)
    }

    pub(super) fn signatures(&self) -> Arc<Signatures> {
        Arc::clone(&self.signatures)
    }

    /// What was thought of this before; else what `think` thinks now.
    pub(super) fn remember(
        &self,
        evidence: &Evidence,
        settings: &Settings,
        groups: &[Vec<usize>],
        think: impl FnOnce() -> Thought,
    ) -> Arc<Remembered> {
        let hash = self.hash(evidence, settings, groups);
        let known = lock(&self.judgements).get(&hash);
        if let Some(known) = known.filter(|known| known.key.is_of(evidence, settings, groups)) {
            return known;
        }
        let thought = think();
        let slots = groups.len() * settings.clients.len();
        let answers = Answers { questions: Vec::new(), of: (0..slots).map(|_| Vec::new()).collect() };
        let key = Key::new(evidence, settings, groups);
        let remembered = Arc::new(Remembered { key, thought, answers: Mutex::new(answers) });
        lock(&self.judgements).insert(hash, Arc::clone(&remembered), MAX_JUDGEMENTS);
        remembered
    }

    fn hash(&self, evidence: &Evidence, settings: &Settings, groups: &[Vec<usize>]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        settings.at.hash(&mut hasher);
        for facts in groups.iter().map(|group| Facts::of(evidence, group)) {
            facts.chain.hash(&mut hasher);
            facts.port.hash(&mut hasher);
            facts.hellos.len().hash(&mut hasher);
            if let Some(tls) = facts.tls {
                (&tls.version, &tls.cipher_suite, &tls.group, &tls.alpn, &tls.signature_scheme).hash(&mut hasher);
            }
        }
        for fetched in &evidence.aia {
            fetched.fetch.url.hash(&mut hasher);
        }
        responses(evidence).count().hash(&mut hasher);
        hasher.finish()
    }
}

/// Verified signatures, by the fingerprints of certificate and issuer.
#[derive(Default)]
pub struct Signatures(Mutex<Recent<(Fingerprint, Fingerprint), SignatureCheck>>);

impl fmt::Debug for Signatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signatures")
    }
}

impl Signatures {
    pub(super) fn check(&self, child: &Certificate, issuer: &Certificate) -> SignatureCheck {
        let pair = (child.fingerprint, issuer.fingerprint);
        if let Some(known) = lock(&self.0).get(&pair) {
            return known;
        }
        let check = child.check_signature(issuer);
        lock(&self.0).insert(pair, check, MAX_SIGNATURES);
        check
    }
}

/// A judgement without its names, and the answers that names have led to.
pub struct Remembered {
    key: Key,
    pub thought: Thought,
    answers: Mutex<Answers>,
}

/// All that a judgement depends on, apart from the name.
struct Key {
    at: Time,
    anchors: TrustAnchors,
    clients: Vec<&'static Client>,
    deployments: Vec<OwnedFacts>,
    aia: Vec<AiaEvidence>,
    /// What OCSP responders said.
    responses: Vec<FetchedRevocation>,
}

struct OwnedFacts {
    chain: Vec<Vec<u8>>,
    port: Option<u16>,
    tls: Option<TlsParameters>,
    failure: Option<Failure>,
    staple: Option<Vec<u8>>,
    timestamps: Option<Vec<u8>>,
    choice: Option<Choice>,
    hellos: Vec<HelloEvidence>,
}

/// What a [`Case`] holds of the evidence.
#[derive(PartialEq)]
struct Facts<'a> {
    chain: &'a [Vec<u8>],
    port: Option<u16>,
    tls: Option<&'a TlsParameters>,
    failure: Option<&'a Failure>,
    staple: Option<&'a [u8]>,
    timestamps: Option<&'a [u8]>,
    choice: Option<Choice>,
    hellos: &'a [HelloEvidence],
}

impl<'a> Facts<'a> {
    fn of(evidence: &'a Evidence, group: &[usize]) -> Self {
        match group.first().map(|&index| &evidence.endpoints[index]) {
            Some(endpoint) => Self {
                chain: &endpoint.served_chain,
                port: Some(endpoint.address.port()),
                tls: endpoint.tls.as_ref(),
                failure: endpoint.failure.as_ref(),
                staple: endpoint.ocsp_staple.as_deref(),
                timestamps: endpoint.timestamps.as_deref(),
                choice: endpoint.choice,
                hellos: &endpoint.hellos,
            },
            None => {
                let chain = evidence.files.as_ref().map_or(&[][..], |files| &files.chain);
                Self {
                    chain,
                    port: None,
                    tls: None,
                    failure: None,
                    staple: None,
                    timestamps: None,
                    choice: None,
                    hellos: &[],
                }
            }
        }
    }
}

impl OwnedFacts {
    fn borrowed(&self) -> Facts<'_> {
        Facts {
            chain: &self.chain,
            port: self.port,
            tls: self.tls.as_ref(),
            failure: self.failure.as_ref(),
            staple: self.staple.as_deref(),
            timestamps: self.timestamps.as_deref(),
            choice: self.choice,
            hellos: &self.hellos,
        }
    }
}

impl Key {
    fn new(evidence: &Evidence, settings: &Settings, groups: &[Vec<usize>]) -> Self {
        let deployments = groups.iter().map(|group| {
            let Facts { chain, port, tls, failure, staple, timestamps, choice, hellos } = Facts::of(evidence, group);
            let (tls, failure, staple) = (tls.cloned(), failure.cloned(), staple.map(<[u8]>::to_vec));
            let timestamps = timestamps.map(<[u8]>::to_vec);
            OwnedFacts {
                chain: chain.to_vec(),
                port,
                tls,
                failure,
                staple,
                timestamps,
                choice,
                hellos: hellos.to_vec(),
            }
        });
        Self {
            at: settings.at,
            anchors: settings.anchors.clone(),
            clients: settings.clients.clone(),
            deployments: deployments.collect(),
            aia: evidence.aia.clone(),
            responses: responses(evidence).cloned().collect(),
        }
    }

    fn is_of(&self, evidence: &Evidence, settings: &Settings, groups: &[Vec<usize>]) -> bool {
        let same_fetch = |(one, other): (&AiaEvidence, &AiaEvidence)| {
            one.fetch.url == other.fetch.url
                && one.fetch.from_cache == other.fetch.from_cache
                && one.certificates == other.certificates
        };
        self.at == settings.at
            && self.clients.len() == settings.clients.len()
            && self.clients.iter().zip(&settings.clients).all(|(one, other)| std::ptr::eq(*one, *other))
            && self.deployments.len() == groups.len()
            && self.deployments.iter().zip(groups).all(|(one, group)| one.borrowed() == Facts::of(evidence, group))
            && self.aia.len() == evidence.aia.len()
            && self.aia.iter().zip(&evidence.aia).all(same_fetch)
            && self.responses.iter().map(answer).eq(responses(evidence).map(answer))
            && self.anchors.are_same(&settings.anchors)
    }
}

/// Of what was fetched about revocations, that on which a client's answer depends. CRLs are not among it, and too large to keep.
fn responses(evidence: &Evidence) -> impl Iterator<Item = &FetchedRevocation> {
    let fetched = evidence.revocation.iter().flat_map(|revocation| &revocation.fetched);
    fetched.filter(|fetched| fetched.fetch.kind == RevocationSource::Ocsp)
}

/// An OCSP response, with the certificate it was asked for.
fn answer(fetched: &FetchedRevocation) -> (&Option<String>, &Option<Arc<Vec<u8>>>) {
    (&fetched.fetch.about, &fetched.body)
}

/// What clients answered, and to what questions.
struct Answers {
    questions: Vec<Asked>,
    /// A slot for each deployment and client.
    of: Vec<Vec<Known>>,
}

/// One answer, for every name that answers so.
struct Known {
    /// Positions in `Answers::questions`, with the name's answers.
    asked: Vec<(usize, u32)>,
    answer: Answer,
    /// The first of [`STAND_INS`] stands in its texts.
    is_written: bool,
}

impl Remembered {
    /// Every client's answer to the deployment at `index`, whose `case` holds the name.
    pub(super) fn answers(
        &self,
        index: usize,
        case: &Case<'_>,
        others: &[OtherChain],
        reference: &ReferenceId,
    ) -> Vec<Answer> {
        let clients = &self.key.clients;
        let slot = |client: usize| index * clients.len() + client;
        let mut found: Vec<Option<Answer>> = {
            let answers = lock(&self.answers);
            let mut given = vec![None; answers.questions.len()];
            let mut gives = |question: usize| {
                *given[question].get_or_insert_with(|| answers.questions[question].answer(case.pool, reference))
            };
            let mut text = None;
            let mut find = |client: usize| {
                let known = answers.of[slot(client)].iter();
                let mut fitting =
                    known.filter(|known| known.asked.iter().all(|&(asked, answer)| gives(asked) == answer));
                fitting.next().map(|known| match known.is_written {
                    true => filled(&known.answer, text.get_or_insert_with(|| reference.to_string())),
                    false => known.answer.clone(),
                })
            };
            (0..clients.len()).map(&mut find).collect()
        };
        for (client, found) in found.iter_mut().enumerate().filter(|(_, found)| found.is_none()) {
            let (answer, known) = ask(clients[client], case, others, reference);
            if let Some((notes, kept)) = known {
                lock(&self.answers).keep(slot(client), &notes, kept);
            }
            *found = Some(answer);
        }
        found.into_iter().flatten().collect()
    }
}

impl Answers {
    fn keep(&mut self, slot: usize, notes: &Notes, answer: Answer) {
        let asked = notes.asked.iter().map(|(question, answer)| {
            let position = self.questions.iter().position(|known| known.is(question)).unwrap_or_else(|| {
                self.questions.push(*question);
                self.questions.len() - 1
            });
            (position, *answer)
        });
        let known = Known { asked: asked.collect(), answer, is_written: notes.is_written };
        let slot = &mut self.of[slot];
        if slot.len() >= MAX_ANSWERS {
            slot.remove(0);
        }
        slot.push(known);
    }
}

/// The client's answer and, when it may be kept, on what questions it rests and its form with a stand-in for the name.
fn ask(
    client: &Client,
    case: &Case<'_>,
    others: &[OtherChain],
    reference: &ReferenceId,
) -> (Answer, Option<(Notes, Answer)>) {
    let notes = RefCell::new(Notes::default());
    let given = answer_to(client, &Case { reference: case.reference.noted(&notes), ..*case }, others);
    let notes = notes.into_inner();
    if notes.is_seen {
        return (given, None);
    }
    if !notes.is_written {
        return (given.clone(), Some((notes, given)));
    }
    let written =
        STAND_INS.map(|text| answer_to(client, &Case { reference: case.reference.written_as(text), ..*case }, others));
    // A text that is cut, or in which a certificate has the stand-in itself, is made anew for each name.
    let is_plain =
        filled(&written[0], &reference.to_string()) == given && filled(&written[0], STAND_INS[1]) == written[1];
    let [template, _] = written;
    (given, is_plain.then_some((notes, template)))
}

fn filled(template: &Answer, name: &str) -> Answer {
    let fill = |text: &Option<String>| text.as_ref().map(|text| text.replace(STAND_INS[0], name));
    Answer { code: fill(&template.code), message: fill(&template.message), ..template.clone() }
}

/// The newest entries of a map: when the younger half is full, the older half goes. What is found moves to the younger.
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Hash + Eq + Copy, V: Clone> Recent<K, V> {
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = self.old.remove(key)?;
        self.young.insert(*key, value.clone());
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V, most: usize) {
        if self.young.len() >= most / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// A panic elsewhere leaves no map half changed: what is in it still holds.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pool with the memo's signatures behind it.
pub(super) fn pool(memo: Option<&Memo>) -> Pool {
    memo.map_or_else(Pool::default, |memo| Pool::with_signatures(memo.signatures()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut recent = Recent::default();
        recent.insert(0, "first", 10);
        for key in 1..100 {
            assert_eq!(recent.get(&0), Some("first"), "{key}");
            recent.insert(key, "other", 10);
            assert!(recent.young.len() + recent.old.len() <= 11);
        }
        assert_eq!(recent.get(&1), None);
    }
}
