//! The program's own log: lines on standard error, for systemd's journal or a terminal.

use std::io;
use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::cli::Environment;
use crate::cli::LogFlags;

/// What libraries say of the bytes of visitors is for those who ask for it (`--log info,h2=debug`): an
/// attacker could fill the journal with their warnings.
const LIBRARIES: &str = "h2=error,hyper=error,rustls=error";

/// Begins to log. The journal adds the time itself, so there is none in its lines.
pub(crate) fn start(flags: &LogFlags, environment: &Environment) -> anyhow::Result<()> {
    let directives = format!("{LIBRARIES},{}", flags.log);
    let filter = EnvFilter::try_new(directives).with_context(|| {
        format!(
            "--log {:?} is neither a level nor a list of directives",
            flags.log
        )
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let started = if environment.journal.is_some() {
        lines.without_time().try_init()
    } else {
        lines.try_init()
    };
    started
        .map_err(|error| anyhow::anyhow!(error))
        .context("could not begin to log")
}
