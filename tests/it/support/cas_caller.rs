//! Signed calls to the emulated certificate service, without the client that the program has.

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

/// Who calls: the emulator's default account.
pub struct Caller<'a> {
    emulator: &'a Emulator,
    now: fn() -> Time,
}

impl<'a> Caller<'a> {
    pub fn new(emulator: &'a Emulator, now: fn() -> Time) -> Self {
        Self { emulator, now }
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
            ("host", self.emulator.address().to_string()),
            ("x-acs-action", action.to_owned()),
            ("x-acs-content-sha256", hex(&Sha256::digest(body.as_bytes()))),
            ("x-acs-date", (self.now)().to_string()),
            ("x-acs-signature-nonce", nonce),
            ("x-acs-version", "2020-04-07".to_owned()),
        ];
        if !body.is_empty() {
            headers.insert(0, ("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = [method, path, &query, &lines, &names, &hex(&Sha256::digest(body.as_bytes()))].join("\n");
        let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"testAccessKeySecret");
        let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
        let authorization =
            format!("ACS3-HMAC-SHA256 Credential=testAccessKeyId,SignedHeaders={names},Signature={signature}");
        let url = format!("{}{path}?{query}", self.emulator.endpoint());
        // The client is built with TLS, which asks for a provider even where only http is spoken.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let mut request = client.request(method.parse().unwrap(), url).body(body);
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
