//! `resolvers`: the name servers that are asked, and addresses of name servers at all.

use std::net::IpAddr;
use std::net::SocketAddr;

use ondol_model::limits::RESOLVERS_MAX;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Form;
use crate::shape::Shape;

pub(super) const NAME: &str = "resolvers";
pub(super) const SHAPE: Shape = Shape::List(&Shape::Text(SERVER));
pub(super) const SERVER: Form = Form {
    what: "the address of a name server",
    example: "192.0.2.53",
};

/// Where name servers listen (RFC 1035 §4.2).
const PORT: u16 = 53;

pub(super) fn resolvers(section: Section<'_>, report: &mut Report) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for word in section.texts(NAME).unwrap_or_default() {
        let Some(server) = server(word, report) else {
            continue;
        };
        if servers.contains(&server) {
            let problem = format!("the name server {server} stands twice");
            report.add(word.at, problem).help("keep one of them");
        } else {
            servers.push(server);
        }
    }
    if section.is_empty_list(NAME) {
        let problem = "`resolvers` needs at least one name server";
        report
            .add(section.key_at(NAME), problem)
            .help("remove the line: then those of the machine are asked");
    }
    if servers.len() > RESOLVERS_MAX {
        let problem =
            format!("these are more name servers than the {RESOLVERS_MAX} that are asked");
        report.add(section.key_at(NAME), problem);
    }
    servers
}

/// The address of a name server, with or without its port.
pub(super) fn server(word: Word<'_>, report: &mut Report) -> Option<SocketAddr> {
    let text = word.text;
    let bare = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, PORT));
    let server = text.parse().or_else(|_| bare()).ok();
    let server = server.filter(|server: &SocketAddr| server.port() != 0);
    if server.is_none() {
        let problem = format!("\"{}\" is not the address of a name server", repeated(text));
        report.add(word.at, problem).help(
            "accepted: \"192.0.2.53\", \"127.0.0.1:5353\", \"[2001:db8::53]:53\"; no name, which would itself have to be looked up",
        );
    }
    server
}
