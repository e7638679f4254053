//! `ondol check`: every mistake of a configuration with its place, or what it would change and what this
//! machine can't enforce.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use ondol_apps::Groups;
use ondol_base::chain::Chain;
use ondol_base::clock;
use ondol_base::file;
use ondol_config::Ink;
use ondol_config::Mistakes;
use ondol_model::Plan;
use ondol_model::diff;
use ondol_model::plan::App;

use crate::cli::CheckFlags;
use crate::configuration::Configuration;
use crate::control::told;
use crate::examine;
use crate::examine::Subject;
use crate::folders::Folders;
use crate::folders::Person;
use crate::last_good;
use crate::listeners;
use crate::listeners::ListenerKey;
use crate::sandbox::ServeUser;
use crate::sandbox::UserError;

/// Prints what it finds; any mistake is exit code 1.
pub(crate) fn run(flags: &CheckFlags, folders: &Folders) -> anyhow::Result<ExitCode> {
    let file = flags.file.as_deref().unwrap_or(&folders.config);
    let ink = if io::stderr().is_terminal() {
        Ink::Colored
    } else {
        Ink::Plain
    };
    let configuration = match Configuration::read(file) {
        Ok(configuration) => configuration,
        Err(error) => return refuse(&error.render(ink)),
    };
    let served = Served::of(folders);
    let (user, missing_user) = match ServeUser::find(Person::current(), flags.user.as_deref()) {
        Ok(user) => (user, None),
        // The file can be checked before its box is set up: folders are then looked at as anybody would.
        Err(error @ UserError::Missing(_)) if flags.user.is_none() => {
            (ServeUser::anybody(), Some(error))
        }
        Err(error) => return refuse(&format!("{}\n", Chain(&error))),
    };
    let trouble_with_log = match missing_user {
        None => examine::trouble_with_log(&folders.access_log(), &user),
        Some(_) => None,
    };
    let findings = examine::examine(Subject {
        plan: &configuration.plan,
        origins: &configuration.origins,
        state: &folders.state,
        user: &user,
        held: &served.listeners,
        now: clock::unix_seconds(),
    });
    if !findings.mistakes.is_empty() {
        return refuse(&Mistakes(findings.mistakes).render(ink));
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", fine(file, &configuration.plan))?;
    writeln!(out, "{}", served.compared_with(&configuration.plan))?;
    for sentence in findings.notes {
        writeln!(out, "\nnote: {sentence}")?;
    }
    for warning in findings.warnings {
        writeln!(out, "\n{}", warning.to_string().trim_end())?;
    }
    if let Some(error) = missing_user {
        writeln!(
            out,
            "\nnote: `ondol run` will refuse to start as root: {error}"
        )?;
    }
    if let Some(trouble) = trouble_with_log {
        writeln!(out, "\nnote: `ondol run` will refuse to start: {trouble}")?;
    }
    for sentence in findings.unenforced {
        writeln!(out, "\nnote: {sentence}")?;
    }
    for sentence in unenforced(&configuration.plan.apps)? {
        writeln!(out, "\nnote: {sentence}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What this machine can't enforce of what apps ask for; what is so for several apps names them all.
fn unenforced(apps: &[App]) -> anyhow::Result<Vec<String>> {
    if apps.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let groups = runtime
        .context("could not start the runtime")?
        .block_on(Groups::look());
    let mut sentences: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for app in apps {
        for sentence in ondol_apps::unenforced(app, &groups) {
            sentences
                .entry(sentence)
                .or_default()
                .push(app.name.as_str());
        }
    }
    let sentences = sentences.into_iter();
    let told = sentences.map(|(sentence, names)| format!("{}: {sentence}", names.join(", ")));
    Ok(told.collect())
}

fn refuse(text: &str) -> anyhow::Result<ExitCode> {
    io::stderr().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::FAILURE)
}

fn fine(file: &Path, plan: &Plan) -> String {
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let sites = count(plan.sites.len(), "site");
    let apps = match plan.apps.len() {
        0 => String::new(),
        apps => format!(", {}", count(apps, "app")),
    };
    format!("{} is fine: {sites}{apps}.", file.display())
}

/// What is served on this state folder, as far as another process can know.
struct Served {
    plan: Option<Plan>,
    /// What the agent holds; nothing when none runs.
    listeners: BTreeSet<ListenerKey>,
    agent: Agent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Agent {
    Runs,
    Absent,
}

impl Served {
    fn of(folders: &Folders) -> Self {
        let copy = last_good::read(&folders.last_good()).ok().flatten();
        let configuration = copy.and_then(|copy| Configuration::accept(copy.sources).ok());
        let plan = configuration.map(|configuration| Plan::clone(&configuration.plan));
        // Who may not look sees no agent.
        let is_held = file::is_locked(&folders.lock()).unwrap_or(false);
        let agent = if is_held { Agent::Runs } else { Agent::Absent };
        let held = plan.iter().filter(|_| is_held);
        let listeners = held
            .flat_map(|plan| listeners::keys(&plan.listen))
            .collect();
        Self {
            plan,
            listeners,
            agent,
        }
    }

    fn compared_with(&self, plan: &Plan) -> String {
        let Some(served) = &self.plan else {
            return "Nothing was served with it yet.".to_owned();
        };
        let changes = diff::changes(served, plan);
        let reference = match self.agent {
            Agent::Runs => "what is served now",
            Agent::Absent => "what was served last",
        };
        if changes.is_empty() {
            return format!("It says the same as {reference}.");
        }
        format!("Compared with {reference}: {}.", told(&changes))
    }
}
