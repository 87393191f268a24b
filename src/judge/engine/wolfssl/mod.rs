//! wolfSSL 5.5 as Debian builds it: takes the list from its end towards the end entity, adds every CA that verifies to its
//! table of signers, and judges the end entity by that table.
//!
//! The rules are those of `src/internal.c` (`ProcessPeerCerts`, `MatchDomainName`), `src/ssl.c` (`AddCA`, `GetCA`) and
//! `wolfcrypt/src/asn.c` (`ParseCertRelative`, extensions, name constraints), with `OPENSSL_ALL` and
//! `WOLFSSL_ALT_CERT_CHAINS`, which the distribution's build sets.

mod names;
mod parse;

use aws_lc_rs::digest;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::verdict::Category;
use crate::x509::key::{Curve, KeyKind};
use crate::x509::signature::{SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, usage};
use names::{matches_name, names_are_allowed};
use parse::{has_zone, parse};

/// `MAX_CHAIN_DEPTH` of `internal.h`: certificates of a message that are looked at.
const MAX_CERTIFICATES: usize = 9;

/// `MAX_HANDSHAKE_SZ` of `internal.h`: nine certificates of 2 kB with their lengths.
const MAX_MESSAGE: usize = 3 + (2048 + 3) * 9;

/// `CA_TABLE_SIZE` of `internal.h`.
const ROWS: usize = 11;

/// `WOLFSSL_MAX_PATH_LEN` of `asn.h`: what a self-signed signer allows, whatever its pathLenConstraint.
const MAX_PATH: u32 = 127;

/// `SP_INT_BITS` of the build: RSA beyond this cannot be computed.
const MAX_RSA_BITS: u32 = 4096;

/// One of the library's error numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    pub number: i16,
    /// `wolfSSL_ERR_reason_error_string`.
    pub text: &'static str,
    pub category: Category,
}

macro_rules! errors {
    ($($constant:ident = $number:literal, $text:literal, $category:ident;)*) => {
        $(pub const $constant: Error = Error { number: $number, text: $text, category: Category::$category };)*
    };
}

// Numbers from `error-crypt.h` and `error-ssl.h`, texts from `error.c` and `internal.c`.
errors! {
    MODULAR_EXPONENTIATION = -112, "mp_exptmod error state", Other;
    OUT_OF_MEMORY = -125, "out of memory error", Other;
    BUFFER_SIZE = -132, "Buffer error, output too small or input too big", Other;
    PARSE = -140, "ASN parsing error, invalid input", BadFormat;
    VERSION = -141, "ASN version error, invalid number", BadFormat;
    OBJECT_ID = -144, "ASN object id error, invalid id", BadFormat;
    EXPECTED_ZERO = -146, "ASN expect error, not zero", BadFormat;
    BEFORE_DATE = -150, "ASN date error, current date before", NotYetValid;
    AFTER_DATE = -151, "ASN date error, current date after", Expired;
    SIGNATURE_OID = -152, "ASN signature error, mismatched oid", BadSignature;
    SIGNATURE = -155, "ASN sig error, confirm failure", BadSignature;
    CRITICAL_EXTENSION = -160, "X.509 Critical extension ignored or invalid", CriticalExtension;
    BAD_ARGUMENT = -173, "Bad function argument", UnsupportedKey;
    NO_SIGNER = -188, "certificate verify failed", UnknownIssuer;
    NAME_INVALID = -198, "Name Constraint error", NameConstraints;
    PATH_LENGTH = -238, "ASN CA path length larger than signer error", PathLength;
    SELF_SIGNED = -275, "ASN self-signed certificate error", SelfSigned;
    SOCKET = -308, "error state on socket", Closed;
    UNKNOWN_RECORD = -311, "unknown type in record hdr", NotTls;
    FATAL_ALERT = -313, "received alert fatal error", Handshake;
    DOMAIN_NAME = -322, "peer subject name mismatch", Hostname;
    VERIFY_SIGN = -330, "problem verifying signature", Handshake;
    NOT_A_CA = -357, "Not a CA by basic constraint error", CaFlag;
    NO_SIGNING_USE = -383, "Key Use digitalSignature not set Error", Usage;
    NO_SERVER_USE = -386, "Ext Key Use server/client auth not set Error", Usage;
    HANDSHAKE_SIZE = -404, "Handshake message too large Error", MessageTooBig;
    RSA_KEY_SIZE = -409, "RSA key too small", WeakKey;
    ECC_KEY_SIZE = -410, "ECC key too small", WeakKey;
}

/// What `ProcessPeerCerts` and what follows make of the list; on success the path.
pub fn verify(case: &Case<'_>) -> Result<Vec<CertId>, Error> {
    let entries = case.served.len() + case.unparsable.len();
    if case.certificate_message_bytes() > MAX_MESSAGE {
        return Err(HANDSHAKE_SIZE);
    }
    // As sent: `None` for bytes that are no certificate.
    let mut readable = case.served.iter().copied();
    let list = (0..entries).map(|position| if case.unparsable.contains(&position) { None } else { readable.next() });
    let list: Vec<Option<CertId>> = list.take(MAX_CERTIFICATES).collect();
    let Some(&Some(end_entity)) = list.first() else { return Err(PARSE) };
    parse(case.pool.get(end_entity))?;

    // What is loaded as a CA is a trusted peer too (`wolfSSL_CTX_trust_peer_cert`, `MatchTrustedPeer`): neither its chain nor
    // its dates are looked at.
    if case.is_anchor(end_entity).is_some() {
        check_end_entity(case, case.pool.get(end_entity))?;
        return Ok(vec![end_entity]);
    }
    let mut table = Table::load(case);
    let mut first_error = None;
    for &entry in list[1..].iter().rev() {
        if let Err(error) = table.take_from_chain(case, entry) {
            first_error.get_or_insert(error);
        }
    }
    let chain = table.path(case, end_entity);
    table.verify(case, end_entity)?;
    check_end_entity(case, case.pool.get(end_entity))?;
    if let Some(error) = first_error {
        return Err(error);
    }
    // The tenth certificate is not read as one but as the next handshake message, with an absurd length.
    if entries > MAX_CERTIFICATES {
        return Err(HANDSHAKE_SIZE);
    }
    if rsa_bits(&case.pool.get(end_entity).key).is_some_and(|bits| bits > MAX_RSA_BITS) {
        return Err(MODULAR_EXPONENTIATION);
    }
    Ok(chain)
}

/// `Signer`: a CA of the table.
#[derive(Debug, Clone, Copy)]
struct Signer {
    id: CertId,
    key_id: [u8; 20],
    max_path: u32,
}

/// The certificate manager's table of CAs: rows by key identifier, the newest first.
struct Table {
    rows: [Vec<Signer>; ROWS],
}

impl Table {
    /// `wolfSSL_CTX_load_verify_locations`: anchors need neither the CA flag nor valid dates.
    fn load(case: &Case<'_>) -> Self {
        let mut table = Self { rows: Default::default() };
        for id in case.pool.ids().filter(|&id| case.is_anchor(id).is_some()) {
            if parse(case.pool.get(id)).is_ok() {
                let max_path = table.max_path(case, id).unwrap_or(0);
                table.add(Signer { id, key_id: key_identifier(case.pool.get(id)), max_path });
            }
        }
        table
    }

    /// The last step of `AddCA`: a key that is known already is not added again.
    fn add(&mut self, signer: Signer) {
        if self.by_key_id(signer.key_id).is_none() {
            self.rows[row(signer.key_id)].insert(0, signer);
        }
    }

    /// `GetCA`.
    fn by_key_id(&self, key_id: [u8; 20]) -> Option<Signer> {
        self.rows[row(key_id)].iter().copied().find(|signer| signer.key_id == key_id)
    }

    /// The signer that `ParseCertRelative` looks up: by authorityKeyIdentifier, by the certificate's own
    /// subjectKeyIdentifier, and by name only when there is no authorityKeyIdentifier. Names are compared octet by octet.
    fn signer_of(&self, case: &Case<'_>, certificate: &Certificate) -> Option<Signer> {
        let extensions = &certificate.extensions;
        let has_name = |signer: &Signer| case.pool.get(signer.id).subject.raw() == certificate.issuer.raw();
        let authority = extensions.authority_key_id.as_ref().and_then(|authority| authority.key_id.as_deref());
        let by_authority = authority.and_then(|key_id| self.by_key_id(as_identifier(key_id)));
        let own = || extensions.subject_key_id.as_deref().and_then(|own| self.by_key_id(as_identifier(own)));
        let by_key = by_authority.or_else(own).filter(has_name);
        by_key.or_else(|| self.rows.iter().flatten().copied().find(has_name).filter(|_| authority.is_none()))
    }

    /// The part of `ParseCertRelative` about path lengths: what the certificate's own signatures may still reach.
    fn max_path(&self, case: &Case<'_>, id: CertId) -> Result<u32, Error> {
        let certificate = case.pool.get(id);
        if is_self_signed(certificate) {
            return Ok(MAX_PATH);
        }
        let Some(signer) = self.signer_of(case, certificate) else { return Ok(0) };
        let shorter = signer.max_path.checked_sub(1).ok_or(PATH_LENGTH);
        let extensions = &certificate.extensions;
        let own = extensions.basic_constraints.as_ref().and_then(|constraints| constraints.path_len);
        match own {
            Some(own) if !certificate.is_ca() => Ok(own),
            Some(own) => {
                let may_sign = extensions.key_usage.as_ref().is_none_or(|bits| bits.allows(usage::KEY_CERT_SIGN));
                if may_sign && own < signer.max_path { Ok(own) } else { shorter }
            }
            None if certificate.is_ca() => shorter,
            None => Ok(0),
        }
    }

    /// `ParseCertRelative` with verification: signer, path length, signature, name constraints, dates, then the critical
    /// extension that parsing met.
    fn verify(&self, case: &Case<'_>, id: CertId) -> Result<(), Error> {
        let certificate = case.pool.get(id);
        let parsed = parse(certificate);
        if let Err(error) = parsed
            && error != CRITICAL_EXTENSION
        {
            return Err(error);
        }
        let signer = self.signer_of(case, certificate);
        self.max_path(case, id)?;
        let Some(signer) = signer else {
            return Err(if is_self_signed(certificate) { SELF_SIGNED } else { NO_SIGNER });
        };
        match (&case.pool.get(signer.id).key, &certificate.signature_algorithm) {
            // A key of RSASSA-PSS is no signer of another algorithm's signatures (measured).
            (KeyKind::Rsa { pss: true, .. } | KeyKind::Other(_), SignatureAlgorithm::RsaPkcs1(_)) => {
                return Err(NO_SIGNER);
            }
            (KeyKind::Dsa, _) => return Err(BAD_ARGUMENT),
            // `MAX_ENCODED_SIG_SZ`: a signature of 512 octets.
            (KeyKind::Rsa { bits, .. }, _) if *bits > MAX_RSA_BITS => return Err(BUFFER_SIZE),
            _ => {}
        }
        // What our library cannot compute, wolfSSL can: MD5, P-224, Ed448, any salt of PSS.
        if case.pool.signature(id, signer.id) == SignatureCheck::Invalid {
            return Err(SIGNATURE);
        }
        if let Some(constraints) = &case.pool.get(signer.id).extensions.name_constraints
            && !names_are_allowed(certificate, constraints)
        {
            return Err(NAME_INVALID);
        }
        let [not_before, not_after] = certificate.validity_encoding().unwrap_or_default();
        if certificate.not_after < case.at || !has_zone(not_after) {
            return Err(AFTER_DATE);
        }
        if certificate.not_before > case.at || !has_zone(not_before) {
            return Err(BEFORE_DATE);
        }
        parsed
    }

    /// One round of `ProcessPeerCerts` above the end entity. That a CA's signer is not known is forgiven
    /// (`WOLFSSL_ALT_CERT_CHAINS`): the end entity decides.
    fn take_from_chain(&mut self, case: &Case<'_>, entry: Option<CertId>) -> Result<(), Error> {
        let id = entry.ok_or(PARSE)?;
        let certificate = case.pool.get(id);
        let verified = self.verify(case, id).and_then(|()| check_key_size(&certificate.key));
        match verified {
            Err(NO_SIGNER | SELF_SIGNED) if certificate.is_ca() => return Ok(()),
            Err(SELF_SIGNED) => return Err(NO_SIGNER),
            other => other?,
        }
        if !certificate.is_ca() {
            return Ok(());
        }
        // `AlreadySigner`
        if self.by_key_id(key_identifier(certificate)).is_some() {
            return Ok(());
        }
        // AddCA: keyUsage must be there and have keyCertSign.
        let key_usage = certificate.extensions.key_usage.as_ref();
        if !is_self_signed(certificate) && !key_usage.is_some_and(|bits| bits.allows(usage::KEY_CERT_SIGN)) {
            return Err(NOT_A_CA);
        }
        let max_path = self.max_path(case, id)?;
        self.add(Signer { id, key_id: key_identifier(certificate), max_path });
        Ok(())
    }

    /// The end entity and its signers, as far as the table has them.
    fn path(&self, case: &Case<'_>, end_entity: CertId) -> Vec<CertId> {
        let mut path = vec![end_entity];
        while let Some(signer) = self.signer_of(case, case.pool.get(path[path.len() - 1])) {
            if path.contains(&signer.id) {
                break;
            }
            path.push(signer.id);
        }
        path
    }
}

/// The checks behind verification, of which the last that fails counts: keyUsage (not in TLS 1.3), extendedKeyUsage, name;
/// the size of the key only when all of them pass.
fn check_end_entity(case: &Case<'_>, certificate: &Certificate) -> Result<(), Error> {
    if !case.any_name && !case.name_holds(certificate, matches_name) {
        return Err(DOMAIN_NAME);
    }
    let extensions = &certificate.extensions;
    if extensions.extended_key_usage.as_ref().is_some_and(|purposes| !(purposes.any || purposes.server_auth)) {
        return Err(NO_SERVER_USE);
    }
    let is_tls13 = case.tls.is_none_or(|tls| tls.version.as_deref() == Some("1.3"));
    let may_sign = extensions.key_usage.as_ref().is_none_or(|bits| bits.allows(usage::DIGITAL_SIGNATURE));
    if !is_tls13 && !may_sign && matches!(certificate.key, KeyKind::Rsa { .. } | KeyKind::Ec(_)) {
        return Err(NO_SIGNING_USE);
    }
    check_key_size(&certificate.key)
}

/// `ProcessPeerCertCheckKey`: `WOLFSSL_MIN_RSA_BITS`, `WOLFSSL_MIN_ECC_BITS`.
fn check_key_size(key: &KeyKind) -> Result<(), Error> {
    match key {
        KeyKind::Rsa { bits, .. } if *bits < 1024 => Err(RSA_KEY_SIZE),
        KeyKind::Ec(curve) if *curve != Curve::Other && curve.bits().is_some_and(|bits| bits < 224) => {
            Err(ECC_KEY_SIZE)
        }
        _ => Ok(()),
    }
}

fn rsa_bits(key: &KeyKind) -> Option<u32> {
    if let KeyKind::Rsa { bits, .. } = key { Some(*bits) } else { None }
}

fn is_self_signed(certificate: &Certificate) -> bool {
    certificate.subject.raw() == certificate.issuer.raw()
}

/// `HashSigner`.
fn row(key_id: [u8; 20]) -> usize {
    let [a, b, c, d, ..] = key_id;
    u32::from_be_bytes([a, b, c, d]) as usize % ROWS
}

/// subjectKeyIdentifier, or the hash of the key in its place. For RSA that is the usual identifier (RFC 5280 §4.2.1.2,
/// method 1); of other keys the whole SubjectPublicKeyInfo is hashed.
fn key_identifier(certificate: &Certificate) -> [u8; 20] {
    match (&certificate.extensions.subject_key_id, &certificate.key) {
        (Some(key_id), _) => as_identifier(key_id),
        (None, KeyKind::Rsa { .. }) => sha1(certificate.subject_public_key()),
        (None, _) => sha1(certificate.spki()),
    }
}

/// `GetHashId`: an identifier of another length than a SHA-1 is hashed.
fn as_identifier(octets: &[u8]) -> [u8; 20] {
    <[u8; 20]>::try_from(octets).unwrap_or_else(|_| sha1(octets))
}

fn sha1(octets: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    out.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref());
    out
}
