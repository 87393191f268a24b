//! One light request over TLS, as `curl -I` makes it: `HEAD /`, and the head of the answer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use super::tls::Connector;
use crate::model::http::{Hsts, HttpLook};
use crate::model::target::{DEFAULT_PORT, ReferenceId};
use crate::x509::dn::printable;

/// The longest head of an answer that is read: what servers accept of clients, and many times what they send.
const MAX_HEAD: usize = 16 * 1024;

/// For the answer once TLS stands: nobody should wait for a slow page to hear about a certificate.
const PATIENCE: Duration = Duration::from_secs(3);

/// Interim answers (103 Early Hints) before the final one.
const MAX_INTERIM: usize = 4;

/// Characters kept of a Location: what browsers can be relied on to take.
const MAX_LOCATION: usize = 2_000;

/// What an answer said before its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The status line, safe for a terminal.
    pub line: String,
    pub status: u16,
    /// Names in lower case, values as they came.
    fields: Vec<(String, String)>,
}

impl Head {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum NoHead {
    #[error("{0}")]
    Socket(#[from] io::Error),
    #[error("the server closed the connection without an answer")]
    Closed,
    #[error("the answer is not HTTP")]
    NotHttp,
    #[error("the head of the answer has no end")]
    TooLong,
}

/// Asks the server at `address` for `/` of `host`, over a connection of its own: whatever certificate it shows is accepted,
/// because it is looked at elsewhere and nothing is entrusted to the connection. Where HTTP is not what is meant for sure, only
/// a server that chooses it (RFC 7301) gets a request: another protocol is not to be disturbed. `None`: it got none.
pub async fn look(
    connector: &Connector,
    address: SocketAddr,
    (host, port): (&ReferenceId, u16),
    is_meant: bool,
    deadline: Instant,
) -> Option<HttpLook> {
    const HTTP: &[u8] = b"http/1.1";
    let begun = Instant::now();
    let mut stream = timeout_at(deadline, connector.open(address, host, HTTP, deadline)).await.ok()??;
    if !is_meant && stream.get_ref().1.alpn_protocol() != Some(HTTP) {
        // Says that we leave.
        let _ = timeout_at(deadline, stream.shutdown()).await;
        return None;
    }
    let head = timeout_at(deadline.min(Instant::now() + PATIENCE), head(&mut stream, host, port)).await;
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Some(match head {
        Ok(Ok(head)) => HttpLook {
            status: Some(head.status),
            location: head.field("location").map(|text| printable(&cut(text, MAX_LOCATION))),
            hsts: head.field("strict-transport-security").and_then(hsts),
            failure: None,
            duration_ms,
        },
        Ok(Err(error)) => HttpLook { failure: Some(printable(&error.to_string())), duration_ms, ..HttpLook::default() },
        Err(_) => HttpLook { failure: Some("no answer in time".to_owned()), duration_ms, ..HttpLook::default() },
    })
}

/// `HEAD /` over `stream`.
pub async fn head(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    host: &ReferenceId,
    port: u16,
) -> Result<Head, NoHead> {
    let host = match host {
        ReferenceId::Ip(ip) if port == DEFAULT_PORT && ip.is_ipv4() => ip.to_string(),
        ReferenceId::Ip(ip) => SocketAddr::new(*ip, port).to_string(),
        ReferenceId::Dns(name) if port == DEFAULT_PORT => name.to_string(),
        ReferenceId::Dns(name) => format!("{name}:{port}"),
    };
    let agent = concat!("tlsmend/", env!("CARGO_PKG_VERSION"));
    let request =
        format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (mut answer, mut piece) = (Vec::new(), [0; 2048]);
    for _ in 0..MAX_INTERIM {
        let end = loop {
            if !b"HTTP/1.".starts_with(&answer[..answer.len().min(7)]) {
                return Err(NoHead::NotHttp);
            }
            if let Some(end) = end_of_head(&answer) {
                break end;
            }
            if answer.len() >= MAX_HEAD {
                return Err(NoHead::TooLong);
            }
            match stream.read(&mut piece).await {
                Ok(length @ 1..) => answer.extend_from_slice(&piece[..length]),
                // Servers that close without close_notify, or in the middle of the head, have still answered.
                Ok(0) | Err(_) if answer.contains(&b'\n') => break answer.len(),
                Ok(0) => return Err(NoHead::Closed),
                Err(error) => return Err(error.into()),
            }
        };
        let head = parse(&answer[..end]).ok_or(NoHead::NotHttp)?;
        // 101 is the last word of HTTP.
        if !(100..200).contains(&head.status) || head.status == 101 {
            return Ok(head);
        }
        answer.drain(..end);
    }
    Err(NoHead::TooLong)
}

/// After the empty line; bare line feeds pass (RFC 9112 §2.2).
fn end_of_head(answer: &[u8]) -> Option<usize> {
    let ends = |end: &[u8]| answer.windows(end.len()).position(|window| window == end).map(|begin| begin + end.len());
    [ends(b"\r\n\r\n"), ends(b"\n\n")].into_iter().flatten().min()
}

fn parse(head: &[u8]) -> Option<Head> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let line = lines.next()?.trim();
    let status = line.split(' ').nth(1)?.parse().ok().filter(|status| (100..1000).contains(status))?;
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Some(Head { line: printable(line), status, fields: fields.collect() })
}

/// RFC 6797 §6.1: directives in any order and case, values perhaps in quotation marks; without max-age it is void.
fn hsts(value: &str) -> Option<Hsts> {
    let mut directives = value.split(';').map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'))
    });
    let include_subdomains = directives.clone().any(|(name, _)| name == "includesubdomains");
    let max_age = directives.find(|(name, _)| name == "max-age")?.1;
    let is_number = !max_age.is_empty() && max_age.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Hsts { max_age: max_age.parse().unwrap_or(u64::MAX), include_subdomains })
}

fn cut(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_in_all_its_spellings() {
        let policy = |max_age, include_subdomains| Some(Hsts { max_age, include_subdomains });
        assert_eq!(hsts("max-age=31536000; includeSubDomains; preload"), policy(31_536_000, true));
        assert_eq!(hsts("INCLUDESUBDOMAINS ;Max-Age=\"0\""), policy(0, true));
        assert_eq!(hsts("max-age=99999999999999999999999"), policy(u64::MAX, false));
        for void in ["", "includeSubDomains", "max-age", "max-age=-1", "max-age=1d"] {
            assert_eq!(hsts(void), None, "{void}");
        }
    }

    #[test]
    fn heads() {
        let head = parse(b"HTTP/1.1 301 Moved\r\nLocation:  https://b/ \r\nbroken\r\n\r\n").unwrap();
        assert_eq!((head.status, head.field("location")), (301, Some("https://b/")));
        assert_eq!(parse(b"HTTP/1.0 200\n\n").unwrap().status, 200);
        assert_eq!(parse(b"HTTP/1.1 99 x\r\n\r\n"), None);
        assert_eq!(parse(b"HTTP/1.1 abc\r\n\r\n"), None);
        assert_eq!(end_of_head(b"HTTP/1.1 200\r\n\r\nbody\n\n"), Some(16));
        assert_eq!(end_of_head(b"HTTP/1.1 200\r\nA: b\r\n"), None);
    }
}
