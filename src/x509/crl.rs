//! Certificate revocation lists (RFC 5280 §5): owned and whole, for those who judge with given lists; or read where they
//! lie ([`List`]), for those that were downloaded.

mod list;

use x509_parser::der_parser::asn1_rs::FromDer;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::X509Extension;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificate::{AuthorityKeyIdentifier, Certificate};
use super::der;
use super::distribution_point::{self, PointName};
use super::dn::DistinguishedName;
use super::general_name::GeneralName;
use super::oid::dotted;
use super::signature::{self, SignatureAlgorithm, SignatureCheck};
use crate::model::time::Time;

pub use list::{List, MAX_LIST_BYTES, Walked};

/// The largest public CRLs have about 10 MB.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Which certificates a CRL is about (RFC 5280 §5.2.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuingDistributionPoint {
    pub name: Option<PointName>,
    pub only_user_certificates: bool,
    pub only_ca_certificates: bool,
    pub only_attribute_certificates: bool,
    /// onlySomeReasons.
    pub reasons: Option<u16>,
    /// Entries may name another issuer than the CRL's.
    pub indirect: bool,
}

/// One revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Content octets of the serial number.
    pub serial: Box<[u8]>,
    /// certificateIssuer where it differs from the CRL's; it holds until the next entry that names one (§5.3.3).
    pub issuer: Option<DistinguishedName>,
    /// The reason removeFromCRL, which only delta CRLs have.
    pub is_removal: bool,
}

/// Why bytes are not a CRL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate revocation list")]
pub struct Malformed;

#[derive(Debug, Clone)]
pub struct Crl {
    pub issuer: DistinguishedName,
    pub this_update: Time,
    pub next_update: Option<Time>,
    /// Big-endian digits of cRLNumber without leading zeros.
    pub number: Option<Box<[u8]>>,
    /// BaseCRLNumber of a delta CRL, likewise.
    pub delta_base: Option<Box<[u8]>>,
    pub authority_key_id: Option<AuthorityKeyIdentifier>,
    pub scope: Option<IssuingDistributionPoint>,
    pub entries: Vec<Entry>,
    /// A critical extension, of the list or of an entry, is not understood: the CRL must not be used (§5.2, §5.3).
    pub has_unknown_critical: bool,
    signature_algorithm: SignatureAlgorithm,
    tbs: Box<[u8]>,
    signature: Box<[u8]>,
}

impl Crl {
    /// The whole list, parsed. Delta CRLs are told by `delta_base`.
    pub fn parse(der: &[u8]) -> Result<Self, Malformed> {
        if der.len() > MAX_BYTES {
            return Err(Malformed);
        }
        let (rest, list) = CertificateRevocationList::from_der(der).map_err(|_| Malformed)?;
        if !rest.is_empty() || list.signature_algorithm != list.tbs_cert_list.signature {
            return Err(Malformed);
        }
        let mut crl = Self {
            issuer: DistinguishedName::new(list.issuer()),
            this_update: Time::from_unix(list.last_update().timestamp()),
            next_update: list.next_update().map(|time| Time::from_unix(time.timestamp())),
            number: None,
            delta_base: None,
            authority_key_id: None,
            scope: None,
            entries: Vec::new(),
            has_unknown_critical: false,
            signature_algorithm: SignatureAlgorithm::new(&list.signature_algorithm),
            tbs: list.tbs_cert_list.as_ref().into(),
            signature: list.signature_value.data.as_ref().into(),
        };
        for extension in list.extensions() {
            crl.read_extension(extension)?;
        }
        let mut issuer = None;
        for revoked in list.iter_revoked_certificates() {
            let mut is_removal = false;
            for extension in revoked.extensions() {
                match &*dotted(&extension.oid) {
                    // certificateIssuer
                    "2.5.29.29" => {
                        let (names, _) = der::split(extension.value).ok_or(Malformed)?;
                        let names = distribution_point::general_names(names.content).ok_or(Malformed)?;
                        issuer = names.into_iter().find_map(|name| match name {
                            GeneralName::Directory(name) => Some(name),
                            _ => None,
                        });
                    }
                    // reasonCode: removeFromCRL
                    "2.5.29.21" => is_removal = extension.value == [0x0a, 1, 8],
                    // invalidityDate
                    "2.5.29.24" => {}
                    _ => crl.has_unknown_critical |= extension.critical,
                }
            }
            crl.entries.push(Entry {
                serial: minimal(revoked.raw_serial()).into(),
                issuer: issuer.clone(),
                is_removal,
            });
        }
        Ok(crl)
    }

    fn read_extension(&mut self, extension: &X509Extension<'_>) -> Result<(), Malformed> {
        let integer = || {
            der::split(extension.value)
                .filter(|(value, _)| value.tag == 2)
                .map(|(value, _)| minimal(value.content).into())
        };
        match &*dotted(&extension.oid) {
            // §5.2.3: never critical.
            "2.5.29.20" if !extension.critical => self.number = Some(integer().ok_or(Malformed)?),
            "2.5.29.27" => self.delta_base = Some(integer().ok_or(Malformed)?),
            "2.5.29.28" => self.scope = Some(scope(extension.value).ok_or(Malformed)?),
            "2.5.29.35" => {
                let ParsedExtension::AuthorityKeyIdentifier(value) = extension.parsed_extension() else {
                    return Err(Malformed);
                };
                self.authority_key_id = Some(AuthorityKeyIdentifier {
                    key_id: value.key_identifier.as_ref().map(|id| id.0.into()),
                    ..AuthorityKeyIdentifier::default()
                });
            }
            // issuerAltName, freshestCRL
            "2.5.29.18" | "2.5.29.46" => {}
            _ => self.has_unknown_critical |= extension.critical,
        }
        Ok(())
    }

    /// Does its signature verify under `issuer`'s key? Names are not compared.
    pub fn is_signed_by(&self, issuer: &Certificate) -> bool {
        signature::verify(&self.signature_algorithm, &issuer.key, issuer.spki(), &self.tbs, &self.signature)
            == SignatureCheck::Valid
    }

    /// The entry about the certificate with this serial number and issuer.
    pub fn entry(&self, serial: &[u8], issuer: &DistinguishedName) -> Option<&Entry> {
        let serial = minimal(serial);
        self.entries.iter().find(|entry| {
            let entry_issuer = entry.issuer.as_ref().unwrap_or(&self.issuer);
            *entry.serial == *serial && entry_issuer.normalised() == issuer.normalised()
        })
    }
}

/// An INTEGER's content without superfluous leading zeros: serial numbers are compared as numbers.
fn minimal(integer: &[u8]) -> &[u8] {
    let zeros = integer.iter().take_while(|&&octet| octet == 0).count();
    &integer[zeros.min(integer.len().saturating_sub(1))..]
}

fn scope(extension: &[u8]) -> Option<IssuingDistributionPoint> {
    let (outer, _) = der::split(extension).filter(|(value, _)| value.tag == 0x30)?;
    let mut scope = IssuingDistributionPoint::default();
    for field in der::values(outer.content) {
        let is_true = field.content == [0xff];
        match field.tag {
            0xa0 => scope.name = Some(distribution_point::point_name(field.content)?),
            0x81 => scope.only_user_certificates = is_true,
            0x82 => scope.only_ca_certificates = is_true,
            0x83 => scope.reasons = Some(distribution_point::bits(field.content)?),
            0x84 => scope.indirect = is_true,
            0x85 => scope.only_attribute_certificates = is_true,
            _ => return None,
        }
    }
    Some(scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_crl_says_so() {
        assert_eq!(Crl::parse(b"").unwrap_err(), Malformed);
        assert_eq!(Crl::parse(&[0x30, 3, 2, 1, 5]).unwrap_err(), Malformed);
    }

    #[test]
    fn serial_numbers_are_compared_as_numbers() {
        assert_eq!(minimal(&[0, 0, 1]), [1]);
        assert_eq!(minimal(&[0]), [0]);
        assert_eq!(minimal(&[]), [0; 0]);
    }
}
