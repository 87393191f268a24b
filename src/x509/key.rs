//! Public keys: what kind, how strong.

use std::fmt;

use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::der;
use super::oid::dotted;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Curve {
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
    Other,
}

impl Curve {
    pub fn name(self) -> &'static str {
        match self {
            Self::P224 => "P-224",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Secp256k1 => "secp256k1",
            Self::Other => "other",
        }
    }

    pub fn bits(self) -> Option<u32> {
        match self {
            Self::P224 => Some(224),
            Self::P256 | Self::Secp256k1 => Some(256),
            Self::P384 => Some(384),
            Self::P521 => Some(521),
            Self::Other => None,
        }
    }
}

/// The kind and strength of a subject public key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `bits` of the modulus; `pss` when the SPKI is restricted to RSASSA-PSS.
    Rsa {
        bits: u32,
        exponent: u64,
        pss: bool,
    },
    Ec(Curve),
    Ed25519,
    Ed448,
    Dsa,
    /// OID in dotted form.
    Other(Box<str>),
}

impl KeyKind {
    pub(super) fn new(spki: &SubjectPublicKeyInfo<'_>) -> Self {
        let oid = dotted(&spki.algorithm.algorithm);
        match &*oid {
            "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => {
                match RSAPublicKey::from_der(&spki.subject_public_key.data) {
                    Ok((_, rsa)) => {
                        let digits = &rsa.modulus[rsa.modulus.iter().take_while(|&&byte| byte == 0).count()..];
                        let bits = digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize);
                        Self::Rsa {
                            bits: u32::try_from(bits).unwrap_or(u32::MAX),
                            exponent: rsa.try_exponent().unwrap_or(0),
                            pss: oid.ends_with(".10"),
                        }
                    }
                    Err(_) => Self::Other(oid.into()),
                }
            }
            "1.2.840.10045.2.1" => {
                let curve = spki.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
                Self::Ec(match curve.map(|oid| dotted(&oid)).as_deref() {
                    Some("1.3.132.0.33") => Curve::P224,
                    Some("1.2.840.10045.3.1.7") => Curve::P256,
                    Some("1.3.132.0.34") => Curve::P384,
                    Some("1.3.132.0.35") => Curve::P521,
                    Some("1.3.132.0.10") => Curve::Secp256k1,
                    _ => Curve::Other,
                })
            }
            "1.3.101.112" => Self::Ed25519,
            "1.3.101.113" => Self::Ed448,
            "1.2.840.10040.4.1" => Self::Dsa,
            _ => Self::Other(oid.into()),
        }
    }

    pub fn algorithm(&self) -> &str {
        match self {
            Self::Rsa { .. } => "RSA",
            Self::Ec(_) => "ECDSA",
            Self::Ed25519 => "Ed25519",
            Self::Ed448 => "Ed448",
            Self::Dsa => "DSA",
            Self::Other(oid) => oid,
        }
    }

    /// Bits of the modulus or of the field; `None` when unknown.
    pub fn bits(&self) -> Option<u32> {
        match self {
            Self::Rsa { bits, .. } => Some(*bits),
            Self::Ec(curve) => curve.bits(),
            Self::Ed25519 => Some(256),
            Self::Ed448 => Some(456),
            Self::Dsa | Self::Other(_) => None,
        }
    }
}

/// Is `spki` (DER) a key on P-192, the one named curve that clients refuse as too weak?
pub fn is_p192(spki: &[u8]) -> bool {
    // OBJECT IDENTIFIER 1.2.840.10045.3.1.1
    const NAMED_CURVE: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01];
    spki.windows(NAMED_CURVE.len()).any(|window| window == NAMED_CURVE)
}

/// Is `spki` (DER) an elliptic-curve key whose curve is spelled out instead of named (RFC 5480 §2.1.1 forbids it)?
pub fn has_explicit_curve(spki: &[u8]) -> bool {
    // id-ecPublicKey, then SpecifiedECDomain, a SEQUENCE.
    const EC: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let algorithm = der::split(spki).and_then(|(spki, _)| der::values(spki.content).next());
    let parameters = algorithm.and_then(|algorithm| algorithm.content.strip_prefix(&EC));
    parameters.and_then(der::split).is_some_and(|(parameters, _)| parameters.tag == 0x30)
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits, .. } => write!(f, "RSA {bits}"),
            Self::Ec(curve) => write!(f, "ECDSA {}", curve.name()),
            other => f.write_str(other.algorithm()),
        }
    }
}
