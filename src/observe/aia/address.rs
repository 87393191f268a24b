//! Which addresses a URL out of a stranger's certificate may lead us to. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// False for every block that IANA's special-purpose registries (RFC 6890) keep from the public internet: private,
/// loopback, link-local, shared (CGNAT), documentation, benchmarking, multicast, reserved, and what maps to those.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        [0 | 10 | 127, ..] => true,
        [100, second, ..] => second & 0xc0 == 64, // 100.64.0.0/10, RFC 6598
        [169, 254, ..] => true,
        [172, second, ..] => second & 0xf0 == 16, // 172.16.0.0/12
        [192, 0, 0 | 2, _] => true,               // RFC 6890 §2.1, RFC 5737
        [192, 88, 99, _] => true,                 // 6to4 relays, RFC 7526
        [192, 168, ..] => true,
        [198, 18 | 19, ..] => true, // RFC 2544
        [198, 51, 100, _] | [203, 0, 113, _] => true,
        [first, ..] => first >= 224, // multicast, reserved, broadcast
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    match segments {
        // NAT64 (RFC 6052): what counts is the IPv4 address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        [0x2001, second, ..] if second < 0x200 => false, // 2001::/23: Teredo, ORCHID, benchmarking
        [0x2001, 0xdb8, ..] => false,                    // RFC 3849
        [0x2002, ..] => false,                           // 6to4 hides an IPv4 address
        [0x3fff, second, ..] if second < 0x1000 => false, // RFC 9637
        // Only 2000::/3 is given out (RFC 4291 §2.4); outside lie ::1, mapped IPv4, unique-local, link-local, multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_pass() {
        for ip in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00::2",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.169.0.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1",
            "2001:4860:4860::8888",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }
}
