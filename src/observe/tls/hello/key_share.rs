//! Key shares of TLS 1.3 (RFC 8446 §4.2.8), for reading what a server encrypts right after its ServerHello.

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, ML_KEM_768};

use crate::model::hello::X25519_MLKEM768;

const X25519_GROUP: u16 = 0x001d;
/// Of ML-KEM-768 (FIPS 203 §8).
const CIPHERTEXT_BYTES: usize = 1088;

/// The private half of one share.
pub(super) struct KeyShare {
    pub(super) group: u16,
    /// The key_exchange field of the KeyShareEntry.
    pub(super) public: Vec<u8>,
    secret: Secret,
}

enum Secret {
    Curve(PrivateKey),
    /// draft-ietf-tls-ecdhe-mlkem: ML-KEM first, in the shares and in the secret.
    Hybrid(Box<DecapsulationKey>, PrivateKey),
}

impl KeyShare {
    /// `None`: a group that we cannot compute in.
    pub(super) fn generate(group: u16) -> Option<Self> {
        if group == X25519_MLKEM768 {
            let decapsulation_key = DecapsulationKey::generate(&ML_KEM_768).ok()?;
            let encapsulation_key = decapsulation_key.encapsulation_key().ok()?;
            let curve = PrivateKey::generate(&X25519).ok()?;
            let mut public = encapsulation_key.key_bytes().ok()?.as_ref().to_vec();
            public.extend_from_slice(curve.compute_public_key().ok()?.as_ref());
            return Some(Self { group, public, secret: Secret::Hybrid(Box::new(decapsulation_key), curve) });
        }
        let key = PrivateKey::generate(algorithm(group)?).ok()?;
        let public = key.compute_public_key().ok()?.as_ref().to_vec();
        Some(Self { group, public, secret: Secret::Curve(key) })
    }

    /// The shared secret with the server's share. `None`: it is none.
    pub(super) fn agree(&self, server: &[u8]) -> Option<Vec<u8>> {
        match &self.secret {
            Secret::Curve(key) => agree(key, algorithm(self.group)?, server),
            Secret::Hybrid(decapsulation_key, curve) => {
                let (ciphertext, point) = server.split_at_checked(CIPHERTEXT_BYTES)?;
                let lattice = decapsulation_key.decapsulate(Ciphertext::from(ciphertext)).ok()?;
                let curve = agree(curve, &X25519, point)?;
                Some([lattice.as_ref(), &curve].concat())
            }
        }
    }
}

fn algorithm(group: u16) -> Option<&'static agreement::Algorithm> {
    Some(match group {
        X25519_GROUP => &X25519,
        0x0017 => &ECDH_P256,
        0x0018 => &ECDH_P384,
        0x0019 => &ECDH_P521,
        _ => return None,
    })
}

fn agree(key: &PrivateKey, algorithm: &'static agreement::Algorithm, server: &[u8]) -> Option<Vec<u8>> {
    agreement::agree(key, UnparsedPublicKey::new(algorithm, server), (), |secret| Ok(secret.to_vec())).ok()
}
