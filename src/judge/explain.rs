//! From the words of a client to what can have caused them.
//!
//! The text is pasted from a terminal, a browser or a stack trace, and is nobody's friend: of unknown length, with
//! anything in it. What leads from a phrase to a category is the table in [`words`]; what leads from a category to
//! findings are the rules themselves ([`Rule::explains`]).

pub mod words;

use super::rules::{self, Check, Rule};
use crate::model::verdict::Category;
use words::{GUIDES, Guide, WORDS, X509_ERRORS, X509Error};

/// Octets of a text that are read: a long stack trace has 20,000.
pub const MAX_TEXT: usize = 64 * 1024;

/// Octets that a `*` of a pattern may stand for: a name, a path.
const MAX_GAP: usize = 200;

/// A phrase that was found in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    pub family: &'static str,
    /// The phrase as the table has it.
    pub phrase: &'static str,
    pub categories: &'static [Category],
    pub findings: &'static [&'static str],
    pub meaning: &'static str,
    vague: bool,
}

/// What a text can mean.
#[derive(Debug)]
pub struct Explanation {
    /// Most telling first: none is part of another, and vague ones only where nothing else was heard.
    pub heard: Vec<Heard>,
    /// What can have caused it, likeliest first.
    pub causes: Vec<&'static Rule>,
    /// How to tell them apart.
    pub guides: Vec<&'static Guide>,
}

/// What the words can mean; `None` when none of them is known.
pub fn explain(text: &str) -> Option<Explanation> {
    let heard = hear(text);
    if heard.is_empty() {
        return None;
    }
    let mut categories: Vec<Category> = Vec::new();
    // First what each phrase most likely says, then what else it may.
    for position in 0..heard.iter().map(|heard| heard.categories.len()).max().unwrap_or_default() {
        for category in heard.iter().filter_map(|heard| heard.categories.get(position)) {
            if !categories.contains(category) {
                categories.push(*category);
            }
        }
    }
    let mut causes: Vec<&'static Rule> = Vec::new();
    let add = |rule: &'static Rule, causes: &mut Vec<&'static Rule>| {
        if !causes.iter().any(|known| known.code == rule.code) {
            causes.push(rule);
        }
    };
    for rule in heard.iter().flat_map(|heard| heard.findings).filter_map(|code| rules::find(code)) {
        add(rule, &mut causes);
    }
    let guides: Vec<&'static Guide> =
        categories.iter().filter_map(|category| GUIDES.iter().find(|guide| guide.category == *category)).collect();
    for &category in &categories {
        for rule in causes_of(category) {
            add(rule, &mut causes);
        }
    }
    Some(Explanation { heard, causes, guides })
}

/// The rules that can be the cause of a category, likeliest first.
pub fn causes_of(category: Category) -> Vec<&'static Rule> {
    let likely = GUIDES.iter().find(|guide| guide.category == category).map_or(&[][..], |guide| guide.likely);
    let mut found: Vec<&'static Rule> =
        rules::ALL.iter().copied().filter(|rule| rule.explains.contains(&category)).collect();
    let rank = |rule: &Rule| likely.iter().position(|code| *code == rule.code).unwrap_or(usize::MAX);
    // Then those that name the category first among theirs, then the severest.
    let place = |rule: &Rule| rule.explains.iter().position(|explained| *explained == category);
    found.sort_by_key(|rule| (rank(rule), place(rule), std::cmp::Reverse(rule.severity)));
    if found.is_empty() {
        found.extend(rules::ALL.iter().copied().filter(|rule| matches!(rule.check, Check::AfterOthers(_))));
    }
    found
}

fn hear(text: &str) -> Vec<Heard> {
    let text = normalised(text);
    let mut found: Vec<(usize, usize, Heard)> = Vec::new();
    for words in WORDS {
        if let Some((start, end)) = find(&text, words.pattern) {
            let heard = Heard {
                family: words.family,
                phrase: words.pattern,
                categories: words.categories,
                findings: words.findings,
                meaning: words.meaning,
                vague: words.vague,
            };
            found.push((start, end, heard));
        }
    }
    for error in X509_ERRORS {
        if let Some((start, end)) = find_x509(&text, error) {
            let heard = Heard {
                family: "OpenSSL",
                phrase: error.text,
                categories: error.categories,
                findings: &[],
                meaning: error.meaning,
                vague: false,
            };
            found.push((start, end, heard));
        }
    }
    if found.iter().any(|(_, _, heard)| !heard.vague) {
        found.retain(|(_, _, heard)| !heard.vague);
    }
    // A phrase within a longer one says less: "timed out" in "connection timed out".
    let spans: Vec<(usize, usize)> = found.iter().map(|(start, end, _)| (*start, *end)).collect();
    found.retain(|(start, end, _)| !spans.iter().any(|(s, e)| s <= start && end <= e && (e - s) > (end - start)));
    // The longer a phrase, the more it tells.
    found.sort_by_key(|(start, end, _)| (std::cmp::Reverse(end - start), *start));
    let mut heard: Vec<Heard> = Vec::new();
    for (_, _, one) in found {
        if !heard.iter().any(|known| known.categories == one.categories && known.meaning == one.meaning) {
            heard.push(one);
        }
    }
    heard
}

/// Lower case, one space for any run of white space, plain quotes; cut at [`MAX_TEXT`].
fn normalised(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = String::with_capacity(end);
    for letter in text[..end].chars() {
        match letter {
            '‘' | '’' | '`' => out.push('\''),
            '“' | '”' => out.push('"'),
            letter if letter.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            letter => out.push(letter.to_ascii_lowercase()),
        }
    }
    out
}

/// Where `pattern` stands in `text`, as octets from and to.
fn find(text: &str, pattern: &str) -> Option<(usize, usize)> {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let rest: Vec<&str> = pieces.collect();
    let mut from = 0;
    while let Some((start, mut end)) = find_piece(text, first, from) {
        from = start + 1;
        let follows = rest.iter().all(|piece| match find_piece(text, piece, end) {
            Some((next, after)) if next - end <= MAX_GAP => {
                end = after;
                true
            }
            _ => false,
        });
        if follows && ends_words(text, start, end, pattern) {
            return Some((start, end));
        }
    }
    None
}

/// A piece without `*`, from octet `from` on.
fn find_piece(text: &str, piece: &str, from: usize) -> Option<(usize, usize)> {
    if !piece.contains('?') {
        // Phrases are ASCII, so an octet behind one begins a character.
        let found = text.get(from..)?.find(piece)?;
        return Some((from + found, from + found + piece.len()));
    }
    let (bytes, piece) = (text.as_bytes(), piece.as_bytes());
    let fits = |window: &[u8]| window.iter().zip(piece).all(|(letter, wanted)| *wanted == b'?' || letter == wanted);
    let found = bytes.get(from..)?.windows(piece.len()).position(fits)?;
    Some((from + found, from + found + piece.len()))
}

/// `num=2` is not `num=20`, and `expired` is not in `cert_has_expired`.
fn ends_words(text: &str, start: usize, end: usize, pattern: &str) -> bool {
    let is_word = |letter: &u8| letter.is_ascii_alphanumeric() || *letter == b'_';
    let (bytes, pattern) = (text.as_bytes(), pattern.as_bytes());
    // A sign begins a word too: `-404` is no part of `page-404`.
    let is_edge = |letter: &u8| is_word(letter) || *letter == b'-';
    let splits = |edge: Option<&u8>, beyond: Option<&u8>| edge.is_some_and(is_edge) && beyond.is_some_and(is_word);
    !splits(pattern.first(), start.checked_sub(1).and_then(|before| bytes.get(before)))
        && !splits(pattern.last(), bytes.get(end))
}

/// An error of OpenSSL by its words, its name with or without prefix, or its number where a number stands for it.
fn find_x509(text: &str, error: &X509Error) -> Option<(usize, usize)> {
    let name = error.name.to_ascii_lowercase();
    let number = error.number;
    let spellings = [
        error.text.to_owned(),
        format!("x509_v_err_{name}"),
        name,
        // openssl s_client and verify, curl's %{ssl_verify_result}, nginx and Postfix
        format!("num={number}"),
        format!("verify return code: {number}"),
        format!("verify error: {number}"),
        format!("ssl_verify_result: {number}"),
        format!("error {number} at"),
        format!("verify result: {number}"),
    ];
    spellings.iter().filter_map(|spelling| find(text, spelling)).max_by_key(|(start, end)| end - start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        explain(text).map(|explanation| explanation.causes.iter().map(|rule| rule.code).collect()).unwrap_or_default()
    }

    #[test]
    fn every_phrase_can_be_found_and_leads_somewhere() {
        for words in WORDS {
            assert_eq!(words.pattern, normalised(words.pattern), "a pattern is written as texts are compared");
            let text = words.pattern.replace(['*', '?'], "0");
            assert!(find(&text, words.pattern).is_some(), "{}", words.pattern);
            let known = words.findings.iter().any(|code| rules::find(code).is_some());
            let planned = ["no-scts"];
            assert!(
                known || !words.categories.is_empty() || words.findings.iter().all(|code| planned.contains(code)),
                "{}",
                words.pattern
            );
        }
    }

    #[test]
    fn guides_name_rules_that_explain_the_category() {
        for guide in GUIDES {
            for code in guide.likely {
                assert!(rules::find(code).is_some(), "{code}");
            }
            assert!(causes_of(guide.category).iter().any(|rule| guide.likely.contains(&rule.code)));
        }
    }

    #[test]
    fn numbers_and_words_end_where_they_end() {
        assert!(find("num=20:unable", "num=2").is_none());
        assert!(find("num=20:unable", "num=20").is_some());
        assert!(find("cert_has_expired", "expired").is_none());
        assert!(find("x -188\n", "-188").is_some());
        assert!(find("page-404", "-404").is_none());
        assert!(find("error -0x2562 x", "-0x25??").is_some());
        assert!(find(&format!("a{}b", " ".repeat(MAX_GAP + 1)), "a*b").is_none());
        assert!(find("the certificate of 'x' is not trusted", "the certificate of * is not trusted").is_some());
    }

    #[test]
    fn the_telling_words_win_over_the_vague_ones() {
        let text = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate";
        let explanation = explain(text).unwrap();
        assert_eq!(explanation.heard.len(), 1);
        assert_eq!(explanation.heard[0].categories, [Category::UnknownIssuer]);
        assert_eq!(codes(text)[..2], ["missing-intermediate", "root-not-in-store"]);
        assert_eq!(codes("verify error:num=10"), codes("X509_V_ERR_CERT_HAS_EXPIRED"));
        assert!(codes("no such words").is_empty());
    }

    #[test]
    fn a_text_without_end_is_cut_and_anything_may_be_in_it() {
        assert!(explain(&"x".repeat(10_000_000)).is_none());
        assert!(explain(&"é\u{0}\u{1b}[".repeat(100_000)).is_none());
        let text = format!("{} unable to get local issuer certificate", "é".repeat(MAX_TEXT));
        assert!(explain(&text).is_none(), "beyond the limit");
    }
}
