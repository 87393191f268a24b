//! The certificate service, emulated on loopback: what the real one was seen to do, refuse and leave open.
//!
//! [`Emulator::start`] takes a [`Seed`] (account, certificates, resources, habits), a clock, and the [`Wiring`] to the
//! lab's TLS servers. [`Lab::with_cas`](crate::lab::Lab::with_cas) makes all three for a broken domain of the lab: its
//! certificate is stored as it is served, and what is deployed is served from then on, so that probe, fix and probe
//! again are real.
//!
//! Requests are signed with either scheme and verified. A call is recorded without its secrets ([`Emulator::calls`]),
//! and faults can be asked for "on the n-th call of action X" ([`Injection`]).
//!
//! What is known of the service and how well is told in the client's reference; where nobody knows, the choice made
//! here says so beside it.

mod actions;
mod authority;
mod certificates;
mod eas;
mod guide;
mod http;
pub mod inject;
mod jobs;
mod message;
mod orders;
pub mod record;
mod resources;
pub mod seed;
mod signature;
mod state;
mod wiring;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::lab::server;
use crate::model::time::Time;
use state::State;

pub use certificates::StoreError;
pub use inject::{Fault, Injection};
pub use record::Call;
pub use seed::{
    Account, Credits, Origin, Propagation, Secret, Seed, SeedCertificate, SeedContact, SeedGateway, SeedResource,
};
pub use state::SeedError;
pub use wiring::Wiring;
pub use world::Binding;

/// Says what time it is.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// A running emulator. It ends when it is dropped.
pub struct Emulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    state: Mutex<State>,
    clock: Clock,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it looked leaves the state as it was.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stored certificate, as a test sees it. The key is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub id: i64,
    pub name: String,
    /// DER, as uploaded.
    pub chain: Vec<Vec<u8>>,
    pub has_key: bool,
}

/// What a resource really has, whatever the inventory says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    pub resource: i64,
    pub product: String,
    pub domain: String,
    pub instance: String,
    /// 0 for none.
    pub certificate: i64,
    /// Of the TLS servers behind it.
    pub addresses: Vec<SocketAddr>,
}

/// A deployment job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: i64,
    pub name: String,
    pub status: &'static str,
    pub certificates: Vec<i64>,
    pub resources: Vec<i64>,
    pub workers: Vec<Worker>,
    pub rolled_back: bool,
}

/// A task of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    pub id: i64,
    pub resource: i64,
    pub certificate: i64,
    /// Bound before; 0 for none.
    pub previous: i64,
    pub status: &'static str,
}

impl Emulator {
    /// Listens on a free port of 127.0.0.1. Needs a tokio runtime.
    pub async fn start(seed: Seed, clock: Clock, wiring: Wiring) -> Result<Self, SeedError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = State::new(seed, wiring, clock(), &format!("http://{address}"))?;
        let shared = Arc::new(Shared { state: Mutex::new(state), clock });
        let mut servers = JoinSet::new();
        let serving = shared.clone();
        servers.spawn(server::accept(listener, move |stream| http::serve(serving.clone(), stream)));
        Ok(Self { address, shared, _server: servers })
    }

    /// `http://127.0.0.1:port`
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The root of the CA behind orders and the guides' `CreateCertificate`, PEM.
    pub fn root_pem(&self) -> String {
        self.shared.state().authority.root.pem()
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// The actions of [`calls`](Self::calls).
    pub fn actions(&self) -> Vec<String> {
        self.shared.state().calls.iter().map(|call| call.action.clone()).collect()
    }

    /// From now on; calls are counted from the start of the emulator. The first that is due wins.
    pub fn inject(&self, injection: Injection) {
        self.shared.state().injections.push(injection);
    }

    /// Forgets every injection.
    pub fn behave(&self) {
        self.shared.state().injections.clear();
    }

    /// How every certificate stored until now came into the service.
    pub fn set_origin(&self, origin: Origin) {
        for stored in self.shared.state().certificates.values_mut() {
            stored.origin = origin;
        }
    }

    /// How the next deployments spread.
    pub fn set_propagation(&self, propagation: Propagation) {
        self.shared.state().propagation = propagation;
    }

    /// By id.
    pub fn certificates(&self) -> Vec<Certificate> {
        let state = self.shared.state();
        let shown = state.certificates.values().map(|stored| Certificate {
            id: stored.id,
            name: stored.name.clone(),
            chain: stored.ders(),
            has_key: stored.key.is_some(),
        });
        shown.collect()
    }

    /// By id.
    pub fn resources(&self) -> Vec<Bound> {
        let state = self.shared.state();
        let shown = state.resources.values().map(|resource| Bound {
            resource: resource.id,
            product: resource.product.clone(),
            domain: resource.domain.clone(),
            instance: resource.instance_id.clone(),
            certificate: resource.cert_id,
            addresses: state.wiring.addresses(resource.id).collect(),
        });
        shown.collect()
    }

    /// By id. Looking here moves no job on.
    pub fn jobs(&self) -> Vec<Job> {
        let state = self.shared.state();
        let per_stage = state.polls_per_stage;
        let shown = state.jobs.values().map(|job| Job {
            id: job.id,
            name: job.name.clone(),
            status: job.status.word(),
            certificates: job.cert_ids.clone(),
            resources: job.resource_ids.clone(),
            workers: job
                .workers
                .iter()
                .map(|worker| Worker {
                    id: worker.id,
                    resource: worker.resource_id,
                    certificate: worker.cert_id,
                    previous: worker.previous,
                    status: worker.status(job, per_stage),
                })
                .collect(),
            rolled_back: job.rolled_back,
        });
        shown.collect()
    }

    pub fn credits(&self) -> Credits {
        self.shared.state().credits
    }
}
