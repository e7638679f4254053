//! The time zone of the box: one that this machine knows.

use ondol_base::clock;
use ondol_config::KeyPath;

use super::Findings;
use super::Subject;

pub(super) fn examine(subject: Subject<'_>, findings: &mut Findings) {
    let Some(zone) = &subject.plan.timezone else {
        return;
    };
    if clock::is_zone(zone) {
        return;
    }
    findings.mistake(
        subject,
        &KeyPath::section("box").key("timezone"),
        format!("this machine knows no time zone {zone}"),
        "`timedatectl list-timezones` lists those that it knows; where there are none, the package tzdata is missing",
    );
}
