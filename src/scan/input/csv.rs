//! A column of a CSV file (RFC 4180), a line at a time: a quoted field that spans lines would have no bound.

use std::fmt;
use std::str::FromStr;

/// Which column holds the targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// From 0; every line is a record.
    Number(usize),
    /// The first line names the columns.
    Name(String),
}

impl FromStr for Column {
    type Err = String;

    /// A number from 1, or a name.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<usize>() {
            Ok(0) => Err("columns are counted from 1".to_owned()),
            Ok(number) => Ok(Self::Number(number - 1)),
            Err(_) if text.trim().is_empty() => Err("a column's number or name".to_owned()),
            Err(_) => Ok(Self::Name(text.trim().to_owned())),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => (number + 1).fmt(f),
            Self::Name(name) => write!(f, "`{name}`"),
        }
    }
}

/// The fields of a record. What follows a closing quote belongs to the field, as most readers have it.
pub fn fields(line: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = vec![Vec::new()];
    let (mut quoted, mut octets) = (false, line.iter().copied().peekable());
    while let Some(octet) = octets.next() {
        // There is always a field: one at the start and one after each comma.
        let Some(field) = fields.last_mut() else { break };
        match octet {
            b'"' if quoted && octets.peek() == Some(&b'"') => {
                octets.next();
                field.push(b'"');
            }
            b'"' if quoted => quoted = false,
            b'"' if field.is_empty() => quoted = true,
            b',' if !quoted => fields.push(Vec::new()),
            _ => field.push(octet),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let text = |line: &str| -> Vec<String> {
            fields(line.as_bytes()).into_iter().map(|field| String::from_utf8(field).unwrap()).collect()
        };
        assert_eq!(text("a,b,,c"), ["a", "b", "", "c"]);
        assert_eq!(text(r#""a, ""b""",c"#), [r#"a, "b""#, "c"]);
        assert_eq!(text(r#"a"b,"open"#), [r#"a"b"#, "open"]);
        assert_eq!(text(""), [""]);
    }
}
