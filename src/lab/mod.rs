//! The embedded world: broken PKIs and the servers that show them, on loopback.
//!
//! [`Lab::start`] runs scenarios on sockets of this machine: a name server, a web server for issuers, and for each
//! scenario a TLS server (or what stands in its place) at one or more addresses. Nothing of it needs a network or
//! privileges, and nothing remains when the [`Lab`] is dropped.

pub mod cas;
pub mod pki;
pub mod scenario;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::judge::anchors::TrustAnchors;
use crate::model::target::{DnsNameError, Target, TargetError};
use crate::model::time::Time;
use crate::probe::Settings;
use crate::x509::{Certificate, ParseError, pem};
use scenario::TopLevel;
use server::aia::Pages;
use server::dns::{DnsServer, Node, Zone};
use server::tls::TlsServer;
use server::{Behaviour, Bound};

pub use scenario::{BuildError, Family, Scenario, World};
pub use server::aia::Page;
pub use server::dns::Node as DnsNode;
pub use server::script::Script;

/// The scenario that `tlsmend demo` tells its story with.
pub use scenario::DEMO;

/// The name of the web server.
const AIA_HOST: &str = "aia.lab.example.com";

/// The port of targets that have no server: it is never reached.
const NO_SERVER_PORT: u16 = 443;

/// The lab could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("there is no scenario `{0}`; `tlsmend lab list` shows them")]
    Unknown(String),
    #[error("scenario `{id}`: {error}")]
    Build { id: &'static str, error: BuildError },
    #[error("scenario `{id}`: cannot open a socket on loopback: {error}")]
    Socket { id: &'static str, error: std::io::Error },
    #[error("cannot start the {what}: {error}")]
    Server { what: &'static str, error: std::io::Error },
    #[error("scenario `{0}` has no TLS server that a certificate could be deployed to")]
    NoTlsServer(&'static str),
    #[error("scenario `{id}`, certificate service: {error}")]
    Cas { id: &'static str, error: cas::SeedError },
    #[error("a root of the lab does not parse: {0}")]
    Root(#[from] ParseError),
}

/// A running lab. Its servers stop when it is dropped.
pub struct Lab {
    dns: DnsServer,
    roots: Vec<Vec<u8>>,
    anchors: TrustAnchors,
    running: Vec<Running>,
    left_out: Vec<LeftOut>,
    /// The accept loops; dropping the set ends them and their connections.
    _servers: JoinSet<()>,
}

/// A scenario on its sockets.
#[derive(Debug)]
pub struct Running {
    pub scenario: Scenario,
    /// A-labels, or an address.
    pub host: String,
    pub port: u16,
    /// The last alias of the host.
    pub alias: Option<String>,
    /// The name to give to `--expect-cname`.
    pub expect_cname: Option<&'static str>,
    /// The time to give to `--timeout`.
    pub timeout: Option<Duration>,
    /// The addresses of its servers.
    pub addresses: Vec<SocketAddr>,
    servers: Vec<(SocketAddr, Arc<TlsServer>)>,
}

/// A scenario that this machine cannot run, and why.
#[derive(Debug)]
pub struct LeftOut {
    pub scenario: Scenario,
    pub reason: String,
}

impl Lab {
    /// Starts all scenarios, or those named in `only`. Certificates are dated relative to `at`. Needs a tokio runtime,
    /// which the servers run on.
    pub async fn start(at: Time, only: Option<&[&str]>) -> Result<Self, LabError> {
        let chosen: Vec<Scenario> = match only {
            None => scenario::all().copied().collect(),
            Some(ids) => {
                let find = |id: &&str| scenario::find(id).copied().ok_or_else(|| LabError::Unknown((*id).to_owned()));
                ids.iter().map(find).collect::<Result<_, _>>()?
            }
        };
        Self::start_with(at, &chosen).await
    }

    /// Starts scenarios of your own; their ids must differ.
    pub async fn start_with(at: Time, scenarios: &[Scenario]) -> Result<Self, LabError> {
        let web = |error| LabError::Server { what: "web server", error };
        let aia = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(web)?;
        let shared = TopLevel { at, aia: format!("http://{AIA_HOST}:{}", aia.local_addr().map_err(web)?.port()) };
        let mut zone = Zone::default();
        zone.insert(AIA_HOST, Node::Addresses { ips: vec![Ipv4Addr::LOCALHOST.into()], ttl: 60 });
        let mut pages = Pages::new();
        let (mut roots, mut running, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        let mut servers = JoinSet::new();
        for &scenario in scenarios {
            let id = scenario.id;
            let mut world = World::new(id, &shared);
            (scenario.build)(&mut world).map_err(|error| LabError::Build { id, error })?;
            let build = world.finish();
            let (port, sockets) = match server::bind(&build.places) {
                Ok(bound) => bound,
                // Other systems than Linux have only 127.0.0.1 unless told otherwise.
                Err(error) if build.places.iter().any(|(ip, _)| *ip != Ipv4Addr::LOCALHOST) => {
                    left_out.push(LeftOut { scenario, reason: format!("needs more loopback addresses: {error}") });
                    continue;
                }
                Err(error) => return Err(LabError::Socket { id, error }),
            };
            for ((_, behaviour), socket) in build.places.iter().zip(sockets) {
                open(&mut servers, behaviour.clone(), socket).map_err(|error| LabError::Socket { id, error })?;
            }
            running.push(Running {
                scenario,
                host: build.host,
                alias: build.alias,
                port: if build.places.is_empty() { NO_SERVER_PORT } else { port },
                expect_cname: build.expect_cname,
                timeout: build.timeout,
                addresses: build.places.iter().map(|(ip, _)| SocketAddr::from((*ip, port))).collect(),
                servers: build
                    .places
                    .into_iter()
                    .filter_map(|(ip, behaviour)| Some(((ip, port).into(), tls_server(behaviour)?)))
                    .collect(),
            });
            zone.extend(build.zone);
            pages.extend(build.pages);
            roots.extend(build.roots);
        }
        let pages = Arc::new(pages);
        servers.spawn(server::accept(aia, move |stream| server::aia::serve(pages.clone(), stream)));
        let dns = DnsServer::start(zone).await.map_err(|error| LabError::Server { what: "name server", error })?;
        let parsed = roots.iter().map(|der| Certificate::parse(der).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Self { dns, roots, anchors: TrustAnchors::exactly(parsed), running, left_out, _servers: servers })
    }

    /// The name server, for `--resolver`.
    pub fn resolver(&self) -> SocketAddr {
        self.dns.address
    }

    /// The roots of all scenarios, for `--roots`.
    pub fn roots_pem(&self) -> String {
        self.roots.iter().map(|der| pem::encode(der)).collect()
    }

    pub fn scenarios(&self) -> impl ExactSizeIterator<Item = &Running> {
        self.running.iter()
    }

    /// The running scenario called `id`.
    pub fn scenario(&self, id: &str) -> Option<&Running> {
        self.running.iter().find(|running| running.scenario.id == id)
    }

    /// What this machine cannot run.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// How to probe `running`: what the options say that `tlsmend lab run` prints.
    pub fn settings(&self, running: &Running) -> Result<Settings, DnsNameError> {
        let default = Settings::default();
        Ok(Settings {
            resolvers: vec![self.resolver()],
            anchors: self.anchors.clone(),
            allow_private_aia: true,
            expect_cname: running.expect_cname.map(str::parse).transpose()?,
            timeout: running.timeout.unwrap_or(default.timeout),
            ..default
        })
    }
}

impl Running {
    /// `name:port`.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What to probe.
    pub fn target(&self) -> Result<Target, TargetError> {
        self.authority().parse()
    }

    /// Sends `chain` (DER, in this order) from now on, at every address; the key stays.
    pub fn exchange_chain(&self, chain: &[Vec<u8>]) {
        for (_, server) in &self.servers {
            server.exchange(chain.to_vec());
        }
    }
}

fn tls_server(behaviour: Behaviour) -> Option<Arc<TlsServer>> {
    match behaviour {
        Behaviour::Tls(server) => Some(server),
        Behaviour::Script(_) | Behaviour::Closed | Behaviour::Filtered => None,
    }
}

fn open(servers: &mut JoinSet<()>, behaviour: Behaviour, socket: Bound) -> std::io::Result<()> {
    match socket {
        Bound::Listening(listener) => {
            let listener = TcpListener::from_std(listener)?;
            servers.spawn(server::accept(listener, move |stream| server::serve(behaviour.clone(), stream)));
        }
        Bound::Held(sockets) => {
            servers.spawn(async move {
                let _held = sockets;
                std::future::pending::<()>().await;
            });
        }
    }
    Ok(())
}
