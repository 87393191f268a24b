//! Names that lead nowhere, or elsewhere than meant.

use std::net::Ipv4Addr;

use super::{BuildError, Family, Scenario, World};
use crate::lab::server::dns::Node;

/// More than any resolver follows: Google's stops at 16, BIND's at 16, unbound's at 11.
const TOO_MANY: usize = 24;

pub const ALL: &[Scenario] = &[
    Scenario {
        id: "name-not-found",
        family: Family::Dns,
        summary: "the name does not exist (NXDOMAIN)",
        expected: &["dns-name-not-found"],
        exit: 3,
        build: |_| Ok(()),
    },
    Scenario {
        id: "no-address",
        family: Family::Dns,
        summary: "the name exists and has no address",
        expected: &["dns-no-address"],
        exit: 3,
        build: no_address,
    },
    Scenario {
        id: "resolver-failed",
        family: Family::Dns,
        summary: "the name server answers SERVFAIL",
        expected: &["dns-resolver-failed"],
        exit: 3,
        build: resolver_failed,
    },
    Scenario {
        id: "cname-loop",
        family: Family::Dns,
        summary: "two aliases that point at each other",
        expected: &["cname-loop"],
        exit: 3,
        build: cname_loop,
    },
    Scenario {
        id: "cname-dangling",
        family: Family::Dns,
        summary: "an alias of a name that was deleted",
        expected: &["cname-dangling"],
        exit: 3,
        build: cname_dangling,
    },
    Scenario {
        id: "cname-chain-too-long",
        family: Family::Dns,
        summary: "more aliases in a row than resolvers follow",
        expected: &["cname-chain-too-long"],
        exit: 3,
        build: cname_chain_too_long,
    },
    Scenario {
        id: "cname-chain-long",
        family: Family::Dns,
        summary: "nine aliases in a row: some resolvers give up",
        expected: &["cname-chain-long"],
        exit: 0,
        build: cname_chain_long,
    },
    Scenario {
        id: "cname-at-zone-apex",
        family: Family::Dns,
        summary: "a registered domain itself is an alias",
        expected: &["cname-at-zone-apex"],
        exit: 1,
        build: cname_at_zone_apex,
    },
    Scenario {
        id: "several-cnames",
        family: Family::Dns,
        summary: "two CNAME records of one name, left over from a move",
        expected: &["several-cnames"],
        exit: 1,
        build: several_cnames,
    },
    Scenario {
        id: "cname-beside-other-records",
        family: Family::Dns,
        summary: "a CNAME was added and the address record forgotten",
        expected: &["cname-beside-other-records"],
        exit: 1,
        build: cname_beside_other_records,
    },
    Scenario {
        id: "cname-not-expected",
        family: Family::Dns,
        summary: "a healthy domain that still points at the old gateway",
        expected: &["cname-not-expected"],
        exit: 1,
        build: cname_not_expected,
    },
];

fn no_address(world: &mut World) -> Result<(), BuildError> {
    let host = world.host().to_owned();
    world.record(&host, Node::NoAddress);
    Ok(())
}

fn resolver_failed(world: &mut World) -> Result<(), BuildError> {
    let host = world.host().to_owned();
    world.record(&host, Node::Broken);
    Ok(())
}

fn cname_loop(world: &mut World) -> Result<(), BuildError> {
    let host = world.host().to_owned();
    world.alias("loop.cdn.example.net", 300);
    world.alias(&host, 300);
    Ok(())
}

fn cname_dangling(world: &mut World) -> Result<(), BuildError> {
    world.alias("deleted-bucket.storage.example.net", 3600);
    Ok(())
}

fn cname_chain_too_long(world: &mut World) -> Result<(), BuildError> {
    for hop in 1..=TOO_MANY {
        world.alias(&format!("hop-{hop}.cdn.example.net"), 60);
    }
    super::good::serve_valid(world)
}

fn cname_not_expected(world: &mut World) -> Result<(), BuildError> {
    world.expect_cname("new-gateway.cdn.example.net");
    world.alias("old-gateway.cdn.example.net", 600);
    super::good::serve_valid(world)
}

fn cname_chain_long(world: &mut World) -> Result<(), BuildError> {
    for hop in 1..=9 {
        world.alias(&format!("hop-{hop}.edge.example.net"), 60);
    }
    super::good::serve_valid(world)
}

fn cname_at_zone_apex(world: &mut World) -> Result<(), BuildError> {
    world.visit("example.org");
    world.alias("apex.cdn.example.net", 600);
    super::good::serve_valid(world)
}

fn several_cnames(world: &mut World) -> Result<(), BuildError> {
    let (host, new) = (world.host().to_owned(), "new.several.cdn.example.net");
    world.alias(new, 600);
    let targets = vec![new.to_owned(), "old.several.cdn.example.net".to_owned()];
    world.record(&host, Node::Conflict { targets, ips: Vec::new(), ttl: 600 });
    super::good::serve_valid(world)
}

fn cname_beside_other_records(world: &mut World) -> Result<(), BuildError> {
    let (host, target) = (world.host().to_owned(), "beside.cdn.example.net");
    world.alias(target, 600);
    let ips = vec![Ipv4Addr::LOCALHOST.into()];
    world.record(&host, Node::Conflict { targets: vec![target.to_owned()], ips, ttl: 600 });
    super::good::serve_valid(world)
}
