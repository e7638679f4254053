//! `[apps.NAME]`: a program that Ondol runs.

pub(super) mod cron;
mod env;
mod health;
mod php;
mod processes;
mod shares;
pub(super) mod source;
mod times;

use std::path::Path;

use ondol_model::AppName;
use ondol_model::plan::App;
use ondol_model::plan::AppListen;
use ondol_model::plan::SwapKind;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

/// What a name of an app looks like.
pub(super) const NAME: Form = Form {
    what: "the name of an app",
    example: "coffee",
};

const COMMAND: Form = Form {
    what: "a command",
    example: "bundle exec puma -b $ONDOL_BIND",
};

pub(super) const APPS: Key = Key {
    name: "apps",
    doc: "The apps: programs that Ondol runs, each under its name: `[apps.coffee]`. A site or route sends its requests to one with `app = \"coffee\"`.",
    shape: Shape::Named(NAME, &APP),
    absent: Absent::Means,
};

pub(crate) static APP: Table = Table {
    title: "an app",
    doc: "A program that Ondol runs: it is started, kept up, kept apart from the others, and its releases are changed with no failed request.",
    keys: &[
        source::DIR,
        source::GIT,
        Key {
            name: "run",
            doc: "The command of its web process, for `sh`, in the folder of its release. Without it, the line `web` of its Procfile, else what its files say (`ondol check` tells).",
            shape: Shape::Text(COMMAND),
            absent: Absent::Means,
        },
        Key {
            name: "listen",
            doc: "How its web process gets its socket: `port`, it listens on 127.0.0.1 and `$PORT`; `unix`, on `$ONDOL_SOCKET`; `fd`, Ondol listens and hands the socket on as descriptor 3 (`LISTEN_FDS`), so that a restart loses no connection. `$ONDOL_BIND` is each of them as puma writes it. Without it, `port`, or what suits the command that was found.",
            shape: Shape::Choice(&["port", "unix", "fd"]),
            absent: Absent::Means,
        },
        Key {
            name: "instances",
            doc: "How many web processes it has; they share the requests.",
            shape: Shape::Number { min: 1, max: 64 },
            absent: Absent::Default("1"),
        },
        health::READY,
        health::HEALTH,
        Key {
            name: "swap",
            doc: "How a new release takes the place of the old one: `overlap`, it starts beside it; `hold`, requests wait while the old one is stopped and the new one started, for what must not run twice (SQLite, a lock on a file); `restart`, the same without waiting longer for requests that are under way than `drain_timeout`.",
            shape: Shape::Choice(&["overlap", "hold", "restart"]),
            absent: Absent::Default("\"overlap\""),
        },
        times::WATCH,
        processes::BUILD,
        processes::RELEASE,
        processes::PROCESSES,
        cron::CRON,
        env::ENV,
        env::ENV_FILES,
        shares::USER,
        shares::MEMORY,
        shares::CPU,
        shares::TASKS,
        times::IDLE_STOP,
        source::WRITE,
        source::DATA,
        Key {
            name: "after",
            doc: "Apps that start before it when the box does, and that it waits for until they are ready: its database.",
            shape: Shape::OneOrMore(&Shape::Text(NAME)),
            absent: Absent::Means,
        },
        times::START_TIMEOUT,
        times::STOP_TIMEOUT,
        times::DRAIN_TIMEOUT,
        Key {
            name: "releases",
            doc: "How many releases are kept, that one can go back to.",
            shape: Shape::Number { min: 2, max: 100 },
            absent: Absent::Default("5"),
        },
        php::PHP,
    ],
    later: &[],
};

/// An app with the places that checks across apps show.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) plan: App,
    /// Where its name stands.
    pub(super) at: Place,
    /// Where the names in `after` stand.
    pub(super) after: Vec<Place>,
    /// Where `idle_stop` stands, if it is on.
    pub(super) idle_stop: Option<Place>,
}

/// The apps of one file. One whose name cannot be read is reported and left out.
pub(super) fn apps(root: Section<'_>, folder: &Path, report: &mut Report) -> Vec<Placed> {
    let apps = root.table(APPS.name);
    let apps = apps.iter().flat_map(Section::named);
    apps.filter_map(|(name, section)| app(name, section, folder, report))
        .collect()
}

/// The name of an app where one stands.
pub(super) fn name(word: Word<'_>, report: &mut Report) -> Option<AppName> {
    match AppName::parse(word.text) {
        Ok(name) => Some(name),
        Err(error) => {
            let problem = format!("\"{}\" is not the name of an app", repeated(word.text));
            report.add(word.at, problem).help(error.to_string());
            None
        }
    }
}

fn app(word: Word<'_>, section: Section<'_>, folder: &Path, report: &mut Report) -> Option<Placed> {
    let name = name(word, report);
    // What else is wrong with an app without a name is told with it.
    let mut app = App::named(name.clone().or_else(|| AppName::parse("app").ok())?);
    source::read(section, folder, &mut app, report);
    app.run = command(section, "run", report);
    app.listen = listen(section);
    if let Some(instances) = section.number("instances") {
        app.instances = instances.try_into().unwrap_or(app.instances);
    }
    health::read(section, &mut app, report);
    app.swap = match section.text("swap").map(|word| word.text) {
        Some("hold") => SwapKind::Hold,
        Some("restart") => SwapKind::Restart,
        Some(_) | None => SwapKind::Overlap,
    };
    processes::read(section, &mut app, report);
    app.cron = cron::cron(section, report);
    env::read(section, folder, &mut app, report);
    shares::read(section, &mut app, report);
    let after = after(section, report);
    app.after = after.iter().map(|(name, _)| name.clone()).collect();
    times::read(section, &mut app, report);
    if let Some(releases) = section.number("releases") {
        app.releases = releases.try_into().unwrap_or(app.releases);
    }
    app.php = php::php(section, report);
    let idle_stop = app.idle_stop.map(|_| section.key_at("idle_stop"));
    name.map(|_| Placed {
        plan: app,
        idle_stop,
        at: word.at,
        after: after.into_iter().map(|(_, at)| at).collect(),
    })
}

fn listen(section: Section<'_>) -> Option<AppListen> {
    match section.text("listen")?.text {
        "fd" => Some(AppListen::Fd),
        "unix" => Some(AppListen::Unix),
        "port" => Some(AppListen::Port),
        _ => None,
    }
}

fn after(section: Section<'_>, report: &mut Report) -> Vec<(AppName, Place)> {
    let words = section.texts("after").unwrap_or_default().into_iter();
    words
        .filter_map(|word| Some((name(word, report)?, word.at)))
        .collect()
}

/// A command of a key.
fn command(section: Section<'_>, key: &str, report: &mut Report) -> Option<String> {
    let word = section.text(key)?;
    check_command(key, word, report)
}

/// A command must be something, and `sh` can be told no zero byte.
pub(super) fn is_command(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\0')
}

fn check_command(key: &str, word: Word<'_>, report: &mut Report) -> Option<String> {
    let is_command = is_command(word.text);
    if !is_command {
        report
            .add(word.at, format!("`{}` is not a command", repeated(key)))
            .help(format!("accepted: {}", COMMAND.accepted()));
    }
    is_command.then(|| word.text.to_owned())
}
