//! Requests as they come: the end of the access log, read as it grows.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use ondol_base::tasks;
use serde::Deserialize;
use serde::Deserializer;

/// Often enough to seem at once.
const POLL: Duration = Duration::from_millis(100);
/// What one look at the log may take; the rest comes with the next.
const READ_BYTES_MAX: u64 = 256 * 1024;

/// A line of the access log, as far as the demo shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Request {
    #[serde(deserialize_with = "time")]
    pub(super) time: Timestamp,
    pub(super) method: String,
    pub(super) host: String,
    pub(super) target: String,
    pub(super) version: String,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) duration_us: u64,
    /// `None` on plain HTTP.
    pub(super) tls: Option<String>,
}

/// Where the reader of a log is.
#[derive(Debug)]
pub(super) struct Requests {
    log: PathBuf,
    read: u64,
    rest: Vec<u8>,
}

impl Requests {
    /// All requests of a log from its beginning.
    pub(super) fn of(log: PathBuf) -> Self {
        Self {
            log,
            read: 0,
            rest: Vec::new(),
        }
    }

    /// Waits a moment and returns what came. Not cancel-safe: what was read meanwhile is lost.
    pub(super) async fn next(&mut self) -> anyhow::Result<Vec<Request>> {
        tokio::time::sleep(POLL).await;
        let (log, from) = (self.log.clone(), self.read);
        let new = tasks::spawn_blocking(move || read_from(&log, from)).await?;
        let new = new.context("could not read the access log")?;
        self.read += new.len() as u64;
        self.rest.extend(new);
        Ok(take_lines(&mut self.rest))
    }
}

fn read_from(log: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = match File::open(log) {
        // It is made with the first line.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    file.seek(SeekFrom::Start(from))?;
    let mut new = Vec::new();
    file.take(READ_BYTES_MAX).read_to_end(&mut new)?;
    Ok(new)
}

/// The whole lines of what was read; the last one may still be being written.
fn take_lines(bytes: &mut Vec<u8>) -> Vec<Request> {
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let lines: Vec<u8> = bytes.drain(..whole).collect();
    let lines = lines.split(|byte| *byte == b'\n');
    let mut requests: Vec<Request> = lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    // Each worker of the data plane writes its own lines when it has a moment.
    requests.sort_by_key(|request| request.time);
    requests
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_when_they_are_whole() {
        let line = r#"{"time":"2026-03-01T04:05:06.000Z","client":"127.0.0.1","method":"GET","target":"/a","version":"HTTP/2","host":"a","site":"a","status":200,"bytes":5,"duration_us":1500,"tls":"1.3"}"#;
        let mut bytes = format!("{line}\nbroken\n{line}\n{}", &line[..20]).into_bytes();
        let requests = take_lines(&mut bytes);
        assert_eq!(requests.len(), 2);
        assert_eq!((requests[0].status, &*requests[0].target), (200, "/a"));
        assert_eq!(bytes, line.as_bytes()[..20].to_vec());
        bytes.extend(line.as_bytes()[20..].iter().chain(b"\n"));
        assert_eq!(take_lines(&mut bytes), requests[..1]);
        assert!(bytes.is_empty());
    }
}
