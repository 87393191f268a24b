//! Options of `probe` for what is spoken around the handshake.

use crate::model::starttls::StartTls;
use crate::model::target::{Target, TargetError};

#[derive(Debug, clap::Args)]
pub struct WireOptions {
    /// Ask for TLS in this protocol first: smtp, imap, pop3, ftp, ldap, postgres, mysql. The same as a target smtp://HOST;
    /// where no port is given, the protocol's own is used
    #[arg(long, value_name = "PROTOCOL")]
    starttls: Option<StartTls>,

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
