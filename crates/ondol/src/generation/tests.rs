//! Which change needs another process.

use ondol_model::listen::ListenAddress;
use ondol_model::listen::Preface;

use super::*;
use crate::link::SocketProtocol;

fn fixed(addresses: &[&str], roots: &[&str]) -> Fixed {
    let key = |address: &&str| ListenerKey {
        protocol: SocketProtocol::Https,
        address: ListenAddress::parse(address).unwrap(),
        preface: Preface::None,
    };
    Fixed {
        listeners: addresses.iter().map(key).collect(),
        roots: roots
            .iter()
            .map(|root| sandbox::Folder::on_disk((*root).into()))
            .collect(),
    }
}

#[test]
fn only_other_sockets_or_more_folders_need_another_process() {
    let now = fixed(&[":443", ":80"], &["/srv/a", "/srv/b"]);
    for (wanted, way) in [
        (fixed(&[":80", ":443"], &["/srv/b", "/srv/a"]), Way::Send),
        (fixed(&[":443", ":80"], &["/srv/a/deeper"]), Way::Send),
        (fixed(&[":443", ":80"], &[]), Way::Send),
        (fixed(&[":443", ":80"], &["/srv/a", "/srv/c"]), Way::Replace),
        (fixed(&[":443"], &["/srv/a"]), Way::Replace),
        (
            fixed(&[":443", ":80", "[::1]:81"], &["/srv/a"]),
            Way::Replace,
        ),
    ] {
        assert_eq!(now.way_to(&wanted), way, "{wanted:?}");
    }
    assert_eq!(
        Fixed::default().way_to(&now),
        Way::Replace,
        "an adopted one is unknown"
    );
}
