//! Android apps on the platform's own TLS (Conscrypt): HttpsURLConnection, OkHttp, Retrofit.

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::platform::{self, Outcome, Rules, Weight, Wrong};
use crate::judge::standard::FaultKind;
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::verdict::Category;
use crate::x509::Certificate;
use crate::x509::key::KeyKind;

pub const CLIENT: Client = Client {
    id: "android",
    name: "Android apps",
    versions: "Android 17 (Conscrypt)",
    measured: false,
    fetches_issuers: false,
    hello: None,
    trust: Trust::of(StoreId::Android),
    notes: &[
        "not measured: modelled from Conscrypt's sources",
        "never fetches issuers by AIA; takes what the server sent in any order",
        "trusts name and key of a root: its dates do not count",
        "refuses SHA-1, MD5 and RSA keys below 1024 bits",
        "compares names with the SAN only",
        "an app's network security config may trust other roots, or the user's; without one those the user added do not count",
        "Chrome and WebView have verifiers of their own",
    ],
    sources: &[
        "conscrypt: TrustManagerImpl.java (checkTrustedRecursive, verifyChain), ChainStrengthAnalyzer.java, TrustedCertificateIndex.java",
        "okhttp3/internal/tls/OkHostnameVerifier",
        "developer.android.com: privacy-and-security/security-config, security-ssl",
    ],
    judge,
    handshake,
};

/// `ChainStrengthAnalyzer.MIN_RSA_MODULUS_LEN_BITS`.
const MIN_RSA_BITS: u32 = 1024;

const RULES: Rules = Rules { fetches: false, weigh, own: |_, _| None };

fn weigh(fault: &FaultKind, certificate: &Certificate, is_anchor: bool) -> Weight {
    match fault {
        // A TrustAnchor is a name and a key.
        FaultKind::Expired { .. } | FaultKind::NotYetValid { .. } if is_anchor => Weight::Overlooks,
        FaultKind::WeakKey(KeyKind::Rsa { bits, .. }) if *bits >= MIN_RSA_BITS => Weight::Overlooks,
        // `ExtendedKeyUsagePKIXCertPathChecker` looks at the end entity.
        FaultKind::NotForServers if certificate.is_ca() => Weight::Overlooks,
        FaultKind::KeyUsageForbidsTls | FaultKind::DigitalSignatureMissing => Weight::Overlooks,
        FaultKind::SignatureNotChecked | FaultKind::UndecodableExtension(_) | FaultKind::AlgorithmsDisagree => {
            Weight::NotKnown
        }
        _ => Weight::Refuses,
    }
}

fn judge(case: &Case<'_>) -> Answer {
    let Some(end_entity) = case.end_entity() else {
        return Answer::undetermined("how it reads such a certificate is not published");
    };
    match platform::judge(case, &RULES) {
        Outcome::Accepted(path) if matches_host(case) => Answer::accept(path),
        Outcome::Accepted(path) => {
            let code = "SSLPeerUnverifiedException: Hostname not verified";
            let host = case.reference;
            Answer::reject(Category::Hostname, code)
                .with_message(format!("javax.net.ssl.SSLPeerUnverifiedException: Hostname {host} not verified"))
                .with_path(path)
        }
        Outcome::Refused(path, wrong) => refused(&wrong, case.pool.get(end_entity)).with_path(path),
        Outcome::NotKnown(path, fault) => {
            Answer::undetermined(format!("nothing published says what it makes of this: {fault}")).with_path(path)
        }
        Outcome::Incomplete => Answer::undetermined("there are more paths than were tried"),
    }
}

fn matches_host(case: &Case<'_>) -> bool {
    let Some(end_entity) = case.end_entity() else { return false };
    platform::matches_san(case, case.pool.get(end_entity))
}

fn refused(wrong: &Wrong, end_entity: &Certificate) -> Answer {
    const PATH: &str = "CertPathValidatorException";
    let say = |category, code: String| {
        let message = format!("javax.net.ssl.SSLHandshakeException: java.security.cert.{code}");
        Answer::reject(category, code).with_message(message)
    };
    let Wrong::Fault(fault) = wrong else {
        return Answer::undetermined("it has no such rule"); // `RULES` has none of its own
    };
    match fault {
        FaultKind::IssuerNotFound
        | FaultKind::UntrustedRoot
        | FaultKind::SelfSignedEndEntity
        | FaultKind::IssuerKeyDoesNotMatch { .. } => {
            let text = format!("{PATH}: Trust anchor for certification path not found.");
            say(if end_entity.is_self_issued() { Category::SelfSigned } else { Category::UnknownIssuer }, text)
        }
        FaultKind::Expired { .. } => {
            say(Category::Expired, "CertificateExpiredException: Certificate expired".to_owned())
        }
        FaultKind::NotYetValid { .. } => {
            say(Category::NotYetValid, "CertificateNotYetValidException: Certificate not valid until".to_owned())
        }
        FaultKind::WeakSignature(_) => say(
            Category::Algorithm,
            "CertificateException: Unacceptable certificate: Signature uses an insecure hash function".to_owned(),
        ),
        FaultKind::WeakKey(_) => {
            say(Category::WeakKey, "CertificateException: Unacceptable certificate: Modulus is too short".to_owned())
        }
        other => say(platform::category(other), format!("{PATH}: {other}")),
    }
}

fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    let say =
        |category, code: String| Some(Answer::error(category, code.clone()).with_message(format!("java.net.{code}")));
    let host = case.reference;
    match failure.kind {
        FailureKind::Refused => say(Category::Refused, format!("ConnectException: Failed to connect to {host}")),
        FailureKind::Unreachable => say(Category::Refused, "NoRouteToHostException: Host unreachable".to_owned()),
        FailureKind::Timeout if failure.stage == Stage::Tcp => {
            say(Category::Timeout, "SocketTimeoutException: failed to connect".to_owned())
        }
        FailureKind::Timeout => say(Category::Timeout, "SocketTimeoutException: timeout".to_owned()),
        FailureKind::Reset => say(Category::Closed, "SocketException: Connection reset".to_owned()),
        FailureKind::Closed => {
            let code = "SSLHandshakeException: connection closed";
            Some(Answer::error(Category::Closed, code).with_message(format!("javax.net.ssl.{code}")))
        }
        _ => None,
    }
}
