//! `ondol version`: which Ondol this is. Its JSON is what an upgrade reads of the new program.

use std::io;
use std::io::Write;
use std::process::ExitCode;

use crate::cli::VersionFlags;

/// Prints it.
pub(crate) fn run(flags: &VersionFlags) -> anyhow::Result<ExitCode> {
    let version = env!("CARGO_PKG_VERSION");
    let mut out = io::stdout().lock();
    if flags.json {
        writeln!(
            out,
            "{}",
            serde_json::json!({ "name": "ondol", "version": version })
        )?;
    } else {
        writeln!(out, "ondol {version}")?;
    }
    Ok(ExitCode::SUCCESS)
}
