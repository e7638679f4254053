//! `forward_auth`: another server says who is let through.

use std::sync::Arc;
use std::time::Duration;

use ondol_model::plan::auth::Auth;
use ondol_model::plan::auth::AuthBy;
use ondol_model::plan::auth::ForwardAuth;
use ondol_model::upstream::Upstream;

use super::EXCEPT;
use super::OFF;
use super::header;
use crate::duration;
use crate::file::rules;
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

/// It may have to ask a directory itself; a visitor waits for it with every request.
const TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPTED: &str = "accepted: \"http://127.0.0.1:9091/api/authz/forward-auth\"";

const ADDRESS: Form = Form {
    what: "an address",
    example: "http://127.0.0.1:9091/api/authz/forward-auth",
};

pub(in crate::file::rules) const FORWARD_AUTH: Key = Key {
    name: "forward_auth",
    doc: "A server is asked about every request, without its body, as Authelia, Authentik and oauth2-proxy expect: 2xx lets it through, everything else is the visitor's answer. When it does not answer nobody is let through. Preflights (`OPTIONS` of a page of another site) are asked about too. As a text alone, its `to`; `\"off\"` in a route: not there.",
    shape: Shape::TextOrTable(ADDRESS, &TABLE),
    absent: Absent::Means,
};

static TABLE: Table = Table {
    title: "`forward_auth`",
    doc: "A server that says who is let through.",
    keys: &[
        Key {
            name: "to",
            doc: "What is asked, over HTTP/1.1: `http://host:port/path`. It gets the visitor's headers, and `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`.",
            shape: Shape::Text(ADDRESS),
            absent: Absent::Mistake,
        },
        Key {
            name: "copy",
            doc: "Headers of its answer that the app gets. What visitors send by these names is dropped, on all routes of the site.",
            shape: Shape::OneOrMore(&Shape::Text(Form {
                what: "the name of a header",
                example: "Remote-User",
            })),
            absent: Absent::Default("[]"),
        },
        Key {
            name: "timeout",
            doc: "How long it may take to answer; then the visitor gets 504.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "10s",
            }),
            absent: Absent::Default("\"10s\""),
        },
        EXCEPT,
    ],
    later: &[],
};

/// What the key asks for; nothing when it is off, or wrong and reported.
pub(super) fn read(section: Section<'_>, report: &mut Report) -> Option<Arc<Auth>> {
    match section.either(FORWARD_AUTH.name)? {
        Either::Short(word) if word.text == OFF => None,
        Either::Short(word) => {
            let (to, target) = address(word, report)?;
            Some(Arc::new(Auth {
                except: Vec::new(),
                by: AuthBy::Forward(ForwardAuth {
                    to,
                    target,
                    copy: Vec::new(),
                    timeout: TIMEOUT,
                }),
            }))
        }
        Either::Long(table) => {
            let names = table.texts("copy").unwrap_or_default().into_iter();
            let copy = names.filter_map(|word| header::name(word, report));
            let copy = copy.collect();
            let timeout = rules::read(table, "timeout", duration::parse, report);
            let (to, target) = address(table.text("to")?, report)?;
            let forward = ForwardAuth {
                to,
                target,
                copy,
                timeout: timeout.unwrap_or(TIMEOUT),
            };
            Some(super::auth(table, AuthBy::Forward(forward), report))
        }
    }
}

/// A server, and what it is asked for.
fn address(word: Word<'_>, report: &mut Report) -> Option<(Upstream, String)> {
    let shown = repeated(word.text);
    let scheme = word.text.split_once("://");
    if let Some(("https", _)) = scheme {
        let problem = "a server behind https:// is not asked by this version yet";
        report.add(word.at, problem).help(ACCEPTED);
        return None;
    }
    let parsed = scheme.and_then(|(scheme, after)| {
        let path_at = after.find(['/', '?']).unwrap_or(after.len());
        let (authority, target) = after.split_at(path_at);
        let is_target = target
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let slash = if target.starts_with('/') { "" } else { "/" };
        let to = Upstream::parse(&format!("{scheme}://{authority}")).filter(|_| is_target)?;
        Some((to, format!("{slash}{target}")))
    });
    if parsed.is_none() {
        let problem = format!("\"{shown}\" is not the address of a server to ask");
        report.add(word.at, problem).help(ACCEPTED);
    }
    parsed
}
