//! What was found, and that it is over, in English.

use super::English;
use crate::app::room::size;
use crate::plan::Role;
use crate::watch::Subject;
use crate::watch::What;
use crate::watch::words::Telling;
use crate::watch::words::tongue::Tongue;
use crate::watch::words::tongue::grouped;
use crate::watch::words::tongue::percent;
use crate::watch::words::tongue::seconds_of;

/// What was found, as a clause.
#[expect(clippy::too_many_lines, reason = "a table: a clause for each")]
pub(super) fn found(
    tongue: &English,
    telling: &Telling<'_>,
    subject: &Subject,
    what: &What,
) -> String {
    let thing = tongue.thing(telling, subject);
    let local = telling.local;
    if telling.role == Role::Hands
        && matches!(what, What::Status(_) | What::NoAnswer | What::Content)
    {
        return format!("{thing} does not work");
    }
    let clause = match *what {
        What::Status(status) => return format!("{thing} answers with status {status}"),
        What::NoAnswer => return format!("{thing} does not answer"),
        What::Slow(took, max) => {
            let (took, max) = (seconds_of(took), seconds_of(max));
            return format!("{thing} is slow: it took {took} s to answer, not {max} s at most");
        }
        What::Content => return format!("{thing} answers, but with the wrong content"),
        What::AppFailed => return format!("{thing} ends again and again"),
        What::AppUnwell => return format!("{thing} is not well"),
        What::CertificateEnds(at) => {
            return format!("{thing} ends on {} and has not been renewed", local(at));
        }
        What::CertificateEnded(at) => return format!("{thing} ended on {}", local(at)),
        What::CertificateMissing => {
            return format!("{thing} is not there yet: no issuer has given one");
        }
        What::DomainEnds(at) => return format!("{thing} ends on {}", local(at)),
        What::DiskRoom(free, total, full_at) => {
            let share = percent(free, total);
            let (free, total) = (size(free), size(total));
            let left = format!("{thing} has {free} of {total} left ({share} %)");
            return match full_at {
                Some(at) => format!("{left}, and will be full on {} at this pace", local(at)),
                None => left,
            };
        }
        What::DiskInodes(free, total) => {
            let share = percent(free, total);
            let free = grouped(free);
            return format!("{thing} has room for {free} more files only ({share} %)");
        }
        What::DiskReadOnly => return format!("{thing} takes no data"),
        What::DriveFailing => return format!("{thing} says that it is failing"),
        What::DriveWorn(share) => {
            return format!("{thing} is worn: {share} % of its life is used");
        }
        What::DriveErrors(1) => return format!("{thing} has a new error"),
        What::DriveErrors(count) => {
            return format!("{thing} has {} errors, and more each time", grouped(count));
        }
        What::Hot(degrees) => return format!("{} is hot: {degrees} °C", telling.box_name),
        What::MemoryPressure(share) => {
            return format!("memory is short: programs wait for it {share} % of the time");
        }
        What::ClockOff(seconds) => {
            let by = tongue.span(seconds.unsigned_abs());
            let way = if seconds > 0 { "fast" } else { "slow" };
            return format!("the clock is {by} {way}");
        }
        What::ClockFree => "nobody keeps the clock right",
        What::ServiceFailing => return format!("{thing} fails again and again"),
        What::StoreBroken => "Ondol's database can't be written, or was broken",
        What::NobodyServes => "nothing serves visitors",
        What::BackupOld(Some(at)) => {
            return format!("{thing} are old: the newest is of {}", local(at));
        }
        What::BackupOld(None) => return format!("{thing} are missing: there is none yet"),
        What::BackupUnproven(Some(at)) => {
            return format!("{thing} were last shown to be restorable on {}", local(at));
        }
        What::BackupUnproven(None) => {
            return format!("{thing} have never been shown to be restorable");
        }
        What::BackupBroken => return format!("{thing} can't be restored"),
        What::NoLink => return format!("{} has no network: no cable, no radio", telling.box_name),
        What::RouterSilent => "the router does not answer",
        What::InternetAway => "the internet can't be reached",
        What::DnsSilent => "names can't be looked up (DNS)",
        What::OnBattery(share, seconds) => {
            let left = battery(tongue, share, seconds);
            return format!(
                "the power is out, {} runs on its battery{left}",
                telling.box_name
            );
        }
        What::BatteryLow(share, seconds) => {
            let left = battery(tongue, share, seconds);
            return format!("the power is out, and the battery is nearly empty{left}");
        }
        What::UpsSilent(at, true) => {
            return format!(
                "the UPS was on battery, and says nothing since {}",
                local(at)
            );
        }
        What::UpsSilent(at, false) => return format!("the UPS says nothing since {}", local(at)),
        What::BatteryWorn => "the battery of the UPS wants to be replaced",
        What::UpsOverload => "the UPS carries more than it can",
        What::Silent(Some(at)) => return format!("{thing} has not reported since {}", local(at)),
        What::Silent(None) => return format!("{thing} has never reported"),
        What::ReportedFailure => return format!("{thing} reports a failure"),
        What::Undeliverable => return format!("messages by {thing} do not arrive"),
        What::Unheard => {
            return format!("nobody outside hears that {} lives", telling.box_name);
        }
        What::DrillUnanswered => {
            let person = subject.name().split('/').next().unwrap_or_default();
            let person = if person.is_empty() { "nobody" } else { person };
            let not = if person == "nobody" { "" } else { "has not " };
            return format!("{person} {not}answered the drill");
        }
        What::BackAfterPowerCut(seconds) => {
            let lasted = tongue.span(seconds);
            return format!(
                "{} was off for {lasted} and had not been shut down",
                telling.box_name
            );
        }
        What::BackAfterShutdown(seconds) => {
            let lasted = tongue.span(seconds);
            return format!("{} was shut down for {lasted}", telling.box_name);
        }
        What::BackAfterCrash(seconds) => {
            let lasted = tongue.span(seconds);
            return format!("Ondol ended without being told to, and runs again after {lasted}");
        }
        What::FileBroken => "a file was found broken after the start",
        What::Remembered => return format!("{thing} is not well"),
        What::Flapping => return format!("{thing} keeps changing between well and not well"),
    };
    clause.to_owned()
}

/// That it is well again, as a clause.
pub(super) fn well(
    tongue: &English,
    telling: &Telling<'_>,
    subject: &Subject,
    what: &What,
) -> String {
    let thing = tongue.thing(telling, subject);
    let clause = match subject {
        Subject::Power if matches!(what, What::OnBattery(..) | What::BatteryLow(..)) => {
            "the power is back"
        }
        Subject::Power if matches!(what, What::UpsSilent(..)) => "the UPS answers again",
        Subject::Power => "the UPS is well again",
        Subject::Link | Subject::Internet => return format!("{thing} is back"),
        Subject::Router => "the router answers again",
        Subject::Dns => "names can be looked up again",
        Subject::Clock => "the clock is right again",
        Subject::Memory => "there is enough memory again",
        Subject::Temperature => return format!("{} is cool enough again", telling.box_name),
        Subject::Service(_) => return format!("{thing} works again"),
        Subject::Store => "Ondol's database works again",
        Subject::DataPlane => "visitors are served again",
        Subject::Backup(_) => return format!("{thing} are well again"),
        Subject::Heartbeat(_) => return format!("{thing} reports that all is well"),
        Subject::Channel(name) if *what == What::DrillUnanswered => {
            let person = name.split('/').next().unwrap_or_default();
            return format!("{person} answered");
        }
        Subject::Channel(_) if *what == What::Unheard => {
            return format!("the outside hears again that {} lives", telling.box_name);
        }
        Subject::Channel(_) if *what == What::Undeliverable => {
            return format!("messages by {thing} arrive again");
        }
        Subject::Disk(_)
        | Subject::Drive(_)
        | Subject::App(_)
        | Subject::Site(_)
        | Subject::Certificate(_)
        | Subject::Domain(_)
        | Subject::Channel(_)
        | Subject::Box => return format!("{thing} is well again"),
    };
    clause.to_owned()
}

fn battery(tongue: &English, share: Option<u8>, seconds: Option<u64>) -> String {
    match (share, seconds) {
        (Some(share), Some(seconds)) => {
            format!(" ({share} % left, for about {})", tongue.span(seconds))
        }
        (Some(share), None) => format!(" ({share} % left)"),
        (None, Some(seconds)) => format!(" (it lasts for about {})", tongue.span(seconds)),
        (None, None) => String::new(),
    }
}
