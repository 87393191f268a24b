//! `tlsmend explain`: what a word of a report means.

use std::collections::BTreeSet;
use std::io::Read;

use serde::Serialize;

use super::options::{Global, Output};
use super::rules::Entry;
use super::{CliError, Exit, clients, clients::describe};
use crate::judge::client::Client;
use crate::judge::explain::{self, Explanation, Heard, MAX_TEXT};
use crate::judge::rules::{self, ALL, Rule};
use crate::model::verdict::Category;
use crate::report::text::screen::{Paint, Screen, paint, plain, safe};

/// Words offered in place of one that is not known.
const MAX_SUGGESTIONS: usize = 4;

/// Letters of an unknown word that are compared: every word we know is shorter, and the comparison is quadratic.
const MAX_COMPARED: usize = 64;

/// Causes that are told at length; with `-v` all are.
const MAX_TOLD: usize = 4;

/// Say what an error text, a finding's code, a client's id or a category of verdicts means
///
/// Paste what curl, a browser, Java or any other client said: the answer is what can have caused it, how to tell the
/// causes apart, and what to do.
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  tlsmend explain missing-intermediate
  tlsmend explain \"curl: (60) SSL certificate problem: unable to get local issuer certificate\"
  tlsmend explain NET::ERR_CERT_AUTHORITY_INVALID
  tlsmend explain - < stack-trace.txt"
)]
pub struct Arguments {
    /// An error text; a code (`tlsmend rules`), a client's id (`tlsmend clients`), the category of a client's verdict;
    /// or `-`: the text is on stdin
    #[arg(value_name = "WORD", allow_hyphen_values = true)]
    word: String,

    /// The rest of a text that was not quoted
    #[arg(hide = true)]
    rest: Vec<String>,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

enum Meaning {
    Rule(&'static Rule),
    Client(&'static Client),
    Category(Category),
    Text(Explanation),
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let text = match arguments.word.as_str() {
        "-" if arguments.rest.is_empty() => read_stdin()?,
        word => [&[word.to_owned()], arguments.rest.as_slice()].concat().join(" "),
    };
    let meaning = meaning(&text).ok_or_else(|| CliError::Usage(unknown(&text.trim().to_lowercase())))?;
    let mut out = Vec::new();
    match arguments.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, &Document::new(&meaning)).map_err(std::io::Error::from)?;
            out.push(b'\n');
        }
        Output::Text => {
            let mut screen = Screen::new(super::probe::style(global));
            match &meaning {
                Meaning::Rule(rule) => explain_rule(rule, &mut screen),
                Meaning::Client(client) => describe(client, &mut screen),
                Meaning::Category(category) => explain_category(*category, &mut screen),
                Meaning::Text(explanation) => explain_text(explanation, &mut screen),
            }
            out = screen.finish().into_bytes();
        }
    }
    super::write_out(&out)?;
    Ok(Exit::Clean)
}

/// What a person would paste; more is not read.
fn read_stdin() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(MAX_TEXT as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::Usage(format!("cannot read the text from stdin: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The kinds of words do not overlap, but codes win if they ever do: they are what reports point at.
fn meaning(text: &str) -> Option<Meaning> {
    let word: String = text.trim().chars().take(MAX_COMPARED).collect::<String>().to_lowercase();
    let whole = word.len() == text.trim().len();
    let named = whole.then(|| {
        rules::find(&word)
            .map(Meaning::Rule)
            .or_else(|| crate::judge::clients::find(&word).map(Meaning::Client))
            .or_else(|| categories().into_iter().find(|category| self::word(*category) == word).map(Meaning::Category))
    });
    named.flatten().or_else(|| explain::explain(text).map(Meaning::Text))
}

/// `--output json`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Document {
    Finding {
        finding: Entry,
    },
    Client {
        client: clients::Entry,
    },
    Category {
        category: Category,
        findings: Vec<Entry>,
    },
    ErrorText {
        /// The phrases that were recognised, most telling first.
        heard: Vec<Phrase>,
        /// What can have caused them, likeliest first.
        findings: Vec<Entry>,
        tell_apart: Vec<&'static str>,
    },
}

#[derive(Serialize)]
struct Phrase {
    family: &'static str,
    phrase: &'static str,
    categories: &'static [Category],
    meaning: &'static str,
}

impl From<&Heard> for Phrase {
    fn from(heard: &Heard) -> Self {
        let Heard { family, phrase, categories, meaning, .. } = *heard;
        Self { family, phrase, categories, meaning }
    }
}

impl Document {
    fn new(meaning: &Meaning) -> Self {
        let entries = |rules: &[&'static Rule]| rules.iter().map(|rule| Entry::from(*rule)).collect();
        match meaning {
            Meaning::Rule(rule) => Self::Finding { finding: Entry::from(*rule) },
            Meaning::Client(client) => Self::Client { client: clients::Entry::from(*client) },
            Meaning::Category(category) => {
                Self::Category { category: *category, findings: entries(&explain::causes_of(*category)) }
            }
            Meaning::Text(explanation) => Self::ErrorText {
                heard: explanation.heard.iter().map(Phrase::from).collect(),
                findings: entries(&explanation.causes),
                tell_apart: explanation.guides.iter().map(|guide| guide.tell_apart).collect(),
            },
        }
    }
}

fn explain_text(explanation: &Explanation, screen: &mut Screen) {
    screen.heading("WHAT IT SAYS", &[]);
    for heard in &explanation.heard {
        let categories: Vec<String> = heard.categories.iter().map(|category| word(*category)).collect();
        let line = [
            paint(Paint::Bold, heard.family),
            plain(format!(" \u{201c}{}\u{201d}: {}", heard.phrase, heard.meaning)),
            paint(
                Paint::Dim,
                if categories.is_empty() { String::new() } else { format!(" [{}]", categories.join(", ")) },
            ),
        ];
        screen.entry("  ", "    ", &line);
    }
    if !explanation.causes.is_empty() {
        screen.heading("WHAT CAN HAVE CAUSED IT", &[paint(Paint::Dim, "likeliest first")]);
    }
    let told = if screen.style().is_verbose() { usize::MAX } else { MAX_TOLD };
    for (index, rule) in explanation.causes.iter().enumerate().take(told) {
        let number = format!("  {}. ", index + 1);
        screen.entry(
            &number,
            "     ",
            &[paint(Paint::Bold, rule.title), paint(Paint::Dim, format!(" [{}]", rule.code))],
        );
        screen.entry("     ", "     ", &[plain(rule.explanation)]);
        screen.entry("     ", "       ", &[paint(Paint::Good, "→ fix: "), plain(rule.advice)]);
    }
    let others: Vec<&str> = explanation.causes.iter().skip(told).map(|rule| rule.code).collect();
    if !others.is_empty() {
        screen.entry("  ", "  ", &[paint(Paint::Dim, format!("less likely (-v says more): {}", others.join(", ")))]);
    }
    if !explanation.guides.is_empty() {
        screen.heading("HOW TO TELL THEM APART", &[]);
    }
    for guide in &explanation.guides {
        screen.entry("  ", "  ", &[paint(Paint::Bold, format!("{}: ", word(guide.category))), plain(guide.tell_apart)]);
    }
    screen.heading("TO BE SURE", &[]);
    screen.command("  ", "tlsmend probe HOST");
}

fn explain_rule(rule: &Rule, screen: &mut Screen) {
    screen.heading(rule.code, &[paint(Paint::Dim, format!("severity {}", rule.severity))]);
    screen.entry("  ", "  ", &[paint(Paint::Bold, rule.title)]);
    screen.heading("Why it matters", &[]);
    screen.entry("  ", "  ", &[plain(rule.explanation)]);
    screen.heading("What to do", &[]);
    screen.entry("  ", "  ", &[plain(rule.advice)]);
    if !rule.explains.is_empty() {
        screen.heading("What clients report because of it", &[]);
        let categories: Vec<String> = rule.explains.iter().map(|category| word(*category)).collect();
        screen.entry("  ", "  ", &[plain(categories.join(", "))]);
    }
    if !rule.citations.is_empty() {
        screen.heading("Sources", &[]);
        screen.entry("  ", "  ", &[plain(rule.citations.join("; "))]);
    }
}

fn explain_category(category: Category, screen: &mut Screen) {
    screen
        .heading(&word(category), &[paint(Paint::Dim, "our word for why a client refuses, the same for all clients")]);
    screen.heading("Findings that can cause it", &[paint(Paint::Dim, "likeliest first")]);
    for rule in explain::causes_of(category) {
        screen.entry("  ", "    ", &[paint(Paint::Bold, rule.code), plain(format!(": {}", rule.title))]);
    }
}

/// The categories that some finding explains.
fn categories() -> BTreeSet<Category> {
    ALL.iter().flat_map(|rule| rule.explains).copied().collect()
}

/// The word for a category in reports.
fn word(category: Category) -> String {
    // A unit variant always serialises to a string.
    serde_json::to_value(category).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn unknown(text: &str) -> String {
    let shown: String = text.chars().take(MAX_COMPARED).collect();
    let known = ALL.iter().map(|rule| rule.code.to_owned());
    let known = known.chain(crate::judge::clients::ALL.iter().map(|client| client.id.to_owned()));
    let near = near_misses(&shown, known.chain(categories().into_iter().map(word)));
    let advice = if near.is_empty() {
        "`tlsmend rules` and `tlsmend clients` list what is known, and `tlsmend probe HOST` finds the cause".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    format!("`{}` is no finding, client, category or error text that is known; {advice}", safe(&shown))
}

/// Known words that contain the typed one or differ from it by a third of its letters at most, nearest first.
pub(super) fn near_misses(typed: &str, known: impl Iterator<Item = String>) -> Vec<String> {
    let limit = (typed.chars().count() / 3).max(1);
    let mut near: Vec<(usize, String)> = known
        .filter_map(|word| {
            let distance = distance(typed, &word);
            let contains = typed.len() >= 3 && (word.contains(typed) || typed.contains(&word));
            (contains || distance <= limit).then_some((distance, word))
        })
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(MAX_SUGGESTIONS).map(|(_, word)| word).collect()
}

/// Letters to insert, delete or replace to turn one text into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3), ("ab", "ba", 2)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn typing_errors_find_the_word_and_nonsense_finds_none() {
        let known = || ["missing-intermediate", "name-mismatch", "curl", "go"].into_iter().map(str::to_owned);
        assert_eq!(near_misses("mising-intermediate", known()), ["missing-intermediate"]);
        assert_eq!(near_misses("intermediate", known()), ["missing-intermediate"]);
        assert_eq!(near_misses("crul", known()), Vec::<String>::new());
        assert_eq!(near_misses("cur", known()), ["curl"]);
        assert_eq!(near_misses("zzzzzz", known()), Vec::<String>::new());
        assert_eq!(near_misses("", known()), Vec::<String>::new());
    }
}
