//! Connections to one address: some opened ahead of their question, never more than so many at a time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::model::handshake::Failure;
use crate::model::starttls::StartTls;
use crate::observe::tls::{failure, starttls, tcp};

/// An open connection, and its place among those that may be open at once.
pub(super) struct Open {
    pub(super) stream: TcpStream,
    /// Kept as long as the connection is.
    pub(super) place: OwnedSemaphorePermit,
}

pub(in crate::observe::tls) struct Dialer {
    address: SocketAddr,
    /// What is spoken before TLS, on every connection.
    starttls: Option<StartTls>,
    pub(super) deadline: Instant,
    places: Arc<Semaphore>,
    ahead: Mutex<VecDeque<JoinHandle<Result<Open, Failure>>>>,
    /// Connections that will be asked for soon, as far as it is foreseen.
    due: AtomicUsize,
    opened: AtomicUsize,
}

impl Dialer {
    pub(in crate::observe::tls) fn new(
        address: SocketAddr,
        starttls: Option<StartTls>,
        at_once: usize,
        deadline: Instant,
    ) -> Self {
        let places = Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            address,
            starttls,
            deadline,
            places,
            ahead: Mutex::default(),
            due: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
        }
    }

    /// How many connections were asked for so far.
    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Opens connections for questions to come, until `count` are waiting or every place is taken.
    pub(in crate::observe::tls) fn prepare(&self, count: usize) {
        let mut ahead = self.ahead();
        while ahead.len() < count {
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { break };
            let connecting = self.connect(place);
            ahead.push_back(tokio::spawn(connecting));
        }
    }

    /// Somebody expects to ask `now` more questions soon, and no longer the `before` that were announced: connections for
    /// them are opened as far as there are places.
    pub(super) fn foresee(&self, before: usize, now: usize) {
        self.due.fetch_add(now, Ordering::Relaxed);
        self.less_due(before);
        self.prepare(self.due.load(Ordering::Relaxed));
    }

    fn less_due(&self, count: usize) {
        // Whoever asks without having said so makes it a little too small, never negative.
        let less = |due: usize| Some(due.saturating_sub(count));
        let _ = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Closes the connections that wait for a question.
    pub(in crate::observe::tls) fn hang_up(&self) {
        for waiting in self.ahead().drain(..) {
            waiting.abort();
        }
    }

    /// The next connection: one that was opened ahead, else a new one as soon as there is a place.
    pub(super) async fn open(&self) -> Result<Open, Failure> {
        self.less_due(1);
        let prepared = self.ahead().pop_front();
        if let Some(prepared) = prepared {
            return prepared
                .await
                .unwrap_or_else(|_| Err(failure::local(crate::model::handshake::Stage::Tcp, "a task ended")));
        }
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| failure::local(crate::model::handshake::Stage::Tcp, "no more connections"))?;
        self.connect(place).await
    }

    fn connect(&self, place: OwnedSemaphorePermit) -> impl Future<Output = Result<Open, Failure>> + use<> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let (address, protocol, deadline) = (self.address, self.starttls, self.deadline);
        async move {
            match starttls::connect(address, protocol, deadline).await {
                Ok(ready) => Ok(Open { stream: ready.stream, place }),
                Err(not_ready) => match not_ready.stop {
                    tcp::Stop::NoRoute(failure) | tcp::Stop::Failed(failure) => Err(failure),
                },
            }
        }
    }

    fn ahead(&self) -> MutexGuard<'_, VecDeque<JoinHandle<Result<Open, Failure>>>> {
        // A queue of handles is whole after every operation.
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Dialer {
    fn drop(&mut self) {
        self.hang_up();
    }
}
