//! Ondol: one binary, three roles. This file only chooses which.

mod app_requests;
mod backup_requests;
mod boot;
mod cert_requests;
mod certificate_of;
mod cli;
mod command;
mod configuration;
mod control;
mod doctor;
mod events;
mod examine;
mod facts;
mod folders;
mod generation;
mod handover;
mod last_good;
mod link;
mod listeners;
mod logging;
mod near;
mod output;
mod own;
mod published;
mod reload;
mod sandbox;
mod serve;
mod signals;
mod since;
mod span;
mod table;
mod upgrade;
mod watch_requests;

use std::io;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::cli::Command;
use crate::cli::Environment;
use crate::folders::Folders;
use crate::folders::Person;

fn main() -> ExitCode {
    let Cli { folders, command } = Cli::parse();
    let environment = Environment::read();
    let places = || Folders::resolve(&folders, Person::current(), &environment);
    let outcome = match &command {
        Command::Run(flags) => places().and_then(|folders| boot::run(flags, folders, &environment)),
        Command::Serve(flags) => serve::run(flags, &environment),
        Command::Job => Ok(ondol_backup::run_job()),
        Command::OnApp(what) => places().and_then(|folders| command::on_app(what, &folders)),
        Command::Backup(what) => places().and_then(|folders| command::backup(what, &folders)),
        Command::Alarm(what) => places().and_then(|folders| command::alarm(what, &folders)),
        Command::Doctor(flags) => places().and_then(|folders| doctor::run(flags, &folders)),
        Command::Restore(flags) => places().and_then(|folders| command::restore(flags, &folders)),
        Command::Exec(flags) => command::exec::run(flags, places, &environment.terminal),
        Command::Check(flags) => places().and_then(|folders| command::check::run(flags, &folders)),
        Command::Reload => places().and_then(|folders| command::reload::run(&folders)),
        Command::Upgrade(flags) => {
            places().and_then(|folders| command::upgrade::run(flags, &folders))
        }
        Command::Show(what) => places().and_then(|folders| command::show(what, &folders)),
        Command::Recover(flags) => {
            places().and_then(|folders| command::recover::run(flags, &folders))
        }
        Command::Demo(flags) => command::demo::run(flags),
        Command::Password(flags) => command::password::run(flags),
        Command::Schema(_) => command::schema::run(),
        Command::Completions(flags) => command::completions::run(flags),
        Command::Version(flags) => command::version::run(flags),
    };
    outcome.unwrap_or_else(|error| {
        let is_service = matches!(command, Command::Run(_) | Command::Serve(_));
        if !is_service && command::is_closed_output(&error) {
            return ExitCode::SUCCESS;
        }
        // There is nobody left to tell when standard error is gone.
        let _ = writeln!(io::stderr(), "ondol: {error:#}");
        if let Some(hint) = command::hint(&error) {
            let _ = writeln!(io::stderr(), "{hint}");
        }
        command::exit_code(&error)
    })
}
