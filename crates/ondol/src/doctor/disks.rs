//! Room on the disks that Ondol writes to and serves from.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ondol_model::Plan;
use ondol_model::Target;
use rustix::fs::StatVfsMountFlags;

use super::Finding;
use crate::folders::Folders;
use crate::output;

/// A disk as it is.
#[derive(Debug, Clone, Copy)]
struct Disk {
    free: u64,
    all: u64,
    free_files: u64,
    files: u64,
    is_read_only: bool,
}

/// When room is scarce, in percent.
#[derive(Debug, Clone, Copy)]
struct Scarce {
    warn: u8,
    fail: u8,
}

pub(super) fn look(plan: &Plan, folders: &Folders) -> Vec<Finding> {
    let scarce = Scarce {
        warn: plan.care.watch.disk_warn,
        fail: plan.care.watch.disk_fail,
    };
    let written = [&folders.state, &folders.logs, &folders.runtime];
    let written = written.into_iter().map(|path| (path.as_path(), true));
    let routes = plan.sites.iter().flat_map(|site| site.own_routes());
    let served = routes.filter_map(|route| match &route.target {
        Target::Files(files) => Some((files.root.as_path(), false)),
        Target::Php(php) => Some((php.root.as_path(), false)),
        Target::App(_) | Target::Proxy(_) | Target::Redirect(_) | Target::Respond(_) => None,
    });
    // Each disk once, by the first folder that is on it.
    let mut disks: BTreeMap<u64, (&Path, bool)> = BTreeMap::new();
    for (path, is_written) in written.chain(served) {
        if let Ok(metadata) = fs::metadata(path) {
            let (_, has_writer) = disks.entry(metadata.dev()).or_insert((path, is_written));
            *has_writer |= is_written;
        }
    }
    let each = disks.into_values();
    each.filter_map(|(path, is_written)| Some((path, is_written, Disk::of(path)?)))
        .flat_map(|(path, is_written, disk)| judge(path, is_written, disk, scarce))
        .collect()
}

impl Disk {
    fn of(path: &Path) -> Option<Self> {
        let stat = rustix::fs::statvfs(path).ok()?;
        Some(Self {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            all: stat.f_blocks.saturating_mul(stat.f_frsize),
            free_files: stat.f_favail,
            files: stat.f_files,
            is_read_only: stat.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }
}

fn judge(path: &Path, is_written: bool, disk: Disk, scarce: Scarce) -> Vec<Finding> {
    let shown = path.display();
    let mut findings = Vec::new();
    if disk.is_read_only && is_written {
        findings.push(Finding::bad(
            format!("The disk of {shown} is read-only: nothing new can be written down."),
            "`dmesg | grep -i error` says why: a file system with errors is made read-only. Save what is on it first, then \
             have it checked (`fsck`) at the next start.",
        ));
    }
    let room = share(disk.free, disk.all);
    let free = output::bytes(disk.free);
    let advice = format!(
        "`du -xh -d 2 {shown} | sort -h | tail` shows what fills it; old releases, logs (`journalctl --vacuum-size=200M`) \
         and images of containers are the usual things."
    );
    match room {
        Some(percent) if percent < f64::from(scarce.fail) => findings.push(Finding::bad(
            format!("The disk of {shown} has {free} left ({percent:.1} %)."),
            advice,
        )),
        Some(percent) if percent < f64::from(scarce.warn) => findings.push(Finding::warning(
            format!("The disk of {shown} has {free} left ({percent:.1} %)."),
            advice,
        )),
        Some(_) | None => {}
    }
    if let Some(percent) = share(disk.free_files, disk.files)
        && percent < f64::from(scarce.fail)
    {
        let left = output::counted(disk.free_files, "file");
        findings.push(Finding::bad(
            format!("The disk of {shown} has room for {left} only ({percent:.1} % of its inodes)."),
            format!("`du --inodes -xd 2 {shown} | sort -n | tail` shows where very many small files are."),
        ));
    }
    findings
}

/// In percent; `None` where the disk does not say how large it is.
#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn share(free: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| free as f64 / all as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Weight;

    const FINE: Disk = Disk {
        free: 50_000_000_000,
        all: 100_000_000_000,
        free_files: 900,
        files: 1_000,
        is_read_only: false,
    };

    fn found(disk: Disk) -> Vec<(Weight, String)> {
        let scarce = Scarce { warn: 10, fail: 3 };
        let findings = judge(Path::new("/var/lib/ondol"), true, disk, scarce);
        findings
            .into_iter()
            .map(|finding| (finding.weight, finding.problem))
            .collect()
    }

    #[test]
    fn a_disk_without_room_is_told_of() {
        assert_eq!(found(FINE), []);
        let free = |free| found(Disk { free, ..FINE });
        let text = |left: &str| format!("The disk of /var/lib/ondol has {left}.");
        assert_eq!(
            free(9_000_000_000),
            [(Weight::Warning, text("9.0 GB left (9.0 %)"))]
        );
        assert_eq!(
            free(1_500_000),
            [(Weight::Bad, text("1.5 MB left (0.0 %)"))]
        );
        let files = Disk {
            free_files: 9,
            ..FINE
        };
        assert_eq!(
            found(files),
            [(
                Weight::Bad,
                text("room for 9 files only (0.9 % of its inodes)")
            )]
        );
        let read_only = Disk {
            is_read_only: true,
            ..FINE
        };
        assert!(found(read_only)[0].1.contains("is read-only"));
        // What has no size of its own, such as a file system in a network or btrfs' inodes.
        let nothing = Disk {
            free: 0,
            all: 0,
            free_files: 0,
            files: 0,
            ..FINE
        };
        assert_eq!(found(nothing), []);
    }
}
