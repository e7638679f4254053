//! `[listen]`: where visitors are accepted.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

use ondol_model::forwarded::ClientIpHeader;
use ondol_model::listen::IpVersions;
use ondol_model::listen::ListenAddress;
use ondol_model::listen::Listener;
use ondol_model::listen::Preface;
use ondol_model::network::Network;
use ondol_model::plan::Listen;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::section::Word;
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

/// What every proxy can send, and most do.
const CLIENT_IP_HEADER: ClientIpHeader = ClientIpHeader::XForwardedFor;
const X_FORWARDED_FOR: &str = "X-Forwarded-For";
const FORWARDED: &str = "Forwarded";

const ADDRESS: Form = Form {
    what: "an address to listen on",
    example: ":8080",
};
const LISTENER_OR_ADDRESS: Shape = Shape::TextOrTable(ADDRESS, &LISTENER);
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
            doc: "Addresses for plain HTTP: `\":80\"` (every address of the box), `\"127.0.0.1:8080\"` or `\"[::1]:8080\"`; port 0 lets the system choose. An address with settings of its own is a table. `[]`: none.",
            shape: Shape::List(&LISTENER_OR_ADDRESS),
            absent: Absent::Default("[\":80\"]"),
        },
        Key {
            name: "https",
            doc: "Addresses for HTTPS. `[]`: none.",
            shape: Shape::List(&LISTENER_OR_ADDRESS),
            absent: Absent::Default("[\":443\"]"),
        },
        Key {
            name: "trusted_proxies",
            doc: "Networks of the proxies in front of this box, whose word about the visitor (`X-Forwarded-*`, the PROXY protocol) is believed.",
            shape: Shape::List(&NETWORK),
            absent: Absent::Default("[]"),
        },
        Key {
            name: "client_ip_header",
            doc: "The header by which trusted proxies say who the visitor is: `X-Forwarded-For` (with `X-Forwarded-Proto`) or `Forwarded` (RFC 7239). It is read from the right, up to the first address that is no trusted proxy; the other header is not believed, because a proxy passes on what its visitors write there.",
            shape: Shape::Choice(&[X_FORWARDED_FOR, FORWARDED]),
            absent: Absent::Default("\"X-Forwarded-For\""),
        },
    ],
    later: &[],
};

static LISTENER: Table = Table {
    title: "a listener",
    doc: "An address to listen on, with settings of its own.",
    keys: &[
        Key {
            name: "address",
            doc: "The address, as it would stand there alone.",
            shape: Shape::Text(ADDRESS),
            absent: Absent::Mistake,
        },
        Key {
            name: "proxy_protocol",
            doc: "`true`: each connection begins with a header of the PROXY protocol (version 1 or 2), which is believed from `trusted_proxies`; any other connection is closed. Without it visitors come themselves.",
            shape: Shape::Flag,
            absent: Absent::Means,
        },
    ],
    later: &[],
};

pub(super) fn listen(section: Option<Section<'_>>, report: &mut Report) -> Listen {
    let mut taken = HashMap::new();
    let mut listeners = |key, default| {
        let Some(entries) = section.and_then(|section| section.eithers(key)) else {
            return Vec::from_iter(ListenAddress::parse(default).map(Listener::from));
        };
        let entries = entries.into_iter();
        let read = entries.filter_map(|entry| listener(entry, section, &mut taken, report));
        read.collect()
    };
    Listen {
        http: listeners("http", HTTP),
        https: listeners("https", HTTPS),
        trusted_proxies: networks(section, report),
        client_ip_header: client_ip_header(section),
    }
}

fn listener(
    entry: Either<'_>,
    listen: Option<Section<'_>>,
    taken: &mut HashMap<SocketAddr, Place>,
    report: &mut Report,
) -> Option<Listener> {
    let (word, preface) = match entry {
        Either::Short(word) => (word, Preface::None),
        Either::Long(table) => (table.text("address")?, preface(table, listen, report)),
    };
    let address = address(word, report)?;
    claim(taken, address, word.at, report);
    Some(Listener { address, preface })
}

fn address(word: Word<'_>, report: &mut Report) -> Option<ListenAddress> {
    let address = ListenAddress::parse(word.text);
    if address.is_none() {
        let problem = format!("\"{}\" is not an address to listen on", repeated(word.text));
        report
            .add(word.at, problem)
            .help("accepted: \":443\", \"127.0.0.1:8080\", \"[::1]:8080\"");
    }
    address
}

/// Without proxies that are believed nobody could come in by a header.
fn preface(listener: Section<'_>, listen: Option<Section<'_>>, report: &mut Report) -> Preface {
    if listener.flag("proxy_protocol") != Some(true) {
        return Preface::None;
    }
    let has_proxies = listen.is_some_and(|listen| {
        listen.has("trusted_proxies") && !listen.is_empty_list("trusted_proxies")
    });
    if !has_proxies {
        let problem = "nobody could come in here: there are no `trusted_proxies`";
        report
            .add(listener.key_at("proxy_protocol"), problem)
            .help("name the proxy in `[listen]`: trusted_proxies = [\"192.168.0.2\"]");
    }
    Preface::ProxyProtocol
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

fn client_ip_header(section: Option<Section<'_>>) -> ClientIpHeader {
    let word = section.and_then(|section| section.text("client_ip_header"));
    match word.map(|word| word.text) {
        Some(X_FORWARDED_FOR) => ClientIpHeader::XForwardedFor,
        Some(FORWARDED) => ClientIpHeader::Forwarded,
        Some(_) | None => CLIENT_IP_HEADER,
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
