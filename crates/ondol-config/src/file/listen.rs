//! `[listen]`: where visitors are accepted.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

use ondol_model::listen::IpVersions;
use ondol_model::listen::ListenAddress;
use ondol_model::network::Network;
use ondol_model::plan::Listen;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

/// Where browsers look for a site that is not given a port, on every address of the box.
const HTTP: &str = ":80";
/// The same for HTTPS.
const HTTPS: &str = ":443";

const ADDRESS: Shape = Shape::Text(Form {
    what: "an address to listen on",
    example: ":8080",
});
const NETWORK: Shape = Shape::Text(Form {
    what: "a network",
    example: "192.168.0.0/24",
});

pub(super) static LISTEN: Table = Table {
    title: "`[listen]`",
    doc: "Where visitors are accepted.",
    keys: &[
        Key {
            name: "http",
            doc: "Addresses for plain HTTP: `\":80\"` (every address of the box), `\"127.0.0.1:8080\"` or `\"[::1]:8080\"`; port 0 lets the system choose. `[]`: none.",
            shape: Shape::List(&ADDRESS),
            absent: Absent::Default("[\":80\"]"),
        },
        Key {
            name: "https",
            doc: "Addresses for HTTPS. `[]`: none.",
            shape: Shape::List(&ADDRESS),
            absent: Absent::Default("[\":443\"]"),
        },
        Key {
            name: "trusted_proxies",
            doc: "Networks of the proxies in front of this box, whose word about the visitor (`X-Forwarded-*`) is believed.",
            shape: Shape::List(&NETWORK),
            absent: Absent::Default("[]"),
        },
    ],
    later: &[],
};

pub(super) fn listen(section: Option<Section<'_>>, report: &mut Report) -> Listen {
    let mut taken = HashMap::new();
    let mut addresses = |key, default| {
        let Some(words) = section.and_then(|section| section.texts(key)) else {
            return Vec::from_iter(ListenAddress::parse(default));
        };
        let mut addresses = Vec::new();
        for word in words {
            let Some(address) = ListenAddress::parse(word.text) else {
                let problem = format!("\"{}\" is not an address to listen on", repeated(word.text));
                report
                    .add(word.at, problem)
                    .help("accepted: \":443\", \"127.0.0.1:8080\", \"[::1]:8080\"");
                continue;
            };
            claim(&mut taken, address, word.at, report);
            addresses.push(address);
        }
        addresses
    };
    Listen {
        http: addresses("http", HTTP),
        https: addresses("https", HTTPS),
        trusted_proxies: networks(section, report),
    }
}

/// An address can be bound once. One of every address of the box takes them for both versions of IP;
/// port 0 is another port each time.
fn claim(
    taken: &mut HashMap<SocketAddr, Place>,
    address: ListenAddress,
    at: Place,
    report: &mut Report,
) {
    let socket = address.address;
    if socket.port() == 0 {
        return;
    }
    let every = SocketAddr::from((Ipv4Addr::UNSPECIFIED, socket.port()));
    let also = match address.versions {
        IpVersions::Both => Some(every),
        IpVersions::Own => None,
    };
    for socket in std::iter::once(socket).chain(also) {
        if let Some(first) = taken.get(&socket) {
            report
                .add(at, format!("`{address}` is listened on twice"))
                .help("an address is for http or for https, and stands once")
                .related(*first, "it is taken here");
            return;
        }
        taken.insert(socket, at);
    }
}

fn networks(section: Option<Section<'_>>, report: &mut Report) -> Vec<Network> {
    let words = section.and_then(|section| section.texts("trusted_proxies"));
    let mut networks = Vec::new();
    for word in words.unwrap_or_default() {
        match Network::parse(word.text) {
            Some(network) => networks.push(network),
            None => {
                let problem = format!("\"{}\" is not a network", repeated(word.text));
                report
                    .add(word.at, problem)
                    .help("accepted: \"192.168.0.0/24\", \"fd00::/8\", or one address");
            }
        }
    }
    networks
}
