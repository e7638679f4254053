//! One server of `proxy`: its address, and its share.

use ondol_model::plan::Server;
use ondol_model::upstream::Upstream;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Either;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

pub(super) const ACCEPTED: &str =
    "accepted: \"http://127.0.0.1:3000\", \"unix:/run/app.sock\", or a list of such";

pub(super) const ADDRESS: Form = Form {
    what: "the address of a server",
    example: "http://127.0.0.1:3000",
};

pub(super) static SERVER: Table = Table {
    title: "a server of `proxy`",
    doc: "A server to forward to.",
    keys: &[
        Key {
            name: "address",
            doc: "Where it is: `http://host:port` or `unix:/path`.",
            shape: Shape::Text(ADDRESS),
            absent: Absent::Mistake,
        },
        Key {
            name: "weight",
            doc: "Its share of the requests beside the others': one with 3 gets three times as many as one with 1.",
            shape: Shape::Number { min: 1, max: 100 },
            absent: Absent::Default("1"),
        },
    ],
    later: &[],
};

/// A server and where its address stands.
pub(super) fn server(either: Either<'_>, report: &mut Report) -> Option<(Server, Place)> {
    let (address, weight) = match either {
        Either::Short(address) => (address, None),
        Either::Long(table) => (table.text("address")?, table.number("weight")),
    };
    let mut server = Server::at(upstream(address, report)?);
    if let Some(weight) = weight.and_then(|weight| weight.try_into().ok()) {
        server.weight = weight;
    }
    Some((server, address.at))
}

fn upstream(word: Word<'_>, report: &mut Report) -> Option<Upstream> {
    let shown = repeated(word.text);
    if let Some((scheme @ ("https" | "h2c" | "h2" | "fcgi" | "ws" | "wss"), _)) =
        word.text.split_once("://")
    {
        let problem = format!("a server behind {scheme}:// is not served by this version yet");
        report.add(word.at, problem).help(ACCEPTED);
        return None;
    }
    let upstream = Upstream::parse(word.text);
    if upstream.is_none() || word.text.contains(char::is_control) {
        let problem = format!("\"{shown}\" is not the address of a server");
        let help = if Upstream::parse(&format!("http://{}", word.text)).is_some() {
            format!("did you mean \"http://{shown}\"? {ACCEPTED}")
        } else {
            ACCEPTED.to_owned()
        };
        report.add(word.at, problem).help(help);
    }
    upstream
}
