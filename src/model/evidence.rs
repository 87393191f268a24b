//! Everything that was seen of one target: what `observe` gathers and `judge` thinks about.

use super::aia::AiaEvidence;
use super::handshake::EndpointEvidence;
use super::resolution::Resolution;
use super::target::ReferenceId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The name a certificate must match, and what SNI says.
    pub reference: ReferenceId,
    pub resolution: Resolution,
    /// One entry an address, in the order of the resolution.
    pub endpoints: Vec<EndpointEvidence>,
    pub aia: Vec<AiaEvidence>,
}
