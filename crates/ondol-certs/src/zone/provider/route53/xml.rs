//! As much of XML as Route 53 speaks: elements without attributes, found by their names.

/// The contents of the elements of this name, in order. Elements inside of one of them are not looked for.
pub(super) fn elements<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(&*open)?;
        let (inside, behind) = behind.split_once(&*close)?;
        rest = behind;
        Some(inside)
    })
}

/// The text of the first element of this name; empty when there is none.
pub(super) fn text(text: &str, name: &str) -> String {
    elements(text, name)
        .next()
        .map(unescaped)
        .unwrap_or_default()
}

/// The text that an element's content means.
pub(super) fn unescaped(text: &str) -> String {
    text.trim()
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&apos;", "'")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// A text as an element's content.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_name() {
        let list = "<Zones><Zone><Id>1</Id></Zone>\n<Zone><Id>2</Id></Zone></Zones>";
        let ids: Vec<_> = elements(list, "Zone")
            .map(|zone| text(zone, "Id"))
            .collect();
        assert_eq!(ids, ["1", "2"]);
        assert_eq!(text(list, "Name"), "");
        assert_eq!(elements("<Id>1", "Id").next(), None);
    }

    #[test]
    fn texts_survive_being_escaped() {
        for text in ["\"a\"", "<&amp;>", "&lt;", "'"] {
            assert_eq!(unescaped(&escaped(text)), text);
        }
    }
}
