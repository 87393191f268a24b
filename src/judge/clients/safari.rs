//! Safari, and every app on Apple's systems that uses URLSession: the system's trust evaluation.

use crate::judge::anchors::AnchorKind;
use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::platform::{self, Outcome, Own, Rules, Weight, Wrong};
use crate::judge::pool::CertId;
use crate::judge::standard::FaultKind;
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::time::DAY;
use crate::model::verdict::Category;
use crate::x509::Certificate;

pub const CLIENT: Client = Client {
    id: "safari",
    name: "Safari",
    versions: "iOS 26, macOS 26",
    measured: false,
    fetches_issuers: true,
    hello: None,
    trust: Trust::of(StoreId::Apple),
    notes: &[
        "not measured: modelled from Apple's published requirements; Chrome on iOS decides the same way",
        "fetches missing issuers by AIA over http; takes what the server sent in any order",
        "since 2019-07-01 a certificate needs serverAuth and may be valid for 825 days, under its own roots since 2020-09-01 \
         for 398 days",
        "refuses SHA-1 and RSA keys below 2048 bits; compares names with the SAN only",
        "requires Certificate Transparency under its own roots; not judged here",
        "trusts some roots for older certificates only; Apple's list does not say which, and this model does not know",
    ],
    sources: &[
        "support.apple.com/103769: Requirements for trusted certificates in iOS 13 and macOS 10.15",
        "support.apple.com/102028: About upcoming limits on trusted certificates (398 days)",
        "apple-oss-distributions/Security: trust/trustd/SecPolicyServer.c, SecTrustServer.c, SecCAIssuerRequest.m",
        "Foundation NSURLError.h; BetterTLS' published results for Safari",
    ],
    judge,
    handshake,
};

/// 2019-07-01 and 2020-09-01, 00:00 UTC.
const JULY_2019: i64 = 1_561_939_200;
const SEPTEMBER_2020: i64 = 1_598_918_400;

const RULES: Rules = Rules { fetches: true, weigh, own };

fn weigh(fault: &FaultKind, _: &Certificate, is_anchor: bool) -> Weight {
    match fault {
        FaultKind::Expired { .. } | FaultKind::NotYetValid { .. } => Weight::Refuses,
        _ if is_anchor => Weight::Overlooks,
        FaultKind::SignatureNotChecked
        | FaultKind::UndecodableExtension(_)
        | FaultKind::AlgorithmsDisagree
        | FaultKind::KeyUsageForbidsTls
        | FaultKind::DigitalSignatureMissing => Weight::NotKnown,
        _ => Weight::Refuses,
    }
}

/// The requirements of 2019 hold under every root, those of 2020 under Apple's own.
fn own(case: &Case<'_>, path: &[CertId]) -> Option<Own> {
    let certificate = case.pool.get(*path.first()?);
    let issued = certificate.not_before.unix();
    let lifetime = certificate.not_after.since(certificate.not_before);
    let is_public = path.last().is_some_and(|&root| case.is_anchor(root) == Some(AnchorKind::Public));
    let days = match is_public {
        true if issued >= SEPTEMBER_2020 => 398,
        _ if issued >= JULY_2019 => 825,
        _ => return None,
    };
    if certificate.extensions.extended_key_usage.as_ref().is_none_or(|purposes| !purposes.server_auth) {
        return Some(Own::PurposeMissing);
    }
    (lifetime > days * DAY).then_some(Own::ValidityTooLong)
}

fn judge(case: &Case<'_>) -> Answer {
    let Some(end_entity) = case.end_entity() else {
        return Answer::undetermined("how it reads such a certificate is not published");
    };
    let certificate = case.pool.get(end_entity);
    let matches = || platform::matches_san(case, certificate);
    match platform::judge(case, &RULES) {
        Outcome::Accepted(path) if matches() => Answer::accept(path),
        Outcome::Accepted(path) => {
            untrusted(Category::Hostname, "SSL hostname does not match name(s) in certificate").with_path(path)
        }
        Outcome::Refused(path, wrong) => refused(&wrong).with_path(path),
        Outcome::NotKnown(path, fault) => {
            Answer::undetermined(format!("nothing published says what it makes of this: {fault}")).with_path(path)
        }
        Outcome::Incomplete => Answer::undetermined("there are more paths than were tried"),
    }
}

/// The page says "This Connection Is Not Private"; an app gets one code for all but dates.
fn untrusted(category: Category, why: &str) -> Answer {
    Answer::reject(category, "NSURLErrorServerCertificateUntrusted (-1202)")
        .with_message(format!("This Connection Is Not Private: {why}"))
}

fn refused(wrong: &Wrong) -> Answer {
    match wrong {
        Wrong::Fault(FaultKind::Expired { .. }) => {
            Answer::reject(Category::Expired, "NSURLErrorServerCertificateHasBadDate (-1201)")
                .with_message("This Connection Is Not Private: certificate is expired")
        }
        Wrong::Fault(FaultKind::NotYetValid { .. }) => {
            Answer::reject(Category::NotYetValid, "NSURLErrorServerCertificateNotYetValid (-1204)")
                .with_message("This Connection Is Not Private: certificate is not yet valid")
        }
        Wrong::Fault(fault) => untrusted(platform::category(fault), &fault.to_string()),
        Wrong::Own(Own::ValidityTooLong) => {
            untrusted(Category::TooLongValidity, "certificate exceeds maximum temporal validity period")
        }
        Wrong::Own(Own::PurposeMissing) => untrusted(Category::Usage, "extended key usage does not match"),
    }
}

fn handshake(failure: &Failure, _: &Case<'_>) -> Option<Answer> {
    let (category, code) = match failure.kind {
        FailureKind::Refused | FailureKind::Unreachable => (Category::Refused, "NSURLErrorCannotConnectToHost (-1004)"),
        FailureKind::Timeout => (Category::Timeout, "NSURLErrorTimedOut (-1001)"),
        FailureKind::Reset | FailureKind::Closed => (Category::Closed, "NSURLErrorNetworkConnectionLost (-1005)"),
        _ => return None,
    };
    Some(Answer::error(category, code))
}
