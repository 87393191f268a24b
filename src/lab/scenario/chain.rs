//! Chains that stop too early, lead elsewhere, or carry what they should not.

use super::{BuildError, Family, Scenario, World};
use crate::lab::pki::Issued;
use crate::lab::server::aia::Page;

/// The domain of `tlsmend demo`.
pub const DEMO: &str = "works-in-chrome-fails-in-curl";

/// The domain of `tlsmend lab cas`.
pub const TWO_ADDRESSES: &str = "missing-at-two-addresses";

pub const ALL: &[Scenario] = &[
    Scenario {
        id: DEMO,
        family: Family::Chain,
        summary: "behind an alias; the intermediate is not sent, but its address is in the certificate",
        expected: &["missing-intermediate"],
        exit: 1,
        build: demo,
    },
    Scenario {
        id: "missing-intermediate",
        family: Family::Chain,
        summary: "the intermediate is not sent; the address in the certificate brings it",
        expected: &["missing-intermediate"],
        exit: 1,
        build: missing_intermediate,
    },
    Scenario {
        id: TWO_ADDRESSES,
        family: Family::Chain,
        summary: "behind an alias with two addresses, and neither sends the intermediate",
        expected: &["missing-intermediate"],
        exit: 1,
        build: missing_at_two_addresses,
    },
    Scenario {
        id: "two-intermediates-missing",
        family: Family::Chain,
        summary: "neither of two intermediates is sent; one leads to the other",
        expected: &["missing-intermediate"],
        exit: 1,
        build: two_intermediates_missing,
    },
    Scenario {
        id: "issuer-as-pkcs7",
        family: Family::Chain,
        summary: "the intermediate is not sent; its address gives it as PKCS#7",
        expected: &["missing-intermediate"],
        exit: 1,
        build: issuer_as_pkcs7,
    },
    Scenario {
        id: "issuer-address-dead",
        family: Family::Chain,
        summary: "the intermediate is not sent, and its address answers 404",
        expected: &["ca-issuers-unreachable", "issuer-not-found"],
        exit: 1,
        build: issuer_address_dead,
    },
    Scenario {
        id: "issuer-without-address",
        family: Family::Chain,
        summary: "the intermediate is not sent, and the certificate has no address for it",
        expected: &["issuer-not-found"],
        exit: 1,
        build: issuer_without_address,
    },
    Scenario {
        id: "wrong-intermediate",
        family: Family::Chain,
        summary: "the intermediate sent has the right name and another key",
        expected: &["issuer-name-matches-key-does-not"],
        exit: 1,
        build: wrong_intermediate,
    },
    Scenario {
        id: "root-not-in-store",
        family: Family::Chain,
        summary: "a complete chain to a root that clients do not trust",
        expected: &["root-not-in-store"],
        exit: 1,
        build: root_not_in_store,
    },
    Scenario {
        id: "self-signed",
        family: Family::Chain,
        summary: "the end entity signed itself",
        expected: &["self-signed-end-entity"],
        exit: 1,
        build: self_signed,
    },
    Scenario {
        id: "misordered",
        family: Family::Chain,
        summary: "everything is sent, in the wrong order",
        expected: &["chain-misordered"],
        exit: 0,
        build: misordered,
    },
    Scenario {
        id: "duplicate",
        family: Family::Chain,
        summary: "the intermediate is sent twice",
        expected: &["duplicate-certificate-served"],
        exit: 0,
        build: duplicate,
    },
    Scenario {
        id: "stranger",
        family: Family::Chain,
        summary: "a certificate of another hierarchy is sent along",
        expected: &["unrelated-certificate-served"],
        exit: 0,
        build: stranger,
    },
    Scenario {
        id: "root-served",
        family: Family::Chain,
        summary: "the root is sent along, which nobody needs",
        expected: &["root-served"],
        exit: 0,
        build: root_served,
    },
    Scenario {
        id: "expired-cross-certificate",
        family: Family::Chain,
        summary: "an expired cross-certificate is sent, though the newer root is trusted",
        expected: &["expired-cross-certificate"],
        exit: 1,
        build: expired_cross_certificate,
    },
    Scenario {
        id: "expired-cross-certificate-only-path",
        family: Family::Chain,
        summary: "an expired cross-certificate is sent, and the newer root is not trusted",
        expected: &["expired-cross-certificate"],
        exit: 1,
        build: expired_cross_certificate_only_path,
    },
    Scenario {
        id: "addresses-differ",
        family: Family::Chain,
        summary: "two addresses; the second does not send the intermediate",
        expected: &["addresses-differ", "missing-intermediate"],
        exit: 1,
        build: addresses_differ,
    },
    Scenario {
        id: "intermediate-expires-first",
        family: Family::Chain,
        summary: "the intermediate expires before the end entity",
        expected: &["intermediate-expires-first"],
        exit: 0,
        build: |world| with_intermediate_valid(world, -700, 20),
    },
    Scenario {
        id: "intermediate-expired",
        family: Family::Chain,
        summary: "the intermediate expired two days ago",
        expected: &["intermediate-expired"],
        exit: 1,
        build: |world| with_intermediate_valid(world, -700, -2),
    },
    Scenario {
        id: "issuer-is-not-a-ca",
        family: Family::Chain,
        summary: "the issuer's certificate is one for servers (cA false)",
        expected: &["issuer-is-not-a-ca"],
        exit: 1,
        build: issuer_is_not_a_ca,
    },
    Scenario {
        id: "name-constraints-violated",
        family: Family::Chain,
        summary: "the intermediate may issue for another domain only",
        expected: &["name-constraints-violated"],
        exit: 1,
        build: name_constraints_violated,
    },
    Scenario {
        id: "path-length-exceeded",
        family: Family::Chain,
        summary: "an intermediate below one that may have none below it",
        expected: &["path-length-exceeded"],
        exit: 1,
        build: path_length_exceeded,
    },
];

fn demo(world: &mut World) -> Result<(), BuildError> {
    world.visit("shop.lab.example.com");
    world.alias("shop.gateway.example.net", 300);
    missing_intermediate(world)
}

/// root → (intermediate, not served) → end entity
fn missing_intermediate(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site])
}

/// root → (intermediate, not served) → end entity, at two addresses behind a gateway's name
fn missing_at_two_addresses(world: &mut World) -> Result<(), BuildError> {
    world.alias("gw-rec.cn-hangzhou.pai-eas.example.net", 60);
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve_at(1, &site, &[&site])?;
    world.serve_at(2, &site, &[&site])
}

/// root → (upper, not served) → (lower, not served) → end entity
fn two_intermediates_missing(world: &mut World) -> Result<(), BuildError> {
    let (site, ..) = long_chain(world)?;
    world.serve(&site, &[&site])
}

/// root → (intermediate, not served) → end entity
fn issuer_as_pkcs7(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let url = world.publish_page("p7c", Page::pkcs7(&[intermediate.der(), root.der()]));
    let site = intermediate.end_entity(world.host()).ca_issuers(&url).issue()?;
    world.serve(&site, &[&site])
}

/// root → (intermediate, not served and not to be had) → end entity
fn issuer_address_dead(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = intermediate.end_entity(world.host()).ca_issuers(&world.nowhere()).issue()?;
    world.serve(&site, &[&site])
}

/// root → (intermediate, not served) → end entity without an address
fn issuer_without_address(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = intermediate.end_entity(world.host()).issue()?;
    world.serve(&site, &[&site])
}

/// root → (intermediate, not served) → end entity; root → intermediate of the same name, served
fn wrong_intermediate(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let right = world.intermediate(&root).issue()?;
    let wrong = world.intermediate(&root).issue()?;
    let site = right.end_entity(world.host()).issue()?;
    world.serve(&site, &[&site, &wrong])
}

/// (root, not trusted) → intermediate → end entity
fn root_not_in_store(world: &mut World) -> Result<(), BuildError> {
    let root = world.pki().root("Root").issue()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate])
}

/// end entity → itself
fn self_signed(world: &mut World) -> Result<(), BuildError> {
    let site = world.pki().self_signed(world.host()).issue()?;
    world.serve(&site, &[&site])
}

/// root → upper → lower → end entity, served as end entity, upper, lower
fn misordered(world: &mut World) -> Result<(), BuildError> {
    let (site, lower, upper) = long_chain(world)?;
    world.serve(&site, &[&site, &upper, &lower])
}

fn duplicate(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate, &intermediate])
}

/// root → intermediate → end entity; root → other intermediate, served too
fn stranger(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let other = root.intermediate("Intermediate for Mail").issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate, &other])
}

fn root_served(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate, &root])
}

/// new root → intermediate → end entity; old root → (expired) new root's name and key. Both roots are trusted, the
/// second path is dead.
fn expired_cross_certificate(world: &mut World) -> Result<(), BuildError> {
    let old = world.pki().root("Old Root").issue()?;
    let new = world.root()?;
    world.trust(&old);
    let cross = old.cross_certify(&new).valid(-1500, -10).issue()?;
    let intermediate = world.intermediate(&new).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate, &cross])
}

/// old root → (expired) new root's name and key → intermediate → end entity. The new root itself is sent too, but
/// clients have only the old one: what happened to devices without updates when DST Root CA X3 ended in 2021.
fn expired_cross_certificate_only_path(world: &mut World) -> Result<(), BuildError> {
    let old = world.root()?;
    let new = world.pki().root("New Root").issue()?;
    let cross = old.cross_certify(&new).valid(-1500, -10).issue()?;
    let intermediate = world.intermediate(&new).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate, &cross, &new])
}

fn addresses_differ(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve_at(1, &site, &[&site, &intermediate])?;
    world.serve_at(2, &site, &[&site])
}

fn with_intermediate_valid(world: &mut World, from_day: i64, to_day: i64) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).valid(from_day, to_day).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate])
}

fn issuer_is_not_a_ca(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).not_a_ca().issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate])
}

fn name_constraints_violated(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).permits_only("company.example.org").issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve(&site, &[&site, &intermediate])
}

/// root → upper (pathLenConstraint 0) → lower → end entity
fn path_length_exceeded(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let upper = root.intermediate("Upper Intermediate").path_length(0).issue()?;
    let lower = upper.intermediate("Lower Intermediate").issue()?;
    let site = world.site(&lower).issue()?;
    world.serve(&site, &[&site, &lower, &upper])
}

/// root → upper → lower → end entity, each with the address of its issuer; without the root.
fn long_chain(world: &mut World) -> Result<(Issued, Issued, Issued), BuildError> {
    let root = world.root()?;
    let upper = root.intermediate("Upper Intermediate").path_length(1).issue()?;
    let above = world.publish(&upper);
    let lower = upper.intermediate("Lower Intermediate").ca_issuers(&above).issue()?;
    let site = world.site(&lower).issue()?;
    Ok((site, lower, upper))
}
