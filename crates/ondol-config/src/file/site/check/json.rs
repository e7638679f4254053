//! `json` of `check`: what a body of JSON must say.

use toml::de::DeValue;

use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;

/// A check is one question.
const VALUES_MAX: usize = 16;
const PATH_BYTES_MAX: usize = 256;

pub(super) const JSON: Key = Key {
    name: "json",
    doc: "What a body of JSON must say: paths, with dots between names (numbers, in lists), and their values. Without it, the body is not looked at.",
    shape: Shape::Map(
        Form {
            what: "paths in quotes",
            example: "\"db.state\"",
        },
        &Shape::AnyOf(&[
            Shape::Text(Form {
                what: "a text",
                example: "up",
            }),
            Shape::Number {
                min: i64::MIN,
                max: i64::MAX,
            },
            Shape::Flag,
        ]),
    ),
    absent: Absent::Means,
};

pub(super) fn json(check: Section<'_>, report: &mut Report) -> Vec<(String, String)> {
    let Some(table) = check.table(JSON.name) else {
        return Vec::new();
    };
    let mut values = Vec::new();
    for (path, value) in table.entries() {
        let is_path = path.len() <= PATH_BYTES_MAX && path.split('.').all(|name| !name.is_empty());
        if !is_path || values.len() == VALUES_MAX {
            let problem = match is_path {
                true => {
                    format!("this is one value more than the {VALUES_MAX} that a check can have")
                }
                false => format!("\"{}\" is not a path in JSON", repeated(path)),
            };
            report
                .add(table.key_at(path), problem)
                .help("accepted: names with dots between them, such as \"db.state\" or \"checks.0.status\"");
            continue;
        }
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(_) => table.number(path).unwrap_or_default().to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                continue;
            }
        };
        values.push((path.to_owned(), text));
    }
    values
}
