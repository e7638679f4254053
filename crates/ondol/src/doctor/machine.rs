//! The machine below: whether it keeps its time, comes back after a power cut, restarts when it hangs, and remembers
//! why it ended. Files are looked at below a root, so that tests can plant faults.

use std::fs;
use std::path::Path;

use ondol_admin::api::Status;

use super::Finding;
use super::Report;

mod clock;
mod comeback;
mod drives;
mod memory_of_ends;

/// Looks at all of it. What the agent knows better is left to it.
pub(super) fn look(root: &Path, now: i64, status: Option<&Status>, report: &mut Report) {
    let knows = |kind: &str| {
        let subjects = status.iter().flat_map(|status| &status.watch.subjects);
        subjects.into_iter().any(|subject| subject.kind == kind)
    };
    report.found("clock", clock::look(root, now, knows("clock")));
    report.found("start", comeback::look(root));
    report.found("journal", memory_of_ends::look(root));
    report.found("drives", drives::look(root, knows("drive")));
}

/// Whether this machine is a guest of another, or a container: its host has clock, drives and power.
fn is_guest(root: &Path) -> bool {
    let processor = fs::read_to_string(root.join("proc/cpuinfo")).unwrap_or_default();
    let is_virtual = processor
        .lines()
        .filter(|line| line.starts_with("flags"))
        .any(|line| line.split_whitespace().any(|flag| flag == "hypervisor"));
    is_virtual || root.join("run/systemd/container").exists() || root.join(".dockerenv").exists()
}

/// Whether systemd runs this machine.
fn has_systemd(root: &Path) -> bool {
    root.join("run/systemd/system").is_dir()
}

/// Whether the machine has a battery of its own, as a laptop has; that of a mouse is none.
pub(super) fn has_battery(root: &Path) -> bool {
    let supplies = fs::read_dir(root.join("sys/class/power_supply"));
    let supplies = supplies.into_iter().flatten().flatten();
    supplies
        .filter(|supply| text(&supply.path().join("scope")).as_deref() != Some("Device"))
        .filter_map(|supply| text(&supply.path().join("type")))
        .any(|kind| kind == "Battery")
}

/// The text of a file, without the line break at its end.
fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests;
