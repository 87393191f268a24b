//! Identifiers. Numbers are 64 bits wide and stay exact; in JSON they are texts, because many readers of JSON lose the
//! digits of a number above 2^53.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A certificate in the service: a number in the real one, `cert-…` in the dialect of the guides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CertId {
    Number(u64),
    Guide(String),
}

/// The text is no identifier of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a number such as 12345678, or in the guide dialect cert- and up to 64 letters, digits and hyphens")]
pub struct CertIdError;

impl CertId {
    /// Longer than any that was seen, short enough for a file name.
    const MAX_GUIDE: usize = 64;

    /// The number, when it is one.
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Guide(_) => None,
        }
    }

    /// Is `text` this certificate as other products write it: the bare number, or `<number>-<region>`?
    pub fn is_named_by(&self, text: &str) -> bool {
        match self {
            Self::Guide(id) => id == text,
            Self::Number(number) => {
                let digits = text.split_once('-').map_or(text, |(digits, _)| digits);
                digits.parse() == Ok(*number)
            }
        }
    }
}

impl FromStr for CertId {
    type Err = CertIdError;

    fn from_str(text: &str) -> Result<Self, CertIdError> {
        if let Some(rest) = text.strip_prefix("cert-") {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let is_id = !rest.is_empty() && rest.len() <= Self::MAX_GUIDE && rest.bytes().all(fits);
            return if is_id { Ok(Self::Guide(text.to_owned())) } else { Err(CertIdError) };
        }
        digits(text).map(Self::Number).ok_or(CertIdError)
    }
}

/// Digits only: `u64::from_str` would take a plus sign.
fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok().filter(|&number| number > 0) } else { None }
}

impl fmt::Display for CertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Guide(id) => f.write_str(id),
        }
    }
}

impl Serialize for CertId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CertId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        text_of(&value).and_then(|text| text.parse().ok()).ok_or_else(|| serde::de::Error::custom(CertIdError))
    }
}

/// A number or a text, as text.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

macro_rules! numeric_id {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NumberError;

            fn from_str(text: &str) -> Result<Self, NumberError> {
                digits(text).map(Self).ok_or(NumberError)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = Value::deserialize(deserializer)?;
                text_of(&value)
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| serde::de::Error::custom(NumberError))
            }
        }
    };
}

/// The text is no identifier: those are whole numbers above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a whole number above zero, such as 8888")]
pub struct NumberError;

numeric_id!(
    /// A deployment job.
    JobId
);
numeric_id!(
    /// One task of a job: one certificate to one resource.
    WorkerId
);
numeric_id!(
    /// A deployable resource: `Id` of ListCloudResources.
    ResourceId
);
numeric_id!(
    /// Somebody the service tells how a job ended.
    ContactId
);
numeric_id!(
    /// An order for a certificate.
    OrderId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_exact() {
        let id: CertId = serde_json::from_str("9007199254740993").unwrap(); // 2^53 + 1
        assert_eq!(id, CertId::Number(9_007_199_254_740_993));
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"9007199254740993\"");
        assert_eq!(serde_json::from_str::<JobId>("\"9007199254740993\"").unwrap().0, 9_007_199_254_740_993);
        assert!(serde_json::from_str::<CertId>("1.5").is_err());
        assert!(serde_json::from_str::<CertId>("null").is_err());
    }

    #[test]
    fn both_kinds_and_nothing_else() {
        assert_eq!("12345678".parse(), Ok(CertId::Number(12_345_678)));
        assert_eq!("cert-8a9b2c".parse(), Ok(CertId::Guide("cert-8a9b2c".into())));
        for bad in [
            "",
            "cert-",
            "cert-a/b",
            "cert-a b",
            "+1",
            "-1",
            "0",
            "1e3",
            "12345678-cn-hangzhou",
            "99999999999999999999",
        ] {
            assert!(bad.parse::<CertId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn other_products_write_the_region_behind_it() {
        let id = CertId::Number(12_345_678);
        assert!(id.is_named_by("12345678") && id.is_named_by("12345678-cn-hangzhou"));
        assert!(!id.is_named_by("123456789") && !id.is_named_by("") && !id.is_named_by("cn-hangzhou"));
    }
}
