//! `tlsmend probe`: the whole diagnosis of one or more targets.

use std::collections::VecDeque;
use std::io::{IsTerminal, Read as _, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::cloud::CloudOptions;
use super::judging::{FetchOptions, JudgingOptions};
use super::naming::NamingOptions;
use super::options::{self, Color, DepthArgument, Global, Output};
use super::revocation::{LogOptions, RevocationOptions};
use super::survey::SurveyOptions;
use super::wire::WireOptions;
use super::{CliError, Exit};
use crate::model::finding::Severity;
use crate::model::handshake::EndpointStatus;
use crate::model::report::Report;
use crate::model::target::{DnsName, ReferenceId, Target};
use crate::probe::{self, EvidenceLevel, PinnedAddress, Settings};
use crate::report::{json, text};

/// The largest file of certificates that is read: every public root ever fits many times over.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Find out why TLS to a target is broken
///
/// Resolves the name (every CNAME on the way), shakes hands with every address, checks the chain that is served, says
/// what each real client makes of it, names the cause and the remedy.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 usage; 3 nothing could be resolved, reached or spoken to; \
4 some addresses could not be checked.

Examples:
  tlsmend probe www.example.com
  tlsmend probe https://www.example.com:8443/ --output json > ticket.json
  tlsmend probe www.example.com --address 192.0.2.1     # before the DNS is switched
  tlsmend probe www.example.com --revocation            # is any certificate of the path revoked?
  tlsmend probe www.example.com --propagation --resolver 1.1.1.1 --resolver 8.8.8.8   # after it was switched
  tlsmend probe smtp://mail.example.com:587             # STARTTLS; also imap, pop3, ftp, ldap, postgres, mysql
  tlsmend probe intranet.example --ca company-root.pem")]
pub struct Arguments {
    /// Host, host:port, URL, IP address or [IPv6]:port
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<Target>,

    /// Ask this name server instead of the system's (repeatable)
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = resolver)]
    resolver: Vec<SocketAddr>,

    /// Go to this address, keep the name, ask no DNS (repeatable)
    #[arg(long, value_name = "IP[:PORT]", value_parser = pinned)]
    address: Vec<PinnedAddress>,

    /// Name for SNI and for the certificate, when it is not the target's
    #[arg(long, value_name = "NAME", value_parser = reference)]
    server_name: Option<ReferenceId>,

    #[command(flatten)]
    judging: JudgingOptions,

    /// The name the CNAME chain must pass through, such as the gateway's public endpoint
    #[arg(long, value_name = "NAME", value_parser = dns_name)]
    expect_cname: Option<DnsName>,

    /// The same, with the public endpoint of this PAI-EAS gateway (asks the cloud; see the options below)
    #[arg(long, value_name = "ID", value_parser = crate::remedy::eas::gateway_id, conflicts_with = "expect_cname")]
    eas_gateway: Option<String>,

    #[command(flatten)]
    fetch: FetchOptions,

    #[command(flatten)]
    revocation: RevocationOptions,

    #[command(flatten)]
    logs: LogOptions,

    /// Warn this many days before expiry [default: a third of the certificate's lifetime]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    warn_days: Option<u32>,

    /// How much to ask of each address
    #[arg(long, value_enum, default_value_t = DepthArgument::Handshake)]
    depth: DepthArgument,

    #[command(flatten)]
    survey: SurveyOptions,

    /// For each target, such as 10s or 500ms; the report is still written
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = options::duration)]
    timeout: Duration,

    /// Exit with 1 from this severity on: info, low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", default_value = "medium")]
    fail_on: Severity,

    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,

    /// How much of the certificates the JSON carries
    #[arg(long, value_enum, default_value_t = EvidenceArgument::Pem)]
    evidence: EvidenceArgument,

    #[command(flatten)]
    naming: NamingOptions,
    #[command(flatten)]
    wire: WireOptions,

    #[command(flatten)]
    cloud: CloudOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum EvidenceArgument {
    /// No certificates, only the hashes of served chains
    None,
    /// Their facts
    Hashes,
    /// Facts and PEM
    Pem,
}

pub(super) fn reference(text: &str) -> Result<ReferenceId, String> {
    text.parse().map_err(|error: crate::model::target::DnsNameError| error.to_string())
}

fn dns_name(text: &str) -> Result<DnsName, String> {
    text.parse().map_err(|error: crate::model::target::DnsNameError| error.to_string())
}

pub(super) fn resolver(text: &str) -> Result<SocketAddr, String> {
    address(text).map(|(ip, port)| SocketAddr::new(ip, port.unwrap_or(53)))
}

pub(super) fn pinned(text: &str) -> Result<PinnedAddress, String> {
    address(text).map(|(ip, port)| PinnedAddress { ip, port })
}

/// `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1`, `[2001:db8::1]:53`
fn address(text: &str) -> Result<(IpAddr, Option<u16>), String> {
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok((ip, None));
    }
    match text.parse::<SocketAddr>() {
        Ok(socket) if socket.port() != 0 => Ok((socket.ip(), Some(socket.port()))),
        _ => Err("an IP address, with :PORT where needed; IPv6 with a port in brackets".to_owned()),
    }
}

/// Targets probed at the same time: enough to hide the waiting of a handful, far below any limit on descriptors.
const AT_ONCE: usize = 16;

/// A person who waits longer than this is told what for.
const PATIENCE: Duration = Duration::from_secs(1);

pub fn run(arguments: &Arguments, global: &Global) -> Result<Exit, CliError> {
    let targets = arguments.wire.targets(&arguments.targets).map_err(|error| CliError::Usage(error.to_string()))?;
    let mut settings = settings(arguments)?;
    let runtime = super::runtime()?;
    if let Some(id) = &arguments.eas_gateway {
        let access = arguments.cloud.access()?;
        settings.expect_cname = Some(runtime.block_on(super::cloud::gateway_endpoint(id, access))?.0);
    }
    let settings = Arc::new(settings);
    runtime.block_on(async {
        let mut exits = Vec::with_capacity(targets.len());
        let mut waiting = targets.iter();
        let mut running = VecDeque::with_capacity(AT_ONCE);
        loop {
            running.extend(waiting.by_ref().take(AT_ONCE - running.len()).map(|target| {
                let (owned, settings) = (target.clone(), Arc::clone(&settings));
                (target, tokio::spawn(async move { probe::probe(&owned, &settings, super::clock).await }))
            }));
            // In the order given, whichever is done first.
            let Some((target, mut probe)) = running.pop_front() else { break };
            let report = match tokio::time::timeout(PATIENCE, &mut probe).await {
                Ok(report) => report,
                Err(_) => {
                    tell_of_waiting(target, arguments, global);
                    probe.await
                }
            };
            let report =
                report.map_err(|error| CliError::Internal(format!("probing {} failed: {error}", target.input)))?;
            write(&report, arguments, global, exits.len())?;
            exits.push(exit_of(&report, arguments.fail_on));
        }
        Ok(combine(&exits))
    })
}

/// On a terminal only. A whole line, so that Ctrl-C finds nothing to clean up.
fn tell_of_waiting(target: &Target, arguments: &Arguments, global: &Global) {
    if global.quiet == 0 && std::io::stderr().is_terminal() {
        let (target, seconds) = (&target.host, arguments.timeout.as_secs_f32());
        eprintln!("tlsmend: waiting for {target} (at most {seconds} s; Ctrl-C ends it)");
    }
}

fn settings(arguments: &Arguments) -> Result<Settings, CliError> {
    Ok(Settings {
        resolvers: arguments.resolver.clone(),
        addresses: arguments.address.clone(),
        server_name: arguments.server_name.clone(),
        anchors: arguments.logs.add_to(arguments.judging.trust.anchors()?)?,
        clients: arguments.judging.clients(),
        at: arguments.judging.at,
        expect_cname: arguments.expect_cname.clone(),
        fetch_issuers: !arguments.fetch.no_aia,
        allow_private_aia: arguments.fetch.allow_private_aia,
        warn_days: arguments.warn_days,
        revocation: arguments.revocation.settings(!arguments.fetch.no_cache),
        depth: arguments.depth.into(),
        http: !arguments.wire.no_http,
        samples: arguments.wire.samples.into(),
        look: Some(arguments.naming.look()),
        survey: arguments.survey.settings(),
        timeout: arguments.timeout,
        evidence: match arguments.evidence {
            EvidenceArgument::None => EvidenceLevel::None,
            EvidenceArgument::Hashes => EvidenceLevel::Hashes,
            EvidenceArgument::Pem => EvidenceLevel::Pem,
        },
        aia_cache: arguments.fetch.aia_cache(),
        arguments: super::cleaned_arguments(),
        ..Settings::default()
    })
}

/// A file of certificates or a key, whole; or why not.
pub(super) fn read_file(file: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    // A pipe or a device has no length that could be asked for.
    opened.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("larger than {} MB: not a file of certificates", MAX_FILE / 1024 / 1024));
    }
    Ok(bytes)
}

fn write(report: &Report, arguments: &Arguments, global: &Global, index: usize) -> Result<(), CliError> {
    if global.quiet > 1 {
        return Ok(());
    }
    let mut out = Vec::new();
    match arguments.output {
        Output::Json if arguments.targets.len() == 1 => json::write_document(report, &mut out)?,
        Output::Json => json::write_line(report, &mut out)?,
        Output::Text => {
            if index > 0 {
                writeln!(out)?;
            }
            text::write(report, style(global), &mut out)?;
        }
    }
    super::write_out(&out)
}

pub(super) fn style(global: &Global) -> text::Style {
    let terminal = std::io::stdout().is_terminal();
    let color = match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let detail = match (global.quiet, global.verbose) {
        (0, 0) => text::Detail::Screen,
        (0, _) => text::Detail::Everything,
        _ => text::Detail::Headline,
    };
    text::Style { color, width: super::terminal_width(), detail }
}

/// The exit code for one report: 3, 1, 4, 0, the first that applies.
pub fn exit_of(report: &Report, fail_on: Severity) -> Exit {
    let spoken_to = report.endpoints.iter().filter(|endpoint| endpoint.spoke_tls()).count();
    let tried = report.endpoints.iter().filter(|endpoint| endpoint.status != EndpointStatus::NotTried).count();
    if spoken_to == 0 {
        Exit::Unreachable
    } else if report.findings.iter().any(|finding| finding.severity >= fail_on) {
        Exit::Findings
    } else if spoken_to < tried {
        Exit::Partial
    } else {
        Exit::Clean
    }
}

/// Several targets: unreachable only when all are; otherwise that is partial.
pub(super) fn combine(exits: &[Exit]) -> Exit {
    if exits.iter().all(|&exit| exit == Exit::Unreachable) {
        return Exit::Unreachable;
    }
    if exits.contains(&Exit::Findings) {
        return Exit::Findings;
    }
    if exits.contains(&Exit::Unreachable) || exits.contains(&Exit::Partial) { Exit::Partial } else { Exit::Clean }
}
