//! The time of a line, in UTC, worked out once a second.

use std::io::Write;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use httpdate::HttpDate;

use super::decimal;

/// The last second that HTTP can write, in the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// The last second that was written, as text.
#[derive(Debug)]
pub(super) struct Stamp {
    second: u64,
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, from which the other forms are cut.
    date: [u8; 29],
}

impl Stamp {
    pub(super) fn new() -> Self {
        Self {
            second: 0,
            date: *b"Thu, 01 Jan 1970 00:00:00 GMT",
        }
    }

    /// `06/Nov/1994:08:49:37 +0000`, as Apache has it.
    pub(super) fn push_apache(&mut self, line: &mut Vec<u8>, time: SystemTime) {
        self.turn_to(since_epoch(time));
        let date = &self.date;
        for part in [&date[5..7], b"/", &date[8..11], b"/", &date[12..16], b":"] {
            line.extend_from_slice(part);
        }
        line.extend_from_slice(&date[17..25]);
        line.extend_from_slice(b" +0000");
    }

    /// `1994-11-06T08:49:37.123Z` (RFC 3339).
    pub(super) fn push_rfc3339(&mut self, line: &mut Vec<u8>, time: SystemTime) {
        let since_epoch = since_epoch(time);
        self.turn_to(since_epoch);
        let date = &self.date;
        let month = MONTHS.iter().position(|name| **name == date[8..11]);
        line.extend_from_slice(&date[12..16]);
        line.push(b'-');
        decimal::push_padded(line, month.map_or(0, |month| month as u64 + 1), 2);
        line.push(b'-');
        line.extend_from_slice(&date[5..7]);
        line.push(b'T');
        line.extend_from_slice(&date[17..25]);
        line.push(b'.');
        decimal::push_padded(line, u64::from(since_epoch.subsec_millis()), 3);
        line.push(b'Z');
    }

    fn turn_to(&mut self, since_epoch: Duration) {
        let second = since_epoch.as_secs().min(LAST_SECOND);
        if second == self.second {
            return;
        }
        let date = HttpDate::from(UNIX_EPOCH + Duration::from_secs(second));
        // 29 bytes is what each date of four-digit years takes.
        let written = write!(self.date.as_mut_slice(), "{date}");
        debug_assert!(written.is_ok(), "a date has 29 bytes");
        self.second = second;
    }
}

/// A clock that stands before 1970 is taken to stand at its beginning.
fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(time: SystemTime) -> (String, String) {
        let (mut stamp, mut apache, mut rfc3339) = (Stamp::new(), Vec::new(), Vec::new());
        stamp.push_apache(&mut apache, time);
        stamp.push_rfc3339(&mut rfc3339, time);
        (
            String::from_utf8(apache).unwrap(),
            String::from_utf8(rfc3339).unwrap(),
        )
    }

    #[test]
    fn a_time_is_written_in_utc() {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_237_696_042);
        let (apache, rfc3339) = both(time);
        assert_eq!(apache, "21/Nov/2026:05:08:16 +0000");
        assert_eq!(rfc3339, "2026-11-21T05:08:16.042Z");
    }

    #[test]
    fn no_clock_is_too_wrong_to_be_written() {
        let early = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(both(early).1, "1970-01-01T00:00:00.000Z");
        let late = UNIX_EPOCH + Duration::from_secs(LAST_SECOND + 86_400);
        assert_eq!(both(late).0, "31/Dec/9999:23:59:59 +0000");
    }

    proptest! {
        #[test]
        fn both_forms_name_the_same_second_whatever_was_written_before(
            before in 0_u64..=LAST_SECOND,
            second in 0_u64..=LAST_SECOND,
        ) {
            let (mut stamp, mut line) = (Stamp::new(), Vec::new());
            stamp.push_apache(&mut line, UNIX_EPOCH + Duration::from_secs(before));
            line.clear();
            stamp.push_rfc3339(&mut line, UNIX_EPOCH + Duration::from_secs(second));
            let text = String::from_utf8(line).unwrap().replace(".000Z", "Z");
            prop_assert_eq!(text, ondol_base::clock::rfc3339(second as i64));
        }
    }
}
