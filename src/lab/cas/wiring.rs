//! Resources and the lab's TLS servers behind them: what is deployed is what is served.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls_pki_types::PrivateKeyDer;
use tokio::task::JoinSet;

use super::seed::Propagation;
use crate::lab::server::tls::TlsServer;

/// Which servers stand behind which resource. Empty: deployments change nothing outside the emulator.
#[derive(Debug, Default)]
pub struct Wiring {
    listeners: BTreeMap<i64, Vec<Listener>>,
    /// Deployments on their way to an address.
    on_the_way: JoinSet<()>,
}

#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    server: Arc<TlsServer>,
    /// Counts deployments, so that an older one that arrives late changes nothing.
    latest: Arc<AtomicU64>,
}

impl Wiring {
    /// `server` at `address` serves what is bound to `resource`.
    pub(in crate::lab) fn connect(&mut self, resource: i64, address: SocketAddr, server: Arc<TlsServer>) {
        let listener = Listener { address, server, latest: Arc::default() };
        self.listeners.entry(resource).or_default().push(listener);
    }

    /// The addresses behind `resource`.
    pub fn addresses(&self, resource: i64) -> impl Iterator<Item = SocketAddr> {
        self.listeners.get(&resource).into_iter().flatten().map(|listener| listener.address)
    }

    /// Serves `chain` with `key` at every address of `resource`, one after the other. Needs a tokio runtime when
    /// that takes time.
    pub(super) fn deploy(
        &mut self,
        resource: i64,
        chain: &[Vec<u8>],
        key: &PrivateKeyDer<'static>,
        pace: &Propagation,
    ) {
        while self.on_the_way.try_join_next().is_some() {}
        for (position, listener) in (0..).zip(self.listeners.get(&resource).into_iter().flatten()) {
            let number = listener.latest.fetch_add(1, Ordering::Relaxed) + 1;
            if pace.never.contains(&listener.address.ip()) {
                continue;
            }
            let wait = pace.first_ms.saturating_add(pace.between_ms.saturating_mul(position));
            let (server, chain, key) = (listener.server.clone(), chain.to_vec(), key.clone_key());
            if wait == 0 {
                server.replace(chain, key);
                continue;
            }
            let latest = listener.latest.clone();
            self.on_the_way.spawn(async move {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                if latest.load(Ordering::Relaxed) == number {
                    server.replace(chain, key);
                }
            });
        }
    }
}
