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
/// Settings of it: a damaged push is refused.
const SETTINGS: [(&str, &str); 3] = [
    ("receive.fsckObjects", "true"),
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
        "--shared=0600",
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
# Nothing here is to be taken for a folder of that name.
cd /
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;

    /// A repository with what deploys from it, and a folder under git that is pushed from.
    struct Stage {
        folder: TempDir,
        repository: PathBuf,
    }

    impl Stage {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (repository, work) = (folder.path().join("own.git"), folder.path().join("work"));
            let program = folder.path().join("it's ondol");
            let script = "#!/bin/sh\necho \"building: $*\"; pwd; env | grep GIT_DIR; echo wrong >&2; exit 1\n";
            file::replace(&program, script.as_bytes(), 0o755).unwrap();
            let words = [&*program.to_string_lossy(), "--state", "/a b"].map(str::to_owned);
            let app = AppName::parse("coffee").unwrap();
            set_up(&repository, &app, &words).await.unwrap();
            set_up(&repository, &app, &words).await.unwrap();
            std::fs::create_dir(&work).unwrap();
            let stage = Self { folder, repository };
            stage.work("git init -q -b main");
            stage
        }

        /// What a script says in the folder, on both outputs.
        fn work(&self, script: &str) -> String {
            let mut shell = Command::new("sh");
            shell.current_dir(self.folder.path().join("work"));
            for (name, value) in [("NAME", "me"), ("EMAIL", "me@example.com")] {
                shell.env(format!("GIT_AUTHOR_{name}"), value);
                shell.env(format!("GIT_COMMITTER_{name}"), value);
            }
            let ran = shell.arg("-c").arg(format!("exec 2>&1; {script}")).output();
            String::from_utf8(ran.unwrap().stdout).unwrap()
        }

        fn push(&self, what: &str) -> String {
            self.work(&format!("git push {} {what}", self.repository.display()))
        }
    }

    #[tokio::test]
    async fn a_push_to_the_main_branch_is_deployed_and_shows_it() {
        let stage = Stage::new().await;
        let commit = stage.work("echo x > x; git add x; git commit -qm x; git rev-parse HEAD");
        for branch in ["main", "main:master"] {
            let said = stage.push(branch);
            let expected = format!(
                "remote: building: --state /a b deploy coffee {} --wait",
                commit.trim()
            );
            assert!(said.contains(&expected), "{said}");
            assert!(said.contains("remote: wrong"), "{said}");
            assert!(
                said.contains("remote: /  ") || said.contains("remote: /\n"),
                "{said}"
            );
            assert!(!said.contains("GIT_DIR"), "{said}");
        }
    }

    #[tokio::test]
    async fn other_branches_are_kept_and_a_removed_one_is_no_version() {
        let stage = Stage::new().await;
        stage.work("echo x > x; git add x; git commit -qm x");
        let said = stage.push("main:feature/x");
        assert!(
            said.contains("remote: ondol: feature/x is kept, and not deployed"),
            "{said}"
        );
        assert!(!said.contains("building"), "{said}");
        stage.push("main:master");
        let said = stage.push(":master");
        assert!(
            said.contains("[deleted]") && !said.contains("building"),
            "{said}"
        );
    }

    #[tokio::test]
    async fn nobody_else_gets_in() {
        let stage = Stage::new().await;
        stage.work("echo x > x; git add x; git commit -qm x");
        stage.push("main");
        let open = Command::new("find")
            .arg(&stage.repository)
            .args(["-perm", "/077"])
            .output();
        let open = String::from_utf8(open.unwrap().stdout).unwrap();
        let top = stage.repository.metadata().unwrap().permissions().mode();
        assert_eq!(top & 0o777, 0o700);
        assert!(!open.contains("objects/"), "{open}");
    }

    #[tokio::test]
    async fn what_git_says_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.git");
        file::create_dir_private(&path).unwrap();
        file::replace(&path.join("config"), b"[broken", 0o600).unwrap();
        let error = init(&path).await.unwrap_err();
        assert!(error.to_string().contains("bad config"), "{error}");
    }

    #[test]
    fn words_are_read_back_by_the_shell() {
        for word in [
            "plain",
            "with space",
            "it's",
            "",
            "$HOME",
            "`x`",
            "a\nb",
            "--flag=x",
        ] {
            let script = format!("printf %s {}", quoted(word));
            let ran = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(ran.stdout).unwrap(), word);
        }
    }
}
