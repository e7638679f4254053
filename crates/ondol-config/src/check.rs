//! Checks a document against its description: unknown and missing keys, and types.
//!
//! What a text means is not checked here.

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::file;
use crate::nearest::elsewhere_called;
use crate::nearest::nearest;
use crate::nearest::needless;
use crate::nearest::repeated;
use crate::report::Report;
use crate::section::Section;
use crate::section::thousandths;
use crate::shape::Absent;
use crate::shape::Form;
use crate::shape::Key;
use crate::shape::SECRET;
use crate::shape::Shape;
use crate::shape::Table;
use crate::shape::keys;
use crate::text::Place;

/// The most parts of a host name that a message puts together again.
const NAME_PARTS_MAX: usize = 16;

/// Reports every key of a table that is unknown, missing or of a wrong type.
pub(crate) fn table(report: &mut Report, found: Section<'_>, description: &'static Table) {
    for (name, value) in found.entries() {
        match description.key(name) {
            Some(key) => check(report, (found, value), key, &key.shape),
            None => unknown(report, found.key_at(name), name, description),
        }
    }
    for key in description.keys {
        if matches!(key.absent, Absent::Mistake) && !found.has(key.name) {
            let (name, title) = (key.name, description.title);
            let accepted = key.shape.accepted();
            report
                .lack(found.at(), format!("`{name}` is missing"))
                .help(format!("{title} needs `{name}`: {accepted}"));
        }
    }
}

fn check(
    report: &mut Report,
    (parent, value): (Section<'_>, &Spanned<DeValue<'_>>),
    key: &'static Key,
    shape: &'static Shape,
) {
    let at = parent.place(value);
    match (shape, value.get_ref()) {
        (Shape::Flag, DeValue::Boolean(_))
        | (Shape::Text(_) | Shape::TextOrTable(..) | Shape::TextsOrTable(..), DeValue::String(_)) =>
            {}
        (Shape::Number { .. }, DeValue::Integer(_))
        | (Shape::Decimal { .. }, DeValue::Integer(_) | DeValue::Float(_)) => {
            number(report, at, key, (shape, value.get_ref()));
        }
        (Shape::Choice(words), DeValue::String(text)) => {
            if !words.contains(&text.as_ref()) {
                no_choice(report, at, text, key, words);
            }
        }
        (
            Shape::Table(inner) | Shape::TextOrTable(_, inner) | Shape::TextsOrTable(_, inner),
            DeValue::Table(found),
        ) => table(report, parent.inner(at, found), inner),
        (Shape::TextsOrTable(..), DeValue::Array(items)) => {
            let others = items.iter().filter(|item| !item.get_ref().is_str());
            for item in others {
                wrong(report, parent.place(item), key, item.get_ref());
            }
        }
        (Shape::Named(form, inner), DeValue::Table(found)) => {
            let names = parent.inner(at, found);
            for (name, value) in names.entries() {
                named(report, (names, name, value), key, (form, inner));
            }
        }
        (Shape::Map(_, item), DeValue::Table(found)) => {
            let fields = parent.inner(at, found);
            for (name, value) in fields.entries() {
                field(report, (fields, name, value), key, item);
            }
        }
        (Shape::Secret(inner), DeValue::Table(found))
            if parent.inner(at, found).is_known(inner) =>
        {
            table(report, parent.inner(at, found), inner);
        }
        (Shape::Secret(_), _) => plain_secret(report, at, key),
        (Shape::AnyOf(_), _) if shape.may_be_secret() => {
            field_or_secret(report, (parent, key.name, value), shape);
        }
        (Shape::AnyOf(shapes), found) => match shapes.iter().find(|shape| is_of(shape, found)) {
            Some(shape) => check(report, (parent, value), key, shape),
            None => wrong(report, at, key, found),
        },
        (Shape::List(item) | Shape::OneOrMore(item), DeValue::Array(items)) => {
            for value in items {
                check(report, (parent, value), key, item);
            }
        }
        (Shape::OneOrMore(item), _) => check(report, (parent, value), key, item),
        (
            Shape::Flag
            | Shape::Number { .. }
            | Shape::Decimal { .. }
            | Shape::Text(_)
            | Shape::Choice(_)
            | Shape::Table(_)
            | Shape::TextOrTable(..)
            | Shape::TextsOrTable(..)
            | Shape::Named(..)
            | Shape::Map(..)
            | Shape::List(_),
            other,
        ) => wrong(report, at, key, other),
    }
}

/// Whether a number is in its range.
fn number(
    report: &mut Report,
    at: Place,
    key: &Key,
    (shape, found): (&'static Shape, &DeValue<'_>),
) {
    let (range, found, accepted) = match shape {
        Shape::Number { min, max } => {
            let found = found.as_integer();
            let found = found.and_then(|it| i64::from_str_radix(it.as_str(), it.radix()).ok());
            (*min..=*max, found, format!("from {min} to {max}"))
        }
        Shape::Decimal {
            min_thousandths,
            max_thousandths,
        } => {
            let range = *min_thousandths..=*max_thousandths;
            (range, thousandths(found), shape.accepted())
        }
        _ => return,
    };
    if !found.is_some_and(|found| range.contains(&found)) {
        report.add(at, format!("`{}` must be {accepted}", key.name));
    }
}

/// One of the values that the owner names.
fn field(
    report: &mut Report,
    (parent, name, value): (Section<'_>, &str, &Spanned<DeValue<'_>>),
    key: &'static Key,
    shape: &'static Shape,
) {
    if shape.may_be_secret() {
        field_or_secret(report, (parent, name, value), shape);
        return;
    }
    if is_of(shape, value.get_ref()) {
        check(report, (parent, value), key, shape);
        return;
    }
    if let (Shape::Map(form, _), DeValue::Table(found)) = (&key.shape, value.get_ref())
        && form.example.contains('.')
    {
        let (inner, _) = found.iter().next().unzip();
        let inner = inner.map_or("…", |inner| inner.get_ref());
        let help = format!("write \"{}.{}\" = …", repeated(name), repeated(inner));
        report
            .add(parent.key_at(name), "a name with dots needs quotes")
            .help(help);
        return;
    }
    let found = type_of(value.get_ref());
    let problem = format!("`{}` cannot be {found}", repeated(name));
    let accepted = shape.accepted();
    report
        .add(parent.place(value), problem)
        .help(format!("accepted: {accepted}"));
}

/// One of the values that the owner names, where that or its neighbours may be secrets: no line is shown.
fn field_or_secret(
    report: &mut Report,
    (parent, name, value): (Section<'_>, &str, &Spanned<DeValue<'_>>),
    shape: &'static Shape,
) {
    let (at, shown) = (parent.place(value), repeated(name));
    let (problem, accepted) = match (value.get_ref(), shape.table()) {
        (DeValue::Table(found), Some(secret)) => {
            let found = parent.inner(at, found);
            if found.is_known(secret) {
                table(report, found, secret);
                return;
            }
            let problem = format!("`{shown}` does not say where its secret is");
            (problem, format!("accepted: {SECRET}"))
        }
        (found, _) if is_of(shape, found) => return,
        (found, _) => {
            let problem = format!("`{shown}` cannot be {}", type_of(found));
            (problem, format!("accepted: {}", shape.accepted()))
        }
    };
    report.add(at, problem).help(accepted).hide_line();
}

/// Whether a value is of a shape's type, whatever is in it.
fn is_of(shape: &Shape, value: &DeValue<'_>) -> bool {
    match shape {
        Shape::Flag => value.as_bool().is_some(),
        Shape::Number { .. } => value.as_integer().is_some(),
        Shape::Decimal { .. } => value.as_integer().is_some() || value.as_float().is_some(),
        Shape::Text(_) | Shape::Choice(_) => value.is_str(),
        Shape::Table(_) | Shape::Secret(_) | Shape::Named(..) | Shape::Map(..) => value.is_table(),
        Shape::TextOrTable(..) => value.is_str() || value.is_table(),
        Shape::TextsOrTable(..) => value.is_str() || value.is_array() || value.is_table(),
        Shape::AnyOf(shapes) => shapes.iter().any(|shape| is_of(shape, value)),
        Shape::List(_) => value.is_array(),
        Shape::OneOrMore(item) => value.is_array() || is_of(item, value),
    }
}

/// One of the tables that the owner names.
fn named(
    report: &mut Report,
    (parent, name, value): (Section<'_>, &str, &Spanned<DeValue<'_>>),
    key: &'static Key,
    (form, description): (&'static Form, &'static Table),
) {
    let at = parent.place(value);
    let DeValue::Table(found) = value.get_ref() else {
        let problem = format!("`{}` must be a table", repeated(name));
        let accepted = keys(description);
        report
            .add(at, problem)
            .help(format!("accepted: a table with {accepted}"));
        return;
    };
    let has_dots = form.example.contains('.');
    match unquoted(name, found, description).filter(|_| has_dots) {
        Some(whole) => {
            report
                .add(parent.key_at(name), "a name with dots needs quotes")
                .help(format!("write `[{}.\"{}\"]`", key.name, repeated(&whole)));
        }
        None => table(report, parent.inner(at, found), description),
    }
}

/// The name that was meant where its dots made tables in tables: `[sites.example.com]`.
fn unquoted(name: &str, found: &DeTable<'_>, description: &'static Table) -> Option<String> {
    // A quoted name has its dots already: what is in it is a key, spelt wrongly.
    if name.contains('.') {
        return None;
    }
    let mut whole = name.to_owned();
    let mut inside = found;
    let keys = || description.keys.iter().map(|key| key.name);
    let mut is_like_a_key = false;
    for _ in 0..NAME_PARTS_MAX {
        let part = inside.iter().find_map(|(key, value)| {
            let is_known = description.key(key.get_ref()).is_some();
            let table = value.get_ref().as_table().filter(|_| !is_known)?;
            Some((key.get_ref(), table))
        });
        let Some((part, table)) = part else { break };
        is_like_a_key |= whole.len() == name.len() && nearest(part, keys()).is_some();
        whole = format!("{whole}.{part}");
        inside = table;
    }
    // `[sites.localhost.porxy]`: a key spelt wrongly, unless what it leads to is a site.
    let is_key = is_like_a_key && !keys().any(|key| inside.contains_key(key));
    (whole.len() > name.len() && !is_key).then_some(whole)
}

fn unknown(report: &mut Report, at: Place, name: &str, description: &'static Table) {
    if report.is_full() {
        return;
    }
    let title = description.title;
    let shown = repeated(name);
    if description.later.contains(&name) {
        let problem = format!("`{shown}` is not served by this version yet");
        report
            .add(at, problem)
            .help("remove it, or wait for a newer one");
        return;
    }
    if let Some(why) = needless(name) {
        let problem = format!("unknown key `{shown}` in {title}");
        report.add(at, problem).help(why);
        return;
    }
    let known = description.keys.iter().map(|key| key.name);
    let meant = elsewhere_called(name, |word| description.key(word).is_some());
    let meant =
        meant.or_else(|| nearest(name, known.clone().chain(description.later.iter().copied())));
    let elsewhere = places(name, description);
    let help = match (meant, elsewhere) {
        (meant, Some(tables)) => {
            let meant = meant.filter(|meant| !description.later.contains(meant));
            let meant = meant.map_or(String::new(), |meant| format!("did you mean `{meant}`? "));
            format!("{meant}`{shown}` belongs in {tables}")
        }
        (Some(meant), _) if description.later.contains(&meant) => {
            format!("`{meant}` is not served by this version yet")
        }
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, _) => format!("accepted here: {}", keys(description)),
    };
    let problem = format!("unknown key `{shown}` in {title}");
    let note = report.add(at, problem).help(help);
    let inner = meant.and_then(|meant| description.key(meant)?.shape.table());
    if description.has_secrets() || inner.is_some_and(Table::has_secrets) {
        note.hide_line(); // It may be a secret's, with another name.
    }
}

/// The tables that have a key, when they are few enough to be named.
fn places(key: &str, from: &'static Table) -> Option<String> {
    const PLACES_MAX: usize = 3;
    let is_near = std::ptr::eq(from, &file::MAIN) || file::is_apart(from);
    let tables = file::tables().into_iter();
    let tables = tables.filter(|table| table.key(key).is_some());
    let tables = tables.filter(|table| is_near || !file::is_apart(table));
    let mut titles: Vec<_> = tables.map(|table| table.title).collect();
    titles.dedup();
    (1..=PLACES_MAX)
        .contains(&titles.len())
        .then(|| titles.join(" or "))
}

fn no_choice(
    report: &mut Report,
    at: Place,
    text: &str,
    key: &Key,
    words: &'static [&'static str],
) {
    // `dns-01`: whoever knows the standard adds to the word.
    let begun = words.iter().copied().filter(|word| text.starts_with(word));
    let meant = nearest(text, words.iter().copied());
    let hint = match meant.or(begun.max_by_key(|word| word.len())) {
        Some(meant) => format!("did you mean \"{meant}\"? "),
        None => String::new(),
    };
    let problem = format!("`{}` cannot be \"{}\"", key.name, repeated(text));
    let accepted = match key.shape {
        Shape::AnyOf(_) => key.shape.accepted(),
        _ => Shape::Choice(words).accepted(),
    };
    report
        .add(at, problem)
        .help(format!("{hint}accepted: {accepted}"));
}

fn wrong(report: &mut Report, at: Place, key: &'static Key, found: &DeValue<'_>) {
    let name = key.name;
    let found = type_of(found);
    let accepted = key.shape.accepted();
    let is_single_bracket = found == "a table" && matches!(key.shape, Shape::List(Shape::Table(_)));
    let help = if is_single_bracket {
        format!("write the header with double brackets: `[[… .{name}]]`")
    } else {
        format!("accepted: {accepted}")
    };
    let note = report.add(at, format!("`{name}` cannot be {found}"));
    note.help(help);
    if matches!(key.shape, Shape::Map(_, item) if item.may_be_secret()) {
        note.hide_line();
    }
}

/// Files like this one are copied, shown and kept in repositories.
fn plain_secret(report: &mut Report, at: Place, key: &Key) {
    let problem = format!(
        "`{}` is a secret, which does not belong in this file",
        key.name
    );
    report
        .add(at, problem)
        .help(format!("say where it is: {SECRET}"))
        .hide_line();
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
