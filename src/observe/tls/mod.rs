//! One TLS handshake with one address, as an inspector: the chain is recorded before anything is judged.

use std::net::SocketAddr;

use tokio::time::Instant;

use crate::model::handshake::{EndpointEvidence, EndpointStatus, Timing};
use crate::model::target::ReferenceId;

/// Handshakes with any number of addresses; holds what they share.
pub struct Connector {}

impl Connector {
    #[expect(clippy::new_without_default, reason = "stub")]
    pub fn new() -> Self {
        Self {}
    }

    /// Connects to `address` and offers `server_name` in SNI (RFC 6066 §3; not for addresses). Whatever goes wrong is in
    /// the answer; ends before `deadline`.
    pub async fn handshake(
        &self,
        address: SocketAddr,
        _server_name: &ReferenceId,
        _deadline: Instant,
    ) -> EndpointEvidence {
        EndpointEvidence {
            address,
            status: EndpointStatus::NotTried,
            failure: None,
            tls: None,
            served_chain: Vec::new(),
            ocsp_staple: None,
            timing: Timing::default(),
        }
    }
}
