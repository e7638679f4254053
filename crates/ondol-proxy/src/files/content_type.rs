//! The `Content-Type` of a file, by the end of its name.

use std::path::Path;

use http::HeaderValue;

/// What nothing is known of: a browser saves it and shows nothing.
const UNKNOWN: &str = "application/octet-stream";

/// The type of a file of this name. Text is said to be UTF-8.
pub(super) fn of(name: &str) -> HeaderValue {
    let kind = Path::new(name)
        .extension()
        .and_then(|extension| extension.to_str())
        .and_then(|extension| mime_guess::from_ext(extension).first_raw())
        .unwrap_or(UNKNOWN);
    match kind {
        "text/html" => HeaderValue::from_static("text/html; charset=utf-8"),
        "text/css" => HeaderValue::from_static("text/css; charset=utf-8"),
        "text/plain" => HeaderValue::from_static("text/plain; charset=utf-8"),
        "text/xml" | "application/xml" => {
            HeaderValue::from_static("application/xml; charset=utf-8")
        }
        "text/javascript" | "application/javascript" => {
            HeaderValue::from_static("text/javascript; charset=utf-8")
        }
        "application/json" => HeaderValue::from_static("application/json; charset=utf-8"),
        "image/svg+xml" => HeaderValue::from_static("image/svg+xml; charset=utf-8"),
        text if text.starts_with("text/") => {
            HeaderValue::try_from(format!("{text}; charset=utf-8"))
                .unwrap_or(HeaderValue::from_static(UNKNOWN))
        }
        other => HeaderValue::from_static(other),
    }
}
