//! The messages of a server's flight, parsed. Whatever does not add up is `None`.

use super::records::u24;
use crate::model::hello::{TLS_1_2, TLS_1_3};

/// HandshakeType (RFC 8446 §4, RFC 5246 §7.4, RFC 6066 §8).
pub(in crate::observe::tls) const SERVER_HELLO: u8 = 2;
pub(in crate::observe::tls) const ENCRYPTED_EXTENSIONS: u8 = 8;
pub(in crate::observe::tls) const CERTIFICATE: u8 = 11;
pub(in crate::observe::tls) const SERVER_KEY_EXCHANGE: u8 = 12;
pub(in crate::observe::tls) const CERTIFICATE_REQUEST: u8 = 13;
pub(in crate::observe::tls) const SERVER_HELLO_DONE: u8 = 14;
pub(in crate::observe::tls) const CERTIFICATE_VERIFY: u8 = 15;
pub(in crate::observe::tls) const FINISHED: u8 = 20;
pub(in crate::observe::tls) const CERTIFICATE_STATUS: u8 = 22;

/// ExtensionType.
const STATUS_REQUEST: u16 = 5;
const ALPN: u16 = 16;
const SIGNED_CERTIFICATE_TIMESTAMP: u16 = 18;
const EXTENDED_MASTER_SECRET: u16 = 23;
const SESSION_TICKET: u16 = 35;
const CERTIFICATE_AUTHORITIES: u16 = 47;
const RENEGOTIATION_INFO: u16 = 0xff01;
const SUPPORTED_VERSIONS: u16 = 43;
const COOKIE: u16 = 44;
const KEY_SHARE: u16 = 51;

/// The random that makes a ServerHello a HelloRetryRequest: SHA-256 of its name (RFC 8446 §4.1.3).
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Reads a body from its start.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn u24(&mut self) -> Option<usize> {
        self.bytes(3).map(|bytes| u24([bytes[0], bytes[1], bytes[2]]))
    }

    /// What follows with its length in front.
    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.bytes(usize::from(length))
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.bytes(usize::from(length))
    }

    fn vector24(&mut self) -> Option<&'a [u8]> {
        let length = self.u24()?;
        self.bytes(length)
    }
}

/// The extensions that end a message; those behind one that is cut short are lost.
fn extensions(body: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut reader = Reader(body);
    std::iter::from_fn(move || Some((reader.u16()?, reader.vector16()?)))
}

/// RFC 8446 §4.1.3, RFC 5246 §7.4.1.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::observe::tls) struct ServerHello {
    pub(in crate::observe::tls) version: u16,
    pub(in crate::observe::tls) cipher_suite: u16,
    pub(super) random: [u8; 32],
    /// TLS 1.3: the group that was chosen, or asked for.
    pub(super) group: Option<u16>,
    /// TLS 1.3: the server's share; empty in a HelloRetryRequest.
    pub(super) share: Vec<u8>,
    /// To be returned in the second ClientHello.
    pub(super) cookie: Option<Vec<u8>>,
    pub(in crate::observe::tls) said: Acknowledged,
}

/// What a ServerHello says besides its choice. In TLS 1.3 most of it stands elsewhere, or nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::observe::tls) struct Acknowledged {
    pub(in crate::observe::tls) has_session_id: bool,
    pub(in crate::observe::tls) extended_master_secret: bool,
    pub(in crate::observe::tls) renegotiation_info: bool,
    pub(in crate::observe::tls) session_ticket: bool,
    pub(in crate::observe::tls) alpn: Option<Vec<u8>>,
    /// SignedCertificateTimestampList (RFC 6962 §3.3).
    pub(in crate::observe::tls) timestamps: Option<Vec<u8>>,
}

impl ServerHello {
    pub(in crate::observe::tls) fn is_retry_request(&self) -> bool {
        self.random == HELLO_RETRY_REQUEST
    }
}

pub(in crate::observe::tls) fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let mut reader = Reader(body);
    let version = reader.u16()?;
    let random = reader.bytes(32)?.try_into().ok()?;
    let said = Acknowledged { has_session_id: !reader.vector8()?.is_empty(), ..Acknowledged::default() };
    let cipher_suite = reader.u16()?;
    let mut hello = ServerHello { version, cipher_suite, random, group: None, share: Vec::new(), cookie: None, said };
    let _compression = reader.u8();
    let _length = reader.u16();
    for (kind, value) in extensions(reader.0) {
        let mut value = Reader(value);
        match kind {
            SUPPORTED_VERSIONS => hello.version = value.u16()?,
            COOKIE => hello.cookie = value.vector16().map(<[u8]>::to_vec),
            KEY_SHARE => {
                hello.group = value.u16();
                hello.share = value.vector16().unwrap_or_default().to_vec();
            }
            EXTENDED_MASTER_SECRET => hello.said.extended_master_secret = true,
            RENEGOTIATION_INFO => hello.said.renegotiation_info = true,
            SESSION_TICKET => hello.said.session_ticket = true,
            ALPN => hello.said.alpn = alpn(value.0),
            SIGNED_CERTIFICATE_TIMESTAMP => hello.said.timestamps = Some(value.0.to_vec()),
            _ => {}
        }
    }
    Some(hello)
}

/// The one protocol that a server chose (RFC 7301 §3.1).
fn alpn(value: &[u8]) -> Option<Vec<u8>> {
    Reader(Reader(value).vector16()?).vector8().map(<[u8]>::to_vec)
}

/// ALPN in EncryptedExtensions (RFC 8446 §4.3.1).
pub(super) fn encrypted_alpn(body: &[u8]) -> Option<Vec<u8>> {
    let (_, value) = extensions(Reader(body).vector16()?).find(|(kind, _)| *kind == ALPN)?;
    alpn(value)
}

/// The names of CAs in a CertificateRequest, each a DER Name (RFC 5246 §7.4.4, RFC 8446 §4.3.2, §4.2.4).
pub(super) fn authorities(body: &[u8], version: u16) -> Option<Vec<Vec<u8>>> {
    let mut reader = Reader(body);
    reader.vector8()?; // certificate types, or the context
    let names = if version == TLS_1_3 {
        let found = extensions(reader.vector16()?).find(|(kind, _)| *kind == CERTIFICATE_AUTHORITIES);
        found.and_then(|(_, value)| Reader(value).vector16()).unwrap_or_default()
    } else {
        if version == TLS_1_2 {
            reader.vector16()?; // signature algorithms
        }
        reader.vector16()?
    };
    let mut reader = Reader(names);
    let mut found = Vec::new();
    while !reader.0.is_empty() {
        found.push(reader.vector16()?.to_vec());
    }
    Some(found)
}

/// RFC 8446 §4.4.2, RFC 5246 §7.4.2.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::observe::tls) struct CertificateList {
    pub(in crate::observe::tls) certificates: Vec<Vec<u8>>,
    /// TLS 1.3 carries the OCSP response with the certificate it is for.
    pub(in crate::observe::tls) ocsp_staple: Option<Vec<u8>>,
    /// And the timestamps.
    pub(in crate::observe::tls) timestamps: Option<Vec<u8>>,
}

pub(in crate::observe::tls) fn certificate_list(body: &[u8], is_tls13: bool) -> Option<CertificateList> {
    let mut reader = Reader(body);
    if is_tls13 {
        reader.vector8()?; // certificate_request_context
    }
    let list = reader.vector24()?;
    if !reader.0.is_empty() {
        return None;
    }
    let mut reader = Reader(list);
    let mut found = CertificateList::default();
    while !reader.0.is_empty() {
        let certificate = reader.vector24()?;
        if is_tls13 {
            let extensions = extensions(reader.vector16()?);
            if found.certificates.is_empty() {
                for (kind, value) in extensions {
                    match kind {
                        STATUS_REQUEST => found.ocsp_staple = certificate_status(value),
                        SIGNED_CERTIFICATE_TIMESTAMP => found.timestamps = Some(value.to_vec()),
                        _ => {}
                    }
                }
            }
        }
        found.certificates.push(certificate.to_vec());
    }
    Some(found)
}

/// CertificateStatus of type ocsp (RFC 6066 §8).
pub(in crate::observe::tls) fn certificate_status(body: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(body);
    let is_ocsp = reader.u8()? == 1;
    reader.vector24().filter(|response| is_ocsp && !response.is_empty()).map(<[u8]>::to_vec)
}

/// ServerKeyExchange (RFC 5246 §7.4.3, RFC 8422 §5.4) or CertificateVerify: parameters and how they are signed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::observe::tls) struct KeyExchange<'a> {
    pub(super) group: Option<u16>,
    pub(super) dh_bits: Option<usize>,
    /// What is signed, behind the two randoms.
    pub(super) parameters: &'a [u8],
    /// From TLS 1.2 on.
    pub(super) signature_scheme: Option<u16>,
    pub(super) signature: &'a [u8],
}

/// How a suite exchanges keys, by the first word of its IANA name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::observe::tls) enum Kind {
    Curve,
    FiniteField,
}

pub(in crate::observe::tls) fn server_key_exchange(
    body: &[u8],
    kind: Kind,
    has_scheme: bool,
) -> Option<KeyExchange<'_>> {
    const NAMED_CURVE: u8 = 3;
    let mut reader = Reader(body);
    let (mut group, mut dh_bits) = (None, None);
    match kind {
        Kind::Curve => {
            if reader.u8()? != NAMED_CURVE {
                return None;
            }
            group = Some(reader.u16()?);
            reader.vector8()?;
        }
        Kind::FiniteField => {
            dh_bits = Some(bits(reader.vector16()?));
            reader.vector16()?;
            reader.vector16()?;
        }
    }
    let parameters = &body[..body.len() - reader.0.len()];
    let signature_scheme = if has_scheme { reader.u16() } else { None };
    let signature = reader.vector16().unwrap_or_default();
    Some(KeyExchange { group, dh_bits, parameters, signature_scheme, signature })
}

/// CertificateVerify (RFC 8446 §4.4.3): scheme and signature.
pub(in crate::observe::tls) fn certificate_verify(body: &[u8]) -> Option<(u16, &[u8])> {
    let mut reader = Reader(body);
    Some((reader.u16()?, reader.vector16()?))
}

/// Bits of a big-endian number.
fn bits(number: &[u8]) -> usize {
    let significant = number.iter().position(|&byte| byte != 0).map_or(&[][..], |start| &number[start..]);
    match significant.first() {
        Some(first) => significant.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or_default(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_in_an_extension() {
        // key_share (cut short) stands before supported_versions.
        let extensions = [0, 11, 0, 51, 0, 1, 9, 0, 43, 0, 2, 3, 4];
        let body = [&[3, 3][..], &[7; 32], &[2, 5, 5, 0x13, 1, 0], &extensions].concat();
        let hello = server_hello(&body).unwrap();
        assert_eq!((hello.version, hello.cipher_suite, hello.group), (0x0304, 0x1301, None));
    }

    #[test]
    fn what_else_a_server_hello_says() {
        let extensions = [0, 22, 0, 23, 0, 0, 0xff, 1, 0, 1, 0, 0, 16, 0, 5, 0, 3, 2, b'h', b'2', 0, 35, 0, 0];
        let body = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2f, 0], &extensions].concat();
        let said = server_hello(&body).unwrap().said;
        assert_eq!(
            said,
            Acknowledged {
                extended_master_secret: true,
                renegotiation_info: true,
                session_ticket: true,
                alpn: Some(b"h2".to_vec()),
                ..Acknowledged::default()
            }
        );
    }

    #[test]
    fn names_in_certificate_requests() {
        let names = [0, 7, 0, 2, 0x30, 0, 0, 1, 9];
        let tls12 = [&[1, 64, 0, 2, 4, 1][..], &names].concat();
        assert_eq!(authorities(&tls12, TLS_1_2), Some(vec![vec![0x30, 0], vec![9]]));
        assert_eq!(authorities(&[&[1, 64][..], &names].concat(), 0x0302), Some(vec![vec![0x30, 0], vec![9]]));
        let tls13 = [&[0, 0, 13, 0, 47, 0, 9][..], &names].concat();
        assert_eq!(authorities(&tls13, TLS_1_3), Some(vec![vec![0x30, 0], vec![9]]));
        assert_eq!(authorities(&[0, 0, 0], TLS_1_3), Some(Vec::new()));
        assert_eq!(authorities(&[1, 64, 0, 2, 4, 1, 0, 3, 0, 9, 1], TLS_1_2), None);
    }

    #[test]
    fn a_hello_retry_request_is_known_by_its_random() {
        let extensions = [0, 12, 0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 25];
        let body = [&[3, 3][..], &HELLO_RETRY_REQUEST, &[0, 0x13, 1, 0], &extensions].concat();
        let hello = server_hello(&body).unwrap();
        assert!(hello.is_retry_request());
        assert_eq!((hello.group, hello.share), (Some(25), Vec::new()));
    }

    #[test]
    fn key_exchanges() {
        let curve = [&[3, 0, 0x17, 2, 4, 4][..], &[4, 3, 0, 1, 9]].concat();
        let parsed = server_key_exchange(&curve, Kind::Curve, true).unwrap();
        assert_eq!((parsed.group, parsed.signature_scheme, parsed.signature), (Some(0x17), Some(0x0403), &[9][..]));
        assert_eq!(parsed.parameters, &curve[..6]);
        // A prime of 1023 bits with a zero in front, and no scheme before TLS 1.2.
        let prime = [&[0, 129, 0, 0x40][..], &[1; 127]].concat();
        let field = [&prime[..], &[0, 1, 2, 0, 1, 5, 0, 1, 9]].concat();
        let parsed = server_key_exchange(&field, Kind::FiniteField, false).unwrap();
        assert_eq!((parsed.dh_bits, parsed.signature_scheme, parsed.signature), (Some(1023), None, &[9][..]));
        assert_eq!(server_key_exchange(&[1, 2, 3], Kind::Curve, true), None);
    }

    #[test]
    fn lists_that_contradict_themselves_are_none() {
        assert_eq!(certificate_list(&[0, 0, 9], false), None);
        assert_eq!(certificate_list(&[0, 0, 3, 0, 0, 1, 7], false), None);
        let list = certificate_list(&[0, 0, 4, 0, 0, 1, 7], false).unwrap();
        assert_eq!(list.certificates, [[7]]);
        assert_eq!(bits(&[0, 0, 1]), 1);
        assert_eq!(bits(&[]), 0);
    }
}
