//! The one way to the terminal: makes text safe, wraps it, colours it.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};

use super::Style;
use crate::x509::dn::printable;

/// Prose in longer lines is hard to read, however wide the terminal is.
const MAX_PROSE: usize = 100;

/// Letters of one text that are shown. The longest list, of 64 IPv6 addresses, is shorter; a certificate's name may be
/// as long as the certificate.
const MAX_LETTERS: usize = 4_000;

/// What a text means, as colour. The words must say the same without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Bold,
    /// Of second rank.
    Dim,
    Good,
    Warning,
    Bad,
}

impl Paint {
    /// The SGR parameters (ECMA-48 §8.3.117).
    fn sgr(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("1;31"),
        }
    }

    /// The same for a cell of a table.
    pub fn color(self) -> Option<comfy_table::Color> {
        match self {
            Self::Plain | Self::Bold | Self::Dim => None,
            Self::Good => Some(comfy_table::Color::DarkGreen),
            Self::Warning => Some(comfy_table::Color::DarkYellow),
            Self::Bad => Some(comfy_table::Color::DarkRed),
        }
    }
}

/// A piece of text with its meaning.
#[derive(Debug, Clone)]
pub struct Span {
    text: String,
    paint: Paint,
}

pub fn plain(text: impl Into<String>) -> Span {
    paint(Paint::Plain, text)
}

pub fn paint(paint: Paint, text: impl Into<String>) -> Span {
    Span { text: text.into(), paint }
}

/// Collects the lines. Nothing gets in but through [`safe`]: names, alerts and messages come from the network.
pub struct Screen {
    style: Style,
    out: String,
}

impl Screen {
    pub fn new(style: Style) -> Self {
        Self { style, out: String::new() }
    }

    pub fn style(&self) -> Style {
        self.style
    }

    pub fn finish(self) -> String {
        self.out
    }

    /// A section's title with a summary beside it, after an empty line.
    pub fn heading(&mut self, title: &str, summary: &[Span]) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        let mut line = vec![paint(Paint::Bold, title)];
        if !summary.is_empty() {
            line.push(plain("  "));
            line.extend_from_slice(summary);
        }
        self.entry("", "  ", &line);
    }

    /// Text that begins behind `first`; its further lines stand behind `rest`.
    pub fn entry(&mut self, first: &str, rest: &str, spans: &[Span]) {
        let margin = self.style.width.min(MAX_PROSE);
        let mut indent = first;
        for line in wrapped(&letters(spans), margin, width(first), width(rest)) {
            self.line(indent, line);
            indent = rest;
        }
    }

    /// Two columns: `left`, and `right` at the right margin, or below where both do not fit.
    pub fn sides(&mut self, first: &str, rest: &str, left: &[Span], right: &[Span]) {
        let margin = self.style.width.min(MAX_PROSE);
        let length = |spans: &[Span]| spans.iter().map(|span| width(&safe(&span.text))).sum::<usize>();
        let used = width(first) + length(left) + length(right);
        if used + 2 <= margin {
            let gap = plain(" ".repeat(margin - used));
            let line: Vec<Span> = left.iter().chain([&gap]).chain(right).cloned().collect();
            self.line(first, &letters(&line));
        } else {
            self.entry(first, rest, left);
            self.entry(rest, rest, right);
        }
    }

    /// A line that is copied and pasted: never wrapped.
    pub fn command(&mut self, indent: &str, command: &str) {
        self.line(indent, &letters(&[paint(Paint::Bold, format!("$ {command}"))]));
    }

    /// A table of [`table`]; its cells must be [`safe`].
    pub fn put_table(&mut self, table: &Table) {
        for line in table.lines() {
            self.out.push(' ');
            self.out.push_str(line.trim_end());
            self.out.push('\n');
        }
    }

    fn line(&mut self, indent: &str, letters: &[(char, Paint)]) {
        let start = self.out.len();
        self.out.push_str(indent);
        for run in letters.chunk_by(|a, b| a.1 == b.1) {
            let sgr = run[0].1.sgr().filter(|_| self.style.color);
            if let Some(sgr) = sgr {
                self.out.extend(["\x1b[", sgr, "m"]);
            }
            self.out.extend(run.iter().map(|(letter, _)| letter));
            if sgr.is_some() {
                self.out.push_str("\x1b[0m");
            }
        }
        self.out.truncate(start.max(self.out.trim_end_matches(' ').len()));
        self.out.push('\n');
    }
}

/// A table without frame, as wide as the terminal allows.
pub fn table(style: Style) -> Table {
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(style.width.saturating_sub(1)).unwrap_or(u16::MAX));
    if style.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// `text` in lines of at most `margin` columns, made safe for a terminal.
pub fn wrap(text: &str, margin: usize) -> Vec<String> {
    let letters = letters(&[plain(text)]);
    let lines = wrapped(&letters, margin.min(MAX_PROSE), 0, 0);
    lines.into_iter().map(|line| line.iter().map(|(letter, _)| letter).collect()).collect()
}

/// `text` without anything a terminal would obey, and of bounded length.
pub fn safe(text: &str) -> String {
    match text.char_indices().nth(MAX_LETTERS) {
        Some((end, _)) => printable(&text[..end]) + "…",
        None => printable(text),
    }
}

fn letters(spans: &[Span]) -> Vec<(char, Paint)> {
    spans
        .iter()
        .flat_map(|span| safe(&span.text).chars().map(|letter| (letter, span.paint)).collect::<Vec<_>>())
        .collect()
}

/// Breaks at spaces; a word longer than a line is cut.
fn wrapped(letters: &[(char, Paint)], margin: usize, first: usize, rest: usize) -> Vec<&[(char, Paint)]> {
    let mut lines = Vec::new();
    let (mut start, mut space, mut used, mut indent) = (0, None, 0, first);
    let mut position = 0;
    while position < letters.len() {
        let letter = letters[position].0;
        // However deep the indent, something must fit.
        let room = margin.saturating_sub(indent).max(16);
        if letter == ' ' {
            space = Some(position);
        } else if used + letter_width(letter) > room {
            let (end, next) = match space.filter(|&space| space > start) {
                Some(space) => (space, space + 1),
                None => (position, position),
            };
            lines.push(&letters[start..end]);
            (start, position, space, used, indent) = (next, next, None, 0, rest);
            continue;
        }
        used += letter_width(letter);
        position += 1;
    }
    lines.push(&letters[start..]);
    lines
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.chars().map(letter_width).sum()
}

/// Columns of one character: combining marks take none, East Asian wide ones two (UAX #11, by blocks: a misjudged
/// letter shifts a margin, no more).
fn letter_width(letter: char) -> usize {
    match letter {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(color: bool) -> Screen {
        Screen::new(Style { color, width: 40, detail: crate::report::text::Detail::Screen })
    }

    #[test]
    fn words_stay_whole_and_long_ones_are_cut() {
        assert_eq!(wrap("one two three four five", 16), ["one two three", "four five"]);
        assert_eq!(wrap(&"x".repeat(40), 16), ["x".repeat(16), "x".repeat(16), "x".repeat(8)]);
        assert_eq!(wrap("", 16), [""]);
        assert_eq!(wrap("証明書証明書証明書", 16), ["証明書証明書証明", "書"]);
    }

    #[test]
    fn nothing_the_network_says_reaches_the_terminal_as_a_control() {
        let hostile = "a\x1b[2J\u{9b}31m\r\n\u{202e}b";
        let mut screen = screen(false);
        screen.heading(hostile, &[plain(hostile)]);
        screen.entry("", "", &[plain(hostile)]);
        screen.sides("", "", &[plain(hostile)], &[plain(hostile)]);
        screen.command("", hostile);
        let out = screen.finish();
        assert!(!out.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{out:?}");
    }

    #[test]
    fn a_text_without_end_is_cut() {
        let text = safe(&"é".repeat(1_000_000));
        assert_eq!(text.chars().count(), MAX_LETTERS + 1);
        assert!(text.ends_with('…'));
    }

    #[test]
    fn colour_only_when_asked_for() {
        for (color, expected) in [(false, "a b\n"), (true, "a \x1b[1;31mb\x1b[0m\n")] {
            let mut screen = screen(color);
            screen.entry("", "", &[plain("a "), paint(Paint::Bad, "b")]);
            assert_eq!(screen.finish(), expected);
        }
    }
}
