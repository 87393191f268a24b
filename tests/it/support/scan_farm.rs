//! A farm of servers on loopback for scans: any number of names, and every way not to answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use rcgen::KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use tlsmend::lab::pki::{Issued, Pki};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::dns_server::{Scripted, answer};
use super::http_server::{HttpServer, Page};
use super::site::{Ran, now};
use super::tls_server::{TlsServer, serve};

/// All names end so; `gone…` does not exist.
pub const ZONE: &str = "scan.example.com";

pub struct Farm {
    pub folder: TempDir,
    dns: Scripted,
    /// Every so-many-th datagram to the name server is lost; 0: none.
    loses: Arc<AtomicUsize>,
    /// Serves the whole chain.
    pub good: u16,
    /// The same, and speaks TLS 1.3 alone.
    pub modern: u16,
    /// Lacks the intermediate.
    pub gap: u16,
    /// Accepts and says nothing.
    pub silent: u16,
    /// Resets what it accepted.
    pub reset: u16,
    /// Nobody listens.
    pub closed: u16,
    _held: Socket,
    _pages: HttpServer,
}

fn key_of(issued: &Issued) -> KeyPair {
    KeyPair::try_from(&PrivatePkcs8KeyDer::from(issued.key_der().to_vec())).unwrap()
}

async fn resets(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]).await;
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

impl Farm {
    pub async fn start() -> Self {
        let pki = Pki::new("scan", now());
        let root = pki.root("Root").issue().unwrap();
        let intermediate = root.intermediate("Intermediate").issue().unwrap();
        let der = intermediate.der().to_vec();
        let pages = HttpServer::serve(move |_| Page::of("application/pkix-cert", der.clone())).await;
        let end_entity = intermediate
            .end_entity(&format!("*.{ZONE}"))
            .ca_issuers(&format!("http://{}/i.cer", pages.address))
            .issue()
            .unwrap();
        let chain = [end_entity.der().to_vec().into(), intermediate.der().to_vec().into()];
        let good = TlsServer::new(chain.clone(), key_of(&end_entity)).start().await.port();
        let modern = TlsServer::new(chain.clone(), key_of(&end_entity)).only(&rustls::version::TLS13);
        let modern = modern.start().await.port();
        let gap = TlsServer::new(chain.into_iter().take(1), key_of(&end_entity)).start().await.port();
        let silent = serve(|stream| async move {
            let _held = stream;
            std::future::pending::<()>().await;
        });
        let silent = silent.await.port();
        let reset = serve(resets).await.port();
        let held = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        held.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let closed = held.local_addr().unwrap().as_socket().unwrap().port();
        let loses = Arc::new(AtomicUsize::new(0));
        let (every, count) = (loses.clone(), AtomicUsize::new(0));
        let dns = Scripted::serve(move |query| {
            let (every, number) = (every.load(Ordering::Relaxed), count.fetch_add(1, Ordering::Relaxed));
            if every > 0 && number % every == 0 {
                return Vec::new();
            }
            // Resolvers may write a name in any case (draft-vixie-dnsext-dns0x20).
            let name = query.queries[0].name.to_ascii().to_lowercase();
            if name.starts_with("gone") {
                return vec![answer(query, ResponseCode::NXDomain, &[])];
            }
            vec![answer(query, ResponseCode::NoError, &[&format!("{name} 60 A 127.0.0.1")])]
        })
        .await;
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("root.pem"), root.pem()).unwrap();
        Self { folder, dns, loses, good, modern, gap, silent, reset, closed, _held: held, _pages: pages }
    }

    /// Every so-many-th datagram to the name server is lost from now on.
    pub fn lose_every(&self, number: usize) {
        self.loses.store(number, Ordering::Relaxed);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a list; its path.
    pub fn list(&self, name: &str, lines: &[String]) -> String {
        std::fs::write(self.path(name), lines.join("\n") + "\n").unwrap();
        self.path(name).display().to_string()
    }

    /// Different names at `port`.
    pub fn names(prefix: &str, count: usize, port: u16) -> Vec<String> {
        (0..count).map(|number| format!("{prefix}{number}.{ZONE}:{port}")).collect()
    }

    /// What every scan here is given.
    pub fn options(&self) -> Vec<String> {
        let root = self.path("root.pem").display().to_string();
        let resolver = self.dns.address.to_string();
        ["--resolver", &resolver, "--roots", &root, "--allow-private-aia", "--no-cache"].map(str::to_owned).to_vec()
    }

    /// `tlsmend scan ARGUMENTS OPTIONS` in the folder, not yet started; `shell`: what a shell does before.
    pub fn command(&self, shell: Option<&str>, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_tlsmend");
        let mut command = match shell {
            Some(before) => {
                let mut command = Command::new("sh");
                command.args(["-c", &format!("{before} exec \"$@\""), "sh", program]);
                command
            }
            None => Command::new(program),
        };
        command.arg("scan").args(arguments);
        if arguments.first() != Some(&"merge") {
            command.args(self.options());
        }
        command.current_dir(self.folder.path()).env("NO_COLOR", "1").env("HOME", self.folder.path());
        command.env_remove("XDG_CONFIG_HOME").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    pub async fn scan(&self, arguments: &[&str]) -> Ran {
        end(self.command(None, arguments).spawn().unwrap()).await
    }

    /// The lines of a file, by index. A line that is none, or an index that is there twice, is a failure.
    pub fn lines(&self, file: &str) -> BTreeMap<u64, Value> {
        by_index(&std::fs::read_to_string(self.path(file)).unwrap())
    }
}

#[track_caller]
pub fn by_index(text: &str) -> BTreeMap<u64, Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "torn: {:?}", text.lines().last());
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let before = lines.insert(value["index"].as_u64().unwrap(), value);
        assert!(before.is_none(), "twice: {line}");
    }
    lines
}

/// Waits for the end; a run of a minute hangs.
pub async fn end(child: Child) -> Ran {
    let output = tokio::time::timeout(Duration::from_secs(90), child.wait_with_output()).await.expect("it hangs");
    let output = output.unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Waits until `file` has `lines` lines, whole or not.
pub async fn grown(file: &Path, lines: usize) {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let octets = std::fs::read(file).unwrap_or_default();
        if octets.iter().filter(|&&octet| octet == b'\n').count() >= lines {
            return;
        }
        assert!(Instant::now() < limit, "{} does not grow to {lines} lines", file.display());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends a signal, such as `INT`.
pub async fn signal(child: &Child, name: &str) {
    let id = child.id().expect("it has ended").to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().await.unwrap().success());
}
