//! Certificate signatures: which algorithm, and does it verify.

use std::fmt;

use aws_lc_rs::signature::{self as lc, ParsedPublicKey, VerificationAlgorithm};
use x509_parser::signature_algorithm::{RsaSsaPssParams, SignatureAlgorithm as Parsed};
use x509_parser::x509::AlgorithmIdentifier;

use super::der;
use super::key::{Curve, KeyKind};
use super::oid::dotted;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    RsaPkcs1(Hash),
    RsaPss(Hash),
    Ecdsa(Hash),
    Ed25519,
    Ed448,
    /// OID in dotted form.
    Other(Box<str>),
}

impl SignatureAlgorithm {
    pub(super) fn new(identifier: &AlgorithmIdentifier<'_>) -> Self {
        let oid = dotted(&identifier.algorithm);
        match &*oid {
            "1.2.840.113549.1.1.4" => Self::RsaPkcs1(Hash::Md5),
            "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => Self::RsaPkcs1(Hash::Sha1),
            "1.2.840.113549.1.1.14" => Self::RsaPkcs1(Hash::Sha224),
            "1.2.840.113549.1.1.11" => Self::RsaPkcs1(Hash::Sha256),
            "1.2.840.113549.1.1.12" => Self::RsaPkcs1(Hash::Sha384),
            "1.2.840.113549.1.1.13" => Self::RsaPkcs1(Hash::Sha512),
            "1.2.840.10045.4.1" => Self::Ecdsa(Hash::Sha1),
            "1.2.840.10045.4.3.1" => Self::Ecdsa(Hash::Sha224),
            "1.2.840.10045.4.3.2" => Self::Ecdsa(Hash::Sha256),
            "1.2.840.10045.4.3.3" => Self::Ecdsa(Hash::Sha384),
            "1.2.840.10045.4.3.4" => Self::Ecdsa(Hash::Sha512),
            "1.3.101.112" => Self::Ed25519,
            "1.3.101.113" => Self::Ed448,
            "1.2.840.113549.1.1.10" => match Parsed::try_from(identifier) {
                Ok(Parsed::RSASSA_PSS(params)) => {
                    pss_hash(&params).map_or_else(|| Self::Other(oid.into()), Self::RsaPss)
                }
                _ => Self::Other(oid.into()),
            },
            _ => Self::Other(oid.into()),
        }
    }

    /// The hash it stands on; `None` for EdDSA and the unknown.
    pub fn hash(&self) -> Option<Hash> {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) | Self::Ecdsa(hash) => Some(*hash),
            Self::Ed25519 | Self::Ed448 | Self::Other(_) => None,
        }
    }
}

fn pss_hash(params: &RsaSsaPssParams<'_>) -> Option<Hash> {
    match &*dotted(params.hash_algorithm_oid()) {
        "1.3.14.3.2.26" => Some(Hash::Sha1),
        "2.16.840.1.101.3.4.2.1" => Some(Hash::Sha256),
        "2.16.840.1.101.3.4.2.2" => Some(Hash::Sha384),
        "2.16.840.1.101.3.4.2.3" => Some(Hash::Sha512),
        _ => None,
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RsaPkcs1(hash) => write!(f, "RSA with {}", hash.name()),
            Self::RsaPss(hash) => write!(f, "RSASSA-PSS with {}", hash.name()),
            Self::Ecdsa(hash) => write!(f, "ECDSA with {}", hash.name()),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Ed448 => f.write_str("Ed448"),
            Self::Other(oid) => f.write_str(oid),
        }
    }
}

/// The result of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureCheck {
    Valid,
    Invalid,
    /// Our cryptographic library does not have the algorithm (MD5, P-224, Ed448, DSA …): nothing is known.
    Unsupported,
}

/// Does `signature` over `message` verify under the key `spki` (DER) of the kind `key`?
pub fn verify(
    algorithm: &SignatureAlgorithm,
    key: &KeyKind,
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
) -> SignatureCheck {
    // aws-lc takes RSA keys from 1024 to 8192 bits, and for most algorithms from 2048.
    if matches!(key, KeyKind::Rsa { bits, .. } if !(1024..=8192).contains(bits)) {
        return SignatureCheck::Unsupported;
    }
    let strong = matches!(key, KeyKind::Rsa { bits, .. } if *bits >= 2048);
    let algorithm: &'static dyn VerificationAlgorithm = match (algorithm, key) {
        (SignatureAlgorithm::RsaPkcs1(hash), KeyKind::Rsa { pss: false, .. }) => match (hash, strong) {
            (Hash::Sha1, _) => &lc::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            (Hash::Sha256, _) => &lc::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            (Hash::Sha384, true) => &lc::RSA_PKCS1_2048_8192_SHA384,
            (Hash::Sha512, _) => &lc::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
            _ => return SignatureCheck::Unsupported,
        },
        (SignatureAlgorithm::RsaPss(hash), KeyKind::Rsa { .. }) => match (hash, strong) {
            (Hash::Sha256, true) => &lc::RSA_PSS_2048_8192_SHA256,
            (Hash::Sha384, true) => &lc::RSA_PSS_2048_8192_SHA384,
            (Hash::Sha512, true) => &lc::RSA_PSS_2048_8192_SHA512,
            _ => return SignatureCheck::Unsupported,
        },
        (SignatureAlgorithm::Ecdsa(hash), KeyKind::Ec(curve)) => match (curve, hash) {
            (Curve::P256, Hash::Sha1) => &lc::ECDSA_P256_SHA1_ASN1,
            (Curve::P256, Hash::Sha256) => &lc::ECDSA_P256_SHA256_ASN1,
            (Curve::P256, Hash::Sha384) => &lc::ECDSA_P256_SHA384_ASN1,
            (Curve::P256, Hash::Sha512) => &lc::ECDSA_P256_SHA512_ASN1,
            (Curve::P384, Hash::Sha256) => &lc::ECDSA_P384_SHA256_ASN1,
            (Curve::P384, Hash::Sha384) => &lc::ECDSA_P384_SHA384_ASN1,
            (Curve::P384, Hash::Sha512) => &lc::ECDSA_P384_SHA512_ASN1,
            (Curve::P521, Hash::Sha1) => &lc::ECDSA_P521_SHA1_ASN1,
            (Curve::P521, Hash::Sha224) => &lc::ECDSA_P521_SHA224_ASN1,
            (Curve::P521, Hash::Sha256) => &lc::ECDSA_P521_SHA256_ASN1,
            (Curve::P521, Hash::Sha384) => &lc::ECDSA_P521_SHA384_ASN1,
            (Curve::P521, Hash::Sha512) => &lc::ECDSA_P521_SHA512_ASN1,
            (Curve::Secp256k1, Hash::Sha256) => &lc::ECDSA_P256K1_SHA256_ASN1,
            _ => return SignatureCheck::Unsupported,
        },
        (SignatureAlgorithm::Ed25519, KeyKind::Ed25519) => &lc::ED25519,
        (SignatureAlgorithm::Ed448 | SignatureAlgorithm::Other(_), _)
        | (_, KeyKind::Dsa | KeyKind::Ed448 | KeyKind::Other(_)) => return SignatureCheck::Unsupported,
        // Signed by another kind of key than this one.
        _ => return SignatureCheck::Invalid,
    };
    // The library reads rsaEncryption only, but takes an RSAPublicKey by itself.
    let public_key = match key {
        KeyKind::Rsa { pss: true, .. } => der::subject_public_key(spki),
        _ => spki,
    };
    // A key that the library refuses says nothing about the signature.
    let Ok(key) = ParsedPublicKey::new(algorithm, public_key) else { return SignatureCheck::Unsupported };
    match key.verify_sig(message, signature) {
        Ok(()) => SignatureCheck::Valid,
        Err(_) => SignatureCheck::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_library_refuses_is_not_called_invalid() {
        let rsa = |bits| KeyKind::Rsa { bits, exponent: 65537, pss: false };
        let check = |algorithm, key| verify(&algorithm, &key, b"no key at all", b"message", b"signature");
        assert_eq!(check(SignatureAlgorithm::RsaPss(Hash::Sha256), rsa(1024)), SignatureCheck::Unsupported);
        assert_eq!(check(SignatureAlgorithm::RsaPkcs1(Hash::Sha256), rsa(16_384)), SignatureCheck::Unsupported);
        assert_eq!(check(SignatureAlgorithm::RsaPkcs1(Hash::Sha256), rsa(512)), SignatureCheck::Unsupported);
        assert_eq!(check(SignatureAlgorithm::RsaPkcs1(Hash::Sha256), rsa(2048)), SignatureCheck::Unsupported);
        assert_eq!(check(SignatureAlgorithm::Ed25519, rsa(2048)), SignatureCheck::Invalid, "another kind of key");
    }
}
