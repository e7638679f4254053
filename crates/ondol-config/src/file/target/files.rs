//! `files`: a folder answers.

mod names;
mod read;

use std::path::Path;

use ondol_model::plan::Dotfiles;
use ondol_model::plan::Files;
use ondol_model::plan::Listing;
use ondol_model::plan::Precompressed;
use ondol_model::plan::Symlinks;

use crate::file;
use crate::report::Report;
use crate::section::Either;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

const FOLDER: Form = Form {
    what: "the path of a folder",
    example: "/srv/example",
};

const CACHE_CONTROL: Shape = Shape::Text(Form {
    what: "a value of Cache-Control",
    example: "public, max-age=31536000, immutable",
});

const NAMES: Form = Form {
    what: "names of files",
    example: "/assets/*",
};

pub(super) const FILES: Key = Key {
    name: "files",
    doc: "Target: a folder to serve. Relative to this file. The path of a route is not part of the names in it. As a text alone, its `root`.",
    shape: Shape::TextOrTable(FOLDER, &FILES_TABLE),
    absent: Absent::Means,
};

static FILES_TABLE: Table = Table {
    title: "`files`",
    doc: "A folder to serve.",
    keys: &[
        Key {
            name: "root",
            doc: "The folder. Relative to this file.",
            shape: Shape::Text(FOLDER),
            absent: Absent::Mistake,
        },
        Key {
            name: "index",
            doc: "What the address of a folder shows: the first of these names that is in it. `[]` is none.",
            shape: Shape::List(&Shape::Text(Form {
                what: "the name of a file",
                example: "index.html",
            })),
            absent: Absent::Default("[\"index.html\"]"),
        },
        Key {
            name: "try",
            doc: "What answers a path: the first of these that is there. `$path` is the path itself (a folder counts when it has an index or a listing), `$path.html` a file with an ending that addresses leave out, `/index.html` always this file (for apps in the browser; visitors ask each time whether it has changed), `=404` an end. After the last one it is 404 too.",
            shape: Shape::List(&Shape::Text(Form {
                what: "the path with or without an ending, a file, or an end",
                example: "$path.html",
            })),
            absent: Absent::Default("[\"$path\"]"),
        },
        Key {
            name: "listing",
            doc: "Whether a folder without an index shows what is in it: as a page, or as JSON to those who accept `application/json`.",
            shape: Shape::Flag,
            absent: Absent::Default("false"),
        },
        Key {
            name: "precompressed",
            doc: "Whether `x.js.br`, `x.js.zst` and `x.js.gz` stand in for `x.js` where a visitor accepts their encoding: of those liked equally the smallest, and none that is older than `x.js`.",
            shape: Shape::Flag,
            absent: Absent::Default("true"),
        },
        Key {
            name: "cache_control",
            doc: "The `Cache-Control` of files by their names: an ending (`html`), a file name (`*.js`) or a path in the folder (`/assets/*`), where `*` is any text; the longest that fits wins. As a text alone, that of all files. Without it there is none, and browsers decide.",
            shape: Shape::AnyOf(&[CACHE_CONTROL, Shape::Map(NAMES, &CACHE_CONTROL)]),
            absent: Absent::Means,
        },
        Key {
            name: "charset",
            doc: "The character set that text is said to be in. An empty text says nothing.",
            shape: Shape::Text(Form {
                what: "a character set",
                example: "euc-kr",
            }),
            absent: Absent::Default("\"utf-8\""),
        },
        Key {
            name: "types",
            doc: "The `Content-Type` of files by the ends of their names, before the hundreds that are known.",
            shape: Shape::Map(
                Form {
                    what: "ends of names",
                    example: ".gpx",
                },
                &Shape::Text(Form {
                    what: "a media type",
                    example: "application/gpx+xml",
                }),
            ),
            absent: Absent::Means,
        },
        Key {
            name: "symlinks",
            doc: "Which symbolic links in the folder are followed: those that stay `beneath` it, `none`, or `all`, as far as files are in some folder that is served: Ondol can read no other.",
            shape: Shape::Choice(&["beneath", "none", "all"]),
            absent: Absent::Default("\"beneath\""),
        },
        Key {
            name: "hidden",
            doc: "Whether names that begin with a dot are served. `/.well-known/` always is.",
            shape: Shape::Flag,
            absent: Absent::Default("false"),
        },
    ],
    later: &[],
};

pub(super) fn files(section: Section<'_>, folder: &Path, report: &mut Report) -> Option<Files> {
    let table = match section.either(FILES.name)? {
        Either::Short(root) => return Some(Files::at(file::path(root, folder, report)?)),
        Either::Long(table) => table,
    };
    let root = table.text("root");
    let root = root.and_then(|root| file::path(root, folder, report));
    let defaults = Files::at(root.clone().unwrap_or_default());
    let files = Files {
        root: defaults.root,
        index: read::index(table, report).unwrap_or(defaults.index),
        candidates: read::candidates(table, report).unwrap_or(defaults.candidates),
        listing: match table.flag("listing") {
            Some(true) => Listing::On,
            Some(false) | None => Listing::Off,
        },
        precompressed: match table.flag("precompressed") {
            Some(false) => Precompressed::Ignored,
            Some(true) | None => Precompressed::Used,
        },
        cache_control: names::cache_control(table, report),
        charset: read::charset(table, report).unwrap_or(defaults.charset),
        types: names::types(table, report),
        symlinks: match table.text("symlinks").map(|word| word.text) {
            Some("none") => Symlinks::None,
            Some("all") => Symlinks::All,
            Some(_) | None => Symlinks::Beneath,
        },
        dotfiles: match table.flag("hidden") {
            Some(true) => Dotfiles::Shown,
            Some(false) | None => Dotfiles::Hidden,
        },
    };
    root.map(|_| files)
}
