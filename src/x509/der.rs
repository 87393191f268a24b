//! The little DER (X.690) that no library does for us: walking definite-length values without decoding them.

/// One tag-length-value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    /// The identifier octet; multi-octet tags are not read.
    pub tag: u8,
    pub content: &'a [u8],
    /// Identifier, length and content.
    pub whole: &'a [u8],
}

/// Splits the first value off `input`. `None` when it is cut short, has a multi-octet tag or an indefinite length.
pub(super) fn split(input: &[u8]) -> Option<(Value<'_>, &[u8])> {
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
pub(super) fn values(mut content: &[u8]) -> impl Iterator<Item = Value<'_>> {
    std::iter::from_fn(move || {
        let (value, rest) = split(content)?;
        content = rest;
        Some(value)
    })
}
