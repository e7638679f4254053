//! What to do, in English.

use crate::watch::Subject;
use crate::watch::What;

/// What somebody who knows the box can do.
#[expect(clippy::too_many_lines, reason = "a table: a line for each")]
pub(super) fn advice(subject: &Subject, what: &What) -> String {
    let name = subject.name();
    let advice = match what {
        What::Status(_) | What::NoAnswer | What::Slow(..) | What::Content => {
            "see `ondol status` and `ondol logs`, and whether what is behind the site runs."
        }
        What::AppFailed | What::AppUnwell => {
            return format!(
                "see why in `ondol logs {name}`; `ondol rollback {name}` goes back to the release before."
            );
        }
        What::CertificateEnds(_) | What::CertificateEnded(_) | What::CertificateMissing => {
            return format!("see why in `ondol certs`, then `ondol certs renew {name}`.");
        }
        What::DomainEnds(_) => "renew it where you bought it; without it nobody finds the sites.",
        What::DiskRoom(..) => {
            "remove what you don't need, or make the disk larger; `ondol doctor` tells what it knows."
        }
        What::DiskInodes(..) => {
            "remove folders with very many small files (caches, sessions, mail)."
        }
        What::DiskReadOnly => {
            "look into `journalctl -k` for errors of the drive, see that a backup is good (`ondol backups`), then restart or replace it."
        }
        What::DriveFailing | What::DriveErrors(_) => {
            "see that a backup is good (`ondol backups`), and replace the drive soon."
        }
        What::DriveWorn(_) => "plan to replace the drive.",
        What::Hot(_) => "see whether fans turn, and whether dust or sunlight is on the box.",
        What::MemoryPressure(_) => {
            "see in `ondol apps` which app uses most, and give it a limit or the box more memory."
        }
        What::ClockOff(_) | What::ClockFree => {
            "turn on a time service: `timedatectl set-ntp true`; certificates and logins need the right time."
        }
        What::ServiceFailing => {
            "see why in `ondol events` and `journalctl -u ondol`, then `ondol reload`."
        }
        What::StoreBroken => {
            "see whether the disk is full or broken (`ondol doctor`); what is lost comes back by `ondol restore`."
        }
        What::NobodyServes => "see why in `ondol events` and `journalctl -u ondol`.",
        What::BackupOld(_) | What::BackupUnproven(_) => {
            "see why in `ondol backups`, and whether the target can be reached and has room."
        }
        What::BackupBroken => {
            "see which in `ondol backups`, and make a new one now: `ondol backup`."
        }
        What::NoLink => "see that the cable is plugged in at the box and at the router.",
        What::RouterSilent => "switch the router off and on again; see that it has power.",
        What::InternetAway => {
            "switch the router off and on again; if that does not help, ask your provider."
        }
        What::DnsSilent => {
            "see which name servers the box asks (`resolvectl status`), and whether they answer."
        }
        What::OnBattery(..) | What::BatteryLow(..) => {
            "nothing, if the whole street is dark; otherwise see the fuses and the plug of the UPS."
        }
        What::UpsSilent(..) => {
            "see that the UPS's cable is plugged in and that its service runs (`upsc`)."
        }
        What::BatteryWorn => "order a new battery for the UPS, and change it.",
        What::UpsOverload => "plug something out of the UPS that need not be on it.",
        What::Silent(_) | What::ReportedFailure => {
            "see on the machine that reports whether its job ran, and whether it reaches this box."
        }
        What::Undeliverable => {
            "see why in `ondol alarm list`, correct it in the configuration, then `ondol alarm test`."
        }
        What::Unheard => {
            "see whether the URL in `alarms.heartbeat` is the one that the service shows, and whether the service is up."
        }
        What::DrillUnanswered => {
            "ask whether the message arrived; if not, `ondol alarm test` shows where it gets lost."
        }
        What::FileBroken => {
            "write as little as you can, and put it back from a backup (`ondol backups`, `ondol restore`)."
        }
        What::BackAfterPowerCut(_) => "nothing now; a UPS would bridge short cuts.",
        What::BackAfterShutdown(_) => "nothing.",
        What::BackAfterCrash(_) => "see why in `journalctl -u ondol`.",
        What::Remembered => "see how it is now in `ondol status`.",
        What::Flapping => {
            "see `ondol events` for when and why; often something is too slow, or just too small."
        }
    };
    advice.to_owned()
}

/// What somebody near the box can do, where the owner has not said it.
pub(super) fn instruction(what: &What) -> &'static str {
    match what {
        What::NoLink => {
            "see that the network cable is plugged in, at the server and at the router."
        }
        What::RouterSilent | What::InternetAway => {
            "unplug the router, wait ten seconds, and plug it in again."
        }
        What::OnBattery(..) | What::BatteryLow(..) => {
            "if only our home is dark, look at the fuse box; otherwise just wait."
        }
        What::Hot(_) => "see that nothing covers the server, and that its fan turns.",
        What::Status(_)
        | What::NoAnswer
        | What::Slow(..)
        | What::Content
        | What::AppFailed
        | What::AppUnwell
        | What::CertificateEnds(_)
        | What::CertificateEnded(_)
        | What::CertificateMissing
        | What::DomainEnds(_)
        | What::DiskRoom(..)
        | What::DiskInodes(..)
        | What::DiskReadOnly
        | What::DriveFailing
        | What::DriveWorn(_)
        | What::DriveErrors(_)
        | What::MemoryPressure(_)
        | What::ClockOff(_)
        | What::ClockFree
        | What::ServiceFailing
        | What::StoreBroken
        | What::NobodyServes
        | What::BackupOld(_)
        | What::BackupUnproven(_)
        | What::BackupBroken
        | What::DnsSilent
        | What::UpsSilent(..)
        | What::BatteryWorn
        | What::UpsOverload
        | What::Silent(_)
        | What::ReportedFailure
        | What::Undeliverable
        | What::Unheard
        | What::DrillUnanswered
        | What::BackAfterPowerCut(_)
        | What::BackAfterShutdown(_)
        | What::BackAfterCrash(_)
        | What::FileBroken
        | What::Flapping
        | What::Remembered => "tell the person who looks after the server.",
    }
}
