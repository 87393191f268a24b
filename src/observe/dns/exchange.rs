//! One question to a list of name servers: repetition, the next server, TCP where UDP is too small.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::answer::{extended_error, text};
use super::mux::Mux;
use crate::model::resolution::DnsStatus;

/// How long the first try of a server may take before the next datagram goes out; it doubles with every round. The
/// answer to an earlier try still counts, so moving on early costs a datagram and loses nothing.
pub const FIRST_WAIT: Duration = Duration::from_millis(400);

/// Tries of each server, where the user named them: two lost datagrams in a row are rare, three mean a dead server.
const ROUNDS: usize = 3;

/// How long an answer may still come after the last try: a resolver with an empty cache can need seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// The whole exchange over TCP: connection, question, answer.
const TCP_TIMEOUT: Duration = Duration::from_secs(2);

/// What fits through any path without fragments (DNS Flag Day 2020; RFC 9715 §3.1 has 1400 as its upper limit).
pub(super) const UDP_PAYLOAD: u16 = 1232;

/// Room for servers that ignore our payload size.
const BUFFER: usize = 4096;

/// Datagrams with a wrong id or question that are passed over; more is a flood, not an accident.
const MAX_STRAYS: usize = 64;

/// More servers than this are not asked; resolv.conf(5) stops at 3.
const MAX_SERVERS: usize = 8;

/// Name servers, and how patiently to ask them.
#[derive(Debug, Clone)]
pub struct Servers {
    pub addresses: Vec<SocketAddr>,
    pub rounds: usize,
    pub patience: Duration,
    /// Where many names are asked for.
    pub mux: Option<Arc<Mux>>,
}

impl Servers {
    pub fn given(mut addresses: Vec<SocketAddr>) -> Self {
        addresses.truncate(MAX_SERVERS);
        Self { addresses, rounds: ROUNDS, patience: PATIENCE, mux: None }
    }

    /// The same, for many names.
    pub fn shared(self) -> Self {
        Self { mux: Some(Arc::default()), ..self }
    }
}

/// A DNS message that answers our question.
#[derive(Debug)]
pub struct Reply {
    pub server: SocketAddr,
    pub message: Message,
}

/// No server gave a useful answer.
#[derive(Debug)]
pub struct Failure {
    pub status: DnsStatus,
    /// The answer that says so, where there is one: it may hold the beginning of the chain.
    pub reply: Option<Box<Reply>>,
    /// What each server did.
    pub detail: String,
}

/// How a question is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To a resolver, as a client asks; it may say that it has validated the answer (AD in a query: RFC 6840 §5.7).
    Resolve,
    /// To a resolver, which shall hand out what it did not validate too, with the signatures (CD, RFC 4035 §3.2.2; DO).
    Unvalidated,
    /// To a name server, about its own zones.
    Direct,
}

/// Asks as a client does, until a server says NOERROR or NXDOMAIN; any other answer sends us to the next one.
pub async fn ask(servers: &Servers, name: &Name, record_type: RecordType, deadline: Instant) -> Result<Reply, Failure> {
    let Some(mux) = &servers.mux else { return ask_as(Mode::Resolve, servers, name, record_type, deadline).await };
    if let Some(reply) = mux.ask(&servers.addresses, name, record_type, deadline).await {
        return Ok(reply);
    }
    let _turn = timeout_at(deadline, mux.turn()).await;
    // Apart, because it is large and seldom needed.
    Box::pin(ask_as(Mode::Resolve, servers, name, record_type, deadline)).await
}

/// The same in any mode, with sockets of its own.
pub async fn ask_as(
    mode: Mode,
    servers: &Servers,
    name: &Name,
    record_type: RecordType,
    deadline: Instant,
) -> Result<Reply, Failure> {
    let mut asking = Asking::new(mode, servers, name, record_type)?;
    let mut wait = FIRST_WAIT;
    for _ in 0..servers.rounds {
        for index in 0..asking.servers.len() {
            if Instant::now() >= deadline {
                return Err(asking.failure());
            }
            asking.send(index, deadline).await;
            let until = deadline.min(Instant::now() + wait);
            if let Some(reply) = asking.listen(Some(index), until, deadline).await {
                return Ok(reply);
            }
        }
        wait *= 2;
    }
    let until = deadline.min(Instant::now() + servers.patience);
    match asking.listen(None, until, deadline).await {
        Some(reply) => Ok(reply),
        None => Err(asking.failure()),
    }
}

struct Asking {
    query: Message,
    wire: Vec<u8>,
    servers: Vec<Server>,
}

struct Server {
    address: SocketAddr,
    state: State,
    /// Datagrams that were no answer to us.
    strays: usize,
}

enum State {
    Unasked,
    Pending(UdpSocket),
    Failed(Failure),
}

impl Server {
    fn fail(&mut self, status: DnsStatus, reply: Option<Message>, why: impl std::fmt::Display) {
        let server = self.address;
        let reply = reply.map(|message| Box::new(Reply { server, message }));
        self.state = State::Failed(Failure { status, reply, detail: format!("{server}: {why}") });
    }
}

impl Asking {
    fn new(mode: Mode, servers: &Servers, name: &Name, record_type: RecordType) -> Result<Self, Failure> {
        // Its id comes from a generator fit for cryptography; the port is the kernel's random choice, and the socket is
        // connected: RFC 5452 §9 asks for all three.
        let mut query = Message::query();
        query.metadata.recursion_desired = mode != Mode::Direct;
        query.metadata.authentic_data = mode == Mode::Resolve;
        query.metadata.checking_disabled = mode == Mode::Unvalidated;
        query.add_query(Query::query(name.clone(), record_type));
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_PAYLOAD);
        edns.set_dnssec_ok(mode == Mode::Unvalidated);
        query.set_edns(edns);
        let wire = query.to_vec().map_err(|error| Failure {
            status: DnsStatus::Malformed,
            reply: None,
            detail: format!("the question for `{}` cannot be written: {error}", text(name)),
        })?;
        let servers =
            servers.addresses.iter().map(|&address| Server { address, state: State::Unasked, strays: 0 }).collect();
        Ok(Self { query, wire, servers })
    }

    async fn send(&mut self, index: usize, deadline: Instant) {
        let server = &mut self.servers[index];
        if matches!(server.state, State::Unasked) {
            match open(server.address).await {
                Ok(socket) => server.state = State::Pending(socket),
                Err(error) => server.fail(DnsStatus::Unreachable, None, error),
            }
        }
        if let State::Pending(socket) = &server.state
            && let Ok(Err(error)) = timeout_at(deadline, socket.send(&self.wire)).await
        {
            server.fail(DnsStatus::Unreachable, None, error);
        }
    }

    /// Waits for an answer of any server that was asked; not longer than `until`, and not after `current` has failed.
    async fn listen(&mut self, current: Option<usize>, until: Instant, deadline: Instant) -> Option<Reply> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let done = match current {
                Some(index) => matches!(self.servers[index].state, State::Failed(_)),
                None => !self.servers.iter().any(|server| matches!(server.state, State::Pending(_))),
            };
            if done {
                return None;
            }
            let (index, stirred) = timeout_at(until, self.stirring()).await.ok()?;
            let State::Pending(socket) = &self.servers[index].state else { continue };
            let found = match stirred.and_then(|()| socket.try_recv(&mut buffer)) {
                Ok(length) => self.read(index, &buffer[..length], deadline).await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                // Connected sockets learn that the port is closed (ICMP).
                Err(error) => {
                    self.servers[index].fail(DnsStatus::Unreachable, None, error);
                    None
                }
            };
            if let Some(message) = found {
                return Some(Reply { server: self.servers[index].address, message });
            }
        }
    }

    /// The first of the pending servers whose socket has a datagram or an error.
    async fn stirring(&self) -> (usize, io::Result<()>) {
        let pending = self.servers.iter().enumerate().filter_map(|(index, server)| match &server.state {
            State::Pending(socket) => Some((index, Box::pin(stirs(socket)))),
            State::Unasked | State::Failed(_) => None,
        });
        let mut pending: Vec<_> = pending.collect();
        poll_fn(|context| {
            let ready = pending.iter_mut().find_map(|(index, stirs)| match stirs.as_mut().poll(context) {
                Poll::Ready(result) => Some((*index, result)),
                Poll::Pending => None,
            });
            ready.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The message, if it settles the question; else the server's state says what it was.
    async fn read(&mut self, index: usize, datagram: &[u8], deadline: Instant) -> Option<Message> {
        if !is_reply_to(&self.query, datagram) {
            return self.stray(index);
        }
        let server = &mut self.servers[index];
        let mut message = match Message::from_vec(datagram) {
            Ok(message) => message,
            Err(error) => {
                server.fail(DnsStatus::Malformed, None, format_args!("sent a malformed message: {error}"));
                return None;
            }
        };
        if !asks_the_same(&self.query, &message) {
            return self.stray(index);
        }
        if message.metadata.truncation {
            let until = deadline.min(Instant::now() + TCP_TIMEOUT);
            message = match timeout_at(until, over_tcp(server.address, &self.wire)).await {
                Ok(Ok(bytes)) => match Message::from_vec(&bytes) {
                    Ok(message) if is_reply_to(&self.query, &bytes) && asks_the_same(&self.query, &message) => message,
                    _ => {
                        server.fail(DnsStatus::Malformed, None, "sent over TCP what is no answer to the question");
                        return None;
                    }
                },
                Ok(Err(error)) => {
                    let why = format!("its answer is too large for UDP, and over TCP: {error}");
                    server.fail(DnsStatus::Unreachable, Some(message), why);
                    return None;
                }
                Err(_) => {
                    let why = "its answer is too large for UDP, and over TCP it does not answer";
                    server.fail(DnsStatus::Timeout, Some(message), why);
                    return None;
                }
            };
        }
        match message.metadata.response_code {
            ResponseCode::NoError if is_referral(&message) => {
                // A server that knows only where to ask next is no resolver.
                server.fail(DnsStatus::Refused, Some(message), "refers us elsewhere instead of resolving");
            }
            ResponseCode::NoError | ResponseCode::NXDomain => return Some(message),
            // RFC 6891 §6.2.2, §7: the server may not know EDNS; once more without.
            ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS if self.query.edns.is_some() => {
                self.query.edns = None;
                if let Ok(wire) = self.query.to_vec() {
                    self.wire = wire;
                }
                self.send(index, deadline).await;
            }
            ResponseCode::Refused => {
                let why = format!("answered REFUSED{}", reason(&message));
                server.fail(DnsStatus::Refused, Some(message), why);
            }
            ResponseCode::ServFail => {
                let why = format!("answered SERVFAIL{}", reason(&message));
                server.fail(DnsStatus::Servfail, Some(message), why);
            }
            other => {
                let why = format!("answered with code {} ({other})", u16::from(other));
                server.fail(DnsStatus::Servfail, Some(message), why);
            }
        }
        None
    }

    /// An answer to somebody else, or a forgery: the true one may still come (RFC 5452 §9.1).
    fn stray(&mut self, index: usize) -> Option<Message> {
        let server = &mut self.servers[index];
        server.strays += 1;
        if server.strays > MAX_STRAYS {
            server.fail(DnsStatus::Malformed, None, "floods us with datagrams that are no answer to the question");
        }
        None
    }

    /// What all servers did, and the answer that says most: one that was given before one that was not.
    fn failure(self) -> Failure {
        let mut failures: Vec<Failure> = self
            .servers
            .into_iter()
            .filter_map(|server| match server.state {
                State::Unasked => None,
                State::Pending(_) if server.strays > 0 => Some(Failure {
                    status: DnsStatus::Malformed,
                    reply: None,
                    detail: format!("{}: what it sent is no answer to the question", server.address),
                }),
                State::Pending(_) => Some(Failure {
                    status: DnsStatus::Timeout,
                    reply: None,
                    detail: format!("{}: no answer in time", server.address),
                }),
                State::Failed(failure) => Some(failure),
            })
            .collect();
        let detail = failures.iter().map(|failure| failure.detail.as_str()).collect::<Vec<_>>().join("; ");
        failures.sort_by_key(|failure| match failure.status {
            DnsStatus::Servfail => 0,
            DnsStatus::Refused => 1,
            DnsStatus::Malformed => 2,
            DnsStatus::Timeout => 3,
            _ => 4,
        });
        match failures.into_iter().next() {
            Some(first) => Failure { detail, ..first },
            None => {
                let detail = "there was no time to ask".to_owned();
                Failure { status: DnsStatus::Timeout, reply: None, detail }
            }
        }
    }
}

/// In brackets, where the server gives one.
fn reason(message: &Message) -> String {
    extended_error(message).map_or_else(String::new, |reason| format!(" ({reason})"))
}

/// Whether this machine has a way to `server`, as far as the kernel knows without sending anything.
pub async fn has_route(server: SocketAddr) -> bool {
    !open(server)
        .await
        .is_err_and(|error| matches!(error.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable))
}

pub(super) async fn open(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    Ok(socket)
}

/// Waits for a datagram or an error. Linux reports an ICMP error without calling the socket readable, and tokio's `recv`
/// would sleep through it.
pub(super) async fn stirs(socket: &UdpSocket) -> io::Result<()> {
    loop {
        if !socket.ready(Interest::READABLE | Interest::ERROR).await?.is_error() {
            return Ok(());
        }
        let error = || Err(socket.take_error()?.unwrap_or_else(|| io::ErrorKind::WouldBlock.into()));
        match socket.try_io(Interest::ERROR, error) {
            // Somebody else has taken it; the readiness is cleared now.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

/// RFC 1035 §4.2.2: each message after its length in two octets.
async fn over_tcp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// By id and the QR bit (RFC 1035 §4.1.1), before anything else of the bytes is looked at.
fn is_reply_to(query: &Message, bytes: &[u8]) -> bool {
    bytes.len() >= 12 && bytes[..2] == query.metadata.id.to_be_bytes() && bytes[2] & 0x80 != 0
}

/// The question comes back in the answer (RFC 5452 §9.1); servers that could not read it may leave it out.
fn asks_the_same(query: &Message, answer: &Message) -> bool {
    answer.metadata.message_type == MessageType::Response
        && (answer.queries == query.queries
            || answer.queries.is_empty() && answer.metadata.response_code != ResponseCode::NoError)
}

/// RFC 2308 §2.2: no data, name servers of a deeper zone, and no SOA.
pub(super) fn is_referral(message: &Message) -> bool {
    let has = |wanted| message.authorities.iter().any(|record| record.record_type() == wanted);
    message.answers.is_empty()
        && !message.metadata.authoritative
        && !message.metadata.recursion_available
        && has(RecordType::NS)
        && !has(RecordType::SOA)
}
