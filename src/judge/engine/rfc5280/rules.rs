//! The closed list of what makes the standard reject. Faults outside it are findings and change no verdict.

use crate::model::verdict::Category;

/// One reason to reject, with where it is written.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    pub code: &'static str,
    pub category: Category,
    pub section: &'static str,
    pub says: &'static str,
}

macro_rules! rules {
    ($($name:ident: $code:literal, $category:ident, $section:literal, $says:literal;)*) => {
        $(pub const $name: Rule =
            Rule { code: $code, category: Category::$category, section: $section, says: $says };)*

        /// All of them.
        pub const ALL: &[&Rule] = &[$(&$name),*];
    };
}

// Certification path validation.
rules! {
    MALFORMED: "malformed", BadFormat, "RFC 5280 §4.1", "the end entity's bytes are no certificate";
    NO_PATH: "no-path", UnknownIssuer, "RFC 5280 §6.1", "no certification path leads to a trust anchor";
    BUDGET_SPENT: "budget-spent", UnknownIssuer, "RFC 5280 §6", "there are too many possible paths to try them all";
    BAD_SIGNATURE: "bad-signature", BadSignature, "RFC 5280 §6.1.3 (a)(1)", "the signature does not verify under its issuer's key";
    SIGNATURE_NOT_SUPPORTED: "signature-not-supported", Algorithm, "RFC 5280 §6.1.3 (a)(1)", "the signature's algorithm is not supported";
    EXPIRED: "expired", Expired, "RFC 5280 §6.1.3 (a)(2)", "its validity has ended";
    NOT_YET_VALID: "not-yet-valid", NotYetValid, "RFC 5280 §6.1.3 (a)(2)", "its validity has not begun";
    REVOKED: "revoked", Revoked, "RFC 5280 §6.1.3 (a)(3), §6.3", "its issuer has revoked it";
    REVOCATION_UNKNOWN: "revocation-unknown", Revoked, "RFC 5280 §6.3.3", "CRLs are given and none of them says whether it is revoked";
    NAME_CONSTRAINTS: "name-constraints", NameConstraints, "RFC 5280 §6.1.3 (b), (c)", "a name is outside what a CA above it may certify";
    NAME_CONSTRAINTS_MALFORMED: "name-constraints-malformed", NameConstraints, "RFC 5280 §4.2.1.10", "its name constraints are malformed";
    NAME_CONSTRAINTS_BUDGET: "name-constraints-budget", NameConstraints, "RFC 5280 §6.1.3 (b), (c)", "there are too many names and constraints to compare";
    POLICY: "policy", Invalid, "RFC 5280 §6.1.3 (f), §6.1.5 (g); RFC 9618", "an explicit policy is required and none is valid";
    POLICY_MAPPING_ANY: "policy-mapping-any", Invalid, "RFC 5280 §6.1.4 (a)", "it maps anyPolicy";
    NOT_VERSION_3: "not-version-3", BadFormat, "RFC 5280 §6.1.4 (k)", "an issuing certificate must be of version 3";
    NOT_A_CA: "not-a-ca", CaFlag, "RFC 5280 §6.1.4 (k)", "it issues certificates and is no CA (basicConstraints)";
    PATH_LENGTH: "path-length", PathLength, "RFC 5280 §6.1.4 (l), (m)", "it is one intermediate more than a path length constraint above it allows";
    KEY_CERT_SIGN: "key-cert-sign", CaFlag, "RFC 5280 §6.1.4 (n)", "its keyUsage does not allow signing certificates";
    CRITICAL_EXTENSION: "critical-extension", CriticalExtension, "RFC 5280 §6.1.4 (o), §6.1.5 (f)", "it has a critical extension that is not understood";
    DEPTH: "depth", PathLength, "RFC 5280 §6.1.1", "the path is longer than was asked for";
    KEY_USAGE: "key-usage", Usage, "RFC 5280 §4.2.1.3", "its keyUsage does not allow this use";
    EXTENDED_KEY_USAGE: "extended-key-usage", Usage, "RFC 5280 §4.2.1.12", "its extended key usage does not allow this use";
    EXTENSION_MALFORMED: "extension-malformed", BadFormat, "RFC 5280 §4.2", "an extension cannot be decoded";
    EXTENSION_REPEATED: "extension-repeated", BadFormat, "RFC 5280 §4.2", "an extension stands twice";
    ALGORITHMS_DISAGREE: "algorithms-disagree", BadFormat, "RFC 5280 §4.1.1.2", "the signature algorithms inside and outside the signed part differ";
    KEY_NOT_SUPPORTED: "key-not-supported", UnsupportedKey, "RFC 5280 §4.1.2.7; RFC 5480 §2.1.1", "its key is of no supported kind";
    KEY_TOO_WEAK: "key-too-weak", WeakKey, "CA/Browser Forum BR §6.1.5", "RSA below 1024 bits can be factored by anyone";

    // Names.
    NAME: "name", Hostname, "RFC 9525 §6", "no presented identifier matches the reference identifier";
    PUBLIC_SUFFIX_WILDCARD: "public-suffix-wildcard", Hostname, "CA/Browser Forum BR §3.2.2.6", "the wildcard stands directly below a public suffix";

    // The profile of servers' certificates: only when a server's name is asked for.
    PROFILE_VERSION: "profile-version", BadFormat, "CA/Browser Forum BR §7.1.1", "it must be of version 3";
    PROFILE_SERIAL: "profile-serial", BadFormat, "RFC 5280 §4.1.2.2", "its serial number must be positive and of at most 20 octets";
    PROFILE_ISSUER_EMPTY: "profile-issuer-empty", BadFormat, "RFC 5280 §4.1.2.4", "its issuer name must not be empty";
    PROFILE_SUBJECT_EMPTY: "profile-subject-empty", BadFormat, "RFC 5280 §4.1.2.6", "a CA's subject name must not be empty";
    PROFILE_AKI_MISSING: "profile-aki-missing", BadFormat, "RFC 5280 §4.2.1.1", "it must have an authority key identifier";
    PROFILE_AKI_CRITICAL: "profile-aki-critical", BadFormat, "RFC 5280 §4.2.1.1", "its authority key identifier must not be critical";
    PROFILE_AKI_INCOMPLETE: "profile-aki-incomplete", BadFormat, "RFC 5280 §4.2.1.1; CA/Browser Forum BR §7.1.2.11.1", "its authority key identifier must have keyIdentifier alone";
    PROFILE_AKI_MISMATCH: "profile-aki-mismatch", BadFormat, "CA/Browser Forum BR §7.1.2.1.3", "a root's two key identifiers must be the same";
    PROFILE_SKI_MISSING: "profile-ski-missing", BadFormat, "RFC 5280 §4.2.1.2", "a CA must have a subject key identifier";
    PROFILE_SKI_CRITICAL: "profile-ski-critical", BadFormat, "RFC 5280 §4.2.1.2", "its subject key identifier must not be critical";
    PROFILE_AIA_CRITICAL: "profile-aia-critical", BadFormat, "RFC 5280 §4.2.2.1", "its authority information access must not be critical";
    PROFILE_BASIC_CONSTRAINTS: "profile-basic-constraints", CaFlag, "RFC 5280 §4.2.1.9", "a CA's basicConstraints must be present, critical and say so";
    PROFILE_PATH_LENGTH: "profile-path-length", CaFlag, "RFC 5280 §4.2.1.9", "a path length constraint needs cA and keyCertSign";
    PROFILE_KEY_CERT_SIGN: "profile-key-cert-sign", Usage, "RFC 5280 §4.2.1.9", "keyCertSign needs cA";
    PROFILE_CA_SERVES: "profile-ca-serves", CaFlag, "CA/Browser Forum BR §7.1.2.7.8", "a server's certificate must be no CA's";
    PROFILE_NAME_CONSTRAINTS: "profile-name-constraints", NameConstraints, "RFC 5280 §4.2.1.10", "only a CA may have name constraints";
    PROFILE_POLICY_CONSTRAINTS: "profile-policy-constraints", BadFormat, "RFC 5280 §4.2.1.11", "its policy constraints must be critical";
    PROFILE_SAN_MISSING: "profile-san-missing", Hostname, "CA/Browser Forum BR §7.1.2.7.12", "it must have a subject alternative name";
    PROFILE_SAN_CRITICAL: "profile-san-critical", BadFormat, "RFC 5280 §4.2.1.6; CA/Browser Forum BR §7.1.2.7.12", "its subject alternative name must be critical when its subject is empty, and only then";
    PROFILE_SAN_MALFORMED: "profile-san-malformed", BadFormat, "RFC 5280 §4.2.1.6", "a name in its subject alternative name is malformed";
    PROFILE_CN: "profile-cn", Hostname, "CA/Browser Forum BR §7.1.4.3", "its common name must be a copy of one of its alternative names";
    PROFILE_EKU_ANY: "profile-eku-any", Usage, "CA/Browser Forum BR §7.1.2.7.10", "a server's certificate must not be for any purpose";
    PROFILE_EKU_CRITICAL: "profile-eku-critical", Usage, "CA/Browser Forum BR §7.1.2.7.6", "a server's extended key usage must not be critical";
    PROFILE_EKU_ROOT: "profile-eku-root", Usage, "CA/Browser Forum BR §7.1.2.1.2", "a root must have no extended key usage";
    PROFILE_KEY: "profile-key", WeakKey, "CA/Browser Forum BR §6.1.5", "keys are RSA from 2048 bits, divisible by 8, or on P-256, P-384 or P-521";
    PROFILE_SIGNATURE: "profile-signature", Algorithm, "CA/Browser Forum BR §7.1.3.2", "signatures stand on SHA-256, SHA-384 or SHA-512";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_every_rule_has_its_source() {
        let codes: BTreeSet<&str> = ALL.iter().map(|rule| rule.code).collect();
        assert_eq!(codes.len(), ALL.len());
        assert!(ALL.iter().all(|rule| rule.section.contains('§') && !rule.says.is_empty()));
    }
}
