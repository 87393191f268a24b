//! The farm's TLS servers, each name with an end entity of its own: a stand-in for the nginx of the farm, which has one
//! wildcard certificate for all.
//!
//! `farm PKI NET IPS STATUS`: PKI holds `{ec,rsa}.int.pem` and their keys (`.int.p8`); NET.1 to NET.IPS answer on port 8443
//! with P-256 keys and on 8444 with RSA-2048; STATUS (`addr:port`) tells connections as nginx's `stub_status` does.
//!
//! A certificate is made when its name is first asked for: own serial number, dates and timestamps, and for P-256 an own key
//! (RSA keys take too long to make: there are 16). Then it is kept, up to a limit.

use std::collections::HashMap;
use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, RsaKeySize, SerialNumber, SigningKey,
};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Certificates kept, of about 4 kB each.
const MAX_KEPT: usize = 120_000;

const RSA_KEYS: usize = 16;

const DAY: u64 = 86_400;

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    /// Shared by all end entities; empty: each has its own.
    keys: Vec<(KeyPair, Arc<dyn rustls::sign::SigningKey>)>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Authority {
    fn load(pki: &str, kind: &str, keys: usize) -> Result<Self, Box<dyn Error>> {
        let certificate = CertificateDer::from_pem_file(format!("{pki}/{kind}.int.pem"))?;
        let key = KeyPair::from_pem(&std::fs::read_to_string(format!("{pki}/{kind}.int.p8"))?)?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        let keys = (0..keys).map(|_| {
            let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)?;
            let signer = signer(&key)?;
            Ok((key, signer))
        });
        Ok(Self { issuer, certificate, keys: keys.collect::<Result<_, Box<dyn Error>>>()?, made: Mutex::default() })
    }

    fn certified(&self, name: &str) -> Result<Arc<CertifiedKey>, Box<dyn Error>> {
        if let Some(made) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Arc::clone(made));
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let number = hasher.finish();
        let made = if self.keys.is_empty() {
            let key = KeyPair::generate()?;
            self.issue(name, number, &key, signer(&key)?)?
        } else {
            let (key, signer) = &self.keys[usize::try_from(number)? % self.keys.len()];
            self.issue(name, number, key, Arc::clone(signer))?
        };
        let made = Arc::new(made);
        let mut kept = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT {
            kept.insert(name.to_owned(), Arc::clone(&made));
        }
        Ok(made)
    }

    fn issue(
        &self,
        name: &str,
        number: u64,
        key: &impl SigningKey,
        signer: Arc<dyn rustls::sign::SigningKey>,
    ) -> Result<CertifiedKey, Box<dyn Error>> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        // Of the last 20 of 90 days, to the second.
        let from = now - DAY - number % (19 * DAY);
        let date = |seconds: u64| i64::try_from(seconds).map(time::OffsetDateTime::from_unix_timestamp);
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.not_before = date(from)??;
        params.not_after = date(from + 90 * DAY - 1)??;
        let serial = [&[4][..], &number.to_be_bytes(), &number.rotate_left(17).to_be_bytes(), &[1]].concat();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // certificatePolicies: domain-validated (2.23.140.1.2.1).
        let policies = vec![0x30, 0x0a, 0x30, 0x08, 0x06, 0x06, 0x67, 0x81, 0x0c, 0x01, 0x02, 0x01];
        params.custom_extensions = vec![
            CustomExtension::from_oid_content(&[2, 5, 29, 32], policies),
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], timestamps(from, number)),
        ];
        let certificate = params.signed_by(key, &self.issuer)?;
        Ok(CertifiedKey::new(vec![certificate.into(), self.certificate.clone()], signer))
    }
}

fn signer(key: &KeyPair) -> Result<Arc<dyn rustls::sign::SigningKey>, Box<dyn Error>> {
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    Ok(aws_lc_rs::sign::any_supported_type(&key)?)
}

/// Two timestamps in the form of RFC 6962 §3.3, of logs that do not exist.
fn timestamps(from: u64, number: u64) -> Vec<u8> {
    let prefixed = |bytes: Vec<u8>| [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat();
    let entry = |log: u8| {
        let signature = number.to_be_bytes().repeat(9);
        let at = ((from + 3600) * 1000 + number % 1000).to_be_bytes();
        prefixed([&[0][..], &[log; 32], &at, &[0, 0], &[4, 3], &prefixed(signature)].concat())
    };
    let list = prefixed([entry(1), entry(2)].concat());
    // Between 128 and 255 octets: the length takes one (X.690 §8.1.3.5).
    [&[4, 0x81, list.len() as u8][..], &list].concat()
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certified(hello.server_name()?).ok()
    }
}

fn config(authority: Authority) -> Result<TlsAcceptor, Box<dyn Error>> {
    let provider = Arc::new(CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519, aws_lc_rs::kx_group::SECP256R1],
        ..aws_lc_rs::default_provider()
    });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(authority));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    // Each thread has listeners of its own.
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(4096)
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let talk = async {
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut request = [0; 1024];
        if matches!(stream.read(&mut request).await, Ok(1..)) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n").await;
        }
        let _ = stream.shutdown().await;
    };
    let _ = tokio::time::timeout(Duration::from_secs(30), talk).await;
}

fn serve(acceptors: &[(u16, TlsAcceptor)], net: &str, ips: u16) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for (port, acceptor) in acceptors {
            for ip in 1..=ips {
                let listener = listener(format!("{net}.{ip}:{port}").parse()?)?;
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    loop {
                        let Ok((stream, _)) = listener.accept().await else { continue };
                        CONNECTIONS.fetch_add(1, Ordering::Relaxed);
                        tokio::spawn(answer(acceptor.clone(), stream));
                    }
                });
            }
        }
        std::future::pending::<()>().await;
        Ok(())
    })
}

fn status(address: &str) -> std::io::Result<()> {
    use std::io::{Read, Write};
    for stream in std::net::TcpListener::bind(address)?.incoming() {
        let mut stream = stream?;
        let count = CONNECTIONS.fetch_add(1, Ordering::Relaxed) + 1;
        let body = format!("Active connections: 1\nserver accepts handled requests\n {count} {count} {count}\n");
        let _ = stream.read(&mut [0; 1024]);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pki, net, ips, status_address] = &arguments[..] else { return Err("farm PKI NET IPS STATUS".into()) };
    let ips: u16 = ips.parse()?;
    let acceptors: Vec<(u16, TlsAcceptor)> =
        vec![(8443, config(Authority::load(pki, "ec", 0)?)?), (8444, config(Authority::load(pki, "rsa", RSA_KEYS)?)?)];
    static FAILED: OnceLock<String> = OnceLock::new();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (acceptors, net) = (acceptors.clone(), net.clone());
            std::thread::spawn(move || {
                if let Err(error) = serve(&acceptors, &net, ips) {
                    let _ = FAILED.set(error.to_string());
                }
            })
        })
        .collect();
    let status_address = status_address.clone();
    std::thread::spawn(move || status(&status_address));
    for thread in threads {
        let _ = thread.join();
    }
    Err(FAILED.get().cloned().unwrap_or_default().into())
}
