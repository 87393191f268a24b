//! Options of `probe --depth survey`.

use crate::observe::tls::SurveySettings;

#[derive(Debug, clap::Args)]
pub(super) struct SurveyOptions {
    /// With --depth survey: find the server's whole order of cipher suites (a connection more for each of them)
    #[arg(long)]
    order: bool,

    /// With --depth survey: connections to one address at a time [default: 32]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    per_host: Option<u16>,
}

impl SurveyOptions {
    pub(super) fn settings(&self) -> SurveySettings {
        let default = SurveySettings::default();
        SurveySettings { full_order: self.order, per_host: self.per_host.map_or(default.per_host, usize::from) }
    }
}
