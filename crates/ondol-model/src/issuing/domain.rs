//! The domain that someone registered, by which issuers count.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::host::HostPattern;
use crate::host::Hostname;

/// Labels below a country's domain under which others register, as in `co.uk` and `or.kr`.
const SECOND_LEVEL: [&str; 18] = [
    "ac", "co", "com", "ed", "edu", "gob", "gov", "go", "gr", "ltd", "me", "ne", "net", "nom",
    "or", "org", "pe", "re",
];

/// The last two labels of a name, or three where the second is one of those under which others register in
/// many countries; for an address itself, of version 6 its /64.
///
/// The list that browsers use has ten thousand lines and changes weekly. This rule errs to the careful
/// side: what it counts together, as all of `duckdns.org`, are certificates of this box alone.
pub(super) fn registered_domain(name: &HostPattern) -> Cow<'_, str> {
    let host = name.domain();
    match host.ip() {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64").into()
        }
        Some(IpAddr::V4(_)) => host.as_str().into(),
        None => of_labels(host).into(),
    }
}

fn of_labels(host: &Hostname) -> &str {
    let text = host.as_str();
    let mut dots = text.rmatch_indices('.').map(|(index, _)| index);
    let (Some(last), second) = (dots.next(), dots.next()) else {
        return text;
    };
    let Some(second) = second else { return text };
    let is_country = text.len() - last == 3;
    if is_country && SECOND_LEVEL.contains(&&text[second + 1..last]) {
        return dots.next().map_or(text, |third| &text[third + 1..]);
    }
    &text[second + 1..]
}
