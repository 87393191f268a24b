//! What a name has beside addresses: CAA (RFC 8659) and HTTPS (RFC 9460) records.

use std::net::IpAddr;

use hickory_proto::rr::rdata::svcb::{SVCB, SvcParamValue};
use hickory_proto::rr::{Name, RData, RecordType};

use super::answer::{printable, text};
use super::asker::{Asker, all, climb};
use super::follow;
use crate::model::naming::{CaaRecord, CaaSet, HttpsRecord};
use crate::model::resolution::DnsStatus;

/// Steps of the climb. A name below a registered domain has seldom more than four labels; the climb starts at the name, so
/// that what is cut is the far end.
const MAX_CLIMB: usize = 10;

/// Records kept of one set.
const MAX_RECORDS: usize = 32;

/// Targets of HTTPS records that are asked for their addresses.
const MAX_TARGETS: usize = 4;

/// The CAA sets of the name and of all its parents, asked for at once: to climb step by step would take as many round trips.
pub async fn caa(asker: &Asker, name: &Name) -> Vec<CaaSet> {
    let steps = climb(name, MAX_CLIMB).into_iter().map(|name| {
        let asker = asker.clone();
        async move {
            let (status, records, failure) = match asker.records(&name, RecordType::CAA).await {
                Ok((_, records)) => (DnsStatus::Noerror, records, None),
                Err(failure) => (failure.status, Vec::new(), Some(failure.detail)),
            };
            let records = records.iter().filter_map(|record| {
                let RData::CAA(caa) = &record.data else { return None };
                Some(CaaRecord {
                    critical: caa.issuer_critical,
                    tag: printable(caa.tag.as_bytes()).to_ascii_lowercase(),
                    value: printable(&caa.value),
                    ttl: record.ttl,
                })
            });
            let mut records: Vec<CaaRecord> = records.take(MAX_RECORDS).collect();
            // A set has no order, and resolvers turn it round: two reports of one zone shall be equal.
            records.sort_by(|one, other| (&one.tag, &one.value).cmp(&(&other.tag, &other.value)));
            CaaSet { name: text(&name), status, records, failure }
        }
    });
    all(steps).await
}

/// The HTTPS records for `https://name:port`, and how their targets resolve. `None`: no answer.
pub async fn https(asker: &Asker, name: &Name, port: u16) -> Option<Vec<HttpsRecord>> {
    // RFC 9460 §9.1: other ports have a name of their own.
    let owner = match port {
        443 => name.clone(),
        _ => Name::from_ascii(format!("_{port}._https")).ok()?.append_domain(name).ok()?,
    };
    let mut records = ask(asker, &owner).await?;
    let alias = records.iter().find(|(_, record)| record.priority == 0).map(|(target, _)| target.clone());
    if let Some(target) = alias
        && !target.is_root()
    {
        // §2.4.2: the target may have records of its own, which count then.
        records.extend(ask(asker, &target).await.unwrap_or_default());
    }
    let mut targets: Vec<Name> = Vec::new();
    for (target, record) in &records {
        // The target `.` of AliasMode says that there is no service (§2.5.1).
        if !(target.is_root() || targets.contains(target) || record.owner == text(target)) {
            targets.push(target.clone());
        }
    }
    targets.truncate(MAX_TARGETS);
    let resolved = all(targets.into_iter().map(|target| {
        let asker = asker.clone();
        async move { follow::view(asker.resolvers(), &target, asker.deadline).await }
    }))
    .await;
    let named = |record: &HttpsRecord| resolved.iter().find(|view| view.asked_for == record.target);
    Some(
        records
            .into_iter()
            .map(|(_, record)| match named(&record) {
                Some(found) => HttpsRecord {
                    target_status: Some(found.resolution.status),
                    target_addresses: found.resolution.addresses.iter().map(|address| address.ip).collect(),
                    ..record
                },
                None => record,
            })
            .collect(),
    )
}

/// With the effective target of each.
async fn ask(asker: &Asker, owner: &Name) -> Option<Vec<(Name, HttpsRecord)>> {
    let (owner, records) = match asker.records(owner, RecordType::HTTPS).await {
        Ok(found) => found,
        Err(failure) if failure.status == DnsStatus::Nxdomain => return Some(Vec::new()),
        Err(_) => return None,
    };
    let mut found: Vec<(Name, HttpsRecord)> = records
        .iter()
        .filter_map(|record| {
            let RData::HTTPS(https) = &record.data else { return None };
            let target = match https.target_name.is_root() && https.svc_priority != 0 {
                true => owner.clone(), // §2.5.2
                false => https.target_name.clone(),
            };
            let record = read(&owner, &target, record.ttl, &https.0);
            Some((target, record))
        })
        .take(MAX_RECORDS)
        .collect();
    found.sort_by(|(_, one), (_, other)| (one.priority, &one.target).cmp(&(other.priority, &other.target)));
    Some(found)
}

fn read(owner: &Name, target: &Name, ttl: u32, record: &SVCB) -> HttpsRecord {
    let mut read = HttpsRecord {
        owner: text(owner),
        priority: record.svc_priority,
        target: text(target),
        alpn: Vec::new(),
        no_default_alpn: false,
        port: None,
        hints: Vec::new(),
        ech: false,
        ttl,
        target_status: None,
        target_addresses: Vec::new(),
    };
    for (_, value) in &record.svc_params {
        match value {
            SvcParamValue::Alpn(alpn) => {
                read.alpn = alpn.0.iter().take(MAX_RECORDS).map(|id| printable(id.as_bytes())).collect();
            }
            SvcParamValue::NoDefaultAlpn => read.no_default_alpn = true,
            SvcParamValue::Port(port) => read.port = Some(*port),
            SvcParamValue::Ipv4Hint(hints) => {
                read.hints.extend(hints.0.iter().take(MAX_RECORDS).map(|a| IpAddr::V4(a.0)));
            }
            SvcParamValue::Ipv6Hint(hints) => {
                read.hints.extend(hints.0.iter().take(MAX_RECORDS).map(|aaaa| IpAddr::V6(aaaa.0)));
            }
            SvcParamValue::EchConfigList(_) => read.ech = true,
            _ => {}
        }
    }
    read
}
