//! Whether the router lives. Routers differ in what they answer, so several ways are tried, and one is enough.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::SocketAddrV6;
use std::time::Duration;

use ondol_model::watch::Finding;
use ondol_model::watch::Observation;
use ondol_model::watch::Subject;
use ondol_model::watch::What;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::machine::Machine;
use super::routes;
use super::routes::DefaultRoute;

mod ping;

/// What most routers answer: names, their own page.
const PORTS: [u16; 3] = [53, 80, 443];
/// Nobody in the same house takes longer.
const CONNECT: Duration = Duration::from_secs(2);
const NEIGHBORS: &str = "/proc/net/arp";
/// Its hardware address is known (`ATF_COM`).
const COMPLETE: u32 = 0x2;

/// Looks at the router of the default route, and remembers it.
#[derive(Debug, Default)]
pub(super) struct RouterWatch {
    had_route: bool,
}

impl RouterWatch {
    /// Looks once.
    pub(super) async fn look(&mut self, machine: &Machine) -> Vec<Observation> {
        let Some(route) = machine.read(routes::default_route).await else {
            return Vec::new();
        };
        self.had_route |= route.is_some();
        let silent = |detail: String| {
            let silent = Finding::saying(What::RouterSilent, detail);
            Observation::fail(Subject::Router, silent)
        };
        let Some(route) = route else {
            return vec![if self.had_route {
                silent("it has given this box no address (there is no default route)".to_owned())
            } else {
                Observation::unknown(Subject::Router)
            }];
        };
        let Some(gateway) = route.gateway else {
            return vec![Observation::pass(Subject::Router)]; // The other end is the provider's.
        };
        vec![if lives(machine, gateway, &route).await {
            Observation::pass(Subject::Router)
        } else {
            silent(gateway.to_string())
        }]
    }
}

async fn lives(machine: &Machine, gateway: IpAddr, route: &DefaultRoute) -> bool {
    let scope = scope(machine, &route.interface).await;
    ping::answers(addressed(gateway, 0, scope)).await
        || answers_connections(gateway, scope).await
        // Who tried to connect has asked for the hardware address before.
        || is_neighbor(machine, gateway).await
}

/// The number of the interface, without which an address of version 6 in the house (`fe80::…`) means nothing.
async fn scope(machine: &Machine, interface: &str) -> u32 {
    let path = format!("/sys/class/net/{interface}/ifindex");
    let read = machine.read(move |machine| machine.value(&path)).await;
    read.flatten().unwrap_or(0)
}

fn addressed(address: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match address {
        IpAddr::V4(address) => SocketAddr::from((address, port)),
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, scope).into(),
    }
}

async fn answers_connections(gateway: IpAddr, scope: u32) -> bool {
    let [first, second, third] = PORTS.map(|port| answers(addressed(gateway, port, scope)));
    let (first, second, third) = tokio::join!(first, second, third);
    first || second || third
}

/// Who refuses a connection lives.
async fn answers(address: SocketAddr) -> bool {
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => error.kind() == io::ErrorKind::ConnectionRefused,
        Err(_) => false,
    }
}

/// Whether its hardware address is known: the kernel forgets those who don't answer within seconds of being asked.
async fn is_neighbor(machine: &Machine, gateway: IpAddr) -> bool {
    let table = machine.read(|machine| machine.text(NEIGHBORS)).await;
    let table = table.flatten().unwrap_or_default();
    table.lines().any(|line| is_complete(line, gateway))
}

/// `address type flags hardware-address mask interface`.
fn is_complete(line: &str, address: IpAddr) -> bool {
    let mut fields = line.split_ascii_whitespace();
    let is_it = fields.next().and_then(|text| text.parse().ok()) == Some(address);
    let flags = fields.nth(1).and_then(|text| text.strip_prefix("0x"));
    let flags = flags.and_then(|text| u32::from_str_radix(text, 16).ok());
    is_it && flags.is_some_and(|flags| flags & COMPLETE != 0)
}

#[cfg(test)]
mod tests {
    use ondol_model::watch::State;

    use super::super::machine::tests::machine;
    use super::super::machine::tests::put;
    use super::*;

    #[test]
    fn a_neighbor_is_there_when_its_hardware_address_is_known() {
        let address = "192.168.0.1".parse().unwrap();
        for (line, expected) in [
            ("192.168.0.1  0x1  0x2  aa:bb:cc:dd:ee:ff  *  eth0", true),
            ("192.168.0.1  0x1  0x6  aa:bb:cc:dd:ee:ff  *  eth0", true),
            ("192.168.0.1  0x1  0x0  00:00:00:00:00:00  *  eth0", false),
            ("192.168.0.10 0x1  0x2  aa:bb:cc:dd:ee:ff  *  eth0", false),
            ("IP address   HW type     Flags       HW address", false),
            ("", false),
        ] {
            assert_eq!(is_complete(line, address), expected, "{line}");
        }
    }

    #[tokio::test]
    async fn who_refuses_lives_and_a_route_that_went_away_is_missed() {
        let (_folder, machine) = machine(&[]);
        let mut watch = RouterWatch::default();
        assert_eq!(watch.look(&machine).await[0].state, State::Unknown);
        // This machine itself, which refuses or answers.
        let route = "lo\t00000000\t0100007F\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
        put(&machine, "/proc/net/route", route);
        assert_eq!(watch.look(&machine).await[0].state, State::Pass);
        put(&machine, "/proc/net/route", "");
        let seen = watch.look(&machine).await.remove(0);
        assert_eq!(seen.finding.unwrap().what, What::RouterSilent);
    }

    #[tokio::test]
    async fn a_line_without_a_router_has_none_that_could_be_silent() {
        let route = "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n";
        let (_folder, machine) = machine(&[("/proc/net/route", route)]);
        let seen = RouterWatch::default().look(&machine).await.remove(0);
        assert_eq!(seen.state, State::Pass);
    }
}
