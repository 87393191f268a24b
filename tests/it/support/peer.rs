//! Other people's servers, and identities for them.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use super::tls_server::NAME;

/// A server process; dies with the test.
pub struct Peer {
    process: Child,
    pub address: SocketAddr,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Peer {
    /// Starts `openssl s_server`, which says on what port it listens.
    pub fn s_server(command: &mut Command) -> Self {
        // It ends with its standard input.
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            if output.read_line(&mut line).unwrap() == 0 {
                fail(command, process);
            }
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                break address.trim().parse().unwrap();
            }
        };
        // A full pipe would stop it.
        drain(output);
        drain(process.stderr.take().unwrap());
        Self { process, address }
    }

    /// Starts `openssl ocsp`, which must listen on `address` and says when it does: a connection without a request would
    /// end it.
    pub fn ocsp_responder(command: &mut Command, address: SocketAddr) -> Self {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        if output.read_line(&mut line).unwrap() == 0 || !line.starts_with("ACCEPT ") {
            fail(command, process);
        }
        drain(output);
        drain(process.stderr.take().unwrap());
        Self { process, address }
    }

    /// Starts `command`, which must listen on `address`.
    pub fn listening(command: &mut Command, address: SocketAddr) -> Self {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let limit = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            if process.try_wait().unwrap().is_some() || Instant::now() > limit {
                fail(command, process);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        drain(process.stderr.take().unwrap());
        Self { process, address }
    }
}

fn fail(command: &Command, mut process: Child) -> ! {
    let _ = process.kill();
    let mut said = String::new();
    process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    panic!("{command:?} does not listen: {said}");
}

fn drain(mut pipe: impl Read + Send + 'static) {
    std::thread::spawn(move || std::io::copy(&mut pipe, &mut std::io::sink()));
}

pub fn is_missing(program: &str) -> bool {
    let found = Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        super::skip(&format!("{program} is not installed"));
    }
    !found
}

/// Debian keeps servers out of the search path of ordinary users.
pub fn nginx() -> &'static str {
    if Path::new("/usr/sbin/nginx").is_file() { "/usr/sbin/nginx" } else { "nginx" }
}

pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A key and a certificate for it, made by the `openssl` command.
pub struct Identity {
    pub folder: TempDir,
    pub der: Vec<u8>,
}

impl Identity {
    /// `key` as `openssl genpkey` takes it; `extra` goes to `openssl req -x509`.
    pub fn new(key: &[&str], extra: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        run(Command::new("openssl").arg("genpkey").args(key).arg("-out").arg(folder.path().join("key.pem")));
        run(Command::new("openssl")
            .args(["req", "-x509", "-days", "3", "-subj", &format!("/CN={NAME}"), "-key"])
            .arg(folder.path().join("key.pem"))
            .args(extra)
            .arg("-out")
            .arg(folder.path().join("certificate.pem")));
        let der = CertificateDer::from_pem_file(folder.path().join("certificate.pem")).unwrap().to_vec();
        Self { folder, der }
    }

    pub fn rsa() -> Self {
        Self::new(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], &[])
    }

    pub fn ecdsa() -> Self {
        Self::new(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], &[])
    }

    /// The same key in a certificate without extensions, as old appliances still make them.
    pub fn reissued_as_version_1(mut self) -> Self {
        let request = self.folder.path().join("request.pem");
        run(Command::new("openssl")
            .args(["req", "-new", "-subj", &format!("/CN={NAME}"), "-key"])
            .arg(self.key())
            .arg("-out")
            .arg(&request));
        run(Command::new("openssl")
            .args(["x509", "-req", "-days", "3", "-in"])
            .arg(&request)
            .arg("-signkey")
            .arg(self.key())
            .arg("-out")
            .arg(self.certificate()));
        self.der = CertificateDer::from_pem_file(self.certificate()).unwrap().to_vec();
        self
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub fn s_server(&self, options: &[&str]) -> Peer {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-key"]).arg(self.key());
        Peer::s_server(command.arg("-cert").arg(self.certificate()).args(options))
    }
}

pub fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
