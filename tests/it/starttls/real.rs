//! Servers that nobody here wrote, each spoken to at every depth, and by the command that the report says to type.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tlsmend::model::starttls::StartTls;

use super::{comes_to_tls, probe};
use crate::support::peer::{Identity, Peer, free_address, run};
use crate::support::skip;
use crate::support::tls_server::NAME;

/// Debian keeps servers out of the search path of ordinary users.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = places.map(|place| place.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip(&format!("{name} is not installed"));
    }
    found
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// Every depth; then what `openssl s_client -starttls` says.
async fn understood(protocol: StartTls, peer: &Peer, identity: &Identity) {
    let seen = comes_to_tls(protocol, peer.address, Some(&identity.der)).await;
    assert_eq!(seen.starttls.unwrap().plaintext_after, None);
    let report = probe(&format!("{protocol}://{NAME}:{}", peer.address.port()), peer.address, &[]);
    assert_eq!(report["endpoints"][0]["status"], "completed");
    let commands = report["reproduce"].as_array().unwrap().iter().filter_map(|command| command.as_str());
    let command = commands.clone().find(|command| command.contains("s_client")).unwrap();
    assert!(command.contains(&format!("-starttls {protocol} ")), "{command}");
    let shown = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).output().unwrap();
    let served = std::fs::read_to_string(identity.certificate()).unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(served.trim()), "{command}: {shown}");
}

fn listening(command: &mut Command, address: SocketAddr) -> Peer {
    Peer::listening(command, address)
}

const SMTP_SERVER: &str = r"
import asyncio, ssl, sys
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Sink(), tls_context=context), '127.0.0.1', int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(serve())
";

#[tokio::test(flavor = "multi_thread")]
async fn aiosmtpd() {
    let has = Command::new("python3").args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        return skip("aiosmtpd (Python) is not installed");
    }
    let (identity, address) = (Identity::ecdsa(), free_address());
    let mut command = Command::new("python3");
    command.args(["-c", SMTP_SERVER, &address.port().to_string()]).arg(identity.certificate()).arg(identity.key());
    understood(StartTls::Smtp, &listening(&mut command, address), &identity).await;
}

/// IMAP, POP3 and mail submission.
#[tokio::test(flavor = "multi_thread")]
async fn dovecot() {
    let Some(program) = program("dovecot") else { return };
    let identity = Identity::ecdsa();
    let folder = identity.folder.path();
    // Its processes are other users when it is started by root.
    run(Command::new("chmod").arg("755").arg(folder));
    let services = [(StartTls::Imap, "imap"), (StartTls::Pop3, "pop3"), (StartTls::Smtp, "submission")];
    let addresses: Vec<SocketAddr> = services.iter().map(|_| free_address()).collect();
    let users = if is_root() {
        String::new()
    } else {
        let id = |option| String::from_utf8(Command::new("id").arg(option).output().unwrap().stdout).unwrap();
        let (user, group) = (id("-un"), id("-gn"));
        let user = user.trim();
        format!(
            "default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {}\n",
            group.trim()
        )
    };
    let place = folder.display();
    let mut configuration = format!(
        "base_dir = {place}/run\nstate_dir = {place}/run\nlog_path = /dev/stderr\nlisten = 127.0.0.1\nssl = yes\n{users}\
         protocols = imap pop3 submission\nhostname = {NAME}\nsubmission_relay_host = 127.0.0.1\n\
         ssl_cert = <{}\nssl_key = <{}\n\
         passdb {{\n driver = static\n args = password=none\n}}\n\
         userdb {{\n driver = static\n args = uid=65534 gid=65534 home=/nonexistent\n}}\n",
        identity.certificate().display(),
        identity.key().display()
    );
    for ((_, name), address) in services.iter().zip(&addresses) {
        let port = address.port();
        configuration += &format!(
            "service {name}-login {{\n chroot =\n inet_listener {name} {{\n  port = {port}\n }}\n inet_listener {name}s \
             {{\n  port = 0\n }}\n}}\n"
        );
    }
    let file = folder.join("dovecot.conf");
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new(program);
    let peer = listening(command.arg("-F").arg("-c").arg(&file), addresses[0]);
    for ((protocol, _), address) in services.iter().zip(addresses) {
        comes_to_tls(*protocol, address, Some(&identity.der)).await;
    }
    understood(StartTls::Imap, &peer, &identity).await;
    run(Command::new("doveadm").arg("-c").arg(&file).arg("stop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn openldap() {
    let Some(program) = program("slapd") else { return };
    let (identity, address) = (Identity::ecdsa(), free_address());
    let file = identity.folder.path().join("slapd.conf");
    let (certificate, key) = (identity.certificate(), identity.key());
    let configuration =
        format!("TLSCertificateFile {}\nTLSCertificateKeyFile {}\n", certificate.display(), key.display());
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new(program);
    command.args(["-d", "0", "-h", &format!("ldap://{address}"), "-f"]).arg(&file);
    understood(StartTls::Ldap, &listening(&mut command, address), &identity).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vsftpd() {
    let Some(program) = program("vsftpd") else { return };
    let (identity, address) = (Identity::rsa(), free_address());
    let file = identity.folder.path().join("vsftpd.conf");
    let configuration = format!(
        "listen=YES\nbackground=NO\nlisten_address=127.0.0.1\nlisten_port={}\nrun_as_launching_user=YES\n\
         anonymous_enable=YES\nssl_enable=YES\nrsa_cert_file={}\nrsa_private_key_file={}\n",
        address.port(),
        identity.certificate().display(),
        identity.key().display()
    );
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new(program);
    understood(StartTls::Ftp, &listening(command.arg(&file), address), &identity).await;
}

/// It refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(program);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql() {
    let newest = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let programs = newest.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).max();
    let Some(programs) = programs else { return skip("PostgreSQL is not installed") };
    let (identity, address) = (Identity::ecdsa(), free_address());
    let folder = identity.folder.path();
    let (key, data) = (identity.key(), folder.join("data"));
    run(Command::new("chmod").arg("600").arg(&key));
    if is_root() {
        run(Command::new("chown").args(["-R", "nobody:nogroup"]).arg(folder));
    }
    run(unprivileged(&programs.join("initdb")).args(["--no-sync", "-A", "trust", "-U", "nobody", "-D"]).arg(&data));
    let mut command = unprivileged(&programs.join("postgres"));
    command.arg("-D").arg(&data).args(["-p", &address.port().to_string()]);
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", identity.certificate().display()),
        format!("ssl_key_file={}", key.display()),
    ];
    command.args(settings.iter().flat_map(|setting| ["-c", setting]));
    understood(StartTls::Postgres, &listening(&mut command, address), &identity).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb() {
    let Some(program) = program("mariadbd") else { return };
    let (identity, address) = (Identity::ecdsa(), free_address());
    let folder = identity.folder.path();
    std::fs::create_dir(folder.join("data")).unwrap();
    let option = |name: &str, file: &str| format!("--{name}={}", folder.join(file).display());
    let mut command = Command::new(program);
    command.args(["--no-defaults", "--skip-grant-tables", "--skip-networking=0", "--bind-address=127.0.0.1"]);
    command.args([option("datadir", "data"), option("socket", "socket"), option("pid-file", "pid")]);
    command.args([option("ssl-cert", "certificate.pem"), option("ssl-key", "key.pem"), option("tmpdir", "data")]);
    command.arg(format!("--port={}", address.port()));
    if is_root() {
        command.arg("--user=root");
    }
    understood(StartTls::Mysql, &listening(&mut command, address), &identity).await;
}
