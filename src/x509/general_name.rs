//! GeneralName (RFC 5280 §4.2.1.6), owned.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::extensions::GeneralName as Parsed;

use super::dn::{DistinguishedName, printable};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GeneralName {
    /// As it stands, unchecked: it may hold anything IA5String can.
    Dns(Box<str>),
    /// 4 or 16 octets in a SAN, 8 or 32 in a name constraint; other lengths are malformed.
    Ip(Box<[u8]>),
    Email(Box<str>),
    Uri(Box<str>),
    Directory(DistinguishedName),
    /// otherName, x400Address, ediPartyName, registeredID: the tag number.
    Other(u8),
    /// Could not be decoded: the tag number.
    Invalid(u8),
}

impl GeneralName {
    pub(super) fn new(name: &Parsed<'_>) -> Self {
        match name {
            Parsed::DNSName(text) => Self::Dns((*text).into()),
            Parsed::IPAddress(octets) => Self::Ip((*octets).into()),
            Parsed::RFC822Name(text) => Self::Email((*text).into()),
            Parsed::URI(text) => Self::Uri((*text).into()),
            Parsed::DirectoryName(name) => Self::Directory(DistinguishedName::new(name)),
            Parsed::OtherName(..) => Self::Other(0),
            Parsed::X400Address(_) => Self::Other(3),
            Parsed::EDIPartyName(_) => Self::Other(5),
            Parsed::RegisteredID(_) => Self::Other(8),
            Parsed::Invalid(tag, _) => Self::Invalid(u8::try_from(tag.0).unwrap_or(u8::MAX)),
        }
    }

    /// The address of an iPAddress of the right length.
    pub fn as_ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(octets) => match octets.len() {
                4 => <[u8; 4]>::try_from(&octets[..]).ok().map(|o| Ipv4Addr::from(o).into()),
                16 => <[u8; 16]>::try_from(&octets[..]).ok().map(|o| Ipv6Addr::from(o).into()),
                _ => None,
            },
            _ => None,
        }
    }
}

/// `DNS:example.com`, `IP:192.0.2.1`: the notation of OpenSSL's text output.
impl fmt::Display for GeneralName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) => write!(f, "DNS:{}", printable(text)),
            Self::Ip(octets) => match self.as_ip() {
                Some(ip) => write!(f, "IP:{ip}"),
                None => write!(f, "IP:(malformed, {} octets)", octets.len()),
            },
            Self::Email(text) => write!(f, "email:{}", printable(text)),
            Self::Uri(text) => write!(f, "URI:{}", printable(text)),
            Self::Directory(name) => write!(f, "DirName:{name}"),
            Self::Other(tag) => write!(f, "other [{tag}]"),
            Self::Invalid(tag) => write!(f, "(malformed [{tag}])"),
        }
    }
}
