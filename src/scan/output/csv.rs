//! A line as a record of a CSV file (RFC 4180), for spreadsheets: the columns people sort by.

use std::fmt::Write as _;

use crate::model::line::Line;
use crate::model::verdict::Verdict;

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
    let text = if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) {
        record.push('"');
        record.push_str(&text.replace('"', "\"\""));
        record.push('"');
    } else {
        record.push_str(&text);
    }
}
