//! Files of variables (`.env`): `NAME=value` a line. It knows the text, not where it stands.

/// A line that can't be read, and why. It repeats nothing of the line, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Why.
    pub(crate) reason: &'static str,
}

/// The variables of a file in its order. Empty lines and those that begin with `#` are none; `export ` may stand
/// before a name. A value is taken as it stands, without white space around it and without a comment behind it (` #`);
/// between `'` nothing has a meaning, and between `"` a backslash stands before `n`, `r`, `t`, `"`, `\` and `$`. A
/// value between quotes may have several lines.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, BadLine> {
    let mut variables = Vec::new();
    let mut rest = text;
    let mut number = 1;
    while !rest.is_empty() {
        let bad = |reason| BadLine {
            line: number,
            reason,
        };
        let (variable, after) = line(rest).map_err(bad)?;
        let taken = &rest[..rest.len() - after.len()];
        number += taken.matches('\n').count();
        variables.extend(variable);
        rest = after;
    }
    Ok(variables)
}

type Variable = (String, String);

/// The variable of the first line, if it has one, and what is behind it.
fn line(text: &str) -> Result<(Option<Variable>, &str), &'static str> {
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    let trimmed = line.trim();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return Ok((None, after));
    }
    let Some((name, value)) = text
        .split_once('=')
        .filter(|(name, _)| !name.contains('\n'))
    else {
        return Err("there is no `=` in it: a variable is written NAME=value");
    };
    let name = name.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    if !is_name(name) {
        return Err("its name is none: letters, digits and `_`, and no digit first");
    }
    let (value, after) = value_of(value)?;
    if value.contains('\0') {
        return Err("a zero byte is in it");
    }
    Ok((Some((name.to_owned(), value)), after))
}

/// Whether a variable may have this name.
pub(crate) fn is_name(name: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(is_known)
}

fn value_of(text: &str) -> Result<(String, &str), &'static str> {
    let blank = |c| c == ' ' || c == '\t';
    let begin = text.trim_start_matches(blank);
    if let Some(inner) = begin.strip_prefix('\'') {
        let (value, rest) = inner.split_once('\'').ok_or(UNCLOSED)?;
        return Ok((value.to_owned(), after_quotes(rest)?));
    }
    if let Some(inner) = begin.strip_prefix('"') {
        let (value, rest) = unescaped(inner)?;
        return Ok((value, after_quotes(rest)?));
    }
    let (line, after) = begin.split_once('\n').unwrap_or((begin, ""));
    let value = line.find(" #").map_or(line, |comment| &line[..comment]);
    Ok((value.trim().to_owned(), after))
}

const UNCLOSED: &str = "a quote is not closed";

fn after_quotes(rest: &str) -> Result<&str, &'static str> {
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(after);
    }
    Err("something stands behind the closing quote")
}

fn unescaped(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next().ok_or(UNCLOSED)?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                same @ ('"' | '\\' | '$') => value.push(same),
                other => value.extend(['\\', other]),
            },
            char => value.push(char),
        }
    }
    Err(UNCLOSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let parsed = parse(text).unwrap();
        let parsed: Vec<_> = parsed.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(parsed, expected, "{text:?}");
    }

    #[test]
    fn values_are_read_as_others_read_them() {
        check("", &[]);
        check("\n# A=1\n  \nA=1", &[("A", "1")]);
        check(
            "A=\nexport B=two words\r\n",
            &[("A", ""), ("B", "two words")],
        );
        check("A = b # no\nC=d#yes", &[("A", "b"), ("C", "d#yes")]);
        check(
            "A='x # \"\\n' # comment\nB=2",
            &[("A", "x # \"\\n"), ("B", "2")],
        );
        check(r#"A="1\n\"2\" \$x \d\\""#, &[("A", "1\n\"2\" $x \\d\\")]);
        check(
            "KEY=\"-----BEGIN\nabc=\n-----END\"\nA=1",
            &[("KEY", "-----BEGIN\nabc=\n-----END"), ("A", "1")],
        );
        check(
            "URL=postgres://a:b@c/d?x=1&y=2",
            &[("URL", "postgres://a:b@c/d?x=1&y=2")],
        );
        check("A=1\nA=2", &[("A", "1"), ("A", "2")]);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_and_not_repeated() {
        for (text, line) in [
            ("A=1\nsecret", 2),
            ("A='1\n2'\n9=x", 3),
            ("A='1\n2", 1),
            ("\n\nA=\"1\" 2", 3),
            ("=1", 1),
            ("secret\nA=1", 1),
            ("A B=1", 1),
            ("A=\"\\", 1),
        ] {
            let bad = parse(text).unwrap_err();
            assert_eq!(bad.line, line, "{text:?}");
            assert!(!bad.reason.contains("secret"));
        }
    }
}
