//! The messages of the server's flight, read a second time from the bytes received.
//!
//! Only after a failure: rustls keeps the certificates to itself until all that follows them has come and was right, and
//! says nothing at all about a ServerHello that it would not go on with.

use super::hello::key_schedule::Opener;
use super::hello::messages::{self, CERTIFICATE, SERVER_HELLO, ServerHello};
use super::hello::records::{Records, Said};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flight {
    /// What the server chose; not always something that our stack would go on with.
    pub(super) server_hello: Option<ServerHello>,
    /// The `certificate_list`; `None` unless the message came whole.
    pub(super) certificates: Option<Vec<Vec<u8>>>,
    pub(super) ocsp_staple: Option<Vec<u8>>,
    /// The length that the Certificate message announced.
    pub(super) certificate_bytes: Option<usize>,
}

/// Reads what there is; `opener` is for TLS 1.3, which encrypts all after the ServerHello.
pub(super) fn read(received: &[u8], opener: Option<Opener>) -> Flight {
    let mut reading = Reading::new(opener);
    reading.go_on(received);
    reading.end()
}

/// A flight that is read as it comes.
pub(super) struct Reading {
    records: Records,
    is_tls13: bool,
    flight: Flight,
}

impl Reading {
    pub(super) fn new(opener: Option<Opener>) -> Self {
        let is_tls13 = opener.is_some();
        let mut records = Records::default();
        if let Some(opener) = opener {
            records.open_with(opener);
        }
        Self { records, is_tls13, flight: Flight::default() }
    }

    /// True when the Certificate message has come, or nothing more can be read.
    pub(super) fn go_on(&mut self, bytes: &[u8]) -> bool {
        self.records.push(bytes);
        loop {
            let message = match self.records.next() {
                Ok(Some(Said::Message(message))) => message,
                // A warning that the name is not known, for instance.
                Ok(Some(Said::Alert { is_fatal: false, .. })) => continue,
                Ok(None) => return false,
                Ok(Some(_)) | Err(_) => return true,
            };
            match message.kind() {
                SERVER_HELLO => self.flight.server_hello = messages::server_hello(message.body()),
                CERTIFICATE => {
                    self.flight.certificate_bytes = Some(message.body().len());
                    if let Some(list) = messages::certificate_list(message.body(), self.is_tls13) {
                        self.flight.certificates = Some(list.certificates);
                        self.flight.ocsp_staple = list.ocsp_staple;
                    }
                    return true;
                }
                _ => {}
            }
        }
    }

    pub(super) fn end(mut self) -> Flight {
        let begun = self.records.begun().filter(|(kind, _)| *kind == CERTIFICATE).map(|(_, length)| length);
        self.flight.certificate_bytes = self.flight.certificate_bytes.or(begun);
        self.flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, 3, 1, 0, u8::try_from(payload.len()).unwrap()], payload].concat()
    }

    #[test]
    fn messages_split_over_records() {
        // ServerHello, then Certificate [ 01 02 03 ], [ ]
        let hello = [&[2, 0, 0, 38, 3, 1][..], &[7; 32], &[0, 0xc0, 0x13, 0]].concat();
        let messages = [&hello[..], &[11, 0, 0, 12, 0, 0, 9, 0, 0, 3, 1, 2, 3, 0, 0, 0]].concat();
        for split in 0..messages.len() {
            let (one, two) = messages.split_at(split);
            let flight = read(&[record(22, one), record(22, two), record(21, &[2, 40])].concat(), None);
            let hello = flight.server_hello.unwrap();
            assert_eq!((hello.version, hello.cipher_suite), (0x0301, 0xc013));
            assert_eq!(flight.certificates, Some(vec![vec![1, 2, 3], vec![]]));
        }
    }

    #[test]
    fn nothing_is_made_up() {
        assert_eq!(read(b"", None), Flight::default());
        assert_eq!(read(b"HTTP/1.1 400 Bad Request", None), Flight::default());
        // A list longer than its message; a message cut short.
        assert_eq!(read(&record(22, &[11, 0, 0, 3, 0, 0, 9]), None).certificates, None);
        let cut = read(&record(22, &[11, 3, 0, 0, 0, 0]), None);
        assert_eq!((cut.certificates, cut.certificate_bytes), (None, Some(3 << 16)));
        // Encrypted: not looked at.
        assert_eq!(read(&record(23, &[11, 0, 0, 3, 0, 0, 0]), None), Flight::default());
    }
}
