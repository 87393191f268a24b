//! Windows programs on SChannel and CryptoAPI: PowerShell, WinHTTP, curl.exe of Windows, Outlook.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::platform::{self, Outcome, Rules, Weight, Wrong};
use crate::judge::standard::FaultKind;
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind};
use crate::model::verdict::Category;
use crate::x509::Certificate;
use crate::x509::key::KeyKind;
use crate::x509::signature::Hash;

pub const CLIENT: Client = Client {
    id: "windows",
    name: "Windows (SChannel)",
    versions: "Windows 11, Server 2025",
    measured: false,
    fetches_issuers: true,
    hello: None,
    trust: Trust::of(StoreId::Microsoft),
    notes: &[
        "not measured: modelled from Microsoft's documentation",
        "fetches missing issuers by AIA and keeps them; fetches roots of Microsoft's list when a chain needs one",
        "takes what the server sent in any order and tries all paths",
        "compares with the CN where the certificate has no SAN",
        "what it makes of SHA-1 and of RSA keys below 2048 bits depends on the policy of the machine",
        "curl.exe asks for revocation too and fails where no responder answers (0x80092012); not judged here",
    ],
    sources: &[
        "learn.microsoft.com: CertGetCertificateChain, CertVerifyCertificateChainPolicy (CERT_CHAIN_POLICY_SSL), CERT_TRUST_STATUS",
        "learn.microsoft.com: Certificate support and resulting internet communication (automatic root update, AIA)",
        "winerror.h",
    ],
    judge,
    handshake,
};

pub(super) const RULES: Rules = Rules { fetches: true, weigh, own: |_, _| None };

fn weigh(fault: &FaultKind, _: &Certificate, is_anchor: bool) -> Weight {
    match fault {
        // CERT_TRUST_IS_NOT_TIME_VALID is asked of every element, the root too.
        FaultKind::Expired { .. } | FaultKind::NotYetValid { .. } => Weight::Refuses,
        _ if is_anchor => Weight::Overlooks,
        FaultKind::WeakSignature(Hash::Md5) => Weight::Refuses,
        FaultKind::WeakKey(KeyKind::Rsa { bits, .. }) if *bits < 1024 => Weight::Refuses,
        FaultKind::WeakSignature(_)
        | FaultKind::WeakKey(_)
        | FaultKind::SignatureNotChecked
        | FaultKind::AlgorithmsDisagree
        | FaultKind::UndecodableExtension(_) => Weight::NotKnown,
        FaultKind::DigitalSignatureMissing | FaultKind::KeyUsageForbidsTls => Weight::NotKnown,
        _ => Weight::Refuses,
    }
}

fn judge(case: &Case<'_>) -> Answer {
    let Some(end_entity) = case.end_entity() else {
        return Answer::reject(Category::BadFormat, "SEC_E_CERT_UNKNOWN (0x80090327)");
    };
    match platform::judge(case, &RULES) {
        Outcome::Accepted(path) if platform::matches_with_common_name(case, case.pool.get(end_entity)) => {
            Answer::accept(path)
        }
        Outcome::Accepted(path) => Answer::reject(Category::Hostname, "SEC_E_WRONG_PRINCIPAL (0x80090322)")
            .with_message("The target principal name is incorrect.")
            .with_path(path),
        Outcome::Refused(path, wrong) => refused(&wrong).with_path(path),
        Outcome::NotKnown(path, fault) => {
            Answer::undetermined(format!("it depends on the machine's policy, or nothing published says: {fault}"))
                .with_path(path)
        }
        Outcome::Incomplete => Answer::undetermined("there are more paths than were tried"),
    }
}

fn refused(wrong: &Wrong) -> Answer {
    let Wrong::Fault(fault) = wrong else {
        return Answer::undetermined("it has no such rule"); // `RULES` has none of its own
    };
    let (code, message) = match fault {
        FaultKind::IssuerNotFound | FaultKind::UntrustedRoot | FaultKind::SelfSignedEndEntity => (
            "SEC_E_UNTRUSTED_ROOT (0x80090325)",
            "The certificate chain was issued by an authority that is not trusted.",
        ),
        FaultKind::Expired { .. } | FaultKind::NotYetValid { .. } => {
            ("SEC_E_CERT_EXPIRED (0x80090328)", "The received certificate has expired.")
        }
        FaultKind::NotForServers | FaultKind::KeyCertSignMissing => {
            ("CERT_E_WRONG_USAGE (0x800B0110)", "The certificate is not valid for the requested usage.")
        }
        FaultKind::NotACa | FaultKind::PathLenExceeded { .. } => (
            "TRUST_E_BASIC_CONSTRAINTS (0x80096019)",
            "The basic constraint extension of a certificate has not been observed.",
        ),
        FaultKind::NameConstraintViolated(_) => {
            ("CERT_E_INVALID_NAME (0x800B0114)", "The certificate has an invalid name.")
        }
        FaultKind::UnknownCriticalExtension(_) => {
            ("CERT_E_CRITICAL (0x800B0105)", "A certificate contains an unknown extension that is marked 'critical'.")
        }
        _ => ("SEC_E_CERT_UNKNOWN (0x80090327)", "An unknown error occurred while processing the certificate."),
    };
    Answer::reject(platform::category(fault), code).with_message(message)
}

pub(super) fn handshake(failure: &Failure, _: &Case<'_>) -> Option<Answer> {
    let (category, code) = match failure.kind {
        FailureKind::Refused => (Category::Refused, "WSAECONNREFUSED (10061)"),
        FailureKind::Unreachable => (Category::Refused, "WSAEHOSTUNREACH (10065)"),
        FailureKind::Timeout => (Category::Timeout, "WSAETIMEDOUT (10060)"),
        FailureKind::Reset => (Category::Closed, "WSAECONNRESET (10054)"),
        _ => return None,
    };
    Some(Answer::error(category, code))
}
