//! A broken domain of the lab, put behind the emulated service.

use std::net::SocketAddr;
use std::sync::Arc;

use super::certificates::key_pem;
use super::seed::{Seed, SeedCertificate, SeedGateway, SeedResource};
use super::{Clock, Emulator, Origin, Wiring};
use crate::lab::server::tls::TlsServer;
use crate::lab::{Lab, LabError};
use crate::x509::pem;

/// Ids of a world begin here: certificates, resources.
const FIRST_CERTIFICATE: i64 = 12_300_001;
const FIRST_RESOURCE: i64 = 6_591_316;

/// The load balancer that the guides call by this name.
const LOAD_BALANCER: &str = "lb-ai-rec-01";
const GATEWAY: &str = "gw-1uhcqmsc7x22000000";

/// What stands in front of the domain's servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Binding {
    /// A listener of a load balancer, in front of every address.
    Slb,
    /// A custom domain of a PAI-EAS gateway, in front of every address.
    Eas,
    /// A load balancer in front of the first address, a gateway in front of the others: two resources to deploy to.
    #[default]
    Both,
}

impl Lab {
    /// Starts a certificate service that holds the certificate of the running scenario `id` as it is served, with its
    /// key, as an upload, bound to the resources of `binding`. What is deployed to them is what the scenario's servers
    /// send from then on; a rollback brings back what they sent when this was called. The domain's alias, if it has one,
    /// is the gateway's name.
    ///
    /// `seed` gives the account, the contact and the habits; certificates, resources, a gateway and the lab's roots are
    /// added to it. Servers that send different chains get a certificate and a resource each; what is no TLS server
    /// (closed, filtered, scripted) stands behind no resource.
    ///
    /// # Errors
    /// When there is no such scenario, when it has no TLS server, and when the service could not hold what it serves.
    pub async fn with_cas(&self, id: &str, binding: Binding, seed: Seed, clock: Clock) -> Result<Emulator, LabError> {
        let running = self.scenario(id).ok_or_else(|| LabError::Unknown(id.to_owned()))?;
        let cas = |error| LabError::Cas { id: running.scenario.id, error };
        let mut seed = seed;
        let mut wiring = Wiring::default();
        seed.roots.push_str(&self.roots_pem());
        for (position, (address, server)) in running.servers.iter().enumerate() {
            let product = match binding {
                Binding::Slb => Product::Slb,
                Binding::Eas => Product::Eas,
                Binding::Both if position == 0 => Product::Slb,
                Binding::Both => Product::Eas,
            };
            let certificate = certificate(&mut seed, &running.host, server);
            let resource = resource(&mut seed, product, *address, &running.host, certificate);
            wiring.connect(resource, *address, server.clone());
        }
        if running.servers.is_empty() {
            return Err(LabError::NoTlsServer(running.scenario.id));
        }
        if seed.resources.iter().any(|resource| resource.product == seed.pai_product) {
            seed.gateways.push(SeedGateway {
                id: GATEWAY.to_owned(),
                name: "rec-gateway".to_owned(),
                internet_domain: running
                    .alias
                    .clone()
                    .unwrap_or_else(|| format!("{GATEWAY}.{}.pai-eas.example.net", seed.region)),
                status: "Running".to_owned(),
                ssl_redirection: false,
                services: Vec::new(),
            });
        }
        Emulator::start(seed, clock, wiring).await.map_err(cas)
    }
}

#[derive(Debug, Clone, Copy)]
enum Product {
    Slb,
    Eas,
}

/// The stored certificate that `server` serves; made when it is not there yet.
fn certificate(seed: &mut Seed, host: &str, server: &Arc<TlsServer>) -> i64 {
    let (chain, key) = server.served();
    let cert: String = chain.iter().map(|der| pem::encode(der)).collect();
    let key = key_pem(&key);
    if let Some(known) = seed.certificates.iter().find(|known| known.cert == cert && known.key.as_ref() == Some(&key)) {
        return known.id;
    }
    let id = seed.certificates.iter().map(|known| known.id + 1).fold(FIRST_CERTIFICATE, i64::max);
    seed.certificates.push(SeedCertificate {
        id,
        guide_id: Some(format!("cert-{id:06x}")),
        name: format!("{host}-{id}"),
        cert,
        key: Some(key),
        origin: Origin::Upload,
    });
    id
}

/// The resource of `product` that has `certificate`; made when it is not there yet.
fn resource(seed: &mut Seed, product: Product, address: SocketAddr, host: &str, certificate: i64) -> i64 {
    let name = match product {
        Product::Slb => "SLB".to_owned(),
        Product::Eas => seed.pai_product.clone(),
    };
    let is_same = |known: &&SeedResource| known.product == name && known.cert_id == certificate && known.domain == host;
    if let Some(known) = seed.resources.iter().find(is_same) {
        return known.id;
    }
    let id = seed.resources.iter().map(|known| known.id + 1).fold(FIRST_RESOURCE, i64::max);
    let is_balancer = matches!(product, Product::Slb);
    seed.resources.push(SeedResource {
        listener_id: is_balancer.then(|| format!("lsn-{id:06x}@{}", address.port())),
        listener_port: is_balancer.then(|| address.port()),
        cert_id: certificate,
        ..SeedResource::new(id, &name, host, if is_balancer { LOAD_BALANCER } else { GATEWAY })
    });
    id
}
