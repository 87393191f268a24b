//! What files are encrypted with: passwords, and the schemes that make keys of them (RFC 8018 PBES2, RFC 7292 appendix B).
//!
//! AES, hashes and PBKDF2 are everyday; 3DES and RC2 are only here because old files are: nothing is ever encrypted.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipher, BlockDecryptMut, InnerIvInit, KeyInit, KeyIvInit};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::der::{self, Value};

/// A password. It cannot be printed, and is wiped when it goes.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// What files without a password are encrypted with.
    pub fn empty() -> Self {
        Self::new(String::new())
    }

    /// BMPString with its two final zeros (RFC 7292 appendix B.1).
    fn bmp(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect())
    }
}

/// Why something could not be decrypted. Nothing of it is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("the password is wrong")]
    Wrong,
    #[error("it is encrypted in a way that is not supported: {0}")]
    Unsupported(String),
    #[error("it is damaged")]
    Damaged,
    #[error("it asks for more than {MAX_ITERATIONS} rounds of key derivation, or for too large a salt")]
    TooMuchWork,
}

/// Rounds of key derivation over a whole file: programs write from 1 to 600,000 for each key, and a file that wants a
/// billion is made to hold the reader up.
const MAX_ITERATIONS: u32 = 10_000_000;

/// Longest salt and password, in octets: salts have 8 to 32.
const MAX_LENGTH: usize = 1024;

/// What is left of [`MAX_ITERATIONS`].
pub(super) struct Budget(u32);

impl Budget {
    pub fn new() -> Self {
        Self(MAX_ITERATIONS)
    }

    fn spend(&mut self, iterations: &[u8]) -> Result<NonZeroU32, PasswordError> {
        let digits = &iterations[iterations.iter().take_while(|&&byte| byte == 0).count()..];
        if digits.len() > 4 {
            return Err(PasswordError::TooMuchWork);
        }
        let count = digits.iter().fold(0, |count, &byte| count << 8 | u32::from(byte));
        self.0 = self.0.checked_sub(count).ok_or(PasswordError::TooMuchWork)?;
        NonZeroU32::new(count).ok_or(PasswordError::Damaged)
    }
}

/// The hash functions that key derivation and MACs are made with.
#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
const PBMAC1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0e];
/// rsadsi digestAlgorithm: the next octet says which HMAC.
const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02];
/// nist hashalgs: the next octet says which SHA-2.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
/// nist aes: the next octet says which key length and mode.
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
const DES_EDE3_CBC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07];
/// pkcs-12 PbeIds (RFC 7292 appendix C): the next octet says which.
const PKCS12_PBE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];

/// An AlgorithmIdentifier: its OID's content, and the content of its parameters' SEQUENCE (empty when there is none).
struct Algorithm<'a> {
    oid: &'a [u8],
    parameters: Value<'a>,
}

fn algorithm(identifier: Value<'_>) -> Result<Algorithm<'_>, PasswordError> {
    let mut fields = der::values(identifier.content);
    let oid = fields.next().filter(|oid| oid.tag == 0x06).ok_or(PasswordError::Damaged)?;
    let none = Value { tag: 0x05, content: &[], whole: &[] };
    Ok(Algorithm { oid: oid.content, parameters: fields.next().unwrap_or(none) })
}

fn unsupported(what: &str, oid: &[u8]) -> PasswordError {
    PasswordError::Unsupported(format!(
        "{what} {}",
        super::hex(oid.get(..MAX_LENGTH.min(oid.len())).unwrap_or_default())
    ))
}

/// Decrypts with the scheme that `identifier` (an AlgorithmIdentifier) names.
pub(super) fn decrypt(
    identifier: Value<'_>,
    ciphertext: &[u8],
    password: &Password,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    let Algorithm { oid, parameters } = algorithm(identifier)?;
    if oid == PBES2 {
        return pbes2(parameters, ciphertext, password, budget);
    }
    let Some((which, PKCS12_PBE)) = oid.split_last() else { return Err(unsupported("scheme", oid)) };
    let mut fields = der::values(parameters.content);
    let (salt, iterations) = salt_and_iterations(&mut fields, budget)?;
    let bmp = password.bmp();
    let derive = |id: u8, length: usize| pkcs12_kdf(Hash::Sha1, id, salt, &bmp, iterations, length);
    match which {
        3 => cbc::<des::TdesEde3>(&derive(1, 24), &derive(2, 8), ciphertext),
        4 => cbc::<des::TdesEde2>(&derive(1, 16), &derive(2, 8), ciphertext),
        5 => cbc::<rc2::Rc2>(&derive(1, 16), &derive(2, 8), ciphertext),
        6 => cbc::<rc2::Rc2>(&derive(1, 5), &derive(2, 8), ciphertext),
        _ => Err(PasswordError::Unsupported("RC4".to_owned())),
    }
}

/// RFC 8018 appendix A.4.
fn pbes2(
    parameters: Value<'_>,
    ciphertext: &[u8],
    password: &Password,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    let mut fields = der::values(parameters.content);
    let (derivation, scheme) = (fields.next(), fields.next());
    let (Some(derivation), Some(scheme)) = (derivation, scheme) else { return Err(PasswordError::Damaged) };
    let Algorithm { oid, parameters: iv } = algorithm(scheme)?;
    if iv.tag != 0x04 {
        return Err(unsupported("cipher", oid));
    }
    let mut derive = |length: usize| pbkdf2_key(derivation, password, length, budget);
    match oid.split_last() {
        Some((2, AES)) => cbc::<aes::Aes128>(&derive(16)?, iv.content, ciphertext),
        Some((22, AES)) => cbc::<aes::Aes192>(&derive(24)?, iv.content, ciphertext),
        Some((42, AES)) => cbc::<aes::Aes256>(&derive(32)?, iv.content, ciphertext),
        _ if oid == DES_EDE3_CBC => cbc::<des::TdesEde3>(&derive(24)?, iv.content, ciphertext),
        _ => Err(unsupported("cipher", oid)),
    }
}

/// PBKDF2 with its parameters (RFC 8018 appendix A.2).
fn pbkdf2_key(
    derivation: Value<'_>,
    password: &Password,
    length: usize,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    let Algorithm { oid, parameters } = algorithm(derivation)?;
    if oid != PBKDF2 {
        return Err(unsupported("key derivation", oid));
    }
    let mut fields = der::values(parameters.content).peekable();
    let (salt, iterations) = salt_and_iterations(&mut fields, budget)?;
    fields.next_if(|value| value.tag == 0x02); // keyLength, which the cipher says too
    let prf = match fields.next() {
        Some(identifier) => hmac_of(algorithm(identifier)?.oid)?,
        None => Hash::Sha1,
    };
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(prf.pbkdf2(), iterations, salt, password.0.as_bytes(), &mut key);
    Ok(key)
}

fn hmac_of(oid: &[u8]) -> Result<Hash, PasswordError> {
    match oid.split_last() {
        Some((7, HMAC)) => Ok(Hash::Sha1),
        Some((9, HMAC)) => Ok(Hash::Sha256),
        Some((10, HMAC)) => Ok(Hash::Sha384),
        Some((11, HMAC)) => Ok(Hash::Sha512),
        _ => Err(unsupported("hash", oid)),
    }
}

fn salt_and_iterations<'a>(
    fields: &mut impl Iterator<Item = Value<'a>>,
    budget: &mut Budget,
) -> Result<(&'a [u8], NonZeroU32), PasswordError> {
    let salt = fields.next().filter(|salt| salt.tag == 0x04).ok_or(PasswordError::Damaged)?;
    let iterations = fields.next().filter(|count| count.tag == 0x02).ok_or(PasswordError::Damaged)?;
    if salt.content.len() > MAX_LENGTH {
        return Err(PasswordError::TooMuchWork);
    }
    Ok((salt.content, budget.spend(iterations.content)?))
}

/// RFC 7292 appendix B.2: `length` octets for the purpose `id` (1 a key, 2 an IV, 3 a MAC's key).
fn pkcs12_kdf(
    hash: Hash,
    id: u8,
    salt: &[u8],
    password: &[u8],
    iterations: NonZeroU32,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let block = hash.digest().block_len();
    let filled =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().cycle().take(block * bytes.len().div_ceil(block)).collect() };
    let mut input = Zeroizing::new([filled(salt), filled(password)].concat());
    let mut out = Zeroizing::new(Vec::with_capacity(length + block));
    while out.len() < length {
        let mut context = digest::Context::new(hash.digest());
        context.update(&vec![id; block]);
        context.update(&input);
        let mut value = context.finish();
        for _ in 1..iterations.get() {
            value = digest::digest(hash.digest(), value.as_ref());
        }
        out.extend_from_slice(value.as_ref());
        let addend: Vec<u8> = value.as_ref().iter().copied().cycle().take(block).collect();
        for chunk in input.chunks_mut(block) {
            // Big-endian sum with a carry of one to begin with.
            let mut carry = 1;
            for (byte, add) in chunk.iter_mut().zip(&addend).rev() {
                let sum = u16::from(*byte) + u16::from(*add) + carry;
                (*byte, carry) = (sum.to_be_bytes()[1], sum >> 8);
            }
        }
    }
    out.truncate(length);
    out
}

fn cbc<C>(key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, PasswordError>
where
    C: BlockDecryptMut + BlockCipher + KeyInit,
    cbc::Decryptor<C>: KeyIvInit + InnerIvInit<Inner = C> + BlockDecryptMut,
{
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv).map_err(|_| PasswordError::Damaged)?;
    // A wrong password shows in the padding, but for one case in 256.
    cipher.decrypt_padded_vec_mut::<Pkcs7>(ciphertext).map(Zeroizing::new).map_err(|_| PasswordError::Wrong)
}

/// Checks the MAC of a PKCS#12 file: `mac_data` is the content of MacData (RFC 7292 §4; PBMAC1 of RFC 9579).
pub(super) fn verify_mac(
    mac_data: &[u8],
    content: &[u8],
    password: &Password,
    budget: &mut Budget,
) -> Result<(), PasswordError> {
    let mut fields = der::values(mac_data);
    let (info, salt) = (fields.next().ok_or(PasswordError::Damaged)?, fields.next());
    let mut info = der::values(info.content);
    let (Some(identifier), Some(expected)) = (info.next(), info.next()) else { return Err(PasswordError::Damaged) };
    let Algorithm { oid, parameters } = algorithm(identifier)?;
    let matches =
        |hash: Hash, key: &[u8]| hmac::verify(&hmac::Key::new(hash.hmac(), key), content, expected.content).is_ok();
    if oid == PBMAC1 {
        let mut fields = der::values(parameters.content);
        let (Some(derivation), Some(scheme)) = (fields.next(), fields.next()) else {
            return Err(PasswordError::Damaged);
        };
        let hash = hmac_of(algorithm(scheme)?.oid)?;
        let key = pbkdf2_key(derivation, password, hash.digest().output_len(), budget)?;
        return if matches(hash, &key) { Ok(()) } else { Err(PasswordError::Wrong) };
    }
    let hash = match oid.split_last() {
        Some((1, SHA2)) => Hash::Sha256,
        Some((2, SHA2)) => Hash::Sha384,
        Some((3, SHA2)) => Hash::Sha512,
        _ if oid == SHA1 => Hash::Sha1,
        _ => return Err(unsupported("hash", oid)),
    };
    let salt =
        salt.filter(|salt| salt.tag == 0x04 && salt.content.len() <= MAX_LENGTH).ok_or(PasswordError::Damaged)?;
    let iterations = match fields.next() {
        Some(count) => budget.spend(count.content)?,
        None => NonZeroU32::MIN,
    };
    let derive = |password: &[u8]| pkcs12_kdf(hash, 3, salt.content, password, iterations, hash.digest().output_len());
    // Programs disagree whether no password is an empty string or no octets at all.
    let none = || password.0.is_empty() && matches(hash, &derive(&[]));
    if matches(hash, &derive(&password.bmp())) || none() { Ok(()) } else { Err(PasswordError::Wrong) }
}

/// Decrypts a key of the old PEM form, whose header names the cipher and holds the IV, which is the salt, too
/// (`DEK-Info: AES-256-CBC,0123…`; OpenSSL PEM_do_header, EVP_BytesToKey with MD5 and one round).
pub(super) fn decrypt_old_pem(
    dek_info: &str,
    ciphertext: &[u8],
    password: &Password,
) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    let (cipher, iv) = dek_info.trim().split_once(',').ok_or(PasswordError::Damaged)?;
    let iv = from_hex(iv.trim()).ok_or(PasswordError::Damaged)?;
    let salt = iv.get(..8).ok_or(PasswordError::Damaged)?;
    let derive = |length: usize| {
        let mut key = Zeroizing::new(Vec::<u8>::with_capacity(length + 16));
        while key.len() < length {
            let last = key.len().saturating_sub(16);
            let hash = Md5::new().chain_update(&key[last..]).chain_update(password.0.as_bytes()).chain_update(salt);
            key.extend_from_slice(&hash.finalize());
        }
        key.truncate(length);
        key
    };
    match cipher.trim() {
        "AES-128-CBC" => cbc::<aes::Aes128>(&derive(16), &iv, ciphertext),
        "AES-192-CBC" => cbc::<aes::Aes192>(&derive(24), &iv, ciphertext),
        "AES-256-CBC" => cbc::<aes::Aes256>(&derive(32), &iv, ciphertext),
        "DES-EDE3-CBC" => cbc::<des::TdesEde3>(&derive(24), &iv, ciphertext),
        other => Err(PasswordError::Unsupported(super::dn::printable(other))),
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if digits.len() > 64 || !digits.is_ascii() || digits.len() % 2 == 1 {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7292 has no vectors; these are of the derivation that many implementations share (from BouncyCastle's and
    /// RustCrypto's tests): password "ge@äheim", salt 01..08, SHA-256, 100 rounds.
    #[test]
    fn the_key_derivation_of_pkcs12() {
        let password = Password::new("ge@äheim".to_owned());
        let rounds = NonZeroU32::new(100).unwrap();
        let salt = [1, 2, 3, 4, 5, 6, 7, 8];
        let derived =
            |id, length| super::super::hex(&pkcs12_kdf(Hash::Sha256, id, &salt, &password.bmp(), rounds, length));
        assert_eq!(derived(1, 32), "fae4d4957a3cc781e1180b9d4fb79c1e0c8579b746a3177e5b0768a3118bf863");
        assert_eq!(derived(2, 32), "e5ff813bc6547de5155b14d2fada85b3201a977349db6e26ccc998d9e8f83d6c");
        assert_eq!(derived(3, 32), "136355ed9434516682534f46d63956db5ff06b844702c2c1f3b46321e2524a4d");
    }

    #[test]
    fn work_is_bounded() {
        let mut budget = Budget::new();
        assert_eq!(budget.spend(&[0x7f, 0xff, 0xff, 0xff]), Err(PasswordError::TooMuchWork));
        assert_eq!(budget.spend(&[1, 0, 0, 0, 0, 0]), Err(PasswordError::TooMuchWork));
        assert_eq!(budget.spend(&[0]), Err(PasswordError::Damaged));
        assert_eq!(budget.spend(&[0x00, 0x80]).unwrap().get(), 128);
        assert!((0..1000).any(|_| budget.spend(&[0x0f, 0x42, 0x40]).is_err()), "over the whole file");
    }
}
