//! Which bodies are worth it: text, and what is written like it.

use http::HeaderValue;

/// Whether a body of this type becomes much smaller. A stream of events is text too, but each of them
/// must leave at once, and what is on its way for hours would hold its encoder as long. Messages of gRPC are
/// compressed by gRPC itself, whatever they are written in.
pub(super) fn is_text(content_type: &HeaderValue) -> bool {
    let Ok(text) = content_type.to_str() else {
        return false;
    };
    let kind = text.split(';').next().unwrap_or_default().trim();
    let Some((top, sub)) = kind.split_once('/') else {
        return false;
    };
    let is = |names: &[&str]| names.iter().any(|name| sub.eq_ignore_ascii_case(name));
    if top.eq_ignore_ascii_case("text") {
        return !is(&["event-stream"]);
    }
    let is_grpc = sub
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("grpc"));
    if is_grpc {
        return false;
    }
    if ends_with(sub, "+json") || ends_with(sub, "+xml") {
        return true;
    }
    if top.eq_ignore_ascii_case("application") {
        return is(&APPLICATIONS);
    }
    let is_picture = top.eq_ignore_ascii_case("image") && is(&PICTURES);
    let is_font = top.eq_ignore_ascii_case("font") && is(&["otf", "sfnt", "ttf"]);
    is_picture || is_font
}

const APPLICATIONS: [&str; 16] = [
    "ecmascript",
    "graphql",
    "javascript",
    "json",
    "ndjson",
    "rtf",
    "sql",
    "toml",
    "vnd.ms-fontobject",
    "wasm",
    "x-javascript",
    "x-ndjson",
    "x-sh",
    "x-yaml",
    "xml",
    "yaml",
];

/// Pictures that are not compressed as such.
const PICTURES: [&str; 4] = ["bmp", "vnd.microsoft.icon", "x-icon", "x-portable-bitmap"];

fn ends_with(text: &str, end: &str) -> bool {
    let start = text.len().checked_sub(end.len());
    let tail = start.and_then(|start| text.get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_small_already() {
        for (kind, expected) in [
            ("text/html", true),
            ("Text/HTML; charset=utf-8", true),
            ("text/event-stream", false),
            ("text/event-stream; charset=utf-8", false),
            ("application/json", true),
            ("application/problem+json", true),
            ("image/svg+xml", true),
            ("application/wasm", true),
            ("image/png", false),
            ("video/mp4", false),
            ("font/woff2", false),
            ("font/ttf", true),
            ("application/grpc", false),
            ("application/grpc-web+proto", false),
            ("application/grpc+json", false),
            ("application/gRPC-web+json; charset=utf-8", false),
            ("application/octet-stream", false),
            ("application/zip", false),
            ("nonsense", false),
            ("", false),
        ] {
            let value = HeaderValue::from_static(kind);
            assert_eq!(is_text(&value), expected, "{kind}");
        }
    }
}
