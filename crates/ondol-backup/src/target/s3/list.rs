//! Pages of listings (`ListObjectsV2`): what is on one, and where the next begins.

use super::xml;
use crate::target::Folder;
use crate::target::Object;
use crate::target::is_id;

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Names of objects and their sizes.
    pub(super) keys: Vec<(String, u64)>,
    /// Where the next page begins; `None` on the last one.
    pub(super) next: Option<String>,
}

/// What a page says; `None` when it is no listing, or contradicts itself.
pub(super) fn page(bytes: &[u8]) -> Option<Page> {
    let list = xml::parse(bytes)?;
    if list.name != "ListBucketResult" {
        return None;
    }
    let keys = list.all("Contents").map(|object| {
        let key = object.all("Key").next()?.text.clone();
        let size = object.text_of("Size")?.parse().ok()?;
        Some((key, size))
    });
    let keys: Vec<(String, u64)> = keys.collect::<Option<_>>()?;
    let count = list.text_of("KeyCount");
    if count.is_some_and(|count| count.parse() != Ok(keys.len())) {
        return None;
    }
    let next = match list.text_of("IsTruncated")? {
        "false" => None,
        "true" => {
            let next = list.text_of("NextContinuationToken");
            Some(next.filter(|next| !next.is_empty())?.to_owned())
        }
        _ => return None,
    };
    Some(Page { keys, next })
}

/// The id of an object of a folder by its name in the bucket; `None` for what is no object there.
pub(super) fn id(key: &str, prefix: &str, folder: Folder) -> Option<String> {
    let path = key.strip_prefix(prefix)?;
    let id = path.rsplit('/').next()?;
    let is_there = is_id(id) && Object::In(folder, id.to_owned()).path() == path;
    is_there.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_taken_whole_or_not_at_all() {
        let check = |inside: &str, expected: Option<(usize, Option<&str>)>| {
            let text = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>{inside}</ListBucketResult>"
            );
            let found = page(text.as_bytes());
            let found = found.map(|page| (page.keys.len(), page.next));
            let expected = expected.map(|(count, next)| (count, next.map(str::to_owned)));
            assert_eq!(found, expected, "{inside}");
        };
        let end = "<IsTruncated>false</IsTruncated>";
        let one = "<Contents><Key>a</Key><Size>3</Size></Contents>";
        check(end, Some((0, None)));
        check(
            &format!("<KeyCount>1</KeyCount>{end}{one}"),
            Some((1, None)),
        );
        let more = "<IsTruncated>true</IsTruncated>";
        let token = "<NextContinuationToken>1/x=</NextContinuationToken>";
        check(&format!("{more}{token}{one}{one}"), Some((2, Some("1/x="))));
        // There is more, but not where; or it is not said whether there is more; or there are fewer than it says.
        check(more, None);
        check(&format!("{more}<NextContinuationToken/>"), None);
        check(one, None);
        check(&format!("<KeyCount>2</KeyCount>{end}{one}"), None);
        check(&format!("{end}<Contents><Key>a</Key></Contents>"), None);
        check(
            &format!("{end}<Contents><Key>a</Key><Size>-1</Size></Contents>"),
            None,
        );
        assert_eq!(page(b""), None);
        assert_eq!(page(b"<html></html>"), None);
        assert_eq!(page(b"<Error><Code>SlowDown</Code></Error>"), None);
    }

    #[test]
    fn only_objects_in_their_places_are_found() {
        let name = "ab".repeat(32);
        let found = |key: &str, folder| id(key, "p/", folder);
        assert_eq!(
            found(&format!("p/keys/{name}"), Folder::Keys),
            Some(name.clone())
        );
        assert_eq!(
            found(&format!("p/data/ab/{name}"), Folder::Data),
            Some(name.clone())
        );
        assert_eq!(found(&format!("p/data/{name}"), Folder::Data), None);
        assert_eq!(found(&format!("p/data/cd/{name}"), Folder::Data), None);
        assert_eq!(found(&format!("q/keys/{name}"), Folder::Keys), None);
        assert_eq!(found("p/keys/x", Folder::Keys), None);
        assert_eq!(found("p/keys/", Folder::Keys), None);
    }
}
