//! Each protocol version: is it spoken, with which suites, groups and signature schemes?

use std::sync::Arc;

use rustls::{CipherSuite, SignatureScheme};

use super::candidates::{self, Key};
use super::enumeration::{Enumeration, Found, MAX_PART, Subject};
use super::{Answer, Name, Offer, Surveyor, order, sightings};
use crate::model::hello::{ORDINARY, SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3, WIDEST, version_name};
use crate::model::survey::{Named, SuiteOrder, Support, VersionSurvey};
use crate::observe::tls::hello::{Seen, Share, Until};
use crate::observe::tls::iana;

/// All versions at the same time, the newest first.
pub(super) async fn survey(surveyor: &Arc<Surveyor>) -> Vec<VersionSurvey> {
    let (tls13, tls12, (mut tls11, mut tls10), ssl) = tokio::join!(
        tls13(surveyor),
        tls12(surveyor),
        before_tls12(surveyor),
        old(surveyor, SSL_3_0, Found::default())
    );
    // Groups belong to the server more than to a version: of the old ones the newest is asked where TLS 1.2 is missing.
    if tls12.supported == Support::No {
        let newest = if tls11.supported == Support::Yes { (&mut tls11, TLS_1_1) } else { (&mut tls10, TLS_1_0) };
        let suites: Vec<u16> = newest.0.cipher_suites.iter().map(|suite| suite.number).collect();
        newest.0.take_groups(&groups_before_tls13(surveyor, newest.1, &suites).await);
    }
    vec![tls13, tls12, tls11, tls10, ssl]
}

async fn tls13(surveyor: &Arc<Surveyor>) -> VersionSurvey {
    let first = surveyor.first.filter(|choice| choice.version == TLS_1_3);
    let mut suites = Found::default();
    if let Some(choice) = first {
        suites.accepted.push(choice.cipher_suite);
        let offered = ORDINARY.cipher_suites.iter().copied().filter(|suite| suite >> 8 == 0x13).collect::<Vec<_>>();
        if offered.contains(&choice.cipher_suite) {
            suites.choices.push((offered, choice.cipher_suite));
        }
    }
    let all = candidates::suites(TLS_1_3);
    if first.is_none() {
        let suites = Enumeration::new(SuitesTls13, &all, suites).whole_first().run(surveyor).await;
        let Some(&suite) = suites.accepted.first() else { return VersionSurvey::of(TLS_1_3, &suites) };
        let (groups, schemes, suites) = tokio::join!(
            groups_tls13(surveyor, suite),
            schemes_tls13(surveyor, suite),
            ordered(surveyor, TLS_1_3, suites)
        );
        return assembled(surveyor, TLS_1_3, &suites, &groups, &schemes);
    }
    let suite = suites.accepted[0];
    let (groups, schemes, suites) =
        tokio::join!(groups_tls13(surveyor, suite), schemes_tls13(surveyor, suite), async {
            ordered(surveyor, TLS_1_3, Enumeration::new(SuitesTls13, &all, suites).run(surveyor).await).await
        });
    assembled(surveyor, TLS_1_3, &suites, &groups, &schemes)
}

async fn groups_tls13(surveyor: &Arc<Surveyor>, suite: u16) -> Found {
    let known = surveyor.sightings().groups_tls13.clone();
    let asked = |share, groups: &[u16], known: &[u16]| {
        let known = Found { accepted: known.to_vec(), ..Found::default() };
        Enumeration::new(GroupsTls13 { suite, share }, groups, known).run(surveyor)
    };
    let found = asked(Share::Empty, candidates::GROUPS_TLS13, &known).await;
    if found.accepted.len() > known.len() || known.is_empty() {
        return found;
    }
    // It takes no other group, or takes offence at an offer without shares.
    if asked(Share::Empty, &known, &[]).await.accepted.is_empty() {
        return asked(Share::Small, candidates::GROUPS_TLS13, &known).await;
    }
    found
}

async fn schemes_tls13(surveyor: &Arc<Surveyor>, suite: u16) -> Found {
    let known = Found { accepted: surveyor.sightings().schemes_tls13.clone(), ..Found::default() };
    let subject = SchemesTls13 { suite, groups: surveyor.groups_with_known_first(ORDINARY.groups), key: surveyor.key };
    let mut found = Enumeration::new(subject, candidates::SCHEMES_TLS13, known).run(surveyor).await;
    // What lies behind keys that our library cannot compute is not read.
    found.is_incomplete |= found.accepted.is_empty();
    found
}

async fn tls12(surveyor: &Arc<Surveyor>) -> VersionSurvey {
    let mut suites = Found::default();
    if let Some(choice) = surveyor.first.filter(|choice| choice.version == TLS_1_2) {
        suites.accepted.push(choice.cipher_suite);
    }
    let subject = Suites { version: TLS_1_2, surveyor: Arc::clone(surveyor) };
    let mut asked = Enumeration::new(subject, &candidates::suites(TLS_1_2), suites);
    if surveyor.first_version().is_none_or(|version| version < TLS_1_2) {
        asked = asked.whole_first();
    }
    // Groups and schemes are asked for as soon as a suite is known that has them.
    let signed = |found: &Found| -> Vec<u16> {
        found.accepted.iter().copied().filter(|suite| candidates::is_signed(*suite)).collect()
    };
    while asked.round(surveyor).await && signed(&asked.found).is_empty() {}
    let signed = signed(&asked.found);
    let (groups, schemes, suites) =
        tokio::join!(groups_before_tls13(surveyor, TLS_1_2, &signed), schemes_tls12(surveyor, &signed), async {
            ordered(surveyor, TLS_1_2, asked.run(surveyor).await).await
        });
    let groups = more_groups_tls12(surveyor, &signed, &suites.found.accepted, groups).await;
    assembled(surveyor, TLS_1_2, &suites, &groups, &schemes)
}

/// What suites that were found later let us see.
async fn more_groups_tls12(surveyor: &Arc<Surveyor>, before: &[u16], suites: &[u16], found: Found) -> Found {
    let on_curve = |suite: &u16| candidates::is_signed_on_curve(*suite);
    let by_rsa = |suite: &u16| on_curve(suite) && candidates::is_signed_by_rsa(*suite);
    let is_new = |is: &dyn Fn(&u16) -> bool| !before.iter().any(is) && suites.iter().any(is);
    // Beside an ECDSA key's own curve, a server with an order of its own shows no other group.
    if is_new(&by_rsa) || is_new(&on_curve) { groups_before_tls13(surveyor, TLS_1_2, suites).await } else { found }
}

async fn groups_before_tls13(surveyor: &Arc<Surveyor>, version: u16, suites: &[u16]) -> Found {
    let on_curve: Vec<u16> = suites.iter().copied().filter(|suite| candidates::is_signed_on_curve(*suite)).collect();
    if on_curve.is_empty() {
        return Found::default();
    }
    let by_rsa: Vec<u16> = on_curve.iter().copied().filter(|suite| candidates::is_signed_by_rsa(*suite)).collect();
    let seen = || if version == TLS_1_2 { surveyor.sightings().groups_tls12.clone() } else { Vec::new() };
    let known = Found { accepted: seen(), ..Found::default() };
    let asked = |suites: &[u16], beside: Option<u16>, known: Found| {
        let subject = Groups { version, suites: suites.to_vec(), beside };
        Enumeration::new(subject, candidates::GROUPS_TLS12, known)
    };
    let curve = surveyor.sightings().curve_of_key().filter(|_| by_rsa.is_empty());
    let mut found = match curve {
        None => asked(if by_rsa.is_empty() { &on_curve } else { &by_rsa }, None, known).run(surveyor).await,
        Some(curve) => {
            // Most servers take only offers that hold the curve of their ECDSA key (RFC 8422 §5.1.1), so it stands behind what
            // is asked for; those with an order of their own may always choose it then. Others do not look at it.
            let mut without = known.clone();
            without.accepted.extend((!known.accepted.contains(&curve)).then_some(curve));
            let mut alone = asked(&on_curve, None, without).whole_first();
            let (beside, ()) = tokio::join!(asked(&on_curve, Some(curve), known).run(surveyor), async {
                alone.round(surveyor).await;
            });
            let mut found = beside;
            if !alone.found.choices.is_empty() {
                let rest =
                    Found { accepted: [found.accepted.clone(), alone.found.accepted].concat(), ..Found::default() };
                let rest = asked(&on_curve, None, rest).run(surveyor).await;
                found.also(&rest.accepted);
                found.is_incomplete |= rest.is_incomplete;
            }
            found
        }
    };
    found.unasked.clear();
    found.also(&seen());
    found
}

async fn schemes_tls12(surveyor: &Arc<Surveyor>, suites: &[u16]) -> Found {
    if suites.is_empty() {
        return Found::default();
    }
    let known = Found { accepted: surveyor.sightings().schemes_tls12.clone(), ..Found::default() };
    let subject = SchemesTls12 { suites: suites.to_vec(), key: surveyor.key };
    let mut found = Enumeration::new(subject, candidates::SCHEMES_TLS12, known).run(surveyor).await;
    let known = surveyor.sightings().schemes_tls12.clone();
    found.also(&known);
    found
}

/// TLS 1.1 and 1.0. A server without the newer answers with the older.
async fn before_tls12(surveyor: &Arc<Surveyor>) -> (VersionSurvey, VersionSurvey) {
    let asked = Suites { version: TLS_1_1, surveyor: Arc::clone(surveyor) };
    let mut all = candidates::suites(TLS_1_1);
    all.truncate(MAX_PART);
    let offer = Offer { versions: vec![TLS_1_1, TLS_1_0], ..asked.offer(&all, 0) };
    surveyor.dialer.foresee(0, 1);
    let answer = surveyor.ask(&offer).await;
    let chosen = match &answer {
        Answer::Chosen(seen) => seen.server_hello.as_ref().map(|hello| (hello.version, hello.cipher_suite)),
        Answer::Refused(_) | Answer::Lost(_) => None,
    };
    let is_lost = matches!(answer, Answer::Lost(_));
    let of = |version: u16| Found {
        accepted: chosen.filter(|(chosen, _)| *chosen == version).map(|(_, suite)| suite).into_iter().collect(),
        is_incomplete: is_lost,
        ..Found::default()
    };
    match chosen {
        Some((TLS_1_1, _)) => {
            tokio::join!(old(surveyor, TLS_1_1, of(TLS_1_1)), old(surveyor, TLS_1_0, Found::default()))
        }
        Some(_) => (VersionSurvey::of(TLS_1_1, &Found::default()), old(surveyor, TLS_1_0, of(TLS_1_0)).await),
        None => (VersionSurvey::of(TLS_1_1, &of(TLS_1_1)), VersionSurvey::of(TLS_1_0, &of(TLS_1_0))),
    }
}

/// A version before TLS 1.2, of which only the suites are asked for.
async fn old(surveyor: &Arc<Surveyor>, version: u16, known: Found) -> VersionSurvey {
    let is_new = known.accepted.is_empty();
    let subject = Suites { version, surveyor: Arc::clone(surveyor) };
    let asked = Enumeration::new(subject, &candidates::suites(version), known);
    let suites = if is_new { asked.whole_first() } else { asked }.run(surveyor).await;
    assembled(surveyor, version, &ordered(surveyor, version, suites).await, &Found::default(), &Found::default())
}

/// The suites of a version, and whose order decides among them.
struct OrderedSuites {
    found: Found,
    order: SuiteOrder,
    are_in_order: bool,
}

async fn ordered(surveyor: &Arc<Surveyor>, version: u16, mut found: Found) -> OrderedSuites {
    let order = order::whose(surveyor, version, &found).await;
    let are_in_order =
        surveyor.full_order && order == SuiteOrder::Server && order::sort(surveyor, version, &mut found.accepted).await;
    OrderedSuites { found, order, are_in_order }
}

fn assembled(
    surveyor: &Surveyor,
    version: u16,
    suites: &OrderedSuites,
    groups: &Found,
    schemes: &Found,
) -> VersionSurvey {
    let OrderedSuites { found: suites, order, are_in_order } = suites;
    let incomplete = [("cipher_suites", suites), ("groups", groups), ("signature_schemes", schemes)];
    let is_supported = !suites.accepted.is_empty();
    let incomplete = incomplete.into_iter().filter(|(_, found)| found.is_incomplete && is_supported);
    let mut all_schemes = schemes.accepted.clone();
    all_schemes.extend(schemes.unasked.iter().filter(|scheme| !schemes.accepted.contains(scheme)));
    all_schemes.dedup();
    let mut version = VersionSurvey {
        signature_schemes: all_schemes
            .iter()
            .map(|&scheme| Named { number: scheme, name: iana::signature_scheme(SignatureScheme::from(scheme)) })
            .collect(),
        order: *order,
        suites_in_order: *are_in_order,
        dh_bits: surveyor.sightings().dh_bits(version),
        incomplete: incomplete.map(|(what, _)| what.to_owned()).collect(),
        ..VersionSurvey::of(version, suites)
    };
    version.take_groups(groups);
    version
}

impl VersionSurvey {
    fn take_groups(&mut self, groups: &Found) {
        let named = |group: &u16| Named { number: *group, name: sightings::group_name(*group) };
        self.groups = groups.accepted.iter().map(named).collect();
    }

    fn of(version: u16, suites: &Found) -> Self {
        let names = suites.accepted.iter();
        Self {
            version: version_name(version),
            supported: match (suites.accepted.is_empty(), suites.is_incomplete) {
                (false, _) => Support::Yes,
                (true, true) => Support::NotSeen,
                (true, false) => Support::No,
            },
            cipher_suites: names
                .map(|&suite| Named { number: suite, name: iana::cipher_suite(CipherSuite::from(suite)) })
                .collect(),
            order: SuiteOrder::NotSeen,
            suites_in_order: false,
            groups: Vec::new(),
            signature_schemes: Vec::new(),
            dh_bits: None,
            incomplete: Vec::new(),
        }
    }
}

/// Suites of TLS 1.3. Without a share the server answers with a HelloRetryRequest, which names the suite.
struct SuitesTls13;

impl Subject for SuitesTls13 {
    fn offer(&self, part: &[u16], _turn: usize) -> Offer {
        offer_tls13(part.to_vec(), candidates::GROUPS_TLS13.to_vec(), candidates::SCHEMES_TLS13.to_vec(), Share::Empty)
    }

    fn chosen(&self, seen: &Seen) -> Option<u16> {
        seen.server_hello.as_ref().map(|hello| hello.cipher_suite)
    }

    fn likelihood(&self, candidate: u16, accepted: &[u16]) -> f64 {
        candidates::suite_likelihood(candidate, None, accepted)
    }
}

pub(super) fn offer_tls13(
    cipher_suites: Vec<u16>,
    groups: Vec<u16>,
    signature_schemes: Vec<u16>,
    share: Share,
) -> Offer {
    Offer {
        versions: vec![TLS_1_3],
        cipher_suites,
        groups,
        signature_schemes,
        name: Name::Right,
        alpn: Vec::new(),
        share,
        until: Until::Choice,
        ticket: false,
    }
}

/// Groups of TLS 1.3; the HelloRetryRequest asks for one.
struct GroupsTls13 {
    suite: u16,
    share: Share,
}

impl Subject for GroupsTls13 {
    fn offer(&self, part: &[u16], _turn: usize) -> Offer {
        offer_tls13(vec![self.suite], part.to_vec(), candidates::SCHEMES_TLS13.to_vec(), self.share)
    }

    fn chosen(&self, seen: &Seen) -> Option<u16> {
        seen.group
    }

    fn likelihood(&self, candidate: u16, accepted: &[u16]) -> f64 {
        candidates::group_likelihood(candidate, accepted)
    }
}

/// Signature schemes of TLS 1.3, which stand behind the encryption: a share is needed.
struct SchemesTls13 {
    suite: u16,
    groups: Vec<u16>,
    key: Option<Key>,
}

impl Subject for SchemesTls13 {
    fn offer(&self, part: &[u16], _turn: usize) -> Offer {
        offer_tls13(vec![self.suite], self.groups.clone(), part.to_vec(), Share::Small)
    }

    fn chosen(&self, seen: &Seen) -> Option<u16> {
        seen.scheme
    }

    fn likelihood(&self, candidate: u16, _accepted: &[u16]) -> f64 {
        candidates::scheme_likelihood(candidate, TLS_1_3, self.key)
    }
}

/// Suites of TLS 1.2 and older. The answer also names a group and a scheme: those that have not been seen yet stand first,
/// other ones in each question, and often need no question of their own.
struct Suites {
    version: u16,
    surveyor: Arc<Surveyor>,
}

impl Subject for Suites {
    fn offer(&self, part: &[u16], turn: usize) -> Offer {
        let sightings = self.surveyor.sightings();
        let (groups, schemes) = (&sightings.groups_tls12, &sightings.schemes_tls12);
        let key = self.surveyor.key;
        let groups = unseen_first(candidates::GROUPS_TLS12, groups, turn, |group| {
            candidates::group_likelihood(group, &[]) > 0.2
        });
        let schemes = unseen_first(candidates::SCHEMES_TLS12, schemes, turn, |scheme| {
            candidates::scheme_likelihood(scheme, TLS_1_2, key) > 0.2
        });
        // Every second one asks for a ticket: a server that gives one gives no session identifier.
        Offer { ticket: turn.is_multiple_of(2), ..offer_before_tls13(self.version, part.to_vec(), groups, schemes) }
    }

    fn chosen(&self, seen: &Seen) -> Option<u16> {
        seen.server_hello.as_ref().filter(|hello| hello.version == self.version).map(|hello| hello.cipher_suite)
    }

    fn likelihood(&self, candidate: u16, accepted: &[u16]) -> f64 {
        let sightings = self.surveyor.sightings();
        if sightings.suites.contains(&candidate) {
            return 0.9; // by the other versions
        }
        candidates::suite_likelihood(candidate, self.surveyor.key, accepted)
    }
}

pub(super) fn offer_before_tls13(
    version: u16,
    cipher_suites: Vec<u16>,
    groups: Vec<u16>,
    signature_schemes: Vec<u16>,
) -> Offer {
    Offer {
        versions: vec![version],
        cipher_suites,
        groups,
        signature_schemes,
        name: Name::Right,
        alpn: Vec::new(),
        share: Share::Small,
        until: Until::Choice,
        ticket: false,
    }
}

/// The likely ones that have not been seen, from the one at `turn` on; the seen; the others.
fn unseen_first(all: &[u16], seen: &[u16], turn: usize, is_likely: impl Fn(u16) -> bool) -> Vec<u16> {
    let (seen, unseen): (Vec<u16>, Vec<u16>) = all.iter().partition(|candidate| seen.contains(candidate));
    let (mut likely, others): (Vec<u16>, Vec<u16>) = unseen.into_iter().partition(|candidate| is_likely(*candidate));
    if !likely.is_empty() {
        let by = turn % likely.len();
        likely.rotate_left(by);
    }
    [likely, seen, others].concat()
}

/// Groups of TLS 1.2 and older.
struct Groups {
    version: u16,
    suites: Vec<u16>,
    /// Offered behind each part.
    beside: Option<u16>,
}

impl Subject for Groups {
    fn offer(&self, part: &[u16], _turn: usize) -> Offer {
        let beside = self.beside.filter(|group| !part.contains(group));
        let groups = part.iter().copied().chain(beside).collect();
        offer_before_tls13(self.version, self.suites.clone(), groups, WIDEST.signature_schemes.to_vec())
    }

    fn chosen(&self, seen: &Seen) -> Option<u16> {
        seen.group
    }

    fn likelihood(&self, candidate: u16, _accepted: &[u16]) -> f64 {
        candidates::group_likelihood(candidate, &[])
    }
}

/// Signature schemes of TLS 1.2.
struct SchemesTls12 {
    suites: Vec<u16>,
    key: Option<Key>,
}

impl Subject for SchemesTls12 {
    fn offer(&self, part: &[u16], _turn: usize) -> Offer {
        offer_before_tls13(TLS_1_2, self.suites.clone(), WIDEST.groups.to_vec(), part.to_vec())
    }

    fn chosen(&self, seen: &Seen) -> Option<u16> {
        seen.scheme
    }

    fn likelihood(&self, candidate: u16, _accepted: &[u16]) -> f64 {
        candidates::scheme_likelihood(candidate, TLS_1_2, self.key)
    }
}
