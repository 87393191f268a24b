//! A request taken apart, and an answer put together. Forgiving where the official SDKs differ on the wire.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// A request as it crossed the wire.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    /// Not decoded.
    pub path: String,
    /// Decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// Decoded parameters of a form body.
    pub form: Vec<(String, String)>,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, path: &str, query: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        let is_form = headers.iter().any(|(name, value)| {
            name == "content-type" && value.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
        });
        let form = if is_form { pairs(&body) } else { Vec::new() };
        Self { method: method.to_owned(), path: path.to_owned(), query: pairs(query.as_bytes()), form, headers, body }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// A parameter, wherever it stands.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().chain(&self.form).find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The ACS3 scheme is known by its header; else it is the older one.
    pub fn is_acs3(&self) -> bool {
        self.header("authorization").is_some_and(|value| value.starts_with("ACS3-"))
    }

    pub fn wants_xml(&self) -> bool {
        if let Some(format) = self.parameter("Format") {
            return format.eq_ignore_ascii_case("xml");
        }
        let accepts = self.header("accept").unwrap_or_default();
        let asks_for_xml = accepts.contains("xml") && !accepts.contains("json") && !accepts.contains("html");
        // XML is the default of the older scheme.
        asks_for_xml || (!self.is_acs3() && self.parameter("Signature").is_some())
    }
}

/// `a=b&c=d`, decoded; `+` and `%20` are both a space.
fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// RFC 3986: what is not unreserved becomes `%XX`.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// Why a call is refused: status, code and text of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    /// `AccessDeniedDetail`
    pub denied: Option<Value>,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), denied: None }
    }

    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(404, "NotFound", what)
    }

    pub fn missing(parameter: &str) -> Self {
        Self::new(400, "MissingParameter", format!("The input parameter \"{parameter}\" is missing."))
    }

    pub fn invalid(parameter: &str, why: &str) -> Self {
        Self::new(400, "InvalidParameter", format!("The parameter \"{parameter}\" is invalid: {why}."))
    }

    /// The state of the thing does not allow the call.
    pub fn state(why: impl Into<String>) -> Self {
        Self::new(400, "OperationDenied.StatusNotSupport", why)
    }

    pub fn body(&self, request_id: &str, host: &str) -> Map<String, Value> {
        let advice = format!("https://api.aliyun.com/troubleshoot?q={}&product=cas&requestId={request_id}", self.code);
        let mut body = object(json!({
            "RequestId": request_id, "HostId": host, "Code": self.code, "Message": self.message, "Recommend": advice,
        }));
        if let Some(denied) = &self.denied {
            body.insert("AccessDeniedDetail".to_owned(), denied.clone());
        }
        body
    }
}

/// The fields of an answer.
pub type Answer = Result<Map<String, Value>, Refusal>;

/// The map in a `json!({…})`.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Query and form merged, as typed values.
#[derive(Debug, Default)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// An empty value is no value.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    pub fn int(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let parse = |text: &str| text.parse().map_err(|_| Refusal::invalid(name, "a whole number is expected"));
        self.text(name).map(parse).transpose()
    }

    pub fn required_int(&self, name: &str) -> Result<i64, Refusal> {
        self.int(name)?.ok_or_else(|| Refusal::missing(name))
    }

    /// `true` in any case: the SDKs write `True` and `true`.
    pub fn is_true(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `1,2,3`, each once.
    pub fn ids(&self, name: &str) -> Result<Vec<i64>, Refusal> {
        let mut ids = Vec::new();
        for word in self.text(name).unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let id = word.parse().map_err(|_| Refusal::invalid(name, "numbers with commas between are expected"))?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    pub fn required_ids(&self, name: &str) -> Result<Vec<i64>, Refusal> {
        let ids = self.ids(name)?;
        if ids.is_empty() { Err(Refusal::missing(name)) } else { Ok(ids) }
    }

    /// `Tags.1.Key`, `Tags.1.Value`, …
    pub fn tags(&self) -> Vec<(String, String)> {
        let tag = |n: usize| {
            let value = self.text(&format!("Tags.{n}.Value")).unwrap_or_default();
            self.text(&format!("Tags.{n}.Key")).map(|key| (key.to_owned(), value.to_owned()))
        };
        // As many as the service takes in one call.
        (1..=100).map_while(tag).collect()
    }
}

/// One page of `entries`, and how many there are. `shift` moves the page as if the list had grown meanwhile.
pub fn page<T>(entries: Vec<T>, parameters: &Parameters, default_size: i64, shift: i64) -> Result<Page<T>, Refusal> {
    let current = parameters.int("CurrentPage")?.unwrap_or(1);
    let size = parameters.int("ShowSize")?.unwrap_or(default_size);
    if current < 1 {
        return Err(Refusal::invalid("CurrentPage", "it begins with 1"));
    }
    if size < 1 {
        return Err(Refusal::invalid("ShowSize", "it must be above 0"));
    }
    let total = entries.len();
    let start = current.saturating_sub(1).saturating_mul(size).saturating_sub(shift).max(0);
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let rows = entries.into_iter().skip(start).take(usize::try_from(size).unwrap_or(usize::MAX)).collect();
    Ok(Page { rows, total, current, size })
}

pub struct Page<T> {
    pub rows: Vec<T>,
    pub total: usize,
    pub current: i64,
    pub size: i64,
}

/// `root` around the fields; an array repeats its element.
pub fn xml(root: &str, body: &Map<String, Value>) -> String {
    let mut out = String::from("<?xml version='1.0' encoding='UTF-8'?>");
    element(&mut out, root, &Value::Object(body.clone()));
    out
}

fn element(out: &mut String, name: &str, value: &Value) {
    if let Value::Array(values) = value {
        return values.iter().for_each(|value| element(out, name, value));
    }
    let _ = write!(out, "<{name}>");
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| element(out, name, value)),
        Value::Null | Value::Array(_) => {}
        Value::String(text) => out.push_str(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")),
        Value::Bool(_) | Value::Number(_) => {
            let _ = write!(out, "{value}");
        }
    }
    let _ = write!(out, "</{name}>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(encode("a-_.~ b*+é"), "a-_.~%20b%2A%2B%C3%A9");
    }

    #[test]
    fn xml_escapes_and_repeats() {
        let body = object(json!({"A": "<&>", "B": [{"C": 1}, {"C": true}], "D": null}));
        let expected = "<R><A>&lt;&amp;&gt;</A><B><C>1</C></B><B><C>true</C></B><D></D></R>";
        assert!(xml("R", &body).ends_with(expected), "{}", xml("R", &body));
    }

    #[test]
    fn a_page_may_shift() {
        let rows = |page: &str, shift| {
            let pairs = [("CurrentPage", page), ("ShowSize", "2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
            super::page((1..=5).collect(), &Parameters::new(pairs), 20, shift).unwrap().rows
        };
        assert_eq!((rows("1", 0), rows("3", 0), rows("4", 0)), (vec![1, 2], vec![5], vec![]));
        assert_eq!((rows("2", 1), rows("2", -1)), (vec![2, 3], vec![4, 5]));
    }
}
