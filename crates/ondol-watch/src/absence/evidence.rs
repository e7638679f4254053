//! What points to why the box was away.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use ondol_base::tasks;
use ondol_model::watch::AbsenceKind;
use ondol_model::watch::Away;
use ondol_model::watch::Clean;
use ondol_model::watch::PowerState;

/// Where the kernel leaves its last words, and where systemd moves them to at the next start.
const LAST_WORDS: [&str; 2] = ["sys/fs/pstore", "var/lib/systemd/pstore"];
/// As many entries as are looked at there.
const ENTRIES_MAX: usize = 1_000;
/// Why the watchdog says that it restarted the machine.
const WATCHDOG: &str = "sys/class/watchdog/watchdog0/bootstatus";
/// Bits of that: too hot, a power supply below its limits, a machine that stood still.
const TOO_HOT: u32 = 0x01;
const UNDERVOLTAGE: u32 = 0x10;
const STOOD_STILL: u32 = 0x20;
/// A machine that was off for less, in seconds, more often crashed or was reset.
const SHORT: i64 = 180;

/// A sentence each; the surest first.
pub(super) async fn of(root: &Path, away: &Away, clean: Option<Clean>) -> Vec<String> {
    let (root, away) = (root.to_path_buf(), away.clone());
    let found = tasks::spawn_blocking(move || find(&root, &away, clean)).await;
    found.unwrap_or_default()
}

fn find(root: &Path, away: &Away, clean: Option<Clean>) -> Vec<String> {
    let mut found = Vec::new();
    match away.kind {
        AbsenceKind::Crash => return found,
        AbsenceKind::Shutdown => found.extend(told(clean)),
        AbsenceKind::Rest => {}
        AbsenceKind::PowerCut => found.extend(cause(root, away)),
    }
    if away.is_clock_behind {
        found.push(
            "the clock says a time before the last sign of life, so nobody knows how long it was"
                .to_owned(),
        );
    }
    found
}

fn told(clean: Option<Clean>) -> Option<String> {
    match clean? {
        Clean::Reboot => Some("the machine was told to restart".to_owned()),
        Clean::PowerOff => Some("the machine was told to switch off".to_owned()),
        Clean::Stop => Some("Ondol had been stopped before".to_owned()),
        Clean::Rest => None,
    }
}

fn cause(root: &Path, away: &Away) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(folder) = last_words(root, away.last_seen_at) {
        found.push(format!(
            "the kernel left a report of a crash in /{folder}: it was not the power"
        ));
    }
    found.extend(watchdog(root));
    if away.power != PowerState::Mains {
        found.push("the box ran on its battery when it was last seen".to_owned());
    }
    let was_short = away.back_at - away.last_seen_at < SHORT;
    if found.is_empty() && was_short && !away.is_clock_behind {
        found.push("so short a gap is more often a crash or a reset than a power cut".to_owned());
    }
    found
}

/// The folder with words that the kernel left since.
fn last_words(root: &Path, since: i64) -> Option<&'static str> {
    LAST_WORDS.into_iter().find(|folder| {
        let Ok(entries) = fs::read_dir(root.join(folder)) else {
            return false;
        };
        entries.take(ENTRIES_MAX).flatten().any(|entry| {
            let modified = entry.metadata().and_then(|meta| meta.modified());
            let age = modified.map(|at| at.duration_since(UNIX_EPOCH).unwrap_or_default());
            age.is_ok_and(|age| i64::try_from(age.as_secs()).unwrap_or(0) >= since)
        })
    })
}

fn watchdog(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join(WATCHDOG)).unwrap_or_default();
    let bits = text.trim().parse::<u32>().unwrap_or(0);
    [
        (
            STOOD_STILL,
            "the hardware watchdog restarted the machine, because it stood still",
        ),
        (
            TOO_HOT,
            "the hardware watchdog says that the machine was too hot",
        ),
        (
            UNDERVOLTAGE,
            "the hardware watchdog says that the power supply failed",
        ),
    ]
    .into_iter()
    .filter(|(bit, _)| bits & bit != 0)
    .map(|(_, sentence)| sentence.to_owned())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planted::put;

    fn away(kind: AbsenceKind, seconds: i64) -> Away {
        Away {
            kind,
            last_seen_at: 1_000,
            back_at: 1_000 + seconds,
            is_clock_behind: false,
            power: PowerState::Mains,
        }
    }

    #[test]
    fn what_the_machine_left_behind_is_told() {
        let root = tempfile::tempdir().unwrap();
        let cut = away(AbsenceKind::PowerCut, 7 * 3_600);
        assert!(find(root.path(), &cut, None).is_empty());
        put(&root.path().join(WATCHDOG), "33\n");
        put(&root.path().join("var/lib/systemd/pstore/1/dmesg.txt"), "x");
        let told = find(root.path(), &cut, None);
        assert_eq!(
            told,
            [
                "the kernel left a report of a crash in /var/lib/systemd/pstore: it was not the power",
                "the hardware watchdog restarted the machine, because it stood still",
                "the hardware watchdog says that the machine was too hot",
            ]
        );
        // What lay there before is no evidence.
        let later = Away {
            last_seen_at: i64::MAX - 10,
            back_at: i64::MAX,
            ..cut
        };
        assert_eq!(find(root.path(), &later, None).len(), 2);
    }

    #[test]
    fn a_short_gap_and_a_battery_are_told() {
        let root = tempfile::tempdir().unwrap();
        let short = away(AbsenceKind::PowerCut, 40);
        assert_eq!(
            find(root.path(), &short, None),
            ["so short a gap is more often a crash or a reset than a power cut"]
        );
        let on_battery = Away {
            power: PowerState::Battery,
            ..short
        };
        assert_eq!(
            find(root.path(), &on_battery, None),
            ["the box ran on its battery when it was last seen"]
        );
    }

    #[test]
    fn what_was_meant_is_told_as_it_was_meant() {
        let root = tempfile::tempdir().unwrap();
        let shutdown = away(AbsenceKind::Shutdown, 40);
        for (clean, sentence) in [
            (Clean::Reboot, "the machine was told to restart"),
            (Clean::PowerOff, "the machine was told to switch off"),
            (Clean::Stop, "Ondol had been stopped before"),
        ] {
            assert_eq!(find(root.path(), &shutdown, Some(clean)), [sentence]);
        }
        let rest = away(AbsenceKind::Rest, 40);
        assert!(find(root.path(), &rest, Some(Clean::Rest)).is_empty());
        assert!(find(root.path(), &away(AbsenceKind::Crash, 4), None).is_empty());
    }
}
