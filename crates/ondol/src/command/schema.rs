//! `ondol schema`: the JSON Schema of the configuration, for editors.

use std::io;
use std::io::Write;
use std::process::ExitCode;

/// Prints it.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    writeln!(io::stdout().lock(), "{}", ondol_config::schema().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
