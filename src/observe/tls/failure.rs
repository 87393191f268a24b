//! From what stopped a handshake to its kind, and a sentence for people: what happened, and what it usually means.

use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible, SignatureScheme};

use super::flight::Flight;
use super::inspector::Observation;
use super::session::{MAX_RECEIVED, Stop};
use super::{hello, iana, plaintext, tcp as sockets};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::x509::dn::printable;

/// What is known beside the error.
pub(super) struct Circumstances<'a> {
    pub(super) stage: Stage,
    pub(super) received: &'a [u8],
    pub(super) certificate_requested: bool,
    pub(super) flight: &'a Flight,
}

/// The tool itself could not go on.
pub(super) fn local(stage: Stage, reason: &str) -> Failure {
    failure(stage, FailureKind::Local, format!("this machine could not go on: {reason}"))
}

/// No connection came about.
pub(super) fn tcp(kind: FailureKind, reason: &str) -> Failure {
    let message = match kind {
        FailureKind::Refused => "the port is closed: the host answered that nothing listens there".to_owned(),
        FailureKind::Timeout => {
            "no answer to the TCP connection request: a firewall drops it, or the host is down".to_owned()
        }
        FailureKind::Reset => "the TCP connection was reset as soon as it was asked for".to_owned(),
        _ => format!("the host cannot be reached: {reason}"),
    };
    failure(Stage::Tcp, kind, message)
}

/// The handshake was signed with another key than the end entity's.
pub(super) fn signature_wrong(observed: &Observation) -> Failure {
    signature_wrong_by(observed.scheme.unwrap_or(SignatureScheme::Unknown(0)))
}

fn signature_wrong_by(scheme: SignatureScheme) -> Failure {
    let scheme = iana::signature_scheme(scheme);
    failure(
        Stage::Tls,
        FailureKind::SignatureWrong,
        format!(
            "the server's handshake signature ({scheme}) does not verify under the key of the certificate it sent: it \
             holds the private key of another certificate, so every client refuses it"
        ),
    )
}

/// A server that hung up on our ClientHello without a word, and answered a wider one.
pub(super) fn silent_refusal(failure: &Failure) -> Failure {
    let how = if failure.kind == FailureKind::Reset { "reset" } else { "closed" };
    Failure {
        kind: FailureKind::NothingInCommon,
        message: format!(
            "the server {how} the connection on the hello of a present-day client and answered one that offers older \
             versions and suites: it has nothing in common with present-day clients"
        ),
        ..failure.clone()
    }
}

/// What ended a conversation with a ClientHello of our own making (`hello`).
pub(super) fn raw(stop: &hello::Stop) -> Failure {
    use hello::Stop;
    let say = |kind, message: &str| failure(Stage::Tls, kind, message.to_owned());
    match stop {
        Stop::Alert(code) => {
            let alert = AlertDescription::from(*code);
            let name = iana::alert(alert);
            let kind = match alert {
                AlertDescription::ProtocolVersion => FailureKind::VersionNotSupported,
                AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
                    FailureKind::NothingInCommon
                }
                AlertDescription::CloseNotify => FailureKind::Closed,
                _ => FailureKind::Alert,
            };
            let message = format!("the server sent the alert {name}");
            Failure { alert: Some(name), ..failure(Stage::Tls, kind, message) }
        }
        Stop::Closed => say(FailureKind::Closed, "the server closed the connection in the middle of the handshake"),
        Stop::Timeout => say(FailureKind::Timeout, "the server did not answer in time"),
        Stop::Socket(error) => match sockets::kind(error) {
            FailureKind::Local => local(Stage::Tls, &error.to_string()),
            kind => failure(Stage::Tls, kind, format!("the connection broke: {error}")),
        },
        Stop::TooLong(Some(bytes)) => failure(
            Stage::Tls,
            FailureKind::TooLarge,
            format!("the server announced a handshake message of {bytes} bytes; no client reads as much"),
        ),
        Stop::TooLong(None) => say(FailureKind::TooLarge, "the server sent more than 1 MiB without coming to an end"),
        Stop::Malformed(what) => {
            failure(Stage::Tls, FailureKind::Protocol, format!("the server broke the TLS protocol: {what}"))
        }
        Stop::NotTls(received) => not_tls(received),
        Stop::SignatureWrong(scheme) => signature_wrong_by(*scheme),
    }
}

/// What stopped a TLS session.
pub(super) fn tls(stop: &Stop, around: &Circumstances<'_>) -> Failure {
    if plaintext::is_not_tls(around.received) {
        return not_tls(around.received);
    }
    if around.flight.certificates.as_ref().is_some_and(Vec::is_empty) {
        return no_certificate(around.stage);
    }
    match stop {
        Stop::Tls(error) => error_of_tls(error, around),
        Stop::Closed => failure(around.stage, FailureKind::Closed, closed("closed the connection", around)),
        Stop::Timeout => {
            let message = if around.received.is_empty() {
                "the server accepted the connection but did not answer the ClientHello in time: it is overloaded, waits \
                 for another protocol, or something between drops the hello"
            } else {
                "the server fell silent in the middle of the handshake"
            };
            failure(around.stage, FailureKind::Timeout, message.to_owned())
        }
        Stop::TooMuch => too_large(around),
        Stop::Socket(error) => match sockets::kind(error) {
            FailureKind::Reset => failure(around.stage, FailureKind::Reset, closed("reset the connection", around)),
            FailureKind::Local => local(around.stage, &error.to_string()),
            FailureKind::Timeout => failure(
                around.stage,
                FailureKind::Timeout,
                "the server stopped acknowledging what it was sent".to_owned(),
            ),
            kind => failure(around.stage, kind, format!("the connection broke: {error}")),
        },
    }
}

fn error_of_tls(error: &Error, around: &Circumstances<'_>) -> Failure {
    let stage = around.stage;
    match error {
        Error::AlertReceived(alert) => alert_received(*alert, around),
        Error::NoApplicationProtocol => alert_received(AlertDescription::NoApplicationProtocol, around),
        Error::NoCertificatesPresented => no_certificate(stage),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => {
            let version = match around.flight.server_hello.as_ref().map(|hello| iana::version(hello.version)) {
                Some(name) if name.starts_with("SSL") => name,
                Some(name) => format!("TLS {name}"),
                None => "another version".to_owned(),
            };
            failure(
                stage,
                FailureKind::VersionNotSupported,
                format!("the server chose {version}; present-day clients speak TLS 1.2 and 1.3 only"),
            )
        }
        Error::PeerIncompatible(reason) => failure(
            stage,
            FailureKind::NothingInCommon,
            format!("server and client have nothing in common that the handshake needs ({reason:?})"),
        ),
        Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge
            | InvalidMessage::HandshakePayloadTooLarge
            | InvalidMessage::MessageTooLarge,
        )
        | Error::PeerSentOversizedRecord => too_large(around),
        Error::FailedToGetRandomBytes | Error::FailedToGetCurrentTime => local(stage, &error.to_string()),
        other => failure(
            stage,
            FailureKind::Protocol,
            format!("the server broke the TLS protocol: {}", printable(&other.to_string())),
        ),
    }
}

fn alert_received(alert: AlertDescription, around: &Circumstances<'_>) -> Failure {
    let name = iana::alert(alert);
    let (kind, meaning) = match alert {
        AlertDescription::CertificateRequired => {
            (FailureKind::ClientCertificateRequired, "it serves only clients that present a certificate (mutual TLS)")
        }
        // TLS 1.2 has no alert of its own for this (RFC 5246 §7.4.6): a refusal right after the request says it.
        _ if around.certificate_requested && is_refusal_of_certificate(alert) => (
            FailureKind::ClientCertificateRequired,
            "it asked for a client certificate, got none, and serves only clients that present one (mutual TLS)",
        ),
        AlertDescription::ProtocolVersion => (
            FailureKind::VersionNotSupported,
            "it speaks neither TLS 1.2 nor TLS 1.3, the versions of present-day clients",
        ),
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => (
            FailureKind::NothingInCommon,
            "it found no cipher suite, group or signature algorithm it shares with a present-day client, or has no \
             certificate for this name",
        ),
        AlertDescription::UnrecognisedName => {
            (FailureKind::Alert, "it does not know the name that was asked for (SNI); the address may be another's")
        }
        AlertDescription::InternalError => {
            (FailureKind::Alert, "something failed inside the server; often it has no certificate for this name")
        }
        AlertDescription::NoApplicationProtocol => (FailureKind::Alert, "it speaks neither h2 nor http/1.1 (ALPN)"),
        AlertDescription::AccessDenied => (FailureKind::Alert, "its rules do not admit this client"),
        AlertDescription::CloseNotify => (FailureKind::Closed, "it ended the session before the handshake was done"),
        _ => (FailureKind::Alert, "it broke off the handshake"),
    };
    Failure {
        alert: Some(name.clone()),
        ..failure(around.stage, kind, format!("the server sent the alert {name}: {meaning}"))
    }
}

/// What stacks send when a certificate they need is missing: handshake_failure (OpenSSL, RFC 5246 §7.4.6),
/// bad_certificate (Go, Java), and relatives.
fn is_refusal_of_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::HandshakeFailure
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
    )
}

fn closed(what: &str, around: &Circumstances<'_>) -> String {
    let when = if around.stage == Stage::AfterHandshake {
        "right after the handshake; it had asked for a client certificate and probably requires one"
    } else if around.certificate_requested {
        "after it had asked for a client certificate and got none: it probably requires one"
    } else if around.received.is_empty() {
        "without answering the ClientHello: it does not serve this name, expects another protocol, or something between \
         cuts the connection"
    } else {
        "in the middle of the handshake, without saying why"
    };
    format!("the server {what} {when}")
}

fn no_certificate(stage: Stage) -> Failure {
    let message = "the server sent an empty certificate list, which RFC 8446 §4.4.2.4 forbids".to_owned();
    failure(stage, FailureKind::NoCertificate, message)
}

fn too_large(around: &Circumstances<'_>) -> Failure {
    let message = match around.flight.certificate_bytes {
        Some(bytes) if bytes > 0xffff => format!(
            "the server's Certificate message is {bytes} bytes long: we, like many clients, stop at 65,535; is a whole \
             CA bundle configured as its chain?"
        ),
        _ if around.received.len() >= MAX_RECEIVED => {
            format!("the server sent {} bytes without finishing the handshake", around.received.len())
        }
        _ => "the server sent a handshake message or record larger than we, like many clients, accept (65,535 bytes); is \
              a whole CA bundle configured as its chain?"
            .to_owned(),
    };
    failure(around.stage, FailureKind::TooLarge, message)
}

fn not_tls(received: &[u8]) -> Failure {
    match plaintext::protocol(received) {
        Some(protocol) => Failure {
            protocol: Some(protocol.to_owned()),
            ..failure(
                Stage::Tls,
                FailureKind::Plaintext,
                format!("the port speaks {protocol} without TLS; it answered: {}", first_line(received)),
            )
        },
        None => failure(
            Stage::Tls,
            FailureKind::NotTls,
            format!("the port does not speak TLS, nor a protocol we know; it answered: {}", first_line(received)),
        ),
    }
}

/// The beginning of what came, safe for a terminal.
pub(super) fn first_line(received: &[u8]) -> String {
    const SHOWN: usize = 60;
    let line = received.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let cut = &line[..line.len().min(SHOWN)];
    let text = match std::str::from_utf8(cut) {
        Ok(text) => printable(text.trim_end()),
        Err(_) => cut.escape_ascii().to_string(),
    };
    format!("`{text}`{}", if line.len() > SHOWN { "…" } else { "" })
}

fn failure(stage: Stage, kind: FailureKind, message: String) -> Failure {
    Failure { stage, kind, alert: None, protocol: None, message }
}
