//! `explain "<error text>"`: what clients say leads to what can have caused it.

use serde_json::Value;
use tlsmend::judge::explain::explain;

use crate::support::program::tlsmend;
use crate::support::{shared_lab, skip};

/// Codes of the findings that the program names for a text, likeliest first.
fn codes(text: &str) -> Vec<String> {
    let run = tlsmend(&["explain", text, "--output", "json"]);
    assert_eq!(run.code, Some(0), "{text}: {}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["kind"], "error_text", "{text}");
    document["findings"].as_array().unwrap().iter().map(|rule| rule["code"].as_str().unwrap().to_owned()).collect()
}

/// As they stand on a terminal, in a browser, in a log.
#[test]
fn pasted_words_lead_to_the_likeliest_cause() {
    for (text, first) in [
        ("curl: (60) SSL certificate problem: unable to get local issuer certificate", "missing-intermediate"),
        ("curl: (60) SSL: no alternative certificate subject name matches target host name 'x'", "name-mismatch"),
        ("depth=0 CN = x\nverify error:num=20:unable to get local issuer certificate", "missing-intermediate"),
        ("    Verify return code: 21 (unable to verify the first certificate)", "missing-intermediate"),
        ("Verify return code: 10", "end-entity-expired"),
        ("X509_V_ERR_HOSTNAME_MISMATCH", "name-mismatch"),
        ("NET::ERR_CERT_AUTHORITY_INVALID", "missing-intermediate"),
        ("NET::ERR_CERT_COMMON_NAME_INVALID", "name-mismatch"),
        ("This site can't provide a secure connection ERR_SSL_VERSION_OR_CIPHER_MISMATCH", "nothing-in-common"),
        ("Error code: SEC_ERROR_UNKNOWN_ISSUER", "missing-intermediate"),
        ("MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT", "self-signed-end-entity"),
        ("Fehlercode: SSL_ERROR_BAD_CERT_DOMAIN", "name-mismatch"),
        (
            "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.\
             SunCertPathBuilderException: unable to find valid certification path to requested target\n\tat \
             java.base/sun.security.ssl.Alert.createSSLException(Alert.java:131)",
            "missing-intermediate",
        ),
        ("java.security.cert.CertificateException: No subject alternative DNS name matching x found.", "name-mismatch"),
        (
            "Get \"https://x/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "missing-intermediate",
        ),
        ("x509: certificate is valid for a, b, not c", "name-mismatch"),
        ("invalid peer certificate: UnknownIssuer", "missing-intermediate"),
        (
            "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get \
             local issuer certificate (_ssl.c:1006)",
            "missing-intermediate",
        ),
        (
            "requests.exceptions.SSLError: certificate verify failed: certificate has expired (_ssl.c:1006)",
            "end-entity-expired",
        ),
        (
            "Error: unable to verify the first certificate\n  code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'",
            "missing-intermediate",
        ),
        ("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed-end-entity"),
        (
            "- Status: The certificate is NOT trusted. The certificate issuer is unknown.\n*** PKI verification of \
             server certificate failed...",
            "missing-intermediate",
        ),
        (
            "ERROR: The certificate of ‘x’ is not trusted.\nERROR: The certificate of ‘x’ doesn't have a known issuer.",
            "missing-intermediate",
        ),
        (
            "fatal: unable to access 'https://x/': server certificate verification failed. CAfile: none CRLfile: none",
            "missing-intermediate",
        ),
        (
            "X509 - Certificate verification failed : The certificate is not correctly signed by the trusted CA",
            "missing-intermediate",
        ),
        ("wolfSSL_connect error -188, ASN no signer error to confirm failure", "missing-intermediate"),
        (
            "java.security.cert.CertPathValidatorException: Trust anchor for certification path not found.",
            "missing-intermediate",
        ),
        ("curl: (6) Could not resolve host: x", "dns-name-not-found"),
        ("Number of matching certificates is 0", "name-mismatch"),
    ] {
        assert_eq!(codes(text)[0], first, "{text}");
    }
}

#[test]
fn the_text_says_what_to_do_and_how_to_tell_causes_apart() {
    let run = tlsmend(&["explain", "curl: (60) SSL certificate problem: unable to get local issuer certificate"]);
    for part in ["OpenSSL", "[missing-intermediate]", "[root-not-in-store]", "→ fix:", "HOW TO TELL", "tlsmend probe"]
    {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    let long = tlsmend(&["explain", "unable to get local issuer certificate", "-v"]);
    assert!(long.stdout.lines().count() > run.stdout.lines().count());
    // Without quotes, as people type it; and what looks like an option.
    assert!(tlsmend(&["explain", "certificate", "has", "expired"]).stdout.contains("[end-entity-expired]"));
    assert!(tlsmend(&["explain", "-188"]).stdout.contains("[missing-intermediate]"));
}

#[test]
fn codes_clients_and_categories_have_their_json_too() {
    for (word, kind) in [("missing-intermediate", "finding"), ("curl", "client"), ("unknown-issuer", "category")] {
        let run = tlsmend(&["explain", word, "--output", "json"]);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(document["kind"], kind);
        assert!(run.stdout.contains(word), "{}", run.stdout);
    }
}

/// Nothing of the pasted text comes back to the terminal as a control, known or not.
#[test]
fn hostile_text_is_harmless() {
    let text = "\u{1b}]0;owned\u{7} certificate has expired \u{9b}31m \u{202e}";
    let long = format!("{}\u{1b}[2J certificate has expired", "x".repeat(100_000));
    for text in [text, "\u{1b}[2J\u{7}\u{202e}", &long] {
        for format in ["text", "json"] {
            let run = tlsmend(&["explain", text, "--output", format]);
            let shown = format!("{}{}", run.stdout, run.stderr);
            let bad = shown.chars().find(|&c| (c.is_control() && c != '\n') || c == '\u{202e}');
            assert_eq!(bad, None, "{shown:?}");
            assert!(matches!(run.code, Some(0 | 2)) && run.stderr.len() < 1_000);
        }
    }
}

/// Every refusal that was measured with a real client, as that client words it.
#[test]
fn every_measured_refusal_leads_to_a_finding_that_explains_it() {
    let Some(folder) = shared_lab::folder() else {
        skip("the measured verdicts are not beside this checkout");
        return;
    };
    let verdicts: Value = serde_json::from_slice(&std::fs::read(folder.join("verdicts.json")).unwrap()).unwrap();
    let (mut asked, mut missed) = (0, std::collections::BTreeSet::new());
    for (scenario, entry) in verdicts["scenarios"].as_object().unwrap() {
        for (client, said) in entry["verdicts"].as_object().unwrap() {
            if said["verdict"] == "ok" {
                continue;
            }
            asked += 1;
            let category = serde_json::from_value(said["category"].clone()).unwrap();
            let (code, message) = (said["error_code"].as_str().unwrap(), said["message"].as_str().unwrap());
            // A finding must explain the category; one that no rule of the catalogue names has the rule for the rest.
            let possible = tlsmend::judge::explain::causes_of(category);
            let found = explain(&format!("{code}: {message}"));
            let is_explained = found.is_some_and(|found| {
                found.causes.iter().any(|cause| possible.iter().any(|rule| rule.code == cause.code))
            });
            if !is_explained {
                missed.insert(format!("{client} {}: {code}: {message} ({scenario})", said["category"]));
            }
        }
    }
    assert!(asked > 1_000, "{asked}");
    assert!(missed.is_empty(), "{} of {asked}:\n{}", missed.len(), missed.into_iter().collect::<Vec<_>>().join("\n"));
}
