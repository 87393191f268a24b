//! A CRL as it was downloaded, read where it lies: public ones hold up to a million entries, of which one is wanted.

use x509_parser::der_parser::asn1_rs::FromDer;
use x509_parser::x509::{AlgorithmIdentifier, X509Name};

use super::{IssuingDistributionPoint, Malformed, minimal, scope};
use crate::model::revocation::{Listed, Reason};
use crate::model::time::Time;
use crate::x509::Certificate;
use crate::x509::der::{self, Value};
use crate::x509::dn::DistinguishedName;
use crate::x509::signature::{self, SignatureAlgorithm, SignatureCheck};

/// The largest list that is read. Public CRLs reach about 10 MB; a reader has to end somewhere.
pub const MAX_LIST_BYTES: usize = 20 * 1024 * 1024;

/// A CRL's frame. The entries stay where they are until [`List::find`] walks over them.
#[derive(Debug)]
pub struct List<'a> {
    pub issuer: DistinguishedName,
    pub this_update: Time,
    pub next_update: Option<Time>,
    /// A delta CRL (RFC 5280 §5.2.4): no list of its own.
    pub is_delta: bool,
    /// freshestCRL: delta CRLs exist.
    pub has_deltas: bool,
    pub scope: Option<IssuingDistributionPoint>,
    /// A critical extension of the list is not understood: it must not be used (RFC 5280 §5.2).
    pub has_unknown_critical: bool,
    entries: &'a [u8],
    signature_algorithm: SignatureAlgorithm,
    tbs: &'a [u8],
    signature: &'a [u8],
}

/// What walking over the entries found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    pub listed: Option<Listed>,
    /// A critical extension of an entry is not understood: the list must not be used (RFC 5280 §5.3).
    pub has_unknown_critical: bool,
    /// Entries name another issuer (certificateIssuer), which only indirect CRLs may.
    pub is_indirect: bool,
}

impl<'a> List<'a> {
    /// CertificateList (RFC 5280 §5.1), without looking at the entries.
    pub fn read(der: &'a [u8]) -> Result<Self, Malformed> {
        if der.len() > MAX_LIST_BYTES {
            return Err(Malformed);
        }
        read(der).ok_or(Malformed)
    }

    /// Does its signature verify under `issuer`'s key? Names are not compared.
    pub fn signature(&self, issuer: &Certificate) -> SignatureCheck {
        signature::verify(&self.signature_algorithm, &issuer.key, issuer.spki(), self.tbs, self.signature)
    }

    /// Walks over all entries once, looking for `serial` (content octets).
    pub fn find(&self, serial: &[u8]) -> Result<Walked, Malformed> {
        let serial = minimal(serial);
        let mut walked = Walked { listed: None, has_unknown_critical: false, is_indirect: false };
        let mut rest = self.entries;
        while !rest.is_empty() {
            let (entry, after) = der::split(rest).filter(|(entry, _)| entry.tag == 0x30).ok_or(Malformed)?;
            rest = after;
            let (number, after) =
                der::split(entry.content).filter(|(number, _)| number.tag == 0x02).ok_or(Malformed)?;
            let (date, extensions) = der::split(after).ok_or(Malformed)?;
            let mut reason = None;
            if !extensions.is_empty() {
                let (list, []) = der::split(extensions).ok_or(Malformed)? else { return Err(Malformed) };
                for extension in list.extensions() {
                    match extension.ok_or(Malformed)? {
                        // reasonCode
                        ([0x55, 0x1d, 0x15], _, [0x0a, 1, value]) => reason = Reason::new(*value),
                        // invalidityDate; a reason of another form
                        ([0x55, 0x1d, 0x15 | 0x18], ..) => {}
                        // certificateIssuer
                        ([0x55, 0x1d, 0x1d], ..) => walked.is_indirect = true,
                        (_, is_critical, _) => walked.has_unknown_critical |= is_critical,
                    }
                }
            }
            if minimal(number.content) == serial && walked.listed.is_none() {
                walked.listed = Some(Listed { revoked_at: der::time(date).ok_or(Malformed)?, reason });
            }
        }
        Ok(walked)
    }
}

/// OID, critical, content of the OCTET STRING.
type Extension<'a> = (&'a [u8], bool, &'a [u8]);

impl<'a> Value<'a> {
    /// The members of a SEQUENCE OF Extension; `None` for one that is none.
    fn extensions(self) -> impl Iterator<Item = Option<Extension<'a>>> {
        let mut rest = self.content;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let Some((extension, after)) = der::split(rest) else {
                rest = &[];
                return Some(None);
            };
            rest = after;
            let mut fields = der::values(extension.content);
            let mut read = || {
                let oid = fields.next().filter(|oid| oid.tag == 0x06)?.content;
                let next = fields.next()?;
                let (is_critical, value) =
                    if next.tag == 0x01 { (next.content != [0], fields.next()?) } else { (false, next) };
                (value.tag == 0x04).then_some((oid, is_critical, value.content))
            };
            Some(read())
        })
    }
}

fn read(der: &[u8]) -> Option<List<'_>> {
    let (outer, []) = der::split(der).filter(|(outer, _)| outer.tag == 0x30)? else { return None };
    let mut parts = der::values(outer.content);
    let (tbs, outer_algorithm, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let mut fields = der::values(tbs.content).peekable();
    fields.next_if(|version| version.tag == 0x02);
    let algorithm = fields.next()?;
    // RFC 5280 §5.1.1.2: the same inside and outside of what is signed.
    if algorithm.whole != outer_algorithm.whole || signature.tag != 0x03 {
        return None;
    }
    let (_, identifier) = AlgorithmIdentifier::from_der(algorithm.whole).ok()?;
    let (_, issuer) = X509Name::from_der(fields.next()?.whole).ok()?;
    let this_update = der::time(fields.next()?)?;
    let next_update = match fields.next_if(|value| matches!(value.tag, 0x17 | 0x18)) {
        Some(value) => Some(der::time(value)?),
        None => None,
    };
    let entries = fields.next_if(|value| value.tag == 0x30).map_or(&[][..], |value| value.content);
    let mut list = List {
        issuer: DistinguishedName::new(&issuer),
        this_update,
        next_update,
        is_delta: false,
        has_deltas: false,
        scope: None,
        has_unknown_critical: false,
        entries,
        signature_algorithm: SignatureAlgorithm::new(&identifier),
        tbs: tbs.whole,
        // The first octet counts unused bits.
        signature: signature.content.strip_prefix(&[0])?,
    };
    if let Some(explicit) = fields.next_if(|value| value.tag == 0xa0) {
        for extension in der::split(explicit.content)?.0.extensions() {
            match extension? {
                // issuingDistributionPoint
                ([0x55, 0x1d, 0x1c], _, value) => list.scope = Some(scope(value)?),
                // deltaCRLIndicator
                ([0x55, 0x1d, 0x1b], ..) => list.is_delta = true,
                // freshestCRL
                ([0x55, 0x1d, 0x2e], ..) => list.has_deltas = true,
                // issuerAltName, cRLNumber, authorityKeyIdentifier
                ([0x55, 0x1d, 0x12 | 0x14 | 0x23], ..) => {}
                (_, is_critical, _) => list.has_unknown_critical |= is_critical,
            }
        }
    }
    // What follows, or was not walked over because it could not be read, is no CRL.
    let walked = tbs.content.len() == der::values(tbs.content).map(|value| value.whole.len()).sum::<usize>();
    (walked && fields.next().is_none()).then_some(list)
}
