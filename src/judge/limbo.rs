//! One case of x509-limbo's schema in, one verdict out: how `tlsmend judge` serves other programs and test suites.
//!
//! What is served is `peer_certificate` with `untrusted_intermediates`; the trust anchors are `trusted_certs`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::anchors::AnchorKind;
use super::case::{Asked, Case, View};
use super::client::{Answer, Client};
use super::clients::{self, standard};
use super::engine::rfc5280::{self, Breach, Inputs, Outcome, Purpose};
use super::name::Name;
use super::policy::PolicyInputs;
use super::pool::{CertId, Pool};
use crate::model::target::{DEFAULT_PORT, DnsNameError, ReferenceId};
use crate::model::time::Time;
use crate::model::verdict::{Category, Verdict};
use crate::x509::crl::Crl;
use crate::x509::{Certificate, certificates_in, pem};

/// Breaches listed in a reply: a certificate with thousands of bad names must not make a line of megabytes.
const MAX_BREACHES: usize = 32;

/// Rounds of fetching issuers of issuers; a judgement asks for 16 addresses at most.
const MAX_FETCHES: usize = 16;

#[derive(Debug, Deserialize)]
struct TestCase {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    validation_kind: Kind,
    peer_certificate: String,
    #[serde(default)]
    untrusted_intermediates: Vec<String>,
    #[serde(default)]
    trusted_certs: Vec<String>,
    #[serde(default)]
    crls: Vec<String>,
    validation_time: Option<String>,
    expected_peer_name: Option<PeerName>,
    #[serde(default)]
    expected_peer_names: Vec<PeerName>,
    #[serde(default)]
    extended_key_usage: Vec<String>,
    #[serde(default)]
    key_usage: Vec<String>,
    #[serde(default)]
    signature_algorithms: Vec<String>,
    max_chain_depth: Option<u32>,
    policy: Option<Policy>,
    /// Base64 of the stapled response.
    ocsp_response: Option<String>,
    client: Option<String>,
    #[serde(default)]
    anchors: Anchors,
    /// Answers of `caIssuers` addresses, base64.
    #[serde(default)]
    aia: BTreeMap<String, String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    #[default]
    Server,
    Client,
}

#[derive(Debug, Deserialize)]
struct PeerName {
    kind: String,
    value: String,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Anchors {
    #[default]
    Local,
    Public,
}

#[derive(Debug, Deserialize)]
struct Policy {
    initial_policy_set: Option<Vec<String>>,
    #[serde(default)]
    inhibit_policy_mapping: bool,
    #[serde(default)]
    require_explicit_policy: bool,
    #[serde(default)]
    inhibit_any_policy: bool,
}

/// x509-limbo's words for how a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ActualResult {
    Success,
    Failure,
    /// The client cannot be asked this, or the line is no case.
    Skipped,
}

/// What a line is answered with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    /// As given; null where the line has none.
    pub id: Value,
    pub actual_result: ActualResult,
    pub client: String,
    /// Null on success.
    pub category: Option<Category>,
    /// The client's own error code, or the standard's rule; null on success.
    pub code: Option<String>,
    /// Which certificates, which of them, which rule, where it is written, in words.
    pub context: Value,
}

impl Reply {
    /// The line is no case, or one that this client cannot be asked.
    pub fn skipped(id: Value, client: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            id,
            actual_result: ActualResult::Skipped,
            client: client.to_owned(),
            category: None,
            code: Some(code.to_owned()),
            context: json!({ "message": message.into() }),
        }
    }
}

/// Judges the case that `line` holds, for the client it names, else for `client`; `now` is the time where it names none.
pub fn reply(line: &[u8], client: &'static Client, now: Time) -> Reply {
    let prepared = match Prepared::parse(line, now) {
        Ok(prepared) => prepared,
        Err(unfit) => return unfit.reply(client.id),
    };
    match prepared.test.client.as_deref().map(|id| clients::find_for_judge(id).ok_or(id)) {
        None => prepared.judge(client),
        Some(Ok(named)) => prepared.judge(named),
        Some(Err(id)) => Reply::skipped(prepared.test.id, id, "unknown-client", "no client of this name is modelled"),
    }
}

/// Why a line is no case.
#[derive(Debug)]
pub struct Unfit {
    id: Value,
    message: String,
}

impl Unfit {
    fn reply(self, client: &str) -> Reply {
        Reply::skipped(self.id, client, "bad-line", self.message)
    }
}

/// A case with its certificates parsed, to be judged for any number of clients.
#[derive(Debug)]
pub struct Prepared {
    test: TestCase,
    at: Time,
    pool: Pool,
    served: Vec<CertId>,
    unparsable: Vec<usize>,
    served_bytes: usize,
    staple: Option<Vec<u8>>,
    asked: Asked,
    /// The server's name that is asked for; an error where nothing presented can match it.
    reference: Option<Result<ReferenceId, DnsNameError>>,
}

impl Prepared {
    /// Reads one line.
    pub fn parse(line: &[u8], now: Time) -> Result<Self, Unfit> {
        let test: TestCase = serde_json::from_slice(line).map_err(|error| {
            let value = serde_json::from_slice::<Value>(line).ok();
            let id = value.and_then(|mut value| value.get_mut("id").map(Value::take)).unwrap_or_default();
            Unfit { id, message: error.to_string() }
        })?;
        let id = test.id.clone();
        let bad = |message: String| Unfit { id: id.clone(), message };
        let at = match &test.validation_time {
            None => now,
            Some(text) => text.parse().map_err(|error| bad(format!("validation_time: {error}")))?,
        };
        let mut pool = Pool::default();
        let kind = match test.anchors {
            Anchors::Local => AnchorKind::Local,
            Anchors::Public => AnchorKind::Public,
        };
        for text in &test.trusted_certs {
            // An anchor that is no certificate cannot be trusted; the others are.
            for certificate in certificates(text).iter().filter_map(|der| Certificate::parse(der).ok()) {
                let id = pool.intern(Arc::new(certificate));
                pool.mark_anchor(id, kind);
            }
        }
        let mut chain = certificates(&test.peer_certificate);
        if chain.len() != 1 {
            return Err(bad("peer_certificate: one PEM certificate is needed".to_owned()));
        }
        chain.extend(test.untrusted_intermediates.iter().flat_map(|text| certificates(text)));
        let (mut served, mut unparsable) = (Vec::new(), Vec::new());
        for (position, der) in chain.iter().enumerate() {
            match Certificate::parse(der) {
                Ok(certificate) => served.push(pool.intern(Arc::new(certificate))),
                Err(_) => unparsable.push(position),
            }
        }
        fetch(&mut pool, &test.aia);
        let staple = test.ocsp_response.as_ref().map(|text| STANDARD.decode(text)).transpose();
        let staple = staple.map_err(|_| bad("ocsp_response: not base64".to_owned()))?;
        let name = test.expected_peer_name.as_ref().filter(|name| matches!(name.kind.as_str(), "DNS" | "IP"));
        let reference = name.map(|name| name.value.parse());
        let served_bytes = chain.iter().map(Vec::len).sum();
        let asked = asked(&test);
        Ok(Self { test, at, pool, served, unparsable, served_bytes, staple, asked, reference })
    }

    /// The verdict of `client`, whichever the case names.
    pub fn judge(&self, client: &'static Client) -> Reply {
        let placeholder = ReferenceId::Ip(Ipv4Addr::UNSPECIFIED.into());
        let reference = match &self.reference {
            None => None,
            Some(Ok(reference)) => Some(reference),
            Some(Err(error)) => {
                let message = format!("expected_peer_name: {error}");
                let answer = Answer::reject(Category::Hostname, "name").with_message(message);
                return self.answered(client, &answer, &[]);
            }
        };
        let case = Case {
            pool: &self.pool,
            served: &self.served,
            unparsable: &self.unparsable,
            served_bytes: self.served_bytes,
            reference: Name::new(reference.unwrap_or(&placeholder)),
            any_name: reference.is_none(),
            view: View::default(),
            port: DEFAULT_PORT,
            at: self.at,
            ocsp_staple: self.staple.as_deref(),
            timestamps: None,
            tls: None,
            failure: None,
            choice: None,
            hellos: &[],
            fetched: &[],
            asked: OPTIONS.iter().any(|(id, _)| *id == client.id).then_some(&self.asked),
        };
        let is_standard = client.id == standard::CLIENT.id;
        let can = |option| is_standard || OPTIONS.iter().any(|(id, known)| *id == client.id && *known == option);
        let asks = [
            (!self.test.signature_algorithms.is_empty(), "signature_algorithms cannot be chosen"),
            (self.asked.for_clients && !can(Setting::Clients), "it is a client, which validates servers"),
            (self.asked.max_intermediates.is_some() && !can(Setting::Depth), "max_chain_depth is none of its settings"),
            (
                !is_standard && self.test.extended_key_usage.iter().any(|usage| usage != self.own_purpose()),
                "it asks for its own purpose and nothing else",
            ),
            // A client's names are for the caller to compare.
            (!can(Setting::Clients) && !self.mailboxes().is_empty(), "it compares no mailboxes"),
        ];
        if let Some((_, why)) = asks.iter().find(|(asks, _)| *asks) {
            return Reply::skipped(self.test.id.clone(), client.id, "not-modelled", *why);
        }
        if !is_standard {
            return self.answered(client, &super::answer(client, &case), &[]);
        }
        match self.by_the_standard(&case, reference) {
            Ok(outcome) => {
                let breaches = outcome.breaches.clone();
                self.answered(client, &standard::answer(outcome), &breaches)
            }
            Err(message) => Unfit { id: self.test.id.clone(), message }.reply(client.id),
        }
    }

    /// What TLS asks of the end entity (RFC 5280 §4.2.1.12).
    fn own_purpose(&self) -> &'static str {
        if self.asked.for_clients { "clientAuth" } else { "serverAuth" }
    }

    fn mailboxes(&self) -> Vec<String> {
        let names = self.test.expected_peer_names.iter();
        names.filter(|name| name.kind == "RFC822").map(|name| name.value.clone()).collect()
    }

    /// With everything that a case can ask beyond what a TLS client asks.
    fn by_the_standard(&self, case: &Case<'_>, reference: Option<&ReferenceId>) -> Result<Outcome, String> {
        let test = &self.test;
        let purposes = test
            .extended_key_usage
            .iter()
            .map(|usage| purpose(usage).ok_or_else(|| format!("extended_key_usage: `{}`", usage.escape_debug())));
        let mut purposes = purposes.collect::<Result<Vec<_>, _>>()?;
        if purposes.is_empty() {
            purposes.push(if test.validation_kind == Kind::Client { Purpose::ClientAuth } else { Purpose::ServerAuth });
        }
        let mut key_usage = 0;
        for usage in &test.key_usage {
            let bit = KEY_USAGES.iter().position(|known| known == usage);
            key_usage |= 1 << bit.ok_or_else(|| format!("key_usage: `{}`", usage.escape_debug()))?;
        }
        let policies = test.policy.as_ref().map_or_else(PolicyInputs::default, |policy| PolicyInputs {
            initial: policy.initial_policy_set.clone().unwrap_or_else(|| PolicyInputs::default().initial),
            inhibit_mapping: policy.inhibit_policy_mapping,
            require_explicit: policy.require_explicit_policy,
            inhibit_any: policy.inhibit_any_policy,
        });
        let inputs = Inputs {
            reference,
            mailboxes: &self.mailboxes(),
            purposes: &purposes,
            key_usage,
            policies,
            // A CRL that cannot be read is as good as none: what it was to tell stays unknown.
            crls: &self.asked.crls,
            asks_revocation: self.asked.checks_revocation,
            max_intermediates: self.asked.max_intermediates,
        };
        Ok(rfc5280::validate(case, &inputs))
    }

    fn answered(&self, client: &Client, answer: &Answer, breaches: &[Breach]) -> Reply {
        let fingerprint = |id: &CertId| self.pool.get(*id).fingerprint.to_string();
        let mut context = json!({
            "verdict": answer.verdict,
            "message": answer.message,
            "path": answer.path.iter().map(fingerprint).collect::<Vec<_>>(),
        });
        if let Some(position) = answer.position {
            context["position"] = position.into();
            context["certificate"] = answer.path.get(position).map(fingerprint).into();
        }
        let told = |breach: &Breach| {
            json!({
                "position": breach.position,
                "rule": breach.rule.code,
                "section": breach.rule.section,
                "detail": breach.detail,
            })
        };
        if let Some(breach) = breaches.first() {
            context["rule"] = breach.rule.code.into();
            context["section"] = breach.rule.section.into();
            context["detail"] = breach.detail.clone().into();
            context["breaches"] = breaches.iter().take(MAX_BREACHES).map(told).collect::<Vec<_>>().into();
        }
        // A validator that could not decide does not accept.
        let accepted = answer.verdict == Verdict::Accept;
        Reply {
            id: self.test.id.clone(),
            actual_result: if accepted { ActualResult::Success } else { ActualResult::Failure },
            client: client.id.to_owned(),
            category: answer.category,
            code: answer.code.clone(),
            context,
        }
    }
}

/// Options that some of the validators have and others lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    /// `crls`; the others look at none, as the programs do.
    Crls,
    /// `validation_kind` CLIENT
    Clients,
    /// `max_chain_depth`
    Depth,
}

/// Beside `standard`, which has all of them: those that validate for whoever calls them.
const OPTIONS: &[(&str, Setting)] = &[
    ("peer-openssl", Setting::Crls),
    ("peer-openssl", Setting::Depth),
    ("peer-pyca", Setting::Clients),
    ("peer-pyca", Setting::Depth),
    ("rustls-aws", Setting::Crls),
    ("rustls-ring", Setting::Crls),
];

fn asked(test: &TestCase) -> Asked {
    let blocks = test.crls.iter().flat_map(|text| pem::blocks(text.as_bytes()).0);
    let (crls, unreadable): (Vec<_>, Vec<_>) = blocks.map(|block| Crl::parse(&block.der)).partition(Result::is_ok);
    Asked {
        crls: crls.into_iter().flatten().collect(),
        checks_revocation: !test.crls.is_empty(),
        has_unreadable_crl: !unreadable.is_empty(),
        max_intermediates: test.max_chain_depth,
        for_clients: test.validation_kind == Kind::Client,
    }
}

/// KeyUsage in the order of its bits (RFC 5280 §4.2.1.3).
const KEY_USAGES: &[&str] = &[
    "digitalSignature",
    "contentCommitment",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

fn purpose(name: &str) -> Option<Purpose> {
    Some(match name {
        "anyExtendedKeyUsage" => Purpose::Any,
        "serverAuth" => Purpose::ServerAuth,
        "clientAuth" => Purpose::ClientAuth,
        "codeSigning" => Purpose::CodeSigning,
        "emailProtection" => Purpose::EmailProtection,
        "timeStamping" => Purpose::TimeStamping,
        "OCSPSigning" => Purpose::OcspSigning,
        _ => return None,
    })
}

/// What is no PEM certificate is left out.
fn certificates(text: &str) -> Vec<Vec<u8>> {
    certificates_in(text.as_bytes()).unwrap_or_default()
}

/// Adds what the `caIssuers` addresses of the certificates at hand would answer, and of those again.
fn fetch(pool: &mut Pool, answers: &BTreeMap<String, String>) {
    let mut asked: Vec<String> = Vec::new();
    while !answers.is_empty() && asked.len() < MAX_FETCHES {
        let addresses = pool.ids().flat_map(|id| pool.get(id).extensions.ca_issuers.iter());
        let next = addresses.map(ToString::to_string).find(|url| answers.contains_key(url) && !asked.contains(url));
        let Some(url) = next else { return };
        let body = answers.get(&url).and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        asked.push(url);
        for certificate in
            certificates_in(&body).unwrap_or_default().iter().filter_map(|der| Certificate::parse(der).ok())
        {
            let id = pool.intern(Arc::new(certificate));
            pool.mark_fetched(id, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_answered() {
        let now = Time::from_unix(0);
        let code = |line: &str| {
            let reply = reply(line.as_bytes(), &standard::CLIENT, now);
            assert_eq!(reply.actual_result, ActualResult::Skipped);
            (reply.id, reply.code.unwrap_or_default())
        };
        assert_eq!(code("nonsense"), (Value::Null, "bad-line".to_owned()));
        assert_eq!(code(r#"{"id": "a"}"#), ("a".into(), "bad-line".to_owned()));
        assert_eq!(code(r#"{"id": 7, "peer_certificate": ""}"#), (7.into(), "bad-line".to_owned()));
        let pem = pem::encode(&[0x30, 2, 0x30, 0]).replace('\n', "\\n");
        let line = format!(r#"{{"id": "b", "peer_certificate": "{pem}", "client": "nobody"}}"#);
        assert_eq!(code(&line), ("b".into(), "unknown-client".to_owned()));
        let line = r#"{"id": "c", "peer_certificate": "", "validation_time": "noon"}"#;
        assert_eq!(code(line), ("c".into(), "bad-line".to_owned()));
    }
}
