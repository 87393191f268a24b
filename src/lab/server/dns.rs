//! The name server: authoritative for the names of examples, on UDP and TCP at one port.
//!
//! hickory's own zone handler follows aliases only inside a zone and cannot break a name on purpose; the answers are
//! made here instead, as an authoritative server that also holds every alias target would make them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use hickory_proto::op::{Edns, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

/// The zones: reserved for examples (RFC 6761 §6.5). Not `test.`, though nobody could mistake that: browsers take a
/// top-level name without registry for an internal one and refuse it in a certificate of a public CA (Chromium's
/// `ERR_CERT_NON_UNIQUE_NAME`).
const ZONES: [&str; 3] = ["example.com.", "example.net.", "example.org."];

/// Aliases followed in one answer. Enough for what people run; a longer chain has to be asked for in pieces, as with
/// real servers (unbound follows 11, BIND 16).
const MAX_ALIASES: usize = 8;

/// Seconds that a negative answer may be kept (the SOA's minimum).
const NEGATIVE_TTL: u32 = 5;

/// Seconds that the name servers of a zone may be kept.
const ZONE_TTL: u32 = 60;

/// An open TCP connection without a question is closed after this.
const TCP_IDLE: Duration = Duration::from_secs(10);

/// Attempts to find a port that is free for UDP and TCP.
const BIND_ATTEMPTS: usize = 16;

/// What a name has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Alias {
        target: String,
        ttl: u32,
    },
    Addresses {
        ips: Vec<IpAddr>,
        ttl: u32,
    },
    /// What no zone may have: several aliases, or an alias beside addresses.
    Conflict {
        targets: Vec<String>,
        ips: Vec<IpAddr>,
        ttl: u32,
    },
    /// A TXT record and no address.
    NoAddress,
    /// The server says that it failed.
    Broken,
}

/// Names without the final dot, lower case.
#[derive(Debug, Clone, Default)]
pub struct Zone(BTreeMap<String, Node>);

impl Zone {
    pub fn insert(&mut self, name: &str, node: Node) {
        self.0.insert(name.to_ascii_lowercase(), node);
    }

    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Something exists below `name`, so the name itself exists (RFC 8020).
    fn is_parent(&self, name: &str) -> bool {
        let suffix = format!(".{name}");
        self.0.keys().any(|known| known.ends_with(&suffix))
    }

    /// What an authoritative server says to a question.
    fn answer(&self, question: &Name, record_type: RecordType) -> Answer {
        let mut records: Vec<Record> = Vec::new();
        let mut name = question.to_lowercase();
        for _ in 0..=MAX_ALIASES {
            if zone_of(&name).is_none() {
                // An alias led out of the zones: whoever asks goes on elsewhere. Asked for directly it is not ours.
                let code = if records.is_empty() { ResponseCode::Refused } else { ResponseCode::NoError };
                return Answer::new(code, records);
            }
            if let Some(record) = top(&name, record_type) {
                records.push(record);
                return Answer::new(ResponseCode::NoError, records);
            }
            let text = name.to_ascii();
            let text = text.trim_end_matches('.');
            match self.0.get(text) {
                // The name server of the zone: this one.
                None if text.strip_prefix("ns.").is_some_and(|zone| ZONES.contains(&format!("{zone}.").as_str())) => {
                    if record_type == RecordType::A {
                        records.push(Record::from_rdata(name, ZONE_TTL, RData::A(A(Ipv4Addr::LOCALHOST))));
                        return Answer::new(ResponseCode::NoError, records);
                    }
                    return Answer::negative(ResponseCode::NoError, records);
                }
                None if self.is_parent(text) => return Answer::negative(ResponseCode::NoError, records),
                None => return Answer::negative(ResponseCode::NXDomain, records),
                Some(Node::Broken) => return Answer::new(ResponseCode::ServFail, records),
                Some(Node::NoAddress) if record_type == RecordType::TXT => {
                    let text = TXT::new(vec!["a name without an address".to_owned()]);
                    records.push(Record::from_rdata(name, 60, RData::TXT(text)));
                    return Answer::new(ResponseCode::NoError, records);
                }
                Some(Node::NoAddress) => return Answer::negative(ResponseCode::NoError, records),
                Some(Node::Addresses { ips, ttl }) => {
                    let matching = ips.iter().filter_map(|ip| match (ip, record_type) {
                        (IpAddr::V4(ip), RecordType::A) => Some(RData::A(A(*ip))),
                        (IpAddr::V6(ip), RecordType::AAAA) => Some(RData::AAAA(AAAA(*ip))),
                        _ => None,
                    });
                    let aliases = records.len();
                    records.extend(matching.map(|data| Record::from_rdata(name.clone(), *ttl, data)));
                    return Answer { code: ResponseCode::NoError, negative: records.len() == aliases, records };
                }
                Some(Node::Conflict { targets, ips, ttl }) => {
                    let targets = targets.iter().filter_map(|target| Name::from_ascii(format!("{target}.")).ok());
                    let aliases = targets.map(|target| RData::CNAME(CNAME(target)));
                    let addresses = ips.iter().filter_map(|ip| match (ip, record_type) {
                        (IpAddr::V4(ip), RecordType::A) => Some(RData::A(A(*ip))),
                        (IpAddr::V6(ip), RecordType::AAAA) => Some(RData::AAAA(AAAA(*ip))),
                        _ => None,
                    });
                    records.extend(aliases.chain(addresses).map(|data| Record::from_rdata(name.clone(), *ttl, data)));
                    return Answer::new(ResponseCode::NoError, records);
                }
                Some(Node::Alias { target, ttl }) => {
                    // The names are our own; one that is none stays without answer.
                    let Ok(target) = Name::from_ascii(format!("{target}.")) else {
                        return Answer::new(ResponseCode::ServFail, Vec::new());
                    };
                    if records.iter().any(|record| record.name == name) {
                        return Answer::new(ResponseCode::NoError, records); // the loop is shown once
                    }
                    records.push(Record::from_rdata(name, *ttl, RData::CNAME(CNAME(target.clone()))));
                    if record_type == RecordType::CNAME {
                        return Answer::new(ResponseCode::NoError, records);
                    }
                    name = target;
                }
            }
        }
        Answer::new(ResponseCode::NoError, records)
    }
}

struct Answer {
    code: ResponseCode,
    records: Vec<Record>,
    /// The last name has not what was asked for, and the SOA says for how long that may be kept (RFC 2308 §3).
    negative: bool,
}

impl Answer {
    fn new(code: ResponseCode, records: Vec<Record>) -> Self {
        Self { code, records, negative: false }
    }

    fn negative(code: ResponseCode, records: Vec<Record>) -> Self {
        Self { code, records, negative: true }
    }
}

struct Handler(Zone);

impl Handler {
    async fn respond<R: ResponseHandler>(&self, request: &Request, mut response_handle: R) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let mut answers = Vec::new();
        let mut authority = None;
        match request.request_info() {
            Ok(info) if request.metadata.op_code == OpCode::Query => {
                let question = info.query.original().name();
                let answer = self.0.answer(question, info.query.query_type());
                metadata.response_code = answer.code;
                metadata.authoritative = matches!(answer.code, ResponseCode::NoError | ResponseCode::NXDomain);
                authority = if answer.negative { soa(last_name(question, &answer.records)) } else { None };
                answers = answer.records;
            }
            Ok(_) => metadata.response_code = ResponseCode::NotImp,
            Err(_) => metadata.response_code = ResponseCode::FormErr,
        }
        let mut edns = Edns::new();
        edns.set_max_payload(1232); // DNS flag day 2020
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if request.edns.is_some() {
            builder.edns(&edns);
        }
        let response = builder.build(metadata, &answers, &authority, None, None);
        let counts = HeaderCounts::default();
        // The asker went away: there is nobody left to tell.
        response_handle
            .send_response(response)
            .await
            .unwrap_or_else(|_| hickory_proto::op::Header { metadata, counts }.into())
    }
}

/// Written out because the trait is made with `async_trait`, which this crate does not use otherwise.
impl RequestHandler for Handler {
    fn handle_request<'server, 'request, 'future, R, T>(
        &'server self,
        request: &'request Request,
        response_handle: R,
    ) -> Pin<Box<dyn Future<Output = ResponseInfo> + Send + 'future>>
    where
        R: ResponseHandler + 'future,
        T: Time + 'future,
        'server: 'future,
        'request: 'future,
        Self: 'future,
    {
        Box::pin(self.respond(request, response_handle))
    }
}

/// The name that a negative answer is about.
fn last_name<'a>(question: &'a Name, records: &'a [Record]) -> &'a Name {
    match records.last().map(|record| &record.data) {
        Some(RData::CNAME(target)) => &target.0,
        _ => question,
    }
}

/// The zone that `name` is in.
fn zone_of(name: &Name) -> Option<Name> {
    ZONES.iter().filter_map(|zone| Name::from_str(zone).ok()).find(|zone| zone.zone_of(name))
}

/// What stands at the top of each zone, whatever else does.
fn top(name: &Name, record_type: RecordType) -> Option<Record> {
    let zone = zone_of(name).filter(|zone| zone == name)?;
    match record_type {
        RecordType::SOA => soa(&zone),
        RecordType::NS => {
            let host = Name::from_ascii(format!("ns.{zone}")).ok()?;
            Some(Record::from_rdata(zone, ZONE_TTL, RData::NS(NS(host))))
        }
        _ => None,
    }
}

/// The SOA of the zone that `name` is in.
fn soa(name: &Name) -> Option<Record> {
    let zone = zone_of(name)?;
    let host = |label: &str| Name::from_ascii(format!("{label}.{zone}")).ok();
    let soa = SOA::new(host("ns")?, host("hostmaster")?, 1, 3600, 600, 86_400, NEGATIVE_TTL);
    Some(Record::from_rdata(zone, NEGATIVE_TTL, RData::SOA(soa)))
}

/// The running server; it stops when this is dropped.
pub struct DnsServer {
    pub address: SocketAddr,
    server: Server<Handler>,
}

impl DnsServer {
    pub async fn start(zone: Zone) -> std::io::Result<Self> {
        let (udp, tcp) = bind().await?;
        let address = udp.local_addr()?;
        let mut server = Server::new(Handler(zone));
        server.register_socket(udp);
        server.register_listener(tcp, TCP_IDLE, 32);
        Ok(Self { address, server })
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.server.shutdown_token().cancel();
    }
}

async fn bind() -> std::io::Result<(UdpSocket, TcpListener)> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for _ in 0..BIND_ATTEMPTS {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(zone: &Zone, name: &str) -> (ResponseCode, usize) {
        let answer = zone.answer(&Name::from_str(name).unwrap(), RecordType::A);
        (answer.code, answer.records.len())
    }

    #[test]
    fn answers_of_a_zone() {
        let mut zone = Zone::default();
        let alias = |target: &str| Node::Alias { target: target.to_owned(), ttl: 60 };
        zone.insert("a.lab.example.com", alias("b.lab.example.com"));
        zone.insert("b.lab.example.com", Node::Addresses { ips: vec![Ipv4Addr::LOCALHOST.into()], ttl: 9 });
        zone.insert("loop.lab.example.com", alias("pool.lab.example.com"));
        zone.insert("pool.lab.example.com", alias("loop.lab.example.com"));
        zone.insert("dangling.lab.example.com", alias("gone.lab.example.com"));
        zone.insert("away.lab.example.com", alias("www.cloud.test"));
        zone.insert("mail.lab.example.com", Node::NoAddress);
        zone.insert("broken.lab.example.com", Node::Broken);
        assert_eq!(ask(&zone, "A.Lab.Example.com."), (ResponseCode::NoError, 2));
        assert_eq!(ask(&zone, "loop.lab.example.com."), (ResponseCode::NoError, 2));
        assert_eq!(ask(&zone, "dangling.lab.example.com."), (ResponseCode::NXDomain, 1));
        assert_eq!(ask(&zone, "away.lab.example.com."), (ResponseCode::NoError, 1));
        assert_eq!(ask(&zone, "mail.lab.example.com."), (ResponseCode::NoError, 0));
        assert_eq!(ask(&zone, "lab.example.com."), (ResponseCode::NoError, 0));
        assert_eq!(ask(&zone, "b.example.net."), (ResponseCode::NXDomain, 0));
        assert_eq!(ask(&zone, "broken.lab.example.com."), (ResponseCode::ServFail, 0));
        assert_eq!(ask(&zone, "www.cloud.test."), (ResponseCode::Refused, 0));
        assert_eq!(ask(&zone, "ns.example.com."), (ResponseCode::NoError, 1));
        let top = zone.answer(&Name::from_str("example.com.").unwrap(), RecordType::SOA);
        assert_eq!((top.code, top.records.len()), (ResponseCode::NoError, 1));
    }
}
