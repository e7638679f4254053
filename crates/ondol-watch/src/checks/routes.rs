//! Where what leaves the box goes first: its default route, as the kernel tells it.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use super::machine::Machine;

const V4: &str = "/proc/net/route";
const V6: &str = "/proc/net/ipv6_route";
/// Flags of a route (`linux/route.h`).
const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const REJECT: u32 = 0x200;

/// The way out of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DefaultRoute {
    pub(super) interface: String,
    /// The router; `None` where the interface leads straight to the provider (PPP).
    pub(super) gateway: Option<IpAddr>,
    metric: u32,
}

/// The default route, that of version 4 first; `None` when there is none. Blocks.
pub(super) fn default_route(machine: &Machine) -> Option<DefaultRoute> {
    let of = |path: &str, parse: fn(&str) -> Option<DefaultRoute>| {
        let table = machine.text(path)?;
        let routes = table.lines().filter_map(parse);
        routes.min_by_key(|route| route.metric)
    };
    of(V4, parse_v4).or_else(|| of(V6, parse_v6))
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`; addresses as the processor has them in memory.
fn parse_v4(line: &str) -> Option<DefaultRoute> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let [
        interface,
        destination,
        gateway,
        flags,
        _,
        _,
        metric,
        mask,
        ..,
    ] = *fields
    else {
        return None;
    };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let gateway = Ipv4Addr::from(u32::from_str_radix(gateway, 16).ok()?.to_ne_bytes());
    let is_default = destination == "00000000" && mask == "00000000";
    (is_default && is_usable(flags)).then(|| DefaultRoute {
        interface: interface.to_owned(),
        gateway: (flags & GATEWAY != 0).then_some(gateway.into()),
        metric: metric.parse().unwrap_or(u32::MAX),
    })
}

/// `destination length source length next-hop metric references uses flags interface`, all in base 16.
fn parse_v6(line: &str) -> Option<DefaultRoute> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let [
        destination,
        length,
        _,
        _,
        gateway,
        metric,
        _,
        _,
        flags,
        interface,
    ] = *fields
    else {
        return None;
    };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let gateway = Ipv6Addr::from(u128::from_str_radix(gateway, 16).ok()?);
    let is_default = length == "00" && destination.bytes().all(|digit| digit == b'0');
    (is_default && is_usable(flags)).then(|| DefaultRoute {
        interface: interface.to_owned(),
        gateway: (flags & GATEWAY != 0).then_some(gateway.into()),
        metric: u32::from_str_radix(metric, 16).unwrap_or(u32::MAX),
    })
}

fn is_usable(flags: u32) -> bool {
    flags & UP != 0 && flags & REJECT == 0
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::machine;
    use super::super::machine::tests::put;
    use super::*;

    const HEAD: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
    const NONE_V6: &str = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo";

    #[test]
    fn the_default_route_of_least_cost_counts_and_version_4_first() {
        let route = |interface: &str, gateway: Option<&str>| {
            let gateway = gateway.map(|address| address.parse::<IpAddr>().unwrap());
            Some((interface.to_owned(), gateway))
        };
        let (_folder, machine) = machine(&[]);
        let found = || default_route(&machine).map(|route| (route.interface, route.gateway));
        assert_eq!(found(), None);
        put(&machine, V6, NONE_V6);
        put(&machine, V4, HEAD);
        assert_eq!(found(), None);
        let v6 = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0";
        put(&machine, V6, &format!("{v6}\n{NONE_V6}\n"));
        assert_eq!(found(), route("eth0", Some("fe80::1")));
        let v4 = [
            "wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0",
            "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
            "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
        ];
        put(&machine, V4, &format!("{HEAD}{}\n", v4.join("\n")));
        assert_eq!(found(), route("eth0", Some("192.168.1.1")));
        let ppp = "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0";
        put(&machine, V4, &format!("{HEAD}{ppp}\n"));
        assert_eq!(found(), route("ppp0", None));
    }
}
