//! Bytes to certificates: DER, PEM, PKCS#7, PKCS#12; names. Pure.

mod certificate;
pub mod crl;
pub(crate) mod der;
pub mod distribution_point;
pub mod dn;
mod encoding;
pub mod general_name;
pub mod identity;
mod input;
pub mod key;
pub mod ocsp;
mod oid;
pub mod outline;
pub mod password;
pub mod pem;
pub mod pkcs12;
pub mod private_key;
pub mod sct;
pub mod signature;

pub use certificate::{
    AuthorityKeyIdentifier, BasicConstraints, Certificate, EncodingFault, ExtendedKeyUsage, Extensions, Fingerprint,
    KeyUsage, NameConstraints, ParseError, PolicyConstraints, SubjectAltName, UnknownExtension, hex, subject_bytes,
    usage,
};
pub use input::{InputError, certificates_in};
