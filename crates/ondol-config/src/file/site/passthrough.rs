//! `passthrough`: another machine serves the site, with certificates of its own.

use ondol_model::Target;
use ondol_model::path::RoutePath;
use ondol_model::plan::Destination;
use ondol_model::plan::Passthrough;
use ondol_model::plan::Proxy;
use ondol_model::plan::ProxyVersion;
use ondol_model::plan::Route;
use ondol_model::plan::Rules;

use crate::file::site::SITE;
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

/// What a site that is passed through may have besides: everything else is the other machine's business.
const BESIDE: [&str; 2] = ["passthrough", "aliases"];
const ACCEPTED: &str = "accepted: \"192.168.0.20:443\", \"[fd00::20]:443\", \"other.lan:443\"";

const DESTINATION: Form = Form {
    what: "an address with a port",
    example: "192.168.0.20:443",
};

pub(super) const PASSTHROUGH: Key = Key {
    name: "passthrough",
    doc: "Instead of a target: another machine that serves this site with certificates of its own. Its TLS connections are passed on as they come, by the name that they ask for; they are counted, but not in the access log. Alone or with `aliases`.",
    shape: Shape::TextOrTable(DESTINATION, &PASSTHROUGH_TABLE),
    absent: Absent::Means,
};

static PASSTHROUGH_TABLE: Table = Table {
    title: "`passthrough`",
    doc: "Another machine that serves this site.",
    keys: &[
        Key {
            name: "tls",
            doc: "Where TLS connections go. Several are used in turn, and one that can't be reached is passed over.",
            shape: Shape::OneOrMore(&Shape::Text(DESTINATION)),
            absent: Absent::Mistake,
        },
        Key {
            name: "http",
            doc: "Where requests by plain HTTP are forwarded to, so that the other machine can redirect them and prove to an issuer of certificates that the name is its own. Without it they are redirected to HTTPS.",
            shape: Shape::Text(Form {
                what: "an address with a port",
                example: "192.168.0.20:80",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "proxy_protocol",
            doc: "The version of the PROXY protocol that tells the other machine the visitor's address, in front of each TLS connection. Without it, it sees this box as its visitor.",
            shape: Shape::Choice(&["v1", "v2"]),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// What a site is passed through to, and the route of its plain HTTP if that is forwarded too.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) passthrough: Passthrough,
    pub(super) routes: Vec<Route>,
}

/// `None` when the site is served here. What is wrong is reported.
pub(super) fn passthrough(site: Section<'_>, report: &mut Report) -> Option<Passed> {
    if !site.has(PASSTHROUGH.name) {
        return None;
    }
    let (tls, http, version) = match site.either(PASSTHROUGH.name) {
        None => (Vec::new(), None, None),
        Some(Either::Short(word)) => (vec![word], None, None),
        Some(Either::Long(table)) => {
            if table.is_empty_list("tls") {
                let at = table.key_at("tls");
                let problem = "`tls` needs at least one address";
                report.add(at, problem).help(ACCEPTED);
            }
            let tls = table.texts("tls").unwrap_or_default();
            (tls, table.text("http"), table.text("proxy_protocol"))
        }
    };
    nothing_beside(site, report);
    let tls = tls.into_iter();
    let tls = tls.filter_map(|word| destination(word, report)).collect();
    let http = http.and_then(|word| destination(word, report));
    Some(Passed {
        passthrough: Passthrough {
            tls,
            proxy_protocol: version.and_then(|version| match version.text {
                "v1" => Some(ProxyVersion::One),
                "v2" => Some(ProxyVersion::Two),
                _ => None,
            }),
        },
        routes: http.map(|http| forwarded(&http)).into_iter().collect(),
    })
}

fn forwarded(http: &Destination) -> Route {
    Route {
        path: RoutePath::root(),
        base: RoutePath::root(),
        rules: Rules::default(),
        target: Target::Proxy(Proxy::to(vec![http.upstream()])),
    }
}

fn destination(word: Word<'_>, report: &mut Report) -> Option<Destination> {
    let destination = Destination::parse(word.text);
    if destination.is_none() {
        let shown = repeated(word.text);
        let problem = format!("\"{shown}\" is not an address with a port");
        report.add(word.at, problem).help(ACCEPTED);
    }
    destination
}

fn nothing_beside(site: Section<'_>, report: &mut Report) {
    let keys = site.entries().map(|(key, _)| key);
    for key in keys.filter(|key| SITE.key(key).is_some() && !BESIDE.contains(key)) {
        let at = site.key_at(key);
        let problem = format!("`{}` has no effect beside `passthrough`", repeated(key));
        report
            .add(at, problem)
            .help("the other machine serves this site: remove one of the two")
            .related(site.key_at(PASSTHROUGH.name), "it is passed on here");
    }
}
