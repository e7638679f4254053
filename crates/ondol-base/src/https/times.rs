//! What an answer says of the time: when it was sent, and when its sender wants to be asked again.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use http::header;
use http::header::HeaderName;

/// Who wants to be left alone for longer than this is asked all the same.
const RETRY_AFTER_MAX: i64 = 7 * 24 * 3600;

/// When an answer was sent by its sender's clock; seconds since the Unix epoch.
pub fn sent_at(headers: &HeaderMap) -> Option<i64> {
    moment(text(headers, &header::DATE)?)
}

/// Before this moment the sender does not want to be asked again (RFC 9110 §10.2.3).
pub fn retry_at(headers: &HeaderMap, now: i64) -> Option<i64> {
    let text = text(headers, &header::RETRY_AFTER)?.trim();
    let at = match text.parse::<u32>() {
        Ok(seconds) => now + i64::from(seconds),
        Err(_) => moment(text)?,
    };
    Some(at.clamp(now, now + RETRY_AFTER_MAX))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The seconds since the Unix epoch of an HTTP date.
fn moment(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn it_is_said_when_to_come_back_in_seconds_or_as_a_date() {
        let now = 1_772_337_906; // 2026-03-01 04:05:06
        let at = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value)]);
            retry_at(&headers, now).map(|at| at - now)
        };
        assert_eq!(at("120"), Some(120));
        assert_eq!(at(" 120 "), Some(120));
        assert_eq!(at("Sun, 01 Mar 2026 04:06:06 GMT"), Some(60));
        assert_eq!(at("Sun, 01 Mar 2020 04:06:06 GMT"), Some(0));
        assert_eq!(at("4000000000"), Some(RETRY_AFTER_MAX));
        assert_eq!(at("soon"), None);
        assert_eq!(at("-1"), None);
        assert_eq!(retry_at(&HeaderMap::new(), now), None);
    }
}
