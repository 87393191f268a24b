//! `known-bad-ca`: a CA whose private key is public, or that issued for others what it must not.

use std::sync::LazyLock;

use super::{Check, Context, Found, Outcome, Rule, support};
use crate::judge::Deployment;
use crate::judge::standard::FaultKind;
use crate::model::finding::{Severity, SubjectKind};
use crate::model::verdict::Category;
use crate::x509::signature::SignatureCheck;
use crate::x509::{Certificate, certificates_in};

pub const RULE: Rule = Rule {
    code: "known-bad-ca",
    severity: Severity::Critical,
    title: "the certificate comes from a CA that is known to be compromised",
    explanation: "The private key of this CA is public, or the CA was caught issuing for names of others: anybody may \
                  have made this certificate. Superfish, eDellRoot and their like came preinstalled on computers; \
                  DigiNotar and MCS Holdings issued for names they had no right to; development servers once shipped one \
                  key to everybody. Browsers block these keys even where the root is trusted.",
    advice: "Replace the certificate with one of a public CA, and remove the CA from every machine that trusts it.",
    citations: &[
        "Chromium net/data/ssl/blocklist/README.md (which keys, and what happened)",
        "badssl.com, section Known Bad",
    ],
    explains: &[
        Category::UnknownIssuer,
        Category::BadSignature,
        Category::SelfSigned,
        Category::Revoked,
        Category::Invalid,
        Category::Unspecified,
    ],
    check: Check::Evidence(check),
};

fn check(context: &Context<'_>) -> Outcome {
    support::per_chain(context, |_, deployment| {
        let (certificate, known) = on_the_chain(context, deployment).or_else(|| issuer(context, deployment))?;
        Some(
            Found::new(SubjectKind::Certificate, certificate.fingerprint.to_string())
                .fact("certificate", certificate.subject.to_string())
                .fact("ca", known.name)
                .fact("story", known.story)
                .fact("spki_sha256", known.spki_sha256)
                .remedy("replace the certificate, and remove this CA wherever it is trusted", None, true),
        )
    })
}

/// A known key among what was served or the path leads over.
fn on_the_chain<'a>(context: &Context<'a>, deployment: &'a Deployment) -> Option<(&'a Certificate, &'static KnownBad)> {
    let path = support::judged_path(deployment).into_iter().flat_map(|path| &path.certificates);
    deployment.served.iter().chain(path).find_map(|&id| {
        let certificate = context.judgement.pool.get(id);
        Some((certificate, find(certificate)?))
    })
}

/// The certificate where the path breaks off, when a known key signed it.
fn issuer<'a>(context: &Context<'a>, deployment: &'a Deployment) -> Option<(&'a Certificate, &'static KnownBad)> {
    let path = deployment.with_fetched.best()?;
    let fault = path.faults.iter().find(|fault| matches!(fault.kind, FaultKind::IssuerNotFound))?;
    let certificate = context.judgement.pool.get(path.certificates[fault.position]);
    Some((certificate, issued_by(certificate)?))
}

/// Is its own key one of theirs?
pub(super) fn has_key_of_one(certificate: &Certificate) -> bool {
    find(certificate).is_some()
}

/// The entry for the certificate's own key.
fn find(certificate: &Certificate) -> Option<&'static KnownBad> {
    let hash = certificate.spki_sha256().to_string();
    KNOWN.iter().find(|known| known.spki_sha256 == hash)
}

/// The entry for the key that signed the certificate.
pub(super) fn issued_by(certificate: &Certificate) -> Option<&'static KnownBad> {
    let issuer = certificate.issuer.normalised();
    let signed = |ca: &&Certificate| {
        ca.subject.normalised() == issuer && certificate.check_signature(ca) == SignatureCheck::Valid
    };
    find(AUTHORITIES.iter().find(signed)?)
}

/// Certificates of those CAs that are met by what they signed; facts, from the places that [`RULE`] cites.
static AUTHORITIES: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    // A test shows that all of them parse.
    let ders = certificates_in(include_bytes!("../data/known_bad_cas.pem")).unwrap_or_default();
    ders.iter().filter_map(|der| Certificate::parse(der).ok()).collect()
});

#[derive(Debug)]
pub(super) struct KnownBad {
    /// Of the SubjectPublicKeyInfo, hex.
    spki_sha256: &'static str,
    pub name: &'static str,
    story: &'static str,
}

const fn known(spki_sha256: &'static str, name: &'static str, story: &'static str) -> KnownBad {
    KnownBad { spki_sha256, name, story }
}

const PREINSTALLED: &str = "a root that came preinstalled on computers, with its private key";
const DIGINOTAR: &str = "the CA was broken into in 2011 and certificates for Google and others were made";
const MISISSUED: &str = "an intermediate CA that issued for names of others";
const SHIPPED: &str = "the private key is part of a program that everybody can download";
const INTERCEPTION: &str = "a root that citizens were told to install so that their connections can be read";

#[rustfmt::skip] // one line a key
const KNOWN: &[KnownBad] = &[
    known("4bb8f35ba1e126f8dde1b0c420625ed86dce61a7bddadbdea9aba578ff13145e", "Superfish", PREINSTALLED),
    known("cdee9f3305572a677e1a6c82dc1e02a35b11cae6a684338c9f37fe1ac8daec23", "eDellRoot", PREINSTALLED),
    known("130ad4e0633521290531b6651f5759b0bc7bc656709ff8f365c2143b0389b6f6", "DSDTestProvider", PREINSTALLED),
    known("0c43ea8bcde9fc3bca165664ac8215567e3489d5393a0c81e1a79141992e1953", "Sennheiser HeadSetup", PREINSTALLED),
    known("8f591f7aa4dc3efe9490c38a4692c9011ed128f1de595569406d77b6fa1f6b4c", "Sennheiser HeadSetup", PREINSTALLED),
    known("1af56c98ff043ef92bebff54cebb4dd67a25ba956c817f3e6dd3c1e52eb584c1", "Cyberoam", "one key in every device, and it leaked (CVE-2012-3372)"),
    known("707d364e72ae521431dd953897f9c4846d5b8c324298fe53fbd4ada1f2d1157f", "Mitel", SHIPPED),
    known("6adb8e3e055460922d1501cb97f94c6a02e39c8f2774ca408825b7b58379dc14", "Mitel", SHIPPED),
    known("490b6ec6beb2d6034720b5149b6b29cd35515988cc16af854148b07b9b1f8a11", "Mitel", SHIPPED),
    known("ef551284715232de92e246c323329362b132493bb16b589e4775520beb871a56", "Mitel", SHIPPED),
    known("ae90b57fcba826f7aec3be8eec4fa6b2c095dbb6be403226e043f31c241b4e54", "webpack-dev-server 1", SHIPPED),
    known("56ee62779ab5ef00d14909e073cc857f28623ce976242ccbd4bfc96a60309c39", "webpack-dev-server 1", SHIPPED),
    known("2bd1e667ec9ebbe02b9a7da264210c99b3eac1cc9141a0e30e3f623eaccec4e1", "webpack-dev-server 2", SHIPPED),
    known("7b68480b9ce95a27cd6c663b705fd5352e4e564f8de3731b1e28c9b081cfba71", "preact-cli 1", SHIPPED),
    known("a903af8c07bb91b0d9e3f3a30c6d53339fc5bd47e5d6bdb476598860c068a024", "DigiNotar Root CA", DIGINOTAR),
    known("455b87e96f1cea2f8b6dae0808ec24738fd92b7fd306757198bf389d755c0b6c", "DigiNotar Root CA G2", DIGINOTAR),
    known("d34b255b2fe7d1a09656cbab6409f73c796ec7d66af73653ecc39af978297310", "DigiNotar Cyber CA", DIGINOTAR),
    known("93ca2d436cae7f68d2b4256ca175c985ce39926dc9f7eeaeecf2f8970fb97802", "DigiNotar Services 1024 CA", DIGINOTAR),
    known("f034f642ca1d9e88e9efeafcb15c7c937aa19e04b080f27335e1da70d1ca1201", "DigiNotar PKIoverheid CA", DIGINOTAR),
    known("dd3eeb779bee07f9efdac382408b28d142fa842c78e8bc0e33348d57b92f0583", "DigiNotar PKIoverheid CA", DIGINOTAR),
    known("7e7058ea35ad4359654159973f560187f16d19c514b939c5055672d1d2a518ac", "DigiNotar PKIoverheid CA", DIGINOTAR),
    known("04dde9aa9a79f61498682325fa0870276707fb9ca95384120b46893268494fc9", "MCS Holdings (under CNNIC)", MISISSUED),
    known("fa00bec73dd99795df1162c789987004c26cbf90af4db442f66220de41354ac9", "India NIC CA 2011", MISISSUED),
    known("9b8a93decccfbafcf4d04d3442128fb35218cfe437a3d8d0328c99f89089e450", "India NIC CA 2014", MISISSUED),
    known("e6e136c86154f32c3e49f47cfc6b338ff2dc61ce14fc7589b3b56a1450132701", "India NIC", MISISSUED),
    known("25da1ad58bbfcfb227d8723b1857d4c18e7baa7417b4f9eff9366b5e869f8b39", "DCSSI intermediate", MISISSUED),
    known("c173f0626456ca854ff2a7f0b133a7cf4d0211e552f24b3e33ade8c59f0a424c", "TurkTrust e-islem", MISISSUED),
    known("3edbd9ace639ba1a2d4ad04718711fda23e859b2fbf5d137d424045e7919dfb9", "TurkTrust EGO", MISISSUED),
    known("32ecc96f912f96d889e73088cd031c7ded2c651c805016157a23b6f32f798a3b", "Trustwave interception CA", MISISSUED),
    known("b5ba8dd7f89564c2889d3d6453c84998c77824919b64ea0835aa62986591be50", "Qaznet", INTERCEPTION),
    known("8e12d0cb3b7df3ea2257579489fd8658c95603ea6cf4b73163a41eb7b7e93fee", "Kazakhstan interception CA", INTERCEPTION),
    known("b13fa2e6131a888a01f3d62056fb0efbe999eb6b6e14927613e02ba8b8fb046e", "Kazakhstan interception CA", INTERCEPTION),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_of_hashes_and_every_certificate_is_in_it() {
        for known in KNOWN {
            let digits =
                known.spki_sha256.len() == 64 && known.spki_sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(digits, "{}: {}", known.name, known.spki_sha256);
        }
        let count = include_str!("../data/known_bad_cas.pem").matches("BEGIN CERTIFICATE").count();
        assert_eq!(AUTHORITIES.len(), count);
        for authority in AUTHORITIES.iter() {
            assert!(find(authority).is_some(), "{authority:?}");
        }
    }

    #[test]
    fn a_public_root_is_not_in_it() {
        for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            let root = Certificate::parse(der).unwrap();
            assert!(find(&root).is_none() && issued_by(&root).is_none(), "{root:?}");
        }
    }
}
