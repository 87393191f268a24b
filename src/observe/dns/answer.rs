//! Reading one answer: the aliases from the name asked for, and the addresses at their end. Pure.

use std::fmt;
use std::net::IpAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RData, Record};

/// Aliases followed for one target, over all answers.
///
/// Unbound and BIND restart a query 11 times and then give up, older BIND 16 times: a chain longer than that reaches
/// nobody.
pub const MAX_ALIASES: usize = 16;

/// Further targets of one owner that are kept.
const MAX_SHOWN: usize = 8;

/// Where the aliases in one answer lead.
#[derive(Debug, Default)]
pub struct Walk {
    /// Owner, target and TTL, in the order of the chain.
    pub aliases: Vec<(Name, Name, u32)>,
    /// Addresses of the last name.
    pub addresses: Vec<(IpAddr, u32)>,
    /// A fault of the records.
    pub conflict: Option<Conflict>,
}

/// RFC 2181 §10.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub owner: Name,
    pub kind: ConflictKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConflictKind {
    /// Aliases of more than one name; the first was followed.
    SeveralCnames(Vec<Name>),
    /// An alias that has addresses of its own; the alias was followed.
    Addresses,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = text(&self.owner);
        match &self.kind {
            ConflictKind::SeveralCnames(targets) => {
                let targets: Vec<String> = targets.iter().map(|target| format!("`{}`", text(target))).collect();
                write!(f, "`{owner}` has more than one CNAME ({}); the first was followed", targets.join(", "))
            }
            ConflictKind::Addresses => write!(f, "`{owner}` has a CNAME and addresses; the CNAME was followed"),
        }
    }
}

impl Walk {
    /// Follows the aliases from `start`. Order in the section does not matter (RFC 1034 §3.6.2 promises none). In a
    /// loop it goes round until the limit: the caller knows all names that were passed.
    pub fn along(start: &Name, records: &[Record]) -> Self {
        let records = || records.iter().filter(|record| record.dns_class == DNSClass::IN);
        let mut walk = Self::default();
        let mut here = start.clone();
        // One more than the limit, so that whoever counts sees that it was passed.
        while walk.aliases.len() <= MAX_ALIASES {
            let mut targets = records().filter(|record| same(&record.name, &here)).filter_map(|record| {
                let RData::CNAME(cname) = &record.data else { return None };
                Some((&cname.0, record.ttl))
            });
            let Some((target, ttl)) = targets.next() else { break };
            let others: Vec<Name> =
                targets.map(|(other, _)| other).filter(|other| !same(other, target)).take(MAX_SHOWN).cloned().collect();
            if !others.is_empty() {
                let targets = [vec![target.clone()], others].concat();
                walk.conflict = Some(Conflict { owner: here.clone(), kind: ConflictKind::SeveralCnames(targets) });
            }
            walk.aliases.push((here, target.clone(), ttl));
            here = target.clone();
        }
        walk.addresses = records()
            .filter(|record| same(&record.name, &here))
            .filter_map(|record| {
                let ip = match &record.data {
                    RData::A(a) => IpAddr::V4(a.0),
                    RData::AAAA(aaaa) => IpAddr::V6(aaaa.0),
                    _ => return None,
                };
                Some((ip, record.ttl))
            })
            .collect();
        if let Some((owner, _, _)) = walk.aliases.iter().find(|(owner, _, _)| {
            records().any(|record| same(&record.name, owner) && matches!(record.data, RData::A(_) | RData::AAAA(_)))
        }) {
            walk.conflict.get_or_insert_with(|| Conflict { owner: owner.clone(), kind: ConflictKind::Addresses });
        }
        walk
    }

    /// The name the walk ended at.
    pub fn end<'a>(&'a self, start: &'a Name) -> &'a Name {
        self.aliases.last().map_or(start, |(_, target, _)| target)
    }
}

/// Names compare without regard to letter case (RFC 4343).
pub fn same(one: &Name, other: &Name) -> bool {
    // From the front, where names differ: those of one zone end alike.
    let (mut one, mut other) = (one.iter(), other.iter());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one.eq_ignore_ascii_case(other) => {}
            _ => return false,
        }
    }
}

/// The presentation form (RFC 1035 §5.1) without the final dot, in lower case so that equal names have equal texts.
/// What is no visible ASCII is escaped: the text can go to a terminal.
pub fn text(name: &Name) -> String {
    let mut out = String::with_capacity(name.len());
    for label in name.iter() {
        if !out.is_empty() {
            out.push('.');
        }
        for &octet in label {
            match octet {
                b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => out.extend(['\\', char::from(octet)]),
                0x21..=0x7e => out.push(char::from(octet.to_ascii_lowercase())),
                _ => out.push_str(&format!("\\{octet:03}")),
            }
        }
    }
    if out.is_empty() { ".".to_owned() } else { out }
}

/// What [`text`] wrote, as a name again. hickory reads `\\DDD` as octal; RFC 1035 §5.1 means decimal.
pub fn parse(text: &str) -> Option<Name> {
    let mut labels: Vec<Vec<u8>> = vec![Vec::new()];
    let mut octets = text.strip_suffix('.').unwrap_or(text).bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => match octets.next()? {
                first @ b'0'..=b'9' => {
                    let digits = [first, octets.next()?, octets.next()?];
                    std::str::from_utf8(&digits).ok()?.parse().ok()?
                }
                plain => plain,
            },
            plain => plain,
        };
        labels.last_mut()?.push(octet);
    }
    // The length of names and labels is checked there; an empty label is none.
    let mut name = match labels.iter().all(|label| !label.is_empty()) {
        true => Name::from_labels(labels.iter().map(Vec::as_slice)).ok()?,
        false => return None,
    };
    name.set_fqdn(true);
    Some(name)
}

/// Text of a server's own making, for a terminal: one line of visible characters, cut where it goes on too long.
pub fn printable(octets: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(octets);
    let visible = text.chars().take(LONGEST).map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' });
    visible.collect::<String>().trim().to_owned()
}

/// What the server says about its failure or its answer (RFC 8914 §2): the words of the code, and its own.
pub fn extended_error(message: &Message) -> Option<String> {
    let option = message.edns.as_ref()?.option(EdnsCode::Unknown(15))?;
    let EdnsOption::Unknown(_, data) = option else { return None };
    let (code, text) = data.split_first_chunk::<2>()?;
    let code = u16::from_be_bytes(*code);
    let words = match EXTENDED_ERRORS.get(usize::from(code)) {
        Some(words) => format!("{words}, extended error {code}"),
        None => format!("extended error {code}"),
    };
    let text = printable(text);
    Some(if text.is_empty() { words } else { format!("{words}: {text}") })
}

/// By code (RFC 8914 §4).
const EXTENDED_ERRORS: [&str; 25] = [
    "other error",
    "unsupported DNSKEY algorithm",
    "unsupported DS digest type",
    "stale answer",
    "forged answer",
    "DNSSEC indeterminate",
    "DNSSEC bogus",
    "signature expired",
    "signature not yet valid",
    "DNSKEY missing",
    "RRSIGs missing",
    "no zone key bit set",
    "NSEC missing",
    "cached error",
    "not ready",
    "blocked",
    "censored",
    "filtered",
    "prohibited",
    "stale NXDOMAIN answer",
    "not authoritative",
    "not supported",
    "no reachable authority",
    "network error",
    "invalid data",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_octets_of_a_label_are_escaped() {
        let labels: [&[u8]; 3] = [b"A b.c\\", &[0x1b, b'[', 0xff], b"Example"];
        assert_eq!(text(&Name::from_labels(labels).unwrap()), r"a\032b\.c\\.\027[\255.example");
        assert_eq!(text(&Name::root()), ".");
        for labels in [&[b"A b.c\\".as_slice(), &[0x1b, b'[', 0xff], b"8"][..], &[b"www", b"a", b"test"]] {
            let name = Name::from_labels(labels.iter().copied()).unwrap();
            assert!(same(&parse(&text(&name)).unwrap(), &name), "{name}");
        }
        for bad in ["", "a..b", ".a", r"a\25", r"a\256", r"a\", &"a".repeat(64), &"a.".repeat(130)] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
