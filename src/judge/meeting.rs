//! How a server meets the ClientHello of each client, from what it answered to ours.
//!
//! A server that chose something which a client offers too gets as far with that client. One that found nothing in an
//! offer finds nothing in less. What follows from neither is not guessed: the judge asks for the answer to that client's
//! own hello ([`Meeting::Unknown`]), and the pipeline brings it.

use super::case::Case;
use crate::model::handshake::{Failure, FailureKind};
use crate::model::hello::{Choice, Chosen, Hello, HelloAnswer, ORDINARY, TLS_1_3, WIDEST};
use crate::x509::key::{Curve, KeyKind};

/// What a client's ClientHello meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting<'a> {
    /// What ours met, our failure included.
    AsSeen,
    /// The handshake as seen, which failed for reasons that were our stack's alone.
    WithoutOurFailure,
    Refused(&'a Failure),
    /// What this hello brought; its place in `Case::hellos`.
    Other(usize, &'a Chosen),
    Unknown,
}

/// What a client that offers `hello` meets; `None`: it is not known what it offers.
pub fn meet<'a>(hello: Option<&Hello<'_>>, case: &Case<'a>) -> Meeting<'a> {
    let Some(hello) = hello else {
        return if case.failure.is_some_and(is_about_the_offer) { Meeting::Unknown } else { Meeting::AsSeen };
    };
    let asked = case.hellos.iter().enumerate().find(|(_, evidence)| evidence.hello == *hello);
    match asked.map(|(index, evidence)| (index, &evidence.answer)) {
        Some((index, HelloAnswer::Chosen(chosen))) => return Meeting::Other(index, chosen),
        Some((_, HelloAnswer::Refused(failure))) => return Meeting::Refused(failure),
        None => {}
    }
    let refusal = case.failure.filter(|failure| is_about_the_offer(failure));
    let Some(choice) = case.choice else {
        return match refusal {
            None => Meeting::AsSeen,
            Some(failure) => nothing_was_chosen(hello, case, failure),
        };
    };
    if hello.contains(&choice) && (refusal.is_none() || takes_key(hello, case, &choice)) {
        let is_ours = refusal.is_some() || case.failure.is_some_and(|failure| was_read_on(failure, case));
        return if is_ours { Meeting::WithoutOurFailure } else { Meeting::AsSeen };
    }
    let Some(failure) = refusal else {
        // Servers that speak TLS 1.3 speak 1.2 too. To ask each of them would cost every probe a second connection.
        let is_taken_on_trust = choice.version == TLS_1_3 && hello.highest_version() < TLS_1_3;
        return match (is_taken_on_trust, case.failure.is_some_and(|failure| was_read_on(failure, case))) {
            (true, true) => Meeting::WithoutOurFailure,
            (true, false) => Meeting::AsSeen,
            (false, _) => Meeting::Unknown,
        };
    };
    // The version is chosen first. The best that the server has is below what either hello offers.
    let is_too_old = choice.version < hello.lowest_version() && choice.version < ORDINARY.lowest_version();
    if is_too_old || hello.is_within(&ORDINARY) {
        return Meeting::Refused(answer_to(&ORDINARY, case).unwrap_or(failure));
    }
    Meeting::Unknown
}

/// Not even the widest offer brought a ServerHello.
fn nothing_was_chosen<'a>(hello: &Hello<'_>, case: &Case<'a>, failure: &'a Failure) -> Meeting<'a> {
    if hello.is_within(&ORDINARY) {
        return Meeting::Refused(failure);
    }
    answer_to(&WIDEST, case).map_or(Meeting::Unknown, Meeting::Refused)
}

fn answer_to<'a>(hello: &Hello<'_>, case: &Case<'a>) -> Option<&'a Failure> {
    case.hellos.iter().filter(|evidence| evidence.hello == *hello).find_map(|evidence| match &evidence.answer {
        HelloAnswer::Refused(failure) => Some(failure),
        HelloAnswer::Chosen(_) => None,
    })
}

/// Is it a failure of our own stack, which says nothing of a client that came further?
pub fn is_ours(failure: &Failure) -> bool {
    is_about_the_offer(failure) || failure.kind == FailureKind::TooLarge
}

/// Does the failure say what server and our stack have in common, and nothing of other clients?
fn is_about_the_offer(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::NothingInCommon | FailureKind::VersionNotSupported)
}

/// A message above our stack's limit, which was read all the same: each client has a limit of its own.
fn was_read_on(failure: &Failure, case: &Case<'_>) -> bool {
    failure.kind == FailureKind::TooLarge && !(case.served.is_empty() && case.unparsable.is_empty())
}

/// Before TLS 1.3 the curve of the end entity's key must be among the groups (RFC 8422 §5.1.1).
fn takes_key(hello: &Hello<'_>, case: &Case<'_>, choice: &Choice) -> bool {
    if choice.version >= TLS_1_3 {
        return true;
    }
    let Some(KeyKind::Ec(curve)) = case.end_entity().map(|id| &case.pool.get(id).key) else { return true };
    let group = match curve {
        Curve::P224 => 0x0015,
        Curve::P256 => 0x0017,
        Curve::P384 => 0x0018,
        Curve::P521 => 0x0019,
        Curve::Secp256k1 => 0x0016,
        // Which one it is our parser does not say; the server chose it, so it is for the server to say again.
        Curve::Other => return false,
    };
    hello.groups.contains(&group)
}
