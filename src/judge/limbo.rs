//! One case of x509-limbo's schema in, one verdict out: how `tlsmend judge` serves other programs and test suites.
//!
//! What is served is `peer_certificate` with `untrusted_intermediates`; the trust anchors are `trusted_certs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::anchors::AnchorKind;
use super::case::Case;
use super::client::{Answer, Client};
use super::clients::{self, standard};
use super::engine::rfc5280::{self, Inputs, PolicyInputs, Purpose};
use super::pool::{CertId, Pool};
use crate::model::target::ReferenceId;
use crate::model::time::Time;
use crate::model::verdict::{Category, Verdict};
use crate::x509::crl::Crl;
use crate::x509::{Certificate, certificates_in, pem};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
    let case: TestCase = match serde_json::from_slice(line) {
        Ok(case) => case,
        Err(error) => {
            let id =
                serde_json::from_slice::<Value>(line).ok().and_then(|mut value| value.get_mut("id").map(Value::take));
            return Reply::skipped(id.unwrap_or_default(), client.id, "bad-line", error.to_string());
        }
    };
    let client = match case.client.as_deref().map(|id| clients::find_for_judge(id).ok_or(id)) {
        None => client,
        Some(Ok(named)) => named,
        Some(Err(id)) => {
            return Reply::skipped(case.id.clone(), id, "unknown-client", "no client of this name is modelled");
        }
    };
    let at = match case.validation_time.as_deref().map(str::parse) {
        None => now,
        Some(Ok(time)) => time,
        Some(Err(error)) => {
            return Reply::skipped(case.id, client.id, "bad-line", format!("validation_time: {error}"));
        }
    };
    match judge(&case, client, at) {
        Ok(reply) => reply,
        Err(Unfit { code, message }) => Reply::skipped(case.id, client.id, code, message),
    }
}

/// Why a case cannot be judged.
struct Unfit {
    code: &'static str,
    message: String,
}

fn bad(message: impl Into<String>) -> Unfit {
    Unfit { code: "bad-line", message: message.into() }
}

fn not_modelled(message: &str) -> Unfit {
    Unfit { code: "not-modelled", message: message.to_owned() }
}

fn judge(test: &TestCase, client: &'static Client, at: Time) -> Result<Reply, Unfit> {
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
    let mut served = Vec::new();
    let mut unparsable = Vec::new();
    let mut served_bytes = 0;
    let mut position = 0;
    for (i, text) in [&test.peer_certificate].into_iter().chain(&test.untrusted_intermediates).enumerate() {
        let found = certificates(text);
        if i == 0 && found.len() != 1 {
            return Err(bad("peer_certificate: one PEM certificate is needed"));
        }
        for der in found {
            served_bytes += der.len();
            match Certificate::parse(&der) {
                Ok(certificate) => served.push(pool.intern(Arc::new(certificate))),
                Err(_) => unparsable.push(position),
            }
            position += 1;
        }
    }
    fetch(&mut pool, &test.aia);
    let staple = test.ocsp_response.as_ref().map(|text| STANDARD.decode(text));
    let staple = staple.transpose().map_err(|_| bad("ocsp_response: not base64"))?;
    let name = test.expected_peer_name.as_ref().filter(|name| matches!(name.kind.as_str(), "DNS" | "IP"));
    let reference: Option<ReferenceId> = match name.map(|name| name.value.parse()) {
        None => None,
        Some(Ok(reference)) => Some(reference),
        Some(Err(error)) => {
            // Nothing can be presented that matches this.
            let answer =
                Answer::reject(Category::Hostname, "name").with_message(format!("expected_peer_name: {error}"));
            return Ok(answered(test, client, &pool, &answer, None));
        }
    };
    let placeholder;
    let asked = match &reference {
        Some(reference) => reference,
        None => {
            placeholder = ReferenceId::Ip(std::net::Ipv4Addr::UNSPECIFIED.into());
            &placeholder
        }
    };
    let case = Case {
        pool: &pool,
        served: &served,
        unparsable: &unparsable,
        served_bytes,
        reference: asked,
        any_name: reference.is_none(),
        port: crate::model::target::DEFAULT_PORT,
        at,
        ocsp_staple: staple.as_deref(),
        tls: None,
        failure: None,
    };
    if !test.signature_algorithms.is_empty() {
        return Err(not_modelled("signature_algorithms cannot be chosen"));
    }
    if client.id == standard::CLIENT.id {
        return by_the_standard(test, &case, reference.as_ref());
    }
    let asks_more = [
        (test.validation_kind == Kind::Client, "it is modelled as a client, which validates servers"),
        (test.max_chain_depth.is_some(), "max_chain_depth is none of its settings"),
        (test.extended_key_usage.iter().any(|usage| usage != "serverAuth"), "it asks for serverAuth and nothing else"),
        (test.expected_peer_names.iter().any(|name| name.kind == "RFC822"), "it compares no mailboxes"),
    ];
    if let Some((_, why)) = asks_more.iter().find(|(asks, _)| *asks) {
        return Err(not_modelled(why));
    }
    let answer = super::answer(client, &case);
    Ok(answered(test, client, &pool, &answer, None))
}

fn by_the_standard(test: &TestCase, case: &Case<'_>, reference: Option<&ReferenceId>) -> Result<Reply, Unfit> {
    let mut purposes = Vec::new();
    for usage in &test.extended_key_usage {
        purposes.push(purpose(usage).ok_or_else(|| bad(format!("extended_key_usage: `{}`", usage.escape_debug())))?);
    }
    if purposes.is_empty() {
        purposes.push(if test.validation_kind == Kind::Client { Purpose::ClientAuth } else { Purpose::ServerAuth });
    }
    let mut key_usage = 0;
    for usage in &test.key_usage {
        let bit = KEY_USAGES.iter().position(|known| known == usage);
        key_usage |= 1 << bit.ok_or_else(|| bad(format!("key_usage: `{}`", usage.escape_debug())))?;
    }
    let mut crls = Vec::new();
    for block in test.crls.iter().flat_map(|text| pem::blocks(text.as_bytes()).0) {
        // One that cannot be read is as good as none: what it was to tell stays unknown.
        crls.extend(Crl::parse(&block.der));
    }
    let mailboxes: Vec<String> =
        test.expected_peer_names.iter().filter(|name| name.kind == "RFC822").map(|name| name.value.clone()).collect();
    let policies = test.policy.as_ref().map_or_else(PolicyInputs::default, |policy| PolicyInputs {
        initial: policy.initial_policy_set.clone().unwrap_or_else(|| PolicyInputs::default().initial),
        inhibit_mapping: policy.inhibit_policy_mapping,
        require_explicit: policy.require_explicit_policy,
        inhibit_any: policy.inhibit_any_policy,
    });
    let inputs = Inputs {
        reference,
        mailboxes: &mailboxes,
        purposes: &purposes,
        key_usage,
        policies,
        crls: &crls,
        asks_revocation: !test.crls.is_empty(),
        max_intermediates: test.max_chain_depth,
    };
    let outcome = rfc5280::validate(case, &inputs);
    let breach = outcome.breaches.first().cloned();
    let answer = standard::answer(outcome);
    Ok(answered(test, &standard::CLIENT, case.pool, &answer, breach.as_ref()))
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
            pool.mark_fetched(id);
        }
    }
}

fn answered(test: &TestCase, client: &Client, pool: &Pool, answer: &Answer, breach: Option<&rfc5280::Breach>) -> Reply {
    let fingerprint = |id: &CertId| pool.get(*id).fingerprint.to_string();
    let mut context = json!({
        "verdict": answer.verdict,
        "message": answer.message,
        "path": answer.path.iter().map(fingerprint).collect::<Vec<_>>(),
    });
    if let Some(breach) = breach {
        context["position"] = breach.position.into();
        context["certificate"] = answer.path.get(breach.position).map(fingerprint).into();
        context["rule"] = breach.rule.code.into();
        context["section"] = breach.rule.section.into();
        context["detail"] = breach.detail.clone().into();
    }
    // A validator that could not decide does not accept.
    let actual_result = if answer.verdict == Verdict::Accept { ActualResult::Success } else { ActualResult::Failure };
    Reply {
        id: test.id.clone(),
        actual_result,
        client: client.id.to_owned(),
        category: answer.category,
        code: answer.code.clone(),
        context,
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
        let line = r#"{"id": "b", "peer_certificate": "", "client": "nobody"}"#;
        assert_eq!(code(line), ("b".into(), "unknown-client".to_owned()));
        let line = r#"{"id": "c", "peer_certificate": "", "validation_time": "noon"}"#;
        assert_eq!(code(line), ("c".into(), "bad-line".to_owned()));
    }
}
