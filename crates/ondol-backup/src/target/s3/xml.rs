//! As much of XML as S3 speaks: elements with texts, whole and well-formed or not at all. Attributes mean nothing.

/// Elements within one another; S3 has 4.
const DEPTH_MAX: usize = 16;

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Without a prefix of its name space.
    pub(super) name: String,
    /// The text in it that is in none of its children.
    pub(super) text: String,
    pub(super) children: Vec<Self>,
}

impl Element {
    /// The children of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of this name.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let child = self.children.iter().find(|child| child.name == name);
        child.map(|child| child.text.trim())
    }
}

/// The element that a document is; `None` when it is none, or is cut off.
pub(super) fn parse(bytes: &[u8]) -> Option<Element> {
    let mut rest = std::str::from_utf8(bytes).ok()?;
    rest = rest.strip_prefix('\u{feff}').unwrap_or(rest);
    // What is open, the outermost first; the document itself is one without a name.
    let mut open = vec![Element::default()];
    while let Some((text, tag)) = rest.split_once('<') {
        unescape(text, &mut open.last_mut()?.text)?;
        rest = if let Some(text) = tag.strip_prefix("![CDATA[") {
            let (text, rest) = text.split_once("]]>")?;
            open.last_mut()?.text.push_str(text);
            rest
        } else if let Some(comment) = tag.strip_prefix("!--") {
            comment.split_once("-->")?.1
        } else if let Some(declaration) = tag.strip_prefix('?') {
            declaration.split_once("?>")?.1
        } else if let Some(name) = tag.strip_prefix('/') {
            let (name, rest) = name.split_once('>')?;
            let closed = open.pop()?;
            if closed.name != local(name.trim_end()) {
                return None;
            }
            open.last_mut()?.children.push(closed);
            rest
        } else {
            let (inside, rest) = tag_end(tag)?;
            let is_empty = inside.ends_with('/');
            let name = inside
                .split(|letter: char| letter.is_whitespace() || letter == '/')
                .next()?;
            if name.is_empty() || name.starts_with('!') || open.len() > DEPTH_MAX {
                return None;
            }
            let element = Element {
                name: local(name).to_owned(),
                ..Element::default()
            };
            if is_empty {
                open.last_mut()?.children.push(element);
            } else {
                open.push(element);
            }
            rest
        };
    }
    let document = open.pop()?;
    let is_whole = open.is_empty() && rest.trim().is_empty() && document.text.trim().is_empty();
    let mut elements = document.children.into_iter();
    match (elements.next(), elements.next()) {
        (Some(element), None) if is_whole => Some(element),
        _ => None,
    }
}

/// What is in a tag, up to the `>` that is in no quotes, and what is behind it.
fn tag_end(tag: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, letter) in tag.char_indices() {
        match (letter, quote) {
            ('>', None) => return Some((&tag[..at], &tag[at + 1..])),
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            _ => {}
        }
    }
    None
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Appends the text that a content means.
fn unescape(content: &str, text: &mut String) -> Option<()> {
    let mut parts = content.split('&');
    text.push_str(parts.next()?);
    for part in parts {
        let (name, rest) = part.split_once(';')?;
        let letter = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        };
        text.push(letter);
        text.push_str(rest);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documents_are_read() {
        let text = "<?xml version=\"1.0\"?>\n<!-- x --><A xmlns='http://a/>'><b:B>1 &lt;&#x41;&#66;</b:B><B/>\n<B a=\"/\">2</B><C><D><![CDATA[<]]></D></C></A>\n";
        let found = parse(text.as_bytes()).unwrap();
        assert_eq!(found.name, "A");
        let texts: Vec<_> = found.all("B").map(|b| &*b.text).collect();
        assert_eq!(texts, ["1 <AB", "", "2"]);
        let inner = found.all("C").next().unwrap();
        assert_eq!(inner.text_of("D"), Some("<"));
        assert_eq!(found.text_of("E"), None);
    }

    #[test]
    fn what_is_no_whole_document_is_nothing() {
        for text in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a></a><b></b>",
            "<a></a>x",
            "<a>&x;</a>",
            "<a>&#xD800;</a>",
            "<a b=\"></a>",
            "<!DOCTYPE html><html></html>",
            "</a>",
            "<>",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"<a>\xff</a>"), None);
        let deep = "<a>".repeat(20) + &"</a>".repeat(20);
        assert_eq!(parse(deep.as_bytes()), None);
    }

    proptest! {
        #[test]
        fn a_document_that_is_cut_off_is_nothing(cut in 0_usize..62) {
            let text = "<List a='1'><Key>x &amp; y</Key><More>false</More><Empty/></List>";
            prop_assert!(parse(text.as_bytes()).is_some());
            prop_assert_eq!(parse(&text.as_bytes()[..cut]), None);
        }

        #[test]
        fn nothing_that_is_sent_is_too_much(text in "[<>/&;a \"'!?\\-\\[\\]#x]{0,60}") {
            let _ = parse(text.as_bytes());
        }
    }
}
