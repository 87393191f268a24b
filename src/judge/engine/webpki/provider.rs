//! Signatures (`signed_data.rs`), with the algorithms of rustls' providers.

use rustls_pki_types::alg_id;

use super::Error;
use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::x509::Certificate;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::{Hash, SignatureAlgorithm, SignatureCheck};

/// The cryptography below, as far as its providers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    AwsLcRs,
    /// No P-521, and SHA-512 with no curve (`SUPPORTED_SIG_ALGS` of `crypto/ring/mod.rs`).
    Ring,
}

impl Provider {
    /// Does the ClientHello have a signature scheme for a server with this key?
    pub fn offers(self, key: &KeyKind) -> bool {
        match key {
            KeyKind::Rsa { pss, .. } => !pss,
            KeyKind::Ec(curve) => self.knows(*curve),
            KeyKind::Ed25519 => true,
            KeyKind::Ed448 | KeyKind::Dsa | KeyKind::Other(_) => false,
        }
    }

    fn knows(self, curve: Curve) -> bool {
        matches!(curve, Curve::P256 | Curve::P384) || (curve == Curve::P521 && self == Self::AwsLcRs)
    }

    /// `RSA_PKCS1_2048_8192_SHA256` and its like. ring rounds the modulus up to whole octets first
    /// (`rsa/public_modulus.rs`).
    pub fn takes_size(self, key: &KeyKind) -> bool {
        let KeyKind::Rsa { bits, .. } = key else { return true };
        let counted = if self == Self::Ring { bits.next_multiple_of(8) } else { *bits };
        counted >= 2048 && *bits <= 8192
    }

    /// Is it signed with one of `SUPPORTED_SIG_ALGS`? The whole AlgorithmIdentifier is compared: parameters that are
    /// there or not, and the salt of PSS.
    fn knows_signature(self, certificate: &Certificate) -> bool {
        let encoding = certificate.signature_algorithm_encoding();
        let expected = match (&certificate.signature_algorithm, self) {
            // Without the NULL, too (`RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS`).
            (SignatureAlgorithm::RsaPkcs1(Hash::Sha256), _) => alg_id::RSA_PKCS1_SHA256,
            (SignatureAlgorithm::RsaPkcs1(Hash::Sha384), _) => alg_id::RSA_PKCS1_SHA384,
            (SignatureAlgorithm::RsaPkcs1(Hash::Sha512), _) => alg_id::RSA_PKCS1_SHA512,
            (SignatureAlgorithm::RsaPss(Hash::Sha256), _) => alg_id::RSA_PSS_SHA256,
            (SignatureAlgorithm::RsaPss(Hash::Sha384), _) => alg_id::RSA_PSS_SHA384,
            (SignatureAlgorithm::RsaPss(Hash::Sha512), _) => alg_id::RSA_PSS_SHA512,
            (SignatureAlgorithm::Ecdsa(Hash::Sha256), _) => alg_id::ECDSA_SHA256,
            (SignatureAlgorithm::Ecdsa(Hash::Sha384), _) => alg_id::ECDSA_SHA384,
            (SignatureAlgorithm::Ecdsa(Hash::Sha512), Self::AwsLcRs) => alg_id::ECDSA_SHA512,
            (SignatureAlgorithm::Ed25519, _) => alg_id::ED25519,
            _ => return false,
        };
        let is_pkcs1 = matches!(certificate.signature_algorithm, SignatureAlgorithm::RsaPkcs1(_));
        encoding == expected.as_ref() || (is_pkcs1 && expected.as_ref().strip_suffix(&[5, 0]) == Some(encoding))
    }
}

/// `verify_signed_data` with the algorithms of rustls' providers (`SUPPORTED_SIG_ALGS`).
pub(super) fn check_signature(case: &Case<'_>, child: CertId, issuer: CertId, provider: Provider) -> Result<(), Error> {
    let (certificate, issuer_certificate) = (case.pool.get(child), case.pool.get(issuer));
    if !provider.knows_signature(certificate) {
        return Err(Error::UnsupportedSignatureAlgorithm);
    }
    let key = &issuer_certificate.key;
    let fits = match &certificate.signature_algorithm {
        SignatureAlgorithm::RsaPkcs1(_) | SignatureAlgorithm::RsaPss(_) => {
            issuer_certificate.key_algorithm_encoding() == alg_id::RSA_ENCRYPTION.as_ref()
        }
        SignatureAlgorithm::Ecdsa(_) => matches!(key, KeyKind::Ec(curve) if provider.knows(*curve)),
        _ => *key == KeyKind::Ed25519,
    };
    if !fits {
        return Err(Error::UnsupportedSignatureAlgorithmForPublicKey);
    }
    // `ec/suite_b/public_key.rs` of ring: uncompressed points only.
    const UNCOMPRESSED: u8 = 4;
    let is_readable = provider != Provider::Ring
        || !matches!(key, KeyKind::Ec(_))
        || issuer_certificate.subject_public_key().first() == Some(&UNCOMPRESSED);
    let is_right = match case.pool.signature(child, issuer) {
        SignatureCheck::Valid => true,
        // Our library computes less than ring with RSA just below 2048 bits.
        SignatureCheck::Unsupported => matches!(key, KeyKind::Rsa { bits, .. } if *bits < 2048),
        SignatureCheck::Invalid => false,
    };
    if is_readable && provider.takes_size(key) && is_right { Ok(()) } else { Err(Error::InvalidSignatureForPublicKey) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_counts_the_octets_of_a_modulus() {
        let rsa = |bits| KeyKind::Rsa { bits, exponent: 65537, pss: false };
        for (bits, aws, ring) in [(2040, false, false), (2041, false, true), (2047, false, true), (2048, true, true)] {
            assert_eq!(Provider::AwsLcRs.takes_size(&rsa(bits)), aws, "{bits}");
            assert_eq!(Provider::Ring.takes_size(&rsa(bits)), ring, "{bits}");
        }
        assert!(!Provider::Ring.takes_size(&rsa(8193)));
    }
}
