//! The messages of the server's flight, read a second time from the bytes received.
//!
//! Only after a failure: rustls keeps the certificates to itself until all that follows them has come and was right, and
//! says nothing at all about a ServerHello that it would not go on with.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use rustls::CipherSuite;

/// ContentType (RFC 8446 §5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// HandshakeType (RFC 8446 §4).
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
/// supported_versions (RFC 8446 §4.2.1), where a ServerHello of TLS 1.3 says its version.
const SUPPORTED_VERSIONS: u16 = 43;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flight {
    pub(super) server_hello: Option<ServerHello>,
    /// The `certificate_list`; `None` unless the message came whole.
    pub(super) certificates: Option<Vec<Vec<u8>>>,
    /// The length that the Certificate message announced.
    pub(super) certificate_bytes: Option<usize>,
}

/// What the server chose; not always something that our stack would go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub(super) version: u16,
    pub(super) cipher_suite: u16,
}

/// Reads what there is; `opener` is for TLS 1.3, which encrypts all after the ServerHello.
pub(super) fn read(received: &[u8], opener: Option<Opener>) -> Flight {
    let mut flight = Flight::default();
    let is_tls13 = opener.is_some();
    let messages = handshake_bytes(received, opener);
    let mut rest = messages.as_slice();
    while let Some((header, after)) = rest.split_first_chunk::<4>() {
        let [kind, length @ ..] = *header;
        let length = u24(length);
        if kind == CERTIFICATE {
            flight.certificate_bytes = Some(length);
        }
        let Some((body, next)) = after.split_at_checked(length) else { break };
        match kind {
            SERVER_HELLO => flight.server_hello = server_hello(body),
            CERTIFICATE => {
                flight.certificates = certificate_list(body, is_tls13);
                break;
            }
            _ => {}
        }
        rest = next;
    }
    flight
}

/// The payloads of the leading handshake records, joined: messages may be split anywhere (RFC 8446 §5.1). The first
/// record that holds something else, or cannot be opened, ends what is readable.
fn handshake_bytes(received: &[u8], mut opener: Option<Opener>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = received;
    while let Some((header, after)) = rest.split_first_chunk::<5>() {
        let &[kind, _, _, high, low] = header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (payload, next) = after.split_at(length.min(after.len()));
        match (kind, &mut opener) {
            (HANDSHAKE, _) => out.extend_from_slice(payload),
            (APPLICATION_DATA, Some(opener)) => match opener.open(header, payload) {
                Some(handshake) => out.extend_from_slice(&handshake),
                None => break,
            },
            // TLS 1.3 sends it for middleboxes only (RFC 8446 §5); before, everything behind it is encrypted.
            (CHANGE_CIPHER_SPEC, Some(_)) => {}
            _ => break,
        }
        rest = next;
    }
    out
}

/// Opens the records that a TLS 1.3 server protects with its handshake traffic keys (RFC 8446 §5.2, §7.3).
pub(super) struct Opener {
    key: LessSafeKey,
    iv: [u8; aead::NONCE_LEN],
    sequence_number: u64,
}

impl Opener {
    /// `secret` is the server_handshake_traffic_secret. `None` for a suite that is not of TLS 1.3.
    pub(super) fn new(suite: CipherSuite, secret: &[u8]) -> Option<Self> {
        let (hash, algorithm) = match suite {
            CipherSuite::TLS13_AES_128_GCM_SHA256 => (hkdf::HKDF_SHA256, &aead::AES_128_GCM),
            CipherSuite::TLS13_AES_256_GCM_SHA384 => (hkdf::HKDF_SHA384, &aead::AES_256_GCM),
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => (hkdf::HKDF_SHA256, &aead::CHACHA20_POLY1305),
            _ => return None,
        };
        let secret = hkdf::Prk::new_less_safe(hash, secret);
        let mut key = vec![0; algorithm.key_len()];
        expand_label(&secret, b"key", &mut key)?;
        let mut iv = [0; aead::NONCE_LEN];
        expand_label(&secret, b"iv", &mut iv)?;
        Some(Self { key: LessSafeKey::new(UnboundKey::new(algorithm, &key).ok()?), iv, sequence_number: 0 })
    }

    /// The handshake bytes of the next record; `None` when it holds something else or is not whole.
    fn open(&mut self, header: &[u8; 5], payload: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.sequence_number.to_be_bytes()) {
            *byte ^= number;
        }
        self.sequence_number += 1;
        let mut payload = payload.to_vec();
        let opened =
            self.key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(header), &mut payload).ok()?;
        // Content, its type, and padding of zeros.
        let end = opened.iter().rposition(|&byte| byte != 0)?;
        (opened[end] == HANDSHAKE).then(|| opened[..end].to_vec())
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
fn expand_label(secret: &hkdf::Prk, label: &[u8], out: &mut [u8]) -> Option<()> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let length = u8::try_from(out.len()).ok()?;
    let label_length = u8::try_from(6 + label.len()).ok()?;
    let info: [&[u8]; 5] = [&[0, length], &[label_length], b"tls13 ", label, &[0]];
    secret.expand(&info, Length(out.len())).ok()?.fill(out).ok()
}

/// RFC 8446 §4.1.3, RFC 5246 §7.4.1.3.
fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let (legacy_version, rest) = body.split_first_chunk::<2>()?;
    let (&session_id_length, rest) = rest.get(32..)?.split_first()?;
    let (cipher_suite, rest) = rest.get(usize::from(session_id_length)..)?.split_first_chunk::<2>()?;
    let mut version = u16::from_be_bytes(*legacy_version);
    // Behind the compression method and the length of all extensions.
    let mut extensions = rest.get(3..).unwrap_or_default();
    while let Some((&[kind, kind_low, high, low], after)) = extensions.split_first_chunk::<4>() {
        let Some((value, next)) = after.split_at_checked(usize::from(u16::from_be_bytes([high, low]))) else { break };
        if let (SUPPORTED_VERSIONS, &[high, low]) = (u16::from_be_bytes([kind, kind_low]), value) {
            version = u16::from_be_bytes([high, low]);
        }
        extensions = next;
    }
    Some(ServerHello { version, cipher_suite: u16::from_be_bytes(*cipher_suite) })
}

/// RFC 8446 §4.4.2, RFC 5246 §7.4.2. `None` when the lengths contradict each other.
fn certificate_list(body: &[u8], is_tls13: bool) -> Option<Vec<Vec<u8>>> {
    let body = if is_tls13 {
        let (&context_length, after) = body.split_first()?;
        after.get(usize::from(context_length)..)?
    } else {
        body
    };
    let (length, mut rest) = body.split_first_chunk::<3>()?;
    if u24(*length) != rest.len() {
        return None;
    }
    let mut certificates = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<3>()?;
        let (certificate, mut next) = after.split_at_checked(u24(*length))?;
        certificates.push(certificate.to_vec());
        if is_tls13 {
            let (length, after) = next.split_first_chunk::<2>()?;
            next = after.get(usize::from(u16::from_be_bytes(*length))..)?; // extensions of this certificate
        }
        rest = next;
    }
    Some(certificates)
}

fn u24([high, middle, low]: [u8; 3]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 3, 1, 0, u8::try_from(payload.len()).unwrap()], payload].concat()
    }

    #[test]
    fn messages_split_over_records() {
        // ServerHello, then Certificate [ 01 02 03 ], [ ]
        let hello = [&[2, 0, 0, 38, 3, 1][..], &[7; 32], &[0, 0xc0, 0x13, 0]].concat();
        let messages = [&hello[..], &[11, 0, 0, 12, 0, 0, 9, 0, 0, 3, 1, 2, 3, 0, 0, 0]].concat();
        for split in 0..messages.len() {
            let (one, two) = messages.split_at(split);
            let flight = read(&[record(22, one), record(22, two), record(21, &[2, 40])].concat(), None);
            assert_eq!(flight.server_hello, Some(ServerHello { version: 0x0301, cipher_suite: 0xc013 }));
            assert_eq!(flight.certificates, Some(vec![vec![1, 2, 3], vec![]]));
        }
    }

    #[test]
    fn version_in_an_extension() {
        // key_share (shortened) stands before supported_versions.
        let extensions = [0, 11, 0, 51, 0, 1, 9, 0, 43, 0, 2, 3, 4];
        let hello = [&[2, 0, 0, 53, 3, 3][..], &[7; 32], &[2, 5, 5, 0x13, 1, 0], &extensions].concat();
        let expected = Some(ServerHello { version: 0x0304, cipher_suite: 0x1301 });
        assert_eq!(read(&record(22, &hello), None).server_hello, expected);
    }

    #[test]
    fn nothing_is_made_up() {
        assert_eq!(read(b"", None), Flight::default());
        assert_eq!(read(b"HTTP/1.1 400 Bad Request", None), Flight::default());
        // A list longer than its message; a message cut short.
        assert_eq!(read(&record(22, &[11, 0, 0, 3, 0, 0, 9]), None).certificates, None);
        let cut = read(&record(22, &[11, 3, 0, 0, 0, 0]), None);
        assert_eq!((cut.certificates, cut.certificate_bytes), (None, Some(3 << 16)));
        // Encrypted: not looked at.
        assert_eq!(read(&record(23, &[11, 0, 0, 3, 0, 0, 0]), None), Flight::default());
    }
}
