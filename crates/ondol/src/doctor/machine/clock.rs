//! The clock: kept right by somebody, and right again after a power cut without the internet.

use std::path::Path;

use super::Finding;
use super::has_systemd;
use super::is_guest;
use super::text;

/// Before this nobody can live: the clock was never set. 2026-01-01.
const EARLIEST: i64 = 1_767_225_600;
/// A hardware clock that is so many seconds off is not in local time, but wrong.
const HARDWARE_OFF_MAX: u64 = 26 * 60 * 60;

/// What shows that somebody keeps the clock right, or has once.
const KEEPERS: [&str; 5] = [
    "run/systemd/timesync/synchronized",
    "run/chrony/chronyd.pid",
    "run/chronyd.pid",
    "run/ntpd.pid",
    "run/openntpd.pid",
];

/// `is_watched` is whether the agent looks at the clock, and so knows better how right it is.
pub(super) fn look(root: &Path, now: i64, is_watched: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    if now < EARLIEST {
        findings.push(Finding::bad(
            "The clock was never set: certificates look as if they were not valid yet, and nothing can be checked.",
            "`timedatectl set-ntp true` has it set from the internet; without it `timedatectl set-time \"2026-11-21 14:00\"`.",
        ));
    } else if !is_watched && !KEEPERS.iter().any(|path| root.join(path).exists()) && !is_guest(root)
    {
        findings.push(Finding::warning(
            "Nobody keeps the clock right: a minute off breaks one-time passwords, an hour off certificates.",
            "`timedatectl set-ntp true`; where that is not known, install chrony.",
        ));
    }
    if !is_guest(root) {
        findings.extend(hardware(root, now));
    }
    findings
}

/// The clock of the hardware, from which the system starts.
fn hardware(root: &Path, now: i64) -> Option<Finding> {
    if !root.join("sys/class/rtc").exists() && !has_systemd(root) {
        return None;
    }
    let clock = root.join("sys/class/rtc/rtc0");
    if !clock.exists() {
        return Some(Finding::advice(
            "This machine has no hardware clock: after a power cut without the internet it is in the past, and times of what \
             happens then are wrong.",
            "A small board takes an RTC with a battery (DS3231) for little money. Ondol waits for a right clock before it tells \
             how long the box was off.",
        ));
    }
    let hardware: i64 = text(&clock.join("since_epoch"))?.parse().ok()?;
    (hardware.abs_diff(now) > HARDWARE_OFF_MAX).then(|| {
        let days = hardware.abs_diff(now) / 86_400;
        Finding::warning(
            format!("The hardware clock is {days} days off; its battery is probably empty."),
            "Replace the coin cell on the board (often a CR2032), then `hwclock --systohc`.",
        )
    })
}
