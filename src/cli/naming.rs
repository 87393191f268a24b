//! What `probe` asks of the name system beyond addresses: the options.

use crate::observe::dns::Look;

#[derive(Debug, clap::Args)]
pub struct NamingOptions {
    /// Also ask the zones' own name servers: who still has an old answer and until when, which of them fail, is the zone
    /// signed rightly. PORT: where they listen, in a test world
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "53", value_parser = clap::value_parser!(u16).range(1..))]
    propagation: Option<u16>,
}

impl NamingOptions {
    pub fn look(&self) -> Look {
        self.propagation.map_or(Look::Beside, Look::Authorities)
    }
}
