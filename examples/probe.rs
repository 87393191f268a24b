//! Probes a target from another program.
//!
//! ```sh
//! cargo run --example probe -- www.example.com
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use tlsmend::model::time::Time;
use tlsmend::probe::{Settings, probe};

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix(since.as_secs().cast_signed())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = std::env::args().nth(1).ok_or("usage: probe TARGET")?.parse()?;
    let report = probe(&target, &Settings::default(), now).await;
    for finding in &report.findings {
        println!("{:8} {}: {}", finding.severity, finding.code, finding.title);
    }
    println!("{} addresses, {} deployments", report.endpoints.len(), report.deployments.len());
    Ok(())
}
