//! When backups are taken: `at`, `databases_at`, `timezone`.

use ondol_model::plan::Backup;

use crate::file::apps;
use crate::file::rules::read as read_text;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const AT: Key = Key {
    name: "at",
    doc: "When everything is backed up: a time of each day (`03:30`), the five fields of cron, or a name such as `@daily`. What was missed while the box was off is done once, soon after the start.",
    shape: Shape::Text(Form {
        what: "a time of day or five fields of cron",
        example: "03:30",
    }),
    absent: Absent::Default("\"03:30\""),
};

pub(super) const DATABASES_AT: Key = Key {
    name: "databases_at",
    doc: "When the databases alone are backed up besides, written as `at` is. With `false`, never.",
    shape: Shape::AnyOf(&[
        Shape::Text(Form {
            what: "a time of day or five fields of cron",
            example: "*/15 * * * *",
        }),
        Shape::Flag,
    ]),
    absent: Absent::Default("\"5 * * * *\""),
};

pub(super) const TIMEZONE: Key = Key {
    name: "timezone",
    doc: "The time zone of all times here, by its IANA name. Without it, the box's.",
    shape: Shape::Text(Form {
        what: "an IANA time zone",
        example: "Europe/Berlin",
    }),
    absent: Absent::Means,
};

pub(super) fn read(section: Section<'_>, backup: &mut Backup, report: &mut Report) {
    if let Some(at) = read_text(section, AT.name, apps::cron::at, report) {
        backup.at = at;
    }
    if let Some(at) = read_text(section, DATABASES_AT.name, apps::cron::at, report) {
        backup.databases_at = Some(at);
    }
    match section.flag(DATABASES_AT.name) {
        Some(false) => backup.databases_at = None,
        Some(true) => {
            let problem = format!("`{}` does not say when", DATABASES_AT.name);
            let help = "accepted: a time of day or five fields of cron, such as \"5 * * * *\" for every hour; or false";
            report
                .add(section.key_at(DATABASES_AT.name), problem)
                .help(help);
        }
        None => {}
    }
    backup.timezone = read_text(section, TIMEZONE.name, apps::cron::timezone, report);
}
