//! Name servers from the distribution's packages: NSD (authoritative) and Unbound (recursive), on loopback, unprivileged.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

pub struct Daemon {
    pub address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // NSD has children of its own, and only SIGTERM lets it end them.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// `None`, and a word about it, where the program is not installed.
    async fn start(
        program: &str,
        arguments: &[&str],
        at: Option<SocketAddr>,
        configuration: impl Fn(&Path, SocketAddr) -> String,
    ) -> Option<Self> {
        let path = ["/usr/sbin", "/usr/local/sbin", "/usr/bin"].iter().map(|folder| Path::new(folder).join(program));
        let Some(path) = path.into_iter().find(|path| path.exists()) else {
            super::skip(&format!("{program} is not installed"));
            return None;
        };
        // Somebody may take the port between our look and the start; then the next one.
        for _ in 0..5 {
            let address = match at {
                Some(address) => address,
                None => TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap(),
            };
            let folder = TempDir::new().unwrap();
            let file = folder.path().join("daemon.conf");
            std::fs::write(&file, configuration(folder.path(), address)).unwrap();
            let mut child = Command::new(&path)
                .args(arguments)
                .arg("-c")
                .arg(&file)
                .stdout(Stdio::null())
                .stderr(std::fs::File::create(folder.path().join("stderr")).unwrap())
                .spawn()
                .unwrap();
            for _ in 0..200 {
                if TcpStream::connect(address).await.is_ok() {
                    return Some(Self { address, child, _folder: folder });
                }
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            let _ = child.kill();
            let _ = child.wait();
            println!("{}", std::fs::read_to_string(folder.path().join("stderr")).unwrap_or_default());
        }
        panic!("{program} does not start");
    }

    /// Serves the zones: name and records, as in a zone file.
    pub async fn nsd(zones: &[(&str, &str)]) -> Option<Self> {
        let zones: Vec<(&str, String)> = zones.iter().map(|(zone, records)| (*zone, with_top(zone, records))).collect();
        Self::nsd_at(None, &zones).await
    }

    /// Serves whole zone files; `at`: at this address, which must be free.
    pub async fn nsd_at(at: Option<SocketAddr>, zones: &[(&str, String)]) -> Option<Self> {
        Self::start("nsd", &["-d"], at, |folder, address| {
            let at = folder.display();
            let mut text = format!(
                "server:\n ip-address: {}@{}\n username: \"\"\n chroot: \"\"\n zonesdir: \"{at}\"\n \
                 pidfile: \"{at}/pid\"\n zonelistfile: \"{at}/zones\"\n xfrdfile: \"{at}/xfrd\"\n \
                 xfrdir: \"{at}\"\n database: \"\"\n server-count: 1\n\
                 remote-control:\n control-enable: no\n",
                address.ip(),
                address.port()
            );
            for (zone, content) in zones {
                std::fs::write(folder.join(zone), content).unwrap();
                text += &format!("zone:\n name: {zone}\n zonefile: \"{zone}\"\n");
            }
            text
        })
        .await
    }

    /// Resolves everything under `test.` by asking `authority`.
    pub async fn unbound(authority: SocketAddr) -> Option<Self> {
        Self::unbound_with(authority, NO_VALIDATION, &[]).await
    }

    /// The same with other lines in the `server:` clause. `zones`: below `test.`, that are asked for at the same address:
    /// unbound would otherwise follow their NS records, to port 53.
    pub async fn unbound_with(authority: SocketAddr, settings: &str, zones: &[&str]) -> Option<Self> {
        Self::start("unbound", &["-d"], None, |folder, address| {
            let at = folder.display();
            let stub = |zone: &str| {
                format!("stub-zone:\n name: \"{zone}\"\n stub-addr: {}@{}\n", authority.ip(), authority.port())
            };
            let stubs: String = zones.iter().copied().chain(["test."]).map(stub).collect();
            format!(
                "server:\n interface: {}@{}\n username: \"\"\n chroot: \"\"\n directory: \"{at}\"\n pidfile: \"\"\n \
                 use-syslog: no\n logfile: \"\"\n do-daemonize: no\n num-threads: 1\n {settings}\n \
                 do-not-query-localhost: no\n local-zone: \"test.\" nodefault\n \
                 remote-control:\n control-enable: no\n{stubs}",
                address.ip(),
                address.port(),
            )
        })
        .await
    }
}

/// Setting of an Unbound that does not validate.
pub const NO_VALIDATION: &str = "module-config: \"iterator\"";

/// A zone file: the records below SOA and NS.
pub fn with_top(zone: &str, records: &str) -> String {
    format!("{zone}. 60 SOA ns.{zone}. admin.{zone}. 1 3600 600 86400 60\n{zone}. 60 NS ns.{zone}.\n{records}")
}
