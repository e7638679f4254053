//! `proxy`: other servers answer.

use ondol_model::plan::Proxy;
use ondol_model::upstream::Upstream;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

const ACCEPTED: &str =
    "accepted: \"http://127.0.0.1:3000\", \"unix:/run/app.sock\", or a list of such";

pub(super) const PROXY: Key = Key {
    name: "proxy",
    doc: "Target: servers to forward to, over HTTP/1.1: `http://host:port` or `unix:/path`. Several are used in turn.",
    shape: Shape::OneOrMore(&Shape::Text(Form {
        what: "the address of a server",
        example: "http://127.0.0.1:3000",
    })),
    absent: Absent::Means,
};

pub(super) fn proxy(section: Section<'_>, report: &mut Report) -> Option<Proxy> {
    let mut upstreams = Vec::new();
    for word in section.texts(PROXY.name)? {
        upstreams.extend(upstream(word, report));
    }
    if section.is_empty_list(PROXY.name) {
        let at = section.key_at(PROXY.name);
        report
            .add(at, "`proxy` needs at least one server")
            .help(ACCEPTED);
    }
    Some(Proxy::to(upstreams))
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
