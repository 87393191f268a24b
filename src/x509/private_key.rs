//! Does a private key belong to a certificate? The key is read, asked for its public half, and dropped: no type of ours
//! holds it, so none can print it.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls_pki_types::PrivateKeyDer;

use super::password::{self, Password, PasswordError};
use super::{Certificate, der, pem, pkcs12};
use crate::model::handshake::KeyProof;

/// Why no private key could be read. Nothing of the input is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    #[error("it holds no private key: neither PEM nor DER of PKCS#8, PKCS#1 or SEC1")]
    NothingFound,
    #[error("the private key is encrypted")]
    Encrypted,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("a PEM block in it is damaged (no end line, or not base64)")]
    DamagedPem,
}

/// Compares the private key in `bytes` with the public key of `certificate`. `password` opens an encrypted one.
pub fn belongs_to(
    bytes: &[u8],
    password: Option<&Password>,
    certificate: &Certificate,
) -> Result<KeyProof, PrivateKeyError> {
    Ok(compare(&read(bytes, password)?, certificate))
}

/// The same for a key in PKCS#8.
pub(super) fn pkcs8_belongs_to(der: &[u8], certificate: &Certificate) -> KeyProof {
    compare(&PrivateKeyDer::Pkcs8(der.into()), certificate)
}

fn compare(key: &PrivateKeyDer<'_>, certificate: &Certificate) -> KeyProof {
    // Keys our stack does not sign with (short RSA, P-224, Ed448) cannot be asked for their public half.
    let public = any_supported_type(key).ok().and_then(|key| key.public_key().map(|spki| spki.as_ref().to_vec()));
    let (Some(ours), Some(theirs)) =
        (public.as_deref().and_then(subject_public_key), subject_public_key(certificate.spki()))
    else {
        return KeyProof::NotChecked;
    };
    // A compressed point (SEC 1 §2.3.3) is the same key in other octets.
    let is_compressed = matches!(theirs, [0, 2 | 3, ..]);
    match ours == theirs {
        true => KeyProof::Proven,
        false if is_compressed => KeyProof::NotChecked,
        false => KeyProof::Wrong,
    }
}

/// The BIT STRING of a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7): the same for one key, whatever name its algorithm has.
fn subject_public_key(spki: &[u8]) -> Option<&[u8]> {
    let (outer, _) = der::split(spki)?;
    der::values(outer.content).nth(1).filter(|value| value.tag == 0x03).map(|value| value.content)
}

/// `Encrypted` when a password is needed and none is given.
fn read(bytes: &[u8], password: Option<&Password>) -> Result<PrivateKeyDer<'static>, PrivateKeyError> {
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return PrivateKeyDer::try_from(bytes.to_vec()).or_else(|_| match der::split(bytes) {
            // EncryptedPrivateKeyInfo begins with an AlgorithmIdentifier, every other key with a version.
            Some((info, _)) if der::split(info.content).is_some_and(|(first, _)| first.tag == 0x30) => {
                encrypted_pkcs8(bytes, password)
            }
            _ => Err(PrivateKeyError::NothingFound),
        });
    }
    let (blocks, damaged) = pem::blocks(bytes);
    let key = blocks.into_iter().find_map(|block| {
        let plain = || match &block.dek_info {
            Some(dek_info) => {
                let password = password.ok_or(PrivateKeyError::Encrypted)?;
                Ok(password::decrypt_old_pem(dek_info, &block.der, password)?.to_vec())
            }
            None => Ok(block.der.clone()),
        };
        match block.label.as_str() {
            "PRIVATE KEY" => Some(plain().map(|der| PrivateKeyDer::Pkcs8(der.into()))),
            "RSA PRIVATE KEY" => Some(plain().map(|der| PrivateKeyDer::Pkcs1(der.into()))),
            "EC PRIVATE KEY" => Some(plain().map(|der| PrivateKeyDer::Sec1(der.into()))),
            "ENCRYPTED PRIVATE KEY" => Some(encrypted_pkcs8(&block.der, password)),
            _ => None, // `EC PARAMETERS`, certificates
        }
    });
    key.unwrap_or(Err(if damaged > 0 { PrivateKeyError::DamagedPem } else { PrivateKeyError::NothingFound }))
}

fn encrypted_pkcs8(bytes: &[u8], password: Option<&Password>) -> Result<PrivateKeyDer<'static>, PrivateKeyError> {
    let (info, _) = der::split(bytes).ok_or(PasswordError::Damaged)?;
    let password = password.ok_or(PrivateKeyError::Encrypted)?;
    let key = pkcs12::decrypt_pkcs8(info, password, &mut password::Budget::new())?;
    Ok(PrivateKeyDer::Pkcs8(key.to_vec().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_says_so() {
        assert_eq!(read(b"", None).unwrap_err(), PrivateKeyError::NothingFound);
        assert_eq!(read(b"\x30\x03\x02\x01", None).unwrap_err(), PrivateKeyError::NothingFound);
        let pem = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        assert_eq!(read(pem("CERTIFICATE").as_bytes(), None).unwrap_err(), PrivateKeyError::NothingFound);
        assert_eq!(read(pem("ENCRYPTED PRIVATE KEY").as_bytes(), None).unwrap_err(), PrivateKeyError::Encrypted);
        let old = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(read(old, None).unwrap_err(), PrivateKeyError::Encrypted);
        assert_eq!(read(b"-----BEGIN PRIVATE KEY-----\nAAAA\n", None).unwrap_err(), PrivateKeyError::DamagedPem);
    }
}
