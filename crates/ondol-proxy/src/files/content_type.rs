//! The `Content-Type` of a file, by the end of its name.

use std::path::Path;

use http::HeaderValue;
use ondol_model::plan::Files;

/// What nothing is known of: a browser saves it and shows nothing.
const UNKNOWN: &str = "application/octet-stream";

/// Types that are newer than the table of others, or that it has otherwise than browsers want them.
const OWN: &[(&str, &str)] = &[
    ("atom", "application/atom+xml"),
    ("avif", "image/avif"),
    ("avifs", "image/avif"),
    ("cjs", "text/javascript"),
    ("flac", "audio/flac"),
    ("geojson", "application/geo+json"),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("hwp", "application/x-hwp"),
    ("hwpx", "application/hwp+zip"),
    ("ico", "image/x-icon"),
    ("js", "text/javascript"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4s", "video/iso.segment"),
    ("map", "application/json"),
    ("mjs", "text/javascript"),
    ("mkv", "video/matroska"),
    ("mpd", "application/dash+xml"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("parquet", "application/vnd.apache.parquet"),
    ("pmtiles", "application/vnd.pmtiles"),
    ("rss", "application/rss+xml"),
    ("toml", "application/toml"),
    ("topojson", "application/json"),
    ("ts", "video/mp2t"),
    ("ttf", "font/ttf"),
    ("vtt", "text/vtt"),
    ("wasm", "application/wasm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zst", "application/zstd"),
    ("br", "application/x-brotli"),
];

/// The type of a file of this name. Text says which character set it is in.
pub(super) fn of(name: &str, files: &Files) -> HeaderValue {
    let ending = Path::new(name).extension();
    let ending = ending
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    let ending = ending.to_lowercase();
    let owners = files.types.iter().find(|(known, _)| *known == ending);
    if let Some((_, owners)) = owners {
        return value(owners); // As it was written.
    }
    let own = OWN.iter().find(|(known, _)| *known == ending);
    let kind = own
        .map(|(_, kind)| *kind)
        .or_else(|| mime_guess::from_ext(&ending).first_raw())
        .unwrap_or(UNKNOWN);
    let kind = if kind == "text/xml" {
        "application/xml"
    } else {
        kind
    };
    match &files.charset {
        Some(charset) if is_text(kind) => value(&format!("{kind}; charset={charset}")),
        Some(_) | None => value(kind),
    }
}

/// Whether browsers read it as text.
fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || kind.ends_with("+xml")
        || matches!(
            kind,
            "application/xml" | "application/json" | "application/javascript"
        )
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(UNKNOWN))
}

#[cfg(test)]
mod tests;
