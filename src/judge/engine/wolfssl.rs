//! wolfSSL 5.5 as Debian builds it: takes the list from its end towards the end entity, adds every CA that verifies to its
//! table of signers, and judges the end entity by that table.
//!
//! The rules are those of `src/internal.c` (`ProcessPeerCerts`, `MatchDomainName`), `src/ssl.c` (`AddCA`, `GetCA`) and
//! `wolfcrypt/src/asn.c` (`ParseCertRelative`, extensions, name constraints), with `OPENSSL_ALL` and
//! `WOLFSSL_ALT_CERT_CHAINS`, which the distribution's build sets.

use aws_lc_rs::digest;

use crate::judge::case::Case;
use crate::judge::pool::CertId;
use crate::model::target::ReferenceId;
use crate::model::verdict::Category;
use crate::x509::dn::DistinguishedName;
use crate::x509::general_name::GeneralName;
use crate::x509::key::{Curve, KeyKind, has_explicit_curve, is_p192};
use crate::x509::signature::{SignatureAlgorithm, SignatureCheck};
use crate::x509::{Certificate, EncodingFault, NameConstraints, der, usage};

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

/// Extensions that `DecodeExtensionType` knows.
const KNOWN: &[&str] = &[
    "2.5.29.9",
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.11",
    "1.3.6.1.5.5.7.48.1.5",
    "2.16.840.1.113730.1.1",
];

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

/// `EXTERNAL_SERIAL_SIZE` of `asn_public.h`.
const MAX_SERIAL: usize = 32;

/// `MIN_DATE_SIZE` of `asn.h`: a UTCTime with its seconds.
const MIN_DATE: usize = 13;

/// What `DecodeCert` refuses. A critical extension that is not known is found last.
fn parse(certificate: &Certificate) -> Result<(), Error> {
    let extensions = &certificate.extensions;
    let is_malformed = |fault: &EncodingFault| {
        matches!(
            fault,
            EncodingFault::SerialNotMinimal
                | EncodingFault::SerialEmpty
                | EncodingFault::LengthNotMinimal
                | EncodingFault::ExtensionLengthNotMinimal
        )
    };
    let has_short_date =
        || certificate.validity_encoding().is_none_or(|dates| dates.iter().any(|(_, date)| date.len() < MIN_DATE));
    // `x509CertASN` has no unique identifiers, `GetName` wants attributes.
    if certificate.encoding_faults.iter().any(is_malformed)
        || has_short_date()
        || certificate.serial.len() > MAX_SERIAL
        || certificate.has_unique_ids()
        || [&certificate.issuer, &certificate.subject].into_iter().any(DistinguishedName::has_empty_rdn)
        || !has_readable_key(certificate)
    {
        return Err(PARSE);
    }
    if !has_known_signature(certificate) {
        return Err(SIGNATURE_OID);
    }
    if certificate.encoding_faults.contains(&EncodingFault::SignatureUnusedBits) {
        return Err(EXPECTED_ZERO);
    }
    if certificate.version < 3 && extensions.count > 0 {
        return Err(VERSION);
    }
    let is_known = |oid: &str| KNOWN.contains(&oid);
    if extensions.repeated.iter().any(|oid| is_known(oid)) {
        return Err(OBJECT_ID);
    }
    // DecodeKeyUsage wants a bit; GenerateDNSEntryIPString an address of four or sixteen octets.
    if extensions.key_usage.as_ref().is_some_and(|key_usage| key_usage.bits == 0)
        || extensions
            .undecodable
            .iter()
            .any(|extension| is_known(&extension.oid) && *extension.oid != *SUBJECT_ALT_NAME)
        || KNOWN.iter().any(|oid| certificate.extension_value(oid).is_some_and(|value| lacks_content(oid, value)))
    {
        return Err(PARSE);
    }
    let names = extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    if names.iter().any(|name| matches!(name, GeneralName::Ip(_)) && name.as_ip().is_none()) {
        return Err(OUT_OF_MEMORY);
    }
    if let Some(constraints) = &extensions.name_constraints {
        if !certificate.is_ca() {
            return Err(NAME_INVALID);
        }
        // DecodeSubtree wants content.
        let is_empty = |subtree: &GeneralName| matches!(subtree, GeneralName::Dns(text) | GeneralName::Email(text) if text.is_empty());
        if constraints.permitted.iter().chain(&constraints.excluded).any(is_empty) {
            return Err(PARSE);
        }
    }
    // Key identifiers must not be critical either.
    let is_refused = |oid: &str| !is_known(oid) || matches!(oid, "2.5.29.14" | "2.5.29.35");
    if extensions.critical.iter().any(|oid| is_refused(oid)) {
        return Err(CRITICAL_EXTENSION);
    }
    Ok(())
}

/// Names of a kind that it does not know are passed over.
const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// Extensions and lists that must hold something: names, policies, the fields of authorityKeyIdentifier, subtrees.
fn lacks_content(oid: &str, value: &[u8]) -> bool {
    let list = der::split(value).map(|(list, _)| list.content);
    match oid {
        "2.5.29.17" | "2.5.29.32" | "2.5.29.35" => list.is_none_or(<[u8]>::is_empty),
        "2.5.29.30" => list.is_some_and(|lists| der::values(lists).any(|list| list.content.is_empty())),
        _ => false,
    }
}

/// `StoreKey`, `StoreEccKey`: RSA keys with NULL for parameters, named curves from `ECC_MIN_KEY_SZ` bits on.
fn has_readable_key(certificate: &Certificate) -> bool {
    match certificate.key {
        KeyKind::Rsa { pss: false, .. } => certificate.key_algorithm_encoding().ends_with(&[5, 0]),
        KeyKind::Ec(_) => !has_explicit_curve(certificate.spki()) && !is_p192(certificate.spki()),
        _ => true,
    }
}

/// The signature's OIDs, without their parameters, must be the same inside and outside, and known (`oidSigType`): beside
/// those our reader names, DSA and those of SHA-3.
fn has_known_signature(certificate: &Certificate) -> bool {
    let oid = |encoding| der::split(encoding).map(|(oid, _)| oid.content);
    let is_known = match &certificate.signature_algorithm {
        SignatureAlgorithm::Other(oid) => {
            ["1.2.840.10040.4.3", "1.2.840.113549.1.1.10"].contains(&&**oid) || oid.starts_with("2.16.840.1.101.3.4.3.")
        }
        _ => true,
    };
    is_known && oid(certificate.signature_algorithm_encoding()) == oid(certificate.signed_algorithm_encoding())
}

/// `wc_ValidateDate`: only what stands behind the seconds is looked at, Z or an offset.
fn has_zone((tag, date): (u8, &[u8])) -> bool {
    const UTC_TIME: u8 = 0x17;
    let digits = if tag == UTC_TIME { 12 } else { 14 };
    matches!(date.get(digits), Some(b'Z' | b'+' | b'-'))
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
        if case.pool.signature(id, signer.id) == SignatureCheck::Invalid && !certificate.has_unusual_pss() {
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

/// `ConfirmNameConstraints`: e-mail, DNS and directory names; all other types are ignored. Without a SAN the common name
/// counts as a DNS name, in CAs too; an address or URI in the SAN is compared with DNS constraints like a DNS name.
fn names_are_allowed(certificate: &Certificate, constraints: &NameConstraints) -> bool {
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let attributes = certificate.subject.attributes();
    let last =
        |oid: &str| attributes.iter().rfind(|attribute| attribute.oid == oid).map(|attribute| &attribute.value[..]);
    let alternative: Vec<&[u8]> = names.iter().filter_map(compared_name).collect();
    let common_name = last("2.5.4.3").filter(|_| alternative.is_empty());
    let emails = names.iter().filter_map(|name| match name {
        GeneralName::Email(text) => Some(text.as_bytes()),
        _ => None,
    });
    let directories = names.iter().filter_map(|name| match name {
        GeneralName::Directory(name) => Some(name.rdns()),
        _ => None,
    });
    let subject = Some(certificate.subject.rdns()).filter(|subject| !subject.is_empty());

    let dns = Subtrees::new(constraints, |subtree| match subtree {
        GeneralName::Dns(base) => Some(base.as_bytes()),
        _ => None,
    });
    let email = Subtrees::new(constraints, |subtree| match subtree {
        GeneralName::Email(base) => Some(base.as_bytes()),
        _ => None,
    });
    let directory = Subtrees::new(constraints, |subtree| match subtree {
        GeneralName::Directory(base) => Some(base.rdns()),
        _ => None,
    });
    alternative.into_iter().chain(common_name).all(|name| dns.allow(name, dns_within))
        && emails.chain(last("1.2.840.113549.1.9.1")).all(|name| email.allow(name, email_within))
        && directories.chain(subject).all(|name| directory.allow(name, |name, base| name.starts_with(base)))
}

/// The names that go to `altNames`: dNSName, URI and the octets of an iPAddress.
fn compared_name(name: &GeneralName) -> Option<&[u8]> {
    match name {
        GeneralName::Dns(text) | GeneralName::Uri(text) => Some(text.as_bytes()),
        GeneralName::Ip(octets) => Some(octets),
        _ => None,
    }
}

/// Subtrees of one type, as octets.
struct Subtrees<'a> {
    permitted: Vec<&'a [u8]>,
    excluded: Vec<&'a [u8]>,
}

impl<'a> Subtrees<'a> {
    fn new(constraints: &'a NameConstraints, pick: fn(&GeneralName) -> Option<&[u8]>) -> Self {
        Self {
            permitted: constraints.permitted.iter().filter_map(pick).collect(),
            excluded: constraints.excluded.iter().filter_map(pick).collect(),
        }
    }

    /// `IsInExcludedList`, `PermittedListOk`; `MatchBaseName` never matches an empty base, a name that is shorter than the
    /// base or one that begins with a dot.
    fn allow(&self, name: &[u8], within: fn(&[u8], &[u8]) -> bool) -> bool {
        let matches = |base: &&[u8]| {
            !base.is_empty() && !name.is_empty() && name[0] != b'.' && name.len() >= base.len() && within(name, base)
        };
        !self.excluded.iter().any(matches) && (self.permitted.is_empty() || self.permitted.iter().any(matches))
    }
}

/// The end of the name is the base; that a label begins there is not checked.
fn dns_within(name: &[u8], base: &[u8]) -> bool {
    name[name.len() - base.len()..].eq_ignore_ascii_case(base)
}

fn email_within(address: &[u8], base: &[u8]) -> bool {
    if base[0] == b'.' {
        return dns_within(address, base);
    }
    let host = address.iter().position(|&byte| byte == b'@').map_or(address, |at| &address[at + 1..]);
    if base.contains(&b'@') { address.eq_ignore_ascii_case(base) } else { host.eq_ignore_ascii_case(base) }
}

/// The name check of `ProcessPeerCerts`: dNSNames, URIs and addresses (as text); the last common name only when the SAN has
/// none of them.
fn matches_name(certificate: &Certificate, reference: &ReferenceId) -> bool {
    let host = reference.to_string();
    let names = certificate.extensions.subject_alt_name.as_ref().map_or(&[][..], |san| &san.names);
    let mut compared = names.iter().filter(|name| compared_name(name).is_some());
    // An otherName is one of them, too, which matches nothing.
    if !names.iter().any(|name| compared_name(name).is_some() || matches!(name, GeneralName::Other(OTHER_NAME))) {
        let attributes = certificate.subject.attributes();
        let common_name = attributes.iter().rfind(|attribute| attribute.oid == "2.5.4.3");
        return common_name.is_some_and(|attribute| matches_pattern(&attribute.value, host.as_bytes()));
    }
    compared.any(|name| match name.as_ip() {
        Some(address) => matches_pattern(address.to_string().as_bytes(), host.as_bytes()),
        None => compared_name(name).is_some_and(|text| matches_pattern(text, host.as_bytes())),
    })
}

/// The tag of otherName in GeneralName (RFC 5280 §4.2.1.6).
const OTHER_NAME: u8 = 0;

/// `MatchDomainName`: an asterisk anywhere stands for the characters of a label up to the first that follows it in the
/// pattern; there is no going back.
fn matches_pattern(pattern: &[u8], host: &[u8]) -> bool {
    if pattern.is_empty() {
        return false;
    }
    let (mut pattern, mut host) = (pattern, host);
    while let Some((&byte, rest)) = pattern.split_first() {
        if byte == 0 {
            break;
        }
        if byte == b'*' {
            let behind = rest.iter().position(|&byte| byte != b'*').map_or(&[][..], |position| &rest[position..]);
            let next = behind.first().copied();
            while let Some((&letter, others)) = host.split_first() {
                if next.is_some_and(|next| next.eq_ignore_ascii_case(&letter)) {
                    break;
                }
                if letter == b'.' {
                    return false;
                }
                host = others;
            }
            let Some((_, rest)) = behind.split_first() else {
                pattern = behind;
                break;
            };
            pattern = rest;
            host = host.get(1..).unwrap_or_default();
        } else {
            match host.split_first() {
                Some((letter, others)) if letter.eq_ignore_ascii_case(&byte) => host = others,
                _ => return false,
            }
            pattern = rest;
        }
    }
    host.is_empty() && pattern.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_stops_at_the_first_letter_that_follows_it() {
        for (pattern, host, same) in [
            ("example.com", "EXAMPLE.com", true),
            ("*.example.com", "a.example.com", true),
            ("*.com", "example.com", true),
            ("f*.example.com", "foo.example.com", true),
            ("*o.example.com", "foo.example.com", false),
            ("a.*.com", "a.b.com", true),
            ("*", "localhost", true),
            ("*", "a.b", false),
            ("example.com\0.evil", "example.com", false),
            ("example.com.", "example.com", false),
        ] {
            assert_eq!(matches_pattern(pattern.as_bytes(), host.as_bytes()), same, "{pattern} {host}");
        }
    }

    #[test]
    fn a_constraint_is_compared_with_the_end_of_the_name() {
        let constraints = NameConstraints {
            permitted: vec![GeneralName::Dns("example.com".into())],
            excluded: vec![GeneralName::Dns("".into())],
            critical: true,
            ..NameConstraints::default()
        };
        let dns = Subtrees::new(&constraints, |subtree| match subtree {
            GeneralName::Dns(base) => Some(base.as_bytes()),
            _ => None,
        });
        assert!(dns.allow(b"a.example.com", dns_within));
        assert!(dns.allow(b"badexample.com", dns_within));
        assert!(!dns.allow(b"example.org", dns_within));
        assert!(!dns.allow(b".example.com", dns_within));
    }
}
