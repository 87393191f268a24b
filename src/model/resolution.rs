//! What the name system said: the CNAME chain hop by hop, the addresses, who answered.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::naming::{CaaSet, Dnssec, HttpsRecord, NameFault, Propagation, Provider, View};

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
    /// The relevant set (RFC 8659 §3) with its owner, as in a zone file.
    pub caa: Vec<String>,
    pub resolvers_disagree: bool,
    /// Milliseconds the whole resolution took.
    pub duration_ms: u64,
    /// Told from the aliases; absent where they tell nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// Absent when nobody vouches for the answer and nobody was asked why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dnssec: Option<Dnssec>,
    /// Absent when CAA records were not asked for; the name first, then its parents as far as was climbed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caa_sets: Option<Vec<CaaSet>>,
    /// The answer to the question for HTTPS records; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<Vec<HttpsRecord>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<NameFault>,
    /// What each resolver said, where more than one was asked or compared with the name servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<View>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
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
            provider: None,
            dnssec: None,
            caa_sets: None,
            https: None,
            faults: Vec::new(),
            views: Vec::new(),
            propagation: None,
        }
    }
}
