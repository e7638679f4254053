//! The names of rotated logs: `access.log.20261121T052816Z`, by the time of the rotation in UTC, then
//! perhaps `.gz` or `.zst`. They sort by age, never change, and a pattern like `access.log.*.gz` finds them.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::clock;

/// Digits and letters of a time in a name.
const STAMP_BYTES: usize = "20261121T052816Z".len();
/// The end of the name of a file that is still being compressed.
pub const UNFINISHED: &str = ".new";

/// A file that a log was moved to.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rotated {
    /// When, in seconds since the Unix epoch.
    pub at: i64,
    /// Where it is.
    pub path: PathBuf,
    /// What has become of it.
    pub state: State,
}

/// What has become of it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing.
    Plain,
    /// It was compressed.
    Compressed,
    /// The power went, or the program, while it was compressed.
    Unfinished,
}

/// All that a log was moved to, the oldest first.
pub fn list(log: &Path) -> io::Result<Vec<Rotated>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder(log)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        found.extend(parse(log, &name));
    }
    found.sort();
    Ok(found)
}

/// Where a log is moved to now: later than all others, whatever the clock says.
pub fn next(log: &Path) -> io::Result<PathBuf> {
    let newest = list(log)?.last().map_or(0, |newest| newest.at + 1);
    let time = clock::rfc3339(clock::unix_seconds().max(newest));
    let stamp: String = time.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    Ok(with_end(log, &format!(".{stamp}")))
}

/// The path with more at its end.
pub fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(end);
    longer.into()
}

/// The folder that a log is in.
pub fn folder(log: &Path) -> &Path {
    match log.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

fn parse(log: &Path, name: &OsStr) -> Option<Rotated> {
    let rest = name.to_str()?.strip_prefix(log.file_name()?.to_str()?)?;
    let (stamp, end) = rest.strip_prefix('.')?.split_at_checked(STAMP_BYTES)?;
    let state = match end {
        "" => State::Plain,
        ".gz" | ".zst" => State::Compressed,
        ".gz.new" | ".zst.new" => State::Unfinished,
        _ => return None,
    };
    Some(Rotated {
        at: seconds(stamp)?,
        path: log.with_file_name(name),
        state,
    })
}

fn seconds(stamp: &str) -> Option<i64> {
    let is_fine = |(place, byte): (usize, u8)| match place {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    if !stamp.bytes().enumerate().all(is_fine) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| stamp.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute, second) = (part(9..11)?, part(11..13)?, part(13..15)?);
    clock::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_log_was_moved_to_is_listed_the_oldest_first() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        for name in [
            "a.log",
            "a.log.20261121T052816Z.gz",
            "a.log.20251121T052816Z",
            "a.log.20261121T052817Z.zst",
            "a.log.20261121T052818Z.gz.new",
            "a.log.20261121T052818Z.bz2",
            "a.log.20261321T052818Z",
            "a.log.2026-11-21",
            "a.log.1",
            "aa.log.20261121T052818Z",
            "a.log.log.20261121T052818Z",
        ] {
            fs::File::create_new(folder.path().join(name)).unwrap();
        }
        let listed = list(&log).unwrap();
        let listed: Vec<_> = listed
            .iter()
            .map(|one| (one.path.extension().unwrap().to_str().unwrap(), one.state))
            .collect();
        let expected = [
            ("20251121T052816Z", State::Plain),
            ("gz", State::Compressed),
            ("zst", State::Compressed),
            ("new", State::Unfinished),
        ];
        assert_eq!(listed, expected);
    }

    #[test]
    fn the_next_name_is_later_than_all_others_even_when_the_clock_was_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        let first = next(&log).unwrap();
        let year = first.extension().unwrap().to_str().unwrap().get(..4);
        assert!(year >= Some("2024"), "{first:?}");
        fs::File::create_new(folder.path().join("a.log.20991231T235959Z.gz")).unwrap();
        assert_eq!(
            next(&log).unwrap(),
            folder.path().join("a.log.21000101T000000Z")
        );
    }
}
