//! `stores update` against a service on loopback, and what later commands make of what it brought.

use std::path::Path;

use serde_json::Value;
use tlsmend::lab::pki::{Issued, Pki};
use tlsmend::model::time::Time;
use tlsmend::x509::Fingerprint;

use crate::support::http_server::{HttpServer, Page};
use crate::support::program::{Run, tlsmend, tlsmend_caching_in};
use crate::support::tls_server::TlsServer;

/// Root → intermediate → end entity for shop.example.com; the root is Chrome's, Apple's, Microsoft's and Mozilla's once the
/// lists are updated.
struct World {
    root: Issued,
    intermediate: Issued,
    end_entity: Issued,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let pki = Pki::new("update", Time::from_unix(now.cast_signed()));
        let root = pki.root("Root").issue().unwrap();
        let intermediate = root.intermediate("Intermediate").without_ca_issuers().issue().unwrap();
        let end_entity = intermediate.end_entity("shop.example.com").without_ca_issuers().issue().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("leaf.pem"), end_entity.pem()).unwrap();
        Self { root, intermediate, end_entity, folder }
    }

    /// The records report; `status` is what all four programs say of the root.
    fn records(&self, status: &str) -> String {
        let line = |certificate: &Issued, kind: &str, status: &str| {
            let sha256 = Fingerprint::of(certificate.der()).to_string().to_uppercase();
            format!("\"Owner, Inc.\",{kind},{status},{status},{status},{status},Not Revoked,{sha256},True\r\n")
        };
        format!(
            "CA Owner,Certificate Record Type,Apple Status,Chrome Status,Microsoft Status,Mozilla Status,Revocation \
             Status,SHA-256 Fingerprint,TLS Capable\r\n{}{}",
            line(&self.root, "Root Certificate", status),
            line(&self.intermediate, "Intermediate Certificate", "Provided by CA"),
        )
    }

    fn certificates(&self) -> String {
        let lines = [&self.root, &self.intermediate]
            .map(|certificate| format!("\"{}\",\"{}\"\r\n", Fingerprint::of(certificate.der()), certificate.pem()));
        format!("SHA-256 Fingerprint,X.509 Certificate (PEM)\r\n{}", lines.concat())
    }

    async fn serve(&self, status: &str) -> HttpServer {
        let (records, certificates) = (self.records(status), self.certificates());
        HttpServer::serve(move |path| match path {
            "/ccadb/AllCertificateRecordsCSVFormatV5" => Page::of("text/csv", records.clone()),
            "/ccadb/AllCertificatePEMsCSVFormat" => Page::of("text/csv", certificates.clone()),
            _ => Page::error(404),
        })
        .await
    }

    async fn run(&self, arguments: &[&str]) -> Run {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let cache = self.folder.path().to_str().unwrap().to_owned();
        let run = move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            tlsmend_caching_in(&cache, &arguments)
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    fn cached(&self) -> Option<Vec<u8>> {
        std::fs::read(self.folder.path().join("tlsmend/stores")).ok()
    }

    fn leaf(&self) -> String {
        self.folder.path().join("leaf.pem").to_str().unwrap().to_owned()
    }
}

fn client<'a>(report: &'a Value, id: &str) -> &'a Value {
    let clients = report["deployments"][0]["clients"].as_array().unwrap();
    clients.iter().find(|client| client["id"] == id).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn later_commands_use_what_was_brought() {
    let world = World::new();
    let leaf = world.leaf();
    let inspect = ["inspect", &leaf, "--host", "shop.example.com", "--output", "json"];
    let before: Value = serde_json::from_str(&world.run(&inspect).await.stdout).unwrap();
    assert_eq!(client(&before, "firefox")["verdict"], "reject");
    assert_eq!(before["findings"][0]["code"], "issuer-not-found");

    let server = world.serve("Included").await;
    let update = world.run(&["stores", "update", "--source", &server.url("/"), "--output", "json"]).await;
    assert_eq!(update.code, Some(0), "{}", update.stderr);
    let listing: Value = serde_json::from_str(&update.stdout).unwrap();
    let store =
        |id: &str| listing["stores"].as_array().unwrap().iter().find(|store| store["id"] == id).unwrap().clone();
    for id in ["mozilla", "chrome", "apple", "microsoft"] {
        assert_eq!((&store(id)["roots"], &store(id)["with_certificate"]), (&1.into(), &1.into()), "{id}");
        assert_eq!(store(id)["date"], listing["updated"]);
    }
    assert!(store("java")["roots"].as_u64().unwrap() > 80 && store("java")["date"] != listing["updated"]);
    assert_eq!(listing["intermediates"][0]["with_certificate"], 1);

    // Firefox has the missing intermediate, curl has not, Java's store is not in CCADB.
    let after: Value = serde_json::from_str(&world.run(&inspect).await.stdout).unwrap();
    let firefox = client(&after, "firefox");
    assert_eq!(firefox["verdict"], "accept", "{firefox}");
    assert!(firefox["message"].as_str().unwrap().contains("in advance"), "{firefox}");
    let path = &after["deployments"][0]["paths"][firefox["path"].as_u64().unwrap() as usize];
    assert_eq!(path["provenance"], serde_json::json!(["served", "known", "store:mozilla"]));
    for (id, verdict) in [("curl", "reject"), ("java", "reject"), ("rustls-aws", "reject")] {
        assert_eq!(client(&after, id)["verdict"], verdict, "{id}");
    }
    assert_eq!(after["findings"][0]["code"], "missing-intermediate");
    assert_eq!(after["repair"]["possible"], true);
    let stores = after["run"]["stores"].as_array().unwrap();
    assert!(stores.iter().any(|store| store["id"] == "mozilla" && store["roots"] == 1));

    // The same over a handshake, with the chain whole: those with the root accept, the others lack it.
    let chain = [world.end_entity.der(), world.intermediate.der()].map(|der| der.to_vec().into());
    let key = rcgen::KeyPair::try_from(world.end_entity.key_der()).unwrap();
    let address = TlsServer::new(chain, key).start().await.to_string();
    let probe = world.run(&["probe", "shop.example.com", "--address", &address, "--output", "json"]).await;
    let report: Value = serde_json::from_str(&probe.stdout).unwrap();
    for (id, verdict) in [
        ("chrome", "accept"),
        ("curl", "accept"),
        ("safari", "accept"),
        ("java", "undetermined"),
        ("rustls-aws", "reject"),
    ] {
        assert_eq!(client(&report, id)["verdict"], verdict, "{id}: {}", client(&report, id));
    }
    let finding = &report["findings"][0];
    assert_eq!((finding["code"].as_str(), probe.code), (Some("root-not-in-store"), Some(1)));
    assert!(finding["facts"]["stores_without"].as_array().unwrap().contains(&"webpki-roots".into()), "{finding}");
    assert!(finding["facts"]["stores_with"].as_array().unwrap().contains(&"chrome".into()), "{finding}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_update_changes_nothing() {
    let world = World::new();
    let offline = world.run(&["stores", "update", "--source", "http://127.0.0.1:1/"]).await;
    assert_eq!((offline.code, offline.stdout.as_str()), (Some(3), ""), "{}", offline.stderr);
    assert!(
        offline.stderr.contains("nothing was changed") && offline.stderr.contains("127.0.0.1"),
        "{}",
        offline.stderr
    );
    assert_eq!(world.cached(), None);

    let server = world.serve("Included").await;
    assert_eq!(world.run(&["stores", "update", "--source", &server.url("/")]).await.code, Some(0));
    let good = world.cached().unwrap();
    let no_roots = world.serve("Removed").await;
    let broken = HttpServer::serve(|_| Page::of("text/html", "<html>maintenance</html>")).await;
    let failing = HttpServer::serve(|_| Page::error(500)).await;
    for (server, says) in [(&no_roots, "no root of"), (&broken, "no column"), (&failing, "500")] {
        let run = world.run(&["stores", "update", "--source", &server.url("/")]).await;
        assert_eq!(run.code, Some(3));
        assert!(run.stderr.contains(says) && run.stderr.contains("nothing was changed"), "{}", run.stderr);
        assert_eq!(world.cached().unwrap(), good);
    }
    let left: Vec<_> = std::fs::read_dir(world.folder.path().join("tlsmend")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_lists_are_told_and_not_used() {
    let world = World::new();
    let folder = world.folder.path().join("tlsmend");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("stores"), "tlsmend-stores-1 2026-11-22 9 9 9\nshort").unwrap();
    let run = world.run(&["stores", "list", "--output", "json"]).await;
    let listing: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(run.stderr.contains("not used") && run.stderr.contains("stores update"), "{}", run.stderr);
    assert_eq!((run.code, &listing["updated"]), (Some(0), &Value::Null));
    assert!(listing["stores"][0]["roots"].as_u64().unwrap() > 100);
}

#[test]
fn the_list_names_every_client_once_and_fits_the_terminal() {
    let listing: Value = serde_json::from_str(&tlsmend(&["stores", "list", "--output", "json"]).stdout).unwrap();
    let mut named: Vec<&str> = listing["stores"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|store| store["clients"].as_array().unwrap())
        .map(|id| id.as_str().unwrap())
        .collect();
    named.sort_unstable();
    let mut all: Vec<&str> = tlsmend::judge::clients::ALL.iter().map(|client| client.id).collect();
    all.sort_unstable();
    assert_eq!(named, all);
    let text = tlsmend(&["stores", "list"]);
    assert!(text.stdout.contains("microsoft") && text.stdout.contains("stores update"), "{}", text.stdout);
    assert!(!Path::new(&text.stdout).is_absolute() && text.stdout.lines().all(|line| line.chars().count() <= 120));
}
