//! What the user typed, parsed once into a type that cannot be wrong.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use super::starttls::StartTls;

/// HTTPS, where nothing else is said.
pub const DEFAULT_PORT: u16 = 443;

/// A host name: A-labels, lower case, no final dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsName(String);

/// Why a text is not a host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsNameError {
    #[error("the name is empty")]
    Empty,
    #[error("a label is empty (two dots in a row, or a dot at the start)")]
    EmptyLabel,
    #[error("the label `{0}` is longer than 63 octets (RFC 1035 §2.3.4)")]
    LabelTooLong(String),
    #[error("the name is longer than 253 octets (RFC 1035 §2.3.4)")]
    NameTooLong,
    #[error("`{0}` cannot stand in a host name")]
    Character(char),
    #[error("the label `{0}` begins or ends with a hyphen")]
    Hyphen(String),
    #[error("it is not a valid internationalised name (UTS #46)")]
    Idna,
    #[error("it ends in a number, as only an IPv4 address may, and is none")]
    Numeric,
}

impl DnsName {
    /// The A-label form, without the final dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The U-label form, for people.
    pub fn to_unicode(&self) -> String {
        let (text, valid) = Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
        if valid.is_ok() { text.into_owned() } else { self.0.clone() }
    }

    /// The labels, leftmost first.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DnsName {
    type Err = DnsNameError;

    /// Accepts U-labels, upper case and a final dot. Underscores are allowed: such names exist in the DNS and are
    /// visited, though RFC 952 host names have none.
    fn from_str(text: &str) -> Result<Self, DnsNameError> {
        // UTS #46 maps the ideographic full stops to `.`; only then can a final dot be seen.
        let ascii = Uts46::new()
            .to_ascii(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
            .map_err(|_| DnsNameError::Idna)?;
        let name = ascii.strip_suffix('.').unwrap_or(&ascii);
        if name.is_empty() {
            return Err(DnsNameError::Empty);
        }
        for label in name.split('.') {
            if label.is_empty() {
                return Err(DnsNameError::EmptyLabel);
            }
            if let Some(bad) = label.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_')) {
                return Err(DnsNameError::Character(bad));
            }
            if label.len() > 63 {
                return Err(DnsNameError::LabelTooLong(label.to_owned()));
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(DnsNameError::Hyphen(label.to_owned()));
            }
        }
        if name.len() > 253 {
            return Err(DnsNameError::NameTooLong);
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
            return Err(DnsNameError::Numeric); // WHATWG URL, "ends in a number"
        }
        Ok(Self(name.to_owned()))
    }
}

/// The name the user means to reach: the only one a certificate may match (RFC 9525 §6.1). It comes from the user,
/// never from a DNS answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReferenceId {
    Dns(DnsName),
    Ip(IpAddr),
}

impl fmt::Display for ReferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

impl FromStr for ReferenceId {
    type Err = DnsNameError;

    fn from_str(text: &str) -> Result<Self, DnsNameError> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        match bare.parse::<IpAddr>() {
            Ok(ip) => Ok(Self::Ip(ip)),
            Err(_) => text.parse().map(Self::Dns),
        }
    }
}

/// A target of `probe`: where to go, and what must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As typed.
    pub input: String,
    pub host: ReferenceId,
    pub port: u16,
    /// Plain text comes first there, and TLS when asked for.
    pub starttls: Option<StartTls>,
}

/// A text is not a target. The message shows the forms that are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a target: {reason}\n  a target is a host (www.example.com), host:port, URL (https://…, smtp://…), IP address or [IPv6]:port", .input.escape_debug())]
pub struct TargetError {
    pub input: String,
    pub reason: String,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let fail = |reason: String| TargetError { input: text.chars().take(200).collect(), reason };
        let input = text.trim();
        if input.is_empty() {
            return Err(fail("it is empty".to_owned()));
        }
        let (authority, starttls, default_port) = match input.split_once("://") {
            Some((scheme, rest)) => {
                let (starttls, port) = of_scheme(&scheme.to_ascii_lowercase()).map_err(fail)?;
                let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
                // A password in a pasted URL must not travel on into reports.
                if authority.contains('@') {
                    return Err(fail("it carries user information (`…@`); leave that out".to_owned()));
                }
                (authority, starttls, port)
            }
            None => (input, None, DEFAULT_PORT),
        };
        let (host, port) = split_port(authority).map_err(|reason| fail(reason.to_owned()))?;
        let host: ReferenceId = host.parse().map_err(|error: DnsNameError| fail(error.to_string()))?;
        Ok(Self { input: input.to_owned(), host, port: port.unwrap_or(default_port), starttls })
    }
}

impl Target {
    /// The same place, where `protocol` is spoken before TLS: as if its scheme had been typed, so that whoever repeats the
    /// target repeats that too. Fails where another scheme was typed.
    pub fn with_starttls(&self, protocol: StartTls) -> Result<Self, TargetError> {
        match self.input.split_once("://") {
            None => format!("{protocol}://{}", self.input).parse(),
            Some(_) if self.starttls == Some(protocol) => Ok(self.clone()),
            Some((scheme, _)) => {
                let reason = format!("its scheme is `{}`, and --starttls says {protocol}", scheme.escape_debug());
                Err(TargetError { input: self.input.clone(), reason })
            }
        }
    }

    /// Is it HTTP that is spoken here, as far as the name of the place tells? `None`: any protocol may live at such a port.
    pub fn is_https(&self) -> Option<bool> {
        let scheme = self.input.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some(scheme) => Some(matches!(scheme, "https" | "wss")),
            None if self.starttls.is_some() => Some(false),
            None => (self.port == DEFAULT_PORT).then_some(true),
        }
    }
}

/// What is spoken there before TLS, and the port where nothing else is said.
fn of_scheme(scheme: &str) -> Result<(Option<StartTls>, u16), String> {
    if let Ok(protocol) = scheme.parse::<StartTls>() {
        return Ok((Some(protocol), protocol.port()));
    }
    // `smtps` and its sisters: TLS from the start.
    let of_sister = scheme.strip_suffix('s').and_then(|plain| plain.parse::<StartTls>().ok()?.implicit_port());
    match (scheme, of_sister) {
        ("https" | "wss", _) => Ok((None, DEFAULT_PORT)),
        (_, Some(port)) => Ok((None, port)),
        ("http", _) => Err("an http:// address has no TLS; try https://".to_owned()),
        (other, _) => Err(format!(
            "the scheme `{}` is not one we probe; use https://, or smtp:// imap:// pop3:// ftp:// ldap:// postgres:// \
             mysql:// for STARTTLS",
            other.escape_debug()
        )),
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    const PORT: &str = "the port is not a number from 1 to 65535";
    let parse = |port: &str| match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
        _ => Err(PORT),
    };
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or("the `[` is never closed")?;
        if address.parse::<Ipv6Addr>().is_err() {
            return Err("what stands in brackets is not an IPv6 address");
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((address, Some(parse(port)?))),
            None if after.is_empty() => Ok((address, None)),
            None => Err("only a :port may follow the `]`"),
        };
    }
    match authority.matches(':').count() {
        0 => Ok((authority, None)),
        1 => {
            let (host, port) = authority.split_once(':').ok_or(PORT)?;
            Ok((host, Some(parse(port)?)))
        }
        _ => Ok((authority, None)), // a bare IPv6 address, or nothing we know
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> (String, u16) {
        let target: Target = text.parse().unwrap();
        (target.host.to_string(), target.port)
    }

    #[test]
    fn every_notation_of_a_target() {
        assert_eq!(target("Example.COM."), ("example.com".into(), 443));
        assert_eq!(target("example.com:8443"), ("example.com".into(), 8443));
        assert_eq!(target("https://example.com/a?b#c"), ("example.com".into(), 443));
        assert_eq!(target("HTTPS://example.com:444/a:b"), ("example.com".into(), 444));
        assert_eq!(target("192.0.2.1"), ("192.0.2.1".into(), 443));
        assert_eq!(target("192.0.2.1:99"), ("192.0.2.1".into(), 99));
        assert_eq!(target("2001:db8::1"), ("2001:db8::1".into(), 443));
        assert_eq!(target("[2001:db8::1]:8443"), ("2001:db8::1".into(), 8443));
        assert_eq!(target("https://[2001:db8::1]/"), ("2001:db8::1".into(), 443));
        assert_eq!(target("bücher.example"), ("xn--bcher-kva.example".into(), 443));
        assert_eq!(target("under_score.example.com"), ("under_score.example.com".into(), 443));
    }

    #[test]
    fn a_scheme_may_ask_for_starttls() {
        let target = |text: &str| text.parse::<Target>().unwrap();
        for protocol in StartTls::ALL {
            let typed = target(&format!("{protocol}://mail.example.com"));
            assert_eq!((typed.port, typed.starttls), (protocol.port(), Some(protocol)));
            assert_eq!(target("mail.example.com").with_starttls(protocol).unwrap(), typed);
            assert_eq!(typed.with_starttls(protocol).unwrap(), typed);
            assert!(target("https://mail.example.com").with_starttls(protocol).is_err());
        }
        let submission = target("mail.example.com:587").with_starttls(StartTls::Smtp).unwrap();
        assert_eq!((submission.port, submission.input.as_str()), (587, "smtp://mail.example.com:587"));
        assert_eq!(target("postgresql://db.example.com/name").starttls, Some(StartTls::Postgres));
        let sister = target("imaps://mail.example.com");
        assert_eq!((sister.port, sister.starttls, sister.is_https()), (993, None, Some(false)));
        assert!("postgress://db.example.com".parse::<Target>().is_err());
        assert!("smtp://me:secret@mail.example.com".parse::<Target>().is_err());
    }

    #[test]
    fn both_forms_of_an_internationalised_name() {
        let name: DnsName = "BÜCHER.example。".parse().unwrap();
        assert_eq!(name.as_str(), "xn--bcher-kva.example");
        assert_eq!(name.to_unicode(), "bücher.example");
    }

    #[test]
    fn what_is_no_target_says_why() {
        for (text, reason) in [
            ("", "empty"),
            ("http://example.com", "no TLS"),
            ("gopher://example.com", "scheme"),
            ("https://user:pw@example.com/", "user information"),
            ("example.com:0", "port"),
            ("example.com:65536", "port"),
            ("example.com:+80", "port"),
            ("a..b", "empty"),
            (".example.com", "empty"),
            ("exa mple.com", "' '"),
            ("example.com/path", "`/`"),
            ("[::1", "closed"),
            ("[example.com]", "IPv6"),
            ("1.2.3", "number"),
            ("256.1.1.1", "number"),
            ("-a.example", "hyphen"),
            ("a:b:c", "`:`"),
            ("xn--a.example", "internationalised"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            let reason = reason.replace("' '", "` `");
            assert!(error.contains(&reason), "{text:?}: {error}");
        }
        assert!(format!("{}.com", "a".repeat(64)).parse::<Target>().is_err());
        assert!("a.".repeat(127).parse::<Target>().is_ok_and(|t| t.host.to_string().len() == 253));
        assert!("a.".repeat(128).parse::<Target>().is_err());
    }
}
