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

pub(super) const ACCEPTED: &str = "accepted: \"http://127.0.0.1:3000\", \"https://…\", \"h2c://…\", \"unix:/run/app.sock\", or a list of such";

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
            doc: "Where it is: `http://host:port`, `https://host:port`, `h2c://host:port` or `unix:/path`.",
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
    if let Some((scheme @ ("h2" | "fcgi" | "grpc" | "grpcs" | "ws" | "wss"), rest)) =
        word.text.split_once("://")
    {
        let problem = format!("a server is not addressed by {scheme}://");
        let rest = repeated(rest);
        let help = match scheme {
            "ws" => format!("WebSockets go through \"http://{rest}\" as they are"),
            "wss" => format!("WebSockets go through \"https://{rest}\" as they are"),
            "grpc" => format!("write \"h2c://{rest}\": HTTP/2 without TLS"),
            "h2" | "grpcs" => format!("write {{ to = \"https://{rest}\", http = \"2\" }}"),
            _ => ACCEPTED.to_owned(),
        };
        report.add(word.at, problem).help(help);
        return None;
    }
    let upstream = Upstream::parse(word.text);
    if upstream.is_none() || word.text.contains(char::is_control) {
        let problem = format!("\"{shown}\" is not the address of a server");
        let help = if Upstream::parse(&format!("http://{}", word.text)).is_some() {
            format!("did you mean \"http://{shown}\"? {ACCEPTED}")
        } else if let Some((server, path)) = with_path(word.text) {
            let (server, path) = (repeated(server), repeated(path));
            format!(
                "the path goes to `rewrite`: {{ to = \"{server}\", rewrite = \"{path}$path\" }}"
            )
        } else {
            ACCEPTED.to_owned()
        };
        report.add(word.at, problem).help(help);
    }
    upstream
}

/// An address that is followed by a path, as nginx has them, and the path without a slash at its end.
fn with_path(text: &str) -> Option<(&str, &str)> {
    let authority = text.find("://")? + "://".len();
    let slash = authority + text.get(authority..)?.find('/')?;
    let (server, path) = text.split_at_checked(slash)?;
    let path = path.trim_end_matches('/');
    let is_path = ondol_model::path::RoutePath::parse(path).is_some() && !path.contains('$');
    (Upstream::parse(server).is_some() && is_path).then_some((server, path))
}
