//! Servers that do not get as far as showing a chain, or should not have.

use std::time::Duration;

use super::{BuildError, Family, Scenario, World};
use crate::lab::server::script::Script;

/// A fatal alert in a record of its own (RFC 8446 §6).
macro_rules! alert {
    ($description:expr) => {
        Script::Answer(&[21, 3, 3, 0, 2, 2, $description])
    };
}

pub const ALL: &[Scenario] = &[
    Scenario {
        id: "port-closed",
        family: Family::Handshake,
        summary: "nobody listens on the port",
        expected: &["port-closed"],
        exit: 3,
        build: |world| {
            world.close(1);
            Ok(())
        },
    },
    Scenario {
        id: "filtered",
        family: Family::Handshake,
        summary: "packets to the port are dropped, as firewalls do",
        expected: &["connection-timed-out"],
        exit: 3,
        build: |world| {
            world.timeout(Duration::from_secs(1));
            world.filter(1);
            Ok(())
        },
    },
    Scenario {
        id: "silent",
        family: Family::Handshake,
        summary: "the server accepts the connection and says nothing",
        expected: &["handshake-timed-out"],
        exit: 3,
        build: |world| {
            world.timeout(Duration::from_secs(1));
            misbehave(world, Script::Silence)
        },
    },
    Scenario {
        id: "reset",
        family: Family::Handshake,
        summary: "the connection is reset after the ClientHello, as intrusion prevention does",
        expected: &["connection-reset"],
        exit: 3,
        build: |world| misbehave(world, Script::Reset),
    },
    Scenario {
        id: "closed-mid-handshake",
        family: Family::Handshake,
        summary: "the connection is closed after the ClientHello",
        expected: &["connection-closed"],
        exit: 3,
        build: |world| misbehave(world, Script::Close),
    },
    Scenario {
        id: "garbage",
        family: Family::Handshake,
        summary: "the answer is no protocol at all",
        expected: &["not-tls"],
        exit: 3,
        build: |world| misbehave(world, Script::Answer(&[0x9c, 0x00, 0xff, 0x13, 0x88, 0xe1, 0x07, 0xb2, 0x5d, 0x90])),
    },
    Scenario {
        id: "smtp-on-port",
        family: Family::Handshake,
        summary: "a mail server greets on the port",
        expected: &["plaintext-on-port"],
        exit: 3,
        build: |world| misbehave(world, Script::Greet(b"220 mail.lab.example.com ESMTP ready\r\n")),
    },
    Scenario {
        id: "http-on-port",
        family: Family::Handshake,
        summary: "a web server without TLS on the port",
        expected: &["plaintext-on-port"],
        exit: 3,
        build: |world| {
            misbehave(
                world,
                Script::Answer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            )
        },
    },
    Scenario {
        id: "handshake-refused",
        family: Family::Handshake,
        summary: "the server ends the handshake with the alert internal_error",
        expected: &["handshake-refused"],
        exit: 1,
        build: |world| misbehave(world, alert!(80)),
    },
    Scenario {
        id: "server-name-not-recognised",
        family: Family::Handshake,
        summary: "the server does not know the name: alert unrecognized_name",
        expected: &["server-name-not-recognised"],
        exit: 1,
        build: |world| misbehave(world, alert!(112)),
    },
    Scenario {
        id: "old-tls-only",
        family: Family::Handshake,
        summary: "the server speaks no version newer than TLS 1.1: alert protocol_version",
        expected: &["tls-version-not-supported"],
        exit: 1,
        build: |world| misbehave(world, alert!(70)),
    },
    Scenario {
        id: "nothing-in-common",
        family: Family::Handshake,
        summary: "no cipher suite or group in common: alert handshake_failure",
        expected: &["nothing-in-common"],
        exit: 1,
        build: |world| misbehave(world, alert!(40)),
    },
    Scenario {
        id: "key-does-not-match",
        family: Family::Handshake,
        summary: "the certificate was renewed, the server kept the old key",
        expected: &["key-does-not-match-certificate"],
        exit: 1,
        build: key_does_not_match,
    },
    Scenario {
        id: "client-certificate-required",
        family: Family::Handshake,
        summary: "the server lets in only who has a client certificate",
        expected: &["client-certificate-required"],
        exit: 1,
        build: client_certificate_required,
    },
    Scenario {
        id: "no-certificate",
        family: Family::Handshake,
        summary: "the server sends an empty certificate list",
        expected: &["no-certificate-served"],
        exit: 1,
        build: no_certificate,
    },
    Scenario {
        id: "chain-too-large",
        family: Family::Handshake,
        summary: "200 KB of chain",
        expected: &["chain-too-large", "duplicate-certificate-served", "unrelated-certificate-served"],
        exit: 1,
        build: chain_too_large,
    },
    Scenario {
        id: "certificate-malformed",
        family: Family::Handshake,
        summary: "the end entity's certificate is cut off",
        expected: &["certificate-malformed"],
        exit: 1,
        build: certificate_malformed,
    },
    Scenario {
        id: "one-address-dead",
        family: Family::Handshake,
        summary: "two addresses, nobody listens at the second",
        expected: &["some-addresses-fail"],
        exit: 1,
        build: one_address_dead,
    },
];

fn misbehave(world: &mut World, script: Script) -> Result<(), BuildError> {
    world.misbehave(script);
    Ok(())
}

fn key_does_not_match(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let before = world.site(&intermediate).valid(-40, 5).issue()?;
    let renewed = world.site(&intermediate).issue()?;
    world.serve(&before, &[&renewed, &intermediate])
}

fn client_certificate_required(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    world.serve_clients_of(&root, &site, &[&site, &intermediate])
}

fn no_certificate(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let site = world.site(&root).issue()?;
    world.serve(&site, &[])
}

fn chain_too_large(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    let large = root.intermediate("Large").padded(20_000).issue()?;
    let mut chain = vec![&site, &intermediate];
    chain.extend([&large; 10]);
    world.serve(&site, &chain)
}

fn certificate_malformed(world: &mut World) -> Result<(), BuildError> {
    let root = world.root()?;
    let intermediate = world.intermediate(&root).issue()?;
    let site = world.site(&intermediate).issue()?;
    let (start, _) = site.der().split_at(site.der().len() / 2);
    world.serve_octets(&site, vec![start.to_vec(), intermediate.der().to_vec()])
}

fn one_address_dead(world: &mut World) -> Result<(), BuildError> {
    super::good::serve_valid(world)?;
    world.close(2);
    Ok(())
}
