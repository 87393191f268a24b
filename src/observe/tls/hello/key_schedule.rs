//! From the key exchange to what opens a TLS 1.3 server's flight (RFC 8446 §7.1, §7.3). Reading only: nothing is ever
//! sent under these keys, and the connection ends before it has any others.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf};
use rustls::CipherSuite;

/// Hash and AEAD of a suite of TLS 1.3 (RFC 8446 §B.4). `None` for others, and for CCM, which our library lacks.
pub(in crate::observe::tls) struct Suite {
    hkdf: hkdf::Algorithm,
    digest: &'static digest::Algorithm,
    aead: &'static aead::Algorithm,
}

impl Suite {
    pub(in crate::observe::tls) fn new(suite: CipherSuite) -> Option<Self> {
        let (hkdf, digest, aead) = match suite {
            CipherSuite::TLS13_AES_128_GCM_SHA256 => (hkdf::HKDF_SHA256, &digest::SHA256, &aead::AES_128_GCM),
            CipherSuite::TLS13_AES_256_GCM_SHA384 => (hkdf::HKDF_SHA384, &digest::SHA384, &aead::AES_256_GCM),
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => {
                (hkdf::HKDF_SHA256, &digest::SHA256, &aead::CHACHA20_POLY1305)
            }
            _ => return None,
        };
        Some(Self { hkdf, digest, aead })
    }

    /// Transcript-Hash over whole messages.
    pub(super) fn hash(&self, messages: &[u8]) -> digest::Digest {
        digest::digest(self.digest, messages)
    }

    /// server_handshake_traffic_secret; `transcript` is the hash of all messages up to the ServerHello.
    pub(super) fn server_handshake_traffic_secret(&self, shared_secret: &[u8], transcript: &[u8]) -> Option<Vec<u8>> {
        let zeros = vec![0; self.digest.output_len()];
        // Without a PSK both inputs are zeros.
        let early = hkdf::Salt::new(self.hkdf, &zeros).extract(&zeros);
        let mut derived = vec![0; self.digest.output_len()];
        expand_label(&early, b"derived", self.hash(&[]).as_ref(), &mut derived)?;
        let handshake = hkdf::Salt::new(self.hkdf, &derived).extract(shared_secret);
        let mut secret = vec![0; self.digest.output_len()];
        expand_label(&handshake, b"s hs traffic", transcript, &mut secret)?;
        Some(secret)
    }
}

/// Opens the records that a TLS 1.3 server protects with its handshake traffic keys (RFC 8446 §5.2, §7.3).
pub(in crate::observe::tls) struct Opener {
    key: LessSafeKey,
    iv: [u8; aead::NONCE_LEN],
    sequence_number: u64,
}

impl Opener {
    /// `secret` is the server_handshake_traffic_secret.
    pub(in crate::observe::tls) fn new(suite: &Suite, secret: &[u8]) -> Option<Self> {
        let secret = hkdf::Prk::new_less_safe(suite.hkdf, secret);
        let mut key = vec![0; suite.aead.key_len()];
        expand_label(&secret, b"key", &[], &mut key)?;
        let mut iv = [0; aead::NONCE_LEN];
        expand_label(&secret, b"iv", &[], &mut iv)?;
        Some(Self { key: LessSafeKey::new(UnboundKey::new(suite.aead, &key).ok()?), iv, sequence_number: 0 })
    }

    /// Type and content of the next record; `None` when it is not of these keys.
    pub(super) fn open(&mut self, header: &[u8; 5], payload: &[u8]) -> Option<(u8, Vec<u8>)> {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.sequence_number.to_be_bytes()) {
            *byte ^= number;
        }
        self.sequence_number += 1;
        let mut payload = payload.to_vec();
        let length =
            self.key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(header), &mut payload).ok()?.len();
        payload.truncate(length);
        // Content, its type, and padding of zeros.
        let end = payload.iter().rposition(|&byte| byte != 0)?;
        let kind = payload[end];
        payload.truncate(end);
        Some((kind, payload))
    }
}

/// HKDF-Expand-Label (RFC 8446 §7.1).
fn expand_label(secret: &hkdf::Prk, label: &[u8], context: &[u8], out: &mut [u8]) -> Option<()> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let length = u8::try_from(out.len()).ok()?;
    let label_length = u8::try_from(6 + label.len()).ok()?;
    let context_length = u8::try_from(context.len()).ok()?;
    let info: [&[u8]; 6] = [&[0, length], &[label_length], b"tls13 ", label, &[context_length], context];
    secret.expand(&info, Length(out.len())).ok()?.fill(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 8448 §3, "Simple 1-RTT Handshake".
    #[test]
    fn the_secret_of_rfc_8448() {
        let suite = Suite::new(CipherSuite::TLS13_AES_128_GCM_SHA256).unwrap();
        let shared = bytes("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
        let transcript = bytes("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8");
        assert_eq!(
            suite.server_handshake_traffic_secret(&shared, &transcript),
            Some(bytes("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"))
        );
    }
}
