//! The file with the values of variables that the configuration names, as systemd reads it: `NAME="value"`.

use std::collections::BTreeMap;

/// The variables in a text.
pub(super) fn parse(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        Some((name.trim().to_owned(), unquoted(value.trim())))
    });
    pairs.collect()
}

fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let Some(inner) = inner else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut is_escaped = false;
    for character in inner.chars() {
        if character == '\\' && !is_escaped {
            is_escaped = true;
        } else {
            text.push(character);
            is_escaped = false;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_they_were() {
        let text = "A=\"b c\"\n# D=e\n  F=g\nH=\"with \\\"quotes\\\" and \\\\ and =\"\nnothing\n";
        let expected = [
            ("A", "b c"),
            ("F", "g"),
            ("H", "with \"quotes\" and \\ and ="),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text), BTreeMap::from(expected));
    }
}
