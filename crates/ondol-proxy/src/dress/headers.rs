//! Header fields as an owner wants them, with what the request has in place of variables.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::request::Parts;
use ondol_model::host;
use ondol_model::plan::HeaderChange;
use ondol_model::plan::HeaderRules;
use ondol_model::plan::Piece;
use ondol_model::plan::Template;
use ondol_model::plan::Variable;

use crate::arrival;
use crate::visit::Visit;

/// What is done to the fields of one name.
#[derive(Debug)]
pub(super) struct FieldRule {
    pub(super) name: HeaderName,
    pub(super) change: Change,
}

/// What is done to the fields of a name.
#[derive(Debug)]
pub(super) enum Change {
    Add(Vec<Value>),
    Default(Value),
    Remove,
    Set(Value),
}

/// A value, finished where nothing in it depends on the request.
#[derive(Debug)]
pub(super) enum Value {
    Fixed(HeaderValue),
    Varying(Template),
}

/// A name or value that no header can have is left out; an accepted plan has none.
pub(super) fn prepare(rules: &HeaderRules) -> Vec<FieldRule> {
    let prepared = rules.iter().filter_map(|rule| {
        let name = HeaderName::from_bytes(rule.name.as_bytes()).ok()?;
        let change = match &rule.change {
            HeaderChange::Add(values) => Change::Add(values.iter().filter_map(value).collect()),
            HeaderChange::Default(template) => Change::Default(value(template)?),
            HeaderChange::Remove => Change::Remove,
            HeaderChange::Set(template) => Change::Set(value(template)?),
        };
        Some(FieldRule { name, change })
    });
    prepared.collect()
}

fn value(template: &Template) -> Option<Value> {
    match template.pieces() {
        [] => Some(Value::Fixed(HeaderValue::from_static(""))),
        [Piece::Text(text)] => HeaderValue::from_str(text).ok().map(Value::Fixed),
        _ => Some(Value::Varying(template.clone())),
    }
}

impl FieldRule {
    pub(super) fn apply(&self, visit: &Visit, parts: &Parts, headers: &mut HeaderMap) {
        match &self.change {
            Change::Remove => {
                headers.remove(&self.name);
            }
            Change::Set(value) => {
                headers.insert(&self.name, value.of(visit, parts));
            }
            Change::Default(value) => {
                if !headers.contains_key(&self.name) {
                    headers.insert(&self.name, value.of(visit, parts));
                }
            }
            Change::Add(values) => {
                for value in values {
                    headers.append(&self.name, value.of(visit, parts));
                }
            }
        }
    }
}

impl Value {
    /// The value for a request. None of its parts can have a line end: they are parts of a request that
    /// was read, or our own.
    pub(super) fn of(&self, visit: &Visit, parts: &Parts) -> HeaderValue {
        let template = match self {
            Self::Fixed(value) => return value.clone(),
            Self::Varying(template) => template,
        };
        let mut text = Vec::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(piece) => text.extend_from_slice(piece.as_bytes()),
                Piece::Variable(variable) => put(*variable, visit, parts, &mut text),
            }
        }
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text))
            .unwrap_or(HeaderValue::from_static(""))
    }
}

fn put(variable: Variable, visit: &Visit, parts: &Parts, text: &mut Vec<u8>) {
    match variable {
        Variable::Client => match visit.visitor.address {
            Some(client) => text.extend_from_slice(client.to_string().as_bytes()),
            None => text.extend_from_slice(visit.connection.peer_text.as_bytes()),
        },
        Variable::Host => {
            let asked_for = arrival::host_text(parts).ok().and_then(host::authority);
            let name = asked_for.map(|(name, _)| name).unwrap_or_default();
            text.extend_from_slice(name.as_bytes());
        }
        Variable::Method => text.extend_from_slice(parts.method.as_str().as_bytes()),
        Variable::Path => text.extend_from_slice(parts.uri.path().as_bytes()),
        Variable::Query => {
            text.extend_from_slice(parts.uri.query().unwrap_or_default().as_bytes());
        }
        Variable::RequestId => visit.shown_id().put(text),
        Variable::Scheme => {
            let scheme = visit.visitor.scheme.word();
            text.extend_from_slice(scheme.as_bytes());
        }
        Variable::Site => {
            let name = visit.site.map(|site| visit.view.site_name(site));
            text.extend_from_slice(name.unwrap_or_default().as_bytes());
        }
    }
}
