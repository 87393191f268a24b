//! Protocols that begin in plain text and turn to TLS when asked.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A protocol with a way from plain text to TLS on the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StartTls {
    /// RFC 3207
    Smtp,
    /// RFC 9051 §6.2.1
    Imap,
    /// RFC 2595 §4
    Pop3,
    /// RFC 4217
    Ftp,
    /// RFC 4511 §4.14
    Ldap,
    /// SSLRequest (PostgreSQL, "Frontend/Backend Protocol", SSL Session Encryption)
    Postgres,
    /// SSLRequest (MySQL, "Client/Server Protocol", Connection Phase)
    Mysql,
}

impl StartTls {
    pub const ALL: [Self; 7] = [Self::Smtp, Self::Imap, Self::Pop3, Self::Ftp, Self::Ldap, Self::Postgres, Self::Mysql];

    /// The word for `--starttls`, ours and that of `openssl s_client`, and the URL scheme.
    pub fn word(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Ldap => "ldap",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smtp => "SMTP",
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Ftp => "FTP",
            Self::Ldap => "LDAP",
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
        }
    }

    /// Where the protocol listens (IANA service names).
    pub fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Imap => 143,
            Self::Pop3 => 110,
            Self::Ftp => 21,
            Self::Ldap => 389,
            Self::Postgres => 5432,
            Self::Mysql => 3306,
        }
    }

    /// Where its sister listens that speaks TLS from the start (RFC 8314 §3; the older ones by IANA).
    pub fn implicit_port(self) -> Option<u16> {
        match self {
            Self::Smtp => Some(465),
            Self::Imap => Some(993),
            Self::Pop3 => Some(995),
            Self::Ftp => Some(990),
            Self::Ldap => Some(636),
            Self::Postgres | Self::Mysql => None,
        }
    }

    /// The one that usually listens on `port` in plain text.
    pub fn usual_on(port: u16) -> Option<Self> {
        const SUBMISSION: u16 = 587; // RFC 6409
        if port == SUBMISSION {
            Some(Self::Smtp)
        } else {
            Self::ALL.into_iter().find(|protocol| protocol.port() == port)
        }
    }
}

impl fmt::Display for StartTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for StartTls {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        let asked = if text == "postgresql" { "postgres" } else { text.as_str() };
        Self::ALL.into_iter().find(|protocol| protocol.word() == asked).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|protocol| protocol.word()).collect();
            format!("not a protocol whose STARTTLS we speak; known are {}", known.join(", "))
        })
    }
}

/// What was said in plain text before TLS. Texts are the server's, cut and safe for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StartTlsFacts {
    /// How the server introduced itself; null where the protocol has no greeting, or none came.
    pub greeting: Option<String>,
    /// What it says it can do, where that was asked.
    pub offers: Vec<String>,
    /// Its answer to the request for TLS; null when it was not asked or says nothing (MySQL).
    pub reply: Option<String>,
    /// What came in plain text after its consent and before TLS, where nothing may come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plaintext_after: Option<String>,
}
