//! The look at HTTP beside the handshakes: one address a chain, and the first of them at once where HTTP is meant for sure.

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
    deadline: Instant,
    /// Only servers that chose HTTP in their handshake are asked: another protocol is not to be disturbed by a request.
    if_chosen: bool,
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
        let if_chosen = is_https.is_none();
        let asked = wanted.then_some(Asked { connector, reference, port: target.port, deadline, if_chosen });
        let mut looks = Self { asked, tasks: JoinSet::new() };
        if let (Some(address), false) = (addresses.first(), if_chosen) {
            looks.ask(*address);
        }
        looks
    }

    /// Asks for the other chains too, an address each.
    pub(super) fn go_on(&mut self, endpoints: &[EndpointEvidence]) {
        let Some(Asked { if_chosen, .. }) = self.asked else { return };
        let is_asked = |endpoint: &&EndpointEvidence| {
            endpoint.status == EndpointStatus::Completed && (!if_chosen || has_chosen_http(endpoint))
        };
        let mut seen: Vec<&[Vec<u8>]> = Vec::new();
        if !if_chosen {
            seen.extend(endpoints.first().filter(is_asked).map(|first| first.served_chain.as_slice()));
        }
        for endpoint in endpoints.iter().filter(is_asked) {
            if !seen.contains(&endpoint.served_chain.as_slice()) && seen.len() < MAX_LOOKS {
                seen.push(&endpoint.served_chain);
                self.ask(endpoint.address);
            }
        }
    }

    fn ask(&mut self, address: SocketAddr) {
        let Some(Asked { connector, reference, port, deadline, .. }) = &self.asked else { return };
        let (connector, reference, port, deadline) = (Arc::clone(connector), reference.clone(), *port, *deadline);
        self.tasks.spawn(async move { (address, http::look(&connector, address, &reference, port, deadline).await) });
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

/// By ALPN (RFC 7301).
fn has_chosen_http(endpoint: &EndpointEvidence) -> bool {
    let alpn = endpoint.tls.as_ref().and_then(|tls| tls.alpn.as_deref());
    matches!(alpn, Some("h2" | "http/1.1"))
}
