//! TLS servers on loopback: good ones by tokio-rustls, bad ones by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tlsmend::model::handshake::EndpointEvidence;
use tlsmend::observe::tls::Connector;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// The name that all these servers are asked for.
pub const NAME: &str = "site.example.test";

/// A self-signed certificate for [`NAME`], and its key.
pub fn certificate() -> (CertificateDer<'static>, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([NAME.to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.der().clone(), key)
}

/// How a server that speaks TLS differs from a plain good one.
pub struct TlsServer {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    versions: Vec<&'static SupportedProtocolVersion>,
    alpn: Vec<Vec<u8>>,
    ocsp: Vec<u8>,
    demands_client_certificate: Option<bool>,
    max_fragment_size: Option<usize>,
    /// Bytes to send unasked before closing.
    talks: Option<usize>,
    /// What to answer a request of HTTP.
    answer: Option<Vec<u8>>,
}

impl TlsServer {
    /// Sends `chain`, whatever it is, and signs with `key`, whether or not it belongs to it.
    pub fn new(chain: impl IntoIterator<Item = CertificateDer<'static>>, key: KeyPair) -> Self {
        Self {
            chain: chain.into_iter().collect(),
            key,
            versions: rustls::ALL_VERSIONS.to_vec(),
            alpn: Vec::new(),
            ocsp: Vec::new(),
            demands_client_certificate: None,
            max_fragment_size: None,
            talks: None,
            answer: None,
        }
    }

    pub fn good() -> Self {
        let (certificate, key) = certificate();
        Self::new([certificate], key)
    }

    pub fn only(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    pub fn alpn(mut self, protocol: &str) -> Self {
        self.alpn.push(protocol.as_bytes().to_vec());
        self
    }

    pub fn staple(mut self, response: &[u8]) -> Self {
        self.ocsp = response.to_vec();
        self
    }

    pub fn requests_client_certificate(mut self) -> Self {
        self.demands_client_certificate = Some(false);
        self
    }

    pub fn requires_client_certificate(mut self) -> Self {
        self.demands_client_certificate = Some(true);
        self
    }

    /// Sends records of at most so many bytes.
    pub fn fragments(mut self, size: usize) -> Self {
        self.max_fragment_size = Some(size);
        self
    }

    /// Sends so many bytes as soon as the handshake is done, and closes.
    pub fn talks(mut self, bytes: usize) -> Self {
        self.talks = Some(bytes);
        self
    }

    /// Reads the head of a request, says `bytes`, and closes.
    pub fn answers_http(mut self, bytes: &[u8]) -> Self {
        self.answer = Some(bytes.to_vec());
        self
    }

    pub async fn start(self) -> SocketAddr {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&self.versions).unwrap();
        let builder = match self.demands_client_certificate {
            None => builder.with_no_client_auth(),
            Some(required) => {
                let mut roots = RootCertStore::empty();
                roots.add(certificate().0).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut certified = CertifiedKey::new(self.chain, aws_lc_rs::sign::any_supported_type(&key).unwrap());
        certified.ocsp = (!self.ocsp.is_empty()).then_some(self.ocsp);
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = self.alpn;
        config.max_fragment_size = self.max_fragment_size;
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        serve(move |stream| {
            let (acceptor, answer) = (acceptor.clone(), self.answer.clone());
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                if let Some(bytes) = self.talks {
                    let _ = stream.write_all(&vec![b'x'; bytes]).await;
                    let _ = stream.shutdown().await;
                }
                if let Some(answer) = answer {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        match stream.read_u8().await {
                            Ok(byte) => request.push(byte),
                            Err(_) => return,
                        }
                    }
                    assert!(request.starts_with(b"HEAD / HTTP/1.1\r\nHost: "), "{request:?}");
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                }
                let _ = stream.read(&mut [0; 64]).await;
            }
        })
        .await
    }
}

/// Hands every connection to `talk`.
pub async fn serve<F: Future<Output = ()> + Send + 'static>(
    talk: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream));
        }
    });
    address
}

/// Stands before `server`, lets `records` TLS records of its answer through and then closes.
pub async fn cut_after(server: SocketAddr, records: usize) -> SocketAddr {
    serve(move |mut client| async move {
        let mut server = TcpStream::connect(server).await.unwrap();
        let mut hello = [0; 4096];
        let length = client.read(&mut hello).await.unwrap();
        server.write_all(&hello[..length]).await.unwrap();
        for _ in 0..records {
            let mut header = [0; 5];
            server.read_exact(&mut header).await.unwrap();
            let mut payload = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
            server.read_exact(&mut payload).await.unwrap();
            client.write_all(&[&header[..], &payload].concat()).await.unwrap();
        }
        close(client).await;
    })
    .await
}

/// Takes the ClientHello, answers `bytes` and closes.
pub async fn answers(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes = bytes.into();
    serve(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&bytes).await;
            close(stream).await;
        }
    })
    .await
}

/// Ends the stream in order: with unread bytes in its buffer the system would send a reset instead.
async fn close(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

/// Says `banner` unasked, and then listens.
pub async fn greets(banner: &'static str) -> SocketAddr {
    serve(move |mut stream| async move {
        let _ = stream.write_all(banner.as_bytes()).await;
        let _ = stream.read(&mut [0; 4096]).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await
}

/// A TLS record.
pub fn record(content_type: u8, version: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&[content_type][..], &version.to_be_bytes(), &length.to_be_bytes(), payload].concat()
}

/// A handshake message (RFC 5246 §7.4).
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind][..], &length[1..], body].concat()
}

/// A ServerHello without extensions that chooses TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.
pub fn server_hello(version: u16) -> Vec<u8> {
    message(2, &[&version.to_be_bytes()[..], &[7; 32], &[0], &[0xc0, 0x2f], &[0]].concat())
}

/// A Certificate message of TLS 1.2 and older.
pub fn certificate_message(chain: &[&[u8]]) -> Vec<u8> {
    let prefixed = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..], bytes].concat();
    let list: Vec<u8> = chain.iter().flat_map(|der| prefixed(der)).collect();
    message(11, &prefixed(&list))
}

/// What we find out about `address`, with time enough.
pub async fn observe(address: SocketAddr) -> EndpointEvidence {
    observe_for(address, Duration::from_secs(20)).await
}

pub async fn observe_for(address: SocketAddr, time: Duration) -> EndpointEvidence {
    Connector::new().handshake(address, &NAME.parse().unwrap(), Instant::now() + time).await
}
