//! What registries say of a domain (RDAP, RFC 9083), and which of them to ask (RFC 9224). Pure.

use ondol_base::clock;
use serde::Deserialize;

#[derive(Deserialize)]
struct Bootstrap {
    /// Groups of top-level domains, and the URLs of their registries.
    services: Vec<(Vec<String>, Vec<String>)>,
}

#[derive(Deserialize)]
struct Domain {
    #[serde(default, rename = "ldhName")]
    name: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "eventAction")]
    action: String,
    #[serde(rename = "eventDate")]
    date: String,
}

/// The URL of the registry of a top-level domain, by IANA's list; `None` when it has none, or that is no such list.
pub(super) fn registry(list: &[u8], top: &str) -> Option<String> {
    let list: Bootstrap = serde_json::from_slice(list).ok()?;
    let mut services = list.services.into_iter();
    let (_, urls) = services.find(|(tops, _)| tops.iter().any(|one| one == top))?;
    let mut urls = urls.into_iter();
    let mut url = urls.find(|url| url.starts_with("https://"))?;
    if !url.ends_with('/') {
        url.push('/');
    }
    Some(url)
}

/// When the registration of this domain ends, by its registry's answer; `None` where it does not say.
pub(super) fn expires_at(answer: &[u8], domain: &str) -> Option<i64> {
    let found: Domain = serde_json::from_slice(answer).ok()?;
    let name = found.name.trim_end_matches('.');
    if !name.is_empty() && !name.eq_ignore_ascii_case(domain) {
        return None;
    }
    let mut events = found.events.iter();
    let event = events.find(|event| event.action == "expiration")?;
    clock::parse_rfc3339(&event.date)
}

/// The names that may be the registered one, the shortest first: `example.co.kr` is below `co.kr`, which is not one.
pub(super) fn candidates(name: &str) -> Vec<&str> {
    let dots = name.rmatch_indices('.').skip(1);
    let starts = dots.map(|(dot, _)| dot + 1).chain([0]);
    let candidates = starts.map(|start| &name[start..]);
    candidates.filter(|name| name.contains('.')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_found_by_the_top_level() {
        let list = br#"{"version":"1.0","services":[
            [["kr2"],["http://a.test/"]],
            [["com","net"],["https://rdap.example/com/v1"]]]}"#;
        let url = "https://rdap.example/com/v1/".to_owned();
        assert_eq!(registry(list, "net"), Some(url));
        for (list, top) in [(&list[..], "kr"), (&list[..], "kr2"), (b"<html>", "com")] {
            assert_eq!(registry(list, top), None, "{top}");
        }
    }

    #[test]
    fn the_end_is_read_of_the_domain_that_was_asked_for() {
        let answer = br#"{"objectClassName":"domain","ldhName":"EXAMPLE.COM","events":[
            {"eventAction":"registration","eventDate":"1995-08-14T04:00:00Z"},
            {"eventAction":"expiration","eventDate":"2027-08-13T04:00:00Z"}]}"#;
        assert_eq!(expires_at(answer, "example.com"), Some(1_818_129_600));
        assert_eq!(expires_at(answer, "com"), None);
        assert_eq!(expires_at(br#"{"ldhName":"a.test"}"#, "a.test"), None);
        assert_eq!(expires_at(b"<html>", "a.test"), None);
    }

    #[test]
    fn names_are_tried_from_the_top() {
        let tried = candidates("shop.example.co.kr");
        assert_eq!(tried, ["co.kr", "example.co.kr", "shop.example.co.kr"]);
        assert_eq!(candidates("example.com"), ["example.com"]);
        assert!(candidates("com").is_empty());
    }
}
