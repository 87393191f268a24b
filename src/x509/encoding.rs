//! Parts of a certificate as they are encoded: what clients compare or read in their own way.

use x509_parser::der_parser::asn1_rs::Oid;

use super::certificate::Certificate;
use super::der;
use super::oid::dotted;

impl Certificate {
    /// The content of the signature's AlgorithmIdentifier: OID and parameters.
    pub fn signature_algorithm_encoding(&self) -> &[u8] {
        let outer = der::split(self.der()).map(|(certificate, _)| certificate.content);
        outer.and_then(|content| der::values(content).nth(1)).map_or(&[], |algorithm| algorithm.content)
    }

    /// The content of the public key's AlgorithmIdentifier.
    pub fn key_algorithm_encoding(&self) -> &[u8] {
        let spki = der::split(self.spki()).map(|(spki, _)| spki.content);
        spki.and_then(|content| der::values(content).next()).map_or(&[], |algorithm| algorithm.content)
    }

    /// The octets inside the OCTET STRING of the first extension of this dotted OID.
    pub fn extension_value(&self, oid: &str) -> Option<&[u8]> {
        let tbs = der::split(self.tbs())?.0.content;
        let explicit = der::values(tbs).find(|field| field.tag == 0xa3)?;
        let (list, _) = der::split(explicit.content)?;
        der::values(list.content).find_map(|extension| {
            let mut parts = der::values(extension.content);
            let id = parts.next().filter(|id| *dotted(&Oid::new(id.content.into())) == *oid);
            id.and_then(|_| parts.find(|part| part.tag == 0x04)).map(|value| value.content)
        })
    }
}
