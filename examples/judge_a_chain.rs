//! Judges the certificates of a PEM file for a host, without a network: what would each client say?
//!
//! ```sh
//! cargo run --example judge_a_chain -- chain.pem www.example.com 2026-11-22T08:00:00Z
//! ```

use tlsmend::judge::{self, Settings, anchors::TrustAnchors, clients};
use tlsmend::model::evidence::Evidence;
use tlsmend::model::handshake::{EndpointEvidence, EndpointStatus};
use tlsmend::model::resolution::Resolution;
use tlsmend::x509::certificates_in;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(host), Some(at)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: judge_a_chain CHAIN.pem HOST RFC3339".into());
    };
    // The evidence a handshake would have brought; here it comes from a file.
    let endpoint = EndpointEvidence {
        served_chain: certificates_in(&std::fs::read(file)?)?,
        ..EndpointEvidence::new("192.0.2.1:443".parse()?, EndpointStatus::Completed)
    };
    let evidence = Evidence {
        reference: host.parse()?,
        resolution: Resolution::not_asked([endpoint.address.ip()]),
        endpoints: vec![endpoint],
        aia: Vec::new(),
        files: None,
        revocation: None,
    };
    let settings = Settings {
        clients: clients::ALL.to_vec(),
        anchors: TrustAnchors::own_stores(),
        at: at.parse()?,
        warn_days: None,
        expect_cname: None,
    };
    let judgement = judge::judge(&evidence, &settings);
    for deployment in &judgement.deployments {
        for (client, answer) in settings.clients.iter().zip(&deployment.answers) {
            println!("{:20} {:?} {}", client.name, answer.verdict, answer.code.as_deref().unwrap_or(""));
        }
    }
    // The judge never fetches: it says what it lacks, and the caller decides.
    for url in &judgement.wanted_issuers {
        println!("would fetch {url}");
    }
    Ok(())
}
