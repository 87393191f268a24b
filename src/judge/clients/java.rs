//! Java programs on OpenJDK's own TLS (JSSE).

use crate::judge::case::Case;
use crate::judge::client::{Answer, Client};
use crate::judge::engine::java::{self, Outcome};
use crate::judge::pool::CertId;
use crate::judge::stores::distrust::{self, Distrust, Ruling};
use crate::judge::stores::{StoreId, Trust};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::hello::{Hello, TLS_1_2, TLS_1_3};
use crate::model::verdict::Category;
use crate::x509::key::{Curve, KeyKind};

pub const CLIENT: Client = Client {
    id: "java",
    name: "Java",
    versions: "OpenJDK 17.0.21",
    measured: true,
    fetches_issuers: false,
    hello: Some(HELLO),
    trust: Trust::of(StoreId::Java),
    notes: &[
        "AIA is off: com.sun.security.enableAIAcaIssuers turns it on, since 2026 only together with \
         com.sun.security.allowedAIALocations.",
        "Takes at most 10 certificates and 32 KB of handshake message.",
        "A chain that is sent in order and ends below an anchor's name is validated as it is; only else is a path searched, \
         with at most 5 intermediates.",
        "Trust anchors may be expired, but must be CAs.",
        "Trusts some of its roots only for certificates issued before a day (jdk.security.caDistrustPolicies: Symantec, \
         Entrust, Camerfirma, Chunghwa).",
        "The list is OpenJDK's own; Debian, Ubuntu and Temurin builds use Mozilla's instead.",
        "Under the JDK's own anchors SHA-1 and wildcards over a public suffix are refused, under added ones both pass.",
        "A host name with an underscore is refused whatever the certificate says.",
    ],
    sources: &[
        "OpenJDK sun.security.validator.PKIXValidator, EndEntityChecker",
        "OpenJDK sun.security.provider.certpath (PKIXCertPathValidator, SunCertPathBuilder, ForwardBuilder)",
        "OpenJDK sun.security.util.HostnameChecker, sun.security.x509.X509CertInfo, sun.security.ssl.Alert",
        "measured on 2026-11-22",
    ],
    judge,
    handshake,
};

/// As sent by OpenJDK 17, without what `jdk.tls.disabledAlgorithms` has taken away since: `TLS_RSA_*`, and SHA-1 in
/// handshakes.
pub(super) const HELLO: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    #[rustfmt::skip]
    cipher_suites: &[
        0x1302, 0x1301, 0x1303, 0xc02c, 0xc02b, 0xcca9, 0xc030, 0xcca8, 0xc02f, 0x009f, 0xccaa, 0x00a3, 0x009e,
        0x00a2, 0xc024, 0xc028, 0xc023, 0xc027, 0x006b, 0x006a, 0x0067, 0x0040, 0xc00a, 0xc014, 0xc009, 0xc013,
        0x0039, 0x0038, 0x0033, 0x0032,
    ],
    groups: &[0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104],
    #[rustfmt::skip]
    signature_schemes: &[
        0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501,
        0x0601, 0x0402, 0x0303, 0x0301, 0x0302,
    ],
    certificate_schemes: CERTIFICATE_SCHEMES,
};

/// With SHA-1, which the handshake does without (`jdk.tls.disabledAlgorithms`, usage HandshakeSignature).
const CERTIFICATE_SCHEMES: &[u16] = &[
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601,
    0x0402, 0x0303, 0x0301, 0x0302, 0x0203, 0x0201, 0x0202,
];

fn judge(case: &Case<'_>) -> Answer {
    judge_with(case, false)
}

pub(super) fn judge_with(case: &Case<'_>, fetches: bool) -> Answer {
    if case.end_entity().is_some_and(|id| !negotiates(&case.pool.get(id).key)) {
        return alert_answer("handshake_failure");
    }
    if let Some(text) = limit_exceeded(case) {
        return Answer::error(Category::MessageTooBig, format!("SSLProtocolException: {text}"))
            .with_message(format!("javax.net.ssl.SSLProtocolException: {text}"));
    }
    if let Some((class, text)) = java::staple_error(case) {
        let code = format!("{}: {text}", class.rsplit('.').next().unwrap_or(class));
        return Answer::error(Category::Staple, code)
            .with_message(format!("javax.net.ssl.SSLException: readHandshakeRecord <- {class}: {text}"));
    }
    match java::check_trusted(case, fetches) {
        Outcome::Trusted(path) => match distrust::of_path(case, &path) {
            Some(Ruling::Distrusted(distrust)) => distrusted(case, distrust, path),
            _ => Answer::accept(path),
        },
        Outcome::Refused { thrown, path } => {
            let causes = thrown.layers.join(" <- ");
            Answer::reject(thrown.category, thrown.code)
                .with_message(format!("javax.net.ssl.SSLHandshakeException: ({}) {causes}", thrown.alert))
                .with_path(path)
        }
        Outcome::Crashed(crash) => Answer::reject(Category::NameConstraints, crash.code).with_message(crash.message),
        Outcome::Undecided => Answer::undetermined("the search for a path tried more candidates than we follow"),
    }
}

/// `CADistrustPolicy`, after the path was validated: a `ValidatorException` of type T_UNTRUSTED_CERT.
fn distrusted(case: &Case<'_>, distrust: &Distrust, path: Vec<CertId>) -> Answer {
    let anchor = path.last().map(|&id| case.pool.get(id).subject.to_string()).unwrap_or_default();
    let code = format!(
        "ValidatorException: TLS Server certificate issued after {} and anchored by a distrusted legacy {} root CA: {anchor}",
        distrust.day, distrust.owner
    );
    let message = format!("javax.net.ssl.SSLHandshakeException: (certificate_unknown) sun.security.validator.{code}");
    Answer::reject(Category::UnknownIssuer, code).with_message(message).with_path(path)
}

/// The message's size is looked at as it comes in (`HandshakeContext`), then the number of certificates
/// (`CertificateMessage`): the first that is too many is named.
fn limit_exceeded(case: &Case<'_>) -> Option<String> {
    let (size, certificates) = (case.certificate_message_bytes(), case.served.len() + case.unparsable.len());
    if size > java::MAX_HANDSHAKE_MESSAGE {
        return Some(format!(
            "The size of the handshake message ({size}) exceeds the maximum allowed size ({})",
            java::MAX_HANDSHAKE_MESSAGE
        ));
    }
    (certificates > java::MAX_CERTIFICATES).then(|| {
        format!(
            "The certificate chain length ({}) exceeds the maximum allowed length ({})",
            java::MAX_CERTIFICATES + 1,
            java::MAX_CERTIFICATES
        )
    })
}

/// Keys that `sun.security.ssl.SignatureScheme` has a scheme for.
fn negotiates(key: &KeyKind) -> bool {
    match key {
        KeyKind::Rsa { .. } | KeyKind::Ed25519 | KeyKind::Ed448 => true,
        KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
        KeyKind::Dsa | KeyKind::Other(_) => false,
    }
}

/// `Alert.createSSLException`: the class depends on whether the alert belongs to the handshake alone.
fn alert_answer(name: &str) -> Answer {
    let class = match name {
        "unexpected_message" => "SSLProtocolException",
        "close_notify"
        | "bad_record_mac"
        | "record_overflow"
        | "internal_error"
        | "inappropriate_fallback"
        | "user_canceled" => "SSLException",
        _ => "SSLHandshakeException",
    };
    let code = format!("{class}: ({name}) Received fatal alert: {name}");
    let message = format!("javax.net.ssl.{code}");
    Answer::error(super::alert_category(name), code).with_message(message)
}

pub(super) fn handshake(failure: &Failure, case: &Case<'_>) -> Option<Answer> {
    let say = |category, package: &str, code: &str| {
        Some(Answer::error(category, code).with_message(format!("{package}.{code}")))
    };
    match (failure.kind, failure.alert.as_deref()) {
        (FailureKind::Refused, _) => say(Category::Refused, "java.net", "ConnectException: Connection refused"),
        (FailureKind::Unreachable, _) => say(Category::Other, "java.net", "NoRouteToHostException: No route to host"),
        (FailureKind::Timeout, _) if failure.stage == Stage::Tcp => {
            say(Category::Timeout, "java.net", "SocketTimeoutException: Connect timed out")
        }
        (FailureKind::Timeout, _) => say(Category::Timeout, "java.net", "SocketTimeoutException: Read timed out"),
        (FailureKind::Reset, _) => say(Category::Closed, "java.net", "SocketException: Connection reset"),
        (FailureKind::Closed, _) => {
            let code = "EOFException: SSL peer shut down incorrectly";
            Some(Answer::error(Category::Closed, code).with_message(format!(
                "javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake <- java.io.{code}"
            )))
        }
        (FailureKind::Plaintext | FailureKind::NotTls, _) => {
            say(Category::NotTls, "javax.net.ssl", "SSLException: Unsupported or unrecognized SSL message")
        }
        // The server went on with a version that was not offered (ServerHello.java).
        (FailureKind::VersionNotSupported, None) => {
            let version = case.tls?.version.as_deref()?.replace('.', "");
            let code = format!(
                "SSLHandshakeException: (protocol_version) The server selected protocol version TLS{version} is not \
                 accepted by client preferences [TLS13, TLS12]"
            );
            say(Category::TlsVersion, "javax.net.ssl", &code)
        }
        (FailureKind::SignatureWrong, _) => say(
            Category::Handshake,
            "javax.net.ssl",
            "SSLHandshakeException: (handshake_failure) Invalid CertificateVerify signature",
        ),
        (FailureKind::ClientCertificateRequired, alert) => Some(Answer {
            category: Some(Category::ClientCertificate),
            ..alert_answer(alert.unwrap_or("certificate_required"))
        }),
        // Beyond our limit is beyond Java's; the size, which its message names, is not known.
        (FailureKind::TooLarge, _) => say(Category::MessageTooBig, "javax.net.ssl", "SSLProtocolException"),
        (_, Some(alert)) => Some(alert_answer(alert)),
        _ => None,
    }
}
