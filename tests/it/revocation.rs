//! Revocation, by CRLs and OCSP responses that the `openssl` command makes, served over real sockets.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tlsmend::model::report::Report;
use tlsmend::probe::{Change, judge_again};
use tlsmend::x509::Certificate;
use tlsmend::x509::crl::{List, Walked};
use tlsmend::x509::ocsp;

use crate::support::http_server::{HttpServer, Page};
use crate::support::openssl_ca::{HOST, Level, OpensslCa, free_port};
use crate::support::peer::{Peer, free_address, is_missing, nginx};
use crate::support::program::{Run, tlsmend_caching_in};
use crate::support::validate;

/// What the HTTP server answers, by path; a path that is not there is 404.
type Pages = Arc<Mutex<Vec<(&'static str, Page)>>>;

/// A CA with its CRLs on the web, and a cache of its own.
struct Bench {
    ca: OpensslCa,
    pages: Pages,
    web: HttpServer,
    cache: tempfile::TempDir,
}

impl Bench {
    /// `more`: further lines for the end entity's extensions.
    async fn new(more: &str) -> Option<Self> {
        if is_missing("openssl") {
            return None;
        }
        let pages = Pages::default();
        let shown = Arc::clone(&pages);
        let web = HttpServer::serve(move |path| {
            let pages = shown.lock().unwrap();
            pages.iter().find(|(known, _)| *known == path).map_or_else(|| Page::error(404), |(_, page)| page.clone())
        })
        .await;
        let ca = OpensslCa::new(&format!("http://{}", web.address), more);
        Some(Self { ca, pages, web, cache: tempfile::tempdir().unwrap() })
    }

    fn show(&self, path: &'static str, page: Page) {
        let mut pages = self.pages.lock().unwrap();
        pages.retain(|(known, _)| *known != path);
        pages.push((path, page));
    }

    fn show_crl(&self, path: &'static str, der: Vec<u8>) {
        self.show(path, Page::of("application/pkix-crl", der));
    }

    fn hide(&self, path: &'static str) {
        self.show(path, Page::error(503));
    }

    async fn run(&self, arguments: Vec<String>) -> Run {
        let cache = self.cache.path().to_str().unwrap().to_owned();
        let run = move || tlsmend_caching_in(&cache, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    async fn probe(&self, server: &Peer, more: &[&str]) -> Value {
        let run = self.run(self.ca.probe(server, more)).await;
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        validate(&report);
        report
    }
}

/// Status and source of each certificate of the path, and the reason where there is one.
fn told(report: &Value) -> Vec<String> {
    let list = report["deployments"][0]["revocation"].as_array().cloned().unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    list.iter()
        .map(|one| format!("{} {} {}", word(&one["status"]), word(&one["source"]), word(&one["reason"])))
        .collect()
}

fn has(report: &Value, code: &str) -> bool {
    report["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == code)
}

fn verdict(report: &Value, client: &str) -> String {
    let clients = report["deployments"][0]["clients"].as_array().unwrap();
    let found = clients.iter().find(|one| one["id"] == client).unwrap();
    format!("{} {}", found["verdict"].as_str().unwrap(), found["cause"].as_str().unwrap_or("-"))
}

/// Revoked, unknown, not checked and good are four things; the CRLs of both CAs are looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_certificate_below_the_anchor_is_looked_up() {
    let Some(bench) = Bench::new("").await else { return };
    let server = bench.ca.serve(&[]);
    let plain = bench.probe(&server, &[]).await;
    assert_eq!(told(&plain), [] as [String; 0], "nothing was asked for");
    assert!(plain["not_checked"].as_array().unwrap().iter().any(|check| check["code"] == "revocation"));
    assert!(bench.web.requests().is_empty());

    bench.show_crl("/root.crl", bench.ca.crl(Level::Root, &[]));
    bench.show_crl("/intermediate.crl", bench.ca.crl(Level::Intermediate, &[]));
    let good = bench.probe(&server, &["--revocation"]).await;
    assert_eq!(told(&good), ["good crl -", "good crl -"]);
    assert!(!good["not_checked"].as_array().unwrap().iter().any(|check| check["code"] == "revocation"));

    bench.ca.revoke(Level::Intermediate, "leaf", "keyCompromise");
    bench.show_crl("/intermediate.crl", bench.ca.crl(Level::Intermediate, &[]));
    let revoked = bench.probe(&server, &["--revocation"]).await;
    assert_eq!(told(&revoked), ["revoked crl keyCompromise", "good crl -"]);
    assert!(has(&revoked, "end-entity-revoked") && !has(&revoked, "intermediate-revoked"));
    // Nobody who does not look at CRLs refuses.
    let clients = |report: &Value| report["deployments"][0]["clients"].clone();
    assert_eq!(clients(&revoked), clients(&good));
    assert_eq!(
        (revoked["repair"]["possible"].as_bool(), revoked["repair"]["outcome"].as_str()),
        (Some(false), Some("impossible"))
    );

    bench.ca.revoke(Level::Root, "intermediate", "cACompromise");
    bench.show_crl("/root.crl", bench.ca.crl(Level::Root, &[]));
    let both = bench.probe(&server, &["--revocation"]).await;
    assert_eq!(told(&both), ["revoked crl keyCompromise", "revoked crl cACompromise"]);
    assert!(has(&both, "intermediate-revoked"));

    // The screen keeps them apart, too.
    let mut arguments = bench.ca.probe(&server, &["--revocation"]);
    arguments.retain(|argument| argument != "--output" && argument != "json");
    let screen = bench.run(arguments).await;
    assert!(screen.stdout.contains("REVOKED on ") && screen.stdout.contains("(keyCompromise)"), "{}", screen.stdout);
    assert_eq!(screen.code, Some(1));

    // The report says the same when it is judged again, from its own evidence.
    let report: Report = serde_json::from_value(both.clone()).unwrap();
    let again = judge_again(&report, &Change::default()).unwrap();
    assert_eq!(serde_json::to_value(&again.deployments).unwrap(), both["deployments"]);
    assert_eq!(serde_json::to_value(&again.findings).unwrap(), both["findings"]);
    // At a moment before the lists were made they say nothing, and after their time only what they list.
    let later = "2028-01-01T00:00:00Z".parse().unwrap();
    let again = judge_again(&report, &Change { at: Some(later), ..Change::default() }).unwrap();
    assert_eq!(told(&serde_json::to_value(again).unwrap())[0], "revoked crl keyCompromise");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crl_cannot_tell_is_unknown_with_its_reason() {
    let Some(bench) = Bench::new("").await else { return };
    let server = bench.ca.serve(&[]);
    bench.show_crl("/root.crl", bench.ca.crl(Level::Root, &[]));
    let with_scope = |scope: &str| {
        let name = "intermediate.cnf";
        let config = std::fs::read_to_string(bench.ca.path(name)).unwrap();
        let (line, section) = scope.split_once('\n').unwrap_or((scope, ""));
        let changed = config.replace("[crl]\n", &format!("[crl]\n{line}\n"));
        std::fs::write(bench.ca.path(name), format!("{changed}\n{section}\n")).unwrap();
        let list = bench.ca.crl(Level::Intermediate, &[]);
        std::fs::write(bench.ca.path(name), config).unwrap();
        list
    };
    let good = bench.ca.crl(Level::Intermediate, &[]);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let pem = std::fs::read(bench.ca.path("list.pem")).unwrap();
    let expired = ["-crl_lastupdate", "20260101000000Z", "-crl_nextupdate", "20260108000000Z"];
    let url = format!("URI:{}", bench.web.url("/intermediate.crl"));
    for (body, status, finding, word) in [
        (Some(good.clone()), "good", "", ""),
        (None, "unknown", "crl-unreachable", "503"),
        (Some(b"<html>sign in</html>".to_vec()), "unknown", "crl-unusable", "a web page"),
        (Some(pem), "unknown", "crl-unusable", "PEM"),
        (Some(good[..good.len() - 1].to_vec()), "unknown", "crl-unusable", "not a CRL"),
        (Some(forged), "unknown", "crl-unusable", "does not verify"),
        (Some(bench.ca.crl(Level::Root, &[])), "unknown", "revocation-unknown", "not of the certificate's issuer"),
        (Some(bench.ca.crl(Level::Intermediate, &expired)), "unknown", "crl-expired", "valid until 2026-01-08"),
        (Some(with_scope("1.2.3.4 = critical,DER:0500")), "unknown", "crl-unusable", "critical extension"),
        (Some(with_scope("2.5.29.27 = critical,DER:020101")), "unknown", "crl-unusable", "delta"),
        (
            Some(with_scope("issuingDistributionPoint = critical,@idp\n[idp]\nindirectCRL = TRUE")),
            "unknown",
            "revocation-unknown",
            "indirect",
        ),
        (
            Some(with_scope("issuingDistributionPoint = critical,@idp\n[idp]\nonlyCA = TRUE")),
            "unknown",
            "revocation-unknown",
            "CA certificates only",
        ),
        (
            Some(with_scope("issuingDistributionPoint = critical,@idp\n[idp]\nfullname = URI:http://other.test/")),
            "unknown",
            "revocation-unknown",
            "another distribution point",
        ),
        (
            Some(with_scope("issuingDistributionPoint = critical,@idp\n[idp]\nonlysomereasons = keyCompromise")),
            "unknown",
            "revocation-unknown",
            "some reasons",
        ),
        (
            Some(with_scope(&format!(
                "issuingDistributionPoint = critical,@idp\n[idp]\nonlyuser = TRUE\nfullname = {url}"
            ))),
            "good",
            "",
            "",
        ),
    ] {
        match body {
            Some(body) => bench.show_crl("/intermediate.crl", body),
            None => bench.hide("/intermediate.crl"),
        }
        let report = bench.probe(&server, &["--revocation", "--no-cache"]).await;
        let known = &report["deployments"][0]["revocation"][0];
        assert_eq!(known["status"], status, "{word}: {known}");
        assert!(known["why"].as_str().unwrap_or_default().contains(word), "{word}: {known}");
        assert_eq!(has(&report, "revocation-unknown"), status == "unknown", "{word}");
        assert!(finding.is_empty() || has(&report, finding), "{word}: {}", report["findings"]);
        assert_eq!(report["deployments"][0]["revocation"][1]["status"], "good");
    }
}

/// A CRL is asked for every time; what was kept stands in where the address is dead, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_crl_hides_no_dead_address() {
    let Some(bench) = Bench::new("").await else { return };
    let server = bench.ca.serve(&[]);
    bench.ca.revoke(Level::Intermediate, "leaf", "superseded");
    bench.show_crl("/root.crl", bench.ca.crl(Level::Root, &[]));
    bench.show_crl("/intermediate.crl", bench.ca.crl(Level::Intermediate, &[]));
    let first = bench.probe(&server, &["--revocation"]).await;
    assert_eq!(told(&first)[0], "revoked crl superseded");
    bench.hide("/intermediate.crl");
    let without = bench.probe(&server, &["--revocation", "--no-cache"]).await;
    assert_eq!(told(&without)[0], "unknown crl -");
    let kept = bench.probe(&server, &["--revocation"]).await;
    assert_eq!(told(&kept)[0], "revoked crl superseded");
    assert!(has(&kept, "crl-unreachable"));
    assert_eq!(kept["deployments"][0]["revocation"][0]["from_cache"], true);
    let fetches = kept["revocation"]["fetches"].as_array().unwrap();
    let dead = fetches.iter().find(|fetch| fetch["from_cache"] == true).unwrap();
    assert_eq!((dead["outcome"].as_str(), dead["status"].as_u64()), (Some("http_status"), Some(503)));
    assert!(dead["cached_at"].is_string());
    // Private addresses need leave.
    let mut arguments = bench.ca.probe(&server, &["--revocation"]);
    arguments.retain(|argument| argument != "--allow-private-aia");
    let asked = bench.web.requests().len();
    let run = bench.run(arguments).await;
    assert_eq!(bench.web.requests().len(), asked);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["revocation"]["fetches"][0]["outcome"], "private_address");
    assert_eq!(told(&report)[0], "unknown crl -");
}

/// A server that knows what it gave says 304, and the list is not sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_crl_is_not_fetched_again() {
    if is_missing(nginx()) {
        return;
    }
    let web = free_address();
    let ca = OpensslCa::new(&format!("http://{web}"), "");
    let root = ca.path("www");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("root.crl"), ca.crl(Level::Root, &[])).unwrap();
    std::fs::write(root.join("intermediate.crl"), ca.crl(Level::Intermediate, &[])).unwrap();
    let staple = ca.staple("leaf", "intermediate", &["-ndays", "3"]);
    let tls = free_address();
    std::fs::write(
        ca.path("fullchain.pem"),
        [std::fs::read(ca.path("leaf.pem")).unwrap(), std::fs::read(ca.path("intermediate.pem")).unwrap()].concat(),
    )
    .unwrap();
    let folder = ca.folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .collect();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\naccess_log {folder}/access.log;\n{temporary}\
         server {{ listen {web}; root {folder}/www; }}\n\
         server {{ listen {tls} ssl; server_name {HOST};\n\
         ssl_certificate {folder}/fullchain.pem; ssl_certificate_key {folder}/leaf.key;\n\
         ssl_stapling on; ssl_stapling_file {}; }}\n}}\n",
        staple.display()
    );
    std::fs::write(ca.path("nginx.conf"), config).unwrap();
    // Its workers must be able to read what belongs to this test.
    std::fs::set_permissions(ca.folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let peer = Peer::listening(Command::new(nginx()).arg("-c").arg(ca.path("nginx.conf")), tls);
    let cache = tempfile::tempdir().unwrap();
    let probe = || {
        let arguments = ca.probe(&peer, &["--revocation"]);
        let run = tlsmend_caching_in(
            cache.path().to_str().unwrap(),
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        serde_json::from_str::<Value>(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
    };
    let statuses = |report: &Value| {
        let fetches = report["revocation"]["fetches"].as_array().unwrap().clone();
        fetches.iter().map(|fetch| fetch["status"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let first = probe();
    assert_eq!(statuses(&first), [200, 200]);
    let second = probe();
    assert_eq!(statuses(&second), [304, 304]);
    for report in [&first, &second] {
        let end_entity = &report["deployments"][0]["revocation"][0];
        assert_eq!((end_entity["status"].as_str(), end_entity["source"].as_str()), (Some("good"), Some("staple")));
        assert_eq!(end_entity["other_answers"][0]["source"], "crl");
        assert_eq!(end_entity["other_answers"][0]["status"], "good");
        assert!(!has(report, "crl-unreachable"));
    }
    assert_eq!(second["deployments"][0]["revocation"][1]["from_cache"], true);
}

/// Who may sign a response, and for what: stapled by `openssl s_server`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staples_are_verified_in_full() {
    let Some(bench) = Bench::new("").await else { return };
    let ca = &bench.ca;
    ca.issue(Level::Intermediate, "responder", "Responder", "responder");
    ca.issue(Level::Intermediate, "stranger", "Stranger", "no_responder");
    ca.issue(Level::Root, "uncle", "Responder of another CA", "responder");
    let past = ["-startdate", "20260101000000Z", "-enddate", "20260201000000Z"];
    ca.issue_for(Level::Intermediate, "retired", "Retired responder", "responder", &past);
    ca.issue(Level::Intermediate, "other", "other.lab.example.com", "end_entity");
    let days = ["-ndays", "3"];
    let try_later = ca.path("try-later.ocsp");
    std::fs::write(&try_later, [0x30, 3, 0x0a, 1, 3]).unwrap();
    let of_other = ca.staple("other", "intermediate", &days);
    let sha256 = {
        let (request, response) = (ca.path("request256.der"), ca.path("sha256.ocsp"));
        let path = |name: &str| ca.text(name);
        let mut command = Command::new("openssl");
        command.args([
            "ocsp",
            "-no_nonce",
            "-sha256",
            "-issuer",
            &path("intermediate.pem"),
            "-cert",
            &path("leaf.pem"),
        ]);
        crate::support::peer::run(command.arg("-reqout").arg(&request));
        let mut command = Command::new("openssl");
        command.args(["ocsp", "-index", &path("intermediate.txt"), "-CA", &path("intermediate.pem"), "-ndays", "3"]);
        command.args(["-rsigner", &path("responder.pem"), "-rkey", &path("responder.key"), "-reqin"]).arg(&request);
        crate::support::peer::run(command.arg("-respout").arg(&response));
        response
    };
    let cases: Vec<(PathBuf, &str, &str, &str)> = vec![
        (ca.staple("leaf", "intermediate", &days), "good", "", ""),
        (ca.staple("leaf", "responder", &days), "good", "", ""),
        (sha256, "good", "", ""),
        (ca.staple("leaf", "stranger", &days), "unknown", "stapled-response-unusable", "not for signing OCSP"),
        (ca.staple("leaf", "uncle", &days), "unknown", "stapled-response-unusable", "another CA"),
        (ca.staple("leaf", "retired", &days), "unknown", "stapled-response-unusable", "not valid at this time"),
        (of_other, "unknown", "stapled-response-unusable", "other certificates"),
        (try_later, "unknown", "stapled-response-unusable", "tryLater"),
    ];
    for (file, status, finding, word) in cases {
        let server = ca.serve(&["-status_file", file.to_str().unwrap()]);
        let report = bench.probe(&server, &[]).await;
        let known = &report["deployments"][0]["revocation"][0];
        assert_eq!((known["status"].as_str(), known["source"].as_str()), (Some(status), Some("staple")), "{known}");
        assert!(known["why"].as_str().unwrap_or_default().contains(word), "{word}: {known}");
        assert!(finding.is_empty() || has(&report, finding), "{word}: {}", report["findings"]);
        if finding.is_empty() {
            assert_eq!(verdict(&report, "firefox"), "accept -");
        } else {
            assert_eq!(verdict(&report, "firefox"), format!("reject {finding}"), "{word}");
        }
        assert_eq!(report["deployments"][0]["revocation"][1]["status"], "not_checked");
        let again = judge_again(&serde_json::from_value(report.clone()).unwrap(), &Change::default()).unwrap();
        assert_eq!(serde_json::to_value(&again.deployments).unwrap(), report["deployments"]);
    }
    // What was stapled in time is old ten days later.
    let server = ca.serve(&["-status_file", ca.staple("leaf", "responder", &days).to_str().unwrap()]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at = tlsmend::model::time::Time::from_unix(i64::try_from(now).unwrap() + 10 * 86_400).to_string();
    let old = bench.probe(&server, &["--at", &at]).await;
    assert_eq!(old["deployments"][0]["revocation"][0]["problem"], "expired");
    assert_eq!(verdict(&old, "firefox"), "reject stapled-response-expired");
    assert_eq!(verdict(&old, "chrome"), "accept -");
    ca.revoke(Level::Intermediate, "leaf", "keyCompromise");
    let server = ca.serve(&["-status_file", ca.staple("leaf", "responder", &days).to_str().unwrap()]);
    let revoked = bench.probe(&server, &[]).await;
    assert_eq!(told(&revoked)[0], "revoked staple keyCompromise");
    for client in ["chrome", "firefox", "gnutls-cli"] {
        assert_eq!(verdict(&revoked, client), "reject end-entity-revoked", "{client}");
    }
    assert_eq!(verdict(&revoked, "curl"), "accept -");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn must_staple_is_a_finding_where_nothing_is_stapled() {
    let Some(bench) = Bench::new("tlsfeature = status_request").await else { return };
    let server = bench.ca.serve(&[]);
    let report = bench.probe(&server, &[]).await;
    assert!(has(&report, "must-staple-without-staple"));
    assert_eq!(verdict(&report, "firefox"), "reject must-staple-without-staple");
    assert_eq!(verdict(&report, "chrome"), "accept -");
    let staple = bench.ca.staple("leaf", "intermediate", &["-ndays", "3"]);
    let server = bench.ca.serve(&["-status_file", staple.to_str().unwrap()]);
    let report = bench.probe(&server, &[]).await;
    assert!(!has(&report, "must-staple-without-staple"));
}

/// The responder is asked when that was wanted, or where there is no CRL; Firefox asks it too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_responder_is_asked_where_nobody_else_can_be() {
    let port = free_port();
    let Some(bench) = Bench::new(&format!("authorityInfoAccess = OCSP;URI:http://127.0.0.1:{port}")).await else {
        return;
    };
    let server = bench.ca.serve(&[]);
    let dead = bench.probe(&server, &["--ocsp"]).await;
    assert_eq!(told(&dead), ["unknown ocsp -", "not_checked - -"]);
    assert!(has(&dead, "ocsp-responder-fails"));
    let _responder = bench.ca.serve_ocsp("intermediate", port);
    let not_asked = bench.probe(&server, &[]).await;
    assert_eq!(not_asked["revocation"], Value::Null);
    let instead = bench.probe(&server, &["--revocation", "--no-cache"]).await;
    assert_eq!(told(&instead)[0], "good ocsp -");
    let good = bench.probe(&server, &["--ocsp"]).await;
    assert_eq!(told(&good), ["good ocsp -", "not_checked - -"], "{}", good["deployments"][0]["revocation"]);
    let why = good["deployments"][0]["revocation"][1]["why"].as_str().unwrap().to_owned();
    assert!(why.contains("names no OCSP responder"), "{why}");
    // The responder reads its database anew when the file has changed.
    bench.ca.revoke(Level::Intermediate, "leaf", "affiliationChanged");
    drop(_responder);
    let port_again = bench.ca.serve_ocsp("intermediate", port);
    let revoked = bench.probe(&server, &["--ocsp"]).await;
    assert_eq!(told(&revoked)[0], "revoked ocsp affiliationChanged", "{:?}", port_again.address);
    assert_eq!(verdict(&revoked, "firefox"), "reject end-entity-revoked");
    assert_eq!(verdict(&revoked, "chrome"), "accept -");
    let again = judge_again(&serde_json::from_value(revoked.clone()).unwrap(), &Change::default()).unwrap();
    assert_eq!(serde_json::to_value(&again.deployments).unwrap(), revoked["deployments"]);
}

/// An address that leaves no room for a request by GET is asked by POST.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_requests_are_posted() {
    let port = free_port();
    let path = "long".repeat(60);
    let Some(bench) = Bench::new(&format!("authorityInfoAccess = OCSP;URI:http://127.0.0.1:{port}/{path}")).await
    else {
        return;
    };
    let server = bench.ca.serve(&[]);
    let _responder = bench.ca.serve_ocsp("intermediate", port);
    let good = bench.probe(&server, &["--ocsp"]).await;
    assert_eq!(told(&good)[0], "good ocsp -", "{}", good["deployments"][0]["revocation"]);
}

fn der_of(pem: PathBuf) -> Vec<u8> {
    tlsmend::x509::certificates_in(&std::fs::read(pem).unwrap()).unwrap().remove(0)
}

/// A list of half a million entries is walked over where it lies, and its report carries what it says, not the list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_crl_is_not_carried_along() {
    let Some(bench) = Bench::new("").await else { return };
    let server = bench.ca.serve(&[]);
    // Entries of serials that nobody has, through the CA's own database.
    let mut index = std::fs::read_to_string(bench.ca.path("intermediate.txt")).unwrap();
    for number in 0..20_000 {
        index += &format!(
            "R\t301122000000Z\t261101000000Z,keyCompromise\t{:016X}\tunknown\t/CN=x\n",
            number + (1_u64 << 60)
        );
    }
    std::fs::write(bench.ca.path("intermediate.txt"), index).unwrap();
    let list = bench.ca.crl(Level::Intermediate, &[]);
    assert!(list.len() > 700_000, "{}", list.len());
    bench.show_crl("/root.crl", bench.ca.crl(Level::Root, &[]));
    bench.show_crl("/intermediate.crl", list.clone());
    let good = bench.probe(&server, &["--revocation"]).await;
    assert_eq!(told(&good), ["good crl -", "good crl -"]);
    let fetch = &good["revocation"]["fetches"][0];
    assert!(fetch["body"].is_null() && fetch["said"][0]["listed"].is_null(), "{fetch}");
    assert!(good["revocation"]["fetches"][1]["body"].is_string(), "the small one is carried");
    bench.ca.revoke(Level::Intermediate, "leaf", "superseded");
    bench.show_crl("/intermediate.crl", bench.ca.crl(Level::Intermediate, &[]));
    let revoked = bench.probe(&server, &["--revocation"]).await;
    assert_eq!(told(&revoked), ["revoked crl superseded", "good crl -"]);
    let again = judge_again(&serde_json::from_value(revoked.clone()).unwrap(), &Change::default()).unwrap();
    assert_eq!(serde_json::to_value(&again.deployments).unwrap(), revoked["deployments"]);

    let leaf = Certificate::parse(&der_of(bench.ca.path("leaf.pem"))).unwrap();
    let walk = |serial: &[u8]| List::read(&list).unwrap().find(serial).unwrap();
    assert_eq!(walk(&leaf.serial), Walked { listed: None, has_unknown_critical: false, is_indirect: false });
    let listed = walk(&((1_u64 << 60) + 19_999).to_be_bytes()).listed.unwrap();
    assert_eq!(listed.revoked_at.to_string(), "2026-11-01T00:00:00Z");
}

/// Whatever is cut off or changed, nothing panics, and nothing that was changed is believed.
#[test]
fn hostile_lists_and_responses_are_refused() {
    if is_missing("openssl") {
        return;
    }
    let ca = OpensslCa::new("http://127.0.0.1:1", "");
    ca.revoke(Level::Intermediate, "leaf", "keyCompromise");
    let (list, response) =
        (ca.crl(Level::Intermediate, &[]), std::fs::read(ca.staple("leaf", "intermediate", &["-ndays", "3"])).unwrap());
    let certificate = |name: &str| Certificate::parse(&der_of(ca.path(name))).unwrap();
    let (leaf, issuer) = (certificate("leaf.pem"), certificate("intermediate.pem"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let now = tlsmend::model::time::Time::from_unix(i64::try_from(now).unwrap());
    let believed = |list: &[u8]| {
        let Ok(list) = List::read(list) else { return false };
        let _ = list.find(&leaf.serial);
        list.signature(&issuer) == tlsmend::x509::signature::SignatureCheck::Valid
    };
    assert!(believed(&list));
    assert!(ocsp::verify(&response, &leaf, &issuer, now).is_ok());
    for end in 0..list.len() {
        assert!(!believed(&list[..end]), "cut at {end}");
    }
    for end in 0..response.len() {
        assert!(ocsp::verify(&response[..end], &leaf, &issuer, now).is_err(), "cut at {end}");
    }
    for position in 0..list.len() {
        for bit in 0..8 {
            let mut changed = list.clone();
            changed[position] ^= 1 << bit;
            assert!(!believed(&changed), "bit {bit} of {position}");
        }
    }
    for position in 0..response.len() {
        for bit in 0..8 {
            let mut changed = response.clone();
            changed[position] ^= 1 << bit;
            let _ = ocsp::scts(&changed, &leaf);
            let _ = ocsp::error_status(&changed);
            // The frame and what accompanies the signed part may change; what is said may not.
            if let Ok(answer) = ocsp::verify(&changed, &leaf, &issuer, now) {
                assert_eq!(answer.status, ocsp::CertificateStatus::Revoked, "bit {bit} of {position}");
            }
        }
    }
}
