//! The environment of an app: `env`, `env_files`.

use std::path::Path;

use ondol_model::plan::App;
use ondol_model::plan::EnvValue;

use super::source::paths;
use crate::file::tls::secret;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const ENV: Key = Key {
    name: "env",
    doc: "Its environment, beside what Ondol tells it (`PORT`, `ONDOL_…`): it gets nothing of Ondol's own. A secret is `{ file = \"path\" }` or `{ env = \"NAME\" }`.",
    shape: Shape::Map(
        Form {
            what: "names of variables",
            example: "RAILS_ENV",
        },
        &Shape::AnyOf(&[
            Shape::Text(Form {
                what: "a text",
                example: "production",
            }),
            Shape::Number {
                min: i64::MIN,
                max: i64::MAX,
            },
            secret::SHAPE,
        ]),
    ),
    absent: Absent::Means,
};

pub(super) const ENV_FILES: Key = Key {
    name: "env_files",
    doc: "Files with more of it, `NAME=value` a line, which others must not be able to read; the later ones count more, and `env` most. Relative to this file.",
    shape: Shape::OneOrMore(&Shape::Text(Form {
        what: "the path of a file",
        example: "/etc/ondol/coffee.env",
    })),
    absent: Absent::Means,
};

pub(super) fn read(section: Section<'_>, folder: &Path, app: &mut App, report: &mut Report) {
    if let Some(env) = section.table(ENV.name) {
        for (name, value) in env.entries() {
            let value = match value.get_ref() {
                value if value.as_str().is_some() => value.as_str().map(text),
                value if value.as_integer().is_some() => {
                    env.number(name).map(|number| text(&number.to_string()))
                }
                _ => secret::secret(env, name, folder, report).map(EnvValue::Secret),
            };
            check(env, name, value.as_ref(), report);
            app.env.extend(value.map(|value| (name.to_owned(), value)));
        }
    }
    app.env_files = paths(section, ENV_FILES.name, folder, report);
}

fn text(text: &str) -> EnvValue {
    EnvValue::Text(text.to_owned())
}

/// What the system takes for a variable, and what Ondol does not tell the app itself. Lines are not shown: what is
/// no secret to some is one to others.
fn check(env: Section<'_>, name: &str, value: Option<&EnvValue>, report: &mut Report) {
    let at = env.key_at(name);
    let shown = repeated(name);
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name =
        name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit());
    if !is_name {
        report
            .add(at, format!("\"{shown}\" is not the name of a variable"))
            .help("accepted: letters, digits and `_`, such as RAILS_ENV")
            .hide_line();
    } else if is_ours(name) {
        report
            .add(at, format!("`{shown}` is told by Ondol"))
            .help("remove it; `listen` says how the app gets its socket")
            .hide_line();
    }
    if let Some(EnvValue::Text(text)) = value
        && text.contains('\0')
    {
        report
            .add(
                at,
                format!("`{shown}` has a zero byte, which no variable can"),
            )
            .hide_line();
    }
}

fn is_ours(name: &str) -> bool {
    let is_told = [
        "PORT",
        "LISTEN_FDS",
        "LISTEN_PID",
        "LISTEN_FDNAMES",
        "NOTIFY_SOCKET",
    ];
    is_told.contains(&name) || name.starts_with("ONDOL_")
}
