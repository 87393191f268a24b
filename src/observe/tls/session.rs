//! rustls driven by hand over a socket, so that version, suite and group survive an error.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Error, HandshakeKind, InvalidMessage, ProtocolVersion, SignatureScheme};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::flight::Reading;
use super::hello::key_schedule::{Opener, Suite};
use super::iana;
use super::inspector::Inspector;
use crate::model::hello::Choice;

/// Bytes taken from a server. A flight of TLS is 3 to 10 kB and rustls refuses messages above 64 KiB; whoever sends more
/// than this is not going to finish.
pub(super) const MAX_RECEIVED: usize = 1024 * 1024;

/// Bytes taken at a time: most flights come whole.
const READ_BYTES: usize = 8 * 1024;

/// The first line of a protocol that is not TLS is complete by then, or never.
const MAX_BANNER: usize = 512;

/// What ended a session early.
#[derive(Debug)]
pub(super) enum Stop {
    Tls(Error),
    /// End of stream, or close_notify.
    Closed,
    Timeout,
    /// More than [`MAX_RECEIVED`] bytes.
    TooMuch,
    Socket(io::Error),
}

impl Stop {
    /// A message longer than rustls takes, which other clients may take.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::TooMuch
                | Self::Tls(
                    Error::InvalidMessage(
                        InvalidMessage::CertificatePayloadTooLarge
                            | InvalidMessage::HandshakePayloadTooLarge
                            | InvalidMessage::MessageTooLarge
                    ) | Error::PeerSentOversizedRecord
                )
        )
    }
}

pub(super) struct Session {
    stream: TcpStream,
    connection: ClientConnection,
    inspector: Arc<Inspector>,
    /// All that came, for what rustls does not tell.
    received: Vec<u8>,
    /// The server has begun to talk as if we had satisfied it: application data.
    has_plaintext: bool,
}

impl Session {
    pub(super) fn new(
        stream: TcpStream,
        config: ClientConfig,
        name: ServerName<'static>,
        inspector: Arc<Inspector>,
    ) -> Result<Self, Error> {
        let connection = ClientConnection::new(Arc::new(config), name)?;
        Ok(Self { stream, connection, inspector, received: Vec::new(), has_plaintext: false })
    }

    /// The handshake. On success the server has been told that we leave, unless its verdict on the missing client
    /// certificate is still to come.
    pub(super) async fn run(&mut self, deadline: Instant) -> Result<(), Stop> {
        timeout_at(deadline, self.handshake()).await.unwrap_or(Err(Stop::Timeout))
    }

    async fn handshake(&mut self) -> Result<(), Stop> {
        loop {
            let done = !self.connection.is_handshaking();
            if done && !self.awaits_certificate_verdict() {
                self.connection.send_close_notify(); // leaves in one segment with our Finished
            }
            // A server that hung up on us may have said before why, or have finished: what it sent counts.
            let _ = self.send().await;
            if done {
                return Ok(());
            }
            let received = self.receive().await;
            if self.connection.is_handshaking() {
                received?; // what a server says once the handshake is done is not for us
            }
        }
    }

    /// A TLS 1.3 server learns only from our last flight that there is no client certificate.
    pub(super) fn awaits_certificate_verdict(&self) -> bool {
        self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)
            && self.inspector.client_certificate_requested()
    }

    /// Waits for what a server says that asked for a certificate and got none (RFC 8446 §4.4.2.4). A ticket, data or
    /// silence until `patience` mean that it goes on without.
    pub(super) async fn certificate_verdict(&mut self, patience: Instant) -> Result<(), Stop> {
        let verdict = async {
            while self.connection.tls13_tickets_received() == 0 && !self.has_plaintext {
                self.receive().await?;
            }
            Ok(())
        };
        let outcome = timeout_at(patience, verdict).await.unwrap_or(Ok(()));
        self.connection.send_close_notify();
        self.send_now();
        outcome
    }

    /// After the goodbye of [`Session::run`]: reads what the server still sends, to the end of the stream or `patience`. In TLS
    /// 1.3 tickets come then.
    pub(super) async fn await_ticket(&mut self, patience: Instant) {
        let reading = async {
            while self.connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)
                && self.tickets() == 0
                && !self.has_plaintext
                && self.receive().await.is_ok()
            {}
        };
        // Whatever came until then has to do.
        let _ = timeout_at(patience, reading).await;
    }

    pub(super) fn tickets(&self) -> u32 {
        self.connection.tls13_tickets_received()
    }

    /// Full or resumed; `None` before the handshake's end.
    pub(super) fn kind(&self) -> Option<HandshakeKind> {
        self.connection.handshake_kind()
    }

    /// Reads on to the end of the first line, for naming the protocol of a server that does not speak TLS.
    pub(super) async fn finish_line(&mut self, patience: Instant) {
        let line = async {
            while self.received.len() < MAX_BANNER && !self.received.contains(&b'\n') {
                match self.read().await {
                    Ok(count) if count > 0 => {}
                    _ => break,
                }
            }
        };
        // Whatever came until then has to do.
        let _ = timeout_at(patience, line).await;
    }

    async fn send(&mut self) -> io::Result<()> {
        let mut out = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut out)?;
        }
        if out.is_empty() { Ok(()) } else { self.stream.write_all(&out).await }
    }

    /// A last word (an alert or close_notify) goes out if the socket takes it at once.
    fn send_now(&mut self) {
        let mut out = Vec::new();
        while self.connection.wants_write() && self.connection.write_tls(&mut out).is_ok() {}
        let _ = self.stream.try_write(&out);
    }

    async fn receive(&mut self) -> Result<(), Stop> {
        let begin = self.received.len();
        if self.read().await.map_err(Stop::Socket)? == 0 {
            return Err(Stop::Closed);
        }
        let fed = self.feed(begin);
        // Where the rest is wanted all the same (`read_on`) an alert would stop it.
        if fed.as_ref().is_err_and(|stop| !stop.is_too_large()) {
            self.send_now();
        }
        fed
    }

    /// Reads on behind rustls' back to the end of the Certificate message, the deadline, the end of the stream or
    /// [`MAX_RECEIVED`].
    pub(super) async fn read_on(&mut self, deadline: Instant) {
        let opener = self.inspector.flight_secret().and_then(|secret| self.flight_opener(&secret));
        let mut flight = Reading::new(opener);
        let reading = async {
            let mut begin = 0;
            while !flight.go_on(&self.received[begin..]) && self.received.len() < MAX_RECEIVED {
                begin = self.received.len();
                if !matches!(self.read().await, Ok(1..)) {
                    break;
                }
            }
        };
        // Whatever came until then has to do.
        let _ = timeout_at(deadline, reading).await;
        self.send_now();
    }

    fn feed(&mut self, begin: usize) -> Result<(), Stop> {
        let mut rest = &self.received[begin..];
        while !rest.is_empty() {
            // It fails only when its buffer is full: a message longer than it accepts.
            match self.connection.read_tls(&mut rest) {
                Ok(0) => return Err(Stop::Closed),
                Ok(_) => {}
                Err(_) => return Err(Stop::TooMuch),
            }
            let state = self.connection.process_new_packets().map_err(Stop::Tls)?;
            self.has_plaintext |= state.plaintext_bytes_to_read() > 0;
            if state.peer_has_closed() {
                return Err(Stop::Closed);
            }
            if self.has_plaintext {
                return Ok(()); // nobody reads it, and rustls' buffer for it is small
            }
        }
        if self.received.len() >= MAX_RECEIVED { Err(Stop::TooMuch) } else { Ok(()) }
    }

    /// Appends what the socket has. No buffer is held while waiting.
    async fn read(&mut self) -> io::Result<usize> {
        loop {
            self.stream.readable().await?;
            self.received.reserve(READ_BYTES);
            match self.stream.try_read_buf(&mut self.received) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    pub(super) fn received(&self) -> &[u8] {
        &self.received
    }

    pub(super) fn version(&self) -> Option<String> {
        self.connection.protocol_version().map(|version| iana::version(version.into()))
    }

    /// What opens the encrypted part of a TLS 1.3 server's flight.
    pub(super) fn flight_opener(&self, secret: &[u8]) -> Option<Opener> {
        Opener::new(&Suite::new(self.connection.negotiated_cipher_suite()?.suite())?, secret)
    }

    /// `None` before the ServerHello.
    pub(super) fn choice(&self, scheme: Option<SignatureScheme>) -> Option<Choice> {
        Some(Choice {
            version: self.connection.protocol_version()?.into(),
            cipher_suite: self.connection.negotiated_cipher_suite()?.suite().into(),
            group: self.connection.negotiated_key_exchange_group().map(|group| group.name().into()),
            signature_scheme: scheme.map(u16::from),
        })
    }

    pub(super) fn cipher_suite(&self) -> Option<String> {
        self.connection.negotiated_cipher_suite().map(|suite| iana::cipher_suite(suite.suite()))
    }

    pub(super) fn group(&self) -> Option<String> {
        self.connection.negotiated_key_exchange_group().map(|group| iana::group(group.name()))
    }

    pub(super) fn alpn(&self) -> Option<String> {
        // The server can only choose what was offered (rustls refuses anything else), so this is ASCII.
        self.connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned())
    }
}
