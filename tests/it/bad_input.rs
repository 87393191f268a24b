//! What a user gets wrong: a clear error on stderr with the next step, nothing on stdout, exit code 2.

use std::io::Write;

use tempfile::NamedTempFile;

use crate::support::program::tlsmend;

/// The command must fail as usage with every one of `words` in the message.
fn refused(arguments: &[&str], words: &[&str]) {
    let run = tlsmend(arguments);
    assert_eq!(run.code, Some(2), "{arguments:?}: {run:?}");
    assert_eq!(run.stdout, "", "{arguments:?}");
    for word in words {
        assert!(run.stderr.contains(word), "{arguments:?} should say `{word}`: {}", run.stderr);
    }
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

fn file(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

#[test]
fn what_is_no_target() {
    refused(&["probe"], &["TARGET"]);
    refused(&["probe", "exa mple.com"], &["is not a target", "host:port"]);
    refused(&["probe", "http://example.com"], &["no TLS", "https://"]);
    refused(&["probe", "example.com:99999"], &["port"]);
    refused(&["probe", "\u{1b}[31mevil"], &["is not a target"]);
    let run = tlsmend(&["probe", "\u{1b}[31mevil"]);
    assert!(!run.stderr.contains('\u{1b}'), "control characters reach the terminal: {:?}", run.stderr);
}

#[test]
fn what_is_no_file_of_certificates() {
    let missing = "/nonexistent/ca.pem";
    refused(&["probe", "127.0.0.1:1", "--ca", missing], &["--ca", missing, "No such file"]);
    refused(&["probe", "127.0.0.1:1", "--roots", "/"], &["--roots", "irectory"]);
    let empty = file(b"");
    refused(&["probe", "127.0.0.1:1", "--ca", empty.path().to_str().unwrap()], &["it is empty"]);
    let key = file(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    refused(&["probe", "127.0.0.1:1", "--ca", key.path().to_str().unwrap()], &["PRIVATE KEY", "no certificate"]);
    let cut = file(b"-----BEGIN CERTIFICATE-----\nMIIB\n");
    refused(&["probe", "127.0.0.1:1", "--ca", cut.path().to_str().unwrap()], &["damaged"]);
    let nonsense = file(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    refused(
        &["probe", "127.0.0.1:1", "--roots", nonsense.path().to_str().unwrap()],
        &["certificate 1", "not an X.509 certificate"],
    );
    let html = file(b"<html><body>Not Found</body></html>");
    refused(&["probe", "127.0.0.1:1", "--ca", html.path().to_str().unwrap()], &["neither PEM, nor DER"]);
}

#[test]
fn what_is_no_option_value() {
    refused(&["probe", "example.com", "--at", "yesterday"], &["RFC 3339"]);
    refused(&["probe", "example.com", "--timeout", "5 minutes"], &["ms"]);
    refused(&["probe", "example.com", "--client", "netscape"], &["not a client", "firefox"]);
    refused(&["probe", "example.com", "--resolver", "dns.example"], &["IP address"]);
    refused(&["probe", "example.com", "--address", "192.0.2.1:0"], &["IP address"]);
    refused(&["probe", "example.com", "--fail-on", "catastrophic"], &["critical"]);
    refused(&["probe", "example.com", "--expect-cname", "a..b"], &["empty"]);
    refused(&["probe", "example.com", "--no-aia", "--allow-private-aia"], &["cannot be used with"]);
}
