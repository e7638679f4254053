//! `[backup]`: what is backed up, when and where to, and how it is proven.

pub(super) mod bandwidth;
mod contents;
pub(super) mod databases;
mod hooks;
mod keep;
pub(super) mod names;
mod times;
mod to;
mod url;
pub(super) mod verify;

use std::path::Path;

use ondol_model::plan::Backup;

pub(super) use url::without_user;

use crate::file::tls::secret;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Table;

pub(super) static BACKUP: Table = Table {
    title: "`[backup]`",
    doc: "Backups: of the configuration, certificates, Ondol's own state, the apps with their data, the files of sites, and databases. They are taken by themselves, in restic's format, and tried by themselves. Without a target there are none.",
    keys: &[
        to::TO,
        times::AT,
        times::DATABASES_AT,
        times::TIMEZONE,
        keep::KEEP,
        verify::VERIFY,
        bandwidth::BANDWIDTH,
        Key {
            name: PASSWORD,
            doc: "The password that the repositories are encrypted with. Without it, one that Ondol makes, and that `ondol backup kit` prints.",
            shape: secret::SHAPE,
            absent: Absent::Means,
        },
        contents::INCLUDE,
        contents::EXCLUDE,
        databases::DATABASES,
        hooks::BEFORE,
        hooks::AFTER,
        hooks::HOOK_TIMEOUT,
    ],
    later: &[],
};

const PASSWORD: &str = "password";

/// What `[backup]` says, with what can only be said of its databases when all apps are known.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Without its databases.
    pub(super) plan: Backup,
    pub(super) databases: Vec<databases::Placed>,
}

pub(super) fn backup(section: Option<Section<'_>>, folder: &Path, report: &mut Report) -> Placed {
    let Some(section) = section else {
        return Placed::default();
    };
    let mut plan = Backup {
        to: to::targets(section, folder, report),
        keep: keep::keep(section, report),
        verify: verify::verify(section, report),
        bandwidth: bandwidth::bandwidth(section, report),
        password: secret::secret(section, PASSWORD, folder, report),
        include: contents::include(section, folder, report),
        exclude: contents::exclude(section, report),
        ..Backup::default()
    };
    times::read(section, &mut plan, report);
    hooks::read(section, &mut plan, report);
    Placed {
        plan,
        databases: databases::databases(section, folder, report),
    }
}
