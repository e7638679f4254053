//! Gets the files of a release into its folder.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ondol_model::app::commit;
use ondol_model::app::room::Files;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use super::archive;
use super::archive::Archive;
use super::copy::Copied;
use super::copy::Copying;
use super::error::MakeError;
use super::error::disk;
use super::git;
use super::git::Whence;
use super::links;
use super::making::Making;
use super::seal;
use super::work::Cancelled;
use super::work::off_thread;
use crate::source::Source;
use crate::spec::Run;

/// Unpacking and packing take no longer than the disk.
const TAR_MAX: Duration = Duration::from_secs(15 * 60);
/// More of them are not named.
const NAMED_MAX: usize = 5;

/// Gets the files; returns what they are, in words.
pub(super) async fn fetch(making: &Making<'_>, source: Source) -> Result<String, MakeError> {
    let of = match source {
        Source::Dir => match (&making.app.dir, &making.app.git) {
            (Some(dir), _) => copy(making, dir.clone()).await?,
            (None, Some(_)) => from_git(making, None).await?,
            (None, None) if making.kept_repository().is_dir() => from_git(making, None).await?,
            (None, None) => return Err(MakeError::NoSource(making.app.name.clone())),
        },
        Source::Folder(folder) => copy(making, folder).await?,
        Source::Archive(path) => {
            let archive = opened(path.clone()).await?;
            making.check_room(Some(archive.files())).await?;
            unpack(making, archive).await?;
            unwrap(making).await?;
            format!("the archive {}", path.display())
        }
        Source::Git(version) => from_git(making, Some(&version)).await?,
    };
    let folder = making.folder.clone();
    let files = off_thread(move |_| Ok::<_, MakeError>(folder.read_dir()?.count())).await?;
    match files {
        0 => Err(MakeError::Empty(of)),
        _ => link(making).await.map(|()| of),
    }
}

async fn copy(making: &Making<'_>, from: PathBuf) -> Result<String, MakeError> {
    let of = format!("the folder {}", from.display());
    let measured = from.clone();
    let bytes = off_thread(move |cancelled| measure(&measured, cancelled)).await?;
    making.check_room(Some(Files::Plain(bytes))).await?;
    making.progress.line(format!("copying {of}"));
    let (owner, to) = (making.owner, making.folder.clone());
    let (links, state) = (links::of(making.app), making.places().state.clone());
    let copied = off_thread(move |cancelled| {
        let found = rustix::fs::stat(&state).map_err(std::io::Error::from)?;
        let copying = Copying {
            owner,
            links: &links,
            never: (found.st_dev, found.st_ino),
            cancelled,
        };
        copying.copy(&from, &to).map_err(MakeError::from)
    });
    tell(making, &copied.await?);
    Ok(of)
}

fn measure(folder: &Path, cancelled: &Cancelled) -> Result<u64, MakeError> {
    let found = folder.metadata().map_err(disk("read", folder))?;
    if !found.is_dir() {
        let (path, is) = (folder.to_owned(), "no folder");
        return Err(MakeError::Kind { path, is });
    }
    seal::seal(folder, None, cancelled).map_err(disk("read", folder))
}

fn tell(making: &Making<'_>, copied: &Copied) {
    let files = copied.files;
    let size = ondol_model::app::room::size(copied.bytes);
    let unit = if files == 1 { "file" } else { "files" };
    making.progress.line(format!("{files} {unit}, {size}"));
    for path in copied.left_out.iter().take(NAMED_MAX) {
        let line = format!(
            "left out {}: it is neither a file nor a folder",
            path.display()
        );
        making.progress.line(line);
    }
    if let Some(more @ 1..) = copied.left_out.len().checked_sub(NAMED_MAX) {
        making.progress.line(format!("and {more} more like it"));
    }
}

async fn from_git(making: &Making<'_>, version: Option<&str>) -> Result<String, MakeError> {
    let version = git::version(version)?;
    let (places, app) = (making.places().clone(), Arc::clone(making.app));
    let whence = off_thread(move |_| git::whence(&places, &app)).await?;
    let path = making.archive();
    making.check_room(None).await?;
    making.progress.line(match &whence {
        Whence::Own(_) => format!("taking {version} from the app's repository"),
        Whence::Elsewhere { url, .. } => format!("fetching {version} from {url}"),
        Whence::Folder(folder) => format!("taking {version} from {}", folder.display()),
    });
    match &whence {
        Whence::Own(_) | Whence::Elsewhere { .. } => git::archive(&whence, version, &path).await?,
        Whence::Folder(folder) => pack(making, folder, version, &path).await?,
    }
    let named = path.clone();
    let commit = off_thread(move |_| Ok::<_, MakeError>(git::commit_of(&named))).await?;
    let archive = opened(path.clone()).await?;
    // It is open, and needs no name any more.
    off_thread(move |_| std::fs::remove_file(&path).map_err(MakeError::from)).await?;
    making.check_room(Some(archive.files())).await?;
    unpack(making, archive).await?;
    Ok(match commit.as_deref().map(commit::short) {
        Some(commit) if !version.starts_with(commit) => format!("commit {commit} ({version})"),
        Some(commit) => format!("commit {commit}"),
        None => version.to_owned(),
    })
}

/// Puts a version of a repository that is not the agent's into an archive, as the app's user.
async fn pack(
    making: &Making<'_>,
    folder: &Path,
    version: &str,
    archive: &Path,
) -> Result<(), MakeError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let made = rustix::fs::open(archive, flags, Mode::RUSR | Mode::WUSR);
    let made = made.map_err(|errno| disk("write", archive)(errno.into()))?;
    let run = Run::Program(git::command_in(folder, version));
    let what = "git, which was asked for the version";
    making
        .run(
            what,
            version,
            run,
            vec![made],
            &[folder.to_owned()],
            TAR_MAX,
        )
        .await
}

async fn opened(path: PathBuf) -> Result<Archive, MakeError> {
    off_thread(move |_| Archive::open(&path)).await
}

async fn unpack(making: &Making<'_>, archive: Archive) -> Result<(), MakeError> {
    let run = archive.command();
    let file = OwnedFd::from(archive.file);
    let what = "the unpacking of the archive";
    making.run(what, "tar", run, vec![file], &[], TAR_MAX).await
}

async fn unwrap(making: &Making<'_>) -> Result<(), MakeError> {
    let (folder, app) = (making.folder.clone(), making.app.name.clone());
    let unwrapped = off_thread(move |_| archive::unwrap(&folder, &app).map_err(MakeError::from));
    if let Some(name) = unwrapped.await? {
        let line =
            format!("all is in the folder {name} of the archive: what is in there is the release");
        making.progress.line(line);
    }
    Ok(())
}

/// What the app writes in its own folder is not the release's.
async fn link(making: &Making<'_>) -> Result<(), MakeError> {
    let links = links::of(making.app);
    if links.is_empty() {
        return Ok(());
    }
    let (folder, owner) = (making.folder.clone(), making.owner);
    let made = links.clone();
    let taken = off_thread(move |_| {
        let made = links::make(&folder, &made, owner);
        made.map_err(|errno| disk("link what the app writes in", folder)(errno.into()))
    });
    let taken = taken.await?;
    for (place, target) in &links {
        let (place, target) = (place.display(), target.display());
        making
            .progress
            .line(match taken.contains(&PathBuf::from(place.to_string())) {
                true => format!(
                    "{place} is the release's own, not {target}, since it is among its files"
                ),
                false => format!("{place} leads to {target}"),
            });
    }
    Ok(())
}
