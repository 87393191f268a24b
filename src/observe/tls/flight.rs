//! The server's first flight, as far as it is readable in plain: up to TLS 1.2 that includes the certificates.
//!
//! Read only after a failure, for what rustls keeps to itself then.

/// ContentType handshake (RFC 5246 §6.2.1).
const HANDSHAKE_RECORD: u8 = 22;
/// HandshakeType (RFC 5246 §7.4).
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

pub(super) fn read(received: &[u8]) -> Flight {
    let mut flight = Flight::default();
    let messages = handshake_bytes(received);
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
                flight.certificates = certificate_list(body);
                break;
            }
            _ => {}
        }
        rest = next;
    }
    flight
}

/// The payloads of the leading handshake records, joined: messages may be split anywhere (RFC 5246 §6.2.1). The first
/// record of another type ends what is readable.
fn handshake_bytes(received: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = received;
    while let Some((&[kind, _, _, high, low], after)) = rest.split_first_chunk::<5>() {
        if kind != HANDSHAKE_RECORD {
            break;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (payload, next) = after.split_at(length.min(after.len()));
        out.extend_from_slice(payload);
        rest = next;
    }
    out
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

/// RFC 5246 §7.4.2. `None` when the lengths contradict each other.
fn certificate_list(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (length, mut rest) = body.split_first_chunk::<3>()?;
    if u24(*length) != rest.len() {
        return None;
    }
    let mut certificates = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<3>()?;
        let (certificate, next) = after.split_at_checked(u24(*length))?;
        certificates.push(certificate.to_vec());
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
            let flight = read(&[record(22, one), record(22, two), record(21, &[2, 40])].concat());
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
        assert_eq!(read(&record(22, &hello)).server_hello, expected);
    }

    #[test]
    fn nothing_is_made_up() {
        assert_eq!(read(b""), Flight::default());
        assert_eq!(read(b"HTTP/1.1 400 Bad Request"), Flight::default());
        // A list longer than its message; a message cut short.
        assert_eq!(read(&record(22, &[11, 0, 0, 3, 0, 0, 9])).certificates, None);
        let cut = read(&record(22, &[11, 3, 0, 0, 0, 0]));
        assert_eq!((cut.certificates, cut.certificate_bytes), (None, Some(3 << 16)));
        // Encrypted: not looked at.
        assert_eq!(read(&record(23, &[11, 0, 0, 3, 0, 0, 0])), Flight::default());
    }
}
