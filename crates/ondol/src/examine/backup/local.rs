//! A folder of this machine as a target: there, on another disk, and apart from what is backed up.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use ondol_backup::preview;
use ondol_config::KeyPath;
use ondol_model::plan::Storage;

use super::disks::disks;
use crate::examine::Findings;
use crate::examine::Subject;
use crate::examine::access;
use crate::examine::access::Need;
use crate::sandbox::ServeUser;

pub(super) fn examine(subject: Subject<'_>, path: &Path, key: &KeyPath, findings: &mut Findings) {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_dir() => {
            let problem = format!("{shown} is not a folder");
            let help = "`local` takes a folder for backups alone, which Ondol makes";
            findings.mistake(subject, key, problem, help);
            return;
        }
        Ok(_) => unwritable(subject, path, key, findings),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let problem = format!("{shown} cannot be reached: {error}");
            findings.warn(subject, key, problem, "no backup goes there until then");
            return;
        }
    }
    if let Some((problem, help)) = among(subject, path) {
        findings.mistake(subject, key, problem, help);
        return;
    }
    // Where the folder above is not there either, a disk may be unplugged: then there is nothing to compare.
    let above = path.parent().unwrap_or(path);
    if path.exists() || above.exists() {
        on_the_same_disk(subject, path, key, findings);
    } else {
        let above = above.display();
        findings.warn(
            subject,
            key,
            format!("{above} does not exist, so no backup goes to {shown}"),
            format!("plug its disk in and mount it, or make the folder: `mkdir -p {above}`"),
        );
    }
}

fn unwritable(subject: Subject<'_>, path: &Path, key: &KeyPath, findings: &mut Findings) {
    let stopped = access::stopped(path, Need::WriteFolder, &ServeUser::Own);
    if let Ok(Some(access::Stopped { at, need })) = stopped {
        let (at, chmod) = (at.display(), need.chmod());
        findings.warn(
            subject,
            key,
            format!("the user that runs Ondol may not write into {at}"),
            format!("`chmod {chmod} {at}` allows it"),
        );
    }
}

/// Says that a repository is among what is backed up, or that among it. Each would be left out of the other.
fn among(subject: Subject<'_>, path: &Path) -> Option<(String, String)> {
    let section = KeyPath::section("backup");
    let anywhere = subject.origins.mistake(&section, String::new(), None);
    let roots = preview::roots(subject.plan, anywhere.file(), subject.state);
    let target = real(path);
    let excluded = subject.plan.backup.exclude.iter().map(Path::new);
    let mut excluded = excluded.filter(|it| it.is_absolute()).map(real);
    let is_excluded = excluded.any(|excluded| target.starts_with(excluded));
    let shown = path.display();
    roots.iter().find_map(|root| {
        let there = real(root);
        let root = root.display();
        if target.starts_with(&there) && !is_excluded {
            return Some((
                format!("{shown} is in {root}, which is backed up itself"),
                format!("choose a folder elsewhere, best on another disk; or leave it out there: exclude = [\"{shown}\"]"),
            ));
        }
        (there.starts_with(&target) && there != target).then(|| {
            (
                format!("{root}, which is to be backed up, is in {shown}"),
                format!("choose a folder with nothing else in it, such as {shown}/ondol: what lies among backups is not backed up"),
            )
        })
    })
}

/// The path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let found = path
        .ancestors()
        .find_map(|there| Some((there, there.canonicalize().ok()?)));
    let Some((there, real)) = found else {
        return path.to_owned();
    };
    match path.strip_prefix(there) {
        Ok(rest) if rest != Path::new("") => real.join(rest),
        Ok(_) | Err(_) => real,
    }
}

/// One disk that breaks takes both; where another target is elsewhere, that is only said by the way.
fn on_the_same_disk(subject: Subject<'_>, path: &Path, key: &KeyPath, findings: &mut Findings) {
    let here = disks_of(path);
    let here_too = disks_of(subject.state);
    if here.is_disjoint(&here_too) {
        return;
    }
    let others = subject.plan.backup.to.iter();
    let mut others = others.map(|target| match &target.storage {
        Storage::Local(other) => disks_of(other).is_disjoint(&here_too),
        Storage::S3(_) | Storage::Rest(_) | Storage::Sftp(_) => true,
    });
    let shown = path.display();
    if others.any(|is_elsewhere| is_elsewhere) {
        findings.notes.push(format!(
            "Backups in {shown} are on the same disk as Ondol's own things: they help against mistakes, not when that disk breaks."
        ));
        return;
    }
    findings.warn(
        subject,
        key,
        format!("{shown} is on the same disk as Ondol's own things: when that breaks, the backups are gone too"),
        "mount another disk there first, or name a folder on one; or add a target elsewhere (`s3`, `rest`, `sftp`)",
    );
}

fn disks_of(path: &Path) -> std::collections::BTreeSet<PathBuf> {
    let there = path.ancestors().find(|folder| folder.exists());
    disks(there.unwrap_or(path))
}
