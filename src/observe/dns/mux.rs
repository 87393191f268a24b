//! Many questions at once over a few shared sockets, with the answers that are still good kept for a while.
//!
//! For scans: a socket a question costs more than the question. Only what is quick and plain is dealt with here; whatever
//! is not (no answer in time, truncation, a refusal, a server that changes the question) is left to [`super::exchange`],
//! so that a scan tells of a name exactly what a probe tells.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::exchange::{self, FIRST_WAIT, Reply, UDP_PAYLOAD};

/// Questions under way over all sockets: as many as resolvers take from one client without dropping some.
const MAX_IN_FLIGHT: usize = 512;

/// Sockets open for each server. With the id, the letter case of the question and the port an off-path forger has to guess
/// more than the 32 bits of RFC 5452 §4.
const LANES: usize = 4;

/// Questions before a socket is replaced by one with another port.
const QUESTIONS_A_LANE: usize = 4_096;

/// Tries before a question is left to the patient exchange. The wait doubles with each.
const TRIES: usize = 2;

/// Questions that the patient exchange may hold at once, with a socket each: dead name servers must not eat the descriptors.
const MAX_PATIENT: usize = 32;

/// Answers kept, of some hundred bytes each, in two halves of which the older goes.
const MAX_ANSWERS: usize = 2_048;

/// Longer than this no answer is kept: a scan is about now.
const MAX_AGE: Duration = Duration::from_secs(300);

/// Room for a datagram; what does not fit has no right id or is cut, and is asked for again.
const BUFFER: usize = 4096;

const HEADER: usize = 12;

/// Asks for many names. Its sockets live in the runtime that asks first.
#[derive(Debug)]
pub struct Mux {
    lanes: Mutex<HashMap<SocketAddr, Vec<Arc<Lane>>>>,
    in_flight: Semaphore,
    patient: Semaphore,
    answers: Mutex<Answers>,
    random: Mutex<Random>,
}

impl Mux {
    pub fn new() -> Self {
        Self {
            lanes: Mutex::default(),
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
            patient: Semaphore::new(MAX_PATIENT),
            answers: Mutex::default(),
            random: Mutex::default(),
        }
    }

    /// An answer with NOERROR or NXDOMAIN, when one of `servers` gives it without further ado.
    pub async fn ask(
        &self,
        servers: &[SocketAddr],
        name: &Name,
        record_type: RecordType,
        deadline: Instant,
    ) -> Option<Reply> {
        let key = key(name, record_type);
        if let Some(reply) = self.known(&key) {
            return Some(reply);
        }
        let _permit = timeout_at(deadline, self.in_flight.acquire()).await.ok()?.ok()?;
        let mut wait = FIRST_WAIT;
        for server in servers.iter().cycle().take(TRIES) {
            let until = deadline.min(Instant::now() + wait);
            match self.try_one(*server, &key, until).await {
                Tried::Answered(datagram, message) => {
                    self.keep(key, *server, datagram, &message);
                    return Some(Reply { server: *server, message: *message });
                }
                Tried::Silent => wait *= 2,
                Tried::Odd => return None,
            }
        }
        None
    }

    /// Waits for a turn to ask patiently.
    pub async fn turn(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        self.patient.acquire().await.ok()
    }

    async fn try_one(&self, server: SocketAddr, key: &[u8], until: Instant) -> Tried {
        let Ok(lane) = self.lane(server).await else { return Tried::Odd };
        let Some((asked, answer)) = Asked::new(&lane, key, &self.random) else { return Tried::Odd };
        match timeout_at(until, lane.socket.send(&asked.datagram)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Tried::Odd,
            Err(_) => return Tried::Silent,
        }
        let datagram = match timeout_at(until, answer).await {
            Ok(Ok(datagram)) => datagram,
            // The socket failed: the port is closed, or the way is.
            Ok(Err(_)) => return Tried::Odd,
            Err(_) => return Tried::Silent,
        };
        match Message::from_vec(&datagram) {
            Ok(message) if is_plain(&message) => Tried::Answered(datagram, Box::new(message)),
            _ => Tried::Odd,
        }
    }

    /// One of the server's sockets, by chance.
    async fn lane(&self, server: SocketAddr) -> io::Result<Arc<Lane>> {
        let choice = usize::from(lock(&self.random).octet()) % LANES;
        if let Some(lane) = lock(&self.lanes).get_mut(&server).and_then(|lanes| {
            // One that is used up closes with its last question.
            lanes.retain(|lane| lane.is_fresh());
            lanes.get(choice).cloned()
        }) {
            return Ok(lane);
        }
        let lane = Arc::new(Lane::open(server).await?);
        let mut all = lock(&self.lanes);
        let lanes = all.entry(server).or_default();
        if lanes.len() < LANES {
            lanes.push(Arc::clone(&lane));
        }
        Ok(lane)
    }

    fn known(&self, key: &[u8]) -> Option<Reply> {
        let (kept, age) = {
            let answers = lock(&self.answers);
            let kept = answers.get(key)?;
            let now = Instant::now();
            if now >= kept.until {
                return None;
            }
            (kept.clone(), now - kept.at)
        };
        let mut message = Message::from_vec(&kept.octets).ok()?;
        let age = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
        for record in &mut message.answers {
            record.ttl = record.ttl.saturating_sub(age); // as a caching resolver would say now
        }
        Some(Reply { server: kept.server, message })
    }

    fn keep(&self, key: Box<[u8]>, server: SocketAddr, datagram: Vec<u8>, message: &Message) {
        let seconds = lifetime(message);
        if seconds > 0 {
            let at = Instant::now();
            let until = at + MAX_AGE.min(Duration::from_secs(seconds.into()));
            lock(&self.answers).insert(key, Kept { octets: datagram.into(), server, at, until });
        }
    }
}

impl Default for Mux {
    fn default() -> Self {
        Self::new()
    }
}

enum Tried {
    Answered(Vec<u8>, Box<Message>),
    Silent,
    /// Not for us: see [`Mux`].
    Odd,
}

/// The question as it is compared: the name in lower case, type and class.
fn key(name: &Name, record_type: RecordType) -> Box<[u8]> {
    let mut key = Vec::with_capacity(name.len() + 6);
    for label in name.iter() {
        // A label has 63 octets at most (RFC 1035 §2.3.4); `Name` keeps to that.
        key.push(u8::try_from(label.len()).unwrap_or(0));
        key.extend(label.iter().map(u8::to_ascii_lowercase));
    }
    key.push(0);
    key.extend(u16::from(record_type).to_be_bytes());
    key.extend([0, 1]); // IN
    key.into()
}

/// The answers that follow the aliases and say how they end. All others need a second look.
fn is_plain(message: &Message) -> bool {
    !message.metadata.truncation
        && !exchange::is_referral(message)
        && matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
}

/// Seconds that an answer holds; one without records as its zone says (RFC 2308 §5).
fn lifetime(message: &Message) -> u32 {
    let negative = || {
        message.authorities.iter().find_map(|record| match &record.data {
            RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
            _ => None,
        })
    };
    let answers = message.answers.iter().map(|record| record.ttl).min();
    answers.or_else(negative).unwrap_or(0)
}

/// A socket and the questions that wait for their answers on it.
#[derive(Debug)]
struct Lane {
    socket: Arc<UdpSocket>,
    waiting: Arc<Mutex<Waiting>>,
    listener: AbortHandle,
}

#[derive(Debug, Default)]
struct Waiting {
    asked: usize,
    by_id: HashMap<u16, Pending>,
}

#[derive(Debug)]
struct Pending {
    /// As sent, letter case included: it comes back the same (draft-vixie-dnsext-dns0x20).
    question: Box<[u8]>,
    answer: oneshot::Sender<Vec<u8>>,
}

impl Lane {
    async fn open(server: SocketAddr) -> io::Result<Self> {
        let socket = Arc::new(exchange::open(server).await?);
        let waiting: Arc<Mutex<Waiting>> = Arc::default();
        let listener = tokio::spawn(listen(Arc::clone(&socket), Arc::clone(&waiting))).abort_handle();
        Ok(Self { socket, waiting, listener })
    }

    fn is_fresh(&self) -> bool {
        !self.listener.is_finished() && lock(&self.waiting).asked < QUESTIONS_A_LANE
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Hands each datagram to the question it answers. Others are passed over: an answer that came too late, or a forgery.
async fn listen(socket: Arc<UdpSocket>, waiting: Arc<Mutex<Waiting>>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let received = match exchange::stirs(&socket).await {
            Ok(()) => socket.try_recv(&mut buffer),
            Err(error) => Err(error),
        };
        match received {
            Ok(length) => {
                let datagram = &buffer[..length];
                let Some(pending) = answered(&mut lock(&waiting).by_id, datagram) else { continue };
                // Whoever asked may have left.
                let _ = pending.answer.send(datagram.to_vec());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // The server's port is closed: all that wait here learn it at once.
            Err(_) => lock(&waiting).by_id.clear(),
        }
    }
}

/// By id, the QR bit, and the question octet by octet (RFC 5452 §9.1).
fn answered(by_id: &mut HashMap<u16, Pending>, datagram: &[u8]) -> Option<Pending> {
    let &[high, low, flags, _, questions_high, questions_low, ..] = datagram else { return None };
    let id = u16::from_be_bytes([high, low]);
    let pending = by_id.get(&id)?;
    let is_ours = flags & 0x80 != 0
        && [questions_high, questions_low] == [0, 1]
        && datagram.get(HEADER..).is_some_and(|rest| rest.starts_with(&pending.question));
    if is_ours { by_id.remove(&id) } else { None }
}

/// A question on its way; forgotten with this.
struct Asked {
    datagram: Vec<u8>,
    id: u16,
    waiting: Arc<Mutex<Waiting>>,
}

impl Asked {
    fn new(lane: &Lane, key: &[u8], random: &Mutex<Random>) -> Option<(Self, oneshot::Receiver<Vec<u8>>)> {
        let mut random = lock(random);
        let mut waiting = lock(&lane.waiting);
        let free = (0..16).map(|_| random.id()).find(|id| !waiting.by_id.contains_key(id));
        let id = free?;
        let mut datagram = Vec::with_capacity(HEADER + key.len() + 11);
        datagram.extend(id.to_be_bytes());
        // RD; one question, one additional record.
        datagram.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
        random.in_mixed_case(key, &mut datagram);
        let question = datagram[HEADER..].into();
        // OPT (RFC 6891 §6.1.2): root, type 41, payload size, no flags, no options.
        datagram.extend([0, 0, 41]);
        datagram.extend(UDP_PAYLOAD.to_be_bytes());
        datagram.extend([0; 6]);
        let (answer, receiver) = oneshot::channel();
        waiting.by_id.insert(id, Pending { question, answer });
        waiting.asked += 1;
        drop(waiting);
        Some((Self { datagram, id, waiting: Arc::clone(&lane.waiting) }, receiver))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        lock(&self.waiting).by_id.remove(&self.id);
    }
}

/// Octets fit for cryptography, drawn many at a time.
#[derive(Debug)]
struct Random {
    octets: [u8; 256],
    used: usize,
}

impl Default for Random {
    fn default() -> Self {
        Self { octets: [0; 256], used: 256 }
    }
}

impl Random {
    fn octet(&mut self) -> u8 {
        if self.used == self.octets.len() {
            // Without randomness no handshake would work either.
            let _ = aws_lc_rs::rand::fill(&mut self.octets);
            self.used = 0;
        }
        self.used += 1;
        self.octets[self.used - 1]
    }

    fn id(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// The octets of `question` with letters in upper or lower case by chance; only those of the name are letters.
    fn in_mixed_case(&mut self, question: &[u8], out: &mut Vec<u8>) {
        let (name, class) = question.split_at(question.len() - 4);
        let mut bits = 0;
        for (position, octet) in name.iter().enumerate() {
            if position % 8 == 0 {
                bits = self.octet();
            }
            let upper = bits >> (position % 8) & 1 == 1 && octet.is_ascii_lowercase();
            out.push(if upper { octet.to_ascii_uppercase() } else { *octet });
        }
        out.extend(class);
    }
}

#[derive(Debug, Clone)]
struct Kept {
    octets: Arc<[u8]>,
    server: SocketAddr,
    at: Instant,
    until: Instant,
}

#[derive(Debug, Default)]
struct Answers {
    young: HashMap<Box<[u8]>, Kept>,
    old: HashMap<Box<[u8]>, Kept>,
}

impl Answers {
    fn get(&self, key: &[u8]) -> Option<&Kept> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    fn insert(&mut self, key: Box<[u8]>, kept: Kept) {
        if self.young.len() >= MAX_ANSWERS / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, kept);
    }
}

/// A panic elsewhere leaves nothing half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
