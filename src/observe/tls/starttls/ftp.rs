//! FTP as far as TLS (RFC 4217 over RFC 959), and the form of reply that it shares with SMTP.

use super::dialogue::{Dialogue, Trouble};

/// A reply of one or several lines: `250-first`, `250 last`.
pub(super) struct Reply {
    pub(super) code: u16,
    /// Without the codes.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// On one line, with the code.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" ").trim())
    }
}

pub(super) fn is_reply(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.len() >= 3 && bytes[..3].iter().all(u8::is_ascii_digit) && matches!(bytes.get(3), None | Some(b' ' | b'-'))
}

/// RFC 959 §4.2, RFC 5321 §4.2.1. FTP leaves out the code between the first and the last line.
pub(super) async fn reply(dialogue: &mut Dialogue) -> Result<Reply, Trouble> {
    let first = dialogue.line().await?;
    if !is_reply(&first) {
        return Err(Trouble::Other);
    }
    let code = first[..3].to_owned();
    let is_last = |line: &str| is_reply(line) && line.starts_with(&code) && line.as_bytes().get(3) != Some(&b'-');
    let mut lines = vec![first];
    if !is_last(&lines[0]) {
        lines.extend(dialogue.lines(is_last).await?);
    }
    let text = |line: &String| {
        line.strip_prefix(&code).map_or(line.as_str(), |rest| rest.get(1..).unwrap_or_default()).to_owned()
    };
    Ok(Reply { lines: lines.iter().map(text).collect(), code: code.parse().unwrap_or_default() })
}

pub(super) async fn ftp(dialogue: &mut Dialogue) -> Result<(), Trouble> {
    let mut greeting = reply(dialogue).await?;
    if greeting.code == 120 {
        greeting = reply(dialogue).await?; // "ready in … minutes", and then it is
    }
    dialogue.greeted(&greeting.text());
    if greeting.code != 220 {
        return Err(Trouble::Refused(greeting.text()));
    }
    dialogue.send(b"AUTH TLS\r\n").await?;
    let answer = reply(dialogue).await?;
    if answer.code == 234 {
        return dialogue.replied(&answer.text(), true);
    }
    // Which is it: does it not know TLS, or not want it now? Its list of features tells (RFC 2389).
    dialogue.send(b"FEAT\r\n").await?;
    if let Ok(features) = reply(dialogue).await
        && features.code == 211
    {
        let inner = features.lines.get(1..features.lines.len().saturating_sub(1)).unwrap_or_default();
        dialogue.offers(inner.iter().map(String::as_str));
    }
    let offers_tls = dialogue.facts.offers.iter().any(|offer| offer.to_ascii_uppercase().starts_with("AUTH"));
    // 5xx "not understood", "not implemented"; 530 is what servers say that want a login first.
    if matches!(answer.code, 500..=504 | 530) && !offers_tls {
        return Err(Trouble::NotOffered);
    }
    dialogue.replied(&answer.text(), false)
}
