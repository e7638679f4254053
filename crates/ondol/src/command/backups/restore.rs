//! `ondol restore`: what the owner wants back.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use ondol_admin::api;
use ondol_admin::api::RestoreWhat;
use ondol_admin::api::Time;
use ondol_admin::client::Client;
use ondol_base::clock;

use super::follow;
use super::follow::Ends;
use super::follow::Followed;
use super::list::moment;
use crate::cli::RestoreFlags;
use crate::command::consent;
use crate::output;
use crate::output::Format;
use crate::span;

/// Faults that are printed; JSON has all.
const FAULTS_SHOWN_MAX: usize = 50;
/// Paths that are named before it begins.
const PATHS_SHOWN_MAX: usize = 10;

pub(in crate::command) async fn run(
    client: &Client,
    flags: &RestoreFlags,
) -> anyhow::Result<ExitCode> {
    let format = flags.show.format();
    let zone = client.status().await?.timezone;
    let question = question(flags, zone.as_deref())?;
    let plan = client.plan_restore(&question).await?;
    if !plan.accepted {
        return follow::refused(&plan.message, format);
    }
    if question.to.is_none() && flags.yes && format == Format::Human {
        for note in &plan.notes {
            output::tell(note)?;
        }
    }
    if question.to.is_none() && !flags.yes {
        let copies = Copies {
            backups: &client.backups().await?,
            zone: zone.as_deref(),
            now: clock::unix_seconds(),
        };
        let asked = consent::Asked {
            what_happens: &what_happens(&question, &plan, copies),
            question: "Put it back?",
            nobody: "nobody can be asked here whether this is to be put back: say --yes, or --to DIR for a copy elsewhere",
        };
        if !consent::is_meant(&asked)? {
            output::tell("Nothing changed.")?;
            return Ok(ExitCode::FAILURE);
        }
    }
    let answer = client.restore(&question).await?;
    let Some(job) = answer.job.filter(|_| answer.accepted) else {
        return follow::refused(&answer.message, format);
    };
    if format == Format::Json {
        return follow::to_the_end(client, &answer, format).await;
    }
    match follow::follow(client, job, Ends::Told).await? {
        Followed::Over(ends) => {
            for end in &ends {
                print_rest(&end.found)?;
            }
            Ok(follow::exit_code(ends.iter().all(|end| end.good)))
        }
        Followed::Left => follow::left(),
    }
}

fn question(flags: &RestoreFlags, zone: Option<&str>) -> anyhow::Result<api::RestoreQuestion> {
    let RestoreFlags {
        paths,
        database,
        app,
        site,
        all: _,
        at,
        to,
        target,
        incomplete,
        yes: _,
        show: _,
    } = flags;
    let what = match (app, site) {
        (Some(app), _) => RestoreWhat::App(app.clone()),
        (None, Some(site)) => RestoreWhat::Site(site.clone()),
        (None, None) if !paths.is_empty() => {
            let paths = paths.iter().map(|path| absolute(path));
            RestoreWhat::Paths(paths.collect::<anyhow::Result<_>>()?)
        }
        (None, None) if !database.is_empty() => RestoreWhat::Databases(database.clone()),
        (None, None) => RestoreWhat::Everything,
    };
    let at = at.as_deref().map(|at| moment(at, zone)).transpose()?;
    Ok(api::RestoreQuestion {
        what,
        target: target.clone(),
        at: at.map(Time::from_unix_seconds),
        to: to.as_deref().map(absolute).transpose()?,
        incomplete: *incomplete,
    })
}

/// As the agent is to understand it, from wherever this is run; what is gone can be named too.
fn absolute(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let absolute = std::path::absolute(path).with_context(|| format!("{shown} is no path"))?;
    let mut plain = std::path::PathBuf::new();
    for part in absolute.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    let text = plain.to_str().map(str::to_owned);
    text.with_context(|| {
        format!("{shown} is no UTF-8, and the agent can't be told of it: name its folder")
    })
}

/// What there is to be put back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copies<'c> {
    pub(super) backups: &'c api::Backups,
    pub(super) zone: Option<&'c str>,
    pub(super) now: i64,
}

impl Copies<'_> {
    fn moment(self, at: Time) -> String {
        let at = at.unix_seconds();
        let minute = clock::minute_in(self.zone, at);
        format!("{minute}, {}", span::relative(at, self.now))
    }

    /// How old the newest copy of files is.
    fn of_files(self) -> Option<String> {
        self.backups.last_good_at.map(|at| self.moment(at))
    }

    /// How old the newest copy of a database is.
    fn of_database(self, name: &str) -> Option<String> {
        let mut databases = self.backups.databases.iter();
        let found = databases.find(|database| database.name == name)?;
        found.as_of.map(|at| self.moment(at))
    }
}

/// What is about to happen, in paragraphs.
pub(super) fn what_happens(
    question: &api::RestoreQuestion,
    plan: &api::RestoreAnswer,
    copies: Copies<'_>,
) -> Vec<String> {
    let api::RestoreAnswer {
        accepted: _,
        message: _,
        paths,
        databases,
        stopped,
        notes,
    } = plan;
    // Of a moment, or of one target, the job finds which copy that is. Where a proof failed, another target is asked.
    let targets = &copies.backups.targets;
    let is_newest = question.at.is_none()
        && question.target.is_none()
        && targets.iter().all(|target| target.failed_proof.is_none());
    let from = match question.at {
        Some(at) => format!(
            "as of {} at the latest",
            clock::minute_in(copies.zone, at.unix_seconds())
        ),
        None if paths.is_empty() && !databases.is_empty() => "from the newest copy".to_owned(),
        None => match copies.of_files().filter(|_| is_newest) {
            Some(moment) => format!("from the newest backup ({moment})"),
            None => "from the newest backup".to_owned(),
        },
    };
    let mut paragraphs = Vec::new();
    if paths.is_empty() && databases.is_empty() {
        paragraphs.push(format!(
            "All sites, apps and databases are put back {from}."
        ));
    } else {
        let mut lines = vec![format!("These are put back {from}:")];
        lines.extend(
            paths
                .iter()
                .take(PATHS_SHOWN_MAX)
                .map(|path| format!("  {path}")),
        );
        if let more @ 1.. = paths.len().saturating_sub(PATHS_SHOWN_MAX) {
            lines.push(format!("  and {} more", output::grouped(more as u64)));
        }
        lines.extend(databases.iter().map(|name| {
            match copies.of_database(name).filter(|_| is_newest) {
                Some(moment) => format!("  the database {name} ({moment})"),
                None => format!("  the database {name}"),
            }
        }));
        paragraphs.push(lines.join("\n"));
    }
    let aside = "What is there now is kept beside it; what was written since is only there.";
    paragraphs.push(match stopped.as_slice() {
        [] => aside.to_owned(),
        names => format!(
            "{} stands still for a moment meanwhile. {aside}",
            names.join(", ")
        ),
    });
    paragraphs.extend(notes.iter().cloned());
    paragraphs
}

/// What did not come back, and where what was there before is.
fn print_rest(found: &api::BackupFound) -> anyhow::Result<()> {
    let mut faults: Vec<_> = found
        .faults
        .iter()
        .take(FAULTS_SHOWN_MAX)
        .cloned()
        .collect();
    if let more @ 1.. = found.faults.len().saturating_sub(FAULTS_SHOWN_MAX) {
        faults.push(format!("and {} more", output::grouped(more as u64)));
    }
    for fault in faults {
        output::tell(&format!("  {fault}"))?;
    }
    if found.kept.is_empty() {
        return Ok(());
    }
    let kept = found.kept.iter().map(|kept| format!("  {}\n", kept.kept));
    let kept: String = kept.collect();
    let text = format!("What was there before is kept, until you remove it:\n{kept}");
    Ok(output::print(&text)?)
}
