//! ClientHellos of our own making, and the server's flight read by hand: SSL 3.0 to TLS 1.3.
//!
//! For what rustls does not speak or will not show: old versions and suites, keys and groups outside its stack. Up to
//! TLS 1.2 the flight is plaintext (RFC 5246 §7.4); in TLS 1.3 the handshake keys are derived (`key_share`,
//! `key_schedule`) and the flight is opened up to the CertificateVerify. Nothing is finished and no secret is sent.
//!
//! `client_hello` writes, `records` joins what was split, `messages` parses. All input is bounded: [`MAX_RECEIVED`]
//! bytes, the deadline, and one HelloRetryRequest.

mod client_hello;
pub(super) mod key_schedule;
mod key_share;
pub(super) mod messages;
pub(super) mod records;

use std::io;

use rustls::{CipherSuite, NamedGroup, SignatureScheme};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{failure, iana, inspector};
use crate::model::handshake::{ClientCertificate, Failure, KeyProof, Stage, TlsParameters};
use crate::model::hello::{Choice, Chosen, Hello, HelloAnswer, TLS_1_2, TLS_1_3};

pub(super) use client_hello::Extras;
use client_hello::Variables;
use key_schedule::{Opener, Suite};
use key_share::KeyShare;
use messages::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_STATUS, CERTIFICATE_VERIFY, ENCRYPTED_EXTENSIONS, FINISHED, Kind,
    SERVER_HELLO, SERVER_HELLO_DONE, SERVER_KEY_EXCHANGE, ServerHello,
};
use records::{Fault, MAX_MESSAGE, Message, Records, Said};

/// Bytes taken from a server: the longest message and what comes with it.
const MAX_RECEIVED: usize = MAX_MESSAGE + 64 * 1024;

/// Bytes taken at a time: most flights come whole.
const READ_BYTES: usize = 8 * 1024;

/// Enough of the first bytes to name the protocol of a server that does not speak TLS.
const MAX_BANNER: usize = 512;

/// How far to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The cheapest look at a chain: whether the server holds the key is not asked.
    Certificate,
    /// All of the flight that can be read; its signature is checked where our library can.
    Flight,
    /// The same without looking at signatures; where TLS 1.3 is offered without a share, up to the HelloRetryRequest,
    /// which names suite and group and costs the server no key and no signature.
    Choice,
}

/// What ended a conversation before its aim.
#[derive(Debug)]
pub(super) enum Stop {
    Alert(u8),
    Closed,
    Timeout,
    Socket(io::Error),
    /// More than [`MAX_RECEIVED`] bytes, or a message announced so; its announced length.
    TooLong(Option<usize>),
    Malformed(&'static str),
    NotTls(Vec<u8>),
    SignatureWrong(SignatureScheme),
}

/// Sends `hello` over `stream` and reads the answer, until `deadline` at most.
pub(super) async fn converse(
    stream: TcpStream,
    hello: &Hello<'_>,
    server_name: Option<&str>,
    until: Until,
    deadline: Instant,
) -> HelloAnswer {
    let question = Question { hello, server_name, until, share: Share::Small, extras: Extras::default() };
    let Some(mut conversation) = Conversation::new(stream, question) else {
        return HelloAnswer::Refused(failure::local(Stage::Tls, NO_RANDOM));
    };
    let outcome = timeout_at(deadline, conversation.run()).await.unwrap_or(Err(Stop::Timeout));
    conversation.take_leave();
    conversation.into_answer(outcome)
}

/// The same for the survey, which varies more and wants to know more.
pub(super) async fn ask(stream: TcpStream, question: Question<'_>, deadline: Instant) -> (Seen, Result<(), Stop>) {
    let Some(mut conversation) = Conversation::new(stream, question) else {
        return (Seen::default(), Err(Stop::Socket(io::Error::other(NO_RANDOM))));
    };
    let outcome = timeout_at(deadline, conversation.run()).await.unwrap_or(Err(Stop::Timeout));
    conversation.take_leave();
    (conversation.seen, outcome)
}

const NO_RANDOM: &str = "no random numbers could be made";

/// A ClientHello, and how far its answer is of interest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) hello: &'a Hello<'a>,
    pub(super) server_name: Option<&'a str>,
    pub(super) until: Until,
    pub(super) share: Share,
    pub(super) extras: Extras<'a>,
}

/// Which share an offer of TLS 1.3 brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// For the first group that we can compute in and whose share is small.
    Small,
    /// None: the server is to ask for one (RFC 8446 §4.2.8).
    Empty,
}

struct Conversation<'a> {
    stream: TcpStream,
    question: Question<'a>,
    random: [u8; 32],
    session_id: Vec<u8>,
    share: Option<KeyShare>,
    records: Records,
    received: usize,
    /// TLS 1.3: all messages so far, as they are hashed.
    transcript: Vec<u8>,
    has_retried: bool,
    seen: Seen,
}

/// What the server's messages said.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Also of a HelloRetryRequest with which the conversation ended.
    pub(super) server_hello: Option<ServerHello>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) ocsp_staple: Option<Vec<u8>>,
    pub(super) timestamps: Option<Vec<u8>>,
    pub(super) group: Option<u16>,
    pub(super) dh_bits: Option<usize>,
    pub(super) scheme: Option<u16>,
    key_proof: Option<KeyProof>,
    /// The CertificateRequest's names of CAs; `None`: no certificate was asked for.
    pub(super) authorities: Option<Vec<Vec<u8>>>,
    pub(super) alpn: Option<Vec<u8>>,
    /// The flight was read to its end.
    pub(super) is_whole: bool,
}

impl<'a> Conversation<'a> {
    fn new(stream: TcpStream, question: Question<'a>) -> Option<Self> {
        let hello = question.hello;
        let (mut random, mut session_id) = ([0; 32], Vec::new());
        aws_lc_rs::rand::fill(&mut random).ok()?;
        let mut share = None;
        if hello.highest_version() >= TLS_1_3 {
            session_id = vec![0; 32];
            aws_lc_rs::rand::fill(&mut session_id).ok()?;
            let small = hello.groups.iter().filter(|&&group| group != crate::model::hello::X25519_MLKEM768);
            share = match question.share {
                Share::Small => small.copied().find_map(KeyShare::generate),
                Share::Empty => None,
            };
        }
        Some(Self {
            stream,
            question,
            random,
            session_id,
            share,
            records: Records::default(),
            received: 0,
            transcript: Vec::new(),
            has_retried: false,
            seen: Seen::default(),
        })
    }

    async fn run(&mut self) -> Result<(), Stop> {
        self.send_hello(None).await?;
        loop {
            while let Some(said) = self.next()? {
                match said {
                    Said::Message(message) => {
                        if self.hear(&message).await? {
                            return Ok(());
                        }
                    }
                    // Some servers warn that they do not know the name, and go on.
                    Said::Alert { is_fatal: false, description } if description != 0 => {}
                    Said::Alert { description, .. } => return Err(Stop::Alert(description)),
                    Said::Closed if self.seen.server_hello.is_some() => return Ok(()),
                    Said::Closed => return Err(Stop::Malformed("it sent data before any ServerHello")),
                }
            }
            self.read().await?;
        }
    }

    fn next(&mut self) -> Result<Option<Said>, Stop> {
        self.records.next().map_err(|fault| match fault {
            Fault::NotARecord if self.seen.server_hello.is_none() => {
                Stop::NotTls(self.records.unread(MAX_BANNER).to_vec())
            }
            Fault::NotARecord => Stop::Malformed("what it sent is no TLS record"),
            Fault::TooLong => Stop::TooLong(self.records.begun().map(|(_, length)| length)),
        })
    }

    async fn send_hello(&mut self, cookie: Option<&[u8]>) -> Result<(), Stop> {
        let message = client_hello::encode(
            self.question.hello,
            &Variables {
                random: &self.random,
                session_id: &self.session_id,
                server_name: self.question.server_name,
                share: self.share.as_ref(),
                cookie,
                extras: self.question.extras,
            },
        );
        let record = client_hello::record(&message, self.question.hello.highest_version());
        self.record(&message);
        self.stream.write_all(&record).await.map_err(Stop::Socket)
    }

    /// Only TLS 1.3 needs the transcript.
    fn record(&mut self, message: &[u8]) {
        if self.question.hello.highest_version() >= TLS_1_3 {
            self.transcript.extend_from_slice(message);
        }
    }

    async fn read(&mut self) -> Result<(), Stop> {
        if self.received >= MAX_RECEIVED {
            return Err(Stop::TooLong(None));
        }
        loop {
            self.stream.readable().await.map_err(Stop::Socket)?;
            match self.take() {
                Ok(0) => return Err(Stop::Closed),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(Stop::Socket(error)),
            }
        }
    }

    /// What has come. Its buffer lives on the stack, which a scan notices.
    fn take(&mut self) -> io::Result<usize> {
        let mut buffer = [0; READ_BYTES];
        let length = self.stream.try_read(&mut buffer)?;
        self.received += length;
        self.records.push(&buffer[..length]);
        Ok(length)
    }

    /// True when there is no more to hear.
    async fn hear(&mut self, message: &Message) -> Result<bool, Stop> {
        let body = message.body();
        let malformed = |what| Stop::Malformed(what);
        match (message.kind(), self.seen.server_hello.is_some()) {
            (SERVER_HELLO, false) => {
                let hello = messages::server_hello(body).ok_or(malformed("its ServerHello makes no sense"))?;
                if hello.is_retry_request() {
                    return self.retry(message, hello).await;
                }
                return self.begin(message, hello);
            }
            (_, false) => return Err(malformed("its first message is no ServerHello")),
            (CERTIFICATE, _) => {
                let list = messages::certificate_list(body, self.is_tls13())
                    .ok_or(malformed("its Certificate message contradicts itself"))?;
                self.seen.certificates = list.certificates;
                self.seen.ocsp_staple = list.ocsp_staple;
                self.seen.timestamps = self.seen.timestamps.take().or(list.timestamps);
                if self.question.until == Until::Certificate {
                    return Ok(true);
                }
            }
            (CERTIFICATE_STATUS, _) => self.seen.ocsp_staple = messages::certificate_status(body),
            (CERTIFICATE_REQUEST, _) => {
                let version = self.seen.server_hello.as_ref().map(|hello| hello.version).unwrap_or_default();
                self.seen.authorities = Some(messages::authorities(body, version).unwrap_or_default());
            }
            (ENCRYPTED_EXTENSIONS, _) => self.seen.alpn = messages::encrypted_alpn(body),
            (SERVER_KEY_EXCHANGE, _) => self.key_exchange(body)?,
            (CERTIFICATE_VERIFY, _) => self.certificate_verify(body)?,
            _ => {}
        }
        self.record(&message.0);
        self.seen.is_whole = matches!(message.kind(), SERVER_HELLO_DONE | CERTIFICATE_VERIFY | FINISHED);
        Ok(self.seen.is_whole)
    }

    /// The server wants another share (RFC 8446 §4.1.4). Where we have none to give, its choice is all we learn.
    async fn retry(&mut self, message: &Message, request: ServerHello) -> Result<bool, Stop> {
        if self.question.share == Share::Empty {
            self.seen.group = request.group;
            self.seen.server_hello = Some(request);
            return Ok(true);
        }
        let suite = Suite::new(CipherSuite::from(request.cipher_suite));
        let share = request.group.and_then(KeyShare::generate);
        let may_go_on = request.group.is_none() || share.is_some();
        let (Some(suite), true, false) = (suite, may_go_on, self.has_retried) else {
            self.seen.group = request.group;
            self.seen.server_hello = Some(request);
            return if self.has_retried { Err(Stop::Malformed("it asked for a third ClientHello")) } else { Ok(true) };
        };
        self.has_retried = true;
        // The first ClientHello counts as its hash (RFC 8446 §4.4.1).
        let hash = suite.hash(&self.transcript);
        let length = u8::try_from(hash.as_ref().len()).unwrap_or_default();
        self.transcript = [&[254, 0, 0, length], hash.as_ref(), &message.0].concat();
        if share.is_some() {
            self.share = share;
        }
        self.send_hello(request.cookie.as_deref()).await?;
        Ok(false)
    }

    fn begin(&mut self, message: &Message, hello: ServerHello) -> Result<bool, Stop> {
        self.record(&message.0);
        let is_tls13 = hello.version == TLS_1_3;
        if is_tls13 {
            self.seen.group = hello.group;
        }
        let opener = is_tls13.then(|| self.opener(&hello)).flatten();
        let is_readable = !is_tls13 || opener.is_some();
        if let Some(opener) = opener {
            self.records.open_with(opener);
        }
        self.seen.alpn.clone_from(&hello.said.alpn);
        self.seen.timestamps.clone_from(&hello.said.timestamps);
        self.seen.server_hello = Some(hello);
        Ok(!is_readable)
    }

    /// `None`: a group or suite that we cannot compute in, so that only the choice is known.
    fn opener(&self, hello: &ServerHello) -> Option<Opener> {
        let suite = Suite::new(CipherSuite::from(hello.cipher_suite))?;
        let share = self.share.as_ref().filter(|share| Some(share.group) == hello.group)?;
        let shared_secret = share.agree(&hello.share)?;
        let transcript = suite.hash(&self.transcript);
        Opener::new(&suite, &suite.server_handshake_traffic_secret(&shared_secret, transcript.as_ref())?)
    }

    fn is_tls13(&self) -> bool {
        self.seen.server_hello.as_ref().is_some_and(|hello| hello.version == TLS_1_3)
    }

    fn key_exchange(&mut self, body: &[u8]) -> Result<(), Stop> {
        let Some(hello) = &self.seen.server_hello else { return Ok(()) };
        let name = iana::cipher_suite(CipherSuite::from(hello.cipher_suite));
        let kind = match name.split('_').nth(1) {
            Some("ECDHE" | "ECDH") => Kind::Curve,
            Some("DHE" | "DH") => Kind::FiniteField,
            _ => return Ok(()), // of a kind that we do not read
        };
        let exchange = messages::server_key_exchange(body, kind, hello.version >= TLS_1_2)
            .ok_or(Stop::Malformed("its ServerKeyExchange makes no sense"))?;
        self.seen.group = exchange.group;
        self.seen.dh_bits = exchange.dh_bits;
        self.seen.scheme = exchange.signature_scheme;
        let signed = [&self.random[..], &hello.random, exchange.parameters].concat();
        match exchange.signature_scheme {
            Some(scheme) => self.check(scheme, &signed, exchange.signature),
            None => Ok(()),
        }
    }

    fn certificate_verify(&mut self, body: &[u8]) -> Result<(), Stop> {
        let (scheme, signature) =
            messages::certificate_verify(body).ok_or(Stop::Malformed("its CertificateVerify makes no sense"))?;
        self.seen.scheme = Some(scheme);
        let suite = self.seen.server_hello.as_ref().and_then(|hello| Suite::new(hello.cipher_suite.into()));
        let Some(suite) = suite else { return Ok(()) };
        // RFC 8446 §4.4.3
        let hash = suite.hash(&self.transcript);
        let signed = [&[b' '; 64][..], b"TLS 1.3, server CertificateVerify\0", hash.as_ref()].concat();
        self.check(scheme, &signed, signature)
    }

    fn check(&mut self, scheme: u16, signed: &[u8], signature: &[u8]) -> Result<(), Stop> {
        if self.question.until == Until::Choice {
            return Ok(());
        }
        let Some(end_entity) = self.seen.certificates.first() else { return Ok(()) };
        let scheme = SignatureScheme::from(scheme);
        let proof = inspector::second_opinion(scheme, signed, end_entity, signature);
        self.seen.key_proof = Some(proof);
        if proof == KeyProof::Wrong { Err(Stop::SignatureWrong(scheme)) } else { Ok(()) }
    }

    /// A word before hanging up, if the socket takes it at once: some servers log a bare end of stream as an error. Not after
    /// the cheapest look, which it would make dearer for both by a segment.
    fn take_leave(&self) {
        if self.question.until == Until::Certificate {
            return;
        }
        const CLOSE_NOTIFY: [u8; 7] = [21, 3, 1, 0, 2, 1, 0];
        let _ = self.stream.try_write(&CLOSE_NOTIFY);
    }

    fn into_answer(self, outcome: Result<(), Stop>) -> HelloAnswer {
        let seen = self.seen;
        let failure: Option<Failure> = outcome.err().map(|stop| failure::raw(&stop));
        let failure = match failure {
            Some(failure) if seen.server_hello.is_none() => return HelloAnswer::Refused(failure),
            failure => failure,
        };
        let Some(hello) = seen.server_hello else {
            return HelloAnswer::Refused(failure::local(Stage::Tls, "the conversation ended without an answer"));
        };
        let choice = Choice {
            version: hello.version,
            cipher_suite: hello.cipher_suite,
            group: seen.group,
            signature_scheme: seen.scheme,
        };
        let tls = TlsParameters {
            version: Some(iana::version(choice.version)),
            cipher_suite: Some(iana::cipher_suite(CipherSuite::from(choice.cipher_suite))),
            group: choice.group.map(|group| iana::group(NamedGroup::from(group))),
            dh_bits: seen.dh_bits,
            alpn: None,
            signature_scheme: choice.signature_scheme.map(|scheme| iana::signature_scheme(scheme.into())),
            key_proof: seen.key_proof.unwrap_or(KeyProof::NotChecked),
            client_certificate: if seen.authorities.is_some() {
                ClientCertificate::Requested
            } else {
                ClientCertificate::NotRequested
            },
            ocsp_staple_bytes: seen.ocsp_staple.as_ref().map(Vec::len),
        };
        HelloAnswer::Chosen(Box::new(Chosen {
            choice,
            tls,
            served_chain: seen.certificates,
            ocsp_staple: seen.ocsp_staple,
            failure,
        }))
    }
}
