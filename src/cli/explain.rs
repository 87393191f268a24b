//! `tlsmend explain`: what a word of a report means.

use std::collections::BTreeSet;
use std::io::Write;

use super::options::Global;
use super::{CliError, Exit, clients::describe};
use crate::judge::client::Client;
use crate::judge::rules::{self, Rule};
use crate::judge::{clients, rules::ALL};
use crate::model::verdict::Category;
use crate::report::text::screen::{Paint, Screen, paint, plain};

/// Words offered in place of one that is not known.
const MAX_SUGGESTIONS: usize = 4;

/// Letters of an unknown word that are compared: every word we know is shorter, and the comparison is quadratic.
const MAX_COMPARED: usize = 64;

/// Say what a finding's code, a client's id or a category of verdicts means
#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  tlsmend explain missing-intermediate\n  tlsmend explain unknown-issuer\n  tlsmend explain curl"
)]
pub struct Arguments {
    /// A code (`tlsmend rules`), a client's id (`tlsmend clients`), or the category of a client's verdict
    word: String,
}

enum Meaning {
    Rule(&'static Rule),
    Client(&'static Client),
    Category(String),
}

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let word = arguments.word.trim().to_lowercase();
    let meaning = meaning(&word).ok_or_else(|| CliError::Usage(unknown(&word)))?;
    let mut screen = Screen::new(super::probe::style(global));
    match meaning {
        Meaning::Rule(rule) => explain_rule(rule, &mut screen),
        Meaning::Client(client) => describe(client, &mut screen),
        Meaning::Category(category) => explain_category(&category, &mut screen),
    }
    std::io::stdout().write_all(screen.finish().as_bytes())?;
    Ok(Exit::Clean)
}

/// The three kinds of words do not overlap, but codes win if they ever do: they are what reports point at.
fn meaning(word: &str) -> Option<Meaning> {
    rules::find(word)
        .map(Meaning::Rule)
        .or_else(|| clients::find(word).map(Meaning::Client))
        .or_else(|| categories().contains(word).then(|| Meaning::Category(word.to_owned())))
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

fn explain_category(category: &str, screen: &mut Screen) {
    screen.heading(category, &[paint(Paint::Dim, "our word for why a client refuses, the same for all clients")]);
    screen.heading("Findings that can cause it", &[]);
    for rule in ALL.iter().filter(|rule| rule.explains.iter().any(|explained| word(*explained) == category)) {
        screen.entry("  ", "    ", &[paint(Paint::Bold, rule.code), plain(format!(": {}", rule.title))]);
    }
}

/// The categories that some finding explains.
fn categories() -> BTreeSet<String> {
    ALL.iter().flat_map(|rule| rule.explains).map(|category| word(*category)).collect()
}

/// The word for a category in reports.
fn word(category: Category) -> String {
    // A unit variant always serialises to a string.
    serde_json::to_value(category).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn unknown(word: &str) -> String {
    let shown: String = word.chars().take(MAX_COMPARED).collect();
    let known = ALL.iter().map(|rule| rule.code.to_owned());
    let known = known.chain(clients::ALL.iter().map(|client| client.id.to_owned())).chain(categories());
    let near = near_misses(&shown, known);
    let advice = if near.is_empty() {
        "`tlsmend rules` and `tlsmend clients` list what is known".to_owned()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    format!("`{}` is no finding, client or category; {advice}", shown.escape_debug())
}

/// Known words that contain the typed one or differ from it by a third of its letters at most, nearest first.
fn near_misses(typed: &str, known: impl Iterator<Item = String>) -> Vec<String> {
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
