//! `cron`: what an app runs at times.

use std::time::Duration;

use ondol_model::app::cron::Schedule;
use ondol_model::plan::CronLine;
use ondol_model::plan::CronMissed;
use ondol_model::plan::CronOverlap;

use super::command;
use crate::duration;
use crate::file::machine::is_timezone;
use crate::file::rules::read as read_text;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// Longer than any job of a small site; a run that hangs must not keep the next ones away for ever.
const TIMEOUT: Duration = Duration::from_secs(3_600);
/// Each line is looked at every minute.
const LINES_MAX: usize = 64;
/// Five fields with long lists are shorter.
const AT_BYTES_MAX: usize = 256;

pub(super) const CRON: Key = Key {
    name: "cron",
    doc: "Commands that it runs at times, in the folder of its release and with its environment.",
    shape: Shape::OneOrMore(&Shape::Table(&LINE)),
    absent: Absent::Default("[]"),
};

static LINE: Table = Table {
    title: "a line of `cron`",
    doc: "A command that is run at times.",
    keys: &[
        Key {
            name: "at",
            doc: "When: a time of each day (`04:10`), or the five fields of cron: minute, hour, day of the month, month, day of the week (`*/15 9-17 * * mon-fri`), or a name (`@hourly`, `@daily`, `@weekly`, `@monthly`).",
            shape: Shape::Text(Form {
                what: "a time of day or five fields of cron",
                example: "04:10",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "run",
            doc: "The command, for `sh`.",
            shape: Shape::Text(Form {
                what: "a command",
                example: "bin/rails digest:send",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "timezone",
            doc: "The time zone of `at`, by its IANA name. Without it, the box's.",
            shape: Shape::Text(Form {
                what: "an IANA time zone",
                example: "Europe/Berlin",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "overlap",
            doc: "What happens when the run before still lasts: `skip`, this one is left out, and that is noted; `allow`, both run.",
            shape: Shape::Choice(&["skip", "allow"]),
            absent: Absent::Default("\"skip\""),
        },
        Key {
            name: "missed",
            doc: "What becomes of runs that were missed while the box was off: `once`, the last of them is made up for soon after the start; `skip`, they are left out.",
            shape: Shape::Choice(&["once", "skip"]),
            absent: Absent::Default("\"once\""),
        },
        Key {
            name: "timeout",
            doc: "How long a run may last; then it is ended.",
            shape: Shape::Text(Form {
                what: "a time",
                example: "10m",
            }),
            absent: Absent::Default("\"1h\""),
        },
    ],
    later: &[],
};

pub(super) fn cron(section: Section<'_>, report: &mut Report) -> Vec<CronLine> {
    let lines = section.tables(CRON.name);
    if let Some(line) = lines.get(LINES_MAX) {
        let problem = format!("this is one line more than the {LINES_MAX} that an app can have");
        report.add(line.at(), problem);
    }
    let lines = lines.into_iter().take(LINES_MAX);
    lines.filter_map(|line| read(line, report)).collect()
}

fn read(line: Section<'_>, report: &mut Report) -> Option<CronLine> {
    let at = read_text(line, "at", at, report);
    let run = command(line, "run", report);
    let timezone = read_text(line, "timezone", timezone, report);
    let timeout = read_text(line, "timeout", duration::parse, report);
    Some(CronLine {
        at: at?,
        run: run?,
        timezone,
        overlap: match line.text("overlap").map(|word| word.text) {
            Some("allow") => CronOverlap::Allow,
            Some(_) | None => CronOverlap::Skip,
        },
        missed: match line.text("missed").map(|word| word.text) {
            Some("skip") => CronMissed::Skip,
            Some(_) | None => CronMissed::Once,
        },
        timeout: timeout.unwrap_or(TIMEOUT),
    })
}

/// Whether the times can be read is found here; when they are is for who runs the line.
pub(in crate::file) fn at(text: &str) -> Result<String, String> {
    if text.len() > AT_BYTES_MAX || text.contains(char::is_control) {
        return Err("times stand on one line, of at most 256 characters".into());
    }
    match Schedule::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(in crate::file) fn timezone(text: &str) -> Result<String, String> {
    match is_timezone(text) {
        true => Ok(text.to_owned()),
        false => Err("a time zone has its IANA name, such as Asia/Seoul or UTC".into()),
    }
}
