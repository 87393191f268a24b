//! Signed calls to the emulated certificate service, without the client that the program has.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::hmac;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tlsmend::lab::cas::Emulator;
use tlsmend::model::time::Time;
use tlsmend::x509::hex;

/// An answer as it came.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub content_type: String,
    pub retry_after: Option<String>,
    pub text: String,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn code(&self) -> String {
        self.json()["Code"].as_str().unwrap_or_default().to_owned()
    }

    /// The answer of a call that has to work.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }
}

/// Who calls; at first the emulator's default account.
pub struct Caller {
    service: SocketAddr,
    now: fn() -> Time,
    key: (String, String),
    token: Option<String>,
    unsigned: Option<(&'static str, &'static str)>,
}

impl Caller {
    pub fn new(emulator: &Emulator, now: fn() -> Time) -> Self {
        Self::at(emulator.address(), now)
    }

    pub fn at(service: SocketAddr, now: fn() -> Time) -> Self {
        Self {
            service,
            now,
            key: ("testAccessKeyId".to_owned(), "testAccessKeySecret".to_owned()),
            token: None,
            unsigned: None,
        }
    }

    /// Another account.
    pub fn with(mut self, id: &str, secret: &str, token: Option<&str>) -> Self {
        (self.key, self.token) = ((id.to_owned(), secret.to_owned()), token.map(str::to_owned));
        self
    }

    /// Sends a header that the signature does not cover.
    pub fn unsigned(mut self, name: &'static str, value: &'static str) -> Self {
        self.unsigned = Some((name, value));
        self
    }

    /// Parameters in the address.
    pub async fn query(&self, action: &str, parameters: &[(&str, &str)]) -> Answered {
        self.send("POST", "/", action, parameters, &[]).await.unwrap()
    }

    /// Parameters in a form.
    pub async fn form(&self, action: &str, parameters: &[(&str, &str)]) -> Answered {
        self.send("POST", "/", action, &[], parameters).await.unwrap()
    }

    /// An error is the connection's.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        action: &str,
        query: &[(&str, &str)],
        form: &[(&str, &str)],
    ) -> reqwest::Result<Answered> {
        static NONCE: AtomicU32 = AtomicU32::new(1);
        let nonce = format!("{:032x}", NONCE.fetch_add(1, Ordering::Relaxed));
        let query = encoded(query);
        let body = encoded(form);
        let mut headers = vec![
            ("host", self.service.to_string()),
            ("x-acs-action", action.to_owned()),
            ("x-acs-content-sha256", hex(&Sha256::digest(body.as_bytes()))),
            ("x-acs-date", (self.now)().to_string()),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", "2020-04-07".to_owned()),
        ];
        if !body.is_empty() {
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        headers.extend(self.token.iter().map(|token| ("x-acs-security-token", token.clone())));
        headers.sort();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = [method, path, &query, &lines, &names, &hex(&Sha256::digest(body.as_bytes()))].join("\n");
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.1.as_bytes());
        let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", self.key.0);
        let url = format!("http://{}{path}?{query}", self.service);
        let mut request = plain_http().request(method.parse().unwrap(), url).body(body);
        if let Some((name, value)) = self.unsigned {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.header("authorization", authorization).header("accept", "application/json").send().await?;
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        Ok(Answered {
            status: answer.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            retry_after: header("x-acs-retry-after"),
            text: answer.text().await?,
        })
    }
}

/// For http on loopback; it trusts nobody, so it could not speak TLS.
pub fn plain_http() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

/// Sorted, RFC 3986.
fn encoded(pairs: &[(&str, &str)]) -> String {
    let enc = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.bytes().map(one).collect()
    };
    let mut pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", enc(name), enc(value))).collect();
    pairs.sort();
    pairs.join("&")
}
