//! What Ondol did, or does, in English.

use crate::watch::Subject;
use crate::watch::What;

/// What Ondol did, or does.
#[expect(clippy::too_many_lines, reason = "a table: a line for each")]
pub(super) fn deed(subject: &Subject, what: &What) -> &'static str {
    match what {
        What::AppFailed => {
            "Ondol started it each time, and still tries now and then; visitors see a page that says so."
        }
        What::CertificateEnds(_) => {
            "Ondol goes on trying to renew it; until then visitors get the one that is there."
        }
        What::CertificateEnded(_) => {
            "Ondol goes on trying to renew it; browsers warn visitors until then."
        }
        What::CertificateMissing => {
            "Ondol's own CA stands in, so that browsers warn visitors; Ondol goes on asking the issuer."
        }
        What::DiskRoom(..) | What::DiskInodes(..) => {
            "Ondol has removed nothing, and tells you when there is room again."
        }
        What::DiskReadOnly => "Ondol goes on serving, and tries again what it could not write.",
        What::ServiceFailing => "Ondol starts it again and again; its other parts go on.",
        What::StoreBroken => "Sites go on, and alarms are sent all the same.",
        What::NobodyServes => "Ondol starts it again and again.",
        What::BackupOld(_) => "Ondol tries again by itself.",
        What::BackupUnproven(_) => "Ondol proves them again by itself.",
        What::BackupBroken => {
            "Ondol removes no older backup there until another has been shown to be good."
        }
        What::NoLink | What::RouterSilent | What::InternetAway | What::DnsSilent => {
            "Ondol goes on serving in the house, and sends what could not be told once it is back."
        }
        What::OnBattery(..) | What::UpsSilent(_, true) => {
            "Sites go on; backups and other heavy work wait until the power is back."
        }
        What::BatteryLow(..) => {
            "Ondol brings apps and databases to rest, so that nothing breaks when the box goes off."
        }
        What::Undeliverable => {
            "Ondol keeps the messages and goes on trying; other ways are used as ever."
        }
        What::Unheard => {
            "Ondol goes on telling it; until it hears, it may raise the alarm that the box is gone."
        }
        What::DrillUnanswered => "Alarms go to everybody as before.",
        What::FileBroken => "Ondol has changed nothing in it.",
        What::BackAfterPowerCut(_) | What::BackAfterShutdown(_) | What::BackAfterCrash(_) => {
            "Ondol started everything again."
        }
        What::Flapping => "Ondol says nothing more of it until it has been steady for a while.",
        What::Status(_)
        | What::NoAnswer
        | What::Slow(..)
        | What::Content
        | What::AppUnwell
        | What::DomainEnds(_)
        | What::DriveFailing
        | What::DriveWorn(_)
        | What::DriveErrors(_)
        | What::Hot(_)
        | What::MemoryPressure(_)
        | What::ClockOff(_)
        | What::ClockFree
        | What::UpsSilent(_, false)
        | What::BatteryWorn
        | What::UpsOverload
        | What::Silent(_)
        | What::ReportedFailure
        | What::Remembered => match subject {
            Subject::Site(_) => "Ondol keeps asking it, and tells you when it is well again.",
            Subject::Heartbeat(_) => {
                "Ondol keeps waiting for it, and tells you when it reports again."
            }
            _ => "Ondol keeps looking, and tells you when it is well again.",
        },
    }
}
