//! `rest`: a restic REST server.

use std::path::Path;

use ondol_model::plan;

use crate::file::backup::url;
use crate::file::backup::url::Purpose;
use crate::file::tls::secret;
use crate::file::tls::secret::secret;
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

const URL: Form = Form {
    what: "an address",
    example: "https://backup.example.com:8000/seocho",
};
const PURPOSE: Purpose = Purpose {
    key: "rest",
    example: URL.example,
    credential: "rest = { url = \"https://…\", user = \"…\", password = { file = \"path\" } }",
};

pub(super) const REST: Key = Key {
    name: "rest",
    doc: "A restic REST server (rest-server, or `rclone serve restic`). As a text alone, its `url`.",
    shape: Shape::TextOrTable(URL, &SERVER),
    absent: Absent::Means,
};

static SERVER: Table = Table {
    title: "`rest`",
    doc: "A restic REST server.",
    keys: &[
        Key {
            name: "url",
            doc: "Its address, with the path of the repository: `https://…`; `http://` is for this machine and others in the house.",
            shape: Shape::Text(URL),
            absent: Absent::Mistake,
        },
        Key {
            name: "user",
            doc: "Who asks. Without it, the server asks for no name.",
            shape: Shape::Text(Form {
                what: "a name",
                example: "seocho",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "password",
            doc: "The password of `user`.",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
    ],
    later: &[],
};

pub(super) fn rest(target: Section<'_>, folder: &Path, report: &mut Report) -> Option<plan::Rest> {
    match target.either(REST.name)? {
        Either::Short(word) => short(word, report),
        Either::Long(table) => long(table, folder, report),
    }
}

/// An address alone, with or without `rest:` in front.
pub(super) fn short(word: Word<'_>, report: &mut Report) -> Option<plan::Rest> {
    let (url, user) = address(word, report)?;
    if user.is_some() {
        no_password(word.at, report);
        return None;
    }
    Some(plan::Rest {
        url,
        user: None,
        password: None,
    })
}

fn long(table: Section<'_>, folder: &Path, report: &mut Report) -> Option<plan::Rest> {
    let address = table.text("url").map(|word| (word, address(word, report)));
    let user = table.text("user").and_then(|word| user(word, report));
    let password = secret(table, "password", folder, report);
    let (word, address) = address?;
    let (url, named) = address?;
    if named.is_some() && table.has("user") {
        report
            .add(word.at, "`url` has a user in it, beside `user`")
            .help("keep one of them");
        return None;
    }
    let user = user.or(named);
    if table.is_known(&SERVER) && user.is_some() != table.has("password") {
        match user {
            Some(_) => no_password(table.at(), report),
            None if table.has("user") => {}
            None => {
                report
                    .lack(table.at(), "`user` is missing")
                    .help(format!("a password is somebody's: {}", PURPOSE.credential));
            }
        }
    }
    Some(plan::Rest {
        url,
        user,
        password,
    })
}

fn no_password(at: Place, report: &mut Report) {
    report
        .add(at, "`rest` names a user, and no password")
        .help(format!("write {}", PURPOSE.credential));
}

fn address(word: Word<'_>, report: &mut Report) -> Option<(String, Option<String>)> {
    let text = word.text.strip_prefix("rest:").unwrap_or(word.text);
    let url = url::read(word, text, PURPOSE, report)?;
    Some((format!("{}{}", url.origin, url.path), url.user))
}

/// What can stand in front of the colon (RFC 7617 §2).
fn user(word: Word<'_>, report: &mut Report) -> Option<String> {
    let is_user =
        !word.text.is_empty() && !word.text.contains(|c: char| c.is_control() || c == ':');
    if !is_user {
        report
            .add(word.at, "`user` is not the name of a user")
            .help("accepted: a name without a colon; the password has its own key")
            .hide_line();
    }
    is_user.then(|| word.text.to_owned())
}
