//! The profile that a TLS server's certificates must keep to be acceptable: RFC 5280 §4 and the CA/Browser Forum's
//! Baseline Requirements, as far as the certificates of public sites keep them. What those break is a finding at most.

use std::net::{IpAddr, Ipv6Addr};

use super::Breach;
use super::names::is_host_name;
use super::rules::{self, Rule};
use crate::model::time::Time;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::Hash;
use crate::x509::{Certificate, EncodingFault, usage};

/// Dotted OIDs of extensions that must not be critical.
const SUBJECT_KEY_ID: &str = "2.5.29.14";
const AUTHORITY_KEY_ID: &str = "2.5.29.35";
const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";

/// 1995-01-01 and 2012-07-01: X.509 v3 is of 1996, the Baseline Requirements took effect at the latter date.
const FIRST_ROOTS: i64 = 788_918_400;
const BASELINE: i64 = 1_341_100_800;

/// All breaches of a path that ends at a trust anchor.
pub fn breaches(path: &[&Certificate]) -> Vec<Breach> {
    let mut found = Vec::new();
    for (position, certificate) in path.iter().enumerate() {
        let mut add = |rule, detail: Option<String>| found.push(Breach { position, rule, detail });
        let is_root = certificate.is_self_issued() && position + 1 == path.len();
        // Roots that were made before there were rules for them are in every store, and keep none.
        let is_early_root = is_root && is_early(certificate);
        any(certificate, is_root, &mut add);
        if position == 0 {
            end_entity(certificate, &mut add);
        } else {
            ca(certificate, is_early_root, &mut add);
        }
        if is_root {
            root(certificate, is_early_root, &mut add);
        } else {
            issued(certificate, &mut add);
        }
    }
    found
}

/// A notBefore before X.509 v3 existed says nothing about when a certificate was made.
fn is_early(certificate: &Certificate) -> bool {
    (Time::from_unix(FIRST_ROOTS)..Time::from_unix(BASELINE)).contains(&certificate.not_before)
}

fn any(certificate: &Certificate, is_root: bool, add: &mut impl FnMut(&'static Rule, Option<String>)) {
    let extensions = &certificate.extensions;
    let is_critical = |oid: &str| extensions.critical.iter().any(|critical| &**critical == oid);
    for (oid, rule) in [
        (SUBJECT_KEY_ID, &rules::PROFILE_SKI_CRITICAL),
        (AUTHORITY_KEY_ID, &rules::PROFILE_AKI_CRITICAL),
        (AUTHORITY_INFO_ACCESS, &rules::PROFILE_AIA_CRITICAL),
    ] {
        if is_critical(oid) {
            add(rule, None);
        }
    }
    let bad_serial = certificate.encoding_faults.iter().any(|fault| match fault {
        EncodingFault::SerialNegative | EncodingFault::SerialTooLong => true,
        // Roots with the serial number 0 are in every store; it tells nothing apart there.
        EncodingFault::SerialZero => !is_root,
        _ => false,
    });
    if bad_serial {
        add(&rules::PROFILE_SERIAL, None);
    }
    if certificate.issuer.is_empty() {
        add(&rules::PROFILE_ISSUER_EMPTY, None);
    }
    let strong = match &certificate.key {
        KeyKind::Rsa { bits, .. } => *bits >= 2048 && bits % 8 == 0,
        KeyKind::Ec(curve) => matches!(curve, Curve::P256 | Curve::P384 | Curve::P521),
        // No public CA certifies these, and nothing is wrong with them.
        KeyKind::Ed25519 | KeyKind::Ed448 => true,
        KeyKind::Dsa | KeyKind::Other(_) => false,
    };
    if !strong {
        add(&rules::PROFILE_KEY, Some(certificate.key.to_string()));
    }
    if let Some(constraints) = &extensions.policy_constraints
        && !constraints.critical
    {
        add(&rules::PROFILE_POLICY_CONSTRAINTS, None);
    }
    let signs = extensions.key_usage.as_ref().is_some_and(|key_usage| key_usage.allows(usage::KEY_CERT_SIGN));
    if signs && !certificate.is_ca() {
        add(&rules::PROFILE_KEY_CERT_SIGN, None);
    }
    let has_path_length =
        extensions.basic_constraints.as_ref().is_some_and(|constraints| constraints.path_len.is_some());
    if has_path_length && !(certificate.is_ca() && (signs || extensions.key_usage.is_none())) {
        add(&rules::PROFILE_PATH_LENGTH, None);
    }
}

/// What is not a root was issued by another, whose key it must name and whose signature counts.
fn issued(certificate: &Certificate, add: &mut impl FnMut(&'static Rule, Option<String>)) {
    match &certificate.extensions.authority_key_id {
        None => add(&rules::PROFILE_AKI_MISSING, None),
        Some(authority) if authority.key_id.is_none() => add(&rules::PROFILE_AKI_INCOMPLETE, None),
        Some(_) => {}
    }
    if matches!(certificate.signature_algorithm.hash(), Some(Hash::Md5 | Hash::Sha1 | Hash::Sha224)) {
        add(&rules::PROFILE_SIGNATURE, Some(certificate.signature_algorithm.to_string()));
    }
}

fn ca(certificate: &Certificate, is_early_root: bool, add: &mut impl FnMut(&'static Rule, Option<String>)) {
    let extensions = &certificate.extensions;
    if certificate.subject.is_empty() {
        add(&rules::PROFILE_SUBJECT_EMPTY, None);
    }
    if extensions.subject_key_id.is_none() && !is_early_root {
        add(&rules::PROFILE_SKI_MISSING, None);
    }
    let is_proper =
        extensions.basic_constraints.as_ref().is_some_and(|constraints| constraints.ca && constraints.critical);
    if !is_proper && !is_early_root {
        add(&rules::PROFILE_BASIC_CONSTRAINTS, None);
    }
}

fn root(certificate: &Certificate, is_early: bool, add: &mut impl FnMut(&'static Rule, Option<String>)) {
    let extensions = &certificate.extensions;
    if let Some(authority) = &extensions.authority_key_id
        && !is_early
    {
        if authority.key_id.is_none() || !authority.issuer.is_empty() || authority.serial.is_some() {
            add(&rules::PROFILE_AKI_INCOMPLETE, None);
        } else if authority.key_id != extensions.subject_key_id {
            add(&rules::PROFILE_AKI_MISMATCH, None);
        }
    }
    if extensions.extended_key_usage.is_some() {
        add(&rules::PROFILE_EKU_ROOT, None);
    }
}

fn end_entity(certificate: &Certificate, add: &mut impl FnMut(&'static Rule, Option<String>)) {
    let extensions = &certificate.extensions;
    if certificate.version < 3 {
        add(&rules::PROFILE_VERSION, None);
    }
    if certificate.is_ca() {
        add(&rules::PROFILE_CA_SERVES, None);
    }
    if extensions.name_constraints.is_some() {
        add(&rules::PROFILE_NAME_CONSTRAINTS, None);
    }
    if let Some(purposes) = &extensions.extended_key_usage {
        if purposes.any {
            add(&rules::PROFILE_EKU_ANY, None);
        }
        if purposes.critical {
            add(&rules::PROFILE_EKU_CRITICAL, None);
        }
    }
    let Some(san) = &extensions.subject_alt_name else {
        return add(&rules::PROFILE_SAN_MISSING, None);
    };
    if san.critical != certificate.subject.is_empty() {
        add(&rules::PROFILE_SAN_CRITICAL, None);
    }
    let is_malformed = |name: &GeneralName| match name {
        GeneralName::Ip(octets) => !matches!(octets.len(), 4 | 16),
        GeneralName::Dns(text) => text.is_empty(),
        GeneralName::Invalid(_) => true,
        GeneralName::Email(_) | GeneralName::Uri(_) | GeneralName::Directory(_) | GeneralName::Other(_) => false,
    };
    if san.names.is_empty() || san.names.iter().any(is_malformed) {
        add(&rules::PROFILE_SAN_MALFORMED, None);
    }
    for attribute in certificate.subject.attributes() {
        if attribute.oid == "2.5.4.3" && !is_fitting(&attribute.text, &san.names) {
            add(&rules::PROFILE_CN, Some(crate::x509::dn::printable(&attribute.text)));
        }
    }
}

/// Is the common name a copy of a presented identifier, or so far from one that it was never meant to be? Another
/// spelling of one is neither, and among public names neither is a host or address that is not one of them. A domain that
/// the others are in says what the certificate is for.
fn is_fitting(common_name: &str, names: &[GeneralName]) -> bool {
    let mut hosts = names.iter().filter_map(|name| match name {
        GeneralName::Dns(text) => Some(&**text),
        _ => None,
    });
    let addresses: Vec<IpAddr> = names.iter().filter_map(GeneralName::as_ip).collect();
    if hosts.clone().any(|name| name == common_name)
        || addresses.iter().any(|address| address.to_string() == common_name)
    {
        return true;
    }
    // All spellings that a browser takes for the same host: octal and hexadecimal addresses, U-labels, upper case.
    let host = match common_name.parse::<Ipv6Addr>() {
        Ok(address) => url::Host::Ipv6(address),
        Err(_) => match url::Host::parse(common_name) {
            Ok(host) => host,
            Err(_) => return true,
        },
    };
    let all_public = hosts.clone().all(is_public_name) && addresses.iter().all(is_public_address);
    let address = match host {
        url::Host::Ipv4(address) => IpAddr::from(address),
        url::Host::Ipv6(address) => IpAddr::from(address),
        url::Host::Domain(domain) => {
            let is_inside = |name: &str| name.to_ascii_lowercase().ends_with(&format!(".{domain}"));
            let is_respelled = hosts.clone().any(|name| name.eq_ignore_ascii_case(&domain));
            let is_another = hosts.clone().next().is_some() && all_public && is_public_name(&domain);
            return !is_respelled && (!is_another || hosts.any(is_inside));
        }
    };
    !addresses.contains(&address) && !all_public
}

fn is_public_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    is_host_name(&name) && psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

fn is_public_address(address: &IpAddr) -> bool {
    !address.is_loopback() && !matches!(address, IpAddr::V4(v4) if v4.is_private() || v4.is_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_names_beside_alternative_names() {
        let dns = |text: &str| GeneralName::Dns(text.into());
        let site = [dns("www.example.com"), dns("example.org")];
        for (common_name, fits) in [
            ("www.example.com", true),
            ("WWW.example.com", false),
            ("Example Corporation", true),
            ("example.com", true),
            ("other.example.com", false),
            ("*.example.org", false),
            ("192.0.2.1", false),
        ] {
            assert_eq!(is_fitting(common_name, &site), fits, "{common_name}");
        }
        assert!(is_fitting("other.example.com", &[dns("db.internal")]), "no public name");
        let address = [GeneralName::Ip([192, 0, 2, 1].into())];
        for (common_name, fits) in [
            ("192.0.2.1", true),
            ("192.000.002.001", false),
            ("0xC0.0x00.0x02.0x01", false),
            ("192.0.2.2", false),
            ("example.com", true),
        ] {
            assert_eq!(is_fitting(common_name, &address), fits, "{common_name}");
        }
        assert!(!is_fitting("bücher.example.com", &[dns("xn--bcher-kva.example.com")]));
    }
}
