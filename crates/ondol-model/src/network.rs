//! Networks of addresses, in the notation of RFC 4632 (`192.168.0.0/24`).

use std::fmt;
use std::net::IpAddr;

/// Addresses that are not routed on the internet. Those of a provider's own network (100.64.0.0/10) are
/// left out: other customers have them.
const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
    "::1",
];

/// What else of version 4 belongs to nobody on the internet (the registry of RFC 6890).
const SPECIAL_V4: [&str; 9] = [
    "0.0.0.0/8",
    "100.64.0.0/10",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
];
/// All of version 6 that is given out as addresses of one's own.
const GLOBAL_V6: &str = "2000::/3";
/// What of it is not (the registry of RFC 6890): protocols, examples, and version 4 in version 6.
const SPECIAL_V6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/// Whether the address can belong to a machine that everyone on the internet reaches.
pub fn is_public(address: IpAddr) -> bool {
    let within =
        |text: &&str| Network::parse(text).is_some_and(|network| network.contains(address));
    match address.to_canonical() {
        IpAddr::V4(_) => !PRIVATE.iter().chain(&SPECIAL_V4).any(within),
        IpAddr::V6(_) => within(&GLOBAL_V6) && !SPECIAL_V6.iter().any(within),
    }
}

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
        let prefix_bits: u8 = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|given| *given <= bits)?,
            None => bits,
        };
        // A version 4 network that is written in version 6 means those addresses themselves.
        let mapped_bits = prefix_bits.checked_sub(96).filter(|_| bits == 128);
        match (address.to_canonical(), mapped_bits) {
            (address @ IpAddr::V4(_), Some(prefix_bits)) => Some(Self {
                address,
                prefix_bits,
            }),
            _ => Some(Self {
                address,
                prefix_bits,
            }),
        }
    }

    /// Reads what [`Self::parse`] does, or a word for several networks: `private` (those of homes and
    /// offices, RFC 1918 and RFC 4193, and what never leaves a machine or a link) or `all`.
    pub fn parse_several(text: &str) -> Option<Vec<Self>> {
        let texts: &[&str] = match text {
            "private" => &PRIVATE,
            "all" => &["0.0.0.0/0", "::/0"],
            network => return Self::parse(network).map(|network| vec![network]),
        };
        texts.iter().map(|text| Self::parse(text)).collect()
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

    #[test]
    fn a_mapped_network_is_the_one_of_version_4() {
        let text = |text| Network::parse(text).map(|network| network.to_string());
        assert_eq!(text("::ffff:10.0.0.0/104").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(text("::ffff:10.0.0.1").as_deref(), Some("10.0.0.1/32"));
        assert_eq!(text("::/0").as_deref(), Some("::/0"));
    }

    #[test]
    fn public_addresses_are_told_from_those_of_nobody() {
        let public = |text: &str| is_public(text.parse().expect("an address"));
        for address in [
            "8.8.8.8",
            "172.32.0.1",
            "100.63.0.1",
            "223.255.255.1",
            "2606:4700::1",
            "2001:200::1",
        ] {
            assert!(public(address), "{address}");
        }
        for address in [
            "10.0.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.1.1",
            "0.0.0.0",
            "100.64.0.1",
            "198.51.100.2",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2002::1",
            "3fff::1",
            "4000::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn words_stand_for_several_networks() {
        let contains = |word, address: &str| {
            let networks = Network::parse_several(word).unwrap_or_default();
            let address = address.parse().expect("an address");
            networks.iter().any(|network| network.contains(address))
        };
        for address in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "127.0.0.2",
            "169.254.1.1",
        ] {
            assert!(contains("private", address), "{address}");
        }
        for address in ["fd00::1", "fe80::1", "::1", "::ffff:10.0.0.1"] {
            assert!(contains("private", address), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "100.64.0.1", "2001:db8::1", "::"] {
            assert!(
                !contains("private", address) && contains("all", address),
                "{address}"
            );
        }
        assert_eq!(Network::parse_several("public"), None);
    }
}
