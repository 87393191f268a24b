//! The clients that are modelled, one file each.

use super::client::{Client, alert_category};

mod android;
mod bun;
mod chrome;
mod curl;
mod deno;
mod dotnet;
mod edge;
mod firefox;
mod git;
mod gnutls_cli;
mod go;
mod java;
mod java_aia;
mod mbedtls;
mod node20;
mod node24;
mod openssl;
mod openssl_plain;
mod peer_bssl;
mod peer_gnutls;
mod peer_moz;
mod peer_openssl;
mod peer_pyca;
mod python_ssl;
mod python_strict;
mod requests;
mod rustls_aws;
mod rustls_ring;
mod safari;
pub mod standard;
mod wget;
mod windows;
mod wolfssl;

/// All of them, in the order reports list them.
#[rustfmt::skip] // one line a client: adding one is adding a line
pub const ALL: &[&Client] = &[
    &chrome::CLIENT,
    &firefox::CLIENT,
    &safari::CLIENT,
    &edge::CLIENT,
    &android::CLIENT,
    &windows::CLIENT,
    &dotnet::CLIENT,
    &curl::CLIENT,
    &java::CLIENT,
    &go::CLIENT,
    &rustls_aws::CLIENT,
    &openssl::CLIENT,
    &openssl_plain::CLIENT,
    &python_ssl::CLIENT,
    &python_strict::CLIENT,
    &requests::CLIENT,
    &node20::CLIENT,
    &node24::CLIENT,
    &bun::CLIENT,
    &deno::CLIENT,
    &rustls_ring::CLIENT,
    &java_aia::CLIENT,
    &gnutls_cli::CLIENT,
    &wget::CLIENT,
    &git::CLIENT,
    &mbedtls::CLIENT,
    &wolfssl::CLIENT,
];

/// Those that only `judge` asks: nobody runs them to reach a site.
#[rustfmt::skip] // one line a client
pub const JUDGE_ONLY: &[&Client] = &[
    &standard::CLIENT,
    &peer_openssl::CLIENT,
    &peer_bssl::CLIENT,
    &peer_moz::CLIENT,
    &peer_gnutls::CLIENT,
    &peer_pyca::CLIENT,
];

/// The client called `id`, those that only `judge` asks included.
pub fn find_for_judge(id: &str) -> Option<&'static Client> {
    find(id).or_else(|| JUDGE_ONLY.iter().copied().find(|client| client.id == id))
}

/// The client called `id`.
pub fn find(id: &str) -> Option<&'static Client> {
    ALL.iter().copied().find(|client| client.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::answer;
    use crate::judge::case::{Case, View};
    use crate::judge::name::Name;
    use crate::judge::pool::Pool;
    use crate::model::handshake::{Failure, FailureKind, Stage};
    use crate::model::verdict::Verdict;

    fn failure(stage: Stage, kind: FailureKind, alert: Option<&str>) -> Failure {
        Failure { stage, kind, alert: alert.map(str::to_owned), protocol: None, message: String::new() }
    }

    /// Every line as measured, with the failure that our own handshake meets at the same server.
    #[test]
    fn failed_handshakes_in_the_words_of_curl_java_and_go() {
        let (pool, reference) = (Pool::default(), "closed.example.com".parse().unwrap());
        let case = Case {
            pool: &pool,
            served: &[],
            unparsable: &[],
            served_bytes: 0,
            reference: Name::new(&reference),
            any_name: false,
            view: View::default(),
            port: 21285,
            at: "2026-11-22T00:00:00Z".parse().unwrap(),
            ocsp_staple: None,
            timestamps: None,
            tls: None,
            failure: None,
            choice: None,
            hellos: &[],
            fetched: &[],
            asked: None,
        };
        use FailureKind as Kind;
        for (failure, curl, java, go) in [
            (
                failure(Stage::Tls, Kind::VersionNotSupported, Some("protocol_version")),
                "35 tlsv1 alert protocol version",
                "SSLHandshakeException: (protocol_version) Received fatal alert: protocol_version",
                "tls: protocol version not supported",
            ),
            (
                failure(Stage::Tls, Kind::Alert, Some("unrecognized_name")),
                "35 tlsv1 unrecognized name",
                "SSLHandshakeException: (unrecognized_name) Received fatal alert: unrecognized_name",
                "tls: unrecognized name",
            ),
            (
                failure(Stage::Tls, Kind::Alert, Some("internal_error")),
                "35 tlsv1 alert internal error",
                "SSLException: (internal_error) Received fatal alert: internal_error",
                "tls: internal error",
            ),
            (
                failure(Stage::Tls, Kind::Reset, None),
                "35 Recv failure: Connection reset by peer",
                "SocketException: Connection reset",
                "connection reset by peer",
            ),
            (
                failure(Stage::Tls, Kind::Closed, None),
                "35 OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to clos",
                "EOFException: SSL peer shut down incorrectly",
                "unexpected EOF",
            ),
            (
                failure(Stage::Tls, Kind::Timeout, None),
                "28 Connection timed out after 300000 milliseconds",
                "SocketTimeoutException: Read timed out",
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            ),
            (
                failure(Stage::Tls, Kind::Plaintext, None),
                "35 wrong version number",
                "SSLException: Unsupported or unrecognized SSL message",
                "tls: first record does not look like a TLS handshake",
            ),
            (
                failure(Stage::Tcp, Kind::Refused, None),
                "7 Failed to connect to closed.example.com port 21285 after 0 m",
                "ConnectException: Connection refused",
                "connection refused",
            ),
            (
                failure(Stage::AfterHandshake, Kind::ClientCertificateRequired, Some("certificate_required")),
                "56 tlsv13 alert certificate required, errno 0",
                "SSLHandshakeException: (certificate_required) Received fatal alert: certificate_required",
                "tls: certificate required",
            ),
        ] {
            for (client, code) in [("curl", curl), ("java", java), ("go", go)] {
                let answer = (find(client).unwrap().handshake)(&failure, &case);
                assert_eq!(answer.and_then(|answer| answer.code).as_deref(), Some(code), "{client}: {failure:?}");
            }
        }
    }

    /// A refusal of our hello is a verdict only for the clients that offer no more than it.
    #[test]
    fn a_wider_hello_than_ours_is_not_decided_by_ours() {
        let (pool, reference) = (Pool::default(), "closed.example.com".parse().unwrap());
        let nothing = failure(Stage::Tls, FailureKind::NothingInCommon, Some("handshake_failure"));
        let case = Case {
            pool: &pool,
            served: &[],
            unparsable: &[],
            served_bytes: 0,
            reference: Name::new(&reference),
            any_name: false,
            view: View::default(),
            port: 21285,
            at: "2026-11-22T00:00:00Z".parse().unwrap(),
            ocsp_staple: None,
            timestamps: None,
            tls: None,
            failure: Some(&nothing),
            choice: None,
            hellos: &[],
            fetched: &[],
            asked: None,
        };
        let decided = ALL.iter().filter(|client| answer(client, &case).verdict == Verdict::Error);
        let decided: Vec<&str> = decided.map(|client| client.id).collect();
        assert_eq!(decided, ["rustls-aws", "deno", "rustls-ring"]);
    }

    /// As above, for the clients that share a library's words with another.
    #[test]
    fn failed_handshakes_in_the_words_of_s_client_python_node_bun_and_deno() {
        let (pool, reference) = (Pool::default(), "closed.example.com".parse().unwrap());
        let case = Case {
            pool: &pool,
            served: &[],
            unparsable: &[],
            served_bytes: 0,
            reference: Name::new(&reference),
            any_name: false,
            view: View::default(),
            port: 21285,
            at: "2026-11-22T00:00:00Z".parse().unwrap(),
            ocsp_staple: None,
            timestamps: None,
            tls: None,
            failure: None,
            choice: None,
            hellos: &[],
            fetched: &[],
            asked: None,
        };
        use FailureKind as Kind;
        for (failure, openssl, python, node, bun, deno) in [
            (
                failure(Stage::Tls, Kind::Alert, Some("internal_error")),
                "tlsv1 alert internal error",
                "TLSV1_ALERT_INTERNAL_ERROR",
                "EPROTO: tlsv1 alert internal error",
                "EPROTO",
                "received fatal alert: InternalError",
            ),
            (
                failure(Stage::Tls, Kind::Plaintext, None),
                "wrong version number",
                "WRONG_VERSION_NUMBER",
                "EPROTO: wrong version number",
                "EPROTO",
                "received corrupt message of type InvalidContentType",
            ),
            (
                failure(Stage::Tls, Kind::Closed, None),
                "unexpected eof while reading",
                "UNEXPECTED_EOF_WHILE_READING",
                "ECONNRESET",
                "ECONNRESET",
                "tls handshake eof",
            ),
            (
                failure(Stage::Tls, Kind::Reset, None),
                "write:errno=104",
                "ConnectionResetError",
                "ECONNRESET",
                "ECONNRESET",
                "Connection reset by peer (os error 104)",
            ),
            (
                failure(Stage::Tcp, Kind::Refused, None),
                "Connection refused",
                "ConnectionRefusedError",
                "ECONNREFUSED",
                "ECONNREFUSED",
                "tcp connect error: Connection refused (os error 111)",
            ),
            (
                failure(Stage::AfterHandshake, Kind::ClientCertificateRequired, Some("certificate_required")),
                "tlsv13 alert certificate required",
                "TLSV13_ALERT_CERTIFICATE_REQUIRED",
                "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
                "EPROTO",
                "TypeError",
            ),
        ] {
            for (client, code) in
                [("openssl", openssl), ("python-ssl", python), ("node24", node), ("bun", bun), ("deno", deno)]
            {
                let answer = (find(client).unwrap().handshake)(&failure, &case);
                assert_eq!(answer.and_then(|answer| answer.code).as_deref(), Some(code), "{client}: {failure:?}");
            }
        }
        let refused = failure(Stage::Tls, Kind::Alert, Some("handshake_failure"));
        let said = |client| (find(client).unwrap().handshake)(&refused, &case).and_then(|answer| answer.code);
        assert_eq!(said("node20").as_deref(), Some("EPROTO: sslv3 alert handshake failure"));
        assert_eq!(
            said("node24").as_deref(),
            Some("EPROTO: ssl/tls alert handshake failure"),
            "renamed in OpenSSL 3.2"
        );
    }
}
