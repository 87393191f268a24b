//! Revocation in the pipeline: the judge says what would tell more, it is fetched, and the judge thinks again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;

use super::{EvidenceLevel, Settings};
use crate::judge::{self, Judgement};
use crate::model::evidence::Evidence;
use crate::model::report::Report;
use crate::model::revocation::{FetchedRevocation, RevocationEvidence, RevocationFacts, RevocationFetch};
use crate::model::time::Time;
use crate::observe::dns::Resolver;
use crate::observe::revocation::{Cache, Fetcher};

/// A second address is asked when the first gives no answer, a third when that gives none.
const MAX_ROUNDS: usize = 3;

/// The largest body that a report carries. Most CRLs are smaller; of the others it carries what they say of its
/// certificates.
const MAX_IN_REPORT: usize = 64 * 1024;

/// How far revocation is looked into. The default is: not beyond what a server staples.
#[derive(Debug, Clone, Default)]
pub struct Revocation {
    /// Fetch the CRLs that certificates name, and ask the OCSP responders where none answers.
    pub crls: bool,
    /// Ask the OCSP responders that they name.
    pub ocsp: bool,
    /// Where CRLs are kept; `None`: nowhere.
    pub cache: Option<Cache>,
}

impl Revocation {
    /// What evidence begins with.
    pub(super) fn evidence(&self) -> Option<RevocationEvidence> {
        let evidence = RevocationEvidence { crls: self.crls, ocsp: self.ocsp, fetched: Vec::new() };
        evidence.is_asked().then_some(evidence)
    }
}

/// Fetches what the judge asks for until it asks for nothing more, or `deadline`.
pub(super) async fn look(
    evidence: &mut Evidence,
    mut judgement: Judgement,
    judge_settings: &judge::Settings,
    settings: &Settings,
    resolver: &Resolver,
    now: Time,
    deadline: Instant,
) -> Judgement {
    let cache = settings.revocation.cache.as_ref().map(|cache| (cache, now));
    let mut fetcher = Fetcher::new(resolver, settings.allow_private_aia, cache);
    for _ in 0..MAX_ROUNDS {
        let wanted = judge::revocation::wanted(&judgement, evidence);
        let Some(asked) = evidence.revocation.as_mut().filter(|_| !wanted.is_empty()) else { break };
        asked.fetched.extend(fetcher.fetch(&wanted, deadline).await);
        judgement = judge::judge_with(&settings.memo, evidence, judge_settings);
    }
    judgement
}

/// For the report. A body that it does not carry is stood for by what it says of the report's certificates.
pub(super) fn facts(evidence: &Evidence, judgement: &Judgement, level: EvidenceLevel) -> Option<RevocationFacts> {
    let asked = evidence.revocation.as_ref()?;
    let fetch = |fetched: &FetchedRevocation| {
        let url = crate::x509::dn::printable(&fetched.fetch.url);
        let is_small = |body: &&std::sync::Arc<Vec<u8>>| body.len() <= MAX_IN_REPORT && level == EvidenceLevel::Pem;
        match fetched.body.as_ref().filter(is_small) {
            Some(body) => RevocationFetch { url, body: Some(STANDARD.encode(&**body)), ..fetched.fetch.clone() },
            None => RevocationFetch { url, said: judge::revocation::said(judgement, fetched), ..fetched.fetch.clone() },
        }
    };
    let fetches = asked.fetched.iter().map(fetch).collect();
    Some(RevocationFacts { crls: asked.crls, ocsp: asked.ocsp, fetches })
}

/// The evidence in a report.
pub(super) fn recorded(report: &Report) -> Option<RevocationEvidence> {
    let facts = report.revocation.as_ref()?;
    let fetched = facts.fetches.iter().map(|fetch| FetchedRevocation {
        body: fetch.body.as_ref().and_then(|text| STANDARD.decode(text).ok()).map(std::sync::Arc::new),
        fetch: RevocationFetch { body: None, ..fetch.clone() },
    });
    Some(RevocationEvidence { crls: facts.crls, ocsp: facts.ocsp, fetched: fetched.collect() })
}
