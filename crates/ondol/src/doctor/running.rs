//! What the agent knows to be not well, and what to do about each kind of thing.

use ondol_admin::api::HealthState;
use ondol_admin::api::Status;

use super::Finding;
use super::Report;
use crate::command::status::troubles;
use crate::command::status::troubles::Trouble;
use crate::command::status::troubles::Weight;

/// What is said to be well where nothing of these kinds is found.
const LOOKED_AT: [(&str, &str); 5] = [
    ("site", "sites"),
    ("app", "apps"),
    ("certificate", "certificates"),
    ("service", "services"),
    ("internet", "internet"),
];

/// Clean ends are the rule; so many others are a pattern.
const UNCLEAN_BOOTS_MANY: u64 = 3;

pub(super) fn look(status: &Status, now: i64, report: &mut Report) {
    for trouble in troubles::of(status, now) {
        let area = trouble.area.clone();
        // Those are looked at by themselves, with more advice.
        let is_told = matches!(area.as_str(), "disk" | "backup" | "channel");
        if !is_told || trouble.reaches_further {
            report.found(&area, vec![finding(trouble)]);
        }
    }
    for (kind, areas) in LOOKED_AT {
        let mut findings = report.findings.iter();
        if findings.all(|finding| finding.area != kind) && is_well(status, kind) {
            report.found(areas, Vec::new());
        }
    }
    report.found("unclean boots", unclean_boots(status));
}

/// Whether nothing of a kind is known to be not well, whatever the cause.
fn is_well(status: &Status, kind: &str) -> bool {
    let mut subjects = status.watch.subjects.iter();
    subjects.all(|subject| {
        subject.kind != kind || matches!(subject.state, HealthState::Pass | HealthState::Unknown)
    })
}

fn finding(trouble: Trouble) -> Finding {
    let Trouble {
        weight,
        area,
        sentence,
        reaches_further: _,
    } = trouble;
    let advice = advice(&area);
    match weight {
        Weight::Bad => Finding::bad(sentence, advice),
        Weight::Attention => Finding::warning(sentence, advice),
    }
}

/// What helps with a kind of thing.
fn advice(area: &str) -> &'static str {
    match area {
        "site" => {
            "`ondol sites` shows what answers for it; the access log and `ondol logs APP` show what visitors got."
        }
        "app" => {
            "`ondol apps NAME` shows its processes, `ondol logs NAME` what it said; `ondol rollback NAME` goes back."
        }
        "certificate" => {
            "`ondol certs` shows each, and what was tried; `ondol certs renew NAME` tries now."
        }
        "disk" => "Make room, as below: what needs the disk comes back by itself.",
        "domain" => {
            "Renew the registration where you bought the name: after it ends, nobody finds the site."
        }
        "service" => {
            "`ondol events` says what went before; `systemctl restart ondol` starts it anew, and is worth a report."
        }
        "data-plane" => {
            "`ondol events` says why it ended; `systemctl restart ondol` starts it anew."
        }
        "configuration" => {
            "`ondol check` shows every mistake; `ondol reload` takes the mended file up."
        }
        "upstream" => "Look at that server; it is used again by itself once it answers.",
        "internet" => {
            "Look at the router and its cable; sites in the house go on, and messages wait."
        }
        "router" | "link" => "Look at the cable and the router.",
        "dns" => {
            "`resolvectl status` shows who is asked for names; another resolver, such as 1.1.1.1, tells whose fault it is."
        }
        "clock" => {
            "`timedatectl` shows whether somebody keeps it right; `timedatectl set-ntp true` has it kept."
        }
        "memory" => {
            "`ondol apps` shows who uses how much; `memory = \"…\"` in [apps.NAME] bounds one."
        }
        "temperature" => {
            "Clean the fan and the vents; look whether a program works without end (`top`)."
        }
        "drive" => {
            "Take a backup now (`ondol backup now`), then replace the drive: `smartctl -a /dev/NAME` says what is wrong."
        }
        "power" => "`upsc NAME@localhost` shows what the UPS says.",
        "heartbeat" => "Look at that machine, or at its job.",
        "store" => {
            "Look for room on the disk; a broken database is brought back by `ondol restore`."
        }
        _ => "",
    }
}

/// How often the power just went, or the machine crashed.
fn unclean_boots(status: &Status) -> Vec<Finding> {
    let watch = &status.watch;
    let last = watch.last_absence.as_deref().unwrap_or_default();
    let times = match watch.unclean_boots {
        0 => return Vec::new(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let problem = format!("The box came back {times} without having been shut down. {last}");
    let advice = "`journalctl -b -1 -n 50` shows the last it wrote before. Nothing at all speaks for the power (a UPS helps), \
                  errors for the machine.";
    let problem = problem.trim_end();
    vec![if watch.unclean_boots >= UNCLEAN_BOOTS_MANY {
        Finding::warning(problem, advice)
    } else {
        Finding::advice(problem, advice)
    }]
}
