//! `log`: where requests are logged.

use ondol_model::plan::LogName;
use ondol_model::plan::LogTo;
use ondol_model::plan::Rules;

use crate::file::log::SHARE;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::share;

const NAME: Form = Form {
    what: "the name of a file in the folder of logs",
    example: "shop.log",
};

pub(super) const LOG: Key = Key {
    name: "log",
    doc: "Where requests are logged: in a file of their own, with `false` nowhere, with `true` in the box's own. Without it, as the site says, or in the box's own.",
    shape: Shape::AnyOf(&[Shape::Flag, Shape::TextOrTable(NAME, &LOG_TABLE)]),
    absent: Absent::Means,
};

static LOG_TABLE: Table = Table {
    title: "`log`",
    doc: "Where requests are logged.",
    keys: &[
        Key {
            name: "file",
            doc: "The name of the file in the folder of logs. It looks and is rotated like the box's own. Without it, the box's own.",
            shape: Shape::Text(NAME),
            absent: Absent::Means,
        },
        Key {
            name: "sample",
            doc: "How many of the requests that went well (2xx and 3xx) have a line. Without it, as `[log]` says.",
            shape: Shape::Text(SHARE),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, report: &mut Report) {
    match section.flag(LOG.name) {
        Some(true) => rules.log.to = LogTo::Box,
        Some(false) => rules.log.to = LogTo::Nowhere,
        None => {}
    }
    match section.either(LOG.name) {
        Some(Either::Short(name)) => file(name, rules, report),
        Some(Either::Long(table)) => {
            if let Some(name) = table.text("file") {
                file(name, rules, report);
            }
            if let Some(share) = super::read(table, "sample", share::parse, report) {
                rules.log.sample = Some(share);
            }
        }
        None => {}
    }
}

fn file(name: Word<'_>, rules: &mut Rules, report: &mut Report) {
    match LogName::parse(name.text) {
        Ok(name) => rules.log.to = LogTo::File(name),
        Err(reason) => {
            let problem = "this is not the name of a log file";
            report.add(name.at, problem).help(reason);
        }
    }
}
