//! The flags of verbs about backups.

use std::path::PathBuf;

use clap::ArgGroup;
use clap::Args;
use clap::Subcommand;

use super::ShowFlags;

/// What `ondol backup` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Take a backup now, and wait until it is there
    Now(BackupNowFlags),
    /// List the backups that a target has
    List(BackupListFlags),
    /// List what is in a folder of a backup
    Browse(BrowseFlags),
    /// Read back what is stored, then restore the newest backup to a scratch folder and compare
    Verify(VerifyFlags),
    /// Do the same, and start the apps on what was restored: nothing that visitors see is touched
    Drill(OnTargetFlags),
    /// Remove backups that are not to be kept any more
    Prune(PruneFlags),
    /// Take what is damaged out of the index, so that the next backup saves it anew
    Repair(PruneFlags),
    /// Print the recovery kit: all that is needed, besides a fresh machine, to have everything back
    Kit(KitFlags),
}

/// Flags of `ondol backup now`.
#[derive(Debug, Args)]
#[command(after_help = FOLLOWED)]
pub(crate) struct BackupNowFlags {
    /// Where to [default: each target, one after another]
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// The databases alone
    #[arg(long)]
    pub(crate) databases: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

const FOLLOWED: &str = "\
Ctrl-C ends the watching alone: the job goes on, and `ondol backups` shows how it ends.

Exit codes: 0 done, and nothing is missing; 1 failed, or something is missing, with the reason on standard error; 2 wrong \
usage; 3 no Ondol is running; 130 Ctrl-C.";

/// Flags of `ondol backup list`.
#[derive(Debug, Args)]
pub(crate) struct BackupListFlags {
    /// The target that is asked [default: the one with the newest good backup]
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Only those that a restore to this moment would use: `1h`, `14:00`, `yesterday`, `2026-11-21 14:00`
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// How many at most, the newest
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 30)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of `ondol backup browse`.
#[derive(Debug, Args)]
pub(crate) struct BrowseFlags {
    /// The backup, as `ondol backup list` calls it
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// The folder in it
    #[arg(value_name = "PATH", default_value = "/")]
    pub(crate) path: String,
    /// The target that is asked [default: the one with the newest good backup]
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of `ondol backup verify`.
#[derive(Debug, Args)]
#[command(after_help = FOLLOWED)]
pub(crate) struct VerifyFlags {
    /// At which target [default: each, one after another]
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Read everything back, and not only the share that is due
    #[arg(long)]
    pub(crate) full: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of a verb that takes a target alone.
#[derive(Debug, Args)]
#[command(after_help = FOLLOWED)]
pub(crate) struct OnTargetFlags {
    /// At which target [default: each, one after another]
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of `ondol backup prune` and `repair`.
#[derive(Debug, Args)]
#[command(after_help = WITH)]
pub(crate) struct PruneFlags {
    /// At which target [default: each, one after another]
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// A file with a credential that may remove, where the box's own may not
    #[arg(long, value_name = "FILE")]
    pub(crate) with: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

const WITH: &str = "\
The file of --with has lines NAME=VALUE: `key` and `secret` for a bucket, `user` and `password` for a REST server, or \
`identity`, the path of a private key, for ssh. It is read once, and nothing of it is kept: best from a stick that is \
not left in the machine, so that whoever breaks into it can't remove the backups.

Exit codes: 0 done; 1 refused or failed, with the reason on standard error; 2 wrong usage; 3 no Ondol is running; 130 \
Ctrl-C.";

/// Flags of `ondol backup kit`.
#[derive(Debug, Args)]
pub(crate) struct KitFlags {
    /// Of which target [default: the first that is not on this machine]
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Type a line of the kit back, so that it is known that you have it and can read it
    #[arg(long, conflicts_with_all = ["text", "picture"])]
    pub(crate) confirm: bool,
    /// Write the sheet to this new file, instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(crate) text: Option<PathBuf>,
    /// Write the picture that a camera reads to this new file, `.svg` or `.png`
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
}

/// Flags of `ondol restore`.
#[derive(Debug, Args)]
#[command(after_help = RESTORED)]
#[command(group(ArgGroup::new("what").required(true).args(["paths", "database", "app", "site", "all"])))]
pub(crate) struct RestoreFlags {
    /// Files and folders
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// A database; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Vec<String>,
    /// An app: what it is started from, its data and its databases
    #[arg(long, value_name = "APP")]
    pub(crate) app: Option<String>,
    /// A site: its folders, and its apps
    #[arg(long, value_name = "SITE")]
    pub(crate) site: Option<String>,
    /// All sites, apps and databases
    #[arg(long)]
    pub(crate) all: bool,
    /// As it was at this moment: `1h`, `14:00`, `yesterday`, `2026-11-21 14:00` [default: the newest]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Below this folder [default: where it was]
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// From which target [default: the one with the newest good backup]
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Let it take the place of what is there also when some of it could not be restored
    #[arg(long, conflicts_with = "to")]
    pub(crate) incomplete: bool,
    /// Do not ask whether it is meant
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

const RESTORED: &str = "\
Everything is restored beside its place first, while the sites run. When it is whole, the apps that use it are stopped, it \
takes its place, and they are started; what was there before is kept beside it. Ctrl-C ends the watching alone: the \
restore goes on.

Exit codes: 0 all of it is back; 1 it is not, with the reason on standard error; 2 wrong usage; 3 no Ondol is running; \
130 Ctrl-C.";
