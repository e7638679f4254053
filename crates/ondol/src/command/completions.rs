//! `ondol completions SHELL`: what the shell needs to complete verbs and flags.

use std::io;
use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::cli::CompletionsFlags;

/// Prints them.
pub(crate) fn run(flags: &CompletionsFlags) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new(); // The generator panics on a closed pipe.
    clap_complete::generate(flags.shell, &mut Cli::command(), "ondol", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
