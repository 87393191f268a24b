//! What stands in the cells, parsed once.

use std::fmt;
use std::str::FromStr;

use crate::model::target::{DnsName, DnsNameError, ReferenceId};

/// Digits that a spreadsheet keeps of a number (IEEE 754 double).
const EXACT_DIGITS: f64 = 1e15;

/// Why a text cannot stand in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("the host name alone belongs here, without scheme, port or path")]
    NotAlone,
    #[error("an address has no row; only a domain has one")]
    Address,
    #[error("a wildcard stands for the whole first label, as in *.example.com")]
    Wildcard,
    #[error("{0}")]
    Name(#[from] DnsNameError),
    #[error("a certificate's id is a number of up to 19 digits, or cert-… in the dialect of the guides")]
    Id,
    #[error("a spreadsheet has rounded it: write the id anew, as text")]
    Rounded,
    #[error("the id alone belongs here, without the region that follows it elsewhere")]
    Region,
}

/// A domain of AIRec: A-labels, lower case; a wildcard only if AIRec's own domain is that wildcard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Domain(String);

impl Domain {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Domain {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.contains(['/', ':', '?', '#']) {
            return Err(ParseError::NotAlone);
        }
        let (prefix, rest) = match text.strip_prefix("*.") {
            Some(rest) => ("*.", rest),
            None => ("", text),
        };
        if rest.contains('*') {
            return Err(ParseError::Wildcard);
        }
        if matches!(rest.parse(), Ok(ReferenceId::Ip(_))) {
            return Err(ParseError::Address);
        }
        let name: DnsName = rest.parse()?;
        Ok(Self(format!("{prefix}{name}")))
    }
}

/// The id of a certificate in the service. It is written as text: a number in a spreadsheet loses digits above 15.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateId(String);

impl CertificateId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for CertificateId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // Ids are int64 in the service.
        let is_number = is_digits(text) && !text.starts_with('0') && text.parse::<i64>().is_ok();
        let is_of_the_guides = text.strip_prefix("cert-").is_some_and(|rest| {
            (1..=64).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
        if is_number || is_of_the_guides {
            return Ok(Self(text.to_owned()));
        }
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        Err(match text.split_once('-') {
            Some((id, region)) if is_digits(id) && region.starts_with(|c: char| c.is_ascii_lowercase()) => {
                ParseError::Region
            }
            _ if mantissa.len() < text.len() && is_digits(&mantissa.replace('.', "")) => ParseError::Rounded,
            _ => ParseError::Id,
        })
    }
}

/// A spreadsheet would compute a cell that begins so (OWASP, CSV injection).
pub(super) fn is_like_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// The digits of a whole number that a spreadsheet holds without loss.
pub(super) fn exact(number: f64) -> Option<String> {
    let is_whole = number.fract() == 0.0 && (0.0..EXACT_DIGITS).contains(&number);
    is_whole.then(|| format!("{number:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_one_notation() {
        for (text, expected) in
            [("Shop.Example.com.", "shop.example.com"), ("*.Bücher.example", "*.xn--bcher-kva.example")]
        {
            assert_eq!(text.parse::<Domain>().unwrap().as_str(), expected);
        }
        for text in ["", "*.", "*", "*.*.example.com", "[2001:db8::1]", "192.0.2.1", "a.example/x", "-a.example"] {
            assert!(text.parse::<Domain>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids_are_numbers_or_those_of_the_guides() {
        for text in ["1", "9223372036854775807", "cert-a", "cert-0123-abcDEF"] {
            assert_eq!(text.parse::<CertificateId>().unwrap().as_str(), text);
        }
        for text in ["", "0", "012", "9223372036854775808", "-1", "1.0", "cert-", "cert-a b", "cert-=1", "１２"] {
            assert!(text.parse::<CertificateId>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_taken_only_when_nothing_was_lost() {
        assert_eq!(exact(443.0).as_deref(), Some("443"));
        assert_eq!(exact(999_999_999_999_999.0).as_deref(), Some("999999999999999"));
        for lost in [1e15, 12_345_678_901_234_567.0, -1.0, 1.5, f64::NAN, f64::INFINITY] {
            assert_eq!(exact(lost), None, "{lost}");
        }
    }
}
