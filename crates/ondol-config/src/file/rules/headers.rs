//! `headers` and `request_headers`: what is done to header fields.

use std::collections::HashMap;

use ondol_model::limits::HEADER_RULES_MAX;
use ondol_model::plan::HeaderChange;
use ondol_model::plan::HeaderRule;
use ondol_model::plan::HeaderRules;
use ondol_model::plan::Rules;
use ondol_model::plan::Template;
use ondol_model::plan::Towards;
use ondol_model::plan::forbidden;
use ondol_model::plan::is_name;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::Word;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;

pub(super) const HEADERS: Key = Key {
    name: "headers",
    doc: "Header fields of answers, by their names: a text sets one, `false` removes it, `{ add = … }` adds to what the app says, `{ default = … }` is for when it says nothing. `$host`, `$path`, `$query`, `$scheme`, `$method`, `$client`, `$request_id` and `$site` stand for what the request has there, `$$` for a dollar sign. Those of a route come on top of its site's.",
    shape: FIELDS,
    absent: Absent::Means,
};

pub(super) const REQUEST_HEADERS: Key = Key {
    name: "request_headers",
    doc: "Header fields that the app gets, as in `headers`; a visitor's own of that name are then dropped, unless it is `{ add = … }` or `{ default = … }`.",
    shape: FIELDS,
    absent: Absent::Means,
};

const FIELDS: Shape = Shape::Map(
    Form {
        what: "the names of header fields",
        example: "Cache-Control",
    },
    &VALUE,
);

static VALUE: Shape = Shape::AnyOf(&[
    Shape::Text(Form {
        what: "a value",
        example: "no-cache",
    }),
    Shape::Flag,
    Shape::Table(&CHANGE_TABLE),
]);

static CHANGE_TABLE: Table = Table {
    title: "a header field",
    doc: "What is done to a header field: `add` or `default`.",
    keys: &[
        Key {
            name: "add",
            doc: "One or more values after those that are there.",
            shape: Shape::OneOrMore(&Shape::Text(Form {
                what: "a value",
                example: "Accept-Language",
            })),
            absent: Absent::Means,
        },
        Key {
            name: "default",
            doc: "The value for when there is none.",
            shape: Shape::Text(Form {
                what: "a value",
                example: "no-cache",
            }),
            absent: Absent::Means,
        },
    ],
    later: &[],
};

pub(super) fn read(section: Section<'_>, rules: &mut Rules, report: &mut Report) {
    let keys = [
        (&HEADERS, &mut rules.headers, Towards::Visitor),
        (&REQUEST_HEADERS, &mut rules.request_headers, Towards::App),
    ];
    for (key, rules, towards) in keys {
        let Some(table) = section.table(key.name) else {
            continue;
        };
        fields(table, towards, rules, report);
        let count = rules.iter().count();
        if count > HEADER_RULES_MAX {
            let name = key.name;
            let problem = format!("`{name}` has {count} fields, but can have {HEADER_RULES_MAX}");
            report.add(section.key_at(name), problem);
        }
    }
}

fn fields(table: Section<'_>, towards: Towards, rules: &mut HeaderRules, report: &mut Report) {
    let mut taken = HashMap::new();
    let removed = table.flags().map(|(name, flag)| {
        let change = (!flag).then_some(HeaderChange::Remove);
        (name, change.ok_or((name, IS_TRUE.to_owned())))
    });
    let set = table
        .words()
        .map(|(name, word)| (name, template(word, towards, name).map(HeaderChange::Set)));
    let changed = table.named().filter(|(_, it)| it.is_known(&CHANGE_TABLE));
    let changed = changed.map(|(name, inner)| (name, change(inner, towards, name)));
    let mut all: Vec<_> = removed.chain(set).chain(changed).collect();
    all.sort_by_key(|(name, _)| name.at);
    for (name, change) in all {
        if !is_fine(name, towards, &mut taken, report) {
            continue;
        }
        match change {
            Ok(change) => rules.put(HeaderRule {
                name: name.text.to_ascii_lowercase().into(),
                change,
            }),
            Err((word, help)) => {
                let problem = format!("`{}` cannot have this value", repeated(name.text));
                report.add(word.at, problem).help(help);
            }
        }
    }
}

const IS_TRUE: &str = "accepted: a value in quotes, or false to remove the field";

/// A value that is wrong, and what is accepted.
type Wrong<'d> = (Word<'d>, String);

fn change<'d>(
    inner: Section<'d>,
    towards: Towards,
    name: Word<'d>,
) -> Result<HeaderChange, Wrong<'d>> {
    let added = inner.texts("add");
    let absent = inner.text("default");
    match (added, absent) {
        (Some(added), None) if !added.is_empty() => {
            let templates = added.into_iter().map(|word| template(word, towards, name));
            Ok(HeaderChange::Add(templates.collect::<Result<_, _>>()?))
        }
        (None, Some(word)) => Ok(HeaderChange::Default(template(word, towards, name)?)),
        _ => Err((name, "give it one of `add` and `default`".to_owned())),
    }
}

fn template<'d>(word: Word<'d>, towards: Towards, name: Word<'_>) -> Result<Template, Wrong<'d>> {
    let is_sendable = |c: char| c.is_ascii_graphic() || matches!(c, ' ' | '\t');
    if !word.text.chars().all(is_sendable) {
        let help = "a header field is one line of ASCII letters and signs";
        return Err((word, help.to_owned()));
    }
    if towards == Towards::Visitor && name.text.eq_ignore_ascii_case("strict-transport-security") {
        let help = "write `hsts = true`, which keeps to HTTPS and to one such field";
        return Err((word, help.to_owned()));
    }
    Template::parse(word.text).map_err(|error| (word, error.to_string()))
}

/// Whether a field may be changed, and is not changed twice.
fn is_fine<'d>(
    name: Word<'d>,
    towards: Towards,
    taken: &mut HashMap<String, Word<'d>>,
    report: &mut Report,
) -> bool {
    let shown = repeated(name.text);
    if !is_name(name.text) {
        report
            .add(
                name.at,
                format!("\"{shown}\" is not a name of a header field"),
            )
            .help("accepted: letters, digits and hyphens, as in `X-Robots-Tag`");
        return false;
    }
    let small = name.text.to_ascii_lowercase();
    if let Some(reason) = forbidden(&small, towards) {
        report
            .add(name.at, format!("`{shown}` cannot be changed"))
            .help(reason);
        return false;
    }
    if let Some(first) = taken.insert(small, name) {
        report
            .add(name.at, format!("`{shown}` is changed twice"))
            .help("names of header fields are the same in small and large letters")
            .related(first.at, "it is changed here first");
        return false;
    }
    true
}
