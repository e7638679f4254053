//! A version of an app in git, as an archive. The system's git is asked; what it must not be asked by root, it is asked
//! by the app's user.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use ondol_base::program;
use ondol_model::app::commit;
use ondol_model::plan;

use super::error::MakeError;
use crate::places::Places;
use crate::repository;

/// Fetching a large repository over a slow line takes long.
const FETCH_MAX: Duration = Duration::from_secs(15 * 60);
/// Git only reads and writes the disk for the rest.
const ARCHIVE_MAX: Duration = Duration::from_secs(5 * 60);
/// What is taken when no version is named: what the repository calls its main branch.
const NEWEST: &str = "HEAD";
/// The version that was fetched last.
const FETCHED: &str = "FETCH_HEAD";

/// Where a version is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whence {
    /// In the app's own repository, which is the agent's.
    Own(PathBuf),
    /// In another one, from which it comes into that.
    Elsewhere {
        /// The app's own.
        own: PathBuf,
        /// The other, as git names it.
        url: String,
    },
    /// In the app's folder, which belongs to who knows whom: git does what the settings in there say.
    Folder(PathBuf),
}

/// Where the versions of an app are. It looks at the disk.
pub(super) fn whence(places: &Places, app: &plan::App) -> Result<Whence, MakeError> {
    let own = places.repository(&app.name);
    if let Some(url) = app.git.clone() {
        return Ok(Whence::Elsewhere { own, url });
    }
    if own.is_dir() {
        return Ok(Whence::Own(own));
    }
    match &app.dir {
        Some(dir) if dir.join(".git").exists() => Ok(Whence::Folder(dir.clone())),
        _ => Err(MakeError::NoRepository(app.name.clone())),
    }
}

/// Whether a text is the name of a version, and no option.
pub(super) fn version(named: Option<&str>) -> Result<&str, MakeError> {
    let version = named.unwrap_or(NEWEST);
    match commit::is_version(version) {
        true => Ok(version),
        false => Err(MakeError::NoVersion(version.to_owned())),
    }
}

/// Puts a version of a repository of the agent's own into an archive.
pub(super) async fn archive(
    whence: &Whence,
    version: &str,
    archive: &Path,
) -> Result<(), MakeError> {
    let (own, name) = match whence {
        Whence::Own(own) => (own, version),
        Whence::Elsewhere { own, url } => {
            fetch(own, url, version).await?;
            (own, FETCHED)
        }
        // Not asked by this user: see `command_in`.
        Whence::Folder(folder) => {
            let (path, is) = (folder.clone(), "not Ondol's own");
            return Err(MakeError::Kind { path, is });
        }
    };
    let output = format!("--output={}", archive.display());
    let arguments = ["archive", "--format=tar", &output, "--end-of-options", name];
    git(own, &arguments, version, ARCHIVE_MAX).await
}

/// What puts a version of a repository in a folder into descriptor 3.
pub(super) fn command_in(folder: &Path, version: &str) -> Vec<String> {
    let script =
        "exec git -c safe.directory='*' -C \"$1\" archive --format=tar --end-of-options \"$2\" >&3";
    let folder = folder.display().to_string();
    ["sh", "-c", script, "sh", &folder, version]
        .map(str::to_owned)
        .into()
}

/// The commit that an archive of git's is of: git writes it into the archive's first header.
pub(super) fn commit_of(archive: &Path) -> Option<String> {
    const KIND_AT: usize = 156;
    const TEXT_AT: usize = 512;
    let mut start = Vec::new();
    let file = File::open(archive).ok()?;
    file.take(2 * TEXT_AT as u64).read_to_end(&mut start).ok()?;
    if *start.get(KIND_AT)? != b'g' {
        return None;
    }
    let text = String::from_utf8_lossy(start.get(TEXT_AT..)?).into_owned();
    let (_, commit) = text.lines().next()?.split_once(" comment=")?;
    let is_commit = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| commit.to_owned())
}

/// Gets a version from elsewhere. Nobody is there to be asked for a password.
async fn fetch(own: &Path, url: &str, version: &str) -> Result<(), MakeError> {
    if !own.is_dir() {
        repository::init(own).await.map_err(MakeError::Repository)?;
    }
    let arguments = [
        "-c",
        "core.sshCommand=ssh -o BatchMode=yes",
        "fetch",
        "--quiet",
        "--no-tags",
        "--depth=1",
        "--end-of-options",
        url,
        version,
    ];
    git(own, &arguments, version, FETCH_MAX).await
}

async fn git(
    repository: &Path,
    arguments: &[&str],
    version: &str,
    limit: Duration,
) -> Result<(), MakeError> {
    let folder = format!("--git-dir={}", repository.display());
    let before = ["GIT_TERMINAL_PROMPT=0", "git", &folder];
    let all = before
        .iter()
        .chain(arguments)
        .map(|text| (*text).to_owned());
    let ended = program::run("env", all.collect(), limit).await;
    let ended = ended.map_err(MakeError::NoGit)?;
    if ended.status.success() {
        return Ok(());
    }
    Err(MakeError::Git {
        version: version.to_owned(),
        complaint: ended.complaint.trim().replace('\n', "; "),
    })
}
