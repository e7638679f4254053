//! A list for programs.

use std::fmt::Write;

use ondol_base::clock;

use super::entries::Entries;
use super::entries::Kind;

/// The list as one JSON object.
pub(super) fn json(path: &str, entries: &Entries) -> String {
    let mut text = String::with_capacity(64 + entries.items.len() * 96);
    text.push_str("{\"path\":");
    push_text(&mut text, path);
    let _ = write!(text, ",\"truncated\":{},\"entries\":[", entries.is_cut);
    for (place, item) in entries.items.iter().enumerate() {
        text.push_str(if place == 0 {
            "\n{\"name\":"
        } else {
            ",\n{\"name\":"
        });
        push_text(&mut text, &item.name);
        let modified = clock::rfc3339(item.modified);
        let _ = match item.kind {
            Kind::Folder => write!(
                text,
                ",\"type\":\"directory\",\"modified\":\"{modified}\"}}"
            ),
            Kind::File { size } => write!(
                text,
                ",\"type\":\"file\",\"size\":{size},\"modified\":\"{modified}\"}}"
            ),
        };
    }
    text.push_str("\n]}\n");
    text
}

fn push_text(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}
