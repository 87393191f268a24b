//! Request signing: ACS3-HMAC-SHA256, and the older RPC scheme with HMAC-SHA1. Pure: time and nonce are arguments.
//!
//! Held against vectors computed by the vendor's own code: `fixtures/cas/signature-vectors.json`.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::x509::hex;

/// The name of the scheme, as it stands in the Authorization header.
pub const ACS3: &str = "ACS3-HMAC-SHA256";

/// The name of the older scheme, as it stands in `SignatureMethod`.
pub const RPC: &str = "HMAC-SHA1";

/// Percent-encoding by RFC 3986: unreserved characters stay, every other octet becomes `%XX`.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex(&[byte]).to_ascii_uppercase());
        }
    }
    out
}

/// `name=value` pairs, both encoded, joined by `&`, in the order given: a query or a form body.
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let encoded: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    encoded.join("&")
}

/// The same, sorted by encoded name and value, as both schemes sign it.
pub fn canonical_query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut encoded: Vec<(String, String)> =
        pairs.into_iter().map(|(name, value)| (encode(name), encode(value))).collect();
    encoded.sort();
    encoded.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Lower-case hex SHA-256 of a body, for `x-acs-content-sha256`.
pub fn content_hash(body: &[u8]) -> String {
    hex(digest(&SHA256, body).as_ref())
}

/// The parts of a request that ACS3 signs. A form body enters through its hash alone.
pub struct Acs3<'a> {
    pub method: &'a str,
    /// As sent, its segments percent-encoded; `/` for RPC.
    pub path: &'a str,
    /// Decoded.
    pub query: &'a [(&'a str, &'a str)],
    /// Those to sign, lower-case names: `host`, `content-type` and every `x-acs-` header must be among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// `x-acs-content-sha256`.
    pub content_hash: &'a str,
}

impl Acs3<'_> {
    /// The names of the signed headers, sorted, joined by `;`.
    pub fn signed_headers(&self) -> String {
        let mut names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.join(";")
    }

    pub fn canonical_request(&self) -> String {
        let mut headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.trim())).collect();
        headers.sort_unstable();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let query = canonical_query(self.query.iter().copied());
        [self.method, self.path, &query, &headers, &self.signed_headers(), self.content_hash].join("\n")
    }

    pub fn string_to_sign(&self) -> String {
        format!("{ACS3}\n{}", hex(digest(&SHA256, self.canonical_request().as_bytes()).as_ref()))
    }

    /// The value of the Authorization header.
    pub fn authorization(&self, access_key_id: &str, access_key_secret: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, access_key_secret.as_bytes());
        let signature = hex(hmac::sign(&key, self.string_to_sign().as_bytes()).as_ref());
        format!("{ACS3} Credential={access_key_id},SignedHeaders={},Signature={signature}", self.signed_headers())
    }
}

/// What the older scheme signs: every parameter of query and form together, `Signature` excepted, and no header.
pub fn rpc_string_to_sign<'a>(method: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    format!("{method}&%2F&{}", encode(&canonical_query(parameters)))
}

/// The value of the parameter `Signature`.
pub fn rpc_signature(string_to_sign: &str, access_key_secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, format!("{access_key_secret}&").as_bytes());
    STANDARD.encode(hmac::sign(&key, string_to_sign.as_bytes()).as_ref())
}
