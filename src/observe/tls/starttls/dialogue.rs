//! A conversation in plain text with a server that is not trusted: lines, octets, and a limit to everything.

use std::io;
use std::net::IpAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{MAX_OFFERS, shown};
use crate::model::starttls::{StartTls, StartTlsFacts};

/// The longest line: RFC 7162 §4 asks for 8,192 octets in IMAP, whose lines are the longest of all these protocols.
const MAX_LINE: usize = 8 * 1024;

/// All that is read before TLS. A greeting with a page of terms of use fits.
const MAX_RECEIVED: usize = 64 * 1024;

/// The lines of one reply.
const MAX_LINES: usize = 200;

/// Bytes taken at a time.
const READ_BYTES: usize = 2 * 1024;

/// Octets of unexpected plain text that are kept.
const KEPT: usize = 100;

/// What stopped it.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Not a word in the time that was for it.
    NoGreeting,
    Silent,
    Closed,
    Socket(io::Error),
    TooMuch,
    /// What it speaks is not this protocol.
    Other,
    /// It is this protocol, broken.
    Broken(&'static str),
    NotOffered,
    /// With its words.
    Refused(String),
}

pub(super) struct Dialogue {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// How much of the buffer was read by us.
    taken: usize,
    pub(super) facts: StartTlsFacts,
}

impl Dialogue {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new(), taken: 0, facts: StartTlsFacts::default() }
    }

    /// Waits for the first bytes, where the server speaks first.
    pub(super) async fn listen(&mut self, protocol: StartTls) -> Result<(), Trouble> {
        match protocol {
            StartTls::Ldap | StartTls::Postgres => Ok(()),
            StartTls::Smtp | StartTls::Imap | StartTls::Pop3 | StartTls::Ftp | StartTls::Mysql => self.read().await,
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.stream.write_all(bytes).await.map_err(Trouble::Socket)
    }

    /// The next line without its end. Bare line feeds pass: such servers work.
    pub(super) async fn line(&mut self) -> Result<String, Trouble> {
        let mut searched = 0;
        loop {
            let rest = &self.buffer[self.taken..];
            if let Some(end) = rest[searched..].iter().position(|&byte| byte == b'\n') {
                let line = &rest[..searched + end];
                let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
                self.taken += searched + end + 1;
                return Ok(text);
            }
            searched = rest.len();
            if searched > MAX_LINE {
                return Err(Trouble::TooMuch);
            }
            self.read().await?;
        }
    }

    /// Lines until one is the `last`, that included.
    pub(super) async fn lines(&mut self, last: impl Fn(&str) -> bool) -> Result<Vec<String>, Trouble> {
        let mut lines = Vec::new();
        while lines.len() < MAX_LINES {
            let line = self.line().await?;
            let done = last(&line);
            lines.push(line);
            if done {
                return Ok(lines);
            }
        }
        Err(Trouble::TooMuch)
    }

    /// The next `count` octets.
    pub(super) async fn octets(&mut self, count: usize) -> Result<Vec<u8>, Trouble> {
        if count > MAX_RECEIVED {
            return Err(Trouble::TooMuch);
        }
        while self.buffer.len() - self.taken < count {
            self.read().await?;
        }
        let octets = self.buffer[self.taken..self.taken + count].to_vec();
        self.taken += count;
        Ok(octets)
    }

    async fn read(&mut self) -> Result<(), Trouble> {
        if self.buffer.len() >= MAX_RECEIVED {
            return Err(Trouble::TooMuch);
        }
        loop {
            self.stream.readable().await.map_err(Trouble::Socket)?;
            self.buffer.reserve(READ_BYTES);
            match self.stream.try_read_buf(&mut self.buffer) {
                Ok(0) => return Err(Trouble::Closed),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(Trouble::Socket(error)),
            }
        }
    }

    pub(super) fn own_address(&self) -> Option<IpAddr> {
        self.stream.local_addr().ok().map(|address| address.ip())
    }

    /// Everything so far.
    pub(super) fn received(&self) -> &[u8] {
        &self.buffer
    }

    pub(super) fn greeted(&mut self, text: &str) {
        self.facts.greeting = Some(shown(text));
    }

    pub(super) fn offers<'a>(&mut self, offers: impl IntoIterator<Item = &'a str>) {
        let texts = offers.into_iter().map(shown).filter(|offer| !offer.is_empty());
        self.facts.offers = texts.take(MAX_OFFERS).collect();
    }

    /// The answer to the request for TLS: `Ok` when it consents.
    pub(super) fn replied(&mut self, text: &str, consents: bool) -> Result<(), Trouble> {
        self.facts.reply = Some(shown(text));
        if consents { Ok(()) } else { Err(Trouble::Refused(text.to_owned())) }
    }

    /// The server has consented and must now wait for the ClientHello. A client that took what comes in between for part
    /// of the protected session would take it from anybody on the way (CVE-2011-0411, CVE-2021-23222).
    pub(super) fn note_what_is_left(&mut self) {
        // What has come by now needs no waiting for; an error will show in the handshake.
        self.buffer.reserve(READ_BYTES);
        let _ = self.stream.try_read_buf(&mut self.buffer);
        let left = &self.buffer[self.taken..];
        if !left.is_empty() {
            self.facts.plaintext_after = Some(left[..left.len().min(KEPT)].escape_ascii().to_string());
        }
    }

    /// A word before hanging up, if the socket takes it at once.
    pub(super) fn take_leave(&self, protocol: StartTls) {
        let goodbye: &[u8] = match protocol {
            _ if self.buffer.is_empty() => return,
            StartTls::Smtp | StartTls::Pop3 | StartTls::Ftp => b"QUIT\r\n",
            StartTls::Imap => b"z LOGOUT\r\n",
            // unbindRequest (RFC 4511 §4.3), Terminate.
            StartTls::Ldap => b"\x30\x05\x02\x01\x02\x42\x00",
            StartTls::Postgres => b"X\0\0\0\x04",
            StartTls::Mysql => return,
        };
        let _ = self.stream.try_write(goodbye);
    }

    pub(super) fn into_parts(self) -> (TcpStream, StartTlsFacts) {
        (self.stream, self.facts)
    }
}
