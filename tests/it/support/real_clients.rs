//! Programs nobody here wrote, asked whether they accept what an address serves.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// Every one of openssl, curl and gnutls-cli that is installed accepts it.
pub async fn accepted_by_real_clients(what: &str, address: SocketAddr, host: &str, roots: &Path) {
    let (roots, ip, port) = (roots.to_str().unwrap(), address.ip().to_string(), address.port().to_string());
    let (place, resolve, url) = (address.to_string(), format!("{host}:{port}:{ip}"), format!("https://{host}:{port}/"));
    let all: [(&str, Vec<&str>); 3] = [
        (
            "openssl",
            vec![
                "s_client",
                "-connect",
                &place,
                "-servername",
                host,
                "-verify_hostname",
                host,
                "-CAfile",
                roots,
                "-verify_return_error",
            ],
        ),
        ("curl", vec!["-sSI", "--cacert", roots, "--resolve", &resolve, &url]),
        (
            "gnutls-cli",
            vec!["--x509cafile", roots, "--sni-hostname", host, "--verify-hostname", host, "-p", &port, &ip],
        ),
    ];
    for (client, arguments) in all {
        let mut command = Command::new(client);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        match command.output().await {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{what} at {address}: {client} refuses: {said}");
            }
            Err(_) => super::skip(&format!("{client} is not installed")),
        }
    }
}
