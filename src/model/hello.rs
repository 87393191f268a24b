//! What a ClientHello offers, and what a server chose of it, by the numbers of the IANA registries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::handshake::{Failure, TlsParameters};

/// ProtocolVersion (RFC 8446 §4.1.2).
pub const SSL_3_0: u16 = 0x0300;
pub const TLS_1_0: u16 = 0x0301;
pub const TLS_1_1: u16 = 0x0302;
pub const TLS_1_2: u16 = 0x0303;
pub const TLS_1_3: u16 = 0x0304;

/// As people write it: `1.2`, not `0x0303`.
pub fn version_name(version: u16) -> String {
    match version {
        SSL_3_0 => "SSL 3.0".to_owned(),
        TLS_1_0 => "1.0".to_owned(),
        TLS_1_1 => "1.1".to_owned(),
        TLS_1_2 => "1.2".to_owned(),
        TLS_1_3 => "1.3".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

/// The first post-quantum hybrid. No server demands it, so offering it or not decides nothing.
pub const X25519_MLKEM768: u16 = 0x11ec;

/// The offer of a ClientHello. Each list in the order sent, the dearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hello<'a> {
    pub versions: &'a [u16],
    pub cipher_suites: &'a [u16],
    /// Key-exchange groups; before TLS 1.3 also the curves that a certificate's key may lie on (RFC 8422 §5.1.1).
    pub groups: &'a [u16],
    pub signature_schemes: &'a [u16],
    /// For the signatures on certificates (signature_algorithms_cert, RFC 8446 §4.2.3). Empty: the extension is not sent.
    pub certificate_schemes: &'a [u16],
}

impl Hello<'_> {
    /// Does it offer nothing that `other` does not? A server that finds nothing in `other` then finds nothing here.
    pub fn is_within(&self, other: &Hello<'_>) -> bool {
        let within = |mine: &[u16], theirs: &[u16]| mine.iter().all(|offer| theirs.contains(offer));
        within(self.versions, other.versions)
            && within(self.cipher_suites, other.cipher_suites)
            && self.groups.iter().all(|group| *group == X25519_MLKEM768 || other.groups.contains(group))
            && within(self.signature_schemes, other.signature_schemes)
    }

    /// Could the server have chosen this from it, or what it does as well?
    pub fn contains(&self, choice: &Choice) -> bool {
        self.versions.contains(&choice.version)
            && self.cipher_suites.contains(&choice.cipher_suite)
            && choice.group.is_none_or(|group| self.groups.contains(&group))
            && choice.signature_scheme.is_none_or(|scheme| self.contains_scheme(scheme, choice.version))
    }

    /// Before TLS 1.3 an RSA key that signs with RSASSA-PSS signs with PKCS #1 v1.5 too.
    fn contains_scheme(&self, scheme: u16, version: u16) -> bool {
        const RSA_PKCS1_SHA256: u16 = 0x0401;
        const RSA_PSS_RSAE: std::ops::RangeInclusive<u16> = 0x0804..=0x0806;
        let signs_both = version < TLS_1_3 && RSA_PSS_RSAE.contains(&scheme);
        self.signature_schemes.contains(&scheme) || (signs_both && self.signature_schemes.contains(&RSA_PKCS1_SHA256))
    }

    pub fn highest_version(&self) -> u16 {
        self.versions.iter().copied().max().unwrap_or(0)
    }

    pub fn lowest_version(&self) -> u16 {
        self.versions.iter().copied().min().unwrap_or(u16::MAX)
    }
}

/// The ordinary handshake's offer, of a present-day client without what costs time (`observe::tls`): ECDHE with AEAD.
pub const ORDINARY: Hello<'static> = Hello {
    versions: &[TLS_1_3, TLS_1_2],
    cipher_suites: &[0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8],
    groups: &[0x001d, 0x0017, 0x0018],
    #[rustfmt::skip] // a line a family
    signature_schemes: &[
        0x0503, 0x0403, 0x0603, 0x0807, 0x0806, 0x0805, 0x0804, 0x0601, 0x0501, 0x0401,
        0x0904, 0x0905, 0x0906, // ML-DSA
        0x0201, 0x0203, // SHA-1
    ],
    certificate_schemes: &[],
};

/// The same for TLS 1.2 alone, whose certificates are not encrypted, and for TLS 1.3 alone.
pub const ORDINARY_TLS12: Hello<'static> = Hello { versions: &[TLS_1_2], ..ORDINARY };
pub const ORDINARY_TLS13: Hello<'static> = Hello { versions: &[TLS_1_3], ..ORDINARY };

/// Everything with which a server can show a certificate, the better first: what finds the chain of a server that has
/// nothing in common with a present-day client. Neither anonymous nor pre-shared keys; nothing that was ever secret is
/// sent over such a connection.
pub const WIDEST: Hello<'static> =
    Hello { versions: &[TLS_1_3, TLS_1_2, TLS_1_1, TLS_1_0, SSL_3_0], ..WIDEST_BEFORE_TLS13 };

/// The same without TLS 1.3, whose certificates are encrypted.
pub const WIDEST_BEFORE_TLS13: Hello<'static> = Hello {
    versions: &[TLS_1_2, TLS_1_1, TLS_1_0, SSL_3_0],
    #[rustfmt::skip] // a line a family
    cipher_suites: &[
        0x1301, 0x1302, 0x1303, 0x1304, 0x1305, // TLS 1.3
        0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, // ECDHE, AEAD
        0x009e, 0x009f, 0xccaa, 0xc09e, 0xc09f, 0xc0a2, 0xc0a3, 0x00a2, 0x00a3, // DHE, AEAD
        0xc023, 0xc024, 0xc027, 0xc028, 0xc009, 0xc00a, 0xc013, 0xc014, // ECDHE, CBC
        0x0067, 0x006b, 0x0033, 0x0039, 0x0040, 0x006a, 0x0032, 0x0038, // DHE, CBC
        0x009c, 0x009d, 0xc09c, 0xc09d, 0xc0a0, 0xc0a1, 0x003c, 0x003d, 0x002f, 0x0035, // RSA
        0xc05c, 0xc05d, 0xc060, 0xc061, 0xc052, 0xc053, 0xc050, 0xc051, // ARIA
        0xc086, 0xc087, 0xc08a, 0xc08b, 0xc072, 0xc073, 0xc076, 0xc077, 0xc07c, 0xc07d, // Camellia
        0xc07a, 0xc07b, 0x00be, 0x00c4, 0x0045, 0x0088, 0x00ba, 0x00c0, 0x0041, 0x0084,
        0x009a, 0x0096, 0x0007, // SEED, IDEA
        0xc02d, 0xc02e, 0xc031, 0xc032, 0xc025, 0xc026, 0xc029, 0xc02a, 0xc004, 0xc005, 0xc00e, 0xc00f, // static ECDH
        0xc008, 0xc012, 0x0016, 0x0013, 0x000a, 0xc003, 0xc00d, // 3DES
        0xc007, 0xc011, 0xc002, 0xc00c, 0x0005, 0x0004, // RC4
        0x0015, 0x0012, 0x0009, 0x0014, 0x0011, 0x0008, 0x0006, 0x0003, // DES, export
    ],
    #[rustfmt::skip] // a line a family
    groups: &[
        0x001d, 0x0017, 0x0018, 0x0019, 0x001e, // X25519, P-256, P-384, P-521, X448
        0x0015, 0x0013, 0x0016, 0x0014, 0x0012, // P-224, P-192, and secp256k1 with its relatives
        0x001a, 0x001b, 0x001c, 0x001f, 0x0020, 0x0021, // Brainpool
        0x0009, 0x000a, 0x000b, 0x000c, 0x000d, 0x000e, // binary curves
        0x0100, 0x0101, 0x0102, 0x0103, 0x0104, // finite fields
    ],
    #[rustfmt::skip] // a line a family
    signature_schemes: &[
        0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0603, 0x0807, 0x0808,
        0x0809, 0x080a, 0x080b, 0x081a, 0x081b, 0x081c, // RSASSA-PSS keys, Brainpool
        0x0303, 0x0301, 0x0203, 0x0201, 0x0101, // SHA-224, SHA-1, MD5
        0x0402, 0x0502, 0x0602, 0x0302, 0x0202, // DSA
        0x0904, 0x0905, 0x0906, // ML-DSA
    ],
    certificate_schemes: &[],
};

/// What a server chose of an offer, by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    pub version: u16,
    pub cipher_suite: u16,
    /// Named group of the key exchange. `None`: static RSA, a finite field, or not known.
    pub group: Option<u16>,
    /// Scheme of the handshake's signature. `None`: not signed, before TLS 1.2, or not known.
    pub signature_scheme: Option<u16>,
}

/// The answer to one ClientHello of our own making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloEvidence {
    pub hello: Hello<'static>,
    pub answer: HelloAnswer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelloAnswer {
    Chosen(Box<Chosen>),
    /// No ServerHello came.
    Refused(Failure),
}

/// A server's flight, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub choice: Choice,
    pub tls: TlsParameters,
    /// DER of each certificate of the `certificate_list`, in the order sent; empty when it could not be read.
    pub served_chain: Vec<Vec<u8>>,
    pub ocsp_staple: Option<Vec<u8>>,
    /// What ended the flight early.
    pub failure: Option<Failure>,
}
