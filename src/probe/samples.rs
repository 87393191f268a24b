//! More handshakes with each address: behind one, servers may take turns.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Depth, look_at_one};
use crate::model::handshake::{EndpointEvidence, EndpointStatus};
use crate::model::samples::Samples;
use crate::model::target::ReferenceId;
use crate::observe::tls::{Connector, SurveySettings};

/// Handshakes with one address at a time: no more than a browser opens.
const AT_ONCE: usize = 4;

/// Repeats the handshake with every address until each was spoken to `wanted` times. Each further answer becomes an entry of
/// its own with the same address, after the first; equal ones are counted.
pub(super) async fn repeat(
    connector: &Arc<Connector>,
    first: Vec<EndpointEvidence>,
    reference: &ReferenceId,
    (depth, wanted): (Depth, usize),
    deadline: Instant,
) -> Vec<EndpointEvidence> {
    if wanted <= 1 {
        return first;
    }
    let mut tasks = JoinSet::new();
    for (index, endpoint) in first.into_iter().enumerate() {
        let (connector, reference) = (Arc::clone(connector), reference.clone());
        tasks.spawn(async move {
            let again = match endpoint.status {
                EndpointStatus::NotTried => Vec::new(),
                _ => more(&connector, endpoint.address, &reference, (depth, wanted - 1), deadline).await,
            };
            (index, count(endpoint, again))
        });
    }
    let mut found = tasks.join_all().await;
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().flat_map(|(_, entries)| entries).collect()
}

async fn more(
    connector: &Arc<Connector>,
    address: SocketAddr,
    reference: &ReferenceId,
    (depth, mut wanted): (Depth, usize),
    deadline: Instant,
) -> Vec<EndpointEvidence> {
    // A survey is made once.
    let depth = if depth == Depth::Survey { Depth::Handshake } else { depth };
    let once = SurveySettings::default();
    let mut seen = Vec::with_capacity(wanted);
    while wanted > 0 && Instant::now() < deadline {
        let mut tasks = JoinSet::new();
        for _ in 0..wanted.min(AT_ONCE) {
            let (connector, reference) = (Arc::clone(connector), reference.clone());
            tasks.spawn(async move { look_at_one(&connector, address, &reference, depth, once, deadline).await });
        }
        wanted -= tasks.len();
        let round = tasks.join_all().await;
        // What our own limit cut short says nothing of the server.
        let is_whole = |endpoint: &EndpointEvidence| endpoint.failure.is_none() || Instant::now() < deadline;
        seen.extend(round.into_iter().filter(is_whole));
    }
    seen
}

fn count(first: EndpointEvidence, again: Vec<EndpointEvidence>) -> Vec<EndpointEvidence> {
    let made = 1 + again.len();
    let mut entries: Vec<EndpointEvidence> = Vec::new();
    for endpoint in std::iter::once(first).chain(again) {
        match entries.iter_mut().find(|known| are_alike(known, &endpoint)) {
            Some(known) => known.samples.iter_mut().for_each(|samples| samples.seen += 1),
            None => entries.push(EndpointEvidence { samples: Some(Samples { made, seen: 1 }), ..endpoint }),
        }
    }
    entries
}

fn are_alike(one: &EndpointEvidence, other: &EndpointEvidence) -> bool {
    let failure = |endpoint: &EndpointEvidence| {
        endpoint.failure.as_ref().map(|failure| (failure.stage, failure.kind, failure.alert.clone()))
    };
    let choice = |endpoint: &EndpointEvidence| endpoint.choice.map(|choice| (choice.version, choice.cipher_suite));
    one.served_chain == other.served_chain && failure(one) == failure(other) && choice(one) == choice(other)
}
