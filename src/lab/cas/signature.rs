//! Both signature schemes, verified: what the request says is decoded and encoded anew, because the official SDKs spell
//! the same query differently.
//!
//! Written from the description of the schemes and on its own: the client in `remedy` and this verifier share no code,
//! so that each can find the other's mistake.

use std::collections::HashMap;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::message::{Refusal, Request, encode};
use super::seed::Account;
use crate::model::time::Time;
use crate::x509::hex;

/// How far the caller's clock may be off, in seconds either way.
const MAX_SKEW: i64 = 15 * 60;

/// Nonces remembered; a lab sees fewer.
const MAX_NONCES: usize = 100_000;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Headers that every ACS3 request has to sign.
const MANDATORY: [&str; 6] =
    ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"];

/// The nonces of late, by key id.
#[derive(Debug, Default)]
pub struct Nonces(HashMap<(String, String), Time>);

impl Nonces {
    /// Remembers a nonce; `false` when it was there already.
    fn remember(&mut self, key_id: &str, nonce: &str, now: Time) -> bool {
        if self.0.len() >= MAX_NONCES {
            // A repeated request older than this is refused for its date.
            self.0.retain(|_, seen| now.since(*seen) <= 2 * MAX_SKEW);
        }
        self.0.insert((key_id.to_owned(), nonce.to_owned()), now).is_none()
    }
}

/// Who sent the request. A nonce is used up by a request that is right in everything else.
pub fn verify<'a>(
    request: &Request,
    accounts: &'a [Account],
    now: Time,
    nonces: &mut Nonces,
) -> Result<&'a Account, Refusal> {
    if request.is_acs3() {
        verify_acs3(request, accounts, now, nonces)
    } else {
        verify_rpc(request, accounts, now, nonces)
    }
}

fn verify_acs3<'a>(
    request: &Request,
    accounts: &'a [Account],
    now: Time,
    nonces: &mut Nonces,
) -> Result<&'a Account, Refusal> {
    let claim = Authorization::parse(request.header("authorization").unwrap_or_default())?;
    let token = request.header("x-acs-security-token");
    let account = find(accounts, claim.key_id, token, now)?;
    let date = request.header("x-acs-date").ok_or_else(|| Refusal::missing("x-acs-date"))?;
    check_date(date, now)?;
    let nonce = request.header("x-acs-signature-nonce").ok_or_else(|| Refusal::missing("x-acs-signature-nonce"))?;
    let content_hash = request.header("x-acs-content-sha256").unwrap_or_default();
    let mut signed: Vec<String> = claim.signed_headers.split(';').map(str::to_ascii_lowercase).collect();
    signed.sort_unstable();
    let canonical = canonical_request(request, &signed, content_hash);
    let to_sign = format!("{ALGORITHM}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let mismatch = |why: &str| {
        let message = format!(
            "{why} server string to sign is:{} server canonicalRequest is:{}",
            to_sign.replace('\n', " "),
            canonical.replace('\n', " ")
        );
        Err(Refusal::new(400, "SignatureDoesNotMatch", message))
    };
    let must_be_signed = request
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.starts_with("x-acs-") || *name == "content-type")
        .chain(MANDATORY);
    for name in must_be_signed {
        if !signed.iter().any(|known| known == name) {
            return mismatch(&format!("The header {name} is not signed."));
        }
    }
    if hex(&Sha256::digest(&request.body)) != content_hash {
        return mismatch("x-acs-content-sha256 is not the hash of the body.");
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, account.access_key_secret.reveal().as_bytes());
    if hex(hmac::sign(&key, to_sign.as_bytes()).as_ref()) != claim.signature {
        return mismatch("Specified signature is not matched with our calculation.");
    }
    use_up(nonces, claim.key_id, nonce, now)?;
    Ok(account)
}

fn verify_rpc<'a>(
    request: &Request,
    accounts: &'a [Account],
    now: Time,
    nonces: &mut Nonces,
) -> Result<&'a Account, Refusal> {
    let needed = |name: &str| request.parameter(name).filter(|value| !value.is_empty());
    let Some(signature) = needed("Signature") else {
        return Err(Refusal::new(400, "IncompleteSignature", "The request does not conform to Aliyun standards."));
    };
    let key_id = needed("AccessKeyId").ok_or_else(|| Refusal::missing("AccessKeyId"))?;
    let account = find(accounts, key_id, needed("SecurityToken"), now)?;
    check_date(needed("Timestamp").ok_or_else(|| Refusal::missing("Timestamp"))?, now)?;
    let nonce = needed("SignatureNonce").ok_or_else(|| Refusal::missing("SignatureNonce"))?;
    if needed("SignatureMethod").is_some_and(|method| method != "HMAC-SHA1") {
        return Err(Refusal::invalid("SignatureMethod", "HMAC-SHA1 is expected"));
    }
    let all = request.query.iter().chain(&request.form).filter(|(name, _)| name != "Signature");
    let to_sign = format!("{}&%2F&{}", request.method, encode(&canonical_pairs(all)));
    let secret = format!("{}&", account.access_key_secret.reveal());
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    if STANDARD.encode(hmac::sign(&key, to_sign.as_bytes())) != signature {
        let message =
            format!("Specified signature is not matched with our calculation. server string to sign is:{to_sign}");
        return Err(Refusal::new(400, "SignatureDoesNotMatch", message));
    }
    use_up(nonces, key_id, nonce, now)?;
    Ok(account)
}

/// The three parts of the header.
struct Authorization<'a> {
    key_id: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Result<Self, Refusal> {
        let parts = header.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' ')).unwrap_or_default();
        let part = |name: &str| {
            let mut found = parts.split(',').filter_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            let incomplete = || {
                Refusal::new(400, "IncompleteSignature", format!("Authorization has no part {name} for {ALGORITHM}."))
            };
            found.next().ok_or_else(incomplete)
        };
        Ok(Self { key_id: part("Credential")?, signed_headers: part("SignedHeaders")?, signature: part("Signature")? })
    }
}

fn canonical_request(request: &Request, signed: &[String], content_hash: &str) -> String {
    let segment = |segment: &str| {
        let decoded: Vec<u8> = percent_decoded(segment);
        encode(&String::from_utf8_lossy(&decoded))
    };
    let path: Vec<String> = request.path.split('/').map(segment).collect();
    let headers: String =
        signed.iter().map(|name| format!("{name}:{}\n", request.header(name).unwrap_or_default())).collect();
    [
        request.method.as_str(),
        &path.join("/"),
        &canonical_pairs(&request.query),
        &headers,
        &signed.join(";"),
        content_hash,
    ]
    .join("\n")
}

fn canonical_pairs<'a>(pairs: impl IntoIterator<Item = &'a (String, String)>) -> String {
    let mut encoded: Vec<(String, String)> =
        pairs.into_iter().map(|(name, value)| (encode(name), encode(value))).collect();
    encoded.sort_unstable();
    let joined: Vec<String> = encoded.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

/// In a path a plus sign is a plus sign.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())
            }
            _ => None,
        };
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &rest[3..] } else { tail };
    }
    out
}

fn find<'a>(accounts: &'a [Account], key_id: &str, token: Option<&str>, now: Time) -> Result<&'a Account, Refusal> {
    let held = |account: &&Account| account.security_token.as_ref().map(|known| known.reveal()) == token;
    let of_key: Vec<&Account> = accounts.iter().filter(|account| account.access_key_id == key_id).collect();
    let Some(account) = of_key.iter().copied().find(held) else {
        let is_known = token.is_some() && accounts.iter().any(|account| held(&account));
        return Err(match (of_key.is_empty(), token) {
            (false, Some(_)) if is_known => Refusal::new(
                400,
                "InvalidSecurityToken.MismatchWithAccessKey",
                "Specified SecurityToken mismatch with the AccessKey.",
            ),
            (false, Some(_)) => {
                Refusal::new(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
            }
            (true, _) | (false, None) => {
                Refusal::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
            }
        });
    };
    if account.inactive {
        return Err(Refusal::new(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled."));
    }
    if account.expires_at.is_some_and(|end| now >= end) {
        return Err(Refusal::new(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired."));
    }
    Ok(account)
}

fn check_date(text: &str, now: Time) -> Result<(), Refusal> {
    let date = text.parse::<Time>().ok().filter(|_| text.len() == "2026-01-15T08:30:00Z".len() && text.ends_with('Z'));
    let Some(date) = date else {
        return Err(Refusal::new(
            400,
            "InvalidTimeStamp.Format",
            "Specified time stamp or date value is not well formatted.",
        ));
    };
    if now.since(date).abs() > MAX_SKEW {
        return Err(Refusal::new(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."));
    }
    Ok(())
}

fn use_up(nonces: &mut Nonces, key_id: &str, nonce: &str, now: Time) -> Result<(), Refusal> {
    if nonces.remember(key_id, nonce, now) {
        return Ok(());
    }
    Err(Refusal::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."))
}
