//! From bytes to handshake messages: records are joined and split however a server cut them (RFC 8446 §5.1).

use super::key_schedule::Opener;

/// ContentType (RFC 8446 §5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// The longest record is one of TLS 1.2: 2^14 + 2048 bytes (RFC 5246 §6.2.3).
const MAX_RECORD: usize = (1 << 14) + 2048;

/// The longest message that is gathered. rustls stops at 64 KiB, OpenSSL at 100 KiB, NSS at 128 KiB; a Certificate
/// message above this is not meant to be read by any client.
pub(in crate::observe::tls) const MAX_MESSAGE: usize = 1024 * 1024;

/// One whole thing that the server said.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::observe::tls) enum Said {
    Message(Message),
    Alert {
        is_fatal: bool,
        description: u8,
    },
    /// What follows is encrypted with keys that we do not have, or is application data.
    Closed,
}

/// A handshake message (RFC 8446 §4) with its header.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::observe::tls) struct Message(pub(super) Vec<u8>);

impl Message {
    pub(in crate::observe::tls) fn kind(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    pub(in crate::observe::tls) fn body(&self) -> &[u8] {
        self.0.get(4..).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::observe::tls) enum Fault {
    /// Bytes that begin no record.
    NotARecord,
    /// A message announced as longer than [`MAX_MESSAGE`].
    TooLong,
}

/// Holds what has come and not been read yet.
#[derive(Default)]
pub(in crate::observe::tls) struct Records {
    buffer: Vec<u8>,
    /// How much of `buffer` has been read.
    read: usize,
    /// Contents of handshake records, up to a message that is not whole yet.
    handshake: Vec<u8>,
    opener: Option<Opener>,
}

impl Records {
    pub(in crate::observe::tls) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.read);
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// What has come and begins no record that could be read; at most `limit` bytes of it.
    pub(in crate::observe::tls) fn unread(&self, limit: usize) -> &[u8] {
        let unread = &self.buffer[self.read..];
        &unread[..limit.min(unread.len())]
    }

    /// From here on records may be protected (TLS 1.3).
    pub(in crate::observe::tls) fn open_with(&mut self, opener: Opener) {
        self.opener = Some(opener);
    }

    /// Kind and length of the message that has begun and is not whole.
    pub(in crate::observe::tls) fn begun(&self) -> Option<(u8, usize)> {
        let (&[kind, length @ ..], _) = self.handshake.split_first_chunk::<4>()?;
        Some((kind, u24(length)))
    }

    /// The next thing said; `None`: more bytes are needed.
    pub(in crate::observe::tls) fn next(&mut self) -> Result<Option<Said>, Fault> {
        loop {
            if let Some(message) = self.whole_message()? {
                return Ok(Some(Said::Message(message)));
            }
            let Some((header, after)) = self.buffer[self.read..].split_first_chunk::<5>() else {
                return Ok(None);
            };
            let &[kind, major, _, high, low] = header;
            let length = usize::from(u16::from_be_bytes([high, low]));
            if !(CHANGE_CIPHER_SPEC..=APPLICATION_DATA + 1).contains(&kind) || major != 3 || length > MAX_RECORD {
                return Err(Fault::NotARecord);
            }
            let Some(payload) = after.get(..length) else { return Ok(None) };
            let (kind, content) = match (kind, &mut self.opener) {
                (APPLICATION_DATA, Some(opener)) => match opener.open(header, payload) {
                    Some(opened) => opened,
                    None => return Ok(Some(Said::Closed)),
                },
                _ => (kind, payload.to_vec()),
            };
            self.read += 5 + length;
            match kind {
                HANDSHAKE => self.handshake.extend_from_slice(&content),
                ALERT => {
                    // In pieces it says nothing; some servers send it empty.
                    if let [level, description] = content[..] {
                        return Ok(Some(Said::Alert { is_fatal: level != 1, description }));
                    }
                }
                // TLS 1.3 sends it for middleboxes only (RFC 8446 §5), also before the second ServerHello.
                CHANGE_CIPHER_SPEC => {}
                _ => return Ok(Some(Said::Closed)),
            }
        }
    }

    fn whole_message(&mut self) -> Result<Option<Message>, Fault> {
        let Some((_, length)) = self.begun() else { return Ok(None) };
        if length > MAX_MESSAGE {
            return Err(Fault::TooLong);
        }
        if self.handshake.len() < 4 + length {
            return Ok(None);
        }
        let rest = self.handshake.split_off(4 + length);
        Ok(Some(Message(std::mem::replace(&mut self.handshake, rest))))
    }
}

pub(super) fn u24([high, middle, low]: [u8; 3]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 3, 1, 0, u8::try_from(payload.len()).unwrap()], payload].concat()
    }

    fn all(records: &mut Records) -> Vec<Said> {
        std::iter::from_fn(|| records.next().unwrap()).collect()
    }

    /// However the bytes of two messages and an alert are cut into records, and these into reads.
    #[test]
    fn splits_and_joins_change_nothing() {
        let messages = [&[2, 0, 0, 3, 7, 7, 7][..], &[14, 0, 0, 0]].concat();
        for split in 0..=messages.len() {
            let (one, two) = messages.split_at(split);
            let bytes = [record(22, one), record(22, &[]), record(22, two), record(21, &[1, 112])].concat();
            for step in 1..bytes.len() {
                let mut records = Records::default();
                let mut said = Vec::new();
                for piece in bytes.chunks(step) {
                    records.push(piece);
                    said.append(&mut all(&mut records));
                }
                assert_eq!(
                    said,
                    [
                        Said::Message(Message(vec![2, 0, 0, 3, 7, 7, 7])),
                        Said::Message(Message(vec![14, 0, 0, 0])),
                        Said::Alert { is_fatal: false, description: 112 }
                    ],
                    "{split} {step}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_record_and_what_is_too_long() {
        for bytes in [&b"HTTP/1.1 400"[..], b"\x16\x02\x00\0\x01\0", b"\x16\x03\x01\xff\xff"] {
            let mut records = Records::default();
            records.push(bytes);
            assert_eq!(records.next(), Err(Fault::NotARecord));
        }
        let mut records = Records::default();
        records.push(&record(22, &[11, 0xff, 0, 0, 1]));
        assert_eq!(records.next(), Err(Fault::TooLong));
        assert_eq!(records.begun(), Some((11, 0xff_0000)));
    }

    #[test]
    fn encrypted_records_are_not_looked_at() {
        let mut records = Records::default();
        records.push(&record(23, &[14, 0, 0, 0]));
        assert_eq!(records.next(), Ok(Some(Said::Closed)));
    }
}
