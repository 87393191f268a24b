//! What an ordinary end entity has in common with the next one that its CA issues: everything but the parts that are made
//! for each certificate.
//!
//! Left out are the digits of serial number and dates, the common name, the names of the SAN, the octets of the key, its
//! identifier, the timestamps and the signature, each only where it has the form that every parser takes for plain. A
//! certificate with anything else in these places has no outline. All other octets are kept as they are.

use super::certificate::Certificate;
use super::der::{self, Value};
use super::general_name::GeneralName;
use super::key::{Curve, KeyKind};

/// Certificates larger than this have no outline: no client has a limit below.
const MAX_BYTES: usize = 6 * 1024;

/// Names in a certificate with an outline.
const MAX_NAMES: usize = 128;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
const TIMESTAMPS: &[u8] = &[0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];

/// The outline of `certificate`; `None` where it is not ordinary.
pub fn outline(certificate: &Certificate) -> Option<Vec<u8>> {
    let extensions = &certificate.extensions;
    let is_plain = certificate.version == 3
        && certificate.der().len() <= MAX_BYTES
        && certificate.encoding_faults.is_empty()
        && extensions.undecodable.is_empty()
        && extensions.repeated.is_empty()
        && !certificate.is_ca();
    if !is_plain {
        return None;
    }
    let mut out = Vec::with_capacity(certificate.der().len());
    let (whole, []) = split(certificate.der())? else { return None };
    let mut parts = Parts(whole.content);
    let mut fields = Parts(parts.next(0x30)?.content);
    out.extend(fields.next(0xa0)?.whole); // version
    serial(fields.next(0x02)?, &mut out)?;
    out.extend(fields.next(0x30)?.whole); // signature
    out.extend(fields.next(0x30)?.whole); // issuer
    validity(fields.next(0x30)?, &mut out)?;
    subject(certificate, fields.next(0x30)?, &mut out)?;
    key(certificate, fields.next(0x30)?, &mut out)?;
    let list = Parts(fields.next(0xa3)?.content).last(0x30)?;
    fields.end()?;
    let mut list = Parts(list.content);
    while !list.0.is_empty() {
        extension(certificate, list.next(0x30)?, &mut out)?;
    }
    out.extend(parts.next(0x30)?.whole); // signatureAlgorithm
    let signature = parts.last(0x03)?;
    // No unused bits; how the rest is read is for the one who verifies it.
    (*signature.content.first()? == 0).then_some(out)
}

/// The values of a SEQUENCE, each with the shortest length there is.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn next(&mut self, tag: u8) -> Option<Value<'a>> {
        let (value, rest) = split(self.0)?;
        self.0 = rest;
        (value.tag == tag).then_some(value)
    }

    fn last(mut self, tag: u8) -> Option<Value<'a>> {
        let value = self.next(tag)?;
        self.end()?;
        Some(value)
    }

    fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

fn split(input: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let (value, rest) = der::split(input)?;
    let shortest = match value.content.len() {
        ..0x80 => 2,
        0x80..0x100 => 3,
        0x100..0x1_0000 => 4,
        _ => return None,
    };
    (value.whole.len() - value.content.len() == shortest).then_some((value, rest))
}

/// Positive, of at most 20 octets and not longer than need be, as `encoding_faults` has seen; its length stays.
fn serial(serial: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    if !(1..=20).contains(&serial.content.len()) {
        return None;
    }
    out.extend([serial.tag, length(serial)]);
    Some(())
}

/// Both as RFC 5280 §4.1.2.5 writes them; the form stays.
fn validity(validity: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut times = Parts(validity.content);
    for _ in 0..2 {
        let (time, rest) = split(times.0)?;
        times.0 = rest;
        let digits = match time.tag {
            0x17 => 12,
            0x18 => 14,
            _ => return None,
        };
        let (text, [b'Z']) = time.content.split_at_checked(digits)? else { return None };
        if !text.iter().all(u8::is_ascii_digit) {
            return None;
        }
        out.push(time.tag);
    }
    times.end()
}

/// One attribute in each RDN; of the common name, which must be one of the SAN's, its type stays.
fn subject(certificate: &Certificate, subject: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut rdns = Parts(subject.content);
    let mut has_name = false;
    while !rdns.0.is_empty() {
        let attribute = Parts(rdns.next(0x31)?.content).last(0x30)?;
        let mut parts = Parts(attribute.content);
        let kind = parts.next(0x06)?;
        let (value, rest) = split(parts.0)?;
        if !rest.is_empty() {
            return None;
        }
        if kind.content != COMMON_NAME {
            out.extend(attribute.whole);
            continue;
        }
        let is_of_san = dns_names(certificate)?.any(|name| name.as_bytes() == value.content);
        // PrintableString and UTF8String say the same in these letters; RFC 5280 allows 64 of them.
        if has_name || !is_of_san || value.content.len() > 64 || !matches!(value.tag, 0x0c | 0x13) {
            return None;
        }
        has_name = true;
        out.extend(kind.whole);
        out.extend([value.tag, u8::from(value.content.starts_with(b"*"))]);
    }
    // Closes the list: what follows is the key.
    out.push(0);
    Some(())
}

/// The names of the SAN, as far as they are `dNSName`s.
fn dns_names(certificate: &Certificate) -> Option<impl Iterator<Item = &str>> {
    let san = certificate.extensions.subject_alt_name.as_ref()?;
    Some(san.names.iter().filter_map(|name| match name {
        GeneralName::Dns(text) => Some(&**text),
        _ => None,
    }))
}

/// Of a kind and strength that no client minds.
fn key(certificate: &Certificate, spki: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut parts = Parts(spki.content);
    out.extend(parts.next(0x30)?.whole);
    let bits = parts.last(0x03)?;
    let octets = match certificate.key {
        // A point that is not compressed (SEC 1 §2.3.3).
        KeyKind::Ec(Curve::P256) if bits.content.starts_with(&[0, 4]) => 66,
        KeyKind::Ec(Curve::P384) if bits.content.starts_with(&[0, 4]) => 98,
        // SEQUENCE of a modulus with its leading 0 and the exponent.
        KeyKind::Rsa { bits: size @ (2048 | 3072 | 4096), exponent: 65_537, pss: false } => {
            let sequence = Parts(bits.content.strip_prefix(&[0])?).last(0x30)?;
            let mut integers = Parts(sequence.content);
            let modulus = integers.next(0x02)?.content;
            let exponent = integers.last(0x02)?.content;
            let is_plain = modulus.len() == size as usize / 8 + 1 && modulus.starts_with(&[0]) && exponent == [1, 0, 1];
            if !is_plain {
                return None;
            }
            bits.content.len()
        }
        _ => return None,
    };
    out.extend(u16::try_from(octets).ok()?.to_be_bytes());
    (bits.content.len() == octets).then_some(())
}

fn extension(certificate: &Certificate, extension: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut parts = Parts(extension.content);
    let oid = parts.next(0x06)?;
    let before = parts.0;
    let (mut value, mut rest) = split(before)?;
    let mut critical = &[][..];
    if value.tag == 0x01 {
        critical = value.whole;
        (value, rest) = split(rest)?;
    }
    if value.tag != 0x04 || !rest.is_empty() {
        return None;
    }
    match oid.content {
        SUBJECT_ALT_NAME => {
            out.push(u8::from(alternative_names(value)?));
        }
        // Of the length that key identifiers have.
        SUBJECT_KEY_ID if Parts(value.content).last(0x04)?.content.len() == 20 => {}
        SUBJECT_KEY_ID => return None,
        TIMESTAMPS => {
            out.extend(oid.whole);
            out.extend(critical);
            out.push(u8::try_from(certificate.extensions.scts.len()).ok()?);
            return Some(());
        }
        _ => {
            out.extend(extension.whole);
            return Some(());
        }
    }
    out.extend(oid.whole);
    out.extend(critical);
    Some(())
}

/// Host names in small letters, as every client reads them. Is a wildcard among them?
fn alternative_names(value: Value<'_>) -> Option<bool> {
    let mut names = Parts(Parts(value.content).last(0x30)?.content);
    let (mut count, mut has_wildcard) = (0, false);
    while !names.0.is_empty() {
        let name = names.next(0x82)?.content;
        count += 1;
        has_wildcard |= name.starts_with(b"*");
        if count > MAX_NAMES || !is_host(name) {
            return None;
        }
    }
    (count > 0).then_some(has_wildcard)
}

/// Two labels or more of small letters, digits and hyphens, none an A-label and the last beginning with a letter, perhaps
/// below a wildcard.
fn is_host(name: &[u8]) -> bool {
    let base = name.strip_prefix(b"*.").unwrap_or(name);
    let is_label = |label: &[u8]| {
        let is_letter = |octet: &u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || *octet == b'-';
        (1..=63).contains(&label.len())
            && label.iter().all(is_letter)
            && label[0] != b'-'
            && !label.ends_with(b"-")
            && !label.starts_with(b"xn--")
    };
    let mut labels = base.split(|octet| *octet == b'.');
    let last = labels.next_back().unwrap_or_default();
    let mut others = labels.peekable();
    name.len() <= 253
        && others.peek().is_some()
        && others.all(is_label)
        && is_label(last)
        && last[0].is_ascii_lowercase()
}

/// At most 20, so it fits.
fn length(value: Value<'_>) -> u8 {
    u8::try_from(value.content.len()).unwrap_or(u8::MAX)
}
