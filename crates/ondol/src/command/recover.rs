//! `ondol recover`: the whole box again, on any machine, from a sheet of paper.
//!
//! It needs no agent and nothing of this machine: what there was is in the backups. What is needed first comes back
//! first, and the sites answer before their large files are there. It can be cut off at any moment, and run again: it
//! goes on where it was.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use ondol_admin::client::Client;
use ondol_backup::Found;
use ondol_backup::ListWork;
use ondol_backup::Manifest;
use ondol_backup::Work;
use ondol_base::clock;

mod agent;
mod choice;
mod course;
mod environment;
mod ground;
mod jobs;
mod journal;
mod sheet;
mod told;

use choice::Choice;
use course::Course;
use course::Outcome;
use ground::Ground;
use jobs::Jobs;
use journal::Journal;

use crate::command::consent;
use crate::command::consent::Asked;
use crate::folders::Folders;
use crate::output;
use crate::since;

/// Flags of `ondol recover`.
#[derive(Debug, clap::Args)]
#[command(after_help = HOW)]
pub(crate) struct RecoverFlags {
    /// The recovery kit: a file with the text of the sheet, or `-` to type it here
    #[arg(long, value_name = "FILE")]
    pub(crate) kit: PathBuf,
    /// Where the backups are now, when that is elsewhere than the kit says: a folder or a URL
    #[arg(long, value_name = "PLACE")]
    pub(crate) target: Option<String>,
    /// The private key for ssh, when the backups are on another machine
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Bring the box back as it was then, instead of as it was last
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// A folder that is to be elsewhere on this machine; may be given several times
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) moved: Vec<String>,
    /// Only say what there is and what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Bring everything back, and start nothing
    #[arg(long)]
    pub(crate) no_start: bool,
    /// The user that talks to visitors, where it is not run as a service [default: ondol-web]
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Do not ask whether it is meant
    #[arg(long)]
    pub(crate) yes: bool,
}

const HOW: &str = "\
Configuration, certificates and keys come first, then the databases, then what the apps are started from; the sites \
answer from then on, while the rest of the files comes back. The box that the backups are of can't write to them any more. \
What stood in the way here is kept beside its place. Run again, it goes on where it was cut off.

Exit codes: 0 everything is back; 1 something is not, with the reason on standard error; 2 wrong usage.";

/// Brings the box back.
pub(crate) fn run(flags: &RecoverFlags, folders: &Folders) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.context("could not start the runtime")?;
    runtime.block_on(recover(flags, folders))
}

async fn recover(flags: &RecoverFlags, folders: &Folders) -> anyhow::Result<ExitCode> {
    let began = clock::now();
    let kit = sheet::read(&flags.kit)?;
    let target = sheet::elsewhere(&kit, flags.target.as_deref(), flags.identity.as_deref())?;
    let moved = ground::moves(&flags.moved)?;
    let journal = Journal::read(&folders.state)?;
    if journal.is_none() {
        refuse_beside_an_agent(folders).await?;
    }
    let mut jobs = Jobs::new(&kit, target)?;
    let found = jobs.run(Work::List(ListWork { browse: None })).await?;
    let Found::Listed {
        backups, damaged, ..
    } = found
    else {
        anyhow::bail!("the backups could not be listed");
    };
    for sentence in damaged {
        output::tell(&sentence)?;
    }
    let choice = chosen(flags, &backups, journal.as_ref())?;
    let ground = Ground::new(folders, &choice.manifest, moved);
    output::print(&told::overview(&kit, &choice, &ground, journal.as_ref()))?;
    if flags.dry_run {
        output::print("Nothing was changed.\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    let obstacles = ground.obstacles(journal.as_ref());
    let asked = Asked {
        what_happens: &obstacles,
        question: "Bring it back?",
        nobody: "nobody can be asked here whether the box is to be brought back: say --yes",
    };
    if !flags.yes && !consent::is_meant(&asked)? {
        output::tell("Nothing was changed.")?;
        return Ok(ExitCode::FAILURE);
    }
    let mut course = Course::new(folders, ground, choice, kit, jobs, journal)?;
    course.start_agent = !flags.no_start;
    course.user.clone_from(&flags.user);
    course.elsewhere = flags.target.is_some();
    let outcome = course.run().await;
    told::end(&course, outcome.as_ref(), began.elapsed())?;
    Ok(match outcome? {
        Outcome::Whole => ExitCode::SUCCESS,
        Outcome::Partial => ExitCode::FAILURE,
    })
}

/// What is brought back: what was begun before, or what the flags say of what there is.
fn chosen(
    flags: &RecoverFlags,
    backups: &[Manifest],
    journal: Option<&Journal>,
) -> anyhow::Result<Choice> {
    let now = clock::unix_seconds();
    let asked = flags
        .at
        .as_deref()
        .map(|text| since::parse(text, now, None));
    let asked = asked.transpose().map_err(anyhow::Error::msg)?;
    if let (Some(journal), Some(asked)) = (journal, asked)
        && journal.at != asked
    {
        anyhow::bail!(
            "a recovery of {} was begun here and is not over: go on with it without --at, or begin anew after removing {}",
            clock::minute_in(None, journal.at),
            journal.path().display()
        );
    }
    let at = journal.map(|journal| journal.at).or(asked);
    choice::choose(backups, at).map_err(anyhow::Error::msg)
}

/// What runs is not replaced under its feet.
async fn refuse_beside_an_agent(folders: &Folders) -> anyhow::Result<()> {
    let is_held = ondol_base::file::is_locked(&folders.lock()).unwrap_or(false);
    let answers = Client::new(folders.admin_socket()).status().await.is_ok();
    if is_held || answers {
        anyhow::bail!(
            "Ondol runs on this machine, in {}. To bring back single files, databases or sites use `ondol restore`; to \
             replace all of this box, stop it first (`systemctl stop ondol`)",
            folders.state.display()
        );
    }
    Ok(())
}
