//! Entity tags of what was made smaller.
//!
//! A strong tag says that the bytes are the same, which they are not (RFC 9110 §8.8.3): `"x"` becomes
//! `W/"x-gzip"`. What comes back with it (`If-None-Match`, and `If-Match` of a change that is saved)
//! is `"x"` again before the target sees it, so that apps which compare texts still find their own tag.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::header;
use http::request::Parts;

/// The end of a tag of ours, whatever the coding: what Apache has made known, so that clients which compare
/// tags with what an app told them elsewhere (Nextcloud's) know to take it off.
const MARK: &[u8] = b"-gzip\"";
const WEAK: &[u8] = b"W/\"";

/// Makes the tag that of the smaller body. A weak one holds for both.
pub(super) fn mark(headers: &mut HeaderMap) {
    if let Some(marked) = marked(headers) {
        headers.insert(header::ETAG, marked);
    }
}

/// Of what has not changed, the tag must be the one that the visitor has.
pub(super) fn mark_as_asked(parts: &Parts, headers: &mut HeaderMap) {
    let Some(marked) = marked(headers) else {
        return;
    };
    let mut lists = parts.headers.get_all(header::IF_NONE_MATCH).iter();
    let has_it =
        |list: &HeaderValue| memchr::memmem::find(list.as_bytes(), marked.as_bytes()).is_some();
    if lists.any(has_it) {
        headers.insert(header::ETAG, marked);
    }
}

/// The tag that a smaller body gets; `None` where that stays as it is.
fn marked(headers: &HeaderMap) -> Option<HeaderValue> {
    let tag = headers.get(header::ETAG)?.as_bytes();
    let text = tag.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    HeaderValue::from_bytes(&[WEAK, text, MARK].concat()).ok()
}

/// The request with tags of ours turned into those of the target; `None` when it has none.
pub(in crate::dress) fn restored(parts: &Parts) -> Option<Box<Parts>> {
    let mut restored = None;
    for name in [header::IF_NONE_MATCH, header::IF_MATCH] {
        if parts.headers.get_all(&name).iter().any(is_marked) {
            let parts = restored.get_or_insert_with(|| Box::new(parts.clone()));
            restore(&mut parts.headers, &name);
        }
    }
    restored
}

fn restore(headers: &mut HeaderMap, name: &HeaderName) {
    let lists: Vec<_> = headers.get_all(name).iter().map(restored_list).collect();
    headers.remove(name);
    for list in lists {
        headers.append(name, list);
    }
}

fn is_marked(list: &HeaderValue) -> bool {
    memchr::memmem::find(list.as_bytes(), MARK).is_some()
}

fn restored_list(list: &HeaderValue) -> HeaderValue {
    let mut text = Vec::with_capacity(list.len());
    let mut rest = list.as_bytes();
    while let Some(at) = memchr::memmem::find(rest, MARK) {
        let (before, after) = rest.split_at(at);
        rest = &after[MARK.len()..];
        match memchr::memmem::rfind(before, WEAK) {
            // Between the beginning of our tag and its mark there is no other tag.
            Some(start) if !before[start + WEAK.len()..].contains(&b'"') => {
                text.extend_from_slice(&before[..start]);
                text.push(b'"');
                text.extend_from_slice(&before[start + WEAK.len()..]);
                text.push(b'"');
            }
            _ => {
                text.extend_from_slice(before);
                text.extend_from_slice(MARK);
            }
        }
    }
    text.extend_from_slice(rest);
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| list.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked_tag(tag: &'static str) -> HeaderValue {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, HeaderValue::from_static(tag));
        mark(&mut headers);
        headers.remove(header::ETAG).unwrap()
    }

    #[test]
    fn a_strong_tag_becomes_weak_and_comes_back() {
        for tag in ["\"x\"", "\"\"", "\"a-gzip\"", "\"W/\""] {
            let weak = marked_tag(tag);
            assert!(weak.as_bytes().starts_with(WEAK), "{weak:?}");
            assert_eq!(restored_list(&weak), tag);
        }
        assert_eq!(marked_tag("W/\"x\""), "W/\"x\"");
        assert_eq!(marked_tag("x"), "x");
    }

    #[test]
    fn what_has_not_changed_has_the_tag_that_the_visitor_has() {
        for (asked, expected) in [
            ("W/\"x-gzip\"", "W/\"x-gzip\""),
            ("\"old\", W/\"x-gzip\"", "W/\"x-gzip\""),
            ("\"x\", W/\"old-gzip\"", "\"x\""),
            ("\"x\"", "\"x\""),
            ("*", "\"x\""),
        ] {
            let request = http::Request::get("/").header(header::IF_NONE_MATCH, asked);
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let mut headers = HeaderMap::new();
            headers.insert(header::ETAG, HeaderValue::from_static("\"x\""));
            mark_as_asked(&parts, &mut headers);
            assert_eq!(headers[header::ETAG], expected, "{asked}");
        }
    }

    #[test]
    fn the_other_tags_of_a_list_stay() {
        for (list, expected) in [
            ("W/\"a\", W/\"b-gzip\", \"c\"", "W/\"a\", \"b\", \"c\""),
            ("\"a-gzip\"", "\"a-gzip\""),
            ("W/\"a\", \"b-gzip\"", "W/\"a\", \"b-gzip\""),
            ("W/\"a-gzip\",W/\"b-gzip\"", "\"a\",\"b\""),
            ("*", "*"),
        ] {
            let restored = restored_list(&HeaderValue::from_static(list));
            assert_eq!(restored, expected, "{list}");
        }
    }
}
