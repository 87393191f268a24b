//! Hierarchies of certificates: valid ones in few words, and one thing changed at a time.
//!
//! What rcgen cannot make (version 1, SHA-1, RSA keys below 2048 bits) is not here.
//!
//! ```
//! use tlsmend::lab::pki::Pki;
//! # fn main() -> Result<(), tlsmend::lab::pki::PkiError> {
//! let pki = Pki::new("example", "2026-11-22T08:00:00Z".parse().unwrap());
//! let root = pki.root("Root").issue()?;
//! let intermediate = root.intermediate("Intermediate").issue()?;
//! let expired = intermediate.end_entity("www.lab.example.com").valid(-60, -1).issue()?;
//! # assert!(expired.der().starts_with(&[0x30]));
//! # Ok(())
//! # }
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
    RsaKeySize, SanType, SerialNumber,
};

use crate::model::time::{DAY, Time};
use crate::x509::pem;

/// The organisation in every subject: nobody takes a lab certificate for a real one.
const ORGANISATION: &str = "tlsmend lab";

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("cannot make the certificate `{subject}`: {reason}")]
    Certificate { subject: String, reason: rcgen::Error },
    #[error("cannot make a key: {0}")]
    Key(rcgen::Error),
    #[error("the system gave no random bytes")]
    Random,
}

/// Where a hierarchy begins: the word in its names and the moment it is dated from.
#[derive(Debug, Clone)]
pub struct Pki {
    name: Arc<str>,
    at: Time,
}

impl Pki {
    /// `name` stands in every CA's subject, so that two hierarchies never share a name. All validity periods are
    /// relative to `at`.
    pub fn new(name: &str, at: Time) -> Self {
        Self { name: name.into(), at }
    }

    /// A root certificate: self-signed, valid from five years ago for twenty.
    pub fn root(&self, label: &str) -> Draft {
        let mut draft = Draft::new(self, None, &self.ca_name(label));
        draft.be_ca(BasicConstraints::Unconstrained);
        draft.valid(-5 * 365, 15 * 365)
    }

    /// A certificate for `host` that its own key signed.
    pub fn self_signed(&self, host: &str) -> Draft {
        Draft::new(self, None, host).server(host)
    }

    fn ca_name(&self, label: &str) -> String {
        format!("{} {label}", self.name)
    }
}

/// A certificate with its key: can be served, and can issue.
#[derive(Debug, Clone)]
pub struct Issued(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    pki: Pki,
    params: CertificateParams,
    key: Arc<KeyPair>,
    der: Vec<u8>,
}

impl Issued {
    /// A CA below this one, for TLS servers, valid from a year ago for five.
    pub fn intermediate(&self, label: &str) -> Draft {
        let mut draft = Draft::new(&self.0.pki, Some(self), &self.0.pki.ca_name(label));
        draft.be_ca(BasicConstraints::Constrained(0));
        draft.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        draft.valid(-365, 4 * 365)
    }

    /// A certificate for a TLS server called `host`.
    pub fn end_entity(&self, host: &str) -> Draft {
        Draft::new(&self.0.pki, Some(self), host).server(host)
    }

    /// A cross-certificate (RFC 5280 §3.2): this CA certifies the name and key that `other` has.
    pub fn cross_certify(&self, other: &Self) -> Draft {
        let mut draft = self.intermediate("");
        draft.be_ca(BasicConstraints::Unconstrained);
        draft.params.distinguished_name = other.0.params.distinguished_name.clone();
        draft.key_of(other)
    }

    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    pub fn pem(&self) -> String {
        pem::encode(self.der())
    }

    /// The private key, PKCS#8.
    pub fn key_der(&self) -> &[u8] {
        self.0.key.serialized_der()
    }
}

/// The key of a certificate to be.
#[derive(Debug, Clone)]
enum Key {
    P256,
    Rsa2048,
    Existing(Arc<KeyPair>),
}

/// A certificate before it is signed. Every method changes one thing of a valid one.
#[derive(Debug, Clone)]
#[must_use = "nothing is signed before `issue`"]
pub struct Draft {
    pki: Pki,
    issuer: Option<Issued>,
    params: CertificateParams,
    /// dNSNames, not yet known to be ASCII.
    names: Vec<String>,
    key: Key,
}

impl Draft {
    fn new(pki: &Pki, issuer: Option<&Issued>, common_name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(common_name);
        params.use_authority_key_identifier_extension = issuer.is_some();
        Self { pki: pki.clone(), issuer: issuer.cloned(), params, names: Vec::new(), key: Key::P256 }
    }

    fn be_ca(&mut self, constraints: BasicConstraints) {
        self.params.is_ca = IsCa::Ca(constraints);
        self.params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    }

    /// 45 days, five of them past: below every limit the CA/Browser Forum has set (47 days from 2029-03-15), and above
    /// the third of its lifetime at which expiry is near.
    fn server(mut self, host: &str) -> Self {
        self.params.is_ca = IsCa::ExplicitNoCa;
        self.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        self.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.params.custom_extensions.push(domain_validated());
        self.names(&[host]).valid(-5, 40)
    }

    /// Valid from and until so many days after the hierarchy's moment.
    pub fn valid(mut self, from_day: i64, to_day: i64) -> Self {
        self.params.not_before = self.pki.at.plus(from_day * DAY).to_datetime();
        self.params.not_after = self.pki.at.plus(to_day * DAY).to_datetime();
        self
    }

    /// The common name, as it stands: no label of the hierarchy is put before it.
    pub fn common_name(mut self, text: &str) -> Self {
        self.params.distinguished_name = name(text);
        self
    }

    /// The dNSNames of the subjectAltName; the common name repeats the first, as CAs have it. An IPv4 address becomes a
    /// dNSName too: that is the mistake to show. Without any there is no subjectAltName, and the common name stays.
    pub fn names(mut self, names: &[&str]) -> Self {
        if let Some(first) = names.first() {
            self.params.distinguished_name = name(first);
        }
        self.names = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// An iPAddress beside the names.
    pub fn ip(mut self, address: IpAddr) -> Self {
        self.params.subject_alt_names.push(SanType::IpAddress(address));
        self
    }

    /// At most so many intermediates below this CA.
    pub fn path_length(mut self, limit: u8) -> Self {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Constrained(limit));
        self
    }

    /// Any number of intermediates below this CA.
    pub fn any_path_length(mut self) -> Self {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self
    }

    /// `cA` false, as in a certificate for a server; whoever issues with it does what it must not.
    pub fn not_a_ca(mut self) -> Self {
        self.params.is_ca = IsCa::ExplicitNoCa;
        self.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        self
    }

    /// May issue for `domain` and below only (RFC 5280 §4.2.1.10).
    pub fn permits_only(mut self, domain: &str) -> Self {
        self.params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
            excluded_subtrees: Vec::new(),
        });
        self
    }

    /// For TLS clients, not for servers.
    pub fn for_clients(mut self) -> Self {
        self.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self
    }

    /// Where the issuer can be fetched (RFC 5280 §4.2.2.1).
    pub fn ca_issuers(mut self, url: &str) -> Self {
        self = self.without_ca_issuers();
        self.params.custom_extensions.push(authority_info_access(url));
        self
    }

    /// No word on where the issuer can be fetched.
    pub fn without_ca_issuers(mut self) -> Self {
        self.params.custom_extensions.retain(|extension| !extension.oid_components().eq(AUTHORITY_INFO_ACCESS));
        self
    }

    /// RSA with 2048 bits instead of P-256. Making the key takes a noticeable moment.
    pub fn rsa(mut self) -> Self {
        self.key = Key::Rsa2048;
        self
    }

    /// The key that `other` has.
    pub fn key_of(mut self, other: &Issued) -> Self {
        self.key = Key::Existing(other.0.key.clone());
        self
    }

    /// So many octets more, in an extension that nobody knows.
    pub fn padded(mut self, octets: usize) -> Self {
        // Under the arc of examples, 2.999 (ITU-T X.660).
        let extension = CustomExtension::from_oid_content(&[2, 999, 1], tlv(0x04, &vec![0; octets]));
        self.params.custom_extensions.push(extension);
        self
    }

    /// Makes the key, if it has none yet, and signs.
    pub fn issue(mut self) -> Result<Issued, PkiError> {
        let key = match &self.key {
            Key::P256 => Arc::new(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(PkiError::Key)?),
            Key::Rsa2048 => {
                Arc::new(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(PkiError::Key)?)
            }
            Key::Existing(key) => key.clone(),
        };
        // rcgen would take the hash of the key, and give two certificates of one key the same number.
        let mut serial = [0; 16];
        aws_lc_rs::rand::fill(&mut serial).map_err(|_| PkiError::Random)?;
        serial[0] = serial[0] & 0x7f | 0x40; // positive, and always sixteen octets
        self.params.serial_number = Some(SerialNumber::from_slice(&serial));
        let der = self.sign(&key).map_err(|reason| PkiError::Certificate {
            subject: format!("{:?}", self.params.distinguished_name.get(&DnType::CommonName)),
            reason,
        })?;
        Ok(Issued(Arc::new(Parts { pki: self.pki, params: self.params, key, der })))
    }

    fn sign(&mut self, key: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
        for (index, name) in self.names.iter().enumerate() {
            self.params.subject_alt_names.insert(index, SanType::DnsName(name.as_str().try_into()?));
        }
        let made = match &self.issuer {
            Some(issuer) => self.params.signed_by(key, &Issuer::from_params(&issuer.0.params, &*issuer.0.key))?,
            None => self.params.self_signed(key)?,
        };
        Ok(made.der().to_vec())
    }
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, ORGANISATION);
    name.push(DnType::CommonName, common_name);
    name
}

/// id-pe-authorityInfoAccess, RFC 5280 §4.2.2.1.
const AUTHORITY_INFO_ACCESS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 1];

fn authority_info_access(url: &str) -> CustomExtension {
    // id-ad-caIssuers 1.3.6.1.5.5.7.48.2, and the address as uniformResourceIdentifier [6].
    let method = tlv(0x06, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02]);
    let description = tlv(0x30, &[method, tlv(0x86, url.as_bytes())].concat());
    CustomExtension::from_oid_content(&AUTHORITY_INFO_ACCESS, tlv(0x30, &description))
}

/// certificatePolicies (RFC 5280 §4.2.1.4) with the CA/Browser Forum's domain-validated 2.23.140.1.2.1.
fn domain_validated() -> CustomExtension {
    let policy = tlv(0x30, &tlv(0x06, &[0x67, 0x81, 0x0c, 0x01, 0x02, 0x01]));
    CustomExtension::from_oid_content(&[2, 5, 29, 32], tlv(0x30, &policy))
}

/// One DER value: tag, definite length, content.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let octets = length.to_be_bytes();
        let significant = &octets[octets.iter().take_while(|&&octet| octet == 0).count()..];
        out.push(0x80 | significant.len() as u8);
        out.extend(significant);
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::Certificate;

    fn pki() -> Pki {
        Pki::new("test", "2026-11-22T08:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_hierarchy_is_what_it_says() {
        let root = pki().root("Root").issue().unwrap();
        let intermediate = root.intermediate("Intermediate").ca_issuers("http://a.test/root.der").issue().unwrap();
        let site =
            intermediate.end_entity("www.lab.example.com").ca_issuers("http://a.test/i.der").rsa().issue().unwrap();
        let parse = |issued: &Issued| Certificate::parse(issued.der()).unwrap();
        let (root, intermediate, site) = (parse(&root), parse(&intermediate), parse(&site));
        assert!(root.is_ca() && intermediate.is_ca() && !site.is_ca());
        assert_eq!(site.issuer, intermediate.subject);
        assert_eq!(intermediate.issuer, root.subject);
        assert_eq!(*site.extensions.ca_issuers, ["http://a.test/i.der".into()]);
        assert_eq!(site.key.bits(), Some(2048));
        assert_eq!(site.not_after.since(site.not_before), 45 * DAY);
    }

    #[test]
    fn a_cross_certificate_has_name_and_key_of_the_other() {
        let (old, new) = (pki().root("Old Root").issue().unwrap(), pki().root("New Root").issue().unwrap());
        let cross = old.cross_certify(&new).valid(-900, -1).issue().unwrap();
        let (cross, new) = (Certificate::parse(cross.der()).unwrap(), Certificate::parse(new.der()).unwrap());
        assert_eq!((&cross.subject, cross.spki_sha256()), (&new.subject, new.spki_sha256()));
        assert_ne!(cross.issuer, new.issuer);
        assert_ne!(cross.serial, new.serial);
    }

    #[test]
    fn a_later_address_replaces_an_earlier_one() {
        let root = pki().root("Root").issue().unwrap();
        let site = root.end_entity("a.test").ca_issuers("http://a.test/1").ca_issuers("http://a.test/2");
        let ca_issuers = |draft: Draft| Certificate::parse(draft.issue().unwrap().der()).unwrap().extensions.ca_issuers;
        assert_eq!(*ca_issuers(site.clone()), ["http://a.test/2".into()]);
        assert!(ca_issuers(site.without_ca_issuers()).is_empty());
    }

    #[test]
    fn lengths_are_der() {
        assert_eq!(tlv(4, &[1]), [4, 1, 1]);
        assert_eq!(tlv(4, &[0; 128])[..3], [4, 0x81, 128]);
        assert_eq!(tlv(4, &[0; 70_000])[..5], [4, 0x83, 1, 0x11, 0x70]);
    }
}
