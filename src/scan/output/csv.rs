//! A line as a record of a CSV file (RFC 4180), for spreadsheets: the columns people sort by.

use std::fmt::Write as _;

use super::Seen;
use crate::model::line::Line;
use crate::model::verdict::Verdict;
use crate::scan::input::fields;

pub const HEADER: &[u8] = b"index,input_line,input,target,at,outcome,failure,dns,cname_chain,addresses,tls_versions,\
severity,findings,refused_by,breaks_at,served_chain,error\r\n";

/// Appends the record. Lists are separated by blanks; none of their words contains one.
pub fn write(line: &Line, buffer: &mut Vec<u8>) {
    let mut record = String::with_capacity(512);
    // Writing to a String cannot fail.
    let _ = write!(record, "{},{},", line.index, line.input_line);
    let mut add = |text: &str| {
        field(text, &mut record);
        record.push(',');
    };
    add(&line.input);
    add(line.target.as_deref().unwrap_or_default());
    add(&line.at.to_string());
    add(&word(&line.outcome));
    add(line.failure.as_deref().unwrap_or_default());
    add(&line.dns.as_ref().map(|dns| word(&dns.status)).unwrap_or_default());
    add(&line.dns.as_ref().map(|dns| dns.cname_chain.join(" ")).unwrap_or_default());
    add(&joined(line.endpoints.iter().map(|endpoint| endpoint.address.to_string())));
    let mut versions: Vec<_> = line.endpoints.iter().filter_map(|endpoint| endpoint.version.as_deref()).collect();
    versions.sort_unstable();
    versions.dedup();
    add(&versions.join(" "));
    add(line.severity.map(|severity| severity.as_str()).unwrap_or_default());
    add(&joined(&line.findings));
    let refused = line.clients.0.iter().filter(|(_, verdict)| !matches!(verdict, Verdict::Accept));
    add(&joined(refused.map(|(client, _)| client)));
    add(&line.breaks_at.0.iter().map(|(_, at)| *at).min().map(|at| at.to_string()).unwrap_or_default());
    add(&joined(&line.served_chain));
    field(line.error.as_deref().unwrap_or_default(), &mut record);
    buffer.extend_from_slice(record.as_bytes());
    buffer.extend_from_slice(b"\r\n");
}

/// What a record says of its target; `None` when it is no whole record of ours.
pub fn read(octets: &[u8]) -> Option<Seen> {
    let fields = fields(octets.strip_suffix(b"\r")?);
    if fields.len() != HEADER.split(|&octet| octet == b',').count() {
        return None;
    }
    let field = |number: usize| std::str::from_utf8(fields.get(number)?).ok();
    let not_empty = |text: &&str| !text.is_empty();
    Some(Seen {
        index: field(0)?.parse().ok()?,
        outcome: serde_json::from_value(serde_json::Value::from(field(5)?)).ok()?,
        failure: field(6).filter(not_empty).map(str::to_owned),
        severity: field(11).filter(not_empty).and_then(|text| text.parse().ok()),
    })
}

/// An enum's value as JSON spells it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn joined<T: ToString>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().map(|word| word.to_string()).collect::<Vec<_>>().join(" ")
}

/// A spreadsheet takes a field that begins with one of these for a formula (CWE-1236); an apostrophe keeps it a text.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

fn field(text: &str, record: &mut String) {
    // One record, one line: so a torn one can be told.
    let mut text = text.replace(['\r', '\n'], " ");
    if text.starts_with(FORMULA) {
        text.insert(0, '\'');
    }
    if text.contains([',', '"']) {
        record.push('"');
        record.push_str(&text.replace('"', "\"\""));
        record.push('"');
    } else {
        record.push_str(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Time;

    #[test]
    fn what_is_written_is_read_again_and_what_is_torn_is_not() {
        let mut line = Line::not_a_target("a \"bad\",\r\nthing".to_owned(), Time::from_unix(0));
        line.index = 7;
        line.input = "=cmd|' /C calc'!A0".to_owned();
        let mut record = Vec::new();
        write(&line, &mut record);
        let text = String::from_utf8(record.clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(text.contains(",'=cmd"), "{text}");
        let whole = record.strip_suffix(b"\n").unwrap();
        let seen = read(whole).unwrap();
        assert_eq!((seen.index, seen.outcome, seen.failure.as_deref()), (7, line.outcome, Some("not-a-target")));
        assert!((0..whole.len()).all(|end| read(&whole[..end]).is_none()));
        assert!(read(HEADER.strip_suffix(b"\n").unwrap()).is_none());
    }
}
