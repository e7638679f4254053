//! The description of every key as a JSON Schema, for editors.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use toml::de::DeValue;

use crate::file;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::Shape;
use crate::shape::Table;
use crate::shape::decimal;

/// The JSON Schema (draft 2020-12) of the main file, ending with a line end.
pub fn schema() -> String {
    let mut schema = table(&file::MAIN);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("ondol.toml");
    format!("{schema:#}\n")
}

fn table(table: &Table) -> Value {
    let properties = table
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)));
    let required = table
        .keys
        .iter()
        .filter(|key| matches!(key.absent, Absent::Mistake));
    let required: Vec<_> = required.map(|key| key.name).collect();
    json!({
        "type": "object",
        "description": table.doc,
        "properties": Map::from_iter(properties),
        "required": required,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut property = shape(&key.shape);
    property["description"] = json!(key.doc);
    match key.absent {
        Absent::Default(default) => property["default"] = default_value(default),
        Absent::Mistake | Absent::Means => {}
    }
    property
}

fn shape(shape_: &Shape) -> Value {
    match shape_ {
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Number { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Shape::Decimal {
            min_thousandths,
            max_thousandths,
        } => {
            let number = |thousandths| decimal(thousandths).parse::<f64>().ok();
            json!({ "type": "number", "minimum": number(*min_thousandths), "maximum": number(*max_thousandths) })
        }
        Shape::Text(form) => text(form),
        Shape::Choice(words) => json!({ "type": "string", "enum": words }),
        Shape::Table(inner) | Shape::Secret(inner) => table(inner),
        Shape::TextOrTable(form, inner) => json!({ "anyOf": [text(form), table(inner)] }),
        Shape::TextsOrTable(form, inner) => {
            let text = text(form);
            let list = json!({ "type": "array", "items": text });
            json!({ "anyOf": [text, list, table(inner)] })
        }
        Shape::Named(_, inner) => json!({
            "type": "object",
            "additionalProperties": table(inner),
        }),
        Shape::Map(_, item) => json!({
            "type": "object",
            "additionalProperties": shape(item),
        }),
        Shape::AnyOf(shapes) => {
            let shapes: Vec<_> = shapes.iter().map(shape).collect();
            json!({ "anyOf": shapes })
        }
        Shape::List(item) => json!({ "type": "array", "items": shape(item) }),
        Shape::OneOrMore(item) => {
            let item = shape(item);
            json!({ "anyOf": [item, { "type": "array", "items": item }] })
        }
    }
}

fn text(form: &Form) -> Value {
    json!({ "type": "string", "examples": [form.example] })
}

/// A default as JSON; one that is no TOML would be a mistake of ours, which a test finds.
fn default_value(default: &str) -> Value {
    DeValue::parse(default).map_or(Value::Null, |value| json_value(value.get_ref()))
}

fn json_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(number) => json!(number.as_str().parse::<i64>().ok()),
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Array(items) => items
            .iter()
            .map(|item| json_value(item.get_ref()))
            .collect(),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests;
