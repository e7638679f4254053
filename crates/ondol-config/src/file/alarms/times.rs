//! When people are told, and when not: `quiet`, `reminders`.

use std::time::Duration;

use ondol_model::plan::Alarms;
use ondol_model::plan::Quiet;

use crate::duration;
use crate::file::backup::bandwidth::begin;
use crate::file::backup::bandwidth::minute_of_day;
use crate::file::rules::read as read_text;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;

/// Who is reminded more often stops reading.
const REMINDER_MIN: Duration = Duration::from_secs(5 * 60);
const REMINDER_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const REMINDERS_MAX: usize = 10;

pub(super) fn read(section: Section<'_>, alarms: &mut Alarms, report: &mut Report) {
    alarms.quiet = read_text(section, "quiet", quiet, report);
    let key = "reminders";
    let Some(words) = section.texts(key) else {
        return;
    };
    if let Some(word) = words.get(REMINDERS_MAX) {
        report.add(
            word.at,
            format!("these are more than {REMINDERS_MAX} reminders"),
        );
    }
    let mut reminders: Vec<Duration> = Vec::new();
    for word in words.into_iter().take(REMINDERS_MAX) {
        match duration::parse_within(REMINDER_MIN, REMINDER_MAX, word.text) {
            Ok(time) if reminders.last().is_some_and(|last| *last >= time) => {
                report
                    .add(word.at, "this reminder is not later than the one before it")
                    .help(
                        "each is counted from the first message: such as [\"1h\", \"4h\", \"12h\"]",
                    );
            }
            Ok(time) => reminders.push(time),
            Err(reason) => {
                let problem = format!("`{key}` cannot have \"{}\"", repeated(word.text));
                report.add(word.at, problem).help(reason);
            }
        }
    }
    alarms.reminders = reminders;
}

fn quiet(text: &str) -> Result<Quiet, String> {
    let accepted =
        || "accepted: two times of day with `-` between them, such as \"23:30-07:00\"".to_owned();
    let (from, to) = text.split_once(['-', '–']).ok_or_else(accepted)?;
    let (from, to) = (begin(from.trim()), minute_of_day(to.trim()));
    let (Ok(from), Ok(to)) = (from, to) else {
        return Err(accepted());
    };
    if from == to || (from == 0 && to == 24 * 60) {
        return Err("that is the whole day; who wants no messages that are not critical writes `budget = 0`".to_owned());
    }
    Ok(Quiet { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_is_from_one_time_of_day_to_another() {
        for (text, from, to) in [
            ("23:30-07:00", 1_410, 420),
            ("13:00 - 14:30", 780, 870),
            ("22:00–24:00", 1_320, 1_440),
            ("0:00-6:00", 0, 360),
        ] {
            assert_eq!(quiet(text), Ok(Quiet { from, to }), "{text}");
        }
        for text in [
            "",
            "-",
            "23:30",
            "23:30-",
            "23-7",
            "24:00-07:00",
            "07:00-07:00",
            "00:00-24:00",
            "25:00-07:00",
            "a-b",
        ] {
            assert!(quiet(text).is_err(), "{text}");
        }
    }
}
