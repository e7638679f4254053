//! The order of a list: by the query of its address, folders first.

use std::cmp::Ordering;

use super::entries::Item;
use super::entries::Kind;

/// By what, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) by: By,
    pub(super) order: Order,
}

/// What of an entry is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Name,
    Size,
    Date,
}

/// From the least, or from the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

impl By {
    pub(super) const ALL: [Self; 3] = [Self::Name, Self::Size, Self::Date];

    /// The word for it in an address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Date => "date",
        }
    }
}

impl Order {
    /// The word for it in an address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }

    pub(super) fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

impl Sort {
    /// `sort=name|size|date` and `order=asc|desc`; by name where nothing of that is said.
    pub(super) fn of(query: &str) -> Self {
        let value = |key| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let by = By::ALL
            .into_iter()
            .find(|by| value("sort") == Some(by.word()));
        Self {
            by: by.unwrap_or(By::Name),
            order: match value("order") {
                Some("desc") => Order::Descending,
                Some(_) | None => Order::Ascending,
            },
        }
    }

    pub(super) fn apply(self, items: &mut [Item]) {
        items.sort_by_cached_key(|item| item.name.to_lowercase());
        items.sort_by(|a, b| self.compare(a, b));
    }

    /// Entries that are equal in this stay in the order of their names.
    fn compare(self, a: &Item, b: &Item) -> Ordering {
        let is_file = |item: &Item| item.kind != Kind::Folder;
        let what = match self.by {
            By::Name => Ordering::Equal,
            By::Size => a.kind.cmp(&b.kind),
            By::Date => a.modified.cmp(&b.modified),
        };
        let what = match (self.by, self.order) {
            (By::Name, Order::Descending) => b.name.to_lowercase().cmp(&a.name.to_lowercase()),
            (_, Order::Ascending) => what,
            (_, Order::Descending) => what.reverse(),
        };
        is_file(a).cmp(&is_file(b)).then(what)
    }
}
