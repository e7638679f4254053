//! Whether it can be found out afterwards why the machine ended.

use std::fs;
use std::path::Path;

use super::Finding;
use super::has_systemd;
use super::text;

pub(super) fn look(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(journal(root));
    findings.extend(crashes(root));
    findings
}

/// A journal in memory is gone with the power.
fn journal(root: &Path) -> Option<Finding> {
    if !has_systemd(root) || root.join("var/log/journal").is_dir() {
        return None;
    }
    let settings = text(&root.join("etc/systemd/journald.conf")).unwrap_or_default();
    let is_kept = settings
        .lines()
        .any(|line| line.trim() == "Storage=persistent");
    (!is_kept).then(|| {
        Finding::advice(
            "The system's journal is kept in memory: after a power cut nobody can read what came before it.",
            "`mkdir -p /var/log/journal && systemctl restart systemd-journald`; `SystemMaxUse=500M` in \
             /etc/systemd/journald.conf bounds it.",
        )
    })
}

/// What the kernel wrote down when it crashed.
fn crashes(root: &Path) -> Option<Finding> {
    let folders = ["sys/fs/pstore", "var/lib/systemd/pstore"];
    let entries = folders
        .into_iter()
        .filter_map(|folder| fs::read_dir(root.join(folder)).ok())
        .flatten()
        .flatten();
    let count = entries.count();
    (count > 0).then(|| {
        Finding::warning(
            "The kernel has crashed on this machine, and has left a record of it.",
            "Read it in /sys/fs/pstore or /var/lib/systemd/pstore: memory that fails (memtest86+), a driver, or heat are \
             the usual reasons. Remove the record when it is understood.",
        )
    })
}
