//! Other people's servers: OpenSSL's `s_server` and nginx, where they are installed.

use std::process::Command;

use tlsmend::model::handshake::{ClientCertificate, EndpointEvidence, EndpointStatus, FailureKind, KeyProof, Stage};

use crate::support::peer::{Identity, Peer, free_address, is_missing, nginx, run};
use crate::support::tls_server::observe;

fn completed(evidence: &EndpointEvidence, identity: &Identity) {
    assert_eq!((evidence.status, &evidence.failure), (EndpointStatus::Completed, &None));
    assert_eq!(evidence.served_chain, std::slice::from_ref(&identity.der));
}

#[tokio::test]
async fn openssl_versions_and_keys() {
    if is_missing("openssl") {
        return;
    }
    let rsa = Identity::rsa();
    let ecdsa = Identity::ecdsa();
    let ed25519 = Identity::new(&["-algorithm", "ED25519"], &[]);
    let cases = [
        (&rsa, "-tls1_2", "1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "rsa_pss_rsae_sha256"),
        (&rsa, "-tls1_3", "1.3", "TLS_AES_256_GCM_SHA384", "rsa_pss_rsae_sha256"),
        (&ecdsa, "-tls1_2", "1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ecdsa_secp256r1_sha256"),
        (&ecdsa, "-tls1_3", "1.3", "TLS_AES_256_GCM_SHA384", "ecdsa_secp256r1_sha256"),
        (&ed25519, "-tls1_3", "1.3", "TLS_AES_256_GCM_SHA384", "ed25519"),
    ];
    for (identity, option, version, suite, scheme) in cases {
        let peer = identity.s_server(&[option, "-serverpref"]);
        let evidence = observe(peer.address).await;
        completed(&evidence, identity);
        let tls = evidence.tls.unwrap();
        assert_eq!(tls.version.as_deref(), Some(version));
        // -serverpref: AES-256 stands first there, unlike in our offer.
        assert_eq!(tls.cipher_suite.as_deref(), Some(suite));
        assert_eq!(tls.signature_scheme.as_deref(), Some(scheme));
        assert_eq!((tls.group.as_deref(), tls.key_proof), (Some("x25519"), KeyProof::Proven));
        assert_eq!(tls.client_certificate, ClientCertificate::NotRequested);
    }
}

#[tokio::test]
async fn openssl_groups() {
    if is_missing("openssl") {
        return;
    }
    let identity = Identity::ecdsa();
    for version in ["-tls1_2", "-tls1_3"] {
        let peer = identity.s_server(&[version, "-groups", "P-384"]);
        let evidence = observe(peer.address).await;
        completed(&evidence, &identity);
        assert_eq!(evidence.tls.unwrap().group.as_deref(), Some("secp384r1"));

        let peer = identity.s_server(&[version, "-groups", "P-521"]);
        let failure = observe(peer.address).await.failure.unwrap();
        assert_eq!((failure.kind, failure.alert.as_deref()), (FailureKind::NothingInCommon, Some("handshake_failure")));
    }
}

#[tokio::test]
async fn openssl_client_certificates() {
    if is_missing("openssl") {
        return;
    }
    let identity = Identity::ecdsa();
    let cases =
        [("-tls1_2", Stage::Tls, "handshake_failure"), ("-tls1_3", Stage::AfterHandshake, "certificate_required")];
    for (version, stage, alert) in cases {
        let peer = identity.s_server(&[version, "-verify", "1"]);
        let evidence = observe(peer.address).await;
        completed(&evidence, &identity);
        assert_eq!(evidence.tls.unwrap().client_certificate, ClientCertificate::Requested);

        let peer = identity.s_server(&[version, "-Verify", "1"]);
        let evidence = observe(peer.address).await;
        let failure = evidence.failure.unwrap();
        assert_eq!((failure.stage, failure.kind), (stage, FailureKind::ClientCertificateRequired));
        assert_eq!(failure.alert.as_deref(), Some(alert));
        assert_eq!(evidence.tls.unwrap().client_certificate, ClientCertificate::Required);
        assert_eq!(evidence.served_chain, std::slice::from_ref(&identity.der));
    }
}

/// What rustls cannot check is not called wrong.
#[tokio::test]
async fn openssl_certificates_outside_our_stack() {
    if is_missing("openssl") {
        return;
    }
    let critical = ["-addext", "1.2.3.4=critical,DER:0500"];
    let unknown_critical = Identity::new(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], &critical);
    let version_1 = Identity::ecdsa().reissued_as_version_1();
    assert!(!version_1.der.windows(5).any(|bytes| bytes == [0xa0, 3, 2, 1, 2]), "it says that it is version 3");
    let weak = Identity::new(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], &[]);
    let any_strength = "DEFAULT:@SECLEVEL=0";
    let cases: [(&Identity, &[&str], KeyProof); 6] = [
        (&unknown_critical, &["-tls1_3"], KeyProof::Proven),
        (&unknown_critical, &["-tls1_2"], KeyProof::Proven),
        (&version_1, &["-tls1_3"], KeyProof::Proven),
        (&version_1, &["-tls1_2"], KeyProof::Proven),
        // RSASSA-PSS under 1024 bits is nothing our library can do, PKCS #1 v1.5 is.
        (&weak, &["-tls1_3", "-cipher", any_strength], KeyProof::NotChecked),
        (&weak, &["-tls1_2", "-cipher", any_strength, "-sigalgs", "RSA+SHA256"], KeyProof::Proven),
    ];
    for (identity, options, key_proof) in cases {
        let peer = identity.s_server(options);
        let evidence = observe(peer.address).await;
        completed(&evidence, identity);
        assert_eq!(evidence.tls.unwrap().key_proof, key_proof, "{options:?}");
    }
}

#[tokio::test]
async fn openssl_sha1_signatures_only() {
    if is_missing("openssl") {
        return;
    }
    for (identity, sigalgs, scheme) in
        [(Identity::rsa(), "RSA+SHA1", "rsa_pkcs1_sha1"), (Identity::ecdsa(), "ECDSA+SHA1", "ecdsa_sha1")]
    {
        let peer = identity.s_server(&["-tls1_2", "-sigalgs", sigalgs, "-cipher", "DEFAULT:@SECLEVEL=0"]);
        let evidence = observe(peer.address).await;
        completed(&evidence, &identity);
        let tls = evidence.tls.unwrap();
        assert_eq!((tls.signature_scheme.as_deref(), tls.key_proof), (Some(scheme), KeyProof::Proven));
    }
}

#[tokio::test]
async fn openssl_old_versions_and_suites() {
    if is_missing("openssl") {
        return;
    }
    let identity = Identity::rsa();
    let peer = identity.s_server(&["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]);
    let failure = observe(peer.address).await.failure.unwrap();
    assert_eq!((failure.kind, failure.alert.as_deref()), (FailureKind::VersionNotSupported, Some("protocol_version")));

    let peer = identity.s_server(&["-tls1_2", "-cipher", "AES128-SHA"]);
    let failure = observe(peer.address).await.failure.unwrap();
    assert_eq!((failure.kind, failure.alert.as_deref()), (FailureKind::NothingInCommon, Some("handshake_failure")));
}

#[tokio::test]
async fn openssl_stapling() {
    if is_missing("openssl") {
        return;
    }
    // A response without a signature worth the name is enough: it is recorded, not judged.
    let identity = Identity::ecdsa();
    let (index, response) = (identity.folder.path().join("index.txt"), identity.folder.path().join("response.der"));
    std::fs::write(&index, "").unwrap();
    let certificate = identity.certificate();
    run(Command::new("openssl")
        .args(["ocsp", "-ndays", "1", "-index"])
        .arg(&index)
        .arg("-CA")
        .arg(&certificate)
        .arg("-issuer")
        .arg(&certificate)
        .arg("-cert")
        .arg(&certificate)
        .arg("-rsigner")
        .arg(&certificate)
        .arg("-rkey")
        .arg(identity.key())
        .arg("-respout")
        .arg(&response));
    for version in ["-tls1_2", "-tls1_3"] {
        let peer = identity.s_server(&[version, "-status_file", response.to_str().unwrap()]);
        let evidence = observe(peer.address).await;
        completed(&evidence, &identity);
        assert_eq!(evidence.ocsp_staple, Some(std::fs::read(&response).unwrap()));
    }
}

#[tokio::test]
async fn nginx_tls_and_plain() {
    if is_missing(nginx()) || is_missing("openssl") {
        return;
    }
    let identity = Identity::rsa();
    let folder = identity.folder.path().display().to_string();
    let [tls, refusing, plain] = [free_address(), free_address(), free_address()];
    let configuration = format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
         events {{}}
         http {{
           access_log off; ssl_protocols TLSv1.2 TLSv1.3;
           client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
           uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
           ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
           server {{ listen {tls} ssl http2; return 204; }}
           server {{ listen {refusing} ssl default_server; ssl_reject_handshake on; }}
           server {{ listen {plain}; return 204; }}
         }}"
    );
    let file = identity.folder.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let peer = Peer::listening(Command::new(nginx()).args(["-e", "stderr", "-p", &folder, "-c"]).arg(&file), tls);

    let evidence = observe(peer.address).await;
    completed(&evidence, &identity);
    let parameters = evidence.tls.unwrap();
    assert_eq!((parameters.version.as_deref(), parameters.alpn.as_deref()), (Some("1.3"), Some("h2")));
    assert_eq!(parameters.key_proof, KeyProof::Proven);

    let failure = observe(refusing).await.failure.unwrap();
    assert_eq!((failure.kind, failure.alert.as_deref()), (FailureKind::Alert, Some("unrecognized_name")));

    let failure = observe(plain).await.failure.unwrap();
    assert_eq!((failure.kind, failure.protocol.as_deref()), (FailureKind::Plaintext, Some("http")));
}
