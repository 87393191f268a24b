//! The look at HTTP beside the handshakes: one address a chain, and the first of them at once.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Depth, Settings};
use crate::model::handshake::{EndpointEvidence, EndpointStatus};
use crate::model::http::HttpLook;
use crate::model::target::{ReferenceId, Target};
use crate::observe::http;
use crate::observe::tls::Connector;

/// Chains whose sites are asked. A name with more has worse troubles.
const MAX_LOOKS: usize = 4;

/// Requests on their way; by default none.
#[derive(Default)]
pub(crate) struct Looks {
    /// `None`: nothing is to be asked.
    asked: Option<Asked>,
    tasks: JoinSet<(SocketAddr, Option<HttpLook>)>,
}

struct Asked {
    connector: Arc<Connector>,
    reference: ReferenceId,
    port: u16,
    /// HTTP lives here for sure; else only servers that choose it are asked.
    is_meant: bool,
    deadline: Instant,
}

impl Looks {
    /// Asks the first address beside its handshake, so that an ordinary probe waits a round trip longer and no more.
    pub(super) fn begin(
        target: &Target,
        settings: &Settings,
        (connector, reference): (&Arc<Connector>, &ReferenceId),
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Self {
        let is_https = target.is_https();
        let wanted = settings.http && settings.depth != Depth::Chain && is_https != Some(false);
        let (connector, reference) = (Arc::clone(connector), reference.clone());
        let is_meant = is_https == Some(true);
        let asked = wanted.then_some(Asked { connector, reference, port: target.port, is_meant, deadline });
        let mut looks = Self { asked, tasks: JoinSet::new() };
        if let Some(address) = addresses.first() {
            looks.ask(*address);
        }
        looks
    }

    /// Asks for the other chains too, an address each.
    pub(super) fn go_on(&mut self, endpoints: &[EndpointEvidence]) {
        let completed = |endpoint: &&EndpointEvidence| endpoint.status == EndpointStatus::Completed;
        let mut seen: Vec<&[Vec<u8>]> =
            endpoints.first().filter(completed).map(|first| first.served_chain.as_slice()).into_iter().collect();
        for endpoint in endpoints.iter().filter(completed) {
            if !seen.contains(&endpoint.served_chain.as_slice()) && seen.len() < MAX_LOOKS {
                seen.push(&endpoint.served_chain);
                self.ask(endpoint.address);
            }
        }
    }

    fn ask(&mut self, address: SocketAddr) {
        let Some(Asked { connector, reference, port, is_meant, deadline }) = &self.asked else { return };
        let (connector, reference) = (Arc::clone(connector), reference.clone());
        let (port, is_meant, deadline) = (*port, *is_meant, *deadline);
        self.tasks.spawn(async move {
            (address, http::look(&connector, address, (&reference, port), is_meant, deadline).await)
        });
    }

    /// Waits for what is still on its way.
    pub(super) async fn add_to(self, endpoints: &mut [EndpointEvidence]) {
        for (address, look) in self.tasks.join_all().await {
            if let Some(endpoint) = endpoints.iter_mut().find(|endpoint| endpoint.address == address) {
                endpoint.http = look.map(Box::new);
            }
        }
    }
}
