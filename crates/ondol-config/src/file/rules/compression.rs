//! `compression`: smaller answers.

use ondol_model::plan::Compression;
use ondol_model::plan::CompressionLevel;
use ondol_model::plan::Encoding;
use ondol_model::plan::Rules;

use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::size;

pub(super) const COMPRESSION: Key = Key {
    name: "compression",
    doc: "Whether answers of text types are compressed for visitors who take that; those of apps that compress themselves, streams of events, and what says `no-transform` are left as they are. Switch it off where a page has both a secret and what a stranger can put into it (BREACH).",
    shape: Shape::AnyOf(&[Shape::Flag, Shape::Table(&COMPRESSION_TABLE)]),
    absent: Absent::Means,
};

static COMPRESSION_TABLE: Table = Table {
    title: "`compression`",
    doc: "How answers are compressed.",
    keys: &[
        Key {
            name: "encodings",
            doc: "What may be used; the first of those that a visitor likes best is.",
            shape: Shape::List(&Shape::Choice(&["zstd", "br", "gzip"])),
            absent: Absent::Default("[\"zstd\", \"br\", \"gzip\"]"),
        },
        Key {
            name: "min_size",
            doc: "A smaller body is sent as it is.",
            shape: Shape::Text(Form {
                what: "a size",
                example: "1KiB",
            }),
            absent: Absent::Default("\"1KiB\""),
        },
        Key {
            name: "level",
            doc: "`balanced`, or `fast` for half the work and about an eighth more bytes.",
            shape: Shape::Choice(&["balanced", "fast"]),
            absent: Absent::Default("\"balanced\""),
        },
    ],
    later: &[],
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, report: &mut Report) {
    match section.flag(COMPRESSION.name) {
        Some(true) => {
            rules.compression.get_or_insert_default();
        }
        Some(false) => rules.compression = None,
        None => {}
    }
    let Some(table) = section.table(COMPRESSION.name) else {
        return;
    };
    let compression = rules.compression.get_or_insert_default();
    encodings(table, compression, report);
    if let Some(bytes) = super::read(table, "min_size", size::parse, report) {
        compression.bytes_min = bytes;
    }
    match table.text("level").map(|word| word.text) {
        Some("fast") => compression.level = CompressionLevel::Fast,
        Some("balanced") => compression.level = CompressionLevel::Balanced,
        _ => {}
    }
}

fn encodings(table: Section<'_>, compression: &mut Compression, report: &mut Report) {
    let Some(words) = table.texts("encodings") else {
        return;
    };
    if words.is_empty() {
        report
            .add(table.key_at("encodings"), "`encodings` needs at least one")
            .help("accepted: \"zstd\", \"br\", \"gzip\"; `compression = false` switches it off");
    }
    compression.encodings.clear();
    for word in words {
        let known = Encoding::ALL.into_iter().find(|it| it.word() == word.text);
        let new = known.filter(|encoding| !compression.encodings.contains(encoding));
        compression.encodings.extend(new);
    }
}
