//! `php`: a PHP application answers.

use std::path::Path;
use std::path::PathBuf;

use ondol_model::plan::Dotfiles;
use ondol_model::plan::Php;
use ondol_model::plan::PhpVia;
use ondol_model::upstream::Address;
use ondol_model::upstream::Upstream;

use crate::file;
use crate::file::apps;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

/// What PHP applications call their front controller.
const INDEX: &str = "index.php";
const ACCEPTED: &str =
    "accepted: \"/run/php/php-fpm.sock\", or a host and a port such as \"127.0.0.1:9000\"";

pub(super) const PHP: Key = Key {
    name: "php",
    doc: "Target: a PHP application: scripts are run by php-fpm, other files are sent as they are, and what no file answers is given to its `index` (pretty links).",
    shape: Shape::Table(&PHP_TABLE),
    absent: Absent::Means,
};

static PHP_TABLE: Table = Table {
    title: "`php`",
    doc: "A PHP application.",
    keys: &[
        Key {
            name: "root",
            doc: "Its folder, which php-fpm knows by the same path. Relative to this file.",
            shape: Shape::Text(Form {
                what: "the path of a folder",
                example: "/srv/wiki",
            }),
            absent: Absent::Mistake,
        },
        Key {
            name: "socket",
            doc: "Where a php-fpm listens that somebody else runs: the path of its socket, or a host and a port.",
            shape: Shape::Text(Form {
                what: "a socket",
                example: "/run/php/php-fpm.sock",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "pool",
            doc: "The php-fpm that Ondol runs for it: the name of an app with `php`. Without such an app, one is made with its defaults, in the folder of `root`.",
            shape: Shape::Text(Form {
                what: "the name of an app",
                example: "wiki",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "index",
            doc: "The script that answers a folder, and what no file does.",
            shape: Shape::Text(Form {
                what: "the name of a script",
                example: "index.php",
            }),
            absent: Absent::Default("\"index.php\""),
        },
        Key {
            name: "hidden",
            doc: "Whether files are sent whose names begin with a dot.",
            shape: Shape::Flag,
            absent: Absent::Default("false"),
        },
    ],
    later: &[],
};

pub(super) fn php(section: Section<'_>, folder: &Path, report: &mut Report) -> Option<Php> {
    let table = section.table(PHP.name)?;
    let root = table.text("root");
    let root = root.and_then(|root| file::path(root, folder, report));
    let via = via(table, report);
    let index = match table.text("index") {
        Some(word) => index(word, report),
        None => Some(INDEX.to_owned()),
    };
    Some(Php {
        root: root?,
        index: index?,
        via: via?,
        dotfiles: match table.flag("hidden") {
            Some(true) => Dotfiles::Shown,
            Some(false) | None => Dotfiles::Hidden,
        },
    })
}

fn via(table: Section<'_>, report: &mut Report) -> Option<PhpVia> {
    match (table.text("socket"), table.text("pool")) {
        (Some(socket), None) => address(socket, report).map(PhpVia::Socket),
        (None, Some(pool)) => apps::name(pool, report).map(PhpVia::Pool),
        (Some(socket), Some(pool)) => {
            report
                .add(pool.at, "`pool` stands beside `socket`")
                .help("keep `pool` for a php-fpm that Ondol runs, or `socket` for another")
                .related(socket.at, "`socket` is here");
            None
        }
        (None, None) => {
            let is_known = table.is_known(&PHP_TABLE);
            if is_known && !table.has("socket") && !table.has("pool") {
                report
                    .lack(table.at(), "nobody runs the scripts")
                    .help("write `pool = \"NAME\"` for a php-fpm that Ondol runs, or `socket = \"/run/php/php-fpm.sock\"` for another");
            }
            None
        }
    }
}

fn address(word: Word<'_>, report: &mut Report) -> Option<Address> {
    let text = word.text.strip_prefix("fcgi://").unwrap_or(word.text);
    let path = text.strip_prefix("unix:").unwrap_or(text);
    let is_plain = !text.contains(char::is_control);
    if path.starts_with('/') && is_plain {
        return Some(Address::Unix(PathBuf::from(path)));
    }
    let has_port = text
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let upstream = Upstream::parse(&format!("http://{text}"));
    match upstream.filter(|_| is_plain && has_port && !text.contains('/')) {
        Some(upstream) => Some(upstream.address),
        None => {
            let problem = format!("\"{}\" is not a socket of php-fpm", repeated(word.text));
            report.add(word.at, problem).help(ACCEPTED);
            None
        }
    }
}

/// A script below the root.
fn index(word: Word<'_>, report: &mut Report) -> Option<String> {
    let name = word.text.trim_start_matches('/');
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_script = name.ends_with(".php")
        && name.split('/').all(is_part)
        && !name.contains(|c: char| c.is_control() || c == '\\');
    if !is_script {
        report
            .add(
                word.at,
                format!("\"{}\" is not a script", repeated(word.text)),
            )
            .help("accepted: the name of a script in the folder, such as \"index.php\"");
    }
    is_script.then(|| name.to_owned())
}
