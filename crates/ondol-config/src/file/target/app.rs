//! `app`: a program that Ondol runs answers.

use ondol_model::AppName;

use crate::file::apps;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Shape;

pub(super) const APP: Key = Key {
    name: "app",
    doc: "Target: an app of this box, by its name: one of `[apps.NAME]`.",
    shape: Shape::Text(apps::NAME),
    absent: Absent::Means,
};

pub(super) fn app(section: Section<'_>, report: &mut Report) -> Option<AppName> {
    apps::name(section.text(APP.name)?, report)
}
