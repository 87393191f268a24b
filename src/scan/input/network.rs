//! A network in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3): one target an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::model::target::{DEFAULT_PORT, ReferenceId, Target};

/// Bits of the addresses in the largest network that is taken: a million. A /8 by a slip would run for days.
const MAX_BITS: u8 = 20;

/// The addresses still to be given out.
#[derive(Debug)]
pub struct Network {
    first: IpAddr,
    next: u32,
    count: u32,
    port: u16,
}

impl Network {
    /// `None` where the text is no network; an error where it is one that is not taken.
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        let (address, rest) = text.split_once('/')?;
        let address = address.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(address);
        // Else it is a URL, or a host with a path.
        let address: IpAddr = address.parse().ok()?;
        let (length, port) = match rest.split_once(':') {
            Some((length, port)) => (length, port.parse().ok().filter(|&port| port != 0)),
            None => (rest, Some(DEFAULT_PORT)),
        };
        Some(Self::new(address, length.parse().ok(), port))
    }

    fn new(address: IpAddr, length: Option<u8>, port: Option<u16>) -> Result<Self, String> {
        let bits: u8 = if address.is_ipv4() { 32 } else { 128 };
        let length = length
            .filter(|&length| length <= bits)
            .ok_or_else(|| format!("the length of the prefix is not a number from 0 to {bits}"))?;
        let port = port.ok_or("the port is not a number from 1 to 65535")?;
        let free = bits - length;
        if free > MAX_BITS {
            return Err(format!(
                "a network of 2^{free} addresses; at most 2^{MAX_BITS} (/{}) are scanned for one line: name a part of it",
                bits - MAX_BITS
            ));
        }
        let first = match address {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() >> free << free).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> free << free).into(),
        };
        Ok(Self { first, next: 0, count: 1 << free, port })
    }

    pub fn next_target(&mut self) -> Option<Target> {
        if self.next == self.count {
            return None;
        }
        let ip: IpAddr = match self.first {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() | self.next).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() | u128::from(self.next)).into(),
        };
        self.next += 1;
        let input = SocketAddr::new(ip, self.port).to_string();
        Some(Target { input, host: ReferenceId::Ip(ip), port: self.port, starttls: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_network_and_what_is_not() {
        for no in ["a.example/24", "https://192.0.2.1/24", "192.0.2.1", "192.0.2.1:443/24"] {
            assert!(Network::parse(no).is_none(), "{no}");
        }
        for wrong in ["192.0.2.0/33", "192.0.2.0/x", "192.0.2.0/24:0", "::/64", "0.0.0.0/0", "::/0", "10.0.0.0/11"] {
            assert!(matches!(Network::parse(wrong), Some(Err(_))), "{wrong}");
        }
        let count = |text: &str| Network::parse(text).unwrap().unwrap().count;
        assert_eq!((count("10.0.0.0/12"), count("2001:db8::/108"), count("[::1]/128")), (1 << 20, 1 << 20, 1));
    }
}
