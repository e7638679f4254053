//! `keep`: which backups stay.

use ondol_model::plan::Keep;

use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// More than a century of days.
const COUNT: Shape = Shape::Number {
    min: 0,
    max: 50_000,
};

pub(super) const KEEP: Key = Key {
    name: "keep",
    doc: "Which backups stay when old ones are removed; those of the databases alone are counted apart.",
    shape: Shape::Table(&COUNTS),
    absent: Absent::Means,
};

static COUNTS: Table = Table {
    title: "`keep`",
    doc: "Which backups stay: the newest of each of so many hours, days, weeks, months and years. One that counts several times stays once, and at least one that was shown to be restorable always stays.",
    keys: &[
        Key {
            name: "last",
            doc: "So many of the newest, whenever they were taken.",
            shape: COUNT,
            absent: Absent::Default("3"),
        },
        Key {
            name: "hourly",
            doc: "The newest of each of so many hours.",
            shape: COUNT,
            absent: Absent::Default("24"),
        },
        Key {
            name: "daily",
            doc: "The newest of each of so many days.",
            shape: COUNT,
            absent: Absent::Default("7"),
        },
        Key {
            name: "weekly",
            doc: "The newest of each of so many weeks, which begin on Monday.",
            shape: COUNT,
            absent: Absent::Default("5"),
        },
        Key {
            name: "monthly",
            doc: "The newest of each of so many months.",
            shape: COUNT,
            absent: Absent::Default("12"),
        },
        Key {
            name: "yearly",
            doc: "The newest of each of so many years.",
            shape: COUNT,
            absent: Absent::Default("0"),
        },
    ],
    later: &[],
};

pub(super) fn keep(section: Section<'_>, report: &mut Report) -> Keep {
    let usual = Keep::default();
    let Some(table) = section.table(KEEP.name) else {
        return usual;
    };
    let count = |key, usual| {
        let count = table.number(key).and_then(|count| count.try_into().ok());
        count.unwrap_or(usual)
    };
    let keep = Keep {
        last: count("last", usual.last),
        hourly: count("hourly", usual.hourly),
        daily: count("daily", usual.daily),
        weekly: count("weekly", usual.weekly),
        monthly: count("monthly", usual.monthly),
        yearly: count("yearly", usual.yearly),
    };
    let Keep {
        last,
        hourly,
        daily,
        weekly,
        monthly,
        yearly,
    } = keep;
    if [last, hourly, daily, weekly, monthly, yearly] == [0; 6] {
        report
            .add(
                section.key_at(KEEP.name),
                "`keep` would keep no backup at all",
            )
            .help("give one of its keys a number, such as daily = 7");
    }
    keep
}
