//! Options about revocation and Certificate Transparency.

use crate::observe::revocation::Cache;
use crate::probe::Revocation;

#[derive(Debug, clap::Args)]
pub struct RevocationOptions {
    /// Fetch the CRLs that the certificates name, and look every one up to the trust anchor up in them
    #[arg(long)]
    revocation: bool,

    /// Ask the OCSP responders that the certificates name (they learn who asks about which certificate)
    #[arg(long)]
    ocsp: bool,
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
