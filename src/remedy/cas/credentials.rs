//! Who asks: access keys, from the environment or from a profile of the vendor's command line (`~/.aliyun/config.json`).
//!
//! The order is the vendor's, as far as it is implemented here. A source that comes first and is not implemented is an
//! error and not passed over: the next one might be another account.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::model::time::Time;
use crate::remedy::secret::Secret;
use crate::x509::dn::printable;

/// An access key, with a token when it is temporary.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub access_key_secret: Secret,
    pub security_token: Option<Secret>,
    /// When the token ends, if that is known.
    pub expires: Option<Time>,
}

/// A role that is assumed with other credentials (mode RamRoleArn).
pub struct Role {
    pub with: Credentials,
    pub role_arn: String,
    pub session_name: String,
    /// Seconds the token is to live.
    pub duration: Option<u32>,
    pub policy: Option<String>,
    pub external_id: Option<String>,
    /// Region of the token service; `None` for its central endpoint.
    pub sts_region: Option<String>,
}

/// What calls are signed with.
pub enum Identity {
    Static(Credentials),
    Role(Box<Role>),
}

/// Credentials that were found, and where. `source` never holds a secret.
pub struct Found {
    pub identity: Identity,
    /// For people: `environment (ALIBABA_CLOUD_ACCESS_KEY_ID)` or ``profile `default` (AK)``.
    pub source: String,
    /// The profile's region, if it names one.
    pub region: Option<String>,
}

/// Why no credentials can be used. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error(
        "no credentials found: neither in the environment nor in {0}; set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run `aliyun configure`"
    )]
    NotFound(String),
    #[error("{source_name} uses {mode}, which is not supported; {instead}")]
    Unsupported { source_name: String, mode: String, instead: &'static str },
    #[error("the profile `{name}` lacks `{field}`; run `aliyun configure --profile {name}`")]
    Incomplete { name: String, field: &'static str },
    #[error("there is no profile `{name}` in {file}; it has: {known}")]
    NoSuchProfile { name: String, file: String, known: String },
    #[error("{file}: {reason}")]
    File { file: String, reason: String },
}

/// Gets credentials through a token that the user makes with the vendor's tool.
const USE_A_TOKEN: &str = "give static keys or a token instead: set ALIBABA_CLOUD_ACCESS_KEY_ID, \
                           ALIBABA_CLOUD_ACCESS_KEY_SECRET and ALIBABA_CLOUD_SECURITY_TOKEN, or choose a profile of mode \
                           AK, StsToken or RamRoleArn with --profile";

/// Larger is no configuration.
const MAX_CONFIG: u64 = 1024 * 1024;

/// Where to look.
pub struct Lookup<'a> {
    /// A profile that was asked for on the command line: nothing else is looked at then.
    pub profile: Option<&'a str>,
    /// A profile to use where the environment gives neither keys nor a profile.
    pub default_profile: Option<&'a str>,
    /// A variable of the environment; empty ones count as absent.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// `~/.aliyun/config.json`; `None` when there is no home.
    pub config_file: Option<PathBuf>,
}

impl Lookup<'_> {
    /// Finds the credentials.
    pub fn find(&self) -> Result<Found, CredentialsError> {
        if self.profile.is_none() {
            if let Some(found) = self.in_environment()? {
                return Ok(found);
            }
            let disabled = self.variable("ALIBABA_CLOUD_CLI_PROFILE_DISABLED");
            if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
                return Err(self.unsupported_or_none("the environment (profiles are disabled there)"));
            }
        }
        let Some(file) = &self.config_file else {
            return Err(self.unsupported_or_none("~/.aliyun/config.json (there is no home directory)"));
        };
        let shown = printable(&file.display().to_string());
        let Some(config) = read_config(file)? else {
            return match self.profile {
                Some(name) => Err(CredentialsError::NoSuchProfile {
                    name: printable(name),
                    file: shown,
                    known: "nothing, because it does not exist".to_owned(),
                }),
                None => Err(self.unsupported_or_none(&shown)),
            };
        };
        let asked = self.profile.map(str::to_owned).or_else(|| self.variable("ALIBABA_CLOUD_PROFILE"));
        let current = || text(&config, "current").filter(|name| !name.is_empty());
        let name = asked
            .or_else(|| self.default_profile.map(str::to_owned))
            .or_else(current)
            .unwrap_or_else(|| "default".to_owned());
        let none = Vec::new();
        let profiles = config.get("profiles").and_then(Value::as_array).unwrap_or(&none);
        let profiles: Vec<&Map<String, Value>> = profiles.iter().filter_map(Value::as_object).collect();
        let Some(profile) = profiles.iter().find(|profile| text(profile, "name").as_deref() == Some(name.as_str()))
        else {
            let known: Vec<String> = profiles.iter().filter_map(|profile| text(profile, "name")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { printable(&known.join(", ")) };
            return Err(CredentialsError::NoSuchProfile { name: printable(&name), file: shown, known });
        };
        from_profile(&name, profile)
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.is_empty())
    }

    fn in_environment(&self) -> Result<Option<Found>, CredentialsError> {
        let key = (self.variable("ALIBABA_CLOUD_ACCESS_KEY_ID"), self.variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
        if let (Some(access_key_id), Some(secret)) = key {
            let security_token = self.variable("ALIBABA_CLOUD_SECURITY_TOKEN").map(Secret::new);
            let with = if security_token.is_some() { " with ALIBABA_CLOUD_SECURITY_TOKEN" } else { "" };
            return Ok(Some(Found {
                identity: Identity::Static(Credentials {
                    access_key_id,
                    access_key_secret: Secret::new(secret),
                    security_token,
                    expires: None,
                }),
                source: format!("environment (ALIBABA_CLOUD_ACCESS_KEY_ID{with})"),
                region: None,
            }));
        }
        let oidc = ["ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE"];
        if oidc.iter().all(|name| self.variable(name).is_some()) {
            return Err(unsupported("the environment", "OIDC (ALIBABA_CLOUD_OIDC_TOKEN_FILE)"));
        }
        Ok(None)
    }

    /// Nothing was found that we can use; name what another tool would have used.
    fn unsupported_or_none(&self, looked_at: &str) -> CredentialsError {
        for (name, mode) in [
            ("ALIBABA_CLOUD_CREDENTIALS_FILE", "an INI file"),
            ("ALIBABA_CLOUD_ECS_METADATA", "the role of an ECS instance"),
            ("ALIBABA_CLOUD_CREDENTIALS_URI", "CredentialsURI"),
        ] {
            if self.variable(name).is_some() {
                return unsupported("the environment", &format!("{mode} ({name})"));
            }
        }
        CredentialsError::NotFound(looked_at.to_owned())
    }
}

fn unsupported(source_name: &str, mode: &str) -> CredentialsError {
    CredentialsError::Unsupported { source_name: source_name.to_owned(), mode: mode.to_owned(), instead: USE_A_TOKEN }
}

/// `None` when there is no such file.
fn read_config(file: &Path) -> Result<Option<Map<String, Value>>, CredentialsError> {
    use std::io::Read as _;
    let fail = |reason: String| CredentialsError::File { file: printable(&file.display().to_string()), reason };
    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error.to_string())),
    };
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    opened.take(MAX_CONFIG + 1).read_to_end(&mut bytes).map_err(|error| fail(error.to_string()))?;
    if bytes.len() as u64 > MAX_CONFIG {
        return Err(fail("too large for a configuration".to_owned()));
    }
    // The parser's own message could quote the file, and with it a key: only the place is told.
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(config)) => Ok(Some(config)),
        Ok(_) => Err(fail("it is no JSON object".to_owned())),
        Err(error) => Err(fail(format!("not valid JSON (line {}, column {})", error.line(), error.column()))),
    }
}

fn text(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn from_profile(name: &str, profile: &Map<String, Value>) -> Result<Found, CredentialsError> {
    let shown = printable(name);
    let wanted = |field: &'static str| {
        text(profile, field)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| CredentialsError::Incomplete { name: shown.clone(), field })
    };
    let optional = |field: &str| text(profile, field).filter(|value| !value.is_empty());
    // The vendor's tool takes a profile without a mode for one with static keys.
    let mode = optional("mode").unwrap_or_else(|| "AK".to_owned());
    let key = || -> Result<Credentials, CredentialsError> {
        Ok(Credentials {
            access_key_id: wanted("access_key_id")?,
            access_key_secret: Secret::new(wanted("access_key_secret")?),
            security_token: None,
            expires: None,
        })
    };
    let identity = match mode.as_str() {
        "AK" => Identity::Static(key()?),
        "StsToken" => {
            Identity::Static(Credentials { security_token: Some(Secret::new(wanted("sts_token")?)), ..key()? })
        }
        "RamRoleArn" => Identity::Role(Box::new(Role {
            with: Credentials { security_token: optional("sts_token").map(Secret::new), ..key()? },
            role_arn: wanted("ram_role_arn")?,
            session_name: optional("ram_session_name").unwrap_or_else(|| "tlsmend".to_owned()),
            duration: profile
                .get("expired_seconds")
                .and_then(Value::as_u64)
                .and_then(|seconds| u32::try_from(seconds).ok())
                .filter(|&seconds| seconds > 0),
            policy: optional("policy"),
            external_id: optional("external_id"),
            sts_region: optional("sts_region"),
        })),
        other => {
            return Err(unsupported(&format!("the profile `{shown}`"), &format!("the mode {}", printable(other))));
        }
    };
    Ok(Found { identity, source: format!("profile `{shown}` ({})", printable(&mode)), region: optional("region_id") })
}
