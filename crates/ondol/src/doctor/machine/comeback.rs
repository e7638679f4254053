//! Whether the box comes back by itself: from a power cut, and from a hang.

use std::fs;
use std::path::Path;

use super::Finding;
use super::has_battery;
use super::has_systemd;
use super::is_guest;
use super::text;

pub(super) fn look(root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(enabled(root));
    if is_guest(root) {
        return findings; // Its host starts it.
    }
    findings.extend(watchdog(root));
    findings.extend(firmware(root));
    findings
}

/// Whether the service starts with the machine.
fn enabled(root: &Path) -> Option<Finding> {
    let unit = [
        "etc/systemd/system",
        "usr/lib/systemd/system",
        "lib/systemd/system",
    ]
    .into_iter()
    .map(|folder| root.join(folder).join("ondol.service"))
    .find(|unit| unit.exists())?;
    let wants = root.join("etc/systemd/system/multi-user.target.wants/ondol.service");
    if fs::symlink_metadata(&wants).is_ok() {
        return None;
    }
    let unit = unit
        .strip_prefix(root)
        .unwrap_or(&unit)
        .display()
        .to_string();
    Some(Finding::bad(
        format!(
            "Ondol does not start with the machine (/{unit} is not enabled): after a power cut nothing is served."
        ),
        "`systemctl enable ondol`.",
    ))
}

/// A machine that hangs restarts itself when its watchdog is not fed.
fn watchdog(root: &Path) -> Option<Finding> {
    let watchdog = root.join("sys/class/watchdog/watchdog0");
    if !has_systemd(root) || !watchdog.exists() {
        return None;
    }
    let is_fed = text(&watchdog.join("state")).is_some_and(|state| state == "active");
    (!is_fed && !is_asked_for(root)).then(|| {
        Finding::advice(
            "The hardware watchdog is not used: when the kernel hangs, the box hangs until somebody comes.",
            "Put `[Manager]` and `RuntimeWatchdogSec=30s` into /etc/systemd/system.conf.d/watchdog.conf, then \
             `systemctl daemon-reexec`.",
        )
    })
}

/// Whether systemd is told to feed it, also where the kernel does not say whether somebody does.
fn is_asked_for(root: &Path) -> bool {
    let main = root.join("etc/systemd/system.conf");
    let folder = fs::read_dir(root.join("etc/systemd/system.conf.d"));
    let more = folder.into_iter().flatten().flatten();
    let files = std::iter::once(main).chain(more.map(|entry| entry.path()));
    files.filter_map(|path| text(&path)).any(|text| {
        text.lines().any(|line| {
            let value = line.trim().strip_prefix("RuntimeWatchdogSec=");
            value.is_some_and(|value| !matches!(value.trim(), "" | "0" | "off"))
        })
    })
}

/// No program can see what the firmware does when the power returns.
fn firmware(root: &Path) -> Option<Finding> {
    let names = root.join("sys/class/dmi/id");
    if !names.exists() || has_battery(root) {
        return None; // A small board just starts; a laptop has its own battery.
    }
    let board = ["sys_vendor", "product_name"]
        .into_iter()
        .filter_map(|name| text(&names.join(name)))
        .collect::<Vec<_>>()
        .join(" ");
    Some(Finding::advice(
        format!(
            "Only the BIOS of this machine ({board}) knows whether it starts by itself when the power returns; many are \
             delivered so that they stay off."
        ),
        "Set \"Restore on AC Power Loss\" (also called \"AC Back\" or \"After Power Failure\") to \"Power On\", then pull \
         the plug once and see: Ondol tells how long the box was off.",
    ))
}
