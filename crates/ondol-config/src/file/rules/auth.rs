//! `basic_auth` and `forward_auth`: what visitors have to show. A site or route has one of them, and what a route says
//! stands in place of what its site says, whichever it is.

mod basic;
mod forward;
mod header;

use std::sync::Arc;

use ondol_model::plan::Rules;
use ondol_model::plan::auth::Auth;
use ondol_model::plan::auth::AuthBy;

use super::access;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Key;

pub(super) use basic::BASIC_AUTH;
pub(super) use forward::FORWARD_AUTH;

/// What a route says that asks for nothing, though its site does.
const OFF: &str = "off";

const EXCEPT: Key = Key {
    name: "except",
    doc: "Networks whose visitors are let through without it, written as in `allow`.",
    shape: access::NETWORKS,
    absent: Absent::Default("[]"),
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, report: &mut Report) {
    let (basic, forward) = (section.has(BASIC_AUTH.name), section.has(FORWARD_AUTH.name));
    if basic && forward {
        report
            .add(
                section.key_at(FORWARD_AUTH.name),
                "`forward_auth` stands beside `basic_auth`, but only one can ask",
            )
            .help("keep one of them, or give each its own path in a route: [[sites.\"…\".routes]]")
            .related(section.key_at(BASIC_AUTH.name), "`basic_auth` is here");
    }
    if basic {
        rules.access.auth = basic::read(section, report);
    } else if forward {
        rules.access.auth = forward::read(section, report);
    }
}

/// What a table asks for, with what all of them have.
fn auth(table: Section<'_>, by: AuthBy, report: &mut Report) -> Arc<Auth> {
    let except = table.texts(EXCEPT.name).unwrap_or_default();
    Arc::new(Auth {
        except: access::networks(except, report),
        by,
    })
}

fn not_off(word: Word<'_>, help: &str, report: &mut Report) {
    let problem = format!("\"{}\" is not \"{OFF}\"", repeated(word.text));
    report.add(word.at, problem).help(help);
}
