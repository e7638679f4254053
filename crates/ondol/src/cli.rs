//! The command line: verbs, flags and the variables of the environment. Nothing else of the program
//! reads the environment, but for the secrets that the configuration names; nothing here acts.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use ondol_admin::api::RevocationReason;
use ondol_model::limits::EVENTS_PER_ANSWER_MAX;

use crate::command::demo::DemoFlags;
use crate::command::logs::LogsFlags;
use crate::command::recover::RecoverFlags;
use crate::output::Format;

mod alarms;
mod apps;
mod backups;

pub(crate) use alarms::AckFlags;
pub(crate) use alarms::AlarmCommand;
pub(crate) use alarms::AlarmListFlags;
pub(crate) use alarms::AlarmTestFlags;
pub(crate) use alarms::SilenceFlags;
pub(crate) use apps::AppFlags;
pub(crate) use apps::AppsCommand;
pub(crate) use apps::AppsFlags;
pub(crate) use apps::DeployFlags;
pub(crate) use apps::ExecFlags;
pub(crate) use apps::OnApp;
pub(crate) use apps::RollbackFlags;
pub(crate) use backups::BackupCommand;
pub(crate) use backups::BackupListFlags;
pub(crate) use backups::BackupNowFlags;
pub(crate) use backups::BrowseFlags;
pub(crate) use backups::KitFlags;
pub(crate) use backups::OnTargetFlags;
pub(crate) use backups::PruneFlags;
pub(crate) use backups::RestoreFlags;
pub(crate) use backups::VerifyFlags;

/// Serves the sites of a home Linux box from one file.
#[derive(Debug, Parser)]
#[command(name = "ondol", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) folders: FolderFlags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 refused or failed, with the reason on standard error; 2 wrong usage; 3 no Ondol is running \
(nobody answers on the admin socket).";

/// Where this box keeps its things; what is not given is the usual place.
#[derive(Debug, Clone, Args)]
pub(crate) struct FolderFlags {
    /// The configuration [default: /etc/ondol/ondol.toml; without root ~/.config/ondol/ondol.toml]
    #[arg(
        long,
        global = true,
        env = "ONDOL_CONFIG",
        value_name = "FILE",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// State that must survive [default: /var/lib/ondol; without root ~/.local/state/ondol]
    #[arg(
        long,
        global = true,
        env = "ONDOL_STATE",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub(crate) state: Option<PathBuf>,
    /// The admin socket's folder [default: /run/ondol; without root $XDG_RUNTIME_DIR/ondol]
    #[arg(
        long,
        global = true,
        env = "ONDOL_RUNTIME",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub(crate) runtime: Option<PathBuf>,
    /// Logs of requests [default: /var/log/ondol; without root the folder logs in the state folder]
    #[arg(
        long,
        global = true,
        env = "ONDOL_LOGS",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub(crate) logs: Option<PathBuf>,
}

/// The same flags, of verbs to which they don't matter: they are taken as everywhere, and not shown.
#[derive(Debug, Clone, Args)]
pub(crate) struct HiddenFolderFlags {
    #[arg(long, hide = true)]
    config: Option<PathBuf>,
    #[arg(long, hide = true)]
    state: Option<PathBuf>,
    #[arg(long, hide = true)]
    runtime: Option<PathBuf>,
    #[arg(long, hide = true)]
    logs: Option<PathBuf>,
}

/// What the person asks for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve: run the agent in the foreground until it is told to stop
    Run(RunFlags),
    /// Show every mistake of a configuration, or what it would change and what this machine can't enforce
    Check(CheckFlags),
    /// Take up the changed configuration; a broken one changes nothing
    Reload,
    /// Replace the running program by another binary, with no request lost
    Upgrade(UpgradeFlags),
    #[command(flatten)]
    Show(Show),
    #[command(flatten)]
    OnApp(OnApp),
    /// Take, list, prove and thin out backups, and print the recovery kit
    #[command(subcommand)]
    Backup(BackupCommand),
    /// See whether people can be reached, what they were told, and leave them in peace for a while
    #[command(subcommand)]
    Alarm(AlarmCommand),
    /// Go through the whole box, and say what is wrong and what to do, the worst first
    Doctor(DoctorFlags),
    /// Put something back from a backup: files, a database, an app, a site
    Restore(RestoreFlags),
    /// Run a command as an app runs: with its user, folder, environment and limits
    Exec(ExecFlags),
    /// Bring a whole box back on any machine, with its recovery kit
    Recover(RecoverFlags),
    /// Show it all on this machine: two sites over HTTPS; nothing is installed, nothing is left
    Demo(DemoFlags),
    /// Read a password, and print its hash for `basic_auth`
    Password(PasswordFlags),
    /// Print the JSON Schema of the configuration, for editors
    Schema(HiddenFolderFlags),
    /// Print the completions for a shell
    Completions(CompletionsFlags),
    /// Print the version
    Version(VersionFlags),
    /// Serve visitors (started by the agent, never by hand)
    #[command(hide = true)]
    Serve(ServeFlags),
    /// Do a job of backups (started by the agent, never by hand)
    #[command(hide = true)]
    Job,
}

/// Verbs that ask the agent for a value and print it.
#[derive(Debug, Subcommand)]
pub(crate) enum Show {
    /// Show on one screen whether all is well, and if not what is and since when
    Status(StatusFlags),
    /// List the sites
    Sites(ShowFlags),
    /// List the apps, or show all that is known of one
    Apps(AppsFlags),
    /// List the certificates, renew or revoke them, or print the root of Ondol's own CA
    Certs(CertsFlags),
    /// Show what can be put back: how old it is, and whether that is proven
    Backups(ShowFlags),
    /// List what happened, the newest last, next to the prompt
    Events(EventsFlags),
    /// Show what an app wrote, the newest last
    Logs(LogsFlags),
}

/// Flags of `ondol run`.
#[derive(Debug, Args)]
pub(crate) struct RunFlags {
    /// The user that talks to visitors, when started as root [default: ondol-web]
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogFlags,
    /// The descriptor of a handover, set when the agent re-executes itself.
    #[arg(long, env = "ONDOL_HANDOVER", hide = true)]
    pub(crate) handover: Option<u32>,
    /// The descriptor of what a handover would bring, set when the agent only tries this program out.
    #[arg(long, env = "ONDOL_HANDOVER_TRIAL", hide = true)]
    pub(crate) handover_trial: Option<u32>,
}

/// What is logged to standard error.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogFlags {
    /// How much to log: error, warn, info, debug or trace, or directives as in `info,ondol_proxy=debug`
    #[arg(
        long,
        env = "ONDOL_LOG",
        value_name = "LEVEL",
        default_value = "info",
        hide_env_values = true
    )]
    pub(crate) log: String,
}

/// Flags of `ondol serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeFlags {
    /// The number of this data plane; only for those who read process lists.
    #[arg(long)]
    pub(crate) generation: u64,
    #[command(flatten)]
    pub(crate) log: LogFlags,
}

/// Flags of `ondol check`.
#[derive(Debug, Args)]
pub(crate) struct CheckFlags {
    /// The configuration to check [default: the one that `--config` names]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The user that would talk to visitors [default: ondol-web]
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

/// Flags of `ondol upgrade`.
#[derive(Debug, Args)]
pub(crate) struct UpgradeFlags {
    /// The new program
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Flags of what only shows.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ShowFlags {
    /// As JSON, which stays as it is from version to version
    #[arg(long)]
    json: bool,
}

impl ShowFlags {
    /// Whom the output is for.
    pub(crate) fn format(self) -> Format {
        if self.json {
            Format::Json
        } else {
            Format::Human
        }
    }
}

/// Flags of `ondol status`.
#[derive(Debug, Args)]
pub(crate) struct StatusFlags {
    /// Every part of the box, and everything that is watched
    #[arg(long, short = 'v')]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of `ondol doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXAMINED)]
pub(crate) struct DoctorFlags {
    /// Send nobody a test message
    #[arg(long)]
    pub(crate) no_mail: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

const EXAMINED: &str = "\
Everybody in [people] gets a test message, by each channel. Some of what it looks at only root may see.

Exit codes: 0 nothing is wrong (there may be advice); 1 something is; 2 wrong usage.";

/// Flags of `ondol certs`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct CertsFlags {
    /// Show all that is known of the certificate of this name
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
    #[command(subcommand)]
    pub(crate) what: Option<CertsCommand>,
}

/// What else `ondol certs` can do.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum CertsCommand {
    /// Get new certificates now, and wait until they are in use
    Renew(RenewFlags),
    /// Get another certificate, then have the issuer revoke the one in use
    Revoke(RevokeFlags),
    /// Give the account at an issuer a new key
    Rekey(IssuerFlags),
    /// Print the record that, once in the zone, shows a name to be yours for good (dns-persist)
    Persist(NameFlags),
    /// Print the root of Ondol's own CA as PEM, for import into browsers and devices
    Root,
}

/// Flags of `ondol certs renew`.
#[derive(Debug, Clone, Args)]
#[command(after_help = RENEWED, override_usage = "ondol certs renew [OPTIONS] <NAME>...\n       ondol certs renew [OPTIONS] --all")]
pub(crate) struct RenewFlags {
    /// Any names of the certificates
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub(crate) names: Vec<String>,
    /// Every certificate that comes from an issuer
    #[arg(long, conflicts_with = "names")]
    pub(crate) all: bool,
    /// Do not wait: say what happens now, and end
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

const RENEWED: &str = "\
Exit codes: 0 every certificate that was asked for is a new one, and in use (with --no-wait: is asked for); \
1 one is not, with the reason on standard error; 2 wrong usage; 3 no Ondol is running.";

/// Flags of `ondol certs revoke`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RevokeFlags {
    /// Any name of the certificate
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What the issuer is told
    #[arg(long, value_enum, value_name = "REASON", default_value_t)]
    pub(crate) reason: Reason,
    /// Do not ask whether it is meant
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Why a certificate is revoked (RFC 5280 §5.3.1).
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Reason {
    /// Its key may be known to others
    KeyCompromise,
    /// Another took its place
    Superseded,
    /// The names are not served any more
    CessationOfOperation,
    /// None is given
    #[default]
    Unspecified,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
            Reason::Unspecified => Self::Unspecified,
        }
    }
}

/// Flags of `ondol certs rekey`.
#[derive(Debug, Clone, Args)]
pub(crate) struct IssuerFlags {
    /// The name of the issuer, or any name of a certificate from it
    #[arg(value_name = "NAME|ISSUER")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of `ondol certs persist`.
#[derive(Debug, Clone, Args)]
pub(crate) struct NameFlags {
    /// The name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) show: ShowFlags,
}

/// Flags of `ondol events`.
#[derive(Debug, Args)]
pub(crate) struct EventsFlags {
    #[command(flatten)]
    pub(crate) show: ShowFlags,
    /// How many at most, up to 1000
    #[arg(
        long,
        short = 'n',
        value_name = "NUMBER",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(EVENTS_PER_ANSWER_MAX))
    )]
    pub(crate) limit: u32,
    /// Only those older than the event of this number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) before: Option<i64>,
    /// Only those about this: a site, an app, a target, or a part of its name
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// Only those of this kind (`incident-opened`), or of all that begin with it (`backup`)
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only those after this moment: `1h`, `14:00`, `yesterday`, `2026-11-21 14:00`
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
}

/// Flags of `ondol password`.
#[derive(Debug, Args)]
pub(crate) struct PasswordFlags {
    #[command(flatten)]
    _folders: HiddenFolderFlags,
    /// As bcrypt, for other programs that read it too; argon2id is harder to guess
    #[arg(long)]
    pub(crate) bcrypt: bool,
}

/// Flags of `ondol completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsFlags {
    #[command(flatten)]
    _folders: HiddenFolderFlags,
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Flags of `ondol version`.
#[derive(Debug, Args)]
pub(crate) struct VersionFlags {
    #[command(flatten)]
    _folders: HiddenFolderFlags,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What programs look at to know the terminal.
const TERMINAL: [&str; 3] = ["TERM", "COLORTERM", "NO_COLOR"];

/// What the environment says about the person and about who started the program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    pub(crate) home: Option<PathBuf>,
    pub(crate) xdg_config: Option<PathBuf>,
    pub(crate) xdg_state: Option<PathBuf>,
    pub(crate) xdg_runtime: Option<PathBuf>,
    /// Set by systemd when standard error goes to its journal.
    pub(crate) journal: Option<OsString>,
    /// Passed on to the data plane, which gets nothing else of the environment.
    pub(crate) backtrace: Option<OsString>,
    /// What says how the terminal is, by name; for commands that are run in the place of an app.
    pub(crate) terminal: Vec<(&'static str, String)>,
}

impl Environment {
    /// Reads the variables that matter; empty ones count as absent (XDG base directory specification).
    pub(crate) fn read() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let folder = |name| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        Self {
            home: folder("HOME"),
            xdg_config: folder("XDG_CONFIG_HOME"),
            xdg_state: folder("XDG_STATE_HOME"),
            xdg_runtime: folder("XDG_RUNTIME_DIR"),
            journal: variable("JOURNAL_STREAM"),
            backtrace: variable("RUST_BACKTRACE"),
            terminal: TERMINAL
                .into_iter()
                .filter_map(|name| Some((name, variable(name)?.into_string().ok()?)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
