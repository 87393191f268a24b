//! Options of every command that talks to the cloud: who asks, and where.
//!
//! The command line wins over the environment, the environment over the configuration file, that over the profile.

use std::path::PathBuf;
use std::sync::Arc;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::CliError;
use crate::model::call::Call;
use crate::model::target::DnsName;
use crate::model::time::Time;
use crate::remedy::cas::credentials::{Found, Identity, Lookup};
use crate::remedy::cas::{CasClient, CasError, Endpoint, GuideClient, Settings};
use crate::remedy::eas::EasClient;
use crate::x509::certificates_in;

/// The options as written.
#[derive(Debug, Clone, clap::Args)]
struct Written {
    /// Profile of ~/.aliyun/config.json with the credentials [default: the ALIBABA_CLOUD_ variables, then the current
    /// profile]
    #[arg(long, value_name = "NAME", help_heading = "Cloud")]
    profile: Option<String>,

    /// Region, such as cn-hangzhou (China site) or ap-southeast-1 (international site)
    #[arg(long, value_name = "REGION", help_heading = "Cloud")]
    region: Option<String>,

    /// The certificate service, where it is not the region's: a host or URL (plain http on loopback only)
    #[arg(long, value_name = "HOST", help_heading = "Cloud")]
    endpoint: Option<String>,

    /// PAI-EAS, where it is not the region's [default with --endpoint on loopback: the same]
    #[arg(long, value_name = "HOST", help_heading = "Cloud")]
    eas_endpoint: Option<String>,

    /// The product code of PAI-EAS in this account, which is not published (`tlsmend preflight --eas-gateway` shows it)
    #[arg(long, value_name = "CODE", help_heading = "Cloud")]
    pai_product_code: Option<String>,
}

/// [`Written`], with where each value came from.
#[derive(Debug, Clone)]
pub struct CloudOptions {
    written: Written,
    /// Ids of those that stood on the command line.
    typed: Vec<&'static str>,
}

impl CloudOptions {
    const IDS: [&str; 4] = ["profile", "region", "endpoint", "eas_endpoint"];
}

impl FromArgMatches for CloudOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = Self::IDS.into_iter().filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine));
        Ok(Self { typed: typed.collect(), written: Written::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for CloudOptions {
    fn augment_args(command: Command) -> Command {
        Written::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Written::augment_args_for_update(command)
    }
}

/// Everything a client needs, and what a report may say about it.
pub struct Access {
    /// Where the credentials came from; never a secret.
    pub source: String,
    pub region: Option<String>,
    /// What a person should know about how the endpoint was chosen.
    pub note: Option<String>,
    identity: Identity,
    endpoint: Option<Endpoint>,
    eas_endpoint: Option<Endpoint>,
}

impl CloudOptions {
    /// The profile, where it was asked for on the command line.
    pub fn typed_profile(&self) -> Option<&str> {
        self.written.profile.as_deref().filter(|_| self.typed.contains(&"profile"))
    }

    /// The same for a run that is gone on with: to the endpoint it talked to, as the profile it was told.
    pub fn recalled(&self, profile: Option<&str>, endpoint: &str) -> Self {
        let mut recalled = self.clone();
        if let Some(profile) = profile {
            recalled.written.profile = Some(profile.to_owned());
            recalled.typed.push("profile");
        }
        recalled.written.endpoint = Some(endpoint.to_owned());
        recalled.typed.push("endpoint");
        recalled
    }

    /// The product code of PAI-EAS, as configured. There is no default: it is not published.
    pub fn pai_product_code(&self) -> Option<&str> {
        self.written.pai_product_code.as_deref()
    }

    /// Finds credentials, region and endpoints. Nothing is sent.
    pub fn access(&self) -> Result<Access, CliError> {
        let written = &self.written;
        let profile = written.profile.as_deref();
        let is_typed = self.typed.contains(&"profile");
        let lookup = Lookup {
            profile: profile.filter(|_| is_typed),
            default_profile: profile.filter(|_| !is_typed),
            environment: &variable,
            config_file: home().map(|home| home.join(".aliyun").join("config.json")),
        };
        let Found { identity, source, region } = lookup.find().map_err(|error| CliError::Usage(error.to_string()))?;
        let region = self.choose("region", written.region.as_ref(), "ALIBABA_CLOUD_REGION_ID").or(region);
        let parse = |text: Option<String>, option: &str| -> Result<Option<Endpoint>, CliError> {
            let parsed = text.map(|text| text.parse()).transpose();
            parsed.map_err(|error| CliError::Usage(format!("{option}: {error}")))
        };
        let endpoint = self.choose("endpoint", written.endpoint.as_ref(), "ALIBABA_CLOUD_ENDPOINT");
        let endpoint = parse(endpoint, "--endpoint")?;
        let eas_endpoint = parse(written.eas_endpoint.clone(), "--eas-endpoint")?;
        // The vendor's SDK and its metadata name different hosts for these.
        let unsure = region.as_deref().filter(|region| {
            endpoint.is_none() && ["ap-southeast-3", "ap-southeast-5", "cn-hongkong"].contains(region)
        });
        let note = unsure.map(|region| {
            format!("for {region} the vendor's sources disagree; the regional endpoint is used, --endpoint cas.aliyuncs.com would be the other")
        });
        Ok(Access { source, region, note, identity, endpoint, eas_endpoint })
    }

    /// Command line, environment, configuration file.
    fn choose(&self, id: &str, written: Option<&String>, name: &str) -> Option<String> {
        let is_typed = self.typed.contains(&id);
        let from_environment = if is_typed { None } else { variable(name) };
        from_environment.or_else(|| written.cloned())
    }
}

impl Access {
    /// The certificate service.
    pub fn cas(self) -> Result<CasClient, CliError> {
        let endpoint = self.cas_endpoint()?;
        let settings = settings(&endpoint)?;
        CasClient::new(endpoint, self.identity, settings).map_err(not_made)
    }

    /// A service that speaks the guide's dialect.
    pub fn guide(self, force: bool) -> Result<GuideClient, CliError> {
        let endpoint = self.cas_endpoint()?;
        let settings = settings(&endpoint)?;
        GuideClient::new(endpoint, self.identity, settings, force).map_err(not_made)
    }

    /// PAI-EAS.
    pub fn eas(self) -> Result<EasClient, CliError> {
        let Some(region) = self.region.clone() else { return Err(no_region("")) };
        let local = self.endpoint.filter(Endpoint::is_loopback);
        let endpoint = match self.eas_endpoint.or(local) {
            Some(endpoint) => endpoint,
            None => Endpoint::eas(&region).map_err(|error| CliError::Usage(format!("--region: {error}")))?,
        };
        let settings = settings(&endpoint)?;
        EasClient::new(endpoint, &region, self.identity, settings).map_err(not_made)
    }

    /// Where the certificate service answers.
    pub fn cas_endpoint(&self) -> Result<Endpoint, CliError> {
        match (&self.endpoint, &self.region) {
            (Some(endpoint), _) => Ok(endpoint.clone()),
            (None, Some(region)) => {
                Endpoint::cas(region).map_err(|error| CliError::Usage(format!("--region: {error}")))
            }
            (None, None) => Err(no_region(" (or --endpoint HOST)")),
        }
    }
}

/// The public endpoint of a PAI-EAS gateway: where a custom domain's CNAME is to lead. With the calls that were made.
pub(super) async fn gateway_endpoint(id: &str, access: Access) -> Result<(DnsName, Vec<Call>), GatewayError> {
    let client = access.eas()?;
    let gateway = client.gateway(id).await?;
    let none = || {
        let text = format!("the gateway {id} has no public endpoint (its internet access is off): give --expect-cname");
        GatewayError::Usage(CliError::Usage(text))
    };
    Ok((gateway.cname_target().ok_or_else(none)?, client.calls()))
}

/// Why the public endpoint of a gateway is not known.
pub(super) enum GatewayError {
    Usage(CliError),
    Service(CasError),
}

impl From<CliError> for GatewayError {
    fn from(error: CliError) -> Self {
        Self::Usage(error)
    }
}

impl From<CasError> for GatewayError {
    fn from(error: CasError) -> Self {
        Self::Service(error)
    }
}

/// For a command that can do nothing without it.
impl From<GatewayError> for CliError {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Usage(error) => error,
            GatewayError::Service(error) => Self::Usage(format!("{error}; {}", error.meaning())),
        }
    }
}

/// The stores behind the regions are separate: guessing one would look for a certificate in the wrong place.
fn no_region(or: &str) -> CliError {
    CliError::Usage(format!(
        "no region is known: give --region cn-hangzhou (China site) or ap-southeast-1 (international site){or}, or set ALIBABA_CLOUD_REGION_ID"
    ))
}

fn not_made(error: CasError) -> CliError {
    CliError::Usage(error.message)
}

fn settings(endpoint: &Endpoint) -> Result<Settings, CliError> {
    let mut settings = Settings::for_endpoint(endpoint, Arc::new(super::clock));
    // As OpenSSL's clients read it: how a proxy that inspects TLS is made known on most machines.
    if let Some(file) = variable("SSL_CERT_FILE") {
        let fail = |reason: String| CliError::Usage(format!("SSL_CERT_FILE {file}: {reason}"));
        let bytes = super::probe::read_file(file.as_ref()).map_err(fail)?;
        settings.extra_anchors = certificates_in(&bytes).map_err(|error| fail(error.to_string()))?;
    }
    Ok(settings)
}

/// A moment that is yet to come.
pub(super) fn moment_ahead(text: &str) -> Result<Time, String> {
    let moment: Time = text.parse().map_err(|error: crate::model::time::TimeError| error.to_string())?;
    if moment <= super::clock() { Err("it lies in the past".to_owned()) } else { Ok(moment) }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The user's home directory.
pub(super) fn home() -> Option<PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
