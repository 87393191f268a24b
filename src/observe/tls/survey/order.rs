//! Whose order of suites decides, the client's or the server's, and what the server's is.

use std::sync::Arc;

use super::enumeration::Found;
use super::{Answer, Offer, Surveyor, candidates, versions};
use crate::model::hello::{TLS_1_3, WIDEST};
use crate::model::survey::SuiteOrder;
use crate::observe::tls::hello::Share;

/// From the answers of the enumeration where one of them tells, else from one or two more.
pub(super) async fn whose(surveyor: &Arc<Surveyor>, version: u16, found: &Found) -> SuiteOrder {
    match found.accepted.len() {
        0 => return SuiteOrder::NotSeen,
        1 => return SuiteOrder::OneSuite,
        _ => {}
    }
    let taken = |offered: &[u16]| -> Vec<u16> {
        offered.iter().copied().filter(|suite| found.accepted.contains(suite)).collect()
    };
    if found.choices.iter().any(|(offered, chosen)| taken(offered).first() != Some(chosen)) {
        return SuiteOrder::Server; // it passed over one that it takes
    }
    // So far it took the first that it could. Does it take another when that one stands behind? ChaCha20 may be moved in
    // front for clients that have it there (OpenSSL's SSL_OP_PRIORITIZE_CHACHA), which is no order of suites.
    let mut pairs = found.choices.iter().filter_map(|(offered, chosen)| {
        let loser = taken(offered).into_iter().find(|suite| suite != chosen && !candidates::is_chacha(*suite));
        loser.filter(|_| !candidates::is_chacha(*chosen)).map(|loser| (*chosen, loser))
    });
    let Some((winner, loser)) = pairs.next() else {
        let (there, back) = ([found.accepted[0], found.accepted[1]], [found.accepted[1], found.accepted[0]]);
        let (one, other) = tokio::join!(ask(surveyor, version, &there), ask(surveyor, version, &back));
        return match (one, other) {
            (Some(one), Some(other)) if one == other => SuiteOrder::Server,
            (Some(_), Some(_)) => SuiteOrder::Client,
            _ => SuiteOrder::NotSeen,
        };
    };
    match ask(surveyor, version, &[loser, winner]).await {
        Some(chosen) if chosen == winner => SuiteOrder::Server,
        Some(_) => SuiteOrder::Client,
        None => SuiteOrder::NotSeen,
    }
}

/// Sorts `suites` by the server's preference, asking for what is left each time; false when an answer is missing.
pub(super) async fn sort(surveyor: &Arc<Surveyor>, version: u16, suites: &mut Vec<u16>) -> bool {
    let mut left = suites.clone();
    let mut sorted = Vec::new();
    while left.len() > 1 {
        surveyor.dialer.foresee(0, usize::from(left.len() > 2));
        let Some(chosen) = ask(surveyor, version, &left).await else { return false };
        left.retain(|suite| *suite != chosen);
        sorted.push(chosen);
    }
    sorted.append(&mut left);
    *suites = sorted;
    true
}

/// The one chosen of `suites`, which the server takes one by one.
async fn ask(surveyor: &Arc<Surveyor>, version: u16, suites: &[u16]) -> Option<u16> {
    let suites = suites.to_vec();
    let offer: Offer = match version {
        TLS_1_3 => versions::offer_tls13(
            suites.clone(),
            candidates::GROUPS_TLS13.to_vec(),
            candidates::SCHEMES_TLS13.to_vec(),
            Share::Empty,
        ),
        older => versions::offer_before_tls13(
            older,
            suites.clone(),
            WIDEST.groups.to_vec(),
            WIDEST.signature_schemes.to_vec(),
        ),
    };
    surveyor.dialer.foresee(0, 1);
    match surveyor.ask(&offer).await {
        Answer::Chosen(seen) => {
            seen.server_hello.map(|hello| hello.cipher_suite).filter(|chosen| suites.contains(chosen))
        }
        Answer::Refused(_) | Answer::Lost(_) => None,
    }
}
