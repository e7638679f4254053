//! Whether somebody would hear of it: people, their channels, and the outside that notices when the box is silent. Pure.

use ondol_admin::api::Watch;
use ondol_model::plan::Alarms;

use super::Finding;
use crate::span;

/// Somebody who has not answered a drill for so many seconds may not answer at all: 70 days, two monthly drills missed.
const SILENT: i64 = 70 * 24 * 60 * 60;
/// So many intervals without a word to the outside are too many.
const BEATS_MISSED: u64 = 3;

pub(super) fn look(watch: &Watch, alarms: Option<&Alarms>, now: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    if watch.people.is_empty() {
        findings.push(Finding::warning(
            "Nobody is told of anything that goes wrong.",
            "[people.me] in the configuration with `ntfy = \"https://ntfy.sh/some-long-secret-name\"` or `email = \"…\"` \
             (and `smtp` in [alarms]) is enough; then `ondol alarm test`.",
        ));
    }
    for person in &watch.people {
        let name = &person.name;
        for channel in &person.channels {
            if let Some(trouble) = &channel.trouble {
                let word = &channel.channel;
                findings.push(Finding::bad(
                    format!(
                        "{name} is not reached by {word}: {}.",
                        trouble.trim_end_matches('.')
                    ),
                    "Mend it in the configuration, `ondol reload`, then `ondol alarm test`.",
                ));
            }
        }
        if let Some(at) = person.answered_at
            && now - at.unix_seconds() > SILENT
        {
            let ago = span::relative(at.unix_seconds(), now);
            findings.push(Finding::advice(
                format!("{name} last answered a drill {ago}."),
                format!("Ask {name} whether the messages arrive, and are read."),
            ));
        }
    }
    if let Some(until) = watch.silenced_until
        && until.unix_seconds() > now
    {
        let length = span::span(until.unix_seconds().abs_diff(now));
        findings.push(Finding::warning(
            format!("Nobody is told of anything for another {length}: that was asked for."),
            "`ondol alarm silence --off` ends that.",
        ));
    }
    findings.extend(alarms.and_then(|alarms| heartbeat(watch, alarms, now)));
    findings
}

fn heartbeat(watch: &Watch, alarms: &Alarms, now: i64) -> Option<Finding> {
    if alarms.heartbeat.is_empty() {
        return Some(Finding::advice(
            "Nobody outside notices when this box is gone: without power or internet it can't tell anybody.",
            "`heartbeat` in [alarms] names a URL outside of the house that misses it: healthchecks.io is free for this, and \
             another Ondol can do it too ([heartbeats.NAME] there).",
        ));
    }
    let allowed = alarms.heartbeat_interval.as_secs() * BEATS_MISSED;
    let silent = watch
        .heartbeat_at
        .map(|at| now.saturating_sub(at.unix_seconds()));
    let problem = match silent {
        None => "The outside has never heard that this box lives.".to_owned(),
        Some(seconds) if u64::try_from(seconds).unwrap_or(0) > allowed => {
            let length = span::span(u64::try_from(seconds).unwrap_or(0));
            format!("The outside has not heard for {length} that this box lives.")
        }
        Some(_) => return None,
    };
    Some(Finding::bad(
        problem,
        "`curl -v` to the URL of `heartbeat` in [alarms] shows what it answers.",
    ))
}
