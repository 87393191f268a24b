//! How a server meets the ClientHello of each client, from what it answered to ours.
//!
//! A server that chose something which a client offers too gets as far with that client. One that found nothing in an
//! offer finds nothing in less. What follows from neither is not guessed: the judge asks for the answer to that client's
//! own hello ([`Meeting::Unknown`]), and the pipeline brings it.

use super::case::Case;
use crate::model::handshake::{Failure, FailureKind};
use crate::model::hello::{Choice, Chosen, Hello, HelloAnswer, ORDINARY, TLS_1_3, WIDEST};
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::{Hash, SignatureAlgorithm};
use crate::x509::usage;

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
    if case.choice.is_some() && !suits_certificate(hello, case) {
        return Meeting::Unknown;
    }
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

/// Does the offer leave the server free to use its certificate? If not, some servers end the handshake (OpenSSL) and others
/// send it all the same, as RFC 8446 §4.4.2.2 advises.
fn suits_certificate(hello: &Hello<'_>, case: &Case<'_>) -> bool {
    let Some(end_entity) = case.end_entity().map(|id| case.pool.get(id)) else { return true };
    let is_named = hello.certificate_schemes.is_empty()
        || schemes(&end_entity.signature_algorithm).iter().any(|scheme| hello.certificate_schemes.contains(scheme));
    // Before TLS 1.3 an ECDSA key that may not sign leaves no key exchange (RFC 8422 §5.3).
    let key_usage = end_entity.extensions.key_usage.as_ref();
    let may_not_sign = matches!(end_entity.key, KeyKind::Ec(_))
        && key_usage.is_some_and(|key_usage| !key_usage.allows(usage::DIGITAL_SIGNATURE));
    is_named && (hello.highest_version() >= TLS_1_3 || !may_not_sign)
}

/// The SignatureSchemes that stand for a certificate signed so (RFC 8446 §4.2.3, RFC 5246 §7.4.1.4.1).
fn schemes(algorithm: &SignatureAlgorithm) -> &'static [u16] {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1(Hash::Md5) => &[0x0101],
        SignatureAlgorithm::RsaPkcs1(Hash::Sha1) => &[0x0201],
        SignatureAlgorithm::RsaPkcs1(Hash::Sha224) => &[0x0301],
        SignatureAlgorithm::RsaPkcs1(Hash::Sha256) => &[0x0401],
        SignatureAlgorithm::RsaPkcs1(Hash::Sha384) => &[0x0501],
        SignatureAlgorithm::RsaPkcs1(Hash::Sha512) => &[0x0601],
        SignatureAlgorithm::RsaPss(Hash::Sha256) => &[0x0804, 0x0809],
        SignatureAlgorithm::RsaPss(Hash::Sha384) => &[0x0805, 0x080a],
        SignatureAlgorithm::RsaPss(Hash::Sha512) => &[0x0806, 0x080b],
        SignatureAlgorithm::Ecdsa(Hash::Sha1) => &[0x0203],
        SignatureAlgorithm::Ecdsa(Hash::Sha224) => &[0x0303],
        SignatureAlgorithm::Ecdsa(Hash::Sha256) => &[0x0403],
        SignatureAlgorithm::Ecdsa(Hash::Sha384) => &[0x0503],
        SignatureAlgorithm::Ecdsa(Hash::Sha512) => &[0x0603],
        SignatureAlgorithm::Ed25519 => &[0x0807],
        SignatureAlgorithm::Ed448 => &[0x0808],
        // Also RSASSA-PSS over SHA-1, which has no number.
        _ => &[],
    }
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
