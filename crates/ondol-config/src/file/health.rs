//! `[health]`: where machines may ask how the box is.

use std::net::SocketAddr;
use std::path::Path;

use ondol_model::listen::ListenAddress;
use ondol_model::network::is_public;
use ondol_model::plan::Health;

use crate::file::tls::secret;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

const LISTEN: &str = "listen";
const TOKEN: &str = "token";

pub(super) static HEALTH: Table = Table {
    title: "`[health]`",
    doc: "Where machines may ask how the box is: `/livez`, `/readyz`, `/readyz/SITE`, `/health` and `/metrics`. On its own socket (`admin.sock` in its runtime folder) it is asked in any case.",
    keys: &[
        Key {
            name: LISTEN,
            doc: "An address of this machine or of the local network, or a list of them, where it is asked by HTTP. Without it there is none. Peers outside of the local network get no answer.",
            shape: Shape::OneOrMore(&Shape::Text(Form {
                what: "an address and port",
                example: "127.0.0.1:9180",
            })),
            absent: Absent::Means,
        },
        Key {
            name: TOKEN,
            doc: "What peers show (`Authorization: Bearer …`) that are not on this machine, to get `/metrics`, and more of `/health` than one word. Without it, they don't.",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// What `[health]` says, and where its addresses stand.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) plan: Health,
    pub(super) listen: Vec<Place>,
}

pub(super) fn health(section: Option<Section<'_>>, folder: &Path, report: &mut Report) -> Placed {
    let Some(section) = section else {
        return Placed::default();
    };
    let mut placed = Placed::default();
    for word in section.texts(LISTEN).unwrap_or_default() {
        let at = word.at;
        let Some(address) = address(word, report) else {
            continue;
        };
        let before = placed.plan.listen.iter().zip(&placed.listen);
        if let Some((_, first)) = before.rev().find(|(other, _)| **other == address) {
            report
                .add(at, format!("`{address}` stands here twice"))
                .help("remove it")
                .related(*first, "it is here first");
            continue;
        }
        placed.plan.listen.push(address);
        placed.listen.push(at);
    }
    placed.plan.token = secret::secret(section, TOKEN, folder, report);
    placed
}

fn address(word: Word<'_>, report: &mut Report) -> Option<SocketAddr> {
    let shown = repeated(word.text);
    let Some(address) = ListenAddress::parse(word.text) else {
        report
            .add(word.at, format!("\"{shown}\" is not an address to listen on"))
            .help("accepted: \"127.0.0.1:9180\", \"192.168.0.5:9180\", \"[::1]:9180\", or \":9180\" for every address");
        return None;
    };
    let ip = address.address.ip();
    if is_public(ip) && !ip.is_unspecified() {
        report
            .add(word.at, format!("\"{shown}\" is an address of the internet"))
            .help("how the box is, is for this machine and the local network; a site can say whether it is well by its key `health`");
        return None;
    }
    Some(address.address)
}
