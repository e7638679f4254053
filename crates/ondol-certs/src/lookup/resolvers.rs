//! Which name servers the machine uses (`resolv.conf(5)`).

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

const FILE: &str = "/etc/resolv.conf";
/// Where name servers listen.
pub(super) const PORT: u16 = 53;
/// As many as the C library uses.
const RESOLVERS_MAX: usize = 3;

/// Those of the file now; where it names none, the one on this machine, as the C library does.
pub(super) async fn of_machine() -> Arc<[SocketAddr]> {
    let reading = ondol_base::tasks::spawn_blocking(|| std::fs::read_to_string(FILE));
    let text = match reading.await {
        Ok(Ok(text)) => text,
        Ok(Err(_)) | Err(_) => String::new(),
    };
    of_text(&text).into()
}

fn of_text(text: &str) -> Vec<SocketAddr> {
    let mut servers: Vec<SocketAddr> = text.lines().filter_map(server).collect();
    servers.truncate(RESOLVERS_MAX);
    if servers.is_empty() {
        servers.push((Ipv4Addr::LOCALHOST, PORT).into());
    }
    servers
}

fn server(line: &str) -> Option<SocketAddr> {
    let mut words = line.split_ascii_whitespace();
    if words.next()? != "nameserver" {
        return None;
    }
    let address: IpAddr = words.next()?.parse().ok()?;
    Some((address, PORT).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_addresses_are_used() {
        let check = |text: &str, expected: &[&str]| {
            let expected: Vec<SocketAddr> =
                expected.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(of_text(text), expected, "{text}");
        };
        check("", &["127.0.0.1:53"]);
        check(
            "# a comment\nsearch home.arpa\nnameserver 192.168.0.1\n nameserver\tfd00::1 # the router\n",
            &["192.168.0.1:53", "[fd00::1]:53"],
        );
        check(
            "nameserver 1.1.1.1\nnameserver x\nnameserver 8.8.8.8\nnameserver 9.9.9.9\nnameserver 1.0.0.1\n",
            &["1.1.1.1:53", "8.8.8.8:53", "9.9.9.9:53"],
        );
    }
}
