//! A php-fpm pool as the web process of an app: which program, with which file of settings. It starts nothing.

mod program;

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ondol_model::app::AppName;
use ondol_model::plan::PhpPool;

use crate::spec::Run;

pub(crate) use program::NoProgram;
pub(crate) use program::program;

/// A pool that is to be started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool<'a> {
    /// Its app, for its title in a list of processes.
    pub(crate) app: &'a AppName,
    /// What its owner wants.
    pub(crate) settings: &'a PhpPool,
    /// Where its socket comes from.
    pub(crate) listen: PoolListen<'a>,
    /// The folder of the release, which it starts in.
    pub(crate) folder: &'a Path,
    /// The app's data folder, where sessions are kept: visitors stay logged in over a deploy.
    pub(crate) data: &'a Path,
    /// The time zone of the box; PHP takes no `TZ`.
    pub(crate) timezone: Option<&'a str>,
    /// How long requests may go on after it is told to stop by [`STOP_SIGNAL`].
    pub(crate) stop_timeout: Duration,
}

/// Where the socket of a pool comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolListen<'a> {
    /// It is handed on, as descriptor 3; see [`environment`].
    Handed,
    /// The pool makes it at this path.
    At(&'a Path),
}

/// What ends a pool after the requests that it has; SIGTERM cuts them.
pub(crate) const STOP_SIGNAL: rustix::process::Signal = rustix::process::Signal::QUIT;

/// The name that a handed socket has for php-fpm. It removes the path of its socket when it ends, even of one that
/// it was handed; so it is told a path that is none.
const HANDED: &str = "/handed-on/web";
/// The most of a line of log that php-fpm keeps in one piece.
const LINE_BYTES_MAX: u16 = 8192;
/// A worker that had nothing to do for so long ends: a box has many apps, and few of them are visited right now.
const IDLE: &str = "60s";
/// A worker ends after so many requests, and with it what its scripts have leaked.
const REQUESTS_MAX: u16 = 1000;

/// The settings of php-fpm for a pool: the whole of its configuration file.
///
/// It names no user, for the process that reads it is the app's already, and nothing of its environment is
/// cleared, for that is the app's own as well.
pub(crate) fn pool_file(pool: &Pool<'_>) -> String {
    let Pool {
        app,
        settings,
        listen,
        folder,
        data,
        timezone,
        stop_timeout,
    } = *pool;
    let listen = match listen {
        PoolListen::Handed => HANDED.to_owned(),
        PoolListen::At(path) => path.display().to_string(),
    };
    let mut lines = vec![
        "; Written by Ondol at each start of this pool; changes are lost.".to_owned(),
        "[global]".to_owned(),
        "daemonize = no".to_owned(),
        "error_log = /dev/null".to_owned(), // It must be some file; with `-O` all goes to standard error.
        format!("log_limit = {LINE_BYTES_MAX}"),
        format!("process_control_timeout = {}s", stop_timeout.as_secs()),
        format!("[{app}]"),
        format!("listen = {}", quoted(&listen)),
        "pm = ondemand".to_owned(),
        format!("pm.max_children = {}", settings.children),
        format!("pm.process_idle_timeout = {IDLE}"),
        format!("pm.max_requests = {REQUESTS_MAX}"),
        format!("chdir = {}", quoted(&folder.display().to_string())),
        "catch_workers_output = yes".to_owned(),
        "decorate_workers_output = no".to_owned(),
        "clear_env = no".to_owned(),
        "security.limit_extensions = .php".to_owned(),
    ];
    let zone = timezone.map(|zone| ("date.timezone", zone.to_owned()));
    for (name, value) in usual(data).into_iter().chain(zone) {
        if !settings.ini.contains_key(name) {
            lines.push(setting(name, &value));
        }
    }
    let known = settings.ini.iter();
    lines.extend(known.map(|(name, value)| setting(name, value)));
    lines.push(String::new());
    lines.join("\n")
}

/// The command that runs php-fpm with such a file: in the foreground, with what it says on standard error. Its
/// cache of scripts takes a lock in a folder that must be known before the file is read, and `/tmp` may be closed.
pub(crate) fn command(program: &Path, file: &Path, data: &Path) -> Run {
    let lock = sessions(data).display().to_string();
    let words = [
        program.display().to_string(),
        "--nodaemonize".to_owned(),
        "--force-stderr".to_owned(),
        "--fpm-config".to_owned(),
        file.display().to_string(),
        "--define".to_owned(),
        format!("opcache.lockfile_path={lock}"),
    ];
    Run::Program(words.to_vec())
}

/// What its environment needs besides, for a socket that is handed on as this descriptor.
pub(crate) fn environment(listen: PoolListen<'_>, descriptor: u32) -> Option<(String, String)> {
    match listen {
        PoolListen::Handed => Some(("FPM_SOCKETS".to_owned(), format!("{HANDED}={descriptor}"))),
        PoolListen::At(_) => None,
    }
}

/// The folder of sessions in an app's data folder; who starts a pool makes it, for the app's user alone.
pub(crate) fn sessions(data: &Path) -> PathBuf {
    data.join("php-sessions")
}

/// What is set unless the owner says otherwise.
fn usual(data: &Path) -> [(&'static str, String); 4] {
    [
        ("fastcgi.logging", "0".to_owned()), // Errors go to the app's log, not to the visitor's server.
        ("log_errors", "1".to_owned()),
        ("session.save_path", sessions(data).display().to_string()),
        ("session.gc_probability", "1".to_owned()), // Debian leaves it to a job that does not know this folder.
    ]
}

fn setting(name: &str, value: &str) -> String {
    format!("php_admin_value[{name}] = {}", quoted(value))
}

/// A value as php.ini has it. Between single quotes nothing has a meaning, but there is no single quote.
fn quoted(value: &str) -> String {
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests;
