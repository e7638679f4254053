//! As whom an app runs, and its share of the machine: `user`, `memory`, `cpu`, `tasks`.

use ondol_model::plan::App;

use crate::file::rules::read as read_text;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::size;

/// What `useradd` takes.
const USER_BYTES_MAX: usize = 32;

pub(super) const USER: Key = Key {
    name: "user",
    doc: "The user that it runs as. Without it, one of its own, which Ondol makes (`ondol-NAME`), or Ondol's own where Ondol does not run as root.",
    shape: Shape::Text(Form {
        what: "the name of a user",
        example: "coffee",
    }),
    absent: Absent::Means,
};

pub(super) const MEMORY: Key = Key {
    name: "memory",
    doc: "The most memory that each of its processes may have, with what that starts; one that wants more is ended. Without it there is no limit.",
    shape: Shape::Text(Form {
        what: "a size",
        example: "1GB",
    }),
    absent: Absent::Means,
};

pub(super) const CPU: Key = Key {
    name: "cpu",
    doc: "The most processors that each of its processes may keep busy, with what that starts: 1.5 is one and a half. Without it there is no limit.",
    shape: Shape::Decimal {
        min_thousandths: 10,
        max_thousandths: 1_024_000,
    },
    absent: Absent::Means,
};

pub(super) const TASKS: Key = Key {
    name: "tasks",
    doc: "The most processes and threads that each of its processes may start. Without it there is no limit.",
    shape: Shape::Number {
        min: 4,
        max: 1_000_000,
    },
    absent: Absent::Means,
};

pub(super) fn read(section: Section<'_>, app: &mut App, report: &mut Report) {
    app.user = read_text(section, USER.name, user, report);
    app.memory = read_text(section, MEMORY.name, size::parse, report);
    let cpu = section.thousandths(CPU.name);
    app.cpu_thousandths = cpu.and_then(|cpu| cpu.try_into().ok());
    let tasks = section.number(TASKS.name);
    app.tasks = tasks.and_then(|tasks| tasks.try_into().ok());
}

fn user(text: &str) -> Result<String, String> {
    let is_letter = |c: char| c.is_ascii_lowercase() || c == '_';
    let is_name = text.starts_with(is_letter)
        && text.len() <= USER_BYTES_MAX
        && text
            .chars()
            .all(|c| is_letter(c) || c.is_ascii_digit() || matches!(c, '-' | '.'));
    match text {
        "root" => Err("an app is never run as root: give it a user of its own, or leave `user` out".into()),
        text if is_name => Ok(text.to_owned()),
        _ => Err("a user has lower-case letters, digits, `-`, `_` and `.`, at most 32 of them, and begins with a letter or `_`".into()),
    }
}
