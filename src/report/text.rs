//! The report for a person at a terminal: one screen, verdict first.
//!
//! One file per part of the screen. Every text goes through [`screen::Screen`], which makes it safe for a terminal,
//! wraps and colours it. Nothing is decided here: what is not in the report is not on the screen.

mod aia;
pub mod bundle;
mod chain;
mod clients;
mod findings;
mod groups;
mod headline;
mod http;
mod names;
mod naming;
mod network;
mod revocation;
pub mod scan;
pub mod screen;
mod starttls;
mod survey;
mod transparency;

use std::io::{self, Write};

use crate::model::handshake::KeyProof;
use crate::model::report::{Deployment, Report};
pub use names::folded;

use names::Names;
use screen::{Paint, Screen, paint, plain};

/// How the terminal wants it.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub color: bool,
    /// Columns.
    pub width: usize,
    pub detail: Detail,
}

/// How much of the report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The verdict and the target.
    Headline,
    Screen,
    /// Nothing folded, nothing left out.
    Everything,
}

impl Style {
    pub fn is_verbose(self) -> bool {
        self.detail == Detail::Everything
    }
}

pub fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut screen = Screen::new(style);
    let names = Names::new(report);
    headline::draw(report, &mut screen);
    target(report, &mut screen);
    if style.detail == Detail::Headline {
        return out.write_all(screen.finish().as_bytes());
    }
    network::dns(report, &mut screen);
    naming::who_says_what(report, &mut screen);
    network::addresses(report, &mut screen);
    http::draw(report, &mut screen);
    chain::draw(report, &names, &mut screen);
    revocation::draw(report, &names, &mut screen);
    transparency::draw(report, &mut screen);
    clients::draw(report, &mut screen);
    survey::draw(report, &mut screen);
    findings::draw(report, &names, &mut screen);
    findings::repair(report, &names, &mut screen);
    if style.is_verbose() {
        aia::draw(report, &names, &mut screen);
    }
    findings::not_checked(report, &mut screen);
    findings::reproduce(report, &mut screen);
    out.write_all(screen.finish().as_bytes())
}

fn target(report: &Report, screen: &mut Screen) {
    let (target, run) = (&report.target, &report.run);
    if let Some(deployment) = groups::of_files(report) {
        return files(report, deployment, screen);
    }
    let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
    let mut line = vec![paint(Paint::Bold, format!("{host}:{}", target.port))];
    if target.host_unicode != target.host {
        line.push(plain(format!(" ({})", target.host_unicode)));
    }
    if target.server_name != target.host {
        line.push(plain(format!(", asked for as {}", target.server_name)));
    }
    if let Some(protocol) = &target.starttls {
        line.push(plain(format!(", {protocol} with STARTTLS")));
    }
    let judged = if run.judged_at == run.started_at { "probed" } else { "judged as of" };
    line.push(paint(Paint::Dim, format!(", {judged} {}", run.judged_at)));
    screen.heading("TARGET", &line);
    stores(report, screen);
}

/// The same place in a report on files.
fn files(report: &Report, deployment: &Deployment, screen: &mut Screen) {
    let (host, run) = (&report.target.host_unicode, &report.run);
    let judged = paint(Paint::Dim, format!(", as of {}", run.judged_at));
    screen.heading("FILES", &[plain("judged for "), paint(Paint::Bold, host), judged]);
    let (color, words) = match deployment.private_key {
        Some(KeyProof::Proven) => (Paint::Good, "✓ the private key belongs to the first certificate"),
        Some(KeyProof::Wrong) => (Paint::Bad, "✗ the private key does NOT belong to the first certificate"),
        Some(KeyProof::NotChecked) => (Paint::Warning, "? the private key could not be compared with the certificate"),
        None => (Paint::Dim, "no private key was given"),
    };
    screen.entry("  ", "    ", &[paint(color, words)]);
    stores(report, screen);
}

fn stores(report: &Report, screen: &mut Screen) {
    let run = &report.run;
    if screen.style().is_verbose() {
        for store in &run.stores {
            let date = store.date.as_deref().map(|date| format!(", of {date}")).unwrap_or_default();
            screen.entry("  ", "    ", &[plain(format!("trust store {}: {} roots{date}", store.id, store.roots))]);
        }
        screen.entry("  ", "    ", &[paint(Paint::Dim, format!("run {} by tlsmend {}", run.id, report.tool.version))]);
    }
}
