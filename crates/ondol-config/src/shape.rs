//! What a configuration may hold, as values: the one description of every key.
//!
//! Knows no key; they are in `file.rs` and `file/*.rs`.

/// A table and its keys.
#[derive(Debug)]
pub(crate) struct Table {
    /// What messages call it.
    pub(crate) title: &'static str,
    /// What it is for, in Markdown.
    pub(crate) doc: &'static str,
    pub(crate) keys: &'static [Key],
    /// Keys of versions to come, so that they are told from typing errors.
    pub(crate) later: &'static [&'static str],
}

/// One key of a table.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// What it does, in Markdown; what its absence means where that is no default.
    pub(crate) doc: &'static str,
    pub(crate) shape: Shape,
    pub(crate) absent: Absent,
}

/// What happens without a key.
#[derive(Debug)]
pub(crate) enum Absent {
    /// The file is refused.
    Mistake,
    /// As if this TOML value were there.
    Default(&'static str),
    /// The key's doc says it.
    Means,
}

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Shape {
    /// `true` or `false`.
    Flag,
    /// A whole number, both ends included.
    Number { min: i64, max: i64 },
    /// A number with three decimals at most, both ends included.
    Decimal {
        min_thousandths: i64,
        max_thousandths: i64,
    },
    /// A text.
    Text(Form),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A table.
    Table(&'static Table),
    /// A table that says where a secret is; never the secret itself.
    Secret(&'static Table),
    /// A table, or a text for its most important key.
    TextOrTable(Form, &'static Table),
    /// A table, or a text or a list of texts for its most important key.
    TextsOrTable(Form, &'static Table),
    /// Tables by names that the owner chooses.
    Named(Form, &'static Table),
    /// Such values by names that the owner chooses.
    Map(Form, &'static Self),
    /// A value of one of these shapes, no two of which are of one type.
    AnyOf(&'static [Self]),
    /// Any number of such values.
    List(&'static Self),
    /// One such value, or a list of them.
    OneOrMore(&'static Self),
}

/// What a text holds, for messages.
#[derive(Debug)]
pub(crate) struct Form {
    /// With its article: "an address".
    pub(crate) what: &'static str,
    /// One text that is accepted.
    pub(crate) example: &'static str,
}

impl Table {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether secrets are spoken of in it.
    pub(crate) fn has_secrets(&self) -> bool {
        self.keys.iter().any(|key| key.shape.is_of_secrets())
    }
}

impl Shape {
    /// The table that a value may be or hold.
    pub(crate) fn table(&self) -> Option<&'static Table> {
        match self {
            Self::Table(table)
            | Self::Secret(table)
            | Self::TextOrTable(_, table)
            | Self::TextsOrTable(_, table)
            | Self::Named(_, table) => Some(table),
            Self::List(item) | Self::OneOrMore(item) | Self::Map(_, item) => item.table(),
            Self::AnyOf(shapes) => shapes.iter().find_map(Self::table),
            Self::Flag
            | Self::Number { .. }
            | Self::Decimal { .. }
            | Self::Text(_)
            | Self::Choice(_) => None,
        }
    }

    /// Whether a value is a secret, or may be one.
    fn is_of_secrets(&self) -> bool {
        match self {
            Self::Secret(_) => true,
            Self::OneOrMore(item) => item.is_of_secrets(),
            other => other.may_be_secret(),
        }
    }

    /// Whether a value may be a secret, though it may be another value too.
    pub(crate) fn may_be_secret(&self) -> bool {
        let is_secret = |shape: &Self| matches!(shape, Self::Secret(_));
        matches!(self, Self::AnyOf(shapes) if shapes.iter().any(is_secret))
    }

    /// What is accepted, for messages.
    pub(crate) fn accepted(&self) -> String {
        match self {
            Self::Flag => "true or false, without quotes".into(),
            Self::Number {
                min: i64::MIN,
                max: i64::MAX,
            } => "a whole number, without quotes".into(),
            Self::Number { min, max } => format!("a whole number from {min} to {max}"),
            Self::Decimal {
                min_thousandths,
                max_thousandths,
            } => {
                let (min, max) = (decimal(*min_thousandths), decimal(*max_thousandths));
                format!("a number from {min} to {max}, with three decimals at most")
            }
            Self::Text(form) => form.accepted(),
            Self::Choice(words) => one_of(words),
            Self::Table(table) => format!("a table with {}", keys(table)),
            Self::Secret(_) => SECRET.to_owned(),
            Self::TextOrTable(form, table) => {
                format!("{}, or a table with {}", form.accepted(), keys(table))
            }
            Self::TextsOrTable(form, table) => {
                let (text, keys) = (form.accepted(), keys(table));
                format!("{text}, or a list (in brackets) of such, or a table with {keys}")
            }
            Self::Named(Form { what, example }, table) => {
                let keys = keys(table);
                let quoted = match example.contains('.') {
                    true => format!("in quotes, such as \"{example}\""),
                    false => format!("such as {example}"),
                };
                format!("tables named by {what}, {quoted}, with {keys}")
            }
            Self::Map(Form { what, example }, item) => {
                let item = item.accepted();
                format!("a table (in braces) from {what}, such as {example}, to {item}")
            }
            Self::AnyOf(shapes) => {
                let accepted: Vec<_> = shapes.iter().map(Self::accepted).collect();
                accepted.join(", or ")
            }
            Self::List(item) => format!("a list (in brackets), each {}", item.accepted()),
            Self::OneOrMore(item) => {
                format!("{}, or a list (in brackets) of such", item.accepted())
            }
        }
    }
}

impl Form {
    /// What is accepted, for messages.
    pub(crate) fn accepted(&self) -> String {
        let Self { what, example } = self;
        format!("{what} in quotes, such as \"{example}\"")
    }
}

/// How a secret is written, for messages.
pub(crate) const SECRET: &str =
    "{ env = \"NAME\" } for a variable of Ondol's environment, or { file = \"path\" }";

/// The keys of a table, for messages.
pub(crate) fn keys(table: &Table) -> String {
    let names: Vec<_> = table.keys.iter().map(|key| key.name).collect();
    names.join(", ")
}

/// Thousandths as people write them.
pub(crate) fn decimal(thousandths: i64) -> String {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:03}")
            .trim_end_matches('0')
            .to_owned(),
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(" or ")
}
