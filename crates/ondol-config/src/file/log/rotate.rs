//! `rotate`: when a log file makes room for a new one.

use std::time::Duration;

use ondol_model::limits::ACCESS_LOG_FILE_AGE_MAX;
use ondol_model::limits::ACCESS_LOG_FILE_BYTES_MIN;
use ondol_model::limits::ACCESS_LOG_FILES_KEPT_MAX;
use ondol_model::plan::LogCompression;
use ondol_model::plan::Rotation;

use crate::duration;
use crate::file::rules;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::size;

const GZIP: &str = "gzip";
const ZSTD: &str = "zstd";
const NONE: &str = "none";

pub(super) static ROTATE: Table = Table {
    title: "`rotate`",
    doc: "When a log file makes room for a new one: whichever of `size` and `age` comes first. It is then called `access.log.20261121T052816Z.gz`, by the time of that in UTC.",
    keys: &[
        Key {
            name: "size",
            doc: "The size of a file.",
            shape: Shape::Text(Form {
                what: "a size",
                example: "100MB",
            }),
            absent: Absent::Default("\"64MiB\""),
        },
        Key {
            name: "age",
            doc: "Its age; an empty file stays. With `false`, no matter how old.",
            shape: Shape::AnyOf(&[
                Shape::Flag,
                Shape::Text(Form {
                    what: "a time",
                    example: "7d",
                }),
            ]),
            absent: Absent::Default("\"1d\""),
        },
        Key {
            name: "keep",
            doc: "How many are kept of each log; the oldest are removed.",
            shape: Shape::Number {
                min: 1,
                max: ACCESS_LOG_FILES_KEPT_MAX as i64,
            },
            absent: Absent::Default("14"),
        },
        Key {
            name: "compress",
            doc: "How they are kept: as `.gz`, which every log tool reads, as `.zst`, which is smaller, or as they are.",
            shape: Shape::Choice(&[GZIP, ZSTD, NONE]),
            absent: Absent::Default("\"gzip\""),
        },
    ],
    later: &[],
};

pub(super) fn rotation(log: Section<'_>, report: &mut Report) -> Option<Rotation> {
    let usual = Rotation::default();
    if log.flag("rotate") == Some(false) {
        return None;
    }
    let Some(table) = log.table("rotate") else {
        return Some(usual);
    };
    let keep = table.number("keep").and_then(|keep| keep.try_into().ok());
    let compression = table.text("compress").map(|word| word.text);
    Some(Rotation {
        size_bytes: rules::read(table, "size", size_bytes, report).unwrap_or(usual.size_bytes),
        age: match table.flag("age") {
            Some(false) => None,
            Some(true) | None => rules::read(table, "age", age, report).or(usual.age),
        },
        keep: keep.unwrap_or(usual.keep),
        compression: match compression {
            Some(ZSTD) => LogCompression::Zstd,
            Some(NONE) => LogCompression::None,
            Some(_) | None => usual.compression,
        },
    })
}

fn size_bytes(text: &str) -> Result<u64, String> {
    let bytes = size::parse(text)?;
    if bytes < ACCESS_LOG_FILE_BYTES_MIN {
        let least = ACCESS_LOG_FILE_BYTES_MIN / 1024;
        return Err(format!("a log file is at least {least}KiB large"));
    }
    Ok(bytes)
}

fn age(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_secs(60);
    let age = duration::parse_up_to(ACCESS_LOG_FILE_AGE_MAX, text)?;
    if age < LEAST {
        return Err("a log file is kept for a minute at least".into());
    }
    Ok(age)
}
