//! Finding all that a server takes of a list, when each question brings one choice or a refusal.
//!
//! The list is split into parts that are asked for at the same time. A part that is refused holds nothing; from one that
//! was answered the choice is struck out, and what is left of all parts is split anew, into fewer parts the less is
//! expected. It ends when everything was chosen or refused, so that a list is complete by proof and not by guess.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Answer, Offer, Surveyor};
use crate::observe::tls::hello::Seen;

/// Accepted candidates that a part should hold: more make more rounds, fewer make more questions that are refused.
const EXPECTED_IN_A_PART: f64 = 1.5;

/// How one list is asked for.
pub(super) trait Subject: Send + Sync + 'static {
    /// The offer with these candidates alone; `turn` tells the parts of a round apart.
    fn offer(&self, part: &[u16], turn: usize) -> Offer;

    /// Which of them was chosen.
    fn chosen(&self, seen: &Seen) -> Option<u16>;

    /// How likely a candidate is taken.
    fn likelihood(&self, candidate: u16, accepted: &[u16]) -> f64;
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub(super) struct Found {
    /// In the order found.
    pub(super) accepted: Vec<u16>,
    /// Some questions got no answer.
    pub(super) is_incomplete: bool,
    /// Chosen without having been offered: the server does not look at the list.
    pub(super) unasked: Vec<u16>,
    /// What was offered, and what was chosen of it.
    pub(super) choices: Vec<(Vec<u16>, u16)>,
}

impl Found {
    /// Takes over what was seen elsewhere.
    pub(super) fn also(&mut self, seen: &[u16]) {
        self.accepted.extend(seen.iter().copied().filter(|value| !self.accepted.contains(value)).collect::<Vec<_>>());
    }
}

/// Asks until nothing of `left` is unknown. `whole`: with one question first, for lists of which probably nothing is taken.
pub(super) async fn enumerate(
    surveyor: &Arc<Surveyor>,
    subject: Arc<impl Subject>,
    mut left: Vec<u16>,
    found: &mut Found,
    whole: bool,
) {
    left.retain(|candidate| !found.accepted.contains(candidate));
    let mut at_least = 1;
    let mut is_first = true;
    while !left.is_empty() {
        if !round(surveyor, &subject, &mut left, found, if whole && is_first { Some(1) } else { None }, &mut at_least)
            .await
        {
            return;
        }
        is_first = false;
    }
}

/// One round; false when it is no use to go on.
pub(super) async fn round(
    surveyor: &Arc<Surveyor>,
    subject: &Arc<impl Subject>,
    left: &mut Vec<u16>,
    found: &mut Found,
    parts: Option<usize>,
    at_least: &mut usize,
) -> bool {
    let likelihoods: Vec<(u16, f64)> =
        left.iter().map(|&candidate| (candidate, subject.likelihood(candidate, &found.accepted))).collect();
    let parts = split(&likelihoods, parts, *at_least);
    let mut asked = JoinSet::new();
    for (turn, part) in parts.iter().enumerate() {
        let offer = subject.offer(part, turn);
        let surveyor = Arc::clone(surveyor);
        asked.spawn(async move { (turn, surveyor.ask(&offer).await) });
    }
    let expected: f64 = likelihoods.iter().map(|(_, likelihood)| likelihood).sum();
    surveyor.foresee(parts_for(expected - expected.min(parts_as_f64(parts.len()))));
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(turn, _)| *turn);
    *at_least = 1;
    for (turn, answer) in answers {
        let part = &parts[turn];
        match answer {
            Answer::Chosen(seen) => match subject.chosen(&seen) {
                Some(chosen) if part.contains(&chosen) => {
                    found.accepted.push(chosen);
                    found.choices.push((part.clone(), chosen));
                    left.retain(|candidate| *candidate != chosen);
                    *at_least += 1;
                }
                outside => {
                    found.unasked.extend(outside.filter(|outside| !found.accepted.contains(outside)));
                    left.retain(|candidate| !part.contains(candidate));
                }
            },
            Answer::Refused(_) => left.retain(|candidate| !part.contains(candidate)),
            Answer::Lost(_) => {
                found.is_incomplete = true;
                left.retain(|candidate| !part.contains(candidate));
            }
        }
    }
    // A round of which most was taken is likely followed by another.
    *at_least /= 2;
    !surveyor.is_over()
}

/// Parts of about the same expectation, in the order of the list within each.
fn split(candidates: &[(u16, f64)], wanted: Option<usize>, at_least: usize) -> Vec<Vec<u16>> {
    let expected = candidates.iter().map(|(_, likelihood)| likelihood).sum();
    let count = wanted.unwrap_or_else(|| parts_for(expected).max(at_least)).clamp(1, candidates.len().max(1));
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| candidates[b].1.total_cmp(&candidates[a].1));
    let mut parts = vec![Vec::new(); count];
    for (place, index) in order.into_iter().enumerate() {
        parts[place % count].push(index);
    }
    parts
        .into_iter()
        .map(|mut part: Vec<usize>| {
            part.sort_unstable();
            part.into_iter().map(|index| candidates[index].0).collect()
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
fn parts_for(expected: f64) -> usize {
    (expected / EXPECTED_IN_A_PART).round().max(0.0) as usize
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn parts_as_f64(parts: usize) -> f64 {
    parts as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_everything_once_and_the_likely_apart() {
        let candidates = [(1, 0.9), (2, 0.01), (3, 0.9), (4, 0.9), (5, 0.01)];
        let parts = split(&candidates, None, 1);
        assert_eq!(parts, [vec![1, 4, 5], vec![2, 3]]);
        assert_eq!(split(&candidates, Some(1), 1), [vec![1, 2, 3, 4, 5]]);
        assert_eq!(split(&candidates, None, 9).len(), 5);
        assert_eq!(split(&[(7, 0.0)], None, 1), [vec![7]]);
    }
}
