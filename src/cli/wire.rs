//! Options of `probe` for what is spoken around the handshake.

use crate::model::starttls::StartTls;
use crate::model::target::{Target, TargetError};
use crate::probe::MAX_SAMPLES;

#[derive(Debug, clap::Args)]
pub struct WireOptions {
    /// Ask for TLS in this protocol first: smtp, imap, pop3, ftp, ldap, postgres, mysql. The same as a target smtp://HOST;
    /// where no port is given, the protocol's own is used
    #[arg(long, value_name = "PROTOCOL")]
    starttls: Option<StartTls>,

    /// Shake hands so often with each address, to catch servers that take turns behind one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=MAX_SAMPLES as i64))]
    pub samples: u8,

    /// Do not request / after the handshake (asked of port 443 and https:// targets: status, redirect, HSTS)
    #[arg(long)]
    pub no_http: bool,
}

impl WireOptions {
    /// The targets as they are meant.
    pub fn targets(&self, typed: &[Target]) -> Result<Vec<Target>, TargetError> {
        let meant =
            |target: &Target| self.starttls.map_or(Ok(target.clone()), |protocol| target.with_starttls(protocol));
        typed.iter().map(meant).collect()
    }
}
