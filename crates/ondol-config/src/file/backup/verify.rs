//! `verify`: how backups are proven.

use ondol_model::plan::Often;
use ondol_model::plan::Verify;

use crate::file::rules::read as read_text;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::share;

/// What is read back more seldom than once a year is not watched.
const READ_DAYS_MAX: u64 = 366;
/// All of something, in millionths.
const WHOLE: u64 = 1_000_000;
const ACCEPTED: &str = "a share is read every day: \"1/30\" or \"5%\"; false reads none";

pub(in crate::file) const OFTEN: Shape = Shape::AnyOf(&[
    Shape::Choice(&["daily", "weekly", "monthly", "never"]),
    Shape::Flag,
]);

pub(super) const VERIFY: Key = Key {
    name: "verify",
    doc: "How backups are proven. A proof that failed is an alarm, and outranks a backup that was taken: nothing is removed until another has succeeded.",
    shape: Shape::Table(&PROOFS),
    absent: Absent::Means,
};

static PROOFS: Table = Table {
    title: "`verify`",
    doc: "How backups are proven.",
    keys: &[
        Key {
            name: "read",
            doc: "The share of what is stored that is read back and checked every day, so that all of it is once in so many days: `1/30` or `5%`. With `false`, none.",
            shape: Shape::AnyOf(&[
                Shape::Text(Form {
                    what: "a share",
                    example: "1/30",
                }),
                Shape::Flag,
            ]),
            absent: Absent::Default("\"1/30\""),
        },
        Key {
            name: "restore",
            doc: "How often files and every database of the newest backup are restored into a folder of their own and compared.",
            shape: OFTEN,
            absent: Absent::Default("\"weekly\""),
        },
        Key {
            name: "drill",
            doc: "How often the apps are started on what was restored, apart from all else, and asked whether they are well. Each has its files and copies of its databases, as far as `env` says which they are; mails, caches and services of others are not kept from it: it can hold back where `ONDOL_DRILL` is 1.",
            shape: OFTEN,
            absent: Absent::Default("\"monthly\""),
        },
    ],
    later: &[],
};

pub(super) fn verify(section: Section<'_>, report: &mut Report) -> Verify {
    let mut verify = Verify::default();
    let Some(table) = section.table(VERIFY.name) else {
        return verify;
    };
    if let Some(days) = read_text(table, "read", read_days, report) {
        verify.read_days = days;
    }
    match table.flag("read") {
        Some(false) => verify.read_days = 0,
        Some(true) => {
            let problem = "`read` does not say how much";
            report.add(table.key_at("read"), problem).help(ACCEPTED);
        }
        None => {}
    }
    if let Some(restore) = often(table, "restore", report) {
        verify.restore = restore;
    }
    if let Some(drill) = often(table, "drill", report) {
        verify.drill = drill;
    }
    verify
}

pub(in crate::file) fn often(table: Section<'_>, key: &str, report: &mut Report) -> Option<Often> {
    match table.flag(key) {
        Some(false) => return Some(Often::Never),
        Some(true) => {
            let problem = format!("`{key}` does not say how often");
            let help = "accepted: \"daily\", \"weekly\", \"monthly\", \"never\" or false";
            report.add(table.key_at(key), problem).help(help);
        }
        None => {}
    }
    let word = table.text(key)?;
    Often::ALL
        .into_iter()
        .find(|often| often.word() == word.text)
}

/// In how many days all is read when such a share is read every day.
fn read_days(text: &str) -> Result<u16, String> {
    let days = match text.split_once('/') {
        Some((part, whole)) => {
            let number = |digits: &str| digits.trim().parse::<u32>().map_err(|_| ACCEPTED);
            let (part, whole) = (u64::from(number(part)?), u64::from(number(whole)?));
            if part == 0 || part > whole {
                return Err(ACCEPTED.to_owned());
            }
            whole.div_ceil(part)
        }
        None => {
            let share = share::parse(text).map_err(|_| ACCEPTED)?;
            WHOLE.div_ceil(u64::from(share.millionths()))
        }
    };
    let days = u16::try_from(days).ok();
    days.filter(|days| u64::from(*days) <= READ_DAYS_MAX)
        .ok_or_else(|| {
            format!(
                "all of it is read within {READ_DAYS_MAX} days: \"1/{READ_DAYS_MAX}\" is the least"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_a_day_is_all_in_so_many_days() {
        for (text, days) in [
            ("1/30", 30),
            ("1 / 7", 7),
            ("2/30", 15),
            ("2/3", 2),
            ("1/1", 1),
            ("100%", 1),
            ("5%", 20),
            ("3.3%", 31),
            ("1/366", 366),
        ] {
            assert_eq!(read_days(text), Ok(days), "{text}");
        }
        for text in [
            "", "/", "1/", "0/30", "1/0", "31/30", "5", "0%", "-1/3", "1/367", "0.1%", "1/3/4",
        ] {
            assert!(read_days(text).is_err(), "{text}");
        }
    }
}
