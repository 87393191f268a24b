//! One line of a scan: what is worth keeping of one target among a million.
//!
//! A line stands for itself: a summary of a finished scan is made from its lines alone, so what a root cause needs (which
//! certificate is lacking, which one expires first) is on it.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::finding::Severity;
use super::handshake::{EndpointStatus, FailureKind, KeyProof, Stage};
use super::resolution::DnsStatus;
use super::time::Time;
use super::verdict::Verdict;

/// A word of ours (a client's id, a finding's code): known when we write it, owned when it was read.
pub type Word = Cow<'static, str>;

/// How far the look at a target came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every address that could be tried spoke TLS, be it with a refusal.
    Reached,
    /// Some addresses did.
    Partial,
    /// None did.
    Unreached,
    /// The name led to no address.
    Unresolved,
    /// The input is no target; `error` says why.
    NotATarget,
    /// The tool itself could not look; `error` says why.
    NotChecked,
}

/// One line of `scan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Position of the target in the whole input, from 0: the same in every run and every shard.
    pub index: u64,
    /// As it stood in the input; what is no text is shown with replacement characters, what is too long is cut.
    pub input: String,
    /// Line of the input, from 1. The addresses of a network share one.
    pub input_line: u64,
    /// `host:port` in one notation, with `smtp://` or the like where plain text comes first; null for what is no target.
    pub target: Option<String>,
    /// When the look ended.
    pub at: Time,
    pub outcome: Outcome,
    /// Why it was not `reached`, in one word, such as `dns-nxdomain`, `tcp-refused`, `tcp-timeout`, `tls-timeout`; else null.
    pub failure: Option<Word>,
    /// What is wrong with an input that is no target, or with the tool; else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Null for what is no target.
    pub dns: Option<LineDns>,
    /// In the order of the resolution.
    pub endpoints: Vec<LineEndpoint>,
    /// By client id, the worst verdict of all the chains that are served. Empty where there was no address.
    pub clients: ByClient<Verdict>,
    /// Codes, most severe first.
    pub findings: Vec<Word>,
    /// Of the most severe finding; null without one.
    pub severity: Option<Severity>,
    /// SHA-256 of each certificate, in the order sent, of the first address that sent any. Empty with `--evidence none`.
    pub served_chain: Vec<Sha256>,
    /// Further chains that other addresses serve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_chains: Vec<Vec<Sha256>>,
    /// By client id, for those that accept: the first moment at which they will not.
    pub breaks_at: ByClient<Time>,
    /// The intermediates that are proven to be missing from a served chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<LineCertificate>,
    /// The intermediates that expire before the certificate they certify.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expires_first: Vec<LineCertificate>,
    /// PEM by SHA-256, with `--evidence pem`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<LinePem>,
    /// How often it was looked at: more than once after a failure that may pass.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub attempts: u32,
    /// Milliseconds from the first question to the end, without waiting for a turn.
    pub duration_ms: u64,
}

fn once() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_once(attempts: &u32) -> bool {
    *attempts == 1
}

impl Line {
    /// A target that nothing is known of yet.
    pub fn new(target: String, at: Time) -> Self {
        Self {
            index: 0,
            input: String::new(),
            input_line: 0,
            target: Some(target),
            at,
            outcome: Outcome::NotChecked,
            failure: None,
            error: None,
            dns: None,
            endpoints: Vec::new(),
            clients: ByClient::default(),
            findings: Vec::new(),
            severity: None,
            served_chain: Vec::new(),
            other_chains: Vec::new(),
            breaks_at: ByClient::default(),
            lacks: Vec::new(),
            expires_first: Vec::new(),
            certificates: Vec::new(),
            attempts: 1,
            duration_ms: 0,
        }
    }

    /// An input that is no target.
    pub fn not_a_target(error: String, at: Time) -> Self {
        Self {
            target: None,
            outcome: Outcome::NotATarget,
            failure: Some(Cow::Borrowed("not-a-target")),
            error: Some(error),
            ..Self::new(String::new(), at)
        }
    }

    /// A target that the tool could not look at.
    pub fn not_checked(target: String, error: String, at: Time) -> Self {
        Self { failure: Some(Cow::Borrowed("not-checked")), error: Some(error), ..Self::new(target, at) }
    }

    /// Sets `outcome` and `failure` from `dns` and `endpoints`. `spoke[i]`: did endpoint `i` speak TLS?
    pub fn conclude(&mut self, spoke: impl Iterator<Item = bool>) {
        let (mut spoken, mut tried, mut first) = (0_usize, 0_usize, None);
        for (endpoint, spoke) in self.endpoints.iter().zip(spoke) {
            tried += usize::from(endpoint.status != EndpointStatus::NotTried);
            spoken += usize::from(spoke);
            if !spoke && (first.is_none() || endpoint.status == EndpointStatus::Failed) {
                first = Some(endpoint.failure.as_ref().map_or("no-route", LineFailure::word));
            }
        }
        let (outcome, failure) = match (&self.dns, self.endpoints.is_empty()) {
            (Some(dns), true) => (Outcome::Unresolved, Some(dns_word(dns.status))),
            (None, true) => (Outcome::NotChecked, Some("not-checked")),
            _ if spoken == 0 => (Outcome::Unreached, first),
            _ if spoken < tried => (Outcome::Partial, first),
            _ => (Outcome::Reached, None),
        };
        (self.outcome, self.failure) = (outcome, failure.map(Cow::Borrowed));
    }
}

/// What the name system said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineDns {
    pub status: DnsStatus,
    /// The names that the host is an alias of, in order.
    pub cname_chain: Vec<String>,
}

fn dns_word(status: DnsStatus) -> &'static str {
    match status {
        // No address without an error: nothing that could be asked.
        DnsStatus::Noerror | DnsStatus::Nodata | DnsStatus::NotAsked => "dns-nodata",
        DnsStatus::Nxdomain => "dns-nxdomain",
        DnsStatus::Servfail => "dns-servfail",
        DnsStatus::Refused => "dns-refused",
        DnsStatus::Timeout => "dns-timeout",
        DnsStatus::Unreachable => "dns-unreachable",
        DnsStatus::Malformed => "dns-malformed",
        DnsStatus::Loop => "dns-loop",
        DnsStatus::TooLong => "dns-too-long",
    }
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineEndpoint {
    /// `ip:port`.
    pub address: SocketAddr,
    pub status: EndpointStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<LineFailure>,
    /// `1.2`, `1.3`; absent when the failure came before the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Word>,
    /// Is it proven that the server holds the certificate's key? Absent without a chain; never `proven` with
    /// `--depth chain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_proof: Option<KeyProof>,
    /// Which chain it serves: 0 is `served_chain`, n is the n-th of `other_chains`; absent when it sent none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<usize>,
}

/// What stopped a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineFailure {
    pub stage: Stage,
    pub kind: FailureKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Word>,
}

impl LineFailure {
    /// Stage and kind in one word.
    pub fn word(&self) -> &'static str {
        let tcp = self.stage == Stage::Tcp;
        match self.kind {
            FailureKind::Refused => "tcp-refused",
            FailureKind::Timeout if tcp => "tcp-timeout",
            FailureKind::Timeout => "tls-timeout",
            FailureKind::Reset if tcp => "tcp-reset",
            FailureKind::Reset => "tls-reset",
            FailureKind::Unreachable => "unreachable",
            FailureKind::Plaintext => "plaintext",
            FailureKind::NotTls => "not-tls",
            FailureKind::Alert => "alert",
            FailureKind::Closed => "closed",
            FailureKind::VersionNotSupported => "version-not-supported",
            FailureKind::NothingInCommon => "nothing-in-common",
            FailureKind::SignatureWrong => "signature-wrong",
            FailureKind::NoCertificate => "no-certificate",
            FailureKind::TooLarge => "too-large",
            FailureKind::ClientCertificateRequired => "client-certificate-required",
            FailureKind::StarttlsNotOffered => "starttls-not-offered",
            FailureKind::StarttlsRefused => "starttls-refused",
            FailureKind::ImplicitTls => "implicit-tls",
            FailureKind::Protocol => "protocol",
            FailureKind::Local => "local",
        }
    }
}

/// A certificate that a root cause names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineCertificate {
    pub sha256: Sha256,
    pub subject: String,
    /// Present in `expires_first`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinePem {
    pub sha256: Sha256,
    pub pem: String,
}

/// The SHA-256 of a certificate's DER; 64 hex digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256(pub [u8; 32]);

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Sha256 {
    /// Its digits, without an allocation.
    fn digits<R>(&self, then: impl FnOnce(&str) -> R) -> R {
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        then(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits(|digits| f.pad(digits))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            b'A'..=b'F' => Some(digit - b'A' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        let fail = || "64 hex digits are wanted".to_owned();
        if text.len() != 64 {
            return Err(fail());
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0]).zip(nibble(pair[1])).map(|(high, low)| high << 4 | low).ok_or_else(fail)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.digits(|digits| serializer.serialize_str(digits))
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Sha256 {
    fn schema_name() -> Cow<'static, str> {
        "Sha256".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9a-f]{64}$"})
    }
}

/// A value a client, in the order of the clients: a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByClient<T>(pub Vec<(Word, T)>);

impl<T> Default for ByClient<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize> Serialize for ByClient<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (client, value) in &self.0 {
            map.serialize_entry(client, value)?;
        }
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByClient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Vec<(Word, T)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a value a client")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((client, value)) = map.next_entry::<String, T>()? {
                    entries.push((Cow::Owned(client), value));
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData)).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for ByClient<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("ByClient_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<T>()})
    }
}
