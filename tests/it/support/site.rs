//! A broken site of a test's own: its hierarchy, the page where its issuer lies, its files, and the program run beside it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tlsmend::lab::pki::{Issued, Pki};
use tlsmend::model::fix::FixReport;
use tlsmend::model::time::Time;

use super::http_server::{HttpServer, Page};

pub const HOST: &str = "site.lab.example.com";

/// root → intermediate → end entity, with the address of the intermediate in the end entity.
pub struct Site {
    pub folder: TempDir,
    pub root: Issued,
    pub intermediate: Issued,
    pub end_entity: Issued,
    _pages: HttpServer,
}

impl Site {
    pub async fn new() -> Self {
        let pki = Pki::new("site", now());
        let root = pki.root("Root").issue().unwrap();
        let intermediate = root.intermediate("Intermediate").issue().unwrap();
        let der = intermediate.der().to_vec();
        let pages = HttpServer::serve(move |_| Page::of("application/pkix-cert", der.clone())).await;
        let end_entity =
            intermediate.end_entity(HOST).ca_issuers(&format!("http://{}/i.cer", pages.address)).issue().unwrap();
        let site = Self { folder: TempDir::new().unwrap(), root, intermediate, end_entity, _pages: pages };
        site.write("root.pem", &site.root.pem());
        site.write("key.pem", &key_pem(&site.end_entity));
        // The fault: the intermediate is missing.
        site.write("fullchain.pem", &site.end_entity.pem());
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// What should be served.
    pub fn whole(&self) -> String {
        self.end_entity.pem() + &self.intermediate.pem()
    }

    /// `tlsmend fix ARGUMENTS`, with its journal in this folder; the document and the exit code.
    pub async fn fix(&self, arguments: &[&str]) -> Ran {
        self.fix_with(arguments, &[]).await
    }

    /// `tlsmend fix`, not yet started.
    pub fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tlsmend"));
        command.arg("fix").args(arguments).args(["--output", "json"]);
        command.env("XDG_STATE_HOME", self.folder.path().join("state")).env("NO_COLOR", "1");
        command.envs(environment.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub async fn fix_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = self.command(arguments, environment);
        let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await.expect("it hangs").unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The options to look at `address` and at nothing else.
    pub fn probe_options(&self, address: SocketAddr) -> Vec<String> {
        let roots = self.path("root.pem").display().to_string();
        let mut options = vec![format!("{HOST}:{}", address.port()), "--address".to_owned(), address.to_string()];
        options.extend(["--roots".to_owned(), roots, "--allow-private-aia".to_owned(), "--no-cache".to_owned()]);
        options
    }

    /// The journal of a run, as it is on disk.
    pub fn journal(&self, id: &str) -> String {
        let path = self.path("state/tlsmend/runs").join(id).join("journal.jsonl");
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// The names of the runs.
    pub fn runs(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.path("state/tlsmend/runs")) else { return Vec::new() };
        let mut names: Vec<String> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// What a run of the program left.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn document(&self) -> FixReport {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }
}

pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix(since.as_secs().try_into().unwrap())
}

pub fn key_pem(issued: &Issued) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(issued.key_der());
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

/// Debian keeps servers out of the search path of ordinary users.
pub fn nginx_program() -> &'static str {
    if Path::new("/usr/sbin/nginx").is_file() { "/usr/sbin/nginx" } else { "nginx" }
}

/// nginx with a master process, so that it can be reloaded; serves `fullchain.pem` and `key.pem` of its folder.
pub struct Nginx {
    folder: PathBuf,
    host: String,
    process: std::process::Child,
    pub address: SocketAddr,
}

impl Nginx {
    /// Serves `folder` for `host`. `None` where it is not installed.
    pub fn start(folder: &Path, host: &str) -> Option<Self> {
        let program = nginx_program();
        if Command::new(program).arg("-v").stderr(Stdio::null()).status().is_err() {
            super::skip("nginx is not installed");
            return None;
        }
        let folder = folder.to_owned();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let place = folder.display();
        let configuration = format!(
            "daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/error.log;
             events {{}}
             http {{
               access_log off;
               client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c;
               uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;
               server {{
                 listen {address} ssl; server_name {host};
                 ssl_certificate {place}/fullchain.pem; ssl_certificate_key {place}/key.pem;
                 location / {{ return 204; }}
               }}
             }}"
        );
        std::fs::write(folder.join("nginx.conf"), configuration).unwrap();
        let mut command = Command::new(program);
        command.args(["-e", "stderr", "-p"]).arg(&folder).arg("-c").arg(folder.join("nginx.conf"));
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { folder, host: host.to_owned(), process, address };
        let limit = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(address).is_err() {
            assert!(Instant::now() < limit, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(server)
    }

    /// What to type to mend it.
    pub fn fix_arguments(&self, roots: &Path, resolver: &str) -> Vec<String> {
        let (address, file) = (self.address.to_string(), self.folder.join("fullchain.pem"));
        let target = format!("{}:{}", self.host, self.address.port());
        let to = format!("file:{}", file.display());
        let (check, reload) = (self.command("-t"), self.command("-s reload"));
        [
            &target,
            "--address",
            &address,
            "--resolver",
            resolver,
            "--roots",
            roots.to_str().unwrap(),
            "--allow-private-aia",
            "--no-cache",
            "--to",
            &to,
            "--check",
            &check,
            "--reload",
            &reload,
            "--poll-interval",
            "20ms",
            "--propagation-timeout",
            "20s",
            "--yes",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// `nginx ACTION`, as a shell command.
    pub fn command(&self, action: &str) -> String {
        let place = self.folder.display();
        format!("{} -e stderr -p {place} -c {place}/nginx.conf {action}", nginx_program())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // In order: killed, the master would leave its workers behind.
        let _ = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}
