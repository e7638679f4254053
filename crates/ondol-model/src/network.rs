//! Networks of addresses, in the notation of RFC 4632 (`192.168.0.0/24`).

use std::fmt;
use std::net::IpAddr;

/// A block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Reads `192.168.0.0/24`, `fd00::/8` or a single address; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|given| *given <= bits)?,
            None => bits,
        };
        Some(Self {
            address,
            prefix_bits,
        })
    }

    /// Whether the address is in the block. A version 4 address mapped into version 6 counts as itself.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix_bits);
                let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                u32::from(network) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix_bits);
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                u128::from(network) & mask == u128::from(address) & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_contain_their_addresses_alone() {
        let contains = |network, address: &str| {
            Network::parse(network).is_some_and(|n| address.parse().is_ok_and(|a| n.contains(a)))
        };
        assert!(contains("192.168.0.0/24", "192.168.0.255"));
        assert!(!contains("192.168.0.0/24", "192.168.1.0"));
        assert!(contains("192.168.0.0/24", "::ffff:192.168.0.7"));
        assert!(contains("0.0.0.0/0", "8.8.8.8") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("::1", "::1") && contains("fd00::/8", "fdff::1"));
        assert!(Network::parse("1.2.3.4/33").is_none() && Network::parse("x").is_none());
    }
}
