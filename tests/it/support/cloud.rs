//! A broken domain of the lab behind the emulated certificate service, and `tlsmend fix` run beside it.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tlsmend::lab::Lab;
use tlsmend::lab::cas::{Binding, Emulator, Fault, Injection, Seed, Wiring};
use tlsmend::x509::Fingerprint;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::site::{Ran, now};

/// The account that an emulator has unless its seed says otherwise.
pub const ACCESS_KEY_ID: &str = "testAccessKeyId";
pub const ACCESS_KEY_SECRET: &str = "testAccessKeySecret";

pub struct Cloud {
    pub id: &'static str,
    pub lab: Arc<Lab>,
    pub emulator: Emulator,
    pub folder: TempDir,
    /// What every address served in the beginning.
    pub old: Vec<Vec<String>>,
}

impl Cloud {
    pub async fn new(id: &'static str) -> Self {
        Self::with(id, Binding::Both, Seed::default()).await
    }

    pub async fn with(id: &'static str, binding: Binding, seed: Seed) -> Self {
        let lab = Arc::new(Lab::start(now(), Some(&[id])).await.unwrap());
        Self::beside(lab, id, binding, seed).await
    }

    pub async fn beside(lab: Arc<Lab>, id: &'static str, binding: Binding, seed: Seed) -> Self {
        let emulator = match lab.with_cas(id, binding, seed.clone(), Arc::new(now)).await {
            Ok(emulator) => emulator,
            // What is no TLS server, or serves what no service holds, has an empty one before it.
            Err(_) => Emulator::start(seed, Arc::new(now), Wiring::default()).await.unwrap(),
        };
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("roots.pem"), lab.roots_pem() + &emulator.root_pem()).unwrap();
        let mut cloud = Self { id, lab, emulator, folder, old: Vec::new() };
        cloud.old = cloud.served().await;
        cloud
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What to type, with the key from the service.
    pub fn arguments(&self, more: &[&str]) -> Vec<String> {
        let mut arguments = self.bare_arguments();
        arguments.push("--key-from-service".to_owned());
        arguments.extend(more.iter().map(|&more| more.to_owned()));
        arguments
    }

    /// The same without a word about the key.
    pub fn bare_arguments(&self) -> Vec<String> {
        let running = self.lab.scenario(self.id).unwrap();
        let roots = self.path("roots.pem").display().to_string();
        let mut arguments = vec![running.authority(), "--resolver".to_owned(), self.lab.resolver().to_string()];
        arguments.extend(["--roots".to_owned(), roots, "--allow-private-aia".to_owned(), "--no-cache".to_owned()]);
        arguments.extend(["--endpoint".to_owned(), self.emulator.endpoint()]);
        arguments.extend(["--region", "cn-hangzhou"].map(str::to_owned));
        arguments.extend(["--poll-interval", "10ms", "--propagation-timeout", "20s"].map(str::to_owned));
        arguments
    }

    /// `tlsmend fix`, not yet started.
    pub fn command<S: AsRef<str>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tlsmend"));
        command.arg("fix").args(arguments.iter().map(AsRef::as_ref)).args(["--output", "json"]);
        command.env("XDG_STATE_HOME", self.path("state")).env("HOME", self.folder.path()).env("NO_COLOR", "1");
        for name in [
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
            "ALIBABA_CLOUD_SECURITY_TOKEN",
            "ALIBABA_CLOUD_PROFILE",
            "ALIBABA_CLOUD_REGION_ID",
        ] {
            command.env_remove(name);
        }
        command
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ACCESS_KEY_SECRET);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub async fn run<S: AsRef<str>>(&self, arguments: &[S]) -> Ran {
        end(self.command(arguments).spawn().unwrap()).await
    }

    /// `fix --yes` with more options.
    pub async fn fix(&self, more: &[&str]) -> Ran {
        let mut arguments = self.arguments(more);
        arguments.push("--yes".to_owned());
        self.run(&arguments).await
    }

    /// Ends the process as a power cut would, at the `number`-th call to the service: before it has its effect, or after.
    /// `None` when the process ended by itself before that.
    pub async fn kill_at_call(&self, arguments: &[String], number: usize, after_effect: bool) -> Option<()> {
        let call = u32::try_from(number).unwrap();
        // Longer than any test waits.
        self.emulator.inject(Injection::new("*", call, Fault::Slow { ms: 600_000, after_effect }));
        // Nobody reads what it says: a full pipe would stop it.
        let mut child = self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let limit = Instant::now() + Duration::from_secs(60);
        let reached = loop {
            let calls = self.emulator.calls();
            let there = calls.get(number - 1).is_some_and(|call| !after_effect || call.done || call.code.is_some());
            if there {
                break true;
            }
            if child.try_wait().unwrap().is_some() {
                break false;
            }
            assert!(Instant::now() < limit, "call {number} neither comes nor goes");
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        self.emulator.behave();
        reached.then_some(())
    }

    /// The names of the runs.
    pub fn runs(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.path("state/tlsmend/runs")) else { return Vec::new() };
        let mut names: Vec<String> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// SHA-256 of each certificate that each address serves now.
    pub async fn served(&self) -> Vec<Vec<String>> {
        use tlsmend::observe::tls::Connector;
        let running = self.lab.scenario(self.id).unwrap();
        let (connector, name) = (Connector::new(), running.host.parse().unwrap());
        let mut all = Vec::new();
        for address in &running.addresses {
            let deadline = Instant::now() + Duration::from_secs(20);
            let evidence = connector.handshake(*address, &name, deadline).await;
            all.push(evidence.served_chain.iter().map(|der| Fingerprint::of(der).to_string()).collect());
        }
        all
    }

    /// How often the emulator did what `action` does.
    pub fn done(&self, action: &str) -> usize {
        self.emulator.calls().iter().filter(|call| call.action == action && call.done).count()
    }
}

/// What a process leaves, within a minute.
pub async fn end(child: Child) -> Ran {
    let output = child.wait_with_output();
    let output = tokio::time::timeout(Duration::from_secs(60), output).await.expect("it hangs").unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Cloud {
    /// The private key of what is served, PEM, as the service gives it to who asks expressly.
    pub async fn key(&self) -> String {
        use tlsmend::remedy::cas::{CasClient, Settings};
        let endpoint = self.emulator.endpoint().parse().unwrap();
        let settings = Settings::for_endpoint(&endpoint, Arc::new(now));
        let client = CasClient::new(endpoint, identity(), settings).unwrap();
        let id = self.emulator.certificates()[0].id;
        client.detail_with_key(id.try_into().unwrap()).await.unwrap().key.unwrap().expose().to_owned()
    }
}

impl Cloud {
    /// What stands before the domain: product and instance.
    pub fn target(&self) -> (String, String) {
        let bound = self.emulator.resources().remove(0);
        (bound.product, bound.instance)
    }

    /// What to type in the guides' dialect.
    pub fn guide_arguments(&self, more: &[&str]) -> Vec<String> {
        let (product, instance) = self.target();
        let id = format!("cert-{:06x}", self.emulator.certificates().last().unwrap().id);
        let mut arguments = self.bare_arguments();
        arguments.extend(
            ["--to", "guide", "--cert-id", &id, "--product", &product, "--instance", &instance].map(str::to_owned),
        );
        arguments.extend(more.iter().map(|&more| more.to_owned()));
        arguments
    }

    pub fn guide_client(&self) -> tlsmend::remedy::cas::GuideClient {
        use tlsmend::remedy::cas::{GuideClient, Settings};
        let endpoint = self.emulator.endpoint().parse().unwrap();
        let settings = Settings::for_endpoint(&endpoint, Arc::new(now));
        GuideClient::new(endpoint, identity(), settings, false).unwrap()
    }
}

fn identity() -> tlsmend::remedy::cas::credentials::Identity {
    use tlsmend::remedy::cas::credentials::{Credentials, Identity};
    Identity::Static(Credentials {
        access_key_id: ACCESS_KEY_ID.to_owned(),
        access_key_secret: tlsmend::remedy::secret::Secret::new(ACCESS_KEY_SECRET),
        security_token: None,
        expires: None,
    })
}
