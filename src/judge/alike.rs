//! What was concluded of one end entity, kept for the next ones that its CA issued alike.
//!
//! Certificates of one CA differ in their names, dates, keys and numbers, and hardly ever in what decides. What is kept
//! here is found again for a certificate with the same outline ([`outline`]) under the same issuers, handshake, anchors,
//! clients and moment, when
//! - its signature was verified anew, under each issuer that was considered for the first one, and holds;
//! - its dates stand in the same order to everything that a client or a rule compares them with;
//! - the name gives the same answers to every question that any client asked ([`super::name`]);
//! - nothing else in the pool has its name, key or key identifier, and no issuer constrains names;
//! - nothing is to be said of how the name was resolved.
//!
//! What is out of the ordinary in any way is judged alone. Only what does not depend on a certificate's texts may be
//! kept: verdicts and codes, no messages. A test compares mutated end entities with judging them alone.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock, Mutex};

use super::anchors::TrustAnchors;
use super::case::Case;
use super::client::Client;
use super::judgement::{Judgement, Served, Settings, answer_to};
use super::memo::{Recent, lock};
use super::name::{Asked, Notes};
use super::pool::{CertId, Pool};
use super::stores::{distrust, mozilla, table};
use crate::model::aia::AiaOutcome;
use crate::model::evidence::Evidence;
use crate::model::handshake::{EndpointEvidence, EndpointStatus, TlsParameters};
use crate::model::hello::Choice;
use crate::model::resolution::DnsStatus;
use crate::model::target::Target;
use crate::model::time::{DAY, Time};
use crate::x509::identity::{self, Match};
use crate::x509::outline::outline;
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, Fingerprint};
use aws_lc_rs::digest;

/// Families kept, of some ten kilobytes each: a CA has a handful, a scan meets some hundred CAs.
const MAX_FAMILIES: usize = 1_024;

/// Kinds of members kept of one family: fresh, expiring soon, with a wildcard …
const MAX_MEMBERS: usize = 32;

/// A longer Certificate message is too long for some client.
const MAX_MESSAGE: usize = 15_000;

/// Issued before, rules applied that nobody needs any more: judged alone. 2022-04-15, when the number of timestamps began
/// to go by days.
const FIRST_ISSUED: i64 = 1_649_980_800;

/// Days that some client or rule compares a lifetime with, from that day on.
const LIFETIMES: &[i64] = &[47, 100, 180, 200, 398, 825];

/// Moments of issuance that some client or rule asks for, from that day on; beside those of `distrust`: 2026-03-15,
/// 2027-03-15 and 2029-03-15, from which lifetimes are shorter.
const ISSUED: &[i64] = &[1_773_532_800, 1_805_068_800, 1_868_227_200];

/// Conclusions by what they rest on; tasks may share it.
pub struct Alike<V> {
    families: Mutex<Recent<u64, Arc<Family<V>>>>,
    hasher: RandomState,
}

impl<V> Default for Alike<V> {
    fn default() -> Self {
        Self { families: Mutex::default(), hasher: RandomState::new() }
    }
}

impl<V> fmt::Debug for Alike<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alike")
    }
}

/// End entities of one outline, served by servers that are alike.
struct Family<V> {
    key: Key,
    surroundings: Surroundings,
    members: Mutex<Vec<Arc<Member<V>>>>,
}

/// All that is compared whole.
struct Key {
    outline: Vec<u8>,
    issuers: Vec<Vec<u8>>,
    port: u16,
    /// This machine could not speak to one of the addresses.
    is_partly_untried: bool,
    tls: Option<TlsParameters>,
    choice: Option<Choice>,
    at: Time,
    warn_days: Option<u32>,
    anchors: TrustAnchors,
    clients: Vec<&'static Client>,
}

/// What lies around the end entity: everything in the pool but itself.
struct Surroundings {
    certificates: Vec<Fingerprint>,
    /// Of subjects and issuers, normalised.
    names: HashSet<Box<[u8]>>,
    keys: HashSet<Box<[u8]>>,
    key_ids: HashSet<[u8; 20]>,
    /// Of the beginnings and ends of validity, sorted.
    dates: Vec<Time>,
}

struct Member<V> {
    standing: Standing,
    /// About the end entity and the name, with the name's answers.
    asked: Vec<(Asked, u32)>,
    /// Under whose keys its signature holds.
    signed_by: Vec<Arc<Certificate>>,
    conclusion: V,
}

/// How dates stand to all they are compared with. Equal standings, equal comparisons.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Standing {
    not_before: Vec<(usize, usize)>,
    not_after: (usize, usize),
    lifetime: Vec<bool>,
    timestamps: Option<(usize, usize)>,
    /// Below the limit of `end-entity-expires-soon`, and of its urgency.
    expires: [bool; 2],
}

/// An end entity that is ordinary as far as can be seen, and of which nothing was concluded yet.
pub struct Stranger {
    hash: u64,
    outline: Vec<u8>,
    certificate: Certificate,
}

/// What is known of evidence.
pub enum Known<V> {
    /// This was concluded of one that is alike; with the end entity, for what is its own.
    Alike(V, Box<Certificate>),
    /// To be judged alone, and then perhaps to be [kept](Alike::keep).
    Stranger(Box<Stranger>),
    /// To be judged alone.
    OutOfOrder,
}

impl<V: Clone> Alike<V> {
    /// What was concluded of an end entity that is judged like the one of `evidence`.
    pub fn find(&self, target: &Target, evidence: &Evidence, settings: &Settings) -> Known<V> {
        let Some((endpoint, certificate, outline)) = ordinary(target, evidence, settings) else {
            return Known::OutOfOrder;
        };
        let hash = self.hash(endpoint, &outline, settings);
        let family = lock(&self.families).get(&hash);
        let family = family.filter(|family| family.key.is_of(evidence, endpoint, &outline, settings));
        let conclusion = family.and_then(|family| {
            if !family.surroundings.have_nothing_of(&certificate) {
                return None;
            }
            let standing = Standing::of(&certificate, &family.surroundings.dates, settings);
            let members = lock(&family.members).clone();
            let mut like =
                members.into_iter().filter(|member| member.is_judged_like(&certificate, &standing, evidence));
            // What costs most comes last, and the signature of a certificate is checked once whatever it is like.
            like.next().filter(|member| is_unknown_to_stores(&certificate, settings) && member.is_signed(&certificate))
        });
        match conclusion {
            Some(member) => Known::Alike(member.conclusion.clone(), Box::new(certificate)),
            None => Known::Stranger(Box::new(Stranger { hash, outline, certificate })),
        }
    }

    /// Keeps what was concluded of `stranger`, whose evidence has meanwhile led to `judgement`, if that can be shared.
    pub fn keep(
        &self,
        stranger: Stranger,
        target: &Target,
        evidence: &Evidence,
        settings: &Settings,
        judgement: &Judgement,
        conclusion: V,
    ) {
        // What a passing failure kept away must be asked for again.
        let lost = evidence.aia.iter().any(|fetched| fetched.fetch.outcome != AiaOutcome::Accepted);
        let (Some((endpoint, ..)), false) = (ordinary(target, evidence, settings), lost) else { return };
        let [deployment] = &judgement.deployments[..] else { return };
        let pool = &judgement.pool;
        let Some(&Served::Certificate(id)) = deployment.served_list.first() else { return };
        let constrained = pool.ids().any(|id| pool.get(id).extensions.name_constraints.is_some());
        if constrained || deployment.served_list.len() != deployment.served.len() {
            return;
        }
        let surroundings = Surroundings::of(pool, id);
        let certificate = &stranger.certificate;
        if !surroundings.have_nothing_of(certificate) || !is_unknown_to_stores(certificate, settings) {
            return;
        }
        let case = judgement.case(evidence, settings, deployment);
        let Some(asked) = questions(&case, id, settings) else { return };
        let signatures = pool.signatures_of(id);
        if signatures.is_empty() || signatures.iter().any(|(_, check)| *check != SignatureCheck::Valid) {
            return;
        }
        let member = Arc::new(Member {
            standing: Standing::of(certificate, &surroundings.dates, settings),
            asked,
            signed_by: signatures.iter().map(|(issuer, _)| pool.shared(*issuer)).collect(),
            conclusion,
        });
        let key = Key {
            outline: stranger.outline,
            issuers: endpoint.served_chain[1..].to_vec(),
            port: endpoint.address.port(),
            is_partly_untried: is_partly_untried(evidence),
            tls: endpoint.tls.clone(),
            choice: endpoint.choice,
            at: settings.at,
            warn_days: settings.warn_days,
            anchors: settings.anchors.clone(),
            clients: settings.clients.clone(),
        };
        let mut families = lock(&self.families);
        let known = families.get(&stranger.hash).filter(|family| {
            family.key.is_of(evidence, endpoint, &key.outline, settings)
                && family.surroundings.certificates == surroundings.certificates
        });
        match known {
            Some(family) => {
                let mut members = lock(&family.members);
                if members.len() >= MAX_MEMBERS {
                    members.remove(0);
                }
                members.push(member);
            }
            None => {
                let family = Family { key, surroundings, members: Mutex::new(vec![member]) };
                families.insert(stranger.hash, Arc::new(family), MAX_FAMILIES);
            }
        }
    }

    fn hash(&self, endpoint: &EndpointEvidence, outline: &[u8], settings: &Settings) -> u64 {
        self.hasher.hash_one((outline, &endpoint.served_chain[1..], endpoint.address.port(), settings.at))
    }
}

impl Key {
    fn is_of(&self, evidence: &Evidence, endpoint: &EndpointEvidence, outline: &[u8], settings: &Settings) -> bool {
        self.outline == outline
            && self.issuers == endpoint.served_chain[1..]
            && self.port == endpoint.address.port()
            && self.is_partly_untried == is_partly_untried(evidence)
            && self.tls == endpoint.tls
            && self.choice == endpoint.choice
            && self.at == settings.at
            && self.warn_days == settings.warn_days
            && self.anchors.are_same(&settings.anchors)
            && self.clients.len() == settings.clients.len()
            && self.clients.iter().zip(&settings.clients).all(|(one, other)| std::ptr::eq(*one, *other))
    }
}

/// The endpoint that speaks for all, its end entity and the outline of that; `None` where anything is out of the ordinary.
fn ordinary<'a>(
    target: &Target,
    evidence: &'a Evidence,
    settings: &Settings,
) -> Option<(&'a EndpointEvidence, Certificate, Vec<u8>)> {
    // Named one by one, so that whoever adds a field has to decide here what it means.
    let Evidence { reference: _, resolution, endpoints, aia: _, files, revocation } = evidence;
    let Settings { clients: _, anchors: _, at: _, warn_days: _, expect_cname } = settings;
    let is_resolved = matches!(resolution.status, DnsStatus::Noerror | DnsStatus::NotAsked);
    let is_asked_for_more = files.is_some() || revocation.is_some() || expect_cname.is_some();
    if !is_resolved || is_asked_for_more || target.starttls.is_some() {
        return None;
    }
    let mut tried = endpoints.iter().filter(|endpoint| endpoint.status != EndpointStatus::NotTried);
    let endpoint = tried.next()?;
    let is_short = endpoint.served_chain.iter().map(|der| der.len() + 8).sum::<usize>() <= MAX_MESSAGE;
    let is_same = |other: &EndpointEvidence| {
        is_completed(other)
            && (&other.served_chain, &other.tls, other.choice)
                == (&endpoint.served_chain, &endpoint.tls, endpoint.choice)
            && other.address.port() == endpoint.address.port()
    };
    if !is_short || !is_completed(endpoint) || !tried.all(is_same) {
        return None;
    }
    if !super::rules::is_resolution_plain(target, evidence, settings) {
        return None;
    }
    let certificate = Certificate::parse(endpoint.served_chain.first()?).ok()?;
    let is_now = certificate.not_before < settings.at && settings.at < certificate.not_after;
    if !is_now
        || certificate.not_before.unix() < FIRST_ISSUED
        || certificate.is_self_issued()
        || !matches!(identity::compare(&certificate, &evidence.reference), Match::Matches(_))
    {
        return None;
    }
    let outline = outline(&certificate)?;
    Some((endpoint, certificate, outline))
}

fn is_partly_untried(evidence: &Evidence) -> bool {
    evidence.endpoints.iter().any(|endpoint| endpoint.status == EndpointStatus::NotTried)
}

/// The handshake was completed, and nothing but the chain and what was chosen is to be told of it.
fn is_completed(endpoint: &EndpointEvidence) -> bool {
    let EndpointEvidence {
        address: _,
        status,
        failure,
        tls: _,
        served_chain: _,
        ocsp_staple,
        timing: _,
        choice: _,
        hellos,
        starttls,
        http,
        survey,
        samples,
        timestamps,
    } = endpoint;
    *status == EndpointStatus::Completed
        && failure.is_none()
        && ocsp_staple.is_none()
        && hellos.is_empty()
        && starttls.is_none()
        && http.is_none()
        && survey.is_none()
        && samples.is_none()
        && timestamps.is_none()
}

/// No store has anything of its name, nor does any list of what is not to be trusted have it.
fn is_unknown_to_stores(certificate: &Certificate, settings: &Settings) -> bool {
    if !table::blocked_by(certificate.fingerprint).is_empty() || super::rules::is_known_bad(certificate) {
        return false;
    }
    if !settings.anchors.are_own_stores() {
        return true;
    }
    let key = certificate.subject.loose_key();
    mozilla::named(key).next().is_none()
        && table::roots_named(key).next().is_none()
        && table::chromium_named(key).next().is_none()
        && table::intermediates_named(key).next().is_none()
        && !mozilla::webpki_roots_name(key)
        && settings.anchors.update().is_none_or(|update| {
            update.roots_named(key).next().is_none() && update.certificates_named(key).next().is_none()
        })
}

/// All questions about the end entity and the name that some client asks; `None` where one sees more than that.
fn questions(case: &Case<'_>, end_entity: CertId, settings: &Settings) -> Option<Vec<(Asked, u32)>> {
    let mut asked: Vec<(Asked, u32)> = Vec::new();
    for client in &settings.clients {
        let notes = RefCell::new(Notes::default());
        answer_to(client, &Case { reference: case.reference.noted(&notes), ..*case }, &[]);
        let notes = notes.into_inner();
        if notes.is_seen || notes.asked.iter().any(|(question, _)| question.about().is_some_and(|id| id != end_entity))
        {
            return None;
        }
        for (question, answer) in notes.asked {
            if !asked.iter().any(|(known, _)| known.is(&question)) {
                asked.push((question, answer));
            }
        }
    }
    Some(asked)
}

impl Surroundings {
    fn of(pool: &Pool, end_entity: CertId) -> Self {
        let others = || pool.ids().filter(move |&id| id != end_entity).map(|id| pool.get(id));
        let names = others().flat_map(|other| [other.subject.normalised(), other.issuer.normalised()]);
        let mut dates: Vec<Time> = others().flat_map(|other| [other.not_before, other.not_after]).collect();
        dates.sort();
        Self {
            certificates: others().map(|other| other.fingerprint).collect(),
            names: names.map(Into::into).collect(),
            keys: others().map(|other| other.spki().into()).collect(),
            key_ids: others().flat_map(key_identifiers).collect(),
            dates,
        }
    }

    /// It is no issuer of any of them, and takes the place of none.
    fn have_nothing_of(&self, certificate: &Certificate) -> bool {
        let key_id = certificate.extensions.subject_key_id.as_deref().unwrap_or_default();
        !self.certificates.contains(&certificate.fingerprint)
            && !self.names.contains(certificate.subject.normalised())
            && !self.keys.contains(certificate.spki())
            && !<[u8; 20]>::try_from(key_id).is_ok_and(|key_id| self.key_ids.contains(&key_id))
    }
}

/// All that some client takes for one: the two extensions, and hashes where there is none or it has another length.
fn key_identifiers(certificate: &Certificate) -> Vec<[u8; 20]> {
    let own = certificate.extensions.subject_key_id.as_deref();
    let authority = certificate.extensions.authority_key_id.as_ref().and_then(|id| id.key_id.as_deref());
    let mut ids: Vec<[u8; 20]> = [certificate.spki(), certificate.subject_public_key()].map(sha1).into();
    for id in own.into_iter().chain(authority) {
        ids.push(<[u8; 20]>::try_from(id).unwrap_or_else(|_| sha1(id)));
    }
    ids
}

fn sha1(octets: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    out.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref());
    out
}

impl<V> Member<V> {
    /// Nothing that any client or rule looks at tells `certificate` from this one, if it is signed like it.
    fn is_judged_like(&self, certificate: &Certificate, standing: &Standing, evidence: &Evidence) -> bool {
        self.standing == *standing
            && self
                .asked
                .iter()
                .all(|(question, answer)| question.answer_about(certificate, &evidence.reference) == *answer)
    }

    fn is_signed(&self, certificate: &Certificate) -> bool {
        self.signed_by.iter().all(|issuer| certificate.check_signature(issuer) == SignatureCheck::Valid)
    }
}

impl Standing {
    fn of(certificate: &Certificate, dates: &[Time], settings: &Settings) -> Self {
        let (from, until) = (certificate.not_before, certificate.not_after);
        let lifetime = until.since(from);
        let issued = &*MOMENTS;
        let left = until.since(settings.at);
        let soon = settings.warn_days.map_or(lifetime / 3, |days| i64::from(days) * DAY);
        let timestamps = certificate.extensions.scts.iter().map(crate::x509::sct::Sct::at).min();
        Self {
            not_before: vec![place(dates, from), place(issued, from)],
            not_after: place(dates, until),
            // Some count the last second (RFC 5280 §4.1.2.5), some do not.
            lifetime: LIFETIMES.iter().flat_map(|days| [lifetime > days * DAY, lifetime + 1 > days * DAY]).collect(),
            timestamps: timestamps.map(|first| place(issued, first)),
            expires: [left < soon, left < lifetime / 10],
        }
    }
}

/// What a day of issuance is compared with, sorted.
static MOMENTS: LazyLock<Vec<Time>> = LazyLock::new(|| {
    let mut moments: Vec<Time> = distrust::moments().chain(ISSUED.iter().map(|at| Time::from_unix(*at))).collect();
    moments.sort();
    moments
});

/// How many are before `time`, and how many are not after it.
fn place(sorted: &[Time], time: Time) -> (usize, usize) {
    (sorted.partition_point(|other| *other < time), sorted.partition_point(|other| *other <= time))
}
