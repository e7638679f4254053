//! Backups: whether what they need is there, whether a target is any good, and what is not backed up.

mod databases;
mod disks;
mod local;
mod secrets;
mod ssh;

use std::env;

use ondol_base::clock;
use ondol_config::KeyPath;
use ondol_model::plan::BackupTarget;
use ondol_model::plan::Storage;

use super::Findings;
use super::Subject;
use super::apps::commands::program;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let backup = &subject.plan.backup;
    if backup.to.is_empty() {
        nothing(subject, findings);
    }
    for (index, target) in backup.to.iter().enumerate() {
        let key = section().key("to").index(index);
        match &target.storage {
            Storage::Local(path) => local::examine(subject, path, &key.key("local"), findings),
            Storage::Sftp(sftp) => ssh::examine(subject, sftp, &key.key("sftp"), findings),
            Storage::S3(_) | Storage::Rest(_) => {}
        }
    }
    secrets::examine(subject, findings);
    databases::examine(subject, findings);
    time_zone(subject, findings);
    included(subject, findings);
    hooks(subject, findings);
    all_here(subject, findings);
    append_only(&backup.to, findings);
}

fn section() -> KeyPath {
    KeyPath::section("backup")
}

/// Nothing is backed up: said by the way to who has not thought of it, and aloud to who has.
fn nothing(subject: Subject<'_>, findings: &mut Findings) {
    let enough = "to = \"/mnt/usb/ondol\" (a folder on another disk) is enough, best with a second target in another house";
    if subject.origins.has(&section()) {
        let problem = "nothing is backed up: `[backup]` has no `to`".to_owned();
        findings.warn(subject, &section(), problem, enough);
    } else {
        findings.notes.push(format!(
            "Nothing is backed up. A section [backup] with {enough}."
        ));
    }
}

fn time_zone(subject: Subject<'_>, findings: &mut Findings) {
    let zone = subject.plan.backup.timezone.as_ref();
    let Some(zone) = zone.filter(|zone| !clock::is_zone(zone)) else {
        return;
    };
    findings.mistake(
        subject,
        &section().key("timezone"),
        format!("this machine knows no time zone {zone}"),
        "`timedatectl list-timezones` lists those that it knows; where there are none, the package tzdata is missing",
    );
}

fn included(subject: Subject<'_>, findings: &mut Findings) {
    for (index, path) in subject.plan.backup.include.iter().enumerate() {
        let Err(error) = path.symlink_metadata() else {
            continue;
        };
        let shown = path.display();
        findings.warn(
            subject,
            &section().key("include").index(index),
            format!("{shown} is not backed up: {error}"),
            "mend the path, or remove it; the rest is backed up",
        );
    }
}

fn hooks(subject: Subject<'_>, findings: &mut Findings) {
    let backup = &subject.plan.backup;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = path.to_string_lossy();
    let hooks = [
        (
            "before",
            &backup.before,
            "no backup is taken while it fails",
        ),
        ("after", &backup.after, "backups are taken all the same"),
    ];
    for (key, command, help) in hooks {
        let trouble = command
            .as_ref()
            .and_then(|command| program::trouble(command, None, &path));
        if let Some((problem, _)) = trouble {
            let help = format!("{help}; name it by its whole path");
            findings.warn(subject, &section().key(key), problem, help);
        }
    }
}

/// A fire takes all disks of a machine.
fn all_here(subject: Subject<'_>, findings: &mut Findings) {
    let targets = &subject.plan.backup.to;
    let is_local = |target: &BackupTarget| matches!(target.storage, Storage::Local(_));
    if !targets.is_empty() && targets.iter().all(is_local) {
        findings.notes.push(
            "All backups are at this machine: a fire or a thief takes them with it. A second target in another house (`s3`, `rest`, `sftp`), or disks that take turns there, help.".to_owned(),
        );
    }
}

/// Who breaks in can add backups, which then count as the newest.
fn append_only(targets: &[BackupTarget], findings: &mut Findings) {
    let kept: Vec<_> = targets.iter().filter(|target| target.append_only).collect();
    let names: Vec<_> = kept.iter().map(|target| target.name.as_str()).collect();
    if !names.is_empty() {
        findings.notes.push(format!(
            "Nothing is removed at {} by itself (`append_only`): `ondol backup prune --with` does. `keep` counts backups, and who has broken in can add some: look at `ondol backup list` before.",
            names.join(", ")
        ));
    }
}
