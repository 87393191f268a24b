//! What the name system says beside addresses: who may issue, how to connect, whether it is signed, who disagrees.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::resolution::{Alias, DnsStatus, ResolvedAddress};
use super::time::Time;

/// Who runs what an alias points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provider {
    pub name: String,
    pub product: String,
    /// The alias target that tells it.
    pub target: String,
}

/// RFC 4035 §4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnssecStatus {
    Secure,
    /// Not signed, or signed without a DS in the parent zone.
    Insecure,
    /// Signed, and validating resolvers refuse it.
    Bogus,
    /// What would decide could not be had.
    Indeterminate,
}

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnssecSource {
    /// The resolver: by its AD bit, or by failing unless it is told not to validate.
    Resolver,
    /// Our own look at the signatures and keys of the zones, and at the DS records of their parents.
    OwnCheck,
}

/// Why a validator refuses a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnssecFault {
    SignatureExpired,
    SignatureNotYetValid,
    SignatureMissing,
    /// No key of the zone verifies the signature.
    SignatureWrong,
    /// The DS records of the parent zone fit none of the zone's keys.
    DsMismatch,
    /// There are DS records in the parent zone, and no keys in the zone.
    KeysMissing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dnssec {
    pub status: DnssecStatus,
    pub by: DnssecSource,
    /// Null unless bogus, and known.
    pub fault: Option<DnssecFault>,
    /// The zone that is at fault.
    pub zone: Option<String>,
    /// The same in words.
    pub reason: Option<String>,
    /// What the resolver said of it (RFC 8914).
    pub extended_error: Option<String>,
}

/// One CAA record (RFC 8659 §4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaaRecord {
    pub critical: bool,
    pub tag: String,
    pub value: String,
    pub ttl: u32,
}

/// The answer to one step of the climb from the name to the top (RFC 8659 §3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaaSet {
    /// The name asked for; its aliases were followed.
    pub name: String,
    /// `noerror` for every answer, be it empty; else how there was none.
    pub status: DnsStatus,
    pub records: Vec<CaaRecord>,
    /// Why there is no answer; null when there is one.
    pub failure: Option<String>,
}

/// One HTTPS record (RFC 9460).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpsRecord {
    pub owner: String,
    /// 0: AliasMode (§2.4.2).
    pub priority: u16,
    /// The effective target (§2.5.2): `.` is replaced by the owner in ServiceMode.
    pub target: String,
    pub alpn: Vec<String>,
    pub no_default_alpn: bool,
    pub port: Option<u16>,
    /// `ipv4hint` and `ipv6hint`.
    pub hints: Vec<IpAddr>,
    /// An Encrypted ClientHello configuration is there.
    pub ech: bool,
    pub ttl: u32,
    /// How the target resolves; null when it was not asked for.
    pub target_status: Option<DnsStatus>,
    pub target_addresses: Vec<IpAddr>,
}

/// What the zones themselves got wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameFaultKind {
    /// RFC 2181 §10.1.
    SeveralCnames,
    /// RFC 1034 §3.6.2.
    CnameBesideOtherRecords,
    /// The same beside SOA or NS: the alias stands at the top of its zone (RFC 1912 §2.4).
    CnameAtApex,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NameFault {
    pub kind: NameFaultKind,
    pub owner: String,
    /// The targets of several CNAMEs; else the types that stand beside the CNAME.
    pub beside: Vec<String>,
    /// `ip:port` of who shows it.
    pub server: String,
}

/// What one resolver says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct View {
    /// `ip:port`.
    pub resolver: String,
    pub status: DnsStatus,
    pub final_name: Option<String>,
    pub cname_chain: Vec<Alias>,
    pub addresses: Vec<ResolvedAddress>,
    /// Seconds that a negative answer is still kept (RFC 2308 §5); null when there is none.
    pub negative_ttl: Option<u32>,
    pub detail: Option<String>,
}

impl View {
    /// It gave an answer about the name; silence and refusal are none.
    pub fn says_something(&self) -> bool {
        !matches!(
            self.status,
            DnsStatus::Refused
                | DnsStatus::Timeout
                | DnsStatus::Unreachable
                | DnsStatus::Malformed
                | DnsStatus::NotAsked
        )
    }
}

/// What the authoritative name servers say, asked directly (`--propagation`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Propagation {
    /// The TTLs of `views` and of the servers count from here.
    pub asked_at: Time,
    pub zones: Vec<ZoneView>,
    /// Questions put, to resolvers and name servers.
    pub questions: usize,
    /// What was left out because a limit was reached.
    pub left_out: Vec<String>,
}

/// A zone on the way, and its name servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ZoneView {
    pub zone: String,
    /// The names of the chain that lie in it.
    pub names: Vec<String>,
    pub servers: Vec<NameServer>,
    /// Why its servers are not known; null when they are.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameServerStatus {
    /// It answers with authority.
    Answers,
    /// It does not hold the zone: it refuses, fails, or answers without authority (RFC 1912 §2.8).
    Lame,
    Timeout,
    Unreachable,
    /// What it sends is no DNS answer.
    Malformed,
    /// Its name has no address.
    NoAddress,
    /// This machine has no route to the address, or a limit was reached.
    NotTried,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NameServer {
    pub name: String,
    /// `ip:port`; null when its name has no address.
    pub address: Option<String>,
    pub status: NameServerStatus,
    pub detail: Option<String>,
    /// The zone's serial number there.
    pub serial: Option<u32>,
    /// Seconds that a negative answer of this zone may be kept (RFC 2308 §4).
    pub negative_ttl: Option<u32>,
    pub answers: Vec<NameAnswer>,
}

/// What a name server says of one name of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NameAnswer {
    pub name: String,
    /// `noerror`: an alias or addresses.
    pub status: DnsStatus,
    /// The targets of its CNAME; more than one is a fault.
    pub targets: Vec<String>,
    pub addresses: Vec<IpAddr>,
    pub ttl: Option<u32>,
}
