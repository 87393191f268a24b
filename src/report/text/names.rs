//! Short names for certificates and clients, looked up in the report.

use std::collections::BTreeMap;

use super::{Style, screen};
use crate::model::certificate::CertificateFacts;
use crate::model::report::Report;

pub struct Names<'a> {
    certificates: &'a BTreeMap<String, CertificateFacts>,
    clients: BTreeMap<&'a str, &'a str>,
}

impl<'a> Names<'a> {
    pub fn new(report: &'a Report) -> Self {
        let clients = report.deployments.iter().flat_map(|deployment| &deployment.clients);
        Self {
            certificates: &report.certificates,
            clients: clients.map(|client| (client.id.as_str(), client.name.as_str())).collect(),
        }
    }

    /// The facts of a certificate; `None` when the report carries none (`--evidence none`, or it does not parse).
    pub fn facts(&self, fingerprint: &str) -> Option<&'a CertificateFacts> {
        self.certificates.get(fingerprint)
    }

    pub fn certificate(&self, fingerprint: &str) -> String {
        match self.facts(fingerprint) {
            Some(facts) => short(&facts.subject).to_owned(),
            None => format!("certificate {}", abbreviated(fingerprint)),
        }
    }

    pub fn client(&self, id: &'a str) -> &'a str {
        self.clients.get(id).copied().unwrap_or(id)
    }

    /// The clients as one text, [`folded`].
    pub fn clients<'b>(&self, ids: impl Iterator<Item = &'b str>, style: Style) -> String
    where
        'b: 'a,
    {
        let names: Vec<&str> = ids.map(|id| self.client(id)).collect();
        if names.len() > MAX_LISTED && names.len() == self.clients.len() && !style.is_verbose() {
            return format!("all {} clients", names.len());
        }
        folded(&names, style)
    }
}

/// Names that are listed in a sentence; of more, only the first are, with the number of the others.
pub const MAX_LISTED: usize = 8;

/// How many that are.
const SHOWN_OF_MANY: usize = 6;

/// The names as a list in a sentence; all of them with `-v`.
pub fn folded(names: &[&str], style: Style) -> String {
    if names.len() <= MAX_LISTED || style.is_verbose() {
        return names.join(", ");
    }
    format!("{} +{} more", names[..SHOWN_OF_MANY].join(", "), names.len() - SHOWN_OF_MANY)
}

/// The names as a list in lines of `width` columns: as many as go into `max_lines`, and the number of the others. A name
/// is broken only when it is longer than a line.
pub fn packed(names: &[&str], width: usize, max_lines: usize) -> Vec<String> {
    let attempt = |shown: usize| {
        let mut words: Vec<String> = names[..shown].iter().map(|name| format!("{name},")).collect();
        if let Some(last) = words.last_mut() {
            last.pop();
        }
        if shown < names.len() {
            words.push(format!("+{} more", names.len() - shown));
        }
        lines(&words, width)
    };
    let fits = (2..=names.len()).rev().map(attempt).find(|lines| lines.len() <= max_lines);
    fits.unwrap_or_else(|| attempt(names.len().min(1)))
}

/// Words that stay whole, in lines.
fn lines(words: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if screen::width(line) + 1 + screen::width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines.iter().flat_map(|line| screen::wrap(line, width)).collect()
}

/// The beginning of a fingerprint: enough to find it.
pub fn abbreviated(fingerprint: &str) -> String {
    fingerprint.chars().take(16).chain(['…']).collect()
}

/// A SHA-256 in hex: for programs, not for people.
pub fn is_fingerprint(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The last CN of a distinguished name as the report writes it (`C=.., O=.., CN=..`); without one, all of it.
pub fn short(name: &str) -> &str {
    let start = match name.rfind(", CN=") {
        Some(position) => position + ", CN=".len(),
        None if name.starts_with("CN=") => "CN=".len(),
        None => return name,
    };
    let value = &name[start..];
    let is_attribute = |text: &str| {
        text.split_once('=').is_some_and(|(kind, _)| {
            !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        })
    };
    let end =
        value.match_indices(", ").find(|(at, _)| is_attribute(&value[at + 2..])).map_or(value.len(), |(at, _)| at);
    if value[..end].trim().is_empty() { name } else { &value[..end] }
}

#[cfg(test)]
mod tests {
    use super::super::Detail;
    use super::*;

    #[test]
    fn few_names_are_listed_and_of_many_the_first() {
        let style = |detail| Style { color: false, width: 80, detail };
        let names: Vec<String> = (1..=24).map(|number| format!("c{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(folded(&names[..3], style(Detail::Screen)), "c1, c2, c3");
        assert_eq!(folded(&names, style(Detail::Screen)), "c1, c2, c3, c4, c5, c6 +18 more");
        assert!(folded(&names, style(Detail::Everything)).ends_with("c23, c24"));
    }

    #[test]
    fn names_fill_the_lines_they_are_given_and_stay_whole() {
        let names = ["Chrome", "curl (OpenSSL)", "Go", "Java"];
        assert_eq!(packed(&names, 40, 2), ["Chrome, curl (OpenSSL), Go, Java"]);
        assert_eq!(packed(&names, 16, 2), ["Chrome +3 more"]);
        assert_eq!(packed(&names, 16, 3), ["Chrome,", "curl (OpenSSL),", "Go, Java"]);
        assert_eq!(packed(&names[..1], 16, 2), ["Chrome"]);
        assert_eq!(packed(&[], 16, 2), Vec::<String>::new());
    }

    #[test]
    fn the_common_name_is_the_short_name() {
        assert_eq!(short("C=US, O=Example, Inc., CN=Example CA, E1"), "Example CA, E1");
        assert_eq!(short("CN=a.example, OU=x, emailAddress=y"), "a.example");
        assert_eq!(short("C=US, O=Example"), "C=US, O=Example");
        assert_eq!(short("C=US, CN="), "C=US, CN=");
        assert_eq!(short("(empty name)"), "(empty name)");
    }
}
