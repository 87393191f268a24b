//! A CA of two levels that the `openssl` command runs, with its database, CRLs and OCSP responses.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::peer::{Peer, free_address, run};

pub const HOST: &str = "revocable.lab.example.com";

/// root → intermediate → end entity; CRLs of both CAs and a responder of the intermediate under `base`.
pub struct OpensslCa {
    pub folder: TempDir,
}

/// Which of the two CAs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Root,
    Intermediate,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Intermediate => "intermediate",
        }
    }
}

impl OpensslCa {
    /// `base`: where CRLs are served, such as `http://127.0.0.1:80`. `more`: further lines for the end entity's extensions.
    pub fn new(base: &str, more: &str) -> Self {
        let ca = Self { folder: TempDir::new().unwrap() };
        for level in [Level::Root, Level::Intermediate] {
            let name = level.name();
            std::fs::create_dir(ca.path(&format!("{name}-certs"))).unwrap();
            ca.write(&format!("{name}.txt"), "");
            ca.write(&format!("{name}.txt.attr"), "unique_subject = no\n");
            ca.write(&format!("{name}.serial"), "1000\n");
            ca.write(&format!("{name}.crlnumber"), "01\n");
            let folder = ca.folder.path().display();
            ca.write(
                &format!("{name}.cnf"),
                &format!(
                    "[ca]\ndefault_ca = it\n\
                     [it]\nnew_certs_dir = {folder}/{name}-certs\ndatabase = {folder}/{name}.txt\n\
                     serial = {folder}/{name}.serial\ncrlnumber = {folder}/{name}.crlnumber\n\
                     certificate = {folder}/{name}.pem\nprivate_key = {folder}/{name}.key\n\
                     default_md = sha256\ndefault_days = 30\ndefault_crl_days = 7\npolicy = any\n\
                     crl_extensions = crl\n\
                     [any]\ncommonName = supplied\n\
                     [crl]\nauthorityKeyIdentifier = keyid\n\
                     [intermediate]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\n\
                     subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n\
                     crlDistributionPoints = URI:{base}/root.crl\n\
                     [end_entity]\nsubjectAltName = DNS:{HOST}\nkeyUsage = critical,digitalSignature\n\
                     extendedKeyUsage = serverAuth\nauthorityKeyIdentifier = keyid\n\
                     crlDistributionPoints = URI:{base}/intermediate.crl\n{more}\n\
                     [responder]\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = OCSPSigning\n\
                     noCheck = ignored\n\
                     [no_responder]\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = clientAuth\n"
                ),
            );
        }
        ca.key("root");
        run(Command::new("openssl")
            .args(["req", "-x509", "-days", "60", "-subj", "/CN=Revocation Root", "-key"])
            .arg(ca.path("root.key"))
            .args(["-addext", "basicConstraints=critical,CA:TRUE"])
            .args(["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out"])
            .arg(ca.path("root.pem")));
        ca.issue(Level::Root, "intermediate", "Revocation Intermediate", "intermediate");
        ca.issue(Level::Intermediate, "leaf", HOST, "end_entity");
        ca
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn key(&self, name: &str) {
        run(Command::new("openssl")
            .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"])
            .arg(self.path(&format!("{name}.key"))));
    }

    /// A key and a certificate `NAME.key`, `NAME.pem`.
    pub fn issue(&self, by: Level, name: &str, subject: &str, extensions: &str) {
        self.issue_for(by, name, subject, extensions, &[]);
    }

    /// The same with more options for `openssl ca`, such as its dates.
    pub fn issue_for(&self, by: Level, name: &str, subject: &str, extensions: &str, more: &[&str]) {
        self.key(name);
        let request = self.path(&format!("{name}.csr"));
        run(Command::new("openssl")
            .args(["req", "-new", "-subj", &format!("/CN={subject}"), "-key"])
            .arg(self.path(&format!("{name}.key")))
            .arg("-out")
            .arg(&request));
        run(self
            .command(by)
            .args(["-batch", "-notext", "-extensions", extensions, "-in"])
            .arg(&request)
            .args(more)
            .arg("-out")
            .arg(self.path(&format!("{name}.pem"))));
    }

    fn command(&self, level: Level) -> Command {
        let mut command = Command::new("openssl");
        command.args(["ca", "-config"]).arg(self.path(&format!("{}.cnf", level.name())));
        command
    }

    pub fn revoke(&self, by: Level, name: &str, reason: &str) {
        run(self.command(by).arg("-revoke").arg(self.path(&format!("{name}.pem"))).args(["-crl_reason", reason]));
    }

    /// The CRL of a CA in DER, as of now; `more` are options of `openssl ca -gencrl`.
    pub fn crl(&self, of: Level, more: &[&str]) -> Vec<u8> {
        let (text, der) = (self.path("list.pem"), self.path("list.crl"));
        run(self.command(of).arg("-gencrl").args(more).arg("-out").arg(&text));
        run(Command::new("openssl").args(["crl", "-outform", "DER", "-in"]).arg(&text).arg("-out").arg(&der));
        std::fs::read(der).unwrap()
    }

    /// An OCSP response for `NAME.pem` in a file, signed with `SIGNER.pem`; `more` are options of `openssl ocsp`.
    pub fn staple(&self, name: &str, signer: &str, more: &[&str]) -> PathBuf {
        let (request, response) = (self.path("request.der"), self.path(&format!("{name}-{signer}.ocsp")));
        run(Command::new("openssl")
            .args(["ocsp", "-no_nonce", "-issuer"])
            .arg(self.path("intermediate.pem"))
            .arg("-cert")
            .arg(self.path(&format!("{name}.pem")))
            .arg("-reqout")
            .arg(&request));
        run(self.responder(signer).arg("-reqin").arg(&request).args(more).arg("-respout").arg(&response));
        response
    }

    fn responder(&self, signer: &str) -> Command {
        let mut command = Command::new("openssl");
        command
            .args(["ocsp", "-index"])
            .arg(self.path("intermediate.txt"))
            .arg("-CA")
            .arg(self.path("intermediate.pem"))
            .arg("-rsigner")
            .arg(self.path(&format!("{signer}.pem")))
            .arg("-rkey")
            .arg(self.path(&format!("{signer}.key")));
        command
    }

    /// A responder that answers over HTTP.
    pub fn serve_ocsp(&self, signer: &str, port: u16) -> Peer {
        let mut command = self.responder(signer);
        command.args(["-ignore_err", "-ndays", "3", "-port", &port.to_string()]);
        Peer::ocsp_responder(&mut command, ([127, 0, 0, 1], port).into())
    }

    /// A TLS server with leaf and intermediate.
    pub fn serve(&self, options: &[&str]) -> Peer {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-key"]).arg(self.path("leaf.key"));
        command.arg("-cert").arg(self.path("leaf.pem")).arg("-cert_chain").arg(self.path("intermediate.pem"));
        Peer::s_server(command.args(options))
    }

    /// What to type to probe `server`.
    pub fn probe(&self, server: &Peer, more: &[&str]) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["probe", HOST, "--roots"].into_iter().map(str::to_owned).chain([self.text("root.pem")]).collect();
        arguments.extend(["--address".to_owned(), server.address.to_string()]);
        arguments.extend(
            ["--allow-private-aia", "--output", "json"].into_iter().chain(more.iter().copied()).map(str::to_owned),
        );
        arguments
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    free_address().port()
}
