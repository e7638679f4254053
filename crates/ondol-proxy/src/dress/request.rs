//! The header fields that an app gets besides what the visitor sent, or instead of it.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::request::Parts;

use super::headers::Change;
use super::headers::FieldRule;
use crate::visit::Visit;

/// What is done to the header fields of one request.
#[derive(Debug)]
pub(crate) struct RequestFields(Vec<(HeaderName, Wanted)>);

/// What is done to the fields of a name.
#[derive(Debug)]
enum Wanted {
    Add(Vec<HeaderValue>),
    Default(HeaderValue),
    Only(Option<HeaderValue>),
}

impl RequestFields {
    pub(super) fn new(rules: &[FieldRule], visit: &Visit, parts: &Parts) -> Self {
        let of = |value: &super::headers::Value| value.of(visit, parts);
        let fields = rules.iter().map(|rule| {
            let wanted = match &rule.change {
                Change::Add(values) => Wanted::Add(values.iter().map(of).collect()),
                Change::Default(value) => Wanted::Default(of(value)),
                Change::Remove => Wanted::Only(None),
                Change::Set(value) => Wanted::Only(Some(of(value))),
            };
            (rule.name.clone(), wanted)
        });
        Self(fields.collect())
    }

    /// Whether a field of the visitor is not passed on. One that reads as such a field behind CGI, where
    /// `_` and `-` are the same, is not either: what the owner says of a visitor must be true.
    pub(crate) fn drops(&self, name: &HeaderName) -> bool {
        let drops = |(own, wanted): &(HeaderName, Wanted)| {
            matches!(wanted, Wanted::Only(_)) && is_same(own, name)
        };
        self.0.iter().any(drops)
    }

    /// The names whose fields are the owner's alone.
    pub(crate) fn own(&self) -> impl Iterator<Item = &str> {
        let own = self.0.iter();
        own.filter(|(_, wanted)| matches!(wanted, Wanted::Only(_)))
            .map(|(name, _)| name.as_str())
    }

    /// The fields that come to those of the visitor.
    pub(crate) fn added<'f>(
        &'f self,
        visitors: &'f HeaderMap,
    ) -> impl Iterator<Item = (&'f HeaderName, &'f HeaderValue)> {
        self.0.iter().flat_map(move |(name, wanted)| {
            let is_absent = || !visitors.keys().any(|visitors| is_same(name, visitors));
            let values = match wanted {
                Wanted::Add(values) => values.as_slice(),
                Wanted::Default(value) if is_absent() => std::slice::from_ref(value),
                Wanted::Default(_) => &[],
                Wanted::Only(value) => value.as_slice(),
            };
            values.iter().map(move |value| (name, value))
        })
    }
}

fn is_same(own: &HeaderName, visitors: &HeaderName) -> bool {
    let dashed = |byte: u8| if byte == b'_' { b'-' } else { byte };
    let (own, visitors) = (own.as_str().bytes(), visitors.as_str().bytes());
    own.map(dashed).eq(visitors.map(dashed))
}
