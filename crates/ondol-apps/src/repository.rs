//! The repository of an app that its owner pushes to. What arrives on its main branch is deployed, and the push shows
//! how that goes.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ondol_base::file;
use ondol_base::program;
use ondol_base::program::RunError;
use ondol_base::tasks;
use ondol_model::app::AppName;

/// Making a repository and changing its settings are small things.
const GIT_MAX: Duration = Duration::from_secs(60);
/// Settings of it: a damaged push is refused, and nobody else may read what was pushed.
const SETTINGS: [(&str, &str); 4] = [
    ("receive.fsckObjects", "true"),
    ("core.sharedRepository", "0600"),
    // An app has no history to lose here: its owner's is elsewhere.
    ("receive.denyNonFastForwards", "false"),
    ("gc.auto", "256"),
];

/// Why there is no repository.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Git could not be run.
    #[error("git could not be run to its end; is it installed?")]
    NoGit(#[source] RunError),
    /// Git refused.
    #[error("git could not make the repository {}: {complaint}", path.display())]
    Refused {
        /// Where.
        path: PathBuf,
        /// Its words.
        complaint: String,
    },
    /// Something on disk.
    #[error("could not write {}", path.display())]
    Disk {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes the repository of an app, or brings an older one up to date. `ondol` is the program and the arguments that come
/// before its verb, as they have to be for this box.
pub async fn set_up(
    repository: &Path,
    app: &AppName,
    ondol: &[String],
) -> Result<(), RepositoryError> {
    init(repository).await?;
    for (name, value) in SETTINGS {
        git(repository, &["config", name, value]).await?;
    }
    let hook = repository.join("hooks/post-receive");
    let text = hook_text(app, ondol);
    let written = tasks::spawn_blocking(move || {
        let folder = hook.parent().unwrap_or(&hook);
        let made = file::create_dir_private(folder);
        let written = made.and_then(|()| file::replace(&hook, text.as_bytes(), 0o700));
        written.map_err(|source| RepositoryError::Disk { path: hook, source })
    });
    let path = repository.to_owned();
    written.await.unwrap_or_else(|error| {
        let source = io::Error::other(error);
        Err(RepositoryError::Disk { path, source })
    })
}

/// Makes an empty repository, for its owner alone; one that is there is left as it is.
pub(crate) async fn init(repository: &Path) -> Result<(), RepositoryError> {
    let path = repository.to_owned();
    let made = tasks::spawn_blocking(move || file::create_dir_private(&path)).await;
    let made = made.unwrap_or_else(|error| Err(io::Error::other(error)));
    made.map_err(|source| RepositoryError::Disk {
        path: repository.to_owned(),
        source,
    })?;
    // No templates: their samples of hooks are nothing but clutter.
    let arguments = [
        "init",
        "--quiet",
        "--bare",
        "--template=",
        "--initial-branch=main",
    ];
    git(repository, &arguments).await
}

async fn git(repository: &Path, arguments: &[&str]) -> Result<(), RepositoryError> {
    let folder = format!("--git-dir={}", repository.display());
    let all = [&*folder].into_iter().chain(arguments.iter().copied());
    let ended = program::run("git", all.map(str::to_owned).collect(), GIT_MAX).await;
    let ended = ended.map_err(RepositoryError::NoGit)?;
    if ended.status.success() {
        return Ok(());
    }
    Err(RepositoryError::Refused {
        path: repository.to_owned(),
        complaint: ended.complaint.trim().replace('\n', "; "),
    })
}

/// What git runs when a push has arrived. Each line that it reads is a branch with its old and its new version.
fn hook_text(app: &AppName, ondol: &[String]) -> String {
    let mut command = String::new();
    for word in ondol {
        let _infallible = write!(command, "{} ", quoted(word));
    }
    format!(
        r#"#!/bin/sh
# Written by `ondol apps git {app}`, and again when that is run again: deploys what is pushed to main or master.
commit=
while read -r old new branch; do
    case "$branch" in
    refs/heads/main | refs/heads/master) ;;
    *)
        echo "ondol: ${{branch#refs/heads/}} is kept, and not deployed: only main and master are"
        continue
        ;;
    esac
    # A branch that was removed has a version of zeros.
    case "$new" in
    *[!0]*) commit="$new" ;;
    esac
done
[ -n "$commit" ] || exit 0
# Git's own settings of this push are none of the deploy's.
unset GIT_DIR GIT_QUARANTINE_PATH GIT_PUSH_OPTION_COUNT
exec {command}deploy {app} "$commit" --wait </dev/null
"#
    )
}

/// A word as the shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-=:,+@".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
