//! Options about revocation and Certificate Transparency.

use std::path::PathBuf;
use std::sync::Arc;

use super::CliError;
use crate::judge::anchors::TrustAnchors;
use crate::judge::ct::LogList;
use crate::observe::revocation::Cache;
use crate::probe::Revocation;

#[derive(Debug, clap::Args)]
pub struct RevocationOptions {
    /// Fetch the CRLs that the certificates name, and look every one up to the trust anchor up in them; where there is none
    /// that answers, ask the certificate's OCSP responder
    #[arg(long)]
    revocation: bool,

    /// Ask the OCSP responders that the certificates name, also where there are CRLs (they learn who asks about which certificate)
    #[arg(long)]
    ocsp: bool,
}

/// The same in every command that judges.
#[derive(Debug, clap::Args)]
pub struct LogOptions {
    /// Judge signed certificate timestamps by this list of logs: Chrome's, as published at
    /// https://www.gstatic.com/ct/log_list/v3/log_list.json
    #[arg(long, value_name = "FILE")]
    ct_logs: Option<PathBuf>,
}

impl LogOptions {
    /// `anchors` with the logs of the file.
    pub fn add_to(&self, anchors: TrustAnchors) -> Result<TrustAnchors, CliError> {
        let Some(file) = &self.ct_logs else { return Ok(anchors) };
        let fail = |reason: String| CliError::Usage(format!("--ct-logs {}: {reason}", file.display()));
        let bytes = super::probe::read_file(file).map_err(fail)?;
        let logs = LogList::parse(&bytes).map_err(|error| fail(error.to_string()))?;
        Ok(anchors.with_logs(Some(Arc::new(logs))))
    }
}

impl RevocationOptions {
    /// `with_cache`: CRLs are kept while they are valid.
    pub fn settings(&self, with_cache: bool) -> Revocation {
        let cache = || super::cache_folder().map(|folder| Cache::new(folder.join("crl")));
        Revocation {
            crls: self.revocation,
            ocsp: self.ocsp,
            cache: if self.revocation && with_cache { cache() } else { None },
        }
    }
}
