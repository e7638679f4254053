//! `ondol exec`: this process becomes an app, or a command in the place of one.

use std::process::ExitCode;

use ondol_apps::shim;
use ondol_apps::shim::ShimError;

use crate::cli::ExecFlags;

/// Becomes what the agent says.
pub(crate) fn run(flags: &ExecFlags) -> anyhow::Result<ExitCode> {
    let ExecFlags { shim } = flags;
    anyhow::ensure!(shim, "only `ondol run` starts this command");
    match shim::run() {
        Ok(never) => match never {},
        // There is nobody to tell either.
        Err(ShimError::Nobody) => Ok(ExitCode::FAILURE),
        Err(error) => Err(error.into()),
    }
}
