//! A ClientHello from its parts (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2).

use super::key_share::KeyShare;
use crate::model::hello::{Hello, SSL_3_0, TLS_1_0, TLS_1_2, TLS_1_3};

/// What belongs to one connection and not to the offer.
pub(super) struct Variables<'a> {
    pub(super) random: &'a [u8; 32],
    /// Of 32 octets where TLS 1.3 is offered, for middleboxes that believe in resumption (RFC 8446 §D.4).
    pub(super) session_id: &'a [u8],
    /// For SNI; `None` for an address.
    pub(super) server_name: Option<&'a str>,
    pub(super) share: Option<&'a KeyShare>,
    pub(super) cookie: Option<&'a [u8]>,
    pub(super) extras: Extras<'a>,
}

/// What only the survey offers: the hellos that stand for clients stay as they are.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::observe::tls) struct Extras<'a> {
    /// Protocol names for ALPN (RFC 7301 §3.1), best first; empty: the extension is left out.
    pub(in crate::observe::tls) alpn: &'a [&'a str],
    /// Asks for signed certificate timestamps (RFC 6962 §3.3.1).
    pub(in crate::observe::tls) timestamps: bool,
    /// Asks for a ticket, before TLS 1.3 (RFC 5077 §3.2).
    pub(in crate::observe::tls) ticket: bool,
}

/// The message with its header. Every list of an offer fits its length field.
pub(super) fn encode(hello: &Hello<'_>, variables: &Variables<'_>) -> Vec<u8> {
    let highest = hello.highest_version();
    let mut body = Vec::with_capacity(512);
    put(&mut body, highest.min(TLS_1_2));
    body.extend_from_slice(variables.random);
    vector8(&mut body, variables.session_id);
    // The signalling suite says what an empty renegotiation_info would (RFC 5746 §3.3), also to SSL 3.0.
    const RENEGOTIATION_INFO: u16 = 0x00ff;
    let before_tls13 = hello.lowest_version() < TLS_1_3;
    let suites = hello.cipher_suites.iter().copied();
    vector16(&mut body, &list(suites.chain(before_tls13.then_some(RENEGOTIATION_INFO))));
    vector8(&mut body, &[0]); // no compression
    if highest > SSL_3_0 {
        let mut extensions = extensions(hello, variables);
        // Some load balancers drop hellos of 256 to 511 octets (RFC 7685 §4).
        let length = 4 + body.len() + 2 + extensions.len();
        if (256..512).contains(&length) {
            extension(&mut extensions, 21, &vec![0; (512 - length).saturating_sub(4)]);
        }
        vector16(&mut body, &extensions);
    }
    let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
    [&[1][..], &length[1..], &body].concat()
}

/// In a record, which says TLS 1.0 whatever the message says (RFC 8446 §5.1).
pub(super) fn record(message: &[u8], highest_version: u16) -> Vec<u8> {
    let mut out = vec![22];
    put(&mut out, highest_version.min(TLS_1_0));
    vector16(&mut out, message);
    out
}

fn extensions(hello: &Hello<'_>, variables: &Variables<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let highest = hello.highest_version();
    if let Some(name) = variables.server_name {
        let mut entry = vec![0]; // host_name
        vector16(&mut entry, name.as_bytes());
        let mut names = Vec::new();
        vector16(&mut names, &entry);
        extension(&mut out, 0, &names);
    }
    extension(&mut out, 23, &[]); // extended_master_secret
    if !hello.groups.is_empty() {
        extension(&mut out, 10, &prefixed16(&list(hello.groups.iter().copied())));
        extension(&mut out, 11, &[1, 0]); // uncompressed points
    }
    extension(&mut out, 5, &[1, 0, 0, 0, 0]); // status_request: ocsp, any responder
    if highest >= TLS_1_2 && !hello.signature_schemes.is_empty() {
        extension(&mut out, 13, &prefixed16(&list(hello.signature_schemes.iter().copied())));
    }
    if !hello.certificate_schemes.is_empty() {
        extension(&mut out, 50, &prefixed16(&list(hello.certificate_schemes.iter().copied())));
    }
    if highest >= TLS_1_3 {
        let versions = list(hello.versions.iter().copied());
        let mut value = Vec::new();
        vector8(&mut value, &versions);
        extension(&mut out, 43, &value);
        extension(&mut out, 45, &[1, 1]); // psk_dhe_ke, without which some servers send no tickets and others fail
        let mut shares = Vec::new();
        if let Some(share) = variables.share {
            put(&mut shares, share.group);
            vector16(&mut shares, &share.public);
        }
        extension(&mut out, 51, &prefixed16(&shares));
        if let Some(cookie) = variables.cookie {
            extension(&mut out, 44, &prefixed16(cookie));
        }
    }
    let extras = variables.extras;
    if !extras.alpn.is_empty() {
        let mut names = Vec::new();
        extras.alpn.iter().for_each(|name| vector8(&mut names, name.as_bytes()));
        extension(&mut out, 16, &prefixed16(&names));
    }
    if extras.timestamps {
        extension(&mut out, 18, &[]);
    }
    if extras.ticket {
        extension(&mut out, 35, &[]);
    }
    out
}

fn put(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_be_bytes());
}

fn list(numbers: impl Iterator<Item = u16>) -> Vec<u8> {
    numbers.flat_map(u16::to_be_bytes).collect()
}

fn vector8(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(u8::try_from(bytes.len()).unwrap_or_default());
    out.extend_from_slice(bytes);
}

fn vector16(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, u16::try_from(bytes.len()).unwrap_or_default());
    out.extend_from_slice(bytes);
}

fn prefixed16(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    vector16(&mut out, bytes);
    out
}

fn extension(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    put(out, kind);
    vector16(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hello::{ORDINARY, WIDEST};

    fn variables<'a>(random: &'a [u8; 32], name: Option<&'a str>) -> Variables<'a> {
        Variables { random, session_id: &[], server_name: name, share: None, cookie: None, extras: Extras::default() }
    }

    #[test]
    fn no_hello_has_a_length_that_is_dropped() {
        for letters in 1..250 {
            let name = "a".repeat(letters);
            for hello in [ORDINARY, WIDEST, Hello { versions: &[TLS_1_2], ..ORDINARY }] {
                let length = encode(&hello, &variables(&[7; 32], Some(&name))).len();
                assert!(!(256..512).contains(&length), "{length}");
            }
        }
    }

    #[test]
    fn ssl_3_0_has_no_extensions() {
        let hello = Hello {
            versions: &[SSL_3_0],
            cipher_suites: &[5],
            groups: &[],
            signature_schemes: &[],
            certificate_schemes: &[],
        };
        let message = encode(&hello, &variables(&[7; 32], Some("a.test")));
        let expected = [&[1, 0, 0, 43, 3, 0][..], &[7; 32], &[0, 0, 4, 0, 5, 0, 0xff, 1, 0]].concat();
        assert_eq!(message, expected);
        assert_eq!(record(&[1], SSL_3_0), [22, 3, 0, 0, 1, 1]);
        assert_eq!(record(&[1], TLS_1_3)[..3], [22, 3, 1]);
    }
}
