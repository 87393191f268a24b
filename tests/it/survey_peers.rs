//! The survey against sslscan, sslyze and testssl.sh: the same servers asked by all, every difference accounted for.
//!
//! A peer that cannot ask a question does not disagree: what it can ask is part of its answer ([`Said::scope`]). What it finds
//! we must find. What we find and it denies must be proven on the spot by a client that nobody here wrote ([`is_proven`]).
//! sslscan 2.0.7 needs it for signature schemes of ECDSA and EdDSA keys before TLS 1.3, because it offers no suite for them, and
//! of servers without P-256; sslscan and sslyze need it for groups beside an ECDSA key's own curve, which they leave out of
//! the offer (RFC 8422 §5.1.1); sslyze for suites with an Ed25519 key, which its OpenSSL 1.0.2 does not know, and for
//! Brainpool curves.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tlsmend::model::survey::{Support, Survey};
use tlsmend::observe::tls::{Connector, SurveySettings};
use tokio::time::Instant;

use crate::support::peer::{Identity, Peer, free_address, is_missing, nginx};
use crate::support::skip;
use crate::support::tls_server::NAME;

/// Debian's OpenSSL refuses old things unless told so.
const ANY: &str = "ALL:eNULL:@SECLEVEL=0";

/// What somebody says of a server: `1.2`, `1.2 suite 0xc02f`, `1.2 group 0x001d`, `1.2 signature 0x0804`; `group …` and
/// `suite …` without a version where the peer tells none.
type Facts = BTreeSet<String>;

/// A server, and what keeps it alive.
struct Server {
    name: &'static str,
    /// The curve of its only key.
    curve: Option<&'static str>,
    peer: Peer,
    _identities: Vec<Identity>,
    _folder: Option<TempDir>,
}

fn openssl(name: &'static str, identity: Identity, options: &[&str]) -> Server {
    Server { name, curve: None, peer: identity.s_server(options), _identities: vec![identity], _folder: None }
}

fn with_curve(server: Server, curve: &'static str) -> Server {
    Server { curve: Some(curve), ..server }
}

fn openssl_with_two(name: &'static str, options: &[&str]) -> Server {
    let (rsa, ecdsa) = (Identity::rsa(), Identity::ecdsa());
    let (key, certificate) = (ecdsa.key(), ecdsa.certificate());
    let second = ["-dkey", key.to_str().unwrap(), "-dcert", certificate.to_str().unwrap()];
    let peer = rsa.s_server(&[&second[..], options].concat());
    Server { name, curve: None, peer, _identities: vec![rsa, ecdsa], _folder: None }
}

fn gnutls(name: &'static str, identity: Identity, priority: &str) -> Server {
    let address = free_address();
    let mut command = Command::new("gnutls-serv");
    command.args(["--quiet", "--disable-client-cert", "--priority", priority, "--port"]);
    command.arg(address.port().to_string()).arg("--x509keyfile").arg(identity.key());
    let peer = Peer::listening(command.arg("--x509certfile").arg(identity.certificate()), address);
    Server { name, curve: None, peer, _identities: vec![identity], _folder: None }
}

fn nginx_server(name: &'static str, settings: &str) -> Server {
    let (rsa, ecdsa) = (Identity::rsa(), Identity::ecdsa());
    let (address, folder) = (free_address(), TempDir::new().unwrap());
    let path = |path: &Path| path.display().to_string();
    let configuration = format!(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log; events {{}}\n\
         http {{ access_log off; client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; \
         uwsgi_temp_path {0}/d; scgi_temp_path {0}/e; {settings}\n\
         server {{ listen {address} ssl; server_name {NAME}; ssl_certificate {1}; ssl_certificate_key {2}; \
         ssl_certificate {3}; ssl_certificate_key {4}; }} }}",
        path(folder.path()),
        path(&rsa.certificate()),
        path(&rsa.key()),
        path(&ecdsa.certificate()),
        path(&ecdsa.key()),
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    let peer = Peer::listening(Command::new(nginx()).arg("-c").arg(&file), address);
    Server { name, curve: None, peer, _identities: vec![rsa, ecdsa], _folder: Some(folder) }
}

/// Python, with SSL 3.0 and what else nobody serves any more.
fn tlslite(name: &'static str, settings: &str) -> Server {
    const SERVER: &str = "
import socket, sys, threading
from tlslite.api import TLSConnection, HandshakeSettings, X509CertChain, parsePEMKey
folder, port = sys.argv[1], int(sys.argv[2])
chain = X509CertChain(); chain.parsePemList(open(folder + '/certificate.pem').read())
key = parsePEMKey(open(folder + '/key.pem').read(), private=True)
settings = HandshakeSettings()
exec(sys.argv[3])
listener = socket.create_server(('127.0.0.1', port), backlog=100)
def serve(socket):
    socket.settimeout(10)
    connection = TLSConnection(socket)
    try: connection.handshakeServer(certChain=chain, privateKey=key, settings=settings)
    except Exception: pass
    socket.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
";
    let (identity, address) = (Identity::rsa(), free_address());
    let mut command = Command::new("python3");
    command.args(["-c", SERVER]).arg(identity.folder.path()).arg(address.port().to_string()).arg(settings);
    let peer = Peer::listening(&mut command, address);
    Server { name, curve: None, peer, _identities: vec![identity], _folder: None }
}

fn ec(curve: &str) -> Identity {
    Identity::new(&["-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")], &[])
}

/// Fourteen servers of five makes.
#[rustfmt::skip] // a server a line, where it fits
fn servers() -> Vec<fn() -> Server> {
    vec![
        || openssl("openssl, as it comes", Identity::rsa(), &[]),
        || with_curve(openssl("openssl, ECDSA, three suites", Identity::ecdsa(),
            &["-tls1_2", "-serverpref", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-SHA"]), "P-256"),
        || openssl_with_two("openssl, two keys, everything", &["-cipher", ANY, "-min_protocol", "TLSv1", "-serverpref"]),
        || openssl("openssl, TLS 1.0 alone", Identity::rsa(), &["-cipher", ANY, "-tls1"]),
        || openssl("openssl, TLS 1.1 and 1.2, odd groups", Identity::rsa(),
            &["-cipher", "DEFAULT:@SECLEVEL=0", "-min_protocol", "TLSv1.1", "-max_protocol", "TLSv1.2", "-groups", "P-521:X448:brainpoolP256r1"]),
        || openssl("openssl, TLS 1.3 alone, CCM", Identity::ecdsa(),
            &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256:TLS_AES_128_GCM_SHA256", "-groups", "P-384:X448:ffdhe3072"]),
        || with_curve(openssl("openssl, P-384", ec("P-384"), &["-serverpref"]), "P-384"),
        || openssl("openssl, Ed25519", Identity::new(&["-algorithm", "ED25519"], &[]), &[]),
        || openssl("openssl, few signature schemes", Identity::rsa(),
            &["-sigalgs", "rsa_pss_rsae_sha384:RSA+SHA512:RSA+SHA1", "-cipher", "DEFAULT:@SECLEVEL=0"]),
        || nginx_server("nginx, two keys", "ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on;"),
        || nginx_server("nginx, modern", "ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:secp384r1; \
            ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305;"),
        || gnutls("gnutls, as it comes", Identity::rsa(), "NORMAL"),
        || gnutls("gnutls, old and its own order", Identity::ecdsa(), "NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:+3DES-CBC:+ARCFOUR-128:%SERVER_PRECEDENCE"),
        || tlslite("tlslite, from SSL 3.0 on",
            "settings.minVersion = (3, 0); settings.cipherNames += ['rc4', '3des', 'null']; settings.macNames += ['md5']; settings.versions = [(3, 4), (3, 3), (3, 2), (3, 1), (3, 0)]"),
    ]
}

async fn ours(address: SocketAddr) -> Facts {
    let connector = Connector::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    let settings = SurveySettings::default();
    let evidence = connector.survey(address, &NAME.parse().unwrap(), settings, deadline).await;
    let survey: Survey = evidence.survey.unwrap().survey;
    assert!(survey.limits.is_empty(), "{:?}", survey.limits);
    let mut facts = Facts::new();
    for version in survey.versions.iter().filter(|version| version.supported == Support::Yes) {
        let name = &version.version;
        facts.insert(name.clone());
        let lists =
            [("suite", &version.cipher_suites), ("group", &version.groups), ("signature", &version.signature_schemes)];
        for (what, list) in lists {
            facts.extend(list.iter().map(|named| format!("{name} {what} 0x{:04x}", named.number)));
        }
    }
    facts
}

/// What a peer found, and what it can find at all.
struct Said {
    facts: Facts,
    scope: Box<dyn Fn(&str) -> bool>,
}

fn run(command: &mut Command) {
    // Their exit codes count their findings.
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.code().is_some(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn sslscan(address: SocketAddr, folder: &Path) -> Said {
    let file = folder.join("sslscan.xml");
    run(Command::new("sslscan")
        .args(["--no-colour", "--show-sigs", "--no-heartbleed", "--no-compression", "--no-fallback"])
        .args(["--timeout=20", "--no-renegotiation", "--no-check-certificate", &format!("--sni-name={NAME}")])
        .arg(format!("--xml={}", file.display()))
        .arg(address.to_string()));
    let (mut facts, mut takes_any) = (Facts::new(), Vec::new());
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let attribute = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        let version = |text: &str| text.trim_start_matches("TLSv").replace("SSLv3", "SSL 3.0");
        let number = |text: &str| u16::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
        let what = line.trim().split(' ').next().unwrap();
        let id = attribute("id").map(number);
        match (what, id) {
            ("<protocol", _) if attribute("enabled") == Some("1") => {
                let number = attribute("version").unwrap();
                facts.insert(if attribute("type") == Some("ssl") {
                    format!("SSL {number}.0")
                } else {
                    number.to_owned()
                });
            }
            // Its word for "any": it offers a number that nobody has assigned.
            ("<connection-signature-algorithm", Some(0xfdff)) => {
                takes_any.push(version(attribute("sslversion").unwrap()));
            }
            ("<cipher" | "<group" | "<connection-signature-algorithm", Some(id)) => {
                let what = match what {
                    "<cipher" => "suite",
                    "<group" => "group",
                    _ => "signature",
                };
                facts.insert(format!("{} {what} 0x{id:04x}", version(attribute("sslversion").unwrap())));
            }
            _ => {}
        }
    }
    // Debian's OpenSSL, which it is linked with, has no SSL 3.0; of RFC 8734 it knows nothing.
    let is_unknown = |fact: &str| {
        fact.starts_with("SSL 3.0 suite")
            || matches!(fact, "1.3 group 0x001f" | "1.3 group 0x0020" | "1.3 group 0x0021")
    };
    // After an answer to the number that nobody has assigned it asks for no scheme.
    let is_unasked =
        move |fact: &str| takes_any.iter().any(|version| fact.starts_with(&format!("{version} signature")));
    Said { facts, scope: Box::new(move |fact| !is_unknown(fact) && !is_unasked(fact)) }
}

fn sslyze(address: SocketAddr, folder: &Path) -> Said {
    let file = folder.join("sslyze.json");
    run(Command::new("sslyze")
        .args(["--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--elliptic_curves", "--json_out"])
        .arg(&file)
        .arg(format!("{NAME}:{}{{{}}}", address.port(), address.ip())));
    let read: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let result = &read["server_scan_results"][0]["scan_result"];
    let (mut facts, mut scope) = (Facts::new(), Facts::new());
    let versions =
        [("ssl_3_0", "SSL 3.0"), ("tls_1_0", "1.0"), ("tls_1_1", "1.1"), ("tls_1_2", "1.2"), ("tls_1_3", "1.3")];
    for (key, version) in versions {
        let result = &result[format!("{key}_cipher_suites")]["result"];
        scope.insert(version.to_owned());
        if result["is_tls_version_supported"] == true {
            facts.insert(version.to_owned());
        }
        let suites = |list: &str| -> Vec<String> {
            let list = result[list].as_array().cloned().unwrap_or_default();
            let names =
                list.iter().filter_map(|entry| entry["cipher_suite"]["name"].as_str().and_then(number_of_suite));
            names.map(|number| format!("{version} suite 0x{number:04x}")).collect()
        };
        facts.extend(suites("accepted_cipher_suites"));
        scope.extend(suites("accepted_cipher_suites"));
        scope.extend(suites("rejected_cipher_suites"));
    }
    let curves = &result["elliptic_curves"]["result"];
    let curves = |list: &str| -> Vec<String> {
        let list = curves[list].as_array().cloned().unwrap_or_default();
        let names = list.iter().filter_map(|curve| curve["name"].as_str().and_then(number_of_group));
        names.map(|number| format!("group 0x{number:04x}")).collect()
    };
    facts.extend(curves("supported_curves"));
    scope.extend(curves("supported_curves"));
    scope.extend(curves("rejected_curves"));
    Said { facts, scope: Box::new(move |fact| scope.contains(fact)) }
}

fn testssl(address: SocketAddr, folder: &Path) -> Said {
    let file = folder.join("testssl.json");
    run(Command::new("testssl")
        .args(["--warnings", "off", "--color", "0", "--quiet", "--assuming-http", "--nodns", "none"])
        .args(["-p", "-E", "-f", "--jsonfile"])
        .arg(&file)
        .args(["--ip", &address.ip().to_string()])
        .arg(format!("{NAME}:{}", address.port())));
    let read: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut facts = Facts::new();
    for entry in &read {
        let (Some(id), Some(finding)) = (entry["id"].as_str(), entry["finding"].as_str()) else { continue };
        let version = |id: &str| match id {
            "SSLv3" | "ssl3" => "SSL 3.0".to_owned(),
            "TLS1" | "tls1" => "1.0".to_owned(),
            other => other.to_lowercase().trim_start_matches("tls").replace('_', "."),
        };
        if matches!(id, "SSLv3" | "TLS1" | "TLS1_1" | "TLS1_2" | "TLS1_3") && finding.starts_with("offered") {
            facts.insert(version(id));
        }
        if let Some((of, suite)) = id.strip_prefix("cipher-").and_then(|rest| rest.rsplit_once("_x"))
            && let Ok(number) = u16::from_str_radix(suite, 16)
        {
            facts.insert(format!("{} suite 0x{number:04x}", version(of)));
        }
        if id == "PFS_ECDHE_curves" {
            let known = finding.split(' ').filter_map(number_of_group);
            facts.extend(known.map(|number| format!("group 0x{number:04x}")));
        }
    }
    // It lists curves of all versions together, finite fields elsewhere, and signature schemes not at all (3.0).
    let scope =
        |fact: &str| !fact.contains("signature") && !fact.contains(" group ") && !fact.starts_with("group 0x01");
    Said { facts, scope: Box::new(scope) }
}

fn number_of_suite(name: &str) -> Option<u16> {
    use rustls::CipherSuite;
    (0..=u16::MAX).find(|number| {
        CipherSuite::from(*number).as_str().is_some_and(|known| known.replacen("TLS13_", "TLS_", 1) == name)
    })
}

fn number_of_group(name: &str) -> Option<u16> {
    let names = [
        ("secp256r1", 0x17),
        ("prime256v1", 0x17),
        ("secp384r1", 0x18),
        ("secp521r1", 0x19),
        ("X25519", 0x1d),
        ("X448", 0x1e),
        ("brainpoolP256r1", 0x1a),
        ("brainpoolP384r1", 0x1b),
        ("brainpoolP512r1", 0x1c),
        ("secp256k1", 0x16),
        ("secp224r1", 0x15),
        ("secp192r1", 0x13),
        ("prime192v1", 0x13),
    ];
    names.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// What a peer says and we do not, or the other way round: `+fact`, `-fact`.
fn differences(ours: &Facts, said: &Said) -> Vec<String> {
    let mut ours = ours.clone();
    // Peers that do not tell versions of groups.
    if said.facts.iter().any(|fact| fact.starts_with("group ")) {
        let groups =
            ours.iter().filter_map(|fact| fact.split_once(" group ")).map(|(_, group)| format!("group {group}"));
        ours.extend(groups.collect::<Vec<_>>());
    }
    let more = said.facts.difference(&ours).filter(|fact| (said.scope)(fact)).map(|fact| format!("+{fact}"));
    let less = ours.difference(&said.facts).filter(|fact| (said.scope)(fact)).map(|fact| format!("-{fact}"));
    more.chain(less).collect()
}

/// Does a client that nobody here wrote get what `fact` says, which a peer denies?
fn is_proven(server: &Server, fact: &str) -> bool {
    let (version, fact) = fact.split_once(' ').filter(|(version, _)| version.contains('.')).unwrap_or(("1.2", fact));
    let Some((what, number)) = fact.split_once(" 0x") else { return false };
    let number = u16::from_str_radix(number, 16).unwrap();
    let version = match version {
        "1.3" => "-tls1_3",
        "1.2" => "-tls1_2",
        _ => return false,
    };
    let mut command = Command::new("openssl");
    command.args(["s_client", version, "-servername", NAME, "-cipher", "ALL:@SECLEVEL=0"]);
    let expected = match what {
        "group" => {
            let (name, shown) = match number {
                0x17 => ("P-256", "prime256v1"),
                0x18 => ("P-384", "secp384r1"),
                0x19 => ("P-521", "secp521r1"),
                0x1a => ("brainpoolP256r1", "brainpoolP256r1"),
                0x1b => ("brainpoolP384r1", "brainpoolP384r1"),
                0x1c => ("brainpoolP512r1", "brainpoolP512r1"),
                0x1d => ("X25519", "X25519"),
                0x1e => ("X448", "X448"),
                0x0104 => ("ffdhe8192", "DH, 8192 bits"),
                _ => return false,
            };
            // The curve of the key stands behind it, as real clients have it.
            let beside =
                server.curve.filter(|curve| *curve != name).map(|curve| format!(":{curve}")).unwrap_or_default();
            command.args(["-groups", &format!("{name}{beside}")]);
            shown.to_owned()
        }
        "signature" => {
            let (name, digest) = match number {
                0x0201 => ("RSA+SHA1", "SHA1"),
                0x0203 => ("ECDSA+SHA1", "SHA1"),
                0x0301 => ("RSA+SHA224", "SHA224"),
                0x0303 => ("ECDSA+SHA224", "SHA224"),
                0x0401 => ("RSA+SHA256", "SHA256"),
                0x0403 => ("ECDSA+SHA256", "SHA256"),
                0x0501 => ("RSA+SHA384", "SHA384"),
                0x0503 => ("ECDSA+SHA384", "SHA384"),
                0x0601 => ("RSA+SHA512", "SHA512"),
                0x0603 => ("ECDSA+SHA512", "SHA512"),
                0x0804 => ("rsa_pss_rsae_sha256", "SHA256"),
                0x0805 => ("rsa_pss_rsae_sha384", "SHA384"),
                0x0806 => ("rsa_pss_rsae_sha512", "SHA512"),
                0x0807 => ("ed25519", "Ed25519"),
                _ => return false,
            };
            command.args(["-sigalgs", name]);
            format!(
                "Peer sign{}",
                if digest == "Ed25519" { "ature type: ed25519".to_owned() } else { format!("ing digest: {digest}\n") }
            )
        }
        "suite" => {
            let listed = Command::new("openssl").args(["ciphers", "-V", "ALL:eNULL:@SECLEVEL=0"]).output().unwrap();
            let [high, low] = number.to_be_bytes();
            let code = format!("0x{high:02X},0x{low:02X} - ");
            let listed = String::from_utf8(listed.stdout).unwrap();
            let Some((_, rest)) = listed.split_once(&code) else { return false };
            let name = rest.split(' ').next().unwrap();
            command.args(["-cipher", &format!("{name}:@SECLEVEL=0")]);
            format!("Cipher is {name}\n")
        }
        _ => return false,
    };
    let output = command.arg("-connect").arg(server.peer.address.to_string()).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    said.contains(&expected) && !said.contains("Cipher is (NONE)")
}

#[test]
fn agreement() {
    for program in ["openssl", "gnutls-serv", nginx()] {
        if is_missing(program) {
            return;
        }
    }
    let lacks_tlslite = !Command::new("python3")
        .args(["-c", "import tlslite"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let lacks = |program: &str| {
        Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_err()
    };
    let lacking: Vec<&str> = ["sslscan", "sslyze", "testssl"].into_iter().filter(|program| lacks(program)).collect();
    if lacks_tlslite || !lacking.is_empty() {
        return skip(&format!(
            "not installed: {}{}",
            lacking.join(", "),
            if lacks_tlslite { " tlslite-ng" } else { "" }
        ));
    }
    let (next, found) = (Mutex::new(servers().into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let start = next.lock().unwrap().next();
                    let Some(start) = start else { break };
                    let server = start();
                    let address = server.peer.address;
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    let ours = runtime.block_on(ours(address));
                    let folder = TempDir::new().unwrap();
                    type Peer = (&'static str, fn(SocketAddr, &Path) -> Said);
                    let peers: [Peer; 3] = [("sslscan", sslscan), ("sslyze", sslyze), ("testssl", testssl)];
                    for (name, ask) in peers {
                        // Hundreds of connections, each waiting for Python: minutes, for what two others have told.
                        if name == "testssl" && server.name.starts_with("tlslite") {
                            continue;
                        }
                        let said = ask(address, folder.path());
                        for difference in differences(&ours, &said) {
                            let is_proven = difference.strip_prefix('-').is_some_and(|fact| is_proven(&server, fact));
                            println!(
                                "{}: {name}: {difference}{}",
                                server.name,
                                if is_proven { ", proven" } else { "" }
                            );
                            if !is_proven {
                                found.lock().unwrap().push(format!("{}: {name}: {difference}", server.name));
                            }
                        }
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}
