//! Which name servers the machine uses (`resolv.conf(5)`).

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV6;
use std::sync::Arc;

const FILE: &str = "/etc/resolv.conf";
/// Where name servers listen.
pub(super) const PORT: u16 = 53;
/// As many as the C library uses.
const RESOLVERS_MAX: usize = 3;

/// Those of the file now; where it names none, the one on this machine, as the C library does.
pub(super) async fn of_machine() -> Arc<[SocketAddr]> {
    let reading = ondol_base::tasks::spawn_blocking(|| {
        let text = std::fs::read_to_string(FILE).unwrap_or_default();
        of_text(&text, index_of)
    });
    let servers = reading.await.unwrap_or_else(|_| of_text("", |_| None));
    servers.into()
}

fn of_text(text: &str, index_of: impl Fn(&str) -> Option<u32>) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|line| server(line, &index_of));
    let mut servers: Vec<SocketAddr> = servers.take(RESOLVERS_MAX).collect();
    if servers.is_empty() {
        servers.push((Ipv4Addr::LOCALHOST, PORT).into());
    }
    servers
}

fn server(line: &str, index_of: impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let mut words = line.split_ascii_whitespace();
    if words.next()? != "nameserver" {
        return None;
    }
    let word = words.next()?;
    let Some((address, interface)) = word.split_once('%') else {
        let address: IpAddr = word.parse().ok()?;
        return Some((address, PORT).into());
    };
    // A router that is known by its address on one link (RFC 4007 §11).
    let index = interface.parse().ok().or_else(|| index_of(interface))?;
    Some(SocketAddrV6::new(address.parse().ok()?, PORT, 0, index).into())
}

/// The number of an interface; blocks.
fn index_of(interface: &str) -> Option<u32> {
    if interface.contains('/') {
        return None;
    }
    let text = std::fs::read_to_string(format!("/sys/class/net/{interface}/ifindex")).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_have_numbers() {
        assert_eq!(index_of("lo"), Some(1));
        assert_eq!(index_of("../net/lo"), None);
    }

    #[test]
    fn the_first_three_addresses_are_used() {
        let check = |text: &str, expected: &[&str]| {
            let expected: Vec<SocketAddr> =
                expected.iter().map(|text| text.parse().unwrap()).collect();
            let index_of = |interface: &str| (interface == "eth0").then_some(7);
            assert_eq!(of_text(text, index_of), expected, "{text}");
        };
        check("", &["127.0.0.1:53"]);
        check(
            "# a comment\nsearch home.arpa\nnameserver 192.168.0.1\n nameserver\tfd00::1 # the router\n",
            &["192.168.0.1:53", "[fd00::1]:53"],
        );
        check(
            "nameserver fe80::1%eth0\nnameserver fe80::1%3\nnameserver fe80::1%gone\n",
            &["[fe80::1%7]:53", "[fe80::1%3]:53"],
        );
        check(
            "nameserver 1.1.1.1\nnameserver x\nnameserver 8.8.8.8\nnameserver 9.9.9.9\nnameserver 1.0.0.1\n",
            &["1.1.1.1:53", "8.8.8.8:53", "9.9.9.9:53"],
        );
    }
}
