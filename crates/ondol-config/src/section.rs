//! Reads values out of a table that was checked against its description.
//!
//! A value of a wrong type is already in the report, so here it is the same as none.

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::shape::Table;
use crate::text::Place;

/// A table of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section<'d> {
    file: usize,
    at: Place,
    table: &'d DeTable<'d>,
}

/// A text of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'d> {
    pub(crate) text: &'d str,
    pub(crate) at: Place,
}

/// A value that may be written short, as a text, or long, as a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Either<'d> {
    Short(Word<'d>),
    Long(Section<'d>),
}

impl<'d> Section<'d> {
    pub(crate) fn new(file: usize, at: Place, table: &'d DeTable<'d>) -> Self {
        Self { file, at, table }
    }

    /// A table inside of this one.
    pub(crate) fn inner(&self, at: Place, table: &'d DeTable<'d>) -> Self {
        Self::new(self.file, at, table)
    }

    /// The place of a value inside of this table.
    pub(crate) fn place(&self, value: &Spanned<DeValue<'_>>) -> Place {
        Place::new(self.file, value.span())
    }

    /// The place of the table: its header, or its braces.
    pub(crate) fn at(&self) -> Place {
        self.at
    }

    /// The number of its file.
    pub(crate) fn file(&self) -> usize {
        self.file
    }

    /// Whether a description knows every key. Where it does not, what seems to be missing may only
    /// have another name.
    pub(crate) fn is_known(&self, description: &Table) -> bool {
        let mut keys = self.table.keys();
        keys.all(|key| description.key(key.get_ref()).is_some())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The place of a key, or of the table when it has no such key.
    pub(crate) fn key_at(&self, key: &str) -> Place {
        let entry = self.table.get_key_value(key);
        entry.map_or(self.at, |(key, _)| Place::new(self.file, key.span()))
    }

    pub(crate) fn text(&self, key: &str) -> Option<Word<'d>> {
        self.word(self.table.get(key)?)
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.table.get(key)?.get_ref().as_bool()
    }

    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        let number = self.table.get(key)?.get_ref().as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// A number with decimals, in thousandths; `None` also when it has more than three of them.
    pub(crate) fn thousandths(&self, key: &str) -> Option<i64> {
        thousandths(self.table.get(key)?.get_ref())
    }

    /// The numbers of a list; a number alone is a list of one. `None` without the key.
    pub(crate) fn numbers(&self, key: &str) -> Option<Vec<i64>> {
        let values = items(self.table.get(key)?).iter();
        let numbers = values.filter_map(|value| {
            let number = value.get_ref().as_integer()?;
            i64::from_str_radix(number.as_str(), number.radix()).ok()
        });
        Some(numbers.collect())
    }

    /// The texts of a list; a text alone is a list of one. `None` without the key.
    pub(crate) fn texts(&self, key: &str) -> Option<Vec<Word<'d>>> {
        let values = items(self.table.get(key)?);
        Some(values.iter().filter_map(|value| self.word(value)).collect())
    }

    /// The values of a list, unread, with their places; a value alone is a list of one. `None` without the key.
    pub(crate) fn values(&self, key: &str) -> Option<Vec<(&'d DeValue<'d>, Place)>> {
        let values = items(self.table.get(key)?).iter();
        Some(
            values
                .map(|value| (value.get_ref(), self.place(value)))
                .collect(),
        )
    }

    /// Whether a key is there as a list of nothing.
    pub(crate) fn is_empty_list(&self, key: &str) -> bool {
        let list = self
            .table
            .get(key)
            .and_then(|value| value.get_ref().as_array());
        list.is_some_and(|items| items.is_empty())
    }

    pub(crate) fn table(&self, key: &str) -> Option<Self> {
        self.section(self.table.get(key)?)
    }

    /// The tables of a list; a table alone is a list of one.
    pub(crate) fn tables(&self, key: &str) -> Vec<Self> {
        let values = self.table.get(key).map(items).unwrap_or_default();
        let sections = values.iter().filter_map(|value| self.section(value));
        sections.collect()
    }

    pub(crate) fn either(&self, key: &str) -> Option<Either<'d>> {
        self.either_of(self.table.get(key)?)
    }

    /// The texts and tables of a list; one alone is a list of one. `None` without the key.
    pub(crate) fn eithers(&self, key: &str) -> Option<Vec<Either<'d>>> {
        let values = items(self.table.get(key)?).iter();
        Some(values.filter_map(|value| self.either_of(value)).collect())
    }

    /// The texts in it, with their names.
    pub(crate) fn words(&self) -> impl Iterator<Item = (Word<'d>, Word<'d>)> {
        let named = self.table.iter();
        named.filter_map(|(name, value)| Some((self.name(name), self.word(value)?)))
    }

    /// The flags in it, with their names.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (Word<'d>, bool)> {
        let named = self.table.iter();
        named.filter_map(|(name, value)| Some((self.name(name), value.get_ref().as_bool()?)))
    }

    /// Every key with its value, unread.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'d str, &'d Spanned<DeValue<'d>>)> {
        let entries = self.table.iter();
        entries.map(|(key, value)| (key.get_ref().as_ref(), value))
    }

    /// The tables in it, with their names.
    pub(crate) fn named(&self) -> impl Iterator<Item = (Word<'d>, Self)> {
        let named = self.table.iter();
        named.filter_map(|(name, value)| Some((self.name(name), self.section(value)?)))
    }

    fn name(&self, name: &'d Spanned<std::borrow::Cow<'d, str>>) -> Word<'d> {
        let at = Place::new(self.file, name.span());
        let text = name.get_ref();
        Word { text, at }
    }

    fn either_of(&self, value: &'d Spanned<DeValue<'d>>) -> Option<Either<'d>> {
        let short = self.word(value).map(Either::Short);
        short.or_else(|| self.section(value).map(Either::Long))
    }

    /// The texts of a table, with their names.
    pub(crate) fn pairs(&self, key: &str) -> Vec<(Word<'d>, Word<'d>)> {
        let Some(table) = self.table(key) else {
            return Vec::new();
        };
        let pairs = table.table.iter().filter_map(|(name, value)| {
            let at = Place::new(self.file, name.span());
            let text = name.get_ref();
            Some((Word { text, at }, self.word(value)?))
        });
        pairs.collect()
    }

    fn word(&self, value: &'d Spanned<DeValue<'d>>) -> Option<Word<'d>> {
        let at = self.place(value);
        value.get_ref().as_str().map(|text| Word { text, at })
    }

    fn section(&self, value: &'d Spanned<DeValue<'d>>) -> Option<Self> {
        let table = value.get_ref().as_table()?;
        Some(self.inner(self.place(value), table))
    }
}

/// A number with three decimals at most, in thousandths.
pub(crate) fn thousandths(value: &DeValue<'_>) -> Option<i64> {
    if let Some(number) = value.as_integer() {
        let whole = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
        return whole.checked_mul(1_000);
    }
    let text = value.as_float()?.as_str();
    let (whole, decimals) = text.split_once('.')?;
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let is_fine = is_number(whole) && is_number(decimals) && decimals.len() <= 3;
    is_fine.then(|| format!("{whole}{decimals:0<3}").parse().ok())?
}

fn items<'d>(value: &'d Spanned<DeValue<'d>>) -> &'d [Spanned<DeValue<'d>>] {
    match value.get_ref().as_array() {
        Some(list) => list,
        None => std::slice::from_ref(value),
    }
}
