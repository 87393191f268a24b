//! The list of targets, read as a stream: every line that is not blank yields an item, also one that makes no sense.

mod csv;
mod network;

use std::io::{self, BufRead, BufReader, Read};
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::look::canonical;
use crate::model::target::{Target, TargetError};
use network::Network;

pub use csv::{Column, fields};

/// Longer is no target: a name has 253 octets and a URL that people paste a few hundred.
const MAX_LINE: usize = 8 * 1024;

/// Characters of an input that are shown; the longest name fits four times.
const MAX_SHOWN: usize = 1024;

/// How a list is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Which column of a CSV file; `None`: the whole line is the target.
    pub column: Option<Column>,
    pub shard: Option<Shard>,
}

/// One target of the list, or what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub index: u64,
    /// From 1.
    pub line: u64,
    /// As it stood there, fit to be shown.
    pub input: String,
    /// The target; or why it is none.
    pub target: Result<Target, String>,
}

/// Every `of`-th target, by the target itself and not by its place: the same one is in the same shard of every list.
///
/// The rule, which never changes: SHA-256 of `host:port` (A-labels in lower case without a final dot, or the address in its
/// canonical notation, IPv6 in brackets; with the scheme before it where that is not https, as in `smtp://host:25`), the
/// first eight octets as a big-endian number, modulo `of`. What is no target
/// is hashed as its line stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub number: u64,
    pub of: u64,
}

impl Shard {
    fn has(self, name: &[u8]) -> bool {
        let hash: [u8; 32] = Sha256::digest(name).into();
        let first = hash[..8].iter().fold(0_u64, |number, &octet| number << 8 | u64::from(octet));
        first % self.of == self.number
    }
}

impl FromStr for Shard {
    type Err = String;

    /// `K/N`, such as `0/4` to `3/4`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if number < of => Ok(Self { number, of }),
            _ => Err("K/N with K from 0 to N-1, such as 0/4".to_owned()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// The items of a list.
#[derive(Debug)]
pub struct Items<R> {
    reader: BufReader<R>,
    format: Format,
    /// Where the column is, once the header was read.
    column: Option<usize>,
    line: u64,
    next_index: u64,
    /// Octets of the line being read, without what is beyond [`MAX_LINE`].
    octets: Vec<u8>,
    /// Of the network whose addresses are being given out.
    network: Option<(Network, String)>,
    read: u64,
}

impl<R: Read> Items<R> {
    /// An error when the input is not what `format` says, or cannot be read.
    pub fn new(reader: R, format: Format) -> io::Result<Self> {
        let reader = BufReader::with_capacity(64 * 1024, reader);
        let mut items =
            Self { reader, format, column: None, line: 0, next_index: 0, octets: Vec::new(), network: None, read: 0 };
        items.begin()?;
        Ok(items)
    }

    /// Octets read so far.
    pub fn position(&self) -> u64 {
        self.read
    }

    /// Targets met so far, those of other shards too.
    pub fn targets(&self) -> u64 {
        self.next_index
    }

    /// Would the next item have to be waited for?
    pub fn is_drained(&self) -> bool {
        self.network.is_none() && self.reader.buffer().is_empty()
    }

    fn begin(&mut self) -> io::Result<()> {
        let head = self.reader.fill_buf()?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err(io::Error::other("the list is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8 LIST"));
        }
        if head.starts_with("\u{feff}".as_bytes()) {
            self.reader.consume(3);
            self.read += 3;
        }
        match self.format.column.clone() {
            None => {}
            Some(Column::Number(number)) => self.column = Some(number),
            Some(Column::Name(name)) => {
                while self.read_line()?.is_some() {
                    if self.octets.trim_ascii().is_empty() {
                        continue;
                    }
                    let is_it = |field: &Vec<u8>| String::from_utf8_lossy(field).trim().eq_ignore_ascii_case(&name);
                    let header = fields(&self.octets);
                    self.column = header.iter().position(is_it);
                    if self.column.is_none() {
                        let there: Vec<String> = header.iter().take(20).map(|field| shown(field)).collect();
                        return Err(io::Error::other(format!(
                            "the first line names no column `{name}`; it has {}",
                            there.join(", ")
                        )));
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads a line into `octets`; `Some(true)` when it was too long. `None` at the end.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.octets.clear();
        let (mut any, mut too_long) = (false, false);
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|&octet| octet == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let room = MAX_LINE - self.octets.len();
            too_long |= part.len() > room;
            self.octets.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            self.read += used as u64;
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.line += 1;
        if self.octets.last() == Some(&b'\r') {
            self.octets.pop();
        }
        Ok(Some(too_long))
    }

    /// The next item that belongs to the shard, with those that do not counted in the index alone.
    fn next_item(&mut self) -> io::Result<Option<Item>> {
        loop {
            if let Some((network, input)) = &mut self.network {
                if let Some(target) = network.next_target() {
                    let input = input.clone();
                    if let Some(item) = self.item(input, Ok(target)) {
                        return Ok(Some(item));
                    }
                    continue;
                }
                self.network = None;
            }
            let Some(too_long) = self.read_line()? else { return Ok(None) };
            let text = self.octets.trim_ascii();
            if text.is_empty() || text.starts_with(b"#") {
                continue;
            }
            let (input, parsed) = self.parse(too_long);
            let item = match parsed {
                Parsed::Target(target) => self.item(input, Ok(target)),
                Parsed::No(error) => self.item(input, Err(error)),
                Parsed::Network(network) => {
                    self.network = Some((network, input));
                    None
                }
            };
            if item.is_some() {
                return Ok(item);
            }
        }
    }

    fn parse(&self, too_long: bool) -> (String, Parsed) {
        if too_long {
            return (shown(&self.octets), Parsed::No(format!("the line is longer than {MAX_LINE} octets")));
        }
        let octets = match (&self.format.column, self.column) {
            (None, _) => without_comment(&self.octets).to_vec(),
            (Some(column), number) => match number.and_then(|number| fields(&self.octets).into_iter().nth(number)) {
                Some(field) => field,
                None => return (shown(&self.octets), Parsed::No(format!("the line has no column {column}"))),
            },
        };
        let input = shown(&octets);
        let parsed = match std::str::from_utf8(&octets) {
            Err(_) => Parsed::No("it is not UTF-8".to_owned()),
            Ok(text) if text.contains('\0') => Parsed::No("it contains a NUL".to_owned()),
            Ok(text) => Parsed::of(text.trim()),
        };
        (input, parsed)
    }

    /// Counts the index; `None` for another shard's.
    fn item(&mut self, input: String, target: Result<Target, String>) -> Option<Item> {
        let index = self.next_index;
        self.next_index += 1;
        if let Some(shard) = self.format.shard {
            let ours = match &target {
                Ok(target) => shard.has(canonical(target).as_bytes()),
                Err(_) => shard.has(&self.octets),
            };
            if !ours {
                return None;
            }
        }
        Some(Item { index, line: self.line, input, target })
    }
}

impl<R: Read> Iterator for Items<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<io::Result<Item>> {
        self.next_item().transpose()
    }
}

enum Parsed {
    Target(Target),
    Network(Network),
    No(String),
}

impl Parsed {
    fn of(text: &str) -> Self {
        match Network::parse(text) {
            Some(Ok(network)) => Self::Network(network),
            Some(Err(error)) => Self::No(error),
            None => match text.parse() {
                Ok(target) => Self::Target(target),
                Err(TargetError { reason, .. }) => Self::No(reason),
            },
        }
    }
}

/// `host   # a note`: the sign counts as a comment after a blank, because a URL may contain it.
fn without_comment(line: &[u8]) -> &[u8] {
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let note = line.windows(2).position(|pair| blank(&pair[0]) && pair[1] == b'#');
    &line[..note.unwrap_or(line.len())]
}

/// For people and programs: no more than is useful, on one line, without what steers a terminal.
fn shown(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    let text = text.trim();
    // The common case is shown as it is.
    if text.len() <= MAX_SHOWN && text.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut shown: String =
        text.chars().take(MAX_SHOWN).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if shown.len() < text.len() && text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &[u8], column: Option<Column>, shard: Option<Shard>) -> Vec<Item> {
        Items::new(text, Format { column, shard }).unwrap().map(Result::unwrap).collect()
    }

    fn read(text: &[u8]) -> Vec<(u64, u64, String, Result<String, String>)> {
        let items = items(text, None, None).into_iter();
        items.map(|item| (item.index, item.line, item.input, item.target.map(|it| canonical(&it)))).collect()
    }

    #[test]
    fn every_line_that_is_not_blank_is_an_item() {
        let found = read(b"\xef\xbb\xbfa.example\r\n\r\n  # note\nb.example:8443   # why\n\nhttps://C.example/#x\na.example\n[::1]:9");
        let targets: Vec<_> = found.iter().map(|(index, line, _, target)| (*index, *line, target.as_deref())).collect();
        assert_eq!(
            targets,
            [
                (0, 1, Ok("a.example:443")),
                (1, 4, Ok("b.example:8443")),
                (2, 6, Ok("c.example:443")),
                (3, 7, Ok("a.example:443")),
                (4, 8, Ok("[::1]:9")),
            ]
        );
        assert_eq!(found[1].2, "b.example:8443");
    }

    #[test]
    fn what_makes_no_sense_says_why() {
        let mut text = b"a b\nx\0y.example\n\xff\xfe.example\nhttp://a.example/\n".to_vec();
        text.extend(b"x".repeat(MAX_LINE + 1));
        text.extend(b"\nlast.example");
        let found = read(&text);
        let reasons: Vec<_> = found.iter().map(|(.., target)| target.clone()).collect();
        assert_eq!(found.len(), 6);
        for (reason, word) in reasons.iter().zip(["cannot stand", "NUL", "UTF-8", "no TLS", "longer than"]) {
            assert!(reason.as_ref().unwrap_err().contains(word), "{reason:?}");
        }
        assert_eq!(reasons[5].as_deref(), Ok("last.example:443"));
        assert!(found.iter().all(|(.., input, _)| !input.chars().any(char::is_control)));
        assert_eq!(found[4].2.chars().count(), MAX_SHOWN + 1);
        assert_eq!(found[1].2, "x\u{fffd}y.example");
    }

    #[test]
    fn a_line_of_the_longest_length_is_no_longer() {
        let exactly = b"x".repeat(MAX_LINE);
        assert!(!read(&exactly)[0].3.as_ref().unwrap_err().contains("longer than 8192"));
    }

    #[test]
    fn utf_16_is_refused_with_what_to_do() {
        let error = Items::new(&b"\xff\xfea\0"[..], Format { column: None, shard: None }).unwrap_err();
        assert!(error.to_string().contains("iconv"), "{error}");
    }

    #[test]
    fn a_network_yields_each_address() {
        let found = read(b"192.0.2.5/30\n2001:db8::/127\n10.0.0.0/8\n192.0.2.1/32:8443\n");
        let targets: Vec<_> =
            found.iter().map(|(_, line, _, target)| (*line, target.clone().unwrap_or_default())).collect();
        let expected = [
            (1, "192.0.2.4:443"),
            (1, "192.0.2.5:443"),
            (1, "192.0.2.6:443"),
            (1, "192.0.2.7:443"),
            (2, "[2001:db8::]:443"),
            (2, "[2001:db8::1]:443"),
            (3, ""),
            (4, "192.0.2.1:8443"),
        ];
        assert_eq!(targets, expected.map(|(line, text)| (line, text.to_owned())));
        assert!(found[6].3.as_ref().unwrap_err().contains("/12"), "{:?}", found[6]);
        assert_eq!(found[0].2, "192.0.2.5/30");
    }

    #[test]
    fn a_column_by_number_and_by_name() {
        let text = b"rank,Domain,note\n1,a.example,\"x, y\"\n2,\"b.example\",\n3\n4,,z\n";
        let by_name = items(text, Some(Column::Name("domain".to_owned())), None);
        let inputs: Vec<_> = by_name.iter().map(|item| (item.line, item.target.is_ok(), item.input.as_str())).collect();
        assert_eq!(inputs, [(2, true, "a.example"), (3, true, "b.example"), (4, false, "3"), (5, false, "")]);
        let by_number = items(b"1,a.example\n2,b.example", Some("2".parse().unwrap()), None);
        assert_eq!(by_number.iter().map(|item| item.input.as_str()).collect::<Vec<_>>(), ["a.example", "b.example"]);
        let missing = Items::new(&text[..], Format { column: Some("host".parse().unwrap()), shard: None }).unwrap_err();
        assert!(missing.to_string().contains("rank, Domain, note"), "{missing}");
    }

    #[test]
    fn shards_divide_the_list() {
        let text: String = (0..500).map(|n| format!("host{n}.example\nbad host {n}\n")).collect();
        let whole: Vec<_> = items(text.as_bytes(), None, None);
        let mut together: Vec<_> =
            (0..3).flat_map(|number| items(text.as_bytes(), None, Some(Shard { number, of: 3 }))).collect();
        assert!((0..3).all(|number| items(text.as_bytes(), None, Some(Shard { number, of: 3 })).len() > 250));
        together.sort_by_key(|item| item.index);
        assert_eq!(together, whole);
    }

    /// Computed with `printf %s www.example.com:443 | sha256sum`: the rule is public and must never change.
    #[test]
    fn the_rule_of_shards_stays() {
        let shard_of = |name: &[u8], of| (0..of).find(|&number| Shard { number, of }.has(name));
        assert_eq!(shard_of(b"www.example.com:443", 1000), Some(WWW_EXAMPLE_COM % 1000));
        assert!("3/3".parse::<Shard>().is_err() && "0/0".parse::<Shard>().is_err());
        assert_eq!("2/3".parse(), Ok(Shard { number: 2, of: 3 }));
    }

    const WWW_EXAMPLE_COM: u64 = 0x1b9afc2066929cc5;
}
