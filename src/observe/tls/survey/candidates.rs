//! What is asked for, and how likely a server takes it. A likelihood decides how questions are grouped, never what is
//! reported: everything is asked for until it is chosen or refused.

use std::sync::OnceLock;

use rustls::CipherSuite;

use crate::model::hello::{SSL_3_0, TLS_1_2, TLS_1_3, WIDEST};

/// The kind of key in an end entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Rsa,
    /// Signs with ECDSA or EdDSA.
    Curve,
    Other,
}

/// Number and IANA name of every suite in the registry of our library that has a name, without the signalling values.
fn registry() -> &'static [(u16, &'static str)] {
    static REGISTRY: OnceLock<Vec<(u16, &'static str)>> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let named = |number: u16| Some((number, CipherSuite::from(number).as_str()?));
        (1..=u16::MAX)
            .filter_map(named)
            .filter(|(_, name)| name.contains("_WITH_") || name.starts_with("TLS13_"))
            .collect()
    })
}

fn name(suite: u16) -> &'static str {
    registry().binary_search_by_key(&suite, |(number, _)| *number).map_or("", |index| registry()[index].1)
}

/// The way of agreeing on a key (with its signature), and the cipher with its hash: the halves of a suite's name.
fn halves(suite: u16) -> (&'static str, &'static str) {
    let name = name(suite);
    name.strip_prefix("TLS_").unwrap_or(name).split_once("_WITH_").unwrap_or(("", name))
}

/// The suites that `version` can have, those first that a present-day client likes best.
pub(super) fn suites(version: u16) -> Vec<u16> {
    let of_version = |suite: &u16| {
        let is_new = name(*suite).starts_with("TLS13_");
        match version {
            TLS_1_3 => is_new,
            TLS_1_2 => !is_new,
            older => !is_new && is_for_old(*suite, older),
        }
    };
    let others = registry().iter().map(|(number, _)| *number).filter(|suite| !WIDEST.cipher_suites.contains(suite));
    WIDEST.cipher_suites.iter().copied().chain(others).filter(of_version).collect()
}

/// AEAD, and MACs with SHA-2, came with TLS 1.2 (RFC 5246 §1.2), except for CBC with pre-shared keys (RFC 5487 §3). Those and
/// passwords came after SSL 3.0. Curves did too, but some servers use them there.
fn is_for_old(suite: u16, version: u16) -> bool {
    let (exchange, cipher) = halves(suite);
    let has_old_mac = cipher.ends_with("_SHA") || cipher.ends_with("_MD5") || cipher.ends_with("_IMIT");
    let is_secret = exchange.contains("PSK") || exchange.contains("SRP");
    let is_psk_cbc = exchange.contains("PSK") && (cipher.contains("_CBC_") || cipher.starts_with("NULL"));
    (has_old_mac || is_psk_cbc) && !(version == SSL_3_0 && is_secret)
}

/// Is the key exchange signed and on a curve?
pub(super) fn is_signed_on_curve(suite: u16) -> bool {
    matches!(halves(suite).0, "ECDHE_ECDSA" | "ECDHE_RSA")
}

/// Is the key exchange signed?
pub(super) fn is_signed(suite: u16) -> bool {
    matches!(halves(suite).0, "ECDHE_ECDSA" | "ECDHE_RSA" | "DHE_RSA" | "DHE_DSS")
}

pub(super) fn is_signed_by_rsa(suite: u16) -> bool {
    matches!(halves(suite).0, "ECDHE_RSA" | "DHE_RSA")
}

pub(super) fn is_chacha(suite: u16) -> bool {
    name(suite).contains("CHACHA20")
}

/// How likely a server with `key` takes `suite` in TLS 1.2 and older, having taken `accepted`.
pub(super) fn suite_likelihood(suite: u16, key: Option<Key>, accepted: &[u16]) -> f64 {
    let (exchange, cipher) = halves(suite);
    if exchange.is_empty() {
        return if name(suite).contains("CCM") { 0.1 } else { 0.9 }; // TLS 1.3
    }
    let fits = |own: Key, likelihood: f64| match key {
        None => likelihood / 2.0,
        Some(key) if key == own => likelihood,
        Some(_) => 0.02, // a second certificate
    };
    let by_exchange = match exchange {
        "ECDHE_ECDSA" => fits(Key::Curve, 0.95),
        "ECDHE_RSA" => fits(Key::Rsa, 0.95),
        "RSA" => fits(Key::Rsa, 0.5),
        "DHE_RSA" => fits(Key::Rsa, 0.3),
        _ => 0.002,
    };
    let by_cipher = match cipher {
        "AES_128_GCM_SHA256" | "AES_256_GCM_SHA384" => 0.95,
        "CHACHA20_POLY1305_SHA256" => 0.85,
        _ if cipher.starts_with("AES") && cipher.contains("CBC") => 0.5,
        _ if cipher.contains("CCM") => 0.2,
        _ if cipher.starts_with("ARIA") && cipher.contains("GCM") => 0.2,
        _ if cipher.starts_with("CAMELLIA") && cipher.contains("CBC") => 0.15,
        "3DES_EDE_CBC_SHA" => 0.1,
        _ => 0.01,
    };
    // Servers are configured by families: a cipher taken with one exchange and an exchange taken with one cipher make
    // both together likely.
    let is_known = |same: fn((&str, &str), (&str, &str)) -> bool| {
        accepted.iter().any(|other| same(halves(*other), (exchange, cipher)))
    };
    let likelihood: f64 = by_exchange * by_cipher;
    match (is_known(|a, b| a.0 == b.0), is_known(|a, b| a.1 == b.1)) {
        (true, true) => likelihood.max(0.7),
        (true, false) => likelihood.max(by_cipher * 0.8),
        _ => likelihood,
    }
}

/// Groups of TLS 1.2 (RFC 8422) and of TLS 1.3, the likeliest first.
pub(super) const GROUPS_TLS12: &[u16] = &[
    0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x001a, 0x001b, 0x001c, 0x0016, 0x0015, 0x0013, 0x0014, 0x0012, 0x000a,
    0x000c, 0x000e, 0x0009, 0x000b, 0x000d, 0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x0008, 0x000f,
    0x0010, 0x0011,
];
pub(super) const GROUPS_TLS13: &[u16] = &[
    0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x11ec, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104, 0x11eb, 0x11ed, 0x001f,
    0x0020, 0x0021, 0x0200, 0x0201, 0x0202, 0x6399, 0x0029,
];

pub(super) fn group_likelihood(group: u16, accepted: &[u16]) -> f64 {
    let is_field = |group: &u16| (0x0100..=0x0104).contains(group);
    match group {
        0x001d | 0x0017 | 0x0018 => 0.9,
        0x0019 => 0.6,
        0x001e => 0.5,
        0x11ec => 0.4,
        field if is_field(&field) => {
            if accepted.iter().any(is_field) {
                0.9
            } else {
                0.25
            }
        }
        0x001a..=0x001c | 0x0016 | 0x11eb | 0x11ed => 0.1,
        _ => 0.01,
    }
}

/// Signature schemes of TLS 1.2 (hash and kind of key, RFC 5246 §7.4.1.4.1, and RFC 8446 §4.2.3), and of TLS 1.3.
pub(super) const SCHEMES_TLS12: &[u16] = &[
    0x0403, 0x0401, 0x0804, 0x0503, 0x0501, 0x0805, 0x0603, 0x0601, 0x0806, 0x0203, 0x0201, 0x0303, 0x0301, 0x0807,
    0x0808, 0x0809, 0x080a, 0x080b, 0x0101, 0x0103, 0x0202, 0x0302, 0x0402, 0x0502, 0x0602, 0x0102,
];
pub(super) const SCHEMES_TLS13: &[u16] = &[
    0x0403, 0x0804, 0x0805, 0x0806, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x081a, 0x081b, 0x081c,
    0x0904, 0x0905, 0x0906, 0x0401, 0x0501, 0x0601, 0x0201, 0x0203,
];

/// Which key signs with it.
pub(super) fn signer(scheme: u16) -> Key {
    match scheme {
        0x0804..=0x0806 | 0x0809..=0x080b => Key::Rsa,
        0x0807 | 0x0808 | 0x081a..=0x081c => Key::Curve,
        _ => match scheme & 0xff {
            1 => Key::Rsa,
            3 => Key::Curve,
            _ => Key::Other,
        },
    }
}

pub(super) fn scheme_likelihood(scheme: u16, version: u16, key: Option<Key>) -> f64 {
    if key.is_some_and(|key| key != signer(scheme)) {
        return 0.02;
    }
    match (scheme, version) {
        (0x0804..=0x0806, _) => 0.9,
        // In TLS 1.3 a curve has one hash.
        (0x0403, TLS_1_3) => 0.5,
        (0x0503 | 0x0603, TLS_1_3) => 0.2,
        (_, TLS_1_3) => 0.02,
        (0x0403 | 0x0503 | 0x0603 | 0x0401 | 0x0501 | 0x0601, _) => 0.9,
        (0x0201 | 0x0203 | 0x0301 | 0x0303, _) => 0.5,
        _ => 0.02,
    }
}

/// Protocols over TLS (RFC 7301 §6). Without `acme-tls/1`, whose server answers with a certificate of another purpose.
pub(super) const PROTOCOLS: &[&str] = &[
    "h2",
    "http/1.1",
    "h3",
    "spdy/3.1",
    "spdy/3",
    "spdy/2",
    "h2c",
    "imap",
    "pop3",
    "managesieve",
    "ftp",
    "xmpp-client",
    "xmpp-server",
    "dot",
    "mqtt",
    "postgresql",
    "irc",
    "nntp",
    "ntske/1",
    "stun.turn",
    "webrtc",
    "coap",
    "tds/8.0",
];

pub(super) fn protocol_likelihood(protocol: u16) -> f64 {
    match protocol {
        0 => 0.6,
        1 => 0.9,
        _ => 0.01,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hello::{TLS_1_0, TLS_1_1};

    #[test]
    fn every_suite_belongs_to_a_version_that_can_have_it() {
        assert_eq!(suites(TLS_1_3), [0x1301, 0x1302, 0x1303, 0x1304, 0x1305]);
        let (tls12, tls10, ssl) = (suites(TLS_1_2), suites(TLS_1_0), suites(SSL_3_0));
        assert!(tls12.len() > 300, "{}", tls12.len());
        assert_eq!(suites(TLS_1_1), tls10);
        assert!(
            tls10.contains(&0xc013) && tls10.contains(&0x000a) && !tls10.contains(&0xc02f) && !tls10.contains(&0x003c)
        );
        assert!(ssl.contains(&0x000a) && !ssl.contains(&0x008c));
        assert!(tls12.iter().all(|suite| ![0x00ff, 0x5600, 0].contains(suite)));
    }

    #[test]
    fn likelihoods_follow_the_key_and_what_was_taken() {
        let (ecdsa, rsa) = (0xc02b, 0xc02f);
        assert!(suite_likelihood(ecdsa, Some(Key::Curve), &[]) > 0.8);
        assert!(suite_likelihood(rsa, Some(Key::Curve), &[]) < 0.05);
        // ARIA with RSA after ARIA with ECDHE and AES with RSA.
        assert!(suite_likelihood(0xc050, Some(Key::Rsa), &[0xc060, 0x002f]) > 0.6);
    }
}
