//! SMTP, IMAP and POP3 as far as STARTTLS.

use std::net::IpAddr;

use super::dialogue::{Dialogue, Trouble};
use super::ftp::reply;
use crate::observe::tls::plaintext;

/// RFC 3207 over RFC 5321.
pub(super) async fn smtp(dialogue: &mut Dialogue) -> Result<(), Trouble> {
    let greeting = reply(dialogue).await?;
    dialogue.greeted(&greeting.text());
    match greeting.code {
        _ if plaintext::protocol(dialogue.received()) == Some("ftp") => return Err(Trouble::Other),
        220 => {}
        _ => return Err(Trouble::Refused(greeting.text())),
    }
    // We have no name that the server could look up: an address literal (RFC 5321 §4.1.3) is what is left.
    let us = dialogue.own_address().map_or("[127.0.0.1]".to_owned(), |ip| match ip {
        IpAddr::V4(ip) => format!("[{ip}]"),
        IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
    });
    dialogue.send(format!("EHLO {us}\r\n").as_bytes()).await?;
    let hello = reply(dialogue).await?;
    match hello.code {
        250 => {}
        // It knows no extensions at all (RFC 5321 §4.1.1.1).
        500 | 502 | 504 => return Err(Trouble::NotOffered),
        _ => return Err(Trouble::Refused(hello.text())),
    }
    dialogue.offers(hello.lines.iter().skip(1).map(String::as_str));
    let is_starttls = |offer: &String| offer.trim().eq_ignore_ascii_case("STARTTLS");
    if !hello.lines.iter().skip(1).any(is_starttls) {
        return Err(Trouble::NotOffered);
    }
    dialogue.send(b"STARTTLS\r\n").await?;
    let answer = reply(dialogue).await?;
    dialogue.replied(&answer.text(), answer.code == 220)
}

/// RFC 9051 §6.2.1.
pub(super) async fn imap(dialogue: &mut Dialogue) -> Result<(), Trouble> {
    let greeting = dialogue.line().await?;
    let Some(said) = greeting.strip_prefix("* ") else { return Err(Trouble::Other) };
    dialogue.greeted(said);
    let word = said.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    match word.as_str() {
        "OK" => {}
        // BYE; or PREAUTH, after which TLS can no longer be asked for, as an attacker would like (RFC 9051 §11.1).
        "BYE" | "PREAUTH" => return Err(Trouble::Refused(said.to_owned())),
        _ => return Err(Trouble::Other),
    }
    let mut offers = capabilities_in(said);
    if offers.is_none() {
        dialogue.send(b"a CAPABILITY\r\n").await?;
        let lines = dialogue.lines(|line| line.starts_with("a ")).await?;
        let told = lines.iter().find_map(|line| {
            let said = line.strip_prefix("* ")?;
            let (word, list) = said.split_at_checked("CAPABILITY ".len())?;
            word.eq_ignore_ascii_case("CAPABILITY ").then(|| words(list))
        });
        if let Some(bye) = lines.iter().find(|line| line.to_ascii_uppercase().starts_with("* BYE")) {
            return Err(Trouble::Refused(bye.trim_start_matches("* ").to_owned()));
        }
        offers = Some(told.ok_or(Trouble::Broken("it does not answer CAPABILITY"))?);
    }
    let offers = offers.unwrap_or_default();
    dialogue.offers(offers.iter().map(String::as_str));
    if !offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
        return Err(Trouble::NotOffered);
    }
    dialogue.send(b"b STARTTLS\r\n").await?;
    let lines = dialogue.lines(|line| line.starts_with("b ")).await?;
    let answer = lines.last().and_then(|line| line.strip_prefix("b ")).unwrap_or_default();
    dialogue.replied(answer, answer.to_ascii_uppercase().starts_with("OK"))
}

/// The list that a greeting may bring along: `OK [CAPABILITY IMAP4rev1 STARTTLS] …`.
fn capabilities_in(said: &str) -> Option<Vec<String>> {
    let begin = said.to_ascii_uppercase().find("[CAPABILITY ")? + "[CAPABILITY ".len();
    let list = said.get(begin..)?.split(']').next()?;
    Some(words(list))
}

fn words(list: &str) -> Vec<String> {
    list.split_ascii_whitespace().map(str::to_owned).collect()
}

/// RFC 2595 §4 over RFC 1939 and RFC 2449.
pub(super) async fn pop3(dialogue: &mut Dialogue) -> Result<(), Trouble> {
    let greeting = dialogue.line().await?;
    match (greeting.starts_with("+OK"), greeting.starts_with("-ERR")) {
        (true, _) => dialogue.greeted(&greeting),
        (_, true) => return Err(Trouble::Refused(greeting)),
        _ => return Err(Trouble::Other),
    }
    dialogue.send(b"CAPA\r\n").await?;
    if dialogue.line().await?.starts_with("+OK") {
        let list = dialogue.lines(|line| line == ".").await?;
        dialogue.offers(list.iter().map(String::as_str).filter(|line| *line != "."));
        if !list.iter().any(|offer| offer.trim().eq_ignore_ascii_case("STLS")) {
            return Err(Trouble::NotOffered);
        }
    }
    // A server that does not know CAPA may know STLS.
    dialogue.send(b"STLS\r\n").await?;
    let answer = dialogue.line().await?;
    dialogue.replied(&answer, answer.starts_with("+OK"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_may_bring_the_list() {
        let list = capabilities_in("OK [CAPABILITY IMAP4rev1 STARTTLS] ready");
        assert_eq!(list, Some(vec!["IMAP4rev1".to_owned(), "STARTTLS".to_owned()]));
        assert_eq!(capabilities_in("OK ready"), None);
    }
}
