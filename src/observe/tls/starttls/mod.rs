//! From a TCP connection to one on which a ClientHello may go out: at once, or after a protocol's request for TLS.
//!
//! `dialogue` reads within limits, `mail` speaks SMTP, IMAP and POP3, `ftp` FTP, `ldap` and `database` the binary ones.
//! Nothing is said but what the way to TLS needs, and nothing secret ever is: no name, no password.

mod database;
mod dialogue;
mod ftp;
mod ldap;
mod mail;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::hello::{self, Until};
use super::{failure, plaintext, tcp};
use crate::model::handshake::{Failure, FailureKind, Stage};
use crate::model::hello::{HelloAnswer, WIDEST};
use crate::model::starttls::{StartTls, StartTlsFacts};
use crate::x509::dn::printable;
use dialogue::{Dialogue, Trouble};

/// The part of the time left, in percent, after which a server that has not said a word is asked whether it speaks TLS from
/// the start. The rest is for its answer. Mail servers that make strangers wait (Postfix' postscreen: 6 s) fit into the
/// part at the ordinary time-out.
const PATIENCE: u32 = 80;

/// The same on a port where TLS from the start is usual.
const PATIENCE_IMPLICIT: u32 = 20;

/// Characters kept of a text of the server.
const SHOWN: usize = 200;

/// Of the things it says it can do. The longest list met (Dovecot after ID) has about 50.
const MAX_OFFERS: usize = 100;

/// A stream on which a ClientHello may go out.
pub(super) struct Ready {
    pub(super) stream: TcpStream,
    /// How long the TCP connection took.
    pub(super) tcp: Duration,
    /// What was said before; `None` without STARTTLS.
    pub(super) said: Option<Said>,
}

/// What was said in plain text, and how long it took.
pub(super) struct Said {
    pub(super) facts: StartTlsFacts,
    pub(super) duration: Duration,
}

/// It did not come so far.
pub(super) struct NotReady {
    pub(super) stop: tcp::Stop,
    /// As in [`Ready`]; `None`: no connection.
    pub(super) tcp: Option<Duration>,
    pub(super) said: Option<Said>,
}

/// Connects to `address`, and where `protocol` is given has the server change to TLS. Every look at a server begins here.
pub(super) async fn connect(
    address: SocketAddr,
    protocol: Option<StartTls>,
    deadline: Instant,
) -> Result<Ready, NotReady> {
    let begun = Instant::now();
    let stream = match tcp::connect(address, deadline).await {
        Ok(stream) => stream,
        Err(stop) => return Err(NotReady { stop, tcp: None, said: None }),
    };
    let tcp = begun.elapsed();
    let Some(protocol) = protocol else { return Ok(Ready { stream, tcp, said: None }) };
    let begun = Instant::now();
    let mut dialogue = Dialogue::new(stream);
    let is_usual = protocol.implicit_port() == Some(address.port());
    let percent = if is_usual { PATIENCE_IMPLICIT } else { PATIENCE };
    let patience = begun + deadline.saturating_duration_since(begun) * percent / 100;
    let talk = async {
        match timeout_at(patience, dialogue.listen(protocol)).await {
            Ok(heard) => heard?,
            Err(_) => return Err(Trouble::NoGreeting),
        }
        upgrade(&mut dialogue, protocol).await
    };
    let outcome = timeout_at(deadline, talk).await.unwrap_or(Err(Trouble::Silent));
    let Err(trouble) = outcome else {
        let (stream, facts) = dialogue.into_parts();
        return Ok(Ready { stream, tcp, said: Some(Said { facts, duration: begun.elapsed() }) });
    };
    dialogue.take_leave(protocol);
    let received = dialogue.received().to_vec();
    let (stream, facts) = dialogue.into_parts();
    let failure = match trouble {
        Trouble::NoGreeting => {
            let silence = not_greeted(protocol, address.port());
            waits_for_tls(stream, protocol, deadline).await.unwrap_or(silence)
        }
        // Where the client speaks first, a server of TLS hangs up on what is no ClientHello.
        Trouble::Closed if received.is_empty() => {
            let closed = tell(&trouble, protocol, address.port(), &received, &facts);
            match tcp::connect(address, deadline).await {
                Ok(stream) => waits_for_tls(stream, protocol, deadline).await.unwrap_or(closed),
                Err(_) => closed,
            }
        }
        trouble => tell(&trouble, protocol, address.port(), &received, &facts),
    };
    let said = Some(Said { facts, duration: begun.elapsed() });
    Err(NotReady { stop: tcp::Stop::Failed(failure), tcp: Some(tcp), said })
}

async fn upgrade(dialogue: &mut Dialogue, protocol: StartTls) -> Result<(), Trouble> {
    match protocol {
        StartTls::Smtp => mail::smtp(dialogue).await?,
        StartTls::Imap => mail::imap(dialogue).await?,
        StartTls::Pop3 => mail::pop3(dialogue).await?,
        StartTls::Ftp => ftp::ftp(dialogue).await?,
        StartTls::Ldap => ldap::ldap(dialogue).await?,
        StartTls::Postgres => database::postgres(dialogue).await?,
        StartTls::Mysql => database::mysql(dialogue).await?,
    }
    dialogue.note_what_is_left();
    Ok(())
}

/// Nobody greets: is it because the server waits for a ClientHello, or for a request in another protocol? `None`: it is not.
async fn waits_for_tls(stream: TcpStream, protocol: StartTls, deadline: Instant) -> Option<Failure> {
    let refusal = match hello::converse(stream, &WIDEST, None, Until::Certificate, deadline).await {
        HelloAnswer::Chosen(_) => return Some(implicit(protocol)),
        HelloAnswer::Refused(refusal) => refusal,
    };
    if refusal.alert.is_some() {
        return Some(implicit(protocol));
    }
    let spoken = refusal.protocol.as_deref()?;
    // Its own greeting after all, too late, says no more than silence.
    if spoken.parse() == Ok(protocol) {
        return None;
    }
    let message = format!("the port speaks {spoken}, not {}: it said nothing until it was spoken to", protocol.name());
    Some(Failure { protocol: refusal.protocol, ..of(FailureKind::Plaintext, message) })
}

fn not_greeted(protocol: StartTls, port: u16) -> Failure {
    let message = format!(
        "the server accepted the connection and did not greet, as {} servers do: it is overloaded, or makes strangers \
         wait{}",
        protocol.name(),
        usual(protocol, port)
    );
    of(FailureKind::Timeout, message)
}

/// What else it may be.
fn usual(protocol: StartTls, port: u16) -> String {
    match protocol.implicit_port() {
        Some(implicit) if implicit == port => format!(" (port {port} usually speaks TLS from the start)"),
        _ => String::new(),
    }
}

fn implicit(protocol: StartTls) -> Failure {
    let name = protocol.name();
    let message = format!("the port speaks TLS from the start, not {name} in plain text: STARTTLS is not needed here");
    of(FailureKind::ImplicitTls, message)
}

/// What stopped the way to TLS, in words.
fn tell(trouble: &Trouble, protocol: StartTls, port: u16, received: &[u8], facts: &StartTlsFacts) -> Failure {
    let name = protocol.name();
    match trouble {
        Trouble::Other if !plaintext::is_not_tls(received) => implicit(protocol),
        Trouble::Other => {
            let spoken = plaintext::protocol(received);
            let answer = failure::first_line(received);
            let message = match spoken {
                Some(spoken) => format!("the port speaks {spoken}, not {name}; it answered: {answer}"),
                None => format!("what the port speaks is not {name}; it answered: {answer}"),
            };
            Failure { protocol: spoken.map(str::to_owned), ..of(FailureKind::Plaintext, message) }
        }
        Trouble::NotOffered => {
            let offers = match facts.offers.as_slice() {
                [] => String::new(),
                offers => format!("; it offers {}", offers.join(", ")),
            };
            of(FailureKind::StarttlsNotOffered, format!("the {name} server does not offer TLS{offers}"))
        }
        Trouble::Refused(reply) => {
            let what = match facts.reply {
                Some(_) => "offers TLS and then refuses it",
                None => "turns us away before TLS can be asked for",
            };
            of(FailureKind::StarttlsRefused, format!("the {name} server {what}: `{}`", shown(reply)))
        }
        Trouble::Broken(what) => of(FailureKind::Protocol, format!("the server broke the {name} protocol: {what}")),
        Trouble::TooMuch => {
            let message = format!("the server sent more than any {name} server says before TLS");
            of(FailureKind::TooLarge, message)
        }
        Trouble::Closed => {
            let message = match received {
                [] => format!("the server closed the connection without a word of {name}{}", usual(protocol, port)),
                _ => format!("the server closed the connection in the middle of {name}, before TLS began"),
            };
            of(FailureKind::Closed, message)
        }
        Trouble::Socket(error) => match tcp::kind(error) {
            FailureKind::Local => failure::local(Stage::Starttls, &error.to_string()),
            kind => of(kind, format!("the connection broke in the middle of {name}, before TLS began: {error}")),
        },
        Trouble::Silent | Trouble::NoGreeting => {
            of(FailureKind::Timeout, format!("the server fell silent in the middle of {name}, before TLS began"))
        }
    }
}

fn of(kind: FailureKind, message: String) -> Failure {
    Failure { stage: Stage::Starttls, kind, alert: None, protocol: None, message }
}

/// A text of the server, cut and safe for a terminal.
fn shown(text: &str) -> String {
    let cut: String = text.trim().chars().take(SHOWN).collect();
    printable(&cut)
}
