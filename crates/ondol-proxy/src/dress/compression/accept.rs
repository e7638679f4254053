//! Which coding a visitor likes best (RFC 9110 §12.5.3).

use http::HeaderMap;
use http::HeaderValue;
use http::header;
use ondol_model::plan::Encoding;

/// Thousandths: RFC 9110 §12.4.2.
type Quality = u16;

const BEST: Quality = 1000;

/// The coding that the visitor likes best, of those the first of ours; `None` for the body as it is.
pub(super) fn choose(headers: &HeaderMap, ours: &[Encoding]) -> Option<Encoding> {
    let lists = || headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut chosen = None;
    // What is not named is taken as it is, unless something is liked less than that.
    let mut best = quality_of(lists(), &["identity"]).unwrap_or(0);
    for encoding in ours {
        let names: &[&str] = match encoding {
            Encoding::Gzip => &["gzip", "x-gzip"],
            Encoding::Brotli | Encoding::Zstd => &[encoding.word()],
        };
        let quality = quality_of(lists(), names)
            .or_else(|| quality_of(lists(), &["*"]))
            .unwrap_or(0);
        let is_better = quality > best || (chosen.is_none() && quality == best && quality > 0);
        if is_better {
            best = quality;
            chosen = Some(*encoding);
        }
    }
    chosen
}

fn quality_of<'h>(lists: impl Iterator<Item = &'h HeaderValue>, names: &[&str]) -> Option<Quality> {
    let entries = lists.filter_map(|list| list.to_str().ok());
    let mut entries = entries.flat_map(|list| list.split(','));
    entries.find_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next()?;
        let is_named = names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
        is_named.then(|| parts.find_map(quality).unwrap_or(BEST))
    })
}

/// Of a parameter that is none of quality, `None`; of one that is broken, zero.
fn quality(parameter: &str) -> Option<Quality> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value = value.trim().parse::<f32>().ok();
    let value = value.filter(|value| (0.0..=1.0).contains(value));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and 1000"
    )]
    Some(value.map_or(0, |value| (value * f32::from(BEST)).round() as Quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accepts: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for list in accepts.split('|') {
            let list = HeaderValue::from_str(list).unwrap();
            headers.append(header::ACCEPT_ENCODING, list);
        }
        choose(&headers, &Encoding::ALL).map(Encoding::word)
    }

    #[test]
    fn the_visitors_order_comes_first_and_then_ours() {
        for (accepts, expected) in [
            ("gzip, deflate, br, zstd", Some("zstd")),
            ("gzip, deflate, br", Some("br")),
            ("gzip;q=1.0, br;q=0.9, zstd;q=0.8", Some("gzip")),
            ("br;q=0.5, gzip;q=0.5", Some("br")),
            ("GZIP", Some("gzip")),
            ("x-gzip", Some("gzip")),
            ("deflate", None),
            ("", None),
            ("identity", None),
            ("gzip;q=0", None),
            ("gzip;q=0.000, *", Some("zstd")),
            ("*", Some("zstd")),
            ("*;q=0", None),
            ("zstd;q=0, *;q=0.1", Some("br")),
            ("identity;q=1, gzip;q=0.5", None),
            ("identity;q=0.5, gzip;q=0.5", Some("gzip")),
            ("gzip;q=2", None),
            ("gzip;q=", None),
            ("gzip ; q=0.3 , br ; q=0.2", Some("gzip")),
            ("gzip;level=9", Some("gzip")),
            ("deflate|gzip", Some("gzip")),
        ] {
            assert_eq!(chosen(accepts), expected, "{accepts}");
        }
    }

    #[test]
    fn who_says_nothing_gets_the_body_as_it_is() {
        assert_eq!(choose(&HeaderMap::new(), &Encoding::ALL), None);
    }
}
