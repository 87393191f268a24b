//! Distinguished names (RFC 5280 §4.1.2.4): compared as bytes, or as RFC 5280 §7.1 says; shown to people.

use std::borrow::Cow;
use std::fmt;

use x509_parser::der_parser::asn1_rs::{Any, Tag};
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::oid::dotted;

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Which RDN it stands in.
    pub rdn: usize,
    /// Dotted OID of its type.
    pub oid: String,
    /// The identifier octet of its value.
    pub tag: u8,
    /// Content octets of its value.
    pub value: Box<[u8]>,
    /// The characters, when it is a string.
    pub text: String,
}

/// A subject or issuer name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DistinguishedName {
    raw: Box<[u8]>,
    /// Attribute types and values after the comparison rules of RFC 5280 §7.1; equal names have equal bytes.
    normalised: Box<[u8]>,
    common_name: Option<Box<str>>,
}

impl DistinguishedName {
    /// From the DER encoding of a Name alone, as a CertificateRequest carries it. `None`: it is none.
    pub fn parse(der: &[u8]) -> Option<Self> {
        X509Name::from_der(der).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, name)| Self::new(&name))
    }

    pub(super) fn new(name: &X509Name<'_>) -> Self {
        Self {
            raw: name.as_raw().into(),
            normalised: normalise(name).into(),
            common_name: name
                .iter_common_name()
                .last() // the most specific: what clients that fall back to the CN take
                .map(|attribute| text(attribute.attr_value().tag(), attribute.attr_value().data).into()),
        }
    }

    /// The DER encoding of the Name.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The RDNs, DER, one after another: the content of the Name.
    pub fn rdns(&self) -> &[u8] {
        super::der::split(&self.raw).map_or(&[], |(name, _)| name.content)
    }

    /// A key for tables of names: see [`loose_key`].
    pub fn loose_key(&self) -> u64 {
        loose_key(self.rdns())
    }

    /// Equal for names that RFC 5280 §7.1 calls equal (letter case, string type, inner white space).
    pub fn normalised(&self) -> &[u8] {
        &self.normalised
    }

    /// Equal when only ASCII letters are folded, as most libraries do. ([`Self::normalised`] folds all that Unicode folds.)
    pub fn is_equal_in_ascii(&self, other: &Self) -> bool {
        let beyond_ascii = |name: &Self| -> Vec<char> {
            let texts = name.attributes().into_iter().map(|attribute| attribute.text);
            texts.flat_map(|text| text.chars().filter(|letter| !letter.is_ascii()).collect::<Vec<_>>()).collect()
        };
        self.raw == other.raw
            || (self.normalised == other.normalised
                && (self.normalised.is_ascii() || beyond_ascii(self) == beyond_ascii(other)))
    }

    /// The attributes in encoded order, decoded on every call: few clients look at them one by one.
    pub fn attributes(&self) -> Vec<Attribute> {
        let Ok((_, name)) = X509Name::from_der(&self.raw) else { return Vec::new() };
        let rdns = name.iter_rdn().enumerate();
        rdns.flat_map(|(rdn, set)| set.iter().map(move |attribute| (rdn, attribute)))
            .map(|(rdn, attribute)| {
                let value = attribute.attr_value();
                Attribute {
                    rdn,
                    oid: dotted(attribute.attr_type()).into_owned(),
                    tag: u8::try_from(value.tag().0).unwrap_or(u8::MAX),
                    value: value.data.into(),
                    text: text(value.tag(), value.data).into_owned(),
                }
            })
            .collect()
    }

    /// The values of emailAddress (RFC 2985 §5.2.1): constraints on mailboxes reach them where there is no SAN (RFC 5280
    /// §4.2.1.10).
    pub fn mailboxes(&self) -> impl Iterator<Item = String> {
        let attributes = self.attributes().into_iter();
        attributes.filter(|attribute| attribute.oid == "1.2.840.113549.1.9.1").map(|attribute| attribute.text)
    }

    /// An attribute of type UTF8String is not UTF-8 (RFC 3629).
    pub fn has_invalid_utf8(&self) -> bool {
        const UTF8_STRING: u8 = 0x0c;
        // What is UTF-8 as a whole, tags and lengths included, is so in its parts.
        std::str::from_utf8(&self.raw).is_err()
            && self
                .attributes()
                .iter()
                .any(|attribute| attribute.tag == UTF8_STRING && std::str::from_utf8(&attribute.value).is_err())
    }

    pub fn is_empty(&self) -> bool {
        self.normalised.is_empty()
    }

    /// The last CN, as it stands in the certificate (control characters included).
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The shortest text that names it: the CN, else the whole name.
    pub fn short(&self) -> String {
        match &self.common_name {
            Some(name) if !name.trim().is_empty() => printable(name),
            _ => self.to_string(),
        }
    }
}

/// In encoded order, `C=.., O=.., CN=..`; control characters are escaped.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match X509Name::from_der(&self.raw) {
            Ok((_, name)) if name.iter_attributes().next().is_some() => display(&name, f),
            _ => f.write_str("(empty name)"),
        }
    }
}

/// FNV-1a over the ASCII letters and digits of a Name's content octets, letter case folded: names that differ in string type
/// or case share it, and no name needs to be decoded to be looked up. It only narrows a search; what is found is compared.
pub fn loose_key(rdns: &[u8]) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let letters = rdns.iter().filter(|byte| byte.is_ascii_alphanumeric());
    letters.fold(OFFSET_BASIS, |key, byte| (key ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(PRIME))
}

/// Certificate text made safe for a terminal: control and bidirectional formatting characters are escaped.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let reorders = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
        if c.is_control() || reorders {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// The characters of a DirectoryString, whatever its string type.
fn text(tag: Tag, data: &[u8]) -> Cow<'_, str> {
    match tag {
        Tag::BmpString => {
            let units: Vec<u16> = data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units).into()
        }
        Tag::UniversalString => data
            .chunks_exact(4)
            .map(|c| {
                char::from_u32(u32::from_be_bytes([c[0], c[1], c[2], c[3]])).unwrap_or(char::REPLACEMENT_CHARACTER)
            })
            .collect(),
        // What is called TeletexString in certificates is Latin-1 in practice.
        Tag::T61String => data.iter().map(|&byte| char::from(byte)).collect(),
        _ => String::from_utf8_lossy(data),
    }
}

/// RFC 5280 §7.1, by way of RFC 4518: case folded, white space trimmed and collapsed, string type ignored.
fn normalise(name: &X509Name<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * name.as_raw().len());
    for rdn in name.iter_rdn() {
        let count = rdn.iter().count();
        prefixed(&mut out, |out| out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes()));
        let mut attributes: Vec<&AttributeTypeAndValue<'_>> = Vec::new();
        for attribute in rdn.iter() {
            if count == 1 {
                put(attribute, &mut out);
            } else {
                attributes.push(attribute);
            }
        }
        // A SET has no order.
        attributes.sort_by_cached_key(|attribute| {
            let mut value = Vec::new();
            fold(attribute.attr_value(), &mut value);
            (attribute.attr_type().as_bytes(), value)
        });
        attributes.into_iter().for_each(|attribute| put(attribute, &mut out));
    }
    out
}

fn put(attribute: &AttributeTypeAndValue<'_>, out: &mut Vec<u8>) {
    prefixed(out, |out| out.extend_from_slice(attribute.attr_type().as_bytes()));
    prefixed(out, |out| fold(attribute.attr_value(), out));
}

/// What `write` appends, after its length.
fn prefixed(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend([0; 4]);
    write(out);
    let length = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn fold(value: &Any<'_>, out: &mut Vec<u8>) {
    let is_text = matches!(
        value.tag(),
        Tag::PrintableString
            | Tag::Utf8String
            | Tag::BmpString
            | Tag::UniversalString
            | Tag::T61String
            | Tag::Ia5String
    );
    if !is_text {
        out.push(u8::try_from(value.tag().0).unwrap_or(u8::MAX));
        out.extend_from_slice(value.data);
        return;
    }
    for (index, word) in text(value.tag(), value.data).split_whitespace().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        if word.is_ascii() {
            out.extend(word.bytes().map(|byte| byte.to_ascii_lowercase()));
        } else {
            out.extend_from_slice(word.to_lowercase().as_bytes());
        }
    }
    out.push(0); // keeps text apart from other types with the same octets
}

fn display(name: &X509Name<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, attribute) in name.iter_attributes().enumerate() {
        let oid = dotted(attribute.attr_type());
        let kind = match &*oid {
            "2.5.4.3" => "CN",
            "2.5.4.4" => "SN",
            "2.5.4.5" => "serialNumber",
            "2.5.4.6" => "C",
            "2.5.4.7" => "L",
            "2.5.4.8" => "ST",
            "2.5.4.9" => "street",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            "2.5.4.97" => "organizationIdentifier",
            "0.9.2342.19200300.100.1.25" => "DC",
            "1.2.840.113549.1.9.1" => "emailAddress",
            other => other,
        };
        let value = attribute.attr_value();
        let comma = if index > 0 { ", " } else { "" };
        write!(f, "{comma}{kind}={}", printable(&text(value.tag(), value.data)))?;
    }
    Ok(())
}
