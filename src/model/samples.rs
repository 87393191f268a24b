//! Several handshakes with one address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many of the handshakes with an address ended like this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Samples {
    /// With this address, all together.
    pub made: usize,
    /// With the chain, version, suite and failure of this entry.
    pub seen: usize,
}
