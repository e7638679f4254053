//! The whole file: its sections, and the plan that they make together.
//!
//! Each section is one file in `file/`: its keys as a description, its defaults with their reasons,
//! and the function that turns its values into its part of the plan.

mod across;
mod address;
mod alarms;
mod apps;
mod backup;
mod care;
mod certificate;
mod health;
mod heartbeats;
mod listen;
mod log;
mod machine;
mod people;
mod power;
mod rules;
mod site;
mod target;
mod tls;
mod value;
mod watch;

use std::path::Path;

use ondol_model::Plan;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::sources::Sources;
use crate::text::Place;

/// What the smallest configuration looks like, for who has none.
const SMALLEST: &str = "[sites.\"example.com\"]\nfiles = \"/srv/example\"";

/// The main file.
pub(crate) static MAIN: Table = Table {
    title: "the main file",
    doc: "The configuration of Ondol: one box and its sites.",
    keys: &[
        Key {
            name: "include",
            doc: "More files, which hold sites and apps alone. Relative to this file; the name of a file may have `*` and `?`. Without it there are none.",
            shape: Shape::OneOrMore(&Shape::Text(Form {
                what: "a path",
                example: "sites/*.toml",
            })),
            absent: Absent::Means,
        },
        Key {
            name: "box",
            doc: "The machine and the person who runs it.",
            shape: Shape::Table(&machine::BOX),
            absent: Absent::Means,
        },
        Key {
            name: "listen",
            doc: "Where visitors are accepted.",
            shape: Shape::Table(&listen::LISTEN),
            absent: Absent::Means,
        },
        Key {
            name: "log",
            doc: "The access log.",
            shape: Shape::Table(&log::LOG),
            absent: Absent::Means,
        },
        Key {
            name: "tls",
            doc: "Certificates for all sites.",
            shape: Shape::Table(&tls::TLS),
            absent: Absent::Means,
        },
        SITES,
        apps::APPS,
        Key {
            name: "backup",
            doc: "Backups: what, when, where to, and how they are proven.",
            shape: Shape::Table(&backup::BACKUP),
            absent: Absent::Means,
        },
        Key {
            name: "watch",
            doc: "What the box watches, and how often.",
            shape: Shape::Table(&watch::WATCH),
            absent: Absent::Means,
        },
        people::PEOPLE,
        Key {
            name: "alarms",
            doc: "How people are told of what is wrong.",
            shape: Shape::Table(&alarms::ALARMS),
            absent: Absent::Means,
        },
        heartbeats::HEARTBEATS,
        Key {
            name: "power",
            doc: "Where the power comes from, and what it costs.",
            shape: Shape::Table(&power::POWER),
            absent: Absent::Means,
        },
        Key {
            name: "health",
            doc: "Where machines may ask how the box is.",
            shape: Shape::Table(&health::HEALTH),
            absent: Absent::Means,
        },
    ],
    later: LATER,
};

/// A file that the main file includes.
pub(crate) static INCLUDED: Table = Table {
    title: "an included file",
    doc: "More sites and apps, for the main file that includes this one.",
    keys: &[SITES, apps::APPS],
    later: LATER,
};

const SITES: Key = Key {
    name: "sites",
    doc: "The sites, each under its main name in quotes: `[sites.\"example.com\"]`. There is at least one.",
    shape: Shape::Named(
        Form {
            what: "its main host name",
            example: "example.com",
        },
        &site::SITE,
    ),
    absent: Absent::Means,
};

const LATER: &[&str] = &["admin", "dns", "logins"];

/// Every table that a configuration can have.
pub(crate) fn tables() -> Vec<&'static Table> {
    within(&MAIN)
}

/// Whether a table is that of a section that has many words of other things elsewhere, or in it: of backups, or of
/// what is watched and told.
pub(crate) fn is_apart(table: &'static Table) -> bool {
    let sections = [
        &backup::BACKUP,
        &people::PERSON,
        &alarms::ALARMS,
        &power::POWER,
        &health::HEALTH,
    ];
    let mut tables = sections.into_iter().flat_map(within);
    tables.any(|known| std::ptr::eq(known, table))
}

/// A table, and all that are in it.
fn within(table: &'static Table) -> Vec<&'static Table> {
    let mut tables = vec![table];
    let mut next = 0;
    while let Some(table) = tables.get(next) {
        let inner = table.keys.iter().filter_map(|key| key.shape.table());
        let new: Vec<_> = inner
            .filter(|table| !tables.iter().any(|known| std::ptr::eq(*known, *table)))
            .collect();
        tables.extend(new);
        next += 1;
    }
    tables
}

/// The plan of all files. It counts only when nothing was reported: what is wrong is left out of it,
/// so that the rest can still be checked.
pub(crate) fn plan(roots: &[Section<'_>], sources: &Sources, report: &mut Report) -> Plan {
    let main = roots.first();
    let main_folder = sources.files.first().and_then(|file| file.path.parent());
    let main_folder = main_folder.unwrap_or(Path::new("/"));
    let section = |key| main.and_then(|main| main.table(key));
    let mut issuances = tls::Issuances::of_all(section("tls"), main_folder, report);
    let (mut sites, mut apps) = (Vec::new(), Vec::new());
    for (root, source) in roots.iter().zip(&sources.files) {
        let folder = source.path.parent().unwrap_or(Path::new("/"));
        sites.extend(site::sites(*root, folder, &mut issuances, report));
        apps.extend(apps::apps(*root, folder, report));
    }
    sites.sort_by(|a, b| a.plan.name.cmp(&b.plan.name));
    let machine = machine::machine(section("box"), report);
    let plan = Plan {
        box_name: machine.name,
        email: machine.email,
        timezone: machine.timezone,
        listen: listen::listen(section("listen"), report),
        access_log: log::access_log(section("log"), report),
        certificates: tls::certificates(section("tls"), main_folder, report),
        resolvers: tls::resolvers(section("tls"), report),
        sites: Vec::new(),
        apps: Vec::new(),
        backup: ondol_model::plan::Backup::default(),
        care: ondol_model::plan::Care::default(),
    };
    let has_site = |root: &Section<'_>| {
        root.table("sites")
            .is_some_and(|sites| sites.named().next().is_some())
    };
    let is_known = main.is_none_or(|main| main.is_known(&MAIN));
    if is_known && !report.is_broken() && !roots.iter().any(has_site) {
        no_site(main, report);
    }
    let plan = across::apps(plan, apps, &sites, roots, report);
    let backup = backup::backup(section("backup"), main_folder, report);
    let plan = across::backup(plan, backup, roots, report);
    let care = care::care(main.copied(), plan.email.as_deref(), main_folder, report);
    let plan = across::care(plan, care, &sites, report);
    across::check(plan, sites, section("listen"), report)
}

fn no_site(main: Option<&Section<'_>>, report: &mut Report) {
    let is_including = main.is_some_and(|main| main.has("include"));
    let also = if is_including {
        " (the included files have none either)"
    } else {
        ""
    };
    report
        .lack(Place::top(0), format!("there is no site to serve{also}"))
        .help(format!("the smallest configuration is:\n{SMALLEST}"));
}

/// A path of the file system, relative to the folder of its file.
fn path(word: Word<'_>, folder: &Path, report: &mut Report) -> Option<std::path::PathBuf> {
    if word.text.is_empty() || word.text.contains(char::is_control) {
        let problem = format!("\"{}\" is not a path", repeated(word.text));
        report.add(word.at, problem);
        return None;
    }
    Some(folder.join(word.text))
}
