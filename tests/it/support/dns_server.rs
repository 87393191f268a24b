//! Name servers on loopback: zones served by hickory-server, and servers that follow a script.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, SOA};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};
use hickory_server::Server;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

pub fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

/// `owner ttl type value`, as in a zone file.
pub fn record(line: &str) -> Record {
    let [owner, ttl, kind, value] = line.splitn(4, ' ').collect::<Vec<_>>().try_into().unwrap();
    let data = match kind {
        "A" => RData::A(A(value.parse().unwrap())),
        "AAAA" => RData::AAAA(AAAA(value.parse().unwrap())),
        "CNAME" => RData::CNAME(CNAME(name(value))),
        "NS" => RData::NS(NS(name(value))),
        other => RData::try_from_str(other.parse().unwrap(), value).unwrap(),
    };
    Record::from_rdata(name(owner), ttl.parse().unwrap(), data)
}

/// An authoritative server (UDP and TCP), as good as hickory-server is.
pub struct Zones {
    pub address: SocketAddr,
    _server: Server<Catalog>,
}

impl Zones {
    /// Zones and their records.
    pub async fn serve(zones: &[(&str, &[&str])]) -> Self {
        let lines = zones.iter().map(|(zone, lines)| (*zone, lines.iter().map(ToString::to_string).collect()));
        Self::serve_all(lines.collect()).await
    }

    pub async fn serve_all(zones: BTreeMap<&str, Vec<String>>) -> Self {
        let mut catalog = Catalog::new();
        for (origin, lines) in zones {
            let origin = name(origin);
            let mut zone: InMemoryZoneHandler =
                InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
            let soa = SOA::new(name("ns.test"), name("admin.test"), 1, 3600, 600, 86400, 60);
            zone.upsert_mut(Record::from_rdata(origin.clone(), 60, RData::SOA(soa)), 0);
            for line in lines {
                zone.upsert_mut(record(&line), 0);
            }
            catalog.upsert(LowerName::from(origin), vec![Arc::new(zone)]);
        }
        let (udp, tcp) = same_port().await;
        let address = udp.local_addr().unwrap();
        let mut server = Server::new(catalog);
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 65_535);
        Self { address, _server: server }
    }
}

async fn same_port() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

/// A server that answers each datagram with what its script says: any number of datagrams.
pub struct Scripted {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Query>>>,
    task: JoinHandle<()>,
}

impl Scripted {
    pub async fn serve(script: impl Fn(&Message) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        Self::serve_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    pub async fn serve_at(at: SocketAddr, script: impl Fn(&Message) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind(at).await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let query = Message::from_vec(&buffer[..length]).unwrap();
                seen.lock().unwrap().extend(query.queries.clone());
                for datagram in script(&query) {
                    let _ = socket.send_to(&datagram, from).await;
                }
            }
        });
        Self { address, asked, task }
    }

    /// Answers with these records whatever the name is; those of the other address family are left out.
    pub async fn saying(code: ResponseCode, lines: &'static [&'static str]) -> Self {
        Self::serve(move |query| vec![answer(query, code, lines)]).await
    }

    pub async fn silent() -> Self {
        Self::serve(|_| Vec::new()).await
    }

    /// The questions so far.
    pub fn asked(&self) -> Vec<(String, RecordType)> {
        self.asked.lock().unwrap().iter().map(|query| (query.name.to_ascii(), query.query_type)).collect()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The bytes of an answer to `query`, as a recursive resolver gives it.
pub fn answer(query: &Message, code: ResponseCode, lines: &[&str]) -> Vec<u8> {
    let mut message = Message::response(query.metadata.id, query.metadata.op_code);
    message.metadata.recursion_available = true;
    message.metadata.response_code = code;
    message.add_queries(query.queries.clone());
    let asked = query.queries[0].query_type;
    let records = lines.iter().map(|line| record(line));
    message.add_answers(
        records.filter(|record| record.record_type() == asked || record.record_type() == RecordType::CNAME),
    );
    message.to_vec().unwrap()
}
