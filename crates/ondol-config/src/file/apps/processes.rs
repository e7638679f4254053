//! What an app runs besides its web process: `build`, `release`, `processes`.

use ondol_model::app::ProcessName;
use ondol_model::plan::App;

use super::check_command;
use super::command;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

/// Each of them is a process of every launch.
const PROCESSES_MAX: usize = 16;

pub(super) const BUILD: Key = Key {
    name: "build",
    doc: "The command that prepares a release, run in its folder, which it may write. A build that fails changes nothing. Without it and without `run`, what its files ask for (`ondol check` tells).",
    shape: Shape::Text(Form {
        what: "a command",
        example: "bundle install --deployment && bin/rails assets:precompile",
    }),
    absent: Absent::Means,
};

pub(super) const RELEASE: Key = Key {
    name: "release",
    doc: "The command that is run once between build and start, such as migrations of its database. Without it, the line `release` of its Procfile, if any.",
    shape: Shape::Text(Form {
        what: "a command",
        example: "bin/rails db:migrate",
    }),
    absent: Absent::Means,
};

pub(super) const PROCESSES: Key = Key {
    name: "processes",
    doc: "What it runs besides its web process, by name. Without `run`, the other lines of its Procfile too.",
    shape: Shape::Map(
        Form {
            what: "names of processes",
            example: "worker",
        },
        &Shape::Text(Form {
            what: "a command",
            example: "bundle exec sidekiq",
        }),
    ),
    absent: Absent::Means,
};

pub(super) fn read(section: Section<'_>, app: &mut App, report: &mut Report) {
    app.build = command(section, BUILD.name, report);
    app.release = command(section, RELEASE.name, report);
    for (name, run) in section.pairs(PROCESSES.name) {
        let run = check_command(name.text, run, report);
        let instead = match name.text {
            "web" => Some("`run`"),
            "release" => Some("`release`, a key of the app"),
            _ => None,
        };
        if let Some(instead) = instead {
            report
                .add(
                    name.at,
                    format!("`{}` is not one of `processes`", name.text),
                )
                .help(format!("write its command as {instead}"));
            continue;
        }
        match ProcessName::parse(name.text) {
            Ok(name) => {
                app.processes.extend(run.map(|run| (name, run)));
            }
            Err(error) => {
                let problem = format!("\"{}\" is not the name of a process", repeated(name.text));
                report.add(name.at, problem).help(error.to_string());
            }
        }
    }
    if app.processes.len() > PROCESSES_MAX {
        let problem =
            format!("these are more processes than the {PROCESSES_MAX} that an app can have");
        report.add(section.key_at(PROCESSES.name), problem);
    }
}
