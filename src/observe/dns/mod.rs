//! Name resolution that keeps what a diagnosis needs: every alias with its true TTL, and how a broken chain ended.
//!
//! hickory-resolver's look-ups give every record of a chain the smallest TTL and lose the chain when it is broken, so
//! the questions are asked here, over hickory-proto's messages: `exchange` puts one question to a list of servers,
//! `answer` reads one answer, `follow` goes from alias to alias, `system` knows the machine's own configuration, `mux`
//! serves many names at once.
//!
//! Beyond the addresses: `look` gathers what is asked beside them, through an `asker` that counts; `beside` are CAA and
//! HTTPS records, `authority` the name servers of the zones themselves, `signed` is DNSSEC.

mod answer;
mod asker;
mod authority;
mod beside;
mod exchange;
mod follow;
#[cfg(fuzzing)]
pub mod fuzzing;
mod look;
mod mux;
mod signed;
mod system;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use crate::model::resolution::{DnsStatus, Resolution};
use crate::model::target::DnsName;
use crate::model::time::Time;
use exchange::Servers;
pub use look::{Look, Surroundings};
use system::System;

/// Asks the system's resolvers, or those the user named. A clone is the same resolver.
#[derive(Debug, Clone)]
pub struct Resolver {
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Given(Arc<Servers>),
    /// Read when first needed: a probe of an address needs no configuration.
    System(Arc<OnceLock<System>>),
}

impl Resolver {
    /// `servers` empty: the system's resolvers and hosts file.
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        let source = if servers.is_empty() {
            Source::System(Arc::default())
        } else {
            Source::Given(Arc::new(Servers::given(servers)))
        };
        Self { source }
    }

    /// The same, for many names at once: their questions share a few sockets and what was answered lately.
    pub fn for_many(servers: Vec<SocketAddr>) -> Self {
        let source = if servers.is_empty() {
            Source::System(Arc::new(OnceLock::from(System::read().shared())))
        } else {
            Source::Given(Arc::new(Servers::given(servers).shared()))
        };
        Self { source }
    }

    /// Follows `name` to its addresses. Whatever goes wrong is in the answer; ends before `deadline`.
    pub async fn resolve(&self, name: &DnsName, deadline: Instant) -> Resolution {
        let begun = Instant::now();
        let mut resolution = match &self.source {
            Source::Given(servers) => follow::follow(servers, name.as_str(), deadline).await,
            Source::System(system) => system.get_or_init(System::read).resolve(name, deadline).await,
        };
        resolution.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        resolution
    }

    /// What the servers that gave `resolution` say of `name` beyond its addresses; `https_port`: where https is spoken, if it
    /// is. Nothing for a name that this machine knows by itself. Ends before `deadline`.
    pub async fn look(
        &self,
        name: &DnsName,
        https_port: Option<u16>,
        resolution: &Resolution,
        look: Look,
        now: Time,
        deadline: Instant,
    ) -> Surroundings {
        let (servers, named) = match &self.source {
            Source::Given(servers) => (Some(Arc::clone(servers)), true),
            Source::System(system) => (system.get_or_init(System::read).servers(), false),
        };
        // Without a TTL no record stands behind an address: it is of the hosts file, or `localhost`.
        let local = resolution.addresses.iter().any(|address| address.ttl.is_none());
        let asked =
            resolution.cname_chain.first().map(|alias| alias.owner.as_str()).or(resolution.final_name.as_deref());
        match (servers, answer::parse(asked.unwrap_or(name.as_str()))) {
            (Some(servers), Some(name)) if !local && resolution.status != DnsStatus::NotAsked => {
                let subject = look::Subject { name: &name, https_port, resolution, named, now };
                look::look(&servers, &subject, look, deadline).await
            }
            _ => Surroundings::default(),
        }
    }
}
