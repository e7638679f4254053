//! Which format a scraper wants, by its `Accept`.

use super::Format;

/// Media types, with the format that each stands for. The first is told to those who want either.
const TYPES: [(&str, Format); 5] = [
    ("application/openmetrics-text", Format::OpenMetrics),
    ("text/plain", Format::Text),
    ("text/*", Format::Text),
    ("application/*", Format::OpenMetrics),
    ("*/*", Format::Text),
];

/// The format that is wanted most; the older one for those who want neither, or do not say.
pub(super) fn wanted(accept: &str) -> Format {
    let mut best = (0, Format::Text);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let Some((_, format)) = TYPES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(media))
        else {
            continue;
        };
        let quality = parts.find_map(quality_of).unwrap_or(1_000);
        if quality > best.0 {
            best = (quality, *format);
        }
    }
    best.1
}

/// `q=0.6` in thousandths (RFC 9110 §12.4.2); `None` for another parameter.
fn quality_of(parameter: &str) -> Option<u32> {
    let value = parameter
        .strip_prefix("q=")
        .or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    let (whole, part) = (whole.parse::<u32>().ok()?, part.parse::<u32>().ok()?);
    Some((whole.min(1) * 1_000 + part).min(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_most_is_told() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                          application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            (prometheus, Format::OpenMetrics),
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", Format::Text),
            ("*/*", Format::Text),
            ("", Format::Text),
            ("image/png", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            (
                "text/plain, application/openmetrics-text; version=1.0.0",
                Format::Text,
            ),
            (
                "text/plain;q=0.5, Application/OpenMetrics-Text;q=0.51",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text;q=0", Format::Text),
            (
                "application/openmetrics-text;q=banana;;,=",
                Format::OpenMetrics,
            ),
        ] {
            assert_eq!(wanted(accept), expected, "{accept}");
        }
    }
}
