//! `basic_auth`: a name and a password.

use std::sync::Arc;

use ondol_model::limits::USERS_MAX;
use ondol_model::password::HashError;
use ondol_model::password::PasswordHash;
use ondol_model::plan::auth::Auth;
use ondol_model::plan::auth::AuthBy;
use ondol_model::plan::auth::Authorization;
use ondol_model::plan::auth::BasicAuth;
use ondol_model::plan::auth::User;

use super::EXCEPT;
use super::OFF;
use super::header;
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

/// The longest name of a user, in bytes.
const NAME_BYTES_MAX: usize = 128;
const PASS: &str = "pass";

pub(in crate::file::rules) const BASIC_AUTH: Key = Key {
    name: "basic_auth",
    doc: "Visitors need a name and a password, which their browser asks for. `\"off\"` in a route: not there. Preflights (`OPTIONS` of a page of another site) come without a password, and are refused too.",
    shape: Shape::TextOrTable(
        Form {
            what: "the word off",
            example: OFF,
        },
        &TABLE,
    ),
    absent: Absent::Means,
};

static TABLE: Table = Table {
    title: "`basic_auth`",
    doc: "A name and a password.",
    keys: &[
        Key {
            name: "users",
            doc: "The names, each with the hash of its password, as `ondol password` prints it (argon2id or bcrypt). After a few wrong ones an address has to wait, longer each time.",
            shape: Shape::Map(
                Form {
                    what: "the name of a user",
                    example: "alice",
                },
                &Shape::Text(Form {
                    what: "the hash of a password",
                    example: "$argon2id$v=19$m=19456,t=2,p=1$…",
                }),
            ),
            absent: Absent::Mistake,
        },
        Key {
            name: "realm",
            doc: "What browsers call the place. Without it, the name of the site.",
            shape: Shape::Text(Form {
                what: "a text",
                example: "Family",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "authorization",
            doc: "Whether the header with the password is passed on to the app: \"strip\" or \"pass\". Few apps need it, and some fail at it.",
            shape: Shape::Choice(&["strip", PASS]),
            absent: Absent::Default("\"strip\""),
        },
        Key {
            name: "user_header",
            doc: "The header that tells the app the name. What visitors send by this name is dropped, on all routes of the site. Without it the app is not told.",
            shape: Shape::Text(Form {
                what: "the name of a header",
                example: "Remote-User",
            }),
            absent: Absent::Means,
        },
        EXCEPT,
    ],
    later: &["file"],
};

/// What the key asks for; nothing when it is off, or wrong and reported.
pub(super) fn read(section: Section<'_>, report: &mut Report) -> Option<Arc<Auth>> {
    let table = match section.either(BASIC_AUTH.name)? {
        Either::Short(word) => {
            if word.text != OFF {
                let help = "accepted: \"off\", or a table with users, as in { users = { alice = \"$argon2id$…\" } }";
                super::not_off(word, help, report);
            }
            return None;
        }
        Either::Long(table) => table,
    };
    let users = users(table, report);
    let basic = BasicAuth {
        realm: realm(table, report),
        authorization: match table.text("authorization") {
            Some(word) if word.text == PASS => Authorization::Pass,
            Some(_) | None => Authorization::Strip,
        },
        user_header: table
            .text("user_header")
            .and_then(|word| header::name(word, report)),
        ..BasicAuth::of(users)
    };
    Some(super::auth(table, AuthBy::Basic(basic), report))
}

fn realm(table: Section<'_>, report: &mut Report) -> Option<String> {
    let word = table.text("realm")?;
    if word.text.contains(char::is_control) {
        report.add(word.at, "`realm` must be one line of text");
    }
    Some(word.text.to_owned())
}

fn users(table: Section<'_>, report: &mut Report) -> Vec<User> {
    let Some(section) = table.table("users") else {
        return Vec::new();
    };
    let names: Vec<_> = section.entries().map(|(name, _)| name).collect();
    if names.is_empty() {
        report
            .add(section.at(), "nobody could come: there is no user")
            .help("`ondol password` prints what to put here: { alice = \"$argon2id$…\" }");
    }
    if let Some(name) = names.get(USERS_MAX) {
        let problem = format!("this is one user more than the {USERS_MAX} that there can be");
        report.add(section.key_at(name), problem);
    }
    let names = names.into_iter().take(USERS_MAX);
    names
        .filter_map(|name| user(section, name, report))
        .collect()
}

fn user(section: Section<'_>, name: &str, report: &mut Report) -> Option<User> {
    let at = section.key_at(name);
    let is_odd = name.is_empty()
        || name.len() > NAME_BYTES_MAX
        || name.contains(|c: char| c == ':' || c.is_control());
    if is_odd {
        let problem = format!("\"{}\" cannot be the name of a user", repeated(name));
        let help = format!("a name has no colon, and at most {NAME_BYTES_MAX} bytes");
        report.add(at, problem).help(help);
        return None;
    }
    let hash = hash(name, section.text(name)?, report)?;
    Some(User {
        name: name.to_owned(),
        hash,
    })
}

/// The line is not shown: it may hold a password.
fn hash(name: &str, word: Word<'_>, report: &mut Report) -> Option<PasswordHash> {
    let error = match PasswordHash::parse(word.text) {
        Ok(hash) => return Some(hash),
        Err(error) => error,
    };
    let name = repeated(name);
    let problem = match error {
        HashError::None => format!("what `{name}` has is not the hash of a password"),
        HashError::Weak(_) | HashError::Unknown(_) | HashError::Broken(_) | HashError::Cost(_) => {
            format!("the hash of `{name}` cannot be used: {error}")
        }
    };
    report
        .add(word.at, problem)
        .help("run `ondol password`, type the password, and put what it prints here")
        .hide_line();
    None
}
