//! What is done to header fields: to those that an app gets, and to those that a visitor gets.

use super::template::Template;

/// What is done to header fields, each named once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderRules(Vec<HeaderRule>);

/// What is done to the fields of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRule {
    /// In small letters.
    pub name: Box<str>,
    /// What is done.
    pub change: HeaderChange,
}

/// What is done to the fields of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderChange {
    /// These follow those that are there.
    Add(Vec<Template>),
    /// This is there if none was.
    Default(Template),
    /// None is there.
    Remove,
    /// This is the only one.
    Set(Template),
}

/// Which way a header field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// In a request, to an app.
    App,
    /// In an answer, to a visitor.
    Visitor,
}

impl HeaderRules {
    /// The rules, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &HeaderRule> {
        self.0.iter()
    }

    /// Whether nothing is done.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A rule, in place of one for the same name.
    pub fn put(&mut self, rule: HeaderRule) {
        let place = self.0.binary_search_by(|known| known.name.cmp(&rule.name));
        match place {
            Ok(at) => self.0[at] = rule,
            Err(at) => self.0.insert(at, rule),
        }
    }
}

/// Whether a text is the name of a header field (RFC 9110 §5.1).
pub fn is_name(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token)
}

/// Why nobody may change a field, `name` being in small letters; `None` for most.
pub fn forbidden(name: &str, towards: Towards) -> Option<&'static str> {
    let reason = match (name, towards) {
        ("content-length" | "transfer-encoding" | "trailer", _) => {
            "it tells where the body ends, which nothing but the body decides"
        }
        (
            "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "upgrade"
            | "proxy-authenticate"
            | "proxy-authorization",
            _,
        ) => "it concerns one connection, and ends at each server on the way",
        ("host", Towards::App) => "the app gets the host that the visitor asked for",
        ("expect", Towards::App) => "it is answered before the app is asked",
        (
            "client-cert"
            | "client-cert-chain"
            | "forwarded"
            | "via"
            | "x-client-cert-fingerprint"
            | "x-client-cert-subject"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-real-ip"
            | "x-request-id",
            Towards::App,
        ) => "Ondol writes it, from what it knows of the visitor",
        ("content-range", Towards::Visitor) => "it says which part of a file the body is",
        _ => return None,
    };
    Some(reason)
}
