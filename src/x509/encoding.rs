//! Parts of a certificate as they are encoded: what clients compare or read in their own way.

use rustls_pki_types::alg_id;
use x509_parser::der_parser::asn1_rs::Oid;

use super::certificate::Certificate;
use super::der;
use super::dn::DistinguishedName;
use super::oid::dotted;
use super::signature::SignatureAlgorithm;

impl Certificate {
    /// The content of the signature's AlgorithmIdentifier: OID and parameters.
    pub fn signature_algorithm_encoding(&self) -> &[u8] {
        let outer = der::split(self.der()).map(|(certificate, _)| certificate.content);
        outer.and_then(|content| der::values(content).nth(1)).map_or(&[], |algorithm| algorithm.content)
    }

    /// The content of the AlgorithmIdentifier inside the signed part.
    pub fn signed_algorithm_encoding(&self) -> &[u8] {
        let tbs = der::split(self.tbs()).map(|(tbs, _)| tbs.content);
        let fields = tbs.map(|content| der::values(content).skip_while(|field| field.tag == 0xa0));
        fields.and_then(|mut fields| fields.nth(1)).map_or(&[], |algorithm| algorithm.content)
    }

    /// Are the two the same, when NULL parameters and none count alike?
    pub fn algorithms_agree_but_for_null(&self) -> bool {
        fn without_null(content: &[u8]) -> &[u8] {
            content.strip_suffix(&[0x05, 0]).unwrap_or(content)
        }
        without_null(self.signature_algorithm_encoding()) == without_null(self.signed_algorithm_encoding())
    }

    /// The same to who compares them as parsed: RSA's NULL may be there or not, ECDSA has none.
    pub fn algorithms_agree_as_parsed(&self) -> bool {
        let is_rsa = matches!(self.signature_algorithm, SignatureAlgorithm::RsaPkcs1(_));
        self.algorithms_agree || (is_rsa && self.algorithms_agree_but_for_null())
    }

    /// Is it signed with RSASSA-PSS under parameters other than those of RFC 8446 §4.2.3? Our library computes no others.
    pub fn has_unusual_pss(&self) -> bool {
        let usual = [alg_id::RSA_PSS_SHA256, alg_id::RSA_PSS_SHA384, alg_id::RSA_PSS_SHA512];
        matches!(self.signature_algorithm, SignatureAlgorithm::RsaPss(_))
            && !usual.iter().any(|usual| usual.as_ref() == self.signature_algorithm_encoding())
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

impl DistinguishedName {
    /// It holds an RDN without attributes, which RFC 5280 §4.1.2.4 does not know: our reader goes no further.
    pub fn has_empty_rdn(&self) -> bool {
        der::split(self.raw()).is_none()
    }
}
