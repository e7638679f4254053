//! `php` of an app: a pool of php-fpm in place of a command.

use ondol_model::plan::PhpPool;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) const PHP: Key = Key {
    name: "php",
    doc: "Makes it a pool of php-fpm, for sites with `php = { root = \"…\", pool = \"NAME\" }`; it has no command then. `php = {}` has the defaults.",
    shape: Shape::Table(&POOL),
    absent: Absent::Means,
};

static POOL: Table = Table {
    title: "`php` of an app",
    doc: "A pool of php-fpm.",
    keys: &[
        Key {
            name: "program",
            doc: "The php-fpm to run. Without it, the newest that is found.",
            shape: Shape::Text(Form {
                what: "a program",
                example: "/usr/sbin/php-fpm8.4",
            }),
            absent: Absent::Means,
        },
        Key {
            name: "children",
            doc: "The most requests that it answers at a time, each by a process of its own.",
            shape: Shape::Number { min: 1, max: 1_000 },
            absent: Absent::Default("8"),
        },
        Key {
            name: "ini",
            doc: "Settings of php.ini for it, which scripts can't change.",
            shape: Shape::Map(
                Form {
                    what: "names of settings",
                    example: "memory_limit",
                },
                &Shape::AnyOf(&[
                    Shape::Text(Form {
                        what: "a text",
                        example: "256M",
                    }),
                    Shape::Number {
                        min: i64::MIN,
                        max: i64::MAX,
                    },
                    Shape::Flag,
                ]),
            ),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

/// What a pool has no use for, and why.
const NOT_FOR_POOLS: &[(&str, &str)] = &[
    ("run", "php-fpm is its command"),
    ("listen", "php-fpm listens on a Unix socket"),
    (
        "instances",
        "`children` of `php` says how many requests it answers at a time",
    ),
    ("ready", "it is ready when php-fpm takes connections"),
    ("health", "php-fpm looks after its processes by itself"),
];

pub(super) fn php(app: Section<'_>, report: &mut Report) -> Option<PhpPool> {
    let table = app.table(PHP.name)?;
    for (key, why) in NOT_FOR_POOLS.iter().filter(|(key, _)| app.has(key)) {
        report
            .add(app.key_at(key), format!("`{key}` stands beside `php`"))
            .help(format!("keep one of them: {why}"))
            .related(app.key_at(PHP.name), "`php` is here");
    }
    let mut pool = PhpPool {
        program: table.text("program").map(|word| word.text.to_owned()),
        ..PhpPool::default()
    };
    if let Some(children) = table.number("children") {
        pool.children = children.try_into().unwrap_or(pool.children);
    }
    if let Some(ini) = table.table("ini") {
        for (name, value) in ini.entries() {
            let value = match value.get_ref() {
                value if value.as_str().is_some() => value.as_str().map(str::to_owned),
                value if value.as_bool().is_some() => {
                    let is_on = value.as_bool() == Some(true);
                    Some(if is_on { "1" } else { "0" }.to_owned())
                }
                _ => ini.number(name).map(|number| number.to_string()),
            };
            if check(ini, name, value.as_deref(), report) {
                pool.ini.extend(value.map(|value| (name.to_owned(), value)));
            }
        }
    }
    Some(pool)
}

/// They become lines of php-fpm's own file, so nothing may end a line there.
fn check(ini: Section<'_>, name: &str, value: Option<&str>, report: &mut Report) -> bool {
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let is_value = value.is_none_or(|value| !value.contains(|c: char| c.is_control() || c == '"'));
    if !is_name || !is_value {
        let problem = format!("`{}` is not a setting of php.ini", repeated(name));
        report.add(ini.key_at(name), problem).help(
            "accepted: a name such as memory_limit, and a value on one line without quotes in it",
        );
    }
    is_name && is_value
}
