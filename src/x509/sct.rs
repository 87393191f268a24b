//! Signed certificate timestamps (RFC 6962 §3.2, §3.3): which logs promised to publish a certificate, and when. Their
//! signatures are not checked: that needs the keys of the logs.

use crate::model::time::Time;

/// Timestamps kept of one list. Chrome and Safari want two or three; certificates in public use carry up to six.
const MAX_SCTS: usize = 32;

/// One timestamp of version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sct {
    /// SHA-256 of the log's public key.
    pub log_id: [u8; 32],
    /// Milliseconds since the epoch.
    pub timestamp: u64,
}

impl Sct {
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
    let (_extensions, rest) = opaque(rest)?;
    // Hash and signature algorithm, one octet each (RFC 5246 §4.7), and the signature.
    let (_signature, []) = opaque(rest.get(2..)?)? else { return None };
    Some(Sct { log_id, timestamp: u64::from_be_bytes(timestamp) })
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
