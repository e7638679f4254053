//! `to`: where backups go.

mod rest;
mod s3;
mod sftp;
mod short;

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use ondol_model::backup::TargetName;
use ondol_model::plan::BackupTarget;
use ondol_model::plan::Storage;

use super::names;
use crate::file;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::text::Place;

/// Each has all backups, one after another.
const TARGETS_MAX: usize = 16;
/// What a local target is called where its path tells no name of a disk.
const DISK: &str = "disk";
/// What kinds of targets there are, each by its key.
const KINDS: [&str; 4] = ["local", "s3", "rest", "sftp"];

pub(super) const TO: Key = Key {
    name: "to",
    doc: "Where backups go: each target has all of them. A text alone is a folder of this machine (`/mnt/usb/ondol`), a restic REST server (`rest:https://…`) or a folder of another machine (`sftp:user@host:path`). Without one, nothing is backed up.",
    shape: Shape::OneOrMore(&Shape::TextOrTable(
        Form {
            what: "a target",
            example: "/mnt/usb/ondol",
        },
        &TARGET,
    )),
    absent: Absent::Means,
};

static TARGET: Table = Table {
    title: "`[[backup.to]]`",
    doc: "Where backups go: one of `local`, `s3`, `rest` and `sftp`.",
    keys: &[
        Key {
            name: "name",
            doc: "What it is called in tables and commands. Without it, it is called by its disk, bucket or host.",
            shape: Shape::Text(Form {
                what: "a name",
                example: "parents",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "local",
            doc: "A folder of this machine, best on a disk of its own, which may be unplugged: nothing is written when it is not there. Relative to this file.",
            shape: Shape::Text(Form {
                what: "the path of a folder",
                example: "/mnt/usb/ondol",
            }),
            absent: Absent::Means,
        },
        s3::S3,
        rest::REST,
        sftp::SFTP,
        Key {
            name: "append_only",
            doc: "Whether the credential that the box has can only add: then whoever breaks in can't remove backups, and old ones are removed by `ondol backup prune --with`, with another.",
            shape: Shape::Flag,
            absent: Absent::Default("false"),
        },
    ],
    later: &[],
};

/// The targets; those that are wrong are reported and left out.
pub(super) fn targets(
    section: Section<'_>,
    folder: &Path,
    report: &mut Report,
) -> Vec<BackupTarget> {
    let entries = section.eithers(TO.name).unwrap_or_default();
    let mut taken = given_names(&entries, report);
    let mut targets: Vec<(BackupTarget, Place)> = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let (at, storage) = match entry {
            Either::Short(word) => (word.at, short::storage(word, report)),
            Either::Long(table) => (table.at(), long(table, folder, report)),
        };
        if index == TARGETS_MAX {
            let problem =
                format!("this is one target more than the {TARGETS_MAX} that a box can have");
            report.add(at, problem);
        }
        let Some(storage) = storage else { continue };
        apart(&storage, at, &targets, report);
        let (name, append_only) = match entry {
            Either::Short(_) => (None, false),
            Either::Long(table) => (
                table.text("name"),
                table.flag("append_only").unwrap_or(false),
            ),
        };
        let name = name.and_then(|word| TargetName::parse(word.text).ok());
        let name = name.or_else(|| {
            let name = names::free(&mut taken, &[usual_name(&storage)]);
            TargetName::parse(&name).ok()
        });
        let target = name.map(|name| BackupTarget {
            name,
            storage,
            append_only,
        });
        targets.extend(target.map(|target| (target, at)));
    }
    targets.into_iter().map(|(target, _)| target).collect()
}

/// The names that stand in the file, each once.
fn given_names(entries: &[Either<'_>], report: &mut Report) -> HashSet<String> {
    let mut names: HashMap<&str, Place> = HashMap::new();
    for entry in entries {
        let Either::Long(table) = entry else { continue };
        let Some(word) = table.text("name") else {
            continue;
        };
        if let Err(error) = TargetName::parse(word.text) {
            let problem = format!("a target cannot be called \"{}\"", repeated(word.text));
            report.add(word.at, problem).help(error.to_string());
            continue;
        }
        if let Some(first) = names.get(word.text) {
            let problem = format!("`{}` is the name of two targets", word.text);
            report
                .add(word.at, problem)
                .help("what is remembered of a target goes by its name: give each its own")
                .related(*first, "it is another one's here");
        } else {
            names.insert(word.text, word.at);
        }
    }
    names.into_keys().map(str::to_owned).collect()
}

fn long(table: Section<'_>, folder: &Path, report: &mut Report) -> Option<Storage> {
    let mut present: Vec<_> = KINDS
        .into_iter()
        .filter(|kind| table.has(kind))
        .map(|kind| (table.key_at(kind), kind))
        .collect();
    present.sort();
    match present[..] {
        [] if table.is_known(&TARGET) => {
            report
                .lack(table.at(), "this target is nowhere")
                .help("it needs one of local, s3, rest and sftp: local = \"/mnt/usb/ondol\"");
        }
        [(first_at, first), (at, second), ..] => {
            report
                .add(at, format!("`{second}` stands beside `{first}`"))
                .help("a target is in one place: give each a [[backup.to]] of its own")
                .related(first_at, format!("`{first}` is here"));
        }
        _ => {}
    }
    let local = table.text("local");
    let local = local.and_then(|word| local_folder(word, word.text, folder, report));
    let s3 = s3::s3(table, folder, report).map(Storage::S3);
    let rest = rest::rest(table, folder, report).map(Storage::Rest);
    let sftp = sftp::sftp(table, folder, report).map(Storage::Sftp);
    local.or(s3).or(rest).or(sftp)
}

/// A folder of this machine; `text` is that of the word, or the end of it.
fn local_folder(word: Word<'_>, text: &str, folder: &Path, report: &mut Report) -> Option<Storage> {
    let path = file::path(Word { text, ..word }, folder, report)?;
    let path: PathBuf = path.components().collect();
    let is_folder =
        path.parent().is_some() && !path.components().any(|it| it == Component::ParentDir);
    if !is_folder {
        let problem = format!("\"{}\" is no folder for backups", repeated(text));
        report
            .add(word.at, problem)
            .help("accepted: the path of a folder for them alone, without `..`, such as \"/mnt/usb/ondol\"");
        return None;
    }
    Some(Storage::Local(path))
}

/// Two targets are no safer than one where both are in one place, and a repository in another breaks that.
fn apart(storage: &Storage, at: Place, before: &[(BackupTarget, Place)], report: &mut Report) {
    for (other, first) in before {
        let problem = match (storage, &other.storage) {
            (one, other) if is_same(one, other) => "this target stands twice",
            (Storage::Local(one), Storage::Local(other))
                if one.starts_with(other) || other.starts_with(one) =>
            {
                "one of these targets is in the other"
            }
            _ => continue,
        };
        report
            .add(at, problem)
            .help("each target is a place of its own, best on another disk or in another house")
            .related(*first, "the other one is here");
        return;
    }
}

/// Whether both are one place, with whatever credential.
fn is_same(one: &Storage, other: &Storage) -> bool {
    match (one, other) {
        (Storage::Local(one), Storage::Local(other)) => one == other,
        (Storage::S3(one), Storage::S3(other)) => {
            let place = |s3: &ondol_model::plan::S3| {
                (s3.endpoint.clone(), s3.bucket.clone(), s3.prefix.clone())
            };
            place(one) == place(other)
        }
        (Storage::Rest(one), Storage::Rest(other)) => one.url == other.url,
        (Storage::Sftp(one), Storage::Sftp(other)) => {
            let identity = None;
            let place = |sftp: &ondol_model::plan::Sftp| ondol_model::plan::Sftp {
                identity: identity.clone(),
                ..sftp.clone()
            };
            place(one) == place(other)
        }
        (Storage::Local(_) | Storage::S3(_) | Storage::Rest(_) | Storage::Sftp(_), _) => false,
    }
}

/// What a target without a name is called.
fn usual_name(storage: &Storage) -> String {
    match storage {
        Storage::Local(path) => names::usable(disk(path).unwrap_or(DISK), DISK),
        Storage::S3(s3) => names::usable(&s3.bucket, "s3"),
        Storage::Rest(rest) => {
            let (_, after) = rest.url.split_once("://").unwrap_or(("", &rest.url));
            let end = after.find('/').unwrap_or(after.len());
            let host = ondol_model::host::authority(&after[..end]).map(|(host, _)| host);
            names::usable(host.as_deref().unwrap_or_default(), "rest")
        }
        Storage::Sftp(sftp) => names::usable(&sftp.host, "sftp"),
    }
}

/// What disks are called where they are mounted: `/mnt/NAME`, `/media/USER/NAME`, `/run/media/USER/NAME`.
fn disk(path: &Path) -> Option<&str> {
    let parts = path
        .components()
        .skip(1)
        .map(|part| part.as_os_str().to_str());
    let parts: Vec<_> = parts.collect::<Option<_>>()?;
    match parts[..] {
        ["run", "media", _, name, ..] | ["media", _, name, ..] => Some(name),
        ["mnt" | "media", name, ..] => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_called_by_its_disk() {
        for (path, expected) in [
            ("/mnt/usb/ondol", "usb"),
            ("/mnt/usb", "usb"),
            ("/media/me/Elements 4TB/ondol", "Elements-4TB"),
            ("/media/usb", "usb"),
            ("/run/media/me/usb/ondol", "usb"),
            ("/srv/backup", "disk"),
            ("/mnt", "disk"),
        ] {
            assert_eq!(usual_name(&Storage::Local(path.into())), expected);
        }
    }
}
