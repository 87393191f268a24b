//! Readers for the fields of answers: the service writes numbers as texts, flags as numbers, lists as texts, and nothing as
//! null, zero or an empty text. What cannot be read is absent, not an error.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::id::{CertId, ResourceId, text_of};
use crate::model::time::Time;
use crate::x509::dn::printable;

/// Text, number or boolean as text; what is null or absent is none.
pub(in crate::remedy) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    optional_text(deserializer).map(Option::unwrap_or_default)
}

/// Every text is made safe for a terminal here, once: it comes from the network.
pub(in crate::remedy) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Some(flag.to_string()),
        value => text_of(&value).filter(|text| !text.is_empty()).map(|text| printable(&text)),
    })
}

/// `true`, `1`, `"1"`, `"True"`.
pub(in crate::remedy) fn optional_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(optional_text(deserializer)?.and_then(|text| match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }))
}

/// A counter; what is no whole number counts as zero, as an absent one does.
pub(in crate::remedy) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(optional_text(deserializer)?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// The service writes 0 for "none".
pub(in crate::remedy) fn optional_cert_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<CertId>, D::Error> {
    Ok(optional_text(deserializer)?.and_then(|text| text.parse().ok()))
}

pub(in crate::remedy) fn optional_resource_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ResourceId>, D::Error> {
    Ok(optional_text(deserializer)?.and_then(|text| text.parse().ok()))
}

/// `a,b` or `["a","b"]`.
pub(in crate::remedy) fn comma_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let items = match Value::deserialize(deserializer)? {
        Value::String(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        Value::Array(items) => items.iter().filter_map(text_of).collect(),
        _ => Vec::new(),
    };
    Ok(items.into_iter().filter(|item: &String| !item.is_empty()).map(|item| printable(&item)).collect())
}

/// A list, or null for an empty one.
pub(in crate::remedy) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Unix time as number or text. The field notes say seconds, every published sample is in milliseconds: 11 digits or
/// fewer are seconds.
pub(in crate::remedy) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    Ok(optional_text(deserializer)?.and_then(|text| moment_of(&text)))
}

fn moment_of(text: &str) -> Option<Time> {
    let value: i64 = text.parse().ok().filter(|&value| value > 0)?;
    Some(Time::from_unix(if text.len() <= 11 { value } else { value / 1000 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_milliseconds_by_their_length() {
        assert_eq!(moment_of("1768465800"), Some(Time::from_unix(1_768_465_800)));
        assert_eq!(moment_of("1768465800000"), Some(Time::from_unix(1_768_465_800)));
        assert_eq!(moment_of("99999999999"), Some(Time::from_unix(99_999_999_999)));
        for none in ["0", "", "-5", "soon", "99999999999999999999"] {
            assert_eq!(moment_of(none), None, "{none}");
        }
    }
}
