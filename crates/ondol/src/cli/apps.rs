//! The flags of verbs about apps.

use clap::Args;
use clap::Subcommand;

use super::ShowFlags;

/// Verbs that have the agent do something with an app.
#[derive(Debug, Subcommand)]
pub(crate) enum OnApp {
    /// Make a release of an app, and put it in the place of the present one without a failed request
    Deploy(DeployFlags),
    /// Put the release before in the place of the present one, or another that is still there
    Rollback(RollbackFlags),
    /// Start an app's processes anew, as a deploy of the same release
    Restart(AppFlags),
    /// Stop an app until it is started again, also over a restart of the box
    Stop(AppFlags),
    /// Start an app that was stopped, or failed
    Start(AppFlags),
}

/// Flags of `ondol apps`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AppsFlags {
    /// Show all that is known of this app
    #[arg(value_name = "APP")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
    #[command(subcommand)]
    pub(crate) what: Option<AppsCommand>,
}

/// What else `ondol apps` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum AppsCommand {
    /// Make a repository that is deployed from by `git push`, and say how to push to it
    Git(AppFlags),
}

/// Flags of `ondol deploy`.
#[derive(Debug, Args)]
#[command(after_help = DEPLOYED)]
pub(crate) struct DeployFlags {
    /// The app
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// A folder, a tar archive, or a commit, branch or tag [default: what the configuration names]
    #[arg(value_name = "PATH|TAR|GIT-REF")]
    pub(crate) from: Option<String>,
    /// Wait while another change of the app is under way, instead of being refused
    #[arg(long)]
    pub(crate) wait: bool,
    /// Stay until the new release has stood its watch and the old one is gone
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

const DEPLOYED: &str = "\
What exists as a path is a path; everything else is a name for git. Ctrl-C ends the watching alone: the deploy goes on.

Exit codes: 0 the new release answers visitors (with --watch: for good); 1 it does not, with the reason on standard \
error, and what was before goes on; 2 wrong usage; 3 no Ondol is running; 130 Ctrl-C.";

/// Flags of `ondol rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackFlags {
    /// The app
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// The release [default: the one before that was good]
    #[arg(long, value_name = "RELEASE")]
    pub(crate) to: Option<u64>,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of a verb that takes an app alone.
#[derive(Debug, Args)]
pub(crate) struct AppFlags {
    /// The app
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of `ondol exec`.
#[derive(Debug, Args)]
#[command(override_usage = "ondol exec [OPTIONS] <APP> -- <COMMAND>...")]
pub(crate) struct ExecFlags {
    /// Become what the agent says on standard input.
    #[arg(long, hide = true, conflicts_with_all = ["app", "command"])]
    pub(crate) shim: bool,
    /// The app
    #[arg(value_name = "APP", required_unless_present = "shim")]
    pub(crate) app: Option<String>,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", last = true, required_unless_present = "shim")]
    pub(crate) command: Vec<String>,
}
