//! Whose turn it is: how many targets are begun, how many connections are open, and how many of them at one server.
//!
//! Two lanes keep hanging servers from slowing the others. A connection enters the *fast* lane, which bounds the handshakes
//! in progress. One that is not answered after a few times the typical duration is only waiting: it is moved to the
//! *waiting* lane, which is bounded by descriptors, and its place in the fast lane is free. It goes on as before and knows
//! nothing of it.
//!
//! A *turn* is the right to begin a target. It is given back when the target is done, when it has become old, and when it
//! waits at the limit of a server: so a list that is sorted by server goes on with the next server's names.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// A connection older than this many times the typical one is only waiting.
const PATIENCE: u32 = 4;

/// Bounds of that patience: below, a busy machine would move everybody; above, a list of nothing but dead hosts, whose typical
/// duration is the time-out, would move nobody.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(100);
const LONGEST_PATIENCE: Duration = Duration::from_secs(2);

/// How often the old ones are looked for.
const ROUND: Duration = Duration::from_millis(20);

/// The first guess of a typical connection, until some were seen.
const TYPICAL: Duration = Duration::from_millis(100);

/// How many of each there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Handshakes in progress.
    pub handshakes: usize,
    /// Connections that were not answered for long, beyond those.
    pub waiting: usize,
    /// Targets begun and not finished, whatever they wait for: what bounds the memory.
    pub targets: usize,
    /// Connections to one address at one time; `None`: as many as there are.
    pub per_address: Option<usize>,
    /// The same for a /24 of IPv4 and a /48 of IPv6, which is what one site is given.
    pub per_network: Option<usize>,
}

impl Limits {
    /// `handshakes` in progress if `descriptors` allow, with as much room to wait as they leave. For the limits of a server 0
    /// means none.
    pub fn of(handshakes: usize, descriptors: usize, per_address: usize, per_network: usize) -> Self {
        // Half of a small number stays for those that hang: else a few of them hold everybody.
        let handshakes = handshakes.min(descriptors / 2).max(1);
        let waiting = WAITING.min(descriptors.saturating_sub(handshakes));
        let limit = |number: usize| (number > 0).then_some(number);
        Self {
            handshakes,
            waiting,
            targets: handshakes + waiting + (4 * handshakes).min(LOOK_AHEAD),
            per_address: limit(per_address),
            per_network: limit(per_network),
        }
    }
}

/// Room for those that hang, where descriptors allow: a hundredth of 4,000 targets a second, about what one thread does, for
/// ten seconds. Each costs 35 kB.
const WAITING: usize = 400;

/// Targets that may wait at the limits of their servers while others go on; each costs as much.
const LOOK_AHEAD: usize = 250;

/// Connections in a row that an address met with silence, before the next targets there are not tried. A name that fails alone
/// is always tried; this is for the thousand names of a load balancer that is gone, which would each wait for the time-out,
/// a few at a time, until nothing else is left to do.
const SILENT: u32 = 16;

/// After which one of them is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Silent addresses remembered.
const MAX_SILENT: usize = 4_096;

/// The limits of a whole scan.
#[derive(Debug, Clone)]
pub struct Gates(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    turns: Arc<Semaphore>,
    targets: Arc<Semaphore>,
    fast: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    servers: Mutex<HashMap<Server, Arc<Semaphore>>>,
    silent: Mutex<HashMap<SocketAddr, Silence>>,
    /// In the order of their beginning.
    young: Mutex<VecDeque<(Instant, Young)>>,
    /// Microseconds: an estimate of the median, which a hundredth of hanging servers does not move.
    typical: AtomicU64,
}

/// Of one address.
#[derive(Debug)]
struct Silence {
    in_a_row: u32,
    tried: Instant,
}

#[derive(Debug)]
enum Young {
    Turn(Weak<Turn>),
    Connection(Weak<Slot>),
}

impl Young {
    fn is_gone(&self) -> bool {
        match self {
            Self::Turn(turn) => turn.strong_count() == 0,
            Self::Connection(slot) => slot.strong_count() == 0,
        }
    }
}

/// What a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Server {
    Address(IpAddr),
    Network(IpAddr),
}

/// One target's access to the limits; lives as long as the target is worked on.
#[derive(Debug)]
pub struct Gate {
    shared: Arc<Shared>,
    turn: Arc<Turn>,
    _target: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Turn(Mutex<Option<OwnedSemaphorePermit>>);

impl Turn {
    fn give_back(&self) {
        lock(&self.0).take();
    }
}

/// The right to have one connection open; several in a row may use it. Dropped when the last of them is closed.
#[derive(Debug)]
pub struct Permit {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
    begun: Instant,
    waited: Duration,
    // Given back after the slot, in the opposite order of being taken.
    _network: Option<Held>,
    _address: Option<Held>,
}

#[derive(Debug)]
struct Slot {
    /// Of the fast lane, or of the waiting one.
    place: Mutex<Option<OwnedSemaphorePermit>>,
    turn: Weak<Turn>,
}

impl Gates {
    pub fn new(limits: Limits) -> Self {
        let places = |number: usize| Arc::new(Semaphore::new(number.clamp(1, Semaphore::MAX_PERMITS)));
        Self(Arc::new(Shared {
            limits,
            // Half more than there may be handshakes, so that there are names resolved when one ends.
            turns: places(limits.handshakes.saturating_add(limits.handshakes.div_ceil(2))),
            targets: places(limits.targets),
            fast: places(limits.handshakes),
            waiting: Arc::new(Semaphore::new(limits.waiting.min(Semaphore::MAX_PERMITS))),
            servers: Mutex::default(),
            silent: Mutex::default(),
            young: Mutex::default(),
            typical: AtomicU64::new(micros(TYPICAL)),
        }))
    }

    /// Waits until another target may be begun.
    pub async fn turn(&self) -> Gate {
        let target = acquire(&self.0.targets).await;
        let turn = Arc::new(Turn(Mutex::new(Some(acquire(&self.0.turns).await))));
        self.0.add_young(Young::Turn(Arc::downgrade(&turn)));
        Gate { shared: self.0.clone(), turn, _target: target }
    }

    /// Moves the old ones to the waiting lane, for ever.
    pub async fn patrol(&self) {
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            round.tick().await;
            self.0.move_the_old(Instant::now());
        }
    }
}

impl Gate {
    /// Waits until a connection to `address` may be opened. What a server's own limit makes a target wait is not the
    /// server's fault: add [`Permit::waited`] to the deadline.
    pub async fn enter(&self, address: IpAddr) -> Permit {
        let begun = Instant::now();
        let shared = &self.shared;
        let (mut of_address, mut of_network) = (None, None);
        if !is_local(address) {
            of_address = self.hold(Server::Address(address), shared.limits.per_address).await;
            of_network = self.hold(Server::Network(network(address)), shared.limits.per_network).await;
        }
        let place = acquire(&shared.fast).await;
        let slot = Arc::new(Slot { place: Mutex::new(Some(place)), turn: Arc::downgrade(&self.turn) });
        shared.add_young(Young::Connection(Arc::downgrade(&slot)));
        let now = Instant::now();
        Permit {
            slot,
            shared: shared.clone(),
            begun: now,
            waited: now - begun,
            _network: of_network,
            _address: of_address,
        }
    }

    /// Is nobody there? Not asked of loopback. Asked before [`Gate::enter`] and, because others may have found out
    /// meanwhile, behind it. One target after each [`TRY_AGAIN`] is told no, and finds out.
    pub fn is_silent(&self, address: SocketAddr) -> bool {
        match lock(&self.shared.silent).get_mut(&address) {
            Some(silence) if silence.in_a_row >= SILENT => {
                let due = silence.tried.elapsed() >= TRY_AGAIN;
                if due {
                    silence.tried = Instant::now();
                }
                !due
            }
            _ => false,
        }
    }

    /// What came of a connection: was the SYN met with silence?
    pub fn heard(&self, address: SocketAddr, silence: bool) {
        let mut silent = lock(&self.shared.silent);
        if !silence {
            silent.remove(&address);
        } else if !is_local(address.ip()) && (silent.len() < MAX_SILENT || silent.contains_key(&address)) {
            let known = silent.entry(address).or_insert(Silence { in_a_row: 0, tried: Instant::now() });
            known.in_a_row += 1;
            known.tried = Instant::now();
        }
    }

    /// The target will do nothing for a while: another may begin.
    pub fn rest(&self) {
        self.turn.give_back();
    }

    async fn hold(&self, server: Server, limit: Option<usize>) -> Option<Held> {
        let limit = limit?.clamp(1, Semaphore::MAX_PERMITS);
        let semaphore =
            lock(&self.shared.servers).entry(server).or_insert_with(|| Arc::new(Semaphore::new(limit))).clone();
        let mut held = Held { shared: self.shared.clone(), server, permit: None, semaphore };
        held.permit = match held.semaphore.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => {
                self.rest();
                Some(acquire(&held.semaphore).await)
            }
        };
        Some(held)
    }
}

impl Permit {
    /// How long the gate was closed.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        lock(&self.slot.place).take();
        self.shared.learn(self.begun.elapsed());
    }
}

impl Shared {
    fn add_young(&self, young: Young) {
        let mut list = lock(&self.young);
        while list.front().is_some_and(|(_, first)| first.is_gone()) {
            list.pop_front();
        }
        // One that stays at the front must not keep the finished ones behind it.
        if list.len() > 8 * self.limits.targets.max(64) {
            list.retain(|(_, young)| !young.is_gone());
        }
        list.push_back((Instant::now(), young));
    }

    fn patience(&self) -> Duration {
        let typical = Duration::from_micros(self.typical.load(Ordering::Relaxed));
        (typical * PATIENCE).clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE)
    }

    /// A step of 1/32 towards each duration seen ends at the median.
    fn learn(&self, duration: Duration) {
        let typical = self.typical.load(Ordering::Relaxed);
        let step = typical / 32 + 1;
        let towards =
            if micros(duration) > typical { typical.saturating_add(step) } else { typical.saturating_sub(step) };
        // Two at once lose a step, which is nothing to an estimate.
        self.typical.store(towards.min(micros(LONGEST_PATIENCE)), Ordering::Relaxed);
    }

    fn move_the_old(&self, now: Instant) {
        let patience = self.patience();
        let mut list = lock(&self.young);
        while let Some((begun, young)) = list.front() {
            if !young.is_gone() && now.saturating_duration_since(*begun) < patience {
                return;
            }
            if !self.is_moved(young) {
                return; // The waiting lane is full.
            }
            list.pop_front();
        }
    }

    fn is_moved(&self, young: &Young) -> bool {
        match young {
            Young::Turn(turn) => {
                if let Some(turn) = turn.upgrade() {
                    turn.give_back();
                }
            }
            Young::Connection(slot) => {
                let Some(slot) = slot.upgrade() else { return true };
                let mut place = lock(&slot.place);
                if place.is_some() {
                    let Ok(waiting) = self.waiting.clone().try_acquire_owned() else { return false };
                    *place = Some(waiting);
                }
                drop(place);
                if let Some(turn) = slot.turn.upgrade() {
                    turn.give_back();
                }
            }
        }
        true
    }
}

/// A place at one server. The entry of a server that nobody speaks to is removed.
#[derive(Debug)]
struct Held {
    shared: Arc<Shared>,
    server: Server,
    permit: Option<OwnedSemaphorePermit>,
    semaphore: Arc<Semaphore>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.permit.take();
        let mut servers = lock(&self.shared.servers);
        // The list's and ours; who else knows it takes it from the list, which is locked.
        if Arc::strong_count(&self.semaphore) == 2 {
            servers.remove(&self.server);
        }
    }
}

/// The limits protect servers of others.
fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The network that one site is given: RFC 6177 for IPv6; the smallest prefix that is routed for IPv4.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80)).into(),
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    match semaphore.clone().acquire_owned().await {
        Ok(permit) => permit,
        // Nobody closes these semaphores.
        Err(_) => std::future::pending().await,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The lists are changed in single steps: there is no half-done state that a panic could leave.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { handshakes: 2, waiting: 3, targets: 10, per_address: Some(1), per_network: Some(2) };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Has the future no answer yet?
    async fn waits<T>(future: impl Future<Output = T>) -> bool {
        let mut future = std::pin::pin!(future);
        for _ in 0..8 {
            if std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_ready())).await {
                return false;
            }
            tokio::task::yield_now().await;
        }
        true
    }

    #[tokio::test]
    async fn a_server_has_its_limit_and_its_network_another() {
        let gates = Gates::new(Limits { handshakes: 100, ..LIMITS });
        let gate = gates.turn().await;
        let first = gate.enter(ip("192.0.2.1")).await;
        assert!(waits(gate.enter(ip("192.0.2.1"))).await, "one at a time");
        let second = gate.enter(ip("192.0.2.2")).await;
        assert!(waits(gate.enter(ip("192.0.2.3"))).await, "two in a network");
        let _elsewhere = gate.enter(ip("192.0.3.3")).await;
        drop(first);
        let _third = gate.enter(ip("192.0.2.3")).await;
        drop(second);
        let _again = gate.enter(ip("192.0.2.1")).await;
    }

    #[tokio::test]
    async fn loopback_has_no_limit_of_its_own_and_nothing_is_kept() {
        let gates = Gates::new(Limits { handshakes: 100, ..LIMITS });
        let gate = gates.turn().await;
        for address in ["127.0.0.1", "127.0.0.1", "::1", "::1", "::ffff:127.0.0.1", "::ffff:127.0.0.1"] {
            std::mem::forget(gate.enter(ip(address)).await);
        }
        let gone = gate.enter(ip("192.0.2.1")).await;
        assert_eq!(lock(&gates.0.servers).len(), 2);
        assert!(waits(gate.enter(ip("192.0.2.1"))).await, "and one that gave up waiting leaves nothing either");
        drop(gone);
        assert_eq!(lock(&gates.0.servers).len(), 0);
    }

    #[tokio::test]
    async fn who_waits_at_a_server_lets_the_next_target_begin() {
        let gates = Gates::new(Limits { handshakes: 1, ..LIMITS });
        let (first, second) = (gates.turn().await, gates.turn().await);
        assert!(waits(gates.turn()).await, "half more than handshakes");
        let _open = first.enter(ip("192.0.2.1")).await;
        assert!(waits(second.enter(ip("192.0.2.1"))).await);
        let _third = gates.turn().await;
    }

    #[tokio::test]
    async fn who_hangs_makes_room_until_the_waiting_lane_is_full() {
        let gates = Gates::new(LIMITS);
        let mut hanging = Vec::new();
        for round in 0..5 {
            let gate = gates.turn().await;
            let permit = gate.enter(ip("127.0.0.1")).await;
            hanging.push((gate, permit));
            gates.0.move_the_old(Instant::now() + LONGEST_PATIENCE);
            assert_eq!(gates.0.waiting.available_permits(), 3_usize.saturating_sub(round + 1));
        }
        assert_eq!(gates.0.fast.available_permits(), 0);
        let gate = gates.turn().await;
        assert!(waits(gate.enter(ip("127.0.0.1"))).await, "bounded whatever hangs");
        hanging.remove(0);
        gates.0.move_the_old(Instant::now() + LONGEST_PATIENCE);
        assert!(!waits(gate.enter(ip("127.0.0.1"))).await);
    }

    #[tokio::test]
    async fn targets_are_bounded_whatever_they_wait_for() {
        let gates = Gates::new(LIMITS);
        let mut begun = Vec::new();
        for _ in 0..LIMITS.targets {
            let gate = gates.turn().await;
            gate.rest();
            begun.push(gate);
        }
        assert!(waits(gates.turn()).await);
        begun.pop();
        assert!(!waits(gates.turn()).await);
    }

    #[test]
    fn a_hundredth_of_hanging_servers_does_not_move_what_is_typical() {
        let gates = Gates::new(LIMITS);
        for number in 0..10_000 {
            gates.0.learn(Duration::from_millis(if number % 100 == 0 { 10_000 } else { 5 }));
        }
        assert_eq!(gates.0.patience(), SHORTEST_PATIENCE);
        for _ in 0..10_000 {
            gates.0.learn(Duration::from_secs(10));
        }
        assert_eq!(gates.0.patience(), LONGEST_PATIENCE);
    }

    #[tokio::test]
    async fn an_address_is_taken_for_silent_after_many_and_until_it_is_heard() {
        let gates = Gates::new(LIMITS);
        let gate = gates.turn().await;
        let (gone, other): (SocketAddr, SocketAddr) =
            ("192.0.2.1:443".parse().unwrap(), "192.0.2.1:8443".parse().unwrap());
        for _ in 1..SILENT {
            gate.heard(gone, true);
        }
        assert!(!gate.is_silent(gone));
        gate.heard(gone, true);
        assert!(gate.is_silent(gone) && gate.is_silent(gone) && !gate.is_silent(other));
        lock(&gates.0.silent).get_mut(&gone).unwrap().tried -= TRY_AGAIN;
        assert!(!gate.is_silent(gone), "one finds out");
        assert!(gate.is_silent(gone), "and only one");
        gate.heard(gone, false);
        assert!(!gate.is_silent(gone));
        let local = "127.0.0.1:443".parse().unwrap();
        (0..100).for_each(|_| gate.heard(local, true));
        assert!(!gate.is_silent(local));
        for port in 1..=65_535 {
            gate.heard(SocketAddr::new(gone.ip(), port), true);
        }
        assert!(lock(&gates.0.silent).len() <= MAX_SILENT);
    }

    #[test]
    fn limits_fit_the_descriptors() {
        for descriptors in [0, 1, 10, 192, 960, 20_000] {
            for handshakes in [1, 100, 1_000, 20_000] {
                let limits = Limits::of(handshakes, descriptors, 8, 0);
                assert!(limits.handshakes >= 1 && limits.handshakes <= handshakes);
                assert!(limits.handshakes + limits.waiting <= descriptors.max(1), "{limits:?} of {descriptors}");
                assert!(limits.targets > limits.handshakes + limits.waiting);
            }
        }
        assert_eq!(Limits::of(100, 20_000, 8, 0).targets, 750);
        assert_eq!(Limits::of(1_000, 20_000, 8, 0).targets, 1_650);
        assert_eq!((Limits::of(1, 100, 8, 0).per_address, Limits::of(1, 100, 8, 0).per_network), (Some(8), None));
    }

    #[test]
    fn networks() {
        assert_eq!(network(ip("192.0.2.77")), ip("192.0.2.0"));
        assert_eq!(network(ip("2001:db8:1:2::3")), ip("2001:db8:1::"));
        assert_eq!(network(ip("::ffff:192.0.2.77")), ip("192.0.2.0"));
    }
}
