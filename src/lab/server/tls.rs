//! A TLS server whose chain can be exchanged while it runs.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// How long a visitor may take to say something after the handshake.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a visitor who asks gets: enough for curl and a browser.
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\ntlsmend lab\n";

/// The server's certificates and key.
#[derive(Debug)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    identity: Arc<Identity>,
}

/// What is served now. Every server name gets the same.
#[derive(Debug)]
struct Identity(RwLock<Served>);

#[derive(Debug)]
struct Served {
    certified: Arc<CertifiedKey>,
    /// The same key, for whoever is to hold it elsewhere. Its `Debug` does not show it.
    key: PrivateKeyDer<'static>,
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).certified.clone())
    }
}

impl TlsServer {
    /// `chain` is sent as it stands, whether it is a chain or not, and whether `key` fits it or not. With
    /// `client_root` a client certificate from that root is required.
    pub fn new(chain: Vec<Vec<u8>>, key: &[u8], client_root: Option<&[u8]>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(CryptoProvider {
            kx_groups: vec![
                aws_lc_rs::kx_group::X25519,
                aws_lc_rs::kx_group::SECP256R1,
                aws_lc_rs::kx_group::SECP384R1,
            ],
            ..aws_lc_rs::default_provider()
        });
        let key = PrivateKeyDer::try_from(key.to_vec()).map_err(|reason| rustls::Error::General(reason.to_owned()))?;
        // Not `CertifiedKey::from_der`: that refuses a key which does not belong to the certificate.
        let signer = provider.key_provider.load_private_key(key.clone_key())?;
        let certified = Arc::new(CertifiedKey::new(certificates(chain), signer));
        let identity = Arc::new(Identity(RwLock::new(Served { certified, key })));
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let builder = match client_root {
            None => builder.with_no_client_auth(),
            Some(root) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from(root.to_vec()))?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| rustls::Error::General(error.to_string()))?)
            }
        };
        let mut config = builder.with_cert_resolver(identity.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session would not show the chain.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), identity })
    }

    /// Sends `chain` from now on, with the same key.
    pub fn exchange(&self, chain: Vec<Vec<u8>>) {
        let mut identity = self.identity.0.write().unwrap_or_else(PoisonError::into_inner);
        identity.certified = Arc::new(CertifiedKey::new(certificates(chain), identity.certified.key.clone()));
    }

    /// What is sent now (DER), and the key.
    pub fn served(&self) -> (Vec<Vec<u8>>, PrivateKeyDer<'static>) {
        let identity = self.identity.0.read().unwrap_or_else(PoisonError::into_inner);
        (identity.certified.cert.iter().map(|der| der.to_vec()).collect(), identity.key.clone_key())
    }

    /// Sends `chain` with `key` from now on. A key that cannot sign changes nothing.
    pub fn replace(&self, chain: Vec<Vec<u8>>, key: PrivateKeyDer<'static>) {
        let Ok(signer) = aws_lc_rs::sign::any_supported_type(&key) else { return };
        let certified = Arc::new(CertifiedKey::new(certificates(chain), signer));
        *self.identity.0.write().unwrap_or_else(PoisonError::into_inner) = Served { certified, key };
    }

    /// Shakes hands, answers one request, closes. Whatever the client does otherwise ends the connection.
    pub async fn serve(&self, stream: TcpStream) {
        let Ok(mut stream) = TlsAcceptor::from(self.config.clone()).accept(stream).await else { return };
        let mut request = [0; 4096];
        if let Ok(Ok(1..)) = tokio::time::timeout(PATIENCE, stream.read(&mut request)).await {
            let _ = stream.write_all(ANSWER).await;
        }
        let _ = stream.shutdown().await;
    }
}

fn certificates(chain: Vec<Vec<u8>>) -> Vec<CertificateDer<'static>> {
    chain.into_iter().map(CertificateDer::from).collect()
}
