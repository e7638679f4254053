//! Reads logs for those who ask: from their files alone, so that it does not matter whether an app runs.

use std::fmt;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use ondol_base::clock;
use ondol_base::file::rotated;
use ondol_base::file::rotated::Rotated;
use ondol_base::file::rotated::State;
use ondol_base::tasks;
use ondol_model::app::AppName;

use super::LogLine;
use super::file::FILE_BYTES_MAX;
use super::folder;
use super::folder::Folder;

/// Lines of one answer; who wants more asks again.
const LINES_MAX: usize = 5_000;
/// And their bytes.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// A file is hardly larger than it should be: one write beyond its limit.
const READ_BYTES_MAX: u64 = 2 * FILE_BYTES_MAX;
/// How often it is begun again because files were moved meanwhile.
const LOOKS_MAX: u32 = 8;

/// The logs of all apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// The folder of all logs of the box.
    folder: PathBuf,
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuestion {
    /// Only those of this process (`web`), or of one of its instances (`web.1`).
    pub process: Option<String>,
    /// Only those from this moment on, in milliseconds since the Unix epoch.
    pub since_ms: Option<i64>,
    /// Only so many, the newest.
    pub newest: Option<usize>,
    /// Only those after this place, where an answer before ended. `newest` does not count then.
    pub after: Option<LogPlace>,
}

/// Lines, the newest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAnswer {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Where they end.
    pub next: LogPlace,
    /// Whether there is more after them now.
    pub has_more: bool,
}

/// A place between two lines of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogPlace {
    /// The stamp of the newest rotated file when the place's file was written to; 0 for none.
    after: i64,
    /// The bytes of the file before the place.
    offset: u64,
}

impl LogPlace {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (after, offset) = text.split_once('-')?;
        Some(Self {
            after: after.parse().ok()?,
            offset: offset.parse().ok()?,
        })
    }
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.after, self.offset)
    }
}

impl Logs {
    /// Those in the box's folder of logs.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The file of an app's log.
    pub fn path(&self, app: &AppName) -> PathBuf {
        self.folder.join("apps").join(format!("{app}.log"))
    }

    /// Whether an app has ever written something that is kept; one that is gone may have.
    pub async fn has(&self, app: &AppName) -> bool {
        let path = self.path(app);
        let found = tasks::spawn_blocking(move || path.is_file()).await;
        found.unwrap_or(false)
    }

    /// Answers a question about an app's log. One that was never written to is empty.
    pub async fn read(&self, app: &AppName, question: LogQuestion) -> io::Result<LogAnswer> {
        let log = self.path(app);
        let answer = tasks::spawn_blocking(move || read(&log, &question)).await;
        answer.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

/// One file of a log.
struct Part {
    /// Its stamp; `None` while it is written to.
    stamp: Option<i64>,
    text: Vec<u8>,
}

/// The files of a log as they were at one moment.
struct Files {
    /// Kept open, since paths lead through it.
    _folder: Folder,
    /// The oldest first.
    rotated: Vec<Rotated>,
    current: Option<File>,
}

fn read(log: &Path, question: &LogQuestion) -> io::Result<LogAnswer> {
    let mut last = None;
    for _ in 0..LOOKS_MAX {
        let files = match Files::open(log) {
            Ok(Some(files)) => files,
            // Moved while it was looked at.
            Ok(None) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(nothing()),
            Err(error) => return Err(error),
        };
        let answer = match (question.after, question.newest) {
            (None, Some(newest)) => files.newest(newest, question),
            (Some(place), _) => files.after(place, question),
            (None, None) => {
                let place = files.place_of(question.since_ms);
                files.after(place, question)
            }
        };
        match answer {
            // Compressed, or removed, while it was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => last = Some(error),
            answer => return answer,
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::ResourceBusy.into()))
}

fn nothing() -> LogAnswer {
    LogAnswer {
        lines: Vec::new(),
        next: LogPlace::default(),
        has_more: false,
    }
}

impl Files {
    /// `None` when a file was moved just now.
    fn open(log: &Path) -> io::Result<Option<Self>> {
        let folder = Folder::open(log)?;
        let log = folder.path_of(log);
        let rotated = list(&log)?;
        let current = match folder::options().read(true).open(&log) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let is_same = stamp(&list(&log)?) == stamp(&rotated);
        Ok(is_same.then_some(Self {
            _folder: folder,
            rotated,
            current,
        }))
    }

    /// The place before the first line that may be so new.
    fn place_of(&self, since_ms: Option<i64>) -> LogPlace {
        let since = since_ms.map_or(0, |since| since.div_euclid(1_000));
        let older = self.rotated.iter().take_while(|one| one.at < since);
        LogPlace {
            after: older.last().map_or(0, |one| one.at),
            offset: 0,
        }
    }

    /// The lines after a place, as many as an answer has.
    fn after(mut self, place: LogPlace, question: &LogQuestion) -> io::Result<LogAnswer> {
        let mut answer = LogAnswer {
            next: place,
            ..nothing()
        };
        let mut bytes = 0;
        let newer = self.rotated.iter().filter(|one| one.at > place.after);
        let newer: Vec<_> = newer.map(|one| (one.path.clone(), one.at)).collect();
        let mut parts = newer.into_iter().map(|(path, at)| open_rotated(path, at));
        let mut current = self.current.take();
        loop {
            let part = match parts.next() {
                Some(part) => part?,
                None => match current.take() {
                    Some(file) => open_current(file)?,
                    None => return Ok(answer),
                },
            };
            let begin = begin_of(&part.text, answer.next.offset);
            for (end, line) in lines_from(&part.text, begin) {
                if answer.lines.len() >= LINES_MAX || bytes >= BYTES_MAX {
                    answer.has_more = true;
                    return Ok(answer);
                }
                answer.next.offset = end;
                if let Some(line) = wanted(line, question) {
                    bytes += line.text.len();
                    answer.lines.push(line);
                }
            }
            if let Some(stamp) = part.stamp {
                answer.next = LogPlace {
                    after: stamp,
                    offset: 0,
                };
            }
        }
    }

    /// The newest lines.
    fn newest(mut self, count: usize, question: &LogQuestion) -> io::Result<LogAnswer> {
        let count = count.min(LINES_MAX);
        let mut next = LogPlace {
            after: stamp(&self.rotated),
            offset: 0,
        };
        let mut found = Vec::new();
        let mut bytes = 0;
        if let Some(file) = self.current.take() {
            let part = open_current(file)?;
            next.offset = memchr::memrchr(b'\n', &part.text).map_or(0, |end| end as u64 + 1);
            take_newest(&part, count, question, &mut found, &mut bytes);
        }
        for one in self.rotated.iter().rev() {
            let is_older = question
                .since_ms
                .is_some_and(|since| one.at < since.div_euclid(1_000));
            if found.len() >= count || bytes >= BYTES_MAX || is_older {
                break;
            }
            let part = open_rotated(one.path.clone(), one.at)?;
            take_newest(&part, count, question, &mut found, &mut bytes);
        }
        found.reverse();
        Ok(LogAnswer {
            lines: found,
            next,
            has_more: false,
        })
    }
}

/// Adds the newest lines of a part, the newest first.
fn take_newest(
    part: &Part,
    count: usize,
    question: &LogQuestion,
    found: &mut Vec<LogLine>,
    bytes: &mut usize,
) {
    let lines: Vec<_> = lines_from(&part.text, 0).collect();
    for (_, line) in lines.into_iter().rev() {
        if found.len() >= count || *bytes >= BYTES_MAX {
            return;
        }
        if let Some(line) = wanted(line, question) {
            *bytes += line.text.len();
            found.push(line);
        }
    }
}

/// What the log was moved to, each moment once.
fn list(log: &Path) -> io::Result<Vec<Rotated>> {
    let mut all = rotated::list(log)?;
    all.retain(|one| one.state != State::Unfinished);
    // A plain file stands before its compressed one, which is whole as soon as it has its name.
    all.reverse();
    all.dedup_by_key(|one| one.at);
    all.reverse();
    Ok(all)
}

fn stamp(rotated: &[Rotated]) -> i64 {
    rotated.last().map_or(0, |newest| newest.at)
}

fn open_rotated(path: PathBuf, at: i64) -> io::Result<Part> {
    let file = folder::options().read(true).open(&path)?;
    let mut text = Vec::new();
    let is_compressed = path.extension().is_some_and(|extension| extension == "gz");
    if is_compressed {
        let decoder = MultiGzDecoder::new(file);
        decoder.take(READ_BYTES_MAX).read_to_end(&mut text)?;
    } else {
        file.take(READ_BYTES_MAX).read_to_end(&mut text)?;
    }
    Ok(Part {
        stamp: Some(at),
        text,
    })
}

fn open_current(file: File) -> io::Result<Part> {
    let mut text = Vec::new();
    file.take(READ_BYTES_MAX).read_to_end(&mut text)?;
    Ok(Part { stamp: None, text })
}

/// Where to begin: at the offset, if a line begins there; else the file is another one than it was.
fn begin_of(text: &[u8], offset: u64) -> usize {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let is_begin = offset > 0 && text.get(offset - 1) == Some(&b'\n');
    if is_begin { offset } else { 0 }
}

/// Whole lines from an offset on, each with the offset of its end.
fn lines_from(text: &[u8], begin: usize) -> impl Iterator<Item = (u64, &[u8])> {
    let mut begin = begin;
    std::iter::from_fn(move || {
        let rest = text.get(begin..)?;
        let end = memchr::memchr(b'\n', rest)?;
        begin += end + 1;
        Some((begin as u64, &rest[..end]))
    })
}

/// The line, if it is asked for; one that is none of ours is not.
fn wanted(line: &[u8], question: &LogQuestion) -> Option<LogLine> {
    let line = str::from_utf8(line).ok()?;
    let (time, rest) = line.split_once(' ')?;
    let (instance, text) = rest.split_once(' ')?;
    let is_of = |process: &str| {
        let rest = instance.strip_prefix(process);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if !question.process.as_deref().is_none_or(is_of) {
        return None;
    }
    let at_ms = clock::parse_rfc3339_milliseconds(time)?;
    let is_new = question.since_ms.is_none_or(|since| at_ms >= since);
    is_new.then(|| LogLine {
        at_ms,
        instance: Arc::from(instance),
        launch: None,
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests;
