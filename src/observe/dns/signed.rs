//! DNSSEC: is an answer signed, would a validator accept it, and if not, why.
//!
//! What decides for users is their validating resolver, so its word (AD, or SERVFAIL that CD lifts) comes first. Our own
//! check walks from the name up to the root to tell the reason, and to see what a resolver that does not validate hides.

use std::fmt;

use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use hickory_proto::dnssec::{PublicKey, TrustAnchors, Verifier};
use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::answer::{extended_error, same, text};
use super::asker::{Asker, all};
use super::authority;
use super::exchange::{Failure, Mode, Reply};
use crate::model::naming::{Dnssec, DnssecFault, DnssecSource, DnssecStatus};
use crate::model::resolution::DnsStatus;
use crate::model::time::Time;

/// Names of a chain whose zones are looked at.
const MAX_NAMES: usize = 8;

/// Zones between a name and the root.
const MAX_ZONES: usize = 8;

/// Signatures verified for one record set. Many keys with one tag make validators work for hours (CVE-2023-50387, KeyTrap);
/// honest zones have one or two.
const MAX_VERIFICATIONS: usize = 8;

/// Why a zone cannot be validated.
struct Broken {
    fault: DnssecFault,
    zone: String,
    reason: String,
}

impl Broken {
    fn new(fault: DnssecFault, zone: &Name, reason: impl fmt::Display) -> Self {
        let zone = text(zone);
        Self { fault, reason: format!("zone `{zone}`: {reason}"), zone }
    }
}

/// How a name stands, as far as we can see.
enum Standing {
    /// Everything fits, up to a key of the root that is compiled in.
    Secure,
    Insecure(String),
    Broken(Broken),
    /// Everything fits as far as it could be asked for.
    Unknown(String),
}

/// The resolver answered SERVFAIL: is it because it validates? `None`: no, it fails without validation too.
pub async fn explain_failure(asker: &Asker, name: &Name, now: Time) -> Option<Dnssec> {
    let (refused, unvalidated) =
        tokio::join!(asker.ask(Mode::Resolve, name, RecordType::A), asker.ask(Mode::Unvalidated, name, RecordType::A));
    let Err(Failure { status: DnsStatus::Servfail, reply, .. }) = refused else { return None };
    unvalidated.ok()?;
    let extended_error = reply.and_then(|reply| extended_error(&reply.message));
    // A trust anchor of the resolver's own needs no DS records above it.
    let broken = match standing(asker, name, now, false).await {
        Standing::Broken(broken) => Some(broken),
        Standing::Secure | Standing::Insecure(_) | Standing::Unknown(_) => None,
    };
    let said = "the resolver fails unless it is told not to validate";
    Some(Dnssec {
        status: DnssecStatus::Bogus,
        by: DnssecSource::Resolver,
        fault: broken.as_ref().map(|broken| broken.fault),
        zone: broken.as_ref().map(|broken| broken.zone.clone()),
        reason: Some(broken.map_or_else(|| said.to_owned(), |broken| broken.reason)),
        extended_error,
    })
}

/// Our own check of the names of a chain: the worst of them counts.
pub async fn inspect(asker: &Asker, names: &[Name], now: Time) -> Dnssec {
    let standings = all(names.iter().take(MAX_NAMES).cloned().map(|name| {
        let asker = asker.clone();
        async move { standing(&asker, &name, now, true).await }
    }))
    .await;
    let dnssec = |status, broken: Option<Broken>, reason: Option<String>| Dnssec {
        status,
        by: DnssecSource::OwnCheck,
        fault: broken.as_ref().map(|broken| broken.fault),
        zone: broken.as_ref().map(|broken| broken.zone.clone()),
        reason: broken.map(|broken| broken.reason).or(reason),
        extended_error: None,
    };
    let (mut insecure, mut unknown) = (None, None);
    for standing in standings {
        match standing {
            Standing::Broken(broken) => return dnssec(DnssecStatus::Bogus, Some(broken), None),
            Standing::Insecure(why) => insecure = insecure.or(Some(why)),
            Standing::Unknown(why) => unknown = unknown.or(Some(why)),
            Standing::Secure => {}
        }
    }
    match (insecure, unknown) {
        (Some(why), _) => dnssec(DnssecStatus::Insecure, None, Some(why)),
        (None, Some(why)) => dnssec(DnssecStatus::Indeterminate, None, Some(why)),
        (None, None) => dnssec(DnssecStatus::Secure, None, None),
    }
}

/// `stop_without_ds`: a zone without DS records is insecure, whatever else is wrong with it; without it, faults are looked
/// for there too.
async fn standing(asker: &Asker, name: &Name, now: Time, stop_without_ds: bool) -> Standing {
    let answer = match asker.ask(Mode::Unvalidated, name, RecordType::A).await {
        Ok(reply) => reply.message,
        Err(failure) => return Standing::Unknown(format!("no answer for `{}`: {}", text(name), failure.detail)),
    };
    // RFC 3225 §3: who knows DNSSEC copies the DO bit.
    if !answer.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok) {
        return Standing::Unknown("the resolver hands out no signatures".to_owned());
    }
    let signatures = signatures(&answer.answers, name);
    let mut kinds = answer.answers.iter().filter(|record| same(&record.name, name)).map(Record::record_type);
    let found = kinds.find(|kind| *kind != RecordType::RRSIG);
    // Whoever signed the record says which zone it is; a name that is not signed is looked for.
    let mut zone = match signatures.first() {
        Some(signature) => signature.input().signer_name.clone(),
        None => match authority::zone_of(asker, name).await {
            Ok(apex) => apex,
            Err(why) => return Standing::Unknown(why),
        },
    };
    let mut below: Option<(Vec<Record>, RecordType)> = found.map(|kind| (answer.answers.clone(), kind));
    let mut owner = name.clone();
    for _ in 0..MAX_ZONES {
        if !zone.zone_of(&owner) {
            let why = format!("signed by `{}`, which is not above `{}`", text(&zone), text(&owner));
            return Standing::Broken(Broken::new(DnssecFault::SignatureWrong, &zone, why));
        }
        let (keys, delegation) = tokio::join!(
            asker.ask(Mode::Unvalidated, &zone, RecordType::DNSKEY),
            asker.ask(Mode::Unvalidated, &zone, RecordType::DS)
        );
        let keys = match keys {
            Ok(Reply { message, .. }) => message,
            Err(failure) => return Standing::Unknown(format!("no keys of `{}`: {}", text(&zone), failure.detail)),
        };
        let delegation = match delegation {
            Ok(Reply { message, .. }) => message,
            Err(_) if zone.is_root() => Message::query(),
            Err(failure) => return Standing::Unknown(format!("no DS of `{}`: {}", text(&zone), failure.detail)),
        };
        let ds: Vec<&DS> = delegation.answers.iter().filter_map(|record| ds_of(record, &zone)).collect();
        let key_set: Vec<&DNSKEY> = keys.answers.iter().filter_map(|record| key_of(record, &zone)).collect();
        let delegated = !ds.is_empty() || zone.is_root();
        if !delegated && (stop_without_ds || key_set.is_empty()) {
            let why = match key_set.is_empty() {
                true => format!("zone `{}` is not signed", text(&zone)),
                false => format!("zone `{}` is signed, but the zone above has no DS record for it", text(&zone)),
            };
            return Standing::Insecure(why);
        }
        if let Err(broken) = zone_fits(&zone, &key_set, &keys.answers, &ds, now) {
            return match broken {
                Some(broken) => Standing::Broken(broken),
                None => Standing::Insecure(format!("zone `{}` is signed with what we cannot verify", text(&zone))),
            };
        }
        if let Some((records, kind)) = &below
            && let Err(broken) = set_fits(&zone, &owner, *kind, records, &key_set, now)
        {
            return Standing::Broken(broken);
        }
        if zone.is_root() {
            return match key_set.iter().any(|key| TrustAnchors::default().contains(key.public_key())) {
                true => Standing::Secure,
                false => Standing::Unknown("its signatures fit, up to a root that is not the public one".to_owned()),
            };
        }
        let Some(signature) = signatures_of(&delegation.answers, &zone, RecordType::DS).next() else {
            if !delegated {
                return Standing::Unknown(format!("its signatures fit, up to `{}`", text(&zone)));
            }
            let why = format!("the DS records for `{}` have no signature", text(&zone));
            return Standing::Broken(Broken::new(DnssecFault::SignatureMissing, &zone.base_name(), why));
        };
        let above = signature.input().signer_name.clone();
        if same(&above, &zone) {
            let why = "it signs its own DS records";
            return Standing::Broken(Broken::new(DnssecFault::SignatureWrong, &zone, why));
        }
        below = Some((delegation.answers, RecordType::DS));
        owner = std::mem::replace(&mut zone, above);
    }
    Standing::Unknown(format!("more than {MAX_ZONES} zones"))
}

/// The keys are signed by one that a DS record names. `Err(None)`: with algorithms that nobody here knows, which makes the
/// zone insecure (RFC 4035 §5.2).
fn zone_fits(zone: &Name, keys: &[&DNSKEY], records: &[Record], ds: &[&DS], now: Time) -> Result<(), Option<Broken>> {
    if keys.is_empty() {
        let why = "the zone above has DS records for it, but it has no keys";
        return Err(Some(Broken::new(DnssecFault::KeysMissing, zone, why)));
    }
    let known = |ds: &&&DS| ds.algorithm().is_supported() && matches!(u8::from(ds.digest_type()), 1 | 2 | 4);
    if !ds.is_empty() && !ds.iter().any(|ds| known(&ds)) {
        return Err(None);
    }
    let named = |key: &&&DNSKEY| ds.iter().any(|ds| ds.covers(zone, key).unwrap_or(false));
    let entries: Vec<&DNSKEY> = match ds.is_empty() {
        true => keys.to_vec(),
        false => keys.iter().filter(named).copied().collect(),
    };
    if entries.is_empty() {
        let tags = |tags: Vec<u16>| tags.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        let why = format!(
            "the DS records of the zone above name key {}, the zone has key {}",
            tags(ds.iter().map(|ds| ds.key_tag()).collect()),
            tags(keys.iter().filter_map(|key| key.calculate_key_tag().ok()).collect())
        );
        return Err(Some(Broken::new(DnssecFault::DsMismatch, zone, why)));
    }
    set_fits(zone, zone, RecordType::DNSKEY, records, &entries, now).map_err(Some)
}

/// Some signature of the record set is valid now and verifies with one of the keys.
fn set_fits(
    zone: &Name,
    owner: &Name,
    kind: RecordType,
    records: &[Record],
    keys: &[&DNSKEY],
    now: Time,
) -> Result<(), Broken> {
    let set: Vec<&Record> =
        records.iter().filter(|record| same(&record.name, owner) && record.record_type() == kind).collect();
    let what = format!("the {kind} record of `{}`", text(owner));
    let mut worst: Option<(DnssecFault, String)> = None;
    let mut verified = 0;
    for signature in signatures_of(records, owner, kind) {
        let input = signature.input();
        let at = |serial: u32| moment(serial, now);
        // RFC 4034 §3.1.5: serial number arithmetic around now.
        if at(input.sig_expiration.get()) < now {
            let since = at(input.sig_expiration.get());
            worst = Some((DnssecFault::SignatureExpired, format!("the signature of {what} expired at {since}")));
            continue;
        }
        if at(input.sig_inception.get()) > now {
            let from = at(input.sig_inception.get());
            let fault = (DnssecFault::SignatureNotYetValid, format!("the signature of {what} is valid from {from} on"));
            worst = worst.or(Some(fault));
            continue;
        }
        let signers = keys.iter().filter(|key| {
            key.public_key().algorithm() == input.algorithm
                && key.calculate_key_tag().is_ok_and(|tag| tag == input.key_tag)
        });
        for key in signers {
            verified += 1;
            if verified > MAX_VERIFICATIONS {
                break;
            }
            if key.verify_rrsig(owner, DNSClass::IN, signature, set.iter().copied()).is_ok() {
                return Ok(());
            }
        }
        let why = format!("no key of the zone verifies the signature of {what} (key {})", input.key_tag);
        worst = worst.or(Some((DnssecFault::SignatureWrong, why)));
    }
    let (fault, why) = worst.unwrap_or_else(|| (DnssecFault::SignatureMissing, format!("{what} has no signature")));
    Err(Broken::new(fault, zone, why))
}

/// The moment next to `now` that the 32 bits can mean.
fn moment(serial: u32, now: Time) -> Time {
    // Truncation is the point: the distance is counted modulo 2^32 and read with its sign.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]
    let distance = serial.wrapping_sub(now.unix() as u32) as i32;
    now.plus(i64::from(distance))
}

/// The signatures of whatever the answer has at `owner`.
fn signatures<'a>(records: &'a [Record], owner: &Name) -> Vec<&'a RRSIG> {
    records.iter().filter(|record| same(&record.name, owner)).filter_map(rrsig).collect()
}

fn signatures_of<'a>(records: &'a [Record], owner: &Name, kind: RecordType) -> impl Iterator<Item = &'a RRSIG> {
    signatures(records, owner).into_iter().filter(move |signature| signature.input().type_covered == kind)
}

fn rrsig(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature),
        _ => None,
    }
}

fn ds_of<'a>(record: &'a Record, zone: &Name) -> Option<&'a DS> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DS(ds)) if same(&record.name, zone) => Some(ds),
        _ => None,
    }
}

fn key_of<'a>(record: &'a Record, zone: &Name) -> Option<&'a DNSKEY> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) if same(&record.name, zone) && key.zone_key() => Some(key),
        _ => None,
    }
}
