//! The little DER (X.690) that no library does for us: walking definite-length values without decoding them, times, and
//! writing a value.

use crate::model::time::Time;

/// One tag-length-value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    /// The identifier octet; multi-octet tags are not read.
    pub tag: u8,
    pub content: &'a [u8],
    /// Identifier, length and content.
    pub whole: &'a [u8],
}

/// Splits the first value off `input`. `None` when it is cut short, has a multi-octet tag or an indefinite length.
pub(crate) fn split(input: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let (length, header) = if first < 0x80 {
        (usize::from(first), 2)
    } else {
        let octets = usize::from(first & 0x7f);
        if octets == 0 || octets > 4 || rest.len() < octets {
            return None;
        }
        (rest[..octets].iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), 2 + octets)
    };
    let end = header.checked_add(length)?;
    (input.len() >= end).then(|| (Value { tag, content: &input[header..end], whole: &input[..end] }, &input[end..]))
}

/// The values directly inside `content`, until the first that cannot be read.
pub(crate) fn values(mut content: &[u8]) -> impl Iterator<Item = Value<'_>> {
    std::iter::from_fn(move || {
        let (value, rest) = split(content)?;
        content = rest;
        Some(value)
    })
}

/// The octets of the BIT STRING that is the second field of `spki`, a SubjectPublicKeyInfo (RFC 5280 §4.1). Empty: it is none.
pub(super) fn subject_public_key(spki: &[u8]) -> &[u8] {
    let bits = split(spki).and_then(|(spki, _)| values(spki.content).nth(1));
    // The first octet counts unused bits.
    bits.and_then(|bits| bits.content.get(1..)).unwrap_or_default()
}

/// Does every value in `encoding`, and in those constructed, give its length in the fewest octets (X.690 §10.1)?
/// What cannot be walked is not judged, nor is what lies deeper than any certificate has reason to.
pub(crate) fn lengths_are_minimal(encoding: &[u8]) -> bool {
    fn within(encoding: &[u8], depth: usize) -> bool {
        values(encoding).all(|value| {
            let fewest = match value.content.len() {
                ..0x80 => 2,
                0x80..0x100 => 3,
                0x100..0x1_0000 => 4,
                0x1_0000..0x100_0000 => 5,
                _ => 6,
            };
            let is_minimal = value.whole.len() - value.content.len() == fewest;
            is_minimal && (value.tag & CONSTRUCTED == 0 || depth == 0 || within(value.content, depth - 1))
        })
    }
    within(encoding, 16)
}

/// The bit of an identifier octet that says so (X.690 §8.1.2.5).
const CONSTRUCTED: u8 = 0x20;

/// A UTCTime (`YYMMDDHHMMSSZ`) or GeneralizedTime (`YYYYMMDDHHMMSSZ`) in the forms that RFC 5280 §4.1.2.5 allows.
pub(super) fn time(value: Value<'_>) -> Option<Time> {
    let text = std::str::from_utf8(value.content).ok()?;
    let (year, rest) = match (value.tag, text.len()) {
        (0x17, 13) => {
            let (year, rest) = text.split_at_checked(2)?;
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), rest)
        }
        (0x18, 15) => text.split_at_checked(4).map(|(year, rest)| (year.to_owned(), rest))?,
        _ => return None,
    };
    let part = |range: std::ops::Range<usize>| rest.get(range);
    let (month, day, hour, minute) = (part(0..2)?, part(2..4)?, part(4..6)?, part(6..8)?);
    // The parser refuses what are no digits and whatever but `Z` ends it.
    format!("{year}-{month}-{day}T{hour}:{minute}:{}{}", part(8..10)?, part(10..11).filter(|zone| *zone == "Z")?)
        .parse()
        .ok()
}

/// One DER value of `tag`.
pub(crate) fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|&&octet| octet == 0).count()..];
    let mut out = vec![tag];
    match (content.len(), u8::try_from(significant.len())) {
        (..=0x7f, _) => out.push(significant.first().copied().unwrap_or(0)),
        // A usize has at most eight octets.
        (_, octets) => {
            out.push(0x80 | octets.unwrap_or(8));
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_der() {
        assert_eq!(encode(0x30, &[1]), [0x30, 1, 1]);
        assert_eq!(encode(0x30, &[0; 200])[..3], [0x30, 0x81, 200]);
        assert_eq!(encode(0x30, &[0; 300])[..4], [0x30, 0x82, 1, 44]);
    }

    #[test]
    fn a_longer_length_is_seen_inside_too() {
        let inner = encode(0x30, &[2, 1, 5]);
        assert!(lengths_are_minimal(&encode(0x30, &[inner.clone(), vec![4, 2, 0x30, 0x80]].concat())));
        for long in [&[0x30, 0x81, 3, 2, 1, 5][..], &[0x30, 4, 2, 0x81, 1, 5], &[0x30, 0x82, 0, 3, 2, 1, 5]] {
            assert!(!lengths_are_minimal(long), "{long:?}");
            assert!(!lengths_are_minimal(&encode(0xa0, &[&inner, long].concat())));
        }
        assert!(!lengths_are_minimal(&[&[0x30, 0x83, 0, 0, 200][..], &[0; 200]].concat()));
        assert!(lengths_are_minimal(&encode(0x30, &[0; 70_000])));
    }

    #[test]
    fn deep_nesting_ends() {
        let deep: Vec<u8> = [0x30, 0x80].repeat(100_000);
        assert!(lengths_are_minimal(&deep), "an indefinite length cannot be walked");
        let nested = (0..40).fold(vec![5, 0x81, 0], |inner, _| encode(0x30, &inner));
        assert!(lengths_are_minimal(&nested), "deeper than is looked");
    }

    #[test]
    fn times_in_both_forms() {
        let read = |tag, text: &str| time(split(&encode(tag, text.as_bytes()))?.0).map(|time| time.to_string());
        assert_eq!(read(0x17, "261122080000Z").as_deref(), Some("2026-11-22T08:00:00Z"));
        assert_eq!(read(0x17, "991122080000Z").as_deref(), Some("1999-11-22T08:00:00Z"));
        assert_eq!(read(0x18, "20501122080000Z").as_deref(), Some("2050-11-22T08:00:00Z"));
        for (tag, text) in [
            (0x17, "2611220800Z"),
            (0x17, "261122080000+"),
            (0x18, "20261122080000z"),
            (0x18, "2026112208000éZ"),
            (0x18, "20261322080000Z"),
            (0x17, "20261122080000Z"),
            (0x04, "261122080000Z"),
        ] {
            assert_eq!(read(tag, text), None, "{text}");
        }
    }
}
