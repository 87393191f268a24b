//! Does a private key belong to a certificate? The key is read, asked for its public half, and dropped: no type of ours
//! holds it, so none can print it.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;

use super::{Certificate, der, pem};
use crate::model::handshake::KeyProof;

/// Why no private key could be read. Nothing of the input is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    #[error("it holds no private key: neither PEM nor DER of PKCS#8, PKCS#1 or SEC1")]
    NothingFound,
    #[error("the private key is encrypted; decrypt a copy for this check: openssl pkey -in FILE -out key.pem")]
    Encrypted,
    #[error("a PEM block in it is damaged (no end line, or not base64)")]
    DamagedPem,
}

/// Compares the private key in `bytes` with the public key of `certificate`.
pub fn belongs_to(bytes: &[u8], certificate: &Certificate) -> Result<KeyProof, PrivateKeyError> {
    let key = read(bytes)?;
    // Keys our stack does not sign with (short RSA, P-224, Ed448) cannot be asked for their public half.
    let public = any_supported_type(&key).ok().and_then(|key| key.public_key().map(|spki| spki.as_ref().to_vec()));
    let (Some(ours), Some(theirs)) =
        (public.as_deref().and_then(subject_public_key), subject_public_key(certificate.spki()))
    else {
        return Ok(KeyProof::NotChecked);
    };
    // A compressed point (SEC 1 §2.3.3) is the same key in other octets.
    let is_compressed = matches!(theirs, [0, 2 | 3, ..]);
    Ok(match ours == theirs {
        true => KeyProof::Proven,
        false if is_compressed => KeyProof::NotChecked,
        false => KeyProof::Wrong,
    })
}

/// The BIT STRING of a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7): the same for one key, whatever name its algorithm has.
fn subject_public_key(spki: &[u8]) -> Option<&[u8]> {
    let (outer, _) = der::split(spki)?;
    der::values(outer.content).nth(1).filter(|value| value.tag == 0x03).map(|value| value.content)
}

fn read(bytes: &[u8]) -> Result<PrivateKeyDer<'static>, PrivateKeyError> {
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return PrivateKeyDer::try_from(bytes.to_vec()).map_err(|_| PrivateKeyError::NothingFound);
    }
    if bytes.windows(20).any(|window| window == b"Proc-Type: 4,ENCRYPT") {
        return Err(PrivateKeyError::Encrypted);
    }
    let (blocks, damaged) = pem::blocks(bytes);
    let key = blocks.into_iter().find_map(|block| match block.label.as_str() {
        "PRIVATE KEY" => Some(Ok(PrivateKeyDer::Pkcs8(block.der.into()))),
        "RSA PRIVATE KEY" => Some(Ok(PrivateKeyDer::Pkcs1(block.der.into()))),
        "EC PRIVATE KEY" => Some(Ok(PrivateKeyDer::Sec1(block.der.into()))),
        "ENCRYPTED PRIVATE KEY" => Some(Err(PrivateKeyError::Encrypted)),
        _ => None, // `EC PARAMETERS`, certificates
    });
    key.unwrap_or(Err(if damaged > 0 { PrivateKeyError::DamagedPem } else { PrivateKeyError::NothingFound }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_says_so() {
        assert_eq!(read(b"").unwrap_err(), PrivateKeyError::NothingFound);
        assert_eq!(read(b"\x30\x03\x02\x01").unwrap_err(), PrivateKeyError::NothingFound);
        let pem = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        assert_eq!(read(pem("CERTIFICATE").as_bytes()).unwrap_err(), PrivateKeyError::NothingFound);
        assert_eq!(read(pem("ENCRYPTED PRIVATE KEY").as_bytes()).unwrap_err(), PrivateKeyError::Encrypted);
        let old = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(read(old).unwrap_err(), PrivateKeyError::Encrypted);
        assert_eq!(read(b"-----BEGIN PRIVATE KEY-----\nAAAA\n").unwrap_err(), PrivateKeyError::DamagedPem);
    }
}
