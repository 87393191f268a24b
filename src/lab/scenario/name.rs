//! Certificates for another name than the one visited (RFC 9525), or for another purpose.

use super::{BuildError, Family, Scenario, World};
use crate::lab::pki::Draft;

pub const ALL: &[Scenario] = &[
    Scenario {
        id: "wrong-host",
        family: Family::Name,
        summary: "the certificate is for another host",
        expected: &["name-mismatch"],
        exit: 1,
        build: |world| present(world, |site| site.names(&["www.other.example.org", "other.example.org"])),
    },
    Scenario {
        id: "wildcard-two-labels",
        family: Family::Name,
        summary: "a wildcard, and two labels before it",
        expected: &["name-mismatch", "wildcard-covers-one-label"],
        exit: 1,
        build: |world| {
            world.visit("a.b.wildcard-two-labels.lab.example.com");
            present(world, |site| site.names(&["*.wildcard-two-labels.lab.example.com"]))
        },
    },
    Scenario {
        id: "wildcard-apex",
        family: Family::Name,
        summary: "a wildcard, and the bare domain visited",
        expected: &["name-mismatch"],
        exit: 1,
        build: |world| present(world, |site| site.names(&["*.wildcard-apex.lab.example.com"])),
    },
    Scenario {
        id: "common-name-only",
        family: Family::Name,
        summary: "the name stands in the common name only",
        expected: &["common-name-only"],
        exit: 1,
        build: |world| present(world, |site| site.names(&[])),
    },
    Scenario {
        id: "address-as-text",
        family: Family::Name,
        summary: "visited by address; the certificate has the address as a dNSName",
        expected: &["ip-address-in-dns-name"],
        exit: 1,
        build: |world| {
            world.visit("127.0.0.1");
            present(world, |site| site)
        },
    },
    Scenario {
        id: "not-for-servers",
        family: Family::Name,
        summary: "a certificate for TLS clients (extended key usage)",
        expected: &["not-for-tls-servers"],
        exit: 1,
        build: |world| present(world, Draft::for_clients),
    },
    Scenario {
        id: "hostile-names",
        family: Family::Name,
        summary: "control characters in the certificate's names; no terminal may obey them",
        expected: &["name-mismatch"],
        exit: 1,
        build: hostile_names,
    },
];

/// root → intermediate → end entity with one change
fn present(world: &mut World, change: fn(Draft) -> Draft) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = change(world.site(&intermediate)).issue()?;
    world.serve(&site, &[&site, &intermediate])
}

/// Colours, a window title, a cleared screen, an overwritten line, text turned round (U+202E).
fn hostile_names(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world
        .intermediate(&root)
        .common_name("hostile-names \u{1b}[2J\u{9b}2J\u{1b}[1;1HAll clients accept\u{202e}")
        .issue()?;
    let site = world
        .site(&intermediate)
        .names(&["\u{1b}]0;owned\u{7}.other.example.org", "www.\u{8}\u{8}\u{8}other.example.org"])
        .common_name("\u{1b}[31mred\u{1b}[0m\r\nno problem found\u{7}")
        .issue()?;
    world.serve(&site, &[&site, &intermediate])
}
