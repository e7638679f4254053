//! The target and the host that a server gets, where they are not the visitor's.

use http::Uri;
use ondol_model::plan::Proxy;
use ondol_model::plan::SentHost;
use ondol_model::plan::SentPath;
use ondol_model::rewrite;
use ondol_model::rewrite::Rest;

use super::pool::Pool;
use crate::failure::Failure;

/// What a route changes of them.
#[derive(Debug)]
pub(super) struct Sent {
    path: SentPath,
    host: SentHost,
    /// The prefix that is taken off, as a header carries it.
    prefix: Box<str>,
}

/// The target of one request.
#[derive(Debug)]
pub(super) enum Target<'a> {
    /// The visitor's, or a part of it.
    Part(&'a str),
    /// A part of it, after a prefix.
    After(&'a str, &'a str),
    Written(String),
}

impl Sent {
    /// `None` where nothing is changed.
    pub(super) fn of(proxy: &Proxy) -> Option<Box<Self>> {
        let prefix = match &proxy.path {
            SentPath::After(prefix) => encoded(prefix.as_str().trim_end_matches('/')),
            SentPath::Original if proxy.host == SentHost::Visitor => return None,
            SentPath::Original | SentPath::Rewritten(_) => String::new(),
        };
        Some(Box::new(Self {
            path: proxy.path.clone(),
            host: proxy.host.clone(),
            prefix: prefix.into_boxed_str(),
        }))
    }

    /// The target of a request with this path in normal form.
    pub(super) fn target<'a>(&'a self, uri: &'a Uri, normal: &str) -> Result<Target<'a>, Failure> {
        let hidden = Failure::Malformed("its path hides the prefix of its route");
        match &self.path {
            SentPath::Original => Ok(Target::Part(original(uri))),
            SentPath::After(prefix) => match rewrite::rest(uri.path(), normal, prefix) {
                Rest::NotCovered => Ok(Target::Part(original(uri))),
                Rest::Hidden => Err(hidden),
                Rest::Is(rest) => {
                    let cut = uri.path().len() - rest.len();
                    let target = original(uri).get(cut..).unwrap_or_default();
                    Ok(Target::After(target, &self.prefix))
                }
            },
            SentPath::Rewritten(rewrite) => {
                let target = rewrite.apply(uri.path(), normal, uri.query());
                target.map(Target::Written).ok_or(hidden)
            }
        }
    }

    /// The host for a server.
    pub(super) fn host<'a>(&'a self, visitors: &'a str, pool: &'a Pool) -> &'a str {
        match &self.host {
            SentHost::Visitor => visitors,
            SentHost::Upstream => pool.authority(),
            SentHost::Name(name) => name,
        }
    }
}

impl Target<'_> {
    /// The text, which may be without its first slash.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Part(text) | Self::After(text, _) => text,
            Self::Written(text) => text,
        }
    }

    /// The prefix that was taken off.
    pub(super) fn prefix(&self) -> Option<&str> {
        match self {
            Self::After(_, prefix) => Some(prefix),
            Self::Part(_) | Self::Written(_) => None,
        }
    }
}

/// The visitor's own target.
pub(super) fn original(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

/// Percent-encodes what a path of a URL does not have (RFC 3986 §3.3).
fn encoded(path: &str) -> String {
    let bytes = path.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        b'/' | b'-' | b'.' | b'_' | b'~' | b'@' | b':' | b'+' | b'=' | b',' | b'&' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    bytes.collect()
}
