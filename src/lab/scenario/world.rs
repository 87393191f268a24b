//! What a scenario builds with: certificates, names, servers, pages of issuers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::lab::pki::{Draft, Issued, Pki, PkiError};
use crate::lab::server::Behaviour;
use crate::lab::server::aia::{Page, Pages};
use crate::lab::server::dns::{Node, Zone};
use crate::lab::server::script::Script;
use crate::lab::server::tls::TlsServer;
use crate::model::time::Time;

/// Seconds an address record may be kept, where the scenario does not care.
const ADDRESS_TTL: u32 = 60;

/// A scenario could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Pki(#[from] PkiError),
    #[error("cannot set up the TLS server: {0}")]
    Tls(#[from] rustls::Error),
}

/// The world of one scenario.
///
/// ```
/// use tlsmend::lab::{BuildError, World};
///
/// /// root → (intermediate, not served) → end entity
/// fn intermediate_not_served(world: &mut World) -> Result<(), BuildError> {
///     let root = world.root()?;
///     let intermediate = world.intermediate(&root).issue()?;
///     let site = world.site(&intermediate).issue()?;
///     world.serve(&site, &[&site])
/// }
/// ```
#[derive(Debug)]
pub struct World {
    pki: Pki,
    id: &'static str,
    host: String,
    /// The name that the address records belong to: the host, or the last alias.
    tip: String,
    aia: String,
    build: Build,
}

/// What comes out.
#[derive(Debug, Default)]
pub struct Build {
    pub host: String,
    /// The last alias of the host.
    pub alias: Option<String>,
    pub zone: Zone,
    pub pages: Pages,
    /// DER of the certificates that clients trust.
    pub roots: Vec<Vec<u8>>,
    pub places: Vec<(Ipv4Addr, Behaviour)>,
    pub expect_cname: Option<&'static str>,
    pub timeout: Option<Duration>,
}

/// What all scenarios share.
#[derive(Debug, Clone)]
pub struct TopLevel {
    pub at: Time,
    /// `http://host:port` of the web server.
    pub aia: String,
}

impl World {
    pub(in crate::lab) fn new(id: &'static str, shared: &TopLevel) -> Self {
        let host = format!("{id}.lab.example.com");
        Self {
            pki: Pki::new(id, shared.at),
            id,
            tip: host.clone(),
            host,
            aia: shared.aia.clone(),
            build: Build::default(),
        }
    }

    pub(in crate::lab) fn finish(self) -> Build {
        let mut build = self.build;
        if !build.places.is_empty() && self.host.parse::<IpAddr>().is_err() {
            let ips = build.places.iter().map(|(ip, _)| IpAddr::V4(*ip)).collect();
            build.zone.insert(&self.tip, Node::Addresses { ips, ttl: ADDRESS_TTL });
        }
        build.alias = (self.tip != self.host).then_some(self.tip);
        build.host = self.host;
        build
    }

    /// For hierarchies with more than one root.
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// The name that is visited.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Another name than `<id>.lab.example.com`, in A-labels, or an address.
    pub fn visit(&mut self, host: &str) {
        self.host = host.to_owned();
        self.tip = host.to_owned();
    }

    /// A root certificate that every client trusts.
    pub fn root(&mut self) -> Result<Issued, BuildError> {
        let root = self.pki.root("Root").issue()?;
        self.trust(&root);
        Ok(root)
    }

    /// Has every client trust `root`.
    pub fn trust(&mut self, root: &Issued) {
        self.build.roots.push(root.der().to_vec());
    }

    /// A valid intermediate below `issuer`, which it says where to fetch.
    pub fn intermediate(&mut self, issuer: &Issued) -> Draft {
        let url = self.publish(issuer);
        issuer.intermediate("Intermediate").ca_issuers(&url)
    }

    /// A valid end entity for the host, which says where to fetch its issuer.
    pub fn site(&mut self, issuer: &Issued) -> Draft {
        let url = self.publish(issuer);
        issuer.end_entity(&self.host).ca_issuers(&url)
    }

    /// Puts a certificate on the web server; its address.
    pub fn publish(&mut self, issued: &Issued) -> String {
        self.publish_page("cer", Page::certificate(issued.der()))
    }

    /// Puts anything on the web server; its address.
    pub fn publish_page(&mut self, extension: &str, page: Page) -> String {
        let path = format!("/{}/{}.{extension}", self.id, self.build.pages.len() + 1);
        let url = format!("{}{path}", self.aia);
        self.build.pages.insert(path, page);
        url
    }

    /// An address of the web server where nothing is.
    pub fn nowhere(&self) -> String {
        format!("{}/{}/moved-away.cer", self.aia, self.id)
    }

    /// A TLS server that sends `chain` and has the key of `identity`.
    pub fn serve(&mut self, identity: &Issued, chain: &[&Issued]) -> Result<(), BuildError> {
        self.serve_at(1, identity, chain)
    }

    /// The same at the address 127.0.0.`last`: several make one name with several addresses.
    pub fn serve_at(&mut self, last: u8, identity: &Issued, chain: &[&Issued]) -> Result<(), BuildError> {
        let chain = chain.iter().map(|issued| issued.der().to_vec()).collect();
        self.tls(last, TlsServer::new(chain, identity.key_der(), None)?);
        Ok(())
    }

    /// A TLS server that sends `chain`, whatever these octets are.
    pub fn serve_octets(&mut self, identity: &Issued, chain: Vec<Vec<u8>>) -> Result<(), BuildError> {
        self.tls(1, TlsServer::new(chain, identity.key_der(), None)?);
        Ok(())
    }

    /// A TLS server that requires a client certificate issued by `root`.
    pub fn serve_clients_of(&mut self, root: &Issued, identity: &Issued, chain: &[&Issued]) -> Result<(), BuildError> {
        let chain = chain.iter().map(|issued| issued.der().to_vec()).collect();
        self.tls(1, TlsServer::new(chain, identity.key_der(), Some(root.der()))?);
        Ok(())
    }

    fn tls(&mut self, last: u8, server: TlsServer) {
        self.place(last, Behaviour::Tls(Arc::new(server)));
    }

    /// A server at 127.0.0.1 that misbehaves.
    pub fn misbehave(&mut self, script: Script) {
        self.place(1, Behaviour::Script(script));
    }

    /// Nobody listens at 127.0.0.`last`.
    pub fn close(&mut self, last: u8) {
        self.place(last, Behaviour::Closed);
    }

    /// Packets to 127.0.0.`last` are dropped.
    pub fn filter(&mut self, last: u8) {
        self.place(last, Behaviour::Filtered);
    }

    fn place(&mut self, last: u8, behaviour: Behaviour) {
        self.build.places.push((Ipv4Addr::new(127, 0, 0, last), behaviour));
    }

    /// The name visited, or the last alias, becomes an alias of `target`; the addresses move there.
    pub fn alias(&mut self, target: &str, ttl: u32) {
        let owner = std::mem::replace(&mut self.tip, target.to_owned());
        self.record(&owner, Node::Alias { target: target.to_owned(), ttl });
    }

    /// What the name server says about `name`.
    pub fn record(&mut self, name: &str, node: Node) {
        self.build.zone.insert(name, node);
    }

    /// `probe` is to be told that the aliases must pass through `name`.
    pub fn expect_cname(&mut self, name: &'static str) {
        self.build.expect_cname = Some(name);
    }

    /// `probe` is not to wait longer.
    pub fn timeout(&mut self, timeout: Duration) {
        self.build.timeout = Some(timeout);
    }
}
