//! Just enough of JSON to find one value: package.json, deno.json, deno.jsonc with its comments.
//!
//! A text that is no JSON has no values.

/// Objects and lists in each other; files of packages have a handful.
const DEPTH_MAX: usize = 64;

/// The text at a path of keys.
pub(super) fn text(json: &str, path: &[&str]) -> Option<String> {
    string(find(json, path)?).map(|(text, _)| text)
}

/// What stands from the value at a path of keys on.
pub(super) fn find<'j>(json: &'j str, path: &[&str]) -> Option<&'j str> {
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    path.iter()
        .try_fold(blank(json)?, |rest, key| member(rest, key))
}

fn member<'j>(object: &'j str, wanted: &str) -> Option<&'j str> {
    let mut rest = blank(object.strip_prefix('{')?)?;
    loop {
        let (name, after) = string(rest)?;
        let value = blank(blank(after)?.strip_prefix(':')?)?;
        if name == wanted {
            return Some(value);
        }
        rest = blank(blank(skip(value)?)?.strip_prefix(',')?)?;
    }
}

/// What comes after a value.
fn skip(value: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut rest = value;
    loop {
        rest = match rest.chars().next()? {
            '"' => string(rest)?.1,
            '{' | '[' => {
                depth += 1;
                &rest[1..]
            }
            '}' | ']' => {
                depth = depth.checked_sub(1)?;
                &rest[1..]
            }
            ',' | ':' if depth > 0 => &rest[1..],
            _ => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
                match end? {
                    0 => return None,
                    end => &rest[end..],
                }
            }
        };
        match depth {
            0 => return Some(rest),
            depth if depth > DEPTH_MAX => return None,
            _ => rest = blank(rest)?,
        }
    }
}

/// A string, and what comes after it.
fn string(rest: &str) -> Option<(String, &str)> {
    let mut rest = rest.strip_prefix('"')?;
    let mut text = String::new();
    loop {
        let end = rest.find(['"', '\\'])?;
        text.push_str(&rest[..end]);
        let (found, after) = rest[end..].split_at(1);
        if found == "\"" {
            return Some((text, after));
        }
        let escaped = after.chars().next()?;
        rest = &after[escaped.len_utf8()..];
        match escaped {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' | 'f' => text.push(' '),
            'u' => {
                let code = u32::from_str_radix(rest.get(..4)?, 16).ok()?;
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = rest.get(4..)?;
            }
            plain => text.push(plain),
        }
    }
}

/// What comes after white space and comments. `None` when a comment has no end.
fn blank(mut rest: &str) -> Option<&str> {
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/")?.1;
        } else {
            return Some(rest);
        }
    }
}
