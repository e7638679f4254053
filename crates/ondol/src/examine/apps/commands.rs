//! What apps run: found where the file leaves it open, and whether its programs are there.

pub(in crate::examine) mod program;

use std::path::Path;

use ondol_apps::listing;
use ondol_apps::preview;
use ondol_config::KeyPath;
use ondol_model::app::detect;
use ondol_model::app::detect::Detected;
use ondol_model::app::detect::Listing;
use ondol_model::app::procfile;
use ondol_model::plan::AppListen;

use super::Look;
use crate::examine::Findings;

pub(super) fn examine(look: &Look<'_>, findings: &mut Findings) {
    if let Some(pool) = &look.app.php {
        if let Err(problem) = preview::php_fpm(pool) {
            let problem = format!("{problem} (app `{}`)", look.app.name);
            let help = "until then, nothing answers what is sent to it";
            findings.mistake(look.subject, &look.key("php").key("program"), problem, help);
        }
    } else if look.app.run.is_none() {
        found(look, findings);
    }
    for (key, command) in named(look) {
        programs(look, &key, command, findings);
    }
}

/// The commands that stand in the file.
fn named<'l>(look: &'l Look<'_>) -> Vec<(KeyPath, &'l str)> {
    let app = look.app;
    let single = [
        ("run", &app.run),
        ("build", &app.build),
        ("release", &app.release),
    ];
    let single = single
        .into_iter()
        .filter_map(|(key, command)| Some((look.key(key), command.as_deref()?)));
    let processes = app
        .processes
        .iter()
        .map(|(name, run)| (look.key("processes").key(name.as_str()), &**run));
    let cron = app
        .cron
        .iter()
        .enumerate()
        .map(|(index, line)| (look.key("cron").index(index).key("run"), &*line.run));
    single.chain(processes).chain(cron).collect()
}

/// An app whose file names no command: what its own files say.
fn found(look: &Look<'_>, findings: &mut Findings) {
    let Some(listing) = look.dir().and_then(|dir| listing::read(dir).ok()) else {
        return;
    };
    let key = look.key("dir");
    if let Some(run) = of_procfile(&listing) {
        let build = look.app.build.is_none().then(|| detect::build(&listing));
        let detected = Detected {
            run,
            listen: look.app.listen.unwrap_or(AppListen::Port),
            build: build.flatten(),
            why: "its Procfile".to_owned(),
        };
        return tell(look, &key, detected, findings);
    }
    match detect::detect_for(&listing, look.app.listen) {
        Some(detected) => tell(look, &key, detected, findings),
        None => nothing(look, &listing, findings),
    }
}

fn of_procfile(listing: &Listing) -> Option<String> {
    let lines = procfile::parse(listing.text("Procfile")?);
    let mut web = lines.into_iter().filter(|(name, _)| name.is_web());
    web.next().map(|(_, run)| run)
}

fn tell(look: &Look<'_>, key: &KeyPath, detected: Detected, findings: &mut Findings) {
    let Detected {
        run,
        listen,
        build,
        why,
    } = detected;
    let name = &look.app.name;
    let socket = match listen {
        AppListen::Fd => "on the socket that Ondol hands it",
        AppListen::Unix => "on $ONDOL_SOCKET",
        AppListen::Port => "on $PORT",
    };
    let built = match build.filter(|_| look.app.build.is_none()) {
        Some(build) => format!(" Its releases are made with `{build}`."),
        None => String::new(),
    };
    programs(look, key, &run, findings);
    findings.notes.push(format!(
        "The app `{name}` runs `{run}` {socket} (found by {why}); `run` and `build` in [apps.{name}] say otherwise.{built}"
    ));
}

fn nothing(look: &Look<'_>, listing: &Listing, findings: &mut Findings) {
    let name = &look.app.name;
    if let (Some(found), Some(listen)) = (detect::detect(listing), look.app.listen) {
        let (run, why, word) = (found.run, found.why, listen.word());
        findings.mistake(
            look.subject,
            &look.key("listen"),
            format!(
                "`{run}`, found by {why}, gets its socket by another way than \"{word}\" (app `{name}`)"
            ),
            format!(
                "leave `listen` out, or write \"{}\"; or name a command of your own as `run`",
                found.listen.word()
            ),
        );
        return;
    }
    let dir = look.dir().unwrap_or(Path::new("")).display();
    let problem = format!("nothing says how {dir} is run (app `{name}`)");
    let command = "name the command of its web process as `run`, or in a Procfile as `web: …`";
    let help = match detect::hint(listing) {
        Some(hint) => format!("{hint};\nor {command}"),
        None => command.to_owned(),
    };
    findings.mistake(look.subject, &look.key("dir"), problem, help);
}

/// Whether the program of a command is there, as far as that can be told: what a build makes is not there yet.
fn programs(look: &Look<'_>, key: &KeyPath, command: &str, findings: &mut Findings) {
    let Some((problem, help)) = program::trouble(command, look.dir(), &look.path) else {
        return;
    };
    let name = &look.app.name;
    findings.warn(look.subject, key, format!("{problem} (app `{name}`)"), help);
}
