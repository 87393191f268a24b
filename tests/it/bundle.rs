//! `bundle`: what it chooses, what it writes, and what real clients make of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tlsmend::lab::pki::{Issued, Pki};
use tlsmend::lab::{BuildError, Family, Lab, Running, Scenario, World};
use tlsmend::model::bundle::{BundleFormat, BundleReport};
use tlsmend::model::report::{RepairOutcome, Report};
use tlsmend::model::time::Time;
use tlsmend::model::verdict::Verdict;
use tlsmend::probe::probe;
use tlsmend::x509::{certificates_in, pem};

use crate::support::http_server::{HttpServer, Page};
use crate::support::openssl_ca::{self, Level, OpensslCa};
use crate::support::peer::Peer;
use crate::support::program::{Run, tlsmend, tlsmend_caching_in};
use crate::support::validate;

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix(since.as_secs().try_into().unwrap())
}

/// Runs the program beside the servers that live in this thread.
async fn run(arguments: Vec<String>) -> Run {
    let run = move || tlsmend(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Is a program there to be asked?
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok();
    if !found {
        crate::support::skip(&format!("{program} is not installed"));
    }
    found
}

/// A bundle makes no revoked certificate good, whoever says that it is revoked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_certificate_gets_no_bundle() {
    if crate::support::peer::is_missing("openssl") {
        return;
    }
    let ca = OpensslCa::new("http://127.0.0.1:1", "");
    let command = |server: &Peer, out: &Path| {
        let address = server.address.to_string();
        let given = ["bundle", openssl_ca::HOST, "--roots", &ca.text("root.pem"), "--address", &address, "--out"];
        given.into_iter().map(str::to_owned).chain([out.to_str().unwrap().to_owned()]).collect::<Vec<_>>()
    };
    let out = ca.path("bundle.pem");
    let before = ca.staple("leaf", "intermediate", &["-ndays", "3"]);
    let server = ca.serve(&["-status_file", before.to_str().unwrap()]);
    assert_eq!(run(command(&server, &out)).await.code, Some(0), "it is good so far");
    std::fs::remove_file(&out).unwrap();
    ca.revoke(Level::Intermediate, "leaf", "keyCompromise");
    let after = ca.staple("leaf", "intermediate", &["-ndays", "3"]);
    let server = ca.serve(&["-status_file", after.to_str().unwrap()]);
    let refused = run(command(&server, &out)).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(
        refused.stdout.contains("has been revoked") && refused.stdout.contains("with a new key"),
        "{}",
        refused.stdout
    );
    assert!(!out.exists());
    // Without a staple the CRL says so, to those who ask for it; its address is dead here, which proves nothing.
    let server = ca.serve(&[]);
    let arguments =
        [command(&server, &out), ["--revocation", "--allow-private-aia"].map(str::to_owned).to_vec()].concat();
    assert_eq!(run(arguments).await.code, Some(0));
}

/// The lab with its roots in a file.
struct Bench {
    lab: Lab,
    folder: tempfile::TempDir,
    roots: String,
}

impl Bench {
    async fn new(only: Option<&[&str]>) -> Self {
        Self::of(Lab::start(now(), only).await.unwrap())
    }

    fn of(lab: Lab) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots.pem");
        std::fs::write(&roots, lab.roots_pem()).unwrap();
        Self { lab, roots: roots.to_str().unwrap().to_owned(), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `tlsmend bundle` for a scenario.
    async fn bundle(&self, running: &Running, more: &[&str]) -> Run {
        let resolver = self.lab.resolver().to_string();
        let target = running.authority();
        let given = ["bundle", &target, "--resolver", &resolver, "--roots", &self.roots, "--allow-private-aia"];
        let mut arguments: Vec<String> = given.iter().chain(more).map(ToString::to_string).collect();
        if let Some(timeout) = running.timeout {
            arguments.extend(["--timeout".to_owned(), format!("{}ms", timeout.as_millis())]);
        }
        run(arguments).await
    }

    /// The document for a scenario, and what came to lie at `--out`.
    async fn document(&self, running: &Running, more: &[&str]) -> (Run, BundleReport, Option<Vec<u8>>) {
        let out = self.path(&format!("{}.pem", running.scenario.id));
        let run = self.bundle(running, &[&["--output", "json", "--out", out.to_str().unwrap()], more].concat()).await;
        let document: BundleReport =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        let written = std::fs::read(&out).ok();
        (run, document, written)
    }

    /// Does the real client accept what the first address of `running` serves now? `None`: it is not installed.
    async fn real(&self, client: &str, running: &Running) -> Option<bool> {
        let address = running.addresses[0];
        let (host, port) = (running.host.clone(), address.port());
        let ip = address.ip();
        let arguments: Vec<String> = match client {
            "openssl" => {
                ["s_client", "-connect", &address.to_string(), "-servername", &host, "-verify_hostname", &host]
                    .into_iter()
                    .chain(["-CAfile", &self.roots, "-verify_return_error"])
                    .map(str::to_owned)
                    .collect()
            }
            "curl" => vec![
                "-sS".to_owned(),
                "--cacert".to_owned(),
                self.roots.clone(),
                "--resolve".to_owned(),
                format!("{host}:{port}:{ip}"),
                format!("https://{host}:{port}/"),
            ],
            "gnutls-cli" => vec![
                "--x509cafile".to_owned(),
                self.roots.clone(),
                "--sni-hostname".to_owned(),
                host.clone(),
                "--verify-hostname".to_owned(),
                host,
                "-p".to_owned(),
                port.to_string(),
                ip.to_string(),
            ],
            other => panic!("{other}"),
        };
        let mut command = Command::new(client);
        command.args(arguments).stdin(Stdio::null()).env("CURL_HOME", self.folder.path());
        tokio::task::spawn_blocking(move || command.output().ok().map(|output| output.status.success())).await.unwrap()
    }
}

const REAL_CLIENTS: [&str; 3] = ["openssl", "curl", "gnutls-cli"];

/// Scenarios that no bundle mends, and the words of the true reason. What is in neither list is mended or needs nothing.
pub const REFUSED: &[(&str, i32, &str, &str)] = &[
    ("name-not-found", 3, "the name does not exist", "record"),
    ("no-address", 3, "has no address", "record"),
    ("resolver-failed", 3, "could not be resolved", "resolver"),
    ("cname-loop", 3, "back to itself", "aliases"),
    ("cname-dangling", 3, "has no address", "CNAME"),
    ("cname-chain-too-long", 3, "longer than resolvers follow", "alias"),
    ("port-closed", 3, "nothing listens", "listener"),
    ("filtered", 3, "does not answer", "port"),
    ("silent", 3, "says nothing", "listens"),
    ("reset", 3, "is reset", "logs"),
    ("closed-mid-handshake", 3, "closes the connection", "listener"),
    ("garbage", 3, "not TLS", "listens"),
    ("smtp-on-port", 3, "another protocol", "TLS"),
    ("http-on-port", 3, "another protocol", "TLS"),
    ("handshake-refused", 1, "refuses the handshake", "log"),
    ("server-name-not-recognised", 1, "does not serve this name", "listener"),
    ("old-tls-only", 1, "no TLS version in common", "TLS 1.2"),
    ("nothing-in-common", 1, "no cipher suite", "ECDHE"),
    ("no-certificate", 1, "empty certificate list", "certificate"),
    ("key-does-not-match", 1, "not hold the key", "private key that belongs"),
    ("client-certificate-required", 1, "requires a client certificate", "client certificate"),
    ("certificate-malformed", 1, "cannot be read", "Export the certificate again"),
    ("issuer-address-dead", 1, "neither served, nor found", "from the CA"),
    ("issuer-without-address", 1, "neither served, nor found", "from the CA"),
    ("wrong-intermediate", 1, "right name but another key", "from the CA"),
    ("root-not-in-store", 1, "a root that is not in the store", "give this root to every client"),
    ("self-signed", 1, "self-signed", "a CA whose root the clients trust"),
    ("expired-cross-certificate-only-path", 1, "expired cross-certificate", "newer root"),
    ("intermediate-expired", 1, "an intermediate certificate has expired", "another certificate of this issuer"),
    ("issuer-is-not-a-ca", 1, "may not issue", "reissued"),
    ("name-constraints-violated", 1, "not allowed to issue for this name", "reissued"),
    ("path-length-exceeded", 1, "more levels than it may", "reissued"),
    ("wrong-host", 1, "not for this name", "reissued with this name"),
    ("wildcard-two-labels", 1, "not for this name", "reissued with this name"),
    ("wildcard-apex", 1, "not for this name", "reissued with this name"),
    ("common-name-only", 1, "common name", "reissued with this name"),
    ("address-as-text", 1, "written as a DNS name", "reissued with this name"),
    ("hostile-names", 1, "not for this name", "reissued with this name"),
    ("not-for-servers", 1, "not meant for TLS servers", "TLS server certificate"),
    ("expired", 1, "has expired", "renew"),
    ("not-yet-valid", 1, "not valid yet", "first day"),
    ("valid-too-long", 1, "valid for longer", "shorter lifetime"),
];

/// Every scenario of the lab: what a bundle can mend is served again by its own server with its own key and accepted by
/// programs that nobody here wrote; for everything else the reason is the true one and nothing is written.
#[tokio::test]
async fn every_scenario_is_mended_for_real_clients_or_refused_with_the_true_reason() {
    let bench = Bench::new(None).await;
    let mut mended = 0;
    for running in bench.lab.scenarios() {
        let id = running.scenario.id;
        let (run, document, written) = bench.document(running, &[]).await;
        validate(&serde_json::to_value(&document.report).unwrap());
        let instead = document.instead.clone().unwrap_or_default();
        if let Some((_, exit, reason, help)) = REFUSED.iter().find(|(refused, ..)| *refused == id) {
            assert_eq!((run.code, document.outcome), (Some(*exit), RepairOutcome::Impossible), "{id}: {run:?}");
            let said = document.reason.as_deref().unwrap();
            assert!(said.contains(reason), "{id}: {said}");
            assert!(instead.contains(help), "{id}: {instead}");
            assert_eq!((written, document.written, document.bundle_pem), (None, None, None), "{id}");
            continue;
        }
        assert_eq!((run.code, instead.as_str()), (Some(0), ""), "{id}: {run:?}");
        let written = written.unwrap();
        assert_eq!(Some(written.as_slice()), document.bundle_pem.as_deref().map(str::as_bytes), "{id}");
        let bundle = certificates_in(&written).unwrap();
        let report = &document.report;
        let served = &report.deployments[report.repair.deployment.unwrap()].served_chain;
        assert_eq!(document.bundle[0], served[0], "{id}: the same end entity");
        let is_root = |hash: &String| report.certificates[hash].subject == report.certificates[hash].issuer;
        assert!(!document.bundle.iter().any(is_root), "{id}: a root is in the bundle");
        let distinct: BTreeSet<&String> = document.bundle.iter().collect();
        assert_eq!(distinct.len(), document.bundle.len(), "{id}: something stands twice");
        for (below, above) in document.bundle.iter().zip(&document.bundle[1..]) {
            assert_eq!(report.certificates[below].issuer, report.certificates[above].subject, "{id}: out of order");
        }
        if document.outcome == RepairOutcome::NotNeeded {
            assert_eq!(document.bundle, *served, "{id}");
        }
        // The proof, before: our word for the three real clients is what they say themselves.
        for client in REAL_CLIENTS.into_iter().filter(|_| running.addresses.len() == 1) {
            let Some(accepts) = bench.real(client, running).await else { continue };
            if let Some(proof) = report.repair.proof.iter().find(|proof| proof.client == client) {
                assert_eq!(proof.before == Verdict::Accept, accepts, "{id}: {client} before");
            }
        }
        running.exchange_chain(&bundle);
        for client in REAL_CLIENTS {
            if !has(client) {
                continue;
            }
            assert_eq!(bench.real(client, running).await, Some(true), "{id}: {client} refuses the bundle");
        }
        mended += usize::from(document.outcome != RepairOutcome::NotNeeded);
    }
    assert!(mended >= 9, "only {mended} scenarios were mended");
    for (id, ..) in REFUSED {
        let known = bench.lab.scenario(id).is_some() || bench.lab.left_out().iter().any(|left| left.scenario.id == *id);
        assert!(known, "{id} is no scenario");
    }
}

/// A scenario of a test's own.
fn own(build: fn(&mut World) -> Result<(), BuildError>) -> Scenario {
    Scenario { id: "own", family: Family::Chain, summary: "", expected: &[], exit: 1, build }
}

async fn look(scenario: Scenario) -> Report {
    let lab = Lab::start_with(now(), &[scenario]).await.unwrap();
    let running = lab.scenario(scenario.id).unwrap();
    probe(&running.target().unwrap(), &lab.settings(running).unwrap(), now).await
}

/// Short names of the certificates in the bundle.
fn names(report: &Report) -> Vec<&str> {
    let bundle = certificates_in(report.repair.bundle_pem.as_deref().unwrap().as_bytes()).unwrap();
    let hashes = bundle.iter().map(|der| tlsmend::x509::Fingerprint::of(der).to_string());
    hashes.map(|hash| report.certificates[&hash].subject.rsplit("CN=own ").next().unwrap()).collect()
}

/// old root → cross-certificate for the new root → intermediate → end entity; only the old root is trusted, and neither
/// cross-certificate nor intermediate is sent.
#[tokio::test]
async fn a_longer_chain_where_only_the_old_root_is_trusted() {
    let report = look(own(|world| {
        let old = world.root()?;
        let new = world.pki().root("New Root").issue()?;
        let cross = old.cross_certify(&new).issue()?;
        let intermediate = new.intermediate("Intermediate").ca_issuers(&world.publish(&cross)).issue()?;
        let site = world.site(&intermediate).issue()?;
        world.serve(&site, &[&site])
    }))
    .await;
    assert_eq!(report.repair.outcome, Some(RepairOutcome::Mends));
    assert_eq!(names(&report)[1..], ["Intermediate", "New Root"]);
    assert!(report.repair.proof.iter().all(|proof| proof.after == Verdict::Accept));
    assert_eq!(report.certificates[report.repair.trust_anchor.as_ref().unwrap()].subject, "O=tlsmend lab, CN=own Root");
}

/// Both roots are trusted; a valid cross-certificate is served, which clients older than any we know may need: it stays.
#[tokio::test]
async fn a_useful_cross_certificate_is_not_taken_away() {
    let clean = look(own(|world| {
        let old = world.root()?;
        let new = world.pki().root("New Root").issue()?;
        world.trust(&new);
        let cross = old.cross_certify(&new).issue()?;
        let intermediate = world.intermediate(&new).issue()?;
        let site = world.site(&intermediate).issue()?;
        world.serve(&site, &[&site, &intermediate, &cross])
    }))
    .await;
    assert_eq!(clean.repair.outcome, Some(RepairOutcome::NotNeeded), "{:?}", clean.repair);
    let with_stranger = look(own(|world| {
        let old = world.root()?;
        let new = world.pki().root("New Root").issue()?;
        world.trust(&new);
        let cross = old.cross_certify(&new).issue()?;
        let intermediate = world.intermediate(&new).issue()?;
        let stranger = old.intermediate("Stranger").issue()?;
        let site = world.site(&intermediate).issue()?;
        world.serve(&site, &[&site, &stranger, &intermediate, &cross])
    }))
    .await;
    assert_eq!(
        names(&with_stranger)[1..],
        ["Intermediate", "New Root"],
        "the stranger goes, the cross-certificate stays"
    );
}

/// old root → (expired) cross-certificate → intermediate → end entity; the intermediate's address gives a fresh one.
#[tokio::test]
async fn an_expired_cross_certificate_is_replaced_by_a_fresh_one() {
    let report = look(own(|world| {
        let old = world.root()?;
        let new = world.pki().root("New Root").issue()?;
        let (expired, fresh) = (old.cross_certify(&new).valid(-900, -3).issue()?, old.cross_certify(&new).issue()?);
        let intermediate = new.intermediate("Intermediate").ca_issuers(&world.publish(&fresh)).issue()?;
        let site = world.site(&intermediate).issue()?;
        world.serve(&site, &[&site, &intermediate, &expired])
    }))
    .await;
    assert_eq!(report.repair.outcome, Some(RepairOutcome::Mends));
    assert_eq!((report.repair.adds.len(), report.repair.removes.len()), (1, 1));
    let at = report.run.judged_at;
    assert!(report.certificates[&report.repair.removes[0]].not_after < at);
    assert!(report.certificates[&report.repair.adds[0]].not_after > at);
    assert!(report.repair.proof.iter().all(|proof| proof.after == Verdict::Accept));
}

/// root → intermediate → end entity as files.
struct Files {
    folder: tempfile::TempDir,
    root: Issued,
    intermediate: Issued,
    end_entity: Issued,
}

impl Files {
    /// The end entity says that its issuer lies at `url`.
    fn new(url: &str) -> Self {
        let root = Pki::new("files", now()).root("Root").issue().unwrap();
        let intermediate = root.intermediate("Intermediate").issue().unwrap();
        let end_entity = intermediate.end_entity("shop.example.com").ca_issuers(url).issue().unwrap();
        let files = Self { folder: tempfile::tempdir().unwrap(), root, intermediate, end_entity };
        files.write("root.pem", files.root.pem());
        files.write("leaf.pem", files.end_entity.pem());
        files
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// `bundle FILE` with the root trusted.
    fn arguments(&self, file: &str, more: &[&str]) -> Vec<String> {
        let (file, root) = (self.path(file), self.path("root.pem"));
        ["bundle", &file, "--roots", &root].iter().chain(more).map(ToString::to_string).collect()
    }

    async fn bundle(&self, file: &str, more: &[&str]) -> Run {
        run(self.arguments(file, more)).await
    }
}

fn page_of(certificate: &Issued) -> impl Fn(&str) -> Page + Send + Sync + 'static {
    let der = certificate.der().to_vec();
    move |_| Page::of("application/pkix-cert", der.clone())
}

/// The chain of a file is completed over the network; the forms of the result are read by the programs meant to.
#[tokio::test]
async fn a_file_is_completed_and_written_in_every_form() {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    drop(server);
    let files = Files::new(&format!("http://{address}/ca.cer"));
    // Issuer and end entity in the wrong order, twice, with a private key and the root: as people paste them.
    let key = pem::encode(files.end_entity.key_der()).replace("CERTIFICATE", "PRIVATE KEY");
    files.write(
        "heap.pem",
        files.end_entity.pem() + &key + &files.root.pem() + &files.intermediate.pem() + &files.end_entity.pem(),
    );
    let expected = [files.end_entity.der(), files.intermediate.der()];
    for (name, format) in [
        ("a.pem", BundleFormat::Pem),
        ("a.p7b", BundleFormat::P7b),
        ("a.p7c", BundleFormat::P7c),
        ("a", BundleFormat::Pem),
    ] {
        let out = files.path(name);
        let run = files.bundle("heap.pem", &["--out", &out, "--output", "json"]).await;
        assert_eq!(run.code, Some(0), "{run:?}");
        let document: BundleReport = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((document.written, document.outcome), (Some(format), RepairOutcome::Mends));
        let written = std::fs::read(&out).unwrap();
        assert_eq!(certificates_in(&written).unwrap(), expected, "{name}");
        assert!(!String::from_utf8_lossy(&written).contains("PRIVATE KEY"));
        assert!(!run.stdout.contains(files.folder.path().to_str().unwrap()), "a path is in the document");
        assert!(!run.stdout.contains(&key.lines().nth(1).unwrap()[..20]), "the key is in the document");
    }
    let out = files.path("forced");
    let run = files.bundle("heap.pem", &["--out", &out, "--format", "p7b", "--with-root"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    if has("openssl") {
        for (file, form, count) in [("a.p7b", "PEM", 2), ("a.p7c", "DER", 2), ("forced", "PEM", 3)] {
            let arguments = ["pkcs7", "-print_certs", "-inform", form, "-in", &files.path(file)];
            let output = Command::new("openssl").args(arguments).output().unwrap();
            assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
            let (blocks, damaged) = pem::blocks(&output.stdout);
            let ders: Vec<&[u8]> = blocks.iter().map(|block| block.der.as_slice()).collect();
            let with_root = [expected[0], expected[1], files.root.der()];
            assert_eq!((ders.as_slice(), damaged), (&with_root[..count], 0), "{file}");
        }
    }
    let run = files.bundle("heap.pem", &[]).await;
    assert!(
        run.stdout.contains("MENDED by this bundle") && run.stdout.contains("--out FILE writes it"),
        "{}",
        run.stdout
    );
}

/// What an address gave is used when it is dead, with its date; that it is dead is said; no client profits from our
/// cache; and `--no-cache` means it.
#[tokio::test]
async fn a_dead_address_is_told_and_stood_in_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let files = Files::new(&format!("http://{address}/ca.cer"));
    let cache_home = files.path("cache");
    let ask = async |more: &[&str]| {
        let arguments = files.arguments("leaf.pem", &[&["--output", "json", "--allow-private-aia"], more].concat());
        let cache_home = cache_home.clone();
        let run = tokio::task::spawn_blocking(move || {
            tlsmend_caching_in(&cache_home, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
        });
        let run = run.await.unwrap();
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error} {run:?}"));
        (run.code, document)
    };
    let verdict = |document: &Value, client: &str| {
        let clients = document["report"]["deployments"][0]["clients"].as_array().unwrap();
        clients.iter().find(|verdict| verdict["id"] == client).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    let (code, dead) = ask(&[]).await;
    assert_eq!((code, &dead["report"]["aia"][0]["outcome"]), (Some(1), &Value::from("unreachable")), "{dead:#}");

    let server = HttpServer::serve_at(address, page_of(&files.intermediate)).await;
    let (code, alive) = ask(&[]).await;
    let fetched = &alive["report"]["aia"][0];
    assert_eq!(
        (code, fetched["outcome"].as_str(), &fetched["from_cache"]),
        (Some(0), Some("accepted"), &Value::from(false))
    );
    assert_eq!((fetched["form"].as_str(), fetched["fit"].as_str()), (Some("der"), Some("issuer")));
    assert_eq!(verdict(&alive, "chrome"), "accept");
    // It is asked each time, whatever is kept.
    ask(&[]).await;
    assert_eq!(server.requests().len(), 2);
    drop(server);

    let (code, kept) = ask(&[]).await;
    let fetched = &kept["report"]["aia"][0];
    assert_eq!(
        (code, fetched["outcome"].as_str(), &fetched["from_cache"]),
        (Some(0), Some("unreachable"), &Value::from(true)),
        "{kept:#}"
    );
    let cached_at: Time = fetched["cached_at"].as_str().unwrap().parse().unwrap();
    assert!((0..600).contains(&now().since(cached_at)));
    assert_eq!(kept["bundle_pem"], alive["bundle_pem"]);
    assert_eq!(verdict(&kept, "chrome"), "reject", "Chrome has no such cache");
    let codes: Vec<&str> = kept["report"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"ca-issuers-unreachable") && codes.contains(&"missing-intermediate"), "{codes:?}");
    validate(&kept["report"]);

    let (code, without) = ask(&["--no-cache"]).await;
    assert_eq!((code, &without["report"]["aia"][0]["from_cache"]), (Some(1), &Value::from(false)));
}

/// Not by name, not by type, not by key: what the address gives instead of the issuer.
#[tokio::test]
async fn what_an_address_gives_is_told_apart() {
    let files = Files::new("http://unused.test/");
    let other_key = files.root.intermediate("Intermediate").issue().unwrap();
    let pages = [
        ("der", Page::of("application/pkix-cert", files.intermediate.der()), "der", "issuer", ""),
        (
            "pem",
            Page::of("application/x-x509-ca-cert", files.intermediate.pem()),
            "pem",
            "issuer",
            "ca-issuers-wrong-type",
        ),
        (
            "p7c",
            Page::of(
                "application/pkcs7-mime",
                tlsmend::remedy::p7b::der(&[files.root.der().to_vec(), files.intermediate.der().to_vec()]),
            ),
            "pkcs7",
            "issuer",
            "",
        ),
        ("html", Page::of("application/pkix-cert", "\n<!doctype html><p>Moved"), "html", "", "ca-issuers-wrong-type"),
        ("empty", Page::of("application/pkix-cert", ""), "empty", "", "ca-issuers-wrong-type"),
        ("text", Page::of("text/plain", "no"), "other", "", "ca-issuers-wrong-type"),
        (
            "name",
            Page::of("application/pkix-cert", files.root.der()),
            "der",
            "other_name",
            "ca-issuers-wrong-certificate",
        ),
        ("key", Page::of("application/pkix-cert", other_key.der()), "der", "other_key", "ca-issuers-wrong-certificate"),
        ("gone", Page::error(404), "", "", "ca-issuers-unreachable"),
    ];
    let served = pages.clone();
    let server =
        HttpServer::serve(move |path| served.iter().find(|(name, ..)| path == format!("/{name}")).unwrap().1.clone())
            .await;
    for (name, page, form, fit, code) in pages {
        let leaf = files
            .intermediate
            .end_entity("shop.example.com")
            .ca_issuers(&server.url(&format!("/{name}")))
            .issue()
            .unwrap();
        files.write("asks.pem", leaf.pem());
        let run = files.bundle("asks.pem", &["--output", "json", "--allow-private-aia", "--no-cache"]).await;
        let document: BundleReport = serde_json::from_str(&run.stdout).unwrap();
        let fetch = serde_json::to_value(&document.report.aia[0]).unwrap();
        let word = |field: &str| fetch.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        assert_eq!((word("form").as_str(), word("fit").as_str()), (form, fit), "{name}: {fetch:#}");
        if page.status == 200 {
            assert_eq!(fetch["bytes"], page.body.len());
        }
        let found = document.report.findings.iter().map(|finding| finding.code.as_str());
        let found: Vec<&str> = found.filter(|found| found.starts_with("ca-issuers")).collect();
        assert_eq!(found, Vec::from_iter((!code.is_empty()).then_some(code)), "{name}");
        assert_eq!(run.code, Some(i32::from(fit != "issuer")), "{name}");
        let text = files.bundle("asks.pem", &["--allow-private-aia", "--no-cache"]).await.stdout;
        let said = match (form, fit) {
            (_, "other_name") => "NOT the issuer: another name",
            (_, "other_key") => "NOT the issuer: its name with another",
            ("der", _) => "DER",
            ("pem", _) => "PEM",
            ("pkcs7", _) => "PKCS#7",
            ("html", _) => "a web page",
            ("empty", _) => "empty",
            ("other", _) => "neither DER",
            _ => "HTTP 404",
        };
        assert!(text.contains(said), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_file_is_written_only_where_it_may_be() {
    let files = Files::new("http://unused.test/");
    files.write("chain.pem", files.end_entity.pem() + &files.intermediate.pem());
    let key = pem::encode(files.end_entity.key_der()).replace("CERTIFICATE", "PRIVATE KEY");
    let combined = files.write("haproxy.pem", files.end_entity.pem() + &key);
    let before = std::fs::read(&combined).unwrap();
    for (out, said) in [
        (combined.as_str(), "private key"),
        (&files.path("no/such/folder.pem"), "cannot write"),
        (files.folder.path().to_str().unwrap(), "a directory"),
    ] {
        let run = files.bundle("chain.pem", &["--out", out, "--no-aia"]).await;
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{out}");
        assert!(run.stderr.contains(said), "{out}: {}", run.stderr);
    }
    assert_eq!(std::fs::read(&combined).unwrap(), before);
    // A refusal leaves what was there.
    let out = files.write("old.pem", "old");
    files.write("expired.pem", files.intermediate.end_entity("shop.example.com").valid(-40, -2).issue().unwrap().pem());
    let run = files.bundle("expired.pem", &["--out", &out, "--no-aia"]).await;
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("nothing was written") && run.stdout.contains("NO BUNDLE HELPS"), "{}", run.stdout);
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
}

#[test]
fn a_subject_is_a_file_or_a_target_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("shop.example.com");
    std::fs::write(&empty, "").unwrap();
    for (subject, said) in [
        ("fullchain.pem", "no such file"),
        ("./gone", "no such file"),
        ("a..b", "is not a target"),
        ("http://shop.example.com", "no TLS"),
        (empty.to_str().unwrap(), "https://"),
    ] {
        let run = tlsmend(&["bundle", subject]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{subject}");
        assert!(run.stderr.contains(said), "{subject}: {}", run.stderr);
    }
    assert!(!Path::new("fullchain.pem").exists());
    let run = tlsmend(&["bundle", "shop.example.com", "--format", "p7b"]);
    assert!(run.code == Some(2) && run.stderr.contains("--out"), "{}", run.stderr);
}

/// Whatever the probe was asked: the command that it proposes is one that works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_that_a_probe_proposes_works() {
    let lab = Lab::start(now(), Some(&["missing-intermediate"])).await.unwrap();
    let running = lab.scenario("missing-intermediate").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("roots.pem"), lab.roots_pem()).unwrap();
    for depth in ["chain", "handshake", "survey"] {
        let probe = format!(
            "probe {} --resolver {} --roots {} --allow-private-aia --depth {depth} --output json",
            running.authority(),
            lab.resolver(),
            path("roots.pem")
        );
        let probed = run(probe.split(' ').map(str::to_owned).collect()).await;
        let report: Report = serde_json::from_str(&probed.stdout).unwrap_or_else(|_| panic!("{depth}: {probed:?}"));
        let finding = report.findings.iter().find(|finding| finding.code == "missing-intermediate").unwrap();
        let command = finding.remedy.as_ref().and_then(|remedy| remedy.command.clone()).unwrap();
        let out = path(&format!("{depth}.pem"));
        let typed = command.replace("FILE", &path("roots.pem")).replace("fullchain.pem", &out);
        let typed = typed.strip_prefix("tlsmend ").unwrap().split(' ').map(str::to_owned).collect();
        let written = run(typed).await;
        assert_eq!(written.code, Some(0), "{depth}: {command}: {}", written.stderr);
        assert!(Path::new(&out).exists(), "{depth}");
    }
}
