//! `redirect`: another address answers.

use ondol_model::Hostname;
use ondol_model::host;
use ondol_model::plan::Redirect;
use ondol_model::plan::RedirectPath;

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

/// Permanent, and the method is kept: what an address that has moved means.
pub(in crate::file) const STATUS: u16 = 308;
/// The redirects that browsers follow (RFC 9110 §15.4).
const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];
const ACCEPTED: &str = "accepted: \"https://example.com\", \"https://example.com/path\", \"/path\"";

pub(super) const REDIRECT: Key = Key {
    name: "redirect",
    doc: "Target: another address. As a text alone, its `to`.",
    shape: Shape::TextOrTable(
        Form {
            what: "an address",
            example: "https://example.com",
        },
        &REDIRECT_TABLE,
    ),
    absent: Absent::Means,
};

static REDIRECT_TABLE: Table = Table {
    title: "`redirect`",
    doc: "A redirect.",
    keys: &[
        Key {
            name: "to",
            doc: "The new address: `https://example.com`, or a path of the same site beginning with `/`.",
            shape: Shape::Text(Form {
                what: "an address",
                example: "https://example.com",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "keep_path",
            doc: "Whether the path and query of the request are appended to the new address. Without it they are when that has no path of its own.",
            shape: Shape::Flag,
            absent: Absent::Means,
        },
        Key {
            name: "status",
            doc: "301, 302, 303, 307 or 308.",
            shape: Shape::Number { min: 301, max: 308 },
            absent: Absent::Default("308"),
        },
    ],
    later: &[],
};

pub(super) fn redirect(section: Section<'_>, report: &mut Report) -> Option<Redirect> {
    match section.either(REDIRECT.name)? {
        Either::Short(to) => build(to, (None, to.at), STATUS, report),
        Either::Long(table) => {
            let keep = (table.flag("keep_path"), table.key_at("keep_path"));
            let status = status(table, report);
            build(table.text("to")?, keep, status, report)
        }
    }
}

pub(in crate::file) fn status(table: Section<'_>, report: &mut Report) -> u16 {
    let Some(status) = table.number("status") else {
        return STATUS;
    };
    let known = STATUSES
        .into_iter()
        .find(|known| i64::from(*known) == status);
    if known.is_none() && (301..=308).contains(&status) {
        report
            .add(
                table.key_at("status"),
                format!("status {status} is not a redirect"),
            )
            .help("accepted: 308 or 301 (for good), 307 or 302 (for now), 303 (see other)");
    }
    known.unwrap_or(STATUS)
}

fn build(
    to: Word<'_>,
    (keep, keep_at): (Option<bool>, Place),
    status: u16,
    report: &mut Report,
) -> Option<Redirect> {
    let Some(address) = Address::parse(to.text) else {
        let problem = format!("\"{}\" is not an address to redirect to", repeated(to.text));
        report.add(to.at, problem).help(ACCEPTED);
        return None;
    };
    let path = match keep.unwrap_or(address.is_bare()) {
        true => RedirectPath::Keep,
        false => RedirectPath::Drop,
    };
    if path == RedirectPath::Keep && address.rest.contains(['?', '#']) {
        report
            .add(
                keep_at,
                "a path cannot be appended to an address that has a query or a fragment",
            )
            .help("remove `keep_path`, or what follows `?` or `#` in `to`");
    }
    let rest = match path {
        // What is appended begins with a slash of its own.
        RedirectPath::Keep => address.rest.strip_suffix('/').unwrap_or(&address.rest),
        RedirectPath::Drop => &address.rest,
    };
    Some(Redirect {
        to: format!("{}{rest}", address.origin),
        path,
        status,
    })
}

/// A new address as a `Location` header carries it: without any character that is not visible ASCII.
pub(in crate::file) struct Address {
    /// `https://host:port`; empty for a path of the same site.
    pub(in crate::file) origin: String,
    /// Path, query and fragment; may be empty.
    pub(in crate::file) rest: String,
}

impl Address {
    pub(in crate::file) fn parse(text: &str) -> Option<Self> {
        if text.contains(|c: char| c.is_control() || matches!(c, ' ' | '\\' | '"' | '<' | '>')) {
            return None;
        }
        let (scheme, after) = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), after)) => (scheme, after),
            _ if text.starts_with('/') && !text.starts_with("//") => {
                return Some(Self {
                    origin: String::new(),
                    rest: encoded(text),
                });
            }
            _ => return None,
        };
        let rest_at = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(rest_at);
        Some(Self {
            origin: format!("{scheme}://{}", ascii_authority(authority)?),
            rest: encoded(rest),
        })
    }

    /// Whether it names a host and no path of it.
    fn is_bare(&self) -> bool {
        !self.origin.is_empty() && matches!(self.rest.as_str(), "" | "/")
    }
}

/// Host and port in canonical form, with the letters of other scripts as a header can carry them (IDNA).
fn ascii_authority(text: &str) -> Option<String> {
    let port_at = text.rfind(':').filter(|at| !text[*at..].contains(']'));
    let (name, port) = text.split_at(port_at.unwrap_or(text.len()));
    let authority = format!("{}{port}", Hostname::parse(name).ok()?);
    host::authority(&authority)?;
    Some(authority)
}

/// Percent-encodes what is not ASCII (RFC 3986 §2.1).
fn encoded(text: &str) -> String {
    let characters = text.chars().map(|character| {
        if character.is_ascii() {
            return character.to_string();
        }
        let mut bytes = [0; 4];
        let bytes = character.encode_utf8(&mut bytes).bytes();
        bytes.map(|byte| format!("%{byte:02X}")).collect()
    });
    characters.collect()
}
