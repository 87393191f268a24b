//! Domains that are as they should be: nothing may be found.

use super::{BuildError, Family, Scenario, World};

pub const ALL: &[Scenario] = &[
    Scenario {
        id: "good",
        family: Family::Good,
        summary: "end entity and intermediate, as a server should send them",
        expected: &[],
        exit: 0,
        build: serve_valid,
    },
    Scenario {
        id: "two-intermediates",
        family: Family::Good,
        summary: "two intermediates between end entity and root",
        expected: &[],
        exit: 0,
        build: two_intermediates,
    },
    Scenario {
        id: "rsa",
        family: Family::Good,
        summary: "an end entity with an RSA key of 2048 bits",
        expected: &[],
        exit: 0,
        build: rsa,
    },
    Scenario {
        id: "wildcard",
        family: Family::Good,
        summary: "a wildcard that covers the name",
        expected: &[],
        exit: 0,
        build: wildcard,
    },
    Scenario {
        id: "internationalised-name",
        family: Family::Good,
        summary: "a name that people write bücher.lab.example.com",
        expected: &[],
        exit: 0,
        build: internationalised_name,
    },
    Scenario {
        id: "behind-two-cnames",
        family: Family::Good,
        summary: "two aliases, as with a CDN; the certificate names the domain, not the alias targets",
        expected: &[],
        exit: 0,
        build: behind_two_cnames,
    },
    Scenario {
        id: "several-addresses",
        family: Family::Good,
        summary: "three addresses that serve the same chain",
        expected: &[],
        exit: 0,
        build: several_addresses,
    },
];

/// root → intermediate → end entity
pub(super) fn serve_valid(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate])
}

/// root → upper → lower → end entity
fn two_intermediates(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let upper = root.intermediate("Upper Intermediate").path_length(1).issue()?;
    let lower = upper.intermediate("Lower Intermediate").issue()?;
    let site = world.site(&lower).issue()?;
    world.serve(&site, &[&site, &lower, &upper])
}

/// root → intermediate → end entity (RSA)
fn rsa(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).rsa().issue()?;
    world.serve(&site, &[&site, &intermediate])
}

/// root → intermediate → end entity for `*.wildcard.lab.example.com`
fn wildcard(world: &mut World) -> Result<(), BuildError> {
    world.visit("shop.wildcard.lab.example.com");
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).names(&["*.wildcard.lab.example.com"]).issue()?;
    world.serve(&site, &[&site, &intermediate])
}

/// root → intermediate → end entity for the A-label
fn internationalised_name(world: &mut World) -> Result<(), BuildError> {
    world.visit("xn--bcher-kva.lab.example.com");
    serve_valid(world)
}

fn behind_two_cnames(world: &mut World) -> Result<(), BuildError> {
    world.alias("behind-two-cnames.cdn.example.net", 300);
    world.alias("edge-7.cdn.example.net", 20);
    serve_valid(world)
}

fn several_addresses(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    for last in 1..=3 {
        world.serve_at(last, &site, &[&site, &intermediate])?;
    }
    Ok(())
}
