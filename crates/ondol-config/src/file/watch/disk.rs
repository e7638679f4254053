//! `disk` of `[watch]`: how much room a disk must have.

use ondol_model::plan::Watch;

use crate::file::rules::read as read_text;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

const SHARE: Shape = Shape::Text(Form {
    what: "a share",
    example: "10%",
});

pub(super) const DISK: Key = Key {
    name: "disk",
    doc: "How much room a disk must have left, in bytes as in files.",
    shape: Shape::Table(&ROOM),
    absent: Absent::Means,
};

static ROOM: Table = Table {
    title: "`disk`",
    doc: "How much room a disk must have left.",
    keys: &[
        Key {
            name: "warn",
            doc: "With less than this share, it is worth a word.",
            shape: SHARE,
            absent: Absent::Default("\"10%\""),
        },
        Key {
            name: "fail",
            doc: "With less than this share, it is worth waking somebody: a full disk stops apps and databases.",
            shape: SHARE,
            absent: Absent::Default("\"3%\""),
        },
    ],
    later: &[],
};

pub(super) fn read(section: Section<'_>, watch: &mut Watch, report: &mut Report) {
    let Some(table) = section.table(DISK.name) else {
        return;
    };
    let warn = read_text(table, "warn", percent, report);
    let fail = read_text(table, "fail", percent, report);
    watch.disk_warn = warn.unwrap_or(watch.disk_warn);
    // Who is warned later is alarmed later too.
    let usual = watch.disk_fail.min(watch.disk_warn.saturating_sub(1));
    watch.disk_fail = fail.unwrap_or(usual);
    if watch.disk_fail >= watch.disk_warn {
        let (warn, fail) = (watch.disk_warn, watch.disk_fail);
        let at = table.key_at(if table.has("fail") { "fail" } else { "warn" });
        report
            .add(at, format!("`fail` ({fail}%) is not below `warn` ({warn}%)"))
            .help("a disk is worth a word before it is worth waking somebody: such as { warn = \"10%\", fail = \"3%\" }");
    }
}

/// A whole share of a disk, less than half of it.
fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or_default().trim_end();
    let number = number.parse::<u8>().ok();
    number
        .filter(|number| (1..=50).contains(number) && !text.starts_with('+'))
        .ok_or_else(|| "a share of a disk is \"1%\" to \"50%\", without decimals".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_disk_is_a_whole_percentage() {
        for (text, expected) in [("10%", 10), ("3 %", 3), ("50%", 50), ("1%", 1)] {
            assert_eq!(percent(text), Ok(expected), "{text}");
        }
        for text in [
            "", "%", "0%", "51%", "10", "2.5%", "-1%", "+3%", "300%", "10GB",
        ] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
