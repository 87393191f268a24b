//! Signed calls over HTTP: credentials, time-outs, rate limits, repetitions, and what of an answer can be believed.
//!
//! A read is repeated on anything that may pass. A write is repeated only when it certainly did nothing (never sent, or
//! refused as one call too many); everything else comes back with [`Effect::Unknown`] and is the caller's to look up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, sleep_until};
use zeroize::Zeroizing;

use super::credentials::{Credentials, Identity, Role};
use super::endpoint::Endpoint;
use super::error::{CasError, Effect, ErrorKind, Permission, classify, safe};
use super::request::{Group, Parameters, Request, Scheme};
use super::sign;
use crate::model::call::Call;
use crate::model::time::Time;
use crate::remedy::secret::Secret;

/// The largest answer that is read. A page of fifty resources has 30 kB, a bundle with its key 20 kB.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Calls kept for the report; a run that polls for hours must not grow without end.
const MAX_LOG: usize = 5_000;

/// The longest a service may make us wait before a repetition; the vendor's own limit.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// The longest pause of our own between repetitions.
const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// A token is renewed this many seconds before it ends.
const TOKEN_MARGIN: i64 = 300;

/// How calls are made. The clock and the source of nonces come from outside.
#[derive(Clone)]
pub struct Settings {
    pub clock: Arc<dyn Fn() -> Time + Send + Sync>,
    /// Gives a new unique text for each call; the vendor's libraries use 32 hex digits.
    pub nonce: Arc<dyn Fn() -> String + Send + Sync>,
    /// For one attempt, from connecting to the last byte.
    pub timeout: Duration,
    /// Attempts for one call.
    pub attempts: u32,
    /// The first pause between attempts; it doubles.
    pub backoff: Duration,
    pub pace: Pace,
    /// Trust anchors besides Mozilla's: for a proxy that inspects TLS.
    pub extra_anchors: Vec<Vec<u8>>,
    /// The token service, where it is not the vendor's.
    pub sts_endpoint: Option<Endpoint>,
}

/// The least time between two calls of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub certificates: Duration,
    pub orders: Duration,
    pub deployment: Duration,
}

impl Pace {
    /// 100 and 10 a second are published; for deployments nothing is, and two a second is what a console would do.
    pub const SERVICE: Self = Self {
        certificates: Duration::from_millis(10),
        orders: Duration::from_millis(100),
        deployment: Duration::from_millis(500),
    };

    /// None: for services on this machine.
    pub const NONE: Self = Self { certificates: Duration::ZERO, orders: Duration::ZERO, deployment: Duration::ZERO };

    fn of(self, group: Group) -> Duration {
        match group {
            Group::Certificates => self.certificates,
            Group::Orders => self.orders,
            Group::Deployment => self.deployment,
        }
    }
}

impl Settings {
    /// For `endpoint`: unhurried towards the real service, without pauses on this machine.
    pub fn for_endpoint(endpoint: &Endpoint, clock: Arc<dyn Fn() -> Time + Send + Sync>) -> Self {
        let local = endpoint.is_loopback();
        Self {
            clock,
            nonce: Arc::new(random_nonce),
            timeout: Duration::from_secs(30),
            attempts: 4,
            backoff: Duration::from_millis(if local { 20 } else { 500 }),
            pace: if local { Pace::NONE } else { Pace::SERVICE },
            extra_anchors: Vec::new(),
            sts_endpoint: None,
        }
    }
}

/// 32 hex digits.
fn random_nonce() -> String {
    let mut bytes = [0; 16];
    // It cannot fail once seeded; if it does, a repeated nonce is refused by the service and harms nobody.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    crate::x509::hex(&bytes)
}

/// An answer of the service.
pub(in crate::remedy) struct Answer {
    pub request_id: Option<String>,
    pub body: Map<String, Value>,
}

/// One service at one endpoint, called as one identity.
pub(in crate::remedy) struct Connection {
    http: Client,
    endpoint: Endpoint,
    identity: Identity,
    /// The token of an assumed role.
    token: tokio::sync::Mutex<Option<Credentials>>,
    settings: Settings,
    log: Mutex<Vec<Call>>,
    slots: Mutex<HashMap<Group, Instant>>,
}

impl Connection {
    pub fn new(endpoint: Endpoint, identity: Identity, settings: Settings) -> Result<Self, CasError> {
        let http = client(&endpoint, &settings)?;
        Ok(Self {
            http,
            endpoint,
            identity,
            token: tokio::sync::Mutex::new(None),
            settings,
            log: Mutex::new(Vec::new()),
            slots: Mutex::new(HashMap::new()),
        })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub fn now(&self) -> Time {
        (self.settings.clock)()
    }

    /// The calls made so far, in order.
    pub fn log(&self) -> Vec<Call> {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Makes the call, with its repetitions.
    pub async fn call(&self, request: &Request) -> Result<Answer, CasError> {
        let mut attempt = 1;
        loop {
            self.wait_for_slot(request.group).await;
            let credentials = self.credentials().await?;
            let error = match self.attempt(&self.http, &self.endpoint, request, &credentials, attempt).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if attempt >= self.settings.attempts || !may_repeat(&error, attempt) {
                return Err(error);
            }
            sleep(self.pause(&error, attempt)).await;
            attempt += 1;
        }
    }

    fn pause(&self, error: &CasError, attempt: u32) -> Duration {
        if let Some(milliseconds) = error.retry_after_ms {
            return Duration::from_millis(milliseconds).min(MAX_RETRY_AFTER);
        }
        let full = self.settings.backoff.saturating_mul(1 << (attempt - 1).min(10)).min(MAX_BACKOFF);
        // Between half and all of it, so that two clients that were refused together do not come back together.
        let mut chance = [0];
        let _ = aws_lc_rs::rand::fill(&mut chance);
        full / 2 + (full / 2).mul_f32(f32::from(chance[0]) / 255.0)
    }

    async fn wait_for_slot(&self, group: Group) {
        let interval = self.settings.pace.of(group);
        if interval.is_zero() {
            return;
        }
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let slot = slots.get(&group).map_or_else(Instant::now, |next| (*next).max(Instant::now()));
            slots.insert(group, slot + interval);
            slot
        };
        sleep_until(slot).await;
    }

    /// What to sign with now; a role is assumed when its token is missing or about to end.
    async fn credentials(&self) -> Result<Credentials, CasError> {
        let role = match &self.identity {
            Identity::Static(credentials) => return Ok(credentials.clone()),
            Identity::Role(role) => role,
        };
        let mut token = self.token.lock().await;
        if let Some(credentials) = token.as_ref()
            && credentials.expires.is_none_or(|expires| expires.since(self.now()) > TOKEN_MARGIN)
        {
            return Ok(credentials.clone());
        }
        let fresh = self.assume(role).await?;
        *token = Some(fresh.clone());
        Ok(fresh)
    }

    /// AssumeRole of the token service, version 2015-04-01.
    async fn assume(&self, role: &Role) -> Result<Credentials, CasError> {
        let endpoint = match &self.settings.sts_endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Endpoint::sts(role.sts_region.as_deref())
                .map_err(|error| CasError::not_sent("AssumeRole", error.to_string()))?,
        };
        let mut request = Request::read("AssumeRole", Group::Certificates)
            .with("RoleArn", &role.role_arn)
            .with("RoleSessionName", &role.session_name)
            .with_some("DurationSeconds", role.duration)
            .with_some("Policy", role.policy.as_ref())
            .with_some("ExternalId", role.external_id.as_ref());
        request.version = "2015-04-01";
        request.wants_key = true;
        let http = client(&endpoint, &self.settings)?;
        let mut attempt = 1;
        let answer = loop {
            match self.attempt(&http, &endpoint, &request, &role.with, attempt).await {
                Ok(answer) => break answer,
                Err(error) if attempt < self.settings.attempts && may_repeat(&error, attempt) => {
                    sleep(self.pause(&error, attempt)).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let field = |name: &str| {
            answer.body.get("Credentials").and_then(|it| it.get(name)).and_then(Value::as_str).map(str::to_owned)
        };
        match (field("AccessKeyId"), field("AccessKeySecret"), field("SecurityToken")) {
            (Some(access_key_id), Some(secret), Some(token)) => Ok(Credentials {
                access_key_id,
                access_key_secret: Secret::new(secret),
                security_token: Some(Secret::new(token)),
                expires: field("Expiration").and_then(|text| text.parse().ok()),
            }),
            _ => {
                Err(CasError::new("AssumeRole", ErrorKind::BadAnswer, Effect::None, "the answer holds no credentials"))
            }
        }
    }

    async fn attempt(
        &self,
        http: &Client,
        endpoint: &Endpoint,
        request: &Request,
        credentials: &Credentials,
        attempt: u32,
    ) -> Result<Answer, CasError> {
        let at = self.now();
        let begun = Instant::now();
        let nonce = (self.settings.nonce)();
        let signed = match request.scheme {
            Scheme::Acs3 => signed_acs3(endpoint, request, credentials, at, &nonce),
            Scheme::Rpc => signed_rpc(endpoint, request, credentials, at, &nonce),
        };
        let method = signed.method;
        let exchanged = exchange(http, request, signed).await;
        let (result, http_status) = match exchanged {
            Err(error) => (Err(error), None),
            Ok(raw) => {
                let status = raw.status;
                (read_answer(request, raw, at, credentials), Some(status))
            }
        };
        let result = result.map_err(|mut error| {
            error.http_status = http_status;
            error
        });
        let (outcome, request_id) = match &result {
            Ok(answer) => ("ok".to_owned(), answer.request_id.clone()),
            Err(error) => (error.code.clone().unwrap_or_else(|| error.message.clone()), error.request_id.clone()),
        };
        let mut log = self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if log.len() < MAX_LOG {
            log.push(Call {
                at,
                action: request.action.to_owned(),
                method: method.to_owned(),
                parameters: request.masked(),
                signed_by: match request.scheme {
                    Scheme::Acs3 => sign::ACS3.to_owned(),
                    Scheme::Rpc => sign::RPC.to_owned(),
                },
                attempt,
                outcome,
                http_status,
                request_id,
                duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            });
        }
        result
    }
}

/// May the call be made again? `attempt` is the one that failed.
fn may_repeat(error: &CasError, attempt: u32) -> bool {
    let passes = match error.kind {
        ErrorKind::Throttled | ErrorKind::Service | ErrorKind::Unreachable => true,
        // An answer that was cut short; a redirect or somebody else's page will come again.
        ErrorKind::BadAnswer => error.http_status.is_some_and(|status| (200..300).contains(&status)),
        // A nonce that was seen before: somebody on the way sent the call twice. Once more with a new one.
        ErrorKind::Credentials => error.code.as_deref() == Some("SignatureNonceUsed") && attempt == 1,
        _ => false,
    };
    passes && error.effect == Effect::None
}

/// A client for one endpoint: no redirects, no pooled connections (one that died in the pool would leave the fate of a
/// write unknown), no proxy for services on this machine.
fn client(endpoint: &Endpoint, settings: &Settings) -> Result<Client, CasError> {
    let fail = |reason: String| CasError::not_sent("connect", reason);
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for der in &settings.extra_anchors {
        roots.add(CertificateDer::from(der.as_slice())).map_err(|error| fail(format!("a trust anchor: {error}")))?;
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| fail(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .pool_max_idle_per_host(0)
        .timeout(settings.timeout)
        .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
        .user_agent(concat!("tlsmend/", env!("CARGO_PKG_VERSION")));
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| fail(innermost(&error)))
}

/// A request as it goes out.
struct Signed {
    method: &'static str,
    url: url::Url,
    headers: Vec<(&'static str, String)>,
    body: Zeroizing<Vec<u8>>,
}

const FORM: &str = "application/x-www-form-urlencoded";

fn signed_acs3(endpoint: &Endpoint, request: &Request, credentials: &Credentials, at: Time, nonce: &str) -> Signed {
    let body = Zeroizing::new(sign::encode_pairs(request.form.pairs()).into_bytes());
    let hash = sign::content_hash(&body);
    let mut headers = vec![
        ("host", endpoint.authority()),
        ("x-acs-action", request.action.to_owned()),
        ("x-acs-version", request.version.to_owned()),
        ("x-acs-date", at.to_string()),
        ("x-acs-signature-nonce", nonce.to_owned()),
        ("x-acs-content-sha256", hash.clone()),
    ];
    if !request.form.is_empty() {
        headers.push(("content-type", FORM.to_owned()));
    }
    if let Some(token) = &credentials.security_token {
        headers.push(("x-acs-accesskey-id", credentials.access_key_id.clone()));
        headers.push(("x-acs-security-token", token.expose().to_owned()));
    }
    let query: Vec<(&str, &str)> = request.query.pairs().collect();
    let authorization = sign::Acs3 {
        method: request.method,
        path: &request.path,
        query: &query,
        headers: &headers.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>(),
        content_hash: &hash,
    }
    .authorization(&credentials.access_key_id, credentials.access_key_secret.expose());
    headers.push(("authorization", authorization));
    let url = endpoint.url(&request.path, &sign::canonical_query(query));
    Signed { method: request.method, url, headers, body }
}

/// Only the action, its version and the plain parameters stand in the URL; what says who we are is in the body wherever
/// there can be one.
fn signed_rpc(endpoint: &Endpoint, request: &Request, credentials: &Credentials, at: Time, nonce: &str) -> Signed {
    // A token would stand in the URL of a GET: it goes as POST, which the older scheme allows for every action.
    let method = match (request.method, &credentials.security_token) {
        ("GET", Some(_)) => "POST",
        (method, _) => method,
    };
    let mut common = Parameters::default();
    common.plain("Format", "JSON");
    common.plain("AccessKeyId", credentials.access_key_id.as_str());
    if let Some(token) = &credentials.security_token {
        common.secret("SecurityToken", token);
    }
    common.plain("SignatureMethod", sign::RPC);
    common.plain("SignatureVersion", "1.0");
    common.plain("SignatureNonce", nonce);
    common.plain("Timestamp", at.to_string());
    let action = [("Action", request.action), ("Version", request.version)];
    let all = action.iter().copied().chain(request.query.pairs()).chain(request.form.pairs()).chain(common.pairs());
    let string_to_sign = Zeroizing::new(sign::rpc_string_to_sign(method, all));
    let signature = sign::rpc_signature(&string_to_sign, credentials.access_key_secret.expose());
    common.plain("Signature", signature);
    let in_url = action.iter().copied().chain(request.query.pairs());
    let mut headers = vec![("host", endpoint.authority())];
    let (url, body) = if method == "GET" {
        (sign::encode_pairs(in_url.chain(common.pairs())), String::new())
    } else {
        headers.push(("content-type", FORM.to_owned()));
        (sign::encode_pairs(in_url), sign::encode_pairs(request.form.pairs().chain(common.pairs())))
    };
    Signed { method, url: endpoint.url("/", &url), headers, body: Zeroizing::new(body.into_bytes()) }
}

/// What came back, whatever it is.
struct Raw {
    status: u16,
    retry_after_ms: Option<u64>,
    request_id: Option<String>,
    /// The server's clock.
    date: Option<String>,
    body: Zeroizing<Vec<u8>>,
    /// Reading stopped before its end, and why.
    cut: Option<String>,
}

async fn exchange(http: &Client, request: &Request, signed: Signed) -> Result<Raw, CasError> {
    let fail = |kind, effect, message: &str| CasError::new(request.action, kind, effect, message);
    let method = Method::from_bytes(signed.method.as_bytes())
        .map_err(|error| fail(ErrorKind::NotSent, Effect::None, &error.to_string()))?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in &signed.headers {
        let name = match *name {
            "host" => HOST,
            "authorization" => AUTHORIZATION,
            "content-type" => CONTENT_TYPE,
            other => HeaderName::from_static(other),
        };
        // A line end in a key id or a token: the value itself is not repeated.
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            fail(ErrorKind::NotSent, Effect::None, &format!("the value of {name} cannot stand in a header"))
        })?;
        value.set_sensitive(name == AUTHORIZATION || name == "x-acs-security-token");
        headers.insert(name, value);
    }
    let has_body = signed.method != "GET";
    let mut outgoing = http.request(method, signed.url).headers(headers);
    if has_body {
        outgoing = outgoing.body(Bytes::from_owner(signed.body));
    }
    let mut response = outgoing.send().await.map_err(|error| {
        // Never connected: nothing was sent. Otherwise it may have arrived.
        let effect = if error.is_connect() || !request.writes { Effect::None } else { Effect::Unknown };
        let what = if error.is_timeout() { "no answer in time".to_owned() } else { innermost(&error) };
        fail(ErrorKind::Unreachable, effect, &what)
    })?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut raw = Raw {
        status: response.status().as_u16(),
        retry_after_ms: header("x-acs-retry-after").and_then(|text| text.trim().parse().ok()).filter(|&ms| ms > 0),
        request_id: header("x-acs-request-id"),
        date: header(DATE.as_str()),
        body: Zeroizing::new(Vec::new()),
        cut: None,
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if raw.body.len() + chunk.len() > MAX_ANSWER => {
                raw.cut = Some(format!("the answer is larger than {} MB", MAX_ANSWER / 1024 / 1024));
            }
            Ok(Some(chunk)) => {
                raw.body.extend_from_slice(&chunk);
                continue;
            }
            Ok(None) => {}
            Err(error) => raw.cut = Some(format!("the answer broke off: {}", innermost(&error))),
        }
        return Ok(raw);
    }
}

/// The innermost cause: the layers above quote the URL, and with it the parameters.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, error as &dyn std::error::Error) {
        "the request failed".to_owned()
    } else {
        cause.to_string()
    }
}

fn read_answer(request: &Request, raw: Raw, at: Time, credentials: &Credentials) -> Result<Answer, CasError> {
    let parsed: Option<Value> = serde_json::from_slice(&raw.body).ok();
    let mut body = match parsed {
        Some(Value::Object(body)) => Some(body),
        _ => xml_error(&raw.body),
    };
    let field = |body: &Option<Map<String, Value>>, names: [&str; 2]| -> Option<String> {
        let value = names.iter().find_map(|name| body.as_ref()?.get(*name))?;
        // Secrets go first: cut to its length, a message could end in half of one.
        super::id::text_of(value).filter(|text| !text.is_empty()).map(|text| safe(&without_secrets(&text, credentials)))
    };
    let request_id = field(&body, ["RequestId", "requestId"]).or_else(|| raw.request_id.as_deref().map(safe));
    let code = field(&body, ["Code", "code"]);
    let success = (200..300).contains(&raw.status);
    let refused = match &code {
        Some(code) if success => !matches!(code.as_str(), "200" | "OK" | "Success" | "success"),
        Some(_) => true,
        None => !success,
    };
    if let (true, false, Some(body)) = (success, refused, body.as_mut()) {
        if !request.wants_key {
            strip_keys(body);
        }
        return Ok(Answer { request_id, body: std::mem::take(body) });
    }
    // 4xx is a refusal, made before the effect (408 excepted: the server did not get to it in time, or says so).
    let is_refusal = ((300..500).contains(&raw.status) && raw.status != 408) || !request.writes;
    let mut error = match &code {
        Some(code) => {
            let message = field(&body, ["Message", "message"]).unwrap_or_default();
            let mut error = CasError::new(request.action, classify(code, raw.status), Effect::None, &message);
            if error.kind == ErrorKind::Clock {
                error.message = clock_message(&error.message, raw.date.as_deref(), at);
            }
            error
        }
        None => CasError::new(request.action, kind_of_status(raw.status), Effect::None, &describe(&raw)),
    };
    let nonce_used = code.as_deref() == Some("SignatureNonceUsed");
    error.effect = if request.writes && (!is_refusal || nonce_used) { Effect::Unknown } else { Effect::None };
    error.permission = body.as_ref().and_then(permission).or_else(|| {
        // The service calls some of its actions otherwise in its permissions.
        let action = if request.action == "DescribeDeploymentJob" { "DescribeDeployment" } else { request.action };
        let service = if request.version == super::VERSION { "yundun-cert" } else { return None };
        (error.kind == ErrorKind::Permission).then(|| {
            Box::new(Permission { action: format!("{service}:{action}"), principal: None, denied_explicitly: false })
        })
    });
    if raw.retry_after_ms.is_some() {
        // Its presence alone says "too many calls", as the vendor's libraries read it.
        error.retry_after_ms = raw.retry_after_ms;
        if is_refusal {
            error.kind = ErrorKind::Throttled;
        }
    }
    error.code = code;
    error.request_id = request_id;
    Err(error)
}

/// Private keys have no place in an answer that nobody asked to hold one.
fn strip_keys(body: &mut Map<String, Value>) {
    const KEYS: [&str; 4] = ["Key", "PrivateKey", "EncryptPrivateKey", "SignPrivateKey"];
    for key in KEYS {
        if let Some(Value::String(text)) = body.remove(key) {
            drop(Zeroizing::new(text));
        }
    }
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        429 => ErrorKind::Throttled,
        500.. => ErrorKind::Service,
        _ => ErrorKind::BadAnswer,
    }
}

/// What came instead of an answer of the service.
fn describe(raw: &Raw) -> String {
    let start = raw.body.trim_ascii_start();
    let what = match start {
        _ if (300..400).contains(&raw.status) => "a redirect, which is not followed",
        [] => "an empty answer",
        [b'<', ..] => "an HTML or XML page instead of the service's answer",
        [b'{', ..] if raw.cut.is_none() && raw.status >= 300 => "an answer without an error code",
        [b'{', ..] => "JSON that is cut short or damaged",
        _ => "something that is not JSON",
    };
    match &raw.cut {
        Some(cut) => format!("HTTP {}: {cut}", raw.status),
        None => format!("HTTP {}: {what}", raw.status),
    }
}

/// The error form of those who answer in XML whatever was asked for: `<Error><Code>…</Code>…</Error>`.
fn xml_error(body: &[u8]) -> Option<Map<String, Value>> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, inside) = text.split_once("<Error>")?;
    let element = |name: &str| {
        let (_, rest) = inside.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once('<')?;
        let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
        Some(Value::String(plain.replace("&amp;", "&")))
    };
    let mut found = Map::new();
    for name in ["Code", "Message", "RequestId"] {
        if let Some(value) = element(name) {
            found.insert(name.to_owned(), value);
        }
    }
    found.contains_key("Code").then_some(found)
}

fn permission(body: &Map<String, Value>) -> Option<Box<Permission>> {
    let detail = body.get("AccessDeniedDetail").or_else(|| body.get("accessDeniedDetail"))?;
    let text = |name: &str| detail.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(safe);
    let principal = text("AuthPrincipalType").map(|kind| match text("AuthPrincipalDisplayName") {
        Some(name) => format!("{kind} {name}"),
        None => kind,
    });
    Some(Box::new(Permission {
        action: text("AuthAction")?,
        principal,
        denied_explicitly: text("NoPermissionType").as_deref() == Some("ExplicitDeny"),
    }))
}

/// The two clocks side by side.
fn clock_message(message: &str, date: Option<&str>, at: Time) -> String {
    let Some(date) = date else { return message.to_owned() };
    safe(&format!("{message} (this machine says {at}, the service says {date})"))
}

/// The service quotes what was signed when a signature is wrong, and with it the token.
fn without_secrets(message: &str, credentials: &Credentials) -> String {
    let mut message = message.to_owned();
    let secrets = [Some(&credentials.access_key_secret), credentials.security_token.as_ref()];
    for secret in secrets.into_iter().flatten().filter(|secret| !secret.is_empty()) {
        let plain = Zeroizing::new(secret.expose().to_owned());
        let once = Zeroizing::new(sign::encode(&plain));
        let twice = Zeroizing::new(sign::encode(&once));
        for form in [&twice, &once, &plain] {
            message = message.replace(form.as_str(), "<secret>");
        }
    }
    message
}
