//! Where this box is: its own addresses, and from where its name servers see the world.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;

use ondol_model::network::Network;

use crate::lookup::Lookup;

/// Addresses of documentation (RFC 5737, RFC 3849): nobody has them, and the way to them is the way out.
const OUTSIDE_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OUTSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// What is not reached from the internet besides private networks: a provider's own network, which VPNs
/// use too (RFC 6598), and addresses that are none.
const UNREACHED: [&str; 3] = ["100.64.0.0/10", "0.0.0.0/8", "::"];

/// What is known of where this box is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// The public addresses that it has itself, behind no router's translation.
    pub(super) v4: Option<Ipv4Addr>,
    pub(super) v6: Option<Ipv6Addr>,
    /// Whether the issuer looks from the internet.
    pub(super) is_issuer_outside: bool,
    pub(super) view: View,
}

/// Whose answers about names are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Those that the internet gets.
    Outside,
    /// Those of name servers in private networks, which may have others for those inside.
    Inside,
    /// Those of name servers in private networks that the owner chose.
    Chosen,
}

impl Surroundings {
    pub(super) async fn see(lookup: &Lookup, is_issuer_outside: bool) -> Self {
        let v4 = match source_towards(OUTSIDE_V4.into()) {
            Some(IpAddr::V4(v4)) if !is_unreached(v4.into()) => Some(v4),
            _ => None,
        };
        let v6 = match source_towards(OUTSIDE_V6.into()) {
            Some(IpAddr::V6(v6)) if !is_unreached(v6.into()) => Some(v6),
            _ => None,
        };
        Self {
            v4,
            v6,
            is_issuer_outside,
            view: View::through(lookup).await,
        }
    }
}

impl View {
    pub(super) async fn through(lookup: &Lookup) -> Self {
        let servers = lookup.servers().await;
        let is_private = |server: &SocketAddr| is_unreached(server.ip());
        match servers.iter().any(is_private) {
            false => Self::Outside,
            true if lookup.is_chosen() => Self::Chosen,
            true => Self::Inside,
        }
    }
}

/// Whether nothing from the internet reaches an address.
pub(super) fn is_unreached(address: IpAddr) -> bool {
    let private = Network::parse_several("private").unwrap_or_default();
    let others = UNREACHED.iter().filter_map(|text| Network::parse(text));
    let mut networks = private.into_iter().chain(others);
    networks.any(|network| network.contains(address)) || address.is_multicast()
}

/// The address of this box that it would use to speak with another; the other itself when that is its own.
/// `None` when there is no way. Nothing is sent.
pub(super) fn source_towards(address: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((address, 9)).ok()?; // Any port does.
    socket.local_addr().ok().map(|local| local.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_internet_reaches_is_told_from_the_rest() {
        for text in [
            "10.0.0.1",
            "192.168.0.2",
            "127.0.0.1",
            "100.100.1.1",
            "0.0.0.0",
            "224.0.0.1",
        ] {
            assert!(is_unreached(text.parse().unwrap()), "{text}");
        }
        for text in ["fd00::1", "fe80::1", "::1", "::", "ff02::1"] {
            assert!(is_unreached(text.parse().unwrap()), "{text}");
        }
        for text in ["8.8.8.8", "198.51.100.2", "2001:db8::1"] {
            assert!(!is_unreached(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_own_address_is_its_own_source() {
        let own: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(source_towards(own), Some(own));
    }

    #[tokio::test]
    async fn name_servers_see_the_world_from_where_they_are() {
        let check = async |servers: &[&str], expected| {
            let parsed: Vec<SocketAddr> =
                servers.iter().map(|text| text.parse().unwrap()).collect();
            let view = View::through(&Lookup::new(&parsed)).await;
            assert_eq!(view, expected, "{servers:?}");
        };
        check(&["9.9.9.9:53", "[2620:fe::fe]:53"], View::Outside).await;
        check(&["9.9.9.9:53", "192.168.0.1:53"], View::Chosen).await;
    }
}
