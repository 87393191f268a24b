//! Signed certificate timestamps (RFC 6962 §3.2, §3.3): which logs promised to publish a certificate, and when; and whether
//! a log signed one for a certificate.

use aws_lc_rs::digest;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::certificate::Certificate;
use super::der;
use super::key::KeyKind;
use super::signature::{self, Hash, SignatureAlgorithm, SignatureCheck};
use crate::model::time::Time;

/// Timestamps kept of one list. Chrome and Safari want two or three; certificates in public use carry up to six.
const MAX_SCTS: usize = 32;

/// One timestamp of version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sct {
    /// SHA-256 of the log's public key.
    pub log_id: [u8; 32],
    /// Milliseconds since the epoch.
    pub timestamp: u64,
    extensions: Box<[u8]>,
    /// HashAlgorithm and SignatureAlgorithm of RFC 5246 §7.4.1.4.1.
    algorithm: [u8; 2],
    signature: Box<[u8]>,
}

/// What a log signs (RFC 6962 §3.2): the certificate itself, or what its precertificate had in common with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    /// For timestamps that come beside the certificate.
    Certificate(&'a [u8]),
    /// For timestamps inside it.
    Precertificate {
        /// SHA-256 of the issuer's SubjectPublicKeyInfo.
        issuer_key_hash: [u8; 32],
        /// The TBSCertificate without the timestamps.
        tbs: Vec<u8>,
    },
}

impl Entry<'_> {
    /// The precertificate of `certificate`, which `issuer` issued. `None`: it has no embedded timestamps.
    pub fn precertificate(certificate: &Certificate, issuer: &Certificate) -> Option<Self> {
        let tbs = without_timestamps(certificate.tbs())?;
        let mut issuer_key_hash = [0; 32];
        issuer_key_hash.copy_from_slice(digest::digest(&digest::SHA256, issuer.spki()).as_ref());
        Some(Self::Precertificate { issuer_key_hash, tbs })
    }
}

/// TBSCertificate with the extension of the timestamps taken out, everything else octet for octet (RFC 6962 §3.2).
fn without_timestamps(tbs: &[u8]) -> Option<Vec<u8>> {
    /// 1.3.6.1.4.1.11129.2.4.2
    const SCT_LIST: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
    let (outer, []) = der::split(tbs)? else { return None };
    let explicit = der::values(outer.content).find(|field| field.tag == 0xa3)?;
    let before = outer.content.len() - explicit.whole.len();
    // The extensions stand last.
    let (before, _) = outer.content.split_at(before);
    let (list, []) = der::split(explicit.content)? else { return None };
    let is_timestamps = |extension: &der::Value<'_>| {
        der::values(extension.content).next().is_some_and(|oid| oid.tag == 0x06 && oid.content == SCT_LIST)
    };
    let mut found = false;
    let mut kept = Vec::with_capacity(list.content.len());
    for extension in der::values(list.content) {
        if is_timestamps(&extension) {
            found = true;
        } else {
            kept.extend_from_slice(extension.whole);
        }
    }
    let extensions = der::encode(0xa3, &der::encode(0x30, &kept));
    found.then(|| der::encode(0x30, &[before, &extensions].concat()))
}

/// A log's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    spki: Box<[u8]>,
    kind: KeyKind,
}

impl LogKey {
    /// From a SubjectPublicKeyInfo in DER.
    pub fn parse(spki: &[u8]) -> Option<Self> {
        let (rest, parsed) = SubjectPublicKeyInfo::from_der(spki).ok()?;
        rest.is_empty().then(|| Self { spki: spki.into(), kind: KeyKind::new(&parsed) })
    }

    /// LogID (RFC 6962 §3.2).
    pub fn id(&self) -> [u8; 32] {
        let mut id = [0; 32];
        id.copy_from_slice(digest::digest(&digest::SHA256, &self.spki).as_ref());
        id
    }

    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
}

impl Sct {
    /// Did the log with this key sign the timestamp for `entry`?
    pub fn signature(&self, entry: &Entry<'_>, log: &LogKey) -> SignatureCheck {
        // sha256 with ecdsa or rsa: all that RFC 6962 §2.1.4 allows.
        let algorithm = match self.algorithm {
            [4, 3] => SignatureAlgorithm::Ecdsa(Hash::Sha256),
            [4, 1] => SignatureAlgorithm::RsaPkcs1(Hash::Sha256),
            _ => return SignatureCheck::Unsupported,
        };
        signature::verify(&algorithm, &log.kind, &log.spki, &self.signed(entry), &self.signature)
    }

    /// The digitally-signed struct of RFC 6962 §3.2.
    fn signed(&self, entry: &Entry<'_>) -> Vec<u8> {
        const V1: u8 = 0;
        const CERTIFICATE_TIMESTAMP: u8 = 0;
        let mut out = vec![V1, CERTIFICATE_TIMESTAMP];
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        // A certificate is bounded far below the 2^24 octets that the length can say.
        let vector24 = |out: &mut Vec<u8>, octets: &[u8]| {
            let length = u32::try_from(octets.len()).unwrap_or(u32::MAX).to_be_bytes();
            out.extend_from_slice(&length[1..]);
            out.extend_from_slice(octets);
        };
        match entry {
            Entry::Certificate(der) => {
                out.extend_from_slice(&[0, 0]); // x509_entry
                vector24(&mut out, der);
            }
            Entry::Precertificate { issuer_key_hash, tbs } => {
                out.extend_from_slice(&[0, 1]); // precert_entry
                out.extend_from_slice(issuer_key_hash);
                vector24(&mut out, tbs);
            }
        }
        // Read from a vector with such a length.
        let length = u16::try_from(self.extensions.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.extensions);
        out
    }

    /// The moment of the timestamp, to the second.
    pub fn at(&self) -> Time {
        Time::from_unix(i64::try_from(self.timestamp / 1000).unwrap_or(i64::MAX))
    }
}

/// The timestamps of a SignedCertificateTimestampList. Those of a version we do not know are passed over, as §3.3 wants
/// of clients. `None`: it is no such list.
pub fn list(bytes: &[u8]) -> Option<Vec<Sct>> {
    let (mut entries, []) = opaque(bytes)? else { return None };
    let mut found = Vec::new();
    while !entries.is_empty() {
        let (entry, rest) = opaque(entries)?;
        entries = rest;
        match entry.split_first()? {
            (0, v1) if found.len() < MAX_SCTS => found.push(version_1(v1)?),
            _ => {}
        }
    }
    Some(found)
}

/// LogID, timestamp, extensions, signature.
fn version_1(fields: &[u8]) -> Option<Sct> {
    let (&log_id, rest) = fields.split_first_chunk::<32>()?;
    let (&timestamp, rest) = rest.split_first_chunk::<8>()?;
    let (extensions, rest) = opaque(rest)?;
    // Hash and signature algorithm, one octet each (RFC 5246 §4.7), and the signature.
    let (&algorithm, rest) = rest.split_first_chunk::<2>()?;
    let (signature, []) = opaque(rest)? else { return None };
    let timestamp = u64::from_be_bytes(timestamp);
    Some(Sct { log_id, timestamp, extensions: extensions.into(), algorithm, signature: signature.into() })
}

/// `opaque<0..2^16-1>` of RFC 8446 §3.4, and what follows it.
fn opaque(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixed(content: &[u8]) -> Vec<u8> {
        [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
    }

    fn sct(version: u8, log: u8, timestamp: u64) -> Vec<u8> {
        let signature = [&[4, 3][..], &prefixed(&[7; 70])].concat();
        prefixed(&[&[version][..], &[log; 32], &timestamp.to_be_bytes(), &prefixed(&[]), &signature].concat())
    }

    #[test]
    fn logs_and_times_are_read() {
        let bytes = prefixed(&[sct(0, 1, 1_700_000_000_123), sct(9, 2, 0), sct(0, 3, 1_700_000_001_000)].concat());
        let found = list(&bytes).unwrap();
        assert_eq!(
            found.iter().map(|sct| sct.log_id[0]).collect::<Vec<_>>(),
            [1, 3],
            "an unknown version is passed over"
        );
        assert_eq!(found[0].at().to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(list(&prefixed(&[])), Some(Vec::new()));
        assert_eq!(list(&prefixed(&sct(0, 1, u64::MAX))).unwrap().len(), 1);
    }

    #[test]
    fn what_is_cut_short_or_goes_on_is_no_list() {
        let bytes = prefixed(&[sct(0, 1, 5), sct(0, 2, 6)].concat());
        for end in 0..bytes.len() {
            assert_eq!(list(&bytes[..end]), None, "{end}");
        }
        assert_eq!(list(&[bytes, vec![0]].concat()), None);
        assert_eq!(list(&prefixed(&prefixed(&[]))), None, "an entry without a version");
        assert_eq!(list(&prefixed(&sct(0, 1, 5).repeat(400))).unwrap().len(), MAX_SCTS);
    }
}
