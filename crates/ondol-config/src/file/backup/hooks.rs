//! What is run around a backup: `before`, `after`, `hook_timeout`.

use ondol_model::plan::Backup;

use crate::duration;
use crate::file::apps::is_command;
use crate::file::rules::read as read_text;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

const COMMAND: Form = Form {
    what: "a command",
    example: "/etc/ondol/before-backup",
};

pub(super) const BEFORE: Key = Key {
    name: "before",
    doc: "A command, for `sh`, that is run before the data is read. When it fails, no backup is taken, and that is an alarm.",
    shape: Shape::Text(COMMAND),
    absent: Absent::Means,
};

pub(super) const AFTER: Key = Key {
    name: "after",
    doc: "A command, for `sh`, that is run afterwards, whatever came of it.",
    shape: Shape::Text(Form {
        what: "a command",
        example: "/etc/ondol/after-backup",
    }),
    absent: Absent::Means,
};

pub(super) const HOOK_TIMEOUT: Key = Key {
    name: "hook_timeout",
    doc: "How long each of the two may take; then it is ended, and has failed.",
    shape: Shape::Text(Form {
        what: "a time",
        example: "10m",
    }),
    absent: Absent::Default("\"10m\""),
};

pub(super) fn read(section: Section<'_>, backup: &mut Backup, report: &mut Report) {
    backup.before = read_text(section, BEFORE.name, command, report);
    backup.after = read_text(section, AFTER.name, command, report);
    if let Some(timeout) = read_text(section, HOOK_TIMEOUT.name, duration::parse, report) {
        backup.hook_timeout = timeout;
    }
}

fn command(text: &str) -> Result<String, String> {
    match is_command(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("accepted: {}", COMMAND.accepted())),
    }
}
