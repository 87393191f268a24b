//! Where a certificate's CRLs are, and which part of a CA's revocations a CRL covers (RFC 5280 §4.2.1.13, §5.2.5).

use x509_parser::extensions::GeneralName as Parsed;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::der;
use super::dn::DistinguishedName;
use super::general_name::GeneralName;

/// DistributionPointName.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PointName {
    Full(Vec<GeneralName>),
    /// nameRelativeToCRLIssuer: the RDN's content octets, to be added to the CRL issuer's name.
    Relative(Box<[u8]>),
}

impl PointName {
    /// The names it stands for when `issuer` issues the CRL.
    pub fn names(&self, issuer: &DistinguishedName) -> Vec<GeneralName> {
        match self {
            Self::Full(names) => names.clone(),
            Self::Relative(rdn) => {
                let rdns = [issuer.rdns(), &der::encode(0x31, rdn)].concat();
                let name = der::encode(0x30, &rdns);
                X509Name::from_der(&name)
                    .map(|(_, name)| vec![GeneralName::Directory(DistinguishedName::new(&name))])
                    .unwrap_or_default()
            }
        }
    }
}

impl PointName {
    /// Do the two have a name in common? Each is completed with its own CRL issuer's name.
    pub fn meets(&self, issuer: &DistinguishedName, other: &Self, other_issuer: &DistinguishedName) -> bool {
        let theirs = other.names(other_issuer);
        self.names(issuer).iter().any(|one| theirs.iter().any(|other| is_same_name(one, other)))
    }
}

/// Directory names are compared as RFC 5280 §7.1 says, all others as they stand.
pub fn is_same_name(one: &GeneralName, other: &GeneralName) -> bool {
    match (one, other) {
        (GeneralName::Directory(one), GeneralName::Directory(other)) => one.normalised() == other.normalised(),
        _ => one == other,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionPoint {
    pub name: Option<PointName>,
    /// ReasonFlags; `None` is all of them.
    pub reasons: Option<u16>,
    /// cRLIssuer; empty when the certificate's issuer issues the CRL.
    pub crl_issuer: Vec<DistinguishedName>,
}

/// The points of a cRLDistributionPoints or freshestCRL extension. `None` when it cannot be read.
pub(super) fn list(extension: &[u8]) -> Option<Vec<DistributionPoint>> {
    let (outer, _) = der::split(extension).filter(|(value, _)| value.tag == 0x30)?;
    der::values(outer.content).map(|point| read(point.content)).collect()
}

fn read(content: &[u8]) -> Option<DistributionPoint> {
    let mut point = DistributionPoint { name: None, reasons: None, crl_issuer: Vec::new() };
    for field in der::values(content) {
        match field.tag {
            0xa0 => point.name = Some(point_name(field.content)?),
            0x81 => point.reasons = Some(bits(field.content)?),
            0xa2 => {
                point.crl_issuer = general_names(field.content)?
                    .into_iter()
                    .filter_map(|name| match name {
                        GeneralName::Directory(name) => Some(name),
                        _ => None,
                    })
                    .collect();
            }
            _ => return None,
        }
    }
    Some(point)
}

/// The content of `[0] DistributionPointName`.
pub(super) fn point_name(content: &[u8]) -> Option<PointName> {
    let (choice, _) = der::split(content)?;
    match choice.tag {
        0xa0 => general_names(choice.content).map(PointName::Full),
        0xa1 => Some(PointName::Relative(choice.content.into())),
        _ => None,
    }
}

/// The content of GeneralNames.
pub(super) fn general_names(content: &[u8]) -> Option<Vec<GeneralName>> {
    der::values(content)
        .map(|value| Parsed::from_der(value.whole).ok().map(|(_, name)| GeneralName::new(&name)))
        .collect()
}

/// The content of a BIT STRING of up to sixteen named bits; bit 0 is the lowest.
pub(super) fn bits(content: &[u8]) -> Option<u16> {
    let (&unused, octets) = content.split_first()?;
    if unused > 7 || octets.len() > 2 {
        return None;
    }
    Some(octets.iter().enumerate().fold(0, |bits, (i, octet)| bits | u16::from(octet.reverse_bits()) << (8 * i)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_bits_count_from_the_left() {
        assert_eq!(bits(&[5, 0b0110_0000]), Some(0b110));
        assert_eq!(bits(&[7, 0, 0x80]), Some(1 << 8));
        assert_eq!(bits(&[]), None);
    }
}
