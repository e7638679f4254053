//! What an app would be started with, looked at without making or running anything: for those who check a
//! configuration. Each looks at the disk.

use std::path::Path;
use std::path::PathBuf;

use ondol_base::chain::Chain;
use ondol_base::secret;
use ondol_base::secret::SecretError;
use ondol_model::plan;

use crate::identity;
use crate::php;
use crate::settings;
use crate::spec::Identity;

/// Whom an app would run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// Whoever runs the agent.
    Own,
    /// A user that is there.
    Found(Identity),
    /// A user of its own, which is made when it first starts.
    Made(String),
}

/// Whom an app would run as.
///
/// # Errors
///
/// Why it could not, as a sentence for the owner with what to do.
pub fn runner(app: &plan::App) -> Result<Runner, String> {
    identity::preview(&app.name, app.user.as_deref()).map_err(|error| Chain(&error).to_string())
}

/// The php-fpm of a pool.
///
/// # Errors
///
/// That there is none, as a sentence for the owner with what to do.
pub fn php_fpm(pool: &plan::PhpPool) -> Result<PathBuf, String> {
    php::program(pool.program.as_deref()).map_err(|error| error.to_string())
}

/// Whether a file of the environment can be used.
///
/// # Errors
///
/// Why not, as a sentence without anything of what is in it, but the number of the line.
pub fn env_file(path: &Path) -> Result<(), String> {
    match secret::from_file(path) {
        Ok(text) => match settings::env_file::parse(text.as_str()) {
            Ok(_) => Ok(()),
            Err(bad) => Err(format!(
                "{}, line {}: {}",
                path.display(),
                bad.line,
                bad.reason
            )),
        },
        Err(SecretError::Empty { path: _ }) => Ok(()),
        Err(error) => Err(Chain(&error).to_string()),
    }
}

/// Whether a value of the environment that is kept elsewhere can be had.
///
/// # Errors
///
/// Why not, as a sentence without any of it.
pub fn secret(secret: &plan::Secret) -> Result<(), String> {
    let read = match secret {
        plan::Secret::Environment(name) => secret::from_environment(name),
        plan::Secret::File(path) => secret::from_file(path),
    };
    read.map(drop).map_err(|error| Chain(&error).to_string())
}

/// Where programs of apps are looked for, where the owner declares no `PATH`.
pub fn path(runner: &Runner) -> String {
    settings::usual_path(*runner == Runner::Own && !rustix::process::geteuid().is_root())
}
