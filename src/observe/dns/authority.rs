//! The zones of a chain of aliases, their name servers, and what each of those says when asked directly.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::answer::{MAX_ALIASES, Walk, same, text};
use super::asker::{Asker, all, climb, negative_ttl, soa};
use super::exchange::{Failure, Mode, has_route};
use crate::model::naming::{NameAnswer, NameFault, NameFaultKind, NameServer, NameServerStatus, Propagation, ZoneView};
use crate::model::resolution::DnsStatus;
use crate::model::time::Time;

/// Zones looked at; a chain seldom crosses more than three.
const MAX_ZONES: usize = 8;

/// Name servers of a zone, and their addresses: thirteen serve the root.
const MAX_SERVERS: usize = 16;

/// Addresses of one name server.
const MAX_ADDRESSES: usize = 4;

/// Labels above a name that are searched for the top of its zone.
const MAX_CLIMB: usize = 12;

/// Targets and addresses kept of one answer.
const MAX_KEPT: usize = 64;

/// Types that are asked for beside a CNAME. SOA and NS mark the top of a zone; MX and TXT are what people add there.
const BESIDE: [RecordType; 4] = [RecordType::SOA, RecordType::NS, RecordType::MX, RecordType::TXT];

/// The top of the zone that `name` is in, by the SOA records that the resolver gives for it and its parents.
pub async fn zone_of(asker: &Asker, name: &Name) -> Result<Name, String> {
    let mut last = String::new();
    for candidate in climb(name, MAX_CLIMB) {
        let reply = match asker.ask(Mode::Unvalidated, &candidate, RecordType::SOA).await {
            Ok(reply) => reply.message,
            Err(failure) => {
                last = failure.detail;
                continue;
            }
        };
        // Behind an alias the SOA is that of the target's zone.
        if !Walk::along(&candidate, &reply.answers).aliases.is_empty() {
            continue;
        }
        let owner = soa(&reply.answers).or_else(|| soa(&reply.authorities)).map(|(record, _)| record.name.clone());
        if let Some(apex) = owner.filter(|apex| apex.zone_of(name)) {
            return Ok(apex);
        }
    }
    Err(format!(
        "the zone of `{}` was not found{}",
        text(name),
        if last.is_empty() { last } else { format!(": {last}") }
    ))
}

/// Everything that the name servers of a chain say.
pub struct Said {
    pub propagation: Propagation,
    pub faults: Vec<NameFault>,
}

/// `names`: the name asked for and every alias target after it. `port`: where name servers listen.
pub async fn ask_all(asker: &Asker, names: &[Name], port: u16, now: Time) -> Said {
    let mut distinct: Vec<Name> = Vec::new();
    for name in names.iter().take(MAX_ALIASES + 1) {
        if !distinct.iter().any(|known| same(known, name)) {
            distinct.push(name.clone());
        }
    }
    let found = all(distinct.iter().cloned().map(|name| {
        let asker = asker.clone();
        async move { zone_of(&asker, &name).await }
    }))
    .await;
    let mut left_out = Vec::new();
    let mut zones: BTreeMap<String, (Name, Vec<Name>)> = BTreeMap::new();
    for (name, zone) in distinct.iter().zip(found) {
        match zone {
            Ok(apex) => zones.entry(text(&apex)).or_insert((apex, Vec::new())).1.push(name.clone()),
            Err(why) => left_out.push(why),
        }
    }
    // In the order of the chain.
    let mut zones: Vec<(Name, Vec<Name>)> = zones.into_values().collect();
    zones.sort_by_key(|(_, members)| {
        distinct.iter().position(|name| members.first().is_some_and(|first| first == name))
    });
    if zones.len() > MAX_ZONES {
        left_out.push(format!("{} more zones", zones.len() - MAX_ZONES));
        zones.truncate(MAX_ZONES);
    }
    let looked = all(zones.into_iter().map(|(apex, members)| {
        let asker = asker.clone();
        async move { look_at(&asker, &apex, members, port).await }
    }))
    .await;
    let (mut zones, mut faults) = (Vec::new(), Vec::new());
    for look in looked {
        zones.push(look.zone);
        faults.extend(look.faults);
        left_out.extend(look.left_out);
    }
    if asker.is_exhausted() {
        left_out.push(format!("questions after the first {}", asker.asked()));
    }
    Said { propagation: Propagation { asked_at: now, zones, questions: asker.asked(), left_out }, faults }
}

struct Look {
    zone: ZoneView,
    faults: Vec<NameFault>,
    left_out: Vec<String>,
}

async fn look_at(asker: &Asker, apex: &Name, names: Vec<Name>, port: u16) -> Look {
    let mut look = Look {
        zone: ZoneView {
            zone: text(apex),
            names: names.iter().map(text).collect(),
            servers: Vec::new(),
            failure: None,
        },
        faults: Vec::new(),
        left_out: Vec::new(),
    };
    let reply = match asker.ask(Mode::Unvalidated, apex, RecordType::NS).await {
        Ok(reply) => reply.message,
        Err(failure) => {
            look.zone.failure = Some(failure.detail);
            return look;
        }
    };
    let mut hosts: Vec<Name> = Vec::new();
    for record in reply.answers.iter().filter(|record| same(&record.name, apex)) {
        if let RData::NS(ns) = &record.data
            && !hosts.iter().any(|known| same(known, &ns.0))
        {
            hosts.push(ns.0.clone());
        }
    }
    if hosts.is_empty() {
        look.zone.failure = Some(format!("the resolver knows no NS records of `{}`", text(apex)));
        return look;
    }
    hosts.sort_by_key(text); // resolvers turn the set round
    if hosts.len() > MAX_SERVERS {
        look.left_out.push(format!("{} more name servers of `{}`", hosts.len() - MAX_SERVERS, text(apex)));
        hosts.truncate(MAX_SERVERS);
    }
    let addresses = all(hosts.iter().cloned().map(|host| {
        let asker = asker.clone();
        async move { addresses(&asker, &host).await }
    }))
    .await;
    let mut asked: Vec<(Name, Result<SocketAddr, String>)> = Vec::new();
    for (host, found) in hosts.into_iter().zip(addresses) {
        match found {
            Ok(ips) => asked.extend(ips.into_iter().map(|ip| (host.clone(), Ok(SocketAddr::new(ip, port))))),
            Err(why) => asked.push((host, Err(why))),
        }
    }
    if asked.len() > MAX_SERVERS {
        look.left_out.push(format!("{} more addresses of name servers of `{}`", asked.len() - MAX_SERVERS, text(apex)));
        asked.truncate(MAX_SERVERS);
    }
    look.zone.servers = all(asked.into_iter().map(|(host, address)| {
        let (asker, apex, names) = (asker.clone(), apex.clone(), names.clone());
        async move {
            match address {
                Ok(address) => ask_server(&asker, &host, address, &apex, &names).await,
                Err(why) => server(&host, None, NameServerStatus::NoAddress, Some(why)),
            }
        }
    }))
    .await;
    look.faults = faults(asker, &look.zone, &names).await;
    look
}

/// Of a name server. `Err`: why there are none.
async fn addresses(asker: &Asker, host: &Name) -> Result<Vec<IpAddr>, String> {
    let (a, aaaa) = tokio::join!(asker.records(host, RecordType::A), asker.records(host, RecordType::AAAA));
    let mut ips: Vec<IpAddr> = Vec::new();
    let mut why = None;
    for found in [a, aaaa] {
        match found {
            Ok((_, records)) => ips.extend(records.iter().filter_map(address)),
            Err(failure) => why = why.or(Some(failure.detail)),
        }
    }
    ips.truncate(MAX_ADDRESSES);
    if ips.is_empty() { Err(why.unwrap_or_else(|| "its name has no address".to_owned())) } else { Ok(ips) }
}

fn address(record: &Record) -> Option<IpAddr> {
    match &record.data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    }
}

fn server(host: &Name, address: Option<SocketAddr>, status: NameServerStatus, detail: Option<String>) -> NameServer {
    NameServer {
        name: text(host),
        address: address.map(|address| address.to_string()),
        status,
        detail,
        serial: None,
        negative_ttl: None,
        answers: Vec::new(),
    }
}

async fn ask_server(asker: &Asker, host: &Name, address: SocketAddr, apex: &Name, names: &[Name]) -> NameServer {
    if !has_route(address).await {
        let why = "this machine has no route to it".to_owned();
        return server(host, Some(address), NameServerStatus::NotTried, Some(why));
    }
    // All at once: a server that holds the zone has every answer at hand.
    let answers = names.iter().cloned().map(|name| {
        let asker = asker.clone();
        async move { ask_name(&asker, address, &name).await }
    });
    let (top, answers) = tokio::join!(asker.ask_directly(address, apex, RecordType::SOA), all(answers));
    let failed = |status, why: String| server(host, Some(address), status, Some(why));
    let message = match top {
        Ok(reply) => reply.message,
        Err(failure) => {
            let status = match failure.status {
                DnsStatus::Refused | DnsStatus::Servfail => NameServerStatus::Lame,
                DnsStatus::Unreachable => NameServerStatus::Unreachable,
                DnsStatus::Malformed => NameServerStatus::Malformed,
                _ if asker.is_exhausted() => NameServerStatus::NotTried,
                _ => NameServerStatus::Timeout,
            };
            return failed(status, failure.detail);
        }
    };
    let held = soa(&message.answers).filter(|(record, _)| same(&record.name, apex));
    if !message.metadata.authoritative {
        return failed(NameServerStatus::Lame, format!("answers for `{}` without authority", text(apex)));
    }
    let Some((record, soa)) = held else {
        return failed(NameServerStatus::Lame, format!("has no SOA record of `{}`", text(apex)));
    };
    NameServer {
        serial: Some(soa.serial),
        negative_ttl: Some(record.ttl.min(soa.minimum)),
        answers: answers.into_iter().flatten().collect(),
        ..server(host, Some(address), NameServerStatus::Answers, None)
    }
}

/// What the server says of one name: `None` where it says nothing that counts.
async fn ask_name(asker: &Asker, address: SocketAddr, name: &Name) -> Option<NameAnswer> {
    let (a, aaaa) = tokio::join!(
        asker.ask_directly(address, name, RecordType::A),
        asker.ask_directly(address, name, RecordType::AAAA)
    );
    let mut answer = NameAnswer {
        name: text(name),
        status: DnsStatus::Nodata,
        targets: Vec::new(),
        addresses: Vec::new(),
        ttl: None,
    };
    let mut said = false;
    for reply in [a, aaaa] {
        let message = match reply {
            Ok(reply) if reply.message.metadata.authoritative => reply.message,
            Err(Failure { status: DnsStatus::Servfail, .. }) if !said => {
                answer.status = DnsStatus::Servfail;
                continue;
            }
            _ => continue,
        };
        if !said {
            answer.status = DnsStatus::Nodata;
        }
        said = true;
        take(&mut answer, name, &message);
    }
    (said || answer.status == DnsStatus::Servfail).then_some(answer)
}

fn take(answer: &mut NameAnswer, name: &Name, message: &Message) {
    for record in message.answers.iter().filter(|record| same(&record.name, name)) {
        match &record.data {
            RData::CNAME(target) => {
                let target = text(&target.0);
                if !answer.targets.contains(&target) && answer.targets.len() < MAX_KEPT {
                    answer.targets.push(target);
                }
            }
            _ => match address(record) {
                Some(ip) if !answer.addresses.contains(&ip) && answer.addresses.len() < MAX_KEPT => {
                    answer.addresses.push(ip);
                }
                _ => continue,
            },
        }
        answer.status = DnsStatus::Noerror;
        answer.ttl = Some(answer.ttl.map_or(record.ttl, |known| known.min(record.ttl)));
    }
    // The code is that of the last name of a chain (RFC 6604 §3).
    if answer.status != DnsStatus::Noerror && message.metadata.response_code == ResponseCode::NXDomain {
        answer.status = DnsStatus::Nxdomain;
    }
    if answer.status != DnsStatus::Noerror {
        answer.ttl = negative_ttl(&message.authorities);
    }
}

/// What stands beside the CNAMEs of a zone, as far as a server shows it.
async fn faults(asker: &Asker, zone: &ZoneView, names: &[Name]) -> Vec<NameFault> {
    let mut faults = Vec::new();
    let Some((server, answers)) = zone.servers.iter().find_map(|server| {
        let address: SocketAddr = server.address.as_ref()?.parse().ok()?;
        (server.status == NameServerStatus::Answers).then_some((address, &server.answers))
    }) else {
        return faults;
    };
    for answer in answers.iter().filter(|answer| !answer.targets.is_empty()) {
        let fault = |kind, beside| NameFault { kind, owner: answer.name.clone(), beside, server: server.to_string() };
        if answer.targets.len() > 1 {
            faults.push(fault(NameFaultKind::SeveralCnames, answer.targets.clone()));
        }
        let Some(owner) = names.iter().find(|name| text(name) == answer.name) else { continue };
        let found = all(BESIDE.map(|kind| {
            let (asker, owner) = (asker.clone(), owner.clone());
            async move {
                let message = asker.ask_directly(server, &owner, kind).await.ok()?.message;
                let is = |record: &Record| same(&record.name, &owner) && record.record_type() == kind;
                message.answers.iter().any(is).then_some(kind)
            }
        }))
        .await;
        let mut beside: Vec<RecordType> = found.into_iter().flatten().collect();
        if !answer.addresses.is_empty() {
            beside.push(RecordType::A);
        }
        let apex =
            text(owner) == zone.zone || beside.iter().any(|kind| matches!(kind, RecordType::SOA | RecordType::NS));
        let beside: Vec<String> = beside.iter().map(ToString::to_string).collect();
        if apex {
            faults.push(fault(NameFaultKind::CnameAtApex, beside));
        } else if !beside.is_empty() {
            faults.push(fault(NameFaultKind::CnameBesideOtherRecords, beside));
        }
    }
    faults
}
