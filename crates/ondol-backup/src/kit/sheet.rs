//! The sheet: what a person needs to know who has nothing but this, and the numbered lines.

use ondol_base::clock;

use crate::access::StorageAccess;
use crate::kit::Kit;
use crate::kit::words;

const RULE: &str = "------------------------------------------------------------------------------";

pub(super) fn of(kit: &Kit) -> String {
    let made = clock::rfc3339(kit.made_at);
    let made = made.split('T').next().unwrap_or_default();
    let place = place(&kit.target.storage);
    let key = key(&kit.target.storage);
    let restic = restic(kit);
    let name = &kit.box_name;
    let block = kit.block();
    format!(
        "RECOVERY KIT of the box {name}, made on {made} by Ondol

With this sheet, a Linux machine and the backups, everything of the box comes
back: sites, databases, certificates, settings. The backups are in

    {place}

Whoever has this sheet can read them. Keep it outside of the house, on paper,
and never on the box alone.

What to do when the box is gone:

  - On a fresh machine with Linux, put the program `ondol` in place.
  - Type the numbered lines below into a file, kit.txt. Large and small letters
    count in what is in groups of four, spaces don't; the three signs at the end
    of each line show a mistake. A camera reads the same from the picture.
  - Run:  ondol recover --kit kit.txt
{key}{restic}
{RULE}
{block}{RULE}
"
    )
}

/// Where the repository is, for people; without secrets.
pub(super) fn place(storage: &StorageAccess) -> String {
    match storage {
        StorageAccess::Local { path, .. } => format!("the folder {}", path.display()),
        StorageAccess::S3 {
            endpoint,
            bucket,
            prefix,
            ..
        } => match prefix.is_empty() {
            true => format!("the bucket {bucket} at {endpoint}"),
            false => format!("{prefix} in the bucket {bucket} at {endpoint}"),
        },
        StorageAccess::Rest { url, .. } => format!("the REST server {url}"),
        StorageAccess::Sftp { host, path, .. } => format!("the folder {path} of {host}, by ssh"),
    }
}

/// What else must be at hand.
fn key(storage: &StorageAccess) -> String {
    match storage {
        StorageAccess::Sftp { host, .. } => format!(
            "
{host} lets in by a key of ssh, which is not on this sheet: a machine
that has one can be used, or let in a new one there (authorized_keys).
"
        ),
        StorageAccess::Local { .. } => "
The disk with that folder must be there; where it is mounted elsewhere, say so:
`ondol recover --kit kit.txt --target /mnt/elsewhere`.
"
        .to_owned(),
        StorageAccess::S3 { .. } | StorageAccess::Rest { .. } => String::new(),
    }
}

/// The way without Ondol.
fn restic(kit: &Kit) -> String {
    let repository = match &kit.target.storage {
        StorageAccess::Local { path, .. } => path.display().to_string(),
        StorageAccess::S3 {
            endpoint,
            bucket,
            prefix,
            ..
        } => {
            let name = format!("s3:{endpoint}/{bucket}/{prefix}");
            name.trim_end_matches('/').to_owned()
        }
        StorageAccess::Rest { url, .. } => format!("rest:{url}"),
        StorageAccess::Sftp {
            user, host, path, ..
        } => {
            let user = user.iter().map(|user| format!("{user}@"));
            format!("sftp:{}{host}:{path}", user.collect::<String>())
        }
    };
    let password = match words::is_ours(&kit.password.0) {
        true => "the twelve `words` in one line, small, with one space between",
        false => "all groups of `key` in one line, without spaces",
    };
    format!(
        "
Without Ondol: the backups are a restic repository (restic.net),
`restic -r {repository} snapshots`.
Its password is {password}.
"
    )
}
