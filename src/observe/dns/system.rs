//! What the machine itself says about names: hosts file, `localhost`, resolv.conf.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::system_conf::read_system_conf;
use tokio::time::Instant;

use super::answer::text;
use super::exchange::Servers;
use super::follow::follow;
use crate::model::resolution::{DnsStatus, Resolution, ResolvedAddress};
use crate::model::target::DnsName;

const HOSTS: &str = "/etc/hosts";

/// Block lists in hosts files reach a few megabytes; what is longer is cut.
const MAX_HOSTS_BYTES: u64 = 16 << 20;

/// Addresses taken from the hosts file for one name.
const MAX_ADDRESSES: usize = 64;

/// Search domains tried for a name of one label, as resolv.conf(5) limits them.
const MAX_SEARCH: usize = 6;

/// The system's configuration as it was when first needed.
#[derive(Debug)]
pub struct System {
    hosts: String,
    search: Vec<String>,
    /// Or why there are none.
    servers: Result<Arc<Servers>, String>,
}

impl System {
    /// Two small local files: read at once, without a thread.
    pub fn read() -> Self {
        let hosts = read_hosts(Path::new(HOSTS));
        let (config, options) = match read_system_conf() {
            Ok(read) => read,
            Err(error) => {
                let why = format!("this machine names no name server ({error}); name one with --resolver");
                return Self { hosts, search: Vec::new(), servers: Err(why) };
            }
        };
        let addresses = config.name_servers().iter().map(|server| {
            let port = server.connections.first().map_or(53, |connection| connection.port);
            SocketAddr::new(server.ip, port)
        });
        let mut addresses: Vec<SocketAddr> = addresses.collect();
        addresses.truncate(3); // MAXNS of resolv.conf(5)
        // `domain` without `search` is a list of one (resolv.conf(5)).
        let search = if config.search().is_empty() {
            config.domain().into_iter().collect()
        } else {
            config.search().iter().collect::<Vec<_>>()
        };
        Self {
            hosts,
            search: search.into_iter().filter(|domain| !domain.is_root()).take(MAX_SEARCH).map(text).collect(),
            servers: Ok(Arc::new(Servers {
                addresses,
                rounds: options.attempts.clamp(1, 5),
                // What `timeout` gives to a try, ours give to the last one; see `exchange::FIRST_WAIT`.
                patience: options.timeout.clamp(Duration::from_secs(1), Duration::from_secs(10)),
                mux: None,
            })),
        }
    }

    /// The same, for many names.
    pub fn shared(self) -> Self {
        Self { servers: self.servers.map(|servers| Arc::new(Arc::unwrap_or_clone(servers).shared())), ..self }
    }

    /// The name servers of the configuration, where there are any.
    pub fn servers(&self) -> Option<Arc<Servers>> {
        self.servers.as_ref().ok().map(Arc::clone)
    }

    pub async fn resolve(&self, name: &DnsName, deadline: Instant) -> Resolution {
        let known = hosts_addresses(&self.hosts, name.as_str());
        if !known.is_empty() {
            return local(name, known, Some("hosts file"));
        }
        // RFC 6761 §6.3: never a question for a server.
        if name.labels().next_back() == Some("localhost") {
            return local(name, vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()], None);
        }
        let servers = match &self.servers {
            Ok(servers) => servers,
            Err(why) => {
                return Resolution {
                    status: DnsStatus::Unreachable,
                    final_name: Some(name.to_string()),
                    detail: Some(why.clone()),
                    ..Resolution::not_asked([])
                };
            }
        };
        if name.labels().count() == 1 {
            for domain in &self.search {
                let found = follow(servers, &format!("{name}.{domain}"), deadline).await;
                let nothing = matches!(found.status, DnsStatus::Nxdomain | DnsStatus::Nodata | DnsStatus::Servfail);
                // A broken chain is an answer too.
                if !nothing || !found.cname_chain.is_empty() {
                    return found;
                }
            }
        }
        follow(servers, name.as_str(), deadline).await
    }
}

fn local(name: &DnsName, ips: Vec<IpAddr>, source: Option<&str>) -> Resolution {
    Resolution {
        resolver: source.map(ToOwned::to_owned),
        status: DnsStatus::Noerror,
        final_name: Some(name.to_string()),
        addresses: ips.into_iter().map(|ip| ResolvedAddress { ip, ttl: None }).collect(),
        ..Resolution::not_asked([])
    }
}

/// No such file is no entries.
fn read_hosts(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What was read before an error is still good.
        let _ = file.take(MAX_HOSTS_BYTES).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every line that has `name` counts (hosts(5), `multi on`), IPv4 first.
fn hosts_addresses(hosts: &str, name: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    for line in hosts.lines() {
        let mut words = line.split('#').next().unwrap_or(line).split_whitespace();
        let Some(address) = words.next() else { continue };
        if !words.any(|word| word.strip_suffix('.').unwrap_or(word).eq_ignore_ascii_case(name)) {
            continue;
        }
        if let Ok(ip) = address.parse()
            && !found.contains(&ip)
            && found.len() < MAX_ADDRESSES
        {
            found.push(ip);
        }
    }
    found.sort_by_key(IpAddr::is_ipv6); // stable
    found
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, ResponseCode};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{RData, Record};
    use tokio::net::UdpSocket;

    use super::*;

    const HOSTS_FILE: &str = "127.0.0.1 first\n\
        ::1\tlocalhost\n\
        127.0.0.1 localhost # comment with words\n\
        # 127.0.0.9 words\n\
        ::1 Example.Test. alias\n\
        127.0.0.2 example.test\n\
        127.0.0.2 example.test\n\
        not-an-address example.test\n\
        127.0.0.3";

    fn system(hosts: &str, search: &[&str], servers: Vec<SocketAddr>) -> System {
        System {
            hosts: hosts.to_owned(),
            search: search.iter().map(ToString::to_string).collect(),
            servers: if servers.is_empty() { Err("none".to_owned()) } else { Ok(Arc::new(Servers::given(servers))) },
        }
    }

    async fn resolve(system: &System, name: &str) -> Resolution {
        system.resolve(&name.parse().unwrap(), Instant::now() + Duration::from_secs(20)).await
    }

    fn ips(resolution: &Resolution) -> Vec<String> {
        assert!(resolution.addresses.iter().all(|address| address.ttl.is_none()));
        resolution.addresses.iter().map(|address| address.ip.to_string()).collect()
    }

    #[tokio::test]
    async fn the_hosts_file_comes_first() {
        let system = system(HOSTS_FILE, &[], Vec::new());
        for (name, expected) in
            [("example.test", ["127.0.0.2", "::1"]), ("alias", ["::1", ""]), ("localhost", ["127.0.0.1", "::1"])]
        {
            let found = resolve(&system, name).await;
            assert_eq!(ips(&found), expected.into_iter().filter(|ip| !ip.is_empty()).collect::<Vec<_>>());
            assert_eq!((found.status, found.resolver.as_deref()), (DnsStatus::Noerror, Some("hosts file")));
        }
        for unknown in ["words", "comment", "www.example.test"] {
            let found = resolve(&system, unknown).await;
            assert_eq!((found.status, found.detail.as_deref()), (DnsStatus::Unreachable, Some("none")));
        }
    }

    #[tokio::test]
    async fn localhost_is_never_asked_for() {
        let system = system("", &[], Vec::new());
        for name in ["localhost", "a.b.localhost"] {
            let found = resolve(&system, name).await;
            assert_eq!((ips(&found), found.resolver), (vec!["127.0.0.1".into(), "::1".into()], None));
        }
        assert_eq!(resolve(&system, "localhost.test").await.status, DnsStatus::Unreachable);
    }

    /// Knows `only` and nothing else.
    async fn server(only: &'static str) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let query = Message::from_vec(&buffer[..length]).unwrap();
                let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
                answer.add_queries(query.queries.clone());
                let name = query.queries[0].name.clone();
                if text(&name) == only {
                    answer.add_answer(Record::from_rdata(name, 5, RData::A(A(Ipv4Addr::LOCALHOST))));
                } else {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn search_domains_are_for_names_of_one_label() {
        let deep = system("", &["one.test", "two.test"], vec![server("www.two.test").await]);
        let found = resolve(&deep, "www").await;
        assert_eq!((found.status, found.final_name.as_deref()), (DnsStatus::Noerror, Some("www.two.test")));
        let found = resolve(&deep, "gone").await;
        assert_eq!((found.status, found.final_name.as_deref()), (DnsStatus::Nxdomain, Some("gone")));
        let deep = system("", &["test"], vec![server("www.two.test").await]);
        assert_eq!(resolve(&deep, "www.two").await.status, DnsStatus::Nxdomain);
        assert_eq!(
            resolve(&system("", &["one.test"], vec![server("www").await]), "www").await.status,
            DnsStatus::Noerror
        );
    }
}
