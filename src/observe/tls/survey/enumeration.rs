//! Finding all that a server takes of a list, when each question brings one choice or a refusal.
//!
//! The list is split into parts that are asked for at the same time: what is likely taken alone, because the answer is then
//! the whole answer; the rest in parts that hold about one each. A part that is refused holds nothing; from one that was answered
//! the choice is struck out, and what is left is split anew. It ends when everything was chosen or refused, so that a list is
//! complete by proof and not by guess.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Answer, Offer, Surveyor};
use crate::observe::tls::hello::Seen;

/// From here on a candidate is asked for alone: the question is then more likely to be needed than not.
const LIKELY: f64 = 0.5;

/// Accepted candidates that a part of the others should hold: more make more rounds, fewer more questions that are refused.
const EXPECTED_IN_A_PART: f64 = 1.3;

/// Candidates in one question. Some old servers read no longer list of suites (128 of them).
pub(super) const MAX_PART: usize = 120;

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

/// One list under way.
pub(super) struct Enumeration<S> {
    subject: Arc<S>,
    left: Vec<u16>,
    pub(super) found: Found,
    /// One question for everything comes first, for lists of which probably nothing is taken.
    whole_first: bool,
    /// Questions of the next round that connections are being opened for.
    foreseen: usize,
}

impl<S: Subject> Enumeration<S> {
    /// Of `candidates`, those that are in `found` are known.
    pub(super) fn new(subject: S, candidates: &[u16], found: Found) -> Self {
        let left = candidates.iter().copied().filter(|candidate| !found.accepted.contains(candidate)).collect();
        Self { subject: Arc::new(subject), left, found, whole_first: false, foreseen: 0 }
    }

    pub(super) fn whole_first(self) -> Self {
        Self { whole_first: true, ..self }
    }

    /// Asks until nothing is unknown.
    pub(super) async fn run(mut self, surveyor: &Arc<Surveyor>) -> Found {
        while self.round(surveyor).await {}
        self.found
    }

    /// One round of questions; false when it was the last.
    pub(super) async fn round(&mut self, surveyor: &Arc<Surveyor>) -> bool {
        let parts = self.parts();
        let follow_ups = parts.iter().filter(|part| part.len() > 1 && self.is_likely_answered(part)).count();
        surveyor.dialer.foresee(std::mem::replace(&mut self.foreseen, follow_ups), parts.len() + follow_ups);
        let mut asked = JoinSet::new();
        for (turn, part) in parts.iter().enumerate() {
            let offer = self.subject.offer(part, turn);
            let surveyor = Arc::clone(surveyor);
            asked.spawn(async move { (turn, surveyor.ask(&offer).await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(turn, _)| *turn);
        for (turn, answer) in answers {
            self.hear(&parts[turn], &answer);
        }
        let goes_on = !self.left.is_empty() && !surveyor.is_over();
        if !goes_on {
            surveyor.dialer.foresee(std::mem::take(&mut self.foreseen), 0);
            self.found.is_incomplete |= !self.left.is_empty();
        }
        goes_on
    }

    fn hear(&mut self, part: &[u16], answer: &Answer) {
        let found = &mut self.found;
        if let Answer::Chosen(seen) = answer {
            let chosen = self.subject.chosen(seen);
            if let Some(chosen) = chosen.filter(|chosen| part.contains(chosen)) {
                found.accepted.push(chosen);
                found.choices.push((part.to_vec(), chosen));
                self.left.retain(|candidate| *candidate != chosen);
                return;
            }
            found.unasked.extend(chosen.filter(|chosen| !found.accepted.contains(chosen)));
        }
        found.is_incomplete |= matches!(answer, Answer::Lost(_));
        self.left.retain(|candidate| !part.contains(candidate));
    }

    fn likelihood(&self, candidate: u16) -> f64 {
        self.subject.likelihood(candidate, &self.found.accepted)
    }

    fn is_likely_answered(&self, part: &[u16]) -> bool {
        part.iter().map(|candidate| self.likelihood(*candidate)).sum::<f64>() >= LIKELY
    }

    fn parts(&mut self) -> Vec<Vec<u16>> {
        let is_whole = std::mem::take(&mut self.whole_first);
        let likelihood = |candidate: &u16| if is_whole { 0.0 } else { self.likelihood(*candidate) };
        split(&self.left.iter().map(|candidate| (*candidate, likelihood(candidate))).collect::<Vec<_>>())
    }
}

/// The likely ones alone; the others in parts of about the same expectation, in the order of the list within each.
fn split(candidates: &[(u16, f64)]) -> Vec<Vec<u16>> {
    let (alone, others): (Vec<_>, Vec<_>) = candidates.iter().partition(|(_, likelihood)| *likelihood >= LIKELY);
    let mut parts: Vec<Vec<u16>> = alone.into_iter().map(|(candidate, _)| vec![candidate]).collect();
    let expected: f64 = others.iter().map(|(_, likelihood)| likelihood).sum();
    let count = rounded(expected / EXPECTED_IN_A_PART).max(others.len().div_ceil(MAX_PART));
    let mut order: Vec<usize> = (0..others.len()).collect();
    order.sort_by(|&a, &b| others[b].1.total_cmp(&others[a].1));
    for first in 0..count {
        let mut part: Vec<usize> = order.iter().copied().skip(first).step_by(count).collect();
        part.sort_unstable();
        parts.push(part.into_iter().map(|index| others[index].0).collect());
    }
    parts
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
fn rounded(expected: f64) -> usize {
    expected.round().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_everything_once_and_the_likely_alone() {
        let candidates = [(1, 0.9), (2, 0.01), (3, 0.4), (4, 0.45), (5, 0.01), (6, 0.5), (7, 0.7)];
        assert_eq!(split(&candidates), [vec![1], vec![6], vec![7], vec![2, 3, 4, 5]]);
        let candidates = [(1, 0.49), (2, 0.01), (3, 0.49), (4, 0.49), (5, 0.49), (6, 0.0)];
        assert_eq!(split(&candidates), [vec![1, 2, 4], vec![3, 5, 6]]);
        assert_eq!(split(&[(7, 0.0)]), [vec![7]]);
        assert_eq!(split(&[]), Vec::<Vec<u16>>::new());
        let many: Vec<(u16, f64)> = (0..300).map(|candidate| (candidate, 0.0)).collect();
        assert_eq!(split(&many).iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 100]);
    }
}
