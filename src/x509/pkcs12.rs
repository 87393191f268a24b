//! PKCS#12 (PFX, RFC 7292): certificates and a private key under a password, as Windows, Java and many consoles export
//! them. Password integrity and privacy only, which is what those write; DER only.

use zeroize::Zeroizing;

use super::der::{self, Value};
use super::password::{self, Budget, Password, PasswordError};
use super::{Certificate, private_key};
use crate::model::handshake::KeyProof;

/// What is in a file. It cannot be printed.
pub struct Contents {
    /// DER of each certificate, in the order of the file.
    pub certificates: Vec<Vec<u8>>,
    /// PKCS#8.
    keys: Vec<Zeroizing<Vec<u8>>>,
}

/// Safe bags in a file, nested ones included: an export holds a handful, a Java trust store some hundred.
const MAX_BAGS: usize = 2_000;

/// SafeContents inside SafeContents.
const MAX_DEPTH: usize = 4;

const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
/// bagtypes (RFC 7292 §4.2): the next octet says which.
const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];

/// Does it look like PKCS#12: version 3 first (a PKCS#8 key begins with 0 or 1)?
pub fn is_pkcs12(bytes: &[u8]) -> bool {
    der::split(bytes)
        .filter(|(outer, _)| outer.tag == 0x30)
        .and_then(|(outer, _)| der::split(outer.content))
        .is_some_and(|(version, _)| version.tag == 0x02 && version.content == [3])
}

/// Opens a file. The MAC is checked first: [`PasswordError::Wrong`] means the password, everything else the file.
pub fn open(bytes: &[u8], password: &Password) -> Result<Contents, PasswordError> {
    let (pfx, _) = der::split(bytes).filter(|(pfx, _)| pfx.tag == 0x30).ok_or(PasswordError::Damaged)?;
    let mut fields = der::values(pfx.content).skip(1); // version
    let safe = fields.next().ok_or(PasswordError::Damaged)?;
    let (content_type, content) = content_info(safe)?;
    if content_type != DATA {
        return Err(PasswordError::Unsupported("signed instead of protected by a password".to_owned()));
    }
    let safe = octets(content)?;
    let mut budget = Budget::new();
    if let Some(mac) = fields.next() {
        password::verify_mac(mac.content, safe, password, &mut budget)?;
    }
    let mut reader =
        Reader { password, budget, bags: 0, contents: Contents { certificates: Vec::new(), keys: Vec::new() } };
    let (infos, _) = der::split(safe).ok_or(PasswordError::Damaged)?;
    for info in der::values(infos.content) {
        reader.info(info)?;
    }
    Ok(reader.contents)
}

/// ContentInfo: its type, and what the [0] holds.
fn content_info(info: Value<'_>) -> Result<(&[u8], Value<'_>), PasswordError> {
    let mut fields = der::values(info.content);
    let content_type = fields.next().filter(|oid| oid.tag == 0x06).ok_or(PasswordError::Damaged)?;
    let explicit = fields.next().filter(|value| value.tag == 0xa0).ok_or(PasswordError::Damaged)?;
    let (content, _) = der::split(explicit.content).ok_or(PasswordError::Damaged)?;
    Ok((content_type.content, content))
}

fn octets(value: Value<'_>) -> Result<&[u8], PasswordError> {
    if value.tag == 0x04 { Ok(value.content) } else { Err(PasswordError::Damaged) }
}

struct Reader<'a> {
    password: &'a Password,
    budget: Budget,
    bags: usize,
    contents: Contents,
}

impl Reader<'_> {
    fn info(&mut self, info: Value<'_>) -> Result<(), PasswordError> {
        match content_info(info)? {
            (DATA, content) => self.safe_contents(octets(content)?, 0),
            (ENCRYPTED_DATA, content) => {
                // EncryptedData: version, EncryptedContentInfo { type, algorithm, [0] IMPLICIT OCTET STRING }
                let encrypted = der::values(content.content).nth(1).ok_or(PasswordError::Damaged)?;
                let mut fields = der::values(encrypted.content).skip(1);
                let (Some(algorithm), Some(ciphertext)) = (fields.next(), fields.next()) else {
                    return Err(PasswordError::Damaged);
                };
                // OpenSSL, Java and Windows write one string; one in parts would have the tag 0xa0.
                if ciphertext.tag != 0x80 {
                    return Err(PasswordError::Unsupported("a string in parts".to_owned()));
                }
                let plain = password::decrypt(algorithm, ciphertext.content, self.password, &mut self.budget)?;
                self.safe_contents(&plain, 0)
            }
            _ => Err(PasswordError::Unsupported("encrypted for a public key".to_owned())),
        }
    }

    fn safe_contents(&mut self, bytes: &[u8], depth: usize) -> Result<(), PasswordError> {
        let (bags, _) = der::split(bytes).filter(|(bags, _)| bags.tag == 0x30).ok_or(PasswordError::Damaged)?;
        for bag in der::values(bags.content) {
            self.bags += 1;
            if self.bags > MAX_BAGS || depth > MAX_DEPTH {
                return Err(PasswordError::TooMuchWork);
            }
            let (bag_type, value) = content_info(bag)?;
            match bag_type.split_last() {
                Some((1, BAG)) => self.contents.keys.push(Zeroizing::new(value.whole.to_vec())),
                Some((2, BAG)) => {
                    let key = decrypt_pkcs8(value, self.password, &mut self.budget)?;
                    self.contents.keys.push(key);
                }
                Some((3, BAG)) => {
                    let (kind, certificate) = content_info(value)?;
                    if kind == X509_CERTIFICATE {
                        self.contents.certificates.push(octets(certificate)?.to_vec());
                    }
                }
                Some((6, BAG)) => self.safe_contents(value.whole, depth + 1)?,
                _ => {} // CRLs, secrets
            }
        }
        Ok(())
    }
}

/// EncryptedPrivateKeyInfo (RFC 5958 §3): algorithm, encrypted data.
pub(super) fn decrypt_pkcs8(
    info: Value<'_>,
    password: &Password,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
    let mut fields = der::values(info.content);
    let (Some(algorithm), Some(ciphertext)) = (fields.next(), fields.next()) else {
        return Err(PasswordError::Damaged);
    };
    password::decrypt(algorithm, octets(ciphertext)?, password, budget)
}

impl Contents {
    /// The chain that a server would send: the certificate that the private key belongs to, then each one's issuer by
    /// name, then the rest as it stands. A PFX has no order of its own, and programs build the chain when they load it.
    /// With it, does the key belong to the first certificate? `None`: there is no key.
    pub fn into_chain(self) -> (Vec<Vec<u8>>, Option<KeyProof>) {
        let Self { mut certificates, keys } = self;
        let belongs = |key: &Zeroizing<Vec<u8>>, der: &Vec<u8>| {
            Some(private_key::pkcs8_belongs_to(key, &Certificate::parse(der).ok()?))
        };
        let proven = |der: &Vec<u8>| keys.iter().any(|key| belongs(key, der) == Some(KeyProof::Proven));
        let of_key = certificates.iter().position(proven);
        if let Some(position) = of_key {
            certificates[..=position].rotate_right(1);
        }
        let parsed: Vec<Option<Certificate>> = certificates.iter().map(|der| Certificate::parse(der).ok()).collect();
        let mut order: Vec<usize> = Vec::with_capacity(certificates.len());
        let mut next = (!certificates.is_empty()).then_some(0);
        while let Some(position) = next {
            order.push(position);
            let issuer = parsed[position].as_ref().map(|certificate| certificate.issuer.normalised());
            next = (0..certificates.len()).find(|other| {
                let subject = parsed[*other].as_ref().map(|certificate| certificate.subject.normalised());
                !order.contains(other) && subject.is_some() && subject == issuer
            });
        }
        order.extend((0..certificates.len()).filter(|position| !order.contains(position)).collect::<Vec<_>>());
        let proof = match (keys.first(), of_key) {
            (None, _) => None,
            (Some(_), Some(_)) => Some(KeyProof::Proven),
            (Some(key), None) => {
                Some(certificates.first().and_then(|der| belongs(key, der)).unwrap_or(KeyProof::NotChecked))
            }
        };
        (order.into_iter().map(|position| std::mem::take(&mut certificates[position])).collect(), proof)
    }
}
