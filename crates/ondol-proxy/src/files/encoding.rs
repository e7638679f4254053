//! How a file is compressed, and which of that a visitor accepts (RFC 9110 §12.5.3).

use http::HeaderMap;
use http::HeaderValue;
use http::header;

/// How a file is compressed beside itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
    Zstd,
}

impl Encoding {
    /// The smallest first, as a rule.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// What a name has after its last dot.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    /// What the compressed file of this name is.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        Self::ALL.into_iter().find(|one| one.ending() == ending)
    }

    /// Its name in HTTP.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// How much a visitor likes each encoding: a quality in thousandths, twice, so that there is room below
/// the least of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    brotli: u16,
    gzip: u16,
    zstd: u16,
    plain: u16,
}

/// What is not asked for, but not refused either.
const UNASKED: u16 = 1;

impl Accepted {
    /// From the `Accept-Encoding` of a request. Without one, only what is not compressed is sent.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut named = [None; 4];
        let mut others = None;
        let lists = headers.get_all(header::ACCEPT_ENCODING).iter();
        let items = lists
            .filter_map(|list| list.to_str().ok())
            .flat_map(|list| list.split(','));
        for item in items {
            let (name, quality) = item_of(item);
            let Some(place) = place_of(name) else {
                others = others.or((name == "*").then_some(quality));
                continue;
            };
            let known = &mut named[place];
            *known = known.or(Some(quality));
        }
        let [brotli, gzip, zstd, plain] = named;
        let of = |named: Option<u16>| named.or(others).unwrap_or(0);
        Self {
            brotli: of(brotli),
            gzip: of(gzip),
            zstd: of(zstd),
            plain: plain.unwrap_or(if others == Some(0) { 0 } else { UNASKED }),
        }
    }

    /// How much a file is liked that is compressed so, or not at all; 0 is refused.
    pub(super) fn quality(self, encoding: Option<Encoding>) -> u16 {
        match encoding {
            None => self.plain,
            Some(Encoding::Brotli) => self.brotli,
            Some(Encoding::Gzip) => self.gzip,
            Some(Encoding::Zstd) => self.zstd,
        }
    }
}

fn place_of(name: &str) -> Option<usize> {
    let names = ["br", "gzip", "zstd", "identity"];
    let name = if name.eq_ignore_ascii_case("x-gzip") {
        "gzip"
    } else {
        name
    };
    names
        .iter()
        .position(|known| name.eq_ignore_ascii_case(known))
}

/// A name with its quality. A quality that is none refuses.
fn item_of(item: &str) -> (&str, u16) {
    let mut parts = item.split(';').map(|part| part.trim_matches([' ', '\t']));
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix(['q', 'Q'])?.strip_prefix('='));
    (
        name,
        quality.map_or(2_000, |text| 2 * thousandths(text).unwrap_or(0)),
    )
}

/// `0`, `0.5`, `1.000` (RFC 9110 §12.4.2).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let fraction = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
