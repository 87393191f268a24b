//! What the name system said: the CNAME chain hop by hop, the addresses, who answered.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the resolution ended. The alias chain found until then is kept whatever the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnsStatus {
    /// At least one address was found.
    Noerror,
    /// The last name exists and has no A or AAAA record (RFC 2308 §2.2).
    Nodata,
    /// The last name does not exist (RFC 2308 §2.1).
    Nxdomain,
    Servfail,
    Refused,
    /// No resolver answered in time.
    Timeout,
    /// No resolver could be reached at all.
    Unreachable,
    /// An answer that is not a DNS message, or not to our question.
    Malformed,
    /// An alias leads back to a name already seen.
    Loop,
    /// More aliases than any resolver would follow.
    TooLong,
    /// The address was given (a literal or `--address`).
    NotAsked,
}

/// One CNAME record (RFC 1034 §3.6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alias {
    /// The name that is an alias, without the final dot.
    pub owner: String,
    /// The name it stands for, without the final dot.
    pub target: String,
    /// Seconds, as the answer said: from a caching resolver what remains of it.
    pub ttl: u32,
    /// The resolver that said so, `ip:port`.
    pub resolver: String,
}

/// One address record at the end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedAddress {
    pub ip: IpAddr,
    /// Seconds; null where no record stands behind it (hosts file, literal).
    pub ttl: Option<u32>,
}

/// The `dns` part of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resolution {
    /// Who answered last: `ip:port`, `hosts file`; null when nobody was asked or answered.
    pub resolver: Option<String>,
    pub status: DnsStatus,
    /// The last name asked for: where a broken chain ends. Null when nothing was asked.
    pub final_name: Option<String>,
    pub cname_chain: Vec<Alias>,
    pub addresses: Vec<ResolvedAddress>,
    /// What went wrong, in words; null when nothing did.
    pub detail: Option<String>,
    pub caa: Vec<String>,
    pub resolvers_disagree: bool,
    /// Milliseconds the whole resolution took.
    pub duration_ms: u64,
}

impl Resolution {
    /// The addresses were given: nothing was asked.
    pub fn not_asked(ips: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            resolver: None,
            status: DnsStatus::NotAsked,
            final_name: None,
            cname_chain: Vec::new(),
            addresses: ips.into_iter().map(|ip| ResolvedAddress { ip, ttl: None }).collect(),
            detail: None,
            caa: Vec::new(),
            resolvers_disagree: false,
            duration_ms: 0,
        }
    }
}
