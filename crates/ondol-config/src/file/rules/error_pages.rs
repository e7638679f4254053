//! `error_pages`: the owner's own pages for errors.

use std::path::Path;

use ondol_model::plan::ErrorPages;
use ondol_model::plan::Rules;

use crate::file;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) const ERROR_PAGES: Key = Key {
    name: "error_pages",
    doc: "A folder with your own pages for errors: `404.html`, `50x.html` or `5xx.html`, the most particular first. `{status}` and `{request_id}` in them are filled in. Without a page, and for programs, there is a built-in one.",
    shape: Shape::TextOrTable(
        Form {
            what: "the path of a folder",
            example: "/srv/pages",
        },
        &ERROR_PAGES_TABLE,
    ),
    absent: Absent::Means,
};

static ERROR_PAGES_TABLE: Table = Table {
    title: "`error_pages`",
    doc: "Your own pages for errors.",
    keys: &[
        Key {
            name: "folder",
            doc: "The folder. Relative to this file.",
            shape: Shape::Text(Form {
                what: "the path of a folder",
                example: "/srv/pages",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "intercept",
            doc: "Whether they also stand in for what an app answers with a status of 500 or more, where there is a page for it.",
            shape: Shape::Flag,
            absent: Absent::Default("false"),
        },
    ],
    later: &[],
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, folder: &Path, report: &mut Report) {
    let (word, replaces_answers) = match section.either(ERROR_PAGES.name) {
        Some(Either::Short(word)) => (Some(word), false),
        Some(Either::Long(table)) => (
            table.text("folder"),
            table.flag("intercept").unwrap_or(false),
        ),
        None => return,
    };
    let folder = word.and_then(|word| file::path(word, folder, report));
    rules.error_pages = folder.map(|folder| ErrorPages {
        folder,
        replaces_answers,
    });
}
