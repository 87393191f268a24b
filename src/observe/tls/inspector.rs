//! The verifier that accepts everything and writes down what it saw.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, KeyLog, SignatureScheme};

use crate::model::handshake::KeyProof;
use crate::x509::Certificate;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::{self, Hash, SignatureAlgorithm, SignatureCheck};

/// What a handshake showed.
#[derive(Debug)]
pub(super) struct Observation {
    /// Every certificate as sent, whether or not it is one.
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) ocsp_staple: Option<Vec<u8>>,
    pub(super) scheme: Option<SignatureScheme>,
    pub(super) key_proof: KeyProof,
    pub(super) client_certificate_requested: bool,
    /// server_handshake_traffic_secret (RFC 8446 §7.1): opens the server's flight once more, see `flight`.
    pub(super) flight_secret: Option<Vec<u8>>,
}

impl Observation {
    const NOTHING: Self = Self {
        chain: Vec::new(),
        ocsp_staple: None,
        scheme: None,
        key_proof: KeyProof::NotChecked,
        client_certificate_requested: false,
        flight_secret: None,
    };
}

/// Verifier, certificate resolver and key log of one connection.
///
/// It accepts whatever it is shown. rustls reveals the chain nowhere else when a handshake fails, and a server with a
/// wrong certificate or key is what we came to see; nothing is ever sent over these connections.
#[derive(Debug)]
pub(super) struct Inspector {
    seen: Mutex<Observation>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Inspector {
    pub(super) fn new(algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { seen: Mutex::new(Observation::NOTHING), algorithms }
    }

    fn seen(&self) -> MutexGuard<'_, Observation> {
        // Each write below is whole, so a poisoned lock guards nothing half-done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen; leaves nothing behind.
    pub(super) fn take(&self) -> Observation {
        std::mem::replace(&mut self.seen(), Observation::NOTHING)
    }

    pub(super) fn client_certificate_requested(&self) -> bool {
        self.seen().client_certificate_requested
    }

    /// Known as soon as the ServerHello of TLS 1.3 has come.
    pub(super) fn flight_secret(&self) -> Option<Vec<u8>> {
        self.seen().flight_secret.clone()
    }

    /// rustls' own check is the cheapest. What it refuses is looked at again, since it also refuses what is no fault of
    /// the signature: version 1 certificates, unknown critical extensions, RSA keys below 2048 bits, SHA-1.
    fn record_signature(
        &self,
        checked: &Result<HandshakeSignatureValid, Error>,
        message: &[u8],
        end_entity: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) {
        let key_proof = match checked {
            Ok(_) => KeyProof::Proven,
            Err(_) => second_opinion(signed.scheme, message, end_entity, signed.signature()),
        };
        let mut seen = self.seen();
        seen.scheme = Some(signed.scheme);
        seen.key_proof = key_proof;
    }
}

impl ServerCertVerifier for Inspector {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut seen = self.seen();
        seen.chain = std::iter::once(end_entity).chain(intermediates).map(|der| der.to_vec()).collect();
        seen.ocsp_staple = (!ocsp_response.is_empty()).then(|| ocsp_response.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        end_entity: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let checked = verify_tls12_signature(message, end_entity, signed, &self.algorithms);
        self.record_signature(&checked, message, end_entity, signed);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        end_entity: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let checked = verify_tls13_signature(message, end_entity, signed, &self.algorithms);
        self.record_signature(&checked, message, end_entity, signed);
        Ok(HandshakeSignatureValid::assertion())
    }

    /// Goes on the wire. The SHA-1 schemes stand last: a server that has nothing else is still read.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.algorithms.supported_schemes();
        schemes.extend([SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1_Legacy]);
        schemes
    }
}

/// Has no certificate to give; notes that one was asked for.
impl ResolvesClientCert for Inspector {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.seen().client_certificate_requested = true;
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Its name in the SSLKEYLOGFILE format.
const FLIGHT_SECRET: &str = "SERVER_HANDSHAKE_TRAFFIC_SECRET";

impl KeyLog for Inspector {
    fn log(&self, label: &str, _client_random: &[u8], secret: &[u8]) {
        if label == FLIGHT_SECRET {
            self.seen().flight_secret = Some(secret.to_vec());
        }
    }

    fn will_log(&self, label: &str) -> bool {
        label == FLIGHT_SECRET
    }
}

/// Does the end entity's key verify `signature` over `message`? With our own parser and library, whatever rustls thinks.
pub(super) fn second_opinion(scheme: SignatureScheme, message: &[u8], end_entity: &[u8], signature: &[u8]) -> KeyProof {
    let (Some(algorithm), Ok(certificate)) = (algorithm(scheme), Certificate::parse(end_entity)) else {
        return KeyProof::NotChecked;
    };
    match signature::verify(&algorithm, &certificate.key, certificate.spki(), message, signature) {
        SignatureCheck::Valid => KeyProof::Proven,
        SignatureCheck::Invalid if is_checkable(&certificate.key, &algorithm) => KeyProof::Wrong,
        SignatureCheck::Invalid | SignatureCheck::Unsupported => KeyProof::NotChecked,
    }
}

/// Would our library have accepted a right signature under this key? It says the same of a wrong signature and of a key
/// that it refuses to work with, and an accusation must not rest on that.
fn is_checkable(key: &KeyKind, algorithm: &SignatureAlgorithm) -> bool {
    match key {
        // aws-lc: 1024 to 8192 bits by its legacy algorithms, which exist for PKCS #1 v1.5 with some hashes only; the
        // exponent odd and not above 33 bits.
        KeyKind::Rsa { bits, exponent, pss: false } => {
            let lowest = match algorithm {
                SignatureAlgorithm::RsaPkcs1(Hash::Sha1 | Hash::Sha256 | Hash::Sha512) => 1024,
                _ => 2048,
            };
            (lowest..=8192).contains(bits) && (3..1 << 33).contains(exponent) && exponent % 2 == 1
        }
        KeyKind::Ec(Curve::P256 | Curve::P384 | Curve::P521) | KeyKind::Ed25519 => true,
        KeyKind::Rsa { .. } | KeyKind::Ec(_) | KeyKind::Ed448 | KeyKind::Dsa | KeyKind::Other(_) => false,
    }
}

fn algorithm(scheme: SignatureScheme) -> Option<SignatureAlgorithm> {
    Some(match scheme {
        SignatureScheme::RSA_PKCS1_SHA1 => SignatureAlgorithm::RsaPkcs1(Hash::Sha1),
        SignatureScheme::RSA_PKCS1_SHA256 => SignatureAlgorithm::RsaPkcs1(Hash::Sha256),
        SignatureScheme::RSA_PKCS1_SHA384 => SignatureAlgorithm::RsaPkcs1(Hash::Sha384),
        SignatureScheme::RSA_PKCS1_SHA512 => SignatureAlgorithm::RsaPkcs1(Hash::Sha512),
        SignatureScheme::RSA_PSS_SHA256 => SignatureAlgorithm::RsaPss(Hash::Sha256),
        SignatureScheme::RSA_PSS_SHA384 => SignatureAlgorithm::RsaPss(Hash::Sha384),
        SignatureScheme::RSA_PSS_SHA512 => SignatureAlgorithm::RsaPss(Hash::Sha512),
        SignatureScheme::ECDSA_SHA1_Legacy => SignatureAlgorithm::Ecdsa(Hash::Sha1),
        SignatureScheme::ECDSA_NISTP256_SHA256 => SignatureAlgorithm::Ecdsa(Hash::Sha256),
        SignatureScheme::ECDSA_NISTP384_SHA384 => SignatureAlgorithm::Ecdsa(Hash::Sha384),
        SignatureScheme::ECDSA_NISTP521_SHA512 => SignatureAlgorithm::Ecdsa(Hash::Sha512),
        SignatureScheme::ED25519 => SignatureAlgorithm::Ed25519,
        _ => return None,
    })
}
