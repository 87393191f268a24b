//! Everything that was seen of one target: what `observe` gathers and `judge` thinks about.

use super::aia::AiaEvidence;
use super::handshake::{EndpointEvidence, KeyProof};
use super::resolution::Resolution;
use super::revocation::RevocationEvidence;
use super::target::ReferenceId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The name a certificate must match, and what SNI says.
    pub reference: ReferenceId,
    pub resolution: Resolution,
    /// One entry an address, in the order of the resolution.
    pub endpoints: Vec<EndpointEvidence>,
    pub aia: Vec<AiaEvidence>,
    /// A chain that nobody served.
    pub files: Option<FileEvidence>,
    /// What was fetched to learn of revocations; `None`: that was not asked for.
    pub revocation: Option<RevocationEvidence>,
}

/// A chain that was read from files instead of being asked of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEvidence {
    /// DER of each certificate, in the order of the files.
    pub chain: Vec<Vec<u8>>,
    /// Does the private key that was given belong to the first of them? `None`: none was given.
    pub key: Option<KeyProof>,
    /// False: nobody said which name is meant, and the reference identifier is the certificate's own.
    pub name_given: bool,
}
